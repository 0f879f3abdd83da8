"""The client itself: settings, opening and closing, pickling, sharing, downloads."""

from __future__ import annotations

import asyncio
import gc
import io
import pickle
import socket
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from heygen_async import (
    AuthenticationError,
    AvatarVideoRequest,
    ConfigurationError,
    HeyGen,
    InvalidRequest,
    Job,
    JobError,
    JobSlots,
    Lipsync,
    RequestLimiter,
    RequestTimeout,
    Retry,
    TemplateRenderRequest,
    TextVariable,
    Timeout,
    TransferError,
    User,
    Video,
    VideoTranslation,
)
from heygen_async.models.outputs import Output
from heygen_async.sandbox import Fault, Sandbox
from heygen_async.sandbox.turned_loop import TurnedEventLoop

KEY = "sk_V2_very_secret"
LOOPBACK = "http://127.0.0.1:9"

pytestmark = pytest.mark.sandbox(durations={"video": 100.0}, api_keys=[KEY])
on_the_turned_loop = pytest.mark.anyio


def _video(sandbox: Sandbox) -> AvatarVideoRequest:
    return AvatarVideoRequest(avatar_id=sandbox.avatar_id, script="Hello there.")


def _open_sessions() -> set[int]:
    sessions = (one for one in gc.get_objects() if isinstance(one, aiohttp.ClientSession))
    return {id(session) for session in sessions if not session.closed}


def _run(main: Any) -> Any:
    with asyncio.Runner(loop_factory=TurnedEventLoop) as runner:
        return runner.run(main)


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({}, "No API key: set the environment variable HEYGEN_API_KEY or pass"),
        ({"api_key": ""}, "No API key"),
        ({"api_key": KEY, "token": "t"}, "not both"),
        ({"api_key": "a\nb"}, "api_key: expected printable ASCII"),
        ({"token": "ä"}, "token: expected printable ASCII"),
        ({"api_key": KEY, "base_url": "http://api.heygen.com"}, "in the clear"),
        ({"api_key": KEY, "base_url": "api.heygen.com"}, "expected scheme and host"),
        ({"api_key": KEY, "base_url": "https://me:pw@api.heygen.com"}, "without credentials"),
        ({"api_key": KEY, "timeout": 0}, "timeout.read: expected seconds > 0"),
        ({"api_key": KEY, "retry": 0}, "retry.attempts: expected 1 or more"),
        ({"api_key": KEY, "requests": 0}, "requests: expected in_flight >= 1"),
        ({"api_key": KEY, "jobs": 0}, "jobs: expected a ceiling >= 1"),
        ({"api_key": KEY, "expected": {"video": 0}}, "expected.video: expected seconds > 0"),
        ({"api_key": KEY, "expected": {"videos": 9}}, "'videos' is not a kind of job; kinds are "),
    ],
)
def test_settings_that_cannot_work_say_what_to_change(
    settings: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(ConfigurationError) as caught:
        HeyGen(**settings)
    assert sentence in str(caught.value)
    assert KEY not in str(caught.value)
    assert "pw" not in str(caught.value)


def test_the_environment_fills_the_gaps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEYGEN_API_KEY", KEY)
    assert repr(HeyGen()) == "HeyGen(base_url='https://api.heygen.com')"
    monkeypatch.setenv("HEYGEN_API_BASE", "http://localhost:1234/")
    assert repr(HeyGen()) == "HeyGen(base_url='http://localhost:1234')"
    assert repr(HeyGen(base_url=LOOPBACK)) == f"HeyGen(base_url={LOOPBACK!r})"
    monkeypatch.setenv("HEYGEN_API_BASE", "http://api.heygen.com")
    with pytest.raises(ConfigurationError):
        HeyGen()


@on_the_turned_loop
async def test_an_argument_beats_the_environment(
    monkeypatch: pytest.MonkeyPatch, sandbox: Sandbox
) -> None:
    monkeypatch.setenv("HEYGEN_API_KEY", "sk_another")
    monkeypatch.setenv("HEYGEN_API_BASE", sandbox.base_url)
    async with HeyGen() as heygen:
        with pytest.raises(AuthenticationError):
            await heygen.users.me()
    async with HeyGen(KEY) as heygen:
        await heygen.users.me()
    async with HeyGen(token=KEY) as heygen:
        await heygen.users.me()


@on_the_turned_loop
async def test_a_number_is_the_timeout_of_every_call(sandbox: Sandbox) -> None:
    loop = asyncio.get_running_loop()
    sandbox.faults.add("users.me", Fault.delay(60), times=None)
    for timeout in (7, Timeout(read=7)):
        started = loop.time()
        async with HeyGen(KEY, base_url=sandbox.base_url, timeout=timeout, retry=1) as heygen:
            with pytest.raises(RequestTimeout):
                await heygen.users.me()
        assert loop.time() - started == pytest.approx(7, abs=0.5)


@on_the_turned_loop
async def test_traffic_is_counted(heygen: HeyGen, sandbox: Sandbox) -> None:
    sandbox.faults.add("users.me", Fault.status(429, retry_after=1))
    await heygen.users.me()
    traffic = heygen.traffic
    assert (traffic.requests, traffic.retries, traffic.rate_limited) == (2, 1, 1)


@on_the_turned_loop
async def test_nothing_that_is_printed_holds_the_key(heygen: HeyGen, sandbox: Sandbox) -> None:
    job = await heygen.videos.create(_video(sandbox))
    printed = [heygen, *vars(heygen).values(), heygen.slots, job]
    assert KEY not in " ".join(map(repr, printed))


@on_the_turned_loop
async def test_a_client_closes_often_and_opens_again(sandbox: Sandbox) -> None:
    heygen = HeyGen(KEY, base_url=sandbox.base_url)
    await heygen.aclose()
    await heygen.users.me()
    await heygen.aclose()
    await heygen.aclose()
    assert (await heygen.users.me()).username
    job = await heygen.videos.create(_video(sandbox))
    assert (await job.wait()).status == "completed"
    await heygen.aclose()


@on_the_turned_loop
async def test_who_waits_when_the_client_closes_is_told(heygen: HeyGen, sandbox: Sandbox) -> None:
    job = await heygen.videos.create(_video(sandbox))
    waiting = asyncio.create_task(job.wait())
    await asyncio.sleep(1)
    await heygen.aclose()
    with pytest.raises(JobError, match="closed") as caught:
        await waiting
    assert caught.value.job_id == job.id
    assert (await job.wait()).id == job.id, "a later wait opens the client again"


@on_the_turned_loop
async def test_a_close_that_is_cancelled_still_closes_the_connections(sandbox: Sandbox) -> None:
    before = _open_sessions()
    heygen = HeyGen(KEY, base_url=sandbox.base_url)
    job = await heygen.videos.create(_video(sandbox))
    assert _open_sessions() != before
    waiting = asyncio.create_task(job.wait())
    await asyncio.sleep(1)
    closing = asyncio.create_task(heygen.aclose())
    await asyncio.sleep(0)
    closing.cancel()
    await asyncio.gather(closing, waiting, return_exceptions=True)
    assert closing.cancelled()
    assert _open_sessions() == before


def test_a_second_run_finds_the_client_fit(unused_port: int) -> None:
    heygen = HeyGen(KEY, base_url=f"http://127.0.0.1:{unused_port}")

    async def main() -> tuple[str, str]:
        async with Sandbox(speed=1, api_keys=[KEY], port=unused_port) as sandbox:
            user = await heygen.users.me()
            job = await heygen.videos.create(_video(sandbox))
            return user.username, (await job.wait()).status

    # Without aclose(): open connections end with the loop, without a warning.
    assert [_run(main())[1] for _ in range(3)] == ["completed"] * 3
    gc.collect()


@pytest.fixture
def unused_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@on_the_turned_loop
async def test_clients_pickle_with_their_settings(sandbox: Sandbox) -> None:
    limiter = RequestLimiter(3, per_second=4)
    heygen = HeyGen(
        KEY,
        base_url=sandbox.base_url,
        timeout=Timeout(read=7),
        retry=Retry(attempts=2),
        requests=limiter,
        jobs=JobSlots(9),
        expected={"video": 50},
    )
    job = await heygen.videos.create(_video(sandbox))
    again: HeyGen
    again_job: Job[Video]
    again_limiter: RequestLimiter
    again, again_job, again_limiter = pickle.loads(pickle.dumps((heygen, job, limiter)))
    assert again.slots.ceiling == 9
    assert (again_limiter.in_flight, again_limiter.per_second) == (3, 4)
    assert (await again_job.wait()).id == job.id
    assert (await again.users.me()).username
    sandbox.faults.add("users.me", Fault.delay(60), times=2)
    call = asyncio.create_task(again.users.me())
    await asyncio.sleep(1)
    assert (again_limiter.in_use, limiter.in_use) == (1, 0)
    with pytest.raises(RequestTimeout, match="within 7 s") as caught:
        await call
    assert caught.value.attempts == 2
    await again.aclose()
    await heygen.aclose()


@on_the_turned_loop
async def test_clients_pickle_with_what_they_expect(sandbox: Sandbox) -> None:
    looks: list[int] = []
    for expected in ({"video": 100.0}, {"video": 5.0}):
        async with HeyGen(KEY, base_url=sandbox.base_url, expected=expected) as heygen:
            twin: HeyGen = pickle.loads(pickle.dumps(heygen))
            async with twin:
                for client in (heygen, twin):
                    before = client.traffic.requests
                    await (await client.videos.create(_video(sandbox))).wait()
                    looks.append(client.traffic.requests - before)
    assert looks[0] == looks[1]
    assert looks[2] == looks[3]
    assert looks[1] < looks[3]


@on_the_turned_loop
async def test_clients_that_share_limiters_share_them_after_pickling(sandbox: Sandbox) -> None:
    limiter, slots = RequestLimiter(3), JobSlots(4)
    pair = [HeyGen(KEY, base_url=sandbox.base_url, requests=limiter, jobs=slots) for _ in range(2)]
    (one, other), shared = pickle.loads(pickle.dumps((pair, limiter)))
    assert one.slots is other.slots
    assert one.slots is not slots
    sandbox.faults.add("users.me", Fault.delay(5), times=2)
    async with one, other:
        calls = [asyncio.create_task(client.users.me()) for client in (one, other)]
        await asyncio.sleep(1)
        assert (shared.in_use, limiter.in_use) == (2, 0)
        await asyncio.gather(*calls)


@on_the_turned_loop
async def test_clients_share_a_request_limiter(sandbox: Sandbox) -> None:
    loop = asyncio.get_running_loop()
    limiter = RequestLimiter(per_second=1, burst=1)
    clients = [HeyGen(KEY, base_url=sandbox.base_url, requests=limiter) for _ in range(3)]
    started = loop.time()
    await asyncio.gather(*(client.users.me() for client in clients for _ in range(3)))
    assert loop.time() - started == pytest.approx(8, abs=0.1)
    for client in clients:
        await client.aclose()
    assert limiter.in_use == 0


@on_the_turned_loop
async def test_clients_share_job_slots(sandbox: Sandbox) -> None:
    slots = JobSlots(1)
    clients = [HeyGen(KEY, base_url=sandbox.base_url, jobs=slots) for _ in range(2)]
    assert all(client.slots is slots for client in clients)
    slot = await clients[0].slots.acquire()
    waiting = asyncio.create_task(clients[1].slots.acquire())
    await asyncio.sleep(1)
    assert not waiting.done()
    slot.release()
    (await waiting).release()
    for client in clients:
        await client.aclose()


@on_the_turned_loop
async def test_a_pause_of_one_client_holds_those_back_that_share_its_limiter(
    sandbox: Sandbox,
) -> None:
    loop = asyncio.get_running_loop()
    limiter = RequestLimiter()
    one, other = (HeyGen(KEY, base_url=sandbox.base_url, requests=limiter) for _ in range(2))
    sandbox.faults.add("users.me", Fault.status(429, retry_after=40))
    first = asyncio.create_task(one.users.me())
    await asyncio.sleep(1)
    await other.users.me()
    assert loop.time() >= 40
    await first
    await one.aclose()
    await other.aclose()


@on_the_turned_loop
async def test_a_subclass_stays_one_in_its_context(sandbox: Sandbox) -> None:
    class Mine(HeyGen):
        async def name(self) -> str:
            user: User = await self.users.me()
            return user.username

    async with Mine(KEY, base_url=sandbox.base_url) as mine:
        assert await mine.name()


@on_the_turned_loop
async def test_download_takes_a_url_or_the_thing_itself(
    heygen: HeyGen, sandbox: Sandbox, tmp_path: Path
) -> None:
    video = await (await heygen.videos.create(_video(sandbox))).wait()
    assert video.video_url is not None
    size = await heygen.download(video, tmp_path / "video.mp4")
    assert size == (tmp_path / "video.mp4").stat().st_size
    content = io.BytesIO()
    assert await heygen.download(video.video_url, content) == size
    assert content.getvalue() == (tmp_path / "video.mp4").read_bytes()
    assert sandbox.leaks == 0


@on_the_turned_loop
async def test_download_signs_a_stale_url_anew(heygen: HeyGen, sandbox: Sandbox) -> None:
    video = await (await heygen.videos.create(_video(sandbox))).wait()
    assert video.video_url is not None
    sandbox.clock.advance(8 * 86_400)
    with pytest.raises(TransferError):
        await heygen.download(video.video_url, io.BytesIO())
    assert await heygen.download(video, io.BytesIO()) > 0


@on_the_turned_loop
async def test_download_of_a_dub_without_pictures_is_its_audio(
    heygen: HeyGen, sandbox: Sandbox
) -> None:
    speaking = sandbox.voice_id
    detail = await heygen.voices.get(speaking)
    dub = VideoTranslation(id="x-fr", status="completed", audio_url=detail.preview_audio_url)
    content = io.BytesIO()
    assert await heygen.download(dub, content) > 0
    assert content.getvalue().startswith(b"RIFF")
    fresh = f'{{"data": {{"id": "x-fr", "status": "completed", "audio_url": "{dub.audio_url}"}}}}'
    sandbox.faults.add("video_translations.get", Fault.body(fresh.encode()))
    sandbox.faults.add("media", Fault.status(403, body="empty"))
    assert await heygen.download(dub, io.BytesIO()) == len(content.getvalue())


@on_the_turned_loop
async def test_download_of_what_is_not_there_yet(heygen: HeyGen, sandbox: Sandbox) -> None:
    job = await heygen.videos.create(_video(sandbox))
    with pytest.raises(InvalidRequest, match="has no media URL") as caught:
        await heygen.download(await job.status(), io.BytesIO())
    assert caught.value.param == "source"


STARTS: dict[Output, bytes] = {
    "video": b"\0\0\0",
    "captioned": b"\0\0\0",
    "subtitles": b"1\n00:",
    "thumbnail": b"\x89PNG",
    "gif": b"GIF8",
    "audio": b"RIFF",
}


@on_the_turned_loop
async def test_download_of_each_file_of_a_video(
    heygen: HeyGen, sandbox: Sandbox, tmp_path: Path
) -> None:
    request = TemplateRenderRequest(
        variables={"name": TextVariable(content="Ada")}, caption=True, include_gif=True
    )
    template = sandbox.add_template()
    video = await (await heygen.templates.generate(template, request)).wait()
    files: tuple[Output, ...] = ("video", "captioned", "subtitles", "thumbnail", "gif")
    for what in files:
        await heygen.download(video, tmp_path / what, what=what)
        assert (tmp_path / what).read_bytes().startswith(STARTS[what])
    sandbox.clock.advance(8 * 86_400)
    assert await heygen.download(video, tmp_path / "late", what="thumbnail") > 0
    assert (tmp_path / "late").read_bytes().startswith(b"\x89PNG")


@on_the_turned_loop
@pytest.mark.parametrize(
    ("result", "what", "says"),
    [
        (
            Lipsync(id="l1", status="completed"),
            "gif",
            "a Lipsync has no file 'gif', only video",
        ),
        (
            Video(id="v1", status="completed"),
            "audio",
            "a Video has no file 'audio', only video, ",
        ),
        (
            Video(id="v1", status="completed", video_url="https://x.io/a.mp4"),
            "captioned",
            "Video v1 is completed and has no file 'captioned'; it has video",
        ),
        (
            Video(id="v1", status="processing"),
            "video",
            "Video v1 is processing and has no file",
        ),
        (Video(id="v1", status="completed"), "subs", "what: expected one of video, captioned, "),
        ("https://x.io/a.mp4", "video", "what: cannot be combined with a URL"),
    ],
)
async def test_download_of_a_file_that_is_not_there(result: Any, what: Any, says: str) -> None:
    heygen = HeyGen(KEY)
    with pytest.raises(InvalidRequest, match=says) as caught:
        await heygen.download(result, io.BytesIO(), what=what)
    assert caught.value.param == "what"
    assert result == "https://x.io/a.mp4" or "x.io" not in str(caught.value)
