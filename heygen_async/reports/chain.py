"""The sections of a page about a chain: its stages, and how each result came about."""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterator, Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from heygen_async.captions import parse_srt
from heygen_async.dubs.notes import DubNote, DubNotes
from heygen_async.errors import HeyGenError
from heygen_async.journal import (
    FINISHED,
    ItemRecord,
    JournalLocation,
    JournalStore,
    journal_store,
)
from heygen_async.journal.chains import stages_of
from heygen_async.journal.rules import journal_error
from heygen_async.pricing.estimates import dollars
from heygen_async.reports.aggregates import RunAggregates
from heygen_async.reports.page import duration, issue_list, page_of, report_sections, write_page
from heygen_async.reports.players import downloaded_files, fetched_by, output_url, player

_MOST_LINES = 400
# Members of a request that say what its video is made of.
_ORIGINS = ("prompt", "script", "input_text", "text")
_MOST_ITEMS = 500


class Stage(NamedTuple):
    """One stage of a chain.

    Attributes:
        name: Its name, such as ``renders``.
        aggregates: Its run.
        records: Its first 500 items by key.
        files: Their downloaded files, as file URLs by key.
    """

    name: str
    aggregates: RunAggregates
    records: Mapping[str, ItemRecord]
    files: Mapping[str, str]


def write_chain_report(journal: JournalLocation, page: str | os.PathLike[str]) -> None:
    """Write one page about all stages of a chain, replacing an existing page atomically. Blocks.

    Args:
        journal: The journal that the chain was given: a file, a URL, or a store.
        page: File of the page.

    Raises:
        JournalError: No stage was found, or a journal cannot be read.
        OSError: The page cannot be written.
    """
    chain = journal_store(journal)
    stages = read_stages(chain, stages_of(chain))
    if not stages:
        raise journal_error(chain.name, "missing", "there is no journal of a stage beside it")
    body = "".join(chain_sections(chain, stages).values())
    write_page(Path(page), page_of(f"Chain {chain.name}", body))


def read_stages(chain: JournalStore, stages: Sequence[JournalStore]) -> list[Stage]:
    """Read the stages of a chain. Blocks.

    Args:
        chain: The journal that the chain was given, which holds no run itself.
        stages: The journals of its stages, oldest first.

    Raises:
        JournalError: A journal cannot be read.
    """
    found = []
    for store in stages:
        with store.reader() as view:
            records: dict[str, ItemRecord] = {}
            for record in view.records():
                if len(records) == _MOST_ITEMS:
                    break
                records[record.key] = record
            files = downloaded_files(view, records)
            found.append(Stage(_name(chain, store), RunAggregates(view), records, files))
    return found


def chain_sections(chain: JournalStore, stages: Sequence[Stage]) -> dict[str, str]:
    """Return the sections of the page as HTML, by their names, in the order of the page. Blocks.

    Args:
        chain: The journal that the chain was given.
        stages: Its stages, the first one first.
    """
    notes = DubNotes.beside(chain.path).read()
    parts = {
        "heading": _heading(chain, stages),
        "lineage": "".join(_lineage(stages, notes)),
    }
    for number, stage in enumerate(stages):
        sections = report_sections(stage.aggregates)
        body = "".join(html for name, html in sections.items() if name != "heading")
        parts[f"stage{number}"] = (
            f"<section><details><summary>All about {escape(stage.name)}</summary>"
            f"{sections['heading']}{body}</details></section>"
        )
    return parts


def _heading(chain: JournalStore, stages: Sequence[Stage]) -> str:
    usd = sum(stage.aggregates.totals.usd for stage in stages)
    name = chain.path.stem if chain.path is not None else chain.name
    rows = ""
    for stage in stages:
        counts = stage.aggregates.totals.counts
        others = sum(counts.values()) - counts["completed"] - counts["failed"]
        cells = (
            f"{counts['completed']:,}",
            f"{counts['failed']:,}",
            f"{others:,}",
            dollars(stage.aggregates.totals.usd),
        )
        numbers = "".join(f"<td>{escape(cell)}</td>" for cell in cells)
        rows += f"<tr><th scope='row'>{escape(stage.name)}</th>{numbers}</tr>"
    head = "".join(
        f"<th scope='col'>{name}</th>"
        for name in ("Stage", "Completed", "Failed", "In flight", "Cost")
    )
    return (
        f"<header><p>Chain</p><h1>{escape(name)}</h1><p>{dollars(usd)}, an estimate, over "
        f"{len(stages)} stages</p></header><section class='stages'><h2>Stages</h2>"
        f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></section>"
    )


def _lineage(stages: Sequence[Stage], notes: Mapping[str, DubNote]) -> Iterator[str]:
    """Show where each result comes from: the source, then each item with its steps."""
    source = next((stage for stage in stages if stage.name == "source"), None)
    yield "<section class='lineage'><h2>From the source to the results</h2>"
    for record in () if source is None else source.records.values():
        yield f"<article><h3>Source</h3>{''.join(_step('source', record))}</article>"
    items = _items([stage for stage in stages if stage is not source])
    for key, steps in list(items.items())[:_MOST_ITEMS]:
        yield f"<article><h3>{escape(key)}</h3>"
        for stage, record in steps:
            yield from _step(stage.name, record)
            if stage.name == "proofreads" and (note := notes.get(key)) is not None:
                yield _correction(note)
        stage, record = steps[-1]
        kind, url = output_url(record)
        if (file := stage.files.get(record.key)) or url:
            yield player(key, file or url or "", None if file else kind, preload="none")
        if (note := notes.get(key)) is not None and note.issues:
            yield f"<p>Look at first:</p>{issue_list(note.issues)}"
        yield "</article>"
    yield "</section>"


def _items(stages: Sequence[Stage]) -> dict[str, list[tuple[Stage, ItemRecord]]]:
    """Return the steps of each item, those of the last stage first.

    A speech of a row, with the key of the row and the name of a variable, belongs to the row.
    Items that have not come to a later stage, such as clips or what has failed, follow.
    """
    owners = list(stages[-1].records) if stages else []
    items: dict[str, list[tuple[Stage, ItemRecord]]] = {key: [] for key in owners}
    for stage in stages:
        for key, record in stage.records.items():
            item = key
            if key not in items and stage.name == "voices":
                rows = [row for row in _prefixes(key) if row in items]
                item = max(rows, key=len, default=key)
            items.setdefault(item, []).append((stage, record))
    return {key: steps for key, steps in items.items() if steps}


def _prefixes(key: str) -> Iterator[str]:
    words = key.split(" ")
    return (" ".join(words[:count]) for count in range(1, len(words)))


def _step(name: str, record: ItemRecord) -> Iterator[str]:
    """Show one step: what was asked for, and what came of it."""
    origin = _member(record.payload, _ORIGINS)
    if origin is not None:
        yield f"<blockquote>{escape(origin)}</blockquote>"
    facts: list[str] = [record.state]
    if record.output_seconds is not None:
        facts.append(duration(record.output_seconds))
    if record.usd is not None:
        facts.append(dollars(record.usd))
    _, url = output_url(record)
    link = ""
    if url is not None:
        link = f' · <a href="{escape(url)}" rel="noopener noreferrer">open</a>'
    if (job := fetched_by(record)) is not None and record.state in FINISHED:
        link += f" · <code>heygen-async get {escape(job)}</code>"
    reason = f": {record.error_message}" if record.error_message else ""
    yield f"<p><b>{escape(name)}</b> {escape(', '.join(facts) + reason)}{link}</p>"


def _correction(note: DubNote) -> str:
    """Show the difference between the captions that HeyGen has translated and the corrected."""
    before, after = (_captions(srt) for srt in (note.translated, note.corrected))
    if before == after:
        return "<p>The captions were not changed.</p>"
    lines = list(difflib.unified_diff(before, after, lineterm="", n=1))[2:]
    shown = "".join(
        f"<{tag}>{escape(line)}</{tag}>\n" if tag else f"{escape(line)}\n"
        for line in lines[:_MOST_LINES]
        for tag in [{"+": "ins", "-": "del"}.get(line[:1], "")]
    )
    more = f"and {len(lines) - _MOST_LINES:,} more lines" if len(lines) > _MOST_LINES else ""
    changed = sum(line.startswith("+") for line in lines)
    return (
        f"<details><summary>Corrections: lines changed {changed:,}</summary><pre>{shown}{more}"
        "</pre></details>"
    )


def _captions(srt: str | None) -> list[str]:
    """Return the texts of captions without their times; the whole text if it cannot be read."""
    try:
        return [line for cue in parse_srt(srt or "") for line in cue.text.split("\n")]
    except HeyGenError:
        return (srt or "").splitlines()


def _member(content: bytes, names: Sequence[str]) -> str | None:
    """Return the first of some members of a JSON object that is a text, or None."""
    try:
        found: Any = msgspec.json.decode(content)
    except msgspec.DecodeError:
        return None
    values = (found.get(name) for name in names) if isinstance(found, dict) else ()
    return next((value for value in values if isinstance(value, str)), None)


def _name(chain: JournalStore, stage: JournalStore) -> str:
    """Return the name of a stage within its chain."""
    if chain.path is not None and stage.path is not None:
        return stage.path.stem.removeprefix(f"{chain.path.stem}.")
    return stage.name.removeprefix(f"{chain.name}.")
