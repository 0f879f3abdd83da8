"""Searches the account for jobs whose submission was never answered.

The account's lists begin with the newest job. Each is read once for all items of a run that are
searched for, and only as far back as the oldest of them. Videos are listed without their
``callback_id``; the old v1 call shows it, so each video that title and time do not exclude is
asked for once, those first that were created nearest to the submission.

A ``callback_id`` that the run made belongs to one item. One of the user's own may belong to many:
then title, language and time decide, and jobs that the journal knows to be those of other items
are excluded. If that does not leave exactly one job, or another item might have an equal claim to
it, nothing is found: a job given to the wrong item would be worse.
"""

from __future__ import annotations

import asyncio
import dataclasses
import math
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any

import msgspec

from heygen_async.batch.operations import OPERATIONS, Listing, Submission
from heygen_async.client import HeyGen
from heygen_async.endpoints.batches import batch_and_index
from heygen_async.errors import NotFound
from heygen_async.journal import ItemRecord, JournalStore
from heygen_async.session.tasks import in_thread

# Clocks differ. A submission is sent again under its key for up to 24 h, and can wait for its turn
# before HeyGen creates the job.
_CLOCK_SKEW = 600.0
_LATEST = 26 * 3600.0
# Videos whose callback_id is asked for at the same time.
_ASKED_AT_ONCE = 10


class _Fields(msgspec.Struct):
    """What matters of a payload."""

    callback_id: str | None = None
    title: str | None = None
    output_languages: tuple[str, ...] = ()
    language: str | None = None  # of the render of a proofread


@dataclass(frozen=True, slots=True)
class _Sent:
    """A submission, as the account may show its job.

    Attributes:
        single_key: The key that it has by itself; no other item has it.
        title: The title in its request, or None.
        language: The language that it is translated into, or None.
        at: When it was sent, in Unix seconds.
        job_id: Its job, if that is known.
        open: Whether it may have a job that is not known.
    """

    single_key: str
    title: str | None
    language: str | None
    at: float
    job_id: str | None = None
    open: bool = True


def _sent(payload: bytes, single_key: str, at: float) -> tuple[_Sent, str | None]:
    """Return a submission, and the ``callback_id`` of the user's own in its payload."""
    fields = msgspec.json.decode(payload, type=_Fields)
    language = fields.language
    if len(fields.output_languages) == 1:
        language = fields.output_languages[0]
    return _Sent(single_key, fields.title, language, at), fields.callback_id


def _sent_by(store: JournalStore) -> dict[str, list[_Sent]]:
    """Return all submissions by the ``callback_id`` of the user's own. Blocks.

    Raises:
        JournalError: The journal cannot be read.
    """
    sent: dict[str, list[_Sent]] = {}
    with store.reader() as reader:
        for record in reader.records():
            submission, callback_id = _sent(record.payload, record.callback_id, record.intended_at)
            if callback_id is not None:
                sent.setdefault(callback_id, []).append(_with_job(submission, record))
    return sent


def _with_job(sent: _Sent, record: ItemRecord) -> _Sent:
    job_id = record.job_id
    if job_id is not None and batch_and_index(job_id):
        job_id = None
    is_open = job_id is None and record.state in ("intended", "submitted", "uncertain")
    return dataclasses.replace(sent, job_id=job_id, open=is_open)


@dataclass(frozen=True, slots=True)
class _Listed:
    """A job as the account lists it; videos are listed without their ``callback_id``."""

    id: str
    title: str | None
    language: str | None
    created_at: float | None
    callback_id: str | msgspec.UnsetType | None = msgspec.UNSET

    def may_be_created_by(self, sent: _Sent) -> bool:
        """Return whether time and title allow that a submission has created it."""
        if self.created_at is not None and not (
            sent.at - _CLOCK_SKEW <= self.created_at <= sent.at + _LATEST
        ):
            return False
        if sent.title is None or self.title is None:
            return True
        return sent.title.casefold() in self.title.casefold()  # HeyGen may add to a title

    def may_belong_to(self, sent: _Sent) -> bool:
        """Return whether it may be the job of a submission with a shared ``callback_id``."""
        return (
            self.may_be_created_by(sent)
            and sent.title in (None, self.title)
            and (sent.language is None or self.language in (None, sent.language))
        )

    def seconds_from(self, moment: float) -> float:
        """Return how far from a moment it was created."""
        return math.inf if self.created_at is None else abs(self.created_at - moment)


class AccountSearch:
    """Searches for the jobs of one run.

    Args:
        heygen: The client.
        store: The run's journal.
    """

    def __init__(self, heygen: HeyGen, store: JournalStore) -> None:
        self._heygen = heygen
        self._store = store
        self._finders: dict[Listing, _Finder] = {}
        self._given: dict[str, str] = {}  # the single key of the item that each job was given to

    async def __call__(
        self, submission: Submission[Any], callback_id: str, since: float
    ) -> str | None:
        """Return the id of the job that a submission has created, or None.

        Args:
            submission: The submission.
            callback_id: The ``callback_id`` that it was sent with if it has none of its own.
            since: When it was sent, in Unix seconds.
        """
        listing = OPERATIONS[submission.operation].listing
        request = submission.request
        if listing is None or not hasattr(request, "callback_id"):
            return None  # nothing in the account would tell
        sent, own_id = _sent(submission.payload, callback_id, since)
        if own_id is None and getattr(request, "callback_url", None) is not None:
            return None  # it was sent with an id that nobody can guess, this search neither
        finder = self._finders.get(listing)
        if finder is None:
            finder = self._finders[listing] = _Finder(self._heygen, _LISTS[listing])
        if own_id is None:
            jobs = await finder.find(callback_id, sent)
        else:
            jobs = await self._find_shared(finder, own_id, sent)
        for job in jobs:
            if self._given.setdefault(job.id, callback_id) == callback_id:
                return job.id
        return None

    async def _find_shared(self, finder: _Finder, callback_id: str, sent: _Sent) -> list[_Listed]:
        """Return the one job that nothing but this submission can have created, if any."""
        named, senders = await finder.find_all(callback_id, sent, self._store)
        others = [sender for sender in senders if sender.single_key != sent.single_key]
        known = {other.job_id for other in others} | self._given.keys()
        known -= {job for job, key in self._given.items() if key == sent.single_key}
        jobs = [job for job in named if job.id not in known and job.may_belong_to(sent)]
        if len(jobs) != 1 or jobs[0].created_at is None:
            return []
        rivals = any(other.open and jobs[0].may_belong_to(other) for other in others)
        return [] if rivals else jobs


class _Finder:
    """Reads one list of the account, from the newest job back.

    Args:
        heygen: The client.
        listed: Iterates over the jobs of the list, the newest first.
    """

    def __init__(self, heygen: HeyGen, listed: Callable[[HeyGen], AsyncIterator[_Listed]]) -> None:
        self._heygen = heygen
        self._listed = listed
        self._turn = asyncio.Lock()
        self._restart()

    def _restart(self) -> None:
        self._jobs: dict[str, _Listed] = {}
        self._callback_ids: dict[str, str | None] = {}
        self._rest = self._listed(self._heygen)
        self._reached = math.inf
        self._senders: dict[str, list[_Sent]] | None = None

    async def find(self, callback_id: str, sent: _Sent) -> list[_Listed]:
        """Return jobs with the ``callback_id`` of one submission, as soon as there are any."""
        async with self._turn:
            return await self._find(callback_id, sent, every=False)

    async def find_all(
        self, callback_id: str, sent: _Sent, store: JournalStore
    ) -> tuple[list[_Listed], list[_Sent]]:
        """Return all jobs with a ``callback_id``, and all submissions that were sent with it."""
        async with self._turn:
            jobs = await self._find(callback_id, sent, every=True)
            if self._senders is None:
                # Read after the list: all of this run that is in the list is in the journal then.
                self._senders = await in_thread(_sent_by, store)
            return jobs, self._senders.get(callback_id, [])

    async def _find(self, callback_id: str, sent: _Sent, *, every: bool) -> list[_Listed]:
        await self._reach(sent.at - _CLOCK_SKEW)
        jobs = [job for job in self._jobs.values() if job.may_be_created_by(sent)]
        jobs.sort(key=lambda job: job.seconds_from(sent.at))
        unknown = [job for job in jobs if job.id not in self._callback_ids]
        while True:
            named = [job for job in jobs if self._callback_ids.get(job.id) == callback_id]
            if not unknown or (named and not every):
                return named
            await self._learn(unknown[:_ASKED_AT_ONCE])
            del unknown[:_ASKED_AT_ONCE]

    async def _reach(self, oldest: float) -> None:
        """List all jobs that were created since then."""
        try:
            while self._reached >= oldest:
                job = await anext(self._rest, None)
                if job is None:
                    self._reached = -math.inf
                    return
                self._jobs[job.id] = job  # pages shift, and can bring a job twice
                if job.callback_id is not msgspec.UNSET:
                    self._callback_ids[job.id] = job.callback_id
                if job.created_at is not None:
                    self._reached = job.created_at
        except BaseException:
            self._restart()  # a list that has failed does not go on
            raise

    async def _learn(self, jobs: list[_Listed]) -> None:
        """Ask for the ``callback_id`` of some jobs."""
        answers = await asyncio.gather(
            *(self._callback_id(job.id) for job in jobs), return_exceptions=True
        )
        for job, answer in zip(jobs, answers, strict=True):
            if isinstance(answer, BaseException):
                raise answer
            self._callback_ids[job.id] = answer

    async def _callback_id(self, job_id: str) -> str | None:
        """Return the ``callback_id`` of a video."""
        try:
            return (await self._heygen.videos.status_v1(job_id)).callback_id
        except NotFound:
            return None  # deleted meanwhile


async def _videos(heygen: HeyGen) -> AsyncIterator[_Listed]:
    async for video in heygen.videos.list(limit=100):
        yield _Listed(video.id, video.title, None, video.created_at)


async def _translations(heygen: HeyGen) -> AsyncIterator[_Listed]:
    async for job in heygen.video_translations.list(limit=100):
        yield _Listed(job.id, job.title, job.output_language, job.created_at, job.callback_id)


async def _lipsyncs(heygen: HeyGen) -> AsyncIterator[_Listed]:
    async for job in heygen.lipsyncs.list(limit=100):
        yield _Listed(job.id, job.title, None, job.created_at, job.callback_id)


_LISTS: dict[Listing, Callable[[HeyGen], AsyncIterator[_Listed]]] = {
    "videos": _videos,
    "video_translations": _translations,
    "lipsyncs": _lipsyncs,
}
