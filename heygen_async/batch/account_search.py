"""Looks in the account for jobs whose submission was never answered.

The account's lists begin with the newest job. Each is walked once for all items of a run that
are looked for, and only as far back as the oldest of them. Videos are listed without their
``callback_id``; the old v1 call shows it, so each video that title and time leave is asked for
once, those first that were created nearest to the submission.

A ``callback_id`` that the run made is that of one item. One of the user's own may be that of
many: then title, language and time decide, and jobs that the journal knows to be those of other
items are left out. Where that does not leave exactly one job, or another item might have an equal
claim to it, nothing is found: a job given to the wrong item would be worse.
"""

from __future__ import annotations

import asyncio
import math
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator
from dataclasses import dataclass

from heygen_async.batch.resume import EarlierRuns, Sent
from heygen_async.client import HeyGen
from heygen_async.errors import NotFound
from heygen_async.models.proofreads import ProofreadRender
from heygen_async.models.structs import Request
from heygen_async.models.video_translations import VideoTranslationRequest
from heygen_async.session.tasks import in_thread

# Clocks differ. A submission is sent again under its key for up to 24 h, and can wait for its turn
# before HeyGen creates the job.
_CLOCKS_DIFFER = 600.0
_LATEST = 26 * 3600.0
# Videos whose callback_id is asked for at the same time.
_AT_ONCE = 10


@dataclass(frozen=True, slots=True)
class _Listed:
    """A job as the account lists it."""

    id: str
    title: str | None
    language: str | None
    created_at: float | None

    def created_for(self, since: float) -> bool:
        """Whether a submission of that moment can have created it, as far as the time tells."""
        if self.created_at is None:
            return True
        return since - _CLOCKS_DIFFER <= self.created_at <= since + _LATEST

    def may_be_called(self, title: str | None) -> bool:
        """Whether a request with this title can have created it; HeyGen may add to a title."""
        if title is None or self.title is None:
            return True
        return title.casefold() in self.title.casefold()

    def seconds_from(self, moment: float) -> float:
        """How far from a moment it was created."""
        return math.inf if self.created_at is None else abs(self.created_at - moment)


class AccountSearch:
    """Looks for the jobs of one run.

    Args:
        heygen: The client.
        earlier: The run's journal, or None; without it nothing is found under a ``callback_id``
            of the user's own.
    """

    def __init__(self, heygen: HeyGen, earlier: EarlierRuns | None) -> None:
        self._earlier = earlier
        self._videos = _VideoWalk(heygen)
        self._translations = _TranslationWalk(heygen)
        self._lipsyncs = _LipsyncWalk(heygen)
        self._found: dict[str, str] = {}

    async def video(
        self, request: Request, callback_id: str, title: str | None, since: float
    ) -> str | None:
        """The id of the video that a request has created, or None.

        Args:
            request: The request.
            callback_id: What it was sent with if it has no ``callback_id`` of its own; its
                idempotency key in any case.
            title: Its title; None for any.
            since: When it was sent, in unix seconds.
        """
        sent = Sent(callback_id, title, None, since)
        return await self._find(self._videos, request, sent)

    async def translation(
        self,
        request: VideoTranslationRequest | ProofreadRender,
        callback_id: str,
        title: str | None,
        since: float,
    ) -> str | None:
        """The id of the translation that a request has created, or None; see ``video``."""
        if isinstance(request, ProofreadRender):
            language = request.language
        else:
            language = request.output_languages[0]
        sent = Sent(callback_id, title, language, since)
        return await self._find(self._translations, request, sent)

    async def lipsync(
        self, request: Request, callback_id: str, title: str | None, since: float
    ) -> str | None:
        """The id of the lipsync that a request has created, or None; see ``video``."""
        return await self._find(self._lipsyncs, request, Sent(callback_id, title, None, since))

    async def _find(self, walk: _Walk, request: Request, sent: Sent) -> str | None:
        if not hasattr(request, "callback_id"):
            return None  # nothing in the account would tell
        if request.callback_id is None:
            if getattr(request, "callback_url", None) is not None:
                return None  # it was sent with an id that nobody can guess, this search neither
            jobs = await walk.find(sent.idempotency_key, sent)
        else:
            jobs = await self._find_own(walk, request.callback_id, sent)
        for job in jobs:
            if self._found.setdefault(job.id, sent.idempotency_key) == sent.idempotency_key:
                return job.id
        return None

    async def _find_own(self, walk: _Walk, callback_id: str, sent: Sent) -> list[_Listed]:
        """The one job that nothing but this submission can have created, if there is one."""
        if self._earlier is None:
            return []
        named, senders = await walk.find_all(callback_id, sent, self._earlier)
        others = [one for one in senders if one.idempotency_key != sent.idempotency_key]
        known = {other.job_id for other in others} | self._found.keys()
        known -= {job for job, key in self._found.items() if key == sent.idempotency_key}
        jobs = [job for job in named if job.id not in known and _can_be_of(job, sent)]
        if len(jobs) != 1 or jobs[0].created_at is None:
            return []
        rivals = any(other.open and _can_be_of(jobs[0], other) for other in others)
        return [] if rivals else jobs


def _can_be_of(job: _Listed, sent: Sent) -> bool:
    return (
        job.created_for(sent.intended_at)
        and sent.title in (None, job.title)
        and (None in (job.language, sent.language) or job.language == sent.language)
    )


class _Walk(ABC):
    """One list of the account, walked from the newest job back."""

    def __init__(self, heygen: HeyGen) -> None:
        self._heygen = heygen
        self._turn = asyncio.Lock()
        self._begin()

    def _begin(self) -> None:
        self._jobs: dict[str, _Listed] = {}
        self._callback_ids: dict[str, str | None] = {}
        self._rest = self._listed()
        self._reached = math.inf
        self._sent_with: dict[str, list[Sent]] | None = None

    async def find(self, callback_id: str, sent: Sent) -> list[_Listed]:
        """Jobs with the ``callback_id`` of one submission, as soon as there are any.

        Args:
            callback_id: It.
            sent: The submission; its title and its time count.
        """
        async with self._turn:
            return await self._find(callback_id, sent, every=False)

    async def find_all(
        self, callback_id: str, sent: Sent, earlier: EarlierRuns
    ) -> tuple[list[_Listed], list[Sent]]:
        """All jobs with a ``callback_id`` that a submission can have created; and who sent it.

        Args:
            callback_id: It.
            sent: The submission; its title and its time count.
            earlier: The journal.
        """
        async with self._turn:
            jobs = await self._find(callback_id, sent, every=True)
            if self._sent_with is None:
                # Read after the list: whatever of this run is in the list is in the journal then.
                self._sent_with = await in_thread(earlier.sent_with)
            return jobs, self._sent_with.get(callback_id, [])

    async def _find(self, callback_id: str, sent: Sent, *, every: bool) -> list[_Listed]:
        await self._reach(sent.intended_at - _CLOCKS_DIFFER)
        jobs = [
            job
            for job in self._jobs.values()
            if job.created_for(sent.intended_at) and job.may_be_called(sent.title)
        ]
        jobs.sort(key=lambda job: job.seconds_from(sent.intended_at))
        unknown = [job for job in jobs if job.id not in self._callback_ids]
        while True:
            found = [job for job in jobs if self._callback_ids.get(job.id) == callback_id]
            if not unknown or (found and not every):
                return found
            await self._learn(unknown[:_AT_ONCE])
            del unknown[:_AT_ONCE]

    async def _reach(self, oldest: float) -> None:
        """List all jobs that were created since then."""
        try:
            while self._reached >= oldest:
                job = await anext(self._rest, None)
                if job is None:
                    self._reached = -math.inf
                    return
                self._jobs[job.id] = job  # pages shift, and can bring a job twice
                if job.created_at is not None:
                    self._reached = job.created_at
        except BaseException:
            self._begin()  # a list that has failed does not go on
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

    @abstractmethod
    def _listed(self) -> AsyncIterator[_Listed]:
        """All jobs, the newest first."""

    @abstractmethod
    async def _callback_id(self, job_id: str) -> str | None:
        """The ``callback_id`` of one of them."""


class _VideoWalk(_Walk):
    async def _listed(self) -> AsyncIterator[_Listed]:
        async for video in self._heygen.videos.list(limit=100):
            yield _Listed(video.id, video.title, None, video.created_at)

    async def _callback_id(self, job_id: str) -> str | None:
        try:
            return (await self._heygen.videos.status_v1(job_id)).callback_id
        except NotFound:
            return None  # deleted meanwhile


class _ShownWalk(_Walk):
    """A list that shows each job's ``callback_id``."""

    def __init__(self, heygen: HeyGen) -> None:
        self._shown: dict[str, str | None] = {}
        super().__init__(heygen)

    async def _callback_id(self, job_id: str) -> str | None:
        return self._shown.pop(job_id)


class _TranslationWalk(_ShownWalk):
    async def _listed(self) -> AsyncIterator[_Listed]:
        async for one in self._heygen.video_translations.list(limit=100):
            self._shown[one.id] = one.callback_id
            yield _Listed(one.id, one.title, one.output_language, one.created_at)


class _LipsyncWalk(_ShownWalk):
    async def _listed(self) -> AsyncIterator[_Listed]:
        async for one in self._heygen.lipsyncs.list(limit=100):
            self._shown[one.id] = one.callback_id
            yield _Listed(one.id, one.title, None, one.created_at)
