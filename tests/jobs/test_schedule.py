from __future__ import annotations

import math
import random
import statistics
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from heygen_async.jobs import schedule
from heygen_async.jobs.schedule import BULK, LONGEST, LONGEST_FIRST, TICK, Durations, time_left

seconds = st.floats(min_value=0, max_value=1e7)
positive = st.floats(min_value=1e-3, max_value=1e6)


def learned(median: float = 120.0, sigma: float = 0.5, count: int = 200) -> Durations:
    chance = random.Random(1)
    durations = Durations(90.0)
    for _ in range(count):
        ended = median * math.exp(sigma * chance.gauss(0, 1))
        durations.learn(ended - 1, ended + 1)
    return durations


@settings(deadline=None)
@given(expected=positive, ages=st.lists(seconds, min_size=1, max_size=30))
def test_the_next_look_is_always_a_bounded_time_away(expected: float, ages: list[float]) -> None:
    until = Durations(expected).until_poll(ages)
    assert 0 < until <= LONGEST_FIRST


@settings(deadline=None)
@given(pairs=st.lists(st.tuples(seconds, seconds), max_size=40), age=seconds)
def test_whatever_is_learned_the_arithmetic_holds(
    pairs: list[tuple[float, float]], age: float
) -> None:
    durations = Durations(90.0)
    for since, until in pairs:
        durations.learn(since, until)
    assert 0 < durations.median < math.inf
    assert 0 <= durations.hazard(age) < math.inf
    assert 0 < durations.until_poll([age]) <= LONGEST_FIRST


@settings(deadline=None)
@given(
    looks=st.lists(
        st.tuples(st.floats(0, 1e4), st.integers(0, 1000), st.integers(1, 10)), max_size=50
    )
)
def test_the_tick_of_many_jobs_stays_within_its_bounds(
    looks: list[tuple[float, int, int]],
) -> None:
    durations = Durations(1e-3)
    for interval, found, requests in looks:
        durations.polled(interval, found, requests)
    assert 0.2 <= durations.until_poll([100.0] * 15) <= TICK


def test_three_jobs_teach_enough() -> None:
    durations = Durations(600.0)
    for _ in range(2):
        durations.learn(18, 22)
    assert durations.median == pytest.approx(600)
    durations.learn(18, 22)
    assert durations.median == pytest.approx(20, rel=0.02)


def test_median_and_spread_are_learned() -> None:
    durations = learned()
    assert durations.median == pytest.approx(120, rel=0.1)
    assert durations.quantile(-1) == pytest.approx(120 * math.exp(-0.5), rel=0.1)


def test_what_has_changed_is_learned_anew() -> None:
    durations = Durations(90.0)
    for ended in [500.0] * 50 + [50.0] * 200:
        durations.learn(ended, ended)
    assert durations.median == pytest.approx(50)


def test_rough_looks_teach_what_close_ones_do() -> None:
    """A job found done at its first poll is not assumed to have ended halfway."""
    chance = random.Random(2)
    durations = Durations(90.0)
    for _ in range(200):
        ended = 120 * math.exp(0.5 * chance.gauss(0, 1))
        edges = [0.0, 60.0, *range(90, 2_000, 30)]
        durations.learn(
            max(edge for edge in edges if edge < ended),
            min(edge for edge in edges if edge >= ended),
        )
    assert durations.median == pytest.approx(120, rel=0.1)
    assert math.log(durations.quantile(1) / durations.median) == pytest.approx(0.5, abs=0.1)


@pytest.mark.parametrize(
    ("since", "until"), [(0.0, 60.0), (30.0, 60.0), (60.0, 400.0), (90.0, 3_000.0), (1.0, 3.0)]
)
def test_a_job_counts_as_the_median_of_what_ends_between_two_looks(
    since: float, until: float
) -> None:
    guess = statistics.NormalDist(math.log(90), 1.2)
    low = guess.cdf(math.log(since)) if since else 0.0
    middle = guess.inv_cdf((low + guess.cdf(math.log(until))) / 2)
    durations = Durations(90.0)
    for _ in range(3):
        durations.learn(since, until)
    assert durations.median == pytest.approx(math.exp(middle), rel=1e-5)


def test_where_the_guess_knows_nothing_a_job_counts_as_having_ended_halfway() -> None:
    durations = Durations(1e-3)
    for _ in range(3):
        durations.learn(1e6, 3e6)
    assert durations.median == pytest.approx(2e6)


def test_looks_in_the_wrong_order_count_as_one() -> None:
    durations = Durations(90.0)
    for _ in range(3):
        durations.learn(50.0, 40.0)
    assert durations.median == pytest.approx(40)


def test_the_usual_spread_counts_like_three_jobs_more() -> None:
    durations = Durations(90.0)
    for ended in (100.0, 200.0, 400.0):
        durations.learn(ended, ended)
    assert durations.median == pytest.approx(200)
    spread = math.sqrt((2 * math.log(2) ** 2 + 3 * 0.5**2) / (2 + 3))
    assert durations.quantile(2) == pytest.approx(200 * math.exp(2 * spread))


@pytest.mark.parametrize("age", [5.0, 60.0, 120.0, 1_000.0, 20_000.0])
def test_the_hazard_is_that_of_a_lognormal_distribution(age: float) -> None:
    guess = statistics.NormalDist(math.log(120), 1.2)
    density = guess.pdf(math.log(age)) / age
    assert Durations(120.0).hazard(age) == pytest.approx(density / (1 - guess.cdf(math.log(age))))


def test_the_hazard_is_the_share_that_ends_per_second() -> None:
    durations = learned()
    chance = random.Random(3)
    drawn = [durations.quantile(chance.gauss(0, 1)) for _ in range(60_000)]
    for age in (60.0, 120.0, 240.0):
        running = sum(one > age for one in drawn)
        ended = sum(age < one <= age + 2 for one in drawn)
        assert durations.hazard(age) == pytest.approx(ended / running / 2, rel=0.2)


def test_the_hazard_far_out_goes_on_smoothly() -> None:
    durations = learned()
    edge = durations.quantile(6.0)
    assert durations.hazard(edge * 0.999) == pytest.approx(durations.hazard(edge * 1.001), rel=0.05)


def test_a_single_job_is_first_looked_at_when_one_in_ten_is_done() -> None:
    durations = learned()
    first = durations.until_first_poll(0.0, 1)
    assert first == pytest.approx(120 * math.exp(-1.28 * 0.5), rel=0.1)
    # No poll before it, although it is more than a minute away.
    assert first > LONGEST
    assert durations.until_poll([0.0]) == first
    assert durations.until_poll([first + 0.1]) < LONGEST / 2


def test_a_job_that_will_be_announced_is_swept_when_one_in_ten_is_overdue() -> None:
    durations = learned()
    first = durations.quantile(-1.2816)
    assert durations.until_safety_poll(0.0) == first == pytest.approx(63, rel=0.1)
    assert durations.until_safety_poll(10.0) == pytest.approx(first - 10)
    assert durations.until_safety_poll(first + 5) == 0
    assert Durations(1e6).until_safety_poll(0.0) == LONGEST_FIRST


def test_a_guess_is_not_believed_for_ever() -> None:
    assert Durations(1e6, guessed=False).until_poll([0.0]) == LONGEST_FIRST


def test_a_guess_of_ours_is_checked_on_early() -> None:
    durations = Durations(600.0)
    age, ages = 0.0, []
    while age < 100:
        age += durations.until_poll([age])
        ages.append(age)
    assert ages == pytest.approx([10, 20, 40, 80, durations.quantile(-1.2816)], rel=1e-3)


def test_many_jobs_are_looked_at_from_the_start_while_nothing_is_learned() -> None:
    assert Durations(600.0).until_poll([0.0] * BULK) == TICK
    assert Durations(600.0).until_poll([1.5] * BULK) == pytest.approx(TICK - 1.5)
    assert learned().until_poll([0.0] * BULK) > 30
    three = learned(count=3)
    assert three.until_poll([0.0] * BULK) == three.quantile(-2.0537) > 30


@pytest.mark.parametrize("count", [1, 2, 4])
def test_the_interval_balances_looks_and_delay(count: int) -> None:
    durations = learned()
    # A poll is worth 1.4 s of delay, and serves all of them.
    best = math.sqrt(2 * 1.4 / count / (count * durations.hazard(150.0)))
    assert TICK < best < LONGEST
    assert durations.until_poll([150.0] * count) == pytest.approx(best)


def test_ten_jobs_are_many_and_nine_are_a_handful() -> None:
    durations = learned()
    fiftieth = durations.quantile(-2.0537)
    assert durations.until_poll([0.0] * 10) == fiftieth
    assert durations.until_poll([5.0] * 10) == pytest.approx(fiftieth - 5)
    assert durations.until_poll([0.0] * 9) == durations.quantile(-1.2816)
    # The oldest one is polled first.
    assert durations.until_poll([5.0, 0.0]) == pytest.approx(durations.quantile(-1.2816) - 5)
    assert durations.until_poll([1_000.0] + [0.0] * 9) == 1.25 * TICK
    assert durations.until_poll([1_000.0] + [0.0] * 14) == TICK


def test_company_shortens_the_interval() -> None:
    durations = learned()
    intervals = [durations.until_poll([150.0] * count) for count in (1, 3, 9)]
    assert intervals == sorted(intervals, reverse=True)
    assert intervals[0] > 3 * intervals[2]


def test_the_tick_shrinks_where_many_end_and_grows_back() -> None:
    durations = learned()
    old = [200.0] * 50
    durations.polled(TICK, found=40, requests=1)
    assert durations.until_poll(old) == pytest.approx(TICK / 4)
    for tick in (TICK / 2, TICK, TICK):
        durations.polled(durations.until_poll(old), found=0, requests=1)
        assert durations.until_poll(old) == pytest.approx(tick)


def test_more_than_four_jobs_found_by_a_request_begin_a_burst() -> None:
    durations = learned()
    durations.polled(TICK, found=8, requests=2)
    assert durations.until_poll([200.0] * 500) == TICK
    durations.polled(TICK, found=10, requests=2)
    assert durations.until_poll([200.0] * 500) == pytest.approx(TICK * 2 / 5)


def test_the_tick_aims_at_two_jobs_found_by_each_request_of_a_burst() -> None:
    durations = learned()
    durations.polled(TICK, found=16, requests=2)
    burst = durations.until_poll([200.0] * 500)
    assert burst == pytest.approx(TICK / 4)
    durations.polled(burst, found=4, requests=2)
    assert durations.until_poll([200.0] * 500) == pytest.approx(burst)


def test_a_look_out_of_turn_does_not_hurry_the_next_ones() -> None:
    durations = learned()
    durations.polled(0.0, found=0, requests=1)
    assert durations.until_poll([200.0] * 50) == TICK


def test_a_simulated_single_job_meets_its_goal() -> None:
    """Return the requests: the submission, and each poll; the last one is the final fetch."""
    chance = random.Random(4)
    durations = learned()
    requests, delays = 0, []
    for _ in range(2_000):
        ends = 120 * math.exp(0.5 * chance.gauss(0, 1))
        age, requests = 0.0, requests + 1
        while age < ends:
            age, requests = age + durations.until_poll([age]), requests + 1
        delays.append(age - ends)
    assert requests / 2_000 <= 8
    assert statistics.fmean(delays) <= 10


def test_the_normal_distribution_is_that_of_the_library() -> None:
    normal = statistics.NormalDist()
    for z in (-5.5, -1.2816, -0.1, 0.0, 0.7, 2.0537, 5.5):
        assert schedule.normal_below(z) == pytest.approx(normal.cdf(z), rel=1e-9)
        share = normal.cdf(z)
        assert schedule.normal_quantile(share) == pytest.approx(normal.inv_cdf(share), abs=1e-6)


@given(share=st.floats(min_value=1e-9, max_value=1 - 1e-9))
def test_the_quantile_is_found_at_both_ends(share: float) -> None:
    expected = statistics.NormalDist().inv_cdf(share)
    assert schedule.normal_quantile(share) == pytest.approx(expected, abs=1e-6)


def test_sums_that_run_stay_exact_over_a_long_run() -> None:
    chance = random.Random(1)
    durations = Durations(90.0)
    logs: list[float] = []
    for number in range(5_000):
        # From minutes to seconds: what is left of the long ones would spoil the short ones.
        seconds = math.exp(chance.gauss(8.0 if number < 2_500 else 0.0, 0.1))
        durations.learn(seconds, seconds)
        logs = [*logs, math.log(seconds)][-200:]
    mu = math.fsum(logs) / 200
    sigma = math.sqrt((math.fsum((log - mu) ** 2 for log in logs) + 3 * 0.25) / 202)
    assert math.log(durations.median) == pytest.approx(mu, abs=1e-9)
    spread = math.log(durations.quantile(1.0)) - math.log(durations.median)
    assert spread == pytest.approx(sigma, abs=1e-9)


def left(**changes: float | None) -> float | None:
    given: dict[str, Any] = {
        "waiting": 90,
        "running": 10,
        "at_once": 10,
        "ended": 0,
        "elapsed": 5.0,
        "job_seconds": 60.0,
        "youngest": 0.0,
    }
    return time_left(**{**given, **changes})


@pytest.mark.parametrize(
    ("changes", "seconds"),
    [
        ({}, 9 * 60 + 60),  # the last job starts when the others have passed ten slots
        ({"youngest": 20.0}, 9 * 60 + 40),
        ({"waiting": 0, "youngest": 20.0}, 40),
        ({"waiting": 0, "youngest": 54.0}, 6),
        ({"waiting": 0, "youngest": 90.0}, 6),  # what is overdue ends soon
        ({"at_once": 5}, 90 * 12 + 60),
        ({"ended": 9, "elapsed": 50.0}, 600),  # too few to tell a rate
        ({"ended": 10, "elapsed": 50.0}, 500),
        ({"ended": 1, "elapsed": 50.0, "job_seconds": None}, 5000),
        ({"ended": 1, "elapsed": 50.0, "job_seconds": 0.0}, 5000),
        ({"job_seconds": None}, None),
        ({"job_seconds": 0.0}, None),
        ({"waiting": 0, "running": 0}, 0),
        ({"waiting": 0, "running": 0, "job_seconds": None}, 0),
        ({"waiting": 0, "running": 1, "job_seconds": None}, None),
        ({"waiting": 1, "running": 0, "at_once": 1}, 120),
    ],
)
def test_the_time_left_is_known_before_the_first_end(
    changes: dict[str, float | None], seconds: float | None
) -> None:
    assert left(**changes) == (None if seconds is None else pytest.approx(seconds))
