"""Answers with fields of other types than published: kept or left out, and logged once."""

from __future__ import annotations

import json
import logging
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from heygen_async.models.structs import Answer
from heygen_async.models.video_agents import CreatedVideoAgentSession, VideoAgentSession
from heygen_async.models.videos import CreatedVideo, Video
from heygen_async.session.answers.codec import DECODE_ERRORS, ErrorInside, Page, decoder_for
from heygen_async.session.answers.lenient import Oddity, convert_leniently
from heygen_async.session.endpoint import Envelope
from tests.contract.schemas import ANSWERS, SCHEMAS, example

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)
NAMED = [answer for answer in ANSWERS if answer.__name__ in SCHEMAS]
ESSENTIAL = ("status", "url", "secret", "items", "event_type", "upload_headers")


def full(answer: type[Answer]) -> dict[str, Any]:
    schemas = SCHEMAS[answer.__name__]["properties"]
    return {name: example(schema) for name, schema in schemas.items()}


def is_essential(name: str) -> bool:
    return name in ("id", *ESSENTIAL) or name.endswith(("_id", "_ids", "_url"))


@pytest.mark.parametrize("answer", NAMED)
@settings(max_examples=8)
@given(data=st.data())
def test_no_field_that_nobody_acts_on_spoils_an_answer(
    answer: type[Answer], data: st.DataObject
) -> None:
    """Give one field any value, or leave it out: the others are decoded as before."""
    fields = full(answer)
    right = msgspec.convert(fields, answer)
    name = data.draw(st.sampled_from(sorted(fields)))
    spoilt = {**fields, name: data.draw(JSON)}
    if data.draw(st.booleans()):
        del spoilt[name]
    required = {field.encode_name for field in msgspec.structs.fields(answer) if field.required}
    known = set(answer.__struct_fields__)
    try:
        found, oddities = convert_leniently(spoilt, answer)
    except msgspec.ValidationError:
        # A required Struct has no substitute.
        assert name in required
        assert is_essential(name) or isinstance(fields[name], dict)
        return
    assert {oddity.path.partition(".")[0] for oddity in oddities} <= {name}
    for other in known & fields.keys() - {name}:
        assert getattr(found, other) == getattr(right, other)


@pytest.mark.parametrize(
    ("value", "expected", "oddities"),
    [
        ({"duration": "12.5"}, {"duration": 12.5}, [Oddity("duration", "str", True)]),
        ({"duration": "long"}, {"duration": None}, [Oddity("duration", "str", False)]),
        ({"title": 2026}, {"title": "2026"}, [Oddity("title", "int", True)]),
        ({"title": True}, {"title": None}, [Oddity("title", "bool", False)]),
        ({"created_at": "2026-11-28"}, {"created_at": None}, [Oddity("created_at", "str", False)]),
        ({"video_url": {"url": "u"}}, {"video_url": None}, [Oddity("video_url", "dict", False)]),
    ],
)
def test_what_becomes_of_an_odd_field(
    value: dict[str, Any], expected: dict[str, Any], oddities: list[Oddity]
) -> None:
    video, found = convert_leniently({"id": "v", "status": "completed", **value}, Video)
    assert {name: getattr(video, name) for name in expected} == expected
    assert found == oddities


def test_of_a_create_only_the_id_is_required() -> None:
    decode = decoder_for(CreatedVideoAgentSession, "data", creates=True)
    created = decode(b'{"data": {"session_id": "s", "created_at": "2026-11-28T00:00:00Z"}}')
    assert (created.session_id, created.status) == ("s", "")
    assert created.created_at == "2026-11-28T00:00:00Z"  # as it came
    assert decode(b'{"data": {"session_id": "s"}}').created_at == 0
    for body in (b'{"data": {}}', b'{"data": {"session_id": 7}}', b'{"data": null}'):
        with pytest.raises(msgspec.ValidationError):
            decode(body)


def test_a_state_has_to_say_its_status() -> None:
    for answer in (Video, CreatedVideo):
        with pytest.raises(msgspec.ValidationError, match="status"):
            decoder_for(answer, "data")(b'{"data": {"id": "v", "video_id": "v"}}')


def test_lists_and_messages_inside() -> None:
    session, oddities = convert_leniently(
        {
            "session_id": "s",
            "status": "thinking",
            "created_at": 1,
            "progress": None,
            "messages": [
                {"role": "model", "type": "text", "content": "Yes", "created_at": "now"},
                "no message",
                {"role": "model", "type": "text", "content": 7},
            ],
        },
        VideoAgentSession,
    )
    assert [message.content for message in session.messages] == ["Yes", "7"]
    assert oddities == [
        Oddity("messages.created_at", "str", False),
        Oddity("messages", "str", False),
        Oddity("messages.content", "int", True),
    ]
    whole, _ = convert_leniently(
        {"session_id": "s", "status": "thinking", "created_at": 1, "messages": "none"},
        VideoAgentSession,
    )
    assert whole.messages == ()


def test_a_page_keeps_its_good_items() -> None:
    decode = decoder_for(Video, "page")
    body = {"data": [{"id": "a", "status": "failed", "title": 7}, {"title": "?"}], "has_more": "x"}
    assert decode(json.dumps({**body, "next_token": 12}).encode()) == Page(
        [Video(id="a", status="failed", title="7")], True, "12"
    )
    with pytest.raises(ErrorInside):
        decode(b'{"data": 1, "error": "no"}')


def test_each_field_is_logged_once_without_its_value(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    decode = decoder_for(Video, "data")
    for _ in range(3):
        decode(b'{"data": {"id": "v", "status": "failed", "title": 7, "duration": "sk_secret"}}')
    assert [record.getMessage() for record in caplog.records] == [
        "Video.duration is not of the type that the API publishes (found: str); it is left out",
        "Video.title is not of the type that the API publishes (found: int); it is kept as far as "
        "possible",
    ]


@pytest.mark.parametrize("answer", NAMED)
@settings(max_examples=4)
@given(body=JSON)
def test_any_answer_is_decoded_or_refused(answer: type[Answer], body: Any) -> None:
    envelopes: tuple[Envelope, ...] = ("data", "page", "none")
    for envelope in envelopes:
        content = msgspec.json.encode({"data": body, "error": None})
        try:
            decoder_for(answer, envelope, creates=True)(content)
        except (*DECODE_ERRORS, ErrorInside):
            pass
