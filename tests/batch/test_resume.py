"""Interrupted and resumed runs have one job and one outcome for each item."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
from msgspec import structs

from heygen_async import (
    Batch,
    BatchStopped,
    HeyGen,
    JobFailed,
    Outcome,
    Progress,
    TemplateRenderRequest,
    TextVariable,
    Video,
)
from heygen_async.errors import (
    AuthenticationError,
    BudgetExceeded,
    ConnectionFailed,
    DuplicateKey,
    IdempotencyMismatch,
    JournalError,
    RecordedFailure,
    UncertainSubmission,
)
from heygen_async.sandbox import Fault, Sandbox
from tests.journal.journals import FullDisk, Journaled, viewed

from .conftest import names

pytestmark = pytest.mark.anyio

GENERATE = "templates.generate"
DAY = 25 * 3600


class Renders(Journaled):
    """Runs over one journal, one after the other."""

    def __init__(self, heygen: HeyGen, template_id: str, journal: Path) -> None:
        super().__init__(journal)
        self.heygen, self.template_id = heygen, template_id
        self.sent: list[Outcome[Video]] = []

    async def __call__(
        self,
        rows: Any,
        *,
        stop_after: int | None = None,
        key: Callable[[Any], str] | None = None,
        **settings: Any,
    ) -> list[Outcome[Video]]:
        """Return the outcomes of a run, which is left after some of them."""
        self.sent = []
        outcomes = self.sent
        async with Batch(self.heygen, journal=self.journal, **settings) as batch:
            async for outcome in batch.render(self.template_id, rows, key=key):
                outcomes.append(outcome)
                if len(outcomes) == stop_after:
                    break
        return outcomes


@pytest.fixture
def render(heygen: HeyGen, template_id: str, journal: Path) -> Renders:
    return Renders(heygen, template_id, journal)


def by_first_name(row: Any) -> str:
    return str(row["name"]).split()[0]


async def lose_answers(sandbox: Sandbox, render: Renders, rows: Any, **settings: Any) -> None:
    """Run submissions that are accepted without an answer arriving."""
    sandbox.faults.add(GENERATE, Fault.drop_answer(), times=None)
    outcomes = await render(rows, **settings)
    sandbox.faults.clear()
    assert all(isinstance(outcome.error, ConnectionFailed) for outcome in outcomes)
    assert await render.states() == {"intended": len(outcomes)}


def all_once(outcomes: Iterable[Outcome[Video]], count: int, sandbox: Sandbox) -> None:
    """Check that each item has one outcome and its own job, and that there are no other jobs."""
    ended = list(outcomes)
    assert [outcome.error for outcome in ended if not outcome.ok] == []
    assert sorted(outcome.index for outcome in ended) == list(range(count))
    assert sorted(outcome.job_id or "" for outcome in ended) == sorted(
        job.id for job in sandbox.ledger.jobs
    )
    assert all(outcome.unwrap().id == outcome.job_id for outcome in ended)


@pytest.mark.parametrize(
    "how",
    [
        "cancel",
        "exception",
        *(pytest.param(how, marks=pytest.mark.crash) for how in ("break", "aclose")),
    ],
)
async def test_interrupted_again_and_again(
    sandbox: Sandbox, heygen: HeyGen, template_id: str, journal: Path, how: str
) -> None:
    rows = names(60)
    yielded: dict[int, set[str | None]] = {}

    async def part(stop_after: int) -> None:
        async with Batch(heygen, journal=journal) as batch:
            run = batch.render(template_id, rows)
            new = 0
            async for outcome in run:
                yielded.setdefault(outcome.index, set()).add(outcome.job_id)
                new += not outcome.resumed
                if new < stop_after:
                    continue
                if how == "break":
                    break
                if how == "aclose":
                    await run.aclose()
                if how == "exception":
                    raise LookupError
                if how == "cancel":
                    task = asyncio.current_task()
                    assert task is not None
                    task.cancel()
                    await asyncio.sleep(1)

    for stop_after in (1, 7, 20):
        task = asyncio.create_task(part(stop_after))
        await asyncio.wait([task])
        assert task.cancelled() == (how == "cancel")
        if how != "cancel":
            assert isinstance(task.exception(), LookupError) == (how == "exception")
    assert sandbox.ledger.count() < 60
    assert heygen.slots.held == 0
    outcomes = await Renders(heygen, template_id, journal)(rows)
    all_once(outcomes, 60, sandbox)
    jobs = {outcome.index: outcome.job_id for outcome in outcomes}
    assert all(seen == {jobs[index]} for index, seen in yielded.items())
    assert sum(outcome.resumed for outcome in outcomes) >= 28


async def test_what_was_submitted_is_waited_for(sandbox: Sandbox, render: Renders) -> None:
    await render(names(10), stop_after=1)
    assert await render.states() == {"completed": 1, "submitted": 9}
    sandbox.faults.add(GENERATE, Fault.status(400), times=None)  # none is needed
    all_once(await render(names(10)), 10, sandbox)
    assert (GENERATE, "status 400") not in sandbox.faults.struck


async def test_a_finished_run_asks_for_no_job(sandbox: Sandbox, render: Renders) -> None:
    first = {outcome.key: outcome for outcome in await render(names(20))}
    jobs = sandbox.ledger.count()
    sandbox.faults.add("videos.statuses", Fault.status(500), times=None)
    again = await render(iter(names(20)), ordered=True)
    assert [outcome.index for outcome in again] == list(range(20))
    for outcome in again:
        assert outcome.resumed
        assert outcome.result == first[outcome.key].result
    assert await render(names(20), finished="skip") == []
    assert sandbox.ledger.count() == jobs == 20


@pytest.mark.parametrize(
    "fault", [Fault.drop_answer(), Fault.status(500, work=True), Fault.truncate(), Fault.drop()]
)
async def test_intents_are_sent_again_under_their_key(
    sandbox: Sandbox, render: Renders, fault: Fault
) -> None:
    sandbox.faults.add(GENERATE, fault, times=None)
    assert not any(outcome.ok for outcome in await render(names(10)))
    assert await render.states() == {"intended": 10}
    sandbox.faults.clear()
    sandbox.faults.add(GENERATE, Fault.status(409), times=5)  # the first may still be under way
    all_once(await render(names(10)), 10, sandbox)
    keys = {entry.idempotency_key for entry in await render.records()}
    assert keys == {job.idempotency_key for job in sandbox.ledger.jobs}


async def test_faults_and_interruptions_together(sandbox: Sandbox, render: Renders) -> None:
    for fault in (Fault.drop_answer(), Fault.status(500, work=True), Fault.status(409)):
        sandbox.faults.add(GENERATE, fault, times=None, rate=0.25)
    for stop_after in (3, 20, 45):
        await render(iter(names(60)), stop_after=stop_after)
    sandbox.faults.clear()
    all_once(await render(iter(names(60))), 60, sandbox)


@pytest.mark.parametrize("title", [None, "Greeting"])
async def test_old_intents_are_found_in_the_account(
    sandbox: Sandbox, render: Renders, title: str | None
) -> None:
    rows = [
        TemplateRenderRequest(variables={"name": TextVariable(content=f"{i}")}, title=title)
        for i in range(10)
    ]
    await lose_answers(sandbox, render, rows)
    await render.make_older(DAY)
    sandbox.clock.advance(DAY)  # keys are not replayed any more
    all_once(await render(rows), 10, sandbox)


async def test_old_intents_that_nobody_knows_are_uncertain(
    sandbox: Sandbox, render: Renders
) -> None:
    sandbox.faults.add(GENERATE, Fault.drop(), times=None)
    await render(names(4))
    sandbox.faults.clear()
    await render.make_older(DAY)
    for _ in range(2):
        outcomes = await render(names(4), max_jobs=4)
        assert all(isinstance(outcome.error, UncertainSubmission) for outcome in outcomes)
        assert await render.states() == {"uncertain": 4}
    assert sandbox.ledger.count() == 0
    all_once(await render(names(4), resubmit_uncertain=True), 4, sandbox)
    assert {entry.attempt for entry in await render.records()} == {2}


async def test_uncertain_items_are_looked_for_before_they_are_sent_again(
    sandbox: Sandbox, render: Renders
) -> None:
    await lose_answers(sandbox, render, names(4))
    await render.make_older(DAY)
    sandbox.clock.advance(DAY)
    empty = Fault.body(b'{"data": [], "has_more": false}')
    sandbox.faults.add("videos.list", empty, times=None)
    outcomes = await render(names(4))
    assert all(isinstance(outcome.error, UncertainSubmission) for outcome in outcomes)
    sandbox.faults.clear()
    all_once(await render(names(4), resubmit_uncertain=True), 4, sandbox)


async def test_a_search_that_fails_decides_nothing(sandbox: Sandbox, render: Renders) -> None:
    await lose_answers(sandbox, render, names(4))
    await render.make_older(DAY)
    for status in (401, 400):
        sandbox.faults.add("videos.list", Fault.status(status), times=None)
        try:
            outcomes = await render(names(4))
        except BatchStopped:
            outcomes = render.sent
        sandbox.faults.clear()
        assert outcomes
        assert not any(outcome.ok for outcome in outcomes)
        assert await render.states() == {"intended": 4}
    all_once(await render(names(4)), 4, sandbox)


@pytest.mark.parametrize(
    ("status", "code"),
    [(401, None), (402, None), (403, None), (429, "quota_exceeded"), (404, None)],
)
async def test_a_refusal_says_nothing_of_what_was_sent_before(
    sandbox: Sandbox, render: Renders, status: int, code: str | None
) -> None:
    """Lose the answers to accepted submissions, then refuse all requests of the account."""
    await lose_answers(sandbox, render, names(6))
    sandbox.faults.add(GENERATE, Fault.status(status, code=code), times=None)
    with contextlib.suppress(BatchStopped):  # for errors that all items would get
        await render(names(6))
    assert await render.states() == {"intended": 6}
    sandbox.faults.clear()
    all_once(await render(names(6), retry_failed=True), 6, sandbox)


async def test_what_the_account_was_refused_is_tried_again_by_itself(
    sandbox: Sandbox, render: Renders
) -> None:
    sandbox.faults.add(GENERATE, Fault.status(401), times=None)
    with pytest.raises(BatchStopped) as stopped:
        await render(names(20))
    assert isinstance(stopped.value.error, AuthenticationError)
    sandbox.faults.clear()
    all_once(await render(names(20)), 20, sandbox)


async def test_failed_items_stay_failed_unless_they_are_to_be_tried_again(
    sandbox: Sandbox, render: Renders
) -> None:
    sandbox.fail_next("video", code="moderation", times=2)
    sandbox.faults.add(GENERATE, Fault.status(400), after=5)
    first = await render(names(12))
    assert sum(outcome.ok for outcome in first) == 9
    again = await render(names(12))
    errors = Counter(type(outcome.error) for outcome in again if not outcome.ok)
    assert errors == {JobFailed: 2, RecordedFailure: 1}
    assert all(outcome.resumed for outcome in again)
    assert sandbox.ledger.count() == 11
    # A bad request was no job: with 11 of them, three more may be submitted.
    retried = await render(names(12), retry_failed=True, max_jobs=14)
    assert all(outcome.ok for outcome in retried)
    assert sum(outcome.resumed for outcome in retried) == 9
    assert sandbox.ledger.count() == 14


async def test_a_row_may_be_mended_before_it_is_tried_again(
    sandbox: Sandbox, render: Renders
) -> None:
    sandbox.fail_next("video")
    await render([{"name": "Ada Bad"}], key=by_first_name)
    (outcome,) = await render([{"name": "Ada Good"}], key=by_first_name, retry_failed=True)
    assert outcome.ok
    assert sandbox.ledger.count() == 2


@pytest.mark.parametrize("state", ["intended", "submitted", "completed"])
async def test_another_payload_is_refused_before_it_is_sent(
    sandbox: Sandbox, render: Renders, state: str
) -> None:
    rows = [{"name": "Ada Old"}, {"name": "Bob Old"}, {"name": "Eve Old"}]
    if state == "intended":
        await lose_answers(sandbox, render, rows, key=by_first_name)
    else:
        await render(rows, key=by_first_name, stop_after=None if state == "completed" else 1)
    jobs = sandbox.ledger.count()
    before = {entry.key: entry for entry in await render.records()}
    changed = next(entry.key for entry in before.values() if entry.state == state)
    rows = [{"name": row["name"].replace(f"{changed} Old", f"{changed} New")} for row in rows]
    outcomes = {outcome.key: outcome for outcome in await render(rows, key=by_first_name)}
    assert isinstance(outcomes[changed].error, IdempotencyMismatch)
    assert sum(outcome.ok for outcome in outcomes.values()) == 2
    assert sandbox.ledger.count() == jobs
    after = {entry.key: entry for entry in await render.records()}
    kept = [structs.replace(record[changed], owner=None) for record in (before, after)]
    assert kept[0] == kept[1]


async def test_manifests_that_change(
    sandbox: Sandbox, render: Renders, caplog: pytest.LogCaptureFixture
) -> None:
    """Rows without keys keep the keys that follow from their content."""
    caplog.set_level(logging.INFO, "heygen_async.batch")
    first = {outcome.item["name"]: outcome.job_id for outcome in await render(names(20))}
    assert caplog.messages == []
    rows = [*names(25)[::-1]]
    grown = await render(rows)
    assert sandbox.ledger.count() == 25
    assert all(
        outcome.job_id == first[outcome.item["name"]] for outcome in grown if outcome.resumed
    )
    assert sum(outcome.resumed for outcome in grown) == 20
    assert caplog.messages == ["items of this run that were new to the journal: 5"]
    caplog.clear()
    assert len(await render(rows[3:])) == 22
    (message,) = caplog.messages
    assert message.startswith("items of the journal that are not among those of this run")
    assert message.endswith("left as they are: 3")
    assert sandbox.ledger.count() == 25


async def test_equal_rows_are_items_of_their_own(sandbox: Sandbox, render: Renders) -> None:
    rows = names(3) * 4
    await render(rows, stop_after=5)
    outcomes = await render(rows)
    all_once(outcomes, 12, sandbox)
    assert len({outcome.key for outcome in outcomes}) == 12


async def test_a_new_journal_of_the_same_name_gets_no_jobs_of_the_old_one(
    sandbox: Sandbox, render: Renders
) -> None:
    def key(row: Any) -> str:
        return "launch"

    (ada,) = await render([{"name": "Ada"}], key=key)
    render.journal.unlink()
    (same,) = await render([{"name": "Ada"}], key=key)
    assert same.job_id == ada.job_id, "not paid for again"
    render.journal.unlink()
    (grace,) = await render([{"name": "Grace"}], key=key)
    assert grace.job_id != ada.job_id
    assert sandbox.ledger.count() == 2


async def test_a_run_does_not_go_on_with_the_renders_of_a_test(
    sandbox: Sandbox, heygen: HeyGen, template_id: str, journal: Path
) -> None:
    async def rendered(*, test: bool) -> None:
        async with Batch(heygen, journal=journal) as batch:
            async for outcome in batch.render(template_id, names(2), test=test):
                assert outcome.ok

    await rendered(test=True)
    await rendered(test=True)
    with pytest.raises(JournalError, match=r"render of '.* \(test\)', not render of"):
        await rendered(test=False)
    assert sandbox.ledger.usd == 0


async def test_keys_that_repeat_are_refused(sandbox: Sandbox, render: Renders) -> None:
    rows = iter([{"name": "Ada One"}, {"name": "Ada Two"}, {"name": "Bob One"}])
    outcomes = await render(rows, key=by_first_name)
    assert Counter(type(outcome.error) for outcome in outcomes) == {
        type(None): 2,
        DuplicateKey: 1,
    }
    assert sandbox.ledger.count() == 2


async def test_a_cap_holds_over_all_runs(sandbox: Sandbox, render: Renders) -> None:
    rows = names(100)
    await render(rows, stop_after=10, max_cost=2.0)
    for _ in range(2):
        with pytest.raises(BudgetExceeded) as caught:
            await render(rows, max_cost=2.0)
        ended = {outcome.key for outcome in render.sent}
        assert all(outcome.ok for outcome in render.sent)
        assert sandbox.ledger.count() == len(ended), "what was in flight has ended"
        assert sandbox.ledger.usd < 2.2
        assert len(caught.value.not_submitted) == 100 - len(ended)
        assert not ended & set(caught.value.not_submitted)
    all_once(await render(rows), 100, sandbox)


async def test_jobs_in_flight_count_for_a_cap_wherever_they_stand(
    sandbox: Sandbox, render: Renders
) -> None:
    rows = names(40)
    await render(rows[:10], stop_after=1)
    assert sandbox.ledger.count() == 10
    for later in (rows[20:], rows[20:] + rows[:10]):
        with pytest.raises(BudgetExceeded):
            await render(later, max_jobs=12)
        assert sandbox.ledger.count() == 12


async def test_before_one_has_ended_those_in_flight_count_as_the_next(
    sandbox: Sandbox, render: Renders
) -> None:
    rows = names(40)
    await lose_answers(sandbox, render, rows[:10])
    usd = sandbox.ledger.usd
    with pytest.raises(BudgetExceeded):
        await render(rows[20:], max_cost=usd * 2)
    assert usd < sandbox.ledger.usd <= usd * 2


async def test_a_run_over_its_cap_takes_up_what_was_submitted_before(
    sandbox: Sandbox, render: Renders
) -> None:
    rows = names(60)
    await render(rows[:10], stop_after=3)
    with pytest.raises(BudgetExceeded) as caught:
        await render(rows[10:] + rows[:10], max_jobs=10)
    assert sandbox.ledger.count() == 10
    assert sorted(outcome.index for outcome in render.sent) == list(range(50, 60))
    assert all(outcome.ok for outcome in render.sent)
    assert len(caught.value.not_submitted) == 50


async def test_max_jobs_holds_over_all_runs(sandbox: Sandbox, render: Renders) -> None:
    await render(names(60), stop_after=4, max_jobs=20)
    assert sandbox.ledger.count() < 20
    for rows in (names(60), iter(names(60))):
        with pytest.raises(BudgetExceeded, match="max_jobs is reached") as caught:
            await render(rows, max_jobs=20)
        assert caught.value.max_jobs == 20
        assert sandbox.ledger.count() == len(render.sent) == 20
        # Items that cannot be submitted are not read from the iterator.
        named = len(caught.value.not_submitted)
        assert named == 40 if isinstance(rows, list) else 1 <= named <= 10


async def test_nothing_is_submitted_that_the_journal_cannot_hold(
    sandbox: Sandbox, heygen: HeyGen, template_id: str, journal: Path
) -> None:
    outcomes: list[Outcome[Video]] = []

    async def fill_the_disk() -> None:
        store = FullDisk(journal)
        async with Batch(heygen, journal=store) as batch:
            async for outcome in batch.render(template_id, iter(names(60))):
                outcomes.append(outcome)
                store.full = len(outcomes) >= 5

    with pytest.raises(JournalError) as caught:
        await fill_the_disk()
    assert caught.value.reason == "disk_full"
    entries = await viewed(journal, lambda view: list(view.records()))
    known = {entry.idempotency_key for entry in entries}
    assert {job.idempotency_key for job in sandbox.ledger.jobs} <= known
    assert sandbox.ledger.count() < 60
    assert {outcome.job_id for outcome in outcomes} <= {
        entry.job_id for entry in entries if entry.state == "completed"
    }
    assert heygen.slots.held == 0
    all_once(await Renders(heygen, template_id, journal)(names(60)), 60, sandbox)


async def test_cancelled_while_it_submits(
    sandbox: Sandbox, heygen: HeyGen, template_id: str, journal: Path
) -> None:
    """Jobs whose answers are on their way are in the journal, too."""
    sandbox.faults.add(GENERATE, Fault.delay(20), times=10)
    render = Renders(heygen, template_id, journal)
    task = asyncio.create_task(render(names(30)))
    await asyncio.sleep(10)
    task.cancel()
    await asyncio.wait([task])
    assert task.cancelled()
    assert await render.states() == {"submitted": 10}
    assert {entry.job_id for entry in await render.records()} == {
        job.id for job in sandbox.ledger.jobs
    }
    all_once(await render(names(30)), 30, sandbox)


@pytest.mark.parametrize("asynchronous", [False, True])
async def test_generators_in_order(sandbox: Sandbox, render: Renders, asynchronous: bool) -> None:
    def rows() -> Iterator[dict[str, str]]:
        yield from names(40)

    async def slow_rows() -> AsyncIterator[dict[str, str]]:
        for row in rows():
            await asyncio.sleep(1)
            yield row

    make = slow_rows if asynchronous else rows
    first = await render(make(), stop_after=12, ordered=True)
    again = await render(make(), ordered=True)
    assert [outcome.index for outcome in first] == list(range(12))
    assert [outcome.index for outcome in again] == list(range(40))
    assert [outcome.job_id for outcome in again[:12]] == [outcome.job_id for outcome in first]
    all_once(again, 40, sandbox)


async def test_a_job_that_was_given_up_is_waited_for_again(
    sandbox: Sandbox, render: Renders
) -> None:
    first = await render(names(5), job_timeout=5)
    assert not any(outcome.ok for outcome in first)
    assert await render.states() == {"submitted": 5}
    all_once(await render(names(5)), 5, sandbox)


VIDEOS = ["https://example.com/a.mp4?signed=1", "https://example.com/b.mp4"]
LANGUAGES = ["French (France)", "German (Germany)", "Spanish (Spain)"]


async def translate(
    heygen: HeyGen, journal: Path, stop_after: int | None = None
) -> dict[str, Outcome[Any]]:
    outcomes: dict[str, Outcome[Any]] = {}
    async with Batch(heygen) as batch:
        async for outcome in batch.translate(VIDEOS, LANGUAGES, journal=journal):
            outcomes[outcome.key] = outcome
            if len(outcomes) == stop_after:
                break
    return outcomes


async def test_videos_in_languages_are_taken_up(
    sandbox: Sandbox, heygen: HeyGen, journal: Path
) -> None:
    await translate(heygen, journal, stop_after=2)
    outcomes = await translate(heygen, journal)
    assert set(outcomes) == {
        f"https://example.com/{video}.mp4 {language}" for video in "ab" for language in LANGUAGES
    }
    all_once(outcomes.values(), 6, sandbox)


async def test_old_translations_are_found_in_the_account(
    sandbox: Sandbox, heygen: HeyGen, journal: Path
) -> None:
    sandbox.faults.add("video_translations.create", Fault.drop_answer(), times=None)
    lost = await translate(heygen, journal)
    assert not any(outcome.ok for outcome in lost.values())
    sandbox.faults.clear()
    await Renders(heygen, "", journal).make_older(DAY)
    sandbox.clock.advance(DAY)
    all_once((await translate(heygen, journal)).values(), 6, sandbox)


async def test_a_journal_counts_once_in_a_budget(
    sandbox: Sandbox, heygen: HeyGen, template_id: str, tmp_path: Path
) -> None:
    async with Batch(heygen, journal=tmp_path / "run.db", max_jobs=12) as batch:
        for variants in (names(5), names(10)):
            outcomes = [outcome async for outcome in batch.render(template_id, variants)]
            assert all(outcome.ok for outcome in outcomes)
    assert sandbox.ledger.count() == 10


@pytest.mark.parametrize("way", ["left early", "given up"])
async def test_what_one_run_left_counts_once_in_the_next_of_its_budget(
    way: str, sandbox: Sandbox, heygen: HeyGen, template_id: str, tmp_path: Path
) -> None:
    timeout = 5.0 if way == "given up" else None
    journal = tmp_path / "run.db"
    async with Batch(heygen, journal=journal, max_jobs=21, job_timeout=timeout) as batch:
        run = batch.render(template_id, names(20))
        async for outcome in run:
            assert outcome.ok is (way == "left early")
            if outcome.ok:
                break
        await run.aclose()
        await asyncio.sleep(3600)
        again = [outcome async for outcome in batch.render(template_id, names(21))]
    assert len(again) == sandbox.ledger.count() == 21


async def test_progress_and_report_tell_what_it_costs(
    sandbox: Sandbox, render: Renders, heygen: HeyGen, template_id: str, journal: Path
) -> None:
    seen: list[Progress] = []
    first = await render(names(20), stop_after=5)
    async with Batch(heygen, journal=journal, progress=seen.append) as batch:
        run = batch.render(template_id, names(20))
        outcomes = [outcome async for outcome in run]
    assert [outcome.resumed for outcome in outcomes].count(True) >= 5
    costs = [outcome.usd or 0.0 for outcome in outcomes]
    assert all(costs)
    assert {outcome.usd for outcome in first} <= set(costs)
    assert run.report.usd == seen[-1].usd == pytest.approx(sum(costs))
    assert run.report.usd == pytest.approx(sandbox.ledger.usd)
    assert [progress.usd for progress in seen] == sorted(progress.usd for progress in seen)
    assert f"estimate: {run.report.usd:.2f} USD" in str(run.report)


@pytest.mark.parametrize("status", [400, 403])
async def test_jobs_that_are_refused_for_their_content_have_failed_for_good(
    sandbox: Sandbox, heygen: HeyGen, template_id: str, tmp_path: Path, status: int
) -> None:
    """Many jobs are polled by their statuses, so a refused detail shows only at their end."""
    journal, count = tmp_path / "run.db", 20
    refusal = Fault.status(status, code="content_policy_violation", message="not allowed")
    sandbox.faults.add("videos.get", refusal, times=None)
    for resumed in (False, True):
        async with Batch(heygen, journal=journal) as batch:
            outcomes = [one async for one in batch.render(template_id, names(count))]
        assert {type(one.error) for one in outcomes} == {JobFailed}
        assert {one.error.message for one in outcomes if isinstance(one.error, JobFailed)} == {
            "not allowed"
        }
        assert {one.resumed for one in outcomes} == {resumed}
        assert sandbox.ledger.count() == count
        sandbox.faults.clear()
