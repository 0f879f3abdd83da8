"""The refusals of the API: the exception, and its envelope in each version."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

__all__ = ["Refusal", "bad_reference", "error_body", "invalid", "invalid_item", "not_found"]

#: Start of the `doc_url` of a v3 error; the code follows, with dashes.
DOC_URL = "https://developers.heygen.com/docs/error-codes#"


class Refusal(Exception):
    """An answer other than 2xx.

    Args:
        status: HTTP status.
        code: The API's error code, such as `invalid_parameter`.
        message: A sentence for people.
        param: Dotted path of the offending field.
        headers: Extra headers of the answer, such as `Retry-After`.
        alone: Whether in a batch only its item fails, although it is an `invalid_parameter`.
    """

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        *,
        param: str | None = None,
        headers: Mapping[str, str] | None = None,
        alone: bool = False,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.param = param
        self.headers: dict[str, str] = dict(headers or {})
        self.alone: bool = alone or code != "invalid_parameter"


def invalid(param: str, message: str, *, code: str = "invalid_parameter") -> Refusal:
    """Return a 400 that names the field."""
    return Refusal(400, code, message, param=param)


def invalid_item(field: str, index: int) -> Refusal:
    """Return the 400 for an item of a batch, which refuses the whole batch."""
    what = "file" if field == "files" else "payload"
    return invalid(field, f"Invalid {what}(s) at index {index}.")


#: Error code and name of the resource for an unknown id in a path.
_UNKNOWN: dict[str, tuple[str, str]] = {
    "ai_clip": ("not_found", "AI clip"),
    "asset": ("asset_not_found", "Asset"),
    "avatar_group": ("avatar_not_found", "Avatar group"),
    "avatar_look": ("not_found", "Avatar look"),
    "background_removal": ("not_found", "Background removal job"),
    "batch": ("not_found", "Batch"),
    "brand_glossary": ("resource_not_found", "Brand glossary"),
    "brand_kit": ("resource_not_found", "Brand kit"),
    "filler_word_removal": ("not_found", "Filler word removal job"),
    "folder": ("not_found", "Folder"),
    "hyperframes_render": ("not_found", "HyperFrames render"),
    "lipsync": ("not_found", "Lipsync"),
    "proofread": ("not_found", "Proofread"),
    "resource": ("not_found", "Resource"),
    "session": ("not_found", "Session"),
    "style": ("not_found", "Style"),
    "template": ("template_not_found", "Template"),
    "video": ("not_found", "Video"),
    "video_translation": ("not_found", "Video translation"),
    "voice": ("voice_not_found", "Voice"),
    "webhook": ("webhook_not_found", "Webhook endpoint"),
}


def not_found(what: str) -> Refusal:
    """Return the 404 for an unknown id in the path, in the words of its resource."""
    code, name = _UNKNOWN[what]
    return Refusal(404, code, f"{name} not found.")


def bad_reference(what: str, identifier: str, param: str) -> Refusal:
    """Return the 400 for an unknown id in the field `param` of a body."""
    _, name = _UNKNOWN[what]
    if what == "asset":
        return invalid(param, f"{name} not found.", code="asset_not_found")
    message = f"Invalid {param}: '{identifier}'. {name} not found."
    return Refusal(400, "invalid_parameter", message, param=param, alone=True)


def error_body(version: str, refusal: Refusal) -> bytes:
    """Return the error envelope of the API version `v1`, `v2` or `v3`."""
    error: dict[str, Any] = {"code": refusal.code, "message": refusal.message}
    if version == "v3":
        if refusal.param is not None:
            error["param"] = refusal.param
        error["doc_url"] = DOC_URL + refusal.code.replace("_", "-")
        return json.dumps({"error": error}).encode()
    if refusal.param is not None:
        error["message"] = f"{refusal.param}: {refusal.message}"
    if version == "v2":
        return json.dumps({"data": None, "error": error}).encode()
    # v1 has an integer other than 100 at the top.
    whole = {"code": refusal.status * 1000, "message": error["message"], "data": None}
    return json.dumps({**whole, "error": error}).encode()
