"""The conformance suite of ``JournalStore``: each implementation against a model.

A new implementation takes part by a ``StoreFactory`` in test_journal_store.py.
"""

from __future__ import annotations

import asyncio
import copy
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, NamedTuple, Protocol, TypeVar

import msgspec
import pytest
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)

from heygen_async.errors import JournalError
from heygen_async.journal import (
    FINISHED,
    Begin,
    Delivery,
    Finish,
    Intent,
    ItemRecord,
    JournalStore,
    Review,
    RunSpec,
    Totals,
)
from heygen_async.journal.records import COMPLETED
from heygen_async.sandbox.turned_loop import TurnedEventLoop

T = TypeVar("T")

KEYS = ("a", "b", "c", "naïve ☃", "")
OWNERS = ("one", "two", "three")
TARGETS = ("./{key}.mp4", "s3://bucket", "☃")
SPEC = RunSpec(kind="requests", subject="s", run_id="run", settings={"items": 5})


class StoreFactory(Protocol):
    """Makes the stores of one implementation for one example.

    Attributes:
        leases_outlive: Whether an owner's lease goes on when its process has died.
    """

    leases_outlive: bool

    def make(self, clock: Callable[[], float]) -> JournalStore:
        """Return a closed store that holds nothing."""

    async def crash(self, store: JournalStore) -> JournalStore:
        """End the process that has a store open, and return what the next one finds, closed."""

    def aclose(self) -> None:
        """Remove what the stores have left."""


class Item(msgspec.Struct):
    """An item as the model has it."""

    intent: Intent
    owner: str
    intended_at: float
    state: str = "intended"
    job_id: str | None = None
    submitted_at: float | None = None
    ended_at: float | None = None
    outcome: Finish | None = None
    resends: int = 0
    deliveries: dict[str, Delivery] = {}

    @property
    def finished(self) -> bool:
        return self.state in FINISHED

    @property
    def usd_most(self) -> float:
        usd = self.outcome.usd if self.outcome else None
        if usd is None and self.state == "completed":
            usd = self.intent.reserved_usd
        return usd or 0.0

    def record(self) -> dict[str, Any]:
        """Return the record that the store must have."""
        intent = msgspec.structs.asdict(self.intent)
        del intent["estimate"]
        outcome = msgspec.structs.asdict(self.outcome or Finish("", "failed"))
        result = outcome["result"]
        return {
            **outcome,
            **intent,
            "result": None if result is None else msgspec.json.encode(result),
            "state": self.state,
            "owner": self.owner,
            "legacy_fingerprint": None,
            "resends": self.resends,
            "job_id": self.job_id,
            "intended_at": self.intended_at,
            "submitted_at": self.submitted_at,
            "ended_at": self.ended_at,
        }


class Refused(NamedTuple):
    """The exception of a call, according to the model."""

    reason: str


class Model:
    """The model: a plain dictionary of items."""

    def __init__(self) -> None:
        self.now = 1_000_000.0
        self.items: dict[str, Item] = {}
        self.claims: dict[str, list[str]] = {}  # owners by key, the last claim last
        self.leases: dict[str, float] = {}
        self.renewed: set[str] = set()  # owners of leases that were renewed since it was opened
        self.samples: list[tuple[float, int, int | None]] = []
        self.reviews: list[Review] = []
        self.takes: dict[tuple[str, int], float] = {}  # jobs of items that were made again
        self.openings = 1

    def reopen(self, *, crashed: bool, leases_outlive: bool) -> None:
        """Forget the claims, and the leases that have ended with the previous opening.

        A close ends those that were renewed through it, which a crash may leave to the clock.
        """
        self.openings += 1
        self.claims.clear()
        for owner in [*self.leases]:
            if not leases_outlive or (owner in self.renewed and not crashed):
                del self.leases[owner]
        self.renewed.clear()

    def begin(self, intent: Intent, owner: str, room: bool) -> tuple[Any, ...]:
        """Return what ``begin`` may answer for an item."""
        item = self.items.get(intent.key)
        claims = self.claims.setdefault(intent.key, [])
        if item is not None and not item.finished and self._is_alive(item.owner, but=owner):
            return (Begin.HELD_BY_OTHER,)
        if room and (item is None or self._may_follow(item, intent)):
            resends = 0 if item is None else item.resends
            if item is not None and item.job_id and self._asked_again(item):
                self.takes[intent.key, item.intent.attempt] = item.usd_most
            self.items[intent.key] = Item(intent, owner, self.now, resends=resends)
            claims.append(owner)
            return (Begin.NEW,)
        answer = Begin.NO_ROOM if item is None else item.record()
        if self.is_open(intent.key, owner):
            return (Begin.DUPLICATE, answer)
        return (Begin.DUPLICATE,) if owner in claims else (answer,)

    def _is_alive(self, owner: str, *, but: str) -> bool:
        return owner != but and self.leases.get(owner, 0.0) > self.now

    def is_open(self, key: str, owner: str) -> bool:
        """Return whether both answers to a claim are right, since another owner has claimed."""
        claims = self.claims.get(key, [])
        return owner in claims and claims[-1] != owner

    def claimed(self, key: str, owner: str) -> None:
        """Record that ``begin`` has answered with the record, or without room."""
        self.claims[key].append(owner)
        if key in self.items:
            self.items[key].owner = owner

    def _may_follow(self, item: Item, intent: Intent) -> bool:
        refused_batch = item.state == "intended" and ":batch:" in item.intent.idempotency_key
        retaken = item.state == "completed" and self.decision(item) == "retake"
        return intent.attempt == item.intent.attempt + 1 and (
            item.state in ("failed", "uncertain") or refused_batch or retaken
        )

    def confirm(self, key: str, owner: str) -> Begin:
        """What ``confirm`` of a shared store answers for an item that has not ended."""
        return Begin.NEW if self.items[key].owner == owner else Begin.HELD_BY_OTHER

    def decision(self, item: Item) -> str | None:
        """The latest decision about the latest attempt of an item."""
        about = item.intent.key, item.intent.attempt
        found = [one.decision for one in self.reviews if (one.key, one.attempt) == about]
        return found[-1] if found else None

    def _asked_again(self, item: Item) -> bool:
        about = item.intent.key, item.intent.attempt, "retake"
        return any((one.key, one.attempt, one.decision) == about for one in self.reviews)

    def review(self, reviews: list[Review]) -> Refused | None:
        before = list(self.reviews)
        for one in reviews:
            item = self.items.get(one.key)
            refused = Refused("unknown_key") if item is None else None
            if item is not None:
                allowed = COMPLETED if one.decision == "approved" else FINISHED
                approved = one.decision == "retake" and self.decision(item) == "approved"
                if item.state not in allowed or approved:
                    refused = Refused("wrong_state")
                usd = item.outcome.usd if item.outcome else None
                if usd is None and item.state == "completed":
                    usd = item.intent.reserved_usd
                facts = {"at": self.now, "attempt": item.intent.attempt, "usd": usd}
                made = msgspec.structs.replace(one, job_id=item.job_id, **facts)
            if refused is not None:
                self.reviews = before
                return refused
            self.reviews.append(made)
        return None

    def submitted(self, key: str, job_id: str) -> Refused | None:
        item = self.items.get(key)
        if item is None:
            return Refused("unknown_key")
        if item.state == "submitted" and item.job_id == job_id:
            return None
        own_after_place = item.job_id is not None and "#" in item.job_id and "#" not in job_id
        if item.finished or (item.state == "submitted" and not own_after_place):
            return Refused("wrong_state")
        item.state, item.job_id, item.submitted_at = "submitted", job_id, self.now
        return None

    def finish(self, outcome: Finish) -> Refused | None:
        item = self.items.get(outcome.key)
        if item is None:
            return Refused("unknown_key")
        if item.finished:
            return Refused("wrong_state")
        item.state, item.outcome, item.ended_at = outcome.state, outcome, self.now
        return None

    def mark_uncertain(self, key: str) -> Refused | None:
        item = self.items.get(key)
        if item is None:
            return Refused("unknown_key")
        if item.state not in ("intended", "uncertain"):
            return Refused("wrong_state")
        item.state = "uncertain"
        return None

    def count_resend(self, key: str) -> Refused | None:
        if key not in self.items:
            return Refused("unknown_key")
        self.items[key].resends += 1
        return None

    def delivered(self, key: str, deliveries: list[Delivery]) -> Refused | None:
        item = self.items.get(key)
        if item is None:
            return Refused("unknown_key")
        if not item.finished:
            return Refused("wrong_state")
        for one in deliveries:
            item.deliveries[one.target] = msgspec.structs.replace(one, at=self.now)
        return None

    def in_order(self) -> list[Item]:
        return sorted(self.items.values(), key=lambda item: item.intent.position)

    def totals(self) -> Totals:
        items = list(self.items.values())
        ended = [item.ended_at for item in items if item.ended_at is not None]
        counts: dict[Any, int] = {
            state: sum(item.state == state for item in items)
            for state in ("intended", "submitted", "completed", "failed", "uncertain")
        }
        return Totals(
            counts=counts,
            usd=sum((item.outcome and item.outcome.usd) or 0.0 for item in items)
            + sum(self.takes.values()),
            output_seconds=sum(
                (item.outcome and item.outcome.output_seconds) or 0.0 for item in items
            ),
            first_intended_at=min((item.intended_at for item in items), default=None),
            last_ended_at=max(ended, default=None),
            ended_jobs=sum(item.finished and item.job_id is not None for item in items)
            + len(self.takes),
            retaken=len(self.takes),
            retaken_usd=sum(self.takes.values()),
            reserved={
                state: tuple(item.intent.reserved_usd for item in items if item.state == state)
                for state in ("intended", "submitted", "uncertain")
            },
            resent=sum(item.resends > 0 for item in items),
            resent_usd=sum(
                item.resends * ((item.outcome and item.outcome.usd) or 0.0) for item in items
            ),
            unknown_usd=sum(
                item.intent.reserved_usd or 0.0
                for item in items
                if item.state == "completed" and item.outcome and item.outcome.usd is None
            ),
        )


def sums(totals: Totals) -> Totals:
    """Totals with what is reserved in one order; the protocol promises none."""
    reserved = {
        state: tuple(sorted(amounts, key=lambda usd: (usd is not None, usd or 0.0)))
        for state, amounts in totals.reserved.items()
    }
    return msgspec.structs.replace(totals, reserved=reserved)


keys = st.sampled_from(KEYS)
owners = st.sampled_from(OWNERS)
job_ids = st.sampled_from(("job 1", "job 2", "batch#0", "batch#1"))
amounts = st.none() | st.sampled_from((0.0, 0.25, 1.5))
texts = st.none() | st.sampled_from(("", "why", "☃"))


@st.composite
def intents(draw: st.DrawFn) -> Intent:
    """Intents; attempts are chosen when the model is known."""
    key = draw(keys)
    batched = draw(st.booleans())
    single = f"run:1:{draw(st.sampled_from(('x', 'y')))}"
    return Intent(
        key,
        draw(st.integers(0, 3)),
        draw(st.sampled_from((0, 0, 0, 1, -1))),  # beside the attempt that comes next
        draw(st.sampled_from(("videos.create", "proofreads.generate"))),
        draw(st.sampled_from(((), ("an id",), ('"', "\\")))),
        f"run:batch:{draw(st.sampled_from('pq'))}" if batched else single,
        single,
        draw(st.sampled_from(("f1", "f2"))),
        draw(st.sampled_from((b"{}", b'{"a":"\xe2\x98\x83"}', b"\xff\0"))),
        draw(amounts),
    )


finishes = st.builds(
    Finish,
    keys,
    st.sampled_from(("completed", "failed")),
    result=st.none() | st.just({"id": "☃"}),
    error_type=texts,
    error_code=texts,
    error_message=texts,
    output_seconds=amounts,
    usd=amounts,
    charged_usd=amounts,
)
deliveries = st.builds(
    Delivery,
    st.sampled_from(TARGETS),
    location=st.none() | st.sampled_from(("a.mp4", "s3://bucket/☃.mp4")),
    url=st.none() | st.just("https://cdn/a.mp4"),
    error=st.none() | st.just("refused"),
)
reviews = st.builds(
    Review,
    keys,
    st.sampled_from(("approved", "rejected", "retake", "retake")),
    st.sampled_from(("Ann", "Bo ☃")),
    changes=st.sampled_from(({}, {"name": "Ada", "☃": ""})),
)
Call = tuple[str, Any]
calls: st.SearchStrategy[Call] = st.one_of(
    st.tuples(st.just("begin"), st.tuples(intents(), owners, st.booleans())),
    st.tuples(st.just("submitted"), st.tuples(keys, job_ids)),
    st.tuples(st.just("finish"), finishes),
)
ORDER = ("begin", "submitted", "finish")


def key_of(call: Call) -> str:
    name, arguments = call
    if name == "begin":
        return str(arguments[0].key)
    return str(arguments.key if name == "finish" else arguments[0])


def in_promised_order(sequence: Sequence[Call]) -> list[Call]:
    """Return the calls whose order the protocol promises without waiting in between."""
    steps: dict[str, int] = {}
    kept = []
    for call in sequence:
        step, key = ORDER.index(call[0]), key_of(call)
        if step > steps.get(key, -1) or (step == 1 and steps.get(key) == 1):
            steps[key] = step
            kept.append(call)
    return kept


class JournalStoreMachine(RuleBasedStateMachine):
    """Calls a store in any order, and ends its process at any moment."""

    factory: Callable[[], StoreFactory]

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner(loop_factory=TurnedEventLoop)
        self.stores = self.factory()
        self.model = Model()
        self.store = self.stores.make(lambda: self.model.now)

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return self.runner.run(work)

    @initialize()
    def open(self) -> None:
        assert not self.store.exists()
        opened = self.run(self.store.open(SPEC))
        assert sums(opened.totals) == sums(self.model.totals())
        assert (opened.resumed, opened.legacy) == (False, False)
        assert (opened.run.kind, opened.run.subject, opened.run.run_id) == ("requests", "s", "run")
        assert (opened.run.settings, opened.run.created_at) == ({"items": 5}, self.model.now)
        self.opened = opened

    def teardown(self) -> None:
        self.run(self.store.aclose())
        self.runner.close()
        self.stores.aclose()

    @rule(seconds=st.sampled_from((0.25, 1.0, 30.0)))
    def turn_the_clock(self, seconds: float) -> None:
        self.model.now += seconds

    @rule(
        several=st.lists(intents(), min_size=1, max_size=4),
        owner=owners,
        room=st.sampled_from((True, True, False)),
    )
    def begin(self, several: list[Intent], owner: str, room: bool) -> None:
        several = [self.numbered(intent) for intent in several]

        async def work() -> None:
            found = await self.store.begin(several, owner, room=room)
            assert len(found) == len(several)
            for intent, answer in zip(several, found, strict=True):
                self.judge(self.model.begin(intent, owner, room), answer, intent.key, owner)

        self.run(work())

    @rule(owner=owners)
    def confirm(self, owner: str) -> None:
        """Items that an owner has claimed are still its own, unless others have claimed them."""
        unfinished = [key for key, item in self.model.items.items() if not item.finished]
        expected = [
            self.model.confirm(key, owner) if self.store.shared else Begin.NEW for key in unfinished
        ]

        async def work() -> None:
            assert await self.store.confirm(unfinished, owner) == expected

        self.run(work())

    @rule(key=keys, job_id=job_ids)
    def submitted(self, key: str, job_id: str) -> None:
        expected = self.model.submitted(key, job_id)
        self.run(self.met(expected, lambda: self.store.submitted(key, job_id)))

    @rule(outcome=finishes)
    def finish(self, outcome: Finish) -> None:
        expected = self.model.finish(outcome)
        self.run(self.met(expected, lambda: self.store.finish(outcome)))

    @rule(key=keys)
    def mark_uncertain(self, key: str) -> None:
        expected = self.model.mark_uncertain(key)
        self.run(self.met(expected, lambda: self.store.mark_uncertain(key)))

    @rule(
        key=keys,
        several=st.lists(deliveries, min_size=1, max_size=3, unique_by=lambda one: one.target),
    )
    def delivered(self, key: str, several: list[Delivery]) -> None:
        expected = self.model.delivered(key, several)
        self.run(self.met(expected, lambda: self.store.delivered(key, several)))

    @rule(several=st.lists(reviews, min_size=1, max_size=3), is_open=st.booleans())
    def review(self, several: list[Review], is_open: bool) -> None:
        """People decide while the run goes on, or between starts: all of it is kept, or none."""
        if not is_open:
            self.run(self.store.aclose())
        expected = self.model.review(several)
        if expected is None:
            self.store.review(several)
        else:
            with pytest.raises(JournalError) as caught:
                self.store.review(several)
            assert caught.value.reason == expected.reason
        with self.store.reader() as reader:
            assert reader.reviews() == self.model.reviews
        if not is_open:
            self.found_again()

    @rule(name=st.sampled_from(TARGETS))
    def ask_for_deliveries(self, name: str) -> None:
        wanted = {
            key: [item.deliveries[one] for one in sorted(item.deliveries)]
            for key, item in self.model.items.items()
        }

        async def work() -> None:
            for key in KEYS:
                assert await self.store.deliveries(key) == wanted.get(key, [])

        self.run(work())
        with self.store.reader() as reader:
            found = list(reader.deliveries())
            for states in (COMPLETED, FINISHED):
                left = [record.key for record in reader.undelivered(name, states)]
                assert left == [
                    item.intent.key
                    for item in self.model.in_order()
                    if item.state in states
                    and (name not in item.deliveries or item.deliveries[name].error)
                ]
        every = [(key, one) for key, several in wanted.items() for one in several]
        assert sorted(found, key=repr) == sorted(every, key=repr)

    @rule(key=keys)
    def count_resend(self, key: str) -> None:
        expected = self.model.count_resend(key)
        self.run(self.met(expected, lambda: self.store.count_resend(key)))

    @rule(owner=owners, lease=st.sampled_from((-1.0, 20.0, 100.0)))
    def heartbeat(self, owner: str, lease: float) -> None:
        async def work() -> None:
            await self.store.heartbeat(owner, lease)

        self.run(work())
        self.model.leases[owner] = self.model.now + lease
        self.model.renewed.add(owner)

    @rule(sequence=st.lists(calls, min_size=2, max_size=6))
    def at_the_same_time(self, sequence: list[Call]) -> None:
        """Make calls without waiting in between: each has its own answer."""

        async def work() -> None:
            chosen = self.prepared(sequence)
            waiting = [self.call(call) for call in chosen]
            found = await asyncio.gather(*waiting, return_exceptions=True)
            for call, answer in zip(chosen, found, strict=True):
                self.follow(call, answer)

        self.run(work())

    @rule(sequence=st.lists(calls, min_size=1, max_size=3), turns=st.integers(0, 3))
    def cancelled(self, sequence: list[Call], turns: int) -> None:
        """Cancel the callers: their calls are carried out."""

        async def work() -> None:
            chosen = [call for call in self.prepared(sequence) if self.is_predictable(call)]
            waiting = [asyncio.ensure_future(self.call(call)) for call in chosen]
            for _ in range(turns):
                await asyncio.sleep(0)
            for task in waiting:
                task.cancel()
            await asyncio.gather(*waiting, return_exceptions=True)
            await self.store.totals()
            for call in chosen:
                self.follow(call, None)

        self.run(work())

    @rule()
    def reopen(self) -> None:
        self.run(self.store.aclose())
        self.run(self.store.aclose())
        self.found_again()

    @rule()
    def crash(self) -> None:
        self.store = self.run(self.stores.crash(self.store))
        self.found_again(crashed=True)

    @rule(
        several=st.lists(intents(), min_size=2, max_size=4, unique_by=lambda intent: intent.key),
        owner=owners,
        turns=st.integers(0, 4),
    )
    def crash_while_many_begin(self, several: list[Intent], owner: str, turns: int) -> None:
        """Crash during a begin of many items: all of them are stored, or none."""
        several = [
            self.numbered(intent) for intent in several if not self.model.is_open(intent.key, owner)
        ]

        async def work() -> JournalStore:
            waiting = asyncio.ensure_future(self.call(("many", (several, owner))))
            for _ in range(turns):
                await asyncio.sleep(0)
            store = await self.stores.crash(self.store)
            waiting.cancel()
            await asyncio.gather(waiting, return_exceptions=True)
            return store

        self.store = self.run(work())
        before = copy.deepcopy(self.model.items)
        for intent in several:
            (answer, *_) = self.model.begin(intent, owner, room=True)
            self.judge((answer,), answer, intent.key, owner)
        self.run(self.store.open(SPEC))
        records = self.run(self.records())
        if [self.facts(record) for record in records] != self.wanted():
            self.model.items = before
        self.model.reopen(crashed=True, leases_outlive=self.stores.leases_outlive)

    @rule(running=st.integers(0, 50), limit=st.none() | st.integers(0, 50))
    def sample(self, running: int, limit: int | None) -> None:
        async def work() -> None:
            self.store.sample_slots(running, limit)
            await self.store.totals()

        self.run(work())
        self.model.samples.append((self.model.now, running, limit))

    @precondition(lambda self: self.model.samples)
    @rule()
    def read_samples(self) -> None:
        with self.store.reader() as reader:
            found = [(one.at, one.running, one.slot_limit) for one in reader.slots()]
        assert found
        assert set(found) <= set(self.model.samples)
        assert [one[0] for one in found] == sorted(one[0] for one in found)
        # One a second, and the first and the last of each opening.
        assert len(found) <= found[-1][0] - found[0][0] + 2 * self.model.openings

    @rule(key=keys, states=st.sets(st.sampled_from(("intended", "failed", "submitted"))))
    def ask(self, key: str, states: set[Any]) -> None:
        async def work() -> None:
            for sent_under in {item["idempotency_key"] for item in self.wanted()}:
                members = await self.store.members(sent_under)
                assert [self.facts(member) for member in members] == [
                    item for item in self.wanted() if item["idempotency_key"] == sent_under
                ]
            assert await self.store.members("no such key") == []
            assert await self.store.matching("f1") == []  # records of schema 1 alone
            for after in (-1, 0, 2, 3):
                found = [self.facts(one) async for one in self.store.iterate(states, after=after)]
                assert found == [
                    item
                    for item in self.wanted()
                    if item["position"] > after and item["state"] in states
                ]

        self.run(work())
        with self.store.reader() as reader:
            assert reader.run.run_id == "run"
            assert sums(reader.totals()) == sums(self.model.totals())
            found = [self.facts(record) for record in reader.records(states)]
            everything = [self.facts(record) for record in reader.records()]
        assert found == [item for item in self.wanted() if item["state"] in states]
        assert everything == self.wanted()

    @invariant()
    def holds_what_was_promised(self) -> None:
        async def work() -> tuple[list[ItemRecord], Totals]:
            return await self.records(), await self.store.totals()

        if not self.store.exists():
            return
        records, totals = self.run(work())
        assert [self.facts(record) for record in records] == self.wanted()
        assert sums(totals) == sums(self.model.totals())

    async def records(self) -> list[ItemRecord]:
        return [record async for record in self.store.iterate()]

    def facts(self, record: ItemRecord) -> dict[str, Any]:
        """Return the facts of a record, without the owner of a finished item."""
        facts = msgspec.structs.asdict(record)
        return facts | {"owner": None} if record.state in FINISHED else facts

    def wanted(self) -> list[dict[str, Any]]:
        """Return the records that the store must have, in the order of positions."""
        facts = [item.record() for item in self.model.in_order()]
        return [one | {"owner": None} if one["state"] in FINISHED else one for one in facts]

    def numbered(self, intent: Intent) -> Intent:
        """The intent as the next attempt of its item, or one beside it."""
        item = self.model.items.get(intent.key)
        following = 1 if item is None else item.intent.attempt + 1
        return msgspec.structs.replace(intent, attempt=max(1, following + intent.attempt))

    def prepared(self, sequence: Sequence[Call]) -> list[Call]:
        return [
            (name, (self.numbered(arguments[0]), *arguments[1:]))
            if name == "begin"
            else (name, arguments)
            for name, arguments in in_promised_order(sequence)
        ]

    def is_predictable(self, call: Call) -> bool:
        name, arguments = call
        return name != "begin" or not self.model.is_open(arguments[0].key, arguments[1])

    def call(self, call: Call) -> Any:
        name, arguments = call
        if name == "many":
            return self.store.begin(arguments[0], arguments[1])
        if name == "begin":
            intent, owner, room = arguments
            return self.store.begin([intent], owner, room=room)
        if name == "submitted":
            return self.store.submitted(*arguments)
        return self.store.finish(arguments)

    def follow(self, call: Call, answer: Any) -> None:
        """Repeat the call on the model, and compare; without an answer, follow the store."""
        name, arguments = call
        if name == "begin":
            intent, owner, room = arguments
            allowed = self.model.begin(intent, owner, room)
            self.judge(allowed, allowed[0] if answer is None else answer[0], intent.key, owner)
            return
        expected = getattr(self.model, name)(*((arguments,) if name == "finish" else arguments))
        if answer is not None or expected is None:
            assert getattr(answer, "reason", None) == getattr(expected, "reason", None)

    def judge(self, allowed: tuple[Any, ...], answer: Any, key: str, owner: str) -> None:
        told = msgspec.structs.asdict(answer) if isinstance(answer, ItemRecord) else answer
        if isinstance(told, dict) and told["state"] in FINISHED:
            allowed = tuple(
                one | {"owner": told["owner"]} if isinstance(one, dict) else one for one in allowed
            )
        assert told in allowed
        if isinstance(told, dict) or told is Begin.NO_ROOM:
            self.model.claimed(key, owner)

    async def met(self, expected: Refused | None, call: Callable[[], Any]) -> None:
        reason = None
        try:
            await call()
        except JournalError as error:
            reason = error.reason
        assert reason == (None if expected is None else expected.reason)

    def found_again(self, *, crashed: bool = False) -> None:
        opened = self.run(self.store.open(RunSpec(kind="requests", subject="s")))
        self.model.reopen(crashed=crashed, leases_outlive=self.stores.leases_outlive)
        assert sums(opened.totals) == sums(self.model.totals())
        assert opened.resumed == bool(self.model.items)
        assert opened.run == self.opened.run
        assert list(opened.reviews) == self.model.reviews
