"""The ``heygen-async`` command."""

from __future__ import annotations

import sys

from heygen_async.cli.standard_streams import secure, state_of
from heygen_async.version import __version__


def main() -> None:
    """Run the command line; the entry point ``heygen-async``."""
    secure()
    if sys.argv[1:] == ["--version"]:  # before loading anything unnecessary
        print(f"heygen-async {__version__}")  # noqa: T201
        raise SystemExit(state_of(sys.stdout).failure is not None)
    try:
        from heygen_async.cli.app import app

        app()
    except ModuleNotFoundError as error:
        missing = (error.name or "").partition(".")[0]
        if missing not in ("typer", "rich"):
            raise
        print(  # noqa: T201, there is no display without rich
            f"heygen-async needs {missing}, which is not installed: "
            "pip install typer rich (the extra cli)",
            file=sys.stderr,
        )
        raise SystemExit(2) from None
    except KeyboardInterrupt:  # while modules load
        print("Stopped.", file=sys.stderr)  # noqa: T201
        raise SystemExit(130) from None
