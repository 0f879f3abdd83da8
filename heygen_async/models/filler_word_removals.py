"""Filler-word removals: a video without its ums and ers."""

from __future__ import annotations

from heygen_async.models.sources import MediaSource
from heygen_async.models.structs import Answer, HttpUrl, Request, Timestamp


class FillerWordRemovalRequest(Request, frozen=True, kw_only=True):
    """A video whose filler words are to be cut out.

    Attributes:
        video: The video.
        title: Name in the account.
        callback_url: Called, unsigned, when it has ended.
        callback_id: Comes back with the callback; by default one that nobody can guess.
    """

    video: MediaSource
    title: str | None = None
    callback_url: HttpUrl | None = None
    callback_id: str | None = None


class CreatedFillerWordRemoval(Answer, frozen=True, kw_only=True):
    """A filler-word removal that was just asked for.

    Attributes:
        filler_word_removal_id: Its id.
    """

    filler_word_removal_id: str


class FillerWordRemoval(Answer, frozen=True, kw_only=True):
    """A filler-word removal. The video's URL is signed and expires.

    Attributes:
        id: Its id.
        status: ``pending``, ``running``, then ``completed`` or ``failed``.
        video_url: The video without its filler words.
        num_cuts: How often it was cut.
        reduction_pct: By how many percent it became shorter.
        original_duration: Seconds before.
        output_duration: Seconds now.
        failure_message: Why it failed; can be missing on a real failure.
        title: Name in the account.
        callback_id: From the request.
        created_at: Unix seconds.
    """

    id: str
    status: str
    video_url: str | None = None
    num_cuts: int | float | None = None
    reduction_pct: float | None = None
    original_duration: float | None = None
    output_duration: float | None = None
    failure_message: str | None = None
    title: str | None = None
    callback_id: str | None = None
    created_at: Timestamp | None = None
