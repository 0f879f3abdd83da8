"""Decide which words are shown and heard at which time."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ..speech import SpokenWord
from ..subtitles import cues_of
from .drawing import Drawing

__all__ = ["SpokenLine", "is_wide", "spoken_lines"]

#: The most characters that are shown at a time; wide ones count twice.
_LINE = 90
#: The most characters of a word that is shown in one piece.
_WORD = 24
_TAG = re.compile(r"</?[a-zA-Z][^<>]*>")
_SENTENCE_END = re.compile(r"[.!?…。！？]['\"»”)]?\s*$")  # noqa: RUF001


@dataclass(frozen=True, slots=True)
class SpokenLine:
    """Words that are shown together; each ends with the space that follows it."""

    words: Sequence[SpokenWord]

    @property
    def start(self) -> float:
        """Time of its first word in seconds."""
        return self.words[0].start

    @property
    def text(self) -> str:
        """The whole line."""
        return "".join(word.word for word in self.words)


def spoken_lines(drawing: Drawing) -> list[SpokenLine]:
    """Return all lines in order; their words do not overlap."""
    return list(_from_captions(drawing) if drawing.srt is not None else _from_scenes(drawing))


def _from_captions(drawing: Drawing) -> Iterator[SpokenLine]:
    at = 0.0
    for start, end, text in cues_of(drawing.srt or ""):
        begin, stop = max(at, start), min(end, drawing.seconds)
        pieces = list(_pieces(_TAG.sub(" ", text)))
        if pieces and begin < stop:
            yield SpokenLine(_timed(pieces, begin, stop))
            at = stop


def _from_scenes(drawing: Drawing) -> Iterator[SpokenLine]:
    at = 0.0
    for scene in drawing.scenes:
        pieces = list(_pieces(_TAG.sub(" ", scene.text)))
        timed = _timed(pieces, at, at + scene.seconds)
        first = 0
        for stop in _ends_of_lines(pieces):
            yield SpokenLine(timed[first:stop])
            first = stop
        at += scene.seconds


def _ends_of_lines(pieces: Sequence[str]) -> Iterator[int]:
    """Yield the number of pieces before the end of each line: a sentence, or as much as fits."""
    length = 0
    for index, piece in enumerate(pieces):
        length += _width(piece)
        following = _width(pieces[index + 1]) if index + 1 < len(pieces) else _LINE
        if length + following > _LINE or (length > _LINE / 3 and _SENTENCE_END.search(piece)):
            yield index + 1
            length = 0


def _width(text: str) -> int:
    return len(text) + sum(map(is_wide, text))


def is_wide(character: str) -> bool:
    """Return whether a character is East Asian and two columns wide."""
    return character > "\u1100" and unicodedata.east_asian_width(character) in "WF"


def _pieces(text: str) -> Iterator[str]:
    """Yield the words with the space after them; long words, and wide characters, in parts."""
    text = "".join(" " if unicodedata.category(c)[0] in "CZ" else c for c in text)
    for word in re.findall(r"\S+ *", text.strip()):
        most = 2 if any(map(is_wide, word)) else _WORD
        start = 0
        while len(word) - start > most + 1:
            stop = start + most
            while stop < len(word) and unicodedata.category(word[stop])[0] == "M":
                stop += 1  # a mark stays with its letter
            yield word[start:stop]
            start = stop
        if word[start:]:
            yield word[start:].rstrip() + " "


def _timed(pieces: Sequence[str], start: float, stop: float) -> list[SpokenWord]:
    """Spread the pieces over a time by their lengths; a tenth of each is silent."""
    total = sum(map(len, pieces)) or 1
    seconds = (stop - start) / total
    words, at = [], start
    for piece in pieces:
        takes = len(piece) * seconds
        words.append(SpokenWord(piece, at, at + takes * 0.9))
        at += takes
    return words
