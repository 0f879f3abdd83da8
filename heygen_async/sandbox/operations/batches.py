"""Batches of videos, translations and lipsyncs: accepted at once, started when slots become free.

A body that violates the specification is refused as a whole, and so is one with a request that
violates a rule between its fields. If a source or an avatar does not exist, only its item fails.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from ..account.account import Account
from ..account.batches import Batch, BatchItem
from ..account.store import Store
from ..account.validation import check_references
from ..answers import Json, data
from ..refusals import Refusal, invalid, invalid_item
from ..server.calls import Acceptance, Accepted, Call, Handler
from ..webhooks.job_events import schedule_batch
from .translations import lipsyncs, video_translations
from .videos import videos

__all__ = ["HANDLERS", "batch_json"]

#: The most items of a batch; each language of a translation is an item.
MOST_ITEMS = 100


@dataclass(frozen=True, slots=True)
class _Product:
    """A product with batches.

    Attributes:
        name: Name of the resource and of the field with the requests.
        kind: Kind of job.
        plan: Checks one request, and returns an acceptance for each of its jobs.
        count: Returns the number of jobs of a request.
    """

    name: str
    kind: str
    plan: Callable[[Call, Json], list[Acceptance]]
    count: Callable[[Json], int] = lambda _: 1


_PRODUCTS = (
    _Product("videos", "video", videos.plan),
    _Product(
        "video_translations",
        "translation",
        video_translations.plan,
        lambda request: len(request["output_languages"]),
    ),
    _Product("lipsyncs", "lipsync", lipsyncs.plan),
)


def _create(product: _Product, call: Call) -> Json:
    account = call.account
    requests: list[Json] = call.body[product.name]
    check_references(account, call.body)
    if sum(map(product.count, requests)) > MOST_ITEMS:
        raise invalid(product.name, f"A batch takes at most {MOST_ITEMS} items")
    items: Store[BatchItem] = Store("resource", newest_first=False)
    batch = Batch(
        account.new_id(),
        call.body.get("title"),
        account.clock.now(),
        items,
        call.body.get("callback_url"),
    )
    for request in requests:
        if call.body.get("folder_id") is not None:
            request.setdefault("folder_id", call.body["folder_id"])
    plans = _plans(product, call, requests)
    account.afford(sum(job.usd for plan in plans if not isinstance(plan, Refusal) for job in plan))
    for request, plan in zip(requests, plans, strict=True):
        for item in _accepted(product, call, request, batch, plan):
            items.add(str(item.index), item)
    account.batches[product.name].add(batch.id, batch)
    if any(body.get("callback_url") is not None for body in (call.body, *requests)):
        # Its jobs may start, and their events be sent, long after this.
        account.deliveries.start()
    if all(item.job is None for item in items):
        schedule_batch(account, batch)
    account.settle()
    return data({"batch_id": batch.id})


def _begin(account: Account, batch: Batch, accepted: Accepted) -> None:
    accepted.begin()
    if batch.all_started:
        schedule_batch(account, batch)


def _plans(product: _Product, call: Call, requests: list[Json]) -> list[list[Acceptance] | Refusal]:
    """Return the acceptances or the refusal of each request; refuse all for a violated rule."""
    plans: list[list[Acceptance] | Refusal] = []
    for index, request in enumerate(requests):
        try:
            plans.append(product.plan(call, request))
        except Refusal as refusal:
            if not refusal.alone:
                raise invalid_item(product.name, index) from None
            plans.append(refusal)
    return plans


def _accepted(
    product: _Product,
    call: Call,
    request: Json,
    batch: Batch,
    plan: list[Acceptance] | Refusal,
) -> list[BatchItem]:
    """Return the items of one request, and queue their jobs."""
    account = call.account
    first = len(batch.items)
    if isinstance(plan, Refusal):
        count = product.count(request)
        return [BatchItem(first + number, refusal=plan) for number in range(count)]
    items = []
    for number, planned in enumerate(plan):
        job = account.begin(product.kind, slot=False)
        accepted = planned.accept(job)
        account.slots.queue(job, partial(_begin, account, batch, accepted))
        items.append(BatchItem(first + number, accepted.id, job))
    return items


def batch_json(call: Call, store: Store[Batch]) -> Json:
    """Return the requested batch, with one page of its items."""
    account = call.account
    batch = store.get(call.path[0])
    now = account.clock.now()
    page, token = batch.items.page(call.query["limit"], call.query.get("token"))
    return data(
        {
            "batch_id": batch.id,
            "title": batch.title,
            "status": batch.status(now),
            "total_items": len(batch.items),
            "counts_by_status": dict(batch.counts(now)),
            "created_at": account.unix(batch.created_at),
            "items": [item.json(now) for item in page],
            "has_more": token is not None,
            "next_token": token,
        }
    )


def _get(product: _Product, call: Call) -> Json:
    return batch_json(call, call.account.batches[product.name])


HANDLERS: dict[str, Handler] = {
    **{f"{product.name}.batches.create": partial(_create, product) for product in _PRODUCTS},
    **{f"{product.name}.batches.get": partial(_get, product) for product in _PRODUCTS},
}
