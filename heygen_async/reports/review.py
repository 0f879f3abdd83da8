"""The page on which people look at a sample: players beside the rows, and what was decided."""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable, Iterable, Iterator, Mapping
from html import escape
from pathlib import Path
from typing import Any, TypeAlias

from heygen_async.journal import (
    FINISHED,
    ItemRecord,
    JournalLocation,
    JournalReader,
    Review,
    journal_store,
    open_reader,
)
from heygen_async.journal.chains import stages_of
from heygen_async.journal.rules import latest
from heygen_async.pricing.estimates import dollars
from heygen_async.reports.page import duration, page_of, timestamp, write_page
from heygen_async.reports.players import downloaded_files, fetched_by, output_url, player

Rows: TypeAlias = Callable[[Iterable[str]], Mapping[str, Mapping[str, Any]]]
"""Returns the rows of items by key: their values by column."""

_WORDS = {
    "approved": "approved",
    "rejected": "rejected",
    "retake": "to be made again",
    None: "waits for approval",
}


def write_review(journal: JournalLocation, page: str | os.PathLike[str], rows: Rows) -> None:
    """Write the page about the sample of a run or a chain. Blocks.

    An existing page is replaced atomically.

    Args:
        journal: The journal of the run or the chain: a file, a URL, or a store.
        page: File of the page.
        rows: Returns the rows of the sample.

    Raises:
        JournalError: The journal cannot be read.
        OSError: The page cannot be written.
    """
    target = Path(page)
    store = journal_store(journal)
    command = str(store.path or store.name)
    stages = stages_of(store) or [store]
    sections = ""
    for stage in stages:
        with open_reader(stage) as view:
            found = review_sections(view, rows, command=command)
            sections += "".join(found.values())
            title = view.run.settings.get("title") or view.run.subject or view.run.kind
    if stages[-1].name != store.name:
        title = store.name if store.path is None else store.path.stem
    heading = f"<header><p>Review</p><h1>{escape(str(title))}</h1></header>"
    write_page(target, page_of(f"Review {title}", heading + sections))


def review_sections(
    view: JournalReader, rows: Rows, *, command: str | None = None
) -> dict[str, str]:
    """Return the section of a page that shows the sample of a run; empty without a sample.

    Args:
        view: The journal.
        rows: Returns the rows of items.
        command: The journal as the commands name it, to show the commands, and to play downloaded
            files. Default: forms, which the live page sends, and URLs.
    """
    reviews = latest(view.reviews())
    wanted = dict.fromkeys([*(view.run.settings.get("sample") or ()), *(key for key, _ in reviews)])
    if not wanted:
        return {}
    records = {record.key: record for record in view.records() if record.key in wanted}
    files = {} if command is None else downloaded_files(view, records)
    values = rows(wanted)
    cards, approved = "", 0
    for key in wanted:
        record = records.get(key)
        review = None if record is None else reviews.get((key, record.attempt))
        approved += review is not None and review.decision == "approved"
        source = files.get(key)
        parts = _card(key, record, review, values.get(key, {}), source, command)
        cards += f"<article>{''.join(parts)}</article>"
    return {
        "review": '<section class="review"><h2>Sample <small>'
        f"{approved:,} of {len(wanted):,} approved</small></h2>{cards}</section>"
    }


def _card(
    key: str,
    record: ItemRecord | None,
    review: Review | None,
    row: Mapping[str, Any],
    file: str | None,
    command: str | None,
) -> Iterator[str]:
    kind, url = output_url(record)
    source = file or url
    if source is None:
        state = "not made yet" if record is None else record.error_message or record.state
        yield f'<div class="player"><p>{escape(state)}</p></div>'
    else:
        shown = player(key, source, None if file else kind)
        yield f'<div class="player">{shown}</div>'
    decision = None if review is None else review.decision
    yield f'<div><h3>{escape(key)} <b class="{decision or "waits"}">{_WORDS[decision]}</b></h3>'
    if review is not None:
        changes = "".join(f", {name} = {value}" for name, value in review.changes.items())
        yield f"<p>by {escape(review.by)}, {timestamp(review.at)}{escape(changes)}</p>"
    cells = "".join(
        f"<div><dt>{escape(str(name))}</dt><dd>{escape(str(value))}</dd></div>"
        for name, value in row.items()
        if value not in (None, "")
    )
    yield f"<dl>{cells}</dl>" if cells else ""
    if record is not None:
        yield f"<p>{' · '.join(_facts(record, url))}</p>"
    if record is not None and record.state in FINISHED:
        yield _form(key, row) if command is None else _commands(key, command)
    yield "</div>"


def _facts(record: ItemRecord, url: str | None) -> Iterator[str]:
    if record.output_seconds is not None:
        yield duration(record.output_seconds)
    if record.usd is not None:
        yield dollars(record.usd)
    if record.attempt > 1:
        yield f"attempt {record.attempt}"
    if url is not None:
        yield f'<a href="{escape(url)}" rel="noopener noreferrer">open</a>'
    if (job := fetched_by(record)) is not None:
        yield f"<code>heygen-async get {escape(job)}</code> for a fresh link"


def _commands(key: str, journal: str) -> str:
    words = shlex.join([journal, key])
    lines = "\n".join(f"heygen-async {name} {words}" for name in ("approve", "reject", "retake"))
    return f"<pre>{escape(lines)}</pre>"


def _form(key: str, row: Mapping[str, Any]) -> str:
    options = "".join(f"<option>{escape(str(name))}</option>" for name in row)
    change = (
        f'<label>column <select name="column"><option value="">none</option>{options}</select>'
        '</label><label>new value <input name="value"></label>'
        if options
        else ""
    )
    return (
        '<form method="post" action="actions/approve">'
        f'<input type="hidden" name="key" value="{escape(key)}">'
        '<button>Approve</button> <button formaction="actions/reject">Reject</button> '
        f"<details><summary>Make it again</summary>{change}"
        '<button formaction="actions/retake">Retake</button></details></form>'
    )
