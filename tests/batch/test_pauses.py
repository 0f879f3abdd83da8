"""An account without credit, or an API that accepts nothing, pauses a run and finally ends it."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from heygen_async import (
    AvatarVideoRequest,
    Batch,
    BatchStopped,
    HeyGen,
    Outcome,
    PaymentRequired,
    Progress,
    RateLimited,
    Run,
)
from heygen_async.journal import open_reader
from heygen_async.sandbox import Fault, Faults, Sandbox

pytestmark = pytest.mark.anyio


class Purse:
    """The balance of the account, in place of the sandbox's own.

    Args:
        sandbox: The sandbox.
        usd: USD in the wallet. Each video takes one.
        account: The answer of ``users.me`` besides, or None for a wallet.
    """

    def __init__(self, sandbox: Sandbox, usd: float, account: dict[str, Any] | None = None) -> None:
        self.usd = usd
        self.refused = 0
        self.asked = 0
        self._account = account
        sandbox.faults = faults = Faults()
        for operation in ("videos.create", "templates.generate", "videos.batches.create"):
            faults.add(operation, Fault("purse", self._create), times=None)
        faults.add("users.me", Fault("purse", self._me), times=None)

    async def _create(self, request: web.BaseRequest, work: Any) -> web.StreamResponse:
        if self.usd < 1:
            self.refused += 1
            body = {"error": {"code": "insufficient_credit", "message": "No credit left"}}
            return web.json_response(body, status=402)
        self.usd -= 1
        response: web.StreamResponse = (await work()).response()
        return response

    async def _me(self, request: web.BaseRequest, work: Any) -> web.StreamResponse:
        self.asked += 1
        wallet = {"currency": "usd", "remaining_balance": self.usd}
        account = self._account or {"billing_type": "wallet", "wallet": wallet}
        return web.json_response({"data": {"username": "me", **account}})


def videos(sandbox: Sandbox, count: int) -> list[AvatarVideoRequest]:
    return [
        AvatarVideoRequest(avatar_id=sandbox.avatar_id, script=f"Hello {number}", title=str(number))
        for number in range(count)
    ]


async def keep(run: Run[Any], outcomes: list[Outcome[Any]]) -> None:
    async for outcome in run:
        outcomes += [outcome]


def now() -> float:
    return asyncio.get_running_loop().time()


def key_of(video: AvatarVideoRequest) -> str:
    return video.title or ""


@pytest.mark.parametrize(("via", "journaled"), [("single", True), ("api-batch", False)])
async def test_a_run_goes_on_when_the_balance_moves(
    sandbox: Sandbox,
    heygen: HeyGen,
    journal: Path,
    caplog: pytest.LogCaptureFixture,
    journaled: bool,
    via: Any,
) -> None:
    purse = Purse(sandbox, 12.0)
    told: list[Progress] = []
    batch = Batch(heygen, until_empty=True, progress=told.append, journal=None, concurrency=10)
    run = batch.run(
        videos(sandbox, 30), key=key_of, via=via, journal=journal if journaled else None
    )
    if via == "api-batch":
        purse.usd = 1.0  # a batch takes one

    async def top_up() -> None:
        await asyncio.sleep(1800)
        purse.usd += 100

    outcomes: list[Outcome[Any]] = []
    with caplog.at_level(logging.WARNING, "heygen_async.batch"):
        await asyncio.gather(keep(run, outcomes), top_up())
    assert sorted(outcome.key for outcome in outcomes) == sorted(map(str, range(30)))
    assert all(outcome.ok for outcome in outcomes)
    assert sandbox.ledger.count() == 30
    assert 1800 < now() < 1800 + 900
    assert "402 insufficient_credit" in caplog.text
    assert "the run needs about" in caplog.text
    assert " short" in caplog.text
    assert run.report.failed == 0
    assert any(progress.paused and progress.paused > 600 for progress in told)
    assert all(progress.no_credit for progress in told if progress.paused)
    assert told[-1].paused is None
    assert not told[-1].no_credit
    # The first refusals, one every five minutes, and no more.
    assert purse.refused <= 10 + 8
    assert purse.asked <= 1800 / 15 + 10


async def test_a_run_gives_up_and_what_is_left_is_resumable_at_any_time(
    sandbox: Sandbox, heygen: HeyGen, journal: Path
) -> None:
    purse = Purse(sandbox, 12.0)
    outcomes: list[Outcome[Any]] = []
    run = Batch(heygen, until_empty=True).run(videos(sandbox, 30), key=key_of, journal=journal)
    with pytest.raises(BatchStopped, match="no submission was accepted for 3,6") as stopped:
        await keep(run, outcomes)
    assert [outcome.ok for outcome in outcomes] == [True] * 12
    assert isinstance(stopped.value.error, PaymentRequired)
    done = {outcome.key for outcome in outcomes}
    assert len(stopped.value.not_submitted) == 18
    assert set(stopped.value.not_submitted) == set(map(str, range(30))) - done
    assert run.report.failed == 0
    assert 3600 <= now() < 3600 + 600
    assert purse.refused <= 10 + 12 + 2
    # Refusals are certain: a later run resubmits them, whatever the age of the record.
    states = await asyncio.to_thread(states_of, journal)
    assert set(states) <= {"completed", "failed PaymentRequired"}
    purse.usd = 100.0
    again: list[Outcome[Any]] = []
    await keep(Batch(heygen).run(videos(sandbox, 30), key=key_of, journal=journal), again)
    assert len(again) == 30
    assert all(outcome.ok for outcome in again)
    assert sandbox.ledger.count() == 30


def states_of(journal: Path) -> list[str]:
    with open_reader(journal) as reader:
        return [f"{one.state} {one.error_type or ''}".strip() for one in reader.records()]


async def test_credits_have_no_price_and_are_shown(
    sandbox: Sandbox, heygen: HeyGen, caplog: pytest.LogCaptureFixture
) -> None:
    wallet = {"currency": "credits", "remaining_balance": 3}
    Purse(sandbox, 0.0, {"billing_type": "wallet", "wallet": wallet})
    run = Batch(heygen, give_up_after=60).run(videos(sandbox, 3))
    with (
        caplog.at_level(logging.WARNING, "heygen_async.batch"),
        pytest.raises(BatchStopped, match="3 credits"),
    ):
        await keep(run, [])
    assert now() < 100
    assert "3 credits" in caplog.text


async def test_a_trial_that_is_used_up_is_not_waited_for(sandbox: Sandbox, heygen: HeyGen) -> None:
    fault = Fault.status(402, code="trial_limit_exceeded")
    sandbox.faults.add("videos.create", fault, times=None)
    with pytest.raises(BatchStopped) as stopped:
        await keep(Batch(heygen).run(videos(sandbox, 30)), [])
    assert isinstance(stopped.value.error, PaymentRequired)
    assert now() < 60


async def test_stopping_a_run_that_waits_for_credit_ends_it(
    sandbox: Sandbox, heygen: HeyGen
) -> None:
    Purse(sandbox, 0.0)
    run = Batch(heygen, until_empty=True).run(videos(sandbox, 30))
    asyncio.get_running_loop().call_later(300, run.stop_submitting)
    outcomes: list[Outcome[Any]] = []
    await keep(run, outcomes)
    assert outcomes == []
    assert now() < 310


async def test_leaving_a_run_that_waits_for_credit_leaves_nothing_behind(
    sandbox: Sandbox, heygen: HeyGen
) -> None:
    Purse(sandbox, 0.0)
    async with Batch(heygen, until_empty=True) as batch:
        task = asyncio.create_task(keep(batch.run(videos(sandbox, 30)), []))
        await asyncio.sleep(300)
        task.cancel()
        await asyncio.wait([task])
    assert heygen.slots.held == 0
    assert [one for one in asyncio.all_tasks() if "heygen_async/batch" in repr(one)] == []


async def test_the_report_tells_how_the_balance_has_moved(sandbox: Sandbox, heygen: HeyGen) -> None:
    Purse(sandbox, 20.0)
    run = Batch(heygen).run(videos(sandbox, 5))
    assert "balance" not in str(run.report)
    await keep(run, [])
    assert run.report.balance_change == -5
    assert "the balance moved by -5.00 USD" in str(run.report)
    stream = Batch(heygen).run(iter(videos(sandbox, 5)))
    await keep(stream, [])
    assert stream.report.balance_change is None


# Pauses that HeyGen asks for.


@pytest.mark.sandbox(concurrency=50)
@pytest.mark.heygen(jobs=50)
@pytest.mark.parametrize(
    ("operation", "fault"),
    [
        ("templates.generate", Fault.status(503, retry_after=3600)),
        ("templates.generate", Fault.status(429, retry_after=100_000)),
        ("videos.statuses", Fault.status(429, retry_after=100_000)),
    ],
)
async def test_one_answer_does_not_end_a_run(
    sandbox: Sandbox,
    heygen: HeyGen,
    template_id: str,
    caplog: pytest.LogCaptureFixture,
    operation: str,
    fault: Fault,
) -> None:
    told: list[Progress] = []
    sandbox.faults.add(operation, fault, after=3)
    names = [{"name": f"Person {number}"} for number in range(100)]
    run = Batch(heygen, progress=told.append).render(template_id, names)
    outcomes: list[Outcome[Any]] = []
    with caplog.at_level(logging.WARNING, "heygen_async.batch"):
        await keep(run, outcomes)
    assert [outcome.ok for outcome in outcomes] == [True] * 100
    assert now() < 3600
    assert sandbox.faults.struck
    assert "submissions pause: HeyGen asked to send nothing for" in caplog.text
    assert any(progress.paused for progress in told)


@pytest.mark.parametrize("via", ["single", "api-batch"])
@pytest.mark.parametrize("status", [429, 503])
async def test_a_run_gives_up_when_nothing_is_accepted(
    sandbox: Sandbox, heygen: HeyGen, status: int, via: Any
) -> None:
    for operation in ("videos.create", "videos.batches.create"):
        fault = Fault.status(status, retry_after=3600)
        sandbox.faults.add(operation, fault, times=None, after=0)
    outcomes: list[Outcome[Any]] = []
    run = Batch(heygen).run(videos(sandbox, 1_000), key=key_of, via=via)
    with pytest.raises(BatchStopped) as stopped:
        await keep(run, outcomes)
    # Without a journal, a 503 leaves items whose state is unknown.
    most = {"single": 10, "api-batch": 100}[via]
    assert len(outcomes) <= (most if status == 503 else 0)
    assert all(outcome.error.maybe_carried_out for outcome in outcomes)  # type: ignore[union-attr]
    assert isinstance(stopped.value.error, RateLimited)
    assert len(stopped.value.not_submitted) == 1_000 - len(outcomes)
    # Paused requests wait for the end of the pause, nine minutes at most.
    assert 3600 <= now() < 3600 + (30 if status == 429 else 600)
    assert sandbox.ledger.count() == 0


@pytest.mark.sandbox(durations={"video": 7200.0})
async def test_a_run_goes_on_while_one_of_its_jobs_is_in_flight(
    sandbox: Sandbox, heygen: HeyGen
) -> None:
    sandbox.faults.add("videos.create", Fault.status(429, retry_after=60), times=None, after=1)
    outcomes: list[Outcome[Any]] = []
    with pytest.raises(BatchStopped):
        await keep(Batch(heygen, job_timeout=None).run(videos(sandbox, 30)), outcomes)
    assert [outcome.ok for outcome in outcomes] == [True]
    assert 7200 + 3600 <= now() < 7200 + 3600 + 100


async def test_what_was_not_sent_is_submitted_by_the_next_run(
    sandbox: Sandbox, heygen: HeyGen, journal: Path
) -> None:
    sandbox.faults.add("videos.create", Fault.status(429, retry_after=60), times=None)
    run = Batch(heygen, give_up_after=120).run(videos(sandbox, 30), key=key_of, journal=journal)
    with pytest.raises(BatchStopped):
        await keep(run, [])
    assert set(await asyncio.to_thread(states_of, journal)) == {"failed RateLimited"}
    sandbox.faults = Faults()
    again: list[Outcome[Any]] = []
    await keep(Batch(heygen).run(videos(sandbox, 30), key=key_of, journal=journal), again)
    assert [outcome.ok for outcome in again] == [True] * 30
    assert sandbox.ledger.count() == 30


async def test_a_slow_source_is_not_given_up(sandbox: Sandbox, heygen: HeyGen) -> None:
    async def slowly() -> Any:
        for video in videos(sandbox, 2):
            yield video
            await asyncio.sleep(3 * 3600)

    outcomes: list[Outcome[Any]] = []
    await keep(Batch(heygen).run(slowly()), outcomes)
    assert [outcome.ok for outcome in outcomes] == [True, True]


@pytest.mark.parametrize("seconds", [-1, float("nan")])
async def test_a_time_that_is_none_is_refused(heygen: HeyGen, seconds: float) -> None:
    with pytest.raises(Exception, match="give_up_after"):
        Batch(heygen, give_up_after=seconds)
