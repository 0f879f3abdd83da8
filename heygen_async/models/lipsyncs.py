"""Lipsyncs: videos with lips synchronized to another audio."""

from __future__ import annotations

from typing import Literal

from heygen_async.models.sources import MediaSource
from heygen_async.models.structs import (
    Answer,
    HttpUrl,
    JobRequest,
    Timestamp,
    refuse_impossible_times,
)


class LipsyncRequest(JobRequest["Lipsync"], frozen=True, kw_only=True):
    """A video and the audio for its lips.

    Attributes:
        video: The video.
        audio: The audio.
        mode: ``speed``, or ``precision`` for better lip movements at twice the price.
        start_time: Start of the part to process, in seconds; before ``end_time``.
        end_time: End of the part to process, in seconds.
        enable_dynamic_duration: Whether the video may be stretched to fit the speech.
        disable_music_track: Whether to drop the background music.
        enable_speech_enhancement: Whether to clean the speech.
        enable_caption: Whether to make captions; deprecated by the API.
        enable_watermark: Whether to show HeyGen's watermark.
        keep_the_same_format: Whether to keep resolution and format of the source.
        fps_mode: Timing of frames.
        title: Name in the account.
        folder_id: Id of the folder for it.
        callback_url: Called without a signature when it has ended.
        callback_id: Sent back with the callback. Default: an unguessable id.
    """

    video: MediaSource
    audio: MediaSource
    mode: Literal["speed", "precision"] = "speed"
    start_time: float | None = None
    end_time: float | None = None
    enable_dynamic_duration: bool = True
    disable_music_track: bool = False
    enable_speech_enhancement: bool = False
    enable_caption: bool = False
    enable_watermark: bool = False
    keep_the_same_format: bool | None = None
    fps_mode: str | None = None
    title: str | None = None
    folder_id: str | None = None
    callback_url: HttpUrl | None = None
    callback_id: str | None = None

    def _check_rules(self) -> None:
        refuse_impossible_times(self.start_time, self.end_time)


class CreatedLipsync(Answer, frozen=True, kw_only=True):
    """A lipsync that was just requested.

    Attributes:
        lipsync_id: Its id.
    """

    lipsync_id: str


class Lipsync(Answer, frozen=True, kw_only=True):
    """A lipsync. Media URLs are signed and expire.

    Attributes:
        id: Its id.
        status: ``pending``, ``running``, then ``completed`` or ``failed``.
        video_url: URL of the video with its new speech.
        caption_url: URL of the caption file.
        duration: Seconds.
        failure_message: Reason of the failure. The API may leave it out.
        title: Name in the account.
        callback_id: The ``callback_id`` of the request.
        created_at: Unix seconds.
    """

    id: str
    status: str
    video_url: str | None = None
    caption_url: str | None = None
    duration: float | None = None
    failure_message: str | None = None
    title: str | None = None
    callback_id: str | None = None
    created_at: Timestamp | None = None
