"""The exceptions: they pickle whole, and say what happened in one line."""

from __future__ import annotations

import asyncio
import copy
import pickle

import pytest

from heygen_async import errors
from heygen_async.errors import HeyGenError

CASES: list[HeyGenError] = [
    errors.ConfigurationError("no key"),
    errors.InvalidRequest("script: too long", param="script"),
    errors.BadRequest(
        "no",
        status=400,
        code="invalid_parameter",
        param="voice_id",
        doc_url="https://example.com/a#b",
        errors=({"code": "bad_node", "message": "no"},),
        request_id="r-1",
        method="POST",
        path="/v3/videos",
    ),
    errors.PayloadTooLarge("big", status=413, code="payload_too_large"),
    errors.RateLimited("slow", status=429, code="rate_limit_exceeded", retry_after=9.5, attempts=3),
    errors.QuotaExceeded("gone", status=429, code="quota_exceeded"),
    errors.ServerError("oops", status=502, code="bad_gateway"),
    errors.ConnectionFailed("reset", sent=False, method="GET", path="/v3/x", attempts=2),
    errors.RequestTimeout("no answer within 30 s", method="GET", path="/v3/x"),
    errors.InvalidResponse("odd", status=200, garbled=True),
    errors.JobFailed("bad audio", job_id="v1", code="internal_error", last={"status": "failed"}),
    errors.JobTimeout("still running", job_id="v1"),
    errors.JobNeedsInput("asks", job_id="s1"),
    errors.TransferError("cut", status=500),
    errors.URLExpired("lapsed", status=403),
    errors.UploadCacheError("upload cache a.db: is damaged", path="a.db"),
]


@pytest.mark.parametrize("error", CASES, ids=lambda error: type(error).__name__)
def test_errors_pickle_and_copy(error: HeyGenError) -> None:
    for twin in (pickle.loads(pickle.dumps(error)), copy.copy(error)):
        assert type(twin) is type(error)
        assert (twin.args, vars(twin), str(twin), repr(twin)) == (
            error.args,
            vars(error),
            str(error),
            repr(error),
        )


def test_notes_survive() -> None:
    error = errors.RequestTimeout("late")
    error.add_note("row 7")
    assert pickle.loads(pickle.dumps(error)).__notes__ == ["row 7"]


def test_time_outs_are_time_outs() -> None:
    for cls in (errors.RequestTimeout, errors.JobTimeout):
        assert issubclass(cls, asyncio.TimeoutError)


def test_what_they_say() -> None:
    assert str(CASES[2]) == (
        "400 invalid_parameter: no (param: voice_id) [POST /v3/videos] request id r-1"
    )
    assert str(CASES[7]) == "reset [GET /v3/x, 2 attempts]"
    assert str(CASES[10]) == "job v1 failed: internal_error: bad audio"


def test_the_error_that_stopped_a_batch_pickles_with_it() -> None:
    cause = errors.PaymentRequired("no credit", status=402, code="insufficient_credit")
    stopped = pickle.loads(pickle.dumps(errors.BatchStopped("row 7", key="7", error=cause)))
    assert (stopped.key, str(stopped), str(stopped.error)) == ("7", "row 7", str(cause))
