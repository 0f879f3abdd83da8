"""Jobs that standard output has lost."""

from __future__ import annotations

import sys
from collections import deque

from heygen_async.cli.display.records import Item
from heygen_async.cli.standard_streams import UNREAD, StreamState
from heygen_async.session.diagnostics.escaping import escaped


class ReportedJobs:
    """Print jobs on standard error if standard output has lost them.

    Output is lost if its descriptor was closed at the start, or after a write has failed. Jobs
    written shortly before may not have been read, so they are printed too.

    Args:
        state: The state of standard output.
    """

    def __init__(self, state: StreamState) -> None:
        self._state = state
        # Items whose lines may be unread, with the number of bytes written up to each.
        self._unread: deque[tuple[int, Item]] = deque()
        self._written = 0
        self._explained = False

    def wrote(self, item: Item, size: int) -> None:
        """Note that the line of an item was written, or was to be written.

        Args:
            item: The item.
            size: Size of its line in bytes.
        """
        self._written += size
        self._unread.append((self._written, item))
        if not self._state.lost:
            while self._unread[0][0] <= self._written - UNREAD:
                self._unread.popleft()
            return
        if not self._explained:
            self._explained = True
            print_error(f"Standard output {self._state}; jobs that it may not have told of:")
        while self._unread:
            _, item = self._unread.popleft()
            if item.job_id is not None:
                print_error(f"  {escaped(item.key)}  {item.job_id}")


def print_error(text: str) -> None:
    """Print text on standard error, also while a bar is shown."""
    # While a bar is shown, rich replaces it with a proxy that prints to standard output.
    stream = getattr(sys.stderr, "rich_proxied_file", sys.stderr)
    print(escaped(text, lines=True), file=stream, flush=True)
