"""The deliberate differences between the contract and the SDK: the only way around the proofs.

A test that meets a difference looks it up here, and fails where the difference is not listed.
One that is listed and no longer there fails too.
"""

from __future__ import annotations

from typing import Literal, NamedTuple, TypeAlias

Aspect: TypeAlias = Literal[
    "Struct without a schema",
    "schema without a Struct",
    "stricter field of a request",
    "looser field of a request",
    "other field of an answer",
    "other parameter",
    "hidden parameter",
    "other body",
    "passes in a row",
    "key that is not sent",
]


class Difference(NamedTuple):
    """One difference.

    Attributes:
        aspect: What differs.
        where: The Struct, the schema, its field, or the operation's parameter.
        reason: Why it is meant to differ.
    """

    aspect: Aspect
    where: str
    reason: str


_URL = "the API calls or fetches http and https URLs only, of less than 2,048 characters"
_HEX = "the API takes hexadecimal texts only"
_OPEN = "further values must decode, so one Struct serves all of the union"
_NAMELESS = "what the v2 call answers has no name in the contract"
_FROM_V3 = "a v3 variable writes the v2 shape"
_FILE = "the file is the body, and these say what it is and how it is sent"
_FROM_0_1_0 = "an ImageInput, which version 0.1.0 offered, is still taken here; HeyGen refuses it"
_ALL_EVENTS = "null stands for all events, which a word says better"


def _all(aspect: Aspect, reason: str, *places: str) -> tuple[Difference, ...]:
    return tuple(Difference(aspect, place, reason) for place in places)


DIFFERENCES: tuple[Difference, ...] = (
    Difference("Struct without a schema", "AiClippingJobSettings", _OPEN),
    Difference("Struct without a schema", "AssetSearchResult", _OPEN),
    Difference("Struct without a schema", "TemplateAsset", _OPEN),
    Difference("Struct without a schema", "TemplateVariableInfo", _OPEN),
    Difference("Struct without a schema", "TemplateVariableInfoV2", _OPEN),
    Difference(
        "Struct without a schema",
        "BatchStatus",
        "the contract's Batch by another name, as heygen_async.Batch is a bulk run",
    ),
    Difference("Struct without a schema", "ImageInput", _FROM_0_1_0),
    Difference(
        "Struct without a schema",
        "ProofreadRender",
        "an item of a bulk run: the id in the path and the body in one",
    ),
    *_all("Struct without a schema", _NAMELESS, "TemplateListV2", "TemplateRenderV2", "TemplateV2"),
    Difference("schema without a Struct", "Batch", "its Struct is BatchStatus"),
    Difference(
        "schema without a Struct", "BatchVideoRequest", "VideoRequest; the batch refuses folder_id"
    ),
    *_all(
        "schema without a Struct",
        "the Struct of a single video serves; the batch refuses its folder_id",
        "BatchAvatarVideoRequest",
        "BatchCinematicAvatarVideoRequest",
        "BatchImageVideoRequest",
        "BatchStudioVideoRequest",
    ),
    Difference(
        "schema without a Struct",
        "DirectUploadBatchFile",
        "DirectUploadRequest has the same fields",
    ),
    *_all(
        "schema without a Struct",
        "one Struct serves all of its union, so that further types decode",
        "AudioScriptEntry",
        "AvatarElement",
        "ColorBackground",
        "ContainerElement",
        "ImageBackground",
        "ImageElement",
        "PlaceholderElement",
        "SilenceScriptEntry",
        "TextScriptEntry",
        "VideoBackground",
        "VideoElement",
    ),
    Difference("schema without a Struct", "IconSearchResult", "its Struct is AssetSearchResult"),
    Difference("schema without a Struct", "ImageSearchResult", "its Struct is AssetSearchResult"),
    Difference(
        "schema without a Struct", "TemplateRenderRequestV2", "TemplateRenderRequest writes it"
    ),
    *_all(
        "schema without a Struct",
        _FROM_V3,
        "AudioVariableV2",
        "CharacterVariableV2",
        "ImageVariableV2",
        "TemplateVariableV2",
        "TextVariableV2",
        "VideoVariableV2",
        "VoiceVariableV2",
    ),
    *_all(
        "stricter field of a request",
        _URL,
        "AiClippingRequest.callback_url",
        "AssetUrl.url",
        "AvatarConsentRequest.reroute_url",
        "AvatarInput.audio_url",
        "AvatarVideoRequest.audio_url",
        "AvatarVideoRequest.callback_url",
        "Background.url",
        "DirectUploadBatchRequest.callback_url",
        "FillerWordRemovalRequest.callback_url",
        "HyperframesRenderRequest.callback_url",
        "ImageScene.audio_url",
        "ImageVideoRequest.audio_url",
        "ImageVideoRequest.callback_url",
        "LipsyncBatchRequest.callback_url",
        "LipsyncRequest.callback_url",
        "ProofreadGenerateRequest.callback_url",
        "StudioVideoRequest.callback_url",
        "TemplateRenderRequest.callback_url",
        "VideoAgentRequest.callback_url",
        "VideoBatchRequest.callback_url",
        "VideoScene.audio_url",
        "VideoTranslationBatchRequest.callback_url",
        "VideoTranslationRequest.callback_url",
        "WebhookEndpointRequest.url",
        "WebhookEndpointUpdate.url",
    ),
    *_all(
        "stricter field of a request",
        _HEX,
        "AssetCompleteRequest.checksum_sha256",
        "Background.value",
        "DirectUploadRequest.checksum_sha256",
    ),
    Difference("other field of an answer", "AiClippingJob.output_settings", _OPEN),
    Difference("other field of an answer", "ScriptVoiceSettings.engine_settings", _OPEN),
    Difference("other field of an answer", "Template.variables", _OPEN),
    Difference(
        "other field of an answer",
        "VideoStatusV1.error",
        "an object by the contract; bare texts and whole numbers for its code were seen",
    ),
    Difference(
        "stricter field of a request",
        "TextVariable.content",
        "empty in what a template answers, but refused in what is sent",
    ),
    Difference("looser field of a request", "AvatarScene.input", _FROM_0_1_0),
    *_all(
        "other field of an answer",
        "an object by the contract; a bare text is tolerated, as others were seen",
        "BatchItem.error",
        "StatusEntry.error",
    ),
    *_all(
        "other parameter",
        _FILE,
        "assets.upload(source)",
        "assets.upload(filename)",
        "assets.upload(content_type)",
        "assets.upload(cache)",
        "assets.upload(progress)",
    ),
    *_all(
        "other parameter",
        "one method for both calls, whichever serves the template",
        "templates.generate(version)",
        "templates.generate(test)",
    ),
    Difference(
        "other parameter", "templates.generate_v2(test)", "a field that the v2 body alone has"
    ),
    *_all(
        "other parameter",
        _ALL_EVENTS,
        "webhooks.endpoints.create(events)",
        "webhooks.endpoints.update(events)",
    ),
    Difference(
        "other body",
        "templates.generate_v2: TemplateRenderRequest",
        "one request for both versions, which writes the v2 shape too",
    ),
    Difference("hidden parameter", "token", "lists turn their pages themselves"),
    *_all(
        "key that is not sent",
        "these took a key in version 0.1.0; the parameter stays, is not sent, and warns",
        "avatars.looks.update",
        "avatars.update",
        "lipsyncs.update",
        "proofreads.update_srt",
        "video_agents.create",
        "video_agents.send",
        "video_agents.stop",
        "video_translations.update",
        "voices.clone",
        "voices.design",
        "voices.speech",
        "webhooks.endpoints.update",
    ),
    Difference("passes in a row", "unknown", "a row may hold more than one request needs"),
    Difference("passes in a row", "tag", "the class that a row is turned into says it"),
)


def differences(aspect: Aspect) -> dict[str, str]:
    """Return the differences of one aspect, by place with their reasons."""
    return {entry.where: entry.reason for entry in DIFFERENCES if entry.aspect == aspect}
