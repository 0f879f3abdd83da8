"""Jobs from stored ids, and notifications about jobs."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, TypeVar, overload

from heygen_async.endpoints.ai_clipping import AI_CLIPPING
from heygen_async.endpoints.avatars import AVATAR_GROUP, AVATAR_LOOK
from heygen_async.endpoints.background_removals import BACKGROUND_REMOVAL
from heygen_async.endpoints.brands import BRAND_KIT
from heygen_async.endpoints.filler_word_removals import FILLER_WORD_REMOVAL
from heygen_async.endpoints.hyperframes import HYPERFRAMES_RENDER
from heygen_async.endpoints.lipsyncs import LIPSYNC
from heygen_async.endpoints.proofreads import PROOFREAD
from heygen_async.endpoints.resource import Resource
from heygen_async.endpoints.video_agents import VIDEO_AGENT_SESSION, VideoAgentJob
from heygen_async.endpoints.video_translations import VIDEO_TRANSLATION
from heygen_async.endpoints.videos import VIDEO
from heygen_async.endpoints.voices import VOICE_CLONE
from heygen_async.errors import InvalidRequest
from heygen_async.jobs.job import Job
from heygen_async.jobs.kind import JobKind
from heygen_async.jobs.notification import JobNotification
from heygen_async.models.video_agents import VideoAgentSession

T = TypeVar("T")

KINDS: tuple[JobKind[Any], ...] = (
    VIDEO,
    VIDEO_AGENT_SESSION,
    VIDEO_TRANSLATION,
    PROOFREAD,
    VOICE_CLONE,
    LIPSYNC,
    AI_CLIPPING,
    AVATAR_LOOK,
    AVATAR_GROUP,
    BACKGROUND_REMOVAL,
    FILLER_WORD_REMOVAL,
    HYPERFRAMES_RENDER,
    BRAND_KIT,
)


class Jobs(Resource):
    """``heygen.jobs``."""

    @overload
    def attach(self, result: type[VideoAgentSession], job_id: str) -> VideoAgentJob: ...
    @overload
    def attach(self, result: type[T], job_id: str) -> Job[T]: ...
    def attach(self, result: type[Any], job_id: str) -> Job[Any]:
        """Make a job of an id, as stored by another process; nothing is sent.

        For batches there is ``heygen.videos.batches.attach`` and its like.

        Args:
            result: What the job gives: ``Video`` (all videos, templates too),
                ``VideoTranslation``, ``VideoAgentSession``, ``Proofread``, ``VoiceDetail``,
                ``Lipsync``, ``AiClippingJob``, ``AvatarLook``, ``AvatarGroup``,
                ``BackgroundRemovalJob``, ``FillerWordRemoval``, ``HyperframesRender`` or
                ``BrandKitDetail``.
            job_id: Its id.

        Returns:
            The job; ``await job.wait()`` gives what ``result`` names.

        Raises:
            InvalidRequest: There are no jobs of that type, or the id is no id.
        """
        for kind in KINDS:
            if kind.result is result:
                kind.get.at(job_id)  # refuses what is no id
                cls = VideoAgentJob if kind is VIDEO_AGENT_SESSION else Job
                return cls(self._watcher, kind, job_id)
        names = ", ".join(kind.result.__name__ for kind in KINDS)
        raise InvalidRequest(f"result: expected one of {names}", param="result")

    def hint(
        self, kind: str, job_id: str, *, callback_id: str | None = None, verified: bool = True
    ) -> bool:
        """Notify the client that a job may have ended; a ``WebhookReceiver`` does so.

        If somebody waits for the job, it is fetched now, and the wait is over if it has ended. If
        nobody does, nothing is fetched, and the next wait for it begins with a poll.

        Args:
            kind: Kind of the job, such as ``video`` or ``video_translation``.
            job_id: Its id.
            callback_id: The ``callback_id`` of an unsigned delivery.
            verified: Whether the notification is certainly from HeyGen. If it is not, and the
                job's request had a ``callback_id``, one with another is ignored.

        Returns:
            Whether somebody waits for the job, in this client.
        """
        return self._watcher.notify(JobNotification(kind, job_id, verified, callback_id))

    def expect_deliveries(self, kinds: Iterable[str]) -> None:
        """Rely on ``hint`` for the ends of jobs of these kinds.

        While it is called for them, they are polled once a minute only. If it is not, the first
        few jobs show that, and they are polled as often as before; a few hints restore the trust.

        Args:
            kinds: Kinds of jobs, such as ``video``.
        """
        for kind in kinds:
            self._watcher.webhook_trust.expect(kind)

    def forget_deliveries(self) -> None:
        """Poll all jobs as often as without webhooks."""
        self._watcher.webhook_trust.clear()
