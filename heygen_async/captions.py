"""Captions: read and write SRT files, check cues, and make captions from spoken words.

pysubs2, from the extra ``captions``, writes files and computes times; it is loaded with the first
file, not with this module. Files are parsed here, because pysubs2 omits what it cannot read. The
limits for speed and length are those of broadcasters and streaming services: 42 characters in a
line, two lines, 20 characters a second. Characters of Chinese, Japanese and Korean count twice.
"""

from __future__ import annotations

import itertools
import math
import re
import textwrap
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from types import ModuleType
from typing import Literal, TypeAlias

import msgspec

from heygen_async.errors import ConfigurationError, InvalidRequest
from heygen_async.models.voices import WordTimestamp

LINE = 42
"""The most characters of a line."""
LINES = 2
"""The most lines of a cue."""
CHARACTERS_PER_SECOND = 20.0
"""The reading speed of most people."""
LONGEST = 7.0
"""The longest duration of a caption made from words, in seconds."""
SHORTEST = 5 / 6
"""The shortest duration of a caption made from words, in seconds, unless the next one begins."""

# A pause after which a caption made from words ends, in seconds.
_PAUSE = 0.7
_SENTINELS = frozenset({"<start>", "<end>"})
_ENDS_SENTENCE = (".", "!", "?", "…", "。", "！", "？")  # noqa: RUF001
_TAG = re.compile(r"</?[a-zA-Z][^<>]*>|\{\\[^{}]*\}")
# The format has two digits for the hours, and three for the milliseconds.
_TOO_LATE = 360_000.0
_LATEST = _TOO_LATE - 0.001
# Times that would be misread: those with more hours than that, or with a sign.
_ODD_TIME = re.compile(r"(?:-\d{1,2}|\d{3,}):\d{1,2}:\d{1,2}[.,]\d")
# Hours, minutes, seconds and their fraction, also with the full-width signs of Chinese keyboards.
_TIME = (
    r"(?:(\d{1,2})\s*[:\uff1a]\s*)?(\d{1,2})\s*[:\uff1a]\s*(\d{1,2})"
    r"(?:\s*[.,\uff0e\uff0c]\s*(\d{1,9}))?"
)
# Positions may follow, as written by some programs; a text may not, because it would be lost.
_TIMING = rf"\s*{_TIME}\s*(?:-\s?-?\s?>|\u2192)\s*{_TIME}(?:\s+[A-Za-z]\w*:\S+)*\s*"
# Two times with an arrow between them, or with hours or fractions; "10:30 to 11:45" is text.
_CLOCK = r"\d{1,3}[:\uff1a]\d{1,2}(?:[:\uff1a]\d{1,2}|[.,\uff0e\uff0c]\d)"
_LOOKS_LIKE_TIMING = re.compile(rf"-->|^\W*{_CLOCK}\S*\W{{1,9}}{_CLOCK}", re.MULTILINE)
# In pysubs2 a backslash begins a command, such as \N for a line feed; in SRT it is a character.
_BACKSLASH = "\ufdd0"

Kind: TypeAlias = Literal["timing", "length", "order", "overlap", "empty", "speed", "line", "lines"]
"""The kind of a problem with a cue."""

_SERIOUS = frozenset({"timing", "length", "order", "overlap", "empty"})


class Cue(msgspec.Struct, frozen=True, kw_only=True):
    """One caption.

    Attributes:
        start: Time when it appears, in seconds from the beginning.
        end: Time when it disappears, in seconds from the beginning.
        text: Its text; lines are separated by line feeds.
    """

    start: float
    end: float
    text: str


class CueProblem(msgspec.Struct, frozen=True, kw_only=True):
    """A problem with one cue.

    Attributes:
        number: The cue's number, from 1.
        kind: ``timing`` (a line looks like a timing but cannot be read), ``length`` (it ends before
            it begins), ``order`` (it begins before the previous cue), ``overlap`` (it begins before
            the previous cue ends), ``empty``, ``speed`` (more characters a second than people can
            read), ``line`` (a line is too long), ``lines`` (too many lines).
        message: A description with figures.
    """

    number: int
    kind: Kind
    message: str

    def __str__(self) -> str:
        return f"cue {self.number}: {self.message}"

    @property
    def serious(self) -> bool:
        """Whether players would show the cue wrongly; other problems only make it hard to read."""
        return self.kind in _SERIOUS


def parse_srt(text: str) -> list[Cue]:
    """Return the cues of an SRT file, in the order of the file.

    Times may have dots, full-width signs or spaces, lack milliseconds, or lack hours if they have
    milliseconds; numbers may be missing. A timing that cannot be read remains, with its text, in
    the text of the previous cue, where ``problems`` reports it.

    Args:
        text: The file. Tags such as ``<i>`` stay in the texts; the numbers of cues are ignored.

    Raises:
        InvalidRequest: The file has no cue, has other text before the first cue, or has a time that
            is negative or past 100 hours.
        ConfigurationError: pysubs2 is not installed.
    """
    text = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    rows = text.split("\n")
    _check_times(rows)
    make_time = _pysubs2().make_time
    timings = [(at, found) for at, row in enumerate(rows) if (found := _timing(row, make_time))]
    if not timings:
        unread = next((at for at, row in enumerate(rows, 1) if "-->" in row), None)
        reason = f"the timing in line {unread} cannot be read" if unread else "the file has no cue"
        raise InvalidRequest(f"srt: {reason}", param="srt")
    _check_beginning(rows[: timings[0][0]])
    cues: list[Cue] = []
    number: int | None = _number_before(rows, 0, timings[0][0], None)[1]
    ends = [at for at, _ in timings[1:]] + [len(rows)]
    for (at, (start, end)), following in zip(timings, ends, strict=True):
        last = following
        if following < len(rows):
            last, number = _number_before(rows, at + 1, following, number)
        said = "\n".join(rows[at + 1 : last]).strip()
        cues.append(Cue(start=start / 1000, end=end / 1000, text=said))
    return cues


def write_srt(cues: Iterable[Cue]) -> str:
    """Return the cues as an SRT file, numbered from 1.

    Args:
        cues: The cues, in the order to write; blank lines within a text are left out.

    Raises:
        InvalidRequest: A time is negative, or past the 100 hours of the format.
        ConfigurationError: pysubs2 is not installed.
    """
    pysubs2 = _pysubs2()
    file = pysubs2.SSAFile()
    for number, cue in enumerate(cues, 1):
        if not (0 <= cue.start < _TOO_LATE and 0 <= cue.end < _TOO_LATE):
            raise InvalidRequest(
                f"cues: cue {number} is outside of 0 to {_TOO_LATE:g} s", param="cues"
            )
        start, end = (round(min(at, _LATEST) * 1000) for at in (cue.start, cue.end))
        text = cue.text.replace("\\", _BACKSLASH).replace("\n", r"\N")
        file.events.append(pysubs2.SSAEvent(start=start, end=end, text=text))
    written: str = file.to_string("srt", keep_ssa_tags=True)
    return written.replace(_BACKSLASH, "\\")


def problems(
    cues: Sequence[Cue],
    *,
    characters_per_second: float = CHARACTERS_PER_SECOND,
    line: int = LINE,
    lines: int = LINES,
) -> list[CueProblem]:
    """Return all problems with cues, in the order of the cues; empty if there are none.

    Args:
        cues: The cues.
        characters_per_second: The highest reading speed; tags and line ends do not count.
        line: The most characters of a line.
        lines: The most lines of a cue.
    """
    found: list[CueProblem] = []
    for number, cue in enumerate(cues, 1):
        before = cues[number - 2] if number > 1 else None
        found += [
            CueProblem(number=number, kind=kind, message=message)
            for kind, message in (
                *_faults_of_time(cue, before),
                *_faults_of_text(cue, characters_per_second, line, lines),
            )
        ]
    return found


def captions(words: Iterable[WordTimestamp], *, line: int = LINE, lines: int = LINES) -> list[Cue]:
    """Return captions for spoken words, with the times at which these are spoken.

    A caption ends when it is full, at a pause, after 7 seconds, or at the end of a sentence if it
    fills half a line. The sentinels ``<start>`` and ``<end>`` are left out.

    Args:
        words: The words, such as ``Speech.word_timestamps``.
        line: The most characters of a line.
        lines: The most lines of a caption.
    """
    spoken = [
        word if word.start >= 0 else msgspec.structs.replace(word, start=0.0)
        for word in words
        if word.word.strip() and word.word not in _SENTINELS
    ]
    cues: list[Cue] = []
    for group in _grouped(spoken, line, lines):
        text = "\n".join(_wrapped(_joined(group), line))
        end = max(group[-1].end, group[0].start)
        cues.append(Cue(start=group[0].start, end=end, text=text))
    following = itertools.chain((cue.start for cue in cues[1:]), [math.inf])
    return [
        msgspec.structs.replace(cue, end=max(cue.end, min(cue.start + SHORTEST, until)))
        for cue, until in zip(cues, following, strict=False)
    ]


def _faults_of_time(cue: Cue, before: Cue | None) -> Iterator[tuple[Kind, str]]:
    if cue.end <= cue.start:
        yield "length", f"it ends at {cue.end:.3f} s but begins at {cue.start:.3f} s"
    if before is not None and cue.start < before.start:
        yield "order", f"it begins at {cue.start:.3f} s, before the previous cue"
    elif before is not None and cue.start < before.end:
        overlap = before.end - cue.start
        yield "overlap", f"it begins {overlap:.3f} s before the previous cue ends"


def _faults_of_text(
    cue: Cue, characters_per_second: float, line: int, lines: int
) -> Iterator[tuple[Kind, str]]:
    if _LOOKS_LIKE_TIMING.search(cue.text):
        yield "timing", "a line of its text looks like a timing but cannot be read"
    shown = [row.strip() for row in _TAG.sub("", cue.text).split("\n")]
    widths = [_width(row) for row in shown]
    if not any(widths):
        yield "empty", "it has no text"
    seconds = cue.end - cue.start
    if seconds > 0 and sum(widths) / seconds > characters_per_second:
        speed = f"{sum(widths) / seconds:.0f} characters a second"
        yield "speed", f"{speed}, more than {characters_per_second:g}"
    if max(widths) > line:
        yield "line", f"a line has {max(widths)} characters, more than {line}"
    if len(shown) > lines:
        yield "lines", f"it has {len(shown)} lines, more than {lines}"


def _grouped(
    words: Sequence[WordTimestamp], line: int, lines: int
) -> Iterator[list[WordTimestamp]]:
    group: list[WordTimestamp] = []
    for word in words:
        if group and (
            word.start - group[-1].end > _PAUSE
            or word.end - group[0].start > LONGEST
            or len(_wrapped(_joined([*group, word]), line)) > lines
            or (group[-1].word.endswith(_ENDS_SENTENCE) and _width(_joined(group)) >= line / 2)
        ):
            yield group
            group = []
        group.append(word)
    if group:
        yield group


def _joined(words: Sequence[WordTimestamp]) -> str:
    """Return words as a text, with spaces except between characters that are written without."""
    text = ""
    for word in words:
        following = word.word.strip()
        close = text and _is_wide(text[-1]) and _is_wide(following[0])
        text += following if close or not text else f" {following}"
    return text


def _wrapped(text: str, line: int) -> list[str]:
    # Texts of wide characters have no spaces to wrap at, and their lines hold half as many.
    wide = any(map(_is_wide, text))
    return textwrap.wrap(text, max(1, line // 2) if wide else line, break_on_hyphens=False)


def _width(text: str) -> int:
    return sum(
        0 if unicodedata.combining(character) else 1 + _is_wide(character) for character in text
    )


def _is_wide(character: str) -> bool:
    return unicodedata.east_asian_width(character) in ("W", "F")


def _timing(row: str, make_time: Callable[..., int]) -> tuple[int, int] | None:
    """Return start and end in milliseconds, or None if the row is not a timing or is ambiguous."""
    found = re.fullmatch(_TIMING, row)
    if found is None:
        return None
    times = []
    for hours, minutes, seconds, fraction in (found.groups()[:4], found.groups()[4:]):
        if hours is None and fraction is None:
            return None  # 00:20 could be hours and minutes
        milliseconds = int(f"{fraction or 0:0<3}"[:3])
        times.append(make_time(h=int(hours or 0), m=int(minutes), s=int(seconds), ms=milliseconds))
    return times[0], times[1]


def _number_before(
    rows: Sequence[str], first: int, timing: int, before: int | None
) -> tuple[int, int | None]:
    """Return the end of the text before a timing, and the number of the timing's cue.

    Args:
        rows: The file.
        first: Row at which that text begins.
        timing: Row of the timing.
        before: The number of the previous cue, or None.
    """
    at = timing - 1
    while at > first and not rows[at].strip():
        at -= 1
    if at < first or not rows[at].strip().isdecimal():
        return timing, None
    # A text can also end with a number.
    number = int(rows[at])
    close = at == timing - 1
    apart = at == first or not rows[at - 1].strip()
    follows = before is not None and number == before + 1
    return (at, number) if close + apart + follows >= 2 else (timing, None)


def _check_beginning(rows: Sequence[str]) -> None:
    """Refuse any text before the first timing except one number, because it would be lost."""
    numbers = 0
    for at, row in enumerate(rows, 1):
        if "-->" in row:
            raise InvalidRequest(f"srt: cannot read the timing in line {at}", param="srt")
        numbers += row.strip().isdecimal()
        if row.strip() and (numbers > 1 or not row.strip().isdecimal()):
            raise InvalidRequest(f"srt: line {at} has text before the first cue", param="srt")


def _check_times(rows: Sequence[str]) -> None:
    """Refuse times that would be read only in part."""
    for number, row in enumerate(rows, 1):
        if "-->" in row and (found := _ODD_TIME.search(row)):
            raise InvalidRequest(
                f"srt: line {number}: {found[0]}… is outside of 0 to {_TOO_LATE:g} s", param="srt"
            )


def _pysubs2() -> ModuleType:
    try:
        import pysubs2
    except ModuleNotFoundError:
        raise ConfigurationError(
            "captions need pysubs2: pip install pysubs2 (the extra captions)"
        ) from None
    return pysubs2
