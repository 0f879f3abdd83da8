"""HyperFrames renders of web projects. Deleted renders are kept but not shown."""

from __future__ import annotations

import zlib
from functools import partial

from ...account.account import Account
from ...account.resources import HyperframesRender
from ...answers import Json, data, listing
from ...media.store import MediaItem
from ...refusals import invalid, not_found
from ...server.calls import Call, Handler
from ...webhooks.job_events import schedule_hyperframes_render

__all__ = ["HANDLERS"]

_DEFAULTS = {
    "aspect_ratio": "16:9",
    "fps": 30,
    "format": "mp4",
    "quality": "standard",
    "resolution": "1080p",
}


def render_json(account: Account, render: HyperframesRender) -> Json:
    """Return a render in its current state."""
    now = account.clock.now()
    job, request = render.job, render.request
    shown: Json = {
        "render_id": render.id,
        "status": job.status(now, first="queued", running="rendering"),
        "title": request.get("title"),
        "callback_id": request.get("callback_id"),
        "composition": request.get("composition"),
        "created_at": account.unix(job.created_at),
        **{name: request.get(name, default) for name, default in _DEFAULTS.items()},
    }
    if not job.done(now):
        return shown
    shown["completed_at"] = account.unix(job.ends_at)
    if job.failure is not None:
        shown["failure_message"] = job.failure.message
        return shown
    shown["duration"] = render.seconds
    shown["video_url"] = account.media.url(f"{render.id}.mp4")
    shown["thumbnail_url"] = account.media.url(f"{render.id}.png")
    return shown


def create(call: Call) -> Json:
    """Serve `hyperframes.create`; any format is accepted, but the file is an mp4.

    The price of a render is not published, so the ledger has none.
    """
    body, account = call.body, call.account
    account.check_source(body["project"], "project")
    if account.mime_type_of(body["project"]) not in ("", "application/zip"):
        raise invalid("project", "The project must be a zip file with an index.html")
    account.admit(None)
    identifier = account.new_id()
    job = account.begin("hyperframes")
    seconds = 10.0 + zlib.crc32(repr(body["project"]).encode()) % 2_000 / 100
    account.record(
        "hyperframes",
        identifier,
        call.operation.id,
        job,
        seconds=seconds,
        key=call.key,
        title=body.get("title"),
        callback_id=body.get("callback_id"),
    )
    render = HyperframesRender(identifier, job, seconds, body)
    title = body.get("title") or "HyperFrames"
    shape = body.get("aspect_ratio", "16:9")
    account.media.add(MediaItem(identifier, seconds, shape, title=title))
    account.hyperframes_renders.add(identifier, render)
    show = partial(render_json, account, render)
    schedule_hyperframes_render(account, render, show, body.get("callback_url"))
    return data({"render_id": identifier})


def _find(account: Account, identifier: str) -> HyperframesRender:
    render = account.hyperframes_renders.get(identifier)
    if render.deleted:
        raise not_found("hyperframes_render")
    return render


def get(call: Call) -> Json:
    """Serve `hyperframes.get`."""
    return data(render_json(call.account, _find(call.account, call.path[0])))


def list_(call: Call) -> Json:
    """Serve `hyperframes.list`."""
    account, query = call.account, call.query
    page, token = account.hyperframes_renders.page(
        query["limit"], query.get("token"), lambda render: not render.deleted
    )
    return listing([render_json(account, render) for render in page], token)


def delete(call: Call) -> Json:
    """Serve `hyperframes.delete`; a running one releases its slot."""
    account = call.account
    render = _find(account, call.path[0])
    render.deleted = True
    account.slots.release(render.job)
    account.media.remove(render.id)
    return data({"render_id": render.id})


HANDLERS: dict[str, Handler] = {
    "hyperframes.create": create,
    "hyperframes.get": get,
    "hyperframes.list": list_,
    "hyperframes.delete": delete,
}
