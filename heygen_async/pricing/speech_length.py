"""Estimate the spoken length of a text.

Alphabetic scripts are spoken at about 15 characters per second, including spaces. A Chinese,
Japanese or Korean character stands for a syllable or more and takes longer. ``<break
time="1.5s"/>`` is silence; other tags are not spoken. Actual voices differ from the estimate by up
to a third (``TOLERANCE``) in either direction.
"""

from __future__ import annotations

import re
import unicodedata

LETTERS_PER_SECOND = 15.0
HAN_PER_SECOND = 4.5
KANA_PER_SECOND = 7.5
HANGUL_PER_SECOND = 5.5
MIN_SECONDS = 0.5
"""Shortest estimate, in seconds."""
TOLERANCE = 1 / 3
"""Share by which an actual voice may be slower or faster than the estimate."""

_BREAK = re.compile(
    r"""<break\s+time\s*=\s*["'](\d{1,4}(?:\.\d{1,6})?)s["']\s*/?>""", re.IGNORECASE
)
_TAG = re.compile(r"</?[a-zA-Z][^<>]*>")
_HAN = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]")
_KANA = re.compile(r"[\u3041-\u30ff\uff66-\uff9f]")
_HANGUL = re.compile(r"[\uac00-\ud7a3]")


def speech_seconds(text: str, speed: float = 1.0) -> float:
    """Return the estimated length of a spoken text, in seconds.

    Args:
        text: The text, with or without tags.
        speed: Speed of the voice; 1 is normal. Breaks keep their length.
    """
    breaks = 0.0
    if "<" in text:
        breaks = sum(map(float, _BREAK.findall(text)))
        text = _TAG.sub(" ", text)
    words = unicodedata.normalize("NFC", text).split()
    letters = sum(map(len, words)) + len(words)
    seconds = 0.0
    if not text.isascii():
        joined = "".join(words)
        for script, per_second in (
            (_HAN, HAN_PER_SECOND),
            (_KANA, KANA_PER_SECOND),
            (_HANGUL, HANGUL_PER_SECOND),
        ):
            characters = len(script.findall(joined))
            letters -= characters
            seconds += characters / per_second
    seconds += letters / LETTERS_PER_SECOND
    return max(MIN_SECONDS, seconds / speed + breaks)
