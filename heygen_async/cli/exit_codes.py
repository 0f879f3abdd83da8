"""Exit codes of the command, and the sentences for failures."""

from __future__ import annotations

from collections.abc import Collection
from enum import IntEnum

from heygen_async.errors import (
    AuthenticationError,
    ConfigurationError,
    HeyGenError,
    InvalidRequest,
    JobTimeout,
    PermissionDenied,
    RequestTimeout,
)

EXIT_CODES = (
    "Exit codes: 0 all done, 1 some failed, 2 bad usage, 3 no access, 4 timeout, "
    "130 stopped by Ctrl-C, 143 by SIGTERM."
)
"""The exit codes, as shown in the help of commands."""


class Exit(IntEnum):
    """Exit code of the command."""

    DONE = 0
    SOME_FAILED = 1
    USAGE = 2
    AUTH = 3
    TIMEOUT = 4
    INTERRUPTED = 130
    TERMINATED = 143


class CommandError(Exception):
    """A command cannot continue; its message is for the user.

    Args:
        message: One readable sentence.
        code: The exit code; bad usage by default.
    """

    def __init__(self, message: str, code: Exit = Exit.USAGE) -> None:
        super().__init__(message)
        self.code = code


def exit_for(error: HeyGenError) -> Exit:
    """Return the exit code of a command that ended with an error."""
    if isinstance(error, ConfigurationError | InvalidRequest):
        return Exit.USAGE
    return exit_for_failures([error])


def exit_for_failures(failures: Collection[HeyGenError]) -> Exit:
    """Return the exit code of a command some of whose items failed.

    If all of them failed because of missing permissions, or all because of timeouts, the code
    states this.
    """
    if not failures:
        return Exit.DONE
    if all(isinstance(error, AuthenticationError | PermissionDenied) for error in failures):
        return Exit.AUTH
    if all(isinstance(error, JobTimeout | RequestTimeout) for error in failures):
        return Exit.TIMEOUT
    return Exit.SOME_FAILED


def unreadable(error: OSError | UnicodeDecodeError) -> str:
    """Return the reason why a text file cannot be read, without its name."""
    if isinstance(error, UnicodeDecodeError):
        return f"not text in UTF-8: {error.reason} at byte {error.start:,}"
    return error.strerror or str(error)


def sentence(error: HeyGenError) -> str:
    """Return an error as text for the terminal."""
    if isinstance(error, AuthenticationError):
        return f"HeyGen does not accept the API key; check HEYGEN_API_KEY. ({error})"
    return str(error)
