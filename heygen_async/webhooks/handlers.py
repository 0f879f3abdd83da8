"""The handlers that an app registers for events."""

from __future__ import annotations

import asyncio
import difflib
import logging
from collections.abc import Awaitable, Callable
from typing import Any

from heygen_async.errors import ConfigurationError
from heygen_async.webhooks.events import EVENT_CLASSES, Callback, Event

logger: logging.Logger = logging.getLogger("heygen_async.webhooks")


class Handlers:
    """The registered handlers, by the class of their events."""

    def __init__(self) -> None:
        self._all: list[tuple[type[Any], Callable[[Any], object]]] = []
        self._by_class: dict[type[Any], tuple[Callable[[Any], object], ...]] = {}

    def __len__(self) -> int:
        return len(self._all)

    def add(self, event: type[Any], handler: Callable[[Any], object]) -> None:
        """Register a handler for the events of a class and of its subclasses.

        Args:
            event: The class.
            handler: The function.
        """
        self._all.append((event, handler))
        self._by_class.clear()

    def of(self, event: Event | Callback) -> tuple[Callable[[Any], object], ...]:
        """Return the handlers of an event, in the order in which they were added.

        Args:
            event: The event.
        """
        kind = type(event)
        found = self._by_class.get(kind)
        if found is None:
            found = tuple(handler for wanted, handler in self._all if issubclass(kind, wanted))
            self._by_class[kind] = found
        return found


def event_class(event: object) -> type[Event | Callback]:
    """Return the class for the ``event`` argument of ``WebhookReceiver.on``.

    Args:
        event: A class of events, or the name of a type.

    Raises:
        ConfigurationError: The type of event is not known.
    """
    if isinstance(event, str):
        found = EVENT_CLASSES.get(event)
        if found is not None:
            return found
        close = difflib.get_close_matches(event, EVENT_CLASSES, n=2)
        hint = f"did you mean {' or '.join(map(repr, close))}? " if close else ""
        raise ConfigurationError(
            f"on: {event!r} is not a known type of event; {hint}"
            "Types that are newer than this SDK are delivered as UnknownEvent."
        )
    if isinstance(event, type) and issubclass(event, Event | Callback):
        return event
    raise ConfigurationError(f"on: expected a class or the name of a type of events, got {event!r}")


async def run(handler: Callable[[Any], object], event: Event | Callback) -> bool:
    """Run one handler. An exception from it is logged and not raised.

    Args:
        handler: A function, sync or async.
        event: The event.

    Returns:
        Whether it returned without an exception.
    """
    try:
        result = handler(event)
        if isinstance(result, Awaitable):
            await result
    except asyncio.CancelledError:
        task = asyncio.current_task()
        if task is not None and task.cancelling():
            raise
        # Something that the handler awaited was cancelled, not the handler itself.
        logger.exception("a handler of %s was cancelled from within", type(event).__name__)
        return False
    except Exception:
        logger.exception("a handler of %s raised an exception", type(event).__name__)
        return False
    return True
