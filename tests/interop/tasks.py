"""Tasks for other processes, and the use of their results."""

from __future__ import annotations

import asyncio

from heygen_async import AvatarVideoRequest, HeyGen, Job, NotFound, Video
from heygen_async.sandbox import Sandbox


def submit(heygen: HeyGen, avatar_id: str, script: str) -> Job[Video]:
    """In another process: start a video, and hand its job back."""

    async def main() -> Job[Video]:
        async with heygen:
            return await heygen.videos.create(
                AvatarVideoRequest(avatar_id=avatar_id, script=script), idempotency_key=script
            )

    return asyncio.run(main())


def look_for_nothing(heygen: HeyGen) -> Video:
    """In another process: fail."""

    async def main() -> Video:
        async with heygen:
            return await heygen.videos.get("nothing")

    return asyncio.run(main())


def check_error(error: BaseException) -> None:
    """The error came here as it was there."""
    assert isinstance(error, NotFound)
    assert (error.status, error.method, error.path) == (404, "GET", "/v3/videos/nothing")


def check_jobs(sandbox: Sandbox, jobs: list[Job[Video]]) -> None:
    """They can be waited for here, with the clients that came along."""

    async def main() -> list[Video]:
        return await asyncio.gather(*(job.wait(30) for job in jobs))

    videos = asyncio.run(main())
    assert [video.status for video in videos] == ["completed"] * len(jobs)
    assert sorted(video.id for video in videos) == sorted(job.id for job in sandbox.ledger.jobs)


def client(sandbox: Sandbox) -> HeyGen:
    return HeyGen(sandbox.api_key, base_url=sandbox.base_url, expected={"video": 0.1})
