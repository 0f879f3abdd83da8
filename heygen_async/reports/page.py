"""Write a self-contained HTML page about a run: no scripts, no external resources."""

from __future__ import annotations

import datetime
import math
import os
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from html import escape
from importlib.resources import files
from pathlib import Path
from string import Template

from heygen_async.dubs.issues import Issue
from heygen_async.dubs.notes import DubNote, DubNotes
from heygen_async.journal import JournalLocation, State, journal_store
from heygen_async.pricing.estimates import dollars
from heygen_async.reports.aggregates import Failure, RunAggregates
from heygen_async.reports.charts import area_chart, band, bar_chart, time_step, time_ticks
from heygen_async.reports.players import downloaded_files, player

_FILES = files("heygen_async.reports")
# Pauses that the legend lists one by one.
_PAUSES_LISTED = 3
# Failures per code that are visible at first; the others can be expanded.
_FAILURES_SHOWN = 10
# Seconds of jobs that are answered at once, such as speech, whose durations say nothing.
_AT_ONCE = 0.1
# Dubs whose issues are listed.
_DUBS_SHOWN = 200


_STATE_NAMES: dict[State, str] = {
    "completed": "completed",
    "failed": "failed",
    "submitted": "in flight",
    "intended": "unanswered",
    "uncertain": "uncertain",
}


def write_report(journal: JournalLocation, page: str | os.PathLike[str]) -> None:
    """Write the page about a run, replacing an existing page atomically.

    Blocks: on an event loop, call it in a thread. Reads all items twice, in constant memory. The
    run may still be in progress.

    Args:
        journal: The journal of the run: a file, a URL, or a store.
        page: File of the page.

    Raises:
        JournalError: The journal cannot be read.
        OSError: The page cannot be written.
    """
    store = journal_store(journal)
    with store.reader() as view:
        aggregates = RunAggregates(view)
        files = downloaded_files(view, {output.key for output in aggregates.outputs})
    for output in aggregates.outputs:
        output.file = files.get(output.key)
    write_page(Path(page), report_page(aggregates, DubNotes.beside(store.path).read()))


def write_page(target: Path, html: str) -> None:
    """Write a page, replacing an existing page atomically. Blocks.

    Raises:
        OSError: The page cannot be written.
    """
    with tempfile.NamedTemporaryFile(
        "w", encoding="utf-8", dir=target.parent, prefix=f".{target.name}.", delete=False
    ) as file:
        try:
            file.write(html)
            file.close()
            # Only the owner can read the page, since it inherits the mode of the temporary file.
            Path(file.name).replace(target)
        except BaseException:
            file.close()
            Path(file.name).unlink(missing_ok=True)
            raise


def report_page(aggregates: RunAggregates, notes: Mapping[str, DubNote] | None = None) -> str:
    """Return the page as HTML.

    Args:
        aggregates: The run.
        notes: What is known of its dubs, by key, or None.
    """
    sections = report_sections(aggregates)
    outputs = sections.pop("outputs")
    body = "".join([*sections.values(), *_issues(notes or {}), outputs])
    return page_of(f"{aggregates.run.kind} {_title(aggregates)}", body)


def page_of(title: str, body: str) -> str:
    """Return a page as HTML.

    Args:
        title: Its title, as text.
        body: Its content, as HTML.
    """
    return Template((_FILES / "page.html").read_text("utf-8")).substitute(
        title=escape(title), style=(_FILES / "style.css").read_text("utf-8"), body=body
    )


def report_sections(aggregates: RunAggregates) -> dict[str, str]:
    """Return the sections of the page as HTML, by their names, in the order of the page."""
    sections = (_heading, _figures, _charts, _workers, _failures, _outputs)
    return {
        section.__name__.removeprefix("_"): "".join(section(aggregates)) for section in sections
    }


def _heading(aggregates: RunAggregates) -> Iterator[str]:
    run, counts = aggregates.run, aggregates.totals.counts
    total = run.total(aggregates.totals.items)
    elapsed = duration(aggregates.end - aggregates.start)
    paused = sum(pause.seconds for pause in aggregates.pauses)
    pauses = f", {duration(paused)} of them paused" if paused else ""
    title = _title(aggregates)
    subject = "" if title == run.subject else f" <code>{escape(run.subject)}</code>"
    yield (
        f"<header><p>{escape(run.kind.capitalize())}{subject}</p><h1>{escape(title)}</h1>"
        f"<p>{timestamp(aggregates.start)} to {timestamp(aggregates.end)}, {elapsed}{pauses} · "
        f"run <code>{escape(run.run_id)}</code> · "
        f"heygen-async {escape(run.sdk_version)}</p></header>"
    )
    parts = [(name, counts[state]) for state, name in _STATE_NAMES.items() if counts[state]]
    if total > aggregates.totals.items:
        parts.append(("not begun", total - aggregates.totals.items))
    bar = legend = ""
    for name, count in parts:
        style = name.replace(" ", "-")
        bar += f'<i class="{style}" style="flex-grow:{count}"></i>'
        legend += f'<li><i class="{style}"></i><b>{count:,}</b> {name}</li>'
    items = "1 item" if total == 1 else f"{total:,} items"
    yield (
        f'<section class="states"><h2>{items}</h2><div class="bar">{bar}</div>'
        f"<ul>{legend}</ul></section>"
    )


def _title(aggregates: RunAggregates) -> str:
    """Return the name of the run's subject, such as that of a template, or its id."""
    run = aggregates.run
    return str(run.settings.get("title") or run.subject or "Run")


def _figures(aggregates: RunAggregates) -> Iterator[str]:
    totals, settings = aggregates.totals, aggregates.run.settings
    finished = totals.counts["completed"] + totals.counts["failed"]
    priced_at = settings.get("prices_as_of")
    cap = settings.get("max_cost")
    note = "estimate" + (f" at prices of {priced_at}" if priced_at else "")
    if cap is not None:
        note += f"; at most {dollars(cap)}"
    figures = [("Cost", dollars(totals.usd), note)]
    if (in_flight := aggregates.usd_in_flight) is not None:
        usd, reserved = in_flight
        how = "at most, as reserved" if reserved else "at the mean of the completed items"
        jobs = len(totals.in_flight(resubmit_uncertain=False))
        count = "1 item" if jobs == 1 else f"{jobs:,} items"
        figures.append(("In flight", dollars(usd), f"not yet in the cost: {count}, {how}"))
    if totals.resent:
        items = "1 item" if totals.resent == 1 else f"{totals.resent:,} items"
        more = f"more at most: {items} may have been paid for twice"
        figures.append(("In doubt", dollars(totals.resent_usd), more))
    if totals.counts["completed"]:
        each = dollars(totals.usd / totals.counts["completed"])
        figures.append(("Per item", each, "estimate, over the completed items"))
    figures.append(("Output", duration(totals.output_seconds), "playing time of all results"))
    rate = finished * 60 / aggregates.seconds
    period = "over the whole run" + (", pauses left out" if aggregates.pauses else "")
    figures.append(("Throughput", f"{rate:,.3g} a minute", period))
    if aggregates.slot_use is not None:
        figures.append(
            ("Slots used", f"{aggregates.slot_use:.1%}", "while the account's limit was known")
        )
    if finished:
        share = totals.counts["failed"] / finished
        figures.append(("Failed", f"{share:.2%}", f"{totals.counts['failed']:,} of {finished:,}"))
    cells = "".join(
        f"<div><dt>{escape(name)}</dt><dd><b>{escape(value)}</b>"
        f"<small>{escape(note)}</small></dd></div>"
        for name, value, note in figures
    )
    yield f'<dl class="figures">{cells}</dl>'


def _charts(aggregates: RunAggregates) -> Iterator[str]:
    seconds = aggregates.seconds
    running = aggregates.running.means()
    cuts = [
        (position, f"a pause of {duration(pause.seconds)}") for position, pause in aggregates.cuts
    ]
    by_time = "by time since the start" + (", pauses left out" if cuts else "")
    legend = [("pause", text) for _, text in cuts[:_PAUSES_LISTED]]
    if len(cuts) > _PAUSES_LISTED:
        legend = [("pause", f"{len(cuts):,} pauses")]
    known = any(limit is not None for limit in aggregates.limits)
    limit = [("limit", "known limit of the account")] if known else []
    yield _section(
        "Jobs in flight",
        f"against the known limit of the account, {by_time}" if known else by_time,
        area_chart(running, aggregates.limits, seconds, "Jobs in flight over time", cuts),
        [("running", "jobs in flight"), *limit, *legend],
    )
    counts = list(zip(aggregates.completed, aggregates.failed, strict=True))
    period = aggregates.period
    axis = len(counts) * period  # the last period may end later than the run
    titles = [f"{completed:,} completed, {failed:,} failed" for completed, failed in counts]
    yield _section(
        "Outcomes",
        f"in each {period:g} s, {by_time}"
        if period < 60
        else f"in each {duration(period)}, {by_time}",
        bar_chart(
            counts,
            ("completed", "failed"),
            titles,
            time_ticks(axis),
            "Outcomes over time",
            [(position * seconds / axis, text) for position, text in cuts],
        ),
        [("completed", "completed"), ("failed", "failed"), *legend],
    )
    if aggregates.durations.count and aggregates.durations.quantile(0.995) > _AT_ONCE:
        yield _durations(aggregates)


def _workers(aggregates: RunAggregates) -> Iterator[str]:
    bands = {name: (one.running.means(), one.ended) for name, one in aggregates.workers.items()}
    if len(bands) < 2 and not any(ended for _, ended in bands.values()):
        return  # one process of its own
    top = max(1.0, *(level for means, _ in bands.values() for level in means))
    yield '<section class="workers"><h2>Workers <small>jobs in flight of each by time since the '
    yield f"start, up to {top:,.3g}, and the items that ended there</small></h2><dl>"
    for name, (means, ended) in bands.items():
        label = f"Jobs in flight of {name} over time, at most {max(means):,.3g}"
        yield f"<dt>{escape(name)}</dt><dd>{band(means, top, label)}<b>{ended:,}</b></dd>"
    yield "</dl></section>"


def _durations(aggregates: RunAggregates) -> str:
    durations = aggregates.durations
    median, p95, highest = (durations.quantile(share) for share in (0.5, 0.95, 0.995))
    step = time_step(highest)
    top = step * math.ceil(highest / step)
    bins = 48
    width = top / bins
    counts = durations.histogram([width * n for n in range(bins + 1)])
    titles = [
        f"{duration(n * width)} to {duration((n + 1) * width)}: {count:,.0f}"
        for n, count in enumerate(counts)
    ]
    titles[-1] = f"{duration((bins - 1) * width)} and more: {counts[-1]:,.0f}"
    excluded = ", those across a pause left out" if aggregates.pauses else ""
    return _section(
        "Durations",
        f"of completed jobs, from acceptance to outcome{excluded}; median {duration(median)}, "
        f"95 % within {duration(p95)}",
        bar_chart(
            [(count,) for count in counts],
            ("running",),
            titles,
            time_ticks(top),
            "Durations of jobs",
        ),
        [],
    )


def _failures(aggregates: RunAggregates) -> Iterator[str]:
    if not aggregates.failures:
        return
    yield "<section><h2>Failures</h2>"
    for code, group in sorted(aggregates.failures.items(), key=lambda pair: -pair[1].count):
        first, others = group.items[:_FAILURES_SHOWN], group.items[_FAILURES_SHOWN:]
        yield f"<h3><code>{escape(code)}</code> <b>{group.count:,}</b></h3>{_table(first)}"
        if others:
            yield f"<details><summary>Show {len(others):,} more</summary>{_table(others)}</details>"
        if group.count > len(group.items):
            yield f"<p>and {group.count - len(group.items):,} more</p>"
    if aggregates.other_failures:
        yield f"<p>{aggregates.other_failures:,} more failed with other codes.</p>"
    yield "</section>"


def _table(failures: Sequence[Failure]) -> str:
    rows = "".join(
        f'<tr><td>{escape(item.key)}</td><td class="id">{escape(item.job_id or "none")}</td>'
        f"<td>{escape(item.message)}</td></tr>"
        for item in failures
    )
    head = "<thead><tr><th>Item</th><th>Job</th><th>Reason</th></tr></thead>"
    return f"<table>{head}<tbody>{rows}</tbody></table>"


def _issues(notes: Mapping[str, DubNote]) -> Iterator[str]:
    """Show what a person should look at first, the dubs with most issues first."""
    found = {key: note.issues for key, note in notes.items() if note.issues}
    if not found:
        return
    dubs = "1 dub" if len(found) == 1 else f"{len(found):,} dubs"
    yield f"<section><h2>Look at first <small>{dubs}</small></h2>"
    for key, issues in sorted(found.items(), key=lambda pair: -len(pair[1]))[:_DUBS_SHOWN]:
        yield f"<h3>{escape(key)}</h3>{issue_list(issues)}"
    if len(found) > _DUBS_SHOWN:
        yield f"<p>and {len(found) - _DUBS_SHOWN:,} more dubs</p>"
    yield "</section>"


def issue_list(issues: Iterable[Issue]) -> str:
    """Return what a person should look at in one dub as an HTML list."""
    listed = "".join(f"<li>{escape(str(issue))}</li>" for issue in issues)
    return f"<ul class='issues'>{listed}</ul>"


def _outputs(aggregates: RunAggregates) -> Iterator[str]:
    if not aggregates.outputs:
        return
    shown = len(aggregates.outputs)
    total = aggregates.completed_count
    which = f"the first {shown:,} of {total:,}" if total > shown else f"{shown:,}"
    renewed = (
        " <code>heygen-async get</code> with the id beside a link gives a fresh one, free of "
        "charge."
        if any(output.job_id for output in aggregates.outputs)
        else ""
    )
    yield (
        f"<section><h2>Outputs</h2><p>The links are signed and expire.{renewed}</p>"
        f"<details><summary>Show {which}</summary><ol>"
    )
    for output in aggregates.outputs:
        length = "" if output.seconds is None else f" <small>{duration(output.seconds)}</small>"
        yield (
            f'<li><a href="{escape(output.url)}" rel="noopener noreferrer">{escape(output.key)}</a>'
            f"{length} <code>{escape(output.job_id or '')}</code>"
            f"{'' if output.file is None else player(output.key, output.file, preload='none')}</li>"
        )
    yield "</ol></details></section>"


def _section(title: str, description: str, chart: str, legend: list[tuple[str, str]]) -> str:
    labels = "".join(f'<li><i class="{name}"></i>{escape(text)}</li>' for name, text in legend)
    items = f"<ul>{labels}</ul>" if labels else ""
    return (
        f"<section><h2>{escape(title)} <small>{escape(description)}</small></h2>{chart}{items}"
        "</section>"
    )


def timestamp(at: float) -> str:
    """Return a time in Unix seconds as HTML."""
    time = datetime.datetime.fromtimestamp(at, datetime.UTC)
    return f"<time>{time:%Y-%m-%d %H:%M:%S} UTC</time>"


def duration(seconds: float) -> str:
    """Return a duration in seconds, minutes, hours or days, as text."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest:02} s" if rest else f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02} min" if hours < 48 else f"{hours / 24:.1f} days"
