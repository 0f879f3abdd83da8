"""The course of a video agent session.

A session is always in one phase, and every phase is a job on the sandbox's clock. The stage of the
phase determines the session's status while the phase runs and afterwards:

| stage      | while it runs | afterwards          |
|------------|---------------|---------------------|
| question   | thinking      | waiting_for_input   |
| storyboard | thinking      | reviewing           |
| video      | generating    | completed or failed |

Sessions of mode `generate` only have the stage `video`. In a chat every answer leads to the next
stage, and after the last stage to another video.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from ..answers import Json
from ..jobs import Job
from ..ledger import LedgerJob

__all__ = ["Message", "Resource", "Session"]

#: The newest messages that a session shows.
MESSAGES_SHOWN = 40

_RUNNING = {"question": "thinking", "storyboard": "thinking", "video": "generating"}
_RESTING = {"question": "waiting_for_input", "storyboard": "reviewing", "video": "completed"}
_NEXT = {"question": "storyboard", "storyboard": "video", "video": "video"}
#: Progress in percent at the beginning and the end of each stage.
_PROGRESS = {"question": (0, 10), "storyboard": (10, 30), "video": (30, 100)}


@dataclass(slots=True)
class Message:
    """A message of `user` or `model`; `kind` is `text`, `resource` or `error`."""

    role: str
    kind: str
    content: str
    created_at: float
    resource_ids: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Resource:
    """A resource of a message; `file` is its name on the media host."""

    id: str
    kind: str
    file: str
    created_at: float
    metadata: Json


@dataclass(slots=True)
class Session:
    """A video agent session.

    Attributes:
        id: Its id.
        mode: `generate` or `chat`.
        title: Its title.
        created_at: Sandbox seconds.
        aspect_ratio: Shape of its videos.
        job: The current phase.
        stage: Stage of the phase.
        ledger_job: The ledger entry of the current video.
        callback_id: The ``callback_id`` of the request.
        callback_url: The address for callbacks about its videos.
        settled: Whether the outcome of the phase is among the messages.
        messages: Its messages, oldest first.
        resources: Its resources by id.
        video_ids: Ids of its videos, oldest first.
    """

    id: str
    mode: str
    title: str
    created_at: float
    aspect_ratio: str
    job: Job
    stage: str
    ledger_job: LedgerJob
    callback_id: str | None = None
    callback_url: str | None = None
    settled: bool = False
    messages: list[Message] = field(default_factory=list)
    resources: dict[str, Resource] = field(default_factory=dict)
    video_ids: list[str] = field(default_factory=list)

    def state(self, now: float) -> str:
        """Return the status of the session at `now`."""
        if not self.job.done(now):
            return _RUNNING[self.stage]
        return _RESTING[self.stage] if self.job.failure is None else "failed"

    def progress(self, now: float) -> int:
        """Return its progress in percent."""
        begin, end = _PROGRESS[self.stage]
        if self.mode == "generate":
            begin = 0
        return begin + int((end - begin) * self.job.progress(now))

    @property
    def next_stage(self) -> str:
        """Return the stage that follows an answer."""
        return _NEXT[self.stage]

    def enter(self, stage: str, job: Job) -> None:
        """Begin the next phase."""
        self.stage, self.job, self.settled = stage, job, False

    def settle(self, resource_id: str) -> None:
        """Add a message about the outcome of the phase that has ended.

        Args:
            resource_id: Id for the resource of the message, if it has one.
        """
        self.settled = True
        at = self.job.ends_at
        if self.job.failure is not None:
            reason = self.job.failure.message or "Something went wrong."
            self.messages.append(Message("model", "error", reason, at))
        elif self.stage == "question":
            question = "Who is the video for, and how long should it be?"
            self.messages.append(Message("model", "text", question, at))
        elif self.stage == "storyboard":
            scenes = [{"scene": 1, "text": self.title}, {"scene": 2, "text": "Call to action"}]
            self._show("storyboard", f"{self.id}.png", resource_id, at, {"scenes": scenes})
        else:
            metadata = {"video_id": self.video_ids[-1]}
            self._show("video", f"{self.video_ids[-1]}.mp4", resource_id, at, metadata)

    def _show(self, kind: str, file: str, resource_id: str, at: float, metadata: Json) -> None:
        self.resources[resource_id] = Resource(resource_id, kind, file, at, metadata)
        content = (
            "Here is the storyboard. Shall I go on?"
            if kind == "storyboard"
            else "Your video is ready."
        )
        self.messages.append(Message("model", "resource", content, at, [resource_id]))
