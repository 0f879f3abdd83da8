"""Templates and their renders, through the v3 and the v2 call."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from heygen_async.models.structs import (
    Answer,
    AnswerWithDefaults,
    HttpUrl,
    Nullable,
    Part,
    Request,
    Timestamp,
    body,
    encode,
    encode_body,
)
from heygen_async.models.template_variables import TemplateVariable

_Pixels = Annotated[int, Meta(ge=128, le=4096, multiple_of=2)]


class Dimension(Part, frozen=True, kw_only=True):
    """Size of the rendered picture; keep the template's aspect ratio.

    Attributes:
        width: Pixels, even, 128 to 4,096.
        height: Pixels, even, 128 to 4,096.
    """

    width: _Pixels
    height: _Pixels


class SubtitlePosition(Part, frozen=True, kw_only=True):
    """The position of subtitles.

    Attributes:
        x: Horizontal position.
        y: Vertical position.
    """

    x: float = 0
    y: float = 0


class SubtitleStyle(Part, frozen=True, kw_only=True):
    """The style of burnt-in subtitles.

    Attributes:
        preset_name: The preset to use.
        alignment: Anchor of the text; 2 is the bottom centre.
        disable_highlight: Whether the spoken word is not highlighted.
        font_size: Size in points.
        position: Their position.
    """

    preset_name: str
    alignment: int | None = 2
    disable_highlight: bool | None = False
    font_size: int | None = None
    position: SubtitlePosition | None = None


class TemplateRenderRequest(Request, frozen=True, kw_only=True):
    """One variant of a template to render.

    Attributes:
        variables: Values by variable name. If a text variable is left out, the picture shows
            ``{{name}}``.
        scene_ids: The scenes in order; scenes may be left out and repeated. Default: all scenes.
        dimension: Size of the picture. Default: that of the template.
        fps: Frames per second.
        caption: Whether to make captions.
        subtitles: Style of burnt-in subtitles. Default: no subtitles.
        include_gif: Whether to make an animated preview.
        enable_sharing: Whether to make the video's page public.
        keep_text_vertically_centered: Whether to keep longer texts centred in their boxes.
        reorder_music: Whether the music follows the order of the scenes.
        brand_glossary_id: Glossary of pronunciations; sent to v2 as ``brand_voice_id``.
        brand_voice_id: Deprecated by the API.
        title: Name in the account.
        folder_id: Id of the folder for it.
        callback_url: Called without a signature when the video has ended.
        callback_id: Sent back with the callback. Default: an unguessable id.
    """

    variables: Mapping[str, TemplateVariable]
    scene_ids: Sequence[str] | None = None
    dimension: Dimension | None = None
    fps: Literal[25, 30, 60] = 25
    caption: bool = False
    subtitles: SubtitleStyle | None = None
    include_gif: bool = False
    enable_sharing: bool = False
    keep_text_vertically_centered: bool = False
    reorder_music: bool = True
    brand_glossary_id: str | None = None
    brand_voice_id: str | None = None
    title: str | None = None
    folder_id: str | None = None
    callback_url: HttpUrl | None = None
    callback_id: str | None = None

    def v3(self) -> bytes:
        """Return the JSON body of the v3 call."""
        return encode(self)

    def v2(self, test: bool = False) -> bytes:
        """Return the JSON body of the v2 call.

        Args:
            test: Render in lower quality, free of charge; only the v2 call supports it.

        Raises:
            InvalidRequest: A variable cannot be expressed in v2; ``param`` names it.
        """
        fields = body(self)
        fields["variables"] = {name: value.v2(name) for name, value in self.variables.items()}
        glossary = fields.pop("brand_glossary_id", None)
        if glossary is not None:  # v2 uses its older name
            fields.setdefault("brand_voice_id", glossary)
        if test:
            fields["test"] = True
        return encode_body(fields)


class TemplateSummary(Answer, frozen=True, kw_only=True):
    """A template in the v3 list.

    Attributes:
        id: Its id.
        name: Its name.
        aspect_ratio: Aspect ratio of its picture.
        thumbnail_url: URL of a still image; signed.
        created_at: Unix seconds.
        updated_at: Unix seconds.
    """

    id: str
    name: str
    aspect_ratio: str | None = None
    thumbnail_url: str | None = None
    created_at: Timestamp | None = None
    updated_at: Timestamp | None = None


class TemplateSceneVariable(Answer, frozen=True, kw_only=True):
    """A variable that a scene uses.

    Attributes:
        name: Its name.
        variable_type: Its type, such as ``text``.
    """

    name: str
    variable_type: str


class TemplateScene(AnswerWithDefaults, frozen=True, kw_only=True):
    """A scene of a template.

    Attributes:
        scene_id: Its id.
        script: The spoken text, with ``{{name}}`` for variables.
        variables: The variables that it uses.
    """

    scene_id: str
    script: str | None = None
    variables: Nullable[tuple[TemplateSceneVariable, ...]] = ()


class TemplateAsset(Answer, frozen=True, kw_only=True):
    """The default file of a variable.

    Attributes:
        type: ``url``, ``asset_id`` or ``base64``.
        url: Its URL.
        asset_id: Its asset id.
    """

    type: str | None = None
    url: str | None = None
    asset_id: str | None = None


class TemplateVariableInfo(Answer, frozen=True, kw_only=True):
    """A variable of a template with its default. Its fields depend on its type.

    Attributes:
        type: ``text``, ``image``, ``video``, ``audio``, ``character``, ``voice``, or a type
            that is new to this SDK.
        content: Text of a text variable.
        asset: File of an image, video or audio variable.
        fit: Fit of an image or a video in its area.
        play_style: Behaviour of a video if its scene is longer or shorter.
        volume: Volume of a video, 0 to 1.
        character_id: Id of an avatar or talking photo.
        character_type: ``avatar`` or ``talking_photo``.
        voice_id: Id of a voice.
        locale: Accent of a voice.
    """

    type: str
    content: str | None = None
    asset: TemplateAsset | None = None
    fit: str | None = None
    play_style: str | None = None
    volume: float | None = None
    character_id: str | None = None
    character_type: str | None = None
    voice_id: str | None = None
    locale: str | None = None


class Template(AnswerWithDefaults, frozen=True, kw_only=True):
    """A template with its variables and scenes.

    Attributes:
        id: Its id.
        name: Its name.
        variables: Its variables by name.
        scenes: Its scenes, in order.
        scene_ids: Ids of its scenes, in order.
        aspect_ratio: Aspect ratio of its picture.
        thumbnail_url: URL of a still image; signed.
        created_at: Unix seconds.
        updated_at: Unix seconds.
    """

    id: str
    name: str
    variables: Nullable[dict[str, TemplateVariableInfo]] = msgspec.field(default_factory=dict)
    scenes: Nullable[tuple[TemplateScene, ...]] = ()
    scene_ids: Nullable[tuple[str, ...]] = ()
    aspect_ratio: str | None = None
    thumbnail_url: str | None = None
    created_at: Timestamp | None = None
    updated_at: Timestamp | None = None

    def infos(self) -> dict[str, TemplateVariableInfo]:
        """Return its variables by name, as :meth:`TemplateV2.infos` does."""
        return self.variables


class TemplateSummaryV2(Answer, frozen=True, kw_only=True):
    """A template in the v2 list.

    Attributes:
        template_id: Its id.
        name: Its name.
        thumbnail_image_url: URL of a still image; signed.
        aspect_ratio: Aspect ratio of its picture.
    """

    template_id: str
    name: str
    thumbnail_image_url: str | None = None
    aspect_ratio: str | None = None


class TemplateListV2(Answer, frozen=True, kw_only=True):
    """The v2 list of templates, in one answer without pages.

    Attributes:
        templates: All templates of the account.
    """

    templates: tuple[TemplateSummaryV2, ...]


class TemplateVariableInfoV2(AnswerWithDefaults, frozen=True, kw_only=True):
    """A variable in the v2 detail.

    Attributes:
        type: As in :class:`TemplateVariableInfo`.
        name: Its name.
        properties: Its default; the keys depend on the type.
    """

    type: str
    name: str | None = None
    properties: Nullable[dict[str, Any]] = msgspec.field(default_factory=dict)

    def info(self) -> TemplateVariableInfo:
        """Return the variable in the v3 form, without properties that are not texts."""
        texts = {name: text for name, text in self.properties.items() if isinstance(text, str)}
        url, asset_id = texts.get("url"), texts.get("asset_id")
        asset = None
        if url or asset_id:
            asset = TemplateAsset(type="url" if url else "asset_id", url=url, asset_id=asset_id)
        return TemplateVariableInfo(
            type=self.type,
            content=texts.get("content"),
            asset=asset,
            fit=texts.get("fit"),
            play_style=texts.get("play_style"),
            character_id=texts.get("character_id"),
            character_type=texts.get("type"),
            voice_id=texts.get("voice_id"),
        )


class TemplateV2(AnswerWithDefaults, frozen=True, kw_only=True):
    """A template in the v2 detail.

    Attributes:
        variables: Its variables by name.
    """

    variables: Nullable[dict[str, TemplateVariableInfoV2]] = msgspec.field(default_factory=dict)

    def infos(self) -> dict[str, TemplateVariableInfo]:
        """Return the variables in the form of :attr:`Template.variables`."""
        return {name: variable.info() for name, variable in self.variables.items()}


class TemplateRenderV2(Answer, frozen=True, kw_only=True):
    """The answer of the v2 call to a render.

    Attributes:
        video_id: Id of the video, also valid in the v3 video calls.
    """

    video_id: str
