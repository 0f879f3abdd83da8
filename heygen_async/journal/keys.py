"""Keys and fingerprints; the same items always get the same values."""

from __future__ import annotations

import functools
import hashlib
import json
import re
import secrets
from collections.abc import Iterable, Sequence
from typing import Protocol

import msgspec

from heygen_async.errors import InvalidRequest

# Keys of single items have the number of the attempt here.
_BATCH_PART = ":batch:"
_sorted = msgspec.json.Encoder(order="sorted")
_RUN_ID = re.compile(r"[A-Za-z0-9_.\-]{1,64}")


def make_run_id(kind: str, subject: str, name: str) -> str:
    """Return the default run id of a journal: 16 hexadecimal digits.

    Args:
        kind: Kind of run, such as ``render``.
        subject: Its subject, such as the id of a template.
        name: File name of the journal without folder and suffix.
    """
    return _digest(json.dumps([kind, subject, name]))[:16]


@functools.lru_cache(maxsize=16)  # every key of a run starts with it
def check_run_id(run_id: str) -> str:
    """Return the run id if it can be part of an idempotency key.

    Raises:
        InvalidRequest: The id is not 1 to 64 characters of ``A-Z a-z 0-9 _ . -``.
    """
    if _RUN_ID.fullmatch(run_id) is None:
        raise InvalidRequest(
            f"run_id: expected 1 to 64 letters, digits, '_', '.' or '-', got {run_id!r}",
            param="run_id",
        )
    return run_id


def fingerprint(operation: str, path_arguments: Sequence[str], payload: bytes) -> str:
    """Return 64 hexadecimal digits that identify a request.

    Args:
        operation: The operation, such as ``videos.create``.
        path_arguments: Values of the parameters in its path.
        payload: The JSON body, its members sorted at every depth.
    """
    address = "\0".join((operation, *path_arguments, ""))
    return hashlib.sha256(address.encode() + payload).hexdigest()


def canonical_json(payload: bytes) -> bytes:
    """Return JSON with the members of all objects sorted; return other data unchanged."""
    try:
        return _sorted.encode(msgspec.json.decode(payload))
    except msgspec.DecodeError:
        return payload


def content_key(fingerprint: str, number: int = 1) -> str:
    """Return the default key of an item.

    The key depends on the payload and not on the position: if rows are added or removed, the keys
    of the other rows stay the same.

    Args:
        fingerprint: Fingerprint of its request.
        number: Number of the item among equal ones, from 1.
    """
    base = fingerprint[:16]
    return base if number == 1 else f"{base}-{number}"


def idempotency_key(run_id: str, key: str, fingerprint: str, attempt: int = 1) -> str:
    """Return the idempotency key for the request of a single item.

    The request is part of the key, because the API replays the stored answer even if the body
    differs. An item of another journal with the same name must not get this item's job.

    Args:
        run_id: The id of the run.
        key: The item's key: any text.
        fingerprint: Fingerprint of its request.
        attempt: Number of the submission, from 1.

    Returns:
        At most 255 characters of ``A-Za-z0-9_-:.``, which the API accepts; unique for each run,
        item, request and attempt, and the same each time.

    Raises:
        InvalidRequest: The run id contains other characters.
    """
    item = _digest(f"{key}\0{fingerprint}")
    return f"{check_run_id(run_id)}:{attempt}:{item}"


def batch_key(run_id: str, keys: Iterable[str]) -> str:
    """Return the key of a server batch, which depends on the items and their order.

    Args:
        run_id: The id of the run.
        keys: The keys of the single items, in the order of the batch.

    Raises:
        InvalidRequest: The run id contains other characters.
    """
    return f"{check_run_id(run_id)}{_BATCH_PART}{_digest(' '.join(keys))}"


def is_batch_key(key: str) -> bool:
    """Return whether an idempotency key is that of a server batch."""
    return _BATCH_PART in key


class ItemIdentity(msgspec.Struct, frozen=True):
    """The identity of one item.

    Attributes:
        key: Its key.
        record_key: Its key in the journal.
        fingerprint: Fingerprint of its request.
    """

    key: str
    record_key: str
    fingerprint: str


class ItemKeys(Protocol):
    """Rules for the keys of a run's items, in the journal and for the API."""

    def identify(
        self,
        operation: str,
        path_arguments: Sequence[str],
        payload: bytes,
        key: str | None,
        index: int,
    ) -> ItemIdentity:
        """Return the identity of an item.

        Args:
            operation: The operation that submits it.
            path_arguments: Values of the parameters in its path.
            payload: The JSON body, its members sorted at every depth.
            key: The item's key, or None for the default.
            index: Its position among the items, from 0.
        """

    def skip(self, identity: ItemIdentity) -> None:
        """Note that another item has this default key; the next equal item gets a different one."""

    def single_key(self, record_key: str, fingerprint: str, attempt: int) -> str:
        """Return the idempotency key of a single item; empty to use a fresh key for each call."""

    def batch_key(self, keys: Iterable[str]) -> str:
        """Return the idempotency key of a server batch."""


class StableKeys:
    """Keys derived from the run and the items, for a journal that outlives the run.

    The default key of an item is its content key.

    Args:
        run_id: The id of the run.
    """

    def __init__(self, run_id: str) -> None:
        self._run_id = run_id
        self._numbers: dict[str, int] = {}

    def identify(
        self,
        operation: str,
        path_arguments: Sequence[str],
        payload: bytes,
        key: str | None,
        index: int,
    ) -> ItemIdentity:
        """Return the identity of an item."""
        digits = fingerprint(operation, path_arguments, payload)
        if key is None:
            key = content_key(digits, self._numbers.get(digits, 1))
        return ItemIdentity(key, key, digits)

    def skip(self, identity: ItemIdentity) -> None:
        """Give the next equal item a different key."""
        number = self._numbers.get(identity.fingerprint, 1)
        if content_key(identity.fingerprint, number) == identity.key:
            self._numbers[identity.fingerprint] = number + 1

    def single_key(self, record_key: str, fingerprint: str, attempt: int) -> str:
        """Return the idempotency key of a single item."""
        return idempotency_key(self._run_id, record_key, fingerprint, attempt)

    def batch_key(self, keys: Iterable[str]) -> str:
        """Return the idempotency key of a server batch."""
        return batch_key(self._run_id, keys)


class FreshKeys:
    """Keys of a run without a journal, which need not be reproducible.

    The default key of an item is its position. The in-memory journal uses the position for all
    items, since several items may have the same key.
    """

    def identify(
        self,
        operation: str,
        path_arguments: Sequence[str],
        payload: bytes,
        key: str | None,
        index: int,
    ) -> ItemIdentity:
        """Return the identity of an item, without a fingerprint."""
        position = str(index)
        return ItemIdentity(position if key is None else key, position, "")

    def skip(self, identity: ItemIdentity) -> None:
        """Do nothing: positions are unique."""

    def single_key(self, record_key: str, fingerprint: str, attempt: int) -> str:
        """Return an empty key."""
        return ""

    def batch_key(self, keys: Iterable[str]) -> str:
        """Return a fresh key, so that the request can be retried safely."""
        return f"{secrets.token_hex(8)}{_BATCH_PART}{secrets.token_hex(16)}"


def _digest(text: str) -> str:
    # File names that are not UTF-8 contain lone surrogates.
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
