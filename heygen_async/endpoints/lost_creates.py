"""Finds what a create without an Idempotency-Key has made, where its answer was lost.

Such a create (``video_agents.create``, ``voices.clone``) is never sent again after an attempt that
the API may have carried out. The account is asked instead: what was made since the attempt, is
exactly what was asked for, and belongs to no other call of this client. Lists lag behind, so it
is asked after 5, 15 and 45 seconds. Two candidates count as none. A bulk run looks by itself, as
its journal knows more.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter, OrderedDict
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TypeAlias, TypeVar
from weakref import WeakKeyDictionary

from heygen_async.errors import CallError
from heygen_async.models.video_agents import VideoAgentSession
from heygen_async.models.voices import VoiceDetail
from heygen_async.session.calls import bulk_submission
from heygen_async.session.endpoint import Endpoint

T = TypeVar("T")
Candidates: TypeAlias = Callable[[], Awaitable[Sequence[str]]]
"""Asks the account for the ids of what may be what a call has made."""

LOOKS = (5.0, 15.0, 45.0)
"""Seconds after the failure at which the account is asked."""
CLOCK_MARGIN = 120.0
"""Seconds by which the clocks of this machine and of HeyGen may differ."""
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


async def look_for(candidates: Candidates) -> str | None:
    """Ask the account until there is exactly one candidate, and return its id.

    Returns:
        The id, or None where the account shows none, or several.

    Raises:
        CallError: The account could not tell when it was asked last.
    """
    asked_at, failure = 0.0, None
    for look in LOOKS:
        await asyncio.sleep(look - asked_at)
        asked_at = look
        try:
            found, failure = only_one(await candidates()), None
        except CallError as error:
            logger.info("looking for a lost create failed: %s", error)
            failure = error
            continue
        if found is not None:
            logger.warning("the answer to a create was lost; the account shows %s", found)
            return found
    if failure is not None:
        raise failure
    return None


def lost_creates(resource: object) -> LostCreates:
    """Return what a resource of a client has created without keys."""
    return _LOST.setdefault(resource, LostCreates())


class LostCreates:
    """What one client has created without keys, so that nothing is given to two calls."""

    def __init__(self) -> None:
        self._taken: OrderedDict[str, object] = OrderedDict()
        self._open: Counter[object] = Counter()

    def taken(self, item_id: str, owner: object = None) -> bool:
        """Return whether an id was given to a call of this client.

        Args:
            item_id: The id.
            owner: The item of a bulk run that asks, which an id of its own is free for.
        """
        return item_id in self._taken and (owner is None or self._taken[item_id] != owner)

    def take(self, item_id: str, owner: object = None) -> None:
        """Give an id to a call, or to an item of a bulk run.

        Args:
            item_id: The id.
            owner: The item, or None for a call.
        """
        self._taken[item_id] = owner
        while len(self._taken) > _REMEMBERED:
            self._taken.popitem(last=False)

    async def create(
        self,
        endpoint: Endpoint[T],
        call: Awaitable[T],
        request: object,
        candidates: Candidates | None,
    ) -> tuple[str, object]:
        """Await a create, and look in the account for what it has made if its answer was lost.

        Args:
            endpoint: The operation.
            call: The call.
            request: What it asks for; two equal ones cannot be told apart in the account.
            candidates: Asks the account for what fits, or None if that cannot be found.

        Returns:
            The id of what it has made, and its answer, or None if that was lost.

        Raises:
            CallError: The call was refused, or nothing is found: the error of the call.
        """
        submission = bulk_submission.get()
        with self._submitting(request):
            try:
                answer = await call
            except CallError as error:
                if candidates is None or submission or not error.maybe_carried_out:
                    raise
                found = await self._find(request, candidates)
                if found is None:
                    raise
                return found, None
        assert endpoint.creates is not None
        (created,) = endpoint.creates(answer)
        self.take(created, submission and submission[0])
        return created, answer

    @contextmanager
    def _submitting(self, request: object) -> Iterator[None]:
        """Count a request while its answer is not known."""
        self._open[request] += 1
        try:
            yield
        finally:
            self._open[request] -= 1
            if not self._open[request]:
                del self._open[request]

    async def _find(self, request: object, candidates: Candidates) -> str | None:
        """Return the only id that belongs to no other call, and take it."""

        async def free() -> list[str]:
            ids = await candidates()
            alone = self._open[request] == 1
            return [one for one in ids if not self.taken(one)] if alone else []

        try:
            found = await look_for(free)
        except CallError:
            return None
        if found is not None:
            self.take(found)
        return found


_LOST: WeakKeyDictionary[object, LostCreates] = WeakKeyDictionary()
