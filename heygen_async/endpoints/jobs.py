"""Jobs from stored ids."""

from __future__ import annotations

from typing import Any, TypeVar, overload

from heygen_async.endpoints.proofreads import PROOFREAD
from heygen_async.endpoints.resource import Resource
from heygen_async.endpoints.video_agents import VIDEO_AGENT_SESSION, VideoAgentJob
from heygen_async.endpoints.video_translations import VIDEO_TRANSLATION
from heygen_async.endpoints.videos import VIDEO
from heygen_async.endpoints.voices import VOICE_CLONE
from heygen_async.errors import InvalidRequest
from heygen_async.jobs.job import Job
from heygen_async.jobs.kind import JobKind
from heygen_async.models.video_agents import VideoAgentSession

T = TypeVar("T")

KINDS: tuple[JobKind[Any], ...] = (
    VIDEO,
    VIDEO_AGENT_SESSION,
    VIDEO_TRANSLATION,
    PROOFREAD,
    VOICE_CLONE,
)


class Jobs(Resource):
    """``heygen.jobs``."""

    @overload
    def attach(self, result: type[VideoAgentSession], job_id: str) -> VideoAgentJob: ...
    @overload
    def attach(self, result: type[T], job_id: str) -> Job[T]: ...
    def attach(self, result: type[Any], job_id: str) -> Job[Any]:
        """Make a job of an id, as stored by another process.

        Args:
            result: What the job gives: ``Video`` (all videos, templates too),
                ``VideoTranslation``, ``VideoAgentSession``, ``Proofread`` or ``VoiceDetail``.
            job_id: Its id.

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
