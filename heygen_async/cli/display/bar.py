"""The bar of a run: counts, elapsed time, jobs, rate, cost, time left and pauses."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

from rich.cells import cell_len, set_cell_size
from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from heygen_async.reports.figures import Figures
from heygen_async.session.diagnostics.escaping import escaped

_BETWEEN = " · "
# Columns that the bar itself needs if the figures are to stand on its line, and anywhere.
_ROOMY, _NARROW = 20, 4
# The terminal echoes ^C, which would wrap a full line and leave the bar twice.
_ECHO = 4


class RunBar:
    """A line for a run, or several lines where the terminal is narrow.

    Args:
        title: Description of the run.
        figures: Its figures at the start.
        plain: Use ASCII only.
        clock: Returns seconds.
    """

    def __init__(
        self,
        title: str,
        figures: Figures,
        *,
        plain: bool,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._title = escaped(title)
        self._plain = plain
        self._clock = clock
        self._spinner = Spinner("line" if plain else "dots")
        self.show(figures)

    def show(self, figures: Figures, title: str | None = None) -> None:
        """Show other figures from now on, and another title if one is given."""
        self._figures, self._at = figures, self._clock()
        if title is not None:
            self._title = escaped(title)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        now = self._clock()
        figures = self._figures.later(now - self._at)
        width = max(1, options.max_width - _ECHO)
        total = "?" if figures.total is None else f"{figures.total:,}"
        counts = f"{figures.done:,}/{total}"
        details = figures.details()
        beside = _joined(details)
        room = width - 2 - len(counts) - 1
        bar = room - cell_len(self._title) - 2 - cell_len(beside.plain)
        if bar >= _ROOMY:
            yield self._line(figures, now, self._title, bar, Text(f"{counts} ").append_text(beside))
        else:
            title = self._title
            if cell_len(title) > room - 1:
                title = set_cell_size(title, max(0, room - 1))
            bar = room - cell_len(title) - 1
            yield self._line(figures, now, title, bar, Text(counts))
            yield from _wrapped(details, width - 2)
        if figures.note:
            yield from _wrapped([(part, "yellow") for part in figures.note.split()], width - 2, " ")

    def _line(self, figures: Figures, now: float, title: str, bar: int, end: Text) -> Table:
        if figures.total is not None and figures.done >= figures.total > 0:
            mark: RenderableType = Text("+" if self._plain else "✓", "green")
        elif figures.ticking:
            mark = self._spinner.render(now)
        else:
            mark = Text(" ")
        cells: list[RenderableType] = [mark, Text(title, "bold", no_wrap=True)]
        if bar >= _NARROW:
            total = figures.total
            cells.append(
                ProgressBar(total=total or 1, completed=figures.done if total else 0, width=bar)
            )
        line = Table.grid(padding=(0, 1, 0, 0))
        line.add_row(*cells, Text.assemble(end, no_wrap=True))
        return line


def _joined(parts: list[tuple[str, str]], between: str = _BETWEEN) -> Text:
    return Text(between, end="").join(Text(text, style) for text, style in parts)


def _wrapped(parts: list[tuple[str, str]], width: int, between: str = _BETWEEN) -> Iterator[Text]:
    """Yield the parts in as many lines as they need."""
    line: list[tuple[str, str]] = []
    for part in parts:
        if line and cell_len(_joined([*line, part], between).plain) > width:
            yield Text("  ").append_text(_joined(line, between))
            line = []
        line.append(part)
    if line:
        yield Text("  ").append_text(_joined(line, between))


def live(console: Console, content: RenderableType) -> Live:
    """Return a context manager that shows bars, and prints other lines above them."""
    return Live(content, console=console, refresh_per_second=8)
