"""Answers: tolerant decoding, safe reprs, and conversion to plain data."""

from __future__ import annotations

import copy
import json
import pickle
from typing import Any

import msgspec
import pytest

from heygen_async.models.assets import DirectUpload
from heygen_async.models.sources import AssetBase64, AssetUrl
from heygen_async.models.statuses import StatusEntry
from heygen_async.models.structs import Answer, AnswerWithDefaults
from heygen_async.models.templates import Template
from heygen_async.models.video_agents import VideoAgentSession
from heygen_async.models.videos import CreatedVideo, Video, VideoStatusV1
from tests.contract.schemas import ANSWERS, SCHEMAS, example

NAMED = [answer for answer in ANSWERS if answer.__name__ in SCHEMAS]


def _full(answer: type[Answer]) -> dict[str, Any]:
    schemas = SCHEMAS[answer.__name__]["properties"]
    return {name: example(schema) for name, schema in schemas.items()}


def _required(answer: type[Answer]) -> dict[str, Any]:
    names = [field.name for field in msgspec.structs.fields(answer) if field.required]
    return {name: value for name, value in _full(answer).items() if name in names}


def _decode(answer: type[Answer], fields: dict[str, Any]) -> Answer:
    return msgspec.json.decode(json.dumps(fields), type=answer)


@pytest.mark.parametrize("answer", NAMED)
def test_every_field_arrives(answer: type[Answer]) -> None:
    fields = _full(answer)
    decoded = _decode(answer, fields)
    seen = {name: msgspec.to_builtins(getattr(decoded, name)) for name in fields}
    assert json.loads(msgspec.json.encode(seen)) == fields


@pytest.mark.parametrize("answer", NAMED)
def test_null_and_absent_are_alike(answer: type[Answer]) -> None:
    fields = _required(answer)
    nulls = dict.fromkeys(set(_full(answer)) - set(fields))
    assert _decode(answer, nulls | fields) == _decode(answer, fields)
    for field in msgspec.structs.fields(answer):
        if not field.required and field.default is not None:
            value = getattr(_decode(answer, nulls | fields), field.name)
            assert value is not None


@pytest.mark.parametrize("answer", NAMED)
def test_unknown_fields_are_ignored(answer: type[Answer]) -> None:
    fields = _full(answer)
    assert _decode(answer, {**fields, "brand_new": {"deep": [1]}}) == _decode(answer, fields)


@pytest.mark.parametrize("answer", NAMED)
def test_a_missing_required_field_is_an_error(answer: type[Answer]) -> None:
    for name in _required(answer):
        fields = _full(answer)
        del fields[name]
        with pytest.raises(msgspec.ValidationError, match=name):
            _decode(answer, fields)


@pytest.mark.parametrize("answer", NAMED)
def test_whole_numbers_may_come_as_floats(answer: type[Answer]) -> None:
    fields = {
        name: float(value) if type(value) is int else value for name, value in _full(answer).items()
    }
    assert _decode(answer, fields) == _decode(answer, _full(answer))


@pytest.mark.parametrize("answer", NAMED)
def test_answers_pickle_and_copy(answer: type[Answer]) -> None:
    decoded = _decode(answer, _full(answer))
    assert pickle.loads(pickle.dumps(decoded)) == decoded
    assert copy.copy(decoded) == copy.deepcopy(decoded) == decoded


@pytest.mark.parametrize("answer", NAMED)
def test_answers_print_no_query_of_a_url(answer: type[Answer]) -> None:
    secret = '"https://files.example/a.mp4?X-Amz-Signature=0123456789abcdef"'
    body = json.dumps(_full(answer)).replace('"text"', secret).replace('"value"', secret)
    decoded = msgspec.json.decode(body, type=answer)
    assert "0123456789abcdef" not in repr(decoded)
    assert "0123456789abcdef" not in repr(decoded.__rich_repr__())
    assert type(decoded).__name__ in repr(decoded)


def test_enum_values_that_are_new_are_kept() -> None:
    video = _decode(Video, {"id": "v", "status": "daydreaming"})
    assert isinstance(video, Video)
    assert video.status == "daydreaming"


def test_null_becomes_the_default_of_each_kind() -> None:
    created = _decode(CreatedVideo, {"video_id": "v", "status": "waiting", "output_format": None})
    assert isinstance(created, CreatedVideo)
    assert created.output_format == "mp4"
    template = _decode(Template, {"id": "t", "name": "n", "variables": None, "scenes": None})
    assert isinstance(template, Template)
    assert template.variables == {}
    assert template.scenes == ()
    session = _decode(
        VideoAgentSession,
        {
            "session_id": "s",
            "status": "thinking",
            "created_at": 1,
            "progress": None,
            "messages": None,
        },
    )
    assert isinstance(session, VideoAgentSession)
    assert session.progress == 0
    assert session.messages == ()


def test_answers_that_need_no_defaults_do_no_work_for_them() -> None:
    for answer in ANSWERS:
        has_defaults = any(
            not field.required and field.default is not None
            for field in msgspec.structs.fields(answer)
        )
        assert issubclass(answer, AnswerWithDefaults) == has_defaults, answer


def test_two_answers_do_not_share_their_empty_mappings() -> None:
    fields = {"id": "t", "name": "n", "variables": None}
    first, second = _decode(Template, fields), _decode(Template, fields)
    assert isinstance(first, Template)
    assert isinstance(second, Template)
    assert first.variables is not second.variables


@pytest.mark.parametrize("error", [{"code": 7, "message": "m"}, {"code": "seven"}, "bare text"])
def test_errors_come_in_several_shapes(error: object) -> None:
    entry = _decode(StatusEntry, {"status": "failed", "error": error})
    status = _decode(VideoStatusV1, {"id": "v", "status": "failed", "error": error})
    assert isinstance(entry, StatusEntry)
    assert isinstance(status, VideoStatusV1)
    assert entry.error == status.error == error


def test_upload_headers_and_file_contents_are_not_printed() -> None:
    upload = DirectUpload(
        asset_id="a",
        upload_url="https://s3.example/a?X-Amz-Signature=topsecret",
        upload_headers={"x-amz-security-token": "topsecret"},
        max_bytes=1,
        expires_in_seconds=60,
        status="pending",
    )
    assert "topsecret" not in repr(upload)
    source = AssetBase64(media_type="image/png", data="dG9wc2VjcmV0")
    assert "dG9wc2VjcmV0" not in repr(source)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://h.example/a.png?sig=1", "https://h.example/a.png?…"),
        ("HTTPS://h.example/a.png?sig=1", "HTTPS://h.example/a.png?…"),
        ("https://h.example/a.png#token", "https://h.example/a.png#…"),
        ("https://user:word@h.example/a.png", "https://…@h.example/a.png"),
        ("https://h.example/it's?sig='1", "https://h.example/it's?…"),
    ],
)
def test_reprs_hide_what_may_be_secret_in_a_url(url: str, shown: str) -> None:
    assert repr(AssetUrl(url=url)) == f"AssetUrl(url={shown!r})"


def test_reprs_leave_out_defaults_and_cut_long_texts() -> None:
    assert repr(Video(id="v", status="failed")) == "Video(id='v', status='failed')"
    text = repr(Video(id="v", status="failed", failure_message="x" * 1000))
    assert "(1,000 characters)" in text
    assert len(text) < 400
