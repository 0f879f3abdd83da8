"""Values for the variables of a template, in the v3 or v2 form."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal, TypeAlias

import msgspec
from msgspec import Meta

from heygen_async.errors import InvalidRequest
from heygen_async.models.sources import AssetBase64, AssetId, AssetSource, AssetUrl
from heygen_async.models.structs import Part, brief, refuse

Fit: TypeAlias = Literal["cover", "contain", "crop", "none"]
"""The fit of a picture in its area."""
PlayStyle: TypeAlias = Literal["fit_to_scene", "freeze", "loop", "once", "full_video"]
"""The behaviour of a video if its scene is longer or shorter."""


class TextVariable(Part, frozen=True, kw_only=True, tag_field="type", tag="text"):
    """A text.

    Attributes:
        content: The text, 1 to 10,000 characters.
    """

    # The API's specification allows an empty text, as in a template, but HeyGen refuses it here.
    content: Annotated[str, Meta(min_length=1, max_length=10000)]

    def v2(self, name: str) -> dict[str, Any]:
        """Return the v2 form of this value for the variable ``name``.

        Args:
            name: The variable's name in the template.
        """
        return _v2(name, "text", {"content": self.content})


class ImageVariable(Part, frozen=True, kw_only=True, tag_field="type", tag="image"):
    """An image; also valid for a variable of type video.

    Attributes:
        asset: The image.
        fit: Its fit in its area.
    """

    asset: AssetSource
    fit: Fit = "contain"

    def v2(self, name: str) -> dict[str, Any]:
        """Return the v2 form of this value for the variable ``name``.

        Args:
            name: The variable's name in the template.

        Raises:
            InvalidRequest: The image is in base64, which v2 does not accept.
        """
        return _v2(name, "image", {**_v2_source(name, self.asset), "fit": self.fit})


class VideoVariable(Part, frozen=True, kw_only=True, tag_field="type", tag="video"):
    """A video; also valid for a variable of type image.

    Attributes:
        asset: The video.
        fit: Its fit in its area.
        play_style: Its behaviour if the scene is longer or shorter.
        volume: Volume of its sound, 0 to 1; the v2 call supports only 1.
    """

    asset: AssetSource
    fit: Fit = "contain"
    play_style: PlayStyle = "loop"
    volume: Annotated[float, Meta(ge=0, le=1)] = 1

    def v2(self, name: str) -> dict[str, Any]:
        """Return the v2 form of this value for the variable ``name``.

        Args:
            name: The variable's name in the template.

        Raises:
            InvalidRequest: The video is in base64, or its volume is not 1.
        """
        if self.volume != 1:
            refuse(f"variables.{name}.volume", "the v2 call does not support it; leave it out")
        source = _v2_source(name, self.asset)
        return _v2(name, "video", {**source, "fit": self.fit, "play_style": self.play_style})


class AudioVariable(Part, frozen=True, kw_only=True, tag_field="type", tag="audio"):
    """An audio file.

    Attributes:
        asset: The audio file.
    """

    asset: AssetSource

    def v2(self, name: str) -> dict[str, Any]:
        """Return the v2 form of this value for the variable ``name``.

        Args:
            name: The variable's name in the template.

        Raises:
            InvalidRequest: The audio is in base64, which v2 does not accept.
        """
        return _v2(name, "audio", _v2_source(name, self.asset))


class CharacterVariable(Part, frozen=True, kw_only=True, tag_field="type", tag="character"):
    """An avatar or a talking photo.

    Attributes:
        character_id: Its id.
        character_type: ``avatar`` or ``talking_photo``.
    """

    character_id: Annotated[str, Meta(min_length=1)]
    character_type: Literal["avatar", "talking_photo"] = "avatar"

    def v2(self, name: str) -> dict[str, Any]:
        """Return the v2 form of this value for the variable ``name``.

        Args:
            name: The variable's name in the template.
        """
        properties = {"character_id": self.character_id, "type": self.character_type}
        return _v2(name, "character", properties)


class VoiceVariable(Part, frozen=True, kw_only=True, tag_field="type", tag="voice"):
    """A voice.

    Attributes:
        voice_id: Its id.
        locale: Accent, such as ``en-GB``; not supported by the v2 call.
    """

    voice_id: Annotated[str, Meta(min_length=1)]
    locale: str | None = None

    def v2(self, name: str) -> dict[str, Any]:
        """Return the v2 form of this value for the variable ``name``.

        Args:
            name: The variable's name in the template.

        Raises:
            InvalidRequest: It has a locale.
        """
        if self.locale is not None:
            refuse(f"variables.{name}.locale", "the v2 call does not support it; leave it out")
        return _v2(name, "voice", {"voice_id": self.voice_id})


TemplateVariable: TypeAlias = (
    TextVariable | ImageVariable | VideoVariable | AudioVariable | CharacterVariable | VoiceVariable
)
"""A value for a variable of a template."""

_CLASSES: dict[str, type[TemplateVariable]] = {
    "text": TextVariable,
    "image": ImageVariable,
    "video": VideoVariable,
    "audio": AudioVariable,
    "character": CharacterVariable,
    "voice": VoiceVariable,
}
_STAND_INS = {"image": (ImageVariable, VideoVariable), "video": (VideoVariable, ImageVariable)}


def variable(type: str, value: object) -> TemplateVariable:  # noqa: A002
    """Return the Struct for a template's variable from a plain value.

    Args:
        type: The variable's type in the template.
        value: For ``text`` the text; for ``image``, ``video`` and ``audio`` an http(s) URL, an
            asset id or an asset Struct; for ``character`` and ``voice`` the id. For any type also a
            Struct of that type, or a mapping in the v3 form. Images and videos are interchangeable.

    Raises:
        InvalidRequest: The value does not match the type, or the type is not known.
    """
    if type not in _CLASSES:
        raise InvalidRequest(f"this SDK does not know variables of type {type!r}")
    if isinstance(value, Mapping):
        try:
            value = msgspec.convert(dict(value), TemplateVariable)
        except (msgspec.ValidationError, TypeError) as error:
            raise InvalidRequest(f"not a value for a variable of type {type}: {error}") from None
    if isinstance(value, TemplateVariable):
        if not isinstance(value, _STAND_INS.get(type, (_CLASSES[type],))):
            raise InvalidRequest(
                f"a {value.__class__.__name__} is not a value for a variable of type {type}"
            )
        return value
    return _from_plain(type, value)


def _from_plain(kind: str, value: object) -> TemplateVariable:
    if kind in ("image", "video", "audio"):
        source = value if isinstance(value, AssetSource) else _source(kind, value)
        if kind == "image":
            return ImageVariable(asset=source)
        return VideoVariable(asset=source) if kind == "video" else AudioVariable(asset=source)
    if not isinstance(value, str):
        wanted = "text" if kind == "text" else "an id"
        raise InvalidRequest(
            f"a variable of type {kind} expects {wanted} as a str, got {brief(value)}"
        )
    if kind == "text":
        return TextVariable(content=value)
    if kind == "character":
        return CharacterVariable(character_id=value)
    return VoiceVariable(voice_id=value)


def _source(kind: str, value: object) -> AssetSource:
    if isinstance(value, str):
        value = value.strip()
        if value.lower().startswith(("http://", "https://")):
            return AssetUrl(url=value)
        # The path of a local file is a likely mistake; as an id it would fail only at HeyGen.
        is_path = value.startswith(("/", ".", "~")) or "://" in value or "\\" in value
        if value and not is_path and not any(character.isspace() for character in value):
            return AssetId(asset_id=value)
    raise InvalidRequest(
        f"a variable of type {kind} expects an http(s) URL or the id of an uploaded asset, "
        f"got {brief(value)}"
    )


def _v2(name: str, kind: str, properties: dict[str, Any]) -> dict[str, Any]:
    return {"name": name, "type": kind, "properties": properties}


def _v2_source(name: str, asset: AssetSource) -> dict[str, Any]:
    if isinstance(asset, AssetUrl):
        return {"url": asset.url}
    if isinstance(asset, AssetBase64):
        refuse(f"variables.{name}", "the v2 call does not accept base64; upload the file first")
    return {"asset_id": asset.asset_id}
