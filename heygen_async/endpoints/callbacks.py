"""Add a ``callback_id`` to requests that have a ``callback_url`` but no id of their own.

HeyGen does not sign its posts to a ``callback_url``. A genuine callback is recognized by its
``callback_id``, which HeyGen sends back, if nobody else can guess it.
"""

from __future__ import annotations

import base64
import hashlib
import os
from typing import TypeVar

import msgspec

from heygen_async.models.structs import Request, given
from heygen_async.session.session import Session

RequestT = TypeVar("RequestT", bound=Request)


def with_unguessable_id(
    request: RequestT, session: Session, idempotency_key: str | None
) -> RequestT:
    """Return the request with a ``callback_id``, if it has a ``callback_url`` but no id.

    The same idempotency key results in the same id, because the API then replays the answer to the
    first request. The id is derived from the API key, which others do not have.
    """
    if getattr(request, "callback_url", None) is None and "callback_url" not in request.extra:
        return request
    if not hasattr(request, "callback_id") or given(request, "callback_id"):
        return request
    if idempotency_key is None:
        made = os.urandom(24)
    else:
        secret = hashlib.sha256(session.settings.secret.encode()).digest()
        text = f"callback_id of {idempotency_key}".encode()
        made = hashlib.blake2b(text, key=secret, digest_size=24).digest()
    return msgspec.structs.replace(request, callback_id=base64.urlsafe_b64encode(made).decode())


def callback_id_of(request: Request) -> str | None:
    """Return the ``callback_id`` of a request, or None."""
    found = getattr(request, "callback_id", None) or request.extra.get("callback_id")
    return found if isinstance(found, str) else None
