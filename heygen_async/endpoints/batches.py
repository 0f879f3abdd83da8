"""Batches that HeyGen runs by itself: one request for up to 100 jobs of one product.

Not to be confused with ``heygen_async.Batch``, a bulk run of any length on this side. HeyGen
accepts a batch at once, whatever runs already, and starts its items as it has room. Each item is
made by itself: one that cannot be made fails alone, without an id.
"""

from __future__ import annotations

import asyncio
import contextlib
import copy
from collections.abc import AsyncGenerator, Callable
from functools import partial
from typing import Any, Generic, NamedTuple, TypeVar

import msgspec

from heygen_async.endpoints.callbacks import with_unguessable_id
from heygen_async.endpoints.resource import Pages, Resource
from heygen_async.errors import HeyGenError, InvalidRequest, InvalidResponse, JobFailed, JobTimeout
from heygen_async.jobs.job import Job
from heygen_async.jobs.kind import JobKind
from heygen_async.jobs.observation import submitted
from heygen_async.models.batches import BatchItem, BatchStatus, CreatedBatch
from heygen_async.models.plain import Plain
from heygen_async.models.structs import Request, encode
from heygen_async.session.answers.codec import Page
from heygen_async.session.diagnostics.redact import redact
from heygen_async.session.endpoint import Endpoint, Query, query_string
from heygen_async.session.session import Session

T = TypeVar("T")

_ENDED = frozenset({"completed", "failed"})
# Between batch and index in the id of an item whose job has not started; HeyGen's ids have none.
_INDEX_MARK = "#"
# Seconds between two polls of a batch. An item that has started is noticed so late at most, and
# few end sooner; what has ended is noticed by the polls of jobs.
_POLL_EVERY = 15.0


def _has_ended(item: BatchItem) -> bool:
    return item.status in _ENDED


def _has_begun(item: BatchItem) -> bool:
    return item.video_id is not None or _has_ended(item)


def _agrees(batch: BatchStatus) -> bool:
    """Whether the items of a batch that has ended say so too."""
    return all(_has_ended(item) for item in batch.items)


class BatchKind(JobKind[BatchStatus], Generic[T], frozen=True, kw_only=True, eq=False):
    """One kind of batch. It has no state of failure: how its items ended is theirs to say.

    Attributes:
        each: The kind of its items, or the call that fetches what one gave where they are no
            jobs.
    """

    each: JobKind[T] | Endpoint[T]
    id_field: str = "batch_id"
    completed: frozenset[str] = _ENDED
    failed: frozenset[str] = frozenset()
    ready: Callable[[BatchStatus], bool] = _agrees


class BatchResult(Plain, Generic[T], frozen=True, kw_only=True):
    """What became of one item of a batch: its result, or why there is none.

    Attributes:
        index: Its place among the requests, from 0; with several languages in a request, among
            the languages of all requests.
        job_id: Id of its job; None where HeyGen could not start it.
        result: What it gave, or None.
        error: ``JobFailed`` as a rule, or None. Its ``job_id`` is that of the batch where the
            item has none.
    """

    index: int
    job_id: str | None
    result: T | None = None
    error: HeyGenError | None = None

    @property
    def ok(self) -> bool:
        """Whether it ended well."""
        return self.error is None


class BatchJob(Job[BatchStatus], Generic[T]):
    """A batch at HeyGen, from the moment it is accepted.

    For instance::

        batch = await heygen.videos.batches.create(requests)
        async for done in batch.results():
            print(done.index, done.result.video_url if done.ok else done.error)

    It pickles, and ``heygen.videos.batches.attach(batch.id)`` makes it again from its id.
    ``wait`` returns once all items have ended, however they did; it raises no ``JobFailed``.
    """

    _kind: BatchKind[T]

    def items(self) -> Pages[BatchItem]:
        """All items as they stand now."""
        return _items(self._watcher.session, self._kind, self.id, {})

    async def started(self, *, every: float = 5.0) -> AsyncGenerator[BatchItem]:
        """Each item once, as soon as it has an id, or has failed without one.

        The id is all there is to keep: ``heygen.jobs.attach(Video, item.video_id)``.

        Args:
            every: Seconds between two looks at most.

        Raises:
            HeyGenError: The API refuses to tell, such as for a wrong key.
        """
        async with contextlib.aclosing(self._as_they(_has_begun, every)) as changes:
            async for items in changes:
                for item in items:
                    yield item

    async def results(self, *, every: float = 5.0) -> AsyncGenerator[BatchResult[T]]:
        """What became of each item, once each, as they end.

        Args:
            every: Seconds between two looks at most.

        Raises:
            HeyGenError: The API refuses to tell how the batch stands, such as for a wrong key.
                What goes wrong with one item is in its result.
        """
        async with contextlib.aclosing(self._as_they(_has_ended, every)) as changes:
            async for items in changes:
                for result in await asyncio.gather(*map(self._result, items)):
                    yield result

    def job(self, job_id: str, *, started: float | None = None) -> Job[T]:
        """The job of an item that has begun.

        Args:
            job_id: ``video_id`` of the item.
            started: When it has begun, on the loop's clock, if that is known.

        Returns:
            The job; ``await job.wait()`` gives what the item became.

        Raises:
            InvalidRequest: The items are no jobs, as those of a batch of assets.
        """
        each = self._kind.each
        if isinstance(each, Endpoint):
            raise InvalidRequest(f"items of a {self._kind.name} are no jobs")
        return Job(self._watcher, each, job_id, started=started)

    async def _as_they(
        self, have: Callable[[BatchItem], bool], every: float
    ) -> AsyncGenerator[list[BatchItem]]:
        """Those items of which something has become true, each once; at the end the others."""
        told: set[int | float] = set()
        async with contextlib.aclosing(self.updates(every=every)) as batches:
            async for batch in batches:
                items = [item async for item in self.items()] if batch.has_more else batch.items
                ended = self._kind.ended(batch)
                new = [i for i in items if i.item_index not in told and (ended or have(i))]
                told.update(item.item_index for item in new)
                if new:
                    yield new

    async def _result(self, item: BatchItem) -> BatchResult[T]:
        index, job_id = int(item.item_index), item.video_id
        code, message = failure_of_item(item)
        if item.status == "failed" and (message or job_id is None):
            reason = redact(message) if message else "HeyGen gives no reason"
            failed = JobFailed(
                f"item {index}: {reason}", job_id=job_id or self.id, code=code, last=item
            )
            return BatchResult(index=index, job_id=job_id, error=failed)
        try:
            if job_id is None:
                raise InvalidResponse(
                    f"item {index} of batch {self.id} is {item.status} and has no id", status=200
                )
            each = self._kind.each
            if isinstance(each, Endpoint):
                result = await self._watcher.session.call(each, each.at(job_id))
            else:
                result = await Job(self._watcher, each, job_id).wait()
        except HeyGenError as error:
            return BatchResult(index=index, job_id=job_id, error=error)
        return BatchResult(index=index, job_id=job_id, result=result)


def failure_of_item(item: BatchItem) -> tuple[str | None, str | None]:
    """Code and message of a failed item; both can be missing."""
    if not isinstance(item.error, dict):
        return None, item.error
    code, message = item.error.get("code"), item.error.get("message")
    return None if code is None else str(code), None if message is None else str(message)


class Batches(Resource, Generic[T]):
    """The batches of one product, such as ``heygen.videos.batches``."""

    _kind: BatchKind[T]

    async def get(
        self, batch_id: str, *, limit: int | None = None, token: str | None = None
    ) -> BatchStatus:
        """How a batch stands, with one page of its items.

        Args:
            batch_id: Its id.
            limit: Items on the page, 1 to 100; the API's default is 100, which is all of them.
            token: ``next_token`` of the page before.
        """
        path = self._kind.get.at(batch_id) + query_string({"limit": limit, "token": token})
        return await self._session.call(self._kind.get, path)

    def items(self, batch_id: str, *, limit: int | None = None) -> Pages[BatchItem]:
        """The items of a batch as they stand now, page after page.

        Args:
            batch_id: Its id.
            limit: Items per page, 1 to 100; the API's default is 100.
        """
        return _items(self._session, self._kind, batch_id, {"limit": limit})

    def attach(self, batch_id: str) -> BatchJob[T]:
        """Make a batch of its id, as stored by another process; nothing is sent.

        Args:
            batch_id: Its id.

        Returns:
            The batch.

        Raises:
            InvalidRequest: The id is no id.
        """
        self._kind.get.at(batch_id)  # refuses what is no id
        return BatchJob(self._watcher, self._kind, batch_id)


class JobBatches(Batches[T]):
    """The batches of a product that HeyGen makes jobs of."""

    _endpoint: Endpoint[CreatedBatch]
    _field: str  # of the request that holds those of the jobs

    async def _create(self, request: Request, key: str | None) -> BatchJob[T]:
        requests = [
            with_unguessable_id(one, self._session, None if key is None else f"{key}:{index}")
            for index, one in enumerate(getattr(request, self._field))
        ]
        request = msgspec.structs.replace(request, **{self._field: requests})
        return await self._create_encoded(encode(request), key)

    async def _create_encoded(self, body: bytes, idempotency_key: str | None) -> BatchJob[T]:
        created = await self._submit(
            self._endpoint, self._endpoint.at(), body=body, idempotency_key=idempotency_key
        )
        now = asyncio.get_running_loop().time()
        submitted(self._session, self._kind, created.batch_id, None)
        return BatchJob(self._watcher, self._kind, created.batch_id, created=created, started=now)


async def create_encoded(
    batches: JobBatches[T], body: bytes, *, idempotency_key: str | None = None
) -> BatchJob[T]:
    """As ``batches.create``, with a body that was encoded before.

    Args:
        batches: The product's, such as ``heygen.videos.batches``.
        body: The JSON of the request.
        idempotency_key: As for ``create``.

    Returns:
        The batch.
    """
    return await batches._create_encoded(body, idempotency_key)


def item_id(batch_id: str, index: int) -> str:
    """Return the id of an item whose job has not started: ``batch_id#index``."""
    return f"{batch_id}{_INDEX_MARK}{index}"


def batch_and_index(job_id: str) -> tuple[str, int] | None:
    """Return the batch and the index that an id was made of, or None for the id of a job."""
    batch_id, mark, index = job_id.partition(_INDEX_MARK)
    return (batch_id, int(index)) if mark else None


class _Started(NamedTuple):
    """An item that has started or failed, and since when, on the loop's clock; None if unknown."""

    item: BatchItem
    since: float | None


class BatchedJob(Generic[T]):
    """An item of a batch, to wait for.

    An item has an id once HeyGen has started it, which can be hours after the batch was accepted.
    Until then its batch is polled, for all items that wait; from then on its job is like any
    other.

    Args:
        watch: Polls its batch.
        batch: The batch.
        index: The index of the item.
        started: Called with the id of its job as soon as that is known.

    Attributes:
        id: ``batch_id#index`` until its job has started, then the id of the job.
    """

    def __init__(
        self, watch: BatchWatch, batch: BatchJob[T], index: int, started: Callable[[str], None]
    ) -> None:
        self.id: str = item_id(batch.id, index)
        self._watch = watch
        self._batch = batch
        self._index = index
        self._started = started

    async def wait(self, timeout: float | None = None) -> T:
        """Return the result of the job.

        Args:
            timeout: Seconds from its start after which it is given up; in the queue, seconds in
                which no item of any batch has started or ended.

        Raises:
            JobFailed: It has failed, or HeyGen could not start it.
            JobTimeout: It was given up; it goes on at HeyGen.
        """
        item, since = await self._watch.started(self._batch, self._index, timeout)
        if item.video_id is not None:
            self.id = item.video_id
            self._started(self.id)
        code, message = failure_of_item(item)
        if item.status == "failed" and (message or item.video_id is None):
            reason = redact(message) if message else "HeyGen gives no reason"
            raise JobFailed(reason, job_id=self.id, code=code, last=item)
        if item.video_id is None:
            raise InvalidResponse(f"item {self.id} is {item.status} and has no id", status=200)
        try:
            result = await self._batch.job(item.video_id, started=since).wait(timeout)
        except JobFailed:
            self._watch.note_progress()
            raise
        self._watch.note_progress()
        return result


class BatchWatch:
    """Polls batches, each for as long as one of its items waits to start."""

    def __init__(self) -> None:
        self._progress_at = 0.0  # when an item started or ended last, on the loop's clock
        self._batches: dict[str, _WatchedBatch] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def note_progress(self) -> None:
        """Note that an item has started or ended."""
        self._progress_at = asyncio.get_running_loop().time()

    def add(self, batch: BatchJob[Any]) -> None:
        """Add a batch that was created just now, and whose items will be waited for."""
        self._batches[batch.id] = _WatchedBatch(self, batch)

    async def started(self, batch: BatchJob[Any], index: int, timeout: float | None) -> _Started:
        """Wait until an item has started or failed.

        Args:
            batch: The batch.
            index: The index of the item.
            timeout: Seconds without progress of any item after which it is given up.
        """
        loop = asyncio.get_running_loop()
        watched = self._batches.get(batch.id)
        if watched is None:
            watched = self._batches[batch.id] = _WatchedBatch(self, batch)
        if watched.task is None:
            watched.task = loop.create_task(watched.poll())
            self._tasks.add(watched.task)
            watched.task.add_done_callback(self._tasks.discard)
        joined = loop.time()
        watched.waiting += 1
        try:
            found = watched.item(index)
            while not found.done():
                left = None
                if timeout is not None:
                    left = max(joined, self._progress_at) + timeout - loop.time()
                    if left <= 0:
                        raise JobTimeout(
                            f"item {index} of batch {batch.id} has not started, and no other has "
                            f"for {timeout:g} s; it stays in HeyGen's queue",
                            job_id=item_id(batch.id, index),
                        )
                await asyncio.wait([found], timeout=left)
            return found.result()
        finally:
            watched.waiting -= 1
            if not watched.waiting:
                self._batches.pop(batch.id)
                watched.task.cancel()

    async def aclose(self) -> None:
        """Stop polling."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


class _WatchedBatch:
    """One batch, and what is known of its items."""

    def __init__(self, watch: BatchWatch, batch: BatchJob[Any]) -> None:
        self.task: asyncio.Task[None] | None = None
        self.waiting = 0
        self._watch = watch
        self._batch = batch
        self._items: dict[int, asyncio.Future[_Started]] = {}
        self._failure: Exception | None = None

    def item(self, index: int) -> asyncio.Future[_Started]:
        """Return the future of the item at an index."""
        found = self._items.get(index)
        if found is None:
            found = self._items[index] = asyncio.get_running_loop().create_future()
            if self._failure is not None:
                _fail(found, self._failure)
        return found

    async def poll(self) -> None:
        """Poll the batch until all of its items have started."""
        loop = asyncio.get_running_loop()
        try:
            # What had started before the first poll may have started long ago, unless the batch
            # was created just now.
            fresh = self._batch.created is not None
            polling_since = loop.time()
            async with contextlib.aclosing(self._batch.started(every=_POLL_EVERY)) as items:
                async for item in items:
                    # It started at some moment since the poll before, on average in the middle.
                    now = loop.time()
                    passed = min(now - polling_since, _POLL_EVERY)
                    known = item.status == "processing" and (fresh or passed > _POLL_EVERY / 2)
                    found = self.item(int(item.item_index))
                    if not found.done():
                        found.set_result(_Started(item, now - passed / 2 if known else None))
                    self._watch.note_progress()
            missing = f"batch {self._batch.id} has ended without all of its items"
            self._failure = InvalidResponse(missing, status=200)
        except Exception as error:  # all who wait must learn of it, whatever it is
            self._failure = error
        for found in self._items.values():
            if not found.done():
                _fail(found, self._failure)


def _fail(found: asyncio.Future[_Started], error: Exception) -> None:
    found.set_exception(copy.copy(error))  # each has a traceback of its own
    found.exception()  # nobody may wait for it any more


def _items(session: Session, kind: BatchKind[Any], batch_id: str, query: Query) -> Pages[BatchItem]:
    path = kind.get.at(batch_id)
    return Pages(partial(_fetch_items, session, kind.get, path), path, query)


async def _fetch_items(
    session: Session, endpoint: Endpoint[BatchStatus], path: str, query: Query
) -> Page[BatchItem]:
    """One page of items, which comes inside the state of the batch."""
    batch = await session.call(endpoint, path + query_string(query))
    return Page(list(batch.items), batch.has_more and bool(batch.next_token), batch.next_token)
