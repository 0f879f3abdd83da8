"""Calls of other SDKs to the canned server, for ``call_overhead.py``.

Each asks for the state of a job, except for openai, whose API has none: it posts a chat. An SDK
that is not installed is left out, with a line on standard error.
"""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from importlib import import_module
from typing import Any, Literal, NamedTuple, TypeAlias

Call: TypeAlias = Callable[[], Awaitable[object]]

KEY = "sk_V2_benchmark"
ID = "3f1c2a9e5d7b4c68a1e0f2d3b4c5a697"


class Peer(NamedTuple):
    """Another SDK.

    Attributes:
        figure: The end of the name of its figure.
        method: The HTTP method of its call.
        call: Its call.
    """

    figure: str
    method: Literal["GET", "POST"]
    call: Call


@asynccontextmanager
async def peers(base_url: str) -> AsyncIterator[list[Peer]]:
    """Yield the SDKs that are installed; their clients close with the block.

    Args:
        base_url: Address of the canned server.
    """
    found = []
    async with AsyncExitStack() as clients:
        for make in (_httpx, _openai, _openai_aiohttp, _runwayml, _replicate, _fal_client):
            try:
                found.append(await make(base_url, clients))
            except ImportError as error:
                print(f"{make.__name__.strip('_')} is left out: {error}", file=sys.stderr)
        yield found


async def _httpx(base_url: str, clients: AsyncExitStack) -> Peer:
    pydantic = import_module("pydantic")
    optional = dict.fromkeys(
        ("title", "video_url", "thumbnail_url", "subtitle_url", "video_page_url"),
        (str | None, None),
    ) | dict.fromkeys(("created_at", "completed_at", "duration"), (float | None, None))
    video = pydantic.create_model("Video", id=(str, ...), status=(str, ...), **optional)
    envelope = pydantic.create_model("Envelope", data=(video, ...))
    client = await clients.enter_async_context(_httpx_client({"x-api-key": KEY}))

    async def call() -> object:
        response = await client.get(f"{base_url}/v3/videos/{ID}")
        return envelope.model_validate_json(response.content).data

    return Peer("httpx_pydantic", "GET", call)


async def _openai(base_url: str, clients: AsyncExitStack) -> Peer:
    http_client = import_module("openai").DefaultAsyncHttpxClient(trust_env=False)
    return Peer("openai", "POST", await _chat(base_url, clients, http_client))


async def _openai_aiohttp(base_url: str, clients: AsyncExitStack) -> Peer:
    import_module(
        "httpx_aiohttp"
    )  # without which the client is made, and fails with its first call
    http_client = import_module("openai").DefaultAioHttpClient(trust_env=False)
    return Peer("openai_aiohttp", "POST", await _chat(base_url, clients, http_client))


async def _chat(base_url: str, clients: AsyncExitStack, http_client: Any) -> Call:
    client = await clients.enter_async_context(
        import_module("openai").AsyncOpenAI(
            api_key=KEY, base_url=f"{base_url}/v1", http_client=http_client
        )
    )
    messages = [{"role": "user", "content": "Hello there"}]
    return lambda: client.chat.completions.create(model="m", messages=messages)


async def _runwayml(base_url: str, clients: AsyncExitStack) -> Peer:
    module = import_module("runwayml")
    client = await clients.enter_async_context(
        module.AsyncRunwayML(
            api_key=KEY,
            base_url=base_url,
            http_client=module.DefaultAsyncHttpxClient(trust_env=False),
        )
    )
    return Peer("runwayml", "GET", lambda: client.tasks.retrieve(ID))


async def _replicate(base_url: str, clients: AsyncExitStack) -> Peer:
    client = import_module("replicate").Client(api_token=KEY, base_url=base_url)
    return Peer("replicate", "GET", lambda: client.predictions.async_get(ID))


async def _fal_client(base_url: str, clients: AsyncExitStack) -> Peer:
    url = f"{base_url}/fal/requests/{ID}"
    handle = import_module("fal_client").AsyncRequestHandle(
        request_id=ID,
        response_url=url,
        status_url=f"{url}/status",
        cancel_url=f"{url}/cancel",
        client=await clients.enter_async_context(_httpx_client({"Authorization": f"Key {KEY}"})),
    )
    return Peer("fal_client", "GET", handle.status)


def _httpx_client(headers: dict[str, str]) -> Any:
    httpx = import_module("httpx")
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=None)
    return httpx.AsyncClient(headers=headers, limits=limits, trust_env=False)
