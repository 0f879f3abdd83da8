"""Find the result of a create without an Idempotency-Key whose answer was lost.

Such a create (``video_agents.create``, ``voices.clone``) is never sent again after an attempt that
the API may have carried out. Instead, the account is searched for a resource that was created since
the attempt, matches the request exactly, and belongs to no other call of this client. Lists lag
behind, so the search is made after 5, 15 and 45 seconds. Two candidates count as none. A bulk run
searches by itself, because its journal has more information.
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
from heygen_async.session.endpoint import Endpoint
from heygen_async.session.slots import submitting

T = TypeVar("T")
Candidates: TypeAlias = Callable[[], Awaitable[Sequence[str]]]
"""Searches the account for the ids of possible results of a call."""

LOOKS = (5.0, 15.0, 45.0)
"""Seconds after the failure at which the account is searched."""
CLOCK_MARGIN = 120.0
"""The most seconds by which the clocks of this machine and of HeyGen may differ."""
# The most assigned ids to remember; older ones are older than any search.
_REMEMBERED = 10_000

logger: logging.Logger = logging.getLogger("heygen_async.endpoints")


def has_prompt(session: VideoAgentSession, prompt: str) -> bool:
    """Return whether the user of this session has sent exactly this prompt."""
    return any(m.role == "user" and m.content == prompt for m in session.messages)


def is_clone(voice: VoiceDetail, name: str, since: float) -> bool:
    """Return whether a voice has this name and was created since a unix time."""
    created_at = voice.created_at
    return voice.name == name and created_at is not None and created_at >= since


def only_one(candidates: Iterable[T]) -> T | None:
    """Return the only candidate, or None if there are none or several."""
    found = list(candidates)
    return found[0] if len(found) == 1 else None


async def look_for(candidates: Candidates) -> str | None:
    """Search the account until there is exactly one candidate, and return its id.

    Returns:
        The id, or None if there are no candidates or several.

    Raises:
        CallError: The last search failed.
    """
    asked_at, failure = 0.0, None
    for look in LOOKS:
        await asyncio.sleep(look - asked_at)
        asked_at = look
        try:
            found, failure = only_one(await candidates()), None
        except CallError as error:
            logger.info("the search for the result of a lost create failed: %s", error)
            failure = error
            continue
        if found is not None:
            logger.warning("the answer to a create was lost; its result %s was found", found)
            return found
    if failure is not None:
        raise failure
    return None


def lost_creates(resource: object) -> LostCreates:
    """Return the ``LostCreates`` of a resource."""
    return _LOST.setdefault(resource, LostCreates())


class LostCreates:
    """The ids that one client has created without keys, each assigned to one call only."""

    def __init__(self) -> None:
        self._taken: OrderedDict[str, object] = OrderedDict()
        self._open: Counter[object] = Counter()

    def taken(self, item_id: str, owner: object = None) -> bool:
        """Return whether an id is assigned to another call of this client.

        Args:
            item_id: The id.
            owner: The item of a bulk run that asks. Its own id does not count.
        """
        return item_id in self._taken and (owner is None or self._taken[item_id] != owner)

    def take(self, item_id: str, owner: object = None) -> None:
        """Assign an id to a call or to an item of a bulk run.

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
        """Await a create, and search the account for its result if the answer was lost.

        Args:
            endpoint: The operation.
            call: The call.
            request: The request. The results of two equal requests cannot be distinguished.
            candidates: Searches the account for candidates, or None if that is not possible.

        Returns:
            The id of the result, and the answer, or None if that was lost.

        Raises:
            CallError: The call was refused, or nothing was found: the error of the call.
        """
        submission = submitting.get()
        item = submission.owner if submission else None
        with self._submitting(request):
            try:
                answer = await call
            except CallError as error:
                if candidates is None or item or not error.maybe_carried_out:
                    raise
                found = await self._find(request, candidates)
                if found is None:
                    raise
                return found, None
        assert endpoint.creates is not None
        (created,) = endpoint.creates(answer)
        self.take(created, item)
        return created, answer

    @contextmanager
    def _submitting(self, request: object) -> Iterator[None]:
        """Count a request until its answer is known."""
        self._open[request] += 1
        try:
            yield
        finally:
            self._open[request] -= 1
            if not self._open[request]:
                del self._open[request]

    async def _find(self, request: object, candidates: Candidates) -> str | None:
        """Return the only id that is not assigned to another call, and assign it."""

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
