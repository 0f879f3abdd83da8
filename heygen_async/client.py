"""``HeyGen``: the client, with the resources of the API as attributes."""

from __future__ import annotations

# Imported here, because an import during the first call would block the event loop. Host names are
# encoded by the codec and resolved in a thread.
import asyncio
import concurrent.futures.thread  # noqa: F401
import contextlib
import encodings.idna  # noqa: F401
import math
import os
import re
from collections.abc import (
    AsyncGenerator,
    AsyncIterable,
    AsyncIterator,
    Awaitable,
    Callable,
    Iterable,
    Mapping,
)
from functools import cached_property
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal, Self, TypeAlias, TypeVar, get_args, overload

import msgspec

from heygen_async.endpoints.ai_clipping import AiClipping
from heygen_async.endpoints.assets import Assets
from heygen_async.endpoints.avatars import Avatars
from heygen_async.endpoints.background_removals import BackgroundRemovals
from heygen_async.endpoints.brands import BrandGlossaries, BrandKits
from heygen_async.endpoints.filler_word_removals import FillerWordRemovals
from heygen_async.endpoints.hyperframes import Hyperframes
from heygen_async.endpoints.jobs import KINDS, Jobs
from heygen_async.endpoints.libraries import Audio, Folders
from heygen_async.endpoints.lipsyncs import Lipsyncs
from heygen_async.endpoints.operations import operation_at
from heygen_async.endpoints.proofreads import Proofreads
from heygen_async.endpoints.templates import Templates
from heygen_async.endpoints.uploads import NamedSource, UploadOutcome, check_sources, uploaded
from heygen_async.endpoints.users import Users
from heygen_async.endpoints.video_agents import VideoAgents
from heygen_async.endpoints.video_translations import VideoTranslations
from heygen_async.endpoints.videos import Videos
from heygen_async.endpoints.voices import Voices
from heygen_async.endpoints.webhooks import Webhooks
from heygen_async.errors import ConfigurationError, InvalidRequest
from heygen_async.jobs.kind import JobKind
from heygen_async.jobs.observation import observed_download
from heygen_async.jobs.watcher import Watcher
from heygen_async.models.assets import UploadedAsset
from heygen_async.models.editing import FillerWordRemoval
from heygen_async.models.hyperframes import HyperframesRender
from heygen_async.models.lipsyncs import Lipsync
from heygen_async.models.outputs import Output, find_output_url, output_url
from heygen_async.models.structs import Request, encode, encode_body
from heygen_async.models.video_translations import VideoTranslation
from heygen_async.models.videos import Video
from heygen_async.session.answers.codec import Decode, ErrorInside
from heygen_async.session.answers.reading import MAX_ANSWER
from heygen_async.session.cancellation import OnAccepted
from heygen_async.session.diagnostics.hooks import Hooks
from heygen_async.session.endpoint import Endpoint, Query, query_string
from heygen_async.session.limits.job_slots import JobSlots
from heygen_async.session.limits.request_limiter import RequestLimiter
from heygen_async.session.session import Session, Traffic
from heygen_async.session.settings import (
    HoldsSecret,
    Retry,
    SlotsFor,
    Timeout,
    count_of,
    settings_from,
)
from heygen_async.session.slots import SlotPool
from heygen_async.session.tasks import running_loop
from heygen_async.session.transfers.content import Expected
from heygen_async.session.transfers.transfers import Sink, download
from heygen_async.session.transfers.uploads import Uploadable, UploadProgress

if TYPE_CHECKING:
    from ssl import SSLContext

    from yarl import URL

    from heygen_async.endpoints.upload_cache import UploadCache  # it loads sqlite3
    from heygen_async.webhooks.delivery_log import NotificationSource

T = TypeVar("T")
_Downloadable: TypeAlias = (
    Video | VideoTranslation | Lipsync | FillerWordRemoval | HyperframesRender
)
Method: TypeAlias = Literal["GET", "POST", "PUT", "PATCH", "DELETE"]

_METHODS = get_args(Method)
_V1_SUCCESS = 100
# A path as sent: it starts with one slash, not two (which would name a host), and has no query.
_PATH = r"/(?!/)[!-~]*\Z"
_NOT_IN_A_PATH = r"[?#\\]|/\.\.?(?:/|\Z)"


class HeyGen:
    """A client of the HeyGen API.

    Use it as ``async with HeyGen() as heygen:``, or keep one during the lifetime of an application
    and close it with ``aclose()``. It can be created before an event loop runs, be used on several
    loops in turn, and be pickled (the pickle contains the key, as do pickles of its jobs). All
    tasks of one loop can share it. Threads with loops that run at the same time need one client
    each; otherwise they get a ``ConfigurationError``.

    Args:
        api_key: Your API key. Default: the environment variable ``HEYGEN_API_KEY``.
        token: An OAuth token, instead of a key.
        base_url: Default: the environment variable ``HEYGEN_API_BASE``, else
            ``https://api.heygen.com``. Plain http is allowed for loopback only.
        timeout: The most seconds for one attempt of a request: a ``Timeout``, or one number for all
            kinds of calls. Default: reads 30, writes 120, uploads 600.
        retry: A ``Retry`` policy, or the number of attempts. Default: 5 attempts, 600 s.
        requests: A ``RequestLimiter``, perhaps shared with other clients, or the most requests in
            flight. Default 100.
        jobs: The most jobs of bulk runs at once (default 50); the account's own limit is learned.
            Or a ``SlotPool``, perhaps shared with other clients: ``JobSlots`` or another one.
        slots_for: ``bulk`` (default): interactive creates take no slot. ``all``: they take one,
            before bulk runs, and give it back when the client notices the end of their job, or
            after 60 minutes.
        expected: Median durations of your jobs in seconds, by kind (``video``,
            ``video_translation``, ``video_agent_session``, ``proofread``, ``voice_clone``,
            ``lipsync``, ``ai_clipping``, ``avatar_look``, ``avatar_group``, ``background_removal``,
            ``filler_word_removal``, ``hyperframes_render``, ``brand_kit``), which replace the
            built-in estimates. They determine the first poll of a job; from the third job on the
            client has learned the duration.
        trust_env: Whether ``HTTPS_PROXY``, ``HTTP_PROXY`` and ``NO_PROXY`` are used. Default True.
        ssl: An ``ssl.SSLContext``, or the path of a file of certificates to trust besides the
            system's, such as those of a company's proxy. The system's certificates are those of
            OpenSSL, which the environment variable ``SSL_CERT_FILE`` replaces. A client with a
            context cannot be pickled.
        deliveries: A ``DeliveryLog``, such as ``RedisDeliveryLog``, to which receivers in other
            processes publish: their deliveries end waits of this client, until it is closed.
        hooks: Functions that are called with events of calls, retries and jobs. Pickles and deep
            copies of the client do not contain them.
        on_accepted: Called with the operation and the job ids if a call was cancelled (for example
            by a timeout) and has created jobs nevertheless. Not pickled, like hooks.
        max_answer: The most bytes of an answer of the API after decompression; a larger one raises
            ``InvalidResponse``. Default 64 MB.

    Attributes:
        ai_clipping: Clips cut from long videos.
        assets: Files for requests: upload, list, search.
        audio: Music and effects.
        avatars: Avatar groups, one for each person, and their looks, which videos use.
        background_removals: Removal of backgrounds from videos.
        brand_glossaries: Pronunciations and translations of names.
        brand_kits: Colours, fonts and logos.
        filler_word_removals: Removal of filler words ("um") from videos.
        folders: Folders for videos and assets.
        hyperframes: Rendering of videos from web projects.
        jobs: Handles from stored job ids, and notifications about jobs.
        lipsyncs: Videos with lips synchronized to another audio.
        proofreads: Translations with subtitles that a person corrects first.
        templates: Templates and their variants.
        users: The account, with its remaining balance and credits.
        video_agents: Videos from a prompt, in sessions that may ask questions.
        video_translations: Videos in other languages.
        videos: Videos from avatars, images, prompts and scenes.
        voices: Voices, speech and clones.
        webhooks: Webhook endpoints, and past events.

    Raises:
        ConfigurationError: There is no key, the base URL would send it unencrypted, or a setting is
            invalid; the message names it and says what to do.
    """

    def __init__(
        self,
        api_key: str | HoldsSecret | None = None,
        *,
        token: str | HoldsSecret | None = None,
        base_url: str | URL | None = None,
        timeout: Timeout | float | str | None = None,
        retry: Retry | int | str | None = None,
        requests: RequestLimiter | int | str | None = None,
        jobs: SlotPool | int | str | None = None,
        slots_for: SlotsFor = "bulk",
        expected: Mapping[str, float] | None = None,
        trust_env: bool = True,
        ssl: SSLContext | str | os.PathLike[str] | None = None,
        deliveries: NotificationSource | None = None,
        hooks: Hooks | None = None,
        on_accepted: OnAccepted | None = None,
        max_answer: int | str = MAX_ANSWER,
    ) -> None:
        settings = settings_from(
            api_key=api_key,
            token=token,
            base_url=base_url,
            timeout=Timeout() if timeout is None else timeout,
            retry=Retry() if retry is None else retry,
            trust_env=trust_env,
            ssl=ssl,
        )
        if requests is None:
            requests = RequestLimiter()
        elif not isinstance(requests, RequestLimiter):
            requests = RequestLimiter(count_of("requests", requests))
        if jobs is None:
            jobs = JobSlots()
        elif isinstance(jobs, int | float | str) or not hasattr(jobs, "try_acquire"):
            jobs = JobSlots(count_of("jobs", jobs))
        if slots_for not in get_args(SlotsFor):
            raise ConfigurationError(f"slots_for: expected bulk or all, got {slots_for!r}")
        if (max_answer := count_of("max_answer", max_answer)) < 1:
            raise ConfigurationError(f"max_answer: expected bytes > 0, got {max_answer!r}")
        session = Session(
            settings,
            requests,
            jobs,
            slots_for=slots_for,
            max_answer=max_answer,
            on_accepted=on_accepted,
        )
        self._assemble(session, _checked(expected or {}), deliveries)
        if hooks is not None:
            self.add_hooks(hooks)

    def _assemble(
        self,
        session: Session,
        expected: dict[str, float],
        deliveries: NotificationSource | None = None,
    ) -> None:
        self._session = session
        self._deliveries = deliveries
        subscribe = None if deliveries is None else deliveries.subscribe
        self._watcher = watcher = Watcher(session, expected, subscribe)
        self.ai_clipping: AiClipping = AiClipping(session, watcher)
        self.assets: Assets = Assets(session, watcher)
        self.audio: Audio = Audio(session, watcher)
        self.avatars: Avatars = Avatars(session, watcher)
        self.background_removals: BackgroundRemovals = BackgroundRemovals(session, watcher)
        self.brand_glossaries: BrandGlossaries = BrandGlossaries(session, watcher)
        self.brand_kits: BrandKits = BrandKits(session, watcher)
        self.filler_word_removals: FillerWordRemovals = FillerWordRemovals(session, watcher)
        self.folders: Folders = Folders(session, watcher)
        self.hyperframes: Hyperframes = Hyperframes(session, watcher)
        self.jobs: Jobs = Jobs(session, watcher)
        self.lipsyncs: Lipsyncs = Lipsyncs(session, watcher)
        self.proofreads: Proofreads = Proofreads(session, watcher)
        self.templates: Templates = Templates(session, watcher)
        self.users: Users = Users(session, watcher)
        self.video_agents: VideoAgents = VideoAgents(session, watcher)
        self.video_translations: VideoTranslations = VideoTranslations(session, watcher)
        self.videos: Videos = Videos(session, watcher)
        self.voices: Voices = Voices(session, watcher)
        self.webhooks: Webhooks = Webhooks(session, watcher)

    def __repr__(self) -> str:
        # Crash reports also show clients whose settings were refused.
        session: Session | None = getattr(self, "_session", None)
        return f"HeyGen(base_url={session.settings.base_url!r})" if session else "HeyGen()"

    def __getstate__(self) -> tuple[Session, dict[str, float], NotificationSource | None]:
        return self._session, self._watcher.expected, self._deliveries

    def __setstate__(
        self, state: tuple[Session, dict[str, float], NotificationSource | None]
    ) -> None:
        self._assemble(*state)

    async def __aenter__(self) -> Self:
        running_loop()
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close all connections; raise a ``JobError`` in callers that still wait for a job.

        It waits for cancelled calls that create jobs, up to the timeout of a write, to learn the
        ids of their jobs; a cancellation ends this wait. Jobs continue at HeyGen. A later call
        opens the client again.
        """
        try:
            await self._watcher.close()
        except asyncio.CancelledError:
            self._session.submissions.abandon()
            raise
        finally:
            await self._session.aclose()

    @contextlib.asynccontextmanager
    async def lifespan(self, app: object = None) -> AsyncIterator[None]:
        """Close this client when a web app shuts down: ``FastAPI(lifespan=heygen.lifespan)``.

        All requests of the app share the client. The ``lifespan`` of a ``WebhookReceiver`` also
        closes its client.

        Args:
            app: The app, as passed by the framework; it is not used.
        """
        async with self:
            yield

    def add_hooks(self, hooks: Hooks) -> None:
        """Call further hooks with events of calls, retries and jobs from now on.

        Args:
            hooks: The hooks, which are called after the earlier ones.
        """
        self._session.hooks = (*self._session.hooks, hooks)

    @property
    def slots(self) -> SlotPool:
        """The slot pool that bulk runs share: the argument ``jobs``, or a ``JobSlots``."""
        return self._session.jobs

    @property
    def paused_seconds(self) -> float:
        """Seconds for which an answer with ``Retry-After`` still holds requests back, or 0."""
        return self._session.requests.paused_seconds

    @property
    def traffic(self) -> Traffic:
        """Counts of requests, retries and 429 answers since the client was created."""
        return self._session.traffic

    @overload
    async def request(
        self,
        method: Method,
        path: str,
        *,
        query: Query | None = None,
        body: Request | Mapping[str, Any] | bytes | None = None,
        idempotency_key: str | None = None,
    ) -> Any: ...
    @overload
    async def request(
        self,
        method: Method,
        path: str,
        *,
        answer: type[T],
        query: Query | None = None,
        body: Request | Mapping[str, Any] | bytes | None = None,
        idempotency_key: str | None = None,
    ) -> T: ...
    async def request(
        self,
        method: Method,
        path: str,
        *,
        answer: Any = None,
        query: Query | None = None,
        body: Request | Mapping[str, Any] | bytes | None = None,
        idempotency_key: str | None = None,
    ) -> Any:
        """Send any call of the API, even an unknown one, with the guarantees of other methods.

        If method and path name a known operation, its limits, retries, timeouts, errors and
        Idempotency-Key apply. An unknown POST carries your own key, if you pass one; without a key
        it is not sent again after an attempt that may have been carried out.

        Args:
            method: HTTP method.
            path: Encoded path on the API's host, which starts with a slash, without query.
            answer: The type of ``data`` in the answer. By default the whole answer is returned as
                plain Python values.
            query: Query parameters; None values are left out, and sequences are joined by commas.
            body: A request Struct, a mapping, or JSON bytes.
            idempotency_key: Your own key. Default: a new key, for operations known to take one.

        Returns:
            The answer, as an instance of ``answer`` or plain values.

        Raises:
            InvalidRequest: The method or path is invalid, or the body cannot be encoded as JSON.
            HeyGenError: As for every call.
        """
        if method not in _METHODS:
            raise InvalidRequest(
                f"method: expected one of {', '.join(_METHODS)}, got {method!r}", param="method"
            )
        if not re.match(_PATH, path) or re.search(_NOT_IN_A_PATH, path):
            # A query may contain a signature.
            given = re.sub(r"(?s)[?#].*", "?…", path)
            raise InvalidRequest(
                "path: expected an encoded path that starts with a slash, without query (use "
                f"query=), got {given!r}",
                param="path",
            )
        known = operation_at(method, path)
        kind = _Whole if answer is None else Endpoint
        endpoint: Endpoint[Any] = kind(
            operation=f"{method} {path}",
            method=method,
            path="/",
            answer=Any if answer is None else answer,
            # For an unknown operation, the caller knows whether it takes a key.
            keyed=idempotency_key is not None if known is None else known.keyed,
            replays=known is None or known.replays,
            # The removal of backgrounds is idempotent only if its body has a request_id.
            idempotent=known is not None and known.idempotent and known.creates is None,
            kind=None if known is None else known.kind,
            creates=None if known is None or known.creates is None else _ids_in(known),
        )
        if isinstance(body, Request):
            body = encode(body)
        elif body is not None and not isinstance(body, bytes):
            body = encode_body(dict(body))
        return await self._session.call(
            endpoint,
            path + query_string(query or {}),
            body=body,
            idempotency_key=idempotency_key,
        )

    async def download(
        self,
        source: str | Video | VideoTranslation | Lipsync | FillerWordRemoval | HyperframesRender,
        to: str | os.PathLike[str] | Sink,
        *,
        what: Output | None = None,
        renew: Callable[[], Awaitable[str | None]] | None = None,
    ) -> int:
        """Download a file that HeyGen has made, without sending the API key.

        An interrupted download continues where it stopped, within a call and in the next one. A
        file appears under its name only when it is complete. A web page, a JSON message or an empty
        body instead of a media file raises a ``TransferError`` and leaves no file.

        Args:
            source: A media URL, or a video, translation, lipsync, filler-word removal or
                HyperFrames render; if its URL has expired, a new one is fetched.
            to: A path, or an object with a sync or async ``write`` method, or an async callable.
            what: The file to download: ``video``, ``captioned`` (with burnt-in captions),
                ``subtitles``, ``thumbnail``, ``gif`` or ``audio``. Default: the video, or the audio
                of a translation of audio only.
            renew: Returns a fresh URL if ``source`` is a URL that has expired.

        Returns:
            The size in bytes.

        Raises:
            URLExpired: The URL has expired and cannot be renewed.
            TransferError: The file cannot be downloaded or written.
            InvalidRequest: ``source`` is not a valid URL, or does not have the file, or not yet.
        """
        if isinstance(source, str):
            if what is not None:
                raise InvalidRequest(
                    "what: cannot be combined with a URL, which is already one file", param="what"
                )
            return await download(self._session, source, to, renew=renew)
        url, renew = output_url(source, what), renew or self._renewal(source, what)
        expected: Expected = "subtitles" if what == "subtitles" else "media"
        with observed_download(self._session, _kind_of(source), source) as got:
            got.size = await download(self._session, url, to, renew=renew, expected=expected)
        return got.size

    async def upload(
        self,
        source: Uploadable,
        *,
        filename: str | None = None,
        content_type: str | None = None,
        cache: UploadCache | None = None,
        progress: UploadProgress | None = None,
        idempotency_key: str | None = None,
    ) -> UploadedAsset:
        """Upload a file: png, jpeg, mp4, webm, mp3, wav, pdf, srt or zip, up to 200 MB.

        The file is read in chunks in a thread, and again if an attempt is repeated. Up to 32 MB are
        sent in one request; larger files go directly to storage, with a checksum.

        Args:
            source: A path, bytes, a file opened in binary mode (read from its position), an
                uploaded file in a web framework (FastAPI, Starlette, aiohttp, Flask; read from its
                start), or an async iterable of bytes. A source that can be read only once is first
                copied to a temporary file.
            filename: Name of the file. Default: that of the source.
            content_type: MIME type of the file. Default: derived from its first bytes, else from
                the ending of its name.
            cache: An ``UploadCache``. If it contains the same bytes and HeyGen still has their
                asset, that asset is returned and nothing is sent. By default each call uploads.
            progress: Called on the event loop with the bytes of the file sent so far, and its size.
                If an attempt is repeated, the count starts again.
            idempotency_key: Your own key; within 24 h the same key returns the same asset. Default:
                a new key for each call. Cannot be combined with ``cache``.

        Returns:
            The asset; use its ``asset_id`` in requests.

        Raises:
            InvalidRequest: The file cannot be read, is empty, is larger than 200 MB, or has a type
                that HeyGen does not accept; nothing was sent.
            TransferError: The storage refused the file, or the file changed during the upload.
            UploadCacheError: The cache's file cannot be read or written.
            HeyGenError: As for every call.
        """
        return await self.assets.upload(
            source,
            filename=filename,
            content_type=content_type,
            cache=cache,
            progress=progress,
            idempotency_key=idempotency_key,
        )

    def upload_all(
        self,
        sources: Iterable[Uploadable | NamedSource] | AsyncIterable[Uploadable | NamedSource],
        *,
        parallel: int = 4,
        cache: UploadCache | None = None,
        progress: UploadProgress | None = None,
    ) -> AsyncGenerator[UploadOutcome]:
        """Upload many files, a few at a time: ``async for outcome in heygen.upload_all(paths)``.

        Outcomes are yielded in the order in which the uploads end; one bad file does not stop the
        others. No upload keeps running when the iteration is cancelled or its generator closed.

        Args:
            sources: A sync or async iterable of files, each as for ``upload`` or a pair of a file
                name and such a file. It is read only as fast as uploads end; a sync iterable other
                than a list or tuple is read in a thread of its own, and a generator is closed at
                the end.
            parallel: The most uploads at the same time. Default 4.
            cache: An ``UploadCache``; see ``upload``.
            progress: Called on the event loop with the bytes sent so far and the size of all files
                together. The files of a collection count from the start if their sizes are known,
                others from the start of their upload. An exception from it ends all uploads.

        Returns:
            The outcome of each file: ``outcome.result`` is its asset, ``outcome.error`` the
            exception if the upload failed.

        Raises:
            InvalidRequest: ``sources`` is a single file, or ``parallel`` is less than 1. It is
                raised at once.
        """
        if parallel < 1:
            raise InvalidRequest(f"parallel: expected 1 or more, got {parallel}", param="parallel")
        check_sources(sources)
        return uploaded(self.assets, sources, parallel=parallel, cache=cache, progress=progress)

    def _renewal(
        self, source: _Downloadable, what: Output | None
    ) -> Callable[[], Awaitable[str | None]]:
        resource: Videos | VideoTranslations | Lipsyncs | FillerWordRemovals | Hyperframes
        resource = self.videos
        if isinstance(source, VideoTranslation):
            resource = self.video_translations
        elif isinstance(source, Lipsync):
            resource = self.lipsyncs
        elif isinstance(source, FillerWordRemoval):
            resource = self.filler_word_removals
        elif isinstance(source, HyperframesRender):
            resource = self.hyperframes

        async def renew() -> str | None:
            return find_output_url(await resource.get(source.id), what)

        return renew


def _kind_of(source: _Downloadable) -> JobKind[Any]:
    return next(kind for kind in KINDS if isinstance(source, kind.result))


class _Whole(Endpoint[Any], frozen=True, kw_only=True):
    """An operation that the SDK does not describe; its answer is returned with its envelope."""

    @cached_property
    def decode(self) -> Decode[Any]:
        return _decode_whole


def _decode_whole(content: bytes) -> Any:
    answer = msgspec.json.decode(content)
    if isinstance(answer, dict):
        # v1 and v2 also report failures with status 200.
        code = answer.get("code")
        if answer.get("error") or (isinstance(code, int) and code != _V1_SUCCESS):
            raise ErrorInside
    return answer


def _ids_in(operation: Endpoint[Any]) -> Callable[[Any], list[str]]:
    """Return a function that finds the ids of created jobs in an answer of any type."""

    def ids(answer: Any) -> list[str]:
        assert operation.creates is not None
        try:
            plain = msgspec.to_builtins(answer)
            data = plain.get("data", plain)
            return operation.creates(msgspec.convert(data, operation.answer, strict=False))
        except (msgspec.MsgspecError, AttributeError, TypeError):
            return []  # the caller asked for another type

    return ids


def _checked(expected: Mapping[str, float]) -> dict[str, float]:
    kinds = [kind.name for kind in KINDS]
    for name, seconds in expected.items():
        if name not in kinds:
            raise ConfigurationError(
                f"expected: {name!r} is not a kind of job; kinds are {', '.join(kinds)}"
            )
        if not 0 < seconds < math.inf:
            raise ConfigurationError(f"expected.{name}: expected seconds > 0, got {seconds!r}")
    return dict(expected)
