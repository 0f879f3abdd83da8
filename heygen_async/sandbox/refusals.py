"""The refusals of the API: what an operation raises, and how each version words it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

__all__ = ["Refusal", "error_body", "invalid", "not_found"]

#: Where `doc_url` of a v3 error points; the code follows, with dashes.
DOC_URL = "https://developers.heygen.com/docs/error-codes#"


class Refusal(Exception):
    """An answer other than 2xx, raised where the reason is found.

    Args:
        status: HTTP status.
        code: The API's error code, such as `invalid_parameter`.
        message: One sentence for people.
        param: Dotted path of the offending field.
        headers: Extra headers of the answer, such as `Retry-After`.
    """

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        *,
        param: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.param = param
        self.headers: dict[str, str] = dict(headers or {})


def invalid(param: str, message: str, *, code: str = "invalid_parameter") -> Refusal:
    """A 400 that names the field."""
    return Refusal(400, code, message, param=param)


def not_found(what: str, identifier: str) -> Refusal:
    """A 404 with the code of its resource: `video` gives `video_not_found`."""
    return Refusal(404, f"{what}_not_found", f"No such {what.replace('_', ' ')}: {identifier}")


def error_body(version: str, refusal: Refusal) -> bytes:
    """The envelope in which the API version `v1`, `v2` or `v3` refuses."""
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
    # v1 puts an integer other than 100 at the top.
    whole = {"code": refusal.status * 1000, "message": error["message"], "data": None}
    return json.dumps({**whole, "error": error}).encode()
