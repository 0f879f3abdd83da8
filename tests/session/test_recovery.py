"""The planner of retries: the step after each failure, given the history."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heygen_async import HeyGen, Hooks, JobSlots, RequestLimiter, Retry, Timeout
from heygen_async.endpoints.videos import Videos
from heygen_async.errors import (
    BadRequest,
    CallError,
    Conflict,
    ConnectionFailed,
    InvalidResponse,
    RateLimited,
    RequestTimeout,
    ServerError,
)
from heygen_async.jobs.watcher import Watcher
from heygen_async.sandbox import Fault, Sandbox
from heygen_async.session.recovery import KEY_LIFETIME, Action, Recovery, maybe_carried_out
from heygen_async.session.session import Session
from heygen_async.session.settings import settings_from

from .wire import client, video

DAY = 24 * 3600.0
BUSY = RateLimited("slow down", status=429, code="rate_limit_exceeded", retry_after=30.0)
OVERLOADED = ServerError("no", status=503, code="service_unavailable", retry_after=3600.0)
BROKEN = ServerError("no", status=500, code="internal_error")
LOST = ConnectionFailed("broken", sent=True)
UNSENT = ConnectionFailed("refused", sent=False)
GARBLED = InvalidResponse("no JSON", status=200, garbled=True)
REFUSED = BadRequest("no", status=400, code="invalid_parameter")


def recovery(policy: Retry | None = None, **options: Any) -> Recovery:
    defaults = {"safe": True, "keyed": False, "queues": False, "bulk": False, "now": 0.0}
    return Recovery(policy or Retry(), **{**defaults, "wall": 1e9, **options})


def action(plan: Recovery, error: CallError, **options: Any) -> Action:
    return plan.after(error, **{"now": 0.0, "wall": 1e9, "delay": 1.0, **options}).action


@pytest.mark.parametrize(
    ("error", "safe", "unsafe"),
    [
        (BUSY, Action.PAUSE, Action.PAUSE),
        (OVERLOADED, Action.GIVE_UP, Action.GIVE_UP),  # longer than the patience
        (BROKEN, Action.WAIT, Action.GIVE_UP),
        (LOST, Action.WAIT, Action.GIVE_UP),
        (RequestTimeout("late"), Action.WAIT, Action.GIVE_UP),
        (GARBLED, Action.WAIT, Action.GIVE_UP),
        (UNSENT, Action.WAIT, Action.WAIT),
        (REFUSED, Action.GIVE_UP, Action.GIVE_UP),
        (Conflict("", status=409, code="request_in_progress"), Action.WAIT, Action.WAIT),
    ],
)
def test_the_first_failure(error: CallError, safe: Action, unsafe: Action) -> None:
    assert action(recovery(), error) is safe
    assert action(recovery(safe=False), error) is unsafe


@pytest.mark.parametrize("error", [LOST, BROKEN, GARBLED, RequestTimeout("late")])
def test_doubt(error: CallError) -> None:
    assert maybe_carried_out(error)
    assert not any(maybe_carried_out(one) for one in (BUSY, REFUSED, UNSENT))
    plan = recovery()
    action(plan, error)
    action(plan, BUSY)
    assert plan.in_doubt  # a later refusal tells nothing about an earlier attempt


def test_submissions_queue_for_a_slot() -> None:
    step = recovery(queues=True).after(BUSY, now=100.0, wall=1e9, delay=1.0)
    assert step == (Action.QUEUE, 30.0, 500.0, None)
    step = recovery(queues=True, bulk=True).after(BUSY, now=1e6, wall=1e9, delay=1.0)
    assert step == (Action.QUEUE, 30.0, math.inf, None)


def test_one_answer_does_not_disable_a_client() -> None:
    step = recovery().after(OVERLOADED, now=0.0, wall=1e9, delay=1.0)
    assert step == (Action.GIVE_UP, 0.0, math.inf, 3600.0)  # of which the gate takes ten minutes
    step = recovery(bulk=True).after(OVERLOADED, now=0.0, wall=1e9, delay=1.0)
    assert step.action is Action.PAUSE
    assert step.wait <= 600


def test_attempts_and_patience_end_it() -> None:
    plan = recovery(Retry(attempts=3))
    assert [action(plan, BROKEN) for _ in range(3)] == [Action.WAIT, Action.WAIT, Action.GIVE_UP]
    plan = recovery(Retry(patience=100))
    assert action(plan, BUSY, now=60.0) is Action.PAUSE
    assert action(plan, BUSY, now=80.0) is Action.GIVE_UP


def test_a_cancelled_call_sends_nothing_more() -> None:
    assert action(recovery(), LOST, cancelled=True) is Action.GIVE_UP
    assert action(recovery(queues=True), BUSY, cancelled=True) is Action.GIVE_UP


def test_a_key_lives_for_a_day_of_wall_clock_time() -> None:
    assert KEY_LIFETIME <= DAY - 600
    for later, expected in ((DAY - 700, Action.WAIT), (DAY - 500, Action.GIVE_UP)):
        assert action(recovery(keyed=True), LOST, wall=1e9 + later) is expected
        # A request that was certainly not carried out may be sent, however late.
        assert action(recovery(keyed=True), UNSENT, wall=1e9 + later) is Action.WAIT
        assert action(recovery(), LOST, wall=1e9 + later) is Action.WAIT
    # An attempt in the future was sent by a wrong clock: its age is unknown.
    for earlier, expected in ((500, Action.WAIT), (700, Action.GIVE_UP), (2 * DAY, Action.GIVE_UP)):
        assert action(recovery(keyed=True), LOST, wall=1e9 - earlier) is expected
        assert action(recovery(keyed=True), UNSENT, wall=1e9 - earlier) is Action.WAIT
    # The wait counts too.
    busy = Conflict("", status=409, code="request_in_progress", retry_after=300.0)
    assert action(recovery(keyed=True), busy, wall=1e9 + DAY - 700) is Action.GIVE_UP


@given(
    errors=st.lists(
        st.sampled_from([BUSY, OVERLOADED, BROKEN, LOST, UNSENT, GARBLED, REFUSED]), max_size=30
    ),
    attempts=st.integers(1, 6),
    patience=st.sampled_from([0.0, 10.0, 600.0]),
    queues=st.booleans(),
)
def test_what_is_unsafe_is_never_sent_again_in_doubt(
    errors: list[CallError], attempts: int, patience: float, queues: bool
) -> None:
    policy = Retry(attempts=attempts, patience=patience)
    plan = recovery(policy, safe=False, queues=queues)
    now, sent = 0.0, 1
    for error in errors:
        step = plan.after(error, now=now, wall=1e9 + now, delay=1.0)
        if step.action is Action.GIVE_UP:
            break
        assert not plan.in_doubt
        assert step.action is Action.QUEUE or step.wait <= step.patience
        now, sent = now + step.wait, sent + 1
        if step.action is Action.QUEUE and step.wait > step.patience:
            break
    assert now <= patience + 3_600


class Wall:
    """A wall clock that tests turn."""

    def __init__(self) -> None:
        self.time = 1.8e9

    def __call__(self) -> float:
        return self.time


def session_of(sandbox: Sandbox, wall: Wall, retry: Retry) -> Session:
    settings = settings_from(
        api_key=sandbox.api_key,
        token=None,
        base_url=sandbox.base_url,
        timeout=Timeout(),
        retry=retry,
        trust_env=False,
    )
    return Session(settings, RequestLimiter(), JobSlots(), clock=wall)


@pytest.mark.anyio
@pytest.mark.parametrize(("asleep", "requests"), [(3_600.0, 2), (DAY, 1), (-DAY, 1)])
async def test_a_machine_that_was_suspended_for_a_day(
    sandbox: Sandbox, asleep: float, requests: int
) -> None:
    """Turn the wall clock while the loop's clock stands still."""
    wall = Wall()
    session = session_of(sandbox, wall, Retry(first=1e-6))
    videos = Videos(session, Watcher(session, {}))
    sandbox.faults.add("videos.create", Fault.drop_answer())

    def fall_asleep(event: object) -> None:
        wall.time += asleep

    session.hooks = (Hooks(on_retry=fall_asleep),)
    if requests == 1:
        with pytest.raises(ConnectionFailed) as caught:
            await videos.create(video(sandbox))
        assert caught.value.attempts == 1
    else:
        await videos.create(video(sandbox))
    assert sandbox.requests.by_operation["videos.create"] == requests
    assert sandbox.ledger.count() == 1
    await session.aclose()


@pytest.mark.anyio
@pytest.mark.parametrize("status", [520, 524, 529, 530])
async def test_what_a_gateway_says_is_repeated(sandbox: Sandbox, status: int) -> None:
    async with client(sandbox) as heygen:
        sandbox.faults.add("videos.create", Fault.status(status, work=True))
        await heygen.videos.create(video(sandbox))
        assert sandbox.ledger.count() == 1
        sandbox.faults.add("users.me", Fault.status(501))
        with pytest.raises(ServerError) as caught:
            await heygen.users.me()
        assert caught.value.attempts == 1


@pytest.mark.anyio
async def test_a_503_for_an_hour_on_a_create(sandbox: Sandbox, heygen: HeyGen) -> None:
    sandbox.faults.add("videos.create", Fault.status(503, retry_after=3600))
    with pytest.raises(ServerError):
        await heygen.videos.create(video(sandbox))
    # Others wait for ten minutes at most, and then go on.
    for _ in range(3):
        await heygen.videos.create(video(sandbox))
    assert sandbox.ledger.count() == 3
