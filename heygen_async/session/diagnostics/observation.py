"""The record of one call, made only if there are hooks or the log has level DEBUG."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Mapping
from typing import Any

from heygen_async.errors import CallError
from heygen_async.session.diagnostics.hooks import Hooks, RequestEvent, RetryEvent, notify_hooks
from heygen_async.session.endpoint import Endpoint
from heygen_async.session.failures import CallSite, request_id_of


class Observation:
    """The timing and attempts of one call.

    Args:
        hooks: The hooks to call.
        logger: Logs the end of the call, at level DEBUG.
        endpoint: The operation.
        call_site: Method and path.
        secret: The key or token, which must not appear whatever the server sends.
    """

    __slots__ = (
        "_attempts",
        "_began",
        "_call_site",
        "_endpoint",
        "_headers",
        "_hooks",
        "_last",
        "_logger",
        "_loop",
        "_retries",
        "_secret",
        "_sent_at",
        "_started",
        "_status",
    )

    def __init__(
        self,
        hooks: tuple[Hooks, ...],
        logger: logging.Logger,
        endpoint: Endpoint[Any],
        call_site: CallSite,
        secret: str,
    ) -> None:
        self._hooks = hooks
        self._logger = logger
        self._endpoint = endpoint
        self._call_site = call_site
        self._secret = secret
        self._loop = asyncio.get_running_loop()
        self._began = time.time()
        self._started = self._loop.time()
        self._attempts = 0
        self._sent_at = self._started
        self._last = 0.0
        self._status: int | None = None
        self._headers: Mapping[str, str] = {}
        self._retries: list[RetryEvent] = []

    def sent(self) -> None:
        """Note that an attempt is sent."""
        self._attempts += 1
        self._sent_at = self._loop.time()
        self._status, self._headers = None, {}

    def answered(self, status: int, headers: Mapping[str, str]) -> None:
        """Note that its answer has arrived."""
        self._status, self._headers = status, headers

    def attempt_ended(self) -> None:
        """Note that the attempt has ended, with or without an answer."""
        self._last = self._loop.time() - self._sent_at

    def retrying(self, error: CallError, wait: float) -> None:
        """Note that the attempt has failed and another follows after ``wait`` seconds."""
        event = RetryEvent(
            operation=self._endpoint.operation,
            method=self._call_site.method,
            path=self._call_site.path,
            template=self._template,
            attempt=self._attempts,
            status=self._status,
            seconds=self._last,
            error=error,
            wait=wait,
            at=self._began + self._loop.time() - self._started,
        )
        self._retries.append(event)
        notify_hooks((each.on_retry for each in self._hooks), event)

    def ended(self, error: Exception | asyncio.CancelledError | None) -> None:
        """Note that the call has ended."""
        seconds = self._loop.time() - self._started
        method, path = self._call_site.method, self._call_site.path
        request_id = request_id_of(self._headers, self._secret)
        if self._logger.isEnabledFor(logging.DEBUG):
            what = type(error).__name__ if self._status is None else self._status
            self._logger.debug(
                "%s: %s %s: %s in %.3f s",
                self._endpoint.operation,
                method,
                path,
                what,
                seconds,
                extra={
                    "operation": self._endpoint.operation,
                    "method": method,
                    "path": path,
                    "status": self._status,
                    "attempts": self._attempts,
                    "seconds": seconds,
                    "request_id": request_id,
                    "error": None if error is None else type(error).__name__,
                },
            )
        if self._hooks:
            event = RequestEvent(
                operation=self._endpoint.operation,
                method=method,
                path=path,
                template=self._template,
                status=self._status,
                attempts=self._attempts,
                seconds=seconds,
                last_seconds=self._last,
                began=self._began,
                request_id=request_id,
                error=error,
                retries=tuple(self._retries),
            )
            notify_hooks((each.on_request for each in self._hooks), event)

    @property
    def _template(self) -> str | None:
        # A call of ``heygen.request`` has none.
        return None if self._endpoint.path == "/" else self._endpoint.path


def log_retry(
    logger: logging.Logger, endpoint: Endpoint[Any], error: CallError, attempt: int, wait: float
) -> None:
    """Log that a call is sent again.

    Args:
        logger: The session's logger.
        endpoint: The operation.
        error: The exception of the attempt.
        attempt: The number of that attempt, from 1.
        wait: Seconds until the next one.
    """
    logger.info(
        "%s: attempt %d failed, another follows in %.1f s: %s",
        endpoint.operation,
        attempt,
        wait,
        error,
        extra={
            "operation": endpoint.operation,
            "method": error.method,
            "path": error.path,
            "status": getattr(error, "status", None),
            "attempt": attempt,
            "wait": wait,
            "request_id": getattr(error, "request_id", None),
            "error": type(error).__name__,
        },
    )
