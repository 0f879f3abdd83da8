"""Write SRT and WebVTT, and recognize SRT."""

from __future__ import annotations

import re
from collections.abc import Iterator

__all__ = ["cues_of", "is_srt", "srt_to_vtt", "write_srt"]

_WORDS_PER_CUE = 7
_STAMP = r"(\d\d):(\d\d):(\d\d)[,.](\d{3})"
_TIMING = re.compile(rf"^{_STAMP} --> {_STAMP}\s*$", flags=re.MULTILINE)


def _stamp(seconds: float) -> str:
    milliseconds = round(seconds * 1000)
    minutes, milliseconds = divmod(milliseconds, 60_000)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02}:{minutes:02}:{milliseconds // 1000:02},{milliseconds % 1000:03}"


def write_srt(text: str, seconds: float) -> str:
    """Return captions of a text spread evenly over ``seconds``; `♪` if it has no words."""
    words = text.split() or ["♪"]
    groups = [words[i : i + _WORDS_PER_CUE] for i in range(0, len(words), _WORDS_PER_CUE)]
    total = sum(len(word) + 1 for word in words)
    cues = []
    said = 0
    for number, group in enumerate(groups, start=1):
        start = said / total * seconds
        said += sum(len(word) + 1 for word in group)
        end = said / total * seconds
        cues.append(f"{number}\n{_stamp(start)} --> {_stamp(end)}\n{' '.join(group)}\n")
    return "\n".join(cues)


def is_srt(text: str) -> bool:
    """Return whether a text has at least one cue timing."""
    return _TIMING.search(text) is not None


def srt_to_vtt(srt: str) -> str:
    """Return the captions as WebVTT."""
    return "WEBVTT\n\n" + _TIMING.sub(lambda timing: timing[0].replace(",", "."), srt)


def cues_of(srt: str) -> Iterator[tuple[float, float, str]]:
    """Yield start and end in seconds and the text of each cue."""
    timings = list(_TIMING.finditer(srt))
    stops = [timing.start() for timing in timings[1:]]
    for timing, stop in zip(timings, [*stops, len(srt)], strict=True):
        lines = srt[timing.end() : stop].strip().splitlines()
        if stop < len(srt) and lines and lines[-1].strip().isdigit():
            del lines[-1]  # the number of the next cue
        hours, minutes, seconds, ms, *end = (int(part) for part in timing.groups())
        begin = 3600 * hours + 60 * minutes + seconds + ms / 1000
        yield begin, 3600 * end[0] + 60 * end[1] + end[2] + end[3] / 1000, " ".join(lines)
