"""Batches that HeyGen runs by itself: one request for up to 100 jobs of one product.

Not to be confused with ``heygen_async.Batch``, a bulk run of any length on this side. HeyGen
accepts a batch at once, whatever runs already, and starts its items as it has room. Each item is
made by itself: one that cannot be made fails alone, without an id.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Callable
from functools import partial
from typing import Any, Generic, TypeVar

import msgspec

from heygen_async.endpoints.callbacks import with_unguessable_id
from heygen_async.endpoints.resource import Pages, Resource
from heygen_async.errors import HeyGenError, InvalidRequest, InvalidResponse, JobFailed
from heygen_async.jobs.job import Job
from heygen_async.jobs.kind import JobKind
from heygen_async.jobs.observation import submitted
from heygen_async.models.batches import BatchItem, BatchStatus, CreatedBatch
from heygen_async.models.structs import Request, encode
from heygen_async.session.codec import Page
from heygen_async.session.endpoint import Endpoint, Query, query_string
from heygen_async.session.redact import redact
from heygen_async.session.session import Session

T = TypeVar("T")

_ENDED = frozenset({"completed", "failed"})


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
    completed: frozenset[str] = _ENDED
    failed: frozenset[str] = frozenset()
    ready: Callable[[BatchStatus], bool] = _agrees


class BatchResult(msgspec.Struct, Generic[T], frozen=True, kw_only=True):
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
        created = await self._session.call(
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


def _items(session: Session, kind: BatchKind[Any], batch_id: str, query: Query) -> Pages[BatchItem]:
    return Pages(partial(_fetch_items, session, kind.get, kind.get.at(batch_id)), query)


async def _fetch_items(
    session: Session, endpoint: Endpoint[BatchStatus], path: str, query: Query
) -> Page[BatchItem]:
    """One page of items, which comes inside the state of the batch."""
    batch = await session.call(endpoint, path + query_string(query))
    return Page(list(batch.items), batch.has_more and bool(batch.next_token), batch.next_token)
