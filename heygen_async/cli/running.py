"""Run one command on an event loop, and convert its end to an exit code."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import logging
import os
import sys
from collections.abc import Callable, Coroutine, Iterator
from typing import Any

import typer

from heygen_async.cli.exit_codes import CommandError, Exit, exit_for, sentence
from heygen_async.cli.standard_streams import state_of
from heygen_async.errors import HeyGenError
from heygen_async.session.diagnostics.escaping import escaped
from heygen_async.session.session import DEPRECATED


def run(command: Callable[[], Coroutine[Any, Any, Exit]]) -> Exit:
    """Run a command to its end; failures become one sentence on standard error.

    Ctrl-C cancels the command, which then has time to stop cleanly.

    Args:
        command: Makes the coroutine.

    Raises:
        KeyboardInterrupt: Ctrl-C has stopped it.
    """
    try:
        with _warnings_for_users(), asyncio.Runner(loop_factory=_loop_factory()) as runner:
            return _checked(runner.run(command()))
    except BrokenPipeError:
        # The reader has gone, as `head` does. Python would complain at its exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return Exit.SOME_FAILED
    except CommandError as error:
        complain(str(error))
        return error.code
    except HeyGenError as error:
        complain(sentence(error))
        return exit_for(error)
    except OSError as error:
        complain(str(error))
        return Exit.SOME_FAILED


@contextlib.contextmanager
def _warnings_for_users() -> Iterator[None]:
    """Hide warnings from users that only the author of a program can act on."""

    def concerns_users(record: logging.LogRecord) -> bool:
        return record.msg != DEPRECATED

    logger = logging.getLogger("heygen_async.session")
    logger.addFilter(concerns_users)
    try:
        yield
    finally:
        logger.removeFilter(concerns_users)


def _checked(code: Exit) -> Exit:
    """Return the exit code of a command; not 0 if its output could not be written."""
    failure = state_of(sys.stdout).failure
    if failure is None or code != Exit.DONE:
        return code
    if failure.errno != errno.EPIPE:
        complain(f"standard output: {failure.strerror}")
    return Exit.SOME_FAILED


def complain(message: str) -> None:
    """Print on standard error why the command ends."""
    typer.secho("Error: ", fg="red", bold=True, nl=False, err=True)
    typer.echo(escaped(message, lines=True), err=True)


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """Return uvloop's loop if it is installed (the extra ``fast``), otherwise asyncio's own."""
    try:
        import uvloop
    except ImportError:
        return None
    return uvloop.new_event_loop
