"""The faults of a single request to the sandbox."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

from aiohttp import web

from ..answers import Answer
from ..refusals import Refusal, error_body

__all__ = ["Fault", "Work", "gave_up"]

#: Carries out the request once, and returns the answer that would be sent.
Work: TypeAlias = Callable[[], Awaitable[Answer]]

#: Default error codes by status.
_CODES = {
    400: "invalid_parameter",
    401: "unauthorized",
    402: "insufficient_credit",
    403: "forbidden",
    404: "not_found",
    409: "request_in_progress",
    429: "rate_limit_exceeded",
    502: "service_unavailable",
    503: "service_unavailable",
    504: "gateway_timeout",
}


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault of one request, created by the class methods.

    Attributes:
        name: Name of the fault.
        play: Performs the fault: answers, or closes the connection.
    """

    name: str
    play: Callable[[web.BaseRequest, Work], Awaitable[web.StreamResponse]]

    @classmethod
    def drop(cls) -> Fault:
        """Read the request, do nothing, and close the connection."""

        async def play(request: web.BaseRequest, work: Work) -> web.StreamResponse:
            await _drain(request)
            return _hang_up(request)

        return cls("drop", play)

    @classmethod
    def drop_answer(cls) -> Fault:
        """Do the work, then close the connection without an answer."""

        async def play(request: web.BaseRequest, work: Work) -> web.StreamResponse:
            await work()
            return _hang_up(request)

        return cls("drop_answer", play)

    @classmethod
    def status(
        cls,
        status: int,
        *,
        body: Literal["json", "html", "empty"] = "json",
        work: bool = False,
        retry_after: float | str | None = None,
        code: str | None = None,
        message: str = "The sandbox injected this fault",
    ) -> Fault:
        """Answer with an error.

        Args:
            status: HTTP status.
            body: The API's envelope, a gateway's HTML page, or no body.
            work: Whether the request is carried out nevertheless. Default False.
            retry_after: Value of the `Retry-After` header: seconds, or an HTTP date.
            code: Error code in the envelope. Default: derived from the status.
            message: Message in the envelope.
        """

        async def play(request: web.BaseRequest, do_work: Work) -> web.StreamResponse:
            await (do_work() if work else _drain(request))
            headers = {} if retry_after is None else {"Retry-After": str(retry_after)}
            if body == "html":
                return _page(status, headers)
            if body == "empty":
                return web.Response(status=status, headers=headers)
            refusal = Refusal(status, code or _CODES.get(status, "internal_error"), message)
            return web.Response(
                status=status,
                body=error_body(request.raw_path[1:3], refusal),
                content_type="application/json",
                headers=headers,
            )

        return cls(f"status {status}", play)

    @classmethod
    def truncate(cls) -> Fault:
        """Do the work, send the headers and half of the answer, and close the connection."""

        async def play(request: web.BaseRequest, work: Work) -> web.StreamResponse:
            answer = await work()
            response = web.StreamResponse(status=answer.status, headers=answer.headers)
            response.content_length = len(answer.body)
            await response.prepare(request)
            await response.write(answer.body[: len(answer.body) // 2])
            _close(request)
            return response

        return cls("truncate", play)

    @classmethod
    def malformed(cls) -> Fault:
        """Do the work, and answer 200 with truncated JSON."""

        async def play(request: web.BaseRequest, work: Work) -> web.StreamResponse:
            answer = await work()
            half = answer.body[: max(1, len(answer.body) // 2)]
            return web.Response(body=half, content_type="application/json")

        return cls("malformed", play)

    @classmethod
    def delay(cls, seconds: float, *, work: bool = True) -> Fault:
        """Answer with a delay.

        Args:
            seconds: The delay in seconds of the event loop's time.
            work: Whether to do the work at once (default); if not, the answer is 504.
        """

        async def play(request: web.BaseRequest, do_work: Work) -> web.StreamResponse:
            if not work:
                await _drain(request)
            answer = await do_work() if work else None
            await asyncio.sleep(seconds)
            if answer is None:
                return await cls.status(504).play(request, do_work)
            return answer.response()

        return cls(f"delay {seconds:g}", play)

    @classmethod
    def gateway_timeout(cls, seconds: float = 30.0) -> Fault:
        """Do the work, and answer 504 after a delay, like a gateway that gives up.

        Args:
            seconds: The delay in seconds of the event loop's time, 30 by default, during which the
                request's Idempotency-Key is in progress.
        """

        async def play(request: web.BaseRequest, work: Work) -> web.StreamResponse:
            await work()
            await asyncio.sleep(seconds)
            return gave_up()

        return cls(f"gateway_timeout {seconds:g}", play)

    @classmethod
    def redirect(cls, url: str, *, status: int = 307) -> Fault:
        """Redirect the client.

        Args:
            url: Value of the `Location` header.
            status: HTTP status. Default 307, with which the client repeats the request there.
        """

        async def play(request: web.BaseRequest, work: Work) -> web.StreamResponse:
            await _drain(request)
            return web.Response(status=status, headers={"Location": url})

        return cls("redirect", play)

    @classmethod
    def body(
        cls,
        content: bytes,
        *,
        status: int = 200,
        content_type: str = "application/json",
        headers: Mapping[str, str] | None = None,
    ) -> Fault:
        """Answer with the given bytes, without doing the work.

        Args:
            content: The body.
            status: HTTP status. Default 200.
            content_type: Its MIME type. Default: JSON.
            headers: Further headers.
        """

        async def play(request: web.BaseRequest, work: Work) -> web.StreamResponse:
            await _drain(request)
            return web.Response(
                status=status,
                body=content,
                headers={**(headers or {}), "Content-Type": content_type},
            )

        return cls("body", play)


def _page(status: int, headers: Mapping[str, str] | None = None) -> web.Response:
    text = f"<html><head><title>{status}</title></head><body>nginx</body></html>"
    return web.Response(status=status, text=text, content_type="text/html", headers=headers)


def gave_up() -> web.Response:
    """Return the 504 of a gateway that no longer waits for the answer."""
    return _page(504)


async def _drain(request: web.BaseRequest) -> None:
    async for _ in request.content.iter_any():
        pass


def _close(request: web.BaseRequest) -> None:
    if request.transport is not None:
        request.transport.close()


def _hang_up(request: web.BaseRequest) -> web.StreamResponse:
    _close(request)
    # Never sent, because the connection is closed; the server requires a response object.
    return web.Response()
