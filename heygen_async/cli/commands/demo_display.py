"""What the demonstration shows: its steps, the calls behind them, and the sums at the end."""

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
    """What one step took.

    Attributes:
        name: What it made.
        jobs: Paid jobs.
        seconds: Real time.
        ideal: Real time, had no job slot ever been idle.
        requests: Requests to the API; downloads are none.
        rate_limited: Answers of 429 among them.
        usd: What HeyGen would have charged; an estimate.
    """

    name: str
    jobs: int = 0
    seconds: float = 0.0
    ideal: float = 0.0
    requests: int = 0
    rate_limited: int = 0
    usd: float = 0.0


class Summary(msgspec.Struct, frozen=True, kw_only=True):
    """The whole demonstration.

    Attributes:
        steps: Its steps.
        seconds: Real time of all, downloads included.
        files: Files downloaded.
        size: Their bytes.
        folder: Where they are.
        exit_code: What the command exits with.
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
    """Show the demonstration for people, or its figures as JSON lines.

    Args:
        display: The display of the command.
    """

    def __init__(self, display: Lines | Terminal) -> None:
        self.display = display
        self._console = display.console if isinstance(display, Terminal) else None
        self._number = 0

    def opening(self, base_url: str, speed: float) -> None:
        """Say what this is."""
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
        """Begin a step.

        Args:
            title: What it does.
            code: The calls that do it.
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
        """Show that something goes on; what it gives changes the words."""
        if self._console is None:
            yield lambda text: None
            return
        with self._console.status(what) as status:
            yield status.update

    def done(self, text: str) -> None:
        """Say what a step has brought."""
        if self._console is not None:
            self._console.print(Text.assemble(("✓ ", "green"), text))

    def measured(self, step: Step) -> None:
        """Tell what a step took; people see it in the summary."""
        if isinstance(self.display, Lines):
            self.display.line({"step": step})

    def summary(self, summary: Summary) -> None:
        """Show the sums."""
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
            "ideal: had none of the 10 job slots ever been idle. At HeyGen's own speed the time "
            "comes closer\nto it: jobs last longer there, pauses between looks at them do not.\n"
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
