"""What all resources share: the way down to the session, and lists that page themselves."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import Any, Generic, TypeVar

from heygen_async.endpoints.fresh_assets import create
from heygen_async.errors import InvalidRequest, NotFound
from heygen_async.jobs.job import Job
from heygen_async.jobs.kind import JobKind
from heygen_async.jobs.observation import submitted
from heygen_async.jobs.watcher import Watcher
from heygen_async.models.statuses import StatusEntry
from heygen_async.models.structs import Request
from heygen_async.session.answers.codec import Page
from heygen_async.session.endpoint import Endpoint, Query, query_string
from heygen_async.session.session import Session

T = TypeVar("T")

_IDS_AT_ONCE = 100


class Resource:
    """A group of operations, such as ``heygen.videos``."""

    def __init__(self, session: Session, watcher: Watcher) -> None:
        self._session = session
        self._watcher = watcher

    def _job(
        self,
        kind: JobKind[T],
        job_id: str,
        created: Any,
        callback_id: str | None = None,
        *,
        request: Request | None = None,
    ) -> Job[T]:
        """The handle of a job that was accepted just now; hooks are told of its request."""
        now = asyncio.get_running_loop().time()
        submitted(self._session, kind, job_id, request)
        return Job(
            self._watcher, kind, job_id, created=created, started=now, callback_id=callback_id
        )

    async def _submit(
        self, endpoint: Endpoint[T], path: str, *, body: bytes, idempotency_key: str | None
    ) -> T:
        """Send a create that takes a key; an asset that is not visible yet is waited for."""
        return await create(self._session, endpoint, path, body, idempotency_key)

    def _pages(self, endpoint: Endpoint[Page[T]], path: str, query: Query) -> Pages[T]:
        return Pages(partial(_fetch, self._session, endpoint, path), query)

    async def _delete(self, endpoint: Endpoint[T], item_id: str, deleted: T) -> T:
        """Delete one thing; ``deleted`` is the answer where a lost one said so before."""
        try:
            return await self._session.call(endpoint, endpoint.at(item_id))
        except NotFound as error:
            if error.attempts == 1:
                raise
        # An attempt whose answer was lost has deleted it.
        return deleted

    async def _statuses(
        self, endpoint: Endpoint[Page[StatusEntry]], ids: Mapping[str, Sequence[str]]
    ) -> Sequence[StatusEntry]:
        """The ``statuses`` call of any product, for up to 100 ids of each query parameter."""
        for name, values in ids.items():
            if isinstance(values, str) or len(values) > _IDS_AT_ONCE:
                raise InvalidRequest(f"{name}: expected up to 100 ids in a list", param=name)
            for value in values:
                # The API takes them joined by commas.
                if not isinstance(value, str) or not value or "," in value:
                    raise InvalidRequest(f"{name}: expected an id, got {value!r}", param=name)
        if not any(ids.values()):
            names = " or ".join(ids)
            raise InvalidRequest(f"expected at least one id in {names}", param=next(iter(ids)))
        query = query_string({name: values or None for name, values in ids.items()})
        return (await self._session.call(endpoint, endpoint.at() + query)).items


async def _fetch(session: Session, endpoint: Endpoint[Page[T]], path: str, query: Query) -> Page[T]:
    return await session.call(endpoint, path + query_string(query))


class Pages(Generic[T]):
    """A list of the API: iterate for all items of all pages, or take the first page alone.

    ``async for video in heygen.videos.list(): ...`` fetches each page when it is needed.
    """

    def __init__(self, fetch: Callable[[Query], Awaitable[Page[T]]], query: Query) -> None:
        self._fetch = fetch
        self._query = query

    async def first_page(self) -> Page[T]:
        """The first page: ``items``, ``has_more`` and ``next_token``."""
        return await self._fetch(self._query)

    async def pages(self) -> AsyncIterator[Page[T]]:
        """Page after page."""
        query = self._query
        while True:
            page = await self._fetch(query)
            yield page
            # A token that leads back to its own page would never end.
            if not page.has_more or page.next_token == query.get("token"):
                return
            query = {**query, "token": page.next_token}

    async def __aiter__(self) -> AsyncIterator[T]:
        async for page in self.pages():
            for item in page.items:
                yield item
