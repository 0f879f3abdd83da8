"""Lipsyncs: synchronize the lips in a video with another audio."""

from __future__ import annotations

from functools import partial

from ...account.account import Account
from ...account.resources import Lipsync
from ...account.validation import check_references
from ...answers import Json, data, listing
from ...jobs import Job
from ...ledger import PRICES
from ...media.store import MediaItem
from ...server.calls import Acceptance, Accepted, Call, Handler
from ..videos.videos import status_entries

__all__ = ["HANDLERS", "plan"]


def lipsync_json(account: Account, lipsync: Lipsync) -> Json:
    """Return a lipsync in its current state."""
    now = account.clock.now()
    job = lipsync.job
    shown: Json = {
        "id": lipsync.id,
        "status": job.status(now, first="pending", running="running"),
        "title": lipsync.title,
        "created_at": account.unix(job.created_at),
        "callback_id": lipsync.callback_id,
    }
    if job.done(now) and job.failure is not None:
        shown["failure_message"] = job.failure.message
    elif job.done(now):
        shown["duration"] = lipsync.seconds
        shown["video_url"] = account.media.url(f"{lipsync.id}.mp4")
        if lipsync.caption:
            shown["caption_url"] = account.media.url(f"{lipsync.id}.srt")
    return shown


def create(call: Call) -> Json:
    """Serve `lipsyncs.create`; a lipsync is as long as its audio."""
    (planned,) = plan(call, call.body)
    call.account.admit(planned.usd)
    accepted = planned.accept(call.account.begin("lipsync"))
    accepted.begin()
    return data({"lipsync_id": accepted.id})


def plan(call: Call, body: Json) -> list[Acceptance]:
    """Check a request for a lipsync, and return the acceptance of its job."""
    account = call.account
    check_references(account, body)
    account.check_source(body["video"], "video")
    account.check_source(body["audio"], "audio")
    seconds = round(account.source_seconds(body["audio"]), 3)
    usd = PRICES[f"lipsync_{body.get('mode', 'speed')}"] * seconds
    return [Acceptance(usd, partial(_accept, call, body, seconds, usd))]


def _accept(call: Call, body: Json, seconds: float, usd: float, job: Job) -> Accepted:
    account = call.account
    identifier = account.new_id()
    account.record(
        "lipsync",
        identifier,
        call.operation.id,
        job,
        seconds=seconds,
        usd=usd,
        key=call.key,
        title=body.get("title"),
        callback_id=body.get("callback_id"),
    )
    lipsync = Lipsync(
        identifier,
        job,
        seconds,
        body.get("title"),
        body.get("callback_id"),
        caption=body.get("enable_caption", False),
    )
    return Accepted(identifier, partial(_store, account, lipsync))


def _store(account: Account, lipsync: Lipsync) -> None:
    account.media.add(MediaItem(lipsync.id, lipsync.seconds, title=lipsync.title or "Lipsync"))
    account.lipsyncs.add(lipsync.id, lipsync)


def get(call: Call) -> Json:
    """Serve `lipsyncs.get`."""
    return data(lipsync_json(call.account, call.account.lipsyncs.get(call.path[0])))


def list_(call: Call) -> Json:
    """Serve `lipsyncs.list`."""
    page, token = call.account.lipsyncs.page(call.query["limit"], call.query.get("token"))
    return listing([lipsync_json(call.account, item) for item in page], token)


def update(call: Call) -> Json:
    """Serve `lipsyncs.update`: change the title."""
    lipsync = call.account.lipsyncs.get(call.path[0])
    lipsync.title = call.body["title"]
    return data(lipsync_json(call.account, lipsync))


def delete(call: Call) -> Json:
    """Serve `lipsyncs.delete`; a running one releases its slot."""
    lipsync = call.account.lipsyncs.remove(call.path[0])
    call.account.slots.release(lipsync.job)
    call.account.media.remove(lipsync.id)
    return data({"id": lipsync.id})


def statuses(call: Call) -> Json:
    """Serve `lipsyncs.statuses`."""
    return listing(status_entries(call, "lipsync_ids"), None)


HANDLERS: dict[str, Handler] = {
    "lipsyncs.create": create,
    "lipsyncs.get": get,
    "lipsyncs.list": list_,
    "lipsyncs.update": update,
    "lipsyncs.delete": delete,
    "lipsyncs.statuses": statuses,
}
