"""Repeat creates that use an asset which HeyGen does not find yet, shortly after its upload.

HeyGen's support recommends sending the same request with the same key again after 5 s and 15 s. A
refused create costs nothing, so creates without a key are sent again too.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from functools import partial
from typing import Any, TypeVar

from heygen_async.errors import APIError
from heygen_async.session.calls import fresh_key
from heygen_async.session.endpoint import Endpoint
from heygen_async.session.session import Session

T = TypeVar("T")

logger: logging.Logger = logging.getLogger("heygen_async.session")

_WAITS = (5.0, 15.0)
# Seconds for which an asset counts as fresh.
_FRESH = 60.0
_UNSEEN = frozenset(
    {(400, "asset_not_found"), (404, "asset_not_found"), (404, "resource_not_found")}
)


def note_upload(session: Session, asset_id: str) -> None:
    """Note that an asset was uploaded just now."""
    now = asyncio.get_running_loop().time()
    recent = {key: at for key, at in session.fresh_assets.items() if _is_fresh(at, now)}
    session.fresh_assets = recent | {asset_id: now}


def create(
    session: Session,
    endpoint: Endpoint[T],
    path: str,
    body: bytes,
    idempotency_key: str | None = None,
    *,
    resend: bool = False,
) -> Coroutine[Any, Any, T]:
    """Send a create, and again with the same key while it uses an asset that is not visible yet.

    Args:
        session: The session.
        endpoint: The operation.
        path: Its encoded path.
        body: The request.
        idempotency_key: The caller's key, or None for a new one.
        resend: Whether the call is sent again after an attempt that may have been carried out.

    Raises:
        HeyGenError: As for every call.
    """
    if session.fresh_assets:
        key = fresh_key() if endpoint.keyed and idempotency_key is None else idempotency_key
        send = partial(session.call, endpoint, path, body=body, idempotency_key=key, resend=resend)
        return _create_with_fresh_assets(session, endpoint, body, send)
    return session.call(endpoint, path, body=body, idempotency_key=idempotency_key, resend=resend)


async def _create_with_fresh_assets(
    session: Session, endpoint: Endpoint[T], body: bytes, send: Callable[[], Awaitable[T]]
) -> T:
    for wait in _WAITS:
        try:
            return await send()
        except APIError as error:
            now = asyncio.get_running_loop().time()
            if not is_unseen_asset(error, body, session.fresh_assets, now):
                raise
            logger.info(
                "%s uses an asset that is not visible yet; the next attempt follows in %.0f s",
                endpoint.operation,
                wait,
            )
        await asyncio.sleep(wait)
    return await send()


def is_unseen_asset(error: APIError, body: bytes, uploads: Mapping[str, float], now: float) -> bool:
    """Return whether a refusal is about an asset that was uploaded less than a minute ago.

    Args:
        error: The refusal.
        body: The body of the request.
        uploads: Upload times of assets by their ids.
        now: The present, on the same clock.
    """
    refused = (error.status, error.code) in _UNSEEN and not error.maybe_carried_out
    return refused and any(
        _is_fresh(at, now) and asset_id.encode() in body for asset_id, at in uploads.items()
    )


def _is_fresh(at: float, now: float) -> bool:
    return 0 <= now - at < _FRESH
