"""The typical length of videos of an account's Video Agent."""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Sequence
from statistics import median

from heygen_async.client import HeyGen
from heygen_async.errors import HeyGenError
from heygen_async.models.videos import Video

logger: logging.Logger = logging.getLogger("heygen_async.media")

# Each session costs one request.
_SESSIONS = 5
_SECONDS = 10.0


async def typical_agent_seconds(heygen: HeyGen) -> float | None:
    """Return the median length in seconds of the newest videos of the account's Video Agent.

    Takes up to six requests and 10 s: the newest five sessions are listed, and their videos.

    Args:
        heygen: The client.

    Returns:
        The median, or None if no video of these sessions has completed, or if the account cannot be
        queried.
    """
    videos: list[Video] = []
    try:
        async with asyncio.timeout(_SECONDS):
            page = await heygen.video_agents.list(limit=_SESSIONS).first_page()
            ids = [session.session_id for session in page.items[:_SESSIONS]]
            for found in await asyncio.gather(*(_videos(heygen, name) for name in ids)):
                videos += found
    except (HeyGenError, TimeoutError) as error:
        logger.info("the typical length of the account's agent videos is unknown: %r", error)
    lengths = [
        video.duration
        for video in videos
        if video.status == "completed" and isinstance(video.duration, int | float)
    ]
    known = [seconds for seconds in lengths if 0 < seconds < math.inf]
    return median(known) if known else None


async def _videos(heygen: HeyGen, session_id: str) -> Sequence[Video]:
    """Return the videos of a session; none if it is gone."""
    try:
        return (await heygen.video_agents.videos(session_id).first_page()).items
    except HeyGenError:
        return ()
