"""What all resources share: the way down to the session, and lists that page themselves."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any, Generic, TypeVar

from heygen_async.jobs.job import Job
from heygen_async.jobs.kind import JobKind
from heygen_async.jobs.watcher import Watcher
from heygen_async.session.codec import Page
from heygen_async.session.endpoint import Endpoint, Query, query_string
from heygen_async.session.session import Session

T = TypeVar("T")


class Resource:
    """A group of operations, such as ``heygen.videos``."""

    def __init__(self, session: Session, watcher: Watcher) -> None:
        self._session = session
        self._watcher = watcher

    def _job(self, kind: JobKind[T], job_id: str, created: Any) -> Job[T]:
        """The handle of a job that was accepted just now."""
        now = asyncio.get_running_loop().time()
        return Job(self._watcher, kind, job_id, created=created, started=now)

    def _pages(self, endpoint: Endpoint[Page[T]], path: str, query: Query) -> Pages[T]:
        return Pages(self._session, endpoint, path, query)


class Pages(Generic[T]):
    """A list of the API: iterate for all items of all pages, or take the first page alone.

    ``async for video in heygen.videos.list(): ...`` fetches each page when it is needed.
    """

    def __init__(
        self, session: Session, endpoint: Endpoint[Page[T]], path: str, query: Query
    ) -> None:
        self._session = session
        self._endpoint = endpoint
        self._path = path
        self._query = query

    async def first_page(self) -> Page[T]:
        """The first page: ``items``, ``has_more`` and ``next_token``."""
        return await self._page(self._query)

    async def pages(self) -> AsyncIterator[Page[T]]:
        """Page after page."""
        query = self._query
        while True:
            page = await self._page(query)
            yield page
            # A token that leads back to its own page would never end.
            if not page.has_more or page.next_token == query.get("token"):
                return
            query = {**query, "token": page.next_token}

    async def __aiter__(self) -> AsyncIterator[T]:
        async for page in self.pages():
            for item in page.items:
                yield item

    async def _page(self, query: Query) -> Page[T]:
        return await self._session.call(self._endpoint, self._path + query_string(query))
