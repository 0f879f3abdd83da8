"""What goes to HeyGen in one request of up to 100 items: which items, and in which words.

The body is made from what the journal holds, the first time as well as when it is sent again
after a crash: so both say the same.
"""

from __future__ import annotations

import asyncio
import copy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, get_args

import msgspec

from heygen_async.client import HeyGen
from heygen_async.endpoints.batches import JobBatches
from heygen_async.errors import HeyGenError
from heygen_async.models.videos import VideoRequest

MOST = 100
"""Items that HeyGen takes in one request."""

_MARK = "#"  # in no id of HeyGen's
_VIDEOS_WITH_CALLBACK = frozenset(
    kind.__struct_config__.tag
    for kind in get_args(VideoRequest)
    if "callback_id" in kind.__struct_fields__
)


class Enclosure(msgspec.Struct, frozen=True):
    """One item of a parcel, as its intent has it.

    Attributes:
        key: The item's key.
        position: Where it stands among the items; the order within the parcel.
        attempt: From 1.
        fingerprint: Of its path and payload.
        payload: Its request's body, without what a run adds.
    """

    key: str
    position: int
    attempt: int
    fingerprint: str
    payload: bytes


@dataclass(frozen=True, slots=True)
class Product:
    """What HeyGen takes many of in one request.

    Attributes:
        field: The field of the request that holds them.
        batches: Its batches.
        takes_callback_id: Whether the body of one can have a ``callback_id``.
        one_folder: Whether the request has one folder for all of them, and they none.
    """

    field: str
    batches: Callable[[HeyGen], JobBatches[Any]]
    takes_callback_id: Callable[[Mapping[str, Any]], bool] = lambda _: True
    one_folder: bool = False

    def body(self, payloads: Sequence[bytes], callback_ids: Sequence[str | None]) -> bytes:
        """The request for many.

        Args:
            payloads: The bodies of single requests.
            callback_ids: For each the ``callback_id`` that it gets if it has none of its own, so
                that the account tells later which job is whose; None for none.
        """
        requests = []
        for payload, callback_id in zip(payloads, callback_ids, strict=True):
            fields = msgspec.json.decode(payload, type=dict[str, Any])
            if callback_id is not None and self.takes_callback_id(fields):
                fields.setdefault("callback_id", callback_id)
            requests.append(fields)
        return msgspec.json.encode({self.field: requests, **self._folder_of(requests)})

    def _folder_of(self, requests: Sequence[dict[str, Any]]) -> dict[str, Any]:
        """Take the folder that the requests share out of them; the field of the whole request.

        Where they name different ones it stays: HeyGen refuses that, and takes their halves.
        """
        folders = {fields.get("folder_id") or "" for fields in requests}
        if not self.one_folder or len(folders) > 1:
            return {}
        for fields in requests:
            fields.pop("folder_id", None)
        return {"folder_id": folder} if (folder := folders.pop()) else {}


PRODUCTS: dict[str, Product] = {
    "videos": Product(
        "videos",
        lambda heygen: heygen.videos.batches,
        lambda fields: fields.get("type") in _VIDEOS_WITH_CALLBACK,
        one_folder=True,
    ),
    "video-translations": Product(
        "video_translations", lambda heygen: heygen.video_translations.batches
    ),
    "lipsyncs": Product("lipsyncs", lambda heygen: heygen.lipsyncs.batches),
}
"""By the place that a single request is sent to."""


def item_id(batch_id: str, index: int) -> str:
    """What stands for the job of an item until it has begun, and has an id of its own."""
    return f"{batch_id}{_MARK}{index}"


def is_item_id(job_id: str) -> bool:
    """Whether an id stands for an item of a batch."""
    return _MARK in job_id


def batch_and_index(job_id: str) -> tuple[str, int]:
    """The batch and the place that ``item_id`` has made an id of."""
    batch_id, _, index = job_id.partition(_MARK)
    return batch_id, int(index)


class Parcel:
    """Items that are sent together, and what becomes of each.

    Attributes:
        product: What they are.
        enclosed: The items.
        complete: Set once no item joins any more.
    """

    def __init__(self, product: Product) -> None:
        self.product = product
        self.enclosed: list[Enclosure] = []
        self.complete: asyncio.Event = asyncio.Event()
        self._jobs: dict[int, asyncio.Future[str | None]] = {}

    def job(self, position: int) -> asyncio.Future[str | None]:
        """Becomes the id of an item, by its position, or why it has none.

        None says that the parcel, of an earlier run, cannot be sent again.
        """
        future = self._jobs.get(position)
        if future is None:
            future = self._jobs[position] = asyncio.get_running_loop().create_future()
        return future

    def accepted(self, enclosed: Sequence[Enclosure], batch_id: str) -> None:
        """HeyGen has made a batch of these."""
        for index, one in enumerate(enclosed):
            self._tell(one, item_id(batch_id, index))

    def failed(self, enclosed: Sequence[Enclosure], error: HeyGenError) -> None:
        """These were refused, or nobody knows what became of them."""
        for one in enclosed:
            self._tell(one, copy.copy(error))  # each has a traceback of its own

    def withdraw(self, reason: Exception | None) -> None:
        """None of those who wait gets an id: for this reason, or since it cannot be sent."""
        for job in self._jobs.values():
            _settle(job, copy.copy(reason))

    def abandon(self) -> None:
        """All who wait are cancelled."""
        for job in self._jobs.values():
            job.cancel()

    def _tell(self, one: Enclosure, what: str | HeyGenError) -> None:
        _settle(self.job(one.position), what)


def _settle(job: asyncio.Future[str | None], what: str | Exception | None) -> None:
    if job.done():
        return
    if isinstance(what, Exception):
        job.set_exception(what)
        job.exception()  # nobody may wait for it: its item is not among those of this run
    else:
        job.set_result(what)
