"""Deliveries of the sandbox that are duplicated, late, reordered and partly lost."""

from __future__ import annotations

import asyncio
from collections import Counter

import pytest

from heygen_async import (
    AssetUrl,
    HeyGen,
    Job,
    Video,
    VideoTranslation,
    VideoTranslationRequest,
    WebhookReceiver,
)
from heygen_async.sandbox import Faults, Sandbox
from heygen_async.webhooks import AvatarVideoSuccess, VideoTranslateSuccess

from .conftest import listening_at, video_request

pytestmark = pytest.mark.anyio


async def test_each_job_is_settled_once_whatever_happens_on_the_way() -> None:
    faults = Faults(duplicate=0.33, reorder=0.3, lose=0.1, delay=(0.0, 5.0))
    sandbox = Sandbox(speed=1, concurrency=5_000, faults=faults, seed=3)
    async with sandbox, HeyGen(sandbox.api_key, base_url=sandbox.base_url) as heygen:
        sandbox.deliveries.older = 0.2
        receiver = WebhookReceiver(heygen)
        settled = Counter[str]()

        @receiver.on(AvatarVideoSuccess)
        async def video_done(event: AvatarVideoSuccess) -> None:
            settled[event.event_data.video_id] += 1

        @receiver.on(VideoTranslateSuccess)
        async def translation_done(event: VideoTranslateSuccess) -> None:
            settled[event.event_data.video_translate_id] += 1

        async with listening_at(receiver) as url:
            await receiver.ensure_registered(url)
            videos = [await heygen.videos.create(video_request(sandbox, url)) for _ in range(150)]
            source = AssetUrl(url="https://files.example/launch.mp4")
            translations = [
                job
                for _ in range(30)
                for job in await heygen.video_translations.create(
                    VideoTranslationRequest(
                        video=source, output_languages=["French (France)", "Spanish (Spain)"]
                    )
                )
            ]
            results: list[Video | VideoTranslation] = []
            results += await asyncio.gather(*(job.wait() for job in videos))
            results += await asyncio.gather(*(job.wait() for job in translations))
            await asyncio.sleep(120)  # let the stragglers come
            await sandbox.deliveries.settled()
        ids = {job.id for job in videos} | {job.id for job in translations}
        assert {result.id for result in results} == ids
        assert settled.keys() <= ids
        assert set(settled.values()) == {1}
        assert len(settled) > 0.8 * len(ids)
        assert receiver.counts.duplicates > 50
        assert receiver.counts.callbacks > 100
        assert receiver.counts.refused == 0


async def test_a_handler_may_ask_for_what_its_event_is_about(
    sandbox: Sandbox, heygen: HeyGen
) -> None:
    receiver = WebhookReceiver(heygen)
    durations: list[float | None] = []

    @receiver.on(AvatarVideoSuccess)
    async def look(event: AvatarVideoSuccess) -> None:
        video = await heygen.videos.get(event.event_data.video_id)
        durations.append(video.duration)

    async with listening_at(receiver) as url:
        await receiver.ensure_registered(url)
        await heygen.videos.create(video_request(sandbox))
        await asyncio.sleep(101)
        await sandbox.deliveries.settled()
    assert len(durations) == 1
    assert durations[0]


#: Each alone, with how many of 100 deliveries get through, and seconds after which jobs are known.
ON_THE_WAY = {
    "duplicate": (Faults(duplicate=1.0), 200, 1.0),
    "lose": (Faults(lose=0.5), 50, 61.0),
    "reorder": (Faults(reorder=1.0), 100, 61.0),
    "delay": (Faults(delay=(20.0, 40.0)), 100, 41.0),
}


@pytest.mark.parametrize(("faults", "arrive", "late"), ON_THE_WAY.values(), ids=ON_THE_WAY)
async def test_jobs_survive_each_fault_of_deliveries(
    faults: Faults, arrive: int, late: float
) -> None:
    sandbox = Sandbox(speed=1, concurrency=200, faults=faults)  # durations that differ
    async with sandbox, HeyGen(sandbox.api_key, base_url=sandbox.base_url) as heygen:
        receiver = WebhookReceiver(heygen)
        settled = Counter[str]()

        @receiver.on(AvatarVideoSuccess)
        async def done(event: AvatarVideoSuccess) -> None:
            settled[event.event_data.video_id] += 1

        async with listening_at(receiver) as url:
            await receiver.ensure_registered(url)
            jobs = [await heygen.videos.create(video_request(sandbox)) for _ in range(100)]

            async def delay(job: Job[Video]) -> float:
                """How much later than it ended that was known."""
                completed_at = (await job.wait()).completed_at
                assert completed_at is not None
                return sandbox.clock.now() - (completed_at - sandbox.clock.epoch)

            delays = await asyncio.gather(*(delay(job) for job in jobs))
            await asyncio.sleep(120)  # let the stragglers come
            await sandbox.deliveries.settled()
        delivered = sum(record.status == 200 for record in sandbox.deliveries.records)
        assert delivered == pytest.approx(arrive, abs=15 if faults.lose else 0)
        assert max(delays) < late
        assert set(settled.values()) == {1}  # whatever comes twice is worked on once
        assert settled.keys() <= {job.id for job in jobs}
        assert len(settled) == min(delivered, 100)
        assert receiver.counts.duplicates == delivered - len(settled)
