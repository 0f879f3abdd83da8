"""Search the account for jobs whose submission was never answered.

The account's lists start with the newest job. Each list is read once for all items of a run that
are searched for, back to the oldest of these items. Videos are listed without their
``callback_id``; the old v1 call shows it. So each video that its title and time do not rule out is
fetched once, in order of how close its creation is to the submission.

A ``callback_id`` that the run generated belongs to one item. A ``callback_id`` set by the user may
belong to several items. So may the prompt of a Video Agent session and the name of a voice clone,
by which these are found because they are created without a key. In these cases title, language and
time decide, and jobs that the journal assigns to other items are excluded. If this does not leave
exactly one job, or if another item matches the job equally well, the search finds nothing:
assigning a job to the wrong item would be worse.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, replace
from typing import Any

import msgspec

from heygen_async.batch.operations import OPERATIONS, Listing, Submission
from heygen_async.client import HeyGen
from heygen_async.endpoints.batches import batch_and_index
from heygen_async.endpoints.lost_creates import CLOCK_MARGIN, LostCreates, lost_creates
from heygen_async.errors import APIError
from heygen_async.journal import ItemRecord, JournalStore
from heygen_async.session.tasks import in_thread

# Clocks differ. A submission can be resent under its key for up to 24 h, and can be queued before
# HeyGen creates the job.
_CLOCK_SKEW = 600.0
_LATEST = 26 * 3600.0
# Number of jobs that are fetched concurrently.
_ASKED_AT_ONCE = 10
# Errors for a job that was just listed, or from an operation that no longer exists.
_GONE = (404, 410)


class CannotTell(Exception):
    """The account does not show whether a submission has created a job."""


class _Fields(msgspec.Struct):
    """The fields of a payload that the search uses."""

    callback_id: str | None = None
    title: str | None = None
    output_languages: tuple[str, ...] = ()
    language: str | None = None  # of a proofread's render
    prompt: str | None = None
    voice_name: str | None = None
    incognito_mode: bool = False


@dataclass(frozen=True, slots=True)
class _Sent:
    """A submission, described by the values that the account may show of its job.

    Attributes:
        key: The key of its record, unique to the item.
        mark: The user's identifier for the job, which other items may share, or None.
        title: The title in its request, or None.
        language: The target language, or None.
        at: Time of sending in Unix seconds.
        job_id: The id of its job, or None if unknown.
        open: Whether it may have an unknown job.
    """

    key: str
    mark: str | None
    title: str | None
    language: str | None
    at: float
    job_id: str | None = None
    open: bool = True


def _sent(payload: bytes, listing: Listing | None, key: str, at: float) -> _Sent:
    fields = msgspec.json.decode(payload, type=_Fields)
    language, mark = fields.language, fields.callback_id
    if len(fields.output_languages) == 1:
        language = fields.output_languages[0]
    if listing == "video_agents":
        mark = None if fields.incognito_mode else fields.prompt
    elif listing == "voices":
        mark = fields.voice_name
    return _Sent(key, mark, fields.title, language, at)


def _sent_by(store: JournalStore, listing: Listing) -> dict[str, list[_Sent]]:
    """Return all submissions whose jobs a list shows, by the user's marks. Blocks.

    Raises:
        JournalError: The journal cannot be read.
    """
    sent: dict[str, list[_Sent]] = {}
    with store.reader() as reader:
        for record in reader.records():
            operation = OPERATIONS.get(record.operation or "")
            if operation is None or operation.listing == listing:
                one = _sent(record.payload, listing, record.key, record.intended_at)
                if one.mark is not None:
                    sent.setdefault(one.mark, []).append(_with_job(one, record))
    return sent


def _with_job(sent: _Sent, record: ItemRecord) -> _Sent:
    job_id = record.job_id
    if job_id is not None and batch_and_index(job_id):
        job_id = None
    is_open = job_id is None and record.state in ("intended", "submitted", "uncertain")
    return replace(sent, job_id=job_id, open=is_open)


@dataclass(frozen=True, slots=True)
class _Listed:
    """A job as the account lists it; its marks are None if the list does not show them."""

    id: str
    title: str | None
    language: str | None
    created_at: float | None
    marks: frozenset[str | None] | None = None
    skew: float = _CLOCK_SKEW

    def may_be_created_by(self, sent: _Sent) -> bool:
        """Return whether the submission can have created it, judging by time and title."""
        if self.created_at is not None and not (
            sent.at - self.skew <= self.created_at <= sent.at + _LATEST
        ):
            return False
        if sent.title is None or self.title is None:
            return True
        return sent.title.casefold() in self.title.casefold()  # HeyGen may add to a title

    def may_belong_to(self, sent: _Sent) -> bool:
        """Return whether it may be the job of a submission with a shared mark."""
        return (
            self.may_be_created_by(sent)
            and sent.title in (None, self.title)
            and (sent.language is None or self.language in (None, sent.language))
        )

    def seconds_from(self, moment: float) -> float:
        """Return the seconds between its creation and a given time."""
        return math.inf if self.created_at is None else abs(self.created_at - moment)


class AccountSearch:
    """Search for the jobs of one run.

    Args:
        heygen: The client.
        store: The run's journal.
    """

    def __init__(self, heygen: HeyGen, store: JournalStore) -> None:
        self._heygen = heygen
        self._store = store
        self._finders: dict[Listing, _Finder] = {}
        # Jobs that the client has created without keys; interactive calls search for them, too.
        self._created: dict[Listing, LostCreates] = {
            "video_agents": lost_creates(heygen.video_agents),
            "voices": lost_creates(heygen.voices),
        }
        self._given: dict[str, str] = {}  # the item key that each job was assigned to

    async def __call__(
        self,
        submission: Submission[Any],
        key: str,
        callback_id: str,
        since: float,
        *,
        anew: bool = False,
    ) -> str | None:
        """Return the id of the job that a submission created, or None.

        Args:
            submission: The submission.
            key: The key of its record.
            callback_id: The ``callback_id`` it was sent with, unless the request sets its own.
            since: Time of sending in Unix seconds.
            anew: Whether its job may be newer than the jobs listed so far.

        Raises:
            CannotTell: The account does not show whether there is one.
        """
        listing = OPERATIONS[submission.operation].listing
        request = submission.request
        if listing is None:
            return None  # nothing in the account identifies the job
        sent = _sent(submission.payload, listing, key, since)
        if sent.mark is None and (
            not hasattr(request, "callback_id")
            or OPERATIONS[submission.operation].in_doubt == "search"
            # It was sent with an id that cannot be guessed, so this search cannot find it either.
            or getattr(request, "callback_url", None) is not None
        ):
            return None
        finder = self._finders.get(listing)
        if finder is None:
            finder = self._finders[listing] = _Finder(self._heygen, listing)
        listed_since = asyncio.get_running_loop().time() if anew else -math.inf
        if sent.mark is None:
            jobs = await finder.find(callback_id, sent, listed_since)
        else:
            jobs = await self._find_shared(finder, sent, self._created.get(listing), listed_since)
        for job in jobs:
            if self._given.setdefault(job.id, key) == key:
                return job.id
        return None

    async def _find_shared(
        self, finder: _Finder, sent: _Sent, created: LostCreates | None, listed_since: float
    ) -> list[_Listed]:
        """Return the one job that only this submission can have created, if any."""
        named, senders = await finder.find_all(sent, self._store, listed_since)
        if created is not None:
            owner = self._store.name, sent.key
            named = [job for job in named if not created.taken(job.id, owner)]
        others = [one for one in senders if one.key != sent.key]
        known = {other.job_id for other in others} | self._given.keys()
        known -= {job for job, key in self._given.items() if key == sent.key}
        jobs = [job for job in named if job.id not in known and job.may_belong_to(sent)]
        if len(jobs) != 1 or jobs[0].created_at is None:
            return []
        if any(other.open and jobs[0].may_belong_to(other) for other in others):
            return []
        if created is not None:
            created.take(jobs[0].id, owner)
        return jobs


class _Finder:
    """Read one of the account's lists, newest job first.

    Args:
        heygen: The client.
        listing: The list.
    """

    def __init__(self, heygen: HeyGen, listing: Listing) -> None:
        self._heygen = heygen
        self._listing = listing
        self._turn = asyncio.Lock()
        self._marks: dict[str, frozenset[str | None]] = {}
        self._restart()

    def _restart(self) -> None:
        self._jobs: dict[str, _Listed] = {}
        self._unknown: set[str] = set()
        self._rest = _LISTS[self._listing](self._heygen)
        self._listed_at = asyncio.get_running_loop().time()
        self._reached = math.inf
        self._senders: dict[str, list[_Sent]] | None = None

    async def find(self, callback_id: str, sent: _Sent, listed_since: float) -> list[_Listed]:
        """Return the jobs with one submission's ``callback_id`` as soon as any are found."""
        async with self._turn:
            return await self._find(callback_id, sent, listed_since, every=False)

    async def find_all(
        self, sent: _Sent, store: JournalStore, listed_since: float
    ) -> tuple[list[_Listed], list[_Sent]]:
        """Return all jobs with a submission's mark, and all submissions that have this mark."""
        mark = sent.mark or ""
        async with self._turn:
            jobs = await self._find(mark, sent, listed_since, every=True)
            if self._senders is None:
                # Read the journal after the list: by then it holds every job of this run that the
                # list shows.
                self._senders = await in_thread(_sent_by, store, self._listing)
            return [
                await _dated(self._heygen, self._listing, job) for job in jobs
            ], self._senders.get(mark, [])

    async def _find(
        self, mark: str, sent: _Sent, listed_since: float, *, every: bool
    ) -> list[_Listed]:
        if self._listed_at < listed_since:
            self._restart()
        await self._reach(sent.at - _CLOCK_SKEW)
        jobs = [job for job in self._jobs.values() if job.may_be_created_by(sent)]
        jobs.sort(key=lambda job: job.seconds_from(sent.at))
        unknown = [job for job in jobs if job.id not in self._marks]
        while True:
            found = [job for job in jobs if mark in self._marks.get(job.id, ())]
            if found and not every:
                return found
            if not unknown:
                break
            await self._learn(unknown[:_ASKED_AT_ONCE])
            del unknown[:_ASKED_AT_ONCE]
        if any(job.id in self._unknown for job in jobs):
            raise CannotTell
        return found

    async def _reach(self, oldest: float) -> None:
        """List all jobs that were created since a given time."""
        try:
            while self._reached >= oldest:
                job = await anext(self._rest, None)
                if job is None:
                    self._reached = -math.inf
                    return
                self._jobs[job.id] = job  # pages shift, and can repeat a job
                if job.marks is not None:
                    self._marks[job.id] = job.marks
                if job.created_at is not None:
                    self._reached = job.created_at
        except BaseException:
            self._restart()  # a failed list cannot be continued
            raise

    async def _learn(self, jobs: list[_Listed]) -> None:
        """Fetch the marks of some jobs."""
        answers = await asyncio.gather(
            *(_marks_of(self._heygen, self._listing, job.id) for job in jobs),
            return_exceptions=True,
        )
        for job, answer in zip(jobs, answers, strict=True):
            if isinstance(answer, APIError) and answer.status in _GONE:
                self._unknown.add(job.id)
            elif isinstance(answer, BaseException):
                raise answer
            else:
                self._marks[job.id] = answer


async def _marks_of(heygen: HeyGen, listing: Listing, job_id: str) -> frozenset[str | None]:
    """Return the marks of a video or of a session; those of a session are the user's messages."""
    if listing == "videos":
        return frozenset({(await heygen.videos.status_v1(job_id)).callback_id})
    messages = (await heygen.video_agents.get(job_id)).messages
    return frozenset(message.content for message in messages if message.role == "user")


async def _dated(heygen: HeyGen, listing: Listing, job: _Listed) -> _Listed:
    """Return a job with its creation time, which the list of voices does not show."""
    if listing != "voices":
        return job
    try:
        created_at = (await heygen.voices.get(job.id)).created_at
    except APIError as error:
        if error.status in _GONE:
            raise CannotTell from error
        raise
    return replace(job, created_at=created_at, skew=CLOCK_MARGIN)


async def _videos(heygen: HeyGen) -> AsyncIterator[_Listed]:
    async for video in heygen.videos.list(limit=100):
        yield _Listed(video.id, video.title, None, video.created_at)


async def _translations(heygen: HeyGen) -> AsyncIterator[_Listed]:
    async for job in heygen.video_translations.list(limit=100):
        marks = frozenset({job.callback_id})
        yield _Listed(job.id, job.title, job.output_language, job.created_at, marks)


async def _lipsyncs(heygen: HeyGen) -> AsyncIterator[_Listed]:
    async for job in heygen.lipsyncs.list(limit=100):
        yield _Listed(job.id, job.title, None, job.created_at, frozenset({job.callback_id}))


async def _sessions(heygen: HeyGen) -> AsyncIterator[_Listed]:
    async for session in heygen.video_agents.list(limit=100):
        yield _Listed(session.session_id, None, None, session.created_at, skew=CLOCK_MARGIN)


async def _voices(heygen: HeyGen) -> AsyncIterator[_Listed]:
    async for voice in heygen.voices.list(type="private", limit=100):
        yield _Listed(voice.voice_id, None, None, None, frozenset({voice.name}))


_LISTS: dict[Listing, Callable[[HeyGen], AsyncIterator[_Listed]]] = {
    "videos": _videos,
    "video_translations": _translations,
    "lipsyncs": _lipsyncs,
    "video_agents": _sessions,
    "voices": _voices,
}
