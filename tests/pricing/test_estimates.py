"""Estimates of runs, before any paid call."""

from __future__ import annotations

import datetime
from collections.abc import Sequence

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
from heygen_async.models.sources import AssetUrl
from heygen_async.models.video_parts import AvatarScene, ImageInput, StudioScene, VideoScene
from heygen_async.models.video_translations import VideoTranslationRequest
from heygen_async.models.videos import StudioVideoRequest
from heygen_async.pricing.estimates import Estimate, RunTotal, cost, estimate
from heygen_async.sandbox import Sandbox
from tests.batch.conftest import names

pytestmark = pytest.mark.anyio

DAY = datetime.date(2026, 6, 30)


def one(
    usd: float | None, seconds: float | None = 1.0, basis: str = "text", high: float | None = None
) -> Estimate:
    return Estimate(
        usd=usd,
        usd_low=usd or 0.0,
        usd_high=high or usd,
        usd_known=usd or 0.0,
        unknown=int(usd is None),
        seconds=seconds,
        basis=basis,
        as_of=DAY,
    )


def totals(
    estimates: Sequence[Estimate], as_of: datetime.date, today: datetime.date | None = None
) -> RunEstimate:
    total = RunTotal()
    for item in estimates:
        total.add(item)
    return total.estimate(as_of, today)


def test_sums_are_exact_and_say_what_is_missing() -> None:
    total = totals([one(0.1)] * 10 + [one(None, None, "audio", high=5.0)], DAY, today=DAY)
    assert total == RunEstimate(
        items=11,
        usd=1.0,
        usd_low=1.0,
        usd_high=6.0,
        usd_known=1.0,
        unknown=1,
        seconds=None,
        basis="text; audio",
        as_of=DAY,
    )
    assert not total.complete
    assert str(total) == (
        "incomplete estimate: 1.00 USD (1.00 to 6.00 USD) for 11 items, 1 of them "
        "not fully known, at prices of 2026-06-30 (text; audio)"
    )


def test_a_run_of_which_nothing_is_known_is_not_free() -> None:
    unknown = totals([one(None, None, "audio", high=5.0)] * 2, DAY, today=DAY)
    assert (unknown.usd, unknown.usd_low, unknown.usd_high) == (None, 0.0, 10.0)
    assert str(unknown).startswith("incomplete estimate: unknown (at most 10.00 USD) for 2 items")
    unpriced = totals([one(None, None, "no price"), one(1.0)], DAY, today=DAY)
    assert (unpriced.usd, unpriced.usd_low, unpriced.usd_high) == (1.0, 1.0, None)
    assert "1.00 USD (at least 1.00 USD)" in str(unpriced)


def test_prices_older_than_60_days_are_mentioned() -> None:
    speech = SpeechRequest(text="Hello there", voice_id="v")
    for days, old in ((60, False), (61, True)):
        today = DAY + datetime.timedelta(days=days)
        for found in (
            estimate(speech, PriceTable(as_of=DAY), today=today),
            totals([one(1.0)], DAY, today),
        ):
            assert (found.notice is not None) == old
            assert ("61 days old" in str(found)) == old


def test_a_script_may_be_a_third_shorter_or_longer() -> None:
    found = estimate(SpeechRequest(text="x" * 149, voice_id="v"), PriceTable(speech=3.0))
    assert found.usd == pytest.approx(30)
    assert found.usd_low == pytest.approx(20)
    assert found.usd_high == pytest.approx(40)
    assert found.complete


def test_parts_of_one_output_share_the_longest_length_and_outputs_have_their_own() -> None:
    prices = PriceTable(avatar_iv=1.0, avatar_iv_photo=0.5, translation_speed=1.0)
    source = AssetUrl(url="https://files.example/a.mp4")
    scenes: list[StudioScene] = [VideoScene(source=source)] * 3
    scenes.append(AvatarScene(input=ImageInput(image=source, script="x" * 149, voice_id="v")))
    studio = estimate(StudioVideoRequest(scenes=scenes), prices)
    assert studio.usd == pytest.approx(5)
    assert studio.unknown == 3
    assert studio.usd_high == pytest.approx(1800 + 5 * 4 / 3)
    languages = ["French", "German", "Dutch"]
    translation = VideoTranslationRequest(video=source, output_languages=languages)
    assert estimate(translation, prices).usd_high == pytest.approx(3 * 1800)


def test_a_sum_of_nothing_and_of_many_kinds() -> None:
    nothing = totals([], DAY)
    assert (nothing.items, nothing.usd, nothing.complete, nothing.seconds) == (0, 0.0, True, 0.0)
    many = totals([one(1.0, 2.0, f"basis {number}") for number in range(9)], DAY)
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
    agent = VideoAgentRequest(prompt="A teaser")
    known = [estimate(request, prices).usd or 0.0 for request in (*requests, agent)]
    assert found.usd == pytest.approx(sum(known))
    assert (found.items, found.incomplete, found.as_of) == (3, 1, DAY)
    # The account is asked for sessions of the Video Agent, and nothing else.
    assert sandbox.requests.by_operation == {"video_agents.list": 1}


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
    assert (found.items, found.unknown, found.usd, found.seconds) == (2, 2, None, None)
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


async def test_a_session_costs_what_its_video_costs(sandbox: Sandbox, heygen: HeyGen) -> None:
    request = VideoAgentRequest(prompt="A teaser")
    seen: list[Progress] = []
    run = Batch(heygen, max_cost=100, progress=seen.append).run([request])
    outcomes = [outcome async for outcome in run]
    assert outcomes[0].unwrap().video_id
    assert outcomes[0].usd == pytest.approx(sandbox.ledger.usd)
    assert seen[-1].usd == pytest.approx(outcomes[0].usd, abs=1e-6)
    assert cost(outcomes[0].unwrap(), request) is None  # the session itself does not tell
    assert cost(outcomes[0].unwrap(), request, seconds=10) == pytest.approx(0.333)
