"""The operations that a bulk run can submit: how each is sent, awaited and found again.

Everything is looked up by the name of the operation. So a submission is plain data that another
process can store and send.
"""

from __future__ import annotations

import copy
import logging
import secrets
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, Literal, Protocol, TypeAlias, TypeVar, get_args

import msgspec

from heygen_async.client import HeyGen
from heygen_async.endpoints.batches import JobBatches
from heygen_async.endpoints.templates import Version
from heygen_async.errors import HeyGenError, InvalidRequest, InvalidResponse
from heygen_async.journal.keys import ItemIdentity, ItemKeys
from heygen_async.media.source_lengths import SourceLengths
from heygen_async.models.editing import (
    BackgroundRemovalJob,
    BackgroundRemovalRequest,
    FillerWordRemoval,
    FillerWordRemovalRequest,
)
from heygen_async.models.lipsyncs import Lipsync, LipsyncRequest
from heygen_async.models.proofreads import Proofread, ProofreadRender, ProofreadRequest
from heygen_async.models.structs import Request
from heygen_async.models.templates import TemplateRenderRequest
from heygen_async.models.video_agents import VideoAgentRequest, VideoAgentSession
from heygen_async.models.video_translations import VideoTranslation, VideoTranslationRequest
from heygen_async.models.videos import (
    AvatarVideoRequest,
    CinematicAvatarVideoRequest,
    ImageVideoRequest,
    StudioVideoRequest,
    Video,
    VideoRequest,
)
from heygen_async.models.voices import Speech, SpeechRequest, VoiceCloneRequest, VoiceDetail
from heygen_async.pricing.charges import length_told

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)
RequestT = TypeVar("RequestT", bound=Request)

Listing: TypeAlias = Literal["videos", "video_translations", "lipsyncs", "video_agents", "voices"]
"""Lists of the account in which a job can be found: by its ``callback_id``, by the user's messages,
or by its name.
"""

logger: logging.Logger = logging.getLogger("heygen_async.batch")

REPLAY_SECONDS = 24 * 3600.0 - 600.0
"""Seconds for which the API replays the answer to an idempotency key: 24 h, less a margin for
clocks.
"""


def key_expired(sent_at: float) -> bool:
    """Return whether the API may have forgotten a key by now, even if a clock was wrong.

    Args:
        sent_at: Time at which it was first sent, in Unix seconds.
    """
    return not 0 <= time.time() - sent_at < REPLAY_SECONDS


class Pending(Protocol[T_co]):
    """An accepted submission whose result is available later, such as a ``Job``."""

    @property
    def id(self) -> str:
        """Its id at HeyGen."""

    async def wait(self, timeout: float | None = None) -> T_co:
        """Return its result, or raise ``JobFailed`` or ``JobTimeout``."""


class Submission(msgspec.Struct, Generic[T], frozen=True, kw_only=True):
    """An item in the form in which it is sent; plain data.

    Attributes:
        operation: The operation that submits it, such as ``videos.create``.
        path_arguments: Values of the parameters in the operation's path.
        request: The request.
        payload: Its JSON body, without fields added by the run; members are sorted.
        index: Position among the items, from 0.
        key: The item's key, or None for the default.
        seconds: Length of its output in seconds, if it is known in advance.
        scouted: Whether ``seconds`` was measured from another output of the same source.
        version: For renders, the version of the API that serves the template. HeyGen may not replay
            answers of v2, so the account is searched before a submission in doubt is sent again.
        test: For renders, whether it is a test render, which costs nothing.
    """

    operation: str
    path_arguments: tuple[str, ...] = ()
    request: Request
    payload: bytes
    index: int
    key: str | None = None
    seconds: float | None = None
    scouted: bool = False
    version: Version = "auto"
    test: bool = False

    def measured(self, lengths: SourceLengths) -> Submission[T]:
        """Return the submission with the length found from its sources, unless it has a length."""
        seconds = lengths.seconds(self.request) if self.seconds is None else None
        return self if seconds is None else msgspec.structs.replace(self, seconds=seconds)

    def may_be_searched(self) -> bool:
        """Whether the account is searched for its job if it is unknown whether it was accepted."""
        return self.version == "v2" or OPERATIONS[self.operation].in_doubt == "search"

    def identity(self, keys: ItemKeys) -> ItemIdentity:
        """Return the identity of the item."""
        return keys.identify(
            self.operation, self.path_arguments, self.payload, self.key, self.index
        )


Send: TypeAlias = Callable[[HeyGen, Submission[Any], str | None], Awaitable[Pending[Any]]]
Measure: TypeAlias = Callable[[HeyGen, Any], Awaitable[float | None]]


async def length_of_session(heygen: HeyGen, session: VideoAgentSession) -> float | None:
    """Return the length in seconds of a session's video, or None."""
    if session.video_id is None:
        return None
    try:
        return length_told(await heygen.videos.get(session.video_id))
    except HeyGenError as error:  # the session is paid for and must not fail because of this
        logger.warning(
            "session %s: the length of its video is unknown, and so is its cost: %s",
            session.session_id,
            error,
        )
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """An operation that starts one job for each item.

    Attributes:
        requests: Types of its requests.
        result: Type of its job's result.
        send: Sends a submission under an idempotency key; None means a fresh key.
        measure: Returns the length of the output of a completed job in seconds, or None. Default:
            ``duration`` of the result.
        in_doubt: How to handle a submission that may have been carried out. ``repeat``: send it
            again under its key. For operations that take no key, ``search``: search the account for
            its job and do not send it again; ``resend``: send it again, as it costs a fraction of a
            cent.
        listing: The list of the account that shows its jobs, or None.
        server_batch: How HeyGen accepts many in one request, or None if it does not.
    """

    requests: tuple[type[Request], ...]
    result: type[Any]
    send: Send
    measure: Measure | None = None
    in_doubt: Literal["repeat", "search", "resend"] = "repeat"
    listing: Listing | None = None
    server_batch: ServerBatchType | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerBatchType:
    """A type of item that HeyGen accepts in server batches.

    Attributes:
        field: The field of the batch request that holds the items.
        batches: The resource of the server batches.
        takes_callback_id: Returns whether the body of an item can have a ``callback_id``.
        shared_folder: Whether the folder is set on the batch and must not be set on its items.
    """

    field: str
    batches: Callable[[HeyGen], JobBatches[Any]]
    takes_callback_id: Callable[[Mapping[str, Any]], bool] = lambda _: True
    shared_folder: bool = False

    def body(self, payloads: Sequence[bytes], callback_ids: Sequence[str]) -> bytes:
        """Return the body of the batch request.

        Args:
            payloads: The bodies of the single requests.
            callback_ids: The ``callback_id`` for each request that does not set its own. It shows
                later which job belongs to which item. Empty for none.
        """
        requests = []
        for payload, callback_id in zip(payloads, callback_ids, strict=True):
            fields = msgspec.json.decode(payload, type=dict[str, Any])
            if callback_id and self.takes_callback_id(fields):
                fields.setdefault("callback_id", callback_id)
            requests.append(fields)
        body: dict[str, Any] = {self.field: requests}
        folders = {fields.get("folder_id") or "" for fields in requests}
        if self.shared_folder and len(folders) == 1:
            for fields in requests:
                fields.pop("folder_id", None)
            if folder := folders.pop():
                body["folder_id"] = folder
        return msgspec.json.encode(body)


def has_unnamed_callback(request: Request) -> bool:
    """Return whether a request has a ``callback_url`` and no ``callback_id`` of its own."""
    url = getattr(request, "callback_url", None)
    return url is not None and getattr(request, "callback_id", None) is None


def with_callback_id(request: RequestT, key: str | None) -> RequestT:
    """Return the request with its idempotency key as ``callback_id``, if it accepts one.

    The account's lists then show later whether a submission without an answer was accepted. A
    request with a callback gets its id at the endpoint instead, because that id must not be
    guessable.
    """
    if key is None or getattr(request, "callback_id", "") is not None:
        return request
    if has_unnamed_callback(request):
        return request
    named = copy.copy(request)  # a replaced request would be checked again
    msgspec.structs.force_setattr(named, "callback_id", key)
    return named


def attach(heygen: HeyGen, submission: Submission[T], job_id: str) -> Pending[T]:
    """Return a pending object for an accepted id, to wait for its result; sends nothing."""
    job: Pending[T] = heygen.jobs.attach(OPERATIONS[submission.operation].result, job_id)
    return job


def operation_of(request: object) -> str:
    """Return the operation that sends a request.

    Raises:
        InvalidRequest: The request does not start exactly one job.
    """
    # By type, as isinstance takes 0.2 us for each Struct that a request is not.
    name = _BY_REQUEST.get(type(request))  # type: ignore[arg-type]
    if name is None:
        names = ", ".join(known.__name__ for known in _BY_REQUEST)
        hint = "; batch.render takes it" if isinstance(request, TemplateRenderRequest) else ""
        raise InvalidRequest(
            f"requests: expected one of {names}, got {type(request).__name__}{hint}",
            param="requests",
        )
    if type(request) is VideoTranslationRequest or type(request) is ProofreadRequest:
        count = len(request.output_languages)
        if count != 1:
            raise InvalidRequest(
                f"output_languages: expected one, as an item is one job, got {count}",
                param="output_languages",
            )
    if type(request) is VideoAgentRequest and request.mode != "generate":
        raise InvalidRequest(
            "mode: a chat waits for answers, which a bulk run does not give; use generate",
            param="mode",
        )
    return name


async def _render(heygen: HeyGen, item: Submission[Any], key: str | None) -> Pending[Video]:
    return await heygen.templates.generate(
        item.path_arguments[0],
        with_callback_id(_as(TemplateRenderRequest, item), key),
        version=item.version,
        test=item.test,
        idempotency_key=key,
    )


async def _create_video(heygen: HeyGen, item: Submission[Any], key: str | None) -> Pending[Video]:
    request: Any = item.request
    return await heygen.videos.create(with_callback_id(request, key), idempotency_key=key)


async def _create_agent_session(
    heygen: HeyGen, item: Submission[Any], key: str | None
) -> Pending[VideoAgentSession]:
    return await heygen.video_agents.create(with_callback_id(_as(VideoAgentRequest, item), key))


async def _create_translation(
    heygen: HeyGen, item: Submission[Any], key: str | None
) -> Pending[VideoTranslation]:
    request = with_callback_id(_as(VideoTranslationRequest, item), key)
    jobs = await heygen.video_translations.create(request, idempotency_key=key)
    return _only(jobs, "translation")


async def _create_lipsync(
    heygen: HeyGen, item: Submission[Any], key: str | None
) -> Pending[Lipsync]:
    request = with_callback_id(_as(LipsyncRequest, item), key)
    return await heygen.lipsyncs.create(request, idempotency_key=key)


async def _create_proofread(
    heygen: HeyGen, item: Submission[Any], key: str | None
) -> Pending[Proofread]:
    jobs = await heygen.proofreads.create(_as(ProofreadRequest, item), idempotency_key=key)
    return _only(jobs, "proofread")


async def _render_proofread(
    heygen: HeyGen, item: Submission[Any], key: str | None
) -> Pending[VideoTranslation]:
    request = with_callback_id(_as(ProofreadRender, item), key)
    return await heygen.proofreads.generate(
        request.proofread_id, request.generate(), idempotency_key=key
    )


async def _clone_voice(
    heygen: HeyGen, item: Submission[Any], key: str | None
) -> Pending[VoiceDetail]:
    return await heygen.voices.clone(_as(VoiceCloneRequest, item))


async def _remove_background(
    heygen: HeyGen, item: Submission[Any], key: str | None
) -> Pending[BackgroundRemovalJob]:
    request = _as(BackgroundRemovalRequest, item)
    if key is not None and request.request_id is None:  # serves as its idempotency key
        request = msgspec.structs.replace(request, request_id=key)
    return await heygen.background_removals.create(request)


async def _remove_filler_words(
    heygen: HeyGen, item: Submission[Any], key: str | None
) -> Pending[FillerWordRemoval]:
    request = _as(FillerWordRemovalRequest, item)
    return await heygen.filler_word_removals.create(request, idempotency_key=key)


async def _speak(heygen: HeyGen, item: Submission[Any], key: str | None) -> Pending[Speech]:
    speech = await heygen.voices.speech(_as(SpeechRequest, item), resend=True)
    return _Spoken(key or secrets.token_hex(16), speech)


@dataclass(frozen=True, slots=True)
class _Spoken:
    """A speech result; it is complete as soon as it is accepted.

    HeyGen stores no speech for later requests, so its id is its key in the journal.
    """

    id: str
    speech: Speech

    async def wait(self, timeout: float | None = None) -> Speech:
        """Return the speech."""
        return self.speech


def _as(kind: type[RequestT], item: Submission[Any]) -> RequestT:
    request = item.request
    assert isinstance(request, kind)
    return request


def _only(jobs: Sequence[Pending[T]], name: str) -> Pending[T]:
    if not jobs:
        raise InvalidResponse(f"the answer has no {name}", status=200)
    return jobs[0]


_VIDEOS_WITH_CALLBACK = frozenset(
    kind.__struct_config__.tag
    for kind in get_args(VideoRequest)
    if "callback_id" in kind.__struct_fields__
)

OPERATIONS: dict[str, Operation] = {
    "templates.generate": Operation(
        requests=(TemplateRenderRequest,), result=Video, send=_render, listing="videos"
    ),
    "videos.create": Operation(
        requests=(
            AvatarVideoRequest,
            ImageVideoRequest,
            CinematicAvatarVideoRequest,
            StudioVideoRequest,
        ),
        result=Video,
        send=_create_video,
        listing="videos",
        server_batch=ServerBatchType(
            field="videos",
            batches=lambda heygen: heygen.videos.batches,
            takes_callback_id=lambda fields: fields.get("type") in _VIDEOS_WITH_CALLBACK,
            shared_folder=True,
        ),
    ),
    "video_agents.create": Operation(
        requests=(VideoAgentRequest,),
        result=VideoAgentSession,
        send=_create_agent_session,
        measure=length_of_session,
        in_doubt="search",
        listing="video_agents",
    ),
    "video_translations.create": Operation(
        requests=(VideoTranslationRequest,),
        result=VideoTranslation,
        send=_create_translation,
        listing="video_translations",
        server_batch=ServerBatchType(
            field="video_translations",
            batches=lambda heygen: heygen.video_translations.batches,
        ),
    ),
    "lipsyncs.create": Operation(
        requests=(LipsyncRequest,),
        result=Lipsync,
        send=_create_lipsync,
        listing="lipsyncs",
        server_batch=ServerBatchType(
            field="lipsyncs", batches=lambda heygen: heygen.lipsyncs.batches
        ),
    ),
    "proofreads.create": Operation(
        requests=(ProofreadRequest,), result=Proofread, send=_create_proofread
    ),
    "proofreads.generate": Operation(
        requests=(ProofreadRender,),
        result=VideoTranslation,
        send=_render_proofread,
        listing="video_translations",
    ),
    "background_removals.create": Operation(
        requests=(BackgroundRemovalRequest,), result=BackgroundRemovalJob, send=_remove_background
    ),
    "filler_word_removals.create": Operation(
        requests=(FillerWordRemovalRequest,), result=FillerWordRemoval, send=_remove_filler_words
    ),
    "voices.clone": Operation(
        requests=(VoiceCloneRequest,),
        result=VoiceDetail,
        send=_clone_voice,
        in_doubt="search",
        listing="voices",
    ),
    "voices.speech": Operation(
        requests=(SpeechRequest,), result=Speech, send=_speak, in_doubt="resend"
    ),
}
"""Operations by the operationId of the contract."""

_BY_REQUEST: dict[type[Request], str] = {
    kind: name
    for name, operation in OPERATIONS.items()
    for kind in operation.requests
    if kind is not TemplateRenderRequest
}
