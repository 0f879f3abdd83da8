"""The events that HeyGen delivers, one Struct for each type.

HeyGen documents the data of four of them, which have typed fields here under the API's names. The
data of the others is not documented, so their ``event_data`` is a plain mapping. An event reports a
change; fetch the resource for its current state.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any, get_args

import msgspec

from heygen_async.jobs.notification import LONGEST_ID, JobNotification
from heygen_async.models.structs import Answer

# Kinds of jobs that an id may belong to, with the name of its field in ``event_data``.
_IDS = (
    ("video", "video_id"),
    ("video_translation", "video_translate_id"),
    ("video_translation", "video_translation_id"),
    ("video_agent_session", "session_id"),
    ("proofread", "proofread_id"),
    ("video_batch", "batch_id"),
    ("video_translation_batch", "batch_id"),
    ("lipsync_batch", "batch_id"),
    ("asset_batch", "batch_id"),
    ("filler_word_removal", "filler_word_removal_id"),
    ("hyperframes_render", "render_id"),
)
# Types whose ``event_data`` is a whole job, with the kind of the job; its id is the field ``id``.
# For filler-word removals this is assumed.
_WHOLE_JOBS = {
    "ai_clipping.success": "ai_clipping",
    "ai_clipping.fail": "ai_clipping",
    "filler_word_removal.success": "filler_word_removal",
    "filler_word_removal.fail": "filler_word_removal",
}


class VideoSuccess(Answer, frozen=True, kw_only=True):
    """The data of a finished video's event.

    Attributes:
        video_id: The video.
        url: The video's file; signed, expires.
        gif_download_url: URL of a GIF of it.
        video_page_url: URL of its page in HeyGen's app.
        video_share_page_url: URL of its share page.
        folder_id: Its folder.
        callback_id: The ``callback_id`` of the request.
    """

    video_id: str
    url: str | None = None
    gif_download_url: str | None = None
    video_page_url: str | None = None
    video_share_page_url: str | None = None
    folder_id: str | None = None
    callback_id: str | None = None


class VideoFail(Answer, frozen=True, kw_only=True):
    """The data of a failed video's event.

    Attributes:
        video_id: The video.
        msg: The reason of the failure.
        callback_id: The ``callback_id`` of the request.
    """

    video_id: str
    msg: str | None = None
    callback_id: str | None = None


class TranslationSuccess(Answer, frozen=True, kw_only=True):
    """The data of a finished translation's event.

    Attributes:
        video_translate_id: The translation.
        url: The dubbed video's file; signed, expires.
        callback_id: The ``callback_id`` of the request, shared by all its languages.
        output_language: The target language.
    """

    video_translate_id: str
    url: str | None = None
    callback_id: str | None = None
    output_language: str | None = None


class TranslationFail(Answer, frozen=True, kw_only=True):
    """The data of a failed translation's event.

    Attributes:
        video_translate_id: The translation.
        message: The reason of the failure.
        callback_id: The ``callback_id`` of the request, shared by all its languages.
        output_language: The target language.
    """

    video_translate_id: str
    message: str | None = None
    callback_id: str | None = None
    output_language: str | None = None


class Event(Answer, frozen=True, kw_only=True):
    """An event of the account; parent of all events, known and unknown.

    Attributes:
        event_id: Its id, the same in all its deliveries; older deliveries have none.
        created_at: Time of the event, ISO 8601; older deliveries have none.
        event_data: Its data.
    """

    event_id: str | None = None
    created_at: str | None = None

    @property
    def event_type(self) -> str:
        """Its type, such as ``avatar_video.success``."""
        return str(self.__struct_config__.tag)

    @property
    def jobs(self) -> tuple[JobNotification, ...]:
        """Notifications about the jobs that it names."""
        return jobs_in(self.event_type, getattr(self, "event_data", None))


class AvatarVideoSuccess(
    Event, frozen=True, kw_only=True, tag_field="event_type", tag="avatar_video.success"
):
    """A video is done."""

    event_data: VideoSuccess


class AvatarVideoFail(
    Event, frozen=True, kw_only=True, tag_field="event_type", tag="avatar_video.fail"
):
    """A video failed."""

    event_data: VideoFail


class AvatarVideoGifSuccess(
    Event, frozen=True, kw_only=True, tag_field="event_type", tag="avatar_video_gif.success"
):
    """A video's GIF is done."""

    event_data: Mapping[str, Any] = msgspec.field(default_factory=dict)


class AvatarVideoGifFail(
    Event, frozen=True, kw_only=True, tag_field="event_type", tag="avatar_video_gif.fail"
):
    """A video's GIF failed."""

    event_data: Mapping[str, Any] = msgspec.field(default_factory=dict)


class AvatarVideoCaptionSuccess(
    Event, frozen=True, kw_only=True, tag_field="event_type", tag="avatar_video_caption.success"
):
    """A video with captions is done."""

    event_data: Mapping[str, Any] = msgspec.field(default_factory=dict)


class AvatarVideoCaptionFail(
    Event, frozen=True, kw_only=True, tag_field="event_type", tag="avatar_video_caption.fail"
):
    """A video with captions failed."""

    event_data: Mapping[str, Any] = msgspec.field(default_factory=dict)


class VideoTranslateSuccess(
    Event, frozen=True, kw_only=True, tag_field="event_type", tag="video_translate.success"
):
    """The translation of a video into one language is done."""

    event_data: TranslationSuccess


class VideoTranslateFail(
    Event, frozen=True, kw_only=True, tag_field="event_type", tag="video_translate.fail"
):
    """The translation of a video into one language failed."""

    event_data: TranslationFail


class VideoTranslatePreflightValidationFailed(
    Event,
    frozen=True,
    kw_only=True,
    tag_field="event_type",
    tag="video_translate.preflight.validation_failed",
):
    """The source of a translation was refused."""

    event_data: Mapping[str, Any] = msgspec.field(default_factory=dict)


class VideoTranslatePreflightDownloadFailed(
    Event,
    frozen=True,
    kw_only=True,
    tag_field="event_type",
    tag="video_translate.preflight.download_failed",
):
    """The source of a translation could not be downloaded."""

    event_data: Mapping[str, Any] = msgspec.field(default_factory=dict)


class PersonalizedVideo(
    Event, frozen=True, kw_only=True, tag_field="event_type", tag="personalized_video"
):
    """A personalized video has changed."""

    event_data: Mapping[str, Any] = msgspec.field(default_factory=dict)


class InstantAvatarSuccess(
    Event, frozen=True, kw_only=True, tag_field="event_type", tag="instant_avatar.success"
):
    """An instant avatar is done."""

    event_data: Mapping[str, Any] = msgspec.field(default_factory=dict)


class InstantAvatarFail(
    Event, frozen=True, kw_only=True, tag_field="event_type", tag="instant_avatar.fail"
):
    """An instant avatar failed."""

    event_data: Mapping[str, Any] = msgspec.field(default_factory=dict)


class PhotoAvatarGenerationSuccess(
    Event, frozen=True, kw_only=True, tag_field="event_type", tag="photo_avatar_generation.success"
):
    """A photo avatar is done."""

    event_data: Mapping[str, Any] = msgspec.field(default_factory=dict)


class PhotoAvatarGenerationFail(
    Event, frozen=True, kw_only=True, tag_field="event_type", tag="photo_avatar_generation.fail"
):
    """A photo avatar failed."""

    event_data: Mapping[str, Any] = msgspec.field(default_factory=dict)


class PhotoAvatarTrainSuccess(
    Event, frozen=True, kw_only=True, tag_field="event_type", tag="photo_avatar_train.success"
):
    """The training of a photo avatar is done."""

    event_data: Mapping[str, Any] = msgspec.field(default_factory=dict)


class PhotoAvatarTrainFail(
    Event, frozen=True, kw_only=True, tag_field="event_type", tag="photo_avatar_train.fail"
):
    """The training of a photo avatar failed."""

    event_data: Mapping[str, Any] = msgspec.field(default_factory=dict)


class PhotoAvatarAddMotionSuccess(
    Event, frozen=True, kw_only=True, tag_field="event_type", tag="photo_avatar_add_motion.success"
):
    """Motion was added to a photo avatar."""

    event_data: Mapping[str, Any] = msgspec.field(default_factory=dict)


class PhotoAvatarAddMotionFail(
    Event, frozen=True, kw_only=True, tag_field="event_type", tag="photo_avatar_add_motion.fail"
):
    """Motion could not be added to a photo avatar."""

    event_data: Mapping[str, Any] = msgspec.field(default_factory=dict)


class ProofreadCreationSuccess(
    Event, frozen=True, kw_only=True, tag_field="event_type", tag="proofread_creation.success"
):
    """A proofread session is ready for correction."""

    event_data: Mapping[str, Any] = msgspec.field(default_factory=dict)


class ProofreadCreationFail(
    Event, frozen=True, kw_only=True, tag_field="event_type", tag="proofread_creation.fail"
):
    """A proofread session could not be made."""

    event_data: Mapping[str, Any] = msgspec.field(default_factory=dict)


class LiveAvatarSuccess(
    Event, frozen=True, kw_only=True, tag_field="event_type", tag="live_avatar.success"
):
    """A live avatar is done."""

    event_data: Mapping[str, Any] = msgspec.field(default_factory=dict)


class LiveAvatarFail(
    Event, frozen=True, kw_only=True, tag_field="event_type", tag="live_avatar.fail"
):
    """A live avatar failed."""

    event_data: Mapping[str, Any] = msgspec.field(default_factory=dict)


class VideoAgentSuccess(
    Event, frozen=True, kw_only=True, tag_field="event_type", tag="video_agent.success"
):
    """A session of the Video Agent is done."""

    event_data: Mapping[str, Any] = msgspec.field(default_factory=dict)


class VideoAgentFail(
    Event, frozen=True, kw_only=True, tag_field="event_type", tag="video_agent.fail"
):
    """A session of the Video Agent failed."""

    event_data: Mapping[str, Any] = msgspec.field(default_factory=dict)


class HyperframesVideoSuccess(
    Event, frozen=True, kw_only=True, tag_field="event_type", tag="hyperframes_video.success"
):
    """A Hyperframes video is done."""

    event_data: Mapping[str, Any] = msgspec.field(default_factory=dict)


class HyperframesVideoFail(
    Event, frozen=True, kw_only=True, tag_field="event_type", tag="hyperframes_video.fail"
):
    """A Hyperframes video failed."""

    event_data: Mapping[str, Any] = msgspec.field(default_factory=dict)


class AiClippingSuccess(
    Event, frozen=True, kw_only=True, tag_field="event_type", tag="ai_clipping.success"
):
    """Clips are done; ``event_data`` is the whole job."""

    event_data: Mapping[str, Any] = msgspec.field(default_factory=dict)


class AiClippingFail(
    Event, frozen=True, kw_only=True, tag_field="event_type", tag="ai_clipping.fail"
):
    """Clipping failed; ``event_data`` is the whole job."""

    event_data: Mapping[str, Any] = msgspec.field(default_factory=dict)


class FillerWordRemovalSuccess(
    Event, frozen=True, kw_only=True, tag_field="event_type", tag="filler_word_removal.success"
):
    """A video without its filler words is done."""

    event_data: Mapping[str, Any] = msgspec.field(default_factory=dict)


class FillerWordRemovalFail(
    Event, frozen=True, kw_only=True, tag_field="event_type", tag="filler_word_removal.fail"
):
    """The removal of filler words failed."""

    event_data: Mapping[str, Any] = msgspec.field(default_factory=dict)


class PodcastSuccess(
    Event, frozen=True, kw_only=True, tag_field="event_type", tag="podcast.success"
):
    """A podcast is done."""

    event_data: Mapping[str, Any] = msgspec.field(default_factory=dict)


class PodcastFail(Event, frozen=True, kw_only=True, tag_field="event_type", tag="podcast.fail"):
    """A podcast failed."""

    event_data: Mapping[str, Any] = msgspec.field(default_factory=dict)


class BatchFinished(Event, frozen=True, kw_only=True, tag_field="event_type", tag="batch.finished"):
    """All items of a batch have ended."""

    event_data: Mapping[str, Any] = msgspec.field(default_factory=dict)


class UnknownEvent(Event, frozen=True, kw_only=True):
    """An event whose type or form this version of the SDK does not know.

    Attributes:
        event_type: Its type.
        event_data: Its data.
        body: The whole body, as it came.
    """

    event_type: str
    event_data: Mapping[str, Any]
    body: Mapping[str, Any]


KnownEvent = (
    AvatarVideoSuccess
    | AvatarVideoFail
    | AvatarVideoGifSuccess
    | AvatarVideoGifFail
    | AvatarVideoCaptionSuccess
    | AvatarVideoCaptionFail
    | VideoTranslateSuccess
    | VideoTranslateFail
    | VideoTranslatePreflightValidationFailed
    | VideoTranslatePreflightDownloadFailed
    | PersonalizedVideo
    | InstantAvatarSuccess
    | InstantAvatarFail
    | PhotoAvatarGenerationSuccess
    | PhotoAvatarGenerationFail
    | PhotoAvatarTrainSuccess
    | PhotoAvatarTrainFail
    | PhotoAvatarAddMotionSuccess
    | PhotoAvatarAddMotionFail
    | ProofreadCreationSuccess
    | ProofreadCreationFail
    | LiveAvatarSuccess
    | LiveAvatarFail
    | VideoAgentSuccess
    | VideoAgentFail
    | HyperframesVideoSuccess
    | HyperframesVideoFail
    | AiClippingSuccess
    | AiClippingFail
    | FillerWordRemovalSuccess
    | FillerWordRemovalFail
    | PodcastSuccess
    | PodcastFail
    | BatchFinished
)

EVENT_CLASSES: dict[str, type[Event]] = {
    str(kind.__struct_config__.tag): kind for kind in get_args(KnownEvent)
}
"""The class of each known type of event."""


class Callback(Answer, frozen=True, kw_only=True):
    """An unsigned delivery, such as to the ``callback_url`` of a request. Anybody can send one.

    Only its ids are kept. Fetch the job to learn how it ended: ``await
    heygen.videos.get(callback.jobs[0].job_id)``.

    Attributes:
        jobs: Unverified notifications about the jobs in it.
        callback_id: The ``callback_id`` in it. Compare it with that of your request, which nobody
            else can know.
    """

    jobs: tuple[JobNotification, ...] = ()
    callback_id: str | None = None


def jobs_in(
    event_type: str,
    event_data: object,
    *,
    verified: bool = True,
    callback_id: str | None = None,
) -> tuple[JobNotification, ...]:
    """Return a notification for each job whose id is in the data of an event.

    Args:
        event_type: Type of the event.
        event_data: Its data: a mapping, or one of the Structs above.
        verified: Whether the event was signed.
        callback_id: The ``callback_id`` of an unsigned one.
    """
    if isinstance(event_data, dict):
        ids = [(kind, event_data.get(field)) for kind, field in _IDS]
        if event_type in _WHOLE_JOBS:
            ids.append((_WHOLE_JOBS[event_type], event_data.get("id")))
    else:
        fields = getattr(event_data, "__struct_fields__", ())
        ids = [(kind, getattr(event_data, field)) for kind, field in _id_fields(fields)]
    notifications = []
    for kind, job_id in ids:
        if isinstance(job_id, str) and 0 < len(job_id) <= LONGEST_ID:
            notifications.append(JobNotification(kind, job_id, verified, callback_id))
    return tuple(notifications)


@cache
def _id_fields(fields: tuple[str, ...]) -> tuple[tuple[str, str], ...]:
    """Return the entries of ``_IDS`` whose field is among the fields of a class."""
    return tuple((kind, field) for kind, field in _IDS if field in fields)
