"""What a run will cost, before anything is paid for."""

from __future__ import annotations

import datetime

import pytest

from heygen_async import (
    AvatarVideoRequest,
    Batch,
    HeyGen,
    InvalidRequest,
    InvalidVariants,
    PriceTable,
    Progress,
    RunEstimate,
    SpeechRequest,
    VideoAgentRequest,
)
from heygen_async.pricing.estimates import Estimate, cost, estimate, summed
from heygen_async.sandbox import Sandbox
from tests.batch.conftest import names

pytestmark = pytest.mark.anyio

DAY = datetime.date(2026, 6, 30)


def one(
    usd: float, seconds: float | None = 1.0, basis: str = "text", known: bool = True
) -> Estimate:
    return Estimate(usd=usd, seconds=seconds, basis=basis, complete=known, as_of=DAY)


def test_sums_are_exact_and_say_what_is_missing() -> None:
    total = summed([one(0.1)] * 10 + [one(0.0, None, "audio", known=False)], DAY)
    assert total == RunEstimate(
        items=11, usd=1.0, incomplete=1, seconds=None, basis="text; audio", as_of=DAY
    )
    assert not total.complete
    assert str(total) == (
        "incomplete estimate: 1.00 USD for 11 items, 1 of them not fully known, "
        "at prices of 2026-06-30 (text; audio)"
    )


def test_a_sum_of_nothing_and_of_many_kinds() -> None:
    nothing = summed([], DAY)
    assert (nothing.items, nothing.usd, nothing.complete, nothing.seconds) == (0, 0.0, True, 0.0)
    many = summed([one(1.0, 2.0, f"basis {number}") for number in range(9)], DAY)
    assert many.seconds == 18.0
    assert many.basis.endswith("basis 4; and 4 more")


async def test_a_run_of_requests(sandbox: Sandbox, heygen: HeyGen) -> None:
    requests = [
        SpeechRequest(text="Hello there", voice_id=sandbox.voice_id),
        AvatarVideoRequest(avatar_id=sandbox.avatar_id, script="Hello there, all of you"),
    ]
    prices = PriceTable(speech=1.0, avatar_iv=2.0, as_of=DAY)
    run = Batch(heygen, prices=prices).run([*requests, VideoAgentRequest(prompt="A teaser")])
    found = await run.estimate()
    known = [estimate(request, prices).usd for request in requests]
    agent = estimate(VideoAgentRequest(prompt="A teaser"), prices)
    assert found.usd == pytest.approx(sum(known) + agent.usd)
    assert (found.items, found.incomplete, found.as_of) == (3, 1, DAY)
    assert sandbox.ledger.requests == 0


async def test_renders_are_close_to_what_they_cost(
    sandbox: Sandbox, heygen: HeyGen, template_id: str
) -> None:
    run = Batch(heygen).render(template_id, names(30))
    found = await run.estimate()
    assert found.complete
    assert sandbox.ledger.count() == 0
    assert all([outcome.ok async for outcome in run])  # an estimate uses nothing up
    assert found.usd == pytest.approx(sandbox.ledger.usd, rel=0.5)
    free = await Batch(heygen).render(template_id, names(30), test=True).estimate()
    assert (free.usd, free.complete) == (0.0, True)


async def test_translations_of_unknown_length(sandbox: Sandbox, heygen: HeyGen) -> None:
    languages = ["French (France)", "German (Germany)"]
    run = Batch(heygen).translate("https://example.com/launch.mp4", languages)
    found = await run.estimate()
    assert (found.items, found.incomplete, found.usd, found.seconds) == (2, 2, 0.0, None)
    assert "length of the source unknown" in found.basis


async def test_items_are_checked_as_the_run_checks_them(
    sandbox: Sandbox, heygen: HeyGen, template_id: str
) -> None:
    batch = Batch(heygen)
    with pytest.raises(InvalidVariants, match="nmae"):
        await batch.render(template_id, [{"nmae": "Ada"}]).estimate()
    with pytest.raises(InvalidRequest, match="the same key"):
        await batch.render(template_id, names(2), key=lambda _: "same").estimate()
    with pytest.raises(InvalidRequest, match="does not translate into 'Klingon'"):
        await batch.translate("https://example.com/a.mp4", ["Klingon"]).estimate()
    with pytest.raises(InvalidRequest, match="collection"):
        await batch.render(template_id, iter(names(2))).estimate()
    assert sandbox.ledger.count() == 0


async def test_the_cost_of_a_session_is_not_known(sandbox: Sandbox, heygen: HeyGen) -> None:
    request = VideoAgentRequest(prompt="A teaser")
    seen: list[Progress] = []
    run = Batch(heygen, max_cost=100, progress=seen.append).run([request])
    outcomes = [outcome async for outcome in run]
    assert outcomes[0].unwrap().video_id
    assert outcomes[0].usd is None
    assert cost(outcomes[0].unwrap(), request) is None
