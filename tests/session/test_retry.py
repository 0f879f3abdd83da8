"""The decision to retry, the waits between attempts, and Retry-After."""

from __future__ import annotations

import itertools
import math
import time
from email.utils import formatdate

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from heygen_async.errors import (
    APIError,
    BadRequest,
    Conflict,
    ConnectionFailed,
    HeyGenError,
    InvalidRequest,
    InvalidResponse,
    QuotaExceeded,
    RateLimited,
    RequestTimeout,
    ServerError,
)
from heygen_async.session.failures import CallSite, answered
from heygen_async.session.retry import (
    Verdict,
    judge,
    parse_retry_after,
    retry_after_of,
    wait_before_next,
    waits,
)
from heygen_async.session.settings import Retry


def conflict(code: str, message: str = "no") -> Conflict:
    return Conflict(message, status=409, code=code)


@pytest.mark.parametrize(
    ("error", "safe", "unsafe"),
    [
        (RateLimited("", status=429, code="rate_limit_exceeded"), "PAUSE", "PAUSE"),
        (QuotaExceeded("", status=429, code="quota_exceeded"), "GIVE_UP", "GIVE_UP"),
        (conflict("request_in_progress"), "WAIT", "WAIT"),
        (conflict("resource_not_ready"), "WAIT", "WAIT"),
        (conflict("conflict", "Uploaded object not found yet"), "WAIT", "WAIT"),
        (conflict("conflict"), "GIVE_UP", "GIVE_UP"),
        *(
            (ServerError("", status=status, code="x"), "TRY_AGAIN", "GIVE_UP")
            for status in (500, 502, 503, 504, 520, 522, 524, 529, 530, 599)
        ),
        (ServerError("", status=501, code="x"), "GIVE_UP", "GIVE_UP"),
        (ServerError("", status=505, code="x"), "GIVE_UP", "GIVE_UP"),
        *(
            (APIError("", status=status, code="x"), "GIVE_UP", "GIVE_UP")
            for status in (200, 307, 400, 401, 402, 403, 404, 413)
        ),
        (ConnectionFailed("", sent=False), "TRY_AGAIN", "TRY_AGAIN"),
        (ConnectionFailed("", sent=True), "TRY_AGAIN", "GIVE_UP"),
        (RequestTimeout(""), "TRY_AGAIN", "GIVE_UP"),
        (InvalidResponse("", status=200, garbled=True), "TRY_AGAIN", "GIVE_UP"),
        (InvalidResponse("", status=200, garbled=False), "GIVE_UP", "GIVE_UP"),
        (BadRequest("", status=400, code="x"), "GIVE_UP", "GIVE_UP"),
        (InvalidRequest(""), "GIVE_UP", "GIVE_UP"),
    ],
    ids=lambda value: repr(value) if isinstance(value, HeyGenError) else str(value),
)
def test_judge(error: HeyGenError, safe: str, unsafe: str) -> None:
    assert judge(error, safe=True) is Verdict[safe]
    assert judge(error, safe=False) is Verdict[unsafe]


@settings(max_examples=40)
@given(first=st.floats(0, 10), longest=st.floats(0, 100), count=st.integers(1, 3000))
@example(first=1.1125369292536007e-308, longest=2.0, count=1025)
def test_bounds_double_up_to_the_longest(first: float, longest: float, count: int) -> None:
    bounds = list(itertools.islice(waits(Retry(first=first, longest=longest)), count))
    assert bounds[0] == min(first, longest)
    for previous, bound in itertools.pairwise(bounds):
        assert bound == pytest.approx(min(2 * previous, longest)) or bound == longest


def test_a_first_wait_of_nothing_means_no_waits_at_all() -> None:
    bounds = itertools.islice(waits(Retry(first=0.0, longest=2.0)), 1_100)
    assert not any(bounds)


@given(bound=st.floats(0, 1e6), floor=st.none() | st.floats(0, 1e6))
def test_a_wait_is_jittered_under_its_bound_and_over_its_floor(
    bound: float, floor: float | None
) -> None:
    wait = wait_before_next(bound, floor)
    assert (floor or 0.0) <= wait <= max(bound, floor or 0.0)


def test_the_jitter_is_full() -> None:
    drawn = [wait_before_next(1.0, None) for _ in range(500)]
    assert min(drawn) < 0.1
    assert max(drawn) > 0.9


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (None, None),
        ("7", 7.0),
        (" 7 ", 7.0),
        ("0.5", 0.5),
        ("0", 0.0),
        ("-3", 0.0),
        ("inf", None),
        ("-inf", None),
        ("nan", None),
        ("1e400", None),
        ("", None),
        ("soon", None),
        ("Wed, 21 Oct 2015 07:28:00 GMT", 480.0),
        ("Wed, 21 Oct 2015 07:28:00", 480.0),
        ("Wed, 21 Oct 2015 09:28:00 +0200", 480.0),
        ("Wed, 21 Oct 2015 07:19:00 GMT", 0.0),
        ("Wed, 99 Oct 2015 07:28:00 GMT", None),
        ("Wed, 21 Oct 99999 07:28:00 GMT", None),
    ],
)
def test_retry_after(value: str | None, seconds: float | None) -> None:
    now = 1_445_412_000.0  # Wed, 21 Oct 2015 07:20:00 GMT
    assert parse_retry_after(value, now) == seconds


@pytest.mark.skipif(not hasattr(time, "tzset"), reason="the machine's zone cannot be set")
def test_a_date_without_a_zone_is_utc_wherever_the_machine_stands(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    try:
        with monkeypatch.context() as patch:
            patch.setenv("TZ", "XST+5")
            time.tzset()
            assert parse_retry_after("Wed, 21 Oct 2015 07:28:00", 1_445_412_000.0) == 480.0
    finally:
        time.tzset()


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"Date": "Wed, 21 Oct 2015 07:20:00 GMT"}, None),
        ({"Date": "Wed, 21 Oct 2015 07:20:00 GMT", "Retry-After": "7"}, 7.0),
        ({"Retry-After": "Wed, 21 Oct 2015 07:28:00 GMT"}, 480.0),
        ({"Date": "now", "Retry-After": "Wed, 21 Oct 2015 07:28:00 GMT"}, 480.0),
        (
            {
                "Date": "Wed, 21 Oct 2015 07:27:00 GMT",
                "Retry-After": "Wed, 21 Oct 2015 07:28:00 GMT",
            },
            60.0,
        ),
    ],
)
def test_a_date_counts_from_the_clock_of_the_server(
    headers: dict[str, str], seconds: float | None
) -> None:
    now = 1_445_412_000.0  # Wed, 21 Oct 2015 07:20:00 GMT
    assert retry_after_of(headers, now) == seconds


def test_an_answer_where_the_clock_of_the_machine_is_wrong() -> None:
    headers = {
        "Date": "Wed, 21 Oct 2015 07:20:00 GMT",
        "Retry-After": "Wed, 21 Oct 2015 07:28:00 GMT",
    }
    assert answered(429, headers, b"", CallSite("GET", "/"), "").retry_after == 480.0


@given(st.integers(0, 4_000_000_000), st.integers(-100_000, 100_000))
def test_retry_after_as_a_date(now: int, ahead: int) -> None:
    date = formatdate(max(0, now + ahead), usegmt=True)
    assert parse_retry_after(date, now) == max(0, max(0, now + ahead) - now)


@given(
    st.text()
    | st.from_regex(r"\w{3}, \d{1,2} \w{3} \d{1,6} \d{1,3}:\d{1,3}:\d{1,3} ([+-]\d{1,6}|GMT)?")
)
def test_retry_after_of_any_text(value: str) -> None:
    seconds = parse_retry_after(value, 1e9)
    assert seconds is None or (seconds >= 0 and math.isfinite(seconds))
