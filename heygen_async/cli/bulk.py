"""What ``render`` and ``translate`` share: a run taken to its end, with downloads beside it."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Callable
from typing import TypeVar

import anyio
import msgspec

from heygen_async.batch import Batch, Outcome, Report, Run
from heygen_async.cli.display import RESUME, RESUME_CAPPED, Display, Item, Saved, item_of
from heygen_async.cli.exit_codes import Exit, exit_for, exit_for_failures, sentence
from heygen_async.cli.options import RunOptions
from heygen_async.cli.output_folder import OutputFolder
from heygen_async.cli.running import complain
from heygen_async.cli.signals import TERM_LIMIT, Signals
from heygen_async.client import HeyGen
from heygen_async.errors import BatchStopped, BudgetExceeded, HeyGenError
from heygen_async.models.video_translations import VideoTranslation
from heygen_async.models.videos import Video

MediaT = TypeVar("MediaT", Video, VideoTranslation)

# So many finished jobs may wait for their download before the run itself waits.
_DOWNLOADS = 16


class Finisher:
    """Takes a run to its end: shows outcomes and downloads what was made.

    Args:
        heygen: The client.
        display: Where outcomes are shown.
        folder: Where videos are downloaded to; None downloads nothing.
        options: Journal and budget. Without them, as in the demonstration, the run is a step of
            something longer, and signals are left to that.

    Attributes:
        unfinished: Jobs that go on at HeyGen after an interrupted run: ids by item.
        stopped: Why the run submitted nothing more before its end, or None.
        signal: The first signal that came during the run, or None.
        left: Items without an outcome at the end of the run.
    """

    def __init__(
        self,
        heygen: HeyGen,
        display: Display,
        folder: OutputFolder | None,
        options: RunOptions | None = None,
    ) -> None:
        self.unfinished: dict[str, str] = {}
        self.stopped: HeyGenError | None = None
        self.signal: signal.Signals | None = None
        self.left: int = 0
        self._takes_signals = options is not None
        self._options = options or RunOptions()
        self._heygen = heygen
        self._display = display
        self._folder = folder
        self._failures: list[HeyGenError] = []
        self._files = 0
        self._files_failed = 0
        self._size = 0

    @property
    def saved(self) -> Saved:
        """What was downloaded."""
        return Saved(
            folder=None if self._folder is None else str(self._folder.path),
            files=self._files,
            failed=self._files_failed,
            size=self._size,
        )

    @property
    def code(self) -> Exit:
        """How the command should exit."""
        if self.stopped is not None:
            return exit_for(self.stopped)
        if self.signal is not None and self.left:
            return Exit.TERMINATED if self.signal == signal.SIGTERM else Exit.INTERRUPTED
        if not self._failures and self._files_failed:
            return Exit.SOME_FAILED
        return exit_for_failures(self._failures)

    async def finish(
        self,
        what: str,
        total: int,
        start: Callable[[Batch], Run[MediaT]],
        *,
        name_of: Callable[[str], str] = str,
    ) -> Report:
        """Start a run and take it to its end. Cancelling it stops the run.

        Where it takes signals, Ctrl-C and SIGTERM end it gently, and a second Ctrl-C cancels the
        task.

        Args:
            what: What it does, for the progress bar.
            total: How many items it has.
            start: Starts the run.
            name_of: Gives the name of an item from its key in the run.

        Raises:
            HeyGenError: The run cannot go on.
        """
        with self._display.bar(what, total) as progress:
            batch = self._options.batch(self._heygen, progress)
            run = start(batch)
            signals = Signals(lambda number: self._end_gently(run, number))
            try:
                with signals if self._takes_signals else contextlib.nullcontext():
                    async with batch:
                        await self._collect(run, name_of)
            finally:
                self.signal = signals.received
                self.left = total - run.report.items
                self.unfinished = {name_of(key): job for key, job in run.unfinished.items()}
        return run.report

    def _end_gently(self, run: Run[MediaT], number: signal.Signals) -> None:
        run.stop_submitting()
        count = len(run.unfinished)
        what = "the 1 job that is in flight" if count == 1 else f"the {count} jobs in flight"
        if not count:
            what = "what is being sent"
        how_to_stop = "Ctrl-C again stops at once."
        if number == signal.SIGTERM:
            how_to_stop = f"In {TERM_LIMIT:.0f} s it stops at once."
        self._display.warn(f"Nothing more is submitted; waiting for {what}. {how_to_stop}")

    async def _collect(self, run: Run[MediaT], name_of: Callable[[str], str]) -> None:
        room = anyio.Semaphore(_DOWNLOADS)
        try:
            async with anyio.create_task_group() as downloads:
                try:
                    async for outcome in run:
                        item = self._take(outcome, name_of(outcome.key))
                        if self._folder is None or outcome.result is None:
                            self._display.item(item)
                            continue
                        await room.acquire()
                        downloads.start_soon(self._save, item, outcome.result, self._folder, room)
                except BatchStopped as stop:
                    self.stopped = stop.error
                except BudgetExceeded as stop:
                    self.stopped = stop
        except BaseExceptionGroup as group:
            raise _first(group) from None

    def _take(self, outcome: Outcome[MediaT], key: str) -> Item:
        if outcome.error is not None:
            self._failures.append(outcome.error)
        return item_of(outcome, key)

    async def _save(
        self, item: Item, media: MediaT, folder: OutputFolder, room: anyio.Semaphore
    ) -> None:
        path = folder.file(item.key)
        try:
            # Files appear under their names when they are complete.
            if not (item.resumed and await anyio.Path(path).is_file()):
                size = await self._heygen.download(media, path)
                self._size += size  # not in one: others add to it meanwhile
        except HeyGenError as error:
            self._files_failed += 1
            item = msgspec.structs.replace(item, error=f"not downloaded: {error}")
        except asyncio.CancelledError:
            # The video was made and paid for: its line must not be lost.
            item = msgspec.structs.replace(item, error="not downloaded: interrupted")
            raise
        else:
            self._files += 1
            item = msgspec.structs.replace(item, file=str(path))
        finally:
            room.release()
            self._display.item(item)


async def carry_out(
    finisher: Finisher,
    display: Display,
    what: str,
    total: int,
    start: Callable[[Batch], Run[MediaT]],
    *,
    name_of: Callable[[str], str] = str,
    journaled: bool = False,
) -> Exit:
    """Take a run to its end and report; after Ctrl-C tell which jobs go on at HeyGen.

    Args:
        finisher: What takes it there.
        display: Where it is reported.
        what: What it does, for the progress bar.
        total: How many items it has.
        start: Starts the run.
        name_of: Gives the name of an item from its key in the run.
        journaled: Whether the run can be resumed.

    Raises:
        HeyGenError: The run cannot go on.
    """
    try:
        report = await finisher.finish(what, total, start, name_of=name_of)
    except asyncio.CancelledError:
        display.interrupted(finisher.unfinished, journaled=journaled)
        task = asyncio.current_task()
        if finisher.signal is None or task is None:
            raise
        # The signal asked for it and not whoever awaits this.
        task.uncancel()
        return finisher.code or Exit.INTERRUPTED
    display.report(report, finisher.saved, finisher.code)
    left = f"Stopped, with {finisher.left} of {total} not submitted."
    capped = isinstance(finisher.stopped, BudgetExceeded)
    hint = f" {RESUME_CAPPED if capped else RESUME}" if journaled else ""
    if finisher.stopped is not None:
        complain(f"{left} {sentence(finisher.stopped).removesuffix('.')}.{hint}")
    elif finisher.signal is not None and finisher.left:
        display.warn(f"{left}{hint}")
    return finisher.code


def _first(error: BaseException) -> BaseException:
    """The error itself, out of the groups that task groups wrap it in."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
