"""``DeliveryHook``: the interface of receivers of outcomes, and what they are told."""

from __future__ import annotations

import hashlib
import inspect
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Protocol, runtime_checkable

import msgspec

from heygen_async.errors import DeliveryError, HeyGenError
from heygen_async.session.session import Session


class Deliverable(Protocol):
    """The outcome of an item, as hooks receive it; see ``Outcome``."""

    @property
    def delivery_id(self) -> str | None:
        """Identifies the outcome, the same each time it is delivered."""

    @property
    def key(self) -> str:
        """The item's key."""

    @property
    def status(self) -> str:
        """``completed``, ``failed`` or ``rejected``."""

    @property
    def job_id(self) -> str | None:
        """Its job, or None."""

    @property
    def file(self) -> str | None:
        """Path or URL of its file, or None."""

    @property
    def public_url(self) -> str | None:
        """Public URL of the file, or None."""

    @property
    def error(self) -> HeyGenError | None:
        """The error it failed with, or None."""


@runtime_checkable
class DeliveryHook(Protocol):
    """Receives the outcome of each item at least once, after its file was written.

    Attributes:
        name: Name of the receiver, the same in each run and without secrets. The journal records
            under this name which outcomes it has received.
    """

    @property
    def name(self) -> str:
        """Name of the receiver."""

    async def open(self) -> None:
        """Prepare, before anything is paid for.

        Raises:
            HeyGenError: It cannot be used.
        """

    async def deliver(self, outcome: Any, session: Session) -> None:
        """Deliver an outcome. It counts as delivered when this returns.

        Args:
            outcome: The outcome; see ``Deliverable``.
            session: Connections and settings of the client.

        Raises:
            HeyGenError: It was not delivered. The next run of the same journal tries again.
        """


class ItemData(msgspec.Struct, frozen=True, kw_only=True):
    """Data of a notification about one item. It contains no signed URL of the API.

    Attributes:
        id: Identifies the outcome, the same each time it is delivered.
        key: The item's key.
        status: ``completed``; ``failed``; or ``rejected``, if somebody has decided against it.
        file: Path or URL of the file that was written, or None.
        url: Public URL of the file, or None.
        job_id: Its job, or None.
        error: Message of the error it failed with, or None.
    """

    id: str
    key: str
    status: str
    file: str | None
    url: str | None
    job_id: str | None
    error: str | None


class ItemEvent(msgspec.Struct, frozen=True, kw_only=True):
    """A notification, in the form of HeyGen's webhooks.

    Attributes:
        event_id: The id of its data.
        event_type: ``item.`` and the status.
        created_at: Time of the notification, in ISO 8601.
        event_data: Its data.
    """

    event_id: str
    event_type: str
    created_at: str
    event_data: ItemData


def item_event(outcome: Deliverable) -> ItemEvent:
    """Return the notification about an outcome."""
    data = ItemData(
        id=outcome.delivery_id or hashlib.sha256(text(outcome.key).encode()).hexdigest()[:32],
        key=text(outcome.key),
        status=outcome.status,
        file=text(outcome.file),
        url=outcome.public_url,
        job_id=text(outcome.job_id),
        error=None if outcome.error is None else text(str(outcome.error)),
    )
    now = datetime.now(UTC).isoformat(timespec="milliseconds")
    return ItemEvent(
        event_id=data.id, event_type=f"item.{data.status}", created_at=now, event_data=data
    )


class CallbackHook:
    """Call a function with each outcome, on the event loop; a coroutine is awaited.

    Args:
        function: The function. If it raises, the outcome was not delivered.
    """

    def __init__(self, function: Callable[[Any], object]) -> None:
        self._function = function
        named: Any = getattr(function, "func", function)  # of a partial
        module = getattr(named, "__module__", "")
        self.name: str = f"on_done {module}.{getattr(named, '__qualname__', type(named).__name__)}"

    async def open(self) -> None:
        """Do nothing."""

    async def deliver(self, outcome: Any, session: Session) -> None:
        """Call the function."""
        try:
            result = self._function(outcome)
            if inspect.isawaitable(result):
                await result
        except Exception as error:  # whatever the user's function raises
            raise DeliveryError(f"{self.name}: {type(error).__name__}: {error}") from error


def text(value: Any) -> Any:
    """Return a text without lone surrogates, which cannot be encoded; other values unchanged."""
    return value.encode("utf-8", "replace").decode() if isinstance(value, str) else value
