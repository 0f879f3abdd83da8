"""``--sample`` and ``--require-approval``: limit a run to a sample, and write its review page."""

from __future__ import annotations

import asyncio
import shlex
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import msgspec
from rich.console import Console
from rich.text import Text

from heygen_async.batch import Run
from heygen_async.batch.admission.clips import sample_clips
from heygen_async.batch.admission.sampling import Sampled, sample
from heygen_async.cli.display import Display
from heygen_async.cli.exit_codes import CommandError
from heygen_async.cli.inputs.field_rows import RowChoices
from heygen_async.cli.results.journaled import read_item_rows
from heygen_async.cli.run_options import RunOptions
from heygen_async.journal import JournalStore, journal_store
from heygen_async.journal.chains import stages_of
from heygen_async.pipelines import ChainSample
from heygen_async.pricing.estimates import RunEstimate
from heygen_async.reports.review import write_review
from heygen_async.session.diagnostics.escaping import escaped


def review_page(journal: Path | JournalStore, wanted: Path | None = None) -> Path:
    """Return the file of the review page: the wanted one, or one beside the journal.

    Args:
        journal: The run's file, or its store.
        wanted: The file that the user names, or None.

    Raises:
        CommandError: A run in a database has no place beside it.
    """
    path = journal_store(journal).path
    if wanted is None and path is None:
        raise CommandError("the review page of a run in a database needs a file: --review FILE")
    return wanted or Path(path or "").with_suffix(".review.html")


async def sampled(run: Run[Any], options: RunOptions) -> Sampled[Any] | None:
    """Return the sample that the options ask for, or None if they ask for none.

    Raises:
        CommandError: The run has no journal, or the size of the sample is unknown.
        HeyGenError: An item cannot be sent, or the journal cannot be read.
    """
    wanted = await wanted_sample(options)
    if wanted is None:
        return None
    if wanted.clip is not None:
        return await sample_clips(run, wanted.clip, require_approval=wanted.require_approval)
    return await sample(run, wanted.count or 0, require_approval=wanted.require_approval)


async def wanted_sample(options: RunOptions) -> ChainSample | None:
    """Return what the options say about a sample, or None if they ask for none.

    Raises:
        CommandError: The run has no journal, or the size of the sample is unknown.
        JournalError: The journal cannot be read.
    """
    clip, approval = options.test_clip, options.require_approval
    if options.sample is None and clip is None and not approval:
        return None
    if options.sample is not None and clip is not None:
        raise CommandError("--sample and --test-clip do not go together")
    if options.journal is None:
        raise CommandError("a sample needs a journal, which remembers it: --journal FILE")
    review_page(options.journal, options.review)
    if clip is not None:
        return ChainSample(clip=clip, require_approval=approval)
    size = options.sample or await asyncio.to_thread(_earlier_size, options.journal)
    if not size:
        raise CommandError("--require-approval: there is no sample yet; make one: --sample N")
    return ChainSample(size, require_approval=approval)


async def estimated(run: Run[Any], options: RunOptions) -> RunEstimate:
    """Return the estimate of a run, or of the part of it that would be made."""
    found = await sampled(run, options)
    return await (run if found is None else found.run).estimate()


async def show_sample(
    found: Sampled[Any] | ChainSample, options: RunOptions, display: Display
) -> None:
    """Write the review page, and tell what waits for approval.

    Args:
        found: The sample.
        options: The options of the run, with a journal.
        display: The display.
    """
    assert options.journal is not None
    store = journal_store(options.journal)
    page = review_page(store, options.review)
    await asyncio.to_thread(write_review_page, store, page)
    record = {
        "keys": found.keys,
        "waiting": found.waiting,
        "held": found.held,
        "page": str(page),
    }

    def show(console: Console) -> None:
        if found.held:
            count = "1 item is" if found.held == 1 else f"{found.held:,} items are"
            console.print(Text(f"A sample of {len(found.keys):,}; {count} held.", style="bold"))
        console.print(Text(escaped(f"Look at it: {page}")), soft_wrap=True)
        if found.waiting:
            words = shlex.join([str(store.path or store.name), *found.waiting])
            console.print(Text(escaped(f"Then: heygen-async approve {words}")), soft_wrap=True)

    display.result({"sample": record}, show)


def write_review_page(store: JournalStore, page: Path) -> None:
    """Write the review page of a run or a chain, with the rows beside its journal. Blocks.

    Raises:
        CommandError: The rows cannot be read, or the page cannot be written.
        JournalError: The journal cannot be read.
    """
    try:
        write_review(store, page, lambda keys: rows_of(store, keys))
    except OSError as error:
        raise CommandError(f"{page}: {error.strerror or error}") from None


def rows_of(store: JournalStore, keys: Iterable[str]) -> Mapping[str, Mapping[str, Any]]:
    """Return rows beside a journal by key, with what retakes have changed. Blocks.

    Raises:
        CommandError: The rows cannot be read.
    """
    wanted = set(keys)
    rows = read_item_rows(store)
    return {} if rows is None else {row.key: row.values for row in rows if row.key in wanted}


async def with_changes(choices: RowChoices | None, options: RunOptions) -> RowChoices:
    """Return the user's options for the rows, with the changes that retakes have asked for.

    Args:
        choices: The user's options.
        options: The options of the run.

    Raises:
        JournalError: The journal cannot be read.
    """
    choices = choices or RowChoices()
    if options.journal is None:
        return choices
    changes = await asyncio.to_thread(_changes, options.journal)
    return msgspec.structs.replace(choices, changes=changes)


def _changes(journal: Path | JournalStore) -> dict[str, dict[str, str]]:
    changes: dict[str, dict[str, str]] = {}
    for stage in stages_of(journal):
        with stage.reader() as reader:
            for review in reader.reviews():
                if review.changes:
                    changes.setdefault(review.key, {}).update(review.changes)
    return changes


def _earlier_size(journal: Path | JournalStore) -> int:
    sizes = []
    for stage in stages_of(journal):
        with stage.reader() as reader:
            sizes.append(len(reader.run.settings.get("sample") or ()))
    return max(sizes, default=0)
