"""The report page: what it says of a run, and that nothing in it can do harm."""

from __future__ import annotations

import asyncio
import sqlite3
import tracemalloc
from contextlib import aclosing, closing
from html.parser import HTMLParser
from pathlib import Path

import pytest
from msgspec.structs import replace

from heygen_async import Batch, HeyGen
from heygen_async.errors import JournalError
from heygen_async.journal import Finish
from heygen_async.reports.aggregates import BinnedLevel, DurationHistogram, RunAggregates
from heygen_async.reports.charts import nice_ticks, time_ticks
from heygen_async.reports.page import report_page, write_report
from heygen_async.reports.pauses import ActiveTime, Pause, PauseFinder
from heygen_async.sandbox import Sandbox
from tests.batch.conftest import names
from tests.journal.journals import files, intend, intent_of, opened, viewed

VOID = {"meta", "rect", "polygon", "polyline", "line", "br"}
BEGIN = 1_800_000_000.0


class Page(HTMLParser):
    """A page's text, links and tags; complains of tags that do not match."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.words: list[str] = []
        self.links: list[str] = []
        self.tags: set[str] = set()
        self.sources: list[str] = []
        self._open: list[str] = []
        self.feed(page)
        assert self._open == []

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        if tag not in VOID:
            self._open.append(tag)
        for name, value in attrs:
            assert not name.startswith("on")
            if name == "href":
                self.links.append(value or "")
            if name == "src":
                self.sources.append(value or "")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self._open and self._open[-1] not in ("style", "script"):
            self.words.append(data)


async def page_of(path: Path) -> str:
    return await viewed(path, lambda view: report_page(RunAggregates(view)))


class Clock:
    def __init__(self) -> None:
        self.now = BEGIN

    def __call__(self) -> float:
        return self.now


@pytest.mark.anyio
async def test_a_real_run(
    sandbox: Sandbox, heygen: HeyGen, template_id: str, tmp_path: Path
) -> None:
    path, out = tmp_path / "run.db", tmp_path / "run.html"
    sandbox.fail_next("video", times=13, code="moderated", message="Not allowed.")
    async with Batch(heygen, journal=path, max_cost=50) as batch:
        outcomes = [outcome async for outcome in batch.render(template_id, names(60))]
    usd = sum(outcome.usd or 0 for outcome in outcomes)
    assert usd > 1
    await viewed(path, lambda view: write_report(path, out))
    assert out.stat().st_mode & 0o777 == 0o600
    page = Page(out.read_text())
    async with Batch(heygen) as batch:
        template = await batch.heygen.templates.get(template_id)
    assert f"Render {template_id} {template.name}" in page.text
    assert "known limit" not in page.text  # no refusal has shown it
    assert "fresh one, free of charge" in page.text
    assert all(o.job_id in page.text for o in outcomes if o.job_id)
    assert "60 items" in page.text
    assert "47 completed" in page.text
    assert "13 failed" in page.text
    assert f"Cost {usd:,.2f} USD estimate at prices of 2026-06-30; at most 50.00 USD" in page.text
    assert "moderated 13" in page.text
    assert page.text.count("Not allowed.") == 13
    assert "Show 3 more" in page.text
    urls = {o.result.video_url for o in outcomes if o.result is not None}
    assert set(page.links) == urls
    assert "expire" in page.text
    assert {"script", "link", "img", "iframe"}.isdisjoint(page.tags)
    assert page.sources == []
    assert files(tmp_path) == ["run.db", "run.html"]


@pytest.mark.anyio
async def test_downloaded_files_are_played(
    heygen: HeyGen, template_id: str, tmp_path: Path
) -> None:
    path, out = tmp_path / "run.db", tmp_path / "run.html"
    rows = [{"name": name} for name in ("Ada", "Grace")]
    async with Batch(heygen, journal=path) as batch:
        run = batch.render(template_id, rows, key="name")
        saved = [one.file async for one in batch.download(run, tmp_path / "{key} #1.mp4")]
    await asyncio.to_thread(Path(saved[1] or "").unlink)
    await viewed(path, lambda view: write_report(path, out))
    page = Page(out.read_text())
    assert page.sources == [Path(saved[0] or "").as_uri()]
    assert len(page.links) == 2


@pytest.mark.anyio
async def test_everything_is_escaped(tmp_path: Path) -> None:
    path, evil = tmp_path / "run.db", '"><script>alert(1)</script>'
    async with aclosing(await opened(path, subject=evil)) as journal:
        for position, url in enumerate(("javascript:alert(1)", f"https://a.example/{evil}")):
            key = f"{position}{evil}"
            await intend(journal, key, position)
            await journal.submitted(key, f"job{position}{evil}")
            await journal.finish(Finish(key, "completed", result={"video_url": url}))
        await intend(journal, evil, 2)
        await journal.finish(
            Finish(evil, "failed", error_type="E", error_code=evil, error_message=evil)
        )
    page = Page(await page_of(path))
    assert "script" not in page.tags
    assert page.links == [f"https://a.example/{evil}"]
    assert (
        page.text.count("<script>alert(1)</script>") == 7
    )  # title, heading, link and job, code, row


@pytest.mark.anyio
async def test_runs_that_have_hardly_begun(tmp_path: Path) -> None:
    path = tmp_path / "run.db"
    await (await opened(path)).aclose()
    page = Page(await page_of(path))
    assert "0 items" in page.text
    assert "e-" not in page.text.split("by time since the start")[2]
    async with aclosing(await opened(path)) as journal:
        await intend(journal, "a")
        await journal.submitted("a", "v1")
        page = Page(await page_of(path))  # while it is written
    assert "1 item 1 in flight" in page.text
    assert "Durations" not in page.text
    assert "Failures" not in page.text
    await (await opened(path, settings={"items": 20})).aclose()
    assert "20 items 1 in flight 19 not begun" in Page(await page_of(path)).text


@pytest.mark.anyio
async def test_a_run_that_was_killed_as_soon_as_a_pause_was_over(tmp_path: Path) -> None:
    clock = Clock()
    async with aclosing(await opened(tmp_path / "run.db", clock=clock)) as journal:
        await intend(journal, "a")
    clock.now += 7200
    async with aclosing(await opened(tmp_path / "run.db", clock=clock)) as journal:
        await journal.finish(Finish("a", "failed", error_type="BadRequest"))
    assert "BadRequest" in await page_of(tmp_path / "run.db")


@pytest.mark.anyio
async def test_the_sums_over_time(tmp_path: Path) -> None:
    path, clock = tmp_path / "run.db", Clock()
    async with aclosing(await opened(path, clock=clock)) as journal:
        for key in "ab":
            await intend(journal, key, ord(key))
            await journal.submitted(key, f"job {key}")
        journal.sample_slots(2, 4)
        clock.now += 60
        await journal.finish(Finish("a", "completed"))
        clock.now += 60
        await journal.finish(Finish("b", "failed", error_type="JobTimeout"))
    run = await viewed(path, RunAggregates)
    means = run.running.means()
    assert means[0] == pytest.approx(2)
    assert means[len(means) // 2 - 1] == pytest.approx(2)
    assert means[len(means) // 2] == pytest.approx(1)
    assert means[-1] == pytest.approx(1)
    assert set(run.limits) == {4}
    assert run.slot_use == pytest.approx(3 / 8)
    assert (sum(run.completed), sum(run.failed)) == (1, 1)
    assert run.failed[-1] == 1
    assert run.durations.quantile(0.5) == pytest.approx(60, rel=0.01)
    assert list(run.failures) == ["JobTimeout"]


@pytest.mark.anyio
async def test_the_limit_is_shown_from_when_it_was_known(tmp_path: Path) -> None:
    path, clock = tmp_path / "run.db", Clock()
    async with aclosing(await opened(path, clock=clock)) as journal:
        await intend(journal, "a")
        await journal.submitted("a", "job")
        for limit in (None, 4, 0, 4, None):
            journal.sample_slots(1, limit)
            clock.now += 60
    run = await viewed(path, RunAggregates)
    assert [run.limits[n] for n in (0, 59, 61, 121, 179, 239)] == [None, None, 4, 4, 4, None]
    page = await page_of(path)
    assert page.count('<polyline class="limit"') == 1
    assert "known limit" in page


@pytest.mark.anyio
@pytest.mark.parametrize(("reserved", "shown"), [(1.25, "2.50 USD"), (None, "0.6000 USD")])
async def test_the_cost_of_what_is_in_flight(
    tmp_path: Path, reserved: float | None, shown: str
) -> None:
    path = tmp_path / "run.db"
    async with aclosing(await opened(path)) as journal:
        for position, key in enumerate("abc"):
            intent = replace(intent_of(key, position), reserved_usd=reserved)
            await journal.begin([intent], "owner")
            await journal.submitted(key, f"job {key}")
        await journal.finish(Finish("a", "completed", usd=0.3))
    page = Page(await page_of(path))
    assert f"In flight {shown} not yet in the cost: 2 items" in page.text
    assert ("reserved" in page.text) == (reserved is not None)


@pytest.mark.anyio
async def test_the_time_between_two_starts_is_left_out(tmp_path: Path) -> None:
    path, clock = tmp_path / "run.db", Clock()

    async def live(first: int, seconds: float) -> None:
        """Two jobs begin, and that of the life before ends; one of the two ends as well."""
        async with aclosing(await opened(path, clock=clock)) as journal:
            for number in (first, first + 1):
                await intend(journal, f"{number}", number)
                await journal.submitted(f"{number}", f"job {number}")
            journal.sample_slots(2, 4)
            if first:
                await journal.finish(Finish(f"{first - 1}", "completed"))
            clock.now += seconds
            await journal.finish(Finish(f"{first}", "completed"))

    await live(0, 60)
    clock.now += 50_000
    await live(2, 60)
    run = await viewed(path, RunAggregates)
    assert run.pauses == [Pause(BEGIN + 60, BEGIN + 50_060)]
    assert run.seconds == 120
    assert [place for place, _ in run.cuts] == [pytest.approx(0.5)]
    means = run.running.means()
    assert means[0] == pytest.approx(2)
    assert means[-1] == pytest.approx(2)  # the one that came over, and ended at once, is gone
    assert run.slot_use == pytest.approx(0.5, abs=0.01)
    assert run.durations.count == 2  # of three that completed, one spans the pause
    page = Page(await page_of(path))
    assert "13 h 55 min, 13 h 53 min of them paused" in page.text
    assert page.text.count("a pause of 13 h 53 min") == 4  # in two plots and their legends
    assert "Throughput 1.5 a minute over the whole run, pauses left out" in page.text
    assert "those across a pause left out" in page.text


@pytest.mark.parametrize(
    ("silence", "job_seconds", "is_pause"),
    [(250, 1, False), (350, 1, True), (3000, 900, False), (4000, 900, True), (5000, 9e9, True)],
)
def test_a_pause_is_longer_than_jobs_take(
    silence: float, job_seconds: float, is_pause: bool
) -> None:
    finder = PauseFinder(0.0, 100.0 + silence)
    for moment in (100.0 + silence, 0.0, None, *range(100, 0, -10)):
        finder.add(moment)
    pauses = [Pause(100.0, 100.0 + silence)] if is_pause else []
    assert finder.pauses(job_seconds) == pauses


def test_pauses_take_no_time() -> None:
    time = ActiveTime(100.0, [Pause(110.0, 200.0), Pause(230.0, 240.0)])
    moments = (100, 110, 150, 200, 225, 235, 240, 250)
    assert [time.at(moment) for moment in moments] == [0, 10, 10, 10, 35, 40, 40, 50]
    assert time.spans_pause(105, 205)
    assert time.spans_pause(100, 150)
    assert not time.spans_pause(200, 230)


def test_levels_are_means() -> None:
    level = BinnedLevel(10.0, 5)
    level.change(1.0, 2)
    level.change(5.0, -1)
    level.change(-3.0, 1)
    level.change(99.0, -5)
    assert level.means() == pytest.approx([2, 3, 2.5, 2, 2])


def test_histograms_lose_nothing() -> None:
    durations = DurationHistogram()
    for seconds in range(1, 101):
        durations.add(float(seconds))
    assert durations.quantile(0.9) == pytest.approx(90, rel=0.01)
    counts = durations.histogram([0.0, 10.0, 20.0, 30.0, 40.0])
    assert all(isinstance(count, int) for count in counts)
    assert sum(counts) == 100
    assert counts[1] in (9, 10, 11)
    assert counts[3] in (70, 71, 72)


@pytest.mark.parametrize(
    ("highest", "ticks"),
    [
        (1.0, [0, 0.2, 0.4, 0.6, 0.8, 1.0]),
        (10.4, [0, 2.5, 5, 7.5, 10, 12.5]),
        (100, [0, 20, 40, 60, 80, 100]),
        (0.0007, [0, 0.0002, 0.0004, 0.0006, 0.0008]),
    ],
)
def test_ticks_are_round(highest: float, ticks: list[float]) -> None:
    assert nice_ticks(highest) == pytest.approx(ticks)


def test_ticks_of_counts_are_whole() -> None:
    assert nice_ticks(2, whole=True) == [0, 1, 2]
    assert nice_ticks(12, whole=True) == [0, 3, 6, 9, 12]


@pytest.mark.parametrize(
    ("seconds", "labels"),
    [
        (1.0, ["0", "0.2 s", "0.4 s", "0.6 s", "0.8 s", "1 s"]),
        (170, ["0", "30 s", "60 s", "90 s", "120 s", "150 s"]),
        (4531, ["0", "15 min", "30 min", "45 min", "60 min", "75 min"]),
        (50_000, ["0", "3 h", "6 h", "9 h", "12 h"]),
        (10 * 86400, ["0", "2 d", "4 d", "6 d", "8 d", "10 d"]),
    ],
)
def test_axes_of_time_have_one_unit(seconds: float, labels: list[str]) -> None:
    ticks = time_ticks(seconds)
    assert [label for _, label in ticks] == labels
    assert all(0 <= place <= 1 + 1e-9 for place, _ in ticks)


FILL = """
WITH RECURSIVE counter(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM counter WHERE i < 19999)
INSERT INTO items
    (key, key_digest, position, attempt, state, idempotency_key, fingerprint, intended_at,
     submitted_at, ended_at, payload, error_code, result)
SELECT 'item ' || i, i, i, 1, CASE i % 9 WHEN 0 THEN 'failed' ELSE 'completed' END, 'k', 'f', i, i,
    i + 50 + i % 97, '{}', CASE i % 9 WHEN 0 THEN 'code ' || i END,
    '{"video_url":"https://a.example/' || i || '"}' FROM counter
"""


@pytest.mark.anyio
async def test_a_big_run_in_flat_memory(tmp_path: Path) -> None:
    path = tmp_path / "run.db"
    await (await opened(path)).aclose()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(FILL)
        connection.commit()
    tracemalloc.start()
    try:
        text = await page_of(path)
        assert tracemalloc.get_traced_memory()[1] < 5_000_000
    finally:
        tracemalloc.stop()
    page = Page(text)
    assert "20,000 items" in page.text
    assert len(page.links) == 500
    assert "the first 500 of 17,777" in page.text
    assert "2,183 more failed with other codes" in page.text
    assert len(text) < 800_000


def test_what_cannot_be_written_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(JournalError, match="no such file"):
        write_report(tmp_path / "run.db", tmp_path / "run.html")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.anyio
async def test_a_page_that_is_a_folder(tmp_path: Path) -> None:
    path = tmp_path / "run.db"
    await (await opened(path)).aclose()
    (tmp_path / "page").mkdir()
    with pytest.raises(OSError, match="page"):
        await viewed(path, lambda view: write_report(path, tmp_path / "page"))
    assert files(tmp_path) == ["page", "run.db"]
