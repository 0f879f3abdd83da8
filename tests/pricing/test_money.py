"""Prices, estimates and real costs. Figures were worked out by hand."""

from __future__ import annotations

import datetime
import json
import time
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from heygen_async.errors import ConfigurationError, InvalidRequest
from heygen_async.models.editing import FillerWordRemoval, FillerWordRemovalRequest
from heygen_async.models.hyperframes import HyperframesRenderRequest
from heygen_async.models.proofreads import ProofreadGenerateRequest, ProofreadRequest
from heygen_async.models.sources import AssetUrl
from heygen_async.models.structs import Request
from heygen_async.models.template_variables import TextVariable
from heygen_async.models.templates import Dimension, Template, TemplateRenderRequest, TemplateScene
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
from heygen_async.pricing.estimates import cost, dollars, estimate
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
    ("seconds", "usd"), [(None, None), (0.0, 0.30), (20.0, 0.30), (60.0, 0.30), (90.0, 0.45)]
)
def test_filler_words_cost_by_the_minute_of_the_source(
    seconds: float | None, usd: float | None
) -> None:
    found = estimate(FillerWordRemovalRequest(video=SOURCE), seconds=seconds)
    assert found.usd == (None if usd is None else pytest.approx(usd))
    assert (found.seconds, found.complete) == (seconds, seconds is not None)
    # Two hours of source at most.
    assert found.usd_low == pytest.approx(0.30 if usd is None else usd)
    assert found.usd_high == pytest.approx(0.30 * 120 if usd is None else usd)
    done = FillerWordRemoval(id="f", status="completed", original_duration=seconds)
    paid = cost(done, FillerWordRemovalRequest(video=SOURCE))
    assert paid == (None if usd is None else pytest.approx(usd))
    failed = FillerWordRemoval(id="f", status="failed", original_duration=seconds)
    assert cost(failed, FillerWordRemovalRequest(video=SOURCE)) == 0


def test_no_price_of_hyperframes_is_known_unless_it_is_given() -> None:
    request = HyperframesRenderRequest(project=SOURCE, resolution="4k")
    unknown = estimate(request, seconds=10)
    assert (unknown.usd, unknown.complete) == (None, False)
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
    assert (unknown.usd, unknown.usd_low, unknown.seconds) == (None, 0, None)
    assert (unknown.unknown, unknown.complete) == (1, False)
    longest = 600 if "audio" in unknown.basis else 1800
    assert unknown.usd_high == pytest.approx(longest * rate)
    assert str(unknown).startswith("incomplete estimate: unknown (at most ")
    assert "unknown" in unknown.basis
    known = estimate(request_, seconds=30)
    assert known.usd == pytest.approx(30 * rate)
    assert (known.seconds, known.complete) == (30, True)
    assert known.usd_low == known.usd == known.usd_high


def test_the_agent_is_a_guess_until_its_length_is_known() -> None:
    request = VideoAgentRequest(prompt="A film")
    guess = estimate(request)
    assert guess.usd == pytest.approx(60 * 0.0333)
    assert not guess.complete
    assert "guess" in str(guess)
    assert guess.usd_low == guess.usd_known == 0
    assert guess.usd_high == pytest.approx(1800 * 0.0333)
    typical = estimate(request, agent_seconds=20)
    assert typical.usd == pytest.approx(20 * 0.0333)
    assert typical.usd_high == guess.usd_high
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
    assert partly.usd == partly.usd_known == pytest.approx(3.168)
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
        assert found.usd is not None
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
    assert (found.usd, found.seconds, found.complete) == (None, None, False)


def test_a_test_render_is_free() -> None:
    found = estimate(render(), test=True)
    assert (found.usd, found.usd_high, found.complete) == (0, 0, True)
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
    assert (found.usd, found.usd_high, found.complete) == (None, None, False)
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
    assert found.usd_high is not None
    assert 0 <= found.usd_low <= found.usd_high
    assert found.usd is None or found.usd_low <= found.usd <= found.usd_high + 1e-9
    assert (found.usd is None) <= (not found.complete)
    assert found.complete == (found.seconds is not None)
    if seconds is not None:
        assert found.complete


def test_every_estimate_says_that_it_is_one_and_of_which_day() -> None:
    complete = estimate(AvatarVideoRequest(avatar_id="a", script=TEN_SECONDS * 10))
    assert str(complete).startswith(
        "estimate: 6.63 USD (4.42 to 8.84 USD) for 99.4 s at prices of 2026-06-30 ("
    )
    guess = estimate(VideoAgentRequest(prompt="p"), PriceTable(as_of=datetime.date(2026, 9, 1)))
    assert str(guess).startswith(
        "incomplete estimate: 2.00 USD (at most 59.94 USD) for 60.0 s at prices of 2026-09-01 ("
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
