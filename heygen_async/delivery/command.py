"""``CommandHook``: run a command for each item."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import os
import shlex
import shutil
import signal
import sys
from collections.abc import Sequence
from itertools import islice
from typing import Any

import msgspec

from heygen_async.delivery.hooks import ItemData, item_event
from heygen_async.errors import ConfigurationError, DeliveryError
from heygen_async.session.retry import wait_before_next, waits
from heygen_async.session.session import Session
from heygen_async.session.settings import Retry
from heygen_async.session.tasks import in_thread


class CommandHook:
    """Run a command for each item; exit code 0 means that the item was delivered.

    No shell takes part, and nothing is inserted into the command. It reads the notification as one
    line of JSON from its standard input, in the form that ``WebhookSender`` posts, and finds the
    values also in the environment variables ``HEYGEN_ITEM_ID``, ``HEYGEN_ITEM_KEY``,
    ``HEYGEN_ITEM_STATUS``, ``HEYGEN_ITEM_FILE``, ``HEYGEN_ITEM_URL``, ``HEYGEN_ITEM_JOB_ID`` and
    ``HEYGEN_ITEM_ERROR``, which are empty where there is no value. Its standard output goes to the
    standard error of this process. After another exit code it is run again.

    Args:
        command: The program and its arguments; a text is split as in a shell, without a shell's
            other features.
        timeout: Seconds after which the command is ended and counts as failed.
        attempts: The most times that it is run for one item.

    Attributes:
        name: Name for the journal and messages: the program, and digits computed from the command.

    Raises:
        ConfigurationError: The command cannot be split, or is empty; or ``attempts`` is less than
            1.
    """

    def __init__(
        self, command: str | Sequence[str], *, timeout: float = 600.0, attempts: int = 3
    ) -> None:
        try:
            self._command = shlex.split(command) if isinstance(command, str) else [*command]
        except ValueError as error:
            raise ConfigurationError(f"exec: {error} in {command!r}") from None
        if not self._command:
            raise ConfigurationError(f"exec: there is no program in {command!r}")
        self._timeout = timeout
        self._policy = Retry(attempts=attempts, first=1.0, longest=30.0)
        digest = hashlib.sha256("\0".join(self._command).encode("utf-8", "replace"))
        program = os.path.basename(self._command[0])
        self.name: str = f"exec {program} {digest.hexdigest()[:8]}"

    def __repr__(self) -> str:
        return f"CommandHook({self.name!r})"

    async def open(self) -> None:
        """Look for the program.

        Raises:
            ConfigurationError: It cannot be found.
        """
        if await in_thread(shutil.which, self._command[0]) is None:
            raise ConfigurationError(f"exec: there is no program {self._command[0]!r}")

    async def deliver(self, outcome: Any, session: Session) -> None:
        """Run the command for an outcome.

        Raises:
            DeliveryError: It has failed in each attempt.
        """
        event = item_event(outcome)
        stdin = msgspec.json.encode(event) + b"\n"
        environment = {**os.environ, **_variables(event.event_data)}
        reason = await self._run(stdin, environment)
        for bound in islice(waits(self._policy), self._policy.attempts - 1):
            if reason is None:
                return
            await asyncio.sleep(wait_before_next(bound, None))
            reason = await self._run(stdin, environment)
        if reason is not None:
            raise DeliveryError(f"exec: {os.path.basename(self._command[0])} {reason}")

    async def _run(self, stdin: bytes, environment: dict[str, str]) -> str | None:
        """Run the command once, and return why it failed, or None."""
        try:
            process = await asyncio.create_subprocess_exec(
                *self._command,
                stdin=asyncio.subprocess.PIPE,
                stdout=sys.__stderr__ or asyncio.subprocess.DEVNULL,
                env=environment,
                start_new_session=True,  # Ctrl-C is for this process, which lets it finish
            )
        except (OSError, ValueError) as error:
            return f"cannot be started: {error}"
        try:
            async with asyncio.timeout(self._timeout):
                await communicate(process, stdin)
        except TimeoutError:
            return f"did not end within {self._timeout:g} s"
        finally:
            if process.returncode is None:
                _end(process)
                await process.wait()
        return None if process.returncode == 0 else f"ended with exit code {process.returncode}"


async def communicate(process: asyncio.subprocess.Process, stdin: bytes) -> bytes:
    """Write to a process, and return its standard output when it has ended.

    A process that ends before it has read everything is no error; uvloop raises RuntimeError then.
    """

    async def write() -> None:
        assert process.stdin is not None
        with contextlib.suppress(BrokenPipeError, ConnectionResetError, RuntimeError):
            process.stdin.write(stdin)
            await process.stdin.drain()
        process.stdin.close()

    _, (output, _) = await asyncio.gather(write(), process.communicate())
    return output or b""


def _end(process: asyncio.subprocess.Process) -> None:
    """End a process and its children."""
    with contextlib.suppress(ProcessLookupError):
        if sys.platform == "win32":
            process.kill()
        else:
            os.killpg(process.pid, signal.SIGKILL)


def _variables(data: ItemData) -> dict[str, str]:
    return {
        f"HEYGEN_ITEM_{name.upper()}": str(value or "").replace("\0", "\N{REPLACEMENT CHARACTER}")
        for name, value in msgspec.structs.asdict(data).items()
    }
