"""Runs that workers take to their ends: on a real PostgreSQL, in real time."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import sys
import threading
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest
from blockbuster import BlockBuster
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from heygen_async import (
    BudgetExceeded,
    ConfigurationError,
    HeyGen,
    Hooks,
    IdempotencyMismatch,
    InvalidRequest,
    JobFailed,
    JournalError,
)
from heygen_async.distributed import Cluster, ClusterOutcome, ClusterRun, HeartbeatTimes
from heygen_async.journal import open_reader
from heygen_async.journal.postgres import PostgresJournal
from heygen_async.reports.aggregates import RunAggregates
from heygen_async.reports.page import report_page
from heygen_async.reports.standing import Standing, standing
from heygen_async.sandbox import Fault, Faults, Sandbox
from heygen_async.telemetry import OpenTelemetry
from tests.delivery.conftest import storage as storage
from tests.delivery.storage import FaultyStorage

from ..patience import PATIENCE
from ..postgres import end_connections

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.skipif(sys.platform == "win32", reason="signals"),
    # Its videos take some tenths of a second.
    pytest.mark.sandbox(speed=600, concurrency=50),
    pytest.mark.heygen(jobs=50, expected={"video": 0.1}),
]

BEATS = HeartbeatTimes(every=0.3, timeout=1.5)


@pytest.fixture
def template_id(sandbox: Sandbox) -> str:
    return sandbox.add_template()


@pytest.fixture
async def cluster(postgres_database: str, heygen: HeyGen) -> AsyncIterator[Cluster]:
    async with Cluster(postgres_database, heygen=heygen, heartbeats=BEATS) as cluster:
        yield cluster


def names(count: int) -> list[dict[str, str]]:
    return [{"name": f"Person {number}"} for number in range(count)]


@asynccontextmanager
async def working(cluster: Cluster, **options: Any) -> AsyncIterator[Callable[[], None]]:
    """Work while the block runs; yields what stops it gently."""
    worker = await cluster.worker(**options)
    task = asyncio.create_task(worker.run())
    try:
        yield worker.stop
    finally:
        worker.stop()
        await asyncio.wait_for(task, PATIENCE)


async def test_a_worker_can_be_stopped_while_it_starts(cluster: Cluster) -> None:
    for steps in (0, 2, 8):
        worker = await cluster.worker()
        task = asyncio.create_task(worker.run())
        for _ in range(steps):
            await asyncio.sleep(0.002)
        worker.stop()
        await asyncio.wait_for(task, PATIENCE)


async def collect(run: ClusterRun, after: int | None = None) -> list[ClusterOutcome]:
    async with asyncio.timeout(PATIENCE):
        return [outcome async for outcome in run.outcomes(after)]


async def until(run: ClusterRun, condition: Callable[[Mapping[str, int]], object]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not condition((await run.status()).counts):  # noqa: ASYNC110
            await asyncio.sleep(0.02)


def exact(sandbox: Sandbox, outcomes: list[ClusterOutcome], items: int) -> bool:
    """Return whether items, outcomes and jobs correspond one to one."""
    jobs = {job.id for job in sandbox.ledger.jobs}
    told = [outcome.job_id for outcome in outcomes]
    return len(outcomes) == len({one.key for one in outcomes}) == items and (
        sorted(jobs) == sorted(filter(None, told))
    )


async def test_a_run_goes_to_its_end_and_is_followed_by_name(
    cluster: Cluster, sandbox: Sandbox, template_id: str
) -> None:
    run = await cluster.submit_render(template_id, names(40), name="spring")
    async with working(cluster):
        outcomes = await collect(run)
    assert exact(sandbox, outcomes, 40)
    assert all(outcome.ok and outcome.result.id == outcome.job_id for outcome in outcomes)
    cursors = [outcome.cursor for outcome in outcomes]
    assert cursors == sorted(set(cursors))
    attached = await cluster.run("spring")
    assert await collect(attached, outcomes[30].cursor) == outcomes[31:]
    status = await attached.status()
    assert status.at_rest
    assert status.entered
    assert (status.items, status.counts["completed"], status.shards) == (40, 40, 1)
    assert not status.shards_left


async def test_a_second_submit_adds_nothing(
    cluster: Cluster, sandbox: Sandbox, template_id: str
) -> None:
    rows = [*names(110), *names(110), {"name": "One more"}]

    async def in_turn() -> AsyncIterator[dict[str, str]]:
        for row in rows:
            yield row

    run = await cluster.submit_render(template_id, rows, name="spring")
    assert (await run.status()).items == 221
    again: Iterator[dict[str, str]] = iter(rows)
    await cluster.submit_render(template_id, again, name="spring")
    await cluster.submit_render(template_id, in_turn(), name="spring")
    await cluster.submit_render(template_id, names(3), name="spring")
    status = await run.status()
    assert status.items == 221
    assert status.shards == status.shards_left == 2


async def test_a_submit_that_was_cut_off_is_repeated(
    cluster: Cluster, sandbox: Sandbox, template_id: str
) -> None:
    class Cut(Exception):
        pass

    def cut_off() -> Iterator[dict[str, str]]:
        yield from names(230)
        raise Cut

    with pytest.raises(Cut):
        await cluster.submit_render(template_id, cut_off(), name="spring")
    run = await cluster.run("spring")
    status = await run.status()
    assert status.items == 200
    assert not status.entered
    async with working(cluster, concurrency=500):
        await until(run, lambda counts: counts["completed"])
        run = await cluster.submit_render(template_id, iter(names(230)), name="spring")
        outcomes = await collect(run)
    assert exact(sandbox, outcomes, 230)


async def test_what_cannot_be_sent_is_refused_before_the_first_row_enters(
    cluster: Cluster, template_id: str
) -> None:
    rows = [*names(3), {"nmae": "Ada"}]
    with pytest.raises(InvalidRequest, match="nmae"):
        await cluster.submit_render(template_id, rows, name="spring")
    with pytest.raises(JournalError, match="holds no run 'spring'"):
        await cluster.run("spring")
    with pytest.raises(InvalidRequest, match="items 1 and 2 have the same key"):
        await cluster.submit_render(template_id, names(2), name="spring", key=lambda _: "k")
    with pytest.raises(InvalidRequest, match="item 4"):
        await cluster.submit_render(template_id, iter(rows), name="streamed")


async def test_another_payload_under_the_same_key_is_refused(
    cluster: Cluster, template_id: str
) -> None:
    def key(row: Mapping[str, str]) -> str:
        return row["name"][0]

    await cluster.submit_render(template_id, [{"name": "Ada"}], name="spring", key=key)
    with pytest.raises(IdempotencyMismatch, match="item A has another payload"):
        await cluster.submit_render(template_id, [{"name": "Alan"}], name="spring", key=key)
    with pytest.raises(JournalError, match="another run"):
        await cluster.submit_speech(["Hello"], voice_id="v", name="spring")


async def test_failures_are_outcomes(cluster: Cluster, sandbox: Sandbox, template_id: str) -> None:
    sandbox.faults = Faults(fail_jobs=0.5)
    run = await cluster.submit_render(template_id, names(20), name="spring")
    async with working(cluster):
        outcomes = await collect(run)
    assert exact(sandbox, outcomes, 20)
    kinds = Counter(type(outcome.error) for outcome in outcomes)
    assert set(kinds) == {type(None), JobFailed}


@pytest.mark.sandbox(speed=6000, concurrency=50)
async def test_failed_items_are_submitted_again(
    cluster: Cluster, sandbox: Sandbox, template_id: str
) -> None:
    sandbox.faults = Faults(fail_jobs=1.0)
    run = await cluster.submit_render(template_id, names(3), name="spring")
    async with working(cluster), working(cluster):
        await until(run, lambda counts: counts["failed"] == 3)
        for _ in range(4):  # at once, while the task of their shard is ending
            await cluster.submit_render(template_id, names(3), name="spring", retry_failed=True)
            await until(run, lambda counts: counts["failed"] == 3)
        sandbox.faults = Faults()
        await asyncio.gather(
            cluster.submit_render(template_id, names(2), name="spring", retry_failed=True),
            cluster.submit_render(template_id, iter(names(3)), name="spring", retry_failed=True),
        )
        await until(run, lambda counts: counts["completed"] == 3)
        await cluster.submit_render(template_id, names(3), name="spring", retry_failed=True)
        outcomes = await collect(run)
    assert [outcome.ok for outcome in outcomes] == [True] * 3
    assert len({job.id for job in sandbox.ledger.jobs}) == 18
    status = await run.status()
    assert (status.counts["completed"], status.counts["failed"], status.shards) == (3, 0, 1)


@pytest.mark.parametrize("grace", [0.0, 30.0])
async def test_a_worker_that_is_stopped_leaves_the_rest_to_others(
    cluster: Cluster, sandbox: Sandbox, template_id: str, grace: float
) -> None:
    run = await cluster.submit_render(template_id, names(150), name="spring")
    async with working(cluster, concurrency=30, grace=grace) as stop:
        await until(run, lambda counts: counts["completed"])
        stop()
    status = await run.status()
    assert status.counts["queued"]
    assert not (grace and status.counts["submitted"])
    assert not any(worker.alive for worker in status.workers)
    async with working(cluster, concurrency=300):
        outcomes = await collect(run)
    assert exact(sandbox, outcomes, 150)


async def test_two_workers_and_cut_connections(
    cluster: Cluster, sandbox: Sandbox, template_id: str, postgres_database: str
) -> None:
    run = await cluster.submit_render(template_id, names(220), name="spring")
    async with working(cluster, concurrency=200), working(cluster, concurrency=200):
        await until(run, lambda counts: counts["completed"] > 30)
        await asyncio.to_thread(end_connections, postgres_database)
        await until(run, lambda counts: counts["completed"] > 60)
        await asyncio.to_thread(end_connections, postgres_database)
        outcomes = await collect(run)
    assert exact(sandbox, outcomes, 220)


async def test_the_end_of_a_shard_that_could_not_be_stored(
    cluster: Cluster, sandbox: Sandbox, template_id: str, postgres_database: str
) -> None:
    run = await cluster.submit_render(template_id, names(3), name="spring")

    def refuse_once() -> None:
        with psycopg.connect(postgres_database) as connection:
            connection.execute(
                """
                SET search_path TO heygen_async;
                CREATE SEQUENCE deletes;
                CREATE FUNCTION refuse_once() RETURNS trigger LANGUAGE plpgsql AS $$
                BEGIN
                    IF nextval('deletes') = 1 THEN RAISE 'refused'; END IF;
                    RETURN OLD;
                END $$;
                CREATE TRIGGER refuse_once BEFORE DELETE ON procrastinate_jobs
                FOR EACH ROW EXECUTE FUNCTION refuse_once();
                """
            )

    await asyncio.to_thread(refuse_once)
    async with working(cluster):
        outcomes = await collect(run)
    assert exact(sandbox, outcomes, 3)


@pytest.mark.crash
async def test_a_cancelled_run_submits_nothing_more(
    cluster: Cluster, sandbox: Sandbox, template_id: str
) -> None:
    run = await cluster.submit_render(template_id, names(500), name="spring")
    async with working(cluster, concurrency=30):
        await until(run, lambda counts: counts["completed"])
        await run.cancel()
        made = sandbox.ledger.count()
        outcomes = await collect(run)
        assert made <= sandbox.ledger.count() <= made + 30
    status = await run.status()
    assert status.cancelled
    assert status.at_rest
    assert status.counts["queued"]
    assert exact(sandbox, outcomes, 500 - status.counts["queued"])
    with pytest.raises(JournalError, match="cancelled"):
        await cluster.submit_render(template_id, names(500), name="spring")


async def test_runs_of_another_account_are_left_alone(
    cluster: Cluster, template_id: str, postgres_database: str
) -> None:
    await cluster.submit_render(template_id, names(3), name="spring")

    def give_away() -> None:
        with psycopg.connect(postgres_database) as connection:
            connection.execute("UPDATE heygen_async.runs SET account = 'somebody'")

    await asyncio.to_thread(give_away)
    with pytest.raises(JournalError, match="another account"):
        await cluster.submit_render(template_id, names(3), name="spring")
    with pytest.raises(ConfigurationError, match="another account"):
        await cluster.worker()


async def test_no_secret_is_stored_or_shown(
    cluster: Cluster, sandbox: Sandbox, template_id: str, postgres_database: str
) -> None:
    await cluster.submit_render(template_id, names(3), name="spring")

    def everything() -> str:
        with psycopg.connect(postgres_database) as connection:
            tables = connection.execute(
                "SELECT table_name FROM information_schema.tables "
                "WHERE table_schema = 'heygen_async'"
            ).fetchall()
            return "".join(
                str(connection.execute(f"SELECT * FROM heygen_async.{table}").fetchall())
                for (table,) in tables
            )

    assert sandbox.api_key not in await asyncio.to_thread(everything)
    secret = postgres_database.replace(":any@", ":s3cret@")
    for shown in (repr(Cluster(secret)), repr(await cluster.run("spring")), Cluster(secret).name):
        assert "s3cret" not in shown
    away = Cluster("postgresql://postgres:s3cret@127.0.0.1:9/db?connect_timeout=1")
    with pytest.raises(JournalError) as raised:
        async with away:
            pass
    assert "s3cret" not in str(raised.value)


async def test_requests_and_speech(cluster: Cluster, heygen: HeyGen, sandbox: Sandbox) -> None:
    voice = (await heygen.voices.list().first_page()).items[0]
    spoken = await cluster.submit_speech(
        (f"Hello {number}" for number in range(5)), voice_id=voice.voice_id, name="speech"
    )
    async with working(cluster):
        outcomes = await collect(spoken)
    assert sum(outcome.ok for outcome in outcomes) == 5
    with contextlib.suppress(InvalidRequest):
        await cluster.submit_translate(
            "https://example.com/a.mp4", ["Klingon"], name="dubs", seconds=1.0
        )
        pytest.fail("HeyGen does not translate into Klingon")


@pytest.mark.crash
async def test_a_cap_holds_over_all_workers(
    cluster: Cluster, sandbox: Sandbox, template_id: str
) -> None:
    run = await cluster.submit_render(template_id, names(60), name="spring", max_cost=1.0)
    outcomes: list[ClusterOutcome] = []

    async def until_the_cap() -> None:
        async for outcome in run.outcomes():
            outcomes.append(outcome)

    async with working(cluster), working(cluster):
        with pytest.raises(BudgetExceeded, match="were not submitted"):
            await until_the_cap()
        spent = sum(job.usd for job in sandbox.ledger.jobs)
        assert 0.5 < spent <= 1.0 + max(job.usd for job in sandbox.ledger.jobs)
        await cluster.submit_render(template_id, names(60), name="spring", max_cost=100.0)
        outcomes += await collect(run, outcomes[-1].cursor)
    assert exact(sandbox, outcomes, 60)


async def test_results_are_downloaded_by_the_worker_that_has_them(
    cluster: Cluster, template_id: str, tmp_path: Path
) -> None:
    run = await cluster.submit_render(
        template_id, names(5), name="spring", key=lambda row: row["name"]
    )
    async with working(cluster, download=tmp_path / "{key}.mp4"):
        outcomes = await collect(run)
    files = await asyncio.to_thread(os.listdir, tmp_path)
    assert sorted(files) == sorted(f"{outcome.key}.mp4" for outcome in outcomes)


@pytest.mark.crash
async def test_results_go_to_a_storage(
    cluster: Cluster, template_id: str, storage: type[FaultyStorage]
) -> None:
    storage.error = PermissionError("no access yet")
    run = await cluster.submit_render(
        template_id, names(4), name="spring", key=lambda row: row["name"]
    )
    async with working(cluster, download="faulty://bucket/{key}.mp4"):
        await until(run, lambda counts: counts["completed"] == 4)
        while (files := (await run.status()).files) is None or files.failed < 4:  # noqa: ASYNC110
            await asyncio.sleep(0.05)
        assert (files.delivered, files.waiting) == (0, 0)
        assert "no access yet" in (files.error or "")
        storage.error = None
        await collect(run)
    files = (await run.status()).files
    assert files is not None
    assert (files.delivered, files.waiting, files.failed) == (4, 0, 0)
    assert sorted(storage.files()) == [f"bucket/Person {number}.mp4" for number in range(4)]


@pytest.mark.crash
async def test_a_file_of_a_worker_that_died_is_downloaded_by_another(
    cluster: Cluster,
    sandbox: Sandbox,
    template_id: str,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def here(folder: str) -> list[str]:
        found = tmp_path / folder
        return sorted(os.listdir(found)) if found.exists() else []

    run = await cluster.submit_render(template_id, names(4), name="spring", key=lambda r: r["name"])
    sandbox.faults = Faults(operations={"media": Faults(latency=(2 * PATIENCE, 2 * PATIENCE))})
    async with working(cluster, download=tmp_path / "first" / "{key}.mp4", grace=0.0) as stop:
        await until(run, lambda counts: counts["completed"] == 4)
        stop()  # between the outcomes and the files
    assert await asyncio.to_thread(here, "first") == []
    assert not (await run.status()).at_rest
    sandbox.faults = Faults(operations={"media": Faults(status={403: 1.0})})
    async with working(cluster, download=tmp_path / "second" / "{key}.mp4"):
        async with asyncio.timeout(PATIENCE):
            while caplog.text.count("not downloaded") < 4:  # noqa: ASYNC110
                await asyncio.sleep(0.02)
        sandbox.faults = Faults()
        outcomes = await collect(run)
    files = [f"Person {number}.mp4" for number in range(4)]
    assert await asyncio.to_thread(here, "second") == files
    async with working(cluster, download=tmp_path / "third" / "{key}.mp4"):
        await cluster.submit_render(template_id, names(4), name="spring", key=lambda r: r["name"])
        assert await collect(run, outcomes[-1].cursor) == []
    assert await asyncio.to_thread(here, "third") == []  # nothing is downloaded twice
    assert exact(sandbox, outcomes, 4)


async def test_the_report_has_a_band_for_each_worker(
    cluster: Cluster, template_id: str, postgres_database: str
) -> None:
    run = await cluster.submit_render(template_id, names(5), name="spring")
    async with working(cluster):
        outcomes = await collect(run)
    (worker,) = [worker.name for worker in (await run.status()).workers] or [
        f"{socket.gethostname()}:{os.getpid()}"
    ]
    began = min(one.ended_at or 0.0 for one in outcomes)

    def look() -> tuple[RunAggregates, str]:
        with psycopg.connect(postgres_database) as connection:
            # Another one ended an item, ran 2 jobs for 4 seconds, was away, and ran 1 at the end.
            connection.execute(
                "UPDATE heygen_async.items SET owner = 'other.example:7.token.1' WHERE key = %s",
                (outcomes[0].key,),
            )
            for after, running in [(1, 2), (2, 2), (3, 2), (4, 2), (19, 1), (20, 0)]:
                connection.execute(
                    "INSERT INTO heygen_async.slots SELECT run, %s, 'other.example:7', %s, 50 "
                    "FROM heygen_async.runs",
                    (began + after, running),
                )
        with open_reader(f"{postgres_database}?run=spring") as view:
            aggregates = RunAggregates(view)
        return aggregates, report_page(aggregates)

    aggregates, page = await asyncio.to_thread(look)
    bands = aggregates.workers
    assert {name: band.ended for name, band in bands.items()} == {worker: 4, "other.example:7": 1}
    means = bands["other.example:7"].running.means()
    assert max(means) == pytest.approx(2.0)
    width = aggregates.seconds / len(means)
    assert sum(means) * width == pytest.approx(2 * 4 + 1, abs=0.1)
    assert "other.example:7" in page
    assert page.count('<polygon class="running"') == 3


@pytest.mark.sandbox(speed=60, concurrency=50)
async def test_an_item_has_one_trace_from_its_submit_on(
    postgres_database: str, sandbox: Sandbox, template_id: str, tmp_path: Path
) -> None:
    exporter, tracers = InMemorySpanExporter(), TracerProvider()
    tracers.add_span_processor(SimpleSpanProcessor(exporter))

    @asynccontextmanager
    async def process() -> AsyncIterator[Cluster]:
        """Open a cluster with a client of its own, as another process would."""
        async with (
            HeyGen(sandbox.api_key, base_url=sandbox.base_url, expected={"video": 0.1}) as heygen,
            Cluster(postgres_database, heygen=heygen, heartbeats=BEATS) as cluster,
        ):
            OpenTelemetry(tracer_provider=tracers).instrument(heygen)
            yield cluster

    def spans(name: str) -> dict[int, ReadableSpan]:
        """The spans of this name by trace, of which each has one."""
        every = [span for span in exporter.get_finished_spans() if span.name.startswith(name)]
        found = {span.context.trace_id: span for span in every if span.context is not None}
        assert len(found) == len(every)
        return found

    async with process() as submits:
        with tracers.get_tracer("app").start_as_current_span("request") as request:
            run = await submits.submit_render(template_id, names(3), name="spring")
            await submits.submit_render(template_id, names(3), name="spring")
    roots = spans("heygen.item")
    assert len(roots) == 3
    for root in roots.values():
        assert root.parent is None
        assert [link.context for link in root.links] == [request.get_span_context()]
        assert root.attributes is not None
        assert root.attributes["heygen.run"] == "spring"
    async with process() as dies:
        run = await dies.run("spring")
        async with working(dies, grace=0.0) as stop:
            await until(run, lambda counts: counts["submitted"] == 3)
            stop()
    async with process() as goes_on, working(goes_on, download=tmp_path / "{key}.mp4"):
        assert len(await collect(await goes_on.run("spring"))) == 3
    for name in ("POST /v3/templates", "heygen.job video", "heygen.download video"):
        found = spans(name)
        assert set(found) == set(roots)
        for trace_id, span in found.items():
            root = roots[trace_id]
            assert root.context is not None
            assert span.parent is not None
            assert span.parent.span_id == root.context.span_id


@pytest.mark.crash
async def test_a_worker_that_was_suspended_sends_nothing_that_others_have_sent(
    cluster: Cluster, postgres_database: str, sandbox: Sandbox, no_blocking_calls: BlockBuster
) -> None:
    """Speech takes no Idempotency-Key."""
    locks = no_blocking_calls.functions["threading.Lock.acquire"]
    locks.can_block_in("tests/distributed/test_cluster.py", {"stand_still"})
    stands, goes_on = threading.Event(), threading.Event()

    def stand_still(event: object) -> None:
        stands.set()
        goes_on.wait(PATIENCE)

    async def work() -> None:
        hooks = Hooks(on_retry=stand_still)
        heygen = HeyGen(sandbox.api_key, base_url=sandbox.base_url, hooks=hooks)
        async with (
            heygen,
            Cluster(postgres_database, heygen=heygen, heartbeats=BEATS) as suspended,
            working(suspended),
        ):
            while not goes_on.is_set():  # noqa: ASYNC110
                await asyncio.sleep(0.05)
            await asyncio.sleep(1.5)  # the request waits for a second

    sandbox.faults.add("voices.speech", Fault.status(429, retry_after=1))
    run = await cluster.submit_speech(["Hello"], name="spring", voice_id=sandbox.voice_id)
    thread = asyncio.create_task(asyncio.to_thread(lambda: asyncio.run(work())))
    assert await asyncio.to_thread(stands.wait, PATIENCE)
    async with working(cluster):
        (outcome,) = await collect(run)
    assert sandbox.ledger.count() == 1
    goes_on.set()
    await thread
    assert outcome.ok
    assert sandbox.ledger.count() == 1


async def test_a_run_of_workers_can_be_watched(
    cluster: Cluster, postgres_database: str, template_id: str
) -> None:
    """Items that no worker has begun are waiting, and a run with such items has not ended."""
    store = PostgresJournal(postgres_database, "launch")

    def look() -> Standing:
        with store.reader() as view:
            return standing(view, 1e12)

    run = await cluster.submit_render(template_id, names(30), name="launch")
    found = await asyncio.to_thread(look)
    assert (found.state, found.total, found.waiting, found.ended) == ("stopped", 30, 30, 0)
    async with working(cluster):
        await collect(run)
    found = await asyncio.to_thread(look)
    assert (found.state, found.total, found.waiting, found.ended) == ("ended", 30, 0, 30)
