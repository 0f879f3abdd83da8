"""Hooks and their events."""

from __future__ import annotations

import asyncio
from typing import Any, Literal, assert_type

from heygen_async import (
    CallError,
    HeyGen,
    HeyGenError,
    Hooks,
    JobEvent,
    RequestEvent,
    RetryEvent,
)


def on_request(event: RequestEvent) -> None:
    assert_type(event.operation + event.method + event.path, str)
    assert_type(event.template, str | None)
    assert_type(event.status, int | None)
    assert_type(event.attempts, int)
    assert_type(event.seconds + event.last_seconds + event.began, float)
    assert_type(event.request_id, str | None)
    assert_type(event.error, Exception | asyncio.CancelledError | None)
    assert_type(event.retries, tuple[RetryEvent, ...])


def on_retry(event: RetryEvent) -> None:
    assert_type(event.attempt, int)
    assert_type(event.error, CallError)
    assert_type(event.wait + event.seconds + event.at, float)


def on_job(event: JobEvent) -> None:
    assert_type(event.stage, Literal["submitted", "settled", "downloaded"])
    assert_type(event.kind + event.id, str)
    assert_type(event.state, str | None)
    assert_type(event.result, Any)
    assert_type(event.error, HeyGenError | None)
    assert_type(event.size, int | None)


def hooked() -> None:
    hooks = Hooks(on_request=on_request, on_retry=on_retry, on_job=on_job)
    HeyGen(hooks=hooks).add_hooks(Hooks(on_retry=print))
