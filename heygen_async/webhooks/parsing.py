"""Parse bodies: a verified body becomes an ``Event``, any other a ``Callback`` with ids only."""

from __future__ import annotations

import logging
from typing import Any, overload

import msgspec

from heygen_async.errors import MalformedDelivery
from heygen_async.jobs.notification import LONGEST_CALLBACK_ID
from heygen_async.models.webhooks import WebhookEvent
from heygen_async.session.answers.codec import DECODE_ERRORS, log_oddities, plain_values
from heygen_async.session.answers.lenient import Oddity, convert_leniently
from heygen_async.webhooks.events import (
    EVENT_CLASSES,
    Callback,
    Event,
    KnownEvent,
    UnknownEvent,
    jobs_in,
)
from heygen_async.webhooks.signature import VerifiedBody

logger: logging.Logger = logging.getLogger("heygen_async.webhooks")

_reported: set[Oddity] = set()
_known: msgspec.json.Decoder[Event] = msgspec.json.Decoder(KnownEvent)


@overload
def parse(body: VerifiedBody) -> Event: ...
@overload
def parse(body: bytes) -> Callback: ...
def parse(body: VerifiedBody | bytes) -> Event | Callback:
    """Parse the body of a delivery.

    Args:
        body: The return value of ``verify``, or the raw body of an unsigned delivery.

    Returns:
        For a verified body, the event, in the class of its type or as an ``UnknownEvent``. For raw
        bytes, a ``Callback``, which holds only the ids of jobs to fetch.

    Raises:
        MalformedDelivery: The body is not a JSON object with an ``event_type``.
    """
    if not isinstance(body, VerifiedBody):
        return _callback(body)
    try:
        return _known.decode(body.content)
    except DECODE_ERRORS:
        return _event(_object(body.content))


def event_from(listed: WebhookEvent) -> Event:
    """Return the event for an entry in the account's list of past events.

    Args:
        listed: The entry.
    """
    fields: dict[str, Any] = msgspec.structs.asdict(listed)
    return _event(fields)


def _event(fields: dict[str, Any]) -> Event:
    """Return the event of its type, without fields of other types than published."""
    kind = EVENT_CLASSES.get(fields["event_type"])
    if kind is None:
        return _unknown(fields)
    try:
        event, oddities = convert_leniently(fields, kind)
    except msgspec.ValidationError as error:
        logger.warning("an event %s has another form than published: %s", kind.__name__, error)
        return _unknown(fields)
    if any(oddity.path == "event_data" for oddity in oddities):
        return _unknown(fields)  # it keeps the whole body
    log_oddities(oddities, kind.__name__, _reported)
    found: Event = event
    return found


def _callback(body: bytes) -> Callback:
    fields = _object(body)
    data = fields.get("event_data")
    callback_id = data.get("callback_id") if isinstance(data, dict) else None
    if not isinstance(callback_id, str) or len(callback_id) > LONGEST_CALLBACK_ID:
        callback_id = None
    jobs = jobs_in(fields["event_type"], data, verified=False, callback_id=callback_id)
    return Callback(jobs=jobs, callback_id=callback_id)


def _object(content: bytes) -> dict[str, Any]:
    try:
        fields = plain_values(content)
    except DECODE_ERRORS:
        raise MalformedDelivery("the delivery's body is not JSON") from None
    if not isinstance(fields, dict):
        raise MalformedDelivery("the delivery's body is not a JSON object")
    if not isinstance(fields.get("event_type"), str) or not fields["event_type"]:
        raise MalformedDelivery("the delivery's body has no event_type")
    return fields


def _unknown(fields: dict[str, Any]) -> UnknownEvent:
    data = fields.get("event_data")
    event_id, created_at = fields.get("event_id"), fields.get("created_at")
    return UnknownEvent(
        event_type=fields["event_type"],
        event_id=event_id if isinstance(event_id, str) else None,
        created_at=created_at if isinstance(created_at, str) else None,
        event_data=data if isinstance(data, dict) else {},
        body=fields,
    )
