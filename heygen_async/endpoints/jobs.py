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
        """Return a handle on the job with a stored id; nothing is sent.

        For batches use ``heygen.videos.batches.attach`` and its counterparts.

        Args:
            result: Type of the job's result: ``Video`` (all videos, including those of templates),
                ``VideoTranslation``, ``VideoAgentSession``, ``Proofread``, ``VoiceDetail``,
                ``Lipsync``, ``AiClippingJob``, ``AvatarLook``, ``AvatarGroup``,
                ``BackgroundRemovalJob``, ``FillerWordRemoval``, ``HyperframesRender`` or
                ``BrandKitDetail``.
            job_id: Its id.

        Returns:
            The job; ``await job.wait()`` returns an instance of ``result``.

        Raises:
            InvalidRequest: ``result`` is not the result of a job, or ``job_id`` is not an id.
        """
        for kind in KINDS:
            if kind.result is result:
                kind.get.at(job_id)  # raises if it is not an id
                cls = VideoAgentJob if kind is VIDEO_AGENT_SESSION else Job
                return cls(self._watcher, kind, job_id)
        names = ", ".join(kind.result.__name__ for kind in KINDS)
        raise InvalidRequest(f"result: expected one of {names}", param="result")

    def hint(
        self, kind: str, job_id: str, *, callback_id: str | None = None, verified: bool = True
    ) -> bool:
        """Notify the client that a job may have ended, as a ``WebhookReceiver`` does.

        If the job has a waiter, it is fetched now, and the wait ends if the job has ended.
        Otherwise nothing is fetched, and the next wait for the job begins with a poll.

        Args:
            kind: Kind of the job, such as ``video`` or ``video_translation``.
            job_id: Its id.
            callback_id: The ``callback_id`` of an unsigned delivery.
            verified: Whether the notification certainly comes from HeyGen. If not, and the job's
                request had a ``callback_id``, a notification with another one is ignored.

        Returns:
            Whether the job has a waiter in this client.
        """
        return self.notify(JobNotification(kind, job_id, verified, callback_id))

    def notify(self, notification: JobNotification) -> bool:
        """Do what ``hint`` does, with a notification that a ``DeliveryLog`` passes on.

        Args:
            notification: The notification.

        Returns:
            Whether the job has a waiter in this client.
        """
        return self._watcher.notify(notification)

    def expected_seconds(self, result: type[Any]) -> float | None:
        """Return the duration to expect of a job, from its submission to its end.

        Args:
            result: Type of the job's result, as for ``attach``.

        Returns:
            The median duration in seconds of the latest jobs that this client has waited for, or an
            estimate until three have ended; None if ``result`` is not the result of a job.
        """
        kind = next((kind for kind in KINDS if kind.result is result), None)
        return None if kind is None else self._watcher.expected_seconds(kind)

    def expect_deliveries(self, kinds: Iterable[str]) -> None:
        """Rely on ``hint`` for the ends of jobs of these kinds, and poll them once a minute.

        If ``hint`` is not called for the first few jobs, they are polled as often as before; a few
        hints are enough to rely on it again.

        Args:
            kinds: Kinds of jobs, such as ``video``.
        """
        for kind in kinds:
            self._watcher.webhook_trust.expect(kind)

    def forget_deliveries(self) -> None:
        """Poll all jobs as often as without webhooks."""
        self._watcher.webhook_trust.clear()
