"""Classify refused submissions: those that concern the item, and those that concern the run."""

from __future__ import annotations

from heygen_async.errors import (
    APIError,
    BadRequest,
    Conflict,
    HeyGenError,
    InvalidRequest,
    PaymentRequired,
    ServerError,
)
from heygen_async.journal import Finish

# Codes of 402 that an ordinary payment does not resolve.
_FOR_GOOD = frozenset({"trial_limit_exceeded", "plan_upgrade_required"})


def pauses_run(error: HeyGenError) -> bool:
    """Return whether a refusal pauses the whole run until the account can pay again."""
    return isinstance(error, PaymentRequired) and error.code not in _FOR_GOOD


def failure(record_key: str, error: HeyGenError) -> Finish:
    """Return the outcome of an item that failed with an error."""
    return Finish(
        record_key,
        "failed",
        error_type=type(error).__name__,
        error_code=getattr(error, "code", None),
        error_message=str(getattr(error, "message", error)),
    )


def is_refusal(error: HeyGenError, *, sent_before: bool) -> bool:
    """Return whether the API definitely did not accept the submission.

    If an earlier attempt was not answered, a refusal because of the API key, the credit or a limit
    says nothing about that attempt. A refusal because of the content does, since the API would
    replay a stored answer first.
    """
    if getattr(error, "maybe_carried_out", False):
        return False  # an earlier attempt of a call without a key
    if isinstance(error, BadRequest):
        return True
    if sent_before or (isinstance(error, APIError) and error.in_doubt):
        return False
    if isinstance(error, APIError):
        return not isinstance(error, ServerError | Conflict)
    return isinstance(error, InvalidRequest)
