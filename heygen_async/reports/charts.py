"""Charts of the report page: inline SVG with labels in HTML.

The SVG is stretched to the width of the page, which would distort text inside it. The labels are
therefore HTML around it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape

_WIDTH, _HEIGHT = 1000.0, 220.0
_TIME_STEPS = [
    *(1, 2, 5, 10, 15, 30),
    *(60 * n for n in (1, 2, 5, 10, 15, 30)),
    *(3600 * n for n in (1, 2, 3, 6, 12)),
]


def area_chart(
    values: Sequence[float],
    limits: Sequence[int | None],
    seconds: float,
    label: str,
    cuts: Sequence[tuple[float, str]] = (),
) -> str:
    """Return an area chart of a level over time, below the line of its limit.

    Args:
        values: The level in periods of equal length.
        limits: The limit in each period, or None where it is unknown.
        seconds: Total duration of all periods in seconds.
        label: Description for screen readers.
        cuts: Positions of omitted time, 0 to 1, each with its tooltip.
    """
    # Leave room above the line of the limit, so that it is visible below the edge.
    highest = max([*values, *(limit or 0 for limit in limits), 1.0])
    ticks = nice_ticks(1.04 * highest, whole=True)
    top, wide = ticks[-1], _WIDTH / len(values)
    shapes = [_area(values, top)]
    line: list[str] = []
    for index, limit in enumerate([*limits, None]):
        if limit is not None:
            y = _HEIGHT * (1 - limit / top)
            line += [f"{index * wide:.2f},{y:.2f}", f"{(index + 1) * wide:.2f},{y:.2f}"]
        elif line:
            shapes.append(f'<polyline class="limit" points="{" ".join(line)}"/>')
            line = []
    shapes += _cuts(cuts)
    return _chart("".join(shapes), ticks, time_ticks(seconds), label)


def band(values: Sequence[float], top: float, label: str) -> str:
    """Return a narrow area chart without axes.

    Args:
        values: The level in periods of equal length.
        top: The level at the upper edge.
        label: Description for screen readers.
    """
    return _svg(_area(values, top), label)


def bar_chart(
    columns: Sequence[Sequence[int]],
    classes: Sequence[str],
    titles: Sequence[str],
    x_ticks: Sequence[tuple[float, str]],
    label: str,
    cuts: Sequence[tuple[float, str]] = (),
) -> str:
    """Return a chart of stacked bars, which are counts.

    Args:
        columns: The parts of each bar, from the bottom up.
        classes: CSS class of each part.
        titles: Tooltip of each bar.
        x_ticks: Positions of the labels below the chart, 0 to 1, with their text.
        label: Description for screen readers.
        cuts: Positions of omitted time, 0 to 1, each with its tooltip.
    """
    ticks = nice_ticks(max(map(sum, columns), default=0) or 1, whole=True)
    wide = _WIDTH / len(columns)
    shapes = []
    for index, (parts, title) in enumerate(zip(columns, titles, strict=True)):
        top_edge = _HEIGHT
        bars = []
        for part, name in zip(parts, classes, strict=True):
            height = _HEIGHT * part / ticks[-1]
            if height > 0:
                top_edge -= height
                bars.append(
                    f'<rect class="{name}" x="{(index + 0.08) * wide:.2f}" y="{top_edge:.2f}" '
                    f'width="{wide * 0.84:.2f}" height="{height:.2f}"/>'
                )
        if bars:
            shapes.append(f"<g><title>{escape(title)}</title>{''.join(bars)}</g>")
    shapes += _cuts(cuts)
    return _chart("".join(shapes), ticks, x_ticks, label)


def nice_ticks(highest: float, about: int = 5, *, whole: bool = False) -> list[float]:
    """Return round numbers from 0 to at least the highest value, in about ``about`` steps.

    Args:
        highest: The highest value.
        about: Number of steps.
        whole: Only return whole numbers.
    """
    rough = highest / about
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * n for n in (1, 2, 2.5, 5, 10) if power * n >= rough * 0.999)
    if whole:
        step = math.ceil(step)
    return [step * n for n in range(math.ceil(highest / step - 1e-9) + 1)]


def time_ticks(seconds: float, about: int = 6) -> list[tuple[float, str]]:
    """Return the positions, 0 to 1, and texts of the labels on an axis of the given seconds."""
    step = time_step(seconds, about)
    # Use one unit for the whole axis.
    unit, size = next(
        (unit, size)
        for unit, size, longest in (
            ("s", 1, 180),
            ("min", 60, 3 * 3600),
            ("h", 3600, 3 * 86400),
            ("d", 86400, math.inf),
        )
        if seconds <= longest
    )
    return [
        (at * step / seconds, f"{at * step / size:g} {unit}" if at else "0")
        for at in range(math.floor(seconds / step + 1e-9) + 1)
    ]


def time_step(seconds: float, about: int = 6) -> float:
    """Return a round duration that divides the given seconds into at most ``about`` steps."""
    if seconds < about:
        return nice_ticks(seconds, about)[1]
    days = 86400 * math.ceil(seconds / 86400 / about)
    return next((step for step in _TIME_STEPS if seconds / step <= about), days)


def _area(values: Sequence[float], top: float) -> str:
    wide = _WIDTH / len(values)
    steps = [f"0,{_HEIGHT:g}"]
    for index, value in enumerate(values):
        y = _HEIGHT * (1 - value / top)
        steps += [f"{index * wide:.2f},{y:.2f}", f"{(index + 1) * wide:.2f},{y:.2f}"]
    steps.append(f"{_WIDTH:g},{_HEIGHT:g}")
    return f'<polygon class="running" points="{" ".join(steps)}"/>'


def _svg(shapes: str, label: str) -> str:
    return (
        f'<svg viewBox="0 0 {_WIDTH:g} {_HEIGHT:g}" preserveAspectRatio="none" role="img" '
        f'aria-label="{escape(label)}">{shapes}</svg>'
    )


def _cuts(cuts: Sequence[tuple[float, str]]) -> list[str]:
    return [
        f'<g><title>{escape(text)}</title><line class="pause" x1="{position * _WIDTH:.2f}" '
        f'x2="{position * _WIDTH:.2f}" y1="0" y2="{_HEIGHT:g}"/></g>'
        for position, text in cuts
    ]


def _chart(
    shapes: str, y_ticks: Sequence[float], x_ticks: Sequence[tuple[float, str]], label: str
) -> str:
    top = y_ticks[-1]
    lines = "".join(
        f'<line class="grid" x1="0" x2="{_WIDTH:g}" y1="{_HEIGHT * (1 - tick / top):.2f}" '
        f'y2="{_HEIGHT * (1 - tick / top):.2f}"/>'
        for tick in y_ticks
    )
    y_labels = "".join(
        f'<span style="bottom:{tick / top:.2%}">{tick:,.6g}</span>' for tick in y_ticks
    )
    x_labels = "".join(
        f'<span style="left:{position:.2%}"{_class_at(position)}>{escape(text)}</span>'
        for position, text in x_ticks
    )
    return (
        f'<div class="plot"><div class="y" aria-hidden="true">{y_labels}</div>'
        f"{_svg(lines + shapes, label)}"
        f'<div class="x" aria-hidden="true">{x_labels}</div></div>'
    )


def _class_at(position: float) -> str:
    """Return the CSS class that keeps a label at an edge inside the chart."""
    if position < 0.02:
        return ' class="first"'
    return ' class="last"' if position > 0.96 else ""
