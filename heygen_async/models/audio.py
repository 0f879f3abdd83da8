"""Sounds: HeyGen's library of music and effects."""

from __future__ import annotations

from heygen_async.models.structs import Answer


class Sound(Answer, frozen=True, kw_only=True):
    """A piece of music or an effect that was searched for.

    Attributes:
        id: Its id.
        name: Its name.
        description: What it sounds like.
        type: ``music`` or ``sound_effects``.
        audio_url: The file.
        score: How well it fits the query, 0 to 1.
        duration: Seconds.
        peak_offset: Where it is loudest, in seconds.
        placement: Where in a video it fits.
    """

    id: str
    name: str
    description: str
    type: str
    audio_url: str
    score: float
    duration: float | None = None
    peak_offset: float | None = None
    placement: str | None = None
