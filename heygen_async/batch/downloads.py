"""Download the outputs of a run as its jobs end, to paths that follow a pattern."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import os
import string
import unicodedata
from collections.abc import AsyncGenerator, AsyncIterable, Callable, Iterator, Sequence
from pathlib import Path, PurePath, PurePosixPath
from typing import Any, TypeVar
from urllib.parse import urlsplit
from weakref import WeakValueDictionary

import msgspec

from heygen_async.batch.outcome import Ended, Outcome
from heygen_async.client import HeyGen
from heygen_async.errors import HeyGenError, InvalidRequest
from heygen_async.models.lipsyncs import Lipsync
from heygen_async.models.outputs import OUTPUTS, Output, find_output_url
from heygen_async.models.video_agents import VideoAgentSession
from heygen_async.models.video_translations import VideoTranslation
from heygen_async.models.videos import Video
from heygen_async.models.voices import Speech
from heygen_async.session.tasks import in_thread, run_bounded

T = TypeVar("T")

# Names that Windows reserves for devices, with any ending.
_DEVICES = frozenset(
    ["con", "prn", "aux", "nul", *(f"{port}{n}" for port in ("com", "lpt") for n in range(1, 10))]
)
_PUNCTUATION = frozenset("-_.,()+@ ")
# File systems allow 255 bytes; the ending and the suffix of an unfinished download are added.
_LONGEST = 200
_FIELDS = ("key", "index", "job_id")
# Endings of additional files: the ending in the URL if it is listed here, otherwise the first.
_ENDINGS: dict[Output, tuple[str, ...]] = {
    "captioned": (".captioned.mp4",),
    "subtitles": (".srt", ".vtt"),
    "thumbnail": (".jpg", ".jpeg", ".png", ".webp"),
    "gif": (".gif",),
    "audio": (".mp3", ".wav", ".m4a", ".aac"),
}


def file_stem(name: str) -> str:
    """Return a file name without ending for a text; it never leads out of its folder.

    Letters and digits of all scripts are kept; other characters become underscores.
    """
    name = unicodedata.normalize("NFC", name)
    kept = "".join(c if c.isalnum() or c in _PUNCTUATION else "_" for c in name)
    kept = kept.encode()[:_LONGEST].decode(errors="ignore")
    kept = kept.lstrip(". ").rstrip(". ") or "_"
    return f"_{kept}" if kept.split(".")[0].lower() in _DEVICES else kept


class FilePattern:
    """Paths of outcomes, from a pattern: ``videos/{key}.mp4``.

    ``{key}``, ``{index}`` (also ``{index:05}``) and ``{job_id}`` stand for the values of the
    outcome. Their values never lead out of the folder: characters that are not allowed in file
    names become underscores, and a name changed in this way gets eight digits computed from the
    original, so two keys never share a file.

    Args:
        pattern: The pattern.
        also: Additional files of each result. They are named after the main file, with an ending of
            their own: ``Ada.srt``, ``Ada.captioned.mp4``.

    Attributes:
        also: Additional files of each result.
        lasting: Whether an existing file belongs to its item even after other items were added or
            removed. A pattern with only ``{index}`` does not guarantee this.
        varying: Number of path components, counted from the end, that differ between items.

    Raises:
        InvalidRequest: The pattern has an unknown placeholder, or none, so that all outcomes would
            share one file; or ``also`` names an unknown kind of file.
    """

    def __init__(self, pattern: str | os.PathLike[str], also: Sequence[Output] = ()) -> None:
        if isinstance(also, str) or not set(also) <= set(OUTPUTS):
            raise InvalidRequest(
                f"also: expected a list of {', '.join(OUTPUTS)}, got {also!r}", param="also"
            )
        self.also: tuple[Output, ...] = tuple(dict.fromkeys(also))
        self._pattern = os.fspath(pattern)
        try:
            parts = list(string.Formatter().parse(self._pattern))
        except ValueError as error:
            raise InvalidRequest(f"to: {self._pattern!r}: {error}", param="to") from None
        fields = [
            (name, spec or "", conversion)
            for _, name, spec, conversion in parts
            if name is not None
        ]
        for name, spec, conversion in fields:
            padded = name == "index" and _pads(spec)
            if name not in _FIELDS or conversion or (spec and not padded):
                raise InvalidRequest(
                    f"to: expected {{key}}, {{index}} or {{job_id}} in {self._pattern!r}",
                    param="to",
                )
        if not fields or not Path(self._pattern).name:
            raise InvalidRequest(
                f"to: expected a path with {{key}}, {{index}} or {{job_id}}, got {self._pattern!r}",
                param="to",
            )
        self.lasting: bool = any(name != "index" for name, _, _ in fields)
        parts_of_path = Path(self._pattern).parts
        first = next(at for at, part in enumerate(parts_of_path) if "{" in part)
        self.varying: int = len(parts_of_path) - first
        ending = PurePath(self._pattern).suffix
        self._ending = "" if "{" in ending or "}" in ending else ending

    def path(self, outcome: Outcome[Any], *, apart: bool = False) -> Path:
        """Return the path of an outcome's file.

        Args:
            outcome: The outcome.
            apart: Always add the digits, because another item has the plain name.
        """
        return Path(
            self._pattern.format(
                key=_distinct(outcome.key, apart=apart),
                index=outcome.index,
                job_id=_distinct(outcome.job_id or "none", apart=apart),
            )
        )

    def beside(self, path: Path, what: Output, url: str) -> Path:
        """Return the path of an additional file of a result.

        Args:
            path: The path of its main file.
            what: The kind of file.
            url: Its URL, which may contain the ending.
        """
        endings = _ENDINGS[what]
        ending = PurePosixPath(urlsplit(url).path).suffix.lower()
        stem = path.name.removesuffix(self._ending)
        return path.with_name(stem + (ending if ending in endings else endings[0]))

    def ambiguous(self, path: Path) -> bool:
        """Return whether a main file could have the name of an additional file of another item."""
        endings = (ending for what in self.also for ending in _ENDINGS.get(what, ()))
        return path.name.casefold().endswith(tuple(endings))


def _pads(spec: str) -> bool:
    return spec.removesuffix("d").isdecimal() and len(spec) <= 3


def _distinct(name: str, *, apart: bool = False) -> str:
    stem = file_stem(name)
    if stem == name and not apart:
        return stem
    return f"{stem}-{hashlib.sha256(name.encode('utf-8', 'surrogatepass')).hexdigest()[:8]}"


async def downloaded(
    heygen: HeyGen,
    outcomes: AsyncIterable[Ended[T]],
    pattern: FilePattern,
    *,
    parallel: int,
    ordered: bool,
    skip_resumed: bool = False,
    taken: Callable[[Ended[Any]], object] = lambda outcome: None,
) -> AsyncGenerator[Ended[T]]:
    """Iterate over the outcomes of a run, yielding each when its download has finished or failed.

    Args:
        heygen: The client.
        outcomes: The run. Its exceptions are raised after the downloads in progress have ended.
        pattern: Pattern of the paths.
        parallel: Maximum number of concurrent downloads; the run waits until one can start.
        ordered: Keep the order of the outcomes.
        skip_resumed: Download missing files of items that ended in an earlier run, but yield these
            items only if a download fails.
        taken: Called with each outcome before it is handed on.
    """
    files = OutputFiles(heygen, pattern)
    saving = run_bounded(outcomes, files.saved, parallel=parallel, ordered=ordered)
    async with contextlib.aclosing(saving):
        async for outcome in saving:
            taken(outcome)
            if not (skip_resumed and outcome.resumed and outcome.download_error is None):
                yield outcome


class OutputFiles:
    """Download the outputs of outcomes to their paths.

    Some file systems do not distinguish names that differ only in case. Such items are saved one
    after the other. If the name of an item turns out to be another item's file, digits are added to
    it. The digits are always the same, so the next run finds the file again.
    """

    def __init__(self, heygen: HeyGen, pattern: FilePattern) -> None:
        self._heygen = heygen
        self._pattern = pattern
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def saved(self, outcome: Ended[T]) -> Ended[T]:
        """Return the outcome with its files, or with the reason why they are missing."""
        result: Any = outcome.result
        if result is None:
            return outcome
        path = self._pattern.path(outcome)
        turn = self._turns.setdefault(str(path).casefold(), asyncio.Lock())
        files: dict[Output | None, str] = {}
        failure = outcome.download_error  # the source should have written a file
        async with turn:
            if self._pattern.ambiguous(path) or await in_thread(
                _is_anothers, path, self._pattern.varying
            ):
                path = self._pattern.path(outcome, apart=True)
            kept = outcome.resumed and self._pattern.lasting
            try:
                if self._pattern.also and isinstance(result, VideoAgentSession):
                    result = await _video_of(self._heygen, result)
                for what, to in self._files(result, path):
                    try:
                        if not (kept and await in_thread(_is_file, to)):
                            await _fetch(self._heygen, result, to, what)
                        files[what] = str(to)
                    except HeyGenError as error:
                        failure = failure or error
            except HeyGenError as error:
                failure = failure or error
        main = files.pop(None, None)
        return msgspec.structs.replace(outcome, file=main, also=files, download_error=failure)

    def _files(self, result: Any, path: Path) -> Iterator[tuple[Output | None, Path]]:
        """Yield the files of a result with their paths."""
        yield None, path
        main = "video" if find_output_url(result, "video") else "audio"
        for what in self._pattern.also:
            url = find_output_url(result, what)
            if url is not None and what not in ("video", main):
                yield what, self._pattern.beside(path, what, url)


def _is_file(path: Path) -> bool:
    with contextlib.suppress(OSError):  # the download reports errors of the path
        return path.is_file()
    return False


def _is_anothers(path: Path, varying: int) -> bool:
    """Return whether the path names a file whose name differs from it only in case."""
    with contextlib.suppress(OSError):
        for part in [path, *path.parents][:varying]:
            # If the name with other capitals does not exist, the file system distinguishes case.
            if os.path.lexists(part) and os.path.lexists(part.with_name(part.name.swapcase())):
                names = {unicodedata.normalize("NFC", name) for name in os.listdir(part.parent)}
                if unicodedata.normalize("NFC", part.name) not in names:
                    return True
    return False


async def _fetch(heygen: HeyGen, result: object, path: Path, what: Output | None) -> None:
    match result:
        case Video() | VideoTranslation() | Lipsync():
            await heygen.download(result, path, what=what)
        case VideoAgentSession():
            await heygen.download(await _video_of(heygen, result), path)
        case Speech():
            await heygen.download(result.audio_url, path)
        case _:
            raise InvalidRequest(f"a {type(result).__name__} has no file to download")


async def _video_of(heygen: HeyGen, session: VideoAgentSession) -> Video:
    """Return the video of a session; the session can end before its video."""
    if session.video_id is None:
        raise InvalidRequest(f"session {session.session_id} has no video to download")
    return await heygen.jobs.attach(Video, session.video_id).wait()
