"""Upload many files, a limited number at a time and independently of each other."""

from __future__ import annotations

import itertools
import os
from collections.abc import AsyncGenerator, AsyncIterable, Collection, Coroutine, Iterable
from contextlib import aclosing
from functools import partial
from typing import TYPE_CHECKING, Any, TypeAlias

from heygen_async.endpoints.assets import Assets
from heygen_async.errors import InvalidRequest
from heygen_async.models.assets import UploadedAsset
from heygen_async.models.plain import Plain
from heygen_async.session.sync_iterables import SyncReader, in_memory
from heygen_async.session.tasks import in_thread, run_bounded
from heygen_async.session.transfers.uploads import Uploadable, UploadProgress

if TYPE_CHECKING:
    from heygen_async.endpoints.upload_cache import UploadCache

NamedSource: TypeAlias = tuple[str, Uploadable]
"""A file name, and a file without a name or with another one."""


class UploadOutcome(Plain, frozen=True, kw_only=True):
    """The outcome of one of many uploads.

    Attributes:
        index: Position among the sources, from 0.
        source: The source, as passed by the caller.
        result: The asset, or None if the upload failed.
        error: The exception, or None: a ``HeyGenError``, or an exception of the source's own
            iterator.
    """

    index: int
    source: Any
    result: UploadedAsset | None = None
    error: Exception | None = None

    @property
    def ok(self) -> bool:
        """Whether the upload succeeded."""
        return self.error is None

    def unwrap(self) -> UploadedAsset:
        """Return the asset, or raise the error."""
        if self.error is not None:
            raise self.error
        assert self.result is not None
        return self.result


def check_sources(sources: object) -> None:
    """Refuse a single file where many are expected.

    Raises:
        InvalidRequest: It is a single file, or is not iterable.
    """
    # All of these except a path are iterable, but their items are not files.
    one = isinstance(sources, str | bytes | bytearray | memoryview) or hasattr(sources, "read")
    if one or not isinstance(sources, Iterable | AsyncIterable):
        raise InvalidRequest(
            f"sources: expected an iterable of files, got {type(sources).__name__}; "
            "for one file use heygen.upload",
            param="sources",
        )


async def uploaded(
    assets: Assets,
    sources: Iterable[Uploadable | NamedSource] | AsyncIterable[Uploadable | NamedSource],
    *,
    parallel: int,
    cache: UploadCache | None,
    progress: UploadProgress | None,
) -> AsyncGenerator[UploadOutcome]:
    """Upload files, and yield the outcome of each when it ends.

    Args:
        assets: Uploads one file.
        sources: The files. An exception of their iteration is raised when the uploads in progress
            have ended.
        parallel: The most uploads at once.
        cache: The cache of uploads, or None.
        progress: Called with the totals of all files.
    """
    tally = None if progress is None else _Progress(progress)
    if tally is not None and isinstance(sources, Collection):
        await in_thread(tally.measure, sources)

    def upload(source: tuple[int, Any]) -> Coroutine[Any, Any, UploadOutcome]:
        return _outcome(assets, *source, cache, tally)

    uploads = run_bounded(_numbered(sources), upload, parallel=parallel)
    async with aclosing(uploads):
        async for outcome in uploads:
            yield outcome


class _Progress:
    """The progress of many files, for one progress function.

    Attributes:
        failure: The exception that the function has raised, or None.
    """

    def __init__(self, progress: UploadProgress) -> None:
        self.failure: Exception | None = None
        self._progress = progress
        self._sent = self._total = 0
        # Bytes sent and total bytes of each file.
        self._parts: dict[int, tuple[int, int]] = {}

    def measure(self, sources: Collection[Any]) -> None:
        """Determine the sizes of a collection's files, as far as possible; blocks."""
        for index, source in enumerate(sources):
            self._change(index, 0, _size_of(source))

    def show(self, index: int, sent: int, size: int) -> None:
        """Record and report the progress of a file."""
        self._change(index, sent, size)
        try:
            self._progress(self._sent, self._total)
        except Exception as error:
            self.failure = error
            raise

    def forget(self, index: int) -> None:
        """Remove a failed file from the totals."""
        if index in self._parts:
            self.show(index, 0, 0)

    def _change(self, index: int, sent: int, size: int) -> None:
        sent_before, size_before = self._parts.get(index, (0, 0))
        self._parts[index] = sent, size
        self._sent += sent - sent_before
        self._total += size - size_before


def _parts_of(source: Any) -> tuple[str | None, Any]:
    match source:
        case (str(name), file) if isinstance(source, tuple):
            return name, file
    return None, source


def _size_of(source: Any) -> int:
    """Return the size of a file, or 0 if it is not known before the file is opened."""
    _, file = _parts_of(source)
    if isinstance(file, bytes | bytearray):
        return len(file)
    if isinstance(file, str | os.PathLike):
        try:
            return os.path.getsize(file)
        except (OSError, ValueError):
            return 0  # the upload reports the error
    return 0


async def _outcome(
    assets: Assets, index: int, source: Any, cache: UploadCache | None, tally: _Progress | None
) -> UploadOutcome:
    name, file = _parts_of(source)
    progress = None if tally is None else partial(tally.show, index)
    try:
        asset = await assets.upload(file, filename=name, cache=cache, progress=progress)
    except Exception as error:
        # A failed file does not stop the others; a failed progress function does.
        if tally is not None:
            if tally.failure is not None:
                raise tally.failure from None
            tally.forget(index)
        return UploadOutcome(index=index, source=source, error=error)
    return UploadOutcome(index=index, source=source, result=asset)


async def _numbered(sources: Any) -> AsyncGenerator[tuple[int, Any]]:
    index = itertools.count()
    if in_memory(sources):
        for source in sources:
            yield next(index), source
        return
    # No read-ahead: a source may be a whole file in memory.
    every = sources if isinstance(sources, AsyncIterable) else SyncReader(sources, ahead=0)
    try:
        async for source in every:
            yield next(index), source
    finally:
        if isinstance(every, AsyncGenerator | SyncReader):
            await every.aclose()
