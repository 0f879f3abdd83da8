"""Batches that HeyGen runs: one request for up to 100 jobs of one product.

They differ from ``heygen_async.Batch``, a bulk run of any length that the client manages. HeyGen
accepts a batch at once, even if many jobs run, and starts its items when it has capacity. Items are
independent: an item that cannot be made fails without an id, and the others continue.
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
# Separates batch and index in the id of an item whose job has not started; HeyGen's ids do not
# contain it.
_INDEX_MARK = "#"
# Seconds between two polls of a batch. The start of an item is noticed with at most this delay, and
# few items end sooner; their ends are noticed by the polls of jobs.
_POLL_EVERY = 15.0


def _has_ended(item: BatchItem) -> bool:
    return item.status in _ENDED


def _has_begun(item: BatchItem) -> bool:
    return item.video_id is not None or _has_ended(item)


def _agrees(batch: BatchStatus) -> bool:
    """Return whether all items of a batch that has ended have ended too."""
    return all(_has_ended(item) for item in batch.items)


class BatchKind(JobKind[BatchStatus], Generic[T], frozen=True, kw_only=True, eq=False):
    """One kind of batch. It has no failed status; only its items can fail.

    Attributes:
        each: The kind of its items, or the call that fetches the result of an item if items are not
            jobs.
    """

    each: JobKind[T] | Endpoint[T]
    id_field: str = "batch_id"
    completed: frozenset[str] = _ENDED
    failed: frozenset[str] = frozenset()
    ready: Callable[[BatchStatus], bool] = _agrees


class BatchResult(Plain, Generic[T], frozen=True, kw_only=True):
    """The result of one item of a batch, or its exception.

    Attributes:
        index: Position among the requests, from 0; if requests have several languages, among the
            languages of all requests.
        job_id: Id of its job, or None if HeyGen could not start it.
        result: Its result, or None if it failed.
        error: Usually a ``JobFailed``, or None. Its ``job_id`` is that of the batch if the item has
            none.
    """

    index: int
    job_id: str | None
    result: T | None = None
    error: HeyGenError | None = None

    @property
    def ok(self) -> bool:
        """Whether the item succeeded."""
        return self.error is None


class BatchJob(Job[BatchStatus], Generic[T]):
    """A batch at HeyGen, from the moment it is accepted.

    For instance::

        batch = await heygen.videos.batches.create(requests)
        async for done in batch.results():
            print(done.index, done.result.video_url if done.ok else done.error)

    It can be pickled, and ``heygen.videos.batches.attach(batch.id)`` returns it for a stored id.
    ``wait`` returns when all items have succeeded or failed; it does not raise ``JobFailed``.
    """

    _kind: BatchKind[T]

    def items(self) -> Pages[BatchItem]:
        """List all items with their current states."""
        return _items(self._watcher.session, self._kind, self.id, {})

    async def started(self, *, every: float = 5.0) -> AsyncGenerator[BatchItem]:
        """Yield each item once, as soon as it has an id or has failed without one.

        The id is all you need to store: ``heygen.jobs.attach(Video, item.video_id)``.

        Args:
            every: The most seconds between two polls.

        Raises:
            HeyGenError: The API refuses the request, for example because of a wrong key.
        """
        async with contextlib.aclosing(self._as_they(_has_begun, every)) as changes:
            async for items in changes:
                for item in items:
                    yield item

    async def results(self, *, every: float = 5.0) -> AsyncGenerator[BatchResult[T]]:
        """Yield the result of each item once, in the order in which the items end.

        Args:
            every: The most seconds between two polls.

        Raises:
            HeyGenError: The API refuses the request for the batch, for example because of a wrong
                key. The exception of one item is in its result.
        """
        async with contextlib.aclosing(self._as_they(_has_ended, every)) as changes:
            async for items in changes:
                for result in await asyncio.gather(*map(self._result, items)):
                    yield result

    def job(self, job_id: str, *, started: float | None = None) -> Job[T]:
        """Return the job of an item that has started.

        Args:
            job_id: ``video_id`` of the item.
            started: Time of its start on the loop's clock, or None if not known.

        Returns:
            The job; ``await job.wait()`` returns the result of the item.

        Raises:
            InvalidRequest: The items are not jobs, as in a batch of assets.
        """
        each = self._kind.each
        if isinstance(each, Endpoint):
            raise InvalidRequest(f"items of a {self._kind.name} are not jobs; use results()")
        return Job(self._watcher, each, job_id, started=started)

    async def _as_they(
        self, have: Callable[[BatchItem], bool], every: float
    ) -> AsyncGenerator[list[BatchItem]]:
        """Yield items once when they meet a condition, and at the end all others."""
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
                    f"item {index} of batch {self.id} is {item.status} but has no id", status=200
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
    """Return code and message of a failed item, each None if missing."""
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
        """Return the state of a batch, with one page of its items.

        Args:
            batch_id: Its id.
            limit: Items on the page, 1 to 100; the API's default is 100, the most a batch can have.
            token: ``next_token`` of the previous page.
        """
        path = self._kind.get.at(batch_id) + query_string({"limit": limit, "token": token})
        return await self._session.call(self._kind.get, path)

    def items(self, batch_id: str, *, limit: int | None = None) -> Pages[BatchItem]:
        """List the items of a batch with their current states.

        Args:
            batch_id: Its id.
            limit: Items per page, 1 to 100; the API's default is 100.
        """
        return _items(self._session, self._kind, batch_id, {"limit": limit})

    def attach(self, batch_id: str) -> BatchJob[T]:
        """Return a handle on the batch with a stored id; nothing is sent.

        Args:
            batch_id: Its id.

        Returns:
            The batch.

        Raises:
            InvalidRequest: ``batch_id`` is not an id.
        """
        self._kind.get.at(batch_id)  # raises if it is not an id
        return BatchJob(self._watcher, self._kind, batch_id)


class JobBatches(Batches[T]):
    """The batches of a product whose items are jobs."""

    _endpoint: Endpoint[CreatedBatch]
    _field: str  # name of the field with the requests of the jobs

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
    """Create a batch like ``batches.create``, from an encoded body.

    Args:
        batches: The batches of the product, such as ``heygen.videos.batches``.
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
    """Return batch and index from the id of an item, or None for the id of a job."""
    batch_id, mark, index = job_id.partition(_INDEX_MARK)
    return (batch_id, int(index)) if mark else None


class _Started(NamedTuple):
    """An item that has started or failed, and its start on the loop's clock, or None if unknown."""

    item: BatchItem
    since: float | None


class BatchedJob(Generic[T]):
    """A handle on an item of a batch, like a job.

    An item has no id before HeyGen has started it, which can be hours after the batch was accepted.
    Until then its batch is polled for all waiting items; afterwards its job is waited for like any
    other job.

    Args:
        watch: The watch that polls its batch.
        batch: The batch.
        index: The index of the item.
        started: Called with the id of its job when that is known.

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
            timeout: The most seconds from its start to its end. Before its start: the most seconds
                in which no item of any batch starts or ends.

        Raises:
            JobFailed: The job has failed, or HeyGen could not start it.
            JobTimeout: The timeout has passed; the job continues at HeyGen.
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
            raise InvalidResponse(f"item {self.id} is {item.status} but has no id", status=200)
        try:
            result = await self._batch.job(item.video_id, started=since).wait(timeout)
        except JobFailed:
            self._watch.note_progress()
            raise
        self._watch.note_progress()
        return result


class BatchWatch:
    """Polls batches, each until all of its items have started."""

    def __init__(self) -> None:
        self._progress_at = 0.0  # time of the last start or end of an item, on the loop's clock
        self._batches: dict[str, _WatchedBatch] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def note_progress(self) -> None:
        """Note that an item has started or ended."""
        self._progress_at = asyncio.get_running_loop().time()

    def add(self, batch: BatchJob[Any]) -> None:
        """Add a batch that was created just now, before the waits for its items."""
        self._batches[batch.id] = _WatchedBatch(self, batch)

    async def started(self, batch: BatchJob[Any], index: int, timeout: float | None) -> _Started:
        """Wait until an item has started or failed.

        Args:
            batch: The batch.
            index: The index of the item.
            timeout: The most seconds without a start or end of any item.
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
                            f"item {index} of batch {batch.id} has not started, and no item has "
                            f"started or ended for {timeout:g} s; it stays in HeyGen's queue",
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
    """One batch, with a future for each of its items."""

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
            # Items that had started before the first poll may have started long ago, unless the
            # batch was created just now.
            fresh = self._batch.created is not None
            polling_since = loop.time()
            async with contextlib.aclosing(self._batch.started(every=_POLL_EVERY)) as items:
                async for item in items:
                    # It started at some time since the previous poll, on average in the middle.
                    now = loop.time()
                    passed = min(now - polling_since, _POLL_EVERY)
                    known = item.status == "processing" and (fresh or passed > _POLL_EVERY / 2)
                    found = self.item(int(item.item_index))
                    if not found.done():
                        found.set_result(_Started(item, now - passed / 2 if known else None))
                    self._watch.note_progress()
            missing = f"batch {self._batch.id} has ended without all of its items"
            self._failure = InvalidResponse(missing, status=200)
        except Exception as error:  # any exception must reach all waiters
            self._failure = error
        for found in self._items.values():
            if not found.done():
                _fail(found, self._failure)


def _fail(found: asyncio.Future[_Started], error: Exception) -> None:
    found.set_exception(copy.copy(error))  # each needs a traceback of its own
    found.exception()  # retrieve it, because there may be no waiter any more


def _items(session: Session, kind: BatchKind[Any], batch_id: str, query: Query) -> Pages[BatchItem]:
    path = kind.get.at(batch_id)
    return Pages(partial(_fetch_items, session, kind.get, path), path, query)


async def _fetch_items(
    session: Session, endpoint: Endpoint[BatchStatus], path: str, query: Query
) -> Page[BatchItem]:
    """Return one page of items, which is part of the batch's state."""
    batch = await session.call(endpoint, path + query_string(query))
    return Page(list(batch.items), batch.has_more and bool(batch.next_token), batch.next_token)
