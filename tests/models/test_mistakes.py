"""Wrong kinds of arguments: one clear error, with the class, the field and a suggestion."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from heygen_async import (
    AssetId,
    AssetUrl,
    AvatarVideoRequest,
    HeyGen,
    InvalidRequest,
    LipsyncRequest,
    SpeechRequest,
    VideoAgentRequest,
    VideoTranslationRequest,
)
from heygen_async.endpoints.resource import Resource
from heygen_async.models.structs import Request
from heygen_async.sandbox import Sandbox

URL = "https://example.com/a.mp4?Signature=hidden"


def untyped(value: object) -> Any:
    """Return a value whose type is unknown to type checkers."""
    return value


@pytest.mark.parametrize(
    ("make", "said", "param"),
    [
        (
            lambda: SpeechRequest(txt="Hello", voice_id="v"),  # type: ignore[call-arg]
            "txt: SpeechRequest has no field 'txt'; did you mean 'text'?",
            "txt",
        ),
        (
            lambda: SpeechRequest(text="Hello"),  # type: ignore[call-arg]
            "voice_id: SpeechRequest needs voice_id",
            "voice_id",
        ),
        (
            lambda: untyped(SpeechRequest)("Hello"),
            "SpeechRequest takes no positional arguments; write SpeechRequest(text=…, voice_id=…)",
            None,
        ),
        (
            lambda: SpeechRequest(text="Hello", voice_id="v", brand_new=1),  # type: ignore[call-arg]
            "brand_new: SpeechRequest has no field 'brand_new'; it has ",
            "brand_new",
        ),
        (
            lambda: AvatarVideoRequest(avatar="a", script="Hello"),  # type: ignore[call-arg]
            "avatar: AvatarVideoRequest has no field 'avatar'; did you mean 'avatar_id'?",
            "avatar",
        ),
        (
            lambda: VideoTranslationRequest(video=untyped("a1"), output_languages=["French"]),
            "video: expected AssetUrl or AssetId, got 'a1'; write AssetId(asset_id=…)",
            "video",
        ),
        (
            lambda: VideoTranslationRequest(
                video=untyped({"type": "url", "url": URL}), output_languages=["French"]
            ),
            "video: expected AssetUrl or AssetId, got {'type': 'url', ",
            "video",
        ),
    ],
)
def test_fields(make: Callable[[], object], said: str, param: str | None) -> None:
    with pytest.raises(InvalidRequest) as refused:
        make()
    assert str(refused.value).startswith(said)
    assert refused.value.param == param
    assert "hidden" not in str(refused.value)


def test_a_wrong_field_is_a_type_error_as_before() -> None:
    with pytest.raises(TypeError, match="voice_id"):
        SpeechRequest(text="Hello")  # type: ignore[call-arg]


def test_a_type_error_of_something_else_is_left_alone() -> None:
    class Broken(Request, frozen=True, kw_only=True):
        name: str

        def _check_rules(self) -> None:
            raise TypeError("broken")

    with pytest.raises(TypeError, match=r"^broken$"):
        Broken(name="x")


def test_plain_urls_are_taken() -> None:
    taken = VideoTranslationRequest(video=untyped(URL), output_languages=["French"])
    written = VideoTranslationRequest(video=AssetUrl(url=URL), output_languages=["French"])
    assert taken == written
    files = VideoAgentRequest(prompt="x", files=[untyped(URL), AssetId(asset_id="a")]).files
    assert files == [AssetUrl(url=URL), AssetId(asset_id="a")]
    with pytest.raises(InvalidRequest, match="url"):
        LipsyncRequest(video=untyped("https://"), audio=AssetId(asset_id="a"))


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("call", "wrong", "said"),
    [
        (
            lambda heygen, wrong: heygen.voices.speech(wrong),
            "hello",
            "request: expected SpeechRequest, got 'hello'; write SpeechRequest(text=…, voice_id=…)",
        ),
        (
            lambda heygen, wrong: heygen.voices.speech(wrong),
            {"txt": "hello"},
            "request: SpeechRequest has no field 'txt'; did you mean 'text'?",
        ),
        (
            lambda heygen, wrong: heygen.voices.speech(wrong),
            SpeechRequest,
            "request: expected SpeechRequest, got <class",
        ),
        (
            lambda heygen, wrong: heygen.videos.create(wrong),
            {"type": "studio", "title": "T"},
            "request: expected AvatarVideoRequest, ImageVideoRequest, CinematicAvatarVideoRequest "
            "or StudioVideoRequest, got {'type': 'studio', 'title': 'T'}; "
            "write StudioVideoRequest(scenes=…)",
        ),
        (
            lambda heygen, wrong: heygen.video_agents.create(wrong),
            "A teaser",
            "request: expected VideoAgentRequest, got 'A teaser'; "
            "write VideoAgentRequest(prompt=…)",
        ),
        (
            lambda heygen, wrong: heygen.video_translations.create(wrong),
            SpeechRequest(text="Hello", voice_id="v"),
            "request: expected VideoTranslationRequest, got SpeechRequest(",
        ),
    ],
)
async def test_requests(
    heygen: HeyGen,
    sandbox: Sandbox,
    call: Callable[[HeyGen, Any], Awaitable[object]],
    wrong: object,
    said: str,
) -> None:
    with pytest.raises(InvalidRequest) as refused:
        await call(heygen, wrong)
    assert str(refused.value).startswith(said)
    assert refused.value.param == "request"
    assert not sandbox.requests.by_operation


@pytest.mark.anyio
async def test_no_method_takes_another_kind_of_request(heygen: HeyGen, sandbox: Sandbox) -> None:
    checked = 0
    for resource in vars(heygen).values():
        for name in dir(resource) if isinstance(resource, Resource) else ():
            method: Any = None if name.startswith("_") else getattr(resource, name)
            parameters = list(inspect.signature(method).parameters) if callable(method) else []
            if "request" not in parameters:
                continue
            arguments = ["id"] * parameters.index("request")
            with pytest.raises(InvalidRequest):
                await method(*arguments, 42)
            checked += 1
    assert checked > 15
    assert not sandbox.requests.by_operation
