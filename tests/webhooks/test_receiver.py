"""The receiver without a web framework: what it answers, what it runs, what it remembers."""

from __future__ import annotations

import asyncio
import logging
import random
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from heygen_async import ConfigurationError, HeyGen, WebhookReceiver
from heygen_async.sandbox import Sandbox
from heygen_async.sandbox.turned_loop import TurnedEventLoop
from heygen_async.webhooks import (
    AvatarVideoFail,
    AvatarVideoSuccess,
    Callback,
    DeliveryState,
    Event,
    JobNotification,
    Listener,
    MemoryBus,
    MemoryDeliveryLog,
    MemorySeen,
    UnknownEvent,
    listening,
)

from .conftest import video_request
from .signing import SECRET, event_body, signed

pytestmark = pytest.mark.anyio


async def deliver(receiver: WebhookReceiver, body: bytes, secret: str = SECRET) -> int:
    return (await receiver.handle(body, signed(body, secret))).status


@pytest.fixture
async def receiver(heygen: HeyGen) -> AsyncIterator[WebhookReceiver]:
    async with WebhookReceiver(heygen, SECRET) as receiver:
        yield receiver


async def test_handlers_get_the_events_they_asked_for(receiver: WebhookReceiver) -> None:
    got: list[tuple[str, Any]] = []

    @receiver.on("avatar_video.success")
    async def by_name(event: AvatarVideoSuccess) -> None:
        got.append(("name", event.event_data.video_id))

    @receiver.on(AvatarVideoSuccess)
    def by_class_and_sync(event: AvatarVideoSuccess) -> None:
        got.append(("class", event.event_data.video_id))

    @receiver.on(AvatarVideoFail)
    async def other(event: AvatarVideoFail) -> None:
        got.append(("fail", event.event_data.msg))

    @receiver.on(UnknownEvent)
    async def unknown(event: UnknownEvent) -> None:
        got.append(("unknown", event.event_type))

    @receiver.on(Event)
    async def everything(event: Event) -> None:
        got.append(("any", event.event_type))

    @receiver.on(Callback)
    async def callback(callback: Callback) -> None:
        got.append(("callback", callback.jobs))

    assert await deliver(receiver, event_body(event_id="1")) == 200
    assert await deliver(receiver, event_body("new.type", event_id="2")) == 200
    unsigned = event_body("avatar_video.fail", {"video_id": "w"}, event_id="3")
    assert (await receiver.handle(unsigned, {})).status == 200
    await receiver.aclose()
    assert sorted(got) == sorted(
        [
            ("name", "v"),
            ("class", "v"),
            ("any", "avatar_video.success"),
            ("unknown", "new.type"),
            ("any", "new.type"),
            ("callback", (JobNotification("video", "w", verified=False),)),
        ]
    )
    assert (receiver.counts.events, receiver.counts.callbacks) == (2, 1)


async def test_a_typo_in_an_event_is_found_at_once(receiver: WebhookReceiver) -> None:
    with pytest.raises(ConfigurationError, match=r"did you mean 'avatar_video\.success'"):
        receiver.on("avatar_video.sucess")  # type: ignore[call-overload]
    stranger: Any
    for stranger in (int, 7, None):
        with pytest.raises(ConfigurationError, match="expected a class or the name of a type"):
            receiver.on(stranger)
    with pytest.raises(ConfigurationError, match="on_handler_error"):
        WebhookReceiver(receiver.heygen, on_handler_error="ignore")  # type: ignore[arg-type]


async def test_duplicates_are_acknowledged_and_dropped(receiver: WebhookReceiver) -> None:
    seen: list[str | None] = []
    receiver.on(Event)(lambda event: seen.append(event.event_id))
    older = event_body(event_id=None)
    for body in (event_body(), older, event_body(), older):
        assert await deliver(receiver, body) == 200
    await receiver.aclose()
    assert seen == ["event-1", None]
    assert (receiver.counts.events, receiver.counts.duplicates) == (2, 2)


async def test_what_is_not_verified_is_refused(
    receiver: WebhookReceiver, caplog: pytest.LogCaptureFixture
) -> None:
    receiver.on(Event)(lambda event: pytest.fail("a forged event"))
    body = event_body()
    assert await deliver(receiver, body, "whsec_forged") == 401
    assert (await receiver.handle(body, signed(body, at=1))).status == 401
    assert await deliver(receiver, b"[]") == 400
    assert (await receiver.handle(b"[]", {})).status == 400
    assert (await receiver.handle(b" " * 1_000_001, {})).status == 413
    assert receiver.counts.refused == 5
    assert SECRET not in caplog.text
    assert SECRET not in repr(receiver)


async def test_unsigned_deliveries_can_be_refused_altogether(heygen: HeyGen) -> None:
    receiver = WebhookReceiver(heygen, SECRET, callbacks=False)
    assert (await receiver.handle(event_body(), {})).status == 401


async def test_without_a_secret_nothing_signed_is_taken(heygen: HeyGen) -> None:
    receiver = WebhookReceiver(heygen)
    assert await deliver(receiver, event_body()) == 401
    receiver.add_secret("whsec_other")
    assert await deliver(receiver, event_body()) == 401
    receiver.add_secret(SECRET)
    assert await deliver(receiver, event_body()) == 200


async def test_work_goes_on_after_the_answer_and_ends_before_the_close(
    receiver: WebhookReceiver,
) -> None:
    done: list[str | None] = []

    @receiver.on(Event)
    async def slow(event: Event) -> None:
        await asyncio.sleep(5)
        done.append(event.event_id)

    for number in range(50):
        assert await deliver(receiver, event_body(event_id=str(number))) == 200
    assert done == []
    await receiver.aclose()
    assert sorted(map(int, filter(None, done))) == list(range(50))
    assert await deliver(receiver, event_body(event_id="late")) == 503


async def test_no_work_is_left_lying(heygen: HeyGen) -> None:
    done: list[Event] = []
    async with WebhookReceiver(heygen, SECRET, workers=1) as receiver:
        receiver.on(Event)(done.append)
        for number in range(10):
            await deliver(receiver, event_body(event_id=str(number)))
            await asyncio.sleep(0)  # the worker ends in this very moment
            assert len(done) == number + 1


async def test_what_does_not_end_is_ended_by_the_close(
    heygen: HeyGen, caplog: pytest.LogCaptureFixture
) -> None:
    cancelled = asyncio.Event()
    async with WebhookReceiver(heygen, SECRET, workers=1, patience=7) as receiver:

        @receiver.on(Event)
        async def endless(event: Event) -> None:
            try:
                await asyncio.sleep(1e9)
            finally:
                cancelled.set()

        for number in range(3):
            await deliver(receiver, event_body(event_id=str(number)))
        began = asyncio.get_running_loop().time()
    assert cancelled.is_set()
    assert asyncio.get_running_loop().time() - began == pytest.approx(7)
    assert "3 events were not handled" in caplog.text


async def test_a_full_pool_turns_deliveries_away_until_there_is_room(heygen: HeyGen) -> None:
    async with WebhookReceiver(heygen, SECRET, workers=1, backlog=4) as receiver:
        done: list[str | None] = []
        go_on = asyncio.Event()

        @receiver.on(Event)
        async def wait(event: Event) -> None:
            await go_on.wait()
            done.append(event.event_id)

        receiver.on(Callback)(lambda callback: None)
        assert await deliver(receiver, event_body(event_id="0")) == 200
        await asyncio.sleep(0)  # it is at work now, and nothing waits
        statuses = [await deliver(receiver, event_body(event_id=str(n))) for n in (1, 2)]
        # Unsigned deliveries get half of the room.
        unsigned = event_body(data={"video_id": "w"})
        answer = await receiver.handle(unsigned, {})
        assert (answer.status, answer.headers["Retry-After"]) == (503, "5")
        statuses += [await deliver(receiver, event_body(event_id=str(n))) for n in (3, 4, 5)]
        assert statuses == [200, 200, 200, 200, 503]
        go_on.set()
        await asyncio.sleep(1)
        assert await deliver(receiver, event_body(event_id="5")) == 200  # not a duplicate
        assert (await receiver.handle(unsigned, {})).status == 200
    assert done == ["0", "1", "2", "3", "4", "5"]
    assert receiver.counts.turned_away == 2


async def test_a_handler_that_raises_is_logged_and_counted(
    receiver: WebhookReceiver, caplog: pytest.LogCaptureFixture
) -> None:
    done: list[Event] = []

    @receiver.on(Event)
    async def broken(event: Event) -> None:
        raise LookupError("no such order")

    @receiver.on(Event)
    async def cancelled_from_within(event: Event) -> None:
        raise asyncio.CancelledError

    receiver.on(Event)(done.append)
    for number in range(30):  # more than there are workers
        assert await deliver(receiver, event_body(event_id=str(number))) == 200
    await receiver.aclose()
    assert len(done) == 30
    assert receiver.counts.handler_errors == 60
    assert "no such order" in caplog.text


async def test_with_retry_a_failure_is_delivered_again(heygen: HeyGen) -> None:
    receiver = WebhookReceiver(heygen, SECRET, on_handler_error="retry")
    attempts = Counter[str]()

    @receiver.on(Event)
    async def fails_once(event: Event) -> None:
        attempts[str(event.event_id)] += 1
        if attempts[str(event.event_id)] == 1:
            raise ConnectionError

    assert await deliver(receiver, event_body()) == 500
    assert receiver.counts.events == 0
    assert await deliver(receiver, event_body()) == 200
    assert await deliver(receiver, event_body()) == 200
    assert attempts == {"event-1": 2}
    assert (receiver.counts.events, receiver.counts.duplicates) == (1, 1)


async def test_with_retry_an_unsigned_delivery_that_is_cut_short_comes_again(
    heygen: HeyGen,
) -> None:
    receiver = WebhookReceiver(heygen, on_handler_error="retry")
    done: list[Callback] = []

    @receiver.on(Callback)
    async def slow(callback: Callback) -> None:
        await asyncio.sleep(5)
        done.append(callback)

    body = event_body()
    first = asyncio.create_task(receiver.handle(body, {}))
    await asyncio.sleep(1)
    # While it is worked on nobody knows whether it will be.
    assert (await receiver.handle(body, {})).status == 503
    first.cancel()
    await asyncio.wait([first])
    assert (await receiver.handle(body, {})).status == 200
    assert (await receiver.handle(body, {})).text == "seen before"
    assert len(done) == receiver.counts.callbacks == 1


async def test_with_retry_a_slow_handler_is_answered_for_in_time(heygen: HeyGen) -> None:
    receiver = WebhookReceiver(heygen, SECRET, on_handler_error="retry")
    takes = [100.0, 3.0]
    receiver.on(Event)(lambda event: asyncio.sleep(takes.pop(0)))
    loop = asyncio.get_running_loop()
    assert await deliver(receiver, event_body()) == 500
    assert loop.time() == pytest.approx(8)
    first = asyncio.create_task(deliver(receiver, event_body()))
    await asyncio.sleep(1)
    assert await deliver(receiver, event_body()) == 503  # its twin may fail yet
    assert await first == 200


async def test_with_retry_a_cancelled_request_is_forgotten(heygen: HeyGen) -> None:
    receiver = WebhookReceiver(heygen, SECRET, on_handler_error="retry")
    done = []

    @receiver.on(Event)
    async def slow(event: Event) -> None:
        await asyncio.sleep(5)
        done.append(event)

    task = asyncio.create_task(deliver(receiver, event_body()))
    await asyncio.sleep(1)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await deliver(receiver, event_body()) == 200
    assert len(done) == 1


async def test_a_store_that_fails_has_the_delivery_repeated(heygen: HeyGen) -> None:
    class Down(MemorySeen):
        down = True

        async def add(self, key: str) -> bool:
            if self.down:
                raise ConnectionError("the store is down")
            return await super().add(key)

    store = Down()
    receiver = WebhookReceiver(heygen, SECRET, seen=store)
    assert await deliver(receiver, event_body()) == 503
    store.down = False
    assert await deliver(receiver, event_body()) == 200
    assert await deliver(receiver, event_body()) == 200
    assert (receiver.counts.events, receiver.counts.duplicates) == (1, 1)


class LogOfAProcess(MemoryDeliveryLog):
    """A shared log as one process sees it: when that is killed, nothing reaches the log."""

    def __init__(self, shared: MemoryDeliveryLog) -> None:
        super().__init__()
        self.shared = shared
        self.killed = False

    async def begin(self, event_id: str, lease: float) -> DeliveryState:
        return await self.shared.begin(event_id, lease)

    async def done(self, event_id: str) -> None:
        if not self.killed:
            await self.shared.done(event_id)

    async def forget(self, event_id: str) -> None:
        if not self.killed:
            await self.shared.forget(event_id)


async def test_with_retry_an_event_survives_a_crash_inside_its_handler(heygen: HeyGen) -> None:
    shared = MemoryDeliveryLog()
    crashing, healthy = LogOfAProcess(shared), LogOfAProcess(shared)
    first = WebhookReceiver(heygen, SECRET, on_handler_error="retry", log=crashing)
    second = WebhookReceiver(heygen, SECRET, on_handler_error="retry", log=healthy)
    done: list[Event] = []
    first.on(Event)(lambda event: asyncio.sleep(1e9))
    second.on(Event)(done.append)
    crashed = asyncio.create_task(deliver(first, event_body()))
    await asyncio.sleep(1)
    crashing.killed = True
    crashed.cancel()
    await asyncio.wait([crashed])
    # The death of the first process shows only when its lease ends.
    assert await deliver(second, event_body()) == 503
    await asyncio.sleep(60)
    assert await deliver(second, event_body()) == 200
    assert await deliver(first, event_body()) == 200
    assert len(done) == 1
    assert (second.counts.events, second.counts.turned_away, first.counts.duplicates) == (1, 1, 1)


async def test_a_log_that_fails_to_note_the_end_costs_no_second_run(
    heygen: HeyGen, caplog: pytest.LogCaptureFixture
) -> None:
    class Failing(MemoryDeliveryLog):
        async def done(self, event_id: str) -> None:
            raise ConnectionError("the log is down")

        async def publish(self, notification: JobNotification) -> None:
            await asyncio.sleep(1e9)

    receiver = WebhookReceiver(heygen, SECRET, on_handler_error="retry", log=Failing())
    done: list[Event] = []
    receiver.on(Event)(done.append)
    began = asyncio.get_running_loop().time()
    assert await deliver(receiver, event_body()) == 200
    assert asyncio.get_running_loop().time() - began < 8
    assert len(done) == 1
    assert "the log is down" in caplog.text


def test_handlers_that_end_with_their_event_loop_are_reported_and_run_again() -> None:
    """As under WSGI, or in ``asyncio.run``: each request has a loop of its own."""
    receiver = WebhookReceiver(HeyGen("k", base_url="http://127.0.0.1:9"), SECRET, workers=2)
    done: list[str | None] = []
    seconds = 1.0

    @receiver.on(Event)
    async def slow(event: Event) -> None:
        await asyncio.sleep(seconds)
        done.append(event.event_id)

    async def view(*event_ids: str) -> list[int]:
        return [await deliver(receiver, event_body(event_id=event_id)) for event_id in event_ids]

    names = ("a", "b", "c", "d")  # two at work, two that wait
    for _ in range(2):
        with asyncio.Runner(loop_factory=TurnedEventLoop) as runner:
            assert runner.run(view(*names)) == [200] * 4
    assert done == []
    assert receiver.counts.handler_errors == 8
    assert receiver.counts.duplicates == 0
    seconds = 0
    with asyncio.Runner(loop_factory=TurnedEventLoop) as runner:
        runner.run(view(*names))
        runner.run(receiver.aclose())
    assert done == ["a", "b", "c", "d"]


def test_so_are_those_whose_event_loop_was_closed_around_them(
    caplog: pytest.LogCaptureFixture,
) -> None:
    receiver = WebhookReceiver(HeyGen("k", base_url="http://127.0.0.1:9"), SECRET)
    receiver.on(Event)(lambda event: asyncio.sleep(1e9))
    for event_id in ("a", "a", "b"):  # whether it comes again or another one does
        loop = TurnedEventLoop()
        try:
            body = event_body(event_id=event_id)
            assert loop.run_until_complete(deliver(receiver, body)) == 200
        finally:
            loop.close()
    assert (receiver.counts.handler_errors, receiver.counts.duplicates) == (2, 0)
    assert caplog.text.count("were cancelled because the event loop stopped") == 2


def test_a_delivery_that_is_cancelled_leaves_the_others_of_a_closed_loop_to_the_next() -> None:
    class Slow(MemoryDeliveryLog):
        async def forget(self, event_id: str) -> None:
            await asyncio.sleep(1)
            await super().forget(event_id)

    receiver = WebhookReceiver(HeyGen("k", base_url="http://127.0.0.1:9"), SECRET, log=Slow())
    receiver.on(Event)(lambda event: asyncio.sleep(1e9))

    async def view(*event_ids: str) -> list[int]:
        answers = [await deliver(receiver, event_body(event_id=event_id)) for event_id in event_ids]
        await asyncio.sleep(0)  # the handlers are at work
        return answers

    async def cancelled() -> None:
        delivery = asyncio.create_task(deliver(receiver, event_body(event_id="c")))
        await asyncio.sleep(0.5)
        delivery.cancel()
        await asyncio.wait([delivery])

    loop = TurnedEventLoop()
    try:
        assert loop.run_until_complete(view("a", "b")) == [200, 200]
    finally:
        loop.close()
    with asyncio.Runner(loop_factory=TurnedEventLoop) as runner:
        runner.run(cancelled())
        assert receiver.counts.handler_errors == 1
        assert runner.run(view("b")) == [200]
        assert receiver.counts.handler_errors == 2
        assert receiver.counts.duplicates == 0


def test_with_retry_they_run_before_the_answer() -> None:
    receiver = WebhookReceiver(
        HeyGen("k", base_url="http://127.0.0.1:9"), SECRET, on_handler_error="retry"
    )
    done: list[Event] = []

    @receiver.on(Event)
    async def slow(event: Event) -> None:
        await asyncio.sleep(1)
        done.append(event)

    for _ in range(2):
        with asyncio.Runner(loop_factory=TurnedEventLoop) as runner:
            assert runner.run(deliver(receiver, event_body())) == 200
    assert len(done) == 1


async def test_abandoned_handlers_are_reported(
    receiver: WebhookReceiver, caplog: pytest.LogCaptureFixture
) -> None:
    receiver.on(AvatarVideoSuccess)(lambda event: asyncio.sleep(1e9))
    await deliver(receiver, event_body())
    await receiver.aclose()
    assert "the handlers of AvatarVideoSuccess were cancelled" in caplog.text
    assert "on_handler_error='retry'" in caplog.text
    async with receiver:
        assert (await receiver.handle(event_body(), signed(event_body()))).text == "ok"


LOST: dict[str, Any] = {
    "renamed": lambda headers: {"X-Forwarded-Heygen-Signature": headers["Heygen-Signature"]},
    "dropped": lambda headers: {"HTTP_HEYGEN_TIMESTAMP": headers["Heygen-Timestamp"]},
    "nested": lambda headers: {"Heygen-Event-Id": "event-1", "headers": headers},
}


@pytest.mark.parametrize("lose", LOST.values(), ids=LOST)
async def test_a_signature_that_got_lost_is_warned_about(
    receiver: WebhookReceiver, caplog: pytest.LogCaptureFixture, lose: Any
) -> None:
    for _ in range(2):
        assert (await receiver.handle(event_body(), lose(signed(event_body())))).status == 200
    assert caplog.text.count("no signature was found") == 2
    assert signed(event_body())["Heygen-Signature"] not in caplog.text


async def test_an_unsigned_event_is_warned_about_once(
    receiver: WebhookReceiver, caplog: pytest.LogCaptureFixture
) -> None:
    for number in range(3):
        await receiver.handle(event_body(event_id=str(number)), {"Host": "app.example"})
    assert caplog.text.count("an event arrived without a signature") == 1


async def test_a_secret_can_be_removed(receiver: WebhookReceiver) -> None:
    receiver.add_secret("whsec_new")
    receiver.remove_secret(SECRET)
    receiver.remove_secret("whsec_never_there")
    assert await deliver(receiver, event_body()) == 401
    assert await deliver(receiver, event_body(), "whsec_new") == 200
    with pytest.raises(ConfigurationError, match="secrets: "):
        receiver.remove_secret("")


async def test_an_old_event_is_refused_whatever_its_timestamp(receiver: WebhookReceiver) -> None:
    body = event_body(created_at="2026-01-01T00:00:00Z")
    assert (await receiver.handle(body, signed(body))).status == 401


async def test_ids_of_any_length_are_deduplicated_in_little_memory(heygen: HeyGen) -> None:
    keys: list[str] = []

    class Log(MemoryDeliveryLog):
        async def begin(self, event_id: str, lease: float) -> DeliveryState:
            keys.append(event_id)
            return await super().begin(event_id, lease)

    receiver = WebhookReceiver(heygen, SECRET, log=Log())
    for event_id in ("x" * 100_000, "x" * 100_001, "x" * 100_000, "é" * 201):
        assert await deliver(receiver, event_body(event_id=event_id)) == 200
    assert max(map(len, keys)) <= 200
    assert (receiver.counts.events, receiver.counts.duplicates) == (3, 1)


@pytest.mark.no_cover
async def test_ten_thousand_deliveries_in_disorder(sandbox: Sandbox, heygen: HeyGen) -> None:
    """A third of them twice, some unsigned, some forged; each event is worked on once."""
    chance = random.Random(7)
    jobs = [await heygen.videos.create(video_request(sandbox)) for _ in range(200)]
    waiting = asyncio.gather(*(job.wait() for job in jobs))
    ids = [job.id for job in jobs] + [f"elsewhere-{number}" for number in range(5_400)]
    genuine = [
        (event_body(data={"video_id": name}, event_id=f"event-{name}"), SECRET) for name in ids
    ]
    forged = [
        (event_body("avatar_video.fail", {"video_id": name}, event_id=f"event-{name}"), "whsec_x")
        for name in ids[:600]
    ]
    unsigned = [
        (event_body("avatar_video.fail", {"video_id": name}, event_id=f"event-{name}"), None)
        for name in ids[:800]
    ]
    deliveries = [*genuine, *chance.sample(genuine, 3_000), *forged, *unsigned]
    chance.shuffle(deliveries)
    assert len(deliveries) == 10_000

    worked_on = Counter[str]()
    seen = MemorySeen(capacity=6_000)
    async with WebhookReceiver(heygen, SECRET, seen=seen, backlog=20_000) as receiver:
        receiver.on(AvatarVideoFail)(lambda event: pytest.fail("a forged event was believed"))
        receiver.on(AvatarVideoSuccess)(lambda event: worked_on.update([event.event_data.video_id]))
        await asyncio.sleep(101)
        statuses = Counter[int]()
        for body, secret in deliveries:
            headers = signed(body, secret) if secret else {}
            statuses[(await receiver.handle(body, headers)).status] += 1
            if chance.random() < 0.01:
                await asyncio.sleep(0)
        videos = await waiting
    assert statuses == {200: 9_400, 401: 600}
    assert worked_on == dict.fromkeys(ids, 1)
    assert {video.status for video in videos} == {"completed"}
    assert (receiver.counts.events, receiver.counts.duplicates) == (5_600, 3_000)
    assert (receiver.counts.callbacks, receiver.counts.refused) == (800, 600)
    assert len(seen) == 5_600


async def test_memory_is_bounded(heygen: HeyGen) -> None:
    log = MemoryDeliveryLog(capacity=100)
    receiver = WebhookReceiver(heygen, SECRET, log=log)
    for number in range(300):
        await deliver(receiver, event_body(event_id=str(number)))
    assert len(log) == 100
    assert await log.begin("299", 60) == "done"
    assert await log.begin("0", 60) == "new"
    for number in range(10_001):
        await receiver.handle(event_body(data={"video_id": str(number)}), {})
    for number, state in ((1, "seen before"), (0, "ok")):
        answer = await receiver.handle(event_body(data={"video_id": str(number)}), {})
        assert answer.text == state


async def test_other_processes_hear_of_it_on_the_bus(sandbox: Sandbox, heygen: HeyGen) -> None:
    bus = MemoryBus()
    heygen.jobs.expect_deliveries(["video"])
    job = await heygen.videos.create(video_request(sandbox))
    waiting = asyncio.create_task(job.wait())
    await asyncio.sleep(100)
    other = HeyGen(sandbox.api_key, base_url=sandbox.base_url)
    async with listening(bus, heygen), other, WebhookReceiver(other, SECRET, bus=bus) as receiver:
        assert await deliver(receiver, event_body(data={"video_id": job.id})) == 200
        assert (await waiting).status == "completed"
    assert sandbox.clock.now() < 100.1
    await bus.publish(JobNotification("video", "nobody listens"))


async def test_a_receiver_listens_to_its_bus(sandbox: Sandbox, heygen: HeyGen) -> None:
    bus = MemoryBus()
    heygen.jobs.expect_deliveries(["video"])
    job = await heygen.videos.create(video_request(sandbox, "http://127.0.0.1:9/nobody"))
    waiting = asyncio.create_task(job.wait())
    await asyncio.sleep(100)
    async with WebhookReceiver(heygen, SECRET, bus=bus):
        await bus.publish(JobNotification("video", job.id, verified=False, callback_id="guessed"))
        await asyncio.sleep(1)
        assert not waiting.done()
        await bus.publish(
            JobNotification("video", job.id, verified=False, callback_id=job.callback_id)
        )
        await waiting
    assert sandbox.clock.now() < 101.1


async def test_a_receiver_that_published_about_a_job_hears_of_it_from_others(
    sandbox: Sandbox, heygen: HeyGen
) -> None:
    log = MemoryDeliveryLog()
    heygen.jobs.expect_deliveries(["video"])
    job = await heygen.videos.create(video_request(sandbox))
    async with WebhookReceiver(heygen, SECRET, log=log) as receiver:
        for hear in (
            lambda: deliver(receiver, event_body(data={"video_id": job.id})),
            lambda: log.publish(JobNotification("video", job.id)),
        ):
            waiting = asyncio.create_task(job.wait())
            await asyncio.sleep(40)
            before = sandbox.requests.by_operation["videos.get"]
            await hear()
            await asyncio.sleep(0.9)
            assert sandbox.requests.by_operation["videos.get"] - before == 1
            waiting.cancel()


async def test_a_bus_that_fails_harms_nothing_else(
    heygen: HeyGen, caplog: pytest.LogCaptureFixture
) -> None:
    class Down:
        async def publish(self, news: JobNotification) -> None:
            raise ConnectionError("the bus is down")

        @asynccontextmanager
        async def listen(self, listener: Listener) -> AsyncIterator[None]:
            yield

    done: list[Event] = []
    async with WebhookReceiver(heygen, SECRET, bus=Down()) as receiver:
        receiver.on(Event)(done.append)
        assert await deliver(receiver, event_body()) == 200
    assert len(done) == 1
    assert "the bus is down" in caplog.text


async def test_nothing_is_left_running(heygen: HeyGen, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    before = asyncio.all_tasks()
    async with WebhookReceiver(heygen, SECRET) as receiver:
        receiver.on(Event)(lambda event: asyncio.sleep(1))
        for number in range(40):
            await deliver(receiver, event_body(event_id=str(number)))
        assert len(asyncio.all_tasks() - before) == 20
    assert asyncio.all_tasks() == before
