"""Lists whose pages go in a circle, or do not end, end with an error that says so."""

from __future__ import annotations

import itertools
import tracemalloc
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from aiohttp import web

from heygen_async import HeyGen, InvalidResponse
from tests.web_servers import under_aiohttp

pytestmark = pytest.mark.anyio

LISTS: dict[str, Callable[[HeyGen], Any]] = {
    "videos": lambda heygen: heygen.videos.list(),
    "translations": lambda heygen: heygen.video_translations.list(),
    "templates": lambda heygen: heygen.templates.list(),
    "voices": lambda heygen: heygen.voices.list(),
    "avatars": lambda heygen: heygen.avatars.list(),
    "agents": lambda heygen: heygen.video_agents.list(),
    "webhooks": lambda heygen: heygen.webhooks.endpoints.list(),
    "lipsyncs": lambda heygen: heygen.lipsyncs.list(),
    "batch items": lambda heygen: heygen.videos.batches.items("batch"),
}


class Listing:
    """A server whose lists page by the test's tokens; counts its pages."""

    def __init__(self, tokens: Iterator[str]) -> None:
        self._tokens = tokens
        self.pages = 0

    async def answer(self, request: web.Request) -> web.Response:
        self.pages += 1
        token = next(self._tokens, None)
        more = f'"has_more": {"false" if token is None else "true"}, "next_token": "{token}"'
        if "batch" in request.path:
            status = '"batch_id": "batch", "status": "completed", "total_items": 1'
            status += f', "counts_by_status": {{}}, "created_at": 1, "items": [], {more}'
            return web.Response(text=f'{{"data": {{{status}}}}}', content_type="application/json")
        text = f'{{"data": [], {more}}}'
        return web.Response(text=text, content_type="application/json")


async def listed(listing: Listing, which: str = "videos") -> list[Any]:
    app = web.Application()
    app.router.add_get("/{path:.*}", listing.answer)
    async with under_aiohttp(app) as origin, HeyGen("key", base_url=origin) as heygen:
        found = []
        async for item in LISTS[which](heygen):
            found.append(item)  # noqa: PERF401 - what came before the error stays
        return found


@pytest.mark.parametrize("which", LISTS)
@pytest.mark.parametrize("length", [1, 2, 3, 7])
async def test_pages_that_go_in_a_circle_end_with_an_error(which: str, length: int) -> None:
    tokens = ["start", *(f"page-{number}" for number in range(length))]
    listing = Listing(itertools.chain(["start"], itertools.cycle(tokens[1:])))
    with pytest.raises(InvalidResponse, match=r"circle.*back to page 3.*'page-0'.*\[GET /v"):
        await listed(listing, which)
    assert listing.pages == length + 2


async def test_pages_without_items_that_do_not_end_are_given_up_in_bounded_memory() -> None:
    listing = Listing(f"token-{number}" for number in itertools.count())
    tracemalloc.start()
    try:
        with pytest.raises(InvalidResponse, match="does not end"):
            await listed(listing)
        assert tracemalloc.get_traced_memory()[1] < 8_000_000
    finally:
        tracemalloc.stop()
    assert listing.pages == 1000


async def test_a_token_that_fits_no_address_is_refused() -> None:
    with pytest.raises(
        InvalidResponse, match="next_token of page 1 has 9000 characters"
    ) as refused:
        await listed(Listing(iter(["x" * 9000])))
    assert len(str(refused.value)) < 300


async def test_a_circle_is_named_without_control_characters_or_keys() -> None:
    token = r"\u001b]52;c;AAAA\u0007 sk_V2_hgu_kabcdefghijklmnopqrstuvwxyz012345"
    with pytest.raises(InvalidResponse, match="circle") as refused:
        await listed(Listing(itertools.repeat(token)))
    assert "\x1b" not in str(refused.value)
    assert "abcdefghijklm" not in str(refused.value)
