"""The state of a watched job under any sequence of events."""

from __future__ import annotations

import itertools
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heygen_async.jobs.watch_state import MIN_INTERVAL, Phase, WatchState

REPORTS = ("notified", "reported", "listed", "unlisted", "request_detail")
ANSWERS = ("running", "request_failed", "incomplete", "missing")
events = st.lists(
    st.tuples(st.sampled_from((*REPORTS, *ANSWERS, "sleep")), st.sampled_from([0.0, 0.3, 2, 70])),
    max_size=80,
)


def answer(state: WatchState, kind: str, now: float) -> bool:
    """Apply an answer to the request in flight; return whether the watching ends."""
    if kind == "missing":
        return state.missing(now, 60.0)
    if kind == "incomplete":
        return state.incomplete(now)
    if kind == "request_failed":
        state.request_failed(now, 0.0)
    else:
        state.running(now)
    return False


@given(events=events)
def test_requests_stay_apart_and_no_phase_is_a_dead_end(events: list[tuple[str, float]]) -> None:
    state, now, requested = WatchState(), 0.0, list[float]()
    for event, seconds in events:
        now += seconds
        if state.detail_due <= now and not state.requesting:
            requested.append(now)
            state.requested(now)
        if event in ANSWERS and state.requesting:
            if answer(state, event, now):
                break
        elif event == "listed":
            state.listed()
        elif event in REPORTS:
            getattr(state, event)(now)
        assert state.awaits_detail or state.phase is Phase.RUNNING
        if state.detail_due < math.inf:
            assert state.detail_due <= now + 60.0
            assert not state.requesting
    gaps = [later - earlier for earlier, later in itertools.pairwise(requested)]
    assert min(gaps, default=math.inf) >= MIN_INTERVAL


def due_after(state: WatchState, kind: str, count: int) -> list[float]:
    """Return the intervals between requests whose answers are all alike."""
    now, intervals = state.detail_due, list[float]()
    for _ in range(count):
        state.requested(now)
        if answer(state, kind, now) or not state.awaits_detail:
            break
        intervals.append(state.detail_due - now)
        now = state.detail_due
    return intervals


def test_a_lagging_detail_is_requested_ever_more_slowly() -> None:
    state = WatchState()
    assert state.reported(5.0) is True
    assert state.reported(5.0) is False
    assert due_after(state, "running", 9) == [1, 2, 4, 8, 16, 32, 60, 60, 60]


def test_a_notification_that_does_not_prove_true_is_followed_for_a_while() -> None:
    state = WatchState()
    state.notified(5.0)
    state.notified(5.0)
    assert due_after(state, "running", 9) == [1, 2, 4, 8]
    assert state.phase is Phase.RUNNING


@pytest.mark.parametrize("before", ["running", "reported"])
def test_an_incomplete_result_is_accepted_in_the_end(before: str) -> None:
    state = WatchState()
    if before == "reported":
        state.reported(5.0)
    else:
        state.request_detail(5.0)
    assert due_after(state, "incomplete", 9) == [1, 2, 4, 8]


def test_a_missing_job_is_given_up_after_its_time() -> None:
    state = WatchState()
    state.request_detail(5.0)
    intervals = due_after(state, "missing", 99)
    assert intervals == [1, 2, 4, 8, 15, 15, 15]
    assert sum(intervals) == 60


def test_an_omitted_job_is_requested_ever_more_slowly_until_it_is_listed() -> None:
    state, now, waits = WatchState(), 0.0, list[float]()
    for _ in range(8):
        state.unlisted(now)
        waits.append(state.detail_due - now)
        now = state.detail_due
        state.requested(now)
        state.running(now)
    assert waits == [0, 1, 2, 4, 8, 16, 20, 20]
    state.listed()
    state.unlisted(now + 5)
    assert state.detail_due == now + 5


def test_an_unknown_status_is_warned_about_when_the_age_has_doubled() -> None:
    state = WatchState()
    warned = [age for age in range(0, 1_000, 3) if state.worth_a_warning(float(age))]
    assert warned == [0, 3, 6, 12, 24, 48, 96, 192, 384, 768]
