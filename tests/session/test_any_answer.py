"""Any answer of a server raises only exceptions of the package."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import pickle
import zlib
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from heygen_async import HeyGen, RequestLimiter
from heygen_async.errors import CallError, HeyGenError
from heygen_async.sandbox.turned_loop import TurnedEventLoop
from heygen_async.session.settings import Retry

from .wire import answering, raw_server

KEY = "sk_V2_any_answer_KEY"
VIDEO = {"data": {"id": "v", "status": "completed"}}

TEXT = st.text(st.characters(min_codepoint=1, max_codepoint=255, exclude_characters="\r\n"))
ODD_HEADERS = st.sampled_from(
    [
        ("Content-Encoding", "gzip"),
        ("Content-Encoding", "deflate"),
        ("Content-Encoding", "br"),
        ("Content-Encoding", "zstd"),
        ("Content-Encoding", "made-up"),
        ("Transfer-Encoding", "chunked"),
        ("Transfer-Encoding", "gzip, chunked"),
        ("Content-Length", "-1"),
        ("Content-Length", "99999999999999999999999"),
        ("Content-Length", "abc"),
        ("Content-Length", "5"),
        ("Connection", "upgrade"),
        ("Upgrade", "websocket"),
        ("Location", "http://[::1"),
        ("Location", "https://example.com/?api_key=" + KEY),
        ("Retry-After", "9" * 400),
        ("Retry-After", "Fri, 31 Dec 9999 23:59:59 -1200"),
        ("Set-Cookie", "a=b; Domain=;;; =\x01"),
        ("Content-Type", "application/json; charset=no-such"),
        ("Deprecation", "true"),
        ("X-Request-Id", "\xff\xfe" + KEY),
        ("x" * 9000, "y"),
        ("a", "z" * 9000),
    ]
)
HEADERS = st.lists(ODD_HEADERS | st.tuples(TEXT, TEXT), max_size=4)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text() | st.just(KEY),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["error", "code", "message", "data", "id", "status"]), inner
        )
    ),
    max_leaves=8,
)
BODIES = (
    st.binary(max_size=300)
    | JSON.map(msgspec.json.encode)
    | JSON.map(msgspec.json.encode).map(zlib.compress)
    | st.just(msgspec.json.encode(VIDEO))
)


def written(status: object, headers: list[tuple[str, str]], body: bytes, *, length: bool) -> bytes:
    lines = [f"HTTP/1.1 {status} Reason", *(f"{name}: {value}" for name, value in headers)]
    if length:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + body


ANSWERS = st.binary(max_size=500) | st.builds(
    written,
    st.sampled_from([200, 200, 201, 204, 301, 307, 400, 401, 404, 409, 413, 429, 500, 503, 999])
    | st.integers(-5, 2000)
    | TEXT,
    HEADERS,
    BODIES,
    length=st.booleans(),
)


async def call(answer: bytes) -> HeyGenError | None:
    """Read and write against it, and return the exception of the read."""
    caught: HeyGenError | None = None
    limiter = RequestLimiter()
    policy = Retry(attempts=2, patience=20)
    async with (
        raw_server(answering(answer)) as server,
        HeyGen(KEY, base_url=server.base_url, retry=policy, requests=limiter) as heygen,
    ):
        for path in ("/v3/videos", "/v3/x"):
            with contextlib.suppress(CallError):
                await heygen.request("POST", path, body={"a": 1}, answer=dict)
        try:
            await heygen.videos.get("v")
        except HeyGenError as error:
            caught = error
    assert limiter.in_use == 0
    return caught


@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(ANSWERS)
@example(b"")
@example(b"HTTP/1.1 200 OK\r\n\r\n")
@example(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}")
@example(b"HTTP/1.1 100 Continue\r\n\r\n")
@example(b"HTTP/1.1 101 Switching\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\nabc")
@example(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n")
@example(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 3\r\n\r\nabc")
@example(b"HTTP/1.1 429 No\r\nRetry-After: 99999999999\r\nContent-Length: 0\r\n\r\n")
@example(b"HTTP/1.1 200 OK\r\nContent-Length: 60000\r\n\r\n" + b"[" * 60000)
def test_any_answer(caplog: pytest.LogCaptureFixture, answer: bytes) -> None:
    caplog.set_level(logging.DEBUG)
    caplog.clear()
    with asyncio.Runner(loop_factory=TurnedEventLoop) as runner:
        error = runner.run(call(answer))
    assert KEY not in caplog.text
    if error is not None:
        twin = pickle.loads(pickle.dumps(error))
        assert (str(twin), vars(twin)) == (str(error), vars(error))
        said = repr(error) + repr(vars(error))
        assert KEY not in said
        str(error).encode()  # no half of a surrogate pair, which no terminal takes
        assert len(str(error)) < 4000


@pytest.mark.parametrize("status", [200, 400, 429, 500])
@pytest.mark.parametrize("value", [KEY, [KEY], {KEY: KEY}, {"code": KEY, "message": KEY}])
def test_a_server_that_echoes_the_key(status: int, value: Any) -> None:
    body = msgspec.json.encode({"error": value, "message": KEY, "data": {"id": {KEY: KEY}}})
    answer = written(status, [("x-request-id", KEY)], body, length=True)
    with asyncio.Runner(loop_factory=TurnedEventLoop) as runner:
        error = runner.run(call(answer))
    assert error is not None
    assert KEY not in f"{error} {error!r} {vars(error)}"
