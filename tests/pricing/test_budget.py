"""The budget: the cap holds, and items without room now may have room later."""

from __future__ import annotations

import asyncio
import datetime
import pickle
import random
import re
from dataclasses import dataclass
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from heygen_async.errors import BudgetExceeded, ConfigurationError
from heygen_async.pricing.async_budget import AsyncBudget
from heygen_async.pricing.budget import Budget, MustWait, Reservation
from heygen_async.pricing.estimates import Estimate

QUICK = settings(max_examples=200, deadline=None, database=None)
AS_OF = datetime.date(2026, 6, 30)


def known(usd: float, high: float | None = None) -> Estimate:
    """Return charges of a known length, or between half of it and ``high``."""
    return Estimate(
        usd=usd,
        usd_low=usd if high is None else usd / 2,
        usd_high=usd if high is None else high,
        usd_known=usd,
        seconds=None,
        basis="",
        as_of=AS_OF,
    )


def unknown(longest: float | None) -> Estimate:
    """Return charges of unknown length; without a price for None."""
    return Estimate(
        usd=None,
        usd_low=0,
        usd_high=longest,
        usd_known=0,
        unknown=1,
        seconds=None,
        basis="",
        as_of=AS_OF,
    )


def dub(usd: float, overrun: float) -> Estimate:
    """Return charges of an output that may be longer than its source."""
    return msgspec.structs.replace(known(usd), overrun=overrun)


def test_a_budget_refuses_what_would_pass_the_cap_and_says_so() -> None:
    budget = Budget(max_cost=0.3)
    for _ in range(3):  # 0.1 + 0.1 + 0.1 > 0.3 in floats
        budget.reserve(known(0.1))
    with pytest.raises(BudgetExceeded) as caught:
        budget.reserve(known(0.0001))
    error = caught.value
    assert not isinstance(error, MustWait)
    assert (error.max_cost, error.max_jobs, error.spent, error.reserved) == (0.3, None, 0, 0.3)
    assert error.not_submitted == ()
    assert "estimate at prices of 2026-06-30" in str(error)
    assert budget.reserved == 0.3
    error.not_submitted = ("a", "b")
    copy = pickle.loads(pickle.dumps(error))
    assert vars(copy) == vars(error)
    assert str(copy) == str(error)
    budget.reserve(known(0))  # a test render is free


def test_what_a_job_did_not_use_is_room_for_others() -> None:
    budget = Budget(max_cost=10)
    first, second = budget.reserve(known(6)), budget.reserve(known(4))
    budget.settle(first, 2.5)
    budget.release(second)
    assert (budget.spent, budget.reserved, budget.jobs) == (2.5, 0, 1)
    budget.reserve(known(7.5))
    with pytest.raises(BudgetExceeded):
        budget.reserve(known(0.01))


def test_max_jobs_counts_what_was_submitted_and_not_what_was_released() -> None:
    budget = Budget(max_jobs=2)
    budget.settle(budget.reserve(known(1)), 0)
    released = budget.reserve(known(1))
    budget.release(released)
    budget.reserve(known(1))
    with pytest.raises(BudgetExceeded, match="max_jobs"):
        budget.reserve(known(0))


def test_a_script_reserves_the_upper_end_and_waits_for_what_others_leave() -> None:
    budget = Budget(max_cost=10)
    first = budget.reserve(known(6, high=8))
    assert (first.amount, budget.reserved) == (8, 8)
    # The first costs 3 at least, so that 7 may become free, and never 7.5.
    with pytest.raises(MustWait, match=r"no room for a job of 3\.00 USD"):
        budget.reserve(known(3))
    with pytest.raises(BudgetExceeded) as caught:
        budget.reserve(known(7.5))
    assert not isinstance(caught.value, MustWait)
    budget.settle(first, 6)
    budget.reserve(known(3))


def test_a_dub_reserves_what_it_may_be_longer_and_starts_where_it_fits_without() -> None:
    budget = Budget(max_cost=10)
    first = budget.reserve(dub(3, overrun=3))
    second = budget.reserve(dub(3, overrun=3))
    assert (first.amount, budget.reserved) == (6, 12)
    with pytest.raises(MustWait):
        budget.reserve(known(0.01))
    budget.settle(first, 4)  # longer than estimated, as the other one may be
    with pytest.raises(MustWait):
        budget.reserve(dub(1, overrun=1))
    budget.settle(second, 3)
    third = budget.reserve(dub(3, overrun=3))
    budget.settle(third, 3.1)
    assert budget.spent == 10.1


def test_unknown_jobs_reserve_the_longest_and_start_alone_where_it_does_not_fit() -> None:
    budget = Budget(max_cost=100)
    first = budget.reserve(unknown(60))
    assert (first.amount, budget.reserved) == (60, 60)
    with pytest.raises(MustWait):
        budget.reserve(unknown(60))
    second = budget.reserve(unknown(40))  # fits
    budget.release(second)
    budget.reserve(known(40))
    budget.settle(first, 2)
    # 58 are left: the next one does not fit, and may start, since it is alone.
    alone = budget.reserve(unknown(60))
    assert budget.reserved == 100
    assert budget.spent + budget.reserved > 100
    for estimate in (unknown(1), unknown(60)):
        with pytest.raises(MustWait):
            budget.reserve(estimate)
    budget.settle(alone, 58.5)
    with pytest.raises(BudgetExceeded) as caught:
        budget.reserve(unknown(1))
    assert not isinstance(caught.value, MustWait)


def test_an_actual_cost_that_stays_unknown_counts_at_the_longest() -> None:
    budget = Budget(max_cost=5)
    budget.settle(budget.reserve(unknown(60)), None)
    assert (budget.spent, budget.reserved) == (60, 0)


def test_jobs_without_a_price_start_one_by_one_and_count_nothing() -> None:
    budget = Budget(max_cost=5)
    for _ in range(3):
        reservation = budget.reserve(unknown(None))
        assert reservation.amount == 0
        with pytest.raises(MustWait):
            budget.reserve(unknown(None))
        budget.settle(reservation, None)
    assert budget.spent == 0
    with pytest.raises(BudgetExceeded):
        Budget(max_cost=0).reserve(unknown(None))


@pytest.mark.parametrize("max_cost", [0, 3])
def test_an_unknown_job_needs_some_room(max_cost: float) -> None:
    budget = Budget(max_cost=max_cost, spent=max_cost)
    budget.reserve(known(0))
    with pytest.raises(BudgetExceeded) as caught:
        budget.reserve(unknown(1))
    assert not isinstance(caught.value, MustWait)


def test_a_resumed_run_counts_what_is_in_flight_once() -> None:
    budget = Budget(max_cost=10, max_jobs=6)
    budget.carry_over(2, 3, in_flight=[5, 1])
    assert (budget.spent, budget.reserved, budget.jobs) == (2, 6, 5)
    # Amounts that were carried over may never be freed, so items do not wait for them.
    with pytest.raises(BudgetExceeded) as caught:
        budget.reserve(known(3))
    assert not isinstance(caught.value, MustWait)
    again = budget.reserve(known(4), submitted=True, amount=5)
    assert (again.amount, budget.reserved, budget.jobs) == (5, 6, 5)
    budget.settle(again, 3)
    assert (budget.spent, budget.reserved, budget.jobs) == (5, 1, 5)
    budget.reserve(known(4))
    with pytest.raises(BudgetExceeded, match="max_jobs"):
        budget.reserve(known(0))
    budget.reserve(known(1), submitted=True)  # never refused
    assert (budget.spent, budget.reserved, budget.jobs) == (5, 5, 6)


def test_what_was_carried_over_is_waited_for_while_others_are_in_flight() -> None:
    """Resume an amount whose item is usually in the run and comes soon."""
    budget = Budget(max_cost=10)
    budget.carry_over(0, 0, in_flight=[6, 3])
    first = budget.reserve(known(6), submitted=True, amount=6)
    with pytest.raises(MustWait):
        budget.reserve(known(4))
    budget.settle(budget.reserve(known(3), submitted=True, amount=3), 1)
    budget.reserve(known(3))
    budget.settle(first, 6)


def test_amounts_that_were_not_recorded_count_as_much_as_the_job_that_asks() -> None:
    budget = Budget(max_cost=10)
    budget.carry_over(0, 0, [None, None])
    assert (budget.reserved, budget.jobs) == (0, 2)
    with pytest.raises(BudgetExceeded):
        budget.reserve(known(4))
    budget.reserve(known(3))
    budget.reserve(known(4), submitted=True)
    assert (budget.reserved, budget.jobs) == (7, 3)


def test_a_job_set_aside_stays_reserved_and_is_taken_up_again() -> None:
    budget = Budget(max_cost=10)
    budget.set_aside(budget.reserve(unknown(60)))
    assert (budget.reserved, budget.jobs) == (60, 1)
    with pytest.raises(BudgetExceeded):
        budget.reserve(known(1))
    budget.settle(budget.reserve(unknown(60), submitted=True), 4)
    assert (budget.spent, budget.reserved, budget.jobs) == (4, 0, 1)


def test_a_reservation_is_settled_once_and_in_its_own_budget() -> None:
    budget = Budget(max_cost=10)
    reservation = budget.reserve(known(1))
    with pytest.raises(ValueError, match="not open"):
        Budget().settle(reservation, 1)
    for amount in (-1.0, float("nan"), float("inf")):
        with pytest.raises(ValueError, match="0 USD or more"):
            budget.settle(reservation, amount)
    budget.settle(reservation, 1)
    with pytest.raises(ValueError, match="not open"):
        budget.settle(reservation, 1)
    with pytest.raises(ValueError, match="not open"):
        budget.release(reservation)
    assert (budget.spent, budget.reserved, budget.jobs) == (1, 0, 1)


def test_a_journal_is_met_once() -> None:
    budget = Budget()
    assert budget.meets("a.db")
    assert not budget.meets("a.db")
    assert budget.meets("b.db")


def test_warnings_come_once_at_half_and_at_four_fifths() -> None:
    heard: list[str] = []
    budget = Budget(max_cost=10, warn=heard.append)
    first = budget.reserve(known(4.9))
    assert heard == []
    second = budget.reserve(known(0.1))
    assert heard == [
        "50% of max_cost is spent or reserved; estimate at prices of 2026-06-30: 0.00 USD spent "
        "and 5.00 USD reserved of at most 10.00 USD; jobs: 2"
    ]
    budget.release(second)
    budget.reserve(known(0.1))
    budget.settle(first, 7.9)
    assert [text[:3] for text in heard] == ["50%", "80%"]
    budget.reserve(known(1))
    assert len(heard) == 2


@pytest.mark.parametrize(("spent", "expected"), [(0, ["80%"]), (5, ["80%"]), (8, []), (12, [])])
def test_a_jump_warns_once_and_what_was_spent_before_is_not_said_again(
    spent: float, expected: list[str]
) -> None:
    heard: list[str] = []
    budget = Budget(max_cost=10, spent=spent, warn=heard.append)
    budget.reserve(known(9), submitted=True)
    assert [text[:3] for text in heard] == expected


def test_a_budget_without_a_cap_only_counts() -> None:
    heard: list[str] = []
    budget = Budget(warn=heard.append)
    for _ in range(3):
        budget.reserve(unknown(60))
    budget.settle(budget.reserve(known(1_000_000)), 2_000_000)
    assert heard == []
    assert str(budget) == (
        "estimate at prices of 2026-06-30: 2,000,000.00 USD spent and 180.00 USD reserved; jobs: 4"
    )


@pytest.mark.parametrize("name", ["max_cost", "max_jobs", "spent", "jobs"])
@pytest.mark.parametrize("figure", [-1, float("nan"), float("inf")])
def test_a_budget_of_nonsense_is_refused(name: str, figure: Any) -> None:
    with pytest.raises(ConfigurationError, match=re.escape(f"{name}: expected 0 or more")):
        Budget(**{name: figure})


# Any lengths, orders, failures and kills


@dataclass(frozen=True)
class Item:
    """The estimate of one item, and its cost unless it fails."""

    estimate: Estimate
    actual: float
    fails: bool


@st.composite
def items(draw: st.DrawFn) -> Item:
    kind = draw(st.sampled_from(["known", "script", "dub", "unknown"]))
    usd = draw(st.floats(0.01, 8))
    fails = draw(st.booleans())
    if kind == "known":
        return Item(known(usd), usd, fails)
    if kind == "script":
        return Item(known(usd, high=usd * 4 / 3), usd * draw(st.floats(0.5, 4 / 3)), fails)
    if kind == "dub":
        share = draw(st.floats(0, 1))
        return Item(dub(usd, usd * share), usd * draw(st.floats(0, 1 + share)), fails)
    longest = draw(st.floats(1, 60))
    return Item(unknown(longest), longest * draw(st.floats(0, 1)), fails)


@dataclass
class Ledger:
    """The view of HeyGen: accepted jobs, and paid amounts."""

    jobs: int = 0
    paid: float = 0.0


@QUICK
@given(
    work=st.lists(items(), min_size=1, max_size=30),
    cap=st.floats(0, 60),
    max_jobs=st.none() | st.integers(0, 20),
    concurrency=st.integers(1, 8),
    seed=st.integers(0, 2**32),
    kills=st.integers(0, 4),
)
def test_the_spending_is_at_most_the_cap_and_one_job(
    work: list[Item], cap: float, max_jobs: int | None, concurrency: int, seed: int, kills: int
) -> None:
    chance = random.Random(seed)
    ledger = Ledger()
    done: dict[int, float] = {}  # cost of the finished items, as a journal has them
    in_flight: dict[int, float] = {}  # amount that the items in flight reserve
    for lives in range(kills, -1, -1):
        budget = Budget(cap, max_jobs)
        budget.carry_over(sum(done.values()), len(done), in_flight.values())
        running: dict[int, Reservation] = {}
        waiting = [index for index in range(len(work)) if index not in done]
        chance.shuffle(waiting)
        steps = chance.randint(1, 40) if lives else 10_000
        while steps and (waiting or running):
            steps -= 1
            if waiting and len(running) < concurrency and chance.random() < 0.7:
                index = waiting.pop(0)
                item = work[index]
                if index in in_flight:
                    running[index] = budget.reserve(
                        item.estimate, submitted=True, amount=in_flight[index]
                    )
                    continue
                try:
                    running[index] = budget.reserve(item.estimate)
                except MustWait:
                    assert running  # or it would wait for ever
                    waiting.insert(0, index)
                    if len(running) < concurrency and chance.random() < 0.5:
                        continue
                except BudgetExceeded:
                    continue
                else:
                    in_flight[index] = running[index].amount
                    ledger.jobs += 1
                    continue
            if running:
                index = chance.choice(sorted(running))
                item, reservation = work[index], running.pop(index)
                if chance.random() < 0.1:  # abandoned; it continues at HeyGen
                    budget.set_aside(reservation)
                    continue
                cost = 0.0 if item.fails else item.actual
                ledger.paid += cost
                budget.settle(reservation, cost)
                done[index] = cost
                del in_flight[index]
        counted = len(done) + len(in_flight)
        assert budget.jobs == counted == ledger.jobs
    # Jobs in flight are paid for as well.
    ledger.paid += sum(work[index].actual for index in in_flight)
    assert ledger.jobs <= (len(work) if max_jobs is None else max_jobs)
    assert ledger.paid <= cap + max(item.actual for item in work) + 1e-6


@QUICK
@given(
    cap=st.floats(0, 100),
    steps=st.lists(
        st.tuples(
            st.sampled_from(["reserve", "settle", "release"]), st.floats(0, 20), st.floats(0, 1)
        )
    ),
)
def test_jobs_of_known_length_never_pass_the_cap(
    cap: float, steps: list[tuple[str, float, float]]
) -> None:
    budget = Budget(max_cost=cap)
    reservations: list[Reservation] = []
    for action, amount, share in steps:
        if action == "reserve":
            before = budget.reserved
            try:
                reservations.append(budget.reserve(known(amount)))
            except BudgetExceeded:
                assert budget.reserved == before
                assert budget.spent + before + amount > cap - 1e-8
        elif reservations:
            reservation = reservations.pop(int(share * (len(reservations) - 1)))
            if action == "settle":
                budget.settle(reservation, reservation.amount * share)
            else:
                budget.release(reservation)
        assert budget.spent + budget.reserved <= cap + 1e-8
        assert budget.reserved == pytest.approx(sum(r.amount for r in reservations), abs=1e-6)


@QUICK
@given(data=st.data(), jobs=st.lists(items(), max_size=12))
def test_the_order_in_which_jobs_end_makes_no_difference(
    data: st.DataObject, jobs: list[Item]
) -> None:
    spent = set()
    for order in (jobs, data.draw(st.permutations(jobs))):
        budget = Budget()
        reserved = [(budget.reserve(job.estimate), job.actual) for job in order]
        for reservation, actual in data.draw(st.permutations(reserved)):
            budget.settle(reservation, actual)
        assert budget.reserved == 0
        assert budget.jobs == len(jobs)
        spent.add(budget.spent)
    assert len(spent) == 1


# Waiting for room


@pytest.mark.anyio
async def test_whoever_waits_gets_room_in_the_order_of_arrival() -> None:
    budget = AsyncBudget(max_cost=10)
    running, most, order = 0, 0, []

    async def work(number: int) -> None:
        nonlocal running, most
        reservation = await budget.room(unknown(60))
        order.append(number)
        running += 1
        most = max(most, running)
        await asyncio.sleep(60)
        running -= 1
        budget.settle(reservation, 0.5)

    await asyncio.gather(*(work(number) for number in range(10)))
    assert (order, most) == (list(range(10)), 1)
    assert (budget.spent, budget.reserved, budget.jobs) == (5, 0, 10)


@pytest.mark.anyio
async def test_those_who_wait_learn_that_there_will_be_no_room() -> None:
    budget = AsyncBudget(max_cost=10)
    first = await budget.room(unknown(60))
    waiting = [asyncio.ensure_future(budget.room(unknown(60))) for _ in range(3)]
    await asyncio.sleep(1)
    assert not any(task.done() for task in waiting)
    budget.settle(first, 12)
    ends = await asyncio.gather(*waiting, return_exceptions=True)
    assert [type(end) for end in ends] == [BudgetExceeded] * 3


@pytest.mark.anyio
@pytest.mark.parametrize("end", ["release", "set_aside"])
async def test_room_comes_free_in_other_ways_and_a_cancelled_item_holds_nobody_up(
    end: str,
) -> None:
    budget = AsyncBudget(max_cost=100)
    first = await budget.room(unknown(90))
    waiting = [asyncio.ensure_future(budget.room(unknown(90))) for _ in range(2)]
    await asyncio.sleep(1)
    waiting[0].cancel()
    getattr(budget, end)(first)
    await asyncio.sleep(1)
    assert waiting[0].cancelled()
    assert waiting[1].done()
    assert (await waiting[1]).amount == 90


def test_a_budget_serves_one_event_loop_after_another() -> None:
    budget = AsyncBudget(max_cost=10)

    async def contend() -> None:
        first = await budget.room(unknown(60))
        waiting = asyncio.ensure_future(budget.room(unknown(60)))
        await asyncio.sleep(0)
        budget.settle(first, 1)
        budget.settle(await waiting, 1)

    asyncio.run(contend())
    asyncio.run(contend())
    assert budget.spent == 4
