"""Chains that are cancelled in the middle."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from aiohttp import web

from heygen_async.sandbox import Fault, Sandbox


async def interrupted(sandbox: Sandbox, operation: str, run: Callable[[], Awaitable[Any]]) -> None:
    """Start a chain, and cancel it when the sandbox has carried out such a request."""
    done = asyncio.Event()

    async def play(request: web.BaseRequest, work: Any) -> web.StreamResponse:
        answer = await work()
        done.set()
        response: web.StreamResponse = answer.response()
        return response

    sandbox.faults.add(operation, Fault("cancel", play))
    task = asyncio.ensure_future(run())
    waiter = asyncio.ensure_future(done.wait())
    await asyncio.wait([task, waiter], return_when=asyncio.FIRST_COMPLETED)
    assert done.is_set()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert tasks_of_batches() == set()


def tasks_of_batches() -> set[asyncio.Task[Any]]:
    """Return the tasks that bulk runs have left running."""
    return {task for task in asyncio.all_tasks() if "heygen_async/batch" in repr(task)}
