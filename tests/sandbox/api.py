"""A plain client for the sandbox that checks every good answer against the contract."""

from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import Any

import aiohttp
import jsonschema_rs
from yarl import URL

import heygen_async.sandbox
from heygen_async.sandbox import Sandbox

_PATH = Path(heygen_async.sandbox.__file__).parent / "contract" / "heygen-api.json"
DOCUMENT: dict[str, Any] = json.loads(_PATH.read_bytes())


@cache
def _judges() -> list[tuple[str, re.Pattern[str], Any]]:
    """(method, pattern of the path, validator of a good answer), fixed paths first."""
    found = []
    for path, methods in sorted(DOCUMENT["paths"].items(), key=lambda item: "{" in item[0]):
        pattern = re.compile(re.sub(r"\\\{\w+\\\}", "[^/]+", re.escape(path)) + "$")
        for method, operation in methods.items():
            answer = next(a for s, a in operation["responses"].items() if s[0] == "2")
            schema = answer["content"]["application/json"]["schema"]
            judge = jsonschema_rs.validator_for({**schema, "components": DOCUMENT["components"]})
            found.append((method.upper(), pattern, judge))
    return found


def check_answer(method: str, path: str, answer: Any) -> None:
    """Fail if a good answer breaks the contract."""
    for known, pattern, judge in _judges():
        if known == method and pattern.match(path):
            judge.validate(answer)
            return
    raise AssertionError(f"no such operation: {method} {path}")


class Reply:
    """The status, headers and decoded body of an answer."""

    def __init__(self, status: int, headers: Any, body: Any) -> None:
        self.status = status
        self.headers = headers
        self.body = body

    @property
    def data(self) -> Any:
        """Return the data of a good answer."""
        assert self.status < 300, self.body
        return self.body["data"]

    @property
    def refusal(self) -> tuple[int, str, str | None]:
        """Return status, code and param of a refusal."""
        assert self.status >= 400, self.body
        error = self.body["error"]
        return self.status, error["code"], error.get("param")


class Api:
    """Requests with the sandbox's key."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox
        # aiohttp looks after idle connections in every such interval, by real time: on a turned
        # loop short ones would pass by the thousand.
        connector = aiohttp.TCPConnector(limit=0, keepalive_timeout=86_400)
        self._session = aiohttp.ClientSession(
            connector=connector, timeout=aiohttp.ClientTimeout(total=3600)
        )

    async def __aenter__(self) -> Api:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._session.close()

    async def __call__(
        self, method: str, path: str, body: Any = None, *, key: str | None = None, **options: Any
    ) -> Reply:
        headers = {"x-api-key": self.sandbox.api_key, **options.pop("headers", {})}
        if key is not None:
            headers["Idempotency-Key"] = key
        if body is not None:
            options["json"] = body
        async with self._session.request(
            method, self.sandbox.base_url + path, headers=headers, **options
        ) as response:
            answer = json.loads(await response.read())
            if response.status < 300:
                check_answer(method, path.partition("?")[0], answer)
            return Reply(response.status, response.headers, answer)

    async def get(self, path: str, **options: Any) -> Reply:
        """GET."""
        return await self("GET", path, **options)

    async def post(self, path: str, body: Any = None, **options: Any) -> Reply:
        """POST of a JSON body."""
        return await self("POST", path, body, **options)

    async def raw(self, method: str, url: str | URL, **options: Any) -> tuple[int, Any, bytes]:
        """GET any address without the key; return status, headers and body."""
        async with self._session.request(method, url, **options) as response:
            return response.status, response.headers, await response.read()

    async def video(self, script: str | None = "Hello there", **fields: Any) -> str:
        """Make a video, and return its id."""
        body = {"type": "avatar", "avatar_id": self.sandbox.avatar_id, "script": script, **fields}
        return str((await self.post("/v3/videos", body)).data["video_id"])
