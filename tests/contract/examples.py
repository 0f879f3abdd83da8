"""A valid example of every request and part of one, and arguments for any method of the SDK."""

from __future__ import annotations

import builtins
import inspect
import types
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

import msgspec

from heygen_async.models.assets import DirectUploadRequest
from heygen_async.models.lipsyncs import LipsyncRequest
from heygen_async.models.sources import AssetId
from heygen_async.models.structs import Part
from heygen_async.models.video_parts import AvatarInput, ImageScene
from heygen_async.models.video_translations import VideoTranslationRequest
from heygen_async.models.videos import AvatarVideoRequest

SOURCE = AssetId(asset_id="asset")

_SOURCES = {"asset", "image", "source", "audio", "srt", "video", "file", "project"}


@cache
def _examples() -> dict[str, dict[str, Any]]:
    speech: dict[str, Any] = {"script": "Hello"}
    avatar = AvatarVideoRequest(avatar_id="look", **speech)
    translation = VideoTranslationRequest(video=SOURCE, output_languages=["French"])
    upload = DirectUploadRequest(filename="f", content_type="a/b", size_bytes=1)
    return {
        "Background": {"type": "color", "value": "#112233"},
        "AvatarVideoRequest": {"avatar_id": "look", **speech},
        "ImageVideoRequest": {"image": SOURCE, "voice_id": "voice", **speech},
        "CinematicAvatarVideoRequest": {"avatar_id": ["look"], "prompt": "A walk"},
        "StudioVideoRequest": {"scenes": [ImageScene(source=SOURCE, duration=1)]},
        "VideoTranslationRequest": {"video": SOURCE, "output_languages": ["French"]},
        "VideoBatchRequest": {"videos": [avatar]},
        "VideoTranslationBatchRequest": {"video_translations": [translation]},
        "LipsyncBatchRequest": {"lipsyncs": [LipsyncRequest(video=SOURCE, audio=SOURCE)]},
        "ProofreadRequest": {"video": SOURCE, "output_languages": ["French"], "title": "t"},
        "TemplateRenderRequest": {"variables": {}},
        "Dimension": {"width": 128, "height": 128},
        "DirectUploadRequest": {"filename": "f", "content_type": "a/b", "size_bytes": 1},
        "DirectUploadBatchRequest": {"files": [upload]},
        "AvatarScene": {"input": AvatarInput(avatar_id="look")},
        "ColorSceneBackground": {"color": "#112233"},
        "AssetUrl": {"url": "https://files.example/a"},
        "WebhookEndpointRequest": {"url": "https://app.example/webhooks"},
    }


def valid_fields(kind: type[Part]) -> dict[str, Any]:
    """Valid fields of a part, required ones and little more."""
    return dict(
        _examples().get(kind.__name__)
        or {
            field.name: SOURCE if field.name in _SOURCES else "text"
            for field in msgspec.structs.fields(kind)
            if field.required
        }
    )


class _Names(dict[str, Any]):
    """Names for annotations; those that only a type checker imports stand for any object."""

    def __missing__(self, name: str) -> Any:
        if name in vars(builtins):
            raise KeyError(name)
        return object


def hints_of(method: Callable[..., Any]) -> dict[str, Any]:
    """The annotations of a method."""
    function = inspect.unwrap(getattr(method, "__func__", method))
    return get_type_hints(function, localns=_Names(function.__globals__))


def arguments(method: Callable[..., Any]) -> dict[str, Any]:
    """Values for the parameters of a method, none of them its default, texts all different.

    What says how the SDK does it, and nothing to the API, is left at its default.
    """
    hints, parameters = hints_of(method), inspect.signature(method).parameters
    given = {name: _argument(name, hints[name]) for name in parameters}
    if "version" in given:  # the call that has the operation's name
        given |= {"version": "v3", "test": False}
    return {name: value for name, value in given.items() if value is not None}


_TEXTS = {
    "filename": "a.png",
    "content_type": "image/png",
    "url": "https://app.example/webhooks",
    "idempotency_key": "a:key",
}


def _argument(name: str, hint: Any) -> Any:
    origin, inner = get_origin(hint), get_args(hint)
    if name == "source":
        return b"\x89PNG\r\n\x1a\n"
    if kinds := parts_of(hint):
        return kinds[0](**valid_fields(kinds[0]))
    if origin in (Union, types.UnionType):
        return _argument(name, inner[0])
    if origin is Literal:
        return inner[-1]
    if origin is Sequence:
        return list(get_args(inner[0])[:2]) or [f"{name}-1", f"{name}-2"]
    simple: dict[Any, Any] = {str: _TEXTS.get(name, f"the-{name}"), int: 7, float: 0.5, bool: True}
    return simple.get(hint)


def parts_of(hint: Any) -> list[type[Part]]:
    """The parts of requests that an annotation allows, without those inside collections."""
    if isinstance(hint, type) and issubclass(hint, Part):
        return [hint]
    if get_origin(hint) in (Union, types.UnionType):
        return [kind for choice in get_args(hint) for kind in parts_of(choice)]
    return []
