"""Runs in PostgreSQL: many writers, one budget, a server that restarts."""

from __future__ import annotations

import asyncio
import contextlib
import datetime
import math
import pickle
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Self

import psycopg
import pytest
from blockbuster import BlockBuster
from hypothesis import given, settings
from hypothesis import strategies as st

from heygen_async import (
    AvatarVideoRequest,
    Batch,
    BatchStopped,
    BudgetExceeded,
    HeyGen,
    Hooks,
    JobSlots,
    Outcome,
    SpeechRequest,
)
from heygen_async.errors import ConfigurationError, InvalidRequest, JournalError
from heygen_async.journal import (
    Begin,
    Finish,
    Intent,
    ItemRecord,
    RunSpec,
    journal_store,
    open_reader,
)
from heygen_async.journal.postgres import PostgresJournal
from heygen_async.journal.postgres.connection import error_from_postgres, locate
from heygen_async.pricing.budget import Budget, Reservation
from heygen_async.pricing.estimates import Estimate
from heygen_async.pricing.prices import PriceTable
from heygen_async.sandbox import Fault, Sandbox
from heygen_async.sandbox.contract import LANGUAGES
from heygen_async.session.slots import Priority
from tests.batch.test_lost_slots import LostSlot
from tests.cli.waiting import until
from tests.journal.postgres_process import SPEC
from tests.patience import PATIENCE
from tests.postgres import Postgres, end_connections

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> tuple[str, dict[str, Any]]:
    """Leases end by the clock of the server."""
    return "asyncio", {}


@pytest.fixture
def url(postgres_database: str) -> str:
    return f"{postgres_database}?run=launch"


@pytest.fixture
def heygen_settings() -> dict[str, Any]:
    return {"expected": dict.fromkeys(("video", "video_translation"), 0.1)}


@pytest.fixture
def sandbox_settings() -> dict[str, Any]:
    return {"speed": 6000, "concurrency": 20}


@contextlib.asynccontextmanager
async def opened(url: str, spec: RunSpec = SPEC, **kwargs: Any) -> AsyncIterator[PostgresJournal]:
    journal = PostgresJournal(url, **kwargs)
    await journal.open(spec)
    try:
        yield journal
    finally:
        await journal.aclose()


def intent(key: str, *, usd: float | None = None, estimate: Estimate | None = None) -> Intent:
    sent_under = f"run:1:{key}"
    return Intent(key, 0, 1, "videos.create", (), sent_under, sent_under, "f", b"{}", usd, estimate)


def rows(url: str, query: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(url.partition("?")[0], autocommit=True) as connection:
        return connection.execute(query).fetchall()


def processes(count: int, *arguments: str) -> list[str]:
    """Let so many processes work on a run at the same time, and return their output."""
    command = [sys.executable, "-m", "tests.journal.postgres_process", str(count), *arguments]
    ended = subprocess.run(command, stdout=subprocess.PIPE, text=True, timeout=PATIENCE * 2)
    assert ended.returncode == 0
    return ended.stdout.splitlines()


# Names.
@pytest.mark.parametrize(
    "dsn",
    [
        "postgresql://user:pass/word@host/db?run=a",
        "postgresql://user:pass@word@host/db?run=a",
        "postgresql://user:pass#word@host/db?run=a",
        "postgresql://user:pass?word@host/db",
        "postgresql://user:pass%word@host/db?run=a",
        "postgresql://user:password@host/db?run=a&passw=word",
        "postgresql://user:password@host/db?run=",
        "postgresql://user:password@host/db",
        "password=pass'word",
    ],
)
def test_a_dsn_that_cannot_be_read_is_not_quoted(dsn: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        PostgresJournal(dsn)
    assert "pass" not in str(refused.value).replace("user:password@", "").replace("its pass", "")
    assert refused.value.__cause__ is None


def test_a_dsn_keeps_what_libpq_takes_and_tells_no_password() -> None:
    dsn = (
        "postgresql://user:s%20cret@db.example.com:6432/app"
        "?sslmode=verify-full&run=spring%202&sslrootcert=/etc/ca.pem"
    )
    journal = journal_store(dsn)
    assert isinstance(journal, PostgresJournal)
    assert journal.run == "spring 2"
    assert journal.name == "postgresql://db.example.com:6432/app?run=spring%202"
    again = pickle.loads(pickle.dumps(journal.beside("translate")))
    assert (again.name, again.run) == (f"{journal.name}.translate", "spring 2.translate")
    assert "cret" not in f"{journal!r} {locate(dsn)!r} {journal.name}"


async def test_a_password_is_in_no_error(postgres_url: str) -> None:
    wrong = postgres_url.replace("://postgres:", "://postgres:wrong-one-")
    journal = PostgresJournal(wrong, "launch")
    with pytest.raises(JournalError) as refused:
        await journal.open(SPEC)
    assert (refused.value.reason, refused.value.path) == ("access", journal.name)
    assert "wrong-one" not in f"{refused.value!r} {refused.value.__cause__!r}"
    missing = PostgresJournal(f"{postgres_url}-not", "launch")
    with pytest.raises(JournalError, match="the database does not exist"):
        await asyncio.to_thread(missing.exists)
    away = PostgresJournal("postgresql://user:password@127.0.0.1:1/db", "launch")
    with pytest.raises(JournalError, match="cannot be reached") as unreachable:
        await asyncio.to_thread(away.reader)
    assert "password@" not in str(unreachable.value)
    assert unreachable.value.reason == "io_error"


async def test_keys_and_texts_that_postgresql_does_not_store(url: str) -> None:
    async with opened(url) as journal:
        for key in ("\ud800", "a\0b"):
            with pytest.raises(InvalidRequest, match="key"):
                await journal.begin([intent(key)], "one")
        await journal.begin([intent("a")], "one")
        await journal.submitted("a", "job\0")
        error = Finish("a", "failed", error_code="c\0", error_message="why\0 \ud800")
        await journal.finish(error)
        (record,) = [one async for one in journal.iterate()]
    assert (record.job_id, record.error_code, record.error_message) == ("job�", "c�", "why� ?")


def test_a_pooler_that_changes_sessions_is_named(postgres_database: str) -> None:
    with psycopg.connect(postgres_database, autocommit=True) as connection:
        for statement in (
            "SELECT FROM pg_temp.claimed",
            "EXECUTE unknown",
            "COPY entered TO STDOUT",
        ):
            with pytest.raises(psycopg.Error) as failed:
                connection.execute(statement)
            error = error_from_postgres("launch", failed.value)
            assert error.reason == "pooled"
            assert "session mode" in str(error)


def test_psycopg_is_loaded_when_a_run_is_in_postgresql_and_may_be_missing() -> None:
    code = (
        "import sys; sys.modules['psycopg'] = None\n"
        "import heygen_async.journal, heygen_async.batch\n"
        "try: heygen_async.journal.journal_store('postgresql://host/db?run=a')\n"
        "except heygen_async.ConfigurationError as error: print(error)"
    )
    told = subprocess.run([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert "pip install 'psycopg[binary,pool]'" in told.stdout


@pytest.mark.parametrize("level", ["repeatable read", "serializable"])
async def test_the_default_isolation_of_a_database_changes_nothing(url: str, level: str) -> None:
    database = url.partition("?")[0]
    with psycopg.connect(database, autocommit=True) as connection:
        name = connection.info.dbname
        connection.execute(f"ALTER DATABASE {name} SET default_transaction_isolation = '{level}'")
    async with opened(url) as first, opened(url) as second:
        journals = [first, second] * 20
        begun = await asyncio.gather(
            *(one.begin([intent(str(n))], "one") for n, one in enumerate(journals))
        )
        ended = [one.finish(Finish(str(n), "failed")) for n, one in enumerate(journals)]
        await asyncio.gather(*ended)
    assert begun == [[Begin.NEW]] * 40
    assert rows(url, "SELECT ended FROM heygen_async.runs") == [(40,)]


# Many processes.
def test_ten_processes_start_at_once(url: str) -> None:
    assert processes(10, "open", url) == ["opened"] * 10
    (version,) = rows(url, "SELECT count(*) FROM heygen_async.versions")
    (runs,) = rows(url, "SELECT count(*) FROM heygen_async.runs")
    assert (version, runs) == ((1,), (1,))


async def test_an_item_belongs_to_one_living_owner(url: str) -> None:
    async with opened(url) as first, opened(url) as second:
        await first.heartbeat("one", 60)
        assert await first.begin([intent("a"), intent("b")], "one") == [Begin.NEW, Begin.NEW]
        assert await second.begin([intent("a")], "two") == [Begin.HELD_BY_OTHER]
        await first.heartbeat("one", 0.1)
        await asyncio.sleep(0.2)
        (claimed,) = await second.begin([intent("a")], "two")
        assert isinstance(claimed, ItemRecord)
        # The previous owner has sent it, and reports it late: the paid job is kept.
        await first.submitted("a", "job")
        (claimed,) = await second.begin([intent("a")], "three", room=False)
        assert isinstance(claimed, ItemRecord)
        assert (claimed.job_id, claimed.owner) == ("job", "two")
        await second.finish(Finish("a", "completed", usd=1.0))
        with pytest.raises(JournalError) as late:
            await first.finish(Finish("a", "completed", usd=1.0))
        assert late.value.reason == "wrong_state"
    assert rows(url, "SELECT spent, open FROM heygen_async.budgets") == [(10**9, 1)]


async def test_an_owner_can_claim_again_what_another_one_had_meanwhile(url: str) -> None:
    async with opened(url) as first, opened(url) as second:
        await first.begin([intent("a")], "one")
        assert await first.begin([intent("a")], "one") == [Begin.DUPLICATE]
        await second.begin([intent("a")], "two")
        (claimed,) = await first.begin([intent("a")], "one")
        assert isinstance(claimed, ItemRecord)
        assert await first.begin([intent("a")], "one") == [Begin.DUPLICATE]


async def test_what_a_killed_process_has_claimed_goes_to_others(url: str) -> None:
    dead = PostgresJournal(url)
    await dead.open(SPEC)
    await dead.heartbeat("one", 60)
    await dead.begin([intent("a")], "one")
    await asyncio.to_thread(end_connections, url.partition("?")[0])
    with pytest.raises(JournalError) as lost:
        await dead.submitted("a", "job")
    assert lost.value.reason == "io_error"
    await dead.aclose()
    async with opened(url) as journal:
        assert await journal.begin([intent("a")], "two") == [Begin.HELD_BY_OTHER]
        await journal.heartbeat("one", 0)  # the lease ends
        (claimed,) = await journal.begin([intent("a")], "two")
        assert isinstance(claimed, ItemRecord)
        assert claimed.state == "intended"


async def test_outcomes_are_numbered_in_the_order_of_their_ends(url: str) -> None:
    keys = [f"item {number}" for number in range(100)]
    async with opened(url) as first, opened(url) as second:
        await first.begin([intent(key) for key in keys], "one")
        halves = zip(keys[::2], keys[1::2], strict=True)
        ended = [
            journal.finish(Finish(key, "failed"))
            for pair in halves
            for key, journal in zip(pair, (first, second), strict=True)
        ]
        await asyncio.gather(*ended)
        assert first.commits + second.commits < 20
    numbers = rows(url, "SELECT end_number, ended_at FROM heygen_async.items ORDER BY end_number")
    assert [number for number, _ in numbers] == list(range(1, 101))
    assert rows(url, "SELECT ended FROM heygen_async.runs") == [(100,)]


async def test_a_few_items_of_a_large_run_are_found_without_reading_it(url: str) -> None:
    """Statistics of a run that has just grown say nothing of it."""

    async def read_of(work: Callable[[PostgresJournal], Awaitable[None]]) -> int:
        """Return how many rows of items were read; they are told when a connection ends."""
        async with opened(url) as journal:
            await work(journal)
        await asyncio.sleep(0.1)
        query = (
            "SELECT seq_tup_read + idx_tup_fetch FROM pg_stat_user_tables WHERE relname = 'items'"
        )
        ((read,),) = await asyncio.to_thread(rows, url, query)
        return int(read)

    async def nothing(journal: PostgresJournal) -> None:
        pass

    async def fifty(journal: PostgresJournal) -> None:
        keys = [str(number) for number in range(50)]
        await journal.begin([intent(key) for key in keys], "one")
        await journal.begin([intent(key) for key in keys], "one", room=False)
        await asyncio.gather(*(journal.submitted(key, f"job {key}") for key in keys))
        await asyncio.gather(*(journal.finish(Finish(key, "failed")) for key in keys))

    await read_of(nothing)
    others = (
        "INSERT INTO heygen_async.items (run, key_digest, key, position, state, operation, "
        "fingerprint, payload) SELECT 1, md5(n::text)::uuid, n::text, n, 'intended', '', '', '' "
        "FROM generate_series(100, 10100) AS n RETURNING 1"
    )
    await asyncio.to_thread(rows, url, others)
    before = await read_of(nothing)
    opening = await read_of(nothing) - before
    assert opening > 10_000
    working = await read_of(fifty) - before - opening
    assert working < opening + 2_000


# Money.
def estimates(usd: float, *, low: float = 0.0, unknown: bool = False) -> Estimate:
    return Estimate(
        usd=usd,
        usd_low=low if unknown else usd,
        usd_high=usd,
        usd_known=usd,
        unknown=int(unknown),
        seconds=None,
        basis="",
        as_of=datetime.date(2026, 11, 1),
    )


async def test_a_cap_counts_all_runs_of_a_family(url: str) -> None:
    spec = RunSpec(kind="requests", subject="", settings={"max_cost": 10})
    dear = estimates(6)
    stage = PostgresJournal(url).beside("translate")
    await stage.open(spec)
    async with opened(url, spec) as journal:
        (begun,) = await journal.begin([intent("a", usd=6, estimate=dear)], "one")
        (refused,) = await stage.begin([intent("a", usd=6, estimate=dear)], "one")
        assert begun is Begin.NEW
        assert type(refused) is BudgetExceeded  # the other owner is not waited for: it is not alive
        assert "6.00 USD reserved of at most 10.00 USD; jobs: 1" in str(refused)
        await journal.heartbeat("two", 60)
        await journal.begin([intent("b", usd=0, estimate=estimates(0))], "two")
        await journal.finish(Finish("a", "completed", usd=1))
        (begun,) = await stage.begin([intent("a", usd=6, estimate=dear)], "one")
        assert begun is Begin.NEW
    await stage.aclose()


moves = st.lists(
    st.one_of(
        st.tuples(
            st.just("begin"),
            st.sampled_from((0.0, 0.5, 1.0, 3.0, 20.0)),
            st.booleans(),
            st.sampled_from((0.0, 0.5)),
        ),
        st.tuples(st.just("finish"), st.integers(0, 3), st.sampled_from((None, 0.0, 0.5, 3.0))),
    ),
    min_size=1,
    max_size=12,
)


@given(moves=moves, max_cost=st.sampled_from((0.0, 1.0, 4.0, 10.0)), jobs=st.integers(1, 8))
@settings(max_examples=20)
def test_a_store_decides_about_money_as_the_budget_of_one_process(
    postgres_url: str, moves: list[Any], max_cost: float, jobs: int
) -> None:
    async def decide() -> None:
        budget = Budget(max_cost, jobs)
        spec = RunSpec(
            kind="requests", subject="", settings={"max_cost": max_cost, "max_jobs": jobs}
        )
        under_way: list[tuple[str, Reservation]] = []
        async with opened(postgres_url, spec, run=f"{id(budget)} {moves}") as journal:
            for number, (move, *arguments) in enumerate(moves):
                if move == "begin":
                    usd, unknown, low = arguments
                    estimate = estimates(usd, low=min(low, usd), unknown=unknown)
                    expected: Any = Begin.NEW
                    try:
                        reservation = budget.reserve(estimate)
                    except BudgetExceeded as refusal:
                        expected = refusal
                    else:
                        under_way.append((str(number), reservation))
                    one = intent(str(number), usd=usd, estimate=estimate)
                    (found,) = await journal.begin([one], "one")
                    assert (type(found), str(found)) == (type(expected), str(expected))
                elif under_way:
                    at, usd = arguments
                    key, reservation = under_way.pop(at % len(under_way))
                    budget.settle(reservation, usd)
                    await journal.submitted(key, "job")
                    await journal.finish(Finish(key, "completed", usd=usd))

    asyncio.run(decide())


def test_four_processes_keep_to_one_cap(url: str, sandbox_thread: Sandbox) -> None:
    """Videos of unknown length, at most 18 USD each: one at a time goes beyond the cap."""
    sandbox, cap = sandbox_thread, 1.5
    told = processes(4, "agents", url, sandbox.base_url, sandbox.api_key, str(cap))
    assert told == ["no room"] * 4
    with open_reader(url) as reader:
        totals = reader.totals()
        records = list(reader.records(["completed"]))
    assert totals.items == len(records) == sandbox.ledger.count()
    longest = max(record.usd or 0.0 for record in records)
    assert cap <= totals.usd <= cap + longest
    (spent,) = rows(url, "SELECT spent, reserved, open, ended FROM heygen_async.budgets")
    assert spent == (round(totals.usd * 1e9), 0, 0, len(records))


# Batches.
async def test_a_batch_takes_a_dsn_as_it_takes_a_file(
    url: str, sandbox: Sandbox, heygen: HeyGen
) -> None:
    template_id = sandbox.add_template()
    names = [{"name": f"Person {number}"} for number in range(5)]
    for resumed in (False, True):
        async with Batch(heygen, journal=url, max_cost=100) as batch:
            outcomes = [outcome async for outcome in batch.render(template_id, names)]
        assert [outcome.ok for outcome in outcomes] == [True] * 5
        assert {outcome.resumed for outcome in outcomes} == {resumed}
    assert sandbox.ledger.count() == 5


async def test_two_processes_on_the_same_items_pay_once_for_each(
    url: str, sandbox: Sandbox, heygen: HeyGen
) -> None:
    template_id = sandbox.add_template()
    names = [{"name": f"Person {number}"} for number in range(6)]

    async def render() -> set[str | None]:
        async with Batch(heygen, journal=url) as batch:
            return {outcome.job_id async for outcome in batch.render(template_id, names)}

    first, second = await asyncio.gather(render(), render())
    assert first == second
    assert sandbox.ledger.count() == len(first) == 6


@pytest.mark.sandbox(durations={"video": 6000.0})
async def test_an_item_that_another_process_has_ended_is_an_outcome_here_too(
    url: str, sandbox: Sandbox, heygen: HeyGen
) -> None:
    template_id = sandbox.add_template()
    spec = RunSpec(kind="render", subject=template_id)

    async def render() -> list[bool]:
        async with Batch(heygen, journal=url) as batch:
            run = batch.render(template_id, [{"name": "Ada"}], key=lambda one: one["name"])
            return [outcome.ok async for outcome in run]

    running = asyncio.create_task(render())
    async with opened(url, spec) as journal:
        # The state after this process stood still for longer than its lease.
        await until(lambda: sandbox.ledger.count() == 1)
        while True:
            with contextlib.suppress(JournalError):
                await journal.finish(Finish("Ada", "completed", result={"video_id": "1"}))
                break
    assert await running == [True]


@pytest.mark.sandbox(durations={"translation": 300.0})
async def test_one_scout_of_a_source_goes_first_of_all_processes(
    url: str, sandbox: Sandbox, heygen: HeyGen
) -> None:
    async def translate(languages: list[str]) -> int:
        prices = PriceTable(translation_speed=1.0)
        async with Batch(heygen, journal=url, prices=prices, max_cost=10_000) as batch:
            run = batch.translate("https://example.com/launch.mp4", languages)
            return len([outcome async for outcome in run if outcome.ok])

    names = list(LANGUAGES)
    assert sum(await asyncio.gather(translate(names[:4]), translate(names[4:8]))) == 8
    first, *others = sorted(job.created_at for job in sandbox.ledger.jobs)
    assert len(others) == 7
    # Two of them would have fitted at 1,800 USD each.
    assert min(others) - first >= 300


async def test_the_scout_of_a_dead_process_is_another_one(url: str) -> None:
    async with opened(url) as first, opened(url) as second:
        await first.heartbeat("one", 60)
        assert await first.scout("film", "one") is True
        assert await second.scout("film", "two") is False
        await first.heartbeat("one", -1)
        assert await second.scout("film", "two") is True
        await second.end_scout("film", "two", None)
        assert await second.scout("film", "three") is True
        await first.end_scout("film", "one", 12.5)  # late, but a length
        assert await second.scout("film", "four") == 12.5
        assert await second.scout("other film", "four") is True


async def test_a_cancelled_run_begins_nothing_more(
    url: str, sandbox: Sandbox, heygen: HeyGen
) -> None:
    template_id = sandbox.add_template()
    names = ({"name": f"Person {number}"} for number in range(1000))
    spec = RunSpec(kind="render", subject=template_id)
    async with opened(url, spec) as store, Batch(heygen, journal=url, concurrency=2) as batch:

        async def cancelled_after_two() -> None:
            async for outcome in batch.render(template_id, names):
                if outcome.index == 1:
                    await store.cancel()

        with pytest.raises(BatchStopped, match="the run was cancelled"):
            await cancelled_after_two()
    assert sandbox.ledger.count() < 10


async def test_server_batches_cannot_keep_to_a_shared_cap(url: str, heygen: HeyGen) -> None:
    with pytest.raises(ConfigurationError, match="via='single'"):
        Batch(heygen, journal=url, max_cost=1).run([], via="api-batch")


@pytest.fixture(autouse=True)
def suspensions(no_blocking_calls: BlockBuster) -> None:
    """A suspended process may block its loop."""
    locks = no_blocking_calls.functions["threading.Lock.acquire"]
    locks.can_block_in("tests/journal/test_postgres.py", {"_stand_still"})


class Suspended:
    """A run in a process that stands still once its first request was refused.

    Args:
        url: The journal.
        sandbox: The server; it refuses the first request.
        request: Its only item, which has the key "a".
        via: How the item is sent.
        every: Seconds between two heartbeats.
    """

    def __init__(self, url: str, sandbox: Sandbox, request: Any, via: Any, every: float) -> None:
        self._arguments = PostgresJournal(url, heartbeat_every=every), sandbox, request, via
        self._stands, self._goes_on = threading.Event(), threading.Event()
        self._thread = ThreadPoolExecutor(1)

    async def __aenter__(self) -> Self:
        self._outcomes = self._thread.submit(lambda: asyncio.run(self._run()))
        assert await asyncio.to_thread(self._stands.wait, PATIENCE)
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        self._goes_on.set()
        await asyncio.to_thread(self._thread.shutdown)

    def outcomes(self) -> asyncio.Future[list[Outcome[Any]]]:
        """Go on, and return the outcomes."""
        self._goes_on.set()
        return asyncio.wrap_future(self._outcomes)

    async def _run(self) -> list[Outcome[Any]]:
        journal, sandbox, request, via = self._arguments
        heygen = HeyGen(
            sandbox.api_key, base_url=sandbox.base_url, hooks=Hooks(on_retry=self._stand_still)
        )
        async with heygen, Batch(heygen) as batch:
            run = batch.run([request], key=lambda _: "a", journal=journal, via=via)
            return [outcome async for outcome in run]

    def _stand_still(self, event: object) -> None:
        self._stands.set()
        self._goes_on.wait(PATIENCE)


LIVING = (
    "SELECT count(*) FROM heygen_async.owners "
    "WHERE lease_until > extract(epoch FROM clock_timestamp())"
)
WAYS = [
    pytest.param("voices.speech", "single", id="without a key"),
    pytest.param("videos.create", "single", id="with a key", marks=pytest.mark.crash),
    pytest.param("videos.batches.create", "api-batch", id="in a server batch"),
]


@contextlib.asynccontextmanager
async def suspended(
    url: str,
    sandbox: Sandbox,
    operation: str,
    via: Any = "single",
    *,
    every: float = 0.1,
    pause: int = 0,
) -> AsyncIterator[Suspended]:
    """A run of one item, in a process that stands still."""
    sandbox.faults.add(operation, Fault.status(429, retry_after=pause))
    request: Any = AvatarVideoRequest(avatar_id=sandbox.avatar_id, script="Hello")
    if operation == "voices.speech":
        request = SpeechRequest(text="Hello", voice_id=sandbox.voice_id)
    async with Suspended(url, sandbox, request, via, every) as process:
        yield process


@pytest.mark.parametrize(("operation", "via"), WAYS)
async def test_a_process_that_was_suspended_sends_nothing_that_others_have_claimed(
    url: str, sandbox_thread: Sandbox, operation: str, via: Any
) -> None:
    async with (
        suspended(url, sandbox_thread, operation, via) as process,
        opened(url, RunSpec(kind="requests", subject="")) as journal,
    ):
        await journal.heartbeat("other", 60)
        claim = intent("a")
        while await journal.begin([claim], "other", room=False) == [Begin.HELD_BY_OTHER]:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        await journal.finish(Finish("a", "failed", error_type="JobFailed", error_code="theirs"))
        (outcome,) = await process.outcomes()
    assert outcome.resumed
    assert getattr(outcome.error, "code", None) == "theirs"
    assert sandbox_thread.requests.by_operation[operation] == 1


async def test_a_process_that_was_suspended_goes_on_with_what_nobody_has_claimed(
    url: str, sandbox_thread: Sandbox
) -> None:
    async with suspended(url, sandbox_thread, "videos.create") as process:
        with psycopg.connect(url.partition("?")[0], autocommit=True) as connection:
            while connection.execute(LIVING).fetchone() != (0,):  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        (outcome,) = await process.outcomes()
    assert outcome.ok
    assert not outcome.resumed
    assert sandbox_thread.ledger.count() == 1


@pytest.mark.parametrize(("operation", "via"), WAYS)
async def test_a_batch_that_waits_to_send_an_item_hears_that_its_run_was_cancelled(
    url: str, sandbox_thread: Sandbox, operation: str, via: Any
) -> None:
    async with suspended(url, sandbox_thread, operation, via, every=10, pause=1) as process:
        async with opened(url, RunSpec(kind="requests", subject="")) as journal:
            await journal.cancel()
        with pytest.raises(BatchStopped, match="the run was cancelled"):
            await process.outcomes()
    assert sandbox_thread.requests.by_operation[operation] == 1
    with open_reader(url) as reader:
        (record,) = reader.records()
    assert (record.state, record.error_type) == ("failed", "RateLimited")


async def test_an_item_whose_slot_was_lost_hears_that_its_run_was_cancelled(
    url: str, sandbox: Sandbox
) -> None:
    class Losing(JobSlots):
        """Loses its first lease, and gives the second one when the run was cancelled."""

        given = 0

        def try_acquire(self) -> None:
            return None

        async def acquire(self, priority: Priority = "bulk", patience: float = math.inf) -> Any:
            self.given += 1
            slot = await super().acquire(priority, patience)
            if self.given == 1:
                return LostSlot(slot)
            async with opened(url, RunSpec(kind="requests", subject="")) as journal:
                await journal.cancel()
            await asyncio.sleep(1.1)  # for longer than an answer of the journal counts
            return slot

    request = AvatarVideoRequest(avatar_id=sandbox.avatar_id, script="Hello")
    async with (
        HeyGen(sandbox.api_key, base_url=sandbox.base_url, jobs=Losing(1)) as heygen,
        Batch(heygen) as batch,
    ):
        with pytest.raises(BatchStopped, match="the run was cancelled"):
            await batch.run([request], journal=url).rows()
    assert sandbox.ledger.count() == 0


# The server.
async def test_a_server_that_is_killed_loses_nothing_that_was_awaited() -> None:
    with Postgres() as server:
        journal = PostgresJournal(server.url, "launch")
        await journal.open(SPEC)
        assert await journal.begin([intent("a")], "one") == [Begin.NEW]
        await asyncio.to_thread(server.kill)
        with pytest.raises(JournalError) as failed:
            await journal.submitted("a", "job")
        with pytest.raises(JournalError) as again:
            await journal.begin([intent("b")], "one")
        assert again.value is failed.value
        await asyncio.to_thread(server.start)
        await journal.aclose()
        opened = await journal.open(SPEC)
        assert (opened.totals.items, opened.totals.counts["intended"]) == (1, 1)
        await journal.submitted("a", "job")
        await journal.aclose()
