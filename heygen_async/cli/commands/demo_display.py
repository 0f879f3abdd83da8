"""Display of the demonstration: its steps, the calls behind them, and the totals."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import msgspec
from rich import box
from rich.padding import Padding
from rich.syntax import Syntax
from rich.table import Table
from rich.text import Text

from heygen_async.cli.display import Lines, Terminal, bytes_in_words


class Step(msgspec.Struct, kw_only=True):
    """Measurements of one step.

    Attributes:
        name: Its output.
        jobs: Number of paid jobs.
        seconds: Real time in seconds.
        ideal: Real time in seconds if no job slot had ever been idle.
        requests: Number of requests to the API, without downloads.
        rate_limited: Number of these requests answered with 429.
        usd: Estimated charge by HeyGen in US dollars.
    """

    name: str
    jobs: int = 0
    seconds: float = 0.0
    ideal: float = 0.0
    requests: int = 0
    rate_limited: int = 0
    usd: float = 0.0


class Summary(msgspec.Struct, frozen=True, kw_only=True):
    """Summary of the demonstration.

    Attributes:
        steps: Its steps.
        seconds: Total real time in seconds, including downloads.
        files: Number of files downloaded.
        size: Total size of the files in bytes.
        folder: Folder of the files.
        exit_code: Exit code of the command.
    """

    steps: list[Step]
    seconds: float
    files: int
    size: int
    folder: str
    exit_code: int

    def total(self) -> Step:
        """Return the sum of all steps."""
        return Step(
            name="Together",
            jobs=sum(step.jobs for step in self.steps),
            seconds=sum(step.seconds for step in self.steps),
            ideal=sum(step.ideal for step in self.steps),
            requests=sum(step.requests for step in self.steps),
            rate_limited=sum(step.rate_limited for step in self.steps),
            usd=sum(step.usd for step in self.steps),
        )


class DemoDisplay:
    """Show the demonstration as text, or its measurements as JSON lines.

    Args:
        display: The display of the command.
    """

    def __init__(self, display: Lines | Terminal) -> None:
        self.display = display
        self._console = display.console if isinstance(display, Terminal) else None
        self._number = 0

    def opening(self, base_url: str, speed: float) -> None:
        """Print an introduction."""
        if self._console is not None:
            self._console.print(
                Text.assemble(("heygen-async", "bold"), " on a sandbox at ", (base_url, "cyan"))
            )
            self._console.print(
                f"{speed:g} times as fast as HeyGen, 10 jobs at once, nothing is charged.",
                style="dim",
                highlight=False,
            )

    def step(self, title: str, code: str) -> None:
        """Start a step.

        Args:
            title: Description of the step.
            code: The calls that it makes.
        """
        self._number += 1
        if self._console is None:
            return
        self._console.print()
        self._console.print(Text.assemble((f"{self._number}  ", "bold magenta"), (title, "bold")))
        syntax = Syntax(
            textwrap.dedent(code).strip(), "python", theme="ansi_dark", background_color="default"
        )
        self._console.print(Padding(syntax, (0, 0, 0, 3)))

    @contextmanager
    def waiting(self, what: str) -> Iterator[Callable[[str], None]]:
        """Show that a step is in progress. The yielded function changes the text."""
        if self._console is None:
            yield lambda text: None
            return
        with self._console.status(what) as status:
            yield status.update

    def done(self, text: str) -> None:
        """Print the result of a step."""
        if self._console is not None:
            self._console.print(Text.assemble(("✓ ", "green"), text))

    def measured(self, step: Step) -> None:
        """Report the measurements of a step; as text, they are part of the summary."""
        if isinstance(self.display, Lines):
            self.display.line({"step": step})

    def summary(self, summary: Summary) -> None:
        """Show the totals."""
        if isinstance(self.display, Lines):
            self.display.line({"summary": _members(summary)})
            return
        total = summary.total()
        table = Table(box=box.SIMPLE_HEAD, show_footer=True, pad_edge=False)
        columns = (
            ("", total.name),
            ("jobs", f"{total.jobs:,}"),
            ("time", f"{total.seconds:.1f} s"),
            ("ideal", f"{total.ideal:.1f} s"),
            ("requests", f"{total.requests:,}"),
            ("per job", f"{total.requests / max(1, total.jobs):.1f}"),
            ("429s", f"{total.rate_limited}"),
            ("at HeyGen", f"${total.usd:,.2f}"),
        )
        for heading, footer in columns:
            table.add_column(heading, footer, justify="right" if heading else "left")
        for step in summary.steps:
            table.add_row(
                step.name,
                f"{step.jobs:,}",
                f"{step.seconds:.1f} s",
                f"{step.ideal:.1f} s",
                f"{step.requests:,}",
                f"{step.requests / max(1, step.jobs):.1f}",
                f"{step.rate_limited}",
                f"${step.usd:,.2f}",
            )
        console = self.display.console
        console.print()
        console.print(table)
        console.print(
            "time: until the last job ended; its files may take longer.\n"
            "ideal: if none of the 10 job slots had ever been idle. At HeyGen's own speed the time "
            "comes closer\nto it: jobs last longer there, but the pauses between polls do not.\n"
            "at HeyGen: an estimate of what it would have cost.",
            style="dim",
            highlight=False,
        )
        console.print()
        console.print(
            Text.assemble(
                ("✓ ", "green"),
                (f"{summary.files:,} files", "bold"),
                f", {bytes_in_words(summary.size)}, in {summary.seconds:.1f} s. Look at them: ",
                (summary.folder, "bold cyan"),
            )
        )
        for path, what in (
            ("videos/", "a greeting for each row"),
            ("speech.wav, speech.mp4", "the speech, and the avatar that speaks it"),
            ("dubbed/", "the avatar in 20 languages"),
            ("agent.mp4", "the agent's video"),
        ):
            console.print(Text.assemble("  ", (f"{path:<24}", "cyan"), (what, "dim")))


def _members(summary: Summary) -> dict[str, Any]:
    total = summary.total()
    return {
        **msgspec.structs.asdict(summary),
        "jobs": total.jobs,
        "ideal": total.ideal,
        "requests": total.requests,
        "requests_per_job": total.requests / max(1, total.jobs),
        "rate_limited": total.rate_limited,
        "usd": total.usd,
    }
