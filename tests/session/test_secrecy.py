"""The API key appears only in its header."""

from __future__ import annotations

import asyncio
import io
import logging
import pickle
import traceback
from collections.abc import Iterator

import msgspec
import pytest

from heygen_async import HeyGen, Video
from heygen_async.errors import APIError, BadRequest, HeyGenError, JobFailed, TransferError
from heygen_async.sandbox import Fault, Sandbox
from heygen_async.session.settings import Retry

from ..transfers_host import open_session
from .test_faults import PASSING
from .wire import answering, client, raw_server, video

KEY = "sk_V2_secrecy_0123456789"

pytestmark = [pytest.mark.anyio, pytest.mark.sandbox(api_keys=[KEY])]


@pytest.fixture
def key() -> str:
    return KEY


def everything_in(error: BaseException, *, variables: bool = True) -> Iterator[str]:
    """Return all text that a log or a crash reporter could take from an exception.

    Args:
        error: The exception; what it hangs on to is walked, too.
        variables: Whether to show the local variables of the package's frames, as some
            reporters do.
    """
    seen: set[int] = set()
    waiting: list[BaseException | None] = [error]
    while waiting:
        one = waiting.pop()
        if one is None or id(one) in seen:
            continue
        seen.add(id(one))
        yield from (str(one), repr(one), repr(one.args), repr(getattr(one, "__dict__", {})))
        yield "".join(traceback.format_exception(one))
        for frame, _ in traceback.walk_tb(one.__traceback__):
            if variables and "/heygen_async/" in frame.f_code.co_filename:
                yield repr(frame.f_locals)
        waiting += [one.__cause__, one.__context__]


LASTING = {
    "refused key": Fault.status(401, message=f"the key {KEY} is wrong"),
    "echo": Fault.body(KEY.encode() * 200, status=400, content_type="text/html"),
    "redirect": Fault.redirect(f"https://example.com/?key={KEY}"),
    "echo in JSON": Fault.body(
        b'{"error": {"code": "%(key)s", "message": "%(key)s", "param": "%(key)s"}}'
        % {b"key": KEY.encode()},
        status=400,
        headers={"x-request-id": KEY},
    ),
}


@pytest.mark.parametrize("name", [*PASSING, *LASTING])
async def test_the_key_is_in_no_log_and_no_exception(
    sandbox: Sandbox, caplog: pytest.LogCaptureFixture, name: str
) -> None:
    caplog.set_level(logging.DEBUG)
    asyncio.get_running_loop().set_debug(True)
    sandbox.faults.add("videos.create", {**PASSING, **LASTING}[name], times=None)
    async with client(sandbox, retry=Retry(attempts=2, patience=10)) as heygen:
        with pytest.raises(HeyGenError) as caught:
            await heygen.videos.create(video(sandbox))
        said = [*everything_in(caught.value)]
        said += [repr(heygen), str(heygen), *map(repr, vars(heygen).values())]
    for text in (*said, caplog.text, *(repr(vars(record)) for record in caplog.records)):
        assert KEY not in text
        assert KEY[8:] not in text


SIGNED = "https://files.example/a.mp4?X-Amz-Signature=0f1e2d3c4b5a&X-Amz-Credential=AKIA7"


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (400, f'{{"error": {{"code": "bad", "message": "{SIGNED}", "param": "{SIGNED}"}}}}'),
        (400, f'{{"error": {{"code": "bad", "errors": [{{"message": "{SIGNED}"}}]}}}}'),
        (500, f"<html><a href='{SIGNED}'>"),
        (200, f'{{"data": {{"id": 7, "video_url": "{SIGNED}"}}}}'),
        (200, f'{{"data": ["{SIGNED}"'),
        (200, f'{{"error": {{"message": "{SIGNED}"}}, "video_url": "{SIGNED}"}}'),
    ],
)
async def test_signed_urls_of_an_answer_are_in_no_exception_and_no_variable(
    sandbox: Sandbox, caplog: pytest.LogCaptureFixture, status: int, body: str
) -> None:
    caplog.set_level(logging.DEBUG)
    fault = Fault.body(body.encode(), status=status)
    sandbox.faults.add("videos.get", fault, times=None)
    sandbox.faults.add("videos.list", fault, times=None)
    async with client(sandbox, retry=Retry(attempts=2, patience=10)) as heygen:
        errors = []
        for call in (heygen.videos.get("video"), heygen.videos.list().first_page()):
            try:
                await call
            except HeyGenError as error:
                errors.append(error)
    assert errors
    for text in (caplog.text, *(text for error in errors for text in everything_in(error))):
        assert "0f1e2d3c4b5a" not in text
        assert "AKIA7" not in text


async def test_settings_that_are_printed_do_not_show_the_key() -> None:
    async with open_session(api_key=KEY) as session:
        assert KEY in session.settings.auth_headers.values()
        for said in (repr(session), repr(session.settings), repr(session.connection)):
            assert KEY not in said


async def test_nobody_listening(sandbox: Sandbox, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    await sandbox.aclose()
    async with client(sandbox, retry=2) as heygen:
        with pytest.raises(HeyGenError) as caught:
            await heygen.users.me()
    assert not [text for text in everything_in(caught.value) if KEY in text]
    assert KEY not in caplog.text


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_redirects_are_not_followed(sandbox: Sandbox, status: int) -> None:
    async with raw_server(answering(b"HTTP/1.1 200 OK\r\n\r\n")) as other:
        target = f"{other.base_url}/v3/users/me?signature=abc"
        sandbox.faults.add("*", Fault.redirect(target, status=status), times=None)
        async with client(sandbox) as heygen:
            with pytest.raises(BadRequest, match="not followed") as caught:
                await heygen.users.me()
            with pytest.raises(APIError, match="not followed"):
                await heygen.videos.create(video(sandbox))
        assert other.requests == []
    assert caught.value.code == f"http_{status}"
    assert "signature" not in str(caught.value)


async def test_the_media_session_does_not_know_the_key(sandbox: Sandbox) -> None:
    async with client(sandbox) as heygen:
        await heygen.users.me()
        with pytest.raises(TransferError, match="403"):
            await heygen.download(f"{sandbox.media_origin}/media/x", io.BytesIO())
        headers = dict(sandbox.requests.media[0].headers)
    assert sandbox.leaks == 0
    assert KEY not in repr(headers)


async def test_a_token_is_as_secret_as_a_key(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    token = "eyJ.plain-looking/token+value=="
    body = b"Authorization was: " + token.encode()
    answer = b"HTTP/1.1 403 No\r\nContent-Length: 500\r\n\r\n" + body
    async with raw_server(answering(answer)) as server:
        async with HeyGen(token=token, base_url=server.base_url, retry=2) as heygen:
            with pytest.raises(HeyGenError) as caught:
                await heygen.users.me()
        assert f"Authorization: Bearer {token}" in server.requests[0][0]
        assert "x-api-key" not in server.requests[0][0].lower()
    assert not [text for text in everything_in(caught.value) if token in text]
    assert token not in caplog.text


async def test_a_key_and_signatures_in_the_state_of_a_failed_job() -> None:
    signed = "https://media.example.com/v.jpg?Signature=s3cr3t"
    state = {
        "id": "v1",
        "status": "failed",
        "title": f"about {KEY}",
        "thumbnail_url": signed,
        "failure_code": f"{signed} {'x' * 100_000}",
        "failure_message": f"cannot read {signed} with {KEY}{'.' * 100_000}",
    }
    body = msgspec.json.encode({"data": state})
    head = f"HTTP/1.1 200 OK\r\nX-Echo: {KEY}\r\nContent-Length: {len(body)}\r\n\r\n"
    async with (
        raw_server(answering(head.encode() + body)) as server,
        HeyGen(KEY, base_url=server.base_url) as heygen,
    ):
        with pytest.raises(JobFailed) as caught:
            await heygen.jobs.attach(Video, "v1").wait()
    error = caught.value
    assert error.last.title == "about ***"
    assert error.last.thumbnail_url == "https://media.example.com/v.jpg?***"
    assert len(error.message) < 5000
    assert error.code is not None
    assert len(error.code) <= 100
    for text in (*everything_in(error), pickle.dumps(error).decode("latin-1")):
        assert KEY not in text
        assert "s3cr3t" not in text


async def test_a_token_that_is_echoed_in_a_success() -> None:
    token = "plain/with+signs=="
    body = b'{"data": {"id": "v1", "status": "processing", "title": "%s %s"}}'
    body %= token.replace("/", r"\/").encode(), b"plain%2Fwith%2Bsigns%3D%3D"
    head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\n\r\n".encode()
    async with (
        raw_server(answering(head + body)) as server,
        HeyGen(token=token, base_url=server.base_url) as heygen,
    ):
        video = await heygen.videos.get("v1")
    assert video.title == "*** ***"
