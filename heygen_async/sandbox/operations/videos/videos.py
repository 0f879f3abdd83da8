"""Videos: create, read, list, delete, and statuses of many."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from ...account.account import Account
from ...account.batches import Batch, failure_json
from ...account.resources import Video
from ...account.store import Store
from ...account.validation import check_video
from ...answers import Json, data, listing
from ...jobs import Job
from ...ledger import CINEMATIC_PRICE, FOUR_K_FACTOR, PRICES
from ...media.drawn.drawing import Drawing
from ...media.store import CAPTIONED, MediaItem
from ...refusals import invalid
from ...server.calls import Acceptance, Accepted, Call, Handler
from ...webhooks.job_events import schedule_video
from .drawings import describe_video, shape_of

__all__ = ["HANDLERS", "plan", "status_entries", "store_video", "video_json"]

#: The most seconds of a video.
LONGEST = 1_800.0


def video_json(account: Account, video: Video) -> Json:
    """Return a video in its current state, as in v3."""
    now = account.clock.now()
    job = video.job
    shown: Json = {
        "id": video.id,
        "status": job.status(now, first="pending", running="processing"),
        "title": video.title,
        "created_at": account.unix(job.created_at),
        "folder_id": video.folder_id,
    }
    if not job.done(now):
        return shown
    shown["completed_at"] = account.unix(job.ends_at)
    if job.failure is not None:
        shown["failure_code"] = None if video.by_agent else job.failure.code
        shown["failure_message"] = job.failure.message
        return shown
    media = account.media
    late = now < job.ends_at + 1.0 and account.faults.hides_url(video.id)
    shown["duration"] = video.seconds
    extension = media.format_of(video.request)
    shown["video_url"] = None if late else media.url(f"{video.id}.{extension}")
    shown["thumbnail_url"] = media.url(f"{video.id}.png")
    shown["video_page_url"] = f"https://app.heygen.com/videos/{video.id}"
    if video.output_language is not None:
        shown["output_language"] = video.output_language
    if video.caption:
        shown["captioned_video_url"] = media.url(f"{video.id}{CAPTIONED}.{extension}")
        shown["subtitle_url"] = media.url(f"{video.id}.srt")
    if video.gif:
        shown["gif_url"] = media.url(f"{video.id}.gif")
    return shown


def store_video(
    account: Account,
    video: Video,
    *,
    text: str,
    aspect_ratio: str | None,
    describe: Callable[[], Drawing],
) -> Video:
    """Store a video and its future files; only drawn ones keep the means to describe them."""
    item = MediaItem(video.id, video.seconds, shape_of(aspect_ratio), text)
    if account.media.drawn is not None:
        item.describe = describe
    account.media.add(item)
    return account.videos.add(video.id, video)


def create(call: Call) -> Json:
    """Serve `videos.create` for all four types; without drawn media, a webm is an mp4."""
    body, account = call.body, call.account
    (planned,) = plan(call, body)
    account.admit(planned.usd)
    accepted = planned.accept(account.begin("video"))
    accepted.begin()
    answer = {"video_id": accepted.id, "status": "waiting"}
    answer["output_format"] = body.get("output_format", "mp4")
    return data(answer)


def plan(call: Call, body: Json) -> list[Acceptance]:
    """Check a request for a video, and return the acceptance of its job."""
    seconds = min(LONGEST, round(check_video(body, call.account), 3))
    usd = _price(body, call.account, seconds)
    return [Acceptance(usd, partial(_accept, call, body, seconds, usd))]


def _accept(call: Call, body: Json, seconds: float, usd: float, job: Job) -> Accepted:
    account = call.account
    identifier = account.new_id()
    account.record(
        "video",
        identifier,
        call.operation.id,
        job,
        seconds=seconds,
        usd=usd,
        key=call.key,
        title=body.get("title"),
        callback_id=body.get("callback_id"),
    )
    video = Video(
        identifier,
        job,
        seconds,
        title=body.get("title"),
        folder_id=body.get("folder_id") or None,
        callback_id=body.get("callback_id"),
        caption=body.get("caption") is not None,
        request=body,
    )
    return Accepted(identifier, partial(_begin, account, video, body))


def _begin(account: Account, video: Video, body: Json) -> None:
    store_video(
        account,
        video,
        text=_text(body),
        aspect_ratio=body.get("aspect_ratio"),
        describe=partial(describe_video, account, video),
    )
    schedule_video(account, video, body.get("callback_url"))


def _text(body: Json) -> str:
    if body["type"] == "studio":
        scenes = (scene.get("input", scene) for scene in body["scenes"])
        return " ".join(scene.get("script") or "" for scene in scenes)
    return body.get("script") or body.get("prompt") or ""


def _price(body: Json, account: Account, seconds: float) -> float:
    if body["type"] == "cinematic_avatar":
        return CINEMATIC_PRICE
    rate = PRICES["avatar"]
    engine = (body.get("engine") or {}).get("type", "avatar_iv")
    photo = body["type"] == "image"
    if body["type"] == "avatar":
        photo = account.looks.get(body["avatar_id"]).avatar_type == "photo_avatar"
    if engine == "avatar_iii":
        rate = PRICES["avatar_iii"]
    elif photo and engine == "avatar_iv":
        rate = PRICES["avatar_photo"]
    factor = FOUR_K_FACTOR if body.get("resolution") == "4k" else 1.0
    return rate * seconds * factor


def get(call: Call) -> Json:
    """Serve `videos.get`."""
    return data(video_json(call.account, call.account.videos.get(call.path[0])))


def list_(call: Call) -> Json:
    """Serve `videos.list`; a title matches if it contains the requested words."""
    query = call.query
    title, folder_id = query.get("title"), query.get("folder_id")

    def fits(video: Video) -> bool:
        if folder_id is not None and video.folder_id != (folder_id or None):
            return False
        return title is None or title.lower() in (video.title or "").lower()

    anything = title is None and folder_id is None
    page, token = call.account.videos.page(
        query["limit"], query.get("token"), None if anything else fits
    )
    return listing([video_json(call.account, video) for video in page], token)


def delete(call: Call) -> Json:
    """Serve `videos.delete`; a running one releases its slot."""
    video = call.account.videos.remove(call.path[0])
    call.account.slots.release(video.job)
    call.account.media.remove(video.id)
    return data({"id": video.id, "deleted": True})


def status_entries(call: Call, parameter: str) -> list[Json]:
    """Return the entries of a `statuses` call in the order of its ids, then of its batches."""
    ids: list[str] = call.query.get(parameter) or []
    batch_ids: list[str] = call.query.get("batch_ids") or []
    if not ids and not batch_ids:
        raise invalid(parameter, f"Provide {parameter} or batch_ids")
    account = call.account
    now = account.clock.now()
    stores: dict[str, tuple[Store[Any], Store[Batch]]] = {
        "video_ids": (account.videos, account.batches["videos"]),
        "video_translation_ids": (account.translations, account.batches["video_translations"]),
        "lipsync_ids": (account.lipsyncs, account.batches["lipsyncs"]),
        "asset_ids": (account.assets, account.batches["assets"]),
    }
    store, batches = stores[parameter]
    entries: list[Json] = []
    for identifier in ids:
        item = store.find(identifier)
        if item is None:
            entries.append({"video_id": identifier, "status": "not_found"})
            continue
        # An asset that was uploaded in one call has no job.
        job: Job | None = item.job
        entry: Json = {"video_id": identifier, "status": "completed"}
        if job is not None:
            entry["status"] = job.status(now, first="queued", running="processing")
        if entry["status"] == "failed" and job is not None and job.failure is not None:
            entry["error"] = failure_json(job.failure)
        entries.append(entry)
    for batch_id in batch_ids:
        batch = batches.find(batch_id)
        if batch is None:
            entries.append({"batch_id": batch_id, "status": "not_found"})
        else:
            entries += [{"batch_id": batch_id, **item.json(now)} for item in batch.items]
    return entries


def statuses(call: Call) -> Json:
    """Serve `videos.statuses`."""
    return listing(status_entries(call, "video_ids"), None)


def status_v1(call: Call) -> Json:
    """Serve `videos.status_v1`."""
    account = call.account
    video = account.videos.get(call.query["video_id"])
    now = account.clock.now()
    shown: Json = {
        "id": video.id,
        "status": video.job.status(now, first="waiting", running="processing"),
        "callback_id": video.callback_id,
        "created_at": account.unix(video.job.created_at),
        "error": None,
    }
    if video.job.completed(now):
        v3 = video_json(account, video)
        shown["duration"] = v3["duration"]
        shown["video_url"] = v3["video_url"]
        shown["thumbnail_url"] = v3["thumbnail_url"]
        shown["gif_url"] = v3.get("gif_url")
        shown["caption_url"] = v3.get("subtitle_url")
        shown["video_url_caption"] = v3.get("captioned_video_url")
    elif video.job.done(now) and video.job.failure is not None:
        message = video.job.failure.message
        shown["error"] = {"code": 40119, "detail": message, "message": message}
    return {"code": 100, "data": shown, "message": "Success"}


HANDLERS: dict[str, Handler] = {
    "videos.create": create,
    "videos.get": get,
    "videos.list": list_,
    "videos.delete": delete,
    "videos.statuses": statuses,
    "videos.status_v1": status_v1,
}
