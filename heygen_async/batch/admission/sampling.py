"""Choose a sample of a run that people look at before the rest is paid for."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import aclosing
from typing import Any, Generic, NamedTuple, TypeVar

import msgspec

from heygen_async.batch.run import Run
from heygen_async.batch.submissions import check_keys
from heygen_async.errors import ConfigurationError, InvalidRequest
from heygen_async.journal import JournalStore
from heygen_async.journal.keys import StableKeys
from heygen_async.session.sync_iterables import numbered
from heygen_async.session.tasks import in_thread

T = TypeVar("T")

# Members of a request's JSON that hold what is said or shown, its language, and its voice.
_TEXTS = frozenset({"script", "text", "content", "input_text", "prompt"})
_LANGUAGES = frozenset({"output_languages", "language"})
_VOICES = frozenset({"voice_id"})


class Candidate(NamedTuple):
    """What the choice of a sample depends on.

    Attributes:
        position: Position of the item.
        key: Its key.
        length: Number of characters of its texts.
        kinds: Its languages and voices.
        digest: A number that depends on its key and request alone.
    """

    position: int
    key: str
    length: int
    kinds: frozenset[tuple[str, str]]
    digest: bytes


class Sampled(NamedTuple, Generic[T]):
    """The result of ``sample``.

    Attributes:
        run: The run to iterate: of the sample, or of all items once the sample is approved.
        keys: Keys of the sample, in the order of the items.
        held: Number of items that wait for approval; 0 if the run is of all items.
        waiting: Keys of the sample that were not approved at the start.
    """

    run: Run[T]
    keys: list[str]
    held: int
    waiting: list[str]


async def sample(run: Run[T], count: int, *, require_approval: bool = False) -> Sampled[T]:
    """Limit a run to a sample, for a person to look at before the rest is paid for.

    The sample has the items with the longest and the shortest text, one of each language and voice
    as far as ``count`` goes, and others to fill up; the same items always give the same sample, and
    items of an earlier sample in the journal stay in it. All items are checked. ``approve``,
    ``reject`` and ``retake`` record what a person decides; a run over all items then makes the
    rest, and pays for nothing of the sample again.

    Args:
        run: The run, with a journal and not yet iterated. Its items must be a collection.
        count: Size of the sample.
        require_approval: Return the run over all items once each item of the sample is approved.
            Default False: it is always limited to the sample.

    Raises:
        ConfigurationError: The run has no journal.
        InvalidRequest: An item cannot be sent, the items are not a collection, or ``count`` is
            less than 1.
        JournalError: The journal cannot be read.
    """
    if count < 1:
        raise InvalidRequest(f"count: expected 1 or more, got {count}", param="count")
    if not run.settings.journaled:
        raise ConfigurationError(
            "sample: the run needs a journal, or the sample would be paid for again"
        )
    candidates = await candidates_of(run)
    items = run.manifest.items
    positions, keys, waiting = await select(candidates, count, run.store)
    notes = {"sample": keys}
    if require_approval and not waiting:
        return Sampled(run.over(items, notes), keys, 0, [])
    held = len(items) - len(positions)
    return Sampled(await limited(run, positions, notes), keys, held, waiting)


async def candidates_of(run: Run[Any]) -> list[Candidate]:
    """Check all items of a run, and return those that a sample may have: one of equal ones.

    Args:
        run: The run, not yet iterated.

    Raises:
        InvalidRequest: An item cannot be sent, or the items are not a collection.
    """
    items, builder, key, _ = run.manifest
    if not isinstance(items, Collection):
        raise InvalidRequest("items: a sample needs a collection, such as a list", param="items")
    await builder.prepare()
    await builder.check(items)
    if key is not None:
        await check_keys(items, key, builder.pull)
    keys, candidates = StableKeys("sample"), []
    async with aclosing(numbered(items, builder.pull)) as every:
        async for index, item in every:
            one = builder.submission(index, item, None if key is None else key(item))
            identity = one.identity(keys)
            if one.key is None:
                keys.skip(identity)
                if identity.key != identity.fingerprint[:16]:
                    continue  # it equals an earlier item
            candidates.append(candidate(index, identity.key, one.payload))
    return candidates


async def limited(run: Run[T], positions: Sequence[int], notes: Mapping[str, Any]) -> Run[T]:
    """Return a run over some of the items of a run.

    Args:
        run: The run, not yet iterated; its items are a collection.
        positions: The positions of the items, in their order.
        notes: More data about the run that the journal stores.
    """
    items, builder, _, _ = run.manifest
    chosen = frozenset(positions)
    async with aclosing(numbered(items, builder.pull)) as every:
        some = [item async for index, item in every if index in chosen]
    return run.over(some, notes, positions)


def candidate(position: int, key: str, payload: bytes) -> Candidate:
    """Return what the choice depends on, from an item's request.

    Args:
        position: Position of the item.
        key: Its key.
        payload: Its request as JSON.
    """
    kinds: set[tuple[str, str]] = set()
    length = 0
    for name, text in _strings(msgspec.json.decode(payload)):
        length += len(text) if name in _TEXTS else 0
        for what, names in (("language", _LANGUAGES), ("voice", _VOICES)):
            if name in names:
                kinds.add((what, text))
    digest = hashlib.sha256(key.encode("utf-8", "surrogatepass") + b"\0" + payload)
    return Candidate(position, key, length, frozenset(kinds), digest.digest())


class Selection(NamedTuple):
    """A sample, and what a person has yet to approve of it.

    Attributes:
        positions: Positions of its items, in their order.
        keys: Their keys, in the same order.
        waiting: Keys that are not approved.
    """

    positions: list[int]
    keys: list[str]
    waiting: list[str]


async def select(candidates: Collection[Candidate], count: int, store: JournalStore) -> Selection:
    """Return the sample of a run or a chain.

    Args:
        candidates: What the choice depends on.
        count: Number of items.
        store: The journal with an earlier sample and the decisions.

    Raises:
        JournalError: The journal cannot be read.
    """
    earlier, approved = await in_thread(decided, store)
    chosen = {one.position: one.key for one in choose(candidates, count, earlier)}
    positions = sorted(chosen)
    keys = [chosen[position] for position in positions]
    return Selection(positions, keys, [key for key in keys if key not in approved])


def choose(
    candidates: Collection[Candidate], count: int, earlier: Collection[str] = ()
) -> list[Candidate]:
    """Return the sample: that of an earlier start, then the longest and the shortest text first.

    Args:
        candidates: All items.
        count: Size of the sample.
        earlier: Keys of an earlier sample, which stay in it.
    """
    ordered = sorted(candidates, key=lambda one: one.digest)
    chosen = [one for one in ordered if one.key in earlier]
    left = [one for one in ordered if one.key not in earlier]
    for order in (lambda one: -one.length, lambda one: one.length):
        if left and len(chosen) < count:
            chosen.append(left.pop(left.index(min(left, key=order))))
    seen = {kind for one in chosen for kind in one.kinds}
    while left and len(chosen) < count:
        newest = max(left, key=lambda one: len(one.kinds - seen))
        chosen.append(left.pop(left.index(newest)))
        seen |= newest.kinds
    return chosen


def _strings(value: Any, name: str = "") -> Iterable[tuple[str, str]]:
    """Yield all texts of a request with the names of their members."""
    if isinstance(value, str):
        yield name, value
    elif isinstance(value, Mapping):
        for member, part in value.items():
            yield from _strings(part, member)
    elif isinstance(value, list):
        for part in value:
            yield from _strings(part, name)


def decided(store: JournalStore) -> tuple[frozenset[str], frozenset[str]]:
    """Return the keys of an earlier sample, and those whose latest decision is approval. Blocks."""
    if not store.exists():
        return frozenset(), frozenset()
    with store.reader() as reader:
        decisions = {one.key: one.decision for one in reader.reviews()}
        earlier = reader.run.settings.get("sample") or ()
    return frozenset(earlier), frozenset(k for k, one in decisions.items() if one == "approved")
