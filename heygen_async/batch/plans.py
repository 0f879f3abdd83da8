"""What a bulk run does with its items: one request for each."""

from __future__ import annotations

import asyncio
import contextlib
import difflib
import secrets
import time
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Collection, Iterable
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

import msgspec

from heygen_async.batch.estimates import Estimate, estimate
from heygen_async.batch.money import RunEstimate, summed
from heygen_async.batch.prices import PRICES, PriceTable
from heygen_async.batch.searching import find_translation, find_video
from heygen_async.batch.variants import Variant, VariantChecker
from heygen_async.client import HeyGen
from heygen_async.endpoints.templates import Version
from heygen_async.errors import InvalidRequest, InvalidResponse, NotFound, UncertainSubmission
from heygen_async.models.proofreads import Proofread, ProofreadRequest
from heygen_async.models.structs import Request, encode
from heygen_async.models.templates import Template, TemplateRenderRequest
from heygen_async.models.video_agents import VideoAgentRequest, VideoAgentSession
from heygen_async.models.video_translations import VideoTranslation, VideoTranslationRequest
from heygen_async.models.videos import (
    AvatarVideoRequest,
    CinematicAvatarVideoRequest,
    ImageVideoRequest,
    StudioVideoRequest,
    Video,
)
from heygen_async.models.voices import Speech, SpeechRequest, VoiceCloneRequest, VoiceDetail

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)

# The API replays the answer to a key for 24 h; a little less, for clocks that differ.
_REPLAYED_FOR = 24 * 3600.0 - 600.0
# Items that are estimated in one go.
_AT_ONCE = 500


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
        prices: What its jobs cost, for an estimate.
    """

    kind: str
    subject: str
    result: type[T]
    test: bool = False
    prices: PriceTable = PRICES

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
            return await _send_translation(self._heygen, request, key)

        return Submission(
            request=request, payload=encode(request), place="video-translations", send=send
        )

    def attach(self, job_id: str) -> Pending[VideoTranslation]:
        """A translation."""
        return self._heygen.jobs.attach(VideoTranslation, job_id)

    async def search(self, callback_id: str, title: str | None, since: float) -> str | None:
        """Look through the account's translations."""
        return await find_translation(self._heygen, callback_id, since)


async def _send_video(heygen: HeyGen, request: Any, key: str | None) -> Pending[Video]:
    return await heygen.videos.create(with_callback_id(request, key), idempotency_key=key)


async def _send_agent(
    heygen: HeyGen, request: VideoAgentRequest, key: str | None
) -> Pending[VideoAgentSession]:
    return await heygen.video_agents.create(with_callback_id(request, key), idempotency_key=key)


async def _send_translation(
    heygen: HeyGen, request: VideoTranslationRequest, key: str | None
) -> Pending[VideoTranslation]:
    jobs = await heygen.video_translations.create(
        with_callback_id(request, key), idempotency_key=key
    )
    if not jobs:
        raise InvalidResponse("the answer names no translation", status=200)
    return jobs[0]


async def _send_proofread(
    heygen: HeyGen, request: ProofreadRequest, key: str | None
) -> Pending[Proofread]:
    jobs = await heygen.proofreads.create(request, idempotency_key=key)
    if not jobs:
        raise InvalidResponse("the answer names no proofread", status=200)
    return jobs[0]


async def _send_clone(
    heygen: HeyGen, request: VoiceCloneRequest, key: str | None
) -> Pending[VoiceDetail]:
    return await heygen.voices.clone(request, idempotency_key=key)


async def _send_speech(heygen: HeyGen, request: SpeechRequest, key: str | None) -> Pending[Speech]:
    key = key or secrets.token_hex(16)
    sent_at = time.time()
    speech = await heygen.voices.speech(request, idempotency_key=key)
    return _Spoken(f"{key}@{sent_at:.0f}", speech)


@dataclass(frozen=True, slots=True)
class _Spoken:
    """A text that was spoken; there is nothing to wait for.

    HeyGen keeps no speech that could be asked for later. So its id is what gives the same answer
    again: the key that it was sent under, and when (``key@unix seconds``).
    """

    id: str
    speech: Speech

    async def wait(self, timeout: float | None = None) -> Speech:
        """The speech."""
        return self.speech


@dataclass(frozen=True, slots=True)
class _SpokenBefore:
    """A text that an earlier run had spoken, and whose answer is not in the journal.

    The API replays the answer under the same key, and charges nothing for it.
    """

    id: str
    heygen: HeyGen
    request: SpeechRequest

    async def wait(self, timeout: float | None = None) -> Speech:
        """The speech.

        Raises:
            UncertainSubmission: The API has forgotten the key, and would charge again.
        """
        key, _, sent_at = self.id.rpartition("@")
        if time.time() - float(sent_at) > _REPLAYED_FOR:
            raise UncertainSubmission(
                "the text was spoken more than 24 h ago, and where its audio is was lost; "
                "speaking it again would pay for it twice",
                key=key,
            )
        return await self.heygen.voices.speech(self.request, idempotency_key=key)


@dataclass(frozen=True, slots=True)
class _Kind:
    """One kind of request that starts one job.

    Attributes:
        result: What its job gives.
        place: Where it is sent to.
        send: Sends it under an idempotency key.
    """

    result: type[Any]
    place: str
    send: Callable[[HeyGen, Any, str | None], Awaitable[Pending[Any]]]


_VIDEO = _Kind(Video, "videos", _send_video)
_SPEECH = _Kind(Speech, "voices/speech", _send_speech)
_KINDS: dict[type[Request], _Kind] = {
    AvatarVideoRequest: _VIDEO,
    ImageVideoRequest: _VIDEO,
    CinematicAvatarVideoRequest: _VIDEO,
    StudioVideoRequest: _VIDEO,
    VideoAgentRequest: _Kind(VideoAgentSession, "video-agents", _send_agent),
    VideoTranslationRequest: _Kind(VideoTranslation, "video-translations", _send_translation),
    ProofreadRequest: _Kind(Proofread, "video-translations/proofreads", _send_proofread),
    VoiceCloneRequest: _Kind(VoiceDetail, "voices/clone", _send_clone),
    SpeechRequest: _SPEECH,
}
# The request that this task works on. Items of one run differ in what their jobs give, while a
# plan is asked by job id alone; each item is worked on by one task, from its submission on.
_current: ContextVar[Request] = ContextVar("heygen_async_request")


class RequestsPlan(Plan[Any]):
    """Sends requests of any kind that starts one job; their kinds can be mixed.

    Args:
        heygen: The client.
        kind: Kind of run, as a journal has it.
        request_of: Makes the request of an item. Default: the item is one.
    """

    subject = ""

    def __init__(
        self,
        heygen: HeyGen,
        kind: str = "requests",
        request_of: Callable[[Any], Any] = lambda item: item,
    ) -> None:
        self.kind = kind
        self._heygen = heygen
        self._request_of = request_of

    @property
    def result(self) -> type[Any]:  # type: ignore[override]  # it differs from item to item
        """What the item gives that this task works on."""
        return _kind_of(_current.get()).result

    async def prepare(self) -> None:
        """Nothing to ask: requests are checked when they are made."""

    def check(self, items: Collection[Any]) -> None:
        """Check all requests, and name the first that cannot be sent."""
        for index, item in enumerate(items):
            try:
                self.submission(index, item)
            except InvalidRequest as error:
                raise InvalidRequest(f"item {index + 1}: {error}", param=error.param) from None

    def submission(self, index: int, item: Any) -> Submission[Any]:
        """One request."""
        request = self._request_of(item)
        kind = _kind_of(request)
        _current.set(request)

        async def send(key: str | None) -> Pending[Any]:
            return await kind.send(self._heygen, request, key)

        return Submission(request=request, payload=encode(request), place=kind.place, send=send)

    def attach(self, job_id: str) -> Pending[Any]:
        """The job of the request that this task works on."""
        request = _current.get()
        if isinstance(request, SpeechRequest):
            return _SpokenBefore(job_id, self._heygen, request)
        job: Pending[Any] = self._heygen.jobs.attach(self.result, job_id)
        return job

    async def search(self, callback_id: str, title: str | None, since: float) -> str | None:
        """Look through the account's videos or translations; it lists nothing else by callback."""
        if self.result is Video:
            return await find_video(self._heygen, callback_id, title, since)
        if self.result is VideoTranslation:
            return await find_translation(self._heygen, callback_id, since)
        return None


def _kind_of(request: object) -> _Kind:
    """The kind of a request.

    Raises:
        InvalidRequest: It does not start one job by itself.
    """
    kind = _KINDS.get(type(request))  # type: ignore[arg-type]
    if kind is None:
        names = ", ".join(known.__name__ for known in _KINDS)
        hint = "; batch.render takes it" if isinstance(request, TemplateRenderRequest) else ""
        raise InvalidRequest(
            f"requests: expected one of {names}, got {type(request).__name__}{hint}",
            param="requests",
        )
    if isinstance(request, VideoTranslationRequest | ProofreadRequest):
        count = len(request.output_languages)
        if count != 1:
            raise InvalidRequest(
                f"output_languages: expected one, as an item is one job, got {count}",
                param="output_languages",
            )
    if isinstance(request, VideoAgentRequest) and request.mode != "generate":
        raise InvalidRequest(
            "mode: a chat waits for answers, which a bulk run does not give; use generate",
            param="mode",
        )
    return kind


RequestT = TypeVar("RequestT", bound=Request)


def with_callback_id(request: RequestT, key: str | None) -> RequestT:
    """The request with its idempotency key as ``callback_id``, if it takes one and has none.

    So the account's own lists tell later what became of a submission whose answer was lost.
    """
    if key is None or getattr(request, "callback_id", "") is not None:
        return request
    return msgspec.structs.replace(request, callback_id=key)


async def estimate_run(
    plan: Plan[Any],
    items: Any,
    prices: PriceTable,
    key: Callable[[Any], str] | None = None,
) -> RunEstimate:
    """What a run will probably cost. All items are checked as the run would check them.

    Args:
        plan: What the run does.
        items: A collection of its items.
        prices: What jobs cost.
        key: Gives each item's key, to find those that are the same.

    Raises:
        InvalidRequest: An item cannot be sent, two have the same key, or ``items`` is no
            collection, so that nothing would be left to run.
    """
    if not isinstance(items, Collection):
        raise InvalidRequest(
            "items: an estimate needs a collection, such as a list; an iterator would be used up",
            param="items",
        )
    await plan.prepare()
    plan.check(items)
    if key is not None:
        check_keys(items, key)
    estimates = []
    for index, item in enumerate(items):
        estimates.append(plan.estimate(plan.submission(index, item).request, prices))
        if index % _AT_ONCE == _AT_ONCE - 1:
            await asyncio.sleep(0)  # a long list must not hold up the event loop
    return summed(estimates, prices.as_of)


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
