"""Keys and fingerprints: the same manifest always makes the same ones."""

from __future__ import annotations

import functools
import hashlib
import json
import re
from collections.abc import Iterable

from heygen_async.errors import InvalidRequest

# Items have the number of the attempt here.
_OF_A_BATCH = ":batch:"
_RUN_ID = re.compile(r"[A-Za-z0-9_.\-]{1,64}")


def make_run_id(kind: str, subject: str, name: str) -> str:
    """The run id of a journal that was given none.

    Args:
        kind: Kind of run, such as ``render``.
        subject: What it is about, such as a template's id.
        name: The journal's file name without folder and ending.

    Returns:
        16 hexadecimal digits.
    """
    return _digest(json.dumps([kind, subject, name]))[:16]


@functools.lru_cache(maxsize=16)  # every key of a run begins with it
def check_run_id(run_id: str) -> str:
    """The run id itself, if it can be part of an idempotency key.

    Raises:
        InvalidRequest: It is not 1 to 64 characters of ``A-Z a-z 0-9 _ . -``.
    """
    if _RUN_ID.fullmatch(run_id) is None:
        raise InvalidRequest(
            f"run_id: expected 1 to 64 letters, digits, '_', '.' or '-', got {run_id!r}",
            param="run_id",
        )
    return run_id


def idempotency_key(run_id: str, key: str, fingerprint: str, attempt: int = 1) -> str:
    """The key that an item's request is sent with.

    The request is part of it: the API replays an answer whatever the body says, and an item of
    another journal with the same name must not get the job of this one.

    Args:
        run_id: The run's id; its characters are those that ``check_run_id`` lets pass.
        key: The item's key: any text.
        fingerprint: Of its request.
        attempt: From 1.

    Returns:
        At most 255 characters of ``A-Za-z0-9_-:.``, which is what the API takes; different for
        every run, item, request and attempt, and always the same for the same.

    Raises:
        InvalidRequest: A run id with other characters.
    """
    item = _digest(f"{key}\0{fingerprint}")
    return f"{check_run_id(run_id)}:{attempt}:{item}"


def batch_key(run_id: str, keys: Iterable[str]) -> str:
    """The key that a batch of items is sent with.

    It says which items it was made of: from other ones, or in another order, it is another.

    Args:
        run_id: The run's id.
        keys: The idempotency keys that the items have by themselves, in the batch's order.

    Raises:
        InvalidRequest: A run id with other characters.
    """
    return f"{check_run_id(run_id)}{_OF_A_BATCH}{_digest(' '.join(keys))}"


def is_batch_key(key: str) -> bool:
    """Whether an idempotency key is that of a batch, and not of one item."""
    return _OF_A_BATCH in key


def fingerprint(path: str, payload: bytes) -> str:
    """What tells one request from another: 64 hexadecimal digits over its path and body."""
    return hashlib.sha256(path.encode() + b"\0" + payload).hexdigest()


def own_key(fingerprint: str, number: int = 1) -> str:
    """The key of an item that was given none.

    It follows from the payload, and not from the position, so that rows that come or go leave
    the keys of the others alone.

    Args:
        fingerprint: Of its request.
        number: Which of several equal items it is, from 1.
    """
    base = fingerprint[:16]
    return base if number == 1 else f"{base}-{number}"


def _digest(text: str) -> str:
    # File names that are not UTF-8 come as lone surrogates.
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
