"""Keys and fingerprints of equal items are equal."""

from __future__ import annotations

import copy
import json
import pickle
import random
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heygen_async import (
    AssetUrl,
    AvatarVideoRequest,
    TemplateRenderRequest,
    TextVariable,
    VideoTranslationRequest,
)
from heygen_async.errors import InvalidRequest
from heygen_async.journal.keys import (
    batch_key,
    canonical_json,
    content_key,
    fingerprint,
    idempotency_key,
    make_run_id,
)
from heygen_async.models.structs import Request, encode

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=5)
values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=12,
)


def shuffled(value: Any, chance: random.Random) -> Any:
    """Return the value with the members of its mappings in another order."""
    if isinstance(value, dict):
        names = list(value)
        chance.shuffle(names)
        return {name: shuffled(value[name], chance) for name in names}
    if isinstance(value, list):
        return [shuffled(item, chance) for item in value]
    return value


def test_keys_are_the_same_for_the_same_and_fit_the_header() -> None:
    run_id = make_run_id("render", "template", "launch")
    assert run_id == make_run_id("render", "template", "launch")
    assert (
        len({run_id, make_run_id("render", "t", "launch"), make_run_id("x", "template", "")}) == 3
    )
    keys = ["a", "A", "a ", "", "☃", "\udcff", "x" * 9999, "1:a", "a\0"]
    found, other = (fingerprint("videos.create", (), payload) for payload in (b"{}", b"[]"))
    made = {idempotency_key(run_id, key, found, attempt) for key in keys for attempt in (1, 2, 11)}
    made |= {idempotency_key(run_id, key, other) for key in keys}
    assert len(made) == len(keys) * 4
    allowed = set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-:.")
    assert all(set(key) <= allowed and len(key) <= 255 for key in made)
    assert len(idempotency_key("r" * 64, "a", found, 10**9)) <= 255
    with pytest.raises(InvalidRequest, match="run_id"):
        idempotency_key("spring run", "a", found)


def test_keys_do_not_change_from_one_version_to_the_next() -> None:
    """Compare with constants: a lost journal must not change the keys."""
    assert make_run_id("render", "template", "launch") == "e64228e1e9e94428"
    found = fingerprint("templates.generate", ("abc",), b'{"variables":{}}')
    assert found == "8ee22ac5837b26f798b0a9a6fb9ed547d2ccb8c8b59f4761ff4e7d4389d7b95b"
    assert idempotency_key("run", "a", found) == (
        "run:1:bc6a2f3876815a84709a4df223321db9745132fcb8716d1acf5aff0588e22d26"
    )
    assert batch_key("run", ["a", "b"]) == (
        "run:batch:c8687a08aa5d6ed2044328fa6a697ab8e96dc34291e8c2034ae8c38e6fcc6d65"
    )
    assert batch_key("run", ["b", "a"]) != batch_key("run", ["a", "b"])
    assert content_key(found) == found[:16]
    assert content_key(found, 2) == f"{found[:16]}-2"


def test_each_part_of_a_request_counts() -> None:
    parts: list[tuple[str, tuple[str, ...], bytes]] = [
        ("a", (), b"b"),
        ("ab", (), b""),
        ("a", ("b",), b""),
        ("a", ("b", ""), b""),
        ("a", ("", "b"), b""),
    ]
    assert len({fingerprint(*each) for each in parts}) == len(parts)


@given(
    extra=st.dictionaries(texts.map("x-{}".format), values, max_size=4),
    variables=st.dictionaries(texts, texts.filter(len), min_size=1, max_size=4),
    chance=st.randoms(use_true_random=False),
)
def test_equal_requests_have_one_fingerprint_whatever_the_order_of_their_members(
    extra: dict[str, Any], variables: dict[str, str], chance: random.Random
) -> None:
    def request(extra: dict[str, Any], variables: dict[str, str]) -> TemplateRenderRequest:
        texts = {name: TextVariable(content=text) for name, text in variables.items()}
        return TemplateRenderRequest(variables=texts, title="T", extra=extra)

    one = encode(request(extra, variables))
    other = encode(request(shuffled(extra, chance), shuffled(variables, chance)))
    assert one == other
    assert json.loads(one) == {
        **extra,
        "title": "T",
        "variables": {name: {"type": "text", "content": text} for name, text in variables.items()},
    }
    # A record of version 0.1.0, in any order of members, has today's fingerprint.
    stored = json.dumps(shuffled(json.loads(one), chance), ensure_ascii=chance.random() < 0.5)
    assert canonical_json(stored.encode()) == one


def test_members_are_sorted_with_and_without_extra() -> None:
    plain = AvatarVideoRequest(avatar_id="look", script="Hello", title="T")
    assert encode(plain) == (b'{"avatar_id":"look","script":"Hello","title":"T","type":"avatar"}')
    more = AvatarVideoRequest(
        avatar_id="look", script="Hello", title="T", extra={"new": {"b": 1, "a": 2}, "a": 0}
    )
    assert encode(more) == (
        b'{"a":0,"avatar_id":"look","new":{"a":2,"b":1},"script":"Hello","title":"T",'
        b'"type":"avatar"}'
    )


@pytest.mark.parametrize(
    "twin",
    [
        lambda request: pickle.loads(pickle.dumps(request)),
        lambda request: pickle.loads(pickle.dumps(request, protocol=2)),
        copy.copy,
        copy.deepcopy,
    ],
    ids=["pickle", "oldest pickle", "copy", "deepcopy"],
)
def test_a_copy_of_a_request_has_its_body(twin: Callable[[Request], Request]) -> None:
    """Leave out defaults, so that another process computes the same fingerprint."""
    for request in (
        AvatarVideoRequest(avatar_id="look", script="Hello"),
        AvatarVideoRequest(
            avatar_id="look", script="Hello", aspect_ratio="9:16", extra={"a": "16:9"}
        ),
        TemplateRenderRequest(variables={"name": TextVariable(content="Ada")}, fps=30),
        VideoTranslationRequest(video=AssetUrl(url="https://a.com/b"), output_languages=["Dutch"]),
    ):
        assert twin(request) == request
        assert encode(twin(request)) == encode(twin(twin(request))) == encode(request)


@pytest.mark.parametrize("data", [b"", b"{", b"\xff\xfe", b'{"a":1}x'])
def test_what_is_not_json_is_its_own_canonical_form(data: bytes) -> None:
    assert canonical_json(data) == data
