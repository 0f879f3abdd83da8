"""``Stops``: why a run stops submitting early, and the error that it raises then."""

from __future__ import annotations

from typing import Any

from heygen_async.batch.admission.refusals import pauses_run
from heygen_async.batch.outcome import EarlyFailures, OnError, Outcome
from heygen_async.batch.submitter import RunCancelled
from heygen_async.errors import (
    APIError,
    AuthenticationError,
    BatchStopped,
    BudgetExceeded,
    HeyGenError,
    PaymentRequired,
    QuotaExceeded,
)

# Failures that would affect all other items too.
_FATAL = (AuthenticationError, PaymentRequired, QuotaExceeded)


class Stops:
    """The reasons why a run has stopped, most important first.

    Args:
        on_error: How failed items affect the run.

    Attributes:
        early: Examines the first items.
        not_submitted: Keys of items that were not submitted because the run had stopped.
    """

    def __init__(self, on_error: OnError) -> None:
        self.early: EarlyFailures = EarlyFailures(on_error)
        self.not_submitted: list[str] = []
        self._stops_at_once = on_error == "stop"
        self._over_budget: BudgetExceeded | None = None
        self._gave_up: tuple[str, HeyGenError] | None = None
        self._failure: tuple[str, HeyGenError] | None = None

    def is_fatal(self, error: HeyGenError) -> bool:
        """Return whether this failure of an item stops all further submissions."""
        return self._stops_at_once or (isinstance(error, _FATAL) and not pauses_run(error))

    def failed(self, outcome: Outcome[Any]) -> None:
        """Note an outcome that is handed on; it may stop the run."""
        if outcome.error and not outcome.resumed and self.is_fatal(outcome.error):
            self._failure = self._failure or (outcome.key, outcome.error)

    def exceeded(self, error: BudgetExceeded) -> None:
        """Note that the budget has no room for an item."""
        self._over_budget = self._over_budget or error
        self.not_submitted += error.not_submitted

    def left(self, reason: Exception) -> bool:
        """Note that an item was not submitted, and return whether the run has stopped."""
        if isinstance(reason, RunCancelled):
            self._gave_up = self._gave_up or ("the run was cancelled", reason.error)
        key: str | None = getattr(reason, "key", None)
        if self.names_the_rest and key is not None:
            self.not_submitted.append(key)
        return isinstance(reason, RunCancelled)

    def give_up(self, reason: str, error: APIError) -> None:
        """Note that HeyGen has stopped accepting submissions."""
        self._gave_up = (reason, error)

    @property
    def names_the_rest(self) -> bool:
        """Whether the error names the items that were not submitted."""
        return self._over_budget is not None or self._gave_up is not None

    def error(self) -> HeyGenError | None:
        """Return the error that the run raises at its end, or None."""
        rest = tuple(self.not_submitted)
        if self._over_budget is not None:
            self._over_budget.not_submitted = rest
            return self._over_budget
        if self._gave_up is not None:
            reason, error = self._gave_up
            message = f"gave up: {reason}; items that were not submitted: {len(rest):,}"
            key = rest[0] if rest else ""
            stopped = BatchStopped(message, key=key, error=error, not_submitted=rest)
        elif self.early.stopped is not None:
            stopped = self.early.stopped
        elif self._failure is not None:
            key, failure = self._failure
            message = f"stopped after item {key} failed: {failure}"
            stopped = BatchStopped(message, key=key, error=failure)
        else:
            return None
        stopped.__cause__ = stopped.error
        return stopped
