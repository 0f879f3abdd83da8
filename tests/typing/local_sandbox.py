"""The sandbox in the tests of its users."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, assert_type

from heygen_async import HeyGen
from heygen_async.sandbox import (
    Clock,
    Deliveries,
    Delivery,
    Failure,
    Fault,
    Faults,
    Ledger,
    LedgerJob,
    RequestLog,
    Sandbox,
    SandboxThread,
)


async def opened(durations: Mapping[str, float | tuple[float, float]], keys: Sequence[str]) -> None:
    async with Sandbox(
        speed=600,
        seed=1,
        concurrency=3,
        api_keys=keys,
        durations=durations,
        faults=Faults(drop=0.1),
    ) as sandbox:
        assert_type(sandbox, Sandbox)
        assert_type(HeyGen(sandbox.api_key, base_url=sandbox.base_url), HeyGen)
        assert_type(sandbox.media_origin, str)
        assert_type(sandbox.voice_id, str)
        assert_type(sandbox.avatar_id, str)
        assert_type(sandbox.template_id("Welcome"), str)
        assert_type(sandbox.add_template(variables={"name": "text"}), str)
        assert_type(sandbox.add_voice(starfish=False), str)
        assert_type(sandbox.add_look(avatar_type="photo_avatar"), str)
        assert_type(sandbox.running + sandbox.leaks + sandbox.concurrency, int)
        assert_type(sandbox.retry_after, int | str | None)
        assert_type(sandbox.clock, Clock)
        assert_type(sandbox.ledger, Ledger)
        assert_type(sandbox.requests, RequestLog)
        assert_type(sandbox.deliveries, Deliveries)
        assert_type(sandbox.faults, Faults)
        sandbox.faults = Faults(status={503: 0.02}, latency=(0.1, 2.0), fail_jobs={"video": 0.5})
        sandbox.concurrency = 20
        sandbox.give_consent("id")
        sandbox.fail_next("video", times=2, code=None)
        sandbox.clock.advance(60)
    with SandboxThread(speed=600) as in_thread:
        assert_type(in_thread, Sandbox)


def seen(ledger: Ledger, requests: RequestLog, deliveries: Deliveries, clock: Clock) -> None:
    assert_type(ledger.jobs, list[LedgerJob])
    assert_type(ledger.requests + ledger.count("video"), int)
    assert_type(ledger.usd, float)
    assert_type(ledger.jobs[0].idempotency_key, str | None)
    assert_type(requests.by_operation["videos.create"], int)
    assert_type(requests.by_status[429], int)
    delivery = deliveries.records[0]
    assert_type(delivery, Delivery)
    assert_type(delivery.status, int | None)
    assert_type(delivery.body, bytes)
    assert_type(clock.now() + clock.unix() + clock.speed, float)


def spoiled(faults: Faults) -> None:
    for fault in (
        Fault.drop(),
        Fault.drop_answer(),
        Fault.status(429, retry_after=3, body="html"),
        Fault.truncate(),
        Fault.malformed(),
        Fault.delay(2.5, work=False),
        Fault.redirect("https://example.com"),
        Fault.body(b"{}", status=201, headers={"X-A": "b"}),
    ):
        assert_type(fault, Fault)
        faults.add("videos.create", fault, times=None, after=1, rate=0.5)
    assert_type(faults.struck, list[tuple[str, str]])
    assert_type(Faults.from_json('{"drop": 0.1}'), Faults)
    assert_type(faults.to_json(), dict[str, Any])
    assert_type(Failure("internal_error", None).message, str | None)
