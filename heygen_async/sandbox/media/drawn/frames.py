"""Draw the frames of a video with Pillow."""

from __future__ import annotations

import colorsys
import unicodedata
import zlib
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate
from operator import attrgetter
from typing import Any, TypeAlias

from PIL import Image, ImageColor, ImageDraw, ImageOps

from ..speech import SpokenWord
from .drawing import Drawing, Scene, SourceFile
from .fonts import Typeface, typeface_for
from .timeline import SpokenLine, spoken_lines

__all__ = ["Painter"]

_Colour: TypeAlias = tuple[int, ...]
_Box: TypeAlias = tuple[int, int, int, int]

_WHITE: _Colour = (255, 255, 255)
_LABEL_LENGTH = 120
_NOTES = 4
_PICTURES = 4
#: Formats of pictures; Pillow would run other programs for some others.
_FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP")


@dataclass(frozen=True, slots=True)
class _Palette:
    """Colours of a video; all texts have a contrast of at least 4.5 on the background."""

    background: _Colour
    figure: _Colour
    accent: _Colour
    muted: _Colour


def _palette(style: str, background: str) -> _Palette:
    hue = zlib.crc32(style.encode()) % 360 / 360

    def colour(turn: float, lightness: float, saturation: float) -> _Colour:
        channels = colorsys.hls_to_rgb((hue + turn) % 1, lightness, saturation)
        return tuple(round(255 * channel) for channel in channels)

    ground = ImageColor.getrgb(background)[:3] if background else colour(0, 0.17, 0.45)
    return _Palette(ground, colour(0.08, 0.35, 0.4), colour(0.5, 0.75, 0.8), (196, 202, 210))


@dataclass(frozen=True, slots=True)
class _Layout:
    """Places in a frame, in pixels."""

    unit: int
    heading: _Box
    words: _Box
    stage: _Box
    foot: _Box


def _layout(size: tuple[int, int]) -> _Layout:
    width, height = size
    unit = max(1, min(size) // 36)
    edge = 2 * unit
    heading = (edge, edge, width - edge, 9 * unit)
    foot = (edge, height - 6 * unit, width - edge, height - edge)
    if width > height * 1.1:
        middle = round(width * 0.64)
        words = (edge, 10 * unit, middle - unit, height - 7 * unit)
        stage = (middle + unit, 8 * unit, width - edge, height - 7 * unit)
    else:
        middle = round(height * 0.48)
        words = (edge, middle + unit, width - edge, height - 7 * unit)
        stage = (edge, 9 * unit, width - edge, middle - unit)
    return _Layout(unit, heading, words, stage, foot)


class Painter:
    """Draws the frames of one video.

    Args:
        drawing: What it shows.
    """

    def __init__(self, drawing: Drawing) -> None:
        self.lines: list[SpokenLine] = spoken_lines(drawing)
        self._drawing = drawing
        self._layout = _layout(drawing.size)
        self._palette = _palette(drawing.style, drawing.background)
        spoken = "".join(line.text for line in self.lines)
        self._face: Typeface = typeface_for(spoken)
        self._recorded = drawing.sound is not None
        self._scene_ends = list(accumulate(scene.seconds for scene in drawing.scenes))

    def still(self) -> Image.Image:
        """Return the frame at the end of the first words."""
        return self.frame(self.lines[0].words[-1].start if self.lines else 0.0)

    def frame(self, at: float) -> Image.Image:
        """Return the frame at a time in seconds; it must not be changed."""
        scenes = self._drawing.scenes
        scene = min(bisect_right(self._scene_ends, at), len(scenes) - 1)
        line = bisect_right(self.lines, at, key=attrgetter("start")) - 1
        if line < 0:
            return self._at_rest(scene, speaks=self._recorded and bool(int(2 * at) % 2))
        words = self.lines[line].words
        word = bisect_right(words, at, key=attrgetter("start")) - 1
        if at >= words[-1].end + 2.0:  # a long silence
            return self._at_rest(scene)
        return self._speaking(scene, line, word, at < words[word].end and bool(word % 2))

    @lru_cache(maxsize=2)  # noqa: B019 - a painter lives as long as its video is drawn
    def _at_rest(self, scene: int, *, speaks: bool = False) -> Image.Image:
        """Return a scene without its words."""
        drawing, layout, colours = self._drawing, self._layout, self._palette
        if drawing.transparent:
            image = Image.new("RGBA", drawing.size, (0, 0, 0, 0))
        else:
            image = Image.new("RGB", drawing.size, colours.background)
        draw = ImageDraw.Draw(image)
        shown = drawing.scenes[scene]
        self._head(draw, shown)
        pictures = [p for p in shown.pictures if p.content or p.path or p.name][:_PICTURES]
        if pictures:
            self._pictures(image, draw, pictures)
        else:
            self._figure(draw, speaks=speaks)
        small = round(1.5 * layout.unit)
        half = (layout.foot[2] - layout.foot[0]) // 2
        self._fitted(draw, (layout.foot[0], layout.foot[3]), drawing.language, small, half, "ls")
        self._fitted(draw, (layout.foot[2], layout.foot[3]), "HeyGen sandbox", small, half, "rs")
        return image

    @lru_cache(maxsize=1)  # noqa: B019
    def _speaking(self, scene: int, line: int, word: int, opened: bool) -> Image.Image:
        image = self._at_rest(scene, speaks=opened).copy()
        draw = ImageDraw.Draw(image)
        words = self.lines[line].words
        self._words(draw, words, word)
        if self._drawing.captioned:
            self._caption(draw, "".join(spoken.word for spoken in words).strip())
        return image

    def _head(self, draw: ImageDraw.ImageDraw, scene: Scene) -> None:
        left, top, right, _ = self._layout.heading
        size = 2 * self._layout.unit
        for text in (self._drawing.title, *scene.notes[:_NOTES]):
            if text:
                self._fitted(draw, (left, top), text, size, right - left)
                top += round(1.4 * size)
            size = round(1.5 * self._layout.unit)

    def _fitted(
        self,
        draw: ImageDraw.ImageDraw,
        at: tuple[int, int],
        text: str,
        size: int,
        width: int,
        anchor: str = "la",
        colour: _Colour | None = None,
    ) -> None:
        """Draw a line, cut to a width."""
        text = "".join(c if c.isprintable() else " " for c in text[:_LABEL_LENGTH])
        face = typeface_for(text)
        font = face.at(size)
        text = face.legible(" ".join(text.split()))
        if font.getlength(text) > width:
            fits = bisect_right(
                range(len(text)), width, key=lambda n: int(font.getlength(text[:n]))
            )
            text = f"{text[: max(0, fits - 2)]}..."
        colour = colour or self._palette.muted
        draw.text(at, text, colour, font, anchor, **self._outline())

    def _outline(self) -> dict[str, Any]:
        """Return what makes text legible on whatever lies behind a transparent video."""
        if not (self._drawing.transparent or self._drawing.background):
            return {}
        return {"stroke_width": max(1, self._layout.unit // 8), "stroke_fill": (16, 18, 22)}

    def _figure(self, draw: ImageDraw.ImageDraw, *, speaks: bool) -> None:
        """Draw the head and shoulders of the speaker, and the name."""
        left, top, right, bottom = self._layout.stage
        unit, colours = self._layout.unit, self._palette
        middle, radius = (left + right) // 2, min(right - left, bottom - top) // 4
        head = top + round(1.3 * radius)
        wide = 2 * radius
        draw.rounded_rectangle(
            (middle - wide, head + round(1.2 * radius), middle + wide, bottom),
            radius=radius,
            fill=colours.figure,
            corners=(True, True, False, False),
        )
        draw.ellipse(_round((middle, head), radius), colours.accent)
        for side in (-1, 1):
            eye = (middle + side * radius * 2 // 5, head - radius // 5)
            draw.ellipse(_round(eye, max(1, radius // 9)), (16, 18, 22))
        mouth = radius // 4 if speaks else max(1, radius // 12)
        lips = head + round(0.45 * radius)
        draw.ellipse(
            (middle - radius // 3, lips - mouth // 2, middle + radius // 3, lips + mouth // 2),
            (16, 18, 22),
        )
        below, size = (middle, bottom - unit), round(1.6 * unit)
        self._fitted(draw, below, self._drawing.speaker, size, 2 * wide, "ms", _WHITE)

    def _pictures(
        self, image: Image.Image, draw: ImageDraw.ImageDraw, pictures: list[SourceFile]
    ) -> None:
        left, top, right, bottom = self._layout.stage
        gap = self._layout.unit
        height = (bottom - top - gap * (len(pictures) - 1)) // len(pictures)
        for index, picture in enumerate(pictures):
            above = top + index * (height + gap)
            box = (left, above, right, above + height)
            found = _opened(picture, (right - left, height))
            if found is not None:
                place = (
                    left + (right - left - found.width) // 2,
                    above + (height - found.height) // 2,
                )
                image.paste(found, place, found)
                continue
            draw.rounded_rectangle(box, gap, outline=self._palette.muted, width=max(1, gap // 5))
            size = round(1.6 * self._layout.unit)
            name = (left + gap, above + height // 2 - size)
            self._fitted(draw, name, picture.name, size, right - left - 2 * gap)

    def _words(self, draw: ImageDraw.ImageDraw, words: Sequence[SpokenWord], spoken: int) -> None:
        """Draw a line of speech as large as fits, with the current word in another colour."""
        left, top, right, bottom = self._layout.words
        texts: list[str] = []
        for word in words:
            bare = word.word.strip()
            text = self._face.legible(bare, self._drawing.language)
            if text != bare and texts and texts[-1].strip() == text:
                text = ""  # the letters that the font lacks are named once for several words
            texts.append(text + word.word[len(bare) :])
        unit = self._layout.unit
        for size in range(4 * unit, unit, -max(1, unit // 4)):
            rows = self._rows(texts, size, right - left)
            step = round(1.35 * size)
            if len(rows) * step <= bottom - top:
                break
        above = top + max(0, bottom - top - len(rows) * step) // 2
        for first, stop in rows:
            self._row(draw, texts, (first, stop), spoken, (left, above, right, size))
            above += step

    def _rows(self, texts: list[str], size: int, width: int) -> list[tuple[int, int]]:
        """Return the first and the last (exclusive) word of each row."""
        font = self._face.at(size)
        rows, first, used = [], 0, 0.0
        for index, text in enumerate(texts):
            length = font.getlength(text.rstrip())
            if index > first and used + length > width:
                rows.append((first, index))
                first, used = index, 0.0
            used += font.getlength(text)
        rows.append((first, len(texts)))
        return rows

    def _row(
        self,
        draw: ImageDraw.ImageDraw,
        texts: list[str],
        words: tuple[int, int],
        spoken: int,
        place: tuple[int, int, int, int],
    ) -> None:
        left, above, right, size = place
        first, stop = words
        font, colours, outline = self._face.at(size), self._palette, self._outline()
        row = "".join(texts[first:stop])
        if any(unicodedata.bidirectional(character) in ("R", "AL") for character in row):
            # The order of the words is the layout engine's: the row is drawn as a whole.
            said = _WHITE if first <= spoken else colours.muted
            draw.text((right, above), row.rstrip(), said, font, "ra", **outline)
            return
        current = min(max(spoken, first), stop)
        at = float(left)
        for start, end, colour in (
            (first, current, _WHITE),
            (current, min(spoken + 1, stop), colours.accent),
            (max(spoken + 1, first), stop, colours.muted),
        ):
            text = "".join(texts[start:end])
            if text:
                draw.text((at, above), text.rstrip(), colour, font, **outline)
                at += font.getlength(text)

    def _caption(self, draw: ImageDraw.ImageDraw, text: str) -> None:
        left, top, right, bottom = self._layout.foot
        size = 2 * self._layout.unit
        font = self._face.at(size)
        text = self._face.legible(text, self._drawing.language)
        while size > self._layout.unit and font.getlength(text) > right - left - size:
            size -= 1
            font = self._face.at(size)
        middle, half = (left + right) // 2, round(font.getlength(text) / 2) + size // 2
        bottom -= 2 * self._layout.unit
        draw.rectangle((middle - half, top, middle + half, bottom), (0, 0, 0))
        centre = (middle, (top + bottom) // 2)
        draw.text(centre, text, _WHITE, font, "mm")


def _round(centre: tuple[int, int], radius: int) -> _Box:
    """Return the box of a circle."""
    x, y = centre
    return x - radius, y - radius, x + radius, y + radius


@lru_cache(maxsize=8)
def _opened(picture: SourceFile, size: tuple[int, int]) -> Image.Image | None:
    """Return a picture in at most this size, or None if it is not here or cannot be read."""
    try:
        with picture.open() as file, Image.open(file, formats=_FORMATS) as image:
            image.draft("RGB", size)
            return ImageOps.contain(ImageOps.exif_transpose(image).convert("RGBA"), size)
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return None
