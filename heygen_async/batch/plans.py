"""What a bulk run does with its items: one request for each."""

from __future__ import annotations

import contextlib
import difflib
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Collection, Iterable
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

import msgspec

from heygen_async.batch.estimates import Estimate, estimate
from heygen_async.batch.prices import PriceTable
from heygen_async.batch.searching import find_translation, find_video
from heygen_async.batch.variants import Variant, VariantChecker
from heygen_async.client import HeyGen
from heygen_async.endpoints.templates import Version
from heygen_async.errors import InvalidRequest, InvalidResponse, NotFound
from heygen_async.models.structs import Request, encode
from heygen_async.models.templates import Template, TemplateRenderRequest
from heygen_async.models.video_translations import VideoTranslation, VideoTranslationRequest
from heygen_async.models.videos import Video

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


class Pending(Protocol[T_co]):
    """Something that HeyGen has accepted and that will give a result; a ``Job`` is one."""

    @property
    def id(self) -> str:
        """Its id at HeyGen."""

    async def wait(self, timeout: float | None = None) -> T_co:
        """Its result, or ``JobFailed`` or ``JobTimeout`` raised."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission(Generic[T]):
    """One item as it will be sent.

    Attributes:
        request: The request.
        payload: Its body, without what a run adds.
        place: What it is sent to; with the payload it tells one submission from another.
        send: Sends it under an idempotency key, or under a fresh one for None.
    """

    request: Request
    payload: bytes
    place: str
    send: Callable[[str | None], Awaitable[Pending[T]]]


class Plan(ABC, Generic[T]):
    """Turns the items of one run into submissions.

    Attributes:
        kind: Kind of run, as a journal has it.
        subject: What it is about, as a journal has it.
        result: What a finished item gives.
        test: Whether its renders are tests, which cost nothing.
    """

    kind: str
    subject: str
    result: type[T]
    test: bool = False

    @abstractmethod
    async def prepare(self) -> None:
        """Ask what must be known before the first item; no paid call."""

    def check(self, items: Collection[Any]) -> None:
        """Check all items of a collection.

        Raises:
            InvalidRequest: Naming what is wrong with which.
        """
        for index, item in enumerate(items):
            self.submission(index, item)

    @abstractmethod
    def submission(self, index: int, item: Any) -> Submission[T]:
        """The request of one item.

        Raises:
            InvalidRequest: The item cannot be sent.
        """

    def estimate(self, request: Request, prices: PriceTable) -> Estimate:
        """What a submission will probably cost."""
        return estimate(request, prices, test=self.test)

    @abstractmethod
    def attach(self, job_id: str) -> Pending[T]:
        """What was accepted under this id before."""

    async def search(self, callback_id: str, title: str | None, since: float) -> str | None:
        """Look in the account for the job of a submission whose answer was lost.

        Args:
            callback_id: What it was sent with.
            title: Its title, or None.
            since: When it was sent, in unix seconds.

        Returns:
            The job's id, or None where the account shows none.
        """
        return None


class RenderPlan(Plan[Video]):
    """Renders variants of one template."""

    kind = "render"
    result = Video

    def __init__(self, heygen: HeyGen, template_id: str, version: Version, test: bool) -> None:
        self.subject = template_id
        self.test = test
        self._heygen = heygen
        self._version: Version = "v2" if test else version
        self._checker: VariantChecker
        self._template: Template | None = None

    async def prepare(self) -> None:
        """Ask for the template's variables, and for its scripts, which tell what it costs."""
        found = await self._heygen.templates.variables(self.subject, version=self._version)
        self._checker = VariantChecker(found)
        if self._version != "v2":
            with contextlib.suppress(NotFound):
                self._template = await self._heygen.templates.get(self.subject)

    def check(self, items: Collection[Any]) -> None:
        """Check all variants, and name every row and variable at fault."""
        self._checker.check_all(items)

    def estimate(self, request: Request, prices: PriceTable) -> Estimate:
        """What a variant will probably cost, from its scripts."""
        return estimate(request, prices, template=self._template, test=self.test)

    def submission(self, index: int, item: Variant) -> Submission[Video]:
        """One variant."""
        request = self._checker.request(index, item)

        async def send(key: str | None) -> Pending[Video]:
            return await self._heygen.templates.generate(
                self.subject,
                with_callback_id(request, key),
                version=self._version,
                test=self.test,
                idempotency_key=key,
            )

        return Submission(
            request=request, payload=request.v3(), place=f"template/{self.subject}", send=send
        )

    def attach(self, job_id: str) -> Pending[Video]:
        """A video."""
        return self._heygen.jobs.attach(Video, job_id)

    async def search(self, callback_id: str, title: str | None, since: float) -> str | None:
        """Look through the account's videos."""
        return await find_video(self._heygen, callback_id, title, since)


class TranslatePlan(Plan[VideoTranslation]):
    """Dubs videos: an item is a language, or a video with a language.

    Args:
        heygen: The client.
        subject: What the journal says it is about.
        video: The video that goes with items that are languages alone.
    """

    kind = "translate"
    result = VideoTranslation

    def __init__(
        self, heygen: HeyGen, subject: str, video: VideoTranslationRequest | None = None
    ) -> None:
        self.subject = subject
        self._heygen = heygen
        self._video = video
        self._offered: frozenset[str]

    async def prepare(self) -> None:
        """Ask for the languages that HeyGen offers."""
        self._offered = frozenset(await self._heygen.video_translations.languages())

    def submission(
        self, index: int, item: str | tuple[VideoTranslationRequest, str]
    ) -> Submission[VideoTranslation]:
        """One video in one language."""
        if isinstance(item, tuple):
            base, language = item
        else:
            assert self._video is not None
            base, language = self._video, item
        check_language(language, self._offered)
        request = msgspec.structs.replace(base, output_languages=[language])

        async def send(key: str | None) -> Pending[VideoTranslation]:
            jobs = await self._heygen.video_translations.create(
                with_callback_id(request, key), idempotency_key=key
            )
            if not jobs:
                raise InvalidResponse("the answer names no translation", status=200)
            return jobs[0]

        return Submission(
            request=request, payload=encode(request), place="video-translations", send=send
        )

    def attach(self, job_id: str) -> Pending[VideoTranslation]:
        """A translation."""
        return self._heygen.jobs.attach(VideoTranslation, job_id)

    async def search(self, callback_id: str, title: str | None, since: float) -> str | None:
        """Look through the account's translations."""
        return await find_translation(self._heygen, callback_id, since)


CallbackT = TypeVar("CallbackT", TemplateRenderRequest, VideoTranslationRequest)


def with_callback_id(request: CallbackT, key: str | None) -> CallbackT:
    """The request with its idempotency key as ``callback_id``, unless it has one.

    So the account's own lists tell later what became of a submission whose answer was lost.
    """
    if key is None or request.callback_id is not None:
        return request
    return msgspec.structs.replace(request, callback_id=key)


def check_keys(items: Iterable[Any], key: Callable[[Any], str]) -> None:
    """Refuse items that cannot be told apart.

    Raises:
        InvalidRequest: With the key and both positions, counted from 1.
    """
    positions: dict[str, int] = {}
    for position, item in enumerate(items, 1):
        first = positions.setdefault(key(item), position)
        if first != position:
            raise InvalidRequest(
                f"key: items {first} and {position} have the same key {key(item)!r}", param="key"
            )


def check_language(language: str, offered: Collection[str]) -> None:
    """Refuse a language that HeyGen does not offer, and name the closest that it does.

    Raises:
        InvalidRequest: With the language in its message.
    """
    if language not in offered:
        close = difflib.get_close_matches(str(language), list(offered), n=3, cutoff=0.4)
        hint = f"; did you mean {' or '.join(map(repr, close))}?" if close else ""
        raise InvalidRequest(
            f"languages: HeyGen does not translate into {language!r}{hint}", param="languages"
        )
