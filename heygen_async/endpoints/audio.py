"""Sounds: HeyGen's library of music and effects."""

from __future__ import annotations

from typing import Literal

from heygen_async.endpoints.resource import Pages, Resource
from heygen_async.models.audio import Sound
from heygen_async.session.codec import Page
from heygen_async.session.endpoint import Endpoint

SOUNDS: Endpoint[Page[Sound]] = Endpoint(
    operation="audio.sounds",
    method="GET",
    path="/v3/audio/sounds",
    answer=Sound,
    envelope="page",
)


class Audio(Resource):
    """``heygen.audio``."""

    def sounds(
        self,
        query: str,
        *,
        type: Literal["music", "sound_effects"] | None = None,  # noqa: A002, the API's own name
        min_score: float | None = None,
        limit: int | None = None,
    ) -> Pages[Sound]:
        """Search for music or effects, the best first.

        Args:
            query: What it is to sound like.
            type: ``music`` (the API's default) or ``sound_effects``.
            min_score: How well it must fit, 0 to 1; the API's default is 0.7.
            limit: Items per page, 1 to 50; the API's default is 10.

        Returns:
            What was found, page after page.
        """
        wanted = {"query": query, "type": type, "min_score": min_score, "limit": limit}
        return self._pages(SOUNDS, SOUNDS.at(), wanted)
