"""``Job``: a handle on one job at HeyGen."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from typing import Any, Generic, TypeVar

from heygen_async.errors import JobTimeout
from heygen_async.jobs.kind import JobKind, failed_job, status_of
from heygen_async.jobs.watcher import Watcher
from heygen_async.models.plain import plain_json, plain_value, pydantic_schema

T = TypeVar("T")


class Job(Generic[T]):
    """A job at HeyGen, from the moment it is accepted.

    The job runs at HeyGen independently of this process: a handle can be dropped, and made again
    from the id with ``heygen.jobs.attach(type, id)``. Handles can be pickled.

    Attributes:
        id: The job's id.
        created: The API's answer to the submission, or None for an attached job or if the answer
            was lost.
        callback_id: The ``callback_id`` of its request, or None. Unsigned deliveries with another
            one are ignored.
    """

    def __init__(
        self,
        watcher: Watcher,
        kind: JobKind[T],
        job_id: str,
        *,
        created: Any = None,
        started: float | None = None,
        callback_id: str | None = None,
    ) -> None:
        self.id = job_id
        self.created = created
        self.callback_id = callback_id
        self._watcher = watcher
        self._kind = kind
        self._started = started
        self._final: T | None = None

    def __repr__(self) -> str:
        state = f", {status_of(self._final)}" if self._final is not None else ""
        return f"<{type(self).__name__} {self._kind.name} {self.id}{state}>"

    def __reduce__(self) -> tuple[Any, ...]:
        fields = (self._watcher, self._kind, self.id, self.created, self.callback_id)
        return _rebuilt, (type(self), *fields)

    def to_dict(self) -> dict[str, Any]:
        """Return what is known of the job here, as JSON takes it; nothing is fetched.

        ``kind`` and ``id``, ``status`` and ``result`` once it has ended, and ``created``.
        """
        return {
            "kind": self._kind.name,
            "id": self.id,
            "status": None if self._final is None else status_of(self._final),
            "result": plain_value(self._final),
            "created": plain_value(self.created),
        }

    def to_json(self) -> str:
        """Return what ``to_dict`` does as JSON text."""
        return plain_json(self.to_dict())

    @classmethod
    def __get_pydantic_core_schema__(cls, source: object, handler: object) -> Any:
        """Let Pydantic, and so FastAPI, return jobs; only Pydantic calls it."""
        return pydantic_schema(cls)

    async def wait(self, timeout: float | None = None) -> T:
        """Wait until the job has completed.

        The client polls all its jobs together, so a thousand waits cost few requests. If a
        ``WebhookReceiver`` gets deliveries, the job is fetched when its delivery arrives.

        Args:
            timeout: The most seconds to wait; None (default) waits without a limit.

        Returns:
            The result of the job, such as a ``Video``.

        Raises:
            JobFailed: HeyGen reports that the job failed, was cancelled or deleted.
            JobTimeout: It has not ended within ``timeout``; it continues at HeyGen.
            NotFound: HeyGen has not found the job for a minute.
            JobNeedsInput: A chat session waits for an answer and no code iterates over its
                ``turns()``; or an avatar waits for a person's consent.
            HeyGenError: The API refuses the request, for example because of a wrong key.
        """
        if self._final is None:
            watched = self._watcher.watch(self._kind, self.id, self._started, self.callback_id)
            waiter = watched.wait()
            limit = None if timeout is None else asyncio.timeout(timeout)
            try:
                if limit is None:
                    self._final = await waiter
                else:
                    async with limit:
                        self._final = await waiter
            except TimeoutError:
                if limit is None or not limit.expired():
                    raise
                raise JobTimeout(
                    f"job {self.id} has not ended within {timeout:g} s; it continues at HeyGen",
                    job_id=self.id,
                    last=watched.last,
                ) from None
            except asyncio.CancelledError as cancelled:
                cancelled.job_ids = [self.id]  # type: ignore[attr-defined]
                raise
            finally:
                watched.waiting.discard(waiter)
                self._watcher.leave(watched)
        failure = failed_job(self._kind, self.id, self._final)
        if failure is not None:
            raise failure
        return self._final

    async def status(self) -> T:
        """Fetch the current state of the job.

        Returns:
            Its state, even if it has failed.

        Raises:
            NotFound: The job does not exist or no longer exists.
        """
        session = self._watcher.session
        state = await session.call(self._kind.get, self._kind.get.at(self.id))
        if self._kind.ended(state):
            session.leases.ended(self.id)
        return state

    async def updates(self, *, every: float = 5.0) -> AsyncGenerator[T]:
        """Iterate over the job's states as they change, up to and including the terminal one.

        A failed job does not raise here; check the last state.

        Args:
            every: The most seconds between two polls; the interval is at least 1 s.

        Raises:
            HeyGenError: The API refuses the request, for example because of a wrong key.
        """
        if self._final is not None:
            yield self._final
            return
        states: asyncio.Queue[T | None] = asyncio.Queue()
        watched = self._watcher.watch(self._kind, self.id, self._started, self.callback_id)
        watched.final.add_done_callback(lambda _: states.put_nowait(None))
        self._watcher.listen(watched, states.put_nowait, every)
        last: T | None = None
        try:
            while (state := await states.get()) is not None:
                if state != last:
                    last = state
                    yield state
            self._final = watched.final.result()
        finally:
            watched.listeners.pop(states.put_nowait, None)
            self._watcher.leave(watched)


def _rebuilt(
    cls: type[Job[T]],
    watcher: Watcher,
    kind: JobKind[T],
    job_id: str,
    created: Any,
    callback_id: str | None,
) -> Job[T]:
    return cls(watcher, kind, job_id, created=created, callback_id=callback_id)
