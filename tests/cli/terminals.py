"""Commands in a real terminal, and in a pipe, one after the other in one process each."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import re
import select
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from tests.patience import PATIENCE

# An interpreter for each command would take a second; jobs are polled early, since the sandbox is
# fast.
_COMMANDS = """
import json, sys
from heygen_async.cli import main
from heygen_async.jobs import schedule
schedule.EARLIEST /= 20
for line in sys.stdin:
    sys.argv[1:] = json.loads(line)
    try:
        main()
    except SystemExit as ended:
        print(f"\\nended with {int(ended.code or 0)}", flush=True)
"""
_ENDED = re.compile(r"\nended with (\d+)\n")


class Terminal:
    """A terminal of 120 columns in which commands run.

    Attributes:
        code: Exit code of the last command.
    """

    def __init__(self, folder: Path, environment: Mapping[str, str]) -> None:
        self._screen, inside = pty.openpty()
        shown = {"COLUMNS": "120", "TERM": "xterm", "NO_COLOR": "1"}
        self._process = subprocess.Popen(
            [sys.executable, "-c", _COMMANDS],
            stdin=inside,
            stdout=inside,
            stderr=inside,
            cwd=folder,
            env={**os.environ, **environment, **shown},
        )
        os.close(inside)
        self.code = 0
        self._key = environment["HEYGEN_API_KEY"]

    def run(self, *words: str, answers: Mapping[str, str] | None = None) -> str:
        """Run a command to its end, answer its questions, and return the terminal's output."""
        self._type(json.dumps(words))
        shown, asked = "", dict(answers or {})
        while not (ended := _ENDED.search(shown)):
            shown += self._read()
            for question in [question for question in asked if question in shown]:
                self._type(asked.pop(question))
        assert not asked, shown
        self.code = int(ended[1])
        assert self._key not in shown
        assert "Traceback" not in shown, shown
        shown = shown[: ended.start()].partition("\n")[2]  # after the echo of the input
        return re.sub(r"\x1b\[[\d;?]*[A-Za-z]", "", shown)

    def close(self) -> None:
        self._process.kill()
        self._process.wait()
        os.close(self._screen)

    def _type(self, line: str) -> None:
        os.write(self._screen, f"{line}\n".encode())

    def _read(self) -> str:
        ready, _, _ = select.select([self._screen], [], [], PATIENCE)
        assert ready, "nothing is shown any more"
        return os.read(self._screen, 65536).decode(errors="replace").replace("\r", "")


class Pipe:
    """Commands whose output is piped; that of standard error goes to a file.

    Attributes:
        code: Exit code of the last command.
        errors: What the last command has written on standard error.
    """

    def __init__(self, folder: Path, environment: Mapping[str, str]) -> None:
        self._errors = open(folder / "errors.txt", "w+b", buffering=0)  # noqa: SIM115, until close
        self._process = subprocess.Popen(
            [sys.executable, "-c", _COMMANDS],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            cwd=folder,
            env={**os.environ, **environment},
            text=True,
        )
        self.code = 0
        self.errors = ""

    def run(self, *words: str) -> str:
        """Run a command to its end, and return its standard output."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._errors.truncate(0)
        self._process.stdin.write(f"{json.dumps(words)}\n")
        self._process.stdin.flush()
        written = ""
        while not (ended := _ENDED.search(written)):
            line = self._process.stdout.readline()
            assert line, self._errors
            written += line
        self.code = int(ended[1])
        self._errors.seek(0)
        self.errors = self._errors.read().decode().lstrip("\0")
        assert "Traceback" not in self.errors, self.errors
        return written[: ended.start()]

    def close(self) -> None:
        self._process.kill()
        with contextlib.suppress(BrokenPipeError):
            self._process.communicate()
        self._errors.close()
