"""Hooks get events of calls, retries and jobs, and do not change them."""

from __future__ import annotations

import asyncio
import copy
import io
import logging
import pickle
import time
from contextvars import ContextVar

import pytest

from heygen_async import (
    ConfigurationError,
    ConnectionFailed,
    HeyGen,
    Hooks,
    JobEvent,
    JobFailed,
    NotFound,
    RateLimited,
    RequestEvent,
    Retry,
    RetryEvent,
    TransferError,
    Video,
    VideoAgentRequest,
    VideoTranslationRequest,
)
from heygen_async.models.sources import AssetUrl
from heygen_async.sandbox import Fault, Sandbox

from .wire import answering, client, raw_server, video

pytestmark = pytest.mark.anyio


class Notes:
    """Hooks that record their events."""

    def __init__(self) -> None:
        self.requests: list[RequestEvent] = []
        self.retries: list[RetryEvent] = []
        self.jobs: list[JobEvent] = []
        self.hooks = Hooks(
            on_request=self.requests.append,
            on_retry=self.retries.append,
            on_job=self.jobs.append,
        )


@pytest.fixture
def notes(heygen: HeyGen) -> Notes:
    notes = Notes()
    heygen.add_hooks(notes.hooks)
    return notes


async def test_an_empty_request_id_hides_no_other() -> None:
    notes = Notes()
    answer = (
        b"HTTP/1.1 200 OK\r\nx-amzn-requestid:\r\nx-request-id: r-\xff7\r\n"
        b'Content-Length: 42\r\n\r\n{"data": {"id": "v", "status": "waiting"}}'
    )
    async with (
        raw_server(answering(answer)) as server,
        HeyGen("sk_V2_a_key_of_tests", base_url=server.base_url, hooks=notes.hooks) as heygen,
    ):
        await heygen.videos.get("v")
    assert [event.request_id for event in notes.requests] == ["r-?7"]


async def test_a_call_is_told_of_when_it_has_ended(heygen: HeyGen, notes: Notes) -> None:
    before = time.time()
    await heygen.voices.list(limit=3).first_page()
    (event,) = notes.requests
    assert (event.operation, event.method, event.status) == ("voices.list", "GET", 200)
    assert event.path == event.template == "/v3/voices"
    assert (event.attempts, event.error, event.retries) == (1, None, ())
    assert before <= event.began <= time.time()
    assert 0 <= event.last_seconds <= event.seconds
    assert not notes.retries
    assert not notes.jobs


async def test_a_retry_is_told_of_before_its_wait(
    sandbox: Sandbox, heygen: HeyGen, notes: Notes
) -> None:
    sandbox.faults.add("videos.get", Fault.status(503, retry_after=20))
    sandbox.faults.add("videos.get", Fault.drop())
    with pytest.raises(NotFound) as caught:
        await heygen.videos.get("abc")
    (event,) = notes.requests
    assert event.retries == tuple(notes.retries)
    first, second = notes.retries
    assert (first.attempt, first.status, first.error.attempts) == (1, 503, 1)
    assert (first.operation, first.path) == ("videos.get", "/v3/videos/abc")
    assert first.template == "/v3/videos/{video_id}"
    assert first.wait >= 20
    assert (second.attempt, second.status) == (2, None)
    assert isinstance(second.error, ConnectionFailed)
    assert second.at - first.at >= 20
    assert event.error is caught.value
    assert (event.status, event.attempts) == (404, 3)
    assert event.seconds >= first.wait + second.wait
    assert event.last_seconds < 5


async def test_no_retry_is_told_of_that_does_not_come(sandbox: Sandbox) -> None:
    sandbox.faults.add("*", Fault.status(429, retry_after=700), times=None)
    notes = Notes()
    async with client(sandbox, hooks=notes.hooks, retry=Retry(patience=300)) as heygen:
        with pytest.raises(RateLimited):
            await heygen.users.me()
        with pytest.raises(RateLimited):
            await heygen.users.me()  # not even sent: the gate is closed for too long
    assert not notes.retries
    assert [(event.status, event.attempts) for event in notes.requests] == [(429, 1), (None, 0)]


async def test_a_cancelled_call_is_told_of(sandbox: Sandbox, heygen: HeyGen, notes: Notes) -> None:
    sandbox.faults.add("users.me", Fault.delay(20))
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(5):
            await heygen.users.me()
    (event,) = notes.requests
    assert isinstance(event.error, asyncio.CancelledError)
    assert event.seconds == pytest.approx(5, abs=0.1)
    assert event.last_seconds == pytest.approx(5, abs=0.1)


async def test_what_the_client_does_not_know_has_no_template(heygen: HeyGen, notes: Notes) -> None:
    await heygen.request("GET", "/v3/voices", query={"limit": 1})
    (event,) = notes.requests
    assert (event.operation, event.template) == ("GET /v3/voices", None)
    assert event.path == "/v3/voices"


async def test_a_job_from_its_submission_to_its_download(
    sandbox: Sandbox, heygen: HeyGen, notes: Notes
) -> None:
    request = video(sandbox)
    job = await heygen.videos.create(request)
    result = await job.wait()
    size = await heygen.download(result, io.BytesIO())
    submitted, settled, downloaded = notes.jobs
    assert {(event.kind, event.id) for event in notes.jobs} == {("video", job.id)}
    assert (submitted.stage, submitted.state, submitted.request) == ("submitted", None, request)
    assert (settled.stage, settled.state, settled.result) == ("settled", "completed", result)
    assert 100 <= settled.seconds < 130
    assert (downloaded.stage, downloaded.size, downloaded.result) == ("downloaded", size, result)
    assert {event.error for event in notes.jobs} == {None}


async def test_a_job_that_fails(sandbox: Sandbox, heygen: HeyGen, notes: Notes) -> None:
    sandbox.fail_next("video")
    job = await heygen.videos.create(video(sandbox))
    with pytest.raises(JobFailed) as caught:
        await job.wait()
    _, settled = notes.jobs
    assert settled.state == "failed"
    assert isinstance(settled.error, JobFailed)
    assert (str(settled.error), settled.error.code) == (str(caught.value), caught.value.code)


async def test_a_download_that_fails(sandbox: Sandbox, heygen: HeyGen, notes: Notes) -> None:
    result = await (await heygen.videos.create(video(sandbox))).wait()
    sandbox.faults.add("media", Fault.status(400, body="empty"), times=None)
    with pytest.raises(TransferError) as caught:
        await heygen.download(result, io.BytesIO())
    assert notes.jobs[-1].stage == "downloaded"
    assert notes.jobs[-1].error is caught.value
    assert notes.jobs[-1].size is None


async def test_jobs_of_all_ways_to_submit_are_told_of(
    sandbox: Sandbox, heygen: HeyGen, notes: Notes
) -> None:
    agent = await heygen.video_agents.create(VideoAgentRequest(prompt="A teaser"))
    batch = await heygen.videos.batches.create([video(sandbox)])
    source = AssetUrl(url="https://example.com/launch.mp4")
    languages = ["French (France)", "German (Germany)"]
    french, german = await heygen.video_translations.create(
        VideoTranslationRequest(video=source, output_languages=languages)
    )
    assert [(event.kind, event.id) for event in notes.jobs] == [
        ("video_agent_session", agent.id),
        ("video_batch", batch.id),
        ("video_translation", french.id),
        ("video_translation", german.id),
    ]


async def test_an_attached_job_counts_from_its_first_wait(
    sandbox: Sandbox, heygen: HeyGen, notes: Notes
) -> None:
    async with client(sandbox) as other:
        job = await other.videos.create(video(sandbox))
    await asyncio.sleep(60)
    await heygen.jobs.attach(Video, job.id).wait()
    (settled,) = notes.jobs
    assert 40 <= settled.seconds < 70  # the sandbox takes 100


async def test_a_hook_that_raises_is_logged_and_changes_nothing(
    sandbox: Sandbox, heygen: HeyGen, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(event: object) -> None:
        raise ZeroDivisionError

    notes = Notes()
    heygen.add_hooks(Hooks(on_request=fail, on_retry=fail, on_job=fail))
    heygen.add_hooks(notes.hooks)
    sandbox.faults.add("videos.create", Fault.status(500))
    assert (await (await heygen.videos.create(video(sandbox))).wait()).status == "completed"
    assert len(notes.retries) == 1
    assert [event.stage for event in notes.jobs] == ["submitted", "settled"]
    logged = [record for record in caplog.records if record.name == "heygen_async.hooks"]
    assert {record.getMessage() for record in logged} == {
        "a hook raised an exception on a RequestEvent",
        "a hook raised an exception on a RetryEvent",
        "a hook raised an exception on a JobEvent",
    }
    assert all(record.levelno == logging.ERROR and record.exc_info for record in logged)


async def test_hooks_run_in_the_context_of_the_caller(heygen: HeyGen) -> None:
    who: ContextVar[str] = ContextVar("who", default="nobody")
    seen: list[str] = []
    heygen.add_hooks(Hooks(on_request=lambda _: seen.append(who.get())))

    async def call(name: str) -> None:
        who.set(name)
        await heygen.users.me()

    await asyncio.gather(*(asyncio.create_task(call(name)) for name in ("Ada", "Bob")))
    assert sorted(seen) == ["Ada", "Bob"]


async def test_pickles_and_deep_copies_are_without_hooks(sandbox: Sandbox) -> None:
    notes = Notes()
    hooks = Hooks(on_request=lambda event: notes.requests.append(event))  # does not pickle
    async with client(sandbox, hooks=hooks, retry=Retry(attempts=2)) as heygen:
        job = await copy.deepcopy(heygen).videos.create(video(sandbox))
        for twin in (pickle.loads(pickle.dumps(heygen)), copy.deepcopy(heygen)):
            async with twin:
                await twin.users.me()
        assert (await job.wait()).status == "completed"
        assert not notes.requests
        await copy.copy(heygen).users.me()  # which shares everything with the client
    assert len(notes.requests) == 1


async def _later(event: object) -> None: ...


class _Later:
    async def __call__(self, event: object) -> None: ...


@pytest.mark.parametrize("hook", [_later, _Later(), "print"])
def test_what_is_no_hook_is_refused(hook: object) -> None:
    with pytest.raises(ConfigurationError, match="on_retry: expected a function"):
        Hooks(on_retry=hook)  # type: ignore[arg-type]
