"""The cost of runs, and the limits that keep it within the balance."""

from __future__ import annotations

import asyncio
import logging
import re
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from heygen_async import (
    AvatarVideoRequest,
    Batch,
    BatchStopped,
    BudgetExceeded,
    HeyGen,
    InsufficientBalance,
    Outcome,
    Retry,
    Run,
    VideoAgentRequest,
)
from heygen_async.journal import ItemRecord, Totals, open_reader
from heygen_async.pricing.prices import PriceTable
from heygen_async.sandbox import Fault, Faults, Sandbox
from heygen_async.sandbox.faults.fault import Work

pytestmark = pytest.mark.anyio

TEASER = VideoAgentRequest(prompt="A teaser")
PER_SECOND = PriceTable(video_agent=0.01)


async def test_an_agent_session_costs_what_its_video_costs(
    sandbox: Sandbox, heygen: HeyGen, journal: Path
) -> None:
    async def run() -> Any:
        async with Batch(heygen, prices=PER_SECOND, max_cost=100) as batch:
            run = batch.run([TEASER], journal=journal)
            (outcome,) = [outcome async for outcome in run]
        return outcome, run.report

    outcome, report = await run()
    video = await heygen.videos.get(outcome.result.video_id)
    assert video.duration
    assert outcome.usd == pytest.approx(video.duration * 0.01)
    assert report.usd == pytest.approx(outcome.usd, abs=1e-6)
    record, totals = await asyncio.to_thread(read, journal)
    assert (record.usd, record.output_seconds) == (outcome.usd, video.duration)
    assert totals.usd == outcome.usd
    again, _ = await run()
    assert again.usd == outcome.usd


def read(journal: Path) -> tuple[ItemRecord, Totals]:
    with open_reader(journal) as reader:
        (record,) = reader.records()
        return record, reader.totals()


async def test_finished_sessions_price_the_estimate_and_not_the_reservation(
    sandbox: Sandbox, heygen: HeyGen, journal: Path
) -> None:
    teasers = [VideoAgentRequest(prompt=f"Teaser {number}") for number in range(4)]
    batch = Batch(heygen, prices=PER_SECOND)
    assert (await batch.run(teasers, journal=journal).estimate()).usd == pytest.approx(4 * 0.6)
    lengths = [one.usd * 100 async for one in batch.run(teasers[:3], journal=journal) if one.usd]
    expected = await batch.run(teasers, journal=journal).estimate()
    assert expected.usd == pytest.approx(4 * sorted(lengths)[1] / 100)
    assert (expected.usd_low, expected.usd_high) == (0, 4 * 18)
    assert (expected.left.usd_low, expected.left.usd_high) == (0, 18)  # type: ignore[union-attr]


async def made_videos(heygen: HeyGen, count: int) -> list[float]:
    """Let the Video Agent make videos, and return their lengths, the oldest first."""
    lengths = []
    for number in range(count):
        session = await heygen.video_agents.create(VideoAgentRequest(prompt=f"Made {number}"))
        lengths.append((await session.video()).duration or 0.0)
    return lengths


def asked(sandbox: Sandbox) -> list[int]:
    """Return how often sessions, and the videos of one, were listed."""
    counts = sandbox.requests.by_operation
    return [counts[f"video_agents.{name}"] for name in ("list", "videos")]


async def test_the_newest_sessions_of_the_account_price_the_estimate(
    sandbox: Sandbox, heygen: HeyGen, journal: Path
) -> None:
    lengths = await made_videos(heygen, 6)
    await heygen.video_agents.create(VideoAgentRequest(prompt="Under way"))
    batch = Batch(heygen, prices=PER_SECOND)
    typical = sum(sorted(lengths[2:])[1:3]) / 2  # the newest session has made nothing yet
    for _ in range(2):
        expected = await batch.run([TEASER] * 3, journal=journal).estimate()
        assert expected.usd == pytest.approx(3 * 0.01 * typical)
        assert (expected.usd_low, expected.usd_high, expected.unknown) == (0, 3 * 18, 3)
    assert asked(sandbox) == [1, 5]
    outcomes = [one async for one in batch.run([TEASER], journal=journal)]
    expected = await batch.run([TEASER] * 2, journal=journal).estimate()
    assert expected.usd == pytest.approx(2 * (outcomes[0].usd or 0))  # the journal has better data


async def test_nothing_but_estimates_of_agents_asks_for_their_lengths(
    sandbox: Sandbox, heygen: HeyGen
) -> None:
    await made_videos(heygen, 1)
    async with Batch(heygen, max_cost=100) as batch:
        await batch.run(videos(sandbox)).estimate()
        await collect(batch.run([TEASER]), [])
    assert asked(sandbox) == [0, 0]


@pytest.mark.parametrize("operation", ["video_agents.list", "video_agents.videos"])
@pytest.mark.parametrize(
    "fault", [Faults(status={500: 1.0}), Faults(status={404: 1.0}), Faults(status={429: 1.0})]
)
async def test_an_account_that_does_not_tell_lengths_of_agents_costs_nothing(
    sandbox: Sandbox, heygen: HeyGen, operation: str, fault: Faults
) -> None:
    await made_videos(heygen, 1)
    sandbox.faults = Faults(operations={operation: fault})
    expected = await Batch(heygen, prices=PER_SECOND).run([TEASER]).estimate()
    assert expected.usd == pytest.approx(0.6)


async def test_the_cap_counts_the_real_cost_of_a_session(sandbox: Sandbox, heygen: HeyGen) -> None:
    # 30 minutes would take 18 USD, which leaves no room for a second session.
    async with Batch(heygen, prices=PER_SECOND, max_cost=19) as batch:
        outcomes = [
            outcome
            async for outcome in batch.run([TEASER, VideoAgentRequest(prompt="Another teaser")])
        ]
    assert [outcome.ok for outcome in outcomes] == [True, True]


@pytest.mark.heygen(retry=Retry(attempts=1))
async def test_a_session_whose_video_cannot_be_asked_for_is_done_at_unknown_cost(
    sandbox: Sandbox, heygen: HeyGen, caplog: pytest.LogCaptureFixture
) -> None:
    sandbox.faults = Faults(operations={"videos.get": Faults(status={500: 1.0})})
    outcomes: list[Outcome[Any]] = []
    with caplog.at_level(logging.WARNING, "heygen_async.batch"):
        async with Batch(heygen, prices=PER_SECOND, max_cost=18) as batch:
            run = batch.run([TEASER, VideoAgentRequest(prompt="Another teaser")])
            with pytest.raises(BudgetExceeded) as exceeded:
                await collect(run, outcomes)
    assert [(outcome.ok, outcome.usd) for outcome in outcomes] == [(True, None)]
    assert exceeded.value.spent == pytest.approx(18)  # its highest possible cost
    assert "the length of its video is unknown" in caplog.text


async def collect(run: Run[Any], outcomes: list[Outcome[Any]]) -> None:
    async for outcome in run:
        outcomes += [outcome]


# The wallet. A second of an avatar's video costs as much as the sandbox's wallet holds.
DEAR = PriceTable(avatar_iv=1e5)


def videos(sandbox: Sandbox, count: int = 2) -> list[AvatarVideoRequest]:
    """Return requests for videos of about ten seconds."""
    script = "Hello to all of you out there. " * 5
    return [
        AvatarVideoRequest(avatar_id=sandbox.avatar_id, script=script, title=f"Video {number}")
        for number in range(count)
    ]


async def test_a_run_that_the_wallet_cannot_pay_for_is_refused_before_the_first_paid_call(
    sandbox: Sandbox, heygen: HeyGen, journal: Path
) -> None:
    batch = Batch(heygen, prices=DEAR, journal=journal)
    run = batch.run(videos(sandbox), key=lambda video: video.title)
    with pytest.raises(InsufficientBalance) as refused:
        await collect(run, [])
    expected = (await batch.run(videos(sandbox)).estimate()).usd_known
    assert refused.value.needed == pytest.approx(expected)
    assert refused.value.available == 100_000
    assert refused.value.not_submitted == ("Video 0", "Video 1")
    assert "100,000.00 USD" in str(refused.value)
    assert "until_empty=True" in str(refused.value)
    assert isinstance(refused.value, BudgetExceeded)
    assert sandbox.ledger.count() == 0


async def test_a_run_goes_on_until_the_account_is_empty_if_asked_to(
    sandbox: Sandbox, heygen: HeyGen, caplog: pytest.LogCaptureFixture
) -> None:
    run = Batch(heygen, prices=DEAR, until_empty=True).run(videos(sandbox))
    with caplog.at_level(logging.WARNING, "heygen_async.batch"):
        assert len([outcome async for outcome in run]) == 2
    assert "short" in caplog.text


@pytest.mark.parametrize(("max_cost", "refused"), [(90_000, False), (110_000, True)])
async def test_a_cap_below_the_balance_needs_no_more_than_itself(
    sandbox: Sandbox, heygen: HeyGen, max_cost: float, refused: bool
) -> None:
    run = Batch(heygen, prices=DEAR, max_cost=max_cost).run(videos(sandbox))
    # A run that is not refused reaches its cap instead.
    with pytest.raises(BudgetExceeded) as error:
        await collect(run, [])
    assert isinstance(error.value, InsufficientBalance) is refused


@pytest.mark.parametrize("status", [403, 404, 500])
@pytest.mark.heygen(retry=Retry(attempts=1))
async def test_an_account_that_cannot_be_asked_refuses_nothing(
    sandbox: Sandbox, heygen: HeyGen, caplog: pytest.LogCaptureFixture, status: int
) -> None:
    sandbox.faults = Faults(operations={"users.me": Faults(status={status: 1.0})})
    with caplog.at_level(logging.INFO, "heygen_async.batch"):
        outcomes = [outcome async for outcome in Batch(heygen, prices=DEAR).run(videos(sandbox))]
    assert [outcome.ok for outcome in outcomes] == [True, True]
    assert "the balance of the account is unknown" in caplog.text


async def test_what_an_earlier_run_has_paid_for_is_not_needed_again(
    sandbox: Sandbox, heygen: HeyGen, journal: Path
) -> None:
    await collect(Batch(heygen).run(videos(sandbox), journal=journal), [])
    asked = asked_for_the_account(sandbox)
    again = Batch(heygen, prices=DEAR).run(videos(sandbox), journal=journal)
    assert [outcome.resumed async for outcome in again] == [True, True]
    assert asked_for_the_account(sandbox) == asked + 1
    more = Batch(heygen, prices=DEAR).run(videos(sandbox, 3), journal=journal)
    with pytest.raises(InsufficientBalance) as refused:
        await collect(more, [])
    assert len(refused.value.not_submitted) == 1
    assert sandbox.ledger.count() == 2


async def test_an_iterator_is_not_compared_with_the_account(
    sandbox: Sandbox, heygen: HeyGen
) -> None:
    run = Batch(heygen, prices=DEAR).run(iter(videos(sandbox)))
    assert len([outcome async for outcome in run]) == 2
    assert asked_for_the_account(sandbox) == 0


def asked_for_the_account(sandbox: Sandbox) -> int:
    """Return how often the account was fetched."""
    return sandbox.requests.by_operation["users.me"]


# Runs whose items all fail.
def unknown_looks(count: int, first: str = "no-such-look") -> list[AvatarVideoRequest]:
    """Return requests for a look that does not exist; the first names another one."""
    looks = [first, *["no-such-look"] * (count - 1)]
    return [
        AvatarVideoRequest(avatar_id=look, script=f"Number {number}")
        for number, look in enumerate(looks)
    ]


async def test_a_run_stops_when_its_first_items_all_fail_alike(
    sandbox: Sandbox, heygen: HeyGen, caplog: pytest.LogCaptureFixture
) -> None:
    outcomes: list[Outcome[Any]] = []
    run = Batch(heygen, on_error="stop-if-all-fail").run(unknown_looks(100))
    with pytest.raises(BatchStopped, match="the first 20 items all failed") as stopped:
        await collect(run, outcomes)
    assert type(stopped.value.error) is type(outcomes[0].error)
    assert 20 <= len(outcomes) < 40  # requests in flight
    assert "all failed" not in caplog.text


async def test_a_run_that_is_not_to_stop_says_once_that_all_fail(
    sandbox: Sandbox, heygen: HeyGen, caplog: pytest.LogCaptureFixture
) -> None:
    run = Batch(heygen).run(unknown_looks(100))
    assert len([outcome async for outcome in run if not outcome.ok]) == 100
    assert caplog.text.count("the first 20 items all failed") == 1


@pytest.mark.heygen(jobs=1)
async def test_one_item_that_ends_otherwise_lets_the_run_go_on(
    sandbox: Sandbox, heygen: HeyGen, caplog: pytest.LogCaptureFixture
) -> None:
    requests = unknown_looks(30, first=sandbox.avatar_id)
    run = Batch(heygen, on_error="stop-if-all-fail").run(requests)
    assert [outcome.ok async for outcome in run].count(False) == 29
    assert "all failed" not in caplog.text


@pytest.mark.sandbox(durations={"video": 61.0})
async def test_jobs_that_fail_late_stop_nothing(sandbox: Sandbox, heygen: HeyGen) -> None:
    sandbox.fail_next("video", times=25)
    run = Batch(heygen, on_error="stop-if-all-fail").run(videos(sandbox, 25))
    assert [outcome.ok async for outcome in run] == [False] * 25


async def test_fewer_items_than_that_stop_nothing(sandbox: Sandbox, heygen: HeyGen) -> None:
    run = Batch(heygen, on_error="stop-if-all-fail").run(unknown_looks(19))
    assert [outcome.ok async for outcome in run] == [False] * 19


async def test_a_refused_key_is_said_once(
    sandbox: Sandbox, caplog: pytest.LogCaptureFixture
) -> None:
    async with HeyGen("sk_V2_wrong", base_url=sandbox.base_url, jobs=50) as heygen:
        with pytest.raises(BatchStopped):
            await collect(Batch(heygen).run(unknown_looks(100)), [])
    assert "all failed" not in caplog.text


ODD = [b'"12.5"', b'"NaN"', b"1e308", b"-5", b"0", b"[]"]


def with_duration(duration: bytes) -> Fault:
    """Answer with another length."""

    async def play(request: web.BaseRequest, work: Work) -> web.Response:
        answer = await work()
        body = re.sub(rb'"duration": ?[0-9.]+', b'"duration": ' + duration, answer.body)
        return web.Response(body=body, status=answer.status, content_type="application/json")

    return Fault("duration", play)


@pytest.mark.parametrize("duration", ODD)
async def test_a_length_that_cannot_be_true_costs_no_result(
    sandbox: Sandbox, heygen: HeyGen, journal: Path, duration: bytes
) -> None:
    names = ["French (France)", "German (Germany)", "Polish (Poland)"]
    sandbox.faults.add("video_translations.get", with_duration(duration), times=None)
    told = {b'"12.5"': 12.5, b"0": 0.0}.get(duration)
    for resumed in (False, True):
        outcomes: list[Outcome[Any]] = []
        async with Batch(heygen, max_cost=1000, measure=False) as batch:
            run = batch.translate("https://example.com/a.mp4", names, journal=journal)
            await collect(run, outcomes)
        assert [(one.ok, one.resumed) for one in outcomes] == [(True, resumed)] * 3
        assert {one.usd for one in outcomes} == {None if told is None else told * 0.0333}
    # Without a length each has reserved the longest, and counts as that in later runs too.
    async with Batch(heygen, max_cost=100, measure=False) as batch:
        with pytest.raises(BudgetExceeded) if told is None else nullcontext():
            await collect(
                batch.translate("https://example.com/a.mp4", [*names, "Hindi"], journal=journal), []
            )
