"""Each failure of a call has the right outcome, and there are as many jobs as calls."""

from __future__ import annotations

import asyncio
import time
from email.utils import formatdate
from typing import Any

import pytest

from heygen_async import HeyGen
from heygen_async.errors import (
    APIError,
    BadRequest,
    Conflict,
    ConnectionFailed,
    InvalidResponse,
    NotFound,
    PaymentRequired,
    QuotaExceeded,
    RequestTimeout,
    ServerError,
    TransportError,
)
from heygen_async.sandbox import Fault, Sandbox
from heygen_async.session.endpoint import Endpoint
from heygen_async.session.settings import Retry, Timeout

from ..transfers_host import open_session
from .wire import client, video

pytestmark = pytest.mark.anyio

PASSING = {
    "dropped before the work": Fault.drop(),
    "dropped after the work": Fault.drop_answer(),
    "500 before the work": Fault.status(500),
    "500 after the work": Fault.status(500, work=True),
    "502 with HTML": Fault.status(502, body="html"),
    "502 with HTML after the work": Fault.status(502, body="html", work=True),
    "503 empty": Fault.status(503, body="empty"),
    "503 with Retry-After": Fault.status(503, retry_after=20),
    "504 late": Fault.delay(90, work=False),
    "429 with seconds": Fault.status(429, retry_after=7),
    "429 without": Fault.status(429),
    "429 with nonsense": Fault.status(429, retry_after="soon"),
    "429 from a gateway": Fault.status(429, body="html"),
    "cut short": Fault.truncate(),
    "malformed": Fault.malformed(),
    "empty 200": Fault.body(b""),
    "HTML 200": Fault.body(b"<html>", content_type="text/html"),
    "too slow": Fault.delay(130),
    "still in progress": Fault.status(409, code="request_in_progress"),
}


@pytest.mark.parametrize("name", PASSING)
async def test_a_submission_gets_through(sandbox: Sandbox, heygen: HeyGen, name: str) -> None:
    sandbox.faults.add("videos.create", PASSING[name], times=2)
    job = await heygen.videos.create(video(sandbox))
    assert sandbox.ledger.count() == 1
    assert sandbox.ledger.jobs[0].id == job.id
    assert sandbox.requests.by_operation["videos.create"] >= 3
    assert heygen.traffic.requests == sandbox.ledger.requests
    assert heygen.traffic.retries == heygen.traffic.requests - 1


@pytest.mark.parametrize("name", PASSING)
async def test_many_submissions_at_once(sandbox: Sandbox, name: str) -> None:
    sandbox.concurrency = 100
    sandbox.faults.add("videos.create", PASSING[name], rate=0.5, times=15)
    # So many attempts that not even bad luck uses them up.
    async with client(sandbox, retry=Retry(attempts=20, patience=10_000)) as heygen:
        jobs = await asyncio.gather(*(heygen.videos.create(video(sandbox)) for _ in range(20)))
    assert sandbox.ledger.count() == len({job.id for job in jobs}) == 20
    assert len(sandbox.faults.struck) >= 5


async def test_429_with_a_date(sandbox: Sandbox, heygen: HeyGen) -> None:
    date = formatdate(time.time() + 300, usegmt=True)
    sandbox.faults.add("videos.create", Fault.status(429, retry_after=date))
    await heygen.videos.create(video(sandbox))
    assert asyncio.get_running_loop().time() == pytest.approx(300, abs=5)
    assert sandbox.ledger.count() == 1


async def test_the_key_is_the_same_on_all_attempts(sandbox: Sandbox, heygen: HeyGen) -> None:
    sandbox.faults.add("videos.create", Fault.drop_answer(), times=3)
    await heygen.videos.create(video(sandbox))
    first = sandbox.ledger.jobs[0].idempotency_key
    await heygen.videos.create(video(sandbox))
    second = sandbox.ledger.jobs[1].idempotency_key
    assert first
    assert second
    assert first != second
    assert len(first) == 32
    await heygen.videos.create(video(sandbox), idempotency_key="row-7")
    again = await heygen.videos.create(video(sandbox), idempotency_key="row-7")
    assert sandbox.ledger.jobs[2].idempotency_key == "row-7"
    assert sandbox.ledger.count() == 3
    assert again.id == sandbox.ledger.jobs[2].id


@pytest.mark.parametrize("key", ["", "x" * 256, "a b", "ключ", "a/b"])
async def test_keys_the_api_would_refuse(sandbox: Sandbox, heygen: HeyGen, key: str) -> None:
    with pytest.raises(ValueError, match="idempotency_key"):
        await heygen.videos.create(video(sandbox), idempotency_key=key)
    assert sandbox.ledger.requests == 0


@pytest.mark.parametrize(
    ("fault", "error", "says"),
    [
        (Fault.drop(), ConnectionFailed, "the connection broke"),
        (Fault.truncate(), ConnectionFailed, "the connection broke"),
        (Fault.status(500), ServerError, "500 internal_error"),
        (Fault.status(502, body="html"), ServerError, "502 bad_gateway"),
        (Fault.status(503, body="empty"), ServerError, "503 service_unavailable"),
        (Fault.malformed(), InvalidResponse, "not JSON"),
        (Fault.delay(1000), RequestTimeout, "no answer within 120 s"),
    ],
)
async def test_what_lasts_is_told(
    sandbox: Sandbox, fault: Fault, error: type[Exception], says: str
) -> None:
    sandbox.faults.add("videos.create", fault, times=None)
    async with client(sandbox, retry=3) as heygen:
        with pytest.raises(error, match=says) as caught:
            await heygen.videos.create(video(sandbox))
    assert isinstance(caught.value, APIError | TransportError | InvalidResponse)
    assert (caught.value.method, caught.value.path) == ("POST", "/v3/videos")
    assert caught.value.attempts == sandbox.ledger.requests == 3
    assert sandbox.ledger.count() <= 1


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (Fault.status(429, code="quota_exceeded", retry_after=1), QuotaExceeded),
        (Fault.status(429, code="trial_video_limit_exceeded"), QuotaExceeded),
        (Fault.status(402), PaymentRequired),
        (Fault.status(409, code="conflict"), Conflict),
        (Fault.status(400), BadRequest),
        (Fault.status(404, body="empty"), NotFound),
        (Fault.status(501), ServerError),
        (Fault.body(b'{"data": {"video_id": 7}}'), InvalidResponse),
        (Fault.body(b'{"data": null, "error": {"code": "x", "message": "y"}}'), BadRequest),
        (Fault.body(b'{"code": 40001, "message": "y", "data": null}'), BadRequest),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
async def test_the_hopeless_is_not_repeated(
    sandbox: Sandbox, heygen: HeyGen, fault: Fault, error: type[APIError]
) -> None:
    sandbox.faults.add("videos.create", fault)
    with pytest.raises(error) as caught:
        await heygen.videos.create(video(sandbox))
    assert type(caught.value) is error
    assert caught.value.attempts == sandbox.ledger.requests == 1
    assert sandbox.ledger.count() == 0


async def test_an_error_says_all_it_knows(sandbox: Sandbox, heygen: HeyGen) -> None:
    with pytest.raises(NotFound) as caught:
        await heygen.videos.get("no-such-video")
    error = caught.value
    assert (error.status, error.code) == (404, "not_found")
    assert (error.method, error.path) == ("GET", "/v3/videos/no-such-video")
    assert error.request_id is not None
    assert error.request_id.startswith("sandbox-")
    # The API's page about the code keeps its anchor.
    assert error.doc_url == "https://developers.heygen.com/docs/error-codes#not-found"


async def test_a_write_without_a_key_is_sent_once(sandbox: Sandbox) -> None:
    unkeyed: Endpoint[Any] = Endpoint(
        operation="videos.create", method="POST", path="/v3/videos", answer=Any
    )
    body = b'{"type": "avatar", "avatar_id": "%s", "script": "x"}' % sandbox.avatar_id.encode()
    async with open_session(sandbox.base_url, api_key=sandbox.api_key) as session:
        for fault in (Fault.drop_answer(), Fault.status(500), Fault.malformed()):
            before = sandbox.ledger.requests
            sandbox.faults.add("videos.create", fault)
            with pytest.raises((TransportError, ServerError, InvalidResponse)):
                await session.call(unkeyed, unkeyed.at(), body=body)
            assert sandbox.ledger.requests == before + 1
        sandbox.faults.add("videos.create", Fault.status(429, retry_after=1))
        assert await session.call(unkeyed, unkeyed.at(), body=body)


async def test_nobody_there(sandbox: Sandbox) -> None:
    await sandbox.aclose()
    async with client(sandbox, retry=3) as heygen:
        with pytest.raises(ConnectionFailed, match="cannot connect") as caught:
            await heygen.videos.create(video(sandbox))
    assert not caught.value.sent
    assert caught.value.attempts <= 3
    assert asyncio.get_running_loop().time() < 1.1


async def test_an_original_that_is_slow_answers_its_repetition(
    sandbox: Sandbox, heygen: HeyGen
) -> None:
    # The first attempt times out at 120 s; until 200 s its repetitions meet 409.
    sandbox.faults.add("videos.create", Fault.delay(200))
    await heygen.videos.create(video(sandbox))
    assert asyncio.get_running_loop().time() >= 200
    assert sandbox.requests.by_status[409] > 1
    assert sandbox.ledger.count() == 1


async def test_queueing_is_no_part_of_the_timeout(sandbox: Sandbox) -> None:
    sandbox.faults.add("users.me", Fault.delay(8), times=None)
    sandbox.faults.add("users.me", Fault.delay(8), times=None)
    async with client(sandbox, requests=1, timeout=Timeout(read=12), retry=1) as heygen:
        await asyncio.gather(*(heygen.users.me() for _ in range(10)), return_exceptions=True)
    # Each took 8 s, the last one stood in line for 72 s before.
    assert asyncio.get_running_loop().time() == pytest.approx(80, abs=1)
    assert heygen.traffic.requests == 10


async def test_patience_ends_what_never_ends(sandbox: Sandbox) -> None:
    sandbox.faults.add("videos.create", Fault.status(409, code="request_in_progress"), times=None)
    async with client(sandbox, retry=Retry(patience=100)) as heygen:
        with pytest.raises(Conflict) as caught:
            await heygen.videos.create(video(sandbox))
    assert 60 < asyncio.get_running_loop().time() <= 101
    assert caught.value.attempts == sandbox.ledger.requests > 3
