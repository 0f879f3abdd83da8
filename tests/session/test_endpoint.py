"""Paths and queries cannot leave their place."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl, unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st
from yarl import URL

from heygen_async.errors import InvalidRequest
from heygen_async.session.endpoint import Endpoint, query_string

ONE: Endpoint[Any] = Endpoint(operation="x.get", method="GET", path="/v3/x/{x_id}", answer=Any)
TWO: Endpoint[Any] = Endpoint(
    operation="x.y", method="POST", path="/v3/x/{x_id}/y/{y_id}/z", answer=Any, keyed=True
)
TEXT = st.text(st.characters(exclude_categories=["Cs"]), min_size=1)


IDS = TEXT.map(lambda text: "".join(filter(str.isprintable, text)).strip()).filter(
    lambda text: text and "://" not in text
)


@given(IDS.filter(lambda text: text not in (".", "..")), IDS)
def test_values_stay_in_their_segment(first: str, second: str) -> None:
    if second in (".", ".."):
        second += "x"
    path = TWO.at(first, second)
    assert path.isascii()
    segments = path.split("/")
    assert len(segments) == 7
    assert [unquote(segments[3]), unquote(segments[5])] == [first, second]
    # The path is sent as meant: nothing is decoded or resolved.
    assert URL("https://api.heygen.com" + path, encoded=True).raw_path_qs == path


@pytest.mark.parametrize(
    "value",
    [
        "sk_V2_secret",
        " sk_V2_secret\n",
        "whsec_secret",
        "https://files.example/a?Signature=secret",
        "video?Signature=secret",
        "a.mp4?X-Amz-Signature=secret&Expires=1",
    ],
)
def test_keys_and_signed_urls_are_refused_and_not_shown(value: str) -> None:
    with pytest.raises(InvalidRequest, match="x_id: expected an id, got a") as caught:
        TWO.at(value, "b")
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    "value",
    [
        "",
        ".",
        "..",
        None,
        7,
        "\ud800",
        "a\udfff",
        "  ",
        "a\n",
        " a",
        "\u200b",
        "a\u00a0",
    ],
)
def test_values_that_are_no_ids(value: Any) -> None:
    with pytest.raises(InvalidRequest) as caught:
        TWO.at("a", value)
    assert caught.value.param == "y_id"
    assert isinstance(caught.value, ValueError)


def test_a_url_in_place_of_an_id_is_not_shown() -> None:
    with pytest.raises(InvalidRequest, match=r"y_id: expected an id, got a URL\Z"):
        TWO.at("a", "https://files.example.com/a.mp4?Signature=secret")


def test_braces_in_a_value_are_no_parameter() -> None:
    assert TWO.at("{y_id}", "b") == "/v3/x/%7By_id%7D/y/b/z"


def test_too_few_values() -> None:
    with pytest.raises(TypeError, match="not enough arguments"):
        TWO.at("a")


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({}, ""),
        ({"a": None}, ""),
        ({"a": 1, "b": None, "c": "x y"}, "?a=1&c=x%20y"),
        ({"a": True, "b": False}, "?a=true&b=false"),
        ({"ids": ["a", "b&c"]}, "?ids=a,b%26c"),
        ({"ids": ("a",)}, "?ids=a"),
        ({"a": "1+1=2"}, "?a=1%2B1%3D2"),
        ({"a": 0.5}, "?a=0.5"),
    ],
)
def test_query_string(query: dict[str, Any], expected: str) -> None:
    assert query_string(query) == expected


@given(st.dictionaries(TEXT, TEXT))
def test_queries_arrive_as_they_were(query: dict[str, str]) -> None:
    arrived = parse_qsl(query_string(query).removeprefix("?"), keep_blank_values=True)
    assert arrived == list(query.items())


def test_a_query_that_is_no_text() -> None:
    with pytest.raises(InvalidRequest, match="title"):
        query_string({"title": "\ud800"})


def test_what_follows_from_the_method() -> None:
    assert (ONE.timeout_kind, ONE.safe) == ("read", True)
    assert (TWO.timeout_kind, TWO.safe) == ("write", True)
    post: Endpoint[Any] = Endpoint(operation="x", method="POST", path="/x", answer=Any)
    assert (post.timeout_kind, post.safe) == ("write", False)
    upload: Endpoint[Any] = Endpoint(
        operation="x", method="POST", path="/x", answer=Any, kind="upload"
    )
    assert upload.timeout_kind == "upload"
