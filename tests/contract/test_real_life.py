"""Bodies as they come on the wire, which no schema tells: what a user gets of each."""

from __future__ import annotations

import json
from typing import Any

import pytest

from heygen_async import APIError, BadRequest, HeyGen, NotFound, ServerError
from tests.contract.operations import method_of
from tests.session.wire import answering, raw_server

pytestmark = pytest.mark.anyio

LOOK = "Abigail_expressive_2024112501"  # ids of looks are names, not hexadecimal
SIGNED = (
    "https://files2.heygen.ai/aws_pacific/avatar_tmp/v.mp4?Expires=1&Signature=a~b_&Key-Pair-Id=K"
)

# Operation, its answer, and what is asked of the result.
GOOD: dict[str, tuple[str, Any, dict[str, Any]]] = {
    "a video that just began, optional fields left out": (
        "videos.get",
        {"data": {"id": "6f1d", "status": "waiting"}},
        {"id": "6f1d", "status": "waiting", "video_url": None, "failure_code": None},
    ),
    "a finished video, nulls, fields that are new, a status that is new": (
        "videos.get",
        {
            "data": {
                "id": "6f1de1a0c8f94bd0b6a31ae7a4b6d3a1",
                "status": "archiving",
                "title": None,
                "video_url": SIGNED,
                "duration": 12,
                "created_at": 1788000000.5,
                "moderation": {"state": "passed", "scores": [0.1]},
            },
            "request_id": "req-1",
        },
        {"status": "archiving", "title": None, "video_url": SIGNED, "created_at": 1788000000.5},
    ),
    "a failed video without a reason": (
        "videos.get",
        {"data": {"id": "v", "status": "failed", "failure_code": None, "failure_message": None}},
        {"failure_code": None, "failure_message": None},
    ),
    "a translation by its id with a code": (
        "video_translations.get",
        {"data": {"id": "9a8b7c-es", "status": "running", "output_language": None}},
        {"id": "9a8b7c-es", "status": "running"},
    ),
    "v1 of a video, its failure as an object with a whole number": (
        "videos.status_v1",
        {
            "code": 100,
            "data": {"id": "v", "status": "failed", "error": {"code": 40119, "message": "m"}},
            "message": "Success",
        },
        {"status": "failed", "error": {"code": 40119, "message": "m"}},
    ),
    "v1 of a video, its failure as a bare text": (
        "videos.status_v1",
        {"code": 100, "data": {"id": "v", "status": "failed", "error": "no"}, "message": None},
        {"error": "no"},
    ),
    "v2 of a template with a warning of its end": (
        "templates.get_v2",
        {
            "error": None,
            "data": {"variables": {"n": {"name": "n", "type": "hologram", "properties": {}}}},
            "warning": {"code": "deprecated_endpoint", "successor": "/v3/templates"},
        },
        {},
    ),
    "a cloned voice is complete without a d": (
        "voices.get",
        {"data": {"voice_id": "v", "name": "Ada", "type": "private", "status": "complete",
                  "support_pause": True, "support_locale": False, "language": "English",
                  "gender": "female"}},
        {"status": "complete"},
    ),
    "a user whose wallet resets at a text": (
        "users.me",
        {"data": {"username": "ada", "email": None, "first_name": None, "last_name": None,
                  "billing_type": "wallet", "hologram_credits": 7}},
        {"username": "ada", "email": None},
    ),
    "a look whose id is a name": (
        "avatars.looks.get",
        {"data": {"id": LOOK, "name": "Abigail", "avatar_type": "clay_figure",
                  "supported_api_engines": ["avatar_iv", "avatar_vi"], "tags": None}},
        {"id": LOOK, "avatar_type": "clay_figure"},
    ),
}  # fmt: skip


def _answer(status: int, body: bytes, content_type: str = "application/json") -> bytes:
    head = f"HTTP/1.1 {status} X\r\nContent-Type: {content_type}\r\nContent-Length: {len(body)}"
    return f"{head}\r\nx-amzn-requestid: 4f2c\r\nConnection: close\r\n\r\n".encode() + body


@pytest.mark.parametrize("case", GOOD.values(), ids=GOOD.keys())
async def test_an_answer_is_what_it_says(case: tuple[str, Any, dict[str, Any]]) -> None:
    operation, body, wanted = case
    async with (
        raw_server(answering(_answer(200, json.dumps(body).encode()))) as server,
        HeyGen("sk_V2_anything", base_url=server.base_url) as heygen,
    ):
        ids = [] if operation == "users.me" else ["some-id"]
        result = await method_of(heygen, operation)(*ids)
    assert {name: getattr(result, name) for name in wanted} == wanted


PAGES = {
    "whole": {"data": [{"id": "a", "status": "completed"}], "has_more": False, "next_token": None},
    "without its end": {"data": [{"id": "a", "status": "completed"}]},
    "that claims more and gives no token": {
        "data": [{"id": "a", "status": "completed"}], "has_more": True, "next_token": None,
    },
}  # fmt: skip


@pytest.mark.parametrize("body", PAGES.values(), ids=PAGES.keys())
async def test_a_list_ends(body: dict[str, Any]) -> None:
    async with (
        raw_server(answering(_answer(200, json.dumps(body).encode()))) as server,
        HeyGen("sk_V2_anything", base_url=server.base_url) as heygen,
    ):
        assert [video.id async for video in heygen.videos.list()] == ["a"]
    assert len(server.requests) == 1


DOCS = "https://developers.heygen.com/docs/error-codes#invalid-parameter"
HTML = b"<html><head><title>502 Bad Gateway</title></head><body>nginx</body></html>"
# Status, body, type of the body; class, code and param of the error. Where a body names no code,
# the status does.
BAD: dict[str, tuple[int, bytes, str, type[APIError], str | None, str | None]] = {
    "v3 with a field": (
        400,
        json.dumps({"error": {"code": "invalid_parameter", "message": "Extra inputs are not "
                    "permitted", "param": "hologram", "doc_url": DOCS}}).encode(),
        "application/json", BadRequest, "invalid_parameter", "hologram",
    ),
    "422 in place of 400": (
        422, b'{"error": {"code": "invalid_parameter", "message": "m", "param": "a.b"}}',
        "application/json", APIError, "invalid_parameter", "a.b",
    ),
    "v2 with a bare text": (
        400, b'{"data": null, "error": "Video is too short"}',
        "application/json", BadRequest, "invalid_parameter", None,
    ),
    "v2 with a whole number": (
        400, b'{"data": null, "error": {"code": 400543, "message": "m"}}',
        "application/json", BadRequest, "400543", None,
    ),
    "v1 with msg": (
        400, b'{"code": 400140, "msg": "m"}', "application/json", BadRequest, "400140", None,
    ),
    "v1 under 200": (
        200, b'{"code": 400140, "message": "m", "data": null}',
        "application/json", APIError, "400140", None,
    ),
    "HTML of a gateway": (502, HTML, "text/html", ServerError, "bad_gateway", None),
    "nothing of a gateway": (503, b"", "text/plain", ServerError, "service_unavailable", None),
    "nothing at an address": (404, b"", "text/plain", NotFound, "not_found", None),
    "v3 not found": (
        404, b'{"error": {"code": "video_not_found", "message": "m", "param": null}}',
        "application/json", NotFound, "video_not_found", None,
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD.values(), ids=BAD.keys())
async def test_an_error_is_what_it_says(
    case: tuple[int, bytes, str, type[APIError], str | None, str | None],
) -> None:
    status, body, content_type, kind, code, param = case
    async with (
        raw_server(answering(_answer(status, body, content_type))) as server,
        HeyGen("sk_V2_anything", base_url=server.base_url, retry=1) as heygen,
    ):
        with pytest.raises(kind) as caught:
            await heygen.videos.get("v")
    error = caught.value
    assert (error.status, error.code, error.param) == (status, code, param)
    assert error.request_id == "4f2c"
    assert "<html" not in str(error)


async def test_details_of_an_error_come_along_redacted_and_bounded() -> None:
    detail = {"code": "bad_node", "message": "see https://x.example/a?sig=1", "node_id": "n-1"}
    body = {"error": {"code": "invalid_parameter", "message": "m", "errors": [detail] * 60}}
    async with (
        raw_server(answering(_answer(400, json.dumps(body).encode()))) as server,
        HeyGen("sk_V2_anything", base_url=server.base_url) as heygen,
    ):
        with pytest.raises(BadRequest) as caught:
            await heygen.videos.get("v")
    assert len(caught.value.errors) == 50
    assert caught.value.errors[0]["node_id"] == "n-1"
    assert "sig=1" not in caught.value.errors[0]["message"]
