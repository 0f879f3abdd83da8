"""Background removals: a video in layers. As in the API, deleted ones can still be read."""

from __future__ import annotations

from functools import partial

from ..account.account import Account
from ..account.resources import BackgroundRemoval
from ..answers import Json, data, listing
from ..media.drawn.drawing import Drawing, Scene
from ..media.store import MediaItem
from ..refusals import not_found
from ..server.calls import Call, Handler

__all__ = ["HANDLERS"]

#: The default layers.
_LAYERS = ["foreground"]
#: The foreground is transparent where the background was.
_FORMATS: dict[str, Json] = {
    "foreground": {"output_format": "webm"},
    "mask": {},
    "background": {},
}


def removal_json(account: Account, removal: BackgroundRemoval) -> Json:
    """Return a background removal in its current state."""
    now = account.clock.now()
    job = removal.job
    shown: Json = {"id": removal.id, "created_at": account.unix(job.created_at)}
    if removal.deleted:
        return {**shown, "status": "deleted"}
    shown["status"] = job.status(now, first="pending", running="processing")
    if not job.done(now):
        return shown
    shown["completed_at"] = account.unix(job.ends_at)
    if job.failure is not None:
        shown["error"] = job.failure.message
        return shown
    shown["duration"] = removal.seconds
    shown["layers"] = {
        layer: account.media.url(f"{file}.{account.media.format_of(_FORMATS[layer])}")
        for layer, file in removal.layers.items()
    }
    return shown


def _describe(title: str, layer: str, seconds: float) -> Drawing:
    return Drawing(title, (Scene(seconds, layer),), style=title, transparent=layer == "foreground")


def create(call: Call) -> Json:
    """Serve `background_removals.create`; the same `request_id` returns the same job."""
    body, account = call.body, call.account
    request_id = body.get("request_id")
    known = account.background_removals_by_request.get(request_id or "")
    if known is not None:
        return data(removal_json(account, known))
    account.check_source(body["video"], "video")
    seconds = round(account.source_seconds(body["video"]), 3)
    account.admit(None)
    identifier = account.new_id()
    job = account.begin("background_removal")
    account.record(
        "background_removal",
        identifier,
        call.operation.id,
        job,
        seconds=seconds,
        key=request_id,
        title=body.get("title"),
    )
    layers = {layer: account.new_id() for layer in body.get("layers") or _LAYERS}
    title = body.get("title") or "Background removal"
    for layer, file in layers.items():
        describe = partial(_describe, title, layer, seconds)
        account.media.add(MediaItem(file, seconds, describe=describe))
    removal = BackgroundRemoval(identifier, job, seconds, layers)
    account.background_removals.add(identifier, removal)
    if request_id:
        account.background_removals_by_request[request_id] = removal
    return data(removal_json(account, removal))


def get(call: Call) -> Json:
    """Serve `background_removals.get`, even for a deleted removal."""
    account = call.account
    return data(removal_json(account, account.background_removals.get(call.path[0])))


def list_(call: Call) -> Json:
    """Serve `background_removals.list`."""
    account, query = call.account, call.query
    page, token = account.background_removals.page(
        query["limit"], query.get("token"), lambda removal: not removal.deleted
    )
    return listing([removal_json(account, removal) for removal in page], token)


def delete(call: Call) -> Json:
    """Serve `background_removals.delete`; a running one releases its slot."""
    account = call.account
    removal = account.background_removals.get(call.path[0])
    if removal.deleted:
        raise not_found("background_removal")
    removal.deleted = True
    account.slots.release(removal.job)
    for file in removal.layers.values():
        account.media.remove(file)
    return data({"id": removal.id, "deleted": True})


HANDLERS: dict[str, Handler] = {
    "background_removals.create": create,
    "background_removals.get": get,
    "background_removals.list": list_,
    "background_removals.delete": delete,
}
