"""The options that commands share, and what runs are told about journals and budgets."""

from __future__ import annotations

import dataclasses
import datetime
import inspect
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, get_type_hints

import msgspec
import typer

from heygen_async.batch import Batch, Progress
from heygen_async.cli.display import display_for
from heygen_async.cli.exit_codes import CommandError, Exit
from heygen_async.cli.running import run
from heygen_async.client import HeyGen
from heygen_async.errors import JournalError
from heygen_async.journal import FINISHED, open_reader
from heygen_async.models.outputs import Output


class Via(StrEnum):
    """How the jobs of a run are sent."""

    SINGLE = "single"
    API_BATCH = "api-batch"


class Further(StrEnum):
    """Files of a result beside its video."""

    CAPTIONED = "captioned"
    SUBTITLES = "subtitles"
    THUMBNAIL = "thumbnail"
    GIF = "gif"
    AUDIO = "audio"


Out = Annotated[
    Path | None,
    typer.Option(
        "--download",
        "--out",
        metavar="DIR",
        help="Download the videos into this folder.",
        show_default=False,
    ),
]
Also = Annotated[
    list[Further] | None,
    typer.Option(
        "--also",
        metavar="WHAT",
        help="Download this of each result, too, if it has it: captioned (the video with captions "
        "burnt in), subtitles, thumbnail, gif or audio; repeat it for more.",
        show_default=False,
    ),
]
Journal = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="Keep the run in this file: started again, it goes on and pays for nothing twice.",
        show_default=False,
    ),
]
Resume = Annotated[
    bool,
    typer.Option(
        "--resume",
        help="Refuse to begin a new run where the journal holds none; with --journal alone a run "
        "is begun or gone on with.",
    ),
]
KeyColumn = Annotated[
    str | None,
    typer.Option("--key", metavar="COLUMN", help="The column that names rows.", show_default="key"),
]
RetryFailed = Annotated[
    bool, typer.Option("--retry-failed", help="Submit items again that failed earlier.")
]
ResubmitUncertain = Annotated[
    bool,
    typer.Option(
        "--resubmit-uncertain",
        help="Send items again of which nobody can tell whether they were sent; they might be "
        "paid for twice.",
    ),
]
Sending = Annotated[
    Via,
    typer.Option(
        "--via",
        help="Send each job by itself, or up to 100 in one request; HeyGen then starts them as it "
        "has room.",
    ),
]
MaxCost = Annotated[
    float | None,
    typer.Option(min=0, metavar="USD", help="Submit no more at this cost, an estimate."),
]
MaxJobs = Annotated[int | None, typer.Option(min=0, help="Submit so many jobs at most.")]
UntilEmpty = Annotated[
    bool,
    typer.Option("--until-empty", help="Start although the account cannot pay for all of it."),
]
GiveUpAfter = Annotated[
    float,
    typer.Option(
        min=0,
        metavar="SECONDS",
        help="End when HeyGen has accepted nothing for so long, for want of credit or slots, and "
        "no job is in flight.",
    ),
]
NoProbe = Annotated[
    bool,
    typer.Option(
        "--no-probe", help="Do not look at the sources, for their length and whether they do."
    ),
]
Length = Annotated[
    float | None,
    typer.Option(
        min=0, metavar="SECONDS", help="Length of the source, for the estimate and --max-cost."
    ),
]
DryRun = Annotated[
    bool,
    typer.Option("--dry-run", help="Check everything and estimate the cost; submit nothing."),
]
Languages = Annotated[
    list[str] | None,
    typer.Option("--to", metavar="LANGUAGE", help="A language; repeat it for more."),
]
AllLanguages = Annotated[bool, typer.Option("--all", help="All languages that HeyGen offers.")]
Voice = Annotated[
    str | None, typer.Option(metavar="ID", help="The voice that speaks.", show_default=False)
]
ProofreadId = Annotated[
    str, typer.Argument(metavar="ID", help="The proofread.", show_default=False)
]
RowsFile = Annotated[
    Path,
    typer.Argument(
        metavar="ROWS", help="A .csv or .jsonl file; - is standard input.", show_default=False
    ),
]
TemplateId = Annotated[
    str, typer.Argument(metavar="TEMPLATE_ID", help="The template.", show_default=False)
]
JournalFile = Annotated[
    Path, typer.Argument(metavar="JOURNAL", help="The run's file.", show_default=False)
]
Concurrency = Annotated[
    int | None,
    typer.Option(
        min=1, help="Jobs at once at most; what the account allows is learned.", show_default="50"
    ),
]
BaseUrl = Annotated[
    str | None,
    typer.Option(
        help="Address of the API or of a sandbox.", show_default="HEYGEN_API_BASE, or HeyGen"
    ),
]
Json = Annotated[
    bool, typer.Option("--json", help="JSON lines also on a terminal; piped output always is.")
]
Speed = Annotated[float, typer.Option(min=0.1, help="Seconds of HeyGen's time per second.")]


class RunOptions(msgspec.Struct, frozen=True, kw_only=True):
    """How a run is kept, what it may cost, and what is downloaded of it.

    Attributes:
        journal: The file that makes the run survive a crash, or None.
        resume: Refuse to begin a new run.
        retry_failed: Submit items again that failed in an earlier run.
        resubmit_uncertain: Send items again that might be paid for twice.
        max_cost: USD that the run may cost, by estimate, or None.
        max_jobs: Jobs that it may submit, or None.
        until_empty: Start although the account cannot pay for all of it.
        give_up_after: Seconds after which the run ends if HeyGen accepts nothing.
        measure: Probe the sources.
        dry_run: Check and estimate only.
        concurrency: Jobs that may be under way at once, those in HeyGen's queue included, or
            None.
        also: Files that are downloaded beside each video.
    """

    journal: Path | None = None
    resume: bool = False
    retry_failed: bool = False
    resubmit_uncertain: bool = False
    max_cost: float | None = None
    max_jobs: int | None = None
    until_empty: bool = False
    give_up_after: float = 3600.0
    measure: bool = True
    dry_run: bool = False
    concurrency: int | None = None
    also: Sequence[Output] = ()

    def existing_run(self) -> str | None:
        """Describe what the journal holds before the start; None if there is no run in it.

        It blocks.

        Raises:
            CommandError: The options do not go together, or there is nothing to resume.
        """
        if self.journal is None:
            for name in ("resume", "retry_failed", "resubmit_uncertain"):
                if getattr(self, name):
                    option = name.replace("_", "-")
                    raise CommandError(f"--{option} needs the journal of the run: --journal FILE")
            return None
        path = self.journal
        if not path.exists() or (path.is_file() and not path.stat().st_size):
            if self.resume:
                raise CommandError(
                    f"{path}: there is no journal to resume; without --resume a new run begins"
                )
            return None
        try:
            with open_reader(path) as view:
                totals, run = view.totals(), view.run
        except JournalError:
            return None  # the run will open it, and say better what is wrong
        ended = sum(totals.counts[state] for state in FINISHED)
        return (
            f"{path} holds a run begun at {moment(run.created_at)}, {ended:,} of its "
            f"{run.total(totals.items):,} items ended: going on with it."
        )

    def existing_chain(self, *stages: str) -> str | None:
        """Describe what the journals of a chain hold before the start; None if nothing. Blocks.

        Args:
            *stages: Names of the stages, the first one first.

        Raises:
            CommandError: The options do not go together, or there is nothing to resume.
        """
        journal = self.journal
        if journal is None:
            return self.existing_run()
        files = [journal.with_suffix(f".{stage}{journal.suffix}") for stage in stages]
        first = next((file for file in files if file.exists()), files[0])
        return msgspec.structs.replace(self, journal=first).existing_run()

    def batch(
        self,
        heygen: HeyGen,
        progress: Callable[[Progress], None] | None = None,
        *,
        journal: Path | None = None,
    ) -> Batch:
        """Return a batch with these options.

        Args:
            heygen: The client.
            progress: Called after each outcome, or None.
            journal: The journal of a chain; that of a single run goes to the run.
        """
        return Batch(
            heygen,
            journal=journal,
            concurrency=self.concurrency,
            progress=progress,
            retry_failed=self.retry_failed,
            resubmit_uncertain=self.resubmit_uncertain,
            max_cost=self.max_cost,
            max_jobs=self.max_jobs,
            until_empty=self.until_empty,
            give_up_after=self.give_up_after,
            measure=self.measure,
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class SharedOptions:
    """The options that all commands which pay for jobs have; each field is an option."""

    out: Out = None
    also: Also = None
    concurrency: Concurrency = None
    base_url: BaseUrl = None
    journal: Journal = None
    resume: Resume = False
    max_cost: MaxCost = None
    max_jobs: MaxJobs = None
    until_empty: UntilEmpty = False
    give_up_after: GiveUpAfter = 3600.0
    no_probe: NoProbe = False
    retry_failed: RetryFailed = False
    resubmit_uncertain: ResubmitUncertain = False
    json: Json = False

    def arguments(self, *, dry_run: bool = False) -> dict[str, Any]:
        """Return the keyword arguments that the functions of these commands share.

        Args:
            dry_run: Check and estimate only.

        Raises:
            CommandError: The options do not go together.
        """
        if self.also and self.out is None:
            raise CommandError("--also needs the folder of the videos: --download DIR")
        options = RunOptions(
            journal=self.journal,
            resume=self.resume,
            retry_failed=self.retry_failed,
            resubmit_uncertain=self.resubmit_uncertain,
            max_cost=self.max_cost,
            max_jobs=self.max_jobs,
            until_empty=self.until_empty,
            give_up_after=self.give_up_after,
            measure=not self.no_probe,
            dry_run=dry_run,
            also=tuple(further.value for further in self.also or ()),
        )
        return {
            "display": display_for(json=self.json),
            "out": self.out,
            "concurrency": self.concurrency,
            "base_url": self.base_url,
            "options": options,
        }


def runs(function: Callable[..., Coroutine[Any, Any, Exit]]) -> Callable[..., None]:
    """Make a command of a function: decorator, below that of Typer.

    The command runs the coroutine that the function returns, and exits with its result. If the
    function has a parameter ``shared``, the command has the fields of ``SharedOptions`` as
    options in its place.
    """
    signature = inspect.signature(function)
    hints = get_type_hints(function, include_extras=True)
    shared = get_type_hints(SharedOptions, include_extras=True) if "shared" in hints else {}
    defaults = {field.name: field.default for field in dataclasses.fields(SharedOptions)}
    parameters = [
        parameter.replace(annotation=hints[name], kind=inspect.Parameter.KEYWORD_ONLY)
        for name, parameter in signature.parameters.items()
        if name != "shared"
    ]
    parameters += [
        inspect.Parameter(
            name, inspect.Parameter.KEYWORD_ONLY, default=defaults[name], annotation=annotation
        )
        for name, annotation in shared.items()
    ]

    def command(**arguments: Any) -> None:
        if shared:
            given = {name: arguments.pop(name) for name in shared}
            arguments["shared"] = SharedOptions(**given)
        raise typer.Exit(run(lambda: function(**arguments)))

    command.__name__ = function.__name__
    command.__doc__ = function.__doc__
    command.__annotations__ = {one.name: one.annotation for one in parameters}
    command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    return command


def moment(at: float) -> str:
    """Return a time in Unix seconds as text, in this machine's time zone."""
    return datetime.datetime.fromtimestamp(at).astimezone().strftime("%Y-%m-%d %H:%M")
