"""``RunDriver``: run a bulk run or a chain to its end, with downloads, signals and a report."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import AsyncGenerator, Callable, Mapping
from typing import Any

import msgspec

from heygen_async.batch import Batch, Progress, Report, Run
from heygen_async.batch.admission.sampling import Sampled
from heygen_async.batch.downloads import OutputFiles, TargetKind
from heygen_async.batch.outcome import Ended
from heygen_async.cli.display import (
    RESUME,
    RESUME_CAPPED,
    ChainReport,
    Display,
    Saved,
    ShowProgress,
    item_of,
    still_running,
)
from heygen_async.cli.exit_codes import CommandError, Exit, exit_for, exit_for_failures, sentence
from heygen_async.cli.output_folder import Destination, OutputPattern
from heygen_async.cli.results.item_rows import ItemRows
from heygen_async.cli.results.journaled import write_item_rows
from heygen_async.cli.results.live import LiveResults
from heygen_async.cli.reviews.sampling import sampled, show_sample
from heygen_async.cli.run_options import RunOptions
from heygen_async.cli.running import complain
from heygen_async.cli.signals import TERM_LIMIT, Signals
from heygen_async.client import HeyGen
from heygen_async.delivery.remote_files import file_store
from heygen_async.errors import BatchStopped, BudgetExceeded, HeyGenError, InsufficientBalance
from heygen_async.journal import Delivery, journal_store
from heygen_async.models.video_agents import VideoAgentSession
from heygen_async.pipelines import ChainSample

# Maximum number of concurrent downloads; the run waits if this many are in progress.
_DOWNLOADS = 16
_HOW_TO_END = {
    signal.SIGINT: "Ctrl-C again stops at once.",
    signal.SIGTERM: f"In {TERM_LIMIT:.0f} s it stops at once.",
}


class RunDriver:
    """Run one run or chain to its end, show its outcomes, and download its results.

    Args:
        heygen: The client.
        display: The display of outcomes and the report.
        folder: Where downloads go; None downloads nothing.
        options: Journal, budget and results.
        items: The rows of the items, for the results and for the file beside the journal; None
            without rows.
        handle_signals: Handle Ctrl-C and SIGTERM. Pass False if the caller handles them itself.
    """

    def __init__(
        self,
        heygen: HeyGen,
        display: Display,
        folder: Destination | None = None,
        *,
        options: RunOptions | None = None,
        items: ItemRows | None = None,
        handle_signals: bool = True,
    ) -> None:
        self._heygen = heygen
        self._display = display
        self._folder = folder
        self._options = options or RunOptions()
        self._handle_signals = handle_signals
        self._items = items
        self._results: LiveResults | None = None
        if self._options.results is not None and items is not None:
            self._results = LiveResults(self._options.results, items)
        self._results_failed = False
        self._stages: dict[str, dict[str, int]] = {}
        self._bar: ShowProgress = _no_bar
        self._last_stage_began = False
        self._failures: list[HeyGenError] = []
        self._completed = 0
        self._file_count = 0
        self._files_failed = 0
        self._not_delivered = 0
        self._size = 0
        self._usd = 0.0
        self._resent = 0
        self._resent_usd = 0.0
        # Outcomes whose downloads are in progress, by key and position.
        self._saving: dict[tuple[str, int], Ended[Any]] = {}
        self._stopped: BatchStopped | BudgetExceeded | None = None
        self._signal: signal.Signals | None = None
        self._left = 0
        self._output_failed = False
        self._sampled: Sampled[Any] | ChainSample | None = None

    @property
    def saved(self) -> Saved:
        """The downloads so far."""
        return Saved(
            folder=None if self._folder is None else self._folder.shown,
            files=self._file_count,
            failed=self._files_failed,
            size=self._size,
        )

    @property
    def code(self) -> Exit:
        """The exit code of the command."""
        if self._stopped is not None and not self._stopped_as_asked:
            return exit_for(_cause(self._stopped))
        if self._signal is not None and self._left:
            return _code_of(self._signal)
        undelivered = self._files_failed or self._not_delivered
        if not self._failures and (undelivered or self._results_failed):
            return Exit.SOME_FAILED
        return exit_for_failures(self._failures)

    async def finish(self, title: str, total: int, start: Callable[[Batch], Run[Any]]) -> Report:
        """Run to the end, without a report.

        The first Ctrl-C or SIGTERM stops submissions; the second Ctrl-C cancels the task.

        Args:
            title: Description of the run, for the progress bar.
            total: Number of items.
            start: Starts the run.

        Raises:
            HeyGenError: The run cannot continue.
        """
        steps = self._steps(checked_keys=True)
        await self._keep_rows()
        shown: list[Callable[[Progress], None]] = []
        batch = self._options.batch(
            self._heygen, lambda progress: shown[0](progress), on_done=steps
        )
        run = start(batch)
        if (found := await sampled(run, self._options)) is not None:
            self._sampled = found
            run, total = found.run, len(found.run.manifest.items)
        with self._display.bar(title, total) as progress:
            shown.append(progress)
            try:
                await self._consume(
                    batch,
                    aiter(run),
                    stop=lambda how_to_end: self._stop_submitting(run, how_to_end),
                    unfinished=lambda: self._in_flight(run.unfinished),
                )
            finally:
                self._left = total - run.report.items
        return run.report

    async def run(self, title: str, total: int, start: Callable[[Batch], Run[Any]]) -> Exit:
        """Run to the end and report; arguments and errors as for ``finish``.

        If the run is stopped at once, show which jobs continue at HeyGen.
        """
        try:
            report = await self.finish(title, total, start)
        except asyncio.CancelledError:
            if not self._cancelled_itself:
                raise
            _uncancel()
            return self.code or Exit.INTERRUPTED
        if self._sampled is not None:
            await show_sample(self._sampled, self._options, self._display)
        self._display.report(report, self.saved, self.code)
        left = f"Stopped, with {self._left} of {total} not submitted."
        empty = isinstance(self._stopped, InsufficientBalance)
        capped = isinstance(self._stopped, BudgetExceeded) and not empty
        hint = f" {RESUME_CAPPED if capped else RESUME}" if self._journaled else ""
        if self._stopped is not None:
            tell = self._display.warn if self._stopped_as_asked else complain
            tell(f"{left} {_reason(self._stopped).removesuffix('.')}.{hint}")
        elif self._cancelled_itself and self._left:
            self._display.warn(f"{left}{hint}")
        return self.code

    async def chain(
        self,
        title: str,
        total: int,
        start: Callable[[Batch], AsyncGenerator[Ended[Any]]],
        *,
        bar: bool = True,
        sample: ChainSample | None = None,
    ) -> Exit:
        """Run a chain of runs to its end and report. Ctrl-C and SIGTERM stop it at once.

        Args:
            title: Description of the chain, for the progress bar.
            total: Number of items.
            start: Starts the chain.
            bar: Show a progress bar; False if something else uses the terminal.
            sample: The sample that it is limited to, or None.

        Raises:
            HeyGenError: The chain cannot continue.
        """
        task = asyncio.current_task()
        assert task is not None
        steps = self._steps(checked_keys=False)
        loop = asyncio.get_running_loop()
        started = loop.time()
        self._sampled = sample
        await self._keep_rows()
        shown = self._display.bar(title, total) if bar else contextlib.nullcontext(_no_bar)
        try:
            with shown as self._bar:
                batch = self._options.batch(
                    self._heygen, self._last_stage, journal=self._options.journal, on_done=steps
                )
                await self._consume(
                    batch,
                    start(batch),
                    stop=lambda how_to_end: _cancel(task),
                    unfinished=lambda: self._in_flight(batch.unfinished),
                )
        except asyncio.CancelledError:
            if not self._cancelled_itself:
                raise
            _uncancel()
            return Exit.SOME_FAILED if self._signal is None else _code_of(self._signal)
        if sample is not None and sample.keys:
            await show_sample(sample, self._options, self._display)
        report = ChainReport(
            completed=self._completed,
            failed=len(self._failures),
            files=self._file_count,
            files_failed=self._files_failed,
            usd=round(self._usd, 6),
            resent=self._resent,
            resent_usd=round(self._resent_usd, 6),
            elapsed=round(loop.time() - started, 3),
            exit_code=int(self.code),
            stages=self._stages,
        )
        self._display.chain_report(report, self.saved.folder)
        if self._stopped is not None:
            tell = self._display.warn if self._stopped_as_asked else complain
            tell(f"Stopped before the end. {_reason(self._stopped)}")
        return self.code

    def _last_stage(self, progress: Progress) -> None:
        self._last_stage_began |= bool(progress.running or progress.done)
        self._bar(progress)

    def stage(self, name: str, progress: Progress) -> None:
        """Show the progress of an earlier stage of a chain until the last one has begun."""
        if not self._last_stage_began:
            self._bar(progress, name)
        counts = {"completed": progress.completed, "failed": progress.failed}
        before, self._stages[name] = self._stages.get(name), counts
        if progress.done and progress.done == progress.total and before != counts:
            failed = f", {progress.failed:,} failed" if progress.failed else ""
            self._display.note(f"{name}: {progress.completed:,} done{failed}")

    @property
    def _stopped_as_asked(self) -> bool:
        """Whether it has submitted as many jobs as ``--max-jobs`` asks for."""
        capped = isinstance(self._stopped, BudgetExceeded)
        return capped and str(self._stopped).startswith("max_jobs is reached")

    @property
    def _cancelled_itself(self) -> bool:
        """Whether a signal or a failed write to the output has stopped it."""
        return self._signal is not None or self._output_failed

    @property
    def _journaled(self) -> bool:
        return self._options.journal is not None

    async def _consume(
        self,
        batch: Batch,
        outcomes: AsyncGenerator[Ended[Any]],
        *,
        stop: Callable[[str], None],
        unfinished: Callable[[], Mapping[str, str]],
    ) -> None:
        """Show and download all outcomes; show which jobs continue if this is interrupted."""
        signals = Signals(lambda number: stop(_HOW_TO_END[number]))
        try:
            with signals if self._handle_signals else contextlib.nullcontext():
                async with batch, contextlib.aclosing(outcomes):
                    async for outcome in outcomes:
                        await self._show(outcome)
                        if self._display.output_failed and not self._output_failed:
                            self._output_failed = True
                            signals.skip_first()
                            stop(_HOW_TO_END[signal.SIGINT])
        except (BatchStopped, BudgetExceeded) as stop:
            self._stopped = stop
        except asyncio.CancelledError:
            if signals.at_once:
                await _abandon_submissions(self._heygen)
            jobs = unfinished()
            self._show_interrupted_downloads()
            if self._handle_signals:
                self._display.interrupted(jobs, journaled=self._journaled)
            raise
        except HeyGenError:
            jobs = unfinished()
            self._show_interrupted_downloads()
            if jobs:
                self._display.warn(still_running(jobs, journaled=self._journaled))
            raise
        finally:
            self._signal = signals.received
            await self._close_results()

    async def _keep_rows(self) -> None:
        """Write the rows beside the journal, and the results for the first time."""
        journal = self._options.journal
        if isinstance(self._folder, OutputPattern):
            items = ItemRows([], 0, lambda: iter(()), names=False)
            await asyncio.to_thread(self._folder.check, self._items or items)
        if self._items is not None and journal is not None:
            await asyncio.to_thread(write_item_rows, journal_store(journal), self._items)
        if self._results is not None:
            await self._results.open()

    async def _close_results(self) -> None:
        if self._results is None:
            return
        try:
            await self._results.aclose()
        except CommandError as error:  # the run itself is paid for and has continued
            self._results_failed = True
            self._display.warn(f"The results could not be written: {error}")

    def _steps(self, *, checked_keys: bool) -> list[Any]:
        """Return the steps of the delivery of outcomes; none if nothing is to be delivered.

        Args:
            checked_keys: Whether the keys are known to give different file names.

        Raises:
            HeyGenError: An option cannot be used.
        """
        steps: list[Any] = []
        options, folder = self._options, self._folder
        if folder is not None:
            make = folder.pattern_of_checked_keys if checked_keys else folder.pattern
            pattern = make(also=options.also)
            files = file_store(pattern, _DOWNLOADS, patience=options.give_up_after)
            base = options.public_base
            steps.append(OutputFiles(self._heygen, pattern, files, public_base=base))
        steps += options.hooks()
        return [_Noting(self._saving), *steps] if steps else []

    def _in_flight(self, unfinished: Mapping[str, str]) -> dict[str, str]:
        """Return the unfinished jobs that have not ended, without those being delivered."""
        ended = {outcome.job_id for outcome in self._saving.values()}
        return {name: job for name, job in unfinished.items() if job not in ended}

    async def _show(self, outcome: Ended[Any]) -> None:
        if isinstance(outcome.result, VideoAgentSession):
            outcome = await self._with_video(outcome, outcome.result)
        self._saving.pop((outcome.key, outcome.index), None)
        held = 0 if self._sampled is None else self._sampled.held
        if self._results is not None and (self._options.test_clip is None or not held):
            self._results.add(outcome)  # clips are not the rows' own results
        item = item_of(outcome, outcome.key)
        if outcome.error is not None:
            self._failures.append(outcome.error)
        self._completed += outcome.ok
        self._usd += outcome.usd or 0.0
        self._resent += outcome.resends > 0
        self._resent_usd += outcome.resent_usd
        files = [*filter(None, [outcome.file]), *outcome.also.values()]
        self._file_count += len(files)
        for file in files:
            self._size += await asyncio.to_thread(_size_of, file)
        if outcome.download_error is not None:
            self._files_failed += 1
            error = f"not downloaded: {outcome.download_error}"
            item = msgspec.structs.replace(item, error=error)
        elif outcome.delivery_error is not None:
            self._not_delivered += 1
            error = f"not delivered: {outcome.delivery_error}"
            item = msgspec.structs.replace(item, error=item.error or error)
        self._display.item(item)

    async def _with_video(self, outcome: Ended[Any], session: VideoAgentSession) -> Ended[Any]:
        """Return an outcome of the Video Agent with its video, which has the URL."""
        if session.video_id is None:
            return outcome
        try:
            video = await self._heygen.videos.get(session.video_id)
        except HeyGenError:  # it is paid for and its id is known
            return outcome
        except asyncio.CancelledError:
            self._display.item(item_of(outcome, outcome.key))
            raise
        return msgspec.structs.replace(outcome, result=video)

    def _show_interrupted_downloads(self) -> None:
        for outcome in self._saving.values():
            item = item_of(outcome, outcome.key)
            if outcome.ok:
                item = msgspec.structs.replace(item, error="not downloaded: interrupted")
            self._display.item(item)
        self._saving.clear()

    def _stop_submitting(self, run: Run[Any], how_to_end: str) -> None:
        run.stop_submitting()
        count = len(self._in_flight(run.unfinished))
        what = "the 1 job that is in flight" if count == 1 else f"the {count} jobs in flight"
        if not count:
            what = "what is being sent"
        self._display.warn(f"Nothing more is submitted; waiting for {what}. {how_to_end}")


class _Noting:
    """Record each outcome until its delivery has ended, since it was paid for.

    Args:
        noted: The outcomes by key and position.
    """

    targets: Mapping[str, TargetKind] = {}
    parallel: int = 1

    def __init__(self, noted: dict[tuple[str, int], Ended[Any]]) -> None:
        self._noted = noted

    async def open(self) -> None:
        """Do nothing."""

    async def deliver(
        self, outcome: Ended[Any], known: Mapping[str, Delivery]
    ) -> tuple[Ended[Any], list[Delivery]]:
        """Note the outcome."""
        self._noted[outcome.key, outcome.index] = outcome
        return outcome, []

    async def aclose(self) -> None:
        """Do nothing."""


def _uncancel() -> None:
    """Undo cancellations that signals requested, but not those of the caller."""
    task = asyncio.current_task()
    assert task is not None
    while task.cancelling():
        task.uncancel()


async def _abandon_submissions(heygen: HeyGen) -> None:
    """Close the client without waiting for answers to submissions, which are logged."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(0):
            await heygen.aclose()


def _reason(stop: BatchStopped | BudgetExceeded) -> str:
    gave_up = isinstance(stop, BatchStopped) and stop.not_submitted
    return str(stop) if gave_up else sentence(_cause(stop))


def _cause(stop: BatchStopped | BudgetExceeded) -> HeyGenError:
    return stop.error if isinstance(stop, BatchStopped) else stop


def _code_of(number: signal.Signals) -> Exit:
    return Exit.TERMINATED if number == signal.SIGTERM else Exit.INTERRUPTED


def _size_of(file: str) -> int:
    with contextlib.suppress(OSError):
        return os.path.getsize(file)
    return 0


def _cancel(task: asyncio.Task[Any]) -> None:
    task.cancel()


def _no_bar(progress: Progress, stage: str = "") -> None:
    """Show nothing: there is no bar."""
