"""Runs over requests of any kind that starts one job, and over texts to be spoken."""

from __future__ import annotations

import secrets
import time
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass
from functools import partial
from typing import Any

from heygen_async.batch.parcels import PRODUCTS
from heygen_async.batch.submissions import (
    REPLAYED_FOR,
    Pending,
    Plan,
    Submission,
    Via,
    check_language,
    send_translation,
    with_callback_id,
)
from heygen_async.client import HeyGen
from heygen_async.errors import InvalidRequest, InvalidResponse, UncertainSubmission
from heygen_async.models.lipsyncs import Lipsync, LipsyncRequest
from heygen_async.models.proofreads import Proofread, ProofreadRender, ProofreadRequest
from heygen_async.models.structs import Request, encode
from heygen_async.models.templates import TemplateRenderRequest
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


async def _send_video(heygen: HeyGen, request: Any, key: str | None) -> Pending[Video]:
    return await heygen.videos.create(with_callback_id(request, key), idempotency_key=key)


async def _send_agent(
    heygen: HeyGen, request: VideoAgentRequest, key: str | None
) -> Pending[VideoAgentSession]:
    return await heygen.video_agents.create(with_callback_id(request, key), idempotency_key=key)


async def _send_lipsync(
    heygen: HeyGen, request: LipsyncRequest, key: str | None
) -> Pending[Lipsync]:
    return await heygen.lipsyncs.create(with_callback_id(request, key), idempotency_key=key)


async def _send_proofread(
    heygen: HeyGen, request: ProofreadRequest, key: str | None
) -> Pending[Proofread]:
    jobs = await heygen.proofreads.create(request, idempotency_key=key)
    if not jobs:
        raise InvalidResponse("the answer names no proofread", status=200)
    return jobs[0]


async def _send_render(
    heygen: HeyGen, request: ProofreadRender, key: str | None
) -> Pending[VideoTranslation]:
    return await heygen.proofreads.generate(
        request.proofread_id, with_callback_id(request, key).generate(), idempotency_key=key
    )


async def _send_clone(
    heygen: HeyGen, request: VoiceCloneRequest, key: str | None
) -> Pending[VoiceDetail]:
    return await heygen.voices.clone(request, idempotency_key=key)


async def _send_speech(heygen: HeyGen, request: SpeechRequest, key: str | None) -> Pending[Speech]:
    key = key or secrets.token_hex(16)
    sent_at = time.time()
    speech = await heygen.voices.speech(request, resend=True)  # it takes no key, and costs little
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
        if time.time() - float(sent_at) > REPLAYED_FOR:
            raise UncertainSubmission(
                "the text was spoken more than 24 h ago, and where its audio is was lost; "
                "speaking it again would pay for it twice",
                key=key,
            )
        return await self.heygen.voices.speech(self.request, resend=True)


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


_INTO_LANGUAGES = (VideoTranslationRequest, ProofreadRequest)
_VIDEO = _Kind(Video, "videos", _send_video)
_SPEECH = _Kind(Speech, "voices/speech", _send_speech)
_KINDS: dict[type[Request], _Kind] = {
    AvatarVideoRequest: _VIDEO,
    ImageVideoRequest: _VIDEO,
    CinematicAvatarVideoRequest: _VIDEO,
    StudioVideoRequest: _VIDEO,
    VideoAgentRequest: _Kind(VideoAgentSession, "video-agents", _send_agent),
    VideoTranslationRequest: _Kind(VideoTranslation, "video-translations", send_translation),
    LipsyncRequest: _Kind(Lipsync, "lipsyncs", _send_lipsync),
    ProofreadRequest: _Kind(Proofread, "video-translations/proofreads", _send_proofread),
    ProofreadRender: _Kind(VideoTranslation, "video-translations/proofreads/render", _send_render),
    VoiceCloneRequest: _Kind(VoiceDetail, "voices/clone", _send_clone),
    SpeechRequest: _SPEECH,
}


class RequestsPlan(Plan[Any]):
    """Sends requests of any kind that starts one job; their kinds can be mixed.

    Args:
        heygen: The client.
        kind: Kind of run, as a journal has it.
        request_of: Makes the request of an item. Default: the item is one.
        seconds_of: Gives the length of an item's output in seconds, or None. Default: the
            request tells it, as far as it does.
        items: The items.
        via: How they are sent.
    """

    subject = ""

    def __init__(
        self,
        heygen: HeyGen,
        kind: str = "requests",
        request_of: Callable[[Any], Any] = lambda item: item,
        seconds_of: Callable[[Any], float | None] = lambda item: None,
        items: object = (),
        via: Via = "single",
    ) -> None:
        self.kind = kind
        self._via = via
        self._heygen = heygen
        self._request_of = request_of
        self._seconds_of = seconds_of
        self._items = items
        self._offered: frozenset[str] | None = None

    async def prepare(self) -> None:
        """Ask for the languages that HeyGen offers, where a collection is to be translated.

        An iterator shows too late what is in it; HeyGen refuses its wrong languages one by one,
        and charges nothing for that.
        """
        if isinstance(self._items, Collection) and any(
            isinstance(item, _INTO_LANGUAGES) for item in self._items
        ):
            self._offered = frozenset(await self._heygen.video_translations.languages())

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
        if self._via == "api-batch" and kind.place not in PRODUCTS:
            raise InvalidRequest(
                "via: HeyGen's own batches take videos, translations and lipsyncs, no "
                f"{type(request).__name__}; use via='single'",
                param="via",
            )
        if self._offered is not None and isinstance(request, _INTO_LANGUAGES):
            check_language(request.output_languages[0], self._offered)

        async def send(key: str | None) -> Pending[Any]:
            return await kind.send(self._heygen, request, key)

        return Submission(
            request=request,
            payload=encode(request),
            place=kind.place,
            result=kind.result,
            send=send,
            attach=partial(_attach, self._heygen, kind, request),
            search=partial(self._search, request),
            seconds=self._seconds_of(item),
        )

    async def _search(
        self, request: Any, callback_id: str, title: str | None, since: float
    ) -> str | None:
        """Videos, translations and lipsyncs can be found by callback; the others cannot."""
        result = _kind_of(request).result
        if result is Video:
            return await self.account.video(request, callback_id, title, since)
        if result is VideoTranslation:
            return await self.account.translation(request, callback_id, title, since)
        if result is Lipsync:
            return await self.account.lipsync(request, callback_id, title, since)
        return None


def _attach(heygen: HeyGen, kind: _Kind, request: Request, job_id: str) -> Pending[Any]:
    if isinstance(request, SpeechRequest):
        return _SpokenBefore(job_id, heygen, request)
    job: Pending[Any] = heygen.jobs.attach(kind.result, job_id)
    return job


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
    if isinstance(request, _INTO_LANGUAGES):
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
