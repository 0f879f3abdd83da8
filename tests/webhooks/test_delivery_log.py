"""The delivery logs that come with the package, and what only one of them does."""

from __future__ import annotations

import pytest

from heygen_async import ConfigurationError, HeyGen, WebhookReceiver
from heygen_async.webhooks import DeliveryLog, MemoryBus, MemoryDeliveryLog, MemorySeen
from heygen_async.webhooks.seen_events import SeenEventsLog

from ..conformance.delivery_log import DeliveryLogConformance, Store, Stores


class Memory:
    """A log that dies with its process."""

    survives = "none"

    async def open(self) -> DeliveryLog:
        return MemoryDeliveryLog()

    async def crash(self) -> None:
        pass

    async def aclose(self) -> None:
        pass


class Seen:
    """A store of 0.1.0 that outlives the processes that add to it."""

    survives = "claims are done"

    def __init__(self) -> None:
        self._seen, self._bus = MemorySeen(), MemoryBus()

    async def open(self) -> DeliveryLog:
        return SeenEventsLog(self._seen, self._bus)

    async def crash(self) -> None:
        pass

    async def aclose(self) -> None:
        pass


@pytest.fixture(params=[Memory, Seen], ids=["memory", "seen events of 0.1.0"], scope="module")
def stores(request: pytest.FixtureRequest) -> Stores:
    store: type[Store] = request.param
    return store


class TestImplementations(DeliveryLogConformance):
    """The suite, for each implementation in memory."""


@pytest.mark.anyio
async def test_the_oldest_events_make_room_and_claims_go_last() -> None:
    log = MemoryDeliveryLog(capacity=3)
    assert await log.begin("claimed", 60) == "new"
    for number in range(10):
        await log.done(str(number))
    assert len(log) == 3
    assert await log.begin("claimed", 60) == "in_progress"
    assert await log.begin("9", 60) == "done"
    assert await log.begin("0", 60) == "new"


@pytest.mark.anyio
async def test_a_store_of_0_1_0_that_fails_leaves_no_claim() -> None:
    class Down(MemorySeen):
        down = True

        async def add(self, key: str) -> bool:
            if self.down:
                raise ConnectionError
            return await super().add(key)

        async def discard(self, key: str) -> None:
            if self.down:
                raise ConnectionError
            await super().discard(key)

    store = Down()
    log = SeenEventsLog(store, MemoryBus())
    with pytest.raises(ConnectionError):
        await log.begin("e", 60)
    store.down = False
    assert await log.begin("e", 60) == "new"
    store.down = True
    with pytest.raises(ConnectionError):
        await log.forget("e")
    assert await log.begin("e", 60) == "in_progress"  # until its lease ends
    store.down = False
    await log.forget("e")
    assert await log.begin("e", 60) == "new"


@pytest.mark.anyio
async def test_a_log_replaces_store_and_bus(heygen: HeyGen) -> None:
    with pytest.raises(ConfigurationError, match="log: "):
        WebhookReceiver(heygen, log=MemoryDeliveryLog(), seen=MemorySeen())
    with pytest.raises(ConfigurationError, match="log: "):
        WebhookReceiver(heygen, log=MemoryDeliveryLog(), bus=MemoryBus())
