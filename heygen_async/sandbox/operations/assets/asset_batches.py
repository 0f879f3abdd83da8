"""Batches of direct uploads: created and completed together, checked independently."""

from __future__ import annotations

from ...account.account import Account
from ...account.batches import Batch, BatchItem
from ...account.resources import Asset
from ...account.store import Store
from ...answers import Json, data, listing
from ...jobs import Failure
from ...refusals import Refusal, invalid_item
from ...server.calls import Call, Handler
from ...webhooks.job_events import schedule_batch
from ..batches import batch_json
from ..videos.videos import status_entries
from .assets import finish_upload, prepare_upload, upload_json

__all__ = ["HANDLERS"]

#: Seconds that the check of a file takes.
_CHECK = 1.0


def create(call: Call) -> Json:
    """Serve `assets.direct_uploads.batches.create`; one invalid file refuses the batch."""
    body, account = call.body, call.account
    assets = [_prepared(account, file, index) for index, file in enumerate(body["files"])]
    items: Store[BatchItem] = Store("resource", newest_first=False)
    for index, asset in enumerate(assets):
        account.assets.add(asset.id, asset)
        items.add(str(index), BatchItem(index, asset.id, asset.job, named=True))
    # Its `callback_url` is reserved; nothing is sent there.
    batch = Batch(account.new_id(), body.get("title"), account.clock.now(), items)
    account.batches["assets"].add(batch.id, batch)
    uploads = [upload_json(account, asset) for asset in assets]
    return data({"batch_id": batch.id, "items": uploads})


def _prepared(account: Account, file: Json, index: int) -> Asset:
    try:
        return prepare_upload(account, file)
    except Refusal as refusal:
        if refusal.status != 400:
            raise
        raise invalid_item("files", index) from None


def complete(call: Call) -> Json:
    """Serve `assets.direct_uploads.batches.complete`; a missing file fails alone."""
    account = call.account
    batch = account.batches["assets"].get(call.body["batch_id"])
    if not batch.all_started:
        for item in batch.items:
            _check(account, item)
        schedule_batch(account, batch)
    return data({"batch_id": batch.id})


def _check(account: Account, item: BatchItem) -> None:
    job = item.job
    if job is None or not job.waiting:
        return
    try:
        finish_upload(account, account.assets.get(item.id or ""), None)
    except Refusal as refusal:
        job.failure = Failure(refusal.code, refusal.message)
        job.begin(account.clock.now())
    job.seconds = _CHECK


def get(call: Call) -> Json:
    """Serve `assets.batches.get`."""
    return batch_json(call, call.account.batches["assets"])


def statuses(call: Call) -> Json:
    """Serve `assets.statuses`."""
    return listing(status_entries(call, "asset_ids"), None)


HANDLERS: dict[str, Handler] = {
    "assets.direct_uploads.batches.create": create,
    "assets.direct_uploads.batches.complete": complete,
    "assets.batches.get": get,
    "assets.statuses": statuses,
}
