"""Scouts, and the length that they give to other items of their source."""

from __future__ import annotations

import json
from typing import Any

import pytest

from heygen_async.models.lipsyncs import LipsyncRequest
from heygen_async.models.proofreads import ProofreadRequest
from heygen_async.models.sources import AssetId, AssetUrl
from heygen_async.models.structs import Request, encode
from heygen_async.models.video_translations import VideoTranslationRequest
from heygen_async.models.videos import AvatarVideoRequest, ImageVideoRequest
from heygen_async.pricing.estimates import estimate
from heygen_async.pricing.scouts import JobSource, SourceScouts, job_source

VIDEO, OTHER = AssetUrl(url="https://files.example/a.mp4"), AssetId(asset_id="b")
TRANSLATE, LIPSYNC, CREATE = "video_translations.create", "lipsyncs.create", "videos.create"


def translation(language: str = "French", **fields: Any) -> VideoTranslationRequest:
    given = {"video": VIDEO, "output_languages": [language], **fields}
    return VideoTranslationRequest(**given)


def source(operation: str, request: Request) -> JobSource | None:
    return job_source(operation, encode(request))


def test_all_languages_and_modes_have_one_source() -> None:
    french = source(TRANSLATE, translation())
    assert french is not None
    german = translation("German", mode="precision", title="Another", translate_audio_only=True)
    assert source(TRANSLATE, german) == french
    for other in (
        translation(video=OTHER),
        translation(start_time=5.0),
        translation(audio=OTHER),
    ):
        assert source(TRANSLATE, other) != french


@pytest.mark.parametrize(
    ("operation", "request_", "has_source"),
    [
        (TRANSLATE, translation(end_time=20.0), False),  # its length is known
        (LIPSYNC, LipsyncRequest(video=VIDEO, audio=OTHER), True),
        (LIPSYNC, LipsyncRequest(video=VIDEO, audio=OTHER, end_time=20.0), False),
        (CREATE, AvatarVideoRequest(avatar_id="a", audio_url=VIDEO.url), True),
        (CREATE, AvatarVideoRequest(avatar_id="a", audio_asset_id="b"), True),
        (CREATE, ImageVideoRequest(image=VIDEO, audio_asset_id="b"), True),
        (CREATE, AvatarVideoRequest(avatar_id="a", script="Hello"), False),
        (
            "proofreads.create",
            ProofreadRequest(video=VIDEO, output_languages=["French"], title="T"),
            False,
        ),
    ],
)
def test_kinds_whose_length_follows_from_files_have_a_source(
    operation: str, request_: Request, has_source: bool
) -> None:
    assert (source(operation, request_) is not None) is has_source


@pytest.mark.parametrize("payload", [b"", b"[]", b'{"start_time": "early", "video": {}}'])
def test_what_cannot_be_read_has_no_source(payload: bytes) -> None:
    assert job_source(TRANSLATE, payload) is None


@pytest.mark.parametrize(
    ("operation", "request_", "output"),
    [
        (TRANSLATE, translation(), 60.0),
        (TRANSLATE, translation(start_time=10.0), 50.0),
        (LIPSYNC, LipsyncRequest(video=VIDEO, audio=OTHER, start_time=10.0), 50.0),
        (CREATE, AvatarVideoRequest(avatar_id="a", audio_url=VIDEO.url), 60.0),
    ],
)
def test_the_others_are_priced_by_the_output_of_the_scout(
    operation: str, request_: Request, output: float
) -> None:
    scouts: SourceScouts[int] = SourceScouts()
    found = source(operation, request_)
    assert found is not None
    assert scouts.seconds(found) is None
    scouts.learn(found, output)
    priced = estimate(request_, seconds=scouts.seconds(found))
    assert priced.seconds == pytest.approx(output)
    assert priced.complete


def test_one_of_each_source_goes_first() -> None:
    scouts: SourceScouts[str] = SourceScouts()
    one, two = JobSource("one"), JobSource("two")
    assert [scouts.start(one, item) for item in "abc"] == [True, False, False]
    assert scouts.start(two, "d")
    assert scouts.waiting == ["b", "c"]
    scouts.learn(one, 30.0)
    assert scouts.end(one) == ["b", "c"]
    assert (scouts.seconds(one), scouts.seconds(two), scouts.waiting) == (30.0, None, [])


def test_a_scout_without_a_length_is_followed_by_another() -> None:
    scouts: SourceScouts[str] = SourceScouts()
    one = JobSource("one")
    assert scouts.start(one, "a")
    assert not scouts.start(one, "b")
    assert scouts.end(one) == ["b"]
    assert scouts.start(one, "b")


def test_the_longest_output_of_a_source_counts() -> None:
    scouts: SourceScouts[str] = SourceScouts()
    one = JobSource("one")
    for seconds in (30.0, 40.0, 20.0):
        scouts.learn(one, seconds)
    assert scouts.seconds(one) == 40.0


def test_members_in_another_order_are_the_same_source() -> None:
    members = {"video": {"type": "url", "url": "u"}, "output_languages": ["French"]}
    other = {"output_languages": ["French"], "video": {"url": "u", "type": "url"}}
    first, second = (job_source(TRANSLATE, json.dumps(one).encode()) for one in (members, other))
    assert first == second
