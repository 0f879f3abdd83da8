"""Webhook events, and the agenda of future events."""

from __future__ import annotations

import heapq
import itertools
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TypeAlias

from ..answers import Json, encode
from ..jobs import Job

__all__ = ["EVENT_TYPES", "Agenda", "Event", "EventPayloads", "ScheduledEvents", "iso"]

#: Types of events with their `event_data`.
EventPayloads: TypeAlias = list[tuple[str, Json]]

#: All types of events with their descriptions. The sandbox sends none by itself for kinds of jobs
#: that it does not run. Lipsyncs, voice clones and background removals have no events.
EVENT_TYPES: dict[str, str] = {
    "avatar_video.success": "Avatar video completed successfully.",
    "avatar_video.fail": "Avatar video generation failed.",
    "avatar_video_gif.success": "Avatar video GIF generation completed.",
    "avatar_video_gif.fail": "Avatar video GIF generation failed.",
    "avatar_video_caption.success": "Avatar video caption generation completed.",
    "avatar_video_caption.fail": "Avatar video caption generation failed.",
    "video_translate.success": "Video translation completed.",
    "video_translate.fail": "Video translation failed.",
    "video_translate.preflight.validation_failed": "Video translation source was refused.",
    "video_translate.preflight.download_failed": "Video translation source was not to be had.",
    "personalized_video": "Personalized video event.",
    "instant_avatar.success": "Instant avatar creation completed.",
    "instant_avatar.fail": "Instant avatar creation failed.",
    "photo_avatar_generation.success": "Photo avatar generation completed.",
    "photo_avatar_generation.fail": "Photo avatar generation failed.",
    "photo_avatar_train.success": "Photo avatar training completed.",
    "photo_avatar_train.fail": "Photo avatar training failed.",
    "photo_avatar_add_motion.success": "Photo avatar motion addition completed.",
    "photo_avatar_add_motion.fail": "Photo avatar motion addition failed.",
    "proofread_creation.success": "Proofread creation completed.",
    "proofread_creation.fail": "Proofread creation failed.",
    "live_avatar.success": "Live avatar session completed.",
    "live_avatar.fail": "Live avatar session failed.",
    "video_agent.success": "Video Agent session completed.",
    "video_agent.fail": "Video Agent session failed.",
    "hyperframes_video.success": "Hyperframes video completed.",
    "hyperframes_video.fail": "Hyperframes video failed.",
    "ai_clipping.success": "AI clipping job completed.",
    "ai_clipping.fail": "AI clipping job failed.",
    "filler_word_removal.success": "Filler word removal completed.",
    "filler_word_removal.fail": "Filler word removal failed.",
    "podcast.success": "Podcast completed.",
    "podcast.fail": "Podcast failed.",
    "batch.finished": "Every item of a batch has ended.",
}


def iso(unix: float) -> str:
    """Return unix seconds as the ISO 8601 string of webhook endpoints and events."""
    return datetime.fromtimestamp(unix, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


@dataclass(frozen=True, slots=True)
class Event:
    """An event.

    Attributes:
        id: Its `event_id`.
        type: Its `event_type`.
        data: Its `event_data`.
        created_at: Its time, ISO 8601 on the sandbox's clock.
        entity_id: Id of its resource, or None.
    """

    id: str
    type: str
    data: Json
    created_at: str
    entity_id: str | None = None

    def json(self) -> Json:
        """Return the event as listed and delivered."""
        return {
            "event_id": self.id,
            "event_type": self.type,
            "event_data": self.data,
            "created_at": self.created_at,
        }

    def body(self, *, older: bool = False) -> bytes:
        """Return the body of a delivery; the older form has neither id nor time."""
        if older:
            return encode({"event_type": self.type, "event_data": self.data})
        return encode(self.json())


@dataclass(frozen=True, slots=True, eq=False)
class ScheduledEvents:
    """The events that will be sent when a job has ended.

    Attributes:
        job: The job.
        entity_id: Id of its resource.
        payloads: Returns the events; called after its end. Empty if the resource was deleted.
        callback_url: The `callback_url` of its request, besides the registered endpoints.
    """

    job: Job
    entity_id: str
    payloads: Callable[[], EventPayloads]
    callback_url: str | None


class Agenda:
    """Scheduled events, in the order in which their jobs end."""

    def __init__(self) -> None:
        self._coming: list[tuple[float, int, ScheduledEvents]] = []
        self._order = itertools.count()

    def __len__(self) -> int:
        return len(self._coming)

    @property
    def next_at(self) -> float:
        """Sandbox time when the next job ends; infinity if none will."""
        return self._coming[0][0] if self._coming else math.inf

    def add(self, scheduled: ScheduledEvents) -> None:
        """Add the events of a job, due at its end."""
        entry = (scheduled.job.ends_at, next(self._order), scheduled)
        heapq.heappush(self._coming, entry)

    def ended(self, now: float) -> Iterator[ScheduledEvents]:
        """Remove and yield the events of ended jobs, in the order of their ends."""
        while self._coming and self._coming[0][0] <= now:
            planned_at, _, scheduled = heapq.heappop(self._coming)
            if scheduled.job.ends_at > planned_at:
                self.add(scheduled)
            else:
                yield scheduled

    def replan(self, job: Job) -> None:
        """Update the agenda for a job that ends earlier than planned."""
        self._coming = [
            (job.ends_at if entry[2].job is job else entry[0], *entry[1:]) for entry in self._coming
        ]
        heapq.heapify(self._coming)
