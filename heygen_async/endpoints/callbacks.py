"""The ``callback_id`` that a request gets where it has a ``callback_url`` and none of its own.

HeyGen does not sign what it posts to a ``callback_url``. What tells a real callback from a made-up
one is the ``callback_id``, which comes back with it, if nobody else can guess it.
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
    """The request with a ``callback_id``, if it is to be called back and has none.

    Under the same idempotency key it is the same id, for the API answers from the first request
    then. The id is derived with the API key, which others do not have.
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
    """The ``callback_id`` that a request goes out with."""
    found = getattr(request, "callback_id", None) or request.extra.get("callback_id")
    return found if isinstance(found, str) else None
