"""What a refused submission says: about the item, or about the whole run."""

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

# Codes of 402 that no payment of the usual kind clears.
_FOR_GOOD = frozenset({"trial_limit_exceeded", "plan_upgrade_required"})


def pauses_run(error: HeyGenError) -> bool:
    """Return whether a refusal holds the whole run back until the account can pay again."""
    return isinstance(error, PaymentRequired) and error.code not in _FOR_GOOD


def failure(record_key: str, error: HeyGenError) -> Finish:
    """Return the outcome of an item that an error has ended."""
    return Finish(
        record_key,
        "failed",
        error_type=type(error).__name__,
        error_code=getattr(error, "code", None),
        error_message=str(getattr(error, "message", error)),
    )


def is_refusal(error: HeyGenError, *, sent_before: bool) -> bool:
    """Return whether the API said for certain that it did not accept the submission.

    If it was sent before without an answer, a refusal for the API key, the credit or a limit
    says nothing about that time; one for its content does, since an answer is replayed first.
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
