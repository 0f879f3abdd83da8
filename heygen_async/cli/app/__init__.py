"""The command line: its list of commands. A command's module is loaded when it is called."""

from __future__ import annotations

import importlib
from typing import Annotated, Any, NamedTuple

import typer
from typer.core import TyperCommand, TyperGroup

from heygen_async.cli.exit_codes import EXIT_CODES
from heygen_async.cli.options import new_app
from heygen_async.version import __version__


class _Entry(NamedTuple):
    """A command in the list of commands.

    Attributes:
        module: Module of ``cli.app`` that declares it.
        help: The first sentence of its help.
    """

    module: str
    help: str


_PANELS: dict[str, dict[str, _Entry]] = {
    "Bulk runs": {
        "render": _Entry("bulk", "Render one video for each row of a file."),
        "translate": _Entry("bulk", "Dub one video, or many, into many languages."),
        "agents": _Entry("bulk", "Have the Video Agent make a video for each row of a file."),
        "localize": _Entry(
            "bulk",
            "Make a video from a prompt or a script, or take one, and dub it into many languages.",
        ),
        "narrate": _Entry(
            "bulk",
            "Have texts spoken, lip-sync an avatar to each, and make captions of the words.",
        ),
        "personalize": _Entry(
            "bulk",
            "Render one video for each row of a file, with some of its texts spoken first.",
        ),
        "proofread": _Entry(
            "proofread", "Show or edit the subtitles of proofreads, before they are rendered."
        ),
        "status": _Entry(
            "journals",
            "Show the state of a run, or of each stage of a chain, from its journal, at any time.",
        ),
        "watch": _Entry(
            "journals",
            "Follow a run from another terminal, or on a live page, while it goes on.",
        ),
        "results": _Entry(
            "journals",
            "Write the rows of a run with their results, from its journal, at any time.",
        ),
        "approve": _Entry("journals", "Approve items of a run: they are never paid for again."),
        "reject": _Entry(
            "journals",
            "Reject items of a run: they are not made again, and later starts show them as "
            "rejected.",
        ),
        "retake": _Entry(
            "journals",
            "Have items of a run made again by its next start, as new jobs that are paid for.",
        ),
        "report": _Entry(
            "journals", "Write one HTML page about a run: counts, money, plots, failures, links."
        ),
    },
    "Many machines": {
        "submit": _Entry("cluster", "Submit a run for workers: one video for each row of a file."),
        "worker": _Entry("cluster", "Work on the runs of this account, until Ctrl-C or SIGTERM."),
        "cancel": _Entry(
            "cluster",
            "Cancel a run of workers: nothing more is submitted; jobs in flight are waited for.",
        ),
    },
    "One at a time": {
        "video": _Entry("creates", "Make one video."),
        "agent": _Entry("creates", "Have the Video Agent make a video from a prompt."),
        "speech": _Entry("creates", "Have a text spoken."),
        "get": _Entry("single", "Show the object with this id."),
        "wait": _Entry("single", "Wait until a job has ended, and show its result."),
        "download": _Entry(
            "single", "Download the file of a job, once it has ended, or of an asset."
        ),
        "delete": _Entry("single", "Delete the object with this id; without --kind you are asked."),
        "upload": _Entry("single", "Upload files, which requests then name by their asset ids."),
        "api": _Entry("single", "Send any call of the API, and print the answer."),
        "migrate": _Entry(
            "single", "Turn a payload of HeyGen's v2 into a request of v3; nothing is sent."
        ),
    },
    "The account": {
        "whoami": _Entry("single", "Show the account: balance, plan, and running jobs."),
        "avatars": _Entry("libraries", "The avatars that videos can show."),
        "voices": _Entry("libraries", "The voices that can speak."),
        "templates": _Entry("libraries", "The templates, and their variables."),
        "languages": _Entry("libraries", "The languages that videos can be dubbed into."),
        "videos": _Entry(
            "libraries", "The videos of the account; with a file of rows, make one of each."
        ),
        "assets": _Entry("libraries", "The files that were uploaded."),
    },
    "Trying it out": {
        "sandbox": _Entry(
            "local", "Serve a local HeyGen to try things on; nothing leaves this machine."
        ),
        "demo": _Entry(
            "local",
            "Show what the SDK does on its own sandbox: no key, no charge, under a minute.",
        ),
    },
}

# Words after ``videos`` that select the list of the account's videos instead of a run of rows.
_OF_LIST = ("list", "-h", "--help")

MODULES: tuple[str, ...] = tuple(
    dict.fromkeys(entry.module for panel in _PANELS.values() for entry in panel.values())
)
"""Modules that declare commands, in the order of the list."""


class Commands(TyperGroup):
    """Root of all commands, which are listed without loading them."""

    rich_markup_mode: Any

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        self._modules: dict[str, str] = {}
        for panel, entries in _PANELS.items():
            for name, entry in entries.items():
                self._modules[name] = entry.module
                self.add_command(
                    TyperCommand(name, help=entry.help, rich_help_panel=panel, callback=None)
                )

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Load and return the command that the arguments start with."""
        name, listed, rest = super().resolve_command(ctx, args)
        if name == "videos" and rest and rest[0] not in _OF_LIST:
            return name, self.load(name, module="bulk"), rest
        return name, None if listed is None or name is None else self.load(name), rest

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Write the help without rich, which takes longer to load than everything else."""
        markup, self.rich_markup_mode = self.rich_markup_mode, None
        try:
            super().format_help(ctx, formatter)
        finally:
            self.rich_markup_mode = markup

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Write the list of commands, panel by panel."""
        for panel, entries in _PANELS.items():
            with formatter.section(panel):
                formatter.write_dl([(name, entry.help) for name, entry in entries.items()])

    def load(self, name: str, *, module: str | None = None) -> Any:
        """Return a command with its options.

        Args:
            name: Its name.
            module: Module that declares it; None uses the module in the list.
        """
        declared = importlib.import_module(f"{__name__}.{module or self._modules[name]}")
        return typer.main.get_group(declared.app).commands[name]


app: typer.Typer = new_app(
    cls=Commands,
    name="heygen-async",
    help=(
        "The HeyGen API from the command line: bulk rendering, dubbing, and a local sandbox.\n\n"
        "The API key is read from HEYGEN_API_KEY."
    ),
    epilog=EXIT_CODES,
    no_args_is_help=True,
    add_completion=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"heygen-async {__version__}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Use the HeyGen API from the command line: bulk rendering, dubbing, and a local sandbox.

    The API key is read from HEYGEN_API_KEY.
    """
