"""The base of all resources, and lists that fetch their pages when needed."""

from __future__ import annotations

import asyncio
import hashlib
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping, Sequence
from functools import partial
from typing import Any, Generic, NoReturn, TypeVar

from heygen_async.endpoints.fresh_assets import create
from heygen_async.errors import InvalidRequest, InvalidResponse, NotFound
from heygen_async.jobs.job import Job
from heygen_async.jobs.kind import JobKind
from heygen_async.jobs.observation import submitted
from heygen_async.jobs.watcher import Watcher
from heygen_async.models.statuses import StatusEntry
from heygen_async.models.structs import Request
from heygen_async.session.answers.codec import Page
from heygen_async.session.diagnostics.redact import redact
from heygen_async.session.endpoint import Endpoint, Query, query_string
from heygen_async.session.session import Session

T = TypeVar("T")

_IDS_AT_ONCE = 100
# The most pages of one list, and the most in a row without an item; a server may never end its
# list.
_MOST_PAGES = 100_000
_MOST_EMPTY = 1_000
_LONGEST_TOKEN = 8_192
_TOKEN_SHOWN = 60


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
        """Return a handle on a job that was accepted just now, and call hooks with its request."""
        now = asyncio.get_running_loop().time()
        submitted(self._session, kind, job_id, request)
        return Job(
            self._watcher, kind, job_id, created=created, started=now, callback_id=callback_id
        )

    def _submit(
        self,
        endpoint: Endpoint[T],
        path: str,
        *,
        body: bytes,
        idempotency_key: str | None = None,
        resend: bool = False,
    ) -> Coroutine[Any, Any, T]:
        """Send a create, and repeat it while an asset in it is not visible yet."""
        return create(self._session, endpoint, path, body, idempotency_key, resend=resend)

    def _pages(self, endpoint: Endpoint[Page[T]], path: str, query: Query) -> Pages[T]:
        return Pages(partial(_fetch, self._session, endpoint, path), path, query)

    async def _delete(self, endpoint: Endpoint[T], item_id: str, deleted: T) -> T:
        """Delete one resource. If the answer of an earlier attempt was lost, return ``deleted``."""
        try:
            return await self._session.call(endpoint, endpoint.at(item_id))
        except NotFound as error:
            if error.attempts == 1:
                raise
        # An earlier attempt whose answer was lost has deleted it.
        return deleted

    async def _statuses(
        self, endpoint: Endpoint[Page[StatusEntry]], ids: Mapping[str, Sequence[str]]
    ) -> Sequence[StatusEntry]:
        """Make the ``statuses`` call of a product, for up to 100 ids of each query parameter."""
        for name, values in ids.items():
            if isinstance(values, str) or len(values) > _IDS_AT_ONCE:
                raise InvalidRequest(f"{name}: expected a list of up to 100 ids", param=name)
            for value in values:
                # The API expects them joined by commas.
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
    """A list of the API: iterate over all items of all pages, or fetch the first page only.

    ``async for video in heygen.videos.list(): ...`` fetches each page when it is needed.
    """

    def __init__(
        self, fetch: Callable[[Query], Awaitable[Page[T]]], path: str, query: Query
    ) -> None:
        self._fetch = fetch
        self._path = path
        self._query = query

    def __repr__(self) -> str:
        filters = "".join(
            f", {name}={value!r}"
            for name, value in self._query.items()
            if value is not None and name != "token"
        )
        return f"<{type(self).__name__} of {self._path}{filters}>"

    async def first_page(self) -> Page[T]:
        """Return the first page: ``items``, ``has_more`` and ``next_token``."""
        return await self._fetch(self._query)

    async def pages(self) -> AsyncIterator[Page[T]]:
        """Yield page by page.

        Raises:
            InvalidResponse: The list does not end: a ``next_token`` is repeated, 1,000 pages in a
                row have no item, or there are more than 100,000 pages.
        """
        query = self._query
        token = query.get("token")
        page_of = {} if token is None else {_digest(token): 1}
        empty = 0
        for number in itertools.count(1):
            page = await self._fetch(query)
            yield page
            if not page.has_more:
                return
            token = page.next_token or ""
            first = page_of.setdefault(_digest(token), number + 1)
            empty = 0 if page.items else empty + 1
            if first != number + 1:
                self._refuse(
                    f"the pages go in a circle: page {number} leads back to page {first} "
                    f"(next_token {redact(token, longest=_TOKEN_SHOWN)!r})"
                )
            if empty == _MOST_EMPTY or number == _MOST_PAGES:
                self._refuse(f"the list does not end: it has more than {number} pages")
            if len(token) > _LONGEST_TOKEN:
                self._refuse(f"next_token of page {number} has {len(token)} characters")
            query = {**query, "token": token}

    def _refuse(self, message: str) -> NoReturn:
        raise InvalidResponse(message, status=200, method="GET", path=self._path)

    async def __aiter__(self) -> AsyncIterator[T]:
        async for page in self.pages():
            for item in page.items:
                yield item


def _digest(token: object) -> int:
    """Return a 64-bit digest of a page token, which may be long."""
    return int.from_bytes(hashlib.blake2b(str(token).encode(), digest_size=8).digest())
