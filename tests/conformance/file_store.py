"""The conformance suite of ``FileStore``: a file is complete or absent, whatever happens.

A module of tests lists the implementations and runs ``SCENARIOS`` for each.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any

import pytest

from heygen_async.delivery.files import Fetch, FileStore

CONTENT = bytes(range(256)) * 9000  # 2.3 MB: several steps
OTHER = b"another content"


class FetchFailed(Exception):
    """The download of a content failed."""


@dataclass(frozen=True)
class Place:
    """A place for files under test.

    Attributes:
        store: The store.
        path: A path in it.
        content: Returns the content of the file with that path, or None if there is none.
        others: Returns the names of the other files that the place shows.
    """

    store: FileStore
    path: PurePath
    content: Callable[[], bytes | None]
    others: Callable[[], set[str]]


@dataclass(frozen=True)
class Implementation:
    """A file store under test.

    Attributes:
        name: Of the test.
        make: Returns an empty place.
    """

    name: str
    make: Callable[[Any], AbstractContextManager[Place]]


def fetching(content: bytes, *, fails_after: int | None = None, waits: bool = False) -> Fetch:
    """Return what writes a content to a path or a sink, as a download does."""

    async def fetch(to: Any) -> None:
        chunks: Iterator[bytes] = (
            content[start : start + 100_000] for start in range(0, len(content), 100_000)
        )
        if isinstance(to, PurePath):
            if fails_after is not None:
                raise FetchFailed
            if waits:
                await asyncio.Event().wait()
            await asyncio.to_thread(_write, to, content)
            return
        written = 0
        for chunk in chunks:
            if fails_after is not None and written >= fails_after:
                raise FetchFailed
            await to(chunk)
            written += len(chunk)
        if waits:
            await asyncio.Event().wait()

    return fetch


def _write(to: Any, content: bytes) -> None:
    to.parent.mkdir(parents=True, exist_ok=True)
    to.write_bytes(content)


async def a_file_is_written_and_kept(place: Place) -> None:
    assert not await place.store.keeps(place.path, recorded=False)
    await place.store.write(fetching(CONTENT), place.path)
    assert place.content() == CONTENT
    assert await place.store.keeps(place.path, recorded=True)
    assert not place.others()


async def a_file_is_replaced(place: Place) -> None:
    await place.store.write(fetching(CONTENT), place.path)
    await place.store.write(fetching(OTHER), place.path)
    assert place.content() == OTHER
    assert not place.others()


async def a_failed_download_leaves_what_was_there(place: Place) -> None:
    for before in (None, CONTENT):
        for fails_after in (0, 300_000, len(OTHER) + 1_500_000):
            with pytest.raises(FetchFailed):
                await place.store.write(
                    fetching(OTHER + CONTENT, fails_after=fails_after), place.path
                )
            assert place.content() == before
            assert not place.others()
        await place.store.write(fetching(CONTENT), place.path)


async def a_cancelled_download_leaves_what_was_there(place: Place) -> None:
    for before in (None, CONTENT):
        writing = asyncio.ensure_future(
            place.store.write(fetching(OTHER + CONTENT, waits=True), place.path)
        )
        await asyncio.sleep(60)
        assert place.content() == before
        writing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await writing
        assert place.content() == before
        assert not place.others()
        await place.store.write(fetching(CONTENT), place.path)


async def files_beside_each_other(place: Place) -> None:
    paths = [place.path.with_name(f"{number}.mp4") for number in range(20)]
    await asyncio.gather(*(place.store.write(fetching(CONTENT), path) for path in paths))
    assert place.others() == {path.name for path in paths}


SCENARIOS: list[Callable[[Place], Awaitable[None]]] = [
    a_file_is_written_and_kept,
    a_file_is_replaced,
    a_failed_download_leaves_what_was_there,
    a_cancelled_download_leaves_what_was_there,
    files_beside_each_other,
]
