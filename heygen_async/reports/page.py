"""One self-contained HTML page about a journaled run: no script, nothing from elsewhere."""

from __future__ import annotations

import datetime
import math
import os
import tempfile
from collections.abc import Iterator, Sequence
from html import escape
from importlib.resources import files
from pathlib import Path

from heygen_async.journal import open_reader
from heygen_async.pricing.estimates import dollars
from heygen_async.reports.aggregates import WIDE_BINS, Failure, RunSums
from heygen_async.reports.charts import area_plot, bar_plot, time_step, time_ticks

_STYLE_SHEET = files("heygen_async.reports") / "style.css"
# Pauses that the legend tells one by one.
_PAUSES_NAMED = 3
# Failures of a code that are to be seen at once; the others unfold.
_FAILURES_SHOWN = 10


def write_report(journal: str | os.PathLike[str], page: str | os.PathLike[str]) -> None:
    """Write the page about a run; it replaces one that is there, at once.

    It blocks, and reads all items twice, in flat memory; the run may still go on.

    Args:
        journal: The run's file.
        page: Where the page goes.

    Raises:
        JournalError: The journal cannot be read.
        OSError: The page cannot be written.
    """
    with open_reader(journal) as view:
        sums = RunSums(view)
    target = Path(page)
    with tempfile.NamedTemporaryFile(
        "w", encoding="utf-8", dir=target.parent, prefix=f".{target.name}.", delete=False
    ) as file:
        try:
            file.write(report_page(sums))
            file.close()
            # As the temporary file, the page is readable by its owner alone.
            Path(file.name).replace(target)
        except BaseException:
            file.close()
            Path(file.name).unlink(missing_ok=True)
            raise


def report_page(sums: RunSums) -> str:
    """The page.

    Args:
        sums: What it shows.
    """
    title = escape(f"{sums.run.kind} {sums.run.subject}")
    body = "".join([*_heading(sums), *_figures(sums), *_plots(sums), *_failures(sums)])
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta name="color-scheme" content="light dark">'
        '<meta name="referrer" content="no-referrer">'
        '<meta http-equiv="Content-Security-Policy" content="default-src \'none\'; '
        "style-src 'unsafe-inline'\">"
        f"<title>{title}</title><style>{_STYLE_SHEET.read_text('utf-8')}</style></head><body><main>"
        f"{body}{''.join(_outputs(sums))}</main></body></html>\n"
    )


def _heading(sums: RunSums) -> Iterator[str]:
    run, counts = sums.run, sums.totals.counts
    total = run.total(sums.totals.items)
    paused = sum(pause.seconds for pause in sums.pauses)
    pauses = f", {_long(paused)} of them paused" if paused else ""
    yield (
        f"<header><p>{escape(run.kind.capitalize())}</p><h1>{escape(run.subject)}</h1>"
        f"<p>{_when(sums.begin)} to {_when(sums.end)}, {_long(sums.end - sums.begin)}{pauses} · "
        f"run <code>{escape(run.run_id)}</code> · "
        f"heygen-async {escape(run.sdk_version)}</p></header>"
    )
    names = {
        "completed": "completed",
        "failed": "failed",
        "submitted": "in flight",
        "intended": "unanswered",
        "uncertain": "uncertain",
    }
    parts = [(name, counts[state]) for state, name in names.items() if counts[state]]  # type: ignore[index]
    if total > sums.totals.items:
        parts.append(("not begun", total - sums.totals.items))
    bar = "".join(
        f'<i class="{name.replace(" ", "-")}" style="flex-grow:{count}"></i>'
        for name, count in parts
    )
    legend = "".join(
        f'<li><i class="{name.replace(" ", "-")}"></i><b>{count:,}</b> {name}</li>'
        for name, count in parts
    )
    items = "1 item" if total == 1 else f"{total:,} items"
    yield (
        f'<section class="states"><h2>{items}</h2><div class="bar">{bar}</div>'
        f"<ul>{legend}</ul></section>"
    )


def _figures(sums: RunSums) -> Iterator[str]:
    totals, settings = sums.totals, sums.run.settings
    ended = totals.counts["completed"] + totals.counts["failed"]
    dated = settings.get("prices_as_of")
    cap = settings.get("max_cost")
    note = "estimate" + (f" at prices of {dated}" if dated else "")
    if cap is not None:
        note += f"; at most {dollars(cap)}"
    figures = [("Cost", dollars(totals.usd), note)]
    if totals.counts["completed"]:
        each = dollars(totals.usd / totals.counts["completed"])
        figures.append(("Per item", each, "estimate, over those completed"))
    figures.append(("Output", _long(totals.output_seconds), "playing time of all that was made"))
    rate = ended * 60 / sums.seconds
    over = "over the whole run" + (", pauses left out" if sums.pauses else "")
    figures.append(("Throughput", f"{rate:,.3g} a minute", over))
    if sums.slot_use is not None:
        figures.append(("Slots used", f"{sums.slot_use:.1%}", "of what the account allowed"))
    if ended:
        share = totals.counts["failed"] / ended
        figures.append(("Failed", f"{share:.2%}", f"{totals.counts['failed']:,} of {ended:,}"))
    cells = "".join(
        f"<div><dt>{escape(name)}</dt><dd><b>{escape(value)}</b>"
        f"<small>{escape(note)}</small></dd></div>"
        for name, value, note in figures
    )
    yield f'<dl class="figures">{cells}</dl>'


def _plots(sums: RunSums) -> Iterator[str]:
    seconds = sums.seconds
    running = sums.running.means()
    cuts = [(place, f"a pause of {_long(pause.seconds)}") for place, pause in sums.cuts]
    by_time = "by time since the begin" + (", pauses left out" if cuts else "")
    named = [("pause", text) for _, text in cuts[:_PAUSES_NAMED]]
    if len(cuts) > _PAUSES_NAMED:
        named = [("pause", f"{len(cuts):,} pauses")]
    yield _section(
        "Jobs in flight",
        f"against the slot limit, {by_time}",
        area_plot(running, sums.limits, seconds, "Jobs in flight over time", cuts),
        [("running", "jobs in flight"), ("limit", "slot limit"), *named],
    )
    minutes = seconds / WIDE_BINS / 60
    columns = [
        (done / minutes, lost / minutes)
        for done, lost in zip(sums.completed, sums.failed, strict=True)
    ]
    titles = [
        f"{done:,} completed, {lost:,} failed"
        for done, lost in zip(sums.completed, sums.failed, strict=True)
    ]
    yield _section(
        "Throughput",
        f"items a minute, {by_time}",
        bar_plot(
            columns,
            ("completed", "failed"),
            titles,
            time_ticks(seconds),
            "Throughput over time",
            cuts,
        ),
        [("completed", "completed"), ("failed", "failed"), *named],
    )
    if sums.lengths.count:
        yield _lengths(sums)


def _lengths(sums: RunSums) -> str:
    lengths = sums.lengths
    median, most, highest = (lengths.quantile(share) for share in (0.5, 0.95, 0.995))
    step = time_step(highest)
    top = step * math.ceil(highest / step)
    bins = 48
    width = top / bins
    counts = lengths.histogram([width * n for n in range(bins + 1)])
    titles = [
        f"{_long(n * width)} to {_long((n + 1) * width)}: {count:,.0f}"
        for n, count in enumerate(counts)
    ]
    titles[-1] = f"{_long((bins - 1) * width)} and more: {counts[-1]:,.0f}"
    apart = ", those across a pause left out" if sums.pauses else ""
    return _section(
        "Durations",
        f"of completed jobs, from acceptance to outcome{apart}; median {_long(median)}, "
        f"95 % within {_long(most)}",
        bar_plot(
            [(count,) for count in counts],
            ("running",),
            titles,
            time_ticks(top),
            "Durations of jobs",
        ),
        [],
    )


def _failures(sums: RunSums) -> Iterator[str]:
    if not sums.failures:
        return
    yield "<section><h2>Failures</h2>"
    for code, group in sorted(sums.failures.items(), key=lambda pair: -pair[1].count):
        first, others = group.items[:_FAILURES_SHOWN], group.items[_FAILURES_SHOWN:]
        yield f"<h3><code>{escape(code)}</code> <b>{group.count:,}</b></h3>{_table(first)}"
        if others:
            yield f"<details><summary>Show {len(others):,} more</summary>{_table(others)}</details>"
        if group.count > len(group.items):
            yield f"<p>and {group.count - len(group.items):,} more</p>"
    if sums.other_failures:
        yield f"<p>{sums.other_failures:,} more failed with other codes.</p>"
    yield "</section>"


def _table(failures: Sequence[Failure]) -> str:
    rows = "".join(
        f'<tr><td>{escape(item.key)}</td><td class="id">{escape(item.job_id or "none")}</td>'
        f"<td>{escape(item.message)}</td></tr>"
        for item in failures
    )
    head = "<thead><tr><th>Item</th><th>Job</th><th>Reason</th></tr></thead>"
    return f"<table>{head}<tbody>{rows}</tbody></table>"


def _outputs(sums: RunSums) -> Iterator[str]:
    if not sums.outputs:
        return
    shown = len(sums.outputs)
    which = f"the first {shown:,} of {sums.made:,}" if sums.made > shown else f"{shown:,}"
    yield (
        f"<section><h2>Outputs</h2><p>The links are signed and expire; the run's own command with "
        "<code>--download</code> gets fresh ones.</p>"
        f"<details><summary>Show {which}</summary><ol>"
    )
    for output in sums.outputs:
        length = "" if output.seconds is None else f" <small>{_long(output.seconds)}</small>"
        yield (
            f'<li><a href="{escape(output.url)}" rel="noopener noreferrer">{escape(output.key)}</a>'
            f"{length}</li>"
        )
    yield "</ol></details></section>"


def _section(title: str, explained: str, plot: str, legend: list[tuple[str, str]]) -> str:
    entries = "".join(f'<li><i class="{name}"></i>{escape(text)}</li>' for name, text in legend)
    listed = f"<ul>{entries}</ul>" if entries else ""
    return (
        f"<section><h2>{escape(title)} <small>{escape(explained)}</small></h2>{plot}{listed}"
        "</section>"
    )


def _when(at: float) -> str:
    moment = datetime.datetime.fromtimestamp(at, datetime.UTC)
    return f"<time>{moment:%Y-%m-%d %H:%M:%S} UTC</time>"


def _long(seconds: float) -> str:
    """Seconds, minutes, hours or days, in words."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest:02} s" if rest else f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02} min" if hours < 48 else f"{hours / 24:.1f} days"
