"""Waiting for the items of HeyGen's batches: one look at a batch tells of all its items.

An item has an id once HeyGen has begun it, which can be hours after the batch was accepted. Until
then the batch is looked at, whoever of its items waits; from then on the item's job is like any
other.
"""

from __future__ import annotations

import asyncio
import contextlib
import copy
from collections.abc import Callable
from typing import Any, Generic, NamedTuple, TypeVar

from heygen_async.batch.parcels import item_id
from heygen_async.endpoints.batches import BatchJob, failure_of_item
from heygen_async.errors import InvalidResponse, JobFailed, JobTimeout
from heygen_async.models.batches import BatchItem
from heygen_async.session.redact import redact

T = TypeVar("T")

# Seconds between two looks at a batch. An item that has begun is noticed so late at most, and few
# end sooner; what has ended is noticed by the looks at jobs.
_LOOK_EVERY = 15.0


class _Begun(NamedTuple):
    """An item that has begun or failed, and since when, on the loop's clock; None if unknown."""

    item: BatchItem
    since: float | None


class BatchedJob(Generic[T]):
    """An item of a batch, as a run waits for it.

    Args:
        followed: Who looks at its batch.
        job: The batch.
        index: The place of the item.
        begun: Told the id of its job as soon as it is known.

    Attributes:
        id: ``batch_id#place`` until its job has begun, then that of the job.
    """

    def __init__(
        self, followed: Followed, job: BatchJob[T], index: int, begun: Callable[[str], None]
    ) -> None:
        self.id: str = item_id(job.id, index)
        self._followed = followed
        self._job = job
        self._index = index
        self._begun = begun

    async def wait(self, timeout: float | None = None) -> T:
        """What the job gives.

        Args:
            timeout: Seconds after which it is given up, counted from its beginning; in the
                queue, seconds without news of any item.

        Raises:
            JobFailed: It has failed, or HeyGen could not begin it.
            JobTimeout: It was given up; it goes on at HeyGen.
        """
        item, since = await self._followed.begun(self._job, self._index, timeout)
        if item.video_id is not None:
            self.id = item.video_id
            self._begun(self.id)
        code, message = failure_of_item(item)
        if item.status == "failed" and (message or item.video_id is None):
            reason = redact(message) if message else "HeyGen gives no reason"
            raise JobFailed(reason, job_id=self.id, code=code, last=item)
        if item.video_id is None:
            raise InvalidResponse(f"item {self.id} is {item.status} and has no id", status=200)
        try:
            result = await self._job.job(item.video_id, started=since).wait(timeout)
        except JobFailed:
            self._followed.news()
            raise
        self._followed.news()
        return result


class Followed:
    """Batches that are looked at, each as long as one of its items waits to begin.

    Attributes:
        news_at: When an item began or ended last, on the loop's clock.
    """

    def __init__(self) -> None:
        self.news_at: float = 0.0
        self._batches: dict[str, _Batch] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def news(self) -> None:
        """An item has begun or ended."""
        self.news_at = asyncio.get_running_loop().time()

    def made(self, job: BatchJob[Any]) -> None:
        """A batch was made just now, and its items will be waited for."""
        self._batches[job.id] = _Batch(self, job)

    async def begun(self, job: BatchJob[Any], index: int, timeout: float | None) -> _Begun:
        """Wait until an item has begun, or failed.

        Args:
            job: The batch.
            index: The place of the item.
            timeout: Seconds without news of any item after which it is given up.
        """
        loop = asyncio.get_running_loop()
        batch = self._batches.get(job.id)
        if batch is None:
            batch = self._batches[job.id] = _Batch(self, job)
        if batch.task is None:
            batch.task = loop.create_task(batch.look())
            self._tasks.add(batch.task)
            batch.task.add_done_callback(self._tasks.discard)
        joined = loop.time()
        batch.waiting += 1
        try:
            found = batch.found(index)
            while not found.done():
                left = None
                if timeout is not None:
                    left = max(joined, self.news_at) + timeout - loop.time()
                    if left <= 0:
                        raise JobTimeout(
                            f"item {index} of batch {job.id} has not begun, and nothing else has "
                            f"for {timeout:g} s; it stays in HeyGen's queue",
                            job_id=item_id(job.id, index),
                        )
                await asyncio.wait([found], timeout=left)
            return found.result()
        finally:
            batch.waiting -= 1
            if not batch.waiting:
                self._batches.pop(job.id)
                batch.task.cancel()

    async def aclose(self) -> None:
        """Look at nothing any more."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


class _Batch:
    """One batch, and what is known of its items."""

    def __init__(self, followed: Followed, job: BatchJob[Any]) -> None:
        self.task: asyncio.Task[None] | None = None
        self.waiting = 0
        self._followed = followed
        self._job = job
        self._items: dict[int, asyncio.Future[_Begun]] = {}
        self._failure: Exception | None = None

    def found(self, index: int) -> asyncio.Future[_Begun]:
        """Becomes the item at a place."""
        found = self._items.get(index)
        if found is None:
            found = self._items[index] = asyncio.get_running_loop().create_future()
            if self._failure is not None:
                _fail(found, self._failure)
        return found

    async def look(self) -> None:
        """Look at the batch until all of its items have begun."""
        loop = asyncio.get_running_loop()
        try:
            # What had begun before the first look may have begun long ago, unless the batch was
            # made just now.
            fresh = self._job.created is not None
            began = loop.time()
            async with contextlib.aclosing(self._job.started(every=_LOOK_EVERY)) as items:
                async for item in items:
                    # At some moment since the look before, in the middle for example.
                    now = loop.time()
                    passed = min(now - began, _LOOK_EVERY)
                    known = item.status == "processing" and (fresh or passed > _LOOK_EVERY / 2)
                    found = self.found(int(item.item_index))
                    if not found.done():
                        found.set_result(_Begun(item, now - passed / 2 if known else None))
                    self._followed.news()
            missing = f"batch {self._job.id} has ended without all of its items"
            self._failure = InvalidResponse(missing, status=200)
        except Exception as error:  # whoever waits must learn of it, whatever it is
            self._failure = error
        for found in self._items.values():
            if not found.done():
                _fail(found, self._failure)


def _fail(found: asyncio.Future[_Begun], error: Exception) -> None:
    found.set_exception(copy.copy(error))  # each has a traceback of its own
    found.exception()  # who waited for it may have left
