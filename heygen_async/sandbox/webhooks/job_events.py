"""The webhook events at the end of jobs: types and payloads.

The payloads of `avatar_video` and `video_translate` are documented. Those of GIFs equal those of
their videos, which is also assumed for captions. AI clipping sends the whole job, which is also
assumed for filler-word removals and HyperFrames renders. The payloads of agents, proofreads,
avatars and batches are invented in the same style.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from ..answers import Json
from ..jobs import Job
from .events import EventPayloads

if TYPE_CHECKING:
    from ..account.account import Account
    from ..account.agent_sessions import Session
    from ..account.batches import Batch
    from ..account.resources import (
        AiClipping,
        FillerWordRemoval,
        HyperframesRender,
        Look,
        Proofread,
        Translation,
        Video,
    )

__all__ = [
    "schedule_ai_clipping",
    "schedule_avatar",
    "schedule_batch",
    "schedule_filler_word_removal",
    "schedule_hyperframes_render",
    "schedule_proofread",
    "schedule_session",
    "schedule_translation",
    "schedule_video",
]


def schedule_video(account: Account, video: Video, callback_url: str | None) -> None:
    """Schedule the events of a video, and of its GIF and captions if it has them."""
    payloads = partial(_video, account, video)
    account.deliveries.schedule(video.job, video.id, payloads, callback_url)


def schedule_translation(
    account: Account, translation: Translation, callback_url: str | None
) -> None:
    """Schedule the events of a translation."""
    payloads = partial(_translation, account, translation)
    account.deliveries.schedule(translation.job, translation.id, payloads, callback_url)


def schedule_session(account: Account, session: Session) -> None:
    """Schedule the events of the video that a session has started."""
    payloads = partial(_session, account, session, session.job, session.video_ids[-1])
    account.deliveries.schedule(session.job, session.id, payloads, session.callback_url)


def schedule_proofread(account: Account, proofread: Proofread) -> None:
    """Schedule the events of a proofread, whose request has no `callback_url`."""
    payloads = partial(_proofread, proofread)
    account.deliveries.schedule(proofread.job, proofread.id, payloads, None)


def schedule_ai_clipping(
    account: Account, clipping: AiClipping, show: Callable[[], Json], callback_url: str | None
) -> None:
    """Schedule the events of a clipping job, with its state at that time."""
    payloads = partial(_ai_clipping, account, clipping, show)
    account.deliveries.schedule(clipping.job, clipping.id, payloads, callback_url)


def schedule_filler_word_removal(
    account: Account,
    removal: FillerWordRemoval,
    show: Callable[[], Json],
    callback_url: str | None,
) -> None:
    """Schedule the events of a filler-word removal, with its state at that time."""
    payloads = partial(_filler_word_removal, removal, show)
    account.deliveries.schedule(removal.job, removal.id, payloads, callback_url)


def schedule_hyperframes_render(
    account: Account,
    render: HyperframesRender,
    show: Callable[[], Json],
    callback_url: str | None,
) -> None:
    """Schedule the events of a HyperFrames render, with its state at that time."""
    payloads = partial(_hyperframes_render, render, show)
    account.deliveries.schedule(render.job, render.id, payloads, callback_url)


def schedule_avatar(account: Account, look: Look, job: Job) -> None:
    """Schedule the events of an avatar's look, whose request has no `callback_url`."""
    account.deliveries.schedule(job, look.id, partial(_avatar, account, look, job), None)


def schedule_batch(account: Account, batch: Batch) -> None:
    """Schedule the event of a batch. All of its jobs must have started."""
    jobs = [item.job for item in batch.items if item.job is not None]
    refused = Job("batch", batch.created_at, 0.0)
    last = max(jobs, key=lambda job: job.ends_at, default=refused)
    payloads = partial(_batch, batch, last)
    account.deliveries.schedule(last, batch.id, payloads, batch.callback_url)


def _video(account: Account, video: Video) -> EventPayloads:
    if video.id not in account.videos:
        return []
    failure = video.job.failure
    if failure is not None:
        failed = {
            "video_id": video.id,
            "msg": failure.message,
            "callback_id": video.callback_id,
        }
        return [("avatar_video.fail", failed)]
    media = account.media
    done = {
        "video_id": video.id,
        "url": media.url(f"{video.id}.{media.format_of(video.request)}"),
        "gif_download_url": media.url(f"{video.id}.gif") if video.gif else None,
        "video_page_url": f"https://app.heygen.com/videos/{video.id}",
        "video_share_page_url": f"https://app.heygen.com/share/{video.id}",
        "folder_id": video.folder_id,
        "callback_id": video.callback_id,
    }
    payloads = [("avatar_video.success", done)]
    if video.gif:
        payloads.append(("avatar_video_gif.success", done))
    if video.caption:
        payloads.append(("avatar_video_caption.success", done))
    return payloads


def _translation(account: Account, translation: Translation) -> EventPayloads:
    if translation.id not in account.translations:
        return []
    common = {
        "video_translate_id": translation.id,
        "callback_id": translation.callback_id,
        "output_language": translation.output_language,
    }
    failure = translation.job.failure
    if failure is not None:
        return [("video_translate.fail", {**common, "message": failure.message})]
    url = account.media.url(f"{translation.id}.mp4")
    return [("video_translate.success", {**common, "url": url})]


def _session(account: Account, session: Session, job: Job, video_id: str) -> EventPayloads:
    common = {
        "session_id": session.id,
        "video_id": video_id,
        "callback_id": session.callback_id,
    }
    if job.failure is None:
        url = account.media.url(f"{video_id}.mp4")
        return [("video_agent.success", {**common, "url": url})]
    if session.job is not job:
        # A stopped chat waits for its user again and has not failed.
        return []
    return [("video_agent.fail", {**common, "msg": job.failure.message})]


def _proofread(proofread: Proofread) -> EventPayloads:
    common = {"proofread_id": proofread.id, "output_language": proofread.language}
    failure = proofread.job.failure
    if failure is not None:
        return [("proofread_creation.fail", {**common, "message": failure.message})]
    return [("proofread_creation.success", common)]


def _ai_clipping(account: Account, clipping: AiClipping, show: Callable[[], Json]) -> EventPayloads:
    if clipping.id not in account.clippings:
        return []
    kind = "success" if clipping.job.failure is None else "fail"
    return [(f"ai_clipping.{kind}", show())]


def _filler_word_removal(removal: FillerWordRemoval, show: Callable[[], Json]) -> EventPayloads:
    kind = "success" if removal.job.failure is None else "fail"
    return [(f"filler_word_removal.{kind}", show())]


def _hyperframes_render(render: HyperframesRender, show: Callable[[], Json]) -> EventPayloads:
    if render.deleted:
        return []
    kind = "success" if render.job.failure is None else "fail"
    return [(f"hyperframes_video.{kind}", show())]


def _avatar(account: Account, look: Look, job: Job) -> EventPayloads:
    if look.id not in account.looks:
        return []
    twin = look.avatar_type == "digital_twin"
    event = "instant_avatar" if twin else "photo_avatar_generation"
    common = {"avatar_id": look.id, "avatar_group_id": look.group_id, "name": look.name}
    if job.failure is not None:
        return [(f"{event}.fail", {**common, "message": job.failure.message})]
    return [(f"{event}.success", common)]


def _batch(batch: Batch, last: Job) -> EventPayloads:
    finished = {
        "batch_id": batch.id,
        "title": batch.title,
        "status": batch.status(last.ends_at),
        "total_items": len(batch.items),
        "counts_by_status": dict(batch.counts(last.ends_at)),
    }
    return [("batch.finished", finished)]
