"""``HeyGen``: the client. It opens connections when it needs them, and hands out resources."""

from __future__ import annotations

# An import at the first call would hold up the event loop. Host names are encoded by a codec and
# resolved in a thread.
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
# As it goes on the wire: from its first slash, but no second host, without query.
_PATH = r"/(?!/)[!-~]*\Z"
_NOT_IN_A_PATH = r"[?#\\]|/\.\.?(?:/|\Z)"


class HeyGen:
    """A client of the HeyGen API.

    Use it as ``async with HeyGen() as heygen:``, or keep one for the life of an application and
    end it with ``aclose()``. It may be made before an event loop runs, used on one loop after
    the other, and pickled (the pickle holds the key, as do those of its jobs); it is safe for all
    tasks of one loop. Threads whose loops run at the same time need one each, and get a
    ``ConfigurationError`` otherwise.

    Args:
        api_key: Your API key; by default the environment variable ``HEYGEN_API_KEY``.
        token: An OAuth token, in place of a key.
        base_url: By default the environment variable ``HEYGEN_API_BASE``, else
            ``https://api.heygen.com``. Plain http is for loopback only.
        timeout: Seconds that one attempt of a request may take: a ``Timeout``, or one number
            for all kinds of calls. Default: reads 30, writes 120, uploads 600.
        retry: A ``Retry`` policy, or the number of attempts. Default: 5 attempts, 600 s.
        requests: A ``RequestLimiter``, perhaps shared with other clients, or how many requests
            may be in flight. Default 100.
        jobs: How many jobs of bulk runs may run at once at most; what the account allows is
            learned. Or a ``SlotPool``, perhaps shared with other clients: ``JobSlots``, or one of
            your own. Default 50.
        slots_for: ``bulk`` (default): interactive creates take no slot. ``all``: they take one,
            before bulk runs, and give it back when the client sees their job end, or after 60
            minutes.
        expected: Median durations of your jobs in seconds, by kind (``video``,
            ``video_translation``, ``video_agent_session``, ``proofread``, ``voice_clone``,
            ``lipsync``, ``ai_clipping``, ``avatar_look``, ``avatar_group``,
            ``background_removal``, ``filler_word_removal``, ``hyperframes_render``,
            ``brand_kit``), where you know better than the
            built-in guesses. They set when a job is first looked at; from the third job on the
            client has learned it.
        trust_env: Whether the proxies of ``HTTPS_PROXY``, ``HTTP_PROXY`` and ``NO_PROXY`` are
            used. Default True.
        ssl: An ``ssl.SSLContext``, or the path of a file of certificates that are trusted besides
            the system's, such as those of a company's proxy. The system's are those of OpenSSL,
            which the environment variable ``SSL_CERT_FILE`` replaces. A client with a context
            cannot be pickled.
        deliveries: A ``DeliveryLog`` that the ``WebhookReceiver`` of other processes publish to,
            such as ``RedisDeliveryLog``: what they receive ends waits here, from the first wait
            until the client is closed.
        hooks: Functions to be told of calls, retries and jobs. They stay in this process: pickles
            and deep copies of the client are without them.
        on_accepted: Called with the operation and the ids of the jobs where a call that creates
            jobs was cancelled (by a timeout, say) and has created them all the same. Stays in
            this process, like hooks.
        max_answer: Bytes that an answer of the API may have after decompression; a larger one
            raises ``InvalidResponse``. Default 64 MB.

    Attributes:
        ai_clipping: Clips cut out of long videos.
        assets: Files that requests name: uploads, list, search.
        audio: Music and effects.
        avatars: Groups, which stand for a person, and their looks, which videos name.
        background_removals: Videos without their background.
        brand_glossaries: How names are said and translated.
        brand_kits: Colours, fonts and logos.
        filler_word_removals: Videos without their ums and ers.
        folders: What videos and assets are put in.
        hyperframes: Videos rendered from web projects.
        jobs: Jobs from stored ids, and news about jobs.
        lipsyncs: Videos made to speak another audio.
        proofreads: Translations whose subtitles a person corrects first.
        templates: Templates and their variants.
        users: Who calls, and what is left of balance and credits.
        video_agents: Videos from a prompt, by sessions that may ask back.
        video_translations: Videos in other languages.
        videos: Videos of avatars, images, prompts and scenes.
        voices: Voices, speech and clones.
        webhooks: Endpoints that HeyGen delivers to, and past events.

    Raises:
        ConfigurationError: There is no key, the base URL would send it in the clear, or a
            setting makes no sense; the message says which and what to do.
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
        session = Session(settings, requests, jobs, slots_for=slots_for, max_answer=max_answer)
        session.submissions.on_accepted = on_accepted
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
        # Crash reports show clients whose settings were refused, too.
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
        """Close all connections; whoever still waits for a job gets a ``JobError``.

        Cancelled calls that create jobs are waited for, up to the timeout of a write, so that the
        ids of their jobs are known; cancelling this ends that wait. Jobs at HeyGen go on. A later
        call opens the client again.
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
        """Close this client when a web app ends: ``FastAPI(lifespan=heygen.lifespan)``.

        All requests of the app share the client. Where a ``WebhookReceiver`` is in use, its own
        ``lifespan`` does this too.

        Args:
            app: What the framework hands over; it is not used.
        """
        async with self:
            yield

    def add_hooks(self, hooks: Hooks) -> None:
        """Tell these, too, of calls, retries and jobs, from now on.

        Args:
            hooks: What to call; called after those that were there before.
        """
        self._session.hooks = (*self._session.hooks, hooks)

    @property
    def slots(self) -> SlotPool:
        """The slots that bulk runs share: what ``jobs`` was, or ``JobSlots``."""
        return self._session.jobs

    @property
    def paused_seconds(self) -> float:
        """Seconds for which requests are held back by an answer with ``Retry-After``, or 0."""
        return self._session.requests.paused_seconds

    @property
    def traffic(self) -> Traffic:
        """Counts of requests, retries and answers of 429 since the client was made."""
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
        """Send any call of the API, present or future, with all guarantees of the others.

        Limits, retries, timeouts and errors are those of the operation that method and path name,
        and so is the Idempotency-Key, the same on all attempts. A POST that is not known carries
        your own key, if you give one; without one it is not sent again after an attempt that may
        have been carried out.

        Args:
            method: HTTP method.
            path: Path on the API's host, from its first slash, encoded, without query.
            answer: The type of what stands under ``data`` in the answer. By default the whole
                answer comes as plain Python values.
            query: Query parameters; None values are left out, sequences joined by commas.
            body: A request Struct, a mapping, or JSON bytes.
            idempotency_key: Your own key; by default a fresh one for operations known to take one.

        Returns:
            What ``answer`` asks for.

        Raises:
            InvalidRequest: The method or the path is not one, or the body cannot be JSON.
            HeyGenError: As every call.
        """
        if method not in _METHODS:
            raise InvalidRequest(
                f"method: expected one of {', '.join(_METHODS)}, got {method!r}", param="method"
            )
        if not re.match(_PATH, path) or re.search(_NOT_IN_A_PATH, path):
            # A query may hold a signature.
            given = re.sub(r"(?s)[?#].*", "?…", path)
            raise InvalidRequest(
                "path: expected an encoded path from its first slash, without query, got "
                f"{given!r}",
                param="path",
            )
        known = operation_at(method, path)
        kind = _Whole if answer is None else Endpoint
        endpoint: Endpoint[Any] = kind(
            operation=f"{method} {path}",
            method=method,
            path="/",
            answer=Any if answer is None else answer,
            # Of an operation that is not known, the caller knows whether it takes a key.
            keyed=idempotency_key is not None if known is None else known.keyed,
            replays=known is None or known.replays,
            # The removal of backgrounds is, if its body has a request_id, which may be missing.
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
        """Download a file that HeyGen made; the API key is not sent along.

        An interrupted download goes on where it stopped, within a call and in the next one. A
        file appears under its name only when it is complete. A web page, a message in JSON or
        nothing in place of a media file is a ``TransferError`` and leaves no file.

        Args:
            source: A media URL, or the video, translation, lipsync, filler-word removal or
                HyperFrames render itself, whose URL is signed anew where it has expired.
            to: A path, or something to write to: an object with a ``write`` method, sync or
                async.
            what: Which of its files: ``video``, ``captioned`` (with captions burnt in),
                ``subtitles``, ``thumbnail``, ``gif`` or ``audio``. By default the video, or the
                audio of a translation of the audio alone.
            renew: Gives a fresh URL where ``source`` is one that has expired.

        Returns:
            The size in bytes.

        Raises:
            URLExpired: The URL has expired and nothing renews it.
            TransferError: The file cannot be fetched or written.
            InvalidRequest: ``source`` is not a URL to fetch, or has no such file, perhaps not yet.
        """
        if isinstance(source, str):
            if what is not None:
                raise InvalidRequest("what: not with a URL, which is one file", param="what")
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

        It is read in chunks off the event loop, and anew where an attempt is repeated. Up to
        32 MB go in one request, more straight into storage, with a checksum of what was sent.

        Args:
            source: A path, bytes, a file opened in binary mode (from where it stands), an
                uploaded file of a web framework (FastAPI, Starlette, aiohttp, Flask; whole), or
                an async iterable of bytes. What can be read only once is first copied to a
                temporary file.
            filename: Its name; by default the source's own.
            content_type: Its MIME type; by default what its first bytes say, or, if they do not,
                the ending of its name.
            cache: An ``UploadCache``: where it knows the same bytes and HeyGen still has their
                asset, that is the answer, and nothing is sent. By default each call uploads.
            progress: Called on the event loop with the bytes of the file that were sent, and
                all of them. Where an attempt is repeated, it counts from the start again.
            idempotency_key: Your own key; within 24 h the same key gives the same asset. By
                default each call has a fresh one. Not with a cache.

        Returns:
            The asset; requests take its ``asset_id``.

        Raises:
            InvalidRequest: The file cannot be read, is empty, larger than 200 MB, or of a type
                that HeyGen does not take; nothing was sent.
            TransferError: The storage did not take the file, or it changed meanwhile.
            UploadCacheError: The cache's file cannot be read or written.
            HeyGenError: As every call.
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

        Outcomes come as the uploads end, in that order; one bad file does not stop the rest.
        Nothing is left running where the iteration is cancelled or its generator closed.

        Args:
            sources: Files as ``upload`` takes them, or pairs of a file name and such a file; any
                sync or async iterable, pulled only as fast as uploads end; a sync one that is
                not a list or a tuple in a thread of its own. A generator is closed when this
                ends.
            parallel: Uploads at the same time at most.
            cache: An ``UploadCache``; see ``upload``.
            progress: Called on the event loop with the bytes that were sent, and all bytes, of
                all files together: those of a collection from the start where their sizes can
                be known, the others from when they begin. What it raises ends everything.

        Returns:
            What became of each file: ``outcome.result`` is its asset, ``outcome.error`` why
            there is none.

        Raises:
            InvalidRequest: At once: ``sources`` is one file, or ``parallel`` less than 1.
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
    """An operation that is not described here; its answer comes as it is, envelope and all."""

    @cached_property
    def decode(self) -> Decode[Any]:
        return _decode_whole


def _decode_whole(content: bytes) -> Any:
    answer = msgspec.json.decode(content)
    if isinstance(answer, dict):
        # v1 and v2 report failures under status 200 as well.
        code = answer.get("code")
        if answer.get("error") or (isinstance(code, int) and code != _V1_SUCCESS):
            raise ErrorInside
    return answer


def _ids_in(operation: Endpoint[Any]) -> Callable[[Any], list[str]]:
    """Read the ids of the jobs that were created off an answer of whatever type."""

    def ids(answer: Any) -> list[str]:
        assert operation.creates is not None
        try:
            plain = msgspec.to_builtins(answer)
            data = plain.get("data", plain)
            return operation.creates(msgspec.convert(data, operation.answer, strict=False))
        except (msgspec.MsgspecError, AttributeError, TypeError):
            return []  # the caller asked for something else

    return ids


def _checked(expected: Mapping[str, float]) -> dict[str, float]:
    kinds = [kind.name for kind in KINDS]
    for name, seconds in expected.items():
        if name not in kinds:
            raise ConfigurationError(
                f"expected: there are no jobs of kind {name!r}, only {', '.join(kinds)}"
            )
        if not 0 < seconds < math.inf:
            raise ConfigurationError(f"expected.{name}: expected seconds > 0, got {seconds!r}")
    return dict(expected)
