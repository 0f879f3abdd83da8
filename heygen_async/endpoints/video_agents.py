"""The Video Agent: sessions that make videos from a prompt or a chat."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Sequence
from functools import partial
from typing import Any

import msgspec

from heygen_async.endpoints.callbacks import callback_id_of, with_unguessable_id
from heygen_async.endpoints.explanations import explain
from heygen_async.endpoints.lost_creates import CLOCK_MARGIN, has_prompt, lost_creates
from heygen_async.endpoints.resource import Pages, Resource
from heygen_async.endpoints.videos import VIDEO
from heygen_async.errors import (
    BadRequest,
    HeyGenError,
    JobFailed,
    JobNeedsInput,
    JobTimeout,
    NotFound,
)
from heygen_async.jobs.job import Job
from heygen_async.jobs.kind import JobKind, failed_job
from heygen_async.jobs.observation import submitted
from heygen_async.models.structs import encode, expect
from heygen_async.models.video_agents import (
    CreatedVideoAgentSession,
    StoppedVideoAgentSession,
    VideoAgentMessage,
    VideoAgentMessageRequest,
    VideoAgentRequest,
    VideoAgentResource,
    VideoAgentRun,
    VideoAgentSession,
    VideoAgentSessionSummary,
    VideoAgentStyle,
)
from heygen_async.models.videos import Video
from heygen_async.session.answers.codec import Page
from heygen_async.session.endpoint import Endpoint

CREATE: Endpoint[CreatedVideoAgentSession] = Endpoint(
    operation="video_agents.create",
    method="POST",
    path="/v3/video-agents",
    answer=CreatedVideoAgentSession,
    creates=lambda created: [created.session_id],
)
GET: Endpoint[VideoAgentSession] = Endpoint(
    operation="video_agents.get",
    method="GET",
    path="/v3/video-agents/{session_id}",
    answer=VideoAgentSession,
)
LIST: Endpoint[Page[VideoAgentSessionSummary]] = Endpoint(
    operation="video_agents.list",
    method="GET",
    path="/v3/video-agents",
    answer=VideoAgentSessionSummary,
    envelope="page",
)
SEND: Endpoint[VideoAgentRun] = Endpoint(
    operation="video_agents.send",
    method="POST",
    path="/v3/video-agents/{session_id}",
    answer=VideoAgentRun,
    creates=lambda run: [run.session_id],
)
STOP: Endpoint[StoppedVideoAgentSession] = Endpoint(
    operation="video_agents.stop",
    method="POST",
    path="/v3/video-agents/{session_id}/stop",
    answer=StoppedVideoAgentSession,
    idempotent=True,
)
RESOURCE: Endpoint[VideoAgentResource] = Endpoint(
    operation="video_agents.resource",
    method="GET",
    path="/v3/video-agents/{session_id}/resources/{resource_id}",
    answer=VideoAgentResource,
)
VIDEOS: Endpoint[Page[Video]] = Endpoint(
    operation="video_agents.videos",
    method="GET",
    path="/v3/video-agents/{session_id}/videos",
    answer=Video,
    envelope="page",
)
STYLES: Endpoint[Page[VideoAgentStyle]] = Endpoint(
    operation="video_agents.styles",
    method="GET",
    path="/v3/video-agents/styles",
    answer=VideoAgentStyle,
    envelope="page",
)


def _failure(session: VideoAgentSession) -> tuple[str | None, str | None]:
    """Return the newest message of type ``error``: sessions have no failure fields."""
    return None, next((m.content for m in session.messages if m.type == "error"), None)


# A session takes 5 to 45 minutes.
VIDEO_AGENT_SESSION: JobKind[VideoAgentSession] = JobKind(
    name="video_agent_session",
    result=VideoAgentSession,
    get=GET,
    expected=600.0,
    paused=frozenset({"waiting_for_input", "reviewing"}),
    asks="an answer; use job.turns()",
    failure=_failure,
    id_field="session_id",
    place=(__name__, "VIDEO_AGENT_SESSION"),
)


# The API may not find a video until minutes after its session has named it.
AGENT_VIDEO: JobKind[Video] = msgspec.structs.replace(
    VIDEO, missing_for=900.0, unseen_for=900.0, place=(__name__, "AGENT_VIDEO")
)
# Seconds between two polls of a session without a video.
_EVERY = 10.0


class VideoAgentJob(Job[VideoAgentSession]):
    """A session of the Video Agent.

    In mode ``generate`` it runs by itself: ``await job.video()`` waits for the video. In mode
    ``chat`` it pauses for answers::

        async for turn in job.turns():
            await turn.reply("Make it shorter" if turn.reviewing else "Yes")
        video = await job.video()
    """

    # The newest known video, and the video before the last message.
    _known_video: str | None = None
    _earlier_video: str | None = None
    _replied = False

    def __reduce__(self) -> tuple[Any, ...]:
        state = {
            "_known_video": self._known_video,
            "_earlier_video": self._earlier_video,
            "_replied": self._replied,
        }
        return *super().__reduce__(), state

    async def video(self, timeout: float | None = None) -> Video:
        """Wait for the session's newest video.

        Args:
            timeout: The most seconds to wait; None (default) waits without a limit.

        Returns:
            The newest video, completed.

        Raises:
            JobFailed: The session or the video failed, or the session made no video.
            JobTimeout: The video is not complete within ``timeout``.
            JobNeedsInput: The session waits for an answer.
            NotFound: The session no longer exists, and its video is not known here.
        """
        try:
            async with asyncio.timeout(timeout) as limit:
                self._known_video = await self._named_video()
                return await self._wait_for_video(self._known_video)
        except TimeoutError:
            if not limit.expired():
                raise
            raise JobTimeout(
                f"session {self.id} has not made its video within {timeout:g} s; it continues at "
                "HeyGen",
                job_id=self.id,
            ) from None

    async def _named_video(self) -> str:
        """Poll the session until it names its newest video, and return the video's id."""
        named = getattr(self.created, "video_id", None)
        if isinstance(named, str) and not self._replied:
            return named
        if self._replied and (self._earlier_video is not None or self.created is None):
            # The session names its earlier video until the new one has started.
            session = await self.wait()
        else:
            try:
                session = await self._until_named()
            except NotFound:
                if self._known_video is None or self._replied:
                    raise
                return self._known_video  # it may continue without its session
        failure = failed_job(self._kind, self.id, session)
        if failure is not None:
            raise failure
        if session.video_id is None:
            raise JobFailed("the session made no video", job_id=self.id, last=session)
        return session.video_id

    async def _until_named(self) -> VideoAgentSession:
        """Poll the session until it names a video or has ended, and return it."""
        if self._replied and self._started is not None:
            # If polled too soon, the API may still show the pause before the message.
            age = asyncio.get_running_loop().time() - self._started
            await asyncio.sleep(min(_EVERY - age, _EVERY))
        session: VideoAgentSession | None = None
        async with contextlib.aclosing(self.updates(every=_EVERY)) as sessions:
            async for session in sessions:
                if session.status in self._kind.paused:
                    raise JobNeedsInput(
                        f"{self._kind.name} {self.id} waits for {self._kind.asks}",
                        job_id=self.id,
                        last=session,
                    )
                if session.video_id is not None:
                    break
        assert session is not None  # updates() ends with the terminal state or raises
        return session

    async def _wait_for_video(self, video_id: str) -> Video:
        """Wait for a video. If it failed without a reason or is not found, ask its session."""
        try:
            return await Job(self._watcher, AGENT_VIDEO, video_id).wait()
        except (JobFailed, NotFound) as error:
            if isinstance(error, JobFailed) and AGENT_VIDEO.failure(error.last)[1]:
                raise
            failure = await self._failure_of_session()
            if failure is not None:
                raise failure from error
            raise

    async def _failure_of_session(self) -> JobFailed | None:
        try:
            return failed_job(self._kind, self.id, await self.status())
        except HeyGenError:
            return None  # a session may be deleted while its video continues

    async def turns(self, *, every: float = 3.0) -> AsyncGenerator[Turn]:
        """Yield the pauses of a chat session until it has ended.

        Args:
            every: The most seconds between two polls.
        """
        seen: tuple[str, VideoAgentMessage | None] | None = None
        async with contextlib.aclosing(self.updates(every=every)) as sessions:
            async for session in sessions:
                if session.status not in self._kind.paused:
                    seen = None
                    continue
                # Until a reply has taken effect, the API still shows the pause before it.
                pause = session.status, _newest(session)
                if pause != seen:
                    seen = pause
                    yield Turn(self, session)

    async def reply(
        self,
        message: VideoAgentMessageRequest | str,
        *,
        idempotency_key: str | None = None,
        resend: bool = False,
    ) -> VideoAgentRun:
        """Send a message to the session; after the session's end it starts a follow-up video.

        Args:
            message: The text, or a whole ``VideoAgentMessageRequest``.
            idempotency_key: Not sent, because HeyGen takes none here; passing one warns. Kept for
                code written for version 0.1.0.
            resend: Send it again after an attempt that may have been carried out, and perhaps
                twice.

        Returns:
            The run that the message has started.

        Raises:
            Conflict: The session was started in mode ``generate``, or is at work.
        """
        if isinstance(message, str):
            message = VideoAgentMessageRequest(message=message)
        run = await self._watcher.session.call(
            SEND,
            SEND.at(self.id),
            body=encode(message),
            idempotency_key=idempotency_key,
            resend=resend,
        )
        self._replied = True
        self._earlier_video = self._known_video if self._final is None else self._final.video_id
        # The next part is like a new session; if polled too soon, the API may still show the state
        # before the message.
        self._final = None
        self._started = asyncio.get_running_loop().time()
        return run


class Turn:
    """A pause of a chat session, which waits for ``reply``.

    Attributes:
        session: The current state of the session.
    """

    def __init__(self, job: VideoAgentJob, session: VideoAgentSession) -> None:
        self._job = job
        self.session = session

    def __repr__(self) -> str:
        return f"<Turn {self.session.status} of {self.session.session_id}>"

    @property
    def reviewing(self) -> bool:
        """Whether the agent shows a storyboard instead of asking a question."""
        return self.session.status == "reviewing"

    @property
    def message(self) -> str:
        """The last message of the agent."""
        newest = _newest(self.session)
        return newest.content if newest else ""

    async def resources(self) -> Sequence[VideoAgentResource]:
        """Return the resources of the agent's last message, such as a storyboard."""
        newest = _newest(self.session)
        session = self._job._watcher.session
        return [
            await session.call(RESOURCE, RESOURCE.at(self.session.session_id, resource_id))
            for resource_id in (newest.resource_ids if newest else ())
        ]

    async def reply(
        self,
        message: VideoAgentMessageRequest | str,
        *,
        idempotency_key: str | None = None,
        resend: bool = False,
    ) -> VideoAgentRun:
        """Answer, which makes the session continue.

        Args:
            message: The text, or a whole ``VideoAgentMessageRequest``.
            idempotency_key: Not sent, because HeyGen takes none here; passing one warns. Kept for
                code written for version 0.1.0.
            resend: Send it again after an attempt that may have been carried out, and perhaps
                twice.

        Returns:
            The run that the message has started.

        Raises:
            Conflict: The session is at work, because the pause was answered before.
        """
        self._job._known_video = self.session.video_id
        return await self._job.reply(message, idempotency_key=idempotency_key, resend=resend)


def _newest(session: VideoAgentSession) -> VideoAgentMessage | None:
    """Return the newest message of the agent; the API lists the newest first."""
    return next((m for m in session.messages if m.role == "model"), None)


class VideoAgents(Resource):
    """``heygen.video_agents``."""

    async def create(
        self,
        request: VideoAgentRequest,
        *,
        idempotency_key: str | None = None,
        resend: bool = False,
    ) -> VideoAgentJob:
        """Start a session.

        The API takes no Idempotency-Key here. After an attempt that may have been carried out, the
        account is searched for the session, which takes up to 45 seconds.

        Args:
            request: The prompt and its options.
            idempotency_key: Not sent, because HeyGen takes none here; passing one warns. Kept for
                code written for version 0.1.0.
            resend: Send it again after such an attempt instead of searching; there may then be two
                sessions.

        Returns:
            The job; ``await job.video()`` returns the ``Video``.

        Raises:
            CallError: With ``maybe_carried_out`` if a session may have been started but is not
                found. A session in incognito mode cannot be found.
        """
        expect(request, VideoAgentRequest)
        request = with_unguessable_id(request, self._session, None)
        search = partial(self._sessions_with, request.prompt, self._session.now() - CLOCK_MARGIN)
        call = self._submit(
            CREATE,
            CREATE.at(),
            body=encode(request),
            idempotency_key=idempotency_key,
            resend=resend,
        )
        searched = None if request.incognito_mode else search
        try:
            session_id, created = await lost_creates(self).create(
                CREATE, call, request.prompt, searched
            )
        except (BadRequest, NotFound) as error:
            await explain(self._session, error, request)
            raise
        started = asyncio.get_running_loop().time()
        submitted(self._session, VIDEO_AGENT_SESSION, session_id, request)
        return VideoAgentJob(
            self._watcher,
            VIDEO_AGENT_SESSION,
            session_id,
            created=created,
            started=started,
            callback_id=callback_id_of(request),
        )

    async def _sessions_with(self, prompt: str, since: float) -> list[str]:
        """Return the ids of the sessions with this prompt that were created since a unix time."""
        found: list[str] = []
        async for page in self.list(limit=100).pages():
            recent = [one.session_id for one in page.items if one.created_at >= since]
            if not recent:  # the newest are listed first
                break
            free = [one for one in recent if not lost_creates(self).taken(one)]
            found += [one for one in free if has_prompt(await self.get(one), prompt)]
        return found

    async def get(self, session_id: str) -> VideoAgentSession:
        """Return one session with its newest 40 messages.

        Args:
            session_id: The session's id.

        Raises:
            NotFound: The session does not exist.
        """
        return await self._session.call(GET, GET.at(session_id))

    def list(self, *, limit: int | None = None) -> Pages[VideoAgentSessionSummary]:
        """List the account's sessions.

        Args:
            limit: Items per page, 1 to 100; the API's default is 20.
        """
        return self._pages(LIST, LIST.at(), {"limit": limit})

    async def send(
        self,
        session_id: str,
        message: VideoAgentMessageRequest | str,
        *,
        idempotency_key: str | None = None,
        resend: bool = False,
    ) -> VideoAgentRun:
        """Send a message to a chat session.

        Args:
            session_id: The session's id.
            message: The text, or a whole ``VideoAgentMessageRequest``.
            idempotency_key: Not sent, because HeyGen takes none here; passing one warns. Kept for
                code written for version 0.1.0.
            resend: Send it again after an attempt that may have been carried out, and perhaps
                twice.

        Returns:
            The run that the message has started.

        Raises:
            Conflict: The session was started in mode ``generate``, or is at work.
        """
        job = VideoAgentJob(self._watcher, VIDEO_AGENT_SESSION, session_id)
        return await job.reply(message, idempotency_key=idempotency_key, resend=resend)

    async def stop(
        self, session_id: str, *, idempotency_key: str | None = None
    ) -> StoppedVideoAgentSession:
        """Stop a session.

        Args:
            session_id: The session's id.
            idempotency_key: Not sent, because HeyGen takes none here; passing one warns. Kept for
                code written for version 0.1.0.

        Returns:
            The id of the session.

        Raises:
            NotFound: The session does not exist.
        """
        return await self._session.call(
            STOP, STOP.at(session_id), body=b"{}", idempotency_key=idempotency_key
        )

    async def resource(self, session_id: str, resource_id: str) -> VideoAgentResource:
        """Return a resource that a message of a session shows.

        Args:
            session_id: The session's id.
            resource_id: One of the ``resource_ids`` of a message.

        Raises:
            NotFound: The session or the resource does not exist.
        """
        return await self._session.call(RESOURCE, RESOURCE.at(session_id, resource_id))

    def videos(self, session_id: str) -> Pages[Video]:
        """List the videos of a session, newest first.

        Args:
            session_id: The session's id.
        """
        return self._pages(VIDEOS, VIDEOS.at(session_id), {})

    def styles(self, *, tag: str | None = None, limit: int | None = None) -> Pages[VideoAgentStyle]:
        """List the styles for sessions.

        Args:
            tag: Only those with this tag.
            limit: Items per page, 1 to 100; the API's default is 20.
        """
        return self._pages(STYLES, STYLES.at(), {"tag": tag, "limit": limit})
