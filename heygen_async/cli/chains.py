"""What ``localize``, ``narrate`` and ``personalize`` share: a chain taken to its end."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections import Counter
from collections.abc import AsyncGenerator, Callable
from pathlib import Path
from typing import Any

import msgspec

from heygen_async.batch import Batch, Outcome, Progress
from heygen_async.batch.downloads import downloaded
from heygen_async.cli.display import Lines, Terminal, duration, item_of
from heygen_async.cli.exit_codes import Exit, exit_for, exit_for_failures, sentence
from heygen_async.cli.options import RunOptions
from heygen_async.cli.output_folder import OutputFolder, pattern_in
from heygen_async.cli.running import complain
from heygen_async.cli.signals import Signals
from heygen_async.client import HeyGen
from heygen_async.errors import BatchStopped, BudgetExceeded, HeyGenError

_DOWNLOADS = 8


class Chain:
    """Takes a chain to its end: shows its outcomes, and downloads what was made.

    Args:
        heygen: The client.
        display: Where outcomes are shown.
        out: Folder for the videos; None downloads nothing.
        options: Journal and budget.
    """

    def __init__(
        self, heygen: HeyGen, display: Lines | Terminal, out: Path | None, options: RunOptions
    ) -> None:
        self._heygen = heygen
        self._display = display
        self._out = out
        self._options = options
        self._failures: list[HeyGenError] = []
        self._files = 0
        self._files_failed = 0
        self._counts: Counter[str] = Counter()
        self._usd = 0.0

    def stage(self, name: str, progress: Progress) -> None:
        """Say that a stage before the last is done."""
        if progress.done == progress.total:
            failed = f", {progress.failed:,} failed" if progress.failed else ""
            self._display.note(f"{name}: {progress.completed:,} done{failed}")

    async def finish(
        self,
        what: str,
        total: int,
        start: Callable[[Batch], AsyncGenerator[Outcome[Any]]],
        *,
        bar: bool = True,
    ) -> Exit:
        """Start the chain and take it to its end. Ctrl-C and SIGTERM stop it at once.

        Args:
            what: What it does, for the progress bar.
            total: How many items it has.
            start: Starts it; the results of its outcomes can be downloaded.
            bar: Whether the terminal is free for a bar.

        Raises:
            HeyGenError: The chain cannot go on.
        """
        task = asyncio.current_task()
        assert task is not None
        if self._out is not None:
            await asyncio.to_thread(OutputFolder, self._out)
        loop = asyncio.get_running_loop()
        began = loop.time()
        signals = Signals(lambda number: _cancel(task))
        stopped: HeyGenError | None = None
        shown = self._display.bar(what, total) if bar else contextlib.nullcontext(_nothing)
        with signals, shown as progress:
            batch = self._options.batch(self._heygen, progress, journal=self._options.journal)
            try:
                async with batch, contextlib.aclosing(self._outcomes(start(batch))) as outcomes:
                    async for outcome in outcomes:
                        self._take(outcome)
            except (BatchStopped, BudgetExceeded) as stop:
                stopped = stop
            except asyncio.CancelledError:
                journaled = self._options.journal is not None
                self._display.interrupted(batch.unfinished, journaled=journaled)
                if signals.received is None:
                    raise
                task.uncancel()
                terminated = signals.received == signal.SIGTERM
                return Exit.TERMINATED if terminated else Exit.INTERRUPTED
        code = self._code(stopped)
        self._report(code, loop.time() - began)
        if stopped is not None:
            cause = stopped.error if isinstance(stopped, BatchStopped) else stopped
            complain(f"Stopped before the end. {sentence(cause)}")
        return code

    def _outcomes(self, chain: AsyncGenerator[Outcome[Any]]) -> AsyncGenerator[Outcome[Any]]:
        if self._out is None:
            return chain
        pattern = pattern_in(self._out, ".mp4")
        return downloaded(self._heygen, chain, pattern, parallel=_DOWNLOADS, ordered=False)

    def _take(self, outcome: Outcome[Any]) -> None:
        item = item_of(outcome, outcome.key)
        if outcome.error is not None:
            self._failures.append(outcome.error)
        self._counts["completed" if outcome.ok else "failed"] += 1
        self._files += outcome.file is not None
        if outcome.download_error is not None:
            self._files_failed += 1
            error = f"not downloaded: {outcome.download_error}"
            item = msgspec.structs.replace(item, error=error)
        self._usd += outcome.usd or 0.0
        self._display.item(item)

    def _code(self, stopped: HeyGenError | None) -> Exit:
        if stopped is not None:
            return exit_for(stopped.error if isinstance(stopped, BatchStopped) else stopped)
        if not self._failures and self._files_failed:
            return Exit.SOME_FAILED
        return exit_for_failures(self._failures)

    def _report(self, code: Exit, elapsed: float) -> None:
        done, failed = self._counts["completed"], self._counts["failed"]
        if isinstance(self._display, Lines):
            report = {
                "completed": done,
                "failed": failed,
                "files": self._files,
                "files_failed": self._files_failed,
                "usd": round(self._usd, 6),
                "elapsed": round(elapsed, 3),
                "exit_code": int(code),
            }
            self._display.line({"report": report})
            return
        self._display.note(
            f"{done:,} done, {failed:,} failed in {duration(elapsed)}, about {self._usd:.2f} USD"
        )
        if self._out is not None:
            lost = f"; {self._files_failed:,} not downloaded" if self._files_failed else ""
            self._display.note(f"  {self._files:,} files in {self._out}{lost}")


async def existing_chain(options: RunOptions, *stages: str) -> str | None:
    """What the journals of a chain hold before the start, in words, or None.

    Args:
        options: The options, whose journal names those of the stages.
        *stages: The stages, the first one first.

    Raises:
        CommandError: The options do not go together, or there is nothing to resume.
    """

    def look() -> str | None:
        journal = options.journal
        if journal is None:
            return options.existing_run()
        files = [journal.with_suffix(f".{stage}{journal.suffix}") for stage in stages]
        first = next((file for file in files if file.exists()), files[0])
        return msgspec.structs.replace(options, journal=first).existing_run()

    return await asyncio.to_thread(look)


def _cancel(task: asyncio.Task[Any]) -> None:
    task.cancel()


def _nothing(progress: Progress) -> None:
    """There is no bar to show it on."""
