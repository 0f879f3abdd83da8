"""Records which functions of the package run, in the order of their first calls.

As a program, ``python -m tests.traces FILE ARGUMENTS``, it runs the command ``heygen-async`` and
writes the names to the file.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import CodeType, FrameType

PACKAGE = "heygen_async."


@contextmanager
def trace() -> Iterator[list[str]]:
    """Record this thread and those that start meanwhile; names as ``module.Class.method``."""
    seen: set[CodeType] = set()
    called: list[str] = []

    def note(frame: FrameType, event: str, _: object) -> None:
        code = frame.f_code
        if event == "call" and code not in seen:
            seen.add(code)
            module = frame.f_globals.get("__name__", "")
            if module.startswith(PACKAGE):
                called.append(f"{module.removeprefix(PACKAGE)}.{code.co_qualname}")

    before = sys.getprofile()
    threading.setprofile(note)
    sys.setprofile(note)
    try:
        yield called
    finally:
        sys.setprofile(before)
        threading.setprofile(None)


if __name__ == "__main__":
    from heygen_async.cli import main

    file, *sys.argv[1:] = sys.argv[1:]
    with trace() as names:
        try:
            main()
        finally:
            Path(file).write_text("\n".join(names), encoding="utf-8")
