"""Templates: variables, their two encodings, and their content."""

from __future__ import annotations

import json
from typing import Any

import jsonschema_rs
import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from heygen_async.errors import InvalidRequest
from heygen_async.models.sources import AssetBase64, AssetId, AssetUrl
from heygen_async.models.template_variables import (
    AudioVariable,
    CharacterVariable,
    ImageVariable,
    TemplateVariable,
    TextVariable,
    VideoVariable,
    VoiceVariable,
    variable,
)
from heygen_async.models.templates import (
    Dimension,
    Template,
    TemplateAsset,
    TemplateRenderRequest,
    TemplateV2,
    TemplateVariableInfo,
)
from tests.contract.drawing import parts
from tests.contract.schemas import CONTRACT

URL = "https://files.example/a.png"
ASSET_URL = AssetUrl(url=URL)
ASSET_ID = AssetId(asset_id="a1b2")
IN_BASE64 = AssetBase64(media_type="image/png", data="AAAA")

RENDER_V2 = jsonschema_rs.Draft202012Validator(
    {
        "$ref": "#/components/schemas/TemplateRenderRequestV2",
        "components": CONTRACT["components"],
    }
)

ALL_TYPES: dict[str, TemplateVariable] = {
    "title": TextVariable(content="Hello"),
    "logo": ImageVariable(asset=ASSET_URL, fit="cover"),
    "clip": VideoVariable(asset=ASSET_ID, play_style="once"),
    "sound": AudioVariable(asset=ASSET_URL),
    "host": CharacterVariable(character_id="c", character_type="talking_photo"),
    "voice": VoiceVariable(voice_id="v"),
}


def test_the_v3_shape_is_flat() -> None:
    request = TemplateRenderRequest(variables=ALL_TYPES)
    assert json.loads(request.v3()) == {
        "variables": {
            "title": {"type": "text", "content": "Hello"},
            "logo": {"type": "image", "asset": {"type": "url", "url": URL}, "fit": "cover"},
            "clip": {
                "type": "video",
                "asset": {"type": "asset_id", "asset_id": "a1b2"},
                "play_style": "once",
            },
            "sound": {"type": "audio", "asset": {"type": "url", "url": URL}},
            "host": {
                "type": "character",
                "character_id": "c",
                "character_type": "talking_photo",
            },
            "voice": {"type": "voice", "voice_id": "v"},
        }
    }


def test_the_v2_shape_repeats_name_and_wraps_properties() -> None:
    request = TemplateRenderRequest(variables=ALL_TYPES)
    wanted = {
        "title": ("text", {"content": "Hello"}),
        "logo": ("image", {"url": URL, "fit": "cover"}),
        "clip": ("video", {"asset_id": "a1b2", "fit": "contain", "play_style": "once"}),
        "sound": ("audio", {"url": URL}),
        "host": ("character", {"character_id": "c", "type": "talking_photo"}),
        "voice": ("voice", {"voice_id": "v"}),
    }
    assert json.loads(request.v2()) == {
        "variables": {
            name: {"name": name, "type": kind, "properties": properties}
            for name, (kind, properties) in wanted.items()
        }
    }


def test_v2_keeps_the_other_fields_and_extra_and_adds_test() -> None:
    request = TemplateRenderRequest(
        variables={},
        title="t",
        dimension=Dimension(width=1280, height=720),
        fps=60,
        extra={"brand_new": 1},
    )
    body = {
        "variables": {},
        "title": "t",
        "dimension": {"width": 1280, "height": 720},
        "fps": 60,
        "brand_new": 1,
    }
    assert json.loads(request.v3()) == body
    assert json.loads(request.v2()) == body
    assert json.loads(request.v2(test=True)) == {**body, "test": True}


@settings(max_examples=40, deadline=None, database=None)
@given(request=parts(TemplateRenderRequest), test=st.booleans())
def test_v2_fits_the_contract_or_names_the_variable(
    request: TemplateRenderRequest, test: bool
) -> None:
    try:
        body = request.v2(test)
    except InvalidRequest as error:
        param = str(error.param)
    else:
        assert not list(RENDER_V2.iter_errors(json.loads(body)))
        return
    assert any(param.startswith(f"variables.{name}") for name in request.variables)


@pytest.mark.parametrize(
    ("value", "param"),
    [
        (ImageVariable(asset=IN_BASE64), "variables.x"),
        (VideoVariable(asset=IN_BASE64), "variables.x"),
        (AudioVariable(asset=IN_BASE64), "variables.x"),
        (VideoVariable(asset=ASSET_ID, volume=0.5), "variables.x.volume"),
        (VoiceVariable(voice_id="v", locale="en-GB"), "variables.x.locale"),
    ],
)
def test_v2_refuses_what_it_cannot_say(value: TemplateVariable, param: str) -> None:
    request = TemplateRenderRequest(variables={"x": value})
    request.v3()
    with pytest.raises(InvalidRequest) as caught:
        request.v2()
    assert caught.value.param == param


@pytest.mark.parametrize(
    ("kind", "value", "made"),
    [
        ("text", "Hello", TextVariable(content="Hello")),
        ("text", " https://x ", TextVariable(content=" https://x ")),
        ("image", URL, ImageVariable(asset=ASSET_URL)),
        ("image", f" {URL}\n", ImageVariable(asset=ASSET_URL)),
        ("image", "a1b2", ImageVariable(asset=ASSET_ID)),
        ("video", "a1b2/old", VideoVariable(asset=AssetId(asset_id="a1b2/old"))),
        ("video", "HTTP://h/v.mp4", VideoVariable(asset=AssetUrl(url="HTTP://h/v.mp4"))),
        ("audio", ASSET_ID, AudioVariable(asset=ASSET_ID)),
        ("audio", URL, AudioVariable(asset=ASSET_URL)),
        ("image", IN_BASE64, ImageVariable(asset=IN_BASE64)),
        ("character", "c", CharacterVariable(character_id="c")),
        ("voice", "v", VoiceVariable(voice_id="v")),
        ("image", VideoVariable(asset=ASSET_ID), VideoVariable(asset=ASSET_ID)),
        ("video", ImageVariable(asset=ASSET_ID), ImageVariable(asset=ASSET_ID)),
        (
            "image",
            {"type": "image", "asset": {"type": "url", "url": URL}, "fit": "crop"},
            ImageVariable(asset=ASSET_URL, fit="crop"),
        ),
    ],
)  # fmt: skip
def test_plain_values_become_variables(kind: str, value: object, made: TemplateVariable) -> None:
    assert variable(kind, value) == made


@pytest.mark.parametrize(
    ("kind", "value", "message"),
    [
        ("text", 5, "expects text as a str, got 5"),
        ("text", None, "expects text as a str, got None"),
        ("text", "", "length >= 1"),
        ("text", "x" * 10_001, "length <= 10000"),
        ("character", 5, "expects an id"),
        ("voice", "", "length >= 1"),
        ("image", "", "expects an http"),
        ("image", None, "expects an http"),
        ("image", "/home/me/logo.png", "expects an http"),
        ("image", r"C:\logo.png", "expects an http"),
        ("image", "./logo.png", "expects an http"),
        ("video", "s3://bucket/a.mp4", "expects an http"),
        ("video", "my clip", "expects an http"),
        ("audio", TextVariable(content="x"), "TextVariable is not a value"),
        ("image", AudioVariable(asset=ASSET_ID), "AudioVariable is not a value"),
        ("image", {"type": "text", "content": "x"}, "TextVariable is not a value"),
        ("image", {"type": "picture"}, "not a value for a variable of type image"),
        ("hologram", "x", "does not know variables of type 'hologram'"),
    ],
)
def test_values_that_do_not_fit_are_refused(kind: str, value: object, message: str) -> None:
    with pytest.raises(InvalidRequest, match=message):
        variable(kind, value)


def test_refusals_do_not_repeat_a_signed_query() -> None:
    with pytest.raises(InvalidRequest) as caught:
        variable("image", "https://h.example/a b?sig=secret")
    assert "secret" not in str(caught.value)


@settings(max_examples=60, deadline=None, database=None)
@given(
    kind=st.sampled_from(["text", "image", "video", "audio", "character", "voice", "other"]),
    value=st.one_of(
        st.text(), st.none(), st.integers(), st.dictionaries(st.text(), st.text()), st.binary()
    ),
)
def test_any_value_makes_a_variable_or_an_invalid_request(kind: str, value: object) -> None:
    try:
        made = variable(kind, value)
    except InvalidRequest:
        return
    assert json.loads(msgspec.json.encode(made))["type"] == kind


def test_a_template_shows_its_variables_whatever_their_type() -> None:
    body: dict[str, Any] = {
        "id": "t",
        "name": "n",
        "scene_ids": ["s1"],
        "scenes": [
            {
                "scene_id": "s1",
                "script": "Hi {{title}}",
                "variables": [{"name": "title", "variable_type": "text"}],
            }
        ],
        "variables": {
            "title": {"type": "text", "content": "Hello", "max_length": 80},
            "logo": {"type": "image", "asset": {"type": "url", "url": URL}, "fit": "cover"},
            "mood": {"type": "hologram", "depth": 3},
            "empty": {"type": "voice", "voice_id": None, "locale": None},
        },
    }
    template = msgspec.json.decode(json.dumps(body), type=Template)
    assert template.variables == {
        "title": TemplateVariableInfo(type="text", content="Hello"),
        "logo": TemplateVariableInfo(
            type="image", asset=TemplateAsset(type="url", url=URL), fit="cover"
        ),
        "mood": TemplateVariableInfo(type="hologram"),
        "empty": TemplateVariableInfo(type="voice"),
    }
    assert template.scenes[0].variables[0].variable_type == "text"


def test_the_v2_detail_tells_the_same() -> None:
    body = {
        "variables": {
            "title": {"name": "title", "type": "text", "properties": {"content": "Hello"}},
            "logo": {"name": "logo", "type": "image", "properties": {"url": URL, "fit": "cover"}},
            "clip": {
                "type": "video",
                "properties": {"asset_id": "a1b2", "url": None, "play_style": "loop"},
            },
            "host": {"type": "character", "properties": {"character_id": "c", "type": "avatar"}},
            "voice": {"type": "voice", "properties": {"voice_id": "v"}},
            "mood": {"type": "hologram", "properties": None},
            "odd": {"type": "text", "properties": {"content": 5}},
        }
    }
    assert msgspec.json.decode(json.dumps(body), type=TemplateV2).infos() == {
        "title": TemplateVariableInfo(type="text", content="Hello"),
        "logo": TemplateVariableInfo(
            type="image", asset=TemplateAsset(type="url", url=URL), fit="cover"
        ),
        "clip": TemplateVariableInfo(
            type="video",
            asset=TemplateAsset(type="asset_id", asset_id="a1b2"),
            play_style="loop",
        ),
        "host": TemplateVariableInfo(type="character", character_id="c", character_type="avatar"),
        "voice": TemplateVariableInfo(type="voice", voice_id="v"),
        "mood": TemplateVariableInfo(type="hologram"),
        "odd": TemplateVariableInfo(type="text"),
    }
    assert msgspec.json.decode(b'{"variables": null}', type=TemplateV2).infos() == {}
