"""Requests: refused values, their errors, and the encoded body."""

from __future__ import annotations

import copy
import json
import pickle
from collections import deque
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

import jsonschema_rs
import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from heygen_async.errors import InvalidRequest
from heygen_async.models.assets import DirectUploadRequest
from heygen_async.models.batches import VideoBatchRequest, VideoTranslationBatchRequest
from heygen_async.models.lipsyncs import LipsyncRequest
from heygen_async.models.sources import AssetBase64, AssetId, AssetUrl
from heygen_async.models.structs import Part, Request, encode
from heygen_async.models.template_variables import TextVariable
from heygen_async.models.templates import Dimension, TemplateRenderRequest
from heygen_async.models.video_agents import VideoAgentRequest
from heygen_async.models.video_parts import (
    AvatarIIIEngine,
    AvatarInput,
    AvatarIVEngine,
    AvatarScene,
    AvatarVEngine,
    Background,
    ImageInput,
    ImageScene,
    VideoScene,
    VoiceSettings,
)
from heygen_async.models.video_translations import VideoTranslationRequest
from heygen_async.models.videos import (
    AvatarVideoRequest,
    CinematicAvatarVideoRequest,
    ImageVideoRequest,
    StudioVideoRequest,
    VideoRequest,
)
from heygen_async.models.voices import SpeechRequest
from heygen_async.models.webhooks import WebhookEndpointUpdate
from tests.contract.drawing import parts
from tests.contract.examples import SOURCE, valid_fields
from tests.contract.schemas import CONTRACT, PARTS, SCHEMAS, alternatives

NAMED = [kind for kind in PARTS if kind.__name__ in SCHEMAS]
FILE = AssetBase64(media_type="image/png", data="AAAA")
QUICK = settings(
    max_examples=10, deadline=None, suppress_health_check=[HealthCheck.too_slow], database=None
)


@cache
def _validator(schema: str) -> jsonschema_rs.Draft202012Validator:
    return jsonschema_rs.Draft202012Validator(
        {"$ref": f"#/components/schemas/{schema}", "components": CONTRACT["components"]}
    )


def _sent(part: Part) -> Any:
    return json.loads(encode(part) if isinstance(part, Request) else msgspec.json.encode(part))


@pytest.mark.parametrize("kind", NAMED)
@QUICK
@given(data=st.data())
def test_any_request_fits_the_contract(kind: type[Part], data: st.DataObject) -> None:
    part = data.draw(parts(kind))
    body = _sent(part)
    errors = [error.message for error in _validator(kind.__name__).iter_errors(body)]
    assert not errors
    assert msgspec.convert(body, kind) == msgspec.convert(msgspec.to_builtins(part), kind)
    assert pickle.loads(pickle.dumps(part)) == part
    assert copy.copy(part) == copy.deepcopy(part) == part
    assert repr(part).startswith(f"{kind.__name__}(")


def _wrong_values(schema: dict[str, Any]) -> Iterator[Any]:
    """Return values that the contract refuses for a field."""
    choices = alternatives(schema)
    kinds = {choice.get("type", "ref") for choice in choices}
    yield object()
    if not kinds & {"string"}:
        yield "neither"
    if not kinds & {"integer", "number"} and not any("enum" in choice for choice in choices):
        yield 7
    if "boolean" not in kinds:
        yield True
    if "null" not in kinds and "default" in schema:
        yield None
    for choice in choices:
        if "enum" in choice:
            yield from ("unheard-of", 7)
        if choice.get("type") == "number" and "enum" not in choice:
            yield from (float("nan"), float("inf"), "1")
        if choice.get("type") == "integer":
            yield 1000.5
        if choice.get("type") == "array":
            yield from ("bare text", [object()], {"a": "mapping"})
        if "ref" in choice:
            yield from ({"type": "url", "url": "https://files.example/a"}, "text")
        if "minimum" in choice:
            yield choice["minimum"] - 1
        if "maximum" in choice:
            yield choice["maximum"] + 1
        if "exclusiveMinimum" in choice:
            yield choice["exclusiveMinimum"]
        if "multipleOf" in choice:
            yield choice["minimum"] + 1
        if choice.get("minLength"):
            yield ""
        if "maxLength" in choice:
            yield "x" * (choice["maxLength"] + 1)
        if "minItems" in choice:
            yield []
        if "maxItems" in choice:
            yield [SOURCE] * (choice["maxItems"] + 1)
            yield ["text"] * (choice["maxItems"] + 1)


@pytest.mark.parametrize("kind", NAMED)
def test_every_invalid_value_is_refused_by_name(kind: type[Part]) -> None:
    valid = valid_fields(kind)
    kind(**valid)
    for name in kind.__struct_fields__:
        schema = SCHEMAS[kind.__name__]["properties"].get(name, {})
        for wrong in _wrong_values(schema) if schema else ():
            with pytest.raises(InvalidRequest) as caught:
                pytest.fail(f"took {kind(**{**valid, name: wrong})!r}")
            assert str(caught.value.param).startswith(name), wrong
            assert str(caught.value).startswith(name), wrong


@pytest.mark.parametrize("kind", NAMED)
def test_required_fields_are_required(kind: type[Part]) -> None:
    for name in (field.name for field in msgspec.structs.fields(kind) if field.required):
        fields = valid_fields(kind)
        del fields[name]
        with pytest.raises(TypeError, match=name):
            kind(**fields)


def _avatar(**fields: Any) -> AvatarVideoRequest:
    return AvatarVideoRequest(**{"avatar_id": "look", "script": "Hello", **fields})


def _image(**fields: Any) -> ImageVideoRequest:
    return ImageVideoRequest(**{"image": SOURCE, "script": "Hello", "voice_id": "voice", **fields})


def _translation(**fields: Any) -> VideoTranslationRequest:
    return VideoTranslationRequest(**{"video": SOURCE, "output_languages": ["French"], **fields})


def _lipsync(**fields: Any) -> LipsyncRequest:
    return LipsyncRequest(**{"video": SOURCE, "audio": SOURCE, **fields})


COLOUR = Background(type="color", value="#112233")
AUDIO = "https://files.example/a.mp3"

BROKEN_RULES: list[tuple[str, Callable[[], Part], str]] = [
    ("no speech", lambda: _avatar(script=None), "script"),
    ("two speeches", lambda: _avatar(audio_url=AUDIO), "audio_url"),
    ("three speeches", lambda: _avatar(audio_url=AUDIO, audio_asset_id="a"), "audio_url"),
    ("two audios", lambda: _avatar(script=None, audio_url=AUDIO, audio_asset_id="a"),
     "audio_asset_id"),
    ("image: no speech", lambda: _image(script=None), "script"),
    ("image: two speeches", lambda: _image(audio_asset_id="a"), "audio_asset_id"),
    ("image: no voice", lambda: _image(voice_id=None), "voice_id"),
    ("webm", lambda: _avatar(output_format="webm", background=COLOUR), "background"),
    ("image: webm", lambda: _image(output_format="webm", background=COLOUR), "background"),
    ("expressiveness on V", lambda: _avatar(engine=AvatarVEngine(), expressiveness="low"),
     "expressiveness"),
    ("expressiveness on III", lambda: _avatar(engine=AvatarIIIEngine(), expressiveness="low"),
     "expressiveness"),
    ("colour without value", lambda: Background(type="color"), "value"),
    ("colour by name", lambda: Background(type="color", value="red"), "value"),
    ("colour with url", lambda: Background(type="color", value="#112233", url=AUDIO), "url"),
    ("image without source", lambda: Background(type="image"), "url"),
    ("image with two", lambda: Background(type="image", url=AUDIO, asset_id="a"), "asset_id"),
    ("image with value", lambda: Background(type="image", url=AUDIO, value="#112233"), "value"),
    ("cinematic durations", lambda: CinematicAvatarVideoRequest(
        avatar_id=["a"], prompt="p", duration=5, auto_duration=True), "duration"),
    ("scene: two speeches", lambda: AvatarInput(avatar_id="a", script="s", audio_asset_id="b"),
     "audio_asset_id"),
    ("scene: expressiveness", lambda: AvatarInput(
        avatar_id="a", engine=AvatarVEngine(), expressiveness="low"), "expressiveness"),
    ("scene: no voice", lambda: ImageInput(image=SOURCE, script="s"), "voice_id"),
    ("scene: length twice", lambda: ImageScene(source=SOURCE, duration=2, audio_url=AUDIO),
     "duration"),
    ("scene: video speech twice", lambda: VideoScene(
        source=SOURCE, audio_url=AUDIO, audio_asset_id="a"), "audio_asset_id"),
    ("fps_mode alone", lambda: _translation(fps_mode="cfr"), "fps_mode"),
    ("srt_role alone", lambda: _translation(srt_role="input"), "srt_role"),
    ("empty range", lambda: _translation(start_time=5, end_time=5), "start_time"),
    ("lipsync: empty range", lambda: _lipsync(start_time=5, end_time=5), "start_time"),
    ("101 languages", lambda: VideoTranslationBatchRequest(
        video_translations=[_translation(output_languages=["French"] * 50)] * 2
        + [_translation()]), "video_translations"),
    ("base64 where media is meant", lambda: _translation(video=FILE), "video"),
    ("odd width", lambda: Dimension(width=129, height=128), "width"),
    ("ftp", lambda: AssetUrl(url="ftp://files.example/a"), "url"),
    ("a host only in name", lambda: AssetUrl(url="https:///a"), "url"),
    ("a blank in a URL", lambda: AssetUrl(url="https://files.example/a b"), "url"),
    ("a newline after a URL", lambda: AssetUrl(url="https://files.example/a\n"), "url"),
    ("a URL of 2,048", lambda: AssetUrl(url="https://h/".ljust(2048, "x")), "url"),
    ("an id with a line end", lambda: _avatar(avatar_id="look-1\n"), "avatar_id"),
    ("an id of zero width", lambda: AssetId(asset_id="\u200b"), "asset_id"),
    ("an id with a blank before it", lambda: _avatar(voice_id=" v"), "voice_id"),
    ("a script that shows nothing", lambda: _avatar(script="\u00a0\u200b"), "script"),
    ("a relative callback", lambda: _avatar(callback_url="/hook"), "callback_url"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("make", "param"), [case[1:] for case in BROKEN_RULES], ids=[case[0] for case in BROKEN_RULES]
)
def test_rules_between_fields(make: Callable[[], Part], param: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        make()
    assert caught.value.param == param


def test_what_the_rules_allow() -> None:
    _avatar(output_format="webm")
    _avatar(engine=AvatarIVEngine(), expressiveness="low")
    _avatar(engine=AvatarVEngine(reference_look_id="b"), motion_prompt="waves")
    _image(script=None, voice_id=None, audio_url=AUDIO)
    _translation(fps_mode="cfr", audio=SOURCE, srt_role="input", srt=SOURCE)
    _translation(start_time=0, end_time=0.1)
    AssetUrl(url="HTTPS://h/".ljust(2047, "x"))
    AvatarScene(input=AvatarInput(avatar_id="a"))
    ImageScene(source=SOURCE)
    VideoScene(source=FILE)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: VoiceSettings(speed=2), "speed: expected a number <= 1.5, got 2"),
        (lambda: _avatar(title=3), "title: expected text or None, got 3"),
        (lambda: SpeechRequest(text="", voice_id="v"), "expected text of length >= 1, got 0: ''"),
        (lambda: _avatar(resolution="8k"), "expected '4k', '1080p' or '720p', got '8k'"),
        (
            lambda: _translation(output_languages="French"),
            "output_languages: expected a list, got 'French'",
        ),
        (
            lambda: _translation(output_languages=["French", 5]),
            "output_languages[1]: expected text, got 5",
        ),
        (
            lambda: StudioVideoRequest(scenes=[ImageScene(source=SOURCE), SOURCE]),  # type: ignore[list-item]
            "scenes[1]: expected AvatarScene, ImageScene or VideoScene, got AssetId(asset_id=",
        ),
        (
            lambda: TemplateRenderRequest(variables={"title": "Hi"}),  # type: ignore[dict-item]
            "variables.title: expected TextVariable, ImageVariable,",
        ),
        (
            lambda: TemplateRenderRequest(variables={5: TextVariable(content="x")}),  # type: ignore[dict-item]
            "variables: expected a mapping whose keys are texts, got {5: ",
        ),
        (lambda: _avatar(fit="`, got `x` - at `$.url`"), "fit: expected 'contain' or 'cover', got"),
    ],
)
def test_messages_say_what_was_expected(make: Callable[[], Part], message: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        make()
    assert message in str(caught.value)


def test_messages_keep_the_query_of_a_url_to_themselves() -> None:
    for url in ("https://h.example/a b?sig=secret", "https://h.example/?sig=secret\n"):
        with pytest.raises(InvalidRequest) as caught:
            AssetUrl(url=url)
        assert "secret" not in str(caught.value)
        assert "https://h.example/" in str(caught.value)


def test_reprs_look_into_extra() -> None:
    signed = "https://h.example/?sig=secret"
    extra = {"list": [signed], "tuple": (signed,), "set": {signed}, "mapping": {"url": signed}}
    text = repr(_avatar(extra=extra, title=f"from {signed} and back"))
    assert "secret" not in text
    assert text.count("https://h.example/?…") == 5
    assert "and back" in text


def test_an_invalid_request_is_a_value_error() -> None:
    with pytest.raises(ValueError, match="speed"):
        VoiceSettings(speed=9)


def test_replacing_a_field_checks_again() -> None:
    with pytest.raises(InvalidRequest, match="speed"):
        msgspec.structs.replace(VoiceSettings(), speed=9)


def test_rows_decode_to_checked_requests() -> None:
    row = {"text": "Hello", "voice_id": "v", "speed": 1.5}
    assert msgspec.convert(row, SpeechRequest) == SpeechRequest(
        text="Hello", voice_id="v", speed=1.5
    )
    with pytest.raises(msgspec.ValidationError, match=r"1\.5|2\.0"):
        msgspec.convert({**row, "speed": 9}, SpeechRequest)


def test_lists_may_be_tuples_but_nothing_unordered_or_exhaustible() -> None:
    assert _sent(_translation(output_languages=("French", "German")))["output_languages"] == [
        "French",
        "German",
    ]
    for wrong in (deque(["French"]), iter(["French"]), {"French": 1}, {"French"}):
        with pytest.raises(InvalidRequest, match="output_languages: expected a list"):
            _translation(output_languages=wrong)


def test_subclasses_of_str_are_sent_as_text() -> None:
    class Cell(str):
        __slots__ = ()

    assert _sent(_avatar(script=Cell("Hello")))["script"] == "Hello"
    assert b'"extra_cell":"x"' in encode(_avatar(extra={"extra_cell": Cell("x")}))


def test_extra_is_merged_into_the_body() -> None:
    request = _avatar(title="t", extra={"resolution": "8k", "new": {"deep": [1, None]}})
    assert _sent(request) == {
        "type": "avatar",
        "avatar_id": "look",
        "script": "Hello",
        "title": "t",
        "resolution": "8k",
        "new": {"deep": [1, None]},
    }
    assert b"extra" not in encode(request)
    assert b"extra" not in encode(_avatar())


def test_extra_is_merged_into_each_request_of_a_batch() -> None:
    requests: list[VideoRequest] = [_avatar(extra={"new": 1}), _avatar(extra={}), _image()]
    plain = VideoBatchRequest(videos=[_avatar(), _image()], title="t")
    assert b"extra" not in encode(plain)
    batch = VideoBatchRequest(videos=requests, title="t", extra={"newer": 2})
    expected = {"videos": [_sent(request) for request in requests], "title": "t", "newer": 2}
    assert _sent(batch) == expected
    assert _sent(batch)["videos"][0]["new"] == 1
    assert _sent(VideoBatchRequest(videos=requests))["videos"] == expected["videos"]
    with pytest.raises(InvalidRequest, match="videos: not JSON"):
        encode(VideoBatchRequest(videos=[_avatar(extra={"new": object()})]))


@pytest.mark.parametrize("name", ["script", "avatar_id", "type", "title"])
def test_extra_does_not_silently_replace_a_field(name: str) -> None:
    with pytest.raises(InvalidRequest, match="also set by its own name") as caught:
        _avatar(title="t", extra={name: "other"})
    assert caught.value.param == f"extra.{name}"


@pytest.mark.parametrize("extra", [None, [], "text", {1: 2}])
def test_extra_is_a_mapping_of_names(extra: Any) -> None:
    with pytest.raises(InvalidRequest, match="extra"):
        _avatar(extra=extra)


def test_extra_counts_in_the_rules() -> None:
    assert _sent(_avatar(script=None, extra={"ssml": "<speak/>"}))["ssml"] == "<speak/>"
    with pytest.raises(InvalidRequest, match="audio_url"):
        _avatar(extra={"audio_url": AUDIO})
    with pytest.raises(InvalidRequest, match="background"):
        _avatar(output_format="webm", extra={"background": {"type": "blur"}})


@pytest.mark.parametrize("value", [object(), {"deep": object()}, "\ud800", b"\xff", 1j])
def test_what_json_cannot_say_is_an_invalid_request(value: object) -> None:
    request = _avatar(extra={"new": value})
    if isinstance(value, bytes):
        assert _sent(request)["new"] == "/w=="
        return
    with pytest.raises(InvalidRequest, match="not JSON") as caught:
        encode(request)
    assert caught.value.param == "new"


def test_a_name_that_json_cannot_say_is_an_invalid_request() -> None:
    with pytest.raises(InvalidRequest, match="not JSON"):
        encode(_avatar(extra={"\ud800": 1}))


def test_endless_extra_is_an_invalid_request() -> None:
    endless: list[Any] = []
    endless.append(endless)
    request = _avatar(extra={"new": endless})
    with pytest.raises(InvalidRequest, match="new: not JSON"):
        encode(request)
    assert "…" in repr(request)


def test_lone_surrogates_are_refused() -> None:
    class Cell(str):
        __slots__ = ()

    with pytest.raises(InvalidRequest, match="script: expected text without lone surrogates"):
        _avatar(script=Cell("\ud800"))
    with pytest.raises(InvalidRequest, match="title: expected text without lone surrogates"):
        _avatar(title="\ud800")
    with pytest.raises(InvalidRequest, match="output_languages: not JSON"):
        encode(_translation(output_languages=["\ud800"]))
    with pytest.raises(InvalidRequest, match="events: expected text without lone surrogates"):
        WebhookEndpointUpdate(events=["\ud800"])  # type: ignore[list-item]


def test_two_requests_do_not_share_their_extra() -> None:
    assert _avatar().extra is not _avatar().extra


FILM = AssetUrl(url="https://x.io/a.mp4")


@pytest.mark.parametrize("empty", ["", " ", "\n"])
@pytest.mark.parametrize(
    ("make", "param"),
    [
        (lambda v: AssetId(asset_id=v), "asset_id"),
        (lambda v: AvatarVideoRequest(avatar_id=v, script="Hi"), "avatar_id"),
        (lambda v: AvatarVideoRequest(avatar_id="a", voice_id=v, script="Hi"), "voice_id"),
        (lambda v: AvatarVideoRequest(avatar_id="a", audio_asset_id=v), "audio_asset_id"),
        (lambda v: AvatarVideoRequest(avatar_id="a", script=v), "script"),
        (lambda v: CinematicAvatarVideoRequest(avatar_id=["a", v], prompt="p"), "avatar_id"),
        (lambda v: VideoAgentRequest(prompt="p", brand_kit_id=v), "brand_kit_id"),
        (
            lambda v: VideoTranslationRequest(video=FILM, output_languages=["French", v]),
            "output_languages",
        ),
    ],
)
def test_empty_ids_and_texts_are_refused(
    make: Callable[[str], Request], param: str, empty: str
) -> None:
    with pytest.raises(InvalidRequest) as caught:
        make(empty)
    assert caught.value.param == param


def test_an_empty_folder_is_the_root() -> None:
    request = AvatarVideoRequest(avatar_id="a", script="Hi", folder_id="")
    assert json.loads(encode(request))["folder_id"] == ""


@pytest.mark.parametrize("kind", [VideoTranslationRequest, LipsyncRequest])
@pytest.mark.parametrize(
    ("times", "param"),
    [
        ({"start_time": -1.0}, "start_time"),
        ({"end_time": -0.5}, "end_time"),
        ({"end_time": 0}, "end_time"),
        ({"start_time": -2.0, "end_time": -1.0}, "start_time"),
        ({"start_time": 3.0, "end_time": 2.0}, "start_time"),
        ({"start_time": 2.0, "end_time": 2.0}, "start_time"),
    ],
)
def test_times_that_cannot_be(kind: type[Any], times: dict[str, float], param: str) -> None:
    fields: dict[str, Any] = {"video": FILM}
    fields |= {"audio": FILM} if kind is LipsyncRequest else {"output_languages": ["French"]}
    with pytest.raises(InvalidRequest) as caught:
        kind(**fields, **times)
    assert caught.value.param == param
    kind(**fields, start_time=0, end_time=1)


@pytest.mark.parametrize("size", [0, -1, 200 * 1024**2 + 1])
def test_sizes_of_uploads_that_cannot_be(size: int) -> None:
    with pytest.raises(InvalidRequest) as caught:
        DirectUploadRequest(filename="a.mp4", content_type="video/mp4", size_bytes=size)
    assert caught.value.param == "size_bytes"


@pytest.mark.parametrize("scene", [ImageScene, VideoScene])
def test_scripts_of_scenes_are_as_long_as_others(scene: type[Any]) -> None:
    with pytest.raises(InvalidRequest) as caught:
        scene(**{scene.__struct_fields__[0]: FILM}, voice_id="v", script="x" * 5001)
    assert caught.value.param == "script"
