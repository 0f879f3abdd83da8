"""Only bodies that HeyGen signed pass verification."""

from __future__ import annotations

import math
import pickle
import traceback
from http.client import HTTPMessage
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from multidict import CIMultiDict

from heygen_async import (
    ConfigurationError,
    SignatureMismatch,
    SignatureMissing,
    StaleDelivery,
    WebhookError,
)
from heygen_async.webhooks import VerifiedBody, verify

from .signing import SECRET, event_body, signature, signed

NOW = 1_800_000_000.0
BODY = event_body(created_at="2027-01-15T08:00:00Z")
SECRETS = st.text(
    st.characters(codec="utf-8", exclude_categories=["Z", "C"]), min_size=1, max_size=40
)


@given(body=st.binary(max_size=300), secret=SECRETS, age=st.floats(-300, 300))
def test_what_is_signed_passes(body: bytes, secret: str, age: float) -> None:
    headers = signed(body, secret, at=NOW)
    verified = verify(body, headers, secret, now=NOW + age)
    assert verified == VerifiedBody(body, NOW)


@given(body=st.binary(min_size=1, max_size=200), data=st.data())
def test_one_wrong_byte_of_the_body_is_refused(body: bytes, data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(body) - 1))
    change = data.draw(st.integers(1, 255))
    changed = bytearray(body)
    changed[place] ^= change
    with pytest.raises(SignatureMismatch):
        verify(bytes(changed), signed(body, at=NOW), SECRET, now=NOW)


@given(body=st.binary(max_size=50), data=st.data())
def test_a_byte_more_or_less_is_refused(body: bytes, data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(body)))
    longer = body[:place] + data.draw(st.binary(min_size=1, max_size=3)) + body[place:]
    for sent, received in ((body, longer), (longer, body)):
        with pytest.raises(SignatureMismatch):
            verify(received, signed(sent, at=NOW), SECRET, now=NOW)


@given(data=st.data())
def test_one_wrong_character_of_the_signature_is_refused(data: st.DataObject) -> None:
    right = signature(BODY)
    place = data.draw(st.integers(0, len(right) - 1))
    other = data.draw(st.characters().filter(lambda letter: letter != right[place]))
    wrong = right[:place] + other + right[place + 1 :]
    with pytest.raises(SignatureMismatch):
        verify(BODY, {"Heygen-Signature": wrong}, SECRET, now=NOW)


@given(text=st.text(max_size=100))
def test_no_text_is_taken_for_a_signature(text: str) -> None:
    with pytest.raises(SignatureMismatch):
        verify(BODY, {"Heygen-Signature": text}, SECRET, now=NOW)


@given(secret=SECRETS.filter(lambda secret: secret != SECRET))
def test_another_secret_is_refused(secret: str) -> None:
    with pytest.raises(SignatureMismatch):
        verify(BODY, signed(BODY, secret, at=NOW), SECRET, now=NOW)


def test_several_secrets_while_one_replaces_another() -> None:
    for secret in ("whsec_old", "whsec_new"):
        headers = signed(BODY, secret, at=NOW)
        assert verify(BODY, headers, ["whsec_new", "whsec_old"], now=NOW).content == BODY
    with pytest.raises(SignatureMismatch):
        verify(BODY, signed(BODY, "whsec_third", at=NOW), ["whsec_new", "whsec_old"], now=NOW)


@pytest.mark.parametrize(
    "headers",
    [
        {"Heygen-Signature": signature(BODY)},
        {"heygen-signature": signature(BODY)},
        {"HEYGEN-SIGNATURE": signature(BODY)},
        {"Signature": signature(BODY)},
        {"signature": signature(BODY)},
        {"Heygen-Signature": "of something else", "Signature": signature(BODY)},
        {"Heygen-Signature": signature(BODY), "Signature": 'sig1=:a proxy"s own:'},
        CIMultiDict({"hEYGEN-sIGNATURE": signature(BODY)}),
    ],
)
def test_either_header_in_any_case_and_no_timestamp(headers: Any) -> None:
    assert verify(BODY, headers, SECRET, now=NOW) == VerifiedBody(BODY, None)


FORMS: dict[str, Any] = {
    "WSGI": lambda name, value: (f"HTTP_{name.upper().replace('-', '_')}", value),
    "bytes": lambda name, value: (name.lower().encode(), value.encode()),
    "underscores": lambda name, value: (name.lower().replace("-", "_"), value),
    "lists": lambda name, value: (name, [value]),
    "bytes of other types": lambda name, value: (
        memoryview(name.encode()),
        bytearray(value.encode()),
    ),
    "blanks around": lambda name, value: (name, f" {value}\t"),
    "tuples of bytes": lambda name, value: (name.encode(), (value.encode(),)),
}


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
@pytest.mark.parametrize("container", [dict, list])
def test_headers_in_the_forms_of_web_frameworks(form: Any, container: Any) -> None:
    pairs = [form(name, value) for name, value in signed(BODY, at=NOW).items()]
    environ = [("wsgi.input", object()), (b"raw", None), ("HTTP_COOKIE", "a=b")]
    assert verify(BODY, container(environ + pairs), SECRET, now=NOW).timestamp == NOW
    with pytest.raises(SignatureMismatch):
        verify(BODY, container(pairs), "whsec_other", now=NOW)
    with pytest.raises(StaleDelivery):
        verify(BODY, container(pairs), SECRET, now=NOW + 301)


def test_headers_of_the_standard_librarys_server() -> None:
    headers = HTTPMessage()
    for name, value in signed(BODY, at=NOW).items():
        headers.add_header(name, value)
    assert verify(BODY, headers.items(), SECRET, now=NOW).timestamp == NOW
    whole: Any = headers
    assert verify(BODY, whole, SECRET, now=NOW).timestamp == NOW


@given(
    headers=st.dictionaries(
        st.text() | st.binary() | st.integers() | st.none(),
        st.recursive(st.none() | st.text() | st.binary(), st.lists, max_leaves=4),
        max_size=5,
    )
)
def test_no_headers_raise_anything_else(headers: Any) -> None:
    for found in (headers, list(headers.items()), {**headers, "Signature": []}):
        with pytest.raises(SignatureMissing):
            verify(BODY, found, SECRET, now=NOW)


def test_the_signed_time_of_an_event_bounds_its_age() -> None:
    """A recorded delivery with a fresh timestamp, which is not signed, is not new."""
    limit = 25 * 3600
    body = event_body(created_at="2027-01-15T08:00:00Z")
    for age in (-1e6, 0, limit):
        assert verify(body, signed(body, at=NOW + age), SECRET, now=NOW + age)
    with pytest.raises(StaleDelivery, match="created 90001 s ago") as caught:
        verify(body, signed(body, at=NOW + limit + 1), SECRET, now=NOW + limit + 1)
    assert caught.value.age == limit + 1
    for created_at in ("yesterday", " ", "2027-01-15T08:00:00+00:00 x"):
        odd = event_body(created_at=created_at)
        assert verify(odd, signed(odd, at=NOW + 1e7), SECRET, now=NOW + 1e7)
    older = event_body(event_id=None)
    assert verify(older, signed(older, at=NOW + 1e7), SECRET, now=NOW + 1e7)
    assert verify(body, signed(body, at=NOW + 1e7), SECRET, now=NOW + 1e7, max_age=math.inf)


@pytest.mark.parametrize(
    "created_at",
    [
        "2027-01-15T08:00:00z",
        "2027-01-15t08:00:00Z",
        " 2027-01-15T08:00:00.000Z\n",
        "\t2027-01-15T09:00:00+01:00 ",
        "\u00a02027-01-15 08:00:00 ",
    ],
)
def test_the_signed_time_is_read_in_any_case_and_with_blanks_around_it(created_at: str) -> None:
    body = event_body(created_at=created_at)
    late = NOW + 25 * 3600 + 1
    assert verify(body, signed(body, at=NOW), SECRET, now=NOW)
    with pytest.raises(StaleDelivery, match="created 90001 s ago"):
        verify(body, signed(body, at=late), SECRET, now=late)


@pytest.mark.parametrize("headers", [{}, {"Heygen-Timestamp": "1"}, {"X-Signature": "a"}])
def test_no_signature_is_said_to_be_missing(headers: dict[str, str]) -> None:
    with pytest.raises(SignatureMissing, match="neither"):
        verify(BODY, headers, SECRET, now=NOW)


def test_bytes_that_are_no_text_are_no_signature() -> None:
    # As web servers hand over what is not UTF-8 in a header.
    with pytest.raises(SignatureMismatch):
        verify(BODY, {"Heygen-Signature": "\udcff" * 64}, SECRET, now=NOW)


@pytest.mark.parametrize("age", [-300.0, 300.0])
def test_the_tolerance_itself_is_tolerated(age: float) -> None:
    assert verify(BODY, signed(BODY, at=NOW), SECRET, now=NOW + age).timestamp == NOW


@pytest.mark.parametrize(
    ("headers", "now", "says"),
    [
        ({}, NOW, "the delivery has neither a header Heygen-Signature nor Signature"),
        (
            signed(BODY, "whsec_other", at=NOW),
            NOW,
            "the delivery's signature does not match; it was made with another secret, or the body "
            "was changed in transit or by the app",
        ),
        (
            {**signed(BODY), "Heygen-Timestamp": "soon"},
            NOW,
            "the delivery's Heygen-Timestamp is not a number of unix seconds",
        ),
        (signed(BODY, at=NOW), NOW + 1, "the delivery is 1 s old, but only 0.5 s are tolerated"),
        (
            signed(BODY, at=NOW),
            NOW - 1,
            "the delivery is 1 s ahead of this machine's clock, but only 0.5 s are tolerated",
        ),
    ],
)
def test_a_log_says_what_was_wrong(headers: dict[str, str], now: float, says: str) -> None:
    with pytest.raises(WebhookError) as caught:
        verify(BODY, headers, SECRET, now=now, tolerance=0.5)
    assert str(caught.value) == says


@pytest.mark.parametrize(("age", "says"), [(301.0, "301 s old"), (-301.0, "301 s ahead")])
def test_a_timestamp_that_is_off_is_stale(age: float, says: str) -> None:
    with pytest.raises(StaleDelivery, match=says) as caught:
        verify(BODY, signed(BODY, at=NOW), SECRET, now=NOW + age)
    assert caught.value.age == age
    assert verify(BODY, signed(BODY, at=NOW), SECRET, now=NOW + age, tolerance=math.inf)


@pytest.mark.parametrize("text", ["", "soon", "nan", "inf", "-5", "1e9", "1_800", "٣", "9" * 40])
def test_a_timestamp_that_is_no_number_is_refused(text: str) -> None:
    headers = {**signed(BODY), "Heygen-Timestamp": text}
    with pytest.raises(StaleDelivery, match="not a number") as caught:
        verify(BODY, headers, SECRET, now=NOW)
    assert caught.value.age is None


@pytest.mark.parametrize("secrets", ["", [], [""], " whsec_a", ["whsec_a\n"], [None], [b"whsec_a"]])
def test_secrets_that_cannot_be_right_are_refused(secrets: Any) -> None:
    # The signature that an empty key makes is one that anybody can make.
    with pytest.raises(ConfigurationError, match="secrets: ") as caught:
        verify(BODY, signed(BODY, ""), secrets)
    assert "whsec_a" not in str(caught.value)


def test_a_body_that_was_decoded_is_no_body() -> None:
    with pytest.raises(TypeError, match=r"raw bytes .* got str"):
        verify(BODY.decode(), signed(BODY), SECRET)  # type: ignore[arg-type]


def test_errors_tell_neither_secret_nor_signature_and_pickle() -> None:
    wrong = signature(BODY, "whsec_other")
    attempts: list[dict[str, str]] = [
        {},
        {"Heygen-Signature": wrong},
        {"Heygen-Signature": signature(BODY), "Heygen-Timestamp": "1"},
    ]
    for headers in attempts:
        with pytest.raises(WebhookError) as caught:
            verify(BODY, headers, SECRET)
        shown = "".join(traceback.format_exception(caught.value))
        for secret in (SECRET, signature(BODY), wrong):
            assert secret not in shown
        again = pickle.loads(pickle.dumps(caught.value))
        assert type(again) is type(caught.value)
        assert str(again) == str(caught.value)
        assert again.__dict__ == caught.value.__dict__
