"""Prices, estimates, real costs and the budget. Figures were worked out by hand."""

from __future__ import annotations

import datetime
import json
import pickle
import re
import time
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from heygen_async.errors import BudgetExceeded, ConfigurationError, InvalidRequest
from heygen_async.models.editing import FillerWordRemovalRequest
from heygen_async.models.hyperframes import HyperframesRenderRequest
from heygen_async.models.proofreads import ProofreadGenerateRequest, ProofreadRequest
from heygen_async.models.sources import AssetUrl
from heygen_async.models.structs import Request
from heygen_async.models.template_variables import TextVariable
from heygen_async.models.templates import Dimension, Template, TemplateRenderRequest, TemplateScene
from heygen_async.models.users import User
from heygen_async.models.video_agents import VideoAgentRequest
from heygen_async.models.video_parts import (
    AvatarIIIEngine,
    AvatarInput,
    AvatarScene,
    AvatarVEngine,
    ImageInput,
    ImageScene,
    StudioScene,
    VideoScene,
    VoiceSettings,
)
from heygen_async.models.video_translations import VideoTranslation, VideoTranslationRequest
from heygen_async.models.videos import (
    AvatarVideoRequest,
    CinematicAvatarVideoRequest,
    ImageVideoRequest,
    StudioVideoRequest,
    Video,
)
from heygen_async.models.voices import Speech, SpeechRequest, VoiceDesignRequest
from heygen_async.pricing.budget import Budget, balance
from heygen_async.pricing.estimates import Estimate, cost, dollars, estimate
from heygen_async.pricing.prices import PRICES, PriceTable
from heygen_async.pricing.speech_length import speech_seconds
from heygen_async.sandbox.ledger import CINEMATIC_PRICE, FILLER_WORDS_PRICE, FOUR_K_FACTOR
from heygen_async.sandbox.ledger import PRICES as SANDBOX_PRICES
from tests.contract.drawing import parts

SOURCE = AssetUrl(url="https://files.example/a.mp4")
QUICK = settings(max_examples=50, deadline=None, database=None)
TEN_SECONDS = "x" * 149  # and the gap after the word: 150 characters at 15 a second
AS_OF = datetime.date(2026, 6, 30)


def video(duration: float | None = None, status: str = "completed") -> Video:
    return Video(id="v", status=status, duration=duration)


# Prices


def test_the_published_prices_are_those_that_the_sandbox_charges() -> None:
    names = {"avatar": "avatar_iv", "avatar_photo": "avatar_iv_photo", "agent": "video_agent"}
    for name, price in SANDBOX_PRICES.items():
        assert getattr(PRICES, names.get(name, name)) == price
    assert PRICES.four_k == FOUR_K_FACTOR
    assert PRICES.cinematic_video == CINEMATIC_PRICE
    assert PRICES.filler_words_minute == FILLER_WORDS_PRICE
    assert PRICES.as_of == AS_OF


@pytest.mark.parametrize(
    ("seconds", "usd"), [(None, 0.0), (0.0, 0.30), (20.0, 0.30), (60.0, 0.30), (90.0, 0.45)]
)
def test_filler_words_cost_by_the_minute_of_the_source(seconds: float | None, usd: float) -> None:
    found = estimate(FillerWordRemovalRequest(video=SOURCE), seconds=seconds)
    assert found.usd == pytest.approx(usd)
    assert (found.seconds, found.complete) == (seconds, seconds is not None)


def test_no_price_of_hyperframes_is_known_unless_it_is_given() -> None:
    request = HyperframesRenderRequest(project=SOURCE, resolution="4k")
    unknown = estimate(request, seconds=10)
    assert (unknown.usd, unknown.complete) == (0.0, False)
    assert unknown.basis == "no price is known for a HyperframesRenderRequest"
    mine = PriceTable.of({"hyperframes": 0.02})
    assert estimate(request, mine, seconds=10).usd == pytest.approx(0.30)
    plain = HyperframesRenderRequest(project=SOURCE)
    assert estimate(plain, mine, seconds=10).usd == pytest.approx(0.20)
    assert not estimate(plain, mine).complete
    with pytest.raises(ConfigurationError, match="hyperframes"):
        PriceTable(hyperframes=-1)


def test_prices_are_overridden_one_by_one() -> None:
    table = PriceTable.of({"as_of": "2026-09-01", "speech": 1})
    assert table == PriceTable(as_of=datetime.date(2026, 9, 1), speech=1.0)
    assert table.avatar_iv == PRICES.avatar_iv
    assert msgspec.structs.replace(PRICES, clip=0.2).clip == 0.2


def test_prices_are_loaded_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "prices.json"
    path.write_text(json.dumps({"as_of": "2026-09-01", "avatar_iv": 0.06}))
    assert PriceTable.load(path) == PriceTable(as_of=datetime.date(2026, 9, 1), avatar_iv=0.06)


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b'{"avatr_iv": 0.06}', "no price named 'avatr_iv'; did you mean 'avatar_iv'"),
        (b'{"speech": "cheap"}', "speech: expected `float`, got `str`"),
        (b'{"speech": -1}', "speech: expected a finite number of 0 or more, got -1"),
        (b'{"speech": null}', "speech: expected `float`, got `null`"),
        (b'{"as_of": "June"}', "as_of: "),
        (b"[1]", "not a JSON object of prices"),
        (b"{", "not a JSON object of prices"),
        (b'{"\xff": 1}', "not "),
        (None, "No such file"),
    ],
)
def test_a_file_that_holds_no_prices_is_refused_by_name(
    tmp_path: Path, content: bytes | None, complaint: str
) -> None:
    path = tmp_path / "prices.json"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ConfigurationError) as caught:
        PriceTable.load(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert complaint in str(caught.value)


@pytest.mark.parametrize("price", [-0.1, float("nan"), float("inf"), True, "1", None])
def test_a_price_that_is_none_is_refused_however_it_comes(price: Any) -> None:
    with pytest.raises(ConfigurationError, match="clip"):
        PriceTable(clip=price)
    with pytest.raises(ConfigurationError, match="clip"):
        msgspec.structs.replace(PRICES, clip=price)
    with pytest.raises(ConfigurationError, match="clip"):
        PriceTable.of({"clip": price})


@pytest.mark.parametrize("day", ["2026-09-01", datetime.datetime(2026, 9, 1)])
def test_the_day_of_the_prices_is_a_date(day: Any) -> None:
    with pytest.raises(ConfigurationError, match="as_of"):
        PriceTable(as_of=day)


# How long a text takes


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        (TEN_SECONDS, 10.0),
        ("Hello brave new world", 22 / 15),
        ("  Hello \n brave new   world ", 22 / 15),
        ("Hi", 0.5),
        ("你好世界你好世界你", 9 / 4.5 + 1 / 15),
        ("こんにちは", 5 / 7.5 + 1 / 15),
        ("안녕하세요", 5 / 5.5 + 1 / 15),
        ('Hello <break time="1.5s"/> brave new world', 22 / 15 + 1.5),
        ("<emphasis>Hello</emphasis> brave new world", 22 / 15),
        ("Is 1 < 2 and 3 > 2 true", 24 / 15),
        ("e\u0301" * 29, 30 / 15),
    ],
)
def test_a_text_takes_its_time(text: str, seconds: float) -> None:
    assert speech_seconds(text) == pytest.approx(seconds)


def test_speed_shortens_the_words_and_not_the_breaks() -> None:
    text = f'{TEN_SECONDS} <break time="3s"/>'
    assert speech_seconds(text, 2.0) == pytest.approx(10 / 2 + 3)


@QUICK
@given(st.text(), st.text())
def test_a_longer_text_never_takes_less(text: str, more: str) -> None:
    plain, longer = text.replace("<", ""), f"{text} {more}".replace("<", "")
    assert 0.5 <= speech_seconds(plain) <= speech_seconds(longer) + 1e-9


# Estimates


@pytest.mark.parametrize(
    ("request_", "usd"),
    [
        (AvatarVideoRequest(avatar_id="a", script=TEN_SECONDS), 0.667),
        (AvatarVideoRequest(avatar_id="a", script=TEN_SECONDS, resolution="4k"), 0.83375),
        (AvatarVideoRequest(avatar_id="a", script=TEN_SECONDS, resolution="1080p"), 0.667),
        (AvatarVideoRequest(avatar_id="a", script=TEN_SECONDS, engine=AvatarVEngine()), 0.667),
        (AvatarVideoRequest(avatar_id="a", script=TEN_SECONDS, engine=AvatarIIIEngine()), 0.433),
        (
            AvatarVideoRequest(
                avatar_id="a", script=TEN_SECONDS, voice_settings=VoiceSettings(speed=0.5)
            ),
            1.334,
        ),
        (ImageVideoRequest(image=SOURCE, script=TEN_SECONDS, voice_id="v"), 0.5),
        (
            ImageVideoRequest(image=SOURCE, script=TEN_SECONDS, voice_id="v", resolution="4k"),
            0.625,
        ),
        (CinematicAvatarVideoRequest(avatar_id=["a"], prompt="p", duration=15), 7.0),
        (CinematicAvatarVideoRequest(avatar_id=["a"], prompt="p", auto_duration=True), 7.0),
        (SpeechRequest(text=TEN_SECONDS, voice_id="v"), 0.00667),
        (SpeechRequest(text=TEN_SECONDS, voice_id="v", speed=2), 0.003335),
        (ProofreadRequest(video=SOURCE, output_languages=["French"], title="t"), 0.0),
    ],
)
def test_what_follows_from_the_request_is_estimated_completely(
    request_: Request, usd: float
) -> None:
    found = estimate(request_, PRICES)
    assert found.usd == pytest.approx(usd)
    assert found.complete


def test_the_engines_have_prices_of_their_own() -> None:
    prices = PriceTable(avatar_v=5, avatar_iv=4, avatar_iv_photo=2, avatar_iii=3)
    by_engine = {
        engine: estimate(
            AvatarVideoRequest(avatar_id="a", script=TEN_SECONDS, engine=engine), prices
        ).usd
        for engine in (AvatarVEngine(), None, AvatarIIIEngine())
    }
    assert list(by_engine.values()) == [50, 40, 30]


@pytest.mark.parametrize(
    ("request_", "rate"),
    [
        (AvatarVideoRequest(avatar_id="a", audio_url="https://files.example/a.wav"), 0.0667),
        (ImageVideoRequest(image=SOURCE, audio_asset_id="a"), 0.05),
        (TemplateRenderRequest(variables={}), 0.0667),
        (
            TemplateRenderRequest(variables={}, dimension=Dimension(width=3840, height=2160)),
            0.083375,
        ),
        (
            TemplateRenderRequest(variables={}, dimension=Dimension(width=2160, height=3840)),
            0.083375,
        ),
        (TemplateRenderRequest(variables={}, dimension=Dimension(width=1920, height=1080)), 0.0667),
        (VideoTranslationRequest(video=SOURCE, output_languages=["French"]), 0.0333),
        (
            VideoTranslationRequest(video=SOURCE, output_languages=["French"], mode="precision"),
            0.0667,
        ),
        (
            VideoTranslationRequest(
                video=SOURCE, output_languages=["French"], translate_audio_only=True
            ),
            0.0167,
        ),
        (
            VideoTranslationRequest(
                video=SOURCE,
                output_languages=["French"],
                mode="precision",
                translate_audio_only=True,
            ),
            0.0333,
        ),
        (ProofreadGenerateRequest(), 0.0667 + 0.0083),
        (ProofreadGenerateRequest(translate_audio_only=True), 0.0333 + 0.0083),
    ],
)
def test_an_unknown_length_is_said_and_a_given_one_used(request_: Request, rate: float) -> None:
    unknown = estimate(request_)
    assert (unknown.usd, unknown.seconds, unknown.complete) == (0, None, False)
    assert "unknown" in unknown.basis
    known = estimate(request_, seconds=30)
    assert known.usd == pytest.approx(30 * rate)
    assert (known.seconds, known.complete) == (30, True)


def test_the_agent_is_a_guess_until_its_length_is_known() -> None:
    request = VideoAgentRequest(prompt="A film")
    guess = estimate(request)
    assert guess.usd == pytest.approx(60 * 0.0333)
    assert not guess.complete
    assert "guess" in str(guess)
    known = estimate(request, seconds=90)
    assert known.usd == pytest.approx(90 * 0.0333)
    assert known.complete


def test_a_studio_video_is_the_sum_of_its_scenes() -> None:
    scenes: list[StudioScene] = [
        AvatarScene(input=AvatarInput(avatar_id="a", script=TEN_SECONDS)),  # 0.667
        AvatarScene(input=ImageInput(image=SOURCE, script=TEN_SECONDS, voice_id="v")),  # 0.5
        ImageScene(source=SOURCE, duration=20),  # 1.334
        VideoScene(source=SOURCE, script=TEN_SECONDS, voice_id="v"),  # 0.667
    ]
    whole = estimate(StudioVideoRequest(scenes=scenes))
    assert whole.usd == pytest.approx(3.168)
    assert whole.seconds == pytest.approx(50)
    assert whole.complete
    four_k = estimate(StudioVideoRequest(scenes=scenes, resolution="4k"))
    assert four_k.usd == pytest.approx(3.96)
    # A scene of unknown length leaves the sum of the others.
    partly = estimate(StudioVideoRequest(scenes=[*scenes, VideoScene(source=SOURCE)]))
    assert partly.usd == pytest.approx(3.168)
    assert (partly.seconds, partly.complete) == (None, False)


def test_scenes_share_a_given_length_and_unknown_ones_count_at_the_dearest_rate() -> None:
    scenes: list[StudioScene] = [
        AvatarScene(input=AvatarInput(avatar_id="a", script=TEN_SECONDS)),
        AvatarScene(input=ImageInput(image=SOURCE, script=TEN_SECONDS, voice_id="v")),
    ]
    twice = estimate(StudioVideoRequest(scenes=scenes), seconds=40)
    assert twice.usd == pytest.approx(20 * 0.0667 + 20 * 0.05)
    assert twice.seconds == pytest.approx(40)
    silent = AvatarScene(input=ImageInput(image=SOURCE))
    dearest = estimate(StudioVideoRequest(scenes=[scenes[0], silent]), seconds=40)
    assert dearest.usd == pytest.approx(40 * 0.0667)
    assert dearest.complete


TEMPLATE = Template(
    id="t",
    name="Offer",
    scenes=(
        TemplateScene(scene_id="one", script="Hello {{ name }}, {{text}}"),
        TemplateScene(scene_id="two", script=TEN_SECONDS),
        TemplateScene(scene_id="quiet", script=""),
    ),
)


def render(*scene_ids: str, **texts: str) -> TemplateRenderRequest:
    values = {name: TextVariable(content=text) for name, text in texts.items()}
    return TemplateRenderRequest(variables=values, scene_ids=scene_ids or None)


def test_a_template_is_as_long_as_its_scripts_with_the_variables_filled_in() -> None:
    # "Hello Ann, " and 138 characters: 6 + 5 + 139 = 150 characters
    found = estimate(render("one", "two", name="Ann", text="y" * 138), template=TEMPLATE)
    assert found.seconds == pytest.approx(20)
    assert found.usd == pytest.approx(20 * 0.0667)
    assert found.complete
    # Repeated scenes count again; a variable left out stays as it is.
    assert estimate(render("two", "two"), template=TEMPLATE).seconds == pytest.approx(20)
    left_out = estimate(render("one", name="Ann"), template=TEMPLATE)
    assert left_out.seconds == pytest.approx(len("Hello Ann, {{text}} ") / 15)


def test_a_scene_without_a_script_leaves_the_template_incomplete() -> None:
    for request in (render(name="Ann", text="y" * 138), render("one", "two", "gone")):
        found = estimate(request, template=TEMPLATE)
        assert found.usd > 0.667
        assert (found.seconds, found.complete) == (None, False)
        assert "1 of 3 scenes" in found.basis
        assert estimate(request, template=TEMPLATE, seconds=12).usd == pytest.approx(12 * 0.0667)


def test_a_script_of_braces_and_blanks_is_read_in_no_time() -> None:
    script = "{{" + " " * 5000 + "{{" * 2500 + "<a" * 2500 + "<break " * 700
    template = Template(id="t", name="x", scenes=(TemplateScene(scene_id="s", script=script),))
    began = time.process_time()
    estimate(render(), template=template)
    assert time.process_time() - began < 1


def test_a_template_without_scenes_is_of_unknown_length() -> None:
    found = estimate(render(), template=Template(id="t", name="Old"))
    assert (found.usd, found.seconds, found.complete) == (0, None, False)


def test_a_test_render_is_free() -> None:
    found = estimate(render(), test=True)
    assert (found.usd, found.complete) == (0, True)
    assert cost(video(30), render(), test=True) == 0


@pytest.mark.parametrize(
    ("window", "source", "seconds"),
    [
        ({}, 60.0, 60.0),
        ({"start_time": 10.0}, 60.0, 50.0),
        ({"start_time": 10.0, "end_time": 30.0}, 60.0, 20.0),
        ({"start_time": 10.0, "end_time": 30.0}, 25.0, 15.0),
        ({"start_time": 10.0, "end_time": 30.0}, None, 20.0),
        ({"end_time": 30.0}, None, 30.0),
        ({"start_time": 90.0}, 60.0, 0.0),
    ],
)
def test_a_translation_costs_each_language_for_what_is_translated(
    window: dict[str, Any], source: float | None, seconds: float
) -> None:
    request = VideoTranslationRequest(
        video=SOURCE, output_languages=["French", "German", "Dutch"], **window
    )
    found = estimate(request, seconds=source)
    assert found.usd == pytest.approx(3 * seconds * 0.0333)
    assert found.seconds == pytest.approx(3 * seconds)
    assert found.complete


def test_a_proofread_is_charged_at_its_render_in_its_mode() -> None:
    proofread = ProofreadRequest(video=SOURCE, output_languages=["French"], title="t")
    found = estimate(ProofreadGenerateRequest(), proofread=proofread, seconds=100)
    assert found.usd == pytest.approx(3.33 + 0.83)
    result = VideoTranslation(id="v", status="completed", duration=50)
    paid = cost(result, ProofreadGenerateRequest(), proofread=proofread)
    assert paid == pytest.approx(1.665 + 0.415)


def test_a_request_without_a_published_price_is_said_to_have_none() -> None:
    request = VoiceDesignRequest(prompt="deep")
    found = estimate(request)
    assert (found.usd, found.complete) == (0, False)
    assert "no price is known for a VoiceDesignRequest" in str(found)
    assert cost(video(10), request) is None


@pytest.mark.parametrize("seconds", [-1.0, float("nan"), float("inf")])
def test_a_length_that_is_none_is_refused(seconds: float) -> None:
    with pytest.raises(InvalidRequest, match="seconds"):
        estimate(VideoAgentRequest(prompt="p"), seconds=seconds)


@QUICK
@given(
    request_=st.one_of(
        [
            parts(kind)
            for kind in (
                AvatarVideoRequest,
                ImageVideoRequest,
                StudioVideoRequest,
                TemplateRenderRequest,
                VideoTranslationRequest,
            )
        ]
    ),
    seconds=st.none() | st.floats(0, 1800),
    template=st.none() | st.just(TEMPLATE),
)
def test_any_request_has_an_estimate_that_is_complete_only_where_its_length_is_known(
    request_: Request, seconds: float | None, template: Template | None
) -> None:
    found = estimate(request_, seconds=seconds, template=template)
    assert found.usd >= 0
    assert found.complete == (found.seconds is not None)
    if seconds is not None:
        assert found.complete


def test_every_estimate_says_that_it_is_one_and_of_which_day() -> None:
    complete = estimate(AvatarVideoRequest(avatar_id="a", script=TEN_SECONDS * 10))
    assert str(complete).startswith("estimate: 6.63 USD for 99.4 s at prices of 2026-06-30 (")
    guess = estimate(VideoAgentRequest(prompt="p"), PriceTable(as_of=datetime.date(2026, 9, 1)))
    assert str(guess).startswith(
        "incomplete estimate: 2.00 USD for 60.0 s at prices of 2026-09-01 ("
    )


@pytest.mark.parametrize(
    ("usd", "text"), [(0, "0.00 USD"), (0.00667, "0.0067 USD"), (1234.5, "1,234.50 USD")]
)
def test_small_amounts_keep_their_figures(usd: float, text: str) -> None:
    assert dollars(usd) == text


# Real costs


def test_results_cost_what_their_real_length_costs() -> None:
    avatar = AvatarVideoRequest(avatar_id="a", script=TEN_SECONDS, resolution="4k")
    assert cost(video(12), avatar) == pytest.approx(12 * 0.083375)
    assert cost(video(-1), avatar) is None
    assert cost(video(30), render()) == pytest.approx(2.001)
    assert cost(video(90), VideoAgentRequest(prompt="p")) == pytest.approx(2.997)
    speech = Speech(audio_url="https://files.example/a.wav", duration=10)
    assert cost(speech, SpeechRequest(text="x", voice_id="v")) == pytest.approx(0.00667)
    cinematic = CinematicAvatarVideoRequest(avatar_id=["a"], prompt="p", duration=5)
    assert cost(video(), cinematic) == 7


def test_one_language_of_a_translation_costs_its_own_length() -> None:
    request = VideoTranslationRequest(
        video=SOURCE, output_languages=["French", "German"], start_time=10.0
    )
    french = VideoTranslation(id="v-fr", status="completed", duration=50)
    assert cost(french, request) == pytest.approx(1.665)


def test_a_job_that_failed_costs_nothing_and_one_that_has_not_ended_is_not_known() -> None:
    avatar = AvatarVideoRequest(avatar_id="a", script=TEN_SECONDS)
    cinematic = CinematicAvatarVideoRequest(avatar_id=["a"], prompt="p", duration=5)
    for request in (avatar, cinematic):
        assert cost(video(12, "failed"), request) == 0
        assert cost(video(12, "processing"), request) is None
    # Without a length, the one guessed from the script does not stand in for it.
    assert cost(video(None), VideoAgentRequest(prompt="p")) is None
    assert cost(video(None), avatar) is None


# The account


@pytest.mark.parametrize(
    ("account", "left"),
    [
        ({"wallet": {"currency": "usd", "remaining_balance": 12.5}}, 12.5),
        ({"wallet": {"currency": "credits", "remaining_balance": 1234567}}, "1,234,567 credits"),
        ({"wallet": {"currency": "usd"}}, None),
        ({"usage_based": {"spending_cap_usd": 100, "spending_current_usd": 30}}, 70.0),
        ({"usage_based": {"spending_cap_usd": 100, "spending_current_usd": 130}}, 0.0),
        ({"usage_based": {"remaining_credits": 40}}, "40 included credits"),
        (
            {
                "subscription": {
                    "plan": "pro",
                    "credits": {
                        "premium_credits": {"remaining": 120},
                        "add_on_credits": {"remaining": 0.5},
                    },
                }
            },
            "120 premium credits, 0.5 add-on credits",
        ),
        ({"subscription": {"plan": "free", "credits": {}}}, None),
        ({}, None),
    ],
)
def test_what_is_left_in_the_account(account: dict[str, Any], left: float | str | None) -> None:
    assert balance(msgspec.convert({"username": "u", **account}, User)) == left


# The budget


def of(usd: float, complete: bool = True) -> Estimate:
    return Estimate(usd=usd, seconds=None, basis="", complete=complete, as_of=AS_OF)


UNKNOWN = of(0, complete=False)


def test_a_budget_refuses_what_would_pass_the_cap_and_says_so() -> None:
    budget = Budget(max_cost=0.3)
    for _ in range(3):  # 0.1 + 0.1 + 0.1 > 0.3 in floats
        budget.reserve(of(0.1))
    with pytest.raises(BudgetExceeded) as caught:
        budget.reserve(of(0.0001))
    error = caught.value
    assert (error.max_cost, error.max_jobs, error.spent, error.reserved) == (0.3, None, 0, 0.3)
    assert error.not_submitted == ()
    assert "estimate at prices of 2026-06-30" in str(error)
    assert budget.reserved == 0.3
    error.not_submitted = ("a", "b")
    copy = pickle.loads(pickle.dumps(error))
    assert vars(copy) == vars(error)
    assert str(copy) == str(error)


def test_what_a_job_did_not_use_is_room_for_others() -> None:
    budget = Budget(max_cost=10)
    first, second = budget.reserve(of(6)), budget.reserve(of(4))
    budget.settle(first, 2.5)
    budget.release(second)
    assert (budget.spent, budget.reserved, budget.jobs) == (2.5, 0, 1)
    budget.reserve(of(7.5))
    with pytest.raises(BudgetExceeded):
        budget.reserve(of(0.01))


def test_max_jobs_counts_what_was_submitted_and_not_what_was_released() -> None:
    budget = Budget(max_jobs=2)
    budget.settle(budget.reserve(of(1)), 0)
    released = budget.reserve(of(1))
    budget.release(released)
    budget.reserve(of(1))
    with pytest.raises(BudgetExceeded, match="max_jobs"):
        budget.reserve(of(0))


def test_unknown_jobs_reserve_the_mean_of_those_that_ended_and_cost_something() -> None:
    budget = Budget(max_cost=10)
    jobs = [budget.reserve(UNKNOWN) for _ in range(5)]
    assert budget.reserved == 0
    budget.settle(jobs[0], 1.0)
    assert budget.reserved == 4.0  # the four in flight are worth the mean, too
    budget.settle(jobs[1], 0.0)  # failed
    assert budget.reserved == 3.0
    budget.settle(jobs[2], 3.0)
    assert (budget.spent, budget.reserved) == (4.0, 4.0)
    budget.settle(jobs[3], None)  # length never known: the mean counts as spent
    assert (budget.spent, budget.reserved) == (6.0, 2.0)
    budget.reserve(UNKNOWN)
    with pytest.raises(BudgetExceeded):
        budget.reserve(UNKNOWN)


def test_an_incomplete_estimate_reserves_at_least_what_is_known_of_it() -> None:
    budget = Budget(max_cost=10)
    partly = budget.reserve(of(2, complete=False))
    assert budget.reserved == 2
    budget.settle(budget.reserve(of(5)), 5)
    assert budget.reserved == 5
    budget.settle(partly, 2)
    assert (budget.spent, budget.reserved) == (7, 0)


@pytest.mark.parametrize("max_cost", [0, 3])
def test_an_unknown_job_needs_room_even_where_nothing_says_how_much(max_cost: float) -> None:
    budget = Budget(max_cost=max_cost, spent=max_cost)
    budget.reserve(of(0))  # a test render
    with pytest.raises(BudgetExceeded):
        budget.reserve(UNKNOWN)


def test_a_resumed_run_goes_on_from_what_was_spent() -> None:
    budget = Budget(max_cost=10, max_jobs=10, spent=8, jobs=4)
    assert (budget.spent, budget.jobs) == (8, 4)
    # Jobs that are on their way already are counted, and never refused.
    running = budget.reserve(of(5), submitted=True)
    assert (budget.reserved, budget.jobs) == (5, 5)
    with pytest.raises(BudgetExceeded):
        budget.reserve(of(0.01))
    budget.settle(running, 0.0)
    budget.reserve(UNKNOWN)  # worth the mean of the earlier jobs, 2 USD
    assert budget.reserved == 2


def test_a_reservation_is_settled_once_and_in_its_own_budget() -> None:
    budget = Budget(max_cost=10)
    reservation = budget.reserve(of(1))
    with pytest.raises(ValueError, match="not open"):
        Budget().settle(reservation, 1)
    for amount in (-1.0, float("nan"), float("inf")):
        with pytest.raises(ValueError, match="0 USD or more"):
            budget.settle(reservation, amount)
    budget.settle(reservation, 1)
    with pytest.raises(ValueError, match="not open"):
        budget.settle(reservation, 1)
    with pytest.raises(ValueError, match="not open"):
        budget.release(reservation)
    assert (budget.spent, budget.reserved, budget.jobs) == (1, 0, 1)


def test_warnings_come_once_at_half_and_at_four_fifths() -> None:
    heard: list[str] = []
    budget = Budget(max_cost=10, warn=heard.append)
    first = budget.reserve(of(4.9))
    assert heard == []
    second = budget.reserve(of(0.1))
    assert len(heard) == 1
    assert heard[0] == (
        "50% of max_cost is spent or reserved; estimate at prices of 2026-06-30: 0.00 USD spent "
        "and 5.00 USD reserved of at most 10.00 USD; jobs: 2"
    )
    budget.release(second)
    budget.reserve(of(0.1))
    budget.settle(first, 7.9)
    assert [text[:3] for text in heard] == ["50%", "80%"]
    budget.reserve(of(1))
    assert len(heard) == 2


@pytest.mark.parametrize(("spent", "expected"), [(0, ["80%"]), (5, ["80%"]), (8, []), (12, [])])
def test_a_jump_warns_once_and_what_was_spent_before_is_not_said_again(
    spent: float, expected: list[str]
) -> None:
    heard: list[str] = []
    budget = Budget(max_cost=10, spent=spent, warn=heard.append)
    budget.reserve(of(9), submitted=True)
    assert [text[:3] for text in heard] == expected


def test_a_budget_without_a_cap_only_counts() -> None:
    heard: list[str] = []
    budget = Budget(warn=heard.append)
    budget.settle(budget.reserve(of(1_000_000)), 2_000_000)
    assert heard == []
    assert str(budget) == (
        "estimate at prices of 2026-06-30: 2,000,000.00 USD spent and 0.00 USD reserved; jobs: 1"
    )


@pytest.mark.parametrize("name", ["max_cost", "max_jobs", "spent", "jobs"])
@pytest.mark.parametrize("figure", [-1, float("nan"), float("inf")])
def test_a_budget_of_nonsense_is_refused(name: str, figure: Any) -> None:
    with pytest.raises(ConfigurationError, match=re.escape(f"{name}: expected 0 or more")):
        Budget(**{name: figure})


AMOUNTS = st.floats(0, 20, allow_nan=False)


@QUICK
@given(
    cap=st.floats(0, 100),
    steps=st.lists(
        st.tuples(st.sampled_from(["reserve", "settle", "release"]), AMOUNTS, st.floats(0, 1))
    ),
)
def test_jobs_that_keep_to_their_estimates_never_pass_the_cap(
    cap: float, steps: list[tuple[str, float, float]]
) -> None:
    budget = Budget(max_cost=cap)
    open_ = []
    for action, amount, share in steps:
        if action == "reserve":
            before = budget.reserved
            try:
                open_.append(budget.reserve(of(amount)))
            except BudgetExceeded:
                assert budget.reserved == before
                assert budget.spent + before + amount > cap - 1e-8
        elif open_:
            reservation = open_.pop(int(share * (len(open_) - 1)))
            if action == "settle":
                budget.settle(reservation, reservation.estimate.usd * share)
            else:
                budget.release(reservation)
        assert budget.spent + budget.reserved <= cap + 1e-8
        assert budget.reserved == pytest.approx(
            sum(reservation.estimate.usd for reservation in open_), abs=1e-6
        )


@QUICK
@given(
    cap=st.floats(1, 100),
    jobs=st.lists(st.tuples(AMOUNTS, st.booleans(), AMOUNTS), min_size=1),
)
def test_nothing_is_admitted_beyond_the_cap_however_dear_jobs_turn_out(
    cap: float, jobs: list[tuple[float, bool, float]]
) -> None:
    budget = Budget(max_cost=cap)
    for usd, complete, actual in jobs:
        try:
            reservation = budget.reserve(of(usd, complete))
        except BudgetExceeded:
            continue
        assert budget.spent + budget.reserved <= cap + 1e-8
        budget.settle(reservation, actual)


@QUICK
@given(data=st.data(), jobs=st.lists(st.tuples(AMOUNTS, st.booleans(), AMOUNTS), max_size=12))
def test_the_order_in_which_jobs_end_makes_no_difference(
    data: st.DataObject, jobs: list[tuple[float, bool, float]]
) -> None:
    spent = set()
    for order in (jobs, data.draw(st.permutations(jobs))):
        budget = Budget()
        reserved = [(budget.reserve(of(usd, complete)), actual) for usd, complete, actual in order]
        for reservation, actual in data.draw(st.permutations(reserved)):
            budget.settle(reservation, actual)
        assert budget.reserved == 0
        assert budget.jobs == len(jobs)
        spent.add(budget.spent)
    assert len(spent) == 1
