"""The two hosts of the sandbox: the API and the media host."""

from __future__ import annotations

import asyncio
import contextlib
import inspect
from collections.abc import Awaitable, Callable, Iterator, Sequence
from email.utils import formatdate
from functools import partial

from aiohttp import web

from ..account.account import Account
from ..answers import Answer, Json, encode
from ..contract import CONTRACT, Operation
from ..faults.fault import Work, gave_up
from ..media.store import MediaPart, MediaRequest, find_media
from ..operations import HANDLERS
from ..operations.assets.assets import receive_upload
from ..refusals import Refusal, error_body
from ..request_log import RequestLog
from .calls import Call
from .control import PREFIX, control
from .limits import IdempotentAnswers, RequestBucket, Scope
from .origin import is_addressed, is_from_browser

__all__ = ["Hosts"]

#: The most bytes of a JSON body, which may contain base64 media.
_BODY_LIMIT = 48 * 1024 * 1024
#: Seconds that idle connections stay open: longer than any test or demonstration.
_KEEPALIVE = 7 * 86_400.0
_CLIENT_CLOSED_REQUEST = 499
_KEY_HEADERS = ("x-api-key", "Authorization")
#: Operations that are accepted without the body that the specification requires.
_MAY_LACK_BODY = frozenset({"video_agents.stop"})
_V2_WARNING = {
    "code": "deprecated_endpoint",
    "message": "v1 and v2 of the API are supported until 2026-10-31. Please move to v3.",
    "successor": "/v3/templates",
}


class Hosts:
    """Listens on two ports and answers requests.

    Args:
        account: The account.
        api_keys: Accepted keys.
        requests_per_second: Rate beyond which requests get 429; None for no limit.
        loop_time: The event loop's clock.
        names: Accepted names in `Host` headers besides `localhost` and IP addresses.
    """

    def __init__(
        self,
        account: Account,
        api_keys: Sequence[str],
        requests_per_second: float | None,
        loop_time: Callable[[], float],
        names: frozenset[str],
    ) -> None:
        self.requests: RequestLog = RequestLog()
        self.leaks: int = 0
        self._account = account
        self._api_keys = frozenset(api_keys)
        self._answers = IdempotentAnswers(account.clock)
        self._bucket = RequestBucket(requests_per_second, loop_time)
        self._names = names
        self._servers: list[tuple[asyncio.Server, web.Server]] = []
        #: Work behind a gateway that may have given up.
        self._unanswered: set[asyncio.Task[Answer]] = set()

    async def open(self, host: str, port: int) -> str:
        """Listen, and return the address of the API."""
        base_url = await self._listen(self._answer_api, host, port)
        self._account.media.origin = await self._listen(self._answer_media, host, 0)
        return base_url

    async def close(self) -> None:
        """Stop listening and end waiting requests."""
        servers, self._servers = self._servers, []
        async with contextlib.AsyncExitStack() as steps:  # run all, even if one is cancelled
            for task in tuple(self._unanswered):
                task.cancel()
                steps.push_async_callback(asyncio.wait, [task])
            for server, protocols in servers:
                server.close()
                steps.push_async_callback(server.wait_closed)
                steps.push_async_callback(protocols.shutdown, 0.05)

    async def _listen(
        self,
        handler: Callable[[web.BaseRequest], Awaitable[web.StreamResponse]],
        host: str,
        port: int,
    ) -> str:
        loop = asyncio.get_running_loop()
        make_request = partial(web.BaseRequest, loop=loop, client_max_size=_BODY_LIMIT)

        async def answer(request: web.BaseRequest) -> web.StreamResponse:
            try:
                if not is_addressed(request.headers.get("Host", ""), self._names):
                    return _forbidden(
                        "The Host header names another machine. Address the sandbox by localhost, "
                        "by an IP address, or by a name in its allowed_hosts."
                    )
                return await handler(request)
            except ConnectionError:
                # The client has disconnected, which is not an error of the server.
                return web.Response(status=_CLIENT_CLOSED_REQUEST)

        protocols = web.Server(
            answer,
            request_factory=make_request,
            access_log=None,
            keepalive_timeout=_KEEPALIVE,
        )
        server = await loop.create_server(protocols, host, port, backlog=1024)
        self._servers.append((server, protocols))
        name = f"[{host}]" if ":" in host else host
        return f"http://{name}:{server.sockets[0].getsockname()[1]}"

    async def _answer_api(self, request: web.BaseRequest) -> web.StreamResponse:
        path, _, query = request.raw_path.partition("?")
        if path.startswith(PREFIX):
            return await self._answer_control(request, path)
        found = CONTRACT.route(request.method, path)
        name = found[0].id if found else "unknown"
        self._account.ledger.requests += 1
        self.requests.by_operation[name] += 1
        held: list[Scope] = []
        work = partial(self._work, request, found, query, held)
        fault = self._account.faults.take(name)
        if fault is not None:
            self.requests.by_status[0] += 1
            with self._released(held):
                return await fault.play(request, work)
        gateway = self._account.faults.gateway(name)
        if gateway is None:
            with self._released(held):
                answer = await work()
        else:
            waited = await self._within(gateway, work, held)
            if waited is None:
                self.requests.by_status[504] += 1
                return gave_up()
            answer = waited
        self.requests.by_status[answer.status] += 1
        return answer.response()

    @contextlib.contextmanager
    def _released(self, held: list[Scope]) -> Iterator[None]:
        """Release the scopes of a request at its end."""
        try:
            yield
        finally:
            for scope in held:
                self._answers.release(scope)

    async def _within(self, seconds: float, work: Work, held: list[Scope]) -> Answer | None:
        """Return the answer, or None after ``seconds``, when the work continues on its own."""

        async def finish() -> Answer:
            with self._released(held):
                return await work()

        task = asyncio.create_task(finish())
        self._unanswered.add(task)
        task.add_done_callback(self._end_work)
        done, _ = await asyncio.wait([task], timeout=seconds)
        return await task if done else None

    def _end_work(self, task: asyncio.Task[Answer]) -> None:
        self._unanswered.discard(task)
        # A body that the client is still sending cannot be read after its request was answered.
        if not task.cancelled():
            task.exception()

    async def _answer_control(self, request: web.BaseRequest, path: str) -> web.Response:
        headers = {"Content-Type": "application/json"}
        if is_from_browser(request.headers):
            return _forbidden("The control paths are not for web pages")
        try:
            self._authenticate(request)
            body = await request.read()
            answer = control(self._account, self.requests, request.method, path, body)
        except Refusal as refusal:
            return Answer(refusal.status, error_body("v3", refusal), headers).response()
        return Answer(200, encode(answer), headers).response()

    async def _work(
        self,
        request: web.BaseRequest,
        found: tuple[Operation, list[str]] | None,
        query: str,
        held: list[tuple[str, ...]],
    ) -> Answer:
        """Answer a request, and add its idempotency scope to `held`."""
        version = found[0].version if found else request.raw_path[1:3]
        headers = {
            "Content-Type": "application/json",
            "Date": formatdate(self._account.unix(self._account.clock.now()), usegmt=True),
            "x-amzn-requestid": f"sandbox-{self._account.ledger.requests:08x}",
        }
        if version == "v2":
            headers["Deprecation"] = "true"
        try:
            self._authenticate(request)
            self._bucket.take()
            if found is None:
                raise Refusal(
                    404, "not_found", f"No such operation: {request.method} {request.path}"
                )
            operation, values = found
            # The header is ignored if the specification does not list it.
            key = request.headers.get("Idempotency-Key") if operation.takes_key else None
            if key is not None:
                CONTRACT.judge_key(key)
                scope = (operation.id, *values, key)
                stored = self._answers.begin(scope)
                if stored is not None:
                    return Answer(stored.status, stored.body, headers)
                held.append(scope)
            call = await self._read(request, operation, values, query, key)
            answer = Answer(operation.status, encode(await _perform(call)), headers)
            if held:
                self._answers.store(held[0], answer)
            await asyncio.sleep(self._account.faults.wait(operation.id))
            return answer
        except Refusal as refusal:
            return Answer(
                refusal.status, error_body(version, refusal), {**headers, **refusal.headers}
            )

    def _authenticate(self, request: web.BaseRequest) -> None:
        key = request.headers.get("x-api-key")
        authorization = request.headers.get("Authorization")
        if authorization is not None and key is None and authorization.startswith("Bearer "):
            key = authorization.removeprefix("Bearer ")
        elif authorization is not None:
            key = None
        if key not in self._api_keys:
            raise Refusal(401, "unauthorized", "Unauthorized")

    async def _read(
        self,
        request: web.BaseRequest,
        operation: Operation,
        values: list[str],
        query: str,
        key: str | None,
    ) -> Call:
        body: Json = {}
        if operation.body is not None and not operation.multipart:
            try:
                raw = await request.read()
            except web.HTTPRequestEntityTooLarge:
                raise Refusal(413, "payload_too_large", "The request is too large") from None
            if raw or operation.id not in _MAY_LACK_BODY:
                body = CONTRACT.judge_body(operation, raw, request.content_type)
        parameters = CONTRACT.judge_query(operation, query)
        return Call(self._account, operation, values, parameters, body, key, request)

    async def _answer_media(self, request: web.BaseRequest) -> web.StreamResponse:
        self.requests.by_operation["media"] += 1
        leaked = any(name in request.headers for name in _KEY_HEADERS)
        self.leaks += leaked
        status = 0
        faults = self._account.faults
        fault = faults.take("media")
        try:
            await asyncio.sleep(faults.wait("media"))
            if fault is not None:
                return await fault.play(request, partial(self._media_in_memory, request))
            found: Answer | MediaPart = Answer(400, b"Only one auth mechanism allowed")
            if not leaked:
                found = await self._find_media(request)
            status = found.status
            return found.response() if isinstance(found, Answer) else await found.send(request)
        finally:
            self.requests.media.append(
                MediaRequest(request.method, request.path, status, dict(request.headers))
            )

    async def _find_media(self, request: web.BaseRequest) -> Answer | MediaPart:
        path, _, query = request.raw_path.partition("?")
        media = self._account.media
        if not media.is_signed(path, query):
            return Answer(403, b"Request has expired")
        if request.method == "PUT" and path.startswith("/uploads/"):
            return await receive_upload(request, self._account, path.removeprefix("/uploads/"))
        if request.method in ("GET", "HEAD") and path.startswith("/media/"):
            return await find_media(request, media, path)
        return Answer(405, b"MethodNotAllowed")

    async def _media_in_memory(self, request: web.BaseRequest) -> Answer:
        found = await self._find_media(request)
        return found if isinstance(found, Answer) else await found.whole()


def _forbidden(message: str) -> web.Response:
    refusal = Refusal(403, "forbidden", message)
    headers = {"Content-Type": "application/json"}
    return Answer(refusal.status, error_body("v3", refusal), headers).response()


async def _perform(call: Call) -> Json:
    call.account.settle()
    result = HANDLERS[call.operation.id](call)
    answer: Json = await result if inspect.isawaitable(result) else result
    if call.operation.version == "v2":
        answer["warning"] = _V2_WARNING
    return answer
