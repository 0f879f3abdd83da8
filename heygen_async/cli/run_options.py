"""Options of runs for journals, budgets and downloads."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec

from heygen_async.batch import Batch, Progress
from heygen_async.cli.exit_codes import CommandError
from heygen_async.client import HeyGen
from heygen_async.delivery import CommandHook, DeliveryHook, WebhookSender
from heygen_async.errors import JournalError
from heygen_async.journal import FINISHED, JournalStore, journal_store
from heygen_async.models.outputs import Output
from heygen_async.pricing.prices import PRICES, PriceTable


class RunOptions(msgspec.Struct, frozen=True, kw_only=True):
    """Journal, budget and downloads of a run.

    Attributes:
        journal: The file that makes the run survive a crash, or a run in a database, or None.
        resume: Refuse to start a new run.
        retry_failed: Resubmit items that failed in an earlier run.
        resubmit_uncertain: Resend items that might be paid for twice.
        max_cost: Maximum estimated cost of the run in USD, or None.
        max_jobs: Maximum number of jobs that it submits, or None.
        prices: Prices of jobs.
        until_empty: Start even if the account cannot pay for all of it.
        give_up_after: Seconds after which the run ends if HeyGen accepts nothing.
        measure: Probe the sources.
        dry_run: Check and estimate only.
        preview: File of a page that shows the run, or None; a dry run writes it.
        concurrency: Maximum number of jobs in progress, including those in HeyGen's queue, or None.
        also: Files that are downloaded beside each video.
        results: The file of the rows and their results, or None.
        public_base: Public URL of the bucket of the downloads, or None.
        notify: URL that is notified of each item, or None.
        exec: Command that is run for each item, or None.
        sample: Size of the sample to make, or None.
        test_clip: Length in seconds of the clips of dubs to make, or None.
        require_approval: Hold the rest until each item of the sample is approved.
        review: File of the review page; None puts it beside the journal.
    """

    journal: Path | JournalStore | None = None
    resume: bool = False
    retry_failed: bool = False
    resubmit_uncertain: bool = False
    max_cost: float | None = None
    max_jobs: int | None = None
    prices: PriceTable = PRICES
    until_empty: bool = False
    give_up_after: float = 3600.0
    measure: bool = True
    dry_run: bool = False
    preview: Path | None = None
    concurrency: int | None = None
    also: Sequence[Output] = ()
    results: Path | None = None
    public_base: str | None = None
    notify: str | None = None
    exec: str | None = None
    sample: int | None = None
    test_clip: float | None = None
    require_approval: bool = False
    review: Path | None = None

    def hooks(self) -> list[DeliveryHook]:
        """Return the receivers of outcomes.

        Raises:
            HeyGenError: The URL or the command cannot be used, or the secret is missing.
        """
        hooks: list[DeliveryHook] = []
        if self.notify is not None:
            hooks.append(WebhookSender(self.notify, patience=self.give_up_after))
        if self.exec is not None:
            hooks.append(CommandHook(self.exec))
        return hooks

    def existing_run(self) -> str | None:
        """Describe the content of the journal before the start; None if it has no run.

        Blocks.

        Raises:
            CommandError: The options are incompatible, or there is nothing to resume.
        """
        if self.journal is None:
            for name in ("resume", "retry_failed", "resubmit_uncertain"):
                if getattr(self, name):
                    option = name.replace("_", "-")
                    raise CommandError(f"--{option} needs the journal of the run: --journal FILE")
            return None
        store = journal_store(self.journal)
        if not store.exists():
            if self.resume:
                raise CommandError(
                    f"{store.name}: there is no journal to resume; without --resume a new run "
                    "begins"
                )
            return None
        try:
            with store.reader() as view:
                totals, run = view.totals(), view.run
        except JournalError:
            return None  # the run will open it and report the error
        ended = sum(totals.counts[state] for state in FINISHED)
        return (
            f"{store.name} holds a run begun at {moment(run.created_at)}, {ended:,} of its "
            f"{run.total(totals.items):,} items ended: going on with it."
        )

    def existing_chain(self, *stages: str) -> str | None:
        """Describe the content of a chain's journals before the start; None if empty. Blocks.

        Args:
            *stages: Names of the stages, the first one first.

        Raises:
            CommandError: The options are incompatible, or there is nothing to resume.
        """
        if self.journal is None:
            return self.existing_run()
        journal = journal_store(self.journal)
        stores = [journal.beside(stage) for stage in stages]
        first = next((store for store in stores if store.exists()), stores[0])
        return msgspec.structs.replace(self, journal=first).existing_run()

    def batch(
        self,
        heygen: HeyGen,
        progress: Callable[[Progress], None] | None = None,
        *,
        journal: Path | JournalStore | None = None,
        on_done: Sequence[Any] = (),
    ) -> Batch:
        """Return a batch with these options.

        Args:
            heygen: The client.
            progress: Called after each outcome, or None.
            journal: The journal of a chain; that of a single run goes to the run.
            on_done: Steps of the delivery of outcomes.
        """
        return Batch(
            heygen,
            journal=journal,
            concurrency=self.concurrency,
            progress=progress,
            retry_failed=self.retry_failed,
            resubmit_uncertain=self.resubmit_uncertain,
            max_cost=self.max_cost,
            max_jobs=self.max_jobs,
            prices=self.prices,
            until_empty=self.until_empty,
            give_up_after=self.give_up_after,
            measure=self.measure,
            on_done=on_done,
        )


def moment(at: float) -> str:
    """Return a time in Unix seconds as text, in this machine's time zone."""
    return datetime.datetime.fromtimestamp(at).astimezone().strftime("%Y-%m-%d %H:%M")
