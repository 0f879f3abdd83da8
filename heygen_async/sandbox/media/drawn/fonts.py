"""Choose a font that has the letters of a text: Pillow's own, or one of the system."""

from __future__ import annotations

import os
import sys
import unicodedata
from collections.abc import Iterator
from functools import cache, lru_cache
from pathlib import Path

from PIL import ImageFont

__all__ = ["Typeface", "typeface_for"]

#: The most font files that are looked at.
_MOST_FILES = 400
#: Beginnings of the names of fonts with many scripts, best first.
_PREFERRED = (
    "notosans-", "notosanscjk", "notosans", "dejavusans", "arialunicode", "arial unicode",
    "hiragino", "pingfang", "msyh", "yugoth", "malgun", "nirmala", "segoeui", "arial",
)  # fmt: skip
_STYLES = ("bold", "italic", "oblique", "mono", "condensed", "light", "thin", "black", "serif")
#: What stands for a character that a font lacks, beside letters without their accents.
_PLAIN = {
    "ß": "ss", "ø": "o", "Ø": "O", "ł": "l", "Ł": "L", "đ": "d", "Đ": "D", "æ": "ae", "Æ": "AE",
    "œ": "oe", "Œ": "OE", "\u0131": "i", "“": '"', "”": '"', "„": '"', "\u2018": "'", "\u2019": "'",
    "\u2013": "-", "—": "-", "«": '"', "»": '"', "€": "EUR",
}  # fmt: skip
_EMPTY = "CZ"  # categories of characters without a glyph


class Typeface:
    """A font in all sizes.

    Args:
        path: Its file; None for Pillow's own.
    """

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._has: dict[str, bool] = {}
        # No font has a glyph for a character that will never be assigned.
        self._missing = self._shape("\U0010ffff")

    @lru_cache(maxsize=16)  # noqa: B019 - typefaces live as long as the process
    def at(self, size: int) -> ImageFont.FreeTypeFont:
        """Return the font in a size in pixels."""
        if self._path is None:
            font = ImageFont.load_default(size)
            assert isinstance(font, ImageFont.FreeTypeFont)
            return font
        return ImageFont.truetype(str(self._path), size)

    def _shape(self, character: str) -> tuple[tuple[int, int], bytes]:
        mask = self.at(20).getmask(character)
        return mask.size, bytes(mask)

    def has(self, character: str) -> bool:
        """Return whether the font has a glyph for a character."""
        known = self._has.get(character)
        if known is None:
            blank = unicodedata.category(character)[0] in _EMPTY
            known = self._has[character] = blank or self._shape(character) != self._missing
        return known

    def _plain(self, character: str) -> str:
        """Return a letter without its accent, or a plainer sign; itself if it has none."""
        plain = _PLAIN.get(character) or unicodedata.normalize("NFKD", character)
        plain = "".join(c for c in plain if unicodedata.category(c) != "Mn")
        return plain if plain and all(map(self.has, plain)) else character

    def legible(self, text: str, language: str = "") -> str:
        """Return the text with words in Latin letters in place of those that the font lacks.

        Args:
            text: The text.
            language: Its language, named in place of letters; empty names their script.
        """
        if text.isascii() or all(map(self.has, text)):
            return text
        text = "".join(c if self.has(c) else self._plain(c) for c in text)
        parts: list[str] = []
        for word in text.split():
            lacks = [character for character in word if not self.has(character)]
            if not lacks:
                parts.append(word)
                continue
            letters = [character for character in lacks if character.isalpha()]
            if letters:
                note = f"[{language or _name(letters[0]).split(' ')[0].title()}]"
                if parts[-1:] != [note]:
                    parts.append(note)
                continue
            named = (c if self.has(c) else f"[{_name(c).lower()}]" for c in word)
            parts.append("".join(named))
        return " ".join(parts)


def _name(character: str) -> str:
    return unicodedata.name(character, f"U+{ord(character):04X}")


@cache
def _pillows_own() -> Typeface:
    return Typeface(None)


@lru_cache(maxsize=256)
def _typeface_with(characters: frozenset[str]) -> Typeface:
    best, lacking = _pillows_own(), len(characters)
    for typeface in _all():
        lacks = sum(not typeface.has(character) for character in characters)
        if lacks < lacking:
            best, lacking = typeface, lacks
        if not lacks:
            break
    return best


def typeface_for(text: str) -> Typeface:
    """Return the font that has all characters of a text, or most of them."""
    characters = frozenset(text)
    if text.isascii():
        return _pillows_own()
    return _typeface_with(characters)


def _all() -> Iterator[Typeface]:
    yield _pillows_own()
    for path in _files():
        typeface = _loaded(path)
        if typeface is not None:
            yield typeface


@cache
def _loaded(path: Path) -> Typeface | None:
    try:
        return Typeface(path)
    except (OSError, ValueError):  # not a font that FreeType can scale
        return None


@cache
def _files() -> list[Path]:
    """Return the font files of the system: plain styles first, and those with many scripts."""
    files = [
        path
        for folder in _folders()
        for pattern in ("*.ttf", "*.otf", "*.ttc")
        for path in folder.rglob(pattern)
    ]
    return sorted(files, key=_rank)[:_MOST_FILES]


def _rank(path: Path) -> tuple[bool, int, str]:
    name = path.stem.lower()
    places = (i for i, start in enumerate(_PREFERRED) if name.startswith(start))
    return any(style in name for style in _STYLES), next(places, len(_PREFERRED)), str(path)


def _folders() -> list[Path]:
    home = Path.home()
    if sys.platform == "win32":
        return [Path(os.environ.get("WINDIR", r"C:\Windows"), "Fonts")]
    if sys.platform == "darwin":
        return [Path("/System/Library/Fonts"), Path("/Library/Fonts"), home / "Library/Fonts"]
    return [Path("/usr/share/fonts"), Path("/usr/local/share/fonts"), home / ".local/share/fonts"]
