"""Answers and errors of three API versions, of gateways, and of broken servers."""

from __future__ import annotations

import contextlib
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from heygen_async.models.structs import Answer
from heygen_async.session.answers.codec import (
    DECODE_ERRORS,
    ErrorFacts,
    ErrorInside,
    Page,
    decoder_for,
    error_facts,
)


class Thing(msgspec.Struct):
    id: str
    size: int | None = None


data = decoder_for(Thing, "data")
page = decoder_for(Thing, "page")
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(
                ["error", "code", "message", "msg", "data", "param", "doc_url", "errors"]
            )
            | st.text(max_size=3),
            inner,
            max_size=5,
        )
    ),
    max_leaves=12,
)


@pytest.mark.parametrize(
    "body",
    [
        b'{"data": {"id": "a"}}',
        b'{"data": {"id": "a", "size": null, "new": [1]}, "new": {}}',
        b'{"error": null, "data": {"id": "a"}}',
        b'{"error": "", "data": {"id": "a"}}',
        b'{"code": 100, "data": {"id": "a"}, "message": "Success"}',
        b'{"code": null, "data": {"id": "a"}, "message": null}',
        b'{"data": {"id": "a"}, "warning": {"successor": "/v3"}}',
    ],
)
def test_a_success_in_any_envelope(body: bytes) -> None:
    assert data(body) == Thing("a")


@pytest.mark.parametrize(
    "body",
    [
        b'{"error": {"code": "x", "message": "y"}, "data": {"id": "a"}}',
        b'{"error": "broken", "data": {"id": "a"}}',
        b'{"code": 400123, "data": {"id": "a"}, "message": "y"}',
        b'{"code": "bad", "data": {"id": "a"}}',
    ],
)
def test_a_failure_dressed_as_a_success(body: bytes) -> None:
    with pytest.raises(ErrorInside):
        data(body)


def test_a_page_that_holds_an_error() -> None:
    with pytest.raises(ErrorInside):
        page(b'{"data": null, "error": {"code": "x", "message": "y"}}')


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b'{"data": []}', Page([])),
        (b'{"data": null, "has_more": null}', Page([])),
        (
            b'{"data": [{"id": "a"}], "has_more": true, "next_token": "t"}',
            Page([Thing("a")], True, "t"),
        ),
        (b'{"data": [], "has_more": true, "next_token": null}', Page([])),
        (b'{"data": [], "has_more": true}', Page([])),
        (b'{"data": [], "has_more": false, "next_token": "t"}', Page([], False, "t")),
        (b'{"data": [], "error": null}', Page([])),
    ],
)
def test_pages(body: bytes, expected: Page[Thing]) -> None:
    assert page(body) == expected


def test_no_envelope() -> None:
    assert decoder_for(Thing, "none")(b'{"id": "a"}') == Thing("a")
    assert decoder_for(Any, "none")(b"[1]") == [1]


@pytest.mark.parametrize(
    ("body", "facts"),
    [
        (
            b'{"error": {"code": "c", "message": "m", "param": "p", "doc_url": "d"}}',
            ErrorFacts("c", "m", "p", "d"),
        ),
        (
            b'{"error": {"code": "c", "message": "m", "errors": [{"code": "e", "message": "f", '
            b'"node_id": "n", "port": 7, "new": "x"}, "odd", null]}}',
            ErrorFacts("c", "m", errors=({"code": "e", "message": "f", "node_id": "n"},)),
        ),
        (b'{"error": {"code": "c", "errors": {"code": "e"}}}', ErrorFacts("c")),
        (b'{"error": {"code": 40001, "message": "m"}, "data": null}', ErrorFacts("40001", "m")),
        (b'{"error": {"code": null, "message": null}}', ErrorFacts()),
        (b'{"error": {"code": true, "message": 7, "param": []}}', ErrorFacts()),
        (b'{"error": {"code": "", "msg": "m"}}', ErrorFacts(message="m")),
        (b'{"error": "broken"}', ErrorFacts(message="broken")),
        (b'{"error": "broken", "code": 500}', ErrorFacts("500", "broken")),
        (b'{"code": 400112, "message": "m", "data": null}', ErrorFacts("400112", "m")),
        (b'{"code": 400112, "msg": "m"}', ErrorFacts("400112", "m")),
        (b'{"code": 100, "message": "Success"}', None),
        (b'{"data": {"id": 7}}', None),
        (b'{"error": null}', None),
        (b'{"error": ""}', None),
        (b"[]", None),
        (b'"error"', None),
        (b"", None),
        (b"<html>", None),
        (b'{"error": ', None),
    ],
)
def test_error_facts(body: bytes, facts: ErrorFacts | None) -> None:
    assert error_facts(body) == facts


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 100_000,
        b'{"data":' * 50_000,
        b'{"data": {"id": "\xff"}}',
        b'{"data": {"id": "\\ud800"}}',
        b'{"code": ' + b"9" * 5000 + b"}",
        b'{"code": ' + b"9" * 4000 + b', "data": {"id": "a"}}',
        b'{"error": {"code": ' + b"9" * 4000 + b"}}",
        b'{"code": 1e999}',
        b"\x00",
        b"\xef\xbb\xbf{}",
    ],
    ids=lambda body: repr(body[:24]),
)
def test_nasty_bodies(body: bytes) -> None:
    for decode in (data, page, decoder_for(Any, "none")):
        # A value that is not a failure to one of them is plain.
        with contextlib.suppress(*DECODE_ERRORS, ErrorInside):
            assert isinstance(decode(body), Thing | Page | dict)
    facts = error_facts(body)
    assert facts is None or facts.code is None or facts.code.isdigit()


NEARLY_JSON: dict[str, tuple[bytes, Any]] = {
    "a byte order mark": (b'\xef\xbb\xbf{"data": {"id": "a"}}', None),
    "bytes that are not UTF-8": (b'{"data": {"id": "a", "title": "\xff"}}', "\ufffd"),
    "half a surrogate pair": (b'{"data": {"id": "a", "title": "\\ud800!"}}', "?!"),
    "NaN": (b'{"data": {"id": "a", "title": NaN}}', None),
    "-Infinity": (b'{"data": {"id": "a", "new": [-Infinity]}}', None),
    "1e400": (b'{"data": {"id": "a", "title": 1e400}}', None),
    "5,000 digits": (b'{"data": {"id": "a", "title": ' + b"9" * 5_000 + b"}}", None),
    "5,000 digits elsewhere": (b'{"data": {"id": "a", "new": ' + b"9" * 5_000 + b"}}", None),
}


class Titled(Answer, frozen=True):
    id: str
    title: str | None = None


@pytest.mark.parametrize(("body", "title"), NEARLY_JSON.values(), ids=NEARLY_JSON)
def test_what_is_nearly_json_is_read(body: bytes, title: str | None) -> None:
    assert decoder_for(Titled, "data")(body) == Titled(id="a", title=title)
    found = decoder_for(Any, "none")(body)
    assert found["data"]["id"] == "a"
    msgspec.json.encode(found)  # no half of a pair, which nothing could write
    error = body.replace(b'"data"', b'"error"').replace(b'"id"', b'"message"')
    assert error_facts(error) == ErrorFacts(message="a")


@pytest.mark.parametrize(
    "body", [b"", b'{"data": {"id": "a"', b"<html>", b"NaN", b"\xef\xbb\xbf", b'{"data": {id: 1}}']
)
def test_what_is_far_from_json_is_not(body: bytes) -> None:
    with pytest.raises(DECODE_ERRORS):
        decoder_for(Titled, "data")(body)
    assert error_facts(body) is None


@given(st.binary() | JSON.map(msgspec.json.encode))
def test_any_bytes(body: bytes) -> None:
    for decode, kind in ((data, Thing), (page, Page)):
        try:
            assert isinstance(decode(body), kind)
        except (*DECODE_ERRORS, ErrorInside):
            pass
    facts = error_facts(body)
    if facts is not None:
        for text in (facts.code, facts.message, facts.param, facts.doc_url):
            assert text is None or (isinstance(text, str) and text)


@given(JSON)
def test_whoever_says_error_inside_can_say_which(value: Any) -> None:
    body = msgspec.json.encode({"data": {"id": "a"}, "error": value})
    try:
        data(body)
    except ErrorInside:
        if isinstance(value, str | dict):
            assert error_facts(body) is not None
