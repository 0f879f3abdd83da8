"""Secrets are removed from text, and nothing else."""

from __future__ import annotations

import base64
import hashlib
import json
import pickle
import time
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from heygen_async.session.diagnostics.redact import redact, redacted


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("key sk_V2_hgu_kAbc-9_Z is wrong", "key *** is wrong"),
        ("hg_abcd", "***"),
        ("sk_ab, risk_taking, ask_me_later", "sk_ab, risk_taking, ask_me_later"),
        ("Authorization: Bearer abc.def-ghi", "Authorization: Bearer ***"),
        ("BEARER   abc", "Bearer ***"),
        ("see https://x.io/a/b.mp4?Expires=1&Signature=s", "see https://x.io/a/b.mp4?***"),
        ("HTTPS://X.io?a=b", "HTTPS://X.io?***"),
        ("'s3://bucket/x?sig=1' failed", "'s3://bucket/x?***' failed"),
        ("https://x.io/#access_token=1", "https://x.io/?***"),
        ("https://x.io/a#part", "https://x.io/a#part"),
        ("https://user:pw@x.io/a", "https://***@x.io/a"),
        (
            "https://developers.heygen.com/docs/error-codes#invalid-parameter",
            "https://developers.heygen.com/docs/error-codes#invalid-parameter",
        ),
        ("https://a/https://user:pw@x.io/a", "https://a/https://***@x.io/a"),
        ("https://us?er:pw@x.io/a", "https://us?***"),
        ("https://x.io/a#b?c=d", "https://x.io/a?***"),
        ("secret whsec_abcd1234 leaked", "secret *** leaked"),
        ("x.io/a.mp4?X-Amz-Signature=abc&b=c", "x.io/a.mp4?X-Amz-Signature=***&b=c"),
        ("really? yes. 50 % of a@b.c", "really? yes. 50 % of a@b.c"),
        ("", ""),
    ],
)
def test_redact(text: str, expected: str) -> None:
    assert redact(text) == expected


@given(st.text(), st.text(), st.from_regex(r"[!-~]{8,40}", fullmatch=True))
def test_the_secret_in_use_goes_whatever_its_form(before: str, after: str, secret: str) -> None:
    assert secret not in redact(f"{before}{secret}{after}", secret)


@settings(max_examples=40)
@given(
    st.binary(max_size=20),
    st.binary(max_size=20),
    st.sampled_from(["sk_V2_{}", "{}=", "{}=="]),
    st.data(),
)
def test_the_secret_in_use_goes_in_each_encoding(
    before: bytes, after: bytes, form: str, data: st.DataObject
) -> None:
    # A key without repetition, so that no neighbour can be a part of it.
    secret = form.format(base64.b64encode(hashlib.sha256(before).digest()).decode()[:-1])
    at = data.draw(st.integers(1, len(secret.rstrip("=")) - 1))
    inner = secret.rstrip("=")[4:-2]
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        text = encode(before + secret.encode() + after).decode()
        clean = redact(f"Basic {text} was refused", secret)
        for offset in range(3):
            known = encode(b"x" * offset + inner.encode()).decode()
            known = known[-(-offset * 4 // 3) : (offset + len(inner)) * 4 // 3]
            assert known not in clean
    for broken in ("\r\n", "\\n", " \t"):
        clean = redact(f"key {secret[:at]}{broken}{secret[at:]}", secret)
        assert clean.rstrip("=") == "key ***"
    for quoted in (quote(secret, safe=""), json.dumps(secret).replace("=", "\\u003d")):
        assert inner not in redact(f"key {quoted}", secret)


@given(st.integers(0, 60), st.integers(0, 80))
def test_a_cut_leaves_no_piece_of_the_secret(padding: int, longest: int) -> None:
    secret = "0123456789" * 4
    clean = redact("x" * padding + secret, secret, longest=longest)
    assert len(clean) <= longest
    assert not set(clean) & set(secret)


@given(st.text(), st.none() | st.text(min_size=8))
def test_twice_changes_nothing_more(text: str, secret: str | None) -> None:
    once = redact(text)
    assert redact(once) == once
    assert isinstance(redact(text, secret), str)


@given(st.integers(1, 40), st.integers(0, 80))
def test_a_cut_after_many_echoes_leaves_no_piece_of_the_secret(times: int, longest: int) -> None:
    secret = "0123456789" * 40
    assert not set(redact(secret * times, secret, longest=longest)) & set(secret)


HOSTILE = [
    *(".", "a.", "a+-", "://", "a://", "http://", "://@", "a://b@", "https://x?", "://x#"),
    *("Bearer ", "bearer", "sk_", "sk_a", "hg_", "signature=", "x-amz-", "@", "&", "="),
]


@pytest.mark.parametrize("piece", HOSTILE)
def test_the_time_is_bounded_whatever_the_text(piece: str) -> None:
    text = piece * 400_000
    started = time.process_time()
    redact(text, "sk_V2_0123456789")
    assert time.process_time() - started < 1.0


@pytest.mark.parametrize("piece", ["s", " ", "s ", "sk_ ", "sk_V2_0123 \\n", "\\n", "0123456789"])
def test_the_time_for_a_secret_in_lines_is_bounded(piece: str) -> None:
    text = piece * (200_000 // len(piece))
    started = time.process_time()
    redact(text, "sk_V2_0123456789", longest=len(text))
    assert time.process_time() - started < 2.0


@pytest.mark.parametrize("piece", HOSTILE)
def test_the_time_is_linear_where_all_is_kept(piece: str) -> None:
    text = piece * (1_000_000 // len(piece))
    started = time.process_time()
    redact(text, "sk_V2_0123456789", longest=len(text))
    assert time.process_time() - started < 10.0


def test_a_state_of_any_depth_is_redacted() -> None:
    state: object = "sk_V2_0123456789"
    for _ in range(10_000):
        state = {"a": [state]}
    clean = redacted(state)
    assert "sk_V2" not in repr(clean)
    pickle.dumps(clean)


def test_a_long_text_is_cut() -> None:
    assert len(redact("x" * 100_000)) <= 4096


@pytest.mark.parametrize("between", ["", " ", "\n", "\r\n", "\\n", "\t\t", "\u2028"])
def test_a_secret_in_several_lines_of_a_text_without_other_marks(between: str) -> None:
    secret = "abcd1234efgh"
    assert redact(f"a{between.join(secret)}b", secret) == "a***b"
