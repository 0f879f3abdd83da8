"""Downloads beside a run: outputs become files as their jobs end, under names from a pattern."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import os
import string
import unicodedata
from collections.abc import AsyncGenerator, AsyncIterable
from pathlib import Path
from typing import Any, TypeVar
from weakref import WeakValueDictionary

import msgspec

from heygen_async.batch.outcome import Outcome
from heygen_async.client import HeyGen
from heygen_async.errors import HeyGenError, InvalidRequest
from heygen_async.models.lipsyncs import Lipsync
from heygen_async.models.video_agents import VideoAgentSession
from heygen_async.models.video_translations import VideoTranslation
from heygen_async.models.videos import Video
from heygen_async.models.voices import Speech
from heygen_async.session.tasks import in_parallel, in_thread

T = TypeVar("T")

# Names that Windows keeps for devices, with whatever ending.
_DEVICES = frozenset(
    ["con", "prn", "aux", "nul", *(f"{port}{n}" for port in ("com", "lpt") for n in range(1, 10))]
)
_PUNCTUATION = frozenset("-_.,()+@ ")
# File systems take 255 bytes; an ending and the mark of an unfinished download come on top.
_LONGEST = 200
_FIELDS = ("key", "index", "job_id")


def file_stem(name: str) -> str:
    """A file name without ending, made of any text; it never leads out of its folder.

    Letters and digits of all scripts stay, other characters become underscores.
    """
    name = unicodedata.normalize("NFC", name)
    kept = "".join(c if c.isalnum() or c in _PUNCTUATION else "_" for c in name)
    kept = kept.encode()[:_LONGEST].decode(errors="ignore")
    kept = kept.lstrip(". ").rstrip(". ") or "_"
    return f"_{kept}" if kept.split(".")[0].lower() in _DEVICES else kept


class FilePattern:
    """Makes paths of outcomes: ``videos/{key}.mp4``.

    ``{key}``, ``{index}`` (also ``{index:05}``) and ``{job_id}`` stand for what the outcome
    says. What they bring in never leads out of the folder: characters that file names do not
    take become underscores, and a name that was changed so gets eight digits over the original,
    so that two keys never share a file.

    Args:
        pattern: The pattern.

    Attributes:
        lasting: Whether a file that is there is that of its item, also after other items came or
            went; a pattern with ``{index}`` alone does not say so.
        varying: How many parts of the path, from its end, differ from item to item.

    Raises:
        InvalidRequest: It names something else, or nothing, so that all files would be one.
    """

    def __init__(self, pattern: str | os.PathLike[str]) -> None:
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

    def path(self, outcome: Outcome[Any], *, apart: bool = False) -> Path:
        """Where the file of an outcome goes.

        Args:
            outcome: The outcome.
            apart: Add the digits in any case: the plain name is another's.
        """
        return Path(
            self._pattern.format(
                key=_distinct(outcome.key, apart=apart),
                index=outcome.index,
                job_id=_distinct(outcome.job_id or "none", apart=apart),
            )
        )


def _pads(spec: str) -> bool:
    return spec.removesuffix("d").isdecimal() and len(spec) <= 3


def _distinct(name: str, *, apart: bool = False) -> str:
    stem = file_stem(name)
    if stem == name and not apart:
        return stem
    return f"{stem}-{hashlib.sha256(name.encode('utf-8', 'surrogatepass')).hexdigest()[:8]}"


async def downloaded(
    heygen: HeyGen,
    outcomes: AsyncIterable[Outcome[T]],
    pattern: FilePattern,
    *,
    parallel: int,
    ordered: bool,
    skip_resumed: bool = False,
) -> AsyncGenerator[Outcome[T]]:
    """The outcomes of a run, each once its output is on disk, or could not be fetched.

    Args:
        heygen: The client.
        outcomes: The run. What it raises is raised once the downloads under way have ended.
        pattern: Where the files go.
        parallel: Downloads that run at once at most; the run waits for a place.
        ordered: Keep the order of the outcomes.
        skip_resumed: Fetch what is missing of items that ended in an earlier run, but do not hand
            them on, unless that fails.
    """
    shelf = _Shelf(heygen, pattern)
    saving = in_parallel(outcomes, shelf.saved, parallel=parallel, ordered=ordered)
    async with contextlib.aclosing(saving):
        async for outcome in saving:
            if not (skip_resumed and outcome.resumed and outcome.download_error is None):
                yield outcome


class _Shelf:
    """Puts the outputs of outcomes where they belong.

    Some file systems take names for one that differ in capitals alone. Such items are saved one
    after the other, and one whose name turns out to be the file of another gets digits added:
    always the same, so that the next run finds it again.
    """

    def __init__(self, heygen: HeyGen, pattern: FilePattern) -> None:
        self._heygen = heygen
        self._pattern = pattern
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def saved(self, outcome: Outcome[T]) -> Outcome[T]:
        """The outcome with its file, or with why there is none."""
        if outcome.result is None:
            return outcome
        path = self._pattern.path(outcome)
        turn = self._turns.setdefault(str(path).casefold(), asyncio.Lock())
        try:
            async with turn:
                if await in_thread(_is_anothers, path, self._pattern.varying):
                    path = self._pattern.path(outcome, apart=True)
                there = outcome.resumed and self._pattern.lasting
                if not (there and await in_thread(_is_file, path)):
                    await _fetch(self._heygen, outcome.result, path)
        except HeyGenError as error:
            return msgspec.structs.replace(outcome, download_error=error)
        return msgspec.structs.replace(outcome, file=str(path))


def _is_file(path: Path) -> bool:
    with contextlib.suppress(OSError):  # the download says what is wrong with the path
        return path.is_file()
    return False


def _is_anothers(path: Path, varying: int) -> bool:
    """Whether something is at the path whose own name differs from it in capitals alone."""
    with contextlib.suppress(OSError):
        for part in [path, *path.parents][:varying]:
            # Where the name with other capitals leads nowhere, capitals count here.
            if os.path.lexists(part) and os.path.lexists(part.with_name(part.name.swapcase())):
                names = {unicodedata.normalize("NFC", name) for name in os.listdir(part.parent)}
                if unicodedata.normalize("NFC", part.name) not in names:
                    return True
    return False


async def _fetch(heygen: HeyGen, result: object, path: Path) -> None:
    match result:
        case Video() | VideoTranslation() | Lipsync():
            await heygen.download(result, path)
        case VideoAgentSession(video_id=str(video_id)):
            # The session can have ended before its video.
            video = await heygen.jobs.attach(Video, video_id).wait()
            await heygen.download(video, path)
        case Speech():
            await heygen.download(result.audio_url, path)
        case _:
            raise InvalidRequest(f"a {type(result).__name__} has no file to download")
