"""Finds what a create without an Idempotency-Key has made, where its answer was lost.

Such a create (``video_agents.create``, ``voices.clone``) is never sent again after an attempt that
the API may have carried out. The account is asked instead: what was made since the attempt, is
exactly what was asked for, and belongs to no other call of this client. Lists lag behind, so it
is asked after 5, 15 and 45 seconds. Two candidates count as none.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter, OrderedDict
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TypeVar

from heygen_async.errors import CallError
from heygen_async.models.video_agents import VideoAgentSession
from heygen_async.models.voices import VoiceDetail

T = TypeVar("T")

# Seconds after the failure at which the account is asked.
LOOKS = (5.0, 15.0, 45.0)
# Seconds by which the clocks of this machine and of HeyGen may differ.
CLOCK_MARGIN = 120.0
# Ids that are remembered as given to a call; older ones lie before any search.
_REMEMBERED = 10_000

logger: logging.Logger = logging.getLogger("heygen_async.endpoints")


def has_prompt(session: VideoAgentSession, prompt: str) -> bool:
    """Return whether a user of this session has said exactly this."""
    return any(m.role == "user" and m.content == prompt for m in session.messages)


def is_clone(voice: VoiceDetail, name: str, since: float) -> bool:
    """Return whether a voice has this name and was created since a unix time."""
    created_at = voice.created_at
    return voice.name == name and created_at is not None and created_at >= since


def only_one(candidates: Iterable[T]) -> T | None:
    """Return the only candidate; None where there are none or several."""
    found = list(candidates)
    return found[0] if len(found) == 1 else None


class LostCreates:
    """What one client has created without keys, so that nothing is given to two calls."""

    def __init__(self) -> None:
        self._taken: OrderedDict[str, None] = OrderedDict()
        self._open: Counter[object] = Counter()

    def taken(self, item_id: str) -> bool:
        """Return whether an id is the answer to a call of this client."""
        return item_id in self._taken

    def take(self, item_id: str) -> None:
        """Give an id to a call."""
        self._taken[item_id] = None
        while len(self._taken) > _REMEMBERED:
            self._taken.popitem(last=False)

    @contextmanager
    def submitting(self, request: object) -> Iterator[None]:
        """Count a request while its answer is not known.

        Args:
            request: What the call asks for; two equal ones cannot be told apart in the account.
        """
        self._open[request] += 1
        try:
            yield
        finally:
            self._open[request] -= 1
            if not self._open[request]:
                del self._open[request]

    async def find(
        self,
        error: CallError,
        request: object,
        candidates: Callable[[], Awaitable[Sequence[str]]],
    ) -> str:
        """Return the id of what a call has made whose answer was lost.

        Args:
            error: How the call ended.
            request: As given to ``submitting``.
            candidates: Asks the account for the ids that fit.

        Raises:
            CallError: The call was refused, or nothing is found: the error itself.
        """
        if not error.maybe_carried_out:
            raise error
        asked_at = 0.0
        for look in LOOKS:
            await asyncio.sleep(look - asked_at)
            asked_at = look
            try:
                ids = await candidates()
            except CallError as failure:
                logger.info("looking for a lost create failed: %s", failure)
                continue
            found = only_one(item_id for item_id in ids if not self.taken(item_id))
            if found is not None and self._open[request] == 1:
                self.take(found)
                logger.warning("the answer to a create was lost; the account shows %s", found)
                return found
        raise error
