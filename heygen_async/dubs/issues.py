"""Find what a person should look at in a dub. Pure functions over its captions and lengths."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Literal, TypeAlias

import msgspec

from heygen_async.captions import Cue, problems

IssueKind: TypeAlias = Literal["speed", "overlap", "untranslated", "glossary", "length"]
"""The kind of an issue; see ``Issue``."""

LONGER = 0.15
"""Share by which the length of a dub may differ from that of its source."""

_WORD = re.compile(r"[^\W\d_]{3,}")
# Equal words of a cue from which on it counts as not translated; names are often equal.
_SAME = 3


class Issue(msgspec.Struct, frozen=True, kw_only=True):
    """Something in a dub that a person should look at.

    Attributes:
        kind: ``speed``: a caption is too fast to read; ``overlap``: captions overlap;
            ``untranslated``: words are as in the source; ``glossary``: a term of the glossary was
            not kept; ``length``: the dub is much longer or shorter than the source.
        message: A description with figures.
        cue: Number of the caption, from 1, or None.
    """

    kind: IssueKind
    message: str
    cue: int | None = None

    def __str__(self) -> str:
        return self.message if self.cue is None else f"caption {self.cue}: {self.message}"


def dub_issues(
    dub: Sequence[Cue] = (),
    source: str | None = None,
    *,
    terms: Mapping[str, str] | None = None,
    source_seconds: float | None = None,
    dub_seconds: float | None = None,
) -> tuple[Issue, ...]:
    """Return what a person should look at first in a dub; empty if nothing was found.

    Args:
        dub: The captions of the dub.
        source: What is said in the source, or None if it is unknown.
        terms: Terms of the glossary with what they become in the dub, such as themselves.
        source_seconds: Length of the source in seconds, or None.
        dub_seconds: Length of the dub in seconds, or None.
    """
    terms = terms or {}
    return (
        *_length(source_seconds, dub_seconds),
        *_glossary(dub, source, terms),
        *_untranslated(dub, source, terms),
        *_captions(dub),
    )


def _length(source: float | None, dub: float | None) -> Iterator[Issue]:
    if not source or dub is None:
        return
    share = dub / source - 1
    if abs(share) > LONGER:
        than = "longer" if share > 0 else "shorter"
        message = f"it lasts {dub:.1f} s, {abs(share):.0%} {than} than the source"
        yield Issue(kind="length", message=message)


def _glossary(dub: Sequence[Cue], source: str | None, terms: Mapping[str, str]) -> Iterator[Issue]:
    if not dub or source is None:
        return
    said, heard = source.casefold(), _text(dub).casefold()
    for term, wanted in terms.items():
        if term.casefold() in said and wanted.casefold() not in heard:
            yield Issue(kind="glossary", message=f"{term!r} should be {wanted!r}, and is missing")


def _untranslated(
    dub: Sequence[Cue], source: str | None, terms: Mapping[str, str]
) -> Iterator[Issue]:
    if source is None:
        return
    said = set(_words(source)) - set(_words(" ".join([*terms, *terms.values()])))
    for number, cue in enumerate(dub, 1):
        words = list(_words(cue.text))
        same = [word for word in words if word in said]
        if len(same) >= _SAME and 2 * len(same) > len(words):
            message = f"as in the source: {' '.join(same[:8])}"
            yield Issue(kind="untranslated", message=message, cue=number)


def _captions(dub: Sequence[Cue]) -> Iterator[Issue]:
    for problem in problems(dub):
        if problem.kind == "speed" or problem.kind == "overlap":
            yield Issue(kind=problem.kind, message=problem.message, cue=problem.number)


def _text(cues: Sequence[Cue]) -> str:
    return " ".join(" ".join(cue.text for cue in cues).split())


def _words(text: str) -> Iterator[str]:
    return (word.casefold() for word in _WORD.findall(text))
