"""Subtitles in the user's editor, looked over when they are saved."""

from __future__ import annotations

import contextlib
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import click

from heygen_async.captions import CueProblem, parse_srt, problems
from heygen_async.cli.exits import CommandError
from heygen_async.errors import InvalidRequest

_SHOWN = 12


def temporary_file(name: str, text: str) -> Path:
    """A file with a text, for the editor; whoever asked for it removes it.

    Args:
        name: What its name begins with.
        text: The text.
    """
    with tempfile.NamedTemporaryFile(
        "w", encoding="utf-8", newline="", prefix=f"{name}-", suffix=".srt", delete=False
    ) as file:
        file.write(text)
    return Path(file.name)


def edited(path: Path, *, anyway: bool = False) -> str:
    """Let the user edit a file of subtitles until it is as it should be; blocks.

    $VISUAL or $EDITOR is opened on it. On a terminal the user decides what to do about problems;
    elsewhere those that players would show wrongly end it.

    Args:
        path: The file; it stays.
        anyway: Take what was saved in spite of problems.

    Returns:
        What was saved.

    Raises:
        CommandError: The editor failed, or what was saved is not to be taken.
    """
    while True:
        try:
            click.edit(filename=str(path))
        except click.ClickException as error:
            raise CommandError(f"{error.message} (your file: {path})") from None
        try:
            text = path.read_bytes().decode("utf-8-sig")
        except (OSError, UnicodeDecodeError) as error:
            raise CommandError(f"{path}: {error}") from None
        found = told(text)
        if not found or anyway:
            return text
        if not sys.stdin.isatty():
            if any(serious for _, serious in found):
                raise CommandError(f"nothing was sent; what you saved is in {path}")
            return text
        answer = click.prompt(
            "Edit again, take it anyway, or stop?",
            type=click.Choice(["edit", "take", "stop"]),
            default="edit",
            err=True,
        )
        if answer == "take":
            return text
        if answer == "stop":
            raise CommandError(f"nothing was sent; what you saved is in {path}")


def told(text: str) -> list[tuple[str, bool]]:
    """What is wrong with subtitles, also said on standard error.

    Args:
        text: The SRT text.

    Returns:
        Each problem in words, and whether players would show it wrongly.
    """
    try:
        found = [(str(one), one.serious) for one in _sorted(problems(parse_srt(text)))]
    except InvalidRequest as error:
        found = [(str(error), True)]
    for message, serious in found[:_SHOWN]:
        click.secho(f"  {message}", fg="red" if serious else "yellow", err=True)
    if len(found) > _SHOWN:
        click.echo(f"  and {len(found) - _SHOWN} more", err=True)
    return found


def _sorted(found: Sequence[CueProblem]) -> list[CueProblem]:
    """Those first that players would show wrongly."""
    return sorted(found, key=lambda one: (not one.serious, one.number))


def removed(path: Path) -> None:
    """Remove a file whose content is safe elsewhere; blocks."""
    with contextlib.suppress(OSError):
        path.unlink()
