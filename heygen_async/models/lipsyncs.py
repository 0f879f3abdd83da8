"""Lipsyncs: one video made to speak another audio."""

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
    """A video whose lips are to follow other speech.

    Attributes:
        video: The video.
        audio: The speech.
        mode: ``speed``, or ``precision`` for better lip movements at twice the price.
        start_time: Work from here, in seconds; before ``end_time``.
        end_time: Work up to here, in seconds.
        enable_dynamic_duration: Let the video stretch to fit the speech.
        disable_music_track: Drop the background music.
        enable_speech_enhancement: Clean the speech.
        enable_caption: Make captions; deprecated by the API.
        enable_watermark: Show HeyGen's watermark.
        keep_the_same_format: Keep resolution and format of the source.
        fps_mode: How frames are timed.
        title: Name in the account.
        folder_id: Folder to put it in.
        callback_url: Called, unsigned, when it has ended.
        callback_id: Comes back with the callback; by default one that nobody can guess.
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
    """A lipsync that was just asked for.

    Attributes:
        lipsync_id: Its id.
    """

    lipsync_id: str


class Lipsync(Answer, frozen=True, kw_only=True):
    """A lipsync. Media URLs are signed and expire.

    Attributes:
        id: Its id.
        status: ``pending``, ``running``, then ``completed`` or ``failed``.
        video_url: The video with its new speech.
        caption_url: The caption file.
        duration: Seconds.
        failure_message: Why it failed; can be missing on a real failure.
        title: Name in the account.
        callback_id: From the request.
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
