"""Looks in the account for jobs whose submission was never answered."""

from __future__ import annotations

from heygen_async.client import HeyGen
from heygen_async.errors import NotFound

# Clocks differ. A submission is sent again under its key for up to 24 h, and can wait for its turn
# before HeyGen creates the job.
_CLOCKS_DIFFER = 600.0
_LATEST = 26 * 3600.0


async def find_video(
    heygen: HeyGen, callback_id: str, title: str | None, since: float
) -> str | None:
    """The id of the video that was created with this ``callback_id``, or None.

    v3 lists videos without it, so each one that the time and the title leave is asked for
    through the old v1 call, which shows it.

    Args:
        heygen: The client.
        callback_id: What the submission was sent with.
        title: Its title; None for any.
        since: When it was sent, in unix seconds.
    """
    async for video in heygen.videos.list(limit=100, title=title):
        if video.created_at is None or video.created_at > since + _LATEST:
            continue
        if video.created_at < since - _CLOCKS_DIFFER:
            break  # the list begins with the newest
        try:
            found = await heygen.videos.status_v1(video.id)
        except NotFound:
            continue
        if found.callback_id == callback_id:
            return video.id
    return None


async def find_translation(
    heygen: HeyGen, callback_id: str, title: str | None, since: float
) -> str | None:
    """The id of the translation that was created with this ``callback_id``, or None.

    Args:
        heygen: The client.
        callback_id: What the submission was sent with.
        title: Its title; of no use here, as translations show their ``callback_id``.
        since: When it was sent, in unix seconds.
    """
    async for translation in heygen.video_translations.list(limit=100):
        if translation.callback_id == callback_id:
            return translation.id
        if translation.created_at is not None and translation.created_at < since - _CLOCKS_DIFFER:
            break  # the list begins with the newest
    return None
