"""A bar for runs in notebooks."""

from __future__ import annotations

from collections.abc import Callable
from html import escape
from importlib import import_module
from typing import Any

from heygen_async.batch import Progress
from heygen_async.errors import ConfigurationError
from heygen_async.reports.figures import Figures, figures_of


def show_progress(title: str = "") -> Callable[[Progress], None]:
    """Return a function for ``Batch(progress=…)`` that shows a bar below the cell.

    The bar appears with the first progress, and shows counts, elapsed time, running and waiting
    items, failures, rate, cost, time left and pauses. Each run needs a function of its own.

    Args:
        title: Description of the run, shown before the bar. Default: none.

    Raises:
        ConfigurationError: IPython is not installed, so this is not a notebook.
    """
    try:
        display: Any = import_module("IPython.display").display
    except ImportError:
        raise ConfigurationError(
            "show_progress: IPython is not installed; outside of notebooks, pass a function of "
            "your own to Batch(progress=…)"
        ) from None
    shown: Any = None

    def show(progress: Progress) -> None:
        nonlocal shown
        bar = NotebookBar(title, figures_of(progress))
        if shown is None:
            shown = display(bar, display_id=True)
        else:
            shown.update(bar)

    return show


class NotebookBar:
    """A bar, as HTML or as text.

    Args:
        title: Description of the run.
        figures: Its figures.
    """

    def __init__(self, title: str, figures: Figures) -> None:
        self._title = title
        self._figures = figures

    def __repr__(self) -> str:
        return " ".join(filter(None, [self._title, self._counts, self._details]))

    def _repr_html_(self) -> str:
        figures = self._figures
        # Without a value, a browser shows that the end is unknown.
        value = f'value="{figures.done}" max="{figures.total}"' if figures.total else ""
        title = f"<b>{escape(self._title)}</b> " if self._title else ""
        return (
            f'<div style="font-variant-numeric:tabular-nums">{title}'
            f'<progress {value} aria-label="Items that have ended" '
            f'style="vertical-align:middle;width:16em"></progress> '
            f"<b>{self._counts}</b> {escape(self._details)}</div>"
        )

    @property
    def _counts(self) -> str:
        total = self._figures.total
        return f"{self._figures.done:,}/{'?' if total is None else f'{total:,}'}"

    @property
    def _details(self) -> str:
        parts = [text for text, _ in self._figures.details()]
        return " · ".join(filter(None, [*parts, self._figures.note]))
