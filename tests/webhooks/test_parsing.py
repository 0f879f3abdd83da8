"""Parsing: every event the API has, both shapes of bodies, and whatever else may come."""

from __future__ import annotations

import json
import pickle
import re
from typing import Any, get_args

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from heygen_async import MalformedDelivery, WebhookEvent, WebhookEventName, webhooks
from heygen_async.webhooks import (
    AvatarVideoFail,
    AvatarVideoSuccess,
    Callback,
    Event,
    JobNotification,
    UnknownEvent,
    VerifiedBody,
    VideoTranslateFail,
    VideoTranslateSuccess,
    parse,
)
from heygen_async.webhooks.events import EVENT_CLASSES
from heygen_async.webhooks.parsing import event_from

from .signing import event_body

NAMES: list[str] = list(get_args(WebhookEventName))
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)


def event(body: bytes) -> Event:
    return parse(VerifiedBody(body))


def test_each_type_of_event_has_its_class() -> None:
    assert EVENT_CLASSES.keys() == set(NAMES)
    for name, kind in EVENT_CLASSES.items():
        assert kind.__name__ == "".join(part.capitalize() for part in re.split(r"[._]", name))
        assert getattr(webhooks, kind.__name__) is kind
        assert kind.__doc__


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("event_id", ["event-7", None])
def test_an_event_becomes_its_class(name: str, event_id: str | None) -> None:
    data = {"video_id": "v-1", "video_translate_id": "t-1", "brand_new": [1]}
    parsed = event(event_body(name, data, event_id=event_id))
    assert type(parsed) is EVENT_CLASSES[name]
    assert (parsed.event_type, parsed.event_id) == (name, event_id)
    assert pickle.loads(pickle.dumps(parsed)) == parsed
    assert name in msgspec.json.encode(parsed).decode()


def test_what_the_documented_events_carry() -> None:
    success = event(event_body("avatar_video.success", {"video_id": "v", "url": "https://a/b?c"}))
    assert isinstance(success, AvatarVideoSuccess)
    assert success.event_data.url == "https://a/b?c"
    assert "?c" not in repr(success)
    fail = event(event_body("avatar_video.fail", {"video_id": "v", "msg": "no"}))
    assert isinstance(fail, AvatarVideoFail)
    assert fail.event_data.msg == "no"
    fields = {"video_translate_id": "t", "output_language": "French", "callback_id": None}
    done = event(event_body("video_translate.success", {**fields, "url": "https://a/b"}))
    assert isinstance(done, VideoTranslateSuccess)
    assert done.event_data.output_language == "French"
    failed = event(event_body("video_translate.fail", {**fields, "message": "no"}))
    assert isinstance(failed, VideoTranslateFail)
    assert failed.event_data.message == "no"


@pytest.mark.parametrize(
    ("data", "jobs"),
    [
        ({"video_id": "v"}, [JobNotification("video", "v")]),
        ({"video_translate_id": "t"}, [JobNotification("video_translation", "t")]),
        ({"video_translation_id": "t"}, [JobNotification("video_translation", "t")]),
        (
            {"session_id": "s", "video_id": "v"},
            [JobNotification("video", "v"), JobNotification("video_agent_session", "s")],
        ),
        ({"proofread_id": "p"}, [JobNotification("proofread", "p")]),
        ({"video_id": 7, "session_id": "", "proofread_id": "x" * 201, "other": "o"}, []),
    ],
)
@pytest.mark.parametrize("name", ["video_agent.success", "never.heard.of"])
def test_the_jobs_of_an_event(name: str, data: dict[str, Any], jobs: list[JobNotification]) -> None:
    assert list(event(event_body(name, data)).jobs) == jobs
    unsigned = parse(event_body(name, data)).jobs
    assert [(job.kind, job.job_id) for job in unsigned] == [(job.kind, job.job_id) for job in jobs]
    assert not any(job.verified for job in unsigned)


@pytest.mark.parametrize("name", ["ai_clipping.success", "ai_clipping.fail"])
def test_a_whole_job_is_known_by_its_plain_id(name: str) -> None:
    body = event_body(name, {"id": "c", "status": "completed", "clips": [{"id": "no job"}]})
    assert event(body).jobs == (JobNotification("ai_clipping", "c"),)
    assert parse(body).jobs == (JobNotification("ai_clipping", "c", verified=False),)
    removal = event_body("filler_word_removal.success", {"id": "c"})
    assert event(removal).jobs == (JobNotification("filler_word_removal", "c"),)
    render = event_body("hyperframes_video.fail", {"render_id": "r"})
    assert event(render).jobs == (JobNotification("hyperframes_render", "r"),)
    assert event(event_body("avatar_video.fail", {"id": "c", "video_id": "v"})).jobs == (
        JobNotification("video", "v"),
    )


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("never.heard.of", {"some": "thing"}),
        ("avatar_video.success", {"no": "video_id"}),
        ("avatar_video.success", {"video_id": 7}),
        ("batch.finished", ["a list"]),
    ],
)
def test_what_is_unknown_is_kept_whole(name: str, data: Any) -> None:
    body = {"event_type": name, "event_data": data, "event_id": "e", "more": [1, 2]}
    parsed = event(json.dumps(body).encode())
    assert isinstance(parsed, UnknownEvent)
    assert (parsed.event_type, parsed.event_id, parsed.created_at) == (name, "e", None)
    assert parsed.body == body
    assert parsed.event_data == (data if isinstance(data, dict) else {})


ODD: list[tuple[str, Any, Any]] = [
    ("callback_id", 42, "42"),
    ("folder_id", 7, "7"),
    ("gif_download_url", {}, None),
    ("url", False, None),
]


@pytest.mark.parametrize(("name", "value", "expected"), ODD)
def test_a_field_of_another_type_costs_no_event(name: str, value: Any, expected: Any) -> None:
    parsed = event(event_body(data={"video_id": "v", "url": "https://a/b", name: value}))
    assert isinstance(parsed, AvatarVideoSuccess)
    assert parsed.event_data.video_id == "v"
    assert getattr(parsed.event_data, name) == expected


def test_odd_fields_of_the_event_itself() -> None:
    body = {"event_type": "avatar_video.success", "event_data": {"video_id": "v"}}
    parsed = event(json.dumps({**body, "event_id": 7, "created_at": 1764000000.5}).encode())
    assert isinstance(parsed, AvatarVideoSuccess)
    assert (parsed.event_id, parsed.created_at) == ("7", "1764000000.5")


@given(fields=st.dictionaries(st.text(), JSON, max_size=4), name=st.text(min_size=1), data=JSON)
def test_any_object_with_a_type_is_an_event(fields: dict[str, Any], name: str, data: Any) -> None:
    whole = {**fields, "event_type": name, "event_data": data}
    body = json.dumps(whole).encode()
    parsed = event(body)
    assert parsed.event_type == name
    assert isinstance(parse(body), Callback)


@given(body=st.binary(max_size=60) | JSON.map(lambda value: json.dumps(value).encode()))
def test_what_is_no_event_is_malformed(body: bytes) -> None:
    for what in (VerifiedBody(body), body):
        with pytest.raises(MalformedDelivery, match="body"):
            pytest.fail(f"took {parse(what)}")


@pytest.mark.parametrize("title", [b'"\xff"', b"NaN", b"1e400", b'"\\ud800"'])
def test_what_is_nearly_json_is_an_event(title: bytes) -> None:
    body = b'\xef\xbb\xbf{"event_type": "new", "event_data": {"title": %b}}' % title
    assert event(body).event_type == "new"
    assert isinstance(parse(body), Callback)


def test_deep_nesting_is_malformed() -> None:
    with pytest.raises(MalformedDelivery):
        parse(b'{"event_type": "a", "event_data": ' + b"[" * 100_000)


def test_nothing_of_a_callback_is_kept_but_ids() -> None:
    data = {"video_id": "v", "url": "https://evil.example/", "callback_id": "c"}
    callback = parse(event_body("avatar_video.success", data))
    claimed = JobNotification("video", "v", verified=False, callback_id="c")
    assert callback == Callback(jobs=(claimed,), callback_id="c")
    assert not isinstance(callback, Event)
    assert set(Callback.__struct_fields__) == {"jobs", "callback_id"}
    assert parse(event_body(data={"callback_id": 7})).callback_id is None
    assert parse(event_body(data={"callback_id": "c" * 1001})).callback_id is None


def test_a_listed_event_is_the_event_that_was_delivered() -> None:
    for name in ("avatar_video.success", "never.heard.of"):
        body = event_body(name, {"video_id": "v"})
        listed = msgspec.json.decode(body, type=WebhookEvent)
        assert event_from(listed) == event(body)
