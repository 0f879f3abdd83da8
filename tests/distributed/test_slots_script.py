"""``slots.lua`` decides as ``SlotLimit`` does, number by number, along any history."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import Any, TypeAlias
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from heygen_async.distributed.slot_exchange import GATE, SCRIPT
from heygen_async.session.limits.slot_limit import Grant, Lane, SlotLimit

from ..valkey import connection

TTL = 100.0
NAMES = ("state", "grants", "queue", "owners", "batches")
REFUSED = {
    Lane.INTERACTIVE: Lane.INTERACTIVE_REFUSED,
    Lane.BULK: Lane.BULK_REFUSED,
    GATE: Lane.UNCOUNTED,
}


@dataclass
class Model:
    """The promises of the script in Python: ``SlotLimit``, a queue, and owners that end."""

    limit: SlotLimit
    grants: dict[str, Grant] = field(default_factory=dict)
    queue: list[str] = field(default_factory=list)
    owners: dict[str, float] = field(default_factory=dict)
    ttl: float = TTL

    def call(
        self, owner: str, operations: list[tuple[Any, ...]], now: float
    ) -> tuple[dict[str, set[str]], float | None]:
        """Apply a call; what each owner has been granted, and when somebody may go."""
        for name in [name for name, ends in self.owners.items() if ends < now]:
            del self.owners[name]
            for lease in [lease for lease in self.grants if lease.startswith(name + ":")]:
                self.end(lease, now)
        self.owners[owner] = now + self.ttl
        for name, lease, *arguments in operations:
            if name == "acquire":
                lane = None if arguments[0] == GATE else Lane(arguments[0])
                self.grants[lease] = Grant(lane)
                self.queue.append(lease)
            elif name == "accepted" and lease in self.grants:
                self.limit.accepted(self.grants[lease], now)
            elif name == "refused":
                lane, retry_after = arguments
                grant = self.grants.get(lease) or Grant(None if lane == GATE else Lane(lane))
                self.limit.refused(grant, retry_after, now)
                self.end(lease, now)
            elif name == "release":
                self.end(lease, now)
        return self.serve(now)

    def end(self, lease: str, now: float) -> None:
        grant = self.grants.pop(lease, None)
        if grant is not None:
            self.limit.released(grant, now)
        if lease in self.queue:
            self.queue.remove(lease)

    def serve(self, now: float) -> tuple[dict[str, set[str]], float | None]:
        granted: dict[str, set[str]] = {}
        waits: list[float] = []
        counted = [one for one in self.queue if self.grants[one].lane is not None]
        counted.sort(key=lambda one: self.grants[one].lane or 0)
        for queue in counted, [one for one in self.queue if self.grants[one].lane is None]:
            for lease in queue:
                wait = self.limit.take(self.grants[lease], now)
                if wait != 0:
                    waits += [] if wait is None else [wait]
                    break
                self.queue.remove(lease)
                granted.setdefault(lease.partition(":")[0], set()).add(lease)
        return granted, min(waits, default=None)

    def numbers(self, now: float) -> list[float]:
        limit = self.limit
        shut = limit.gate.shut
        return [
            limit.held,
            limit.running,
            limit.limit,
            limit.learned,
            limit.ceiling,
            limit.refusals,
            *limit.usage(now),
            shut,
            limit.gate.wait(now),
        ]


Step: TypeAlias = tuple[str, str, int, float]
STEPS = st.lists(
    st.tuples(
        st.sampled_from(["acquire", "acquire", "accepted", "refused", "release", "stranger"]),
        st.sampled_from(["a", "b", "c"]),
        st.integers(0, 1_000),
        # Also what no decimal fraction with few digits can tell.
        st.sampled_from([0.0, 0.1, 1 / 3, 1.0, 5.7, 59.9, 61.0, 99.9, 101.0, 3_600.0]),
    ),
    max_size=60,
)


class Both:
    """The script on a server, and the model beside it."""

    def __init__(
        self, redis: Any, ceiling: int, reserve: int, start: int | None, ttl: float = TTL
    ) -> None:
        self.redis = redis
        self.settings = [ceiling, 60.0, reserve, "" if start is None else start]
        prefix = f"test:{{{uuid4().hex}}}:"
        self.keys = [prefix + name for name in NAMES]
        self.model = Model(SlotLimit(ceiling, start=start, reserve=reserve), ttl=ttl)
        self.now = 0.0
        self.calls = dict.fromkeys("abc", 1)  # the first one brings settings along
        self.lanes: dict[str, int] = {}
        self.made = 0
        self.call("a", [])

    def call(self, owner: str, operations: list[tuple[Any, ...]]) -> None:
        self.calls[owner] += 1
        granted, again = self.model.call(owner, operations, self.now)
        for repeated in (False, True):  # as after a lost answer: it changes nothing
            numbers, told_again, mine, unknown = self.redis.eval(
                SCRIPT.text,
                len(self.keys),
                *self.keys,
                repr(self.now),
                owner,
                self.calls[owner],
                self.model.ttl,
                "test:",
                *self.settings,
                *(" ".join(map(str, operation)) for operation in operations),
            )
            assert [float(number) for number in numbers.split()] == self.model.numbers(self.now)
            assert unknown == []
            if not repeated:
                assert (None if told_again == b"" else float(told_again)) == again
                assert {one.decode() for one in mine} == granted.get(owner, set())
        held = {lease for lease, grant in self.model.grants.items() if grant.held}
        waiting = set(self.model.queue)
        self.calls[owner] += 1
        checks = [f"check {lease}" for lease in (*held, *waiting, "a:nobody")]
        *_, mine, unknown = self.redis.eval(
            SCRIPT.text,
            len(self.keys),
            *self.keys,
            repr(self.now),
            owner,
            self.calls[owner],
            self.model.ttl,
            "test:",
            *self.settings,
            *checks,
        )
        assert {one.decode() for one in mine} == held
        assert unknown == [b"a:nobody"]

    def answer(self, lease: str, seconds: float, *, accepted: bool) -> None:
        """Accept a submission, or refuse it, whose caller queues again then."""
        self.now += seconds
        owner, lane = lease.partition(":")[0], self.lanes[lease]
        if accepted:
            self.call(owner, [("accepted", lease, lane)])
            if lane in (Lane.UNCOUNTED, GATE):  # it ends with its answer
                self.call(owner, [("release", lease)])
            return
        self.made += 1
        again = f"{owner}:{self.made}"
        self.lanes[again] = REFUSED.get(lane, lane)
        self.call(owner, [("refused", lease, lane, 3.3), ("acquire", again, self.lanes[again])])

    def end(self, lease: str, seconds: float) -> None:
        """End a job."""
        self.now += seconds
        self.call(lease.partition(":")[0], [("release", lease)])

    def step(self, name: str, owner: str, which: int, seconds: float) -> None:
        self.now += seconds
        if name == "acquire":
            self.made += 1
            lease = f"{owner}:{self.made}"
            self.lanes[lease] = lane = which % (GATE + 1)
            self.call(owner, [("acquire", lease, lane)])
            return
        if name == "stranger":  # refused without a lease
            self.call(owner, [("refused", f"{owner}:-", which % (GATE + 1), float(which % 77))])
            return
        own = [lease for lease in self.model.grants if lease.startswith(owner)]
        if self.model.owners.get(owner, 0.0) < self.now:
            own = []  # it has none left
        if name == "refused":
            own = [lease for lease in own if self.model.grants[lease].held]
        if not own:
            self.call(owner, [])
            return
        lease = own[which % len(own)]
        if name == "accepted":
            self.call(owner, [("accepted", lease, self.lanes[lease])])
        elif name == "release":
            self.call(owner, [("release", lease)])
        else:  # it queues again, in one call
            self.made += 1
            again = f"{owner}:{self.made}"
            self.lanes[again] = lane = REFUSED.get(self.lanes[lease], self.lanes[lease])
            self.call(
                owner,
                [
                    ("refused", lease, self.lanes[lease], float(which % 700)),
                    ("acquire", again, lane),
                ],
            )


@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    ceiling=st.integers(1, 8),
    reserve=st.integers(0, 3),
    start=st.none() | st.integers(1, 8),
    steps=STEPS,
)
def test_it_agrees_with_python_along_any_history(
    redis_url: str, ceiling: int, reserve: int, start: int | None, steps: list[Step]
) -> None:
    with connection(redis_url) as redis:
        both = Both(redis, ceiling, min(reserve, ceiling - 1), start)
        for step in steps:
            both.step(*step)
        redis.delete(*both.keys)


@settings(max_examples=5, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 2**32), ceiling=st.integers(3, 12), reserve=st.integers(0, 2))
def test_it_agrees_with_python_while_an_account_is_busy(
    redis_url: str, seed: int, ceiling: int, reserve: int
) -> None:
    """Long histories, in which limits grow and shrink, and requests are refused for their rate."""
    chance, limit = random.Random(seed), ceiling
    with connection(redis_url) as redis:
        both = Both(redis, ceiling, reserve, None, ttl=1e9)
        model = both.model
        for _ in range(250):
            if chance.random() < 0.03:
                limit = chance.randint(1, ceiling)  # what the account allows
            seconds = chance.choice([0.0, 0.0, 0.0, 0.1, 1.0, 7.7, 31.0])
            owner = chance.choice("abc")
            sent = [one for one, grant in model.grants.items() if grant.held and not grant.running]
            running = [one for one, grant in model.grants.items() if grant.running]
            if sent and chance.random() < 0.6:
                lease = chance.choice(sent)
                taken = len(running) < limit and chance.random() < 0.95
                both.answer(lease, seconds, accepted=taken)
            elif running and chance.random() < 0.25:
                both.end(chance.choice(running), seconds)
            elif len(model.queue) < 6:
                both.step("acquire", owner, chance.choice([4, 4, 4, 4, 2, 0, 5]), seconds)
            else:
                both.now += seconds
                both.call(owner, [])
        redis.delete(*both.keys)


def test_the_servers_clock_may_be_set_back(redis_url: str) -> None:
    with connection(redis_url) as redis:
        both = Both(redis, 2, 0, None)
        both.step("acquire", "a", 4, 500.0)
        both.now = 100.0  # set back by 400 s

        def call(now: float, operation: str) -> list[float]:
            both.calls["b"] += 1
            numbers = redis.eval(
                SCRIPT.text,
                len(both.keys),
                *both.keys,
                repr(now),
                "b",
                both.calls["b"],
                TTL,
                "test:",
                *both.settings,
                operation,
            )[0]
            return [float(number) for number in numbers.split()]

        held, *_ = call(100.0, "check b:-")
        assert held == 1
        held, *_ = call(100.0 + TTL - 1, "check b:-")
        assert held == 1
        held, *_ = call(100.0 + TTL + 1, "check b:-")
        assert held == 0


@pytest.mark.parametrize("order", [(50, 5), (5, 50)])
def test_the_process_that_started_last_decides_on_the_ceiling(
    redis_url: str, order: tuple[int, int]
) -> None:
    with connection(redis_url) as redis:
        keys = [f"test:{{{uuid4().hex}}}:{name}" for name in NAMES]
        for owner, ceiling in zip("ab", order, strict=True):
            numbers = redis.eval(
                SCRIPT.text, 5, *keys, "1.0", owner, 1, TTL, "test:", ceiling, 60.0, 0, ""
            )[0]
            assert [float(numbers.split()[i]) for i in (2, 4)] == [ceiling, ceiling]
