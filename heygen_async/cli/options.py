"""The options that commands share.

This module does not import the implementations of commands, which is slow; commands import them
when they run.
"""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, TypeAlias, get_type_hints

import typer

from heygen_async.cli.exit_codes import CommandError, Exit
from heygen_async.cli.sample_options import SampleOptions

Command: TypeAlias = Coroutine[Any, Any, Exit]


class Via(StrEnum):
    """How the jobs of a run are sent."""

    SINGLE = "single"
    API_BATCH = "api-batch"


class Format(StrEnum):
    """How outcomes are printed."""

    TEXT = "text"
    JSON = "json"
    CSV = "csv"


class Further(StrEnum):
    """Files of a result in addition to its video."""

    CAPTIONED = "captioned"
    SUBTITLES = "subtitles"
    THUMBNAIL = "thumbnail"
    GIF = "gif"
    AUDIO = "audio"


Out = Annotated[
    str | None,
    typer.Option(
        "--download",
        "--out",
        metavar="DIR|URL",
        help="Download the videos into this folder or storage, such as s3://bucket/videos; or a "
        "pattern with columns: s3://bucket/{company}/{key}.mp4.",
        show_default=False,
    ),
]
PublicBase = Annotated[
    str | None,
    typer.Option(
        metavar="URL",
        help="The public URL of the bucket, for the URLs of the files in --results, --notify and "
        "--exec.",
        show_default=False,
    ),
]
Notify = Annotated[
    str | None,
    typer.Option(
        metavar="URL",
        help="Post a notification about each row to this URL when its file is there, signed with "
        "HEYGEN_NOTIFY_SECRET as HeyGen signs webhooks.",
        show_default=False,
    ),
]
Exec = Annotated[
    str | None,
    typer.Option(
        metavar="COMMAND",
        help="Run this for each row when its file is there, without a shell: it reads JSON from "
        "its standard input, and finds the values in HEYGEN_ITEM_KEY, …_STATUS, …_FILE and …_URL.",
        show_default=False,
    ),
]
Also = Annotated[
    list[Further] | None,
    typer.Option(
        "--also",
        metavar="WHAT",
        help="Also download this file of each result: captioned (the video with captions "
        "burnt in), subtitles, thumbnail, gif or audio; repeat it for more.",
        show_default=False,
    ),
]
Journal = Annotated[
    str | None,
    typer.Option(
        metavar="FILE",
        help="Keep the run in this file, or in postgresql://user@host/database?run=NAME: the "
        "same command resumes it, and pays for nothing twice.",
        show_default=False,
    ),
]
Results = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="Write all rows with their results into this .csv, .jsonl or .xlsx file, while "
        "the run goes on and at its end.",
        show_default=False,
    ),
]
Resume = Annotated[
    bool,
    typer.Option(
        "--resume",
        help="Refuse to start a new run if the journal holds none; without --resume a run "
        "is started or resumed.",
    ),
]
KeyColumn = Annotated[
    str | None,
    typer.Option(
        "--key", metavar="COLUMN", help="The column with the keys of the rows.", show_default="key"
    ),
]
RetryFailed = Annotated[bool, typer.Option("--retry-failed", help="Submit failed items again.")]
ResubmitUncertain = Annotated[
    bool,
    typer.Option(
        "--resubmit-uncertain",
        help="Send items again that may have been sent already; they might be paid for twice.",
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
    typer.Option(min=0, metavar="USD", help="Stop submitting at this estimated cost."),
]
MaxJobs = Annotated[int | None, typer.Option(min=0, help="Submit at most this many jobs.")]
Prices = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help='Your prices in USD per second, as JSON: {"as_of": "2026-09-01", "avatar_iv": 0.06}.',
        show_default="HeyGen's published prices",
    ),
]
UntilEmpty = Annotated[
    bool,
    typer.Option("--until-empty", help="Start although the account cannot pay for all of it."),
]
GiveUpAfter = Annotated[
    float,
    typer.Option(
        min=0,
        metavar="SECONDS",
        help="End if HeyGen has accepted nothing for this long, for lack of credit or slots, and "
        "no job is in flight.",
    ),
]
NoProbe = Annotated[
    bool,
    typer.Option(
        "--no-probe",
        help="Do not check the sources, neither their lengths nor whether HeyGen takes them.",
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
Preview = Annotated[
    Path | None,
    typer.Option(
        "--preview",
        metavar="FILE",
        help="Write a page that shows each row as it will be made, with warnings; submit nothing.",
        show_default=False,
    ),
]
Languages = Annotated[
    list[str] | None,
    typer.Option("--to", metavar="LANGUAGE", help="A language; repeat it for more."),
]
AllLanguages = Annotated[bool, typer.Option("--all", help="All languages that HeyGen offers.")]
Voice = Annotated[
    str | None, typer.Option(metavar="ID|NAME", help="The voice that speaks.", show_default=False)
]
ProofreadId = Annotated[
    str, typer.Argument(metavar="ID", help="The proofread.", show_default=False)
]
RowsFile = Annotated[
    str,
    typer.Argument(
        metavar="ROWS",
        help="A .csv, .jsonl or .xlsx file, an https URL of a CSV or a Google sheet, or - for "
        "standard input.",
        show_default=False,
    ),
]
MapColumns = Annotated[
    list[str] | None,
    typer.Option(
        "--map",
        metavar="COLUMN=NAME",
        help="The field that a column fills, if its name differs; COLUMN= ignores the column.",
        show_default=False,
    ),
]
Defaults = Annotated[
    list[str] | None,
    typer.Option(
        "--default",
        metavar="NAME=VALUE",
        help="A value for the rows that have none.",
        show_default=False,
    ),
]
Where = Annotated[
    list[str] | None,
    typer.Option(
        metavar="COLUMN=VALUE",
        help="Only rows that have this value in this column.",
        show_default=False,
    ),
]
TemplateId = Annotated[
    str, typer.Argument(metavar="TEMPLATE", help="Its id or name.", show_default=False)
]
RunLocation = Annotated[
    str,
    typer.Argument(
        metavar="JOURNAL", help="The run's file, or the URL of its database.", show_default=False
    ),
]
RunName = Annotated[
    str | None,
    typer.Option("--name", metavar="RUN", help="The run in the database.", show_default=False),
]
Concurrency = Annotated[
    int | None,
    typer.Option(
        min=1, help="The most jobs at once; the account's own limit is learned.", show_default="50"
    ),
]
BaseUrl = Annotated[
    str | None,
    typer.Option(
        help="Address of the API or of a sandbox.", show_default="HEYGEN_API_BASE, or HeyGen"
    ),
]
Json = Annotated[
    bool, typer.Option("--json", help="Print JSON lines also on a terminal, as always in a pipe.")
]
WaitTimeout = Annotated[
    float | None,
    typer.Option(
        "--timeout",
        min=0,
        metavar="SECONDS",
        help="The longest wait; the job continues at HeyGen.",
        show_default="as long as it takes",
    ),
]
FormatName = Annotated[
    Format | None,
    typer.Option(
        "--format",
        help="How outcomes are printed, wherever they go.",
        show_default="text on a terminal, json in a pipe",
    ),
]
Speed = Annotated[float, typer.Option(min=0.1, help="Seconds of HeyGen's time per second.")]


@dataclass(frozen=True, kw_only=True, slots=True)
class SharedOptions:
    """Options of all commands that pay for jobs; each field is an option."""

    out: Out = None
    also: Also = None
    public_base: PublicBase = None
    notify: Notify = None
    exec: Exec = None
    concurrency: Concurrency = None
    base_url: BaseUrl = None
    journal: Journal = None
    results: Results = None
    resume: Resume = False
    max_cost: MaxCost = None
    max_jobs: MaxJobs = None
    prices: Prices = None
    until_empty: UntilEmpty = False
    give_up_after: GiveUpAfter = 3600.0
    no_probe: NoProbe = False
    retry_failed: RetryFailed = False
    resubmit_uncertain: ResubmitUncertain = False
    json: Json = False
    format: FormatName = None

    def arguments(
        self,
        *,
        dry_run: bool = False,
        preview: Path | None = None,
        sampling: SampleOptions | None = None,
        test_clip: float | None = None,
    ) -> dict[str, Any]:
        """Return the keyword arguments that the functions of these commands share.

        Args:
            dry_run: Check and estimate only.
            preview: File of a page that shows the run; implies ``dry_run``.
            sampling: Options for a sample, or None.
            test_clip: Length in seconds of the clips of dubs to make, or None.

        Raises:
            CommandError: The options are incompatible.
            ConfigurationError: The file of prices or the journal cannot be used.
        """
        for name in ("also", "public_base"):
            if getattr(self, name) and self.out is None:
                option = name.replace("_", "-")
                raise CommandError(f"--{option} needs the place of the videos: --download DIR")
        from heygen_async.cli.display import display_for
        from heygen_async.cli.run_options import RunOptions
        from heygen_async.journal import journal_store
        from heygen_async.pricing.prices import PRICES, PriceTable

        options = RunOptions(
            journal=None if self.journal is None else journal_store(self.journal),
            resume=self.resume,
            retry_failed=self.retry_failed,
            resubmit_uncertain=self.resubmit_uncertain,
            max_cost=self.max_cost,
            max_jobs=self.max_jobs,
            prices=PRICES if self.prices is None else PriceTable.load(self.prices),
            until_empty=self.until_empty,
            give_up_after=self.give_up_after,
            measure=not self.no_probe,
            dry_run=dry_run or preview is not None,
            preview=preview,
            results=self.results,
            also=tuple(further.value for further in self.also or ()),
            public_base=self.public_base,
            notify=self.notify,
            exec=self.exec,
            test_clip=test_clip,
            **({} if sampling is None else dataclasses.asdict(sampling)),
        )
        return {
            "display": display_for(json=self.json, format=self.format and self.format.value),
            "out": self.out,
            "concurrency": self.concurrency,
            "base_url": self.base_url,
            "options": options,
        }


@dataclass(frozen=True, kw_only=True, slots=True)
class TableOptions:
    """Options of commands that read rows: selection of rows and mapping of columns."""

    mapped: MapColumns = None
    default: Defaults = None
    where: Where = None

    def choices(self) -> Any:
        """Return the options as ``RowChoices``.

        Raises:
            CommandError: An option does not have the form ``NAME=VALUE``.
        """
        from heygen_async.cli.inputs.field_rows import RowChoices

        return RowChoices.of(self.mapped or (), self.default or (), self.where or ())


def new_app(**settings: Any) -> typer.Typer:
    """Return a Typer app with the common appearance of all commands.

    Args:
        **settings: Additional settings of ``Typer``.
    """
    settings = {"add_completion": False, **settings}
    return typer.Typer(pretty_exceptions_enable=False, rich_markup_mode="markdown", **settings)


def runs(function: Callable[..., Coroutine[Any, Any, Exit]]) -> Callable[..., None]:
    """Make a command of a function: decorator, below that of Typer.

    The command runs the coroutine that the function returns, and exits with its result. If a
    parameter is a dataclass, such as ``SharedOptions``, its fields become options of the command,
    after the others.
    """
    hints = get_type_hints(function, include_extras=True)
    groups = {
        name: hints[name]
        for name in inspect.signature(function).parameters
        if dataclasses.is_dataclass(hints[name])
    }
    parameters = [
        parameter.replace(annotation=hints[name], kind=inspect.Parameter.KEYWORD_ONLY)
        for name, parameter in inspect.signature(function).parameters.items()
        if name not in groups
    ]
    for group in groups.values():
        annotations = get_type_hints(group, include_extras=True)
        parameters += [
            inspect.Parameter(
                field.name,
                inspect.Parameter.KEYWORD_ONLY,
                default=field.default,
                annotation=annotations[field.name],
            )
            for field in dataclasses.fields(group)
        ]

    def command(**arguments: Any) -> None:
        for name, group in groups.items():
            given = {field.name: arguments.pop(field.name) for field in dataclasses.fields(group)}
            arguments[name] = group(**given)
        try:
            from heygen_async.cli.running import run

            code = run(lambda: function(**arguments))
        except KeyboardInterrupt:
            typer.secho("Stopped.", fg="yellow", bold=True, err=True)
            code = Exit.INTERRUPTED
        raise typer.Exit(code)

    command.__name__ = function.__name__
    command.__doc__ = function.__doc__
    command.__annotations__ = {one.name: one.annotation for one in parameters}
    command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    return command
