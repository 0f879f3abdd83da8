"""AI clipping: cut short clips from a video."""

from __future__ import annotations

import zlib
from functools import partial

from ..account.account import Account
from ..account.resources import AiClipping
from ..answers import Json, data, listing
from ..ledger import CLIP_PRICE
from ..media.store import MediaItem
from ..server.calls import Call, Handler
from ..webhooks.job_events import schedule_ai_clipping

__all__ = ["HANDLERS"]

#: The most seconds of a clip, by type of duration; the first type is the default.
_LONGEST = {"60": 60.0, "30": 30.0, "180": 180.0, "long": 600.0}
#: Seconds of the source for each clip, and the most clips.
_SECONDS_PER_CLIP = 20.0
_MOST_CLIPS = 10
_SHAPES = {"landscape": "16:9", "portrait": "9:16", "square": "1:1"}


def _settings(request: Json) -> Json:
    return {"aspect_ratio": "portrait", "captions": True, **(request.get("output_settings") or {})}


def clipping_json(account: Account, clipping: AiClipping) -> Json:
    """Return a clipping job in its current state."""
    now = account.clock.now()
    job, request = clipping.job, clipping.request
    shown: Json = {
        "id": clipping.id,
        "status": job.status(now, first="pending", running="running"),
        "progress": int(100 * job.progress(now)),
        "title": request.get("title"),
        "callback_id": request.get("callback_id"),
        "created_at": account.unix(job.created_at),
        "input_language": request.get("input_language"),
        "output_settings": _settings(request),
        "source_duration": clipping.seconds,
        "clips": [],
    }
    if job.done(now) and job.failure is not None:
        shown["failure_message"] = job.failure.message
    elif job.done(now):
        shown["clips"] = [
            _clip_json(account, clipping, number, identifier)
            for number, identifier in enumerate(clipping.clips, 1)
        ]
    return shown


def _clip_json(account: Account, clipping: AiClipping, number: int, identifier: str) -> Json:
    return {
        "id": identifier,
        "status": "completed",
        "title": f"Highlight {number}",
        "aspect_ratio": _settings(clipping.request)["aspect_ratio"],
        "duration_seconds": clipping.clips[identifier],
        "virality_score": 60 + zlib.crc32(identifier.encode()) % 40,
        "video_url": account.media.url(f"{identifier}.mp4"),
        "thumbnail_url": account.media.url(f"{identifier}.png"),
    }


def create(call: Call) -> Json:
    """`ai_clipping.create`: the longer the video, the more clips."""
    body, account = call.body, call.account
    account.check_source(body["video"], "video")
    seconds = round(account.source_seconds(body["video"]), 3)
    settings = _settings(body)
    types = settings.get("duration_types") or ["60"]
    count = min(_MOST_CLIPS, max(1, int(seconds // _SECONDS_PER_CLIP)))
    account.admit(CLIP_PRICE * count)
    identifier = account.new_id()
    job = account.begin("ai_clipping")
    clips = {
        account.new_id(): round(min(seconds, _LONGEST[types[number % len(types)]]), 3)
        for number in range(count)
    }
    account.record(
        "ai_clipping",
        identifier,
        call.operation.id,
        job,
        seconds=sum(clips.values()),
        usd=CLIP_PRICE * count,
        key=call.key,
        title=body.get("title"),
        callback_id=body.get("callback_id"),
    )
    for number, (clip, length) in enumerate(clips.items(), 1):
        shape, title = _SHAPES[settings["aspect_ratio"]], f"Highlight {number}"
        account.media.add(MediaItem(clip, length, shape, title=title))
    clipping = AiClipping(identifier, job, seconds, clips, body)
    account.clippings.add(identifier, clipping)
    show = partial(clipping_json, account, clipping)
    schedule_ai_clipping(account, clipping, show, body.get("callback_url"))
    return data({"ai_clipping_id": identifier})


def get(call: Call) -> Json:
    """Serve `ai_clipping.get`."""
    return data(clipping_json(call.account, call.account.clippings.get(call.path[0])))


def list_(call: Call) -> Json:
    """Serve `ai_clipping.list`."""
    page, token = call.account.clippings.page(call.query["limit"], call.query.get("token"))
    return listing([clipping_json(call.account, item) for item in page], token)


def delete(call: Call) -> Json:
    """Serve `ai_clipping.delete`; a running one releases its slot."""
    account = call.account
    clipping = account.clippings.remove(call.path[0])
    account.slots.release(clipping.job)
    for clip in clipping.clips:
        account.media.remove(clip)
    return data({"id": clipping.id})


HANDLERS: dict[str, Handler] = {
    "ai_clipping.create": create,
    "ai_clipping.get": get,
    "ai_clipping.list": list_,
    "ai_clipping.delete": delete,
}
