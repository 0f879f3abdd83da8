"""Edit subtitles in the user's editor, and check the saved file."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import click

from heygen_async.captions import CueProblem, parse_srt, problems
from heygen_async.cli.exit_codes import CommandError, unreadable
from heygen_async.errors import InvalidRequest
from heygen_async.session.diagnostics.escaping import escaped

_SHOWN = 12
_QUESTION = "Edit again, take it anyway, or stop? (edit, take, stop) [edit]: "


def temporary_file(name: str, text: str) -> Path:
    """Return a file with a text for the editor; the caller removes it.

    Args:
        name: Prefix of its name.
        text: The text.
    """
    with tempfile.NamedTemporaryFile(
        "w", encoding="utf-8", newline="", prefix=f"{name}-", suffix=".srt", delete=False
    ) as file:
        file.write(text)
    return Path(file.name)


async def edited(path: Path, *, anyway: bool = False) -> str:
    """Let the user edit a file of subtitles until it is accepted.

    The file is opened in $VISUAL or $EDITOR. On a terminal the user decides how to handle problems;
    otherwise, problems that players would show incorrectly end the command. On Ctrl-C the path of
    the file is printed.

    Args:
        path: The file; it is not removed.
        anyway: Accept the saved file despite problems.

    Returns:
        The saved text.

    Raises:
        CommandError: The editor failed, or the saved file is not accepted.
    """
    try:
        while True:
            text = await asyncio.to_thread(_saved, path)
            problems = report_problems(text)
            if not problems or anyway:
                return text
            if not sys.stdin.isatty():
                if any(serious for _, serious in problems):
                    break
                return text
            answer = await _answer()
            if answer == "take":
                return text
            if answer == "stop":
                break
    except asyncio.CancelledError:
        click.echo(f"What you saved is in {path}", err=True)
        raise
    raise CommandError(f"nothing was sent; what you saved is in {path}")


def _saved(path: Path) -> str:
    """Return the content of the file after the user has closed the editor."""
    try:
        click.edit(filename=str(path))
    except click.ClickException as error:
        raise CommandError(f"{error.message} (your file: {path})") from None
    try:
        return path.read_bytes().decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise CommandError(f"{path}: {unreadable(error)}") from None


async def _answer() -> str:
    """Return the user's choice about problems: "edit", "take" or "stop"."""
    while True:
        click.echo(_QUESTION, nl=False, err=True)
        line = await typed_line()
        if not line:  # Ctrl-D
            click.echo(err=True)
            return "stop"
        answer = line.strip().lower() or "edit"
        if answer in ("edit", "take", "stop"):
            return answer


async def confirmed(question: str) -> bool:
    """Ask the user on the terminal; any answer except y or yes, or Ctrl-D, means no.

    Args:
        question: Text of the question.
    """
    click.echo(f"{question} [y/N]: ", nl=False, err=True)
    return (await typed_line()).strip().lower() in ("y", "yes")


async def typed_line() -> str:
    """Return the line that the user types, including the newline; empty at Ctrl-D."""
    loop = asyncio.get_running_loop()
    typed = asyncio.Event()
    try:
        # A reading thread would keep the command from ending at Ctrl-C until Enter is pressed.
        loop.add_reader(sys.stdin, typed.set)
    except (NotImplementedError, PermissionError):  # Windows; a file
        return await asyncio.to_thread(sys.stdin.readline)
    try:
        await typed.wait()
    finally:
        loop.remove_reader(sys.stdin)
        os.set_blocking(sys.stdin.fileno(), True)  # uvloop changed it, also for the shell
    return sys.stdin.readline()


def report_problems(text: str) -> list[tuple[str, bool]]:
    """Return the problems of subtitles, and print them on standard error.

    Args:
        text: The SRT text.

    Returns:
        Each problem as text, and whether players would show it incorrectly.
    """
    try:
        found = [(str(one), one.serious) for one in _sorted(problems(parse_srt(text)))]
    except InvalidRequest as error:
        found = [(str(error), True)]
    for message, serious in found[:_SHOWN]:
        click.secho(f"  {escaped(message)}", fg="red" if serious else "yellow", err=True)
    if len(found) > _SHOWN:
        click.echo(f"  and {len(found) - _SHOWN} more", err=True)
    return found


def _sorted(found: Sequence[CueProblem]) -> list[CueProblem]:
    """Return problems in order, starting with those that players would show incorrectly."""
    return sorted(found, key=lambda one: (not one.serious, one.number))


def removed(path: Path) -> None:
    """Remove a file whose content is stored elsewhere. Blocks."""
    with contextlib.suppress(OSError):
        path.unlink()
