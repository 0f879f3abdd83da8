"""Reliable standard streams for a command: always open, and never raising.

A reader that goes away, a full disk, or a descriptor that was closed at the start must not end a
command that pays for jobs. ``secure`` replaces the standard streams: the first error of a write is
kept in the stream's ``StreamState``, and later output is dropped.
"""

from __future__ import annotations

import contextlib
import io
import os
import select
import sys
from dataclasses import dataclass
from typing import IO, Any, TextIO, cast

# Unread output that a pipe and its reader may hold when the reader goes away, in bytes.
UNREAD = 256 * 1024


@dataclass(slots=True)
class StreamState:
    """The state of a standard stream.

    Attributes:
        failure: The error that ended it, or None.
        absent: Whether its descriptor was closed at the start, so that its output goes nowhere.
    """

    failure: OSError | None = None
    absent: bool = False

    @property
    def lost(self) -> bool:
        """Whether written output is lost."""
        return self.absent or self.failure is not None

    def __str__(self) -> str:
        if self.failure is not None:
            return f"cannot be written to ({self.failure.strerror})"
        return "is closed" if self.absent else "is open"


class _KeptErrors(io.FileIO):
    """A descriptor that stores errors in a state instead of raising them."""

    def __init__(self, descriptor: int, state: StreamState) -> None:
        super().__init__(descriptor, "w", closefd=False)
        self._state = state

    def write(self, data: Any, /) -> int:
        size = memoryview(data).nbytes
        if self._state.failure is not None:
            return size
        try:
            # A terminal that another program made non-blocking accepts no output while it is full.
            while (written := super().write(data)) is None:
                select.select([], [self.fileno()], [])
        except OSError as error:
            self._state.failure = error
            return size
        return written


class _SecuredStream(io.TextIOWrapper):
    """A text stream over such a descriptor.

    Attributes:
        state: Its state.
    """

    state: StreamState


def secure() -> None:
    """Open the descriptors 0 to 2 that are closed, and replace standard output and error.

    Libraries put sockets on descriptors that are free, and ``uvloop`` aborts the process for one
    below 3. Characters that the encoding cannot express are written as escapes.
    """
    absent = [_open_null(descriptor) for descriptor in range(3)]
    if sys.stdin is None:
        sys.stdin = open(0, closefd=False)  # noqa: SIM115, open to the end of the process
    sys.stdout = _secured(sys.stdout, 1, absent=absent[1])
    sys.stderr = _secured(sys.stderr, 2, absent=absent[2])


def state_of(stream: IO[str]) -> StreamState:
    """Return the state of a stream; that of any other stream is good."""
    return getattr(stream, "state", None) or StreamState()


def _open_null(descriptor: int) -> bool:
    """Open a descriptor that is closed on the null device; return whether it was closed."""
    try:
        os.fstat(descriptor)
    except OSError:
        opened = os.open(os.devnull, os.O_RDWR)
        if opened != descriptor:
            os.dup2(opened, descriptor)
            os.close(opened)
        os.set_inheritable(descriptor, True)
        return True
    return False


def _secured(stream: TextIO | None, descriptor: int, *, absent: bool) -> TextIO:
    if stream is None:
        stream = open(descriptor, "w", closefd=False)  # noqa: SIM115
    try:
        number = stream.fileno()
    except (OSError, ValueError):
        return stream  # not a file, as in tests
    if os.name == "nt" and stream.isatty():
        return stream  # the console takes no bytes
    with contextlib.suppress(OSError):
        stream.flush()
    state = StreamState(absent=absent)
    secured = _SecuredStream(
        io.BufferedWriter(cast("Any", _KeptErrors(number, state))),
        encoding=stream.encoding,
        errors="backslashreplace",
        newline=None if os.name == "nt" else "\n",
        line_buffering=True,
    )
    secured.state = state
    return secured
