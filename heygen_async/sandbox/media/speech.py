"""Compute the duration of speech and the times of its words."""

from __future__ import annotations

import re
from dataclasses import dataclass
from xml.parsers.expat import ExpatError, ParserCreate

from ..refusals import invalid

__all__ = ["SpokenWord", "read_aloud", "speech_seconds"]

#: Speed of speech at `speed=1`.
CHARACTERS_PER_SECOND = 15.0
#: The shortest duration of any speech, in seconds.
SHORTEST = 0.5

_BREAK = re.compile(r"<break\b([^>]*)/?>")
_BREAK_TIME = re.compile(r"""\stime\s*=\s*["'](\d+(?:\.\d+)?)s["']\s*/?$""")
_TAG = re.compile(r"</?[a-zA-Z][^<>]*>")
#: Tags that identify a text as SSML.
_SSML = re.compile(
    r"</?(?:speak|break|prosody|emphasis|say-as|phoneme|sub|voice|lang|audio|mark)(?![\w-])"
)
#: Characters that a text may contain unescaped if it is not all SSML: `Tom & Jerry`, `a < b`.
_BARE_AMPERSAND = re.compile(r"&(?!(?:amp|lt|gt|quot|apos|#\d+|#x[\da-fA-F]+);)")
_BARE_LESS = re.compile(r"<(?!/?[a-zA-Z]|[!?])")


@dataclass(frozen=True, slots=True)
class SpokenWord:
    """A word and its position in the audio, in seconds."""

    word: str
    start: float
    end: float


def read_aloud(
    text: str, *, speed: float = 1.0, field: str = "text", ssml: bool = False
) -> tuple[list[SpokenWord], float]:
    """Compute the times of the words of a text.

    `<break time="1.5s"/>` adds silence; other tags are not spoken.

    Args:
        text: Plain text or SSML.
        speed: 1.0 is fifteen characters per second.
        field: Field for refusals.
        ssml: Whether the text was sent as SSML. Other text is treated as SSML if it has SSML tags.

    Returns:
        The words and the total length in seconds, both exact to the millisecond.

    Raises:
        Refusal: 400 `tts_text_invalid` if the text has no words, a break has no time in seconds, or
            SSML is not well-formed.
    """
    if ssml:
        _check_ssml(text, field)
    elif _SSML.search(text):
        _check_ssml(_BARE_LESS.sub("&lt;", _BARE_AMPERSAND.sub("&amp;", text)), field)
    words: list[SpokenWord] = []
    at = 0.0
    # Splitting by a pattern with one group results in text, break, text, break, … text.
    for index, part in enumerate(_BREAK.split(text)):
        if index % 2:
            time = _BREAK_TIME.search(" " + part.strip())
            if time is None:
                raise invalid(field, "A break needs a time in seconds", code="tts_text_invalid")
            at += float(time[1])
            continue
        for word in _TAG.sub(" ", part).split():
            takes = (len(word) + 1) / CHARACTERS_PER_SECOND / speed
            words.append(SpokenWord(word, round(at, 3), round(at + takes * 0.9, 3)))
            at += takes
    if not words:
        raise invalid(field, "There is nothing to say in this text", code="tts_text_invalid")
    return words, max(SHORTEST, round(at, 3))


def _check_ssml(text: str, field: str) -> None:
    """Refuse SSML that is not well-formed; wrap a text without `<speak>` in one."""
    whole = text.lstrip()
    if not whole.startswith(("<speak", "<?xml")):
        whole = f"<speak>{text}</speak>"
    parser = ParserCreate()
    parser.StartDoctypeDeclHandler = _refuse_doctype
    try:
        parser.Parse(whole, True)
    except (ExpatError, ValueError) as error:
        message = f"The SSML is not well-formed: {error}"
        raise invalid(field, message, code="tts_text_invalid") from None


def _refuse_doctype(*_: object) -> None:
    raise ValueError("a document type is not allowed")


def speech_seconds(text: str, *, speed: float = 1.0, field: str = "script") -> float:
    """Return the duration of a script in seconds; refuse it as `read_aloud` does."""
    if "<" in text or not text.strip():
        return read_aloud(text, speed=speed, field=field)[1]
    # A fast path, because scripts seldom have tags and only their length is needed.
    words = text.split()
    characters = sum(map(len, words)) + len(words)
    return max(SHORTEST, round(characters / CHARACTERS_PER_SECOND / speed, 3))
