"""Commands on the pages, run on the event loop of a test."""

from __future__ import annotations

import importlib
import pkgutil
import re
import shlex
from collections.abc import Callable
from functools import partial
from typing import Any

import anyio
import pytest
import typer.main

import heygen_async.cli

# Their scripts are read when they are imported, which a page does in its event loop.
import heygen_async.distributed.redis_delivery_log
import heygen_async.distributed.redis_slots
from heygen_async.cli.app import app
from heygen_async.cli.exit_codes import Exit

# Commands load when they are called, which a page does in its event loop.
for module in pkgutil.walk_packages(heygen_async.cli.__path__, "heygen_async.cli."):
    if not module.name.endswith("__main__"):
        importlib.import_module(module.name)


class PageCommands:
    """Runs lines for the shell in this process: the command, and ``printf`` into a file."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._waiting: list[Callable[[], Any]] = []
        monkeypatch.setattr("heygen_async.cli.running.run", self._leave)

    def _leave(self, command: Callable[[], Any]) -> Exit:
        """Keep a command, which would run on an event loop of its own."""
        self._waiting.append(command)
        return Exit.DONE

    async def run(self, line: str) -> None:
        """Run one line; it must succeed."""
        written = re.fullmatch(r"printf '(.*)' > (\S+)", line)
        if written:
            await anyio.Path(written[2]).write_text(written[1].replace("\\n", "\n"))
            return
        program, *words = shlex.split(line, comments=True)
        assert program == "heygen-async", line
        # As in a shell, options are read without an event loop: click looks for translations.
        read = partial(typer.main.get_command(app).main, words, standalone_mode=False)
        code = await anyio.to_thread.run_sync(read)
        assert code in (Exit.DONE, None), line
        while self._waiting:
            assert await self._waiting.pop()() == Exit.DONE, line
