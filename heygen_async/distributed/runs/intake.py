"""Enter the items of a run in shards, checked as in a ``Batch``, in bounded memory."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from typing import Any, NamedTuple
from uuid import UUID

import msgspec
from psycopg import AsyncConnection

from heygen_async.batch.operations import Submission
from heygen_async.batch.submissions import Manifest, check_and_probe, estimate_items
from heygen_async.batch.worker_pool import Exhausted, Source
from heygen_async.client import HeyGen
from heygen_async.distributed.runs.item_traces import RootSpans
from heygen_async.distributed.runs.statements import sql
from heygen_async.distributed.runs.stored_submissions import store_submission
from heygen_async.errors import DuplicateKey, IdempotencyMismatch, InvalidRequest
from heygen_async.journal.keys import content_key, fingerprint
from heygen_async.journal.postgres.rows import key_digest
from heygen_async.pricing.async_budget import AsyncBudget
from heygen_async.pricing.estimates import Estimate, RunEstimate
from heygen_async.pricing.wallet import Wallet

SHARD = 200
"""Maximum number of items in a shard."""


_TYPES = ("uuid", "text", "int8", "text", "text", "text", "bytea", "text")  # of the table "entered"


class Entry(NamedTuple):
    """One checked item.

    Attributes:
        submission: The submission; its key is the given key, or None.
        estimate: Its estimated cost.
        fingerprint: Fingerprint of its request.
    """

    submission: Submission[Any]
    estimate: Estimate
    fingerprint: str


async def check_items(
    manifest: Manifest, heygen: HeyGen, budget: AsyncBudget, *, until_empty: bool
) -> None:
    """Check the items of a collection and their sources, and that the account can pay for them.

    Args:
        manifest: The items.
        heygen: The client.
        budget: The budget of the run.
        until_empty: Whether a run may start even if the account cannot pay for it.

    Raises:
        InvalidRequest: An item cannot be sent, or two items have the same key.
        InsufficientBalance: The account cannot pay for them.
    """
    items, builder, key, lengths = manifest
    if not isinstance(items, Collection):
        return
    await check_and_probe(builder, items, key, lengths, lambda: None)

    async def estimate() -> RunEstimate:
        return await estimate_items(builder, items, key, lengths, lambda: None)

    await Wallet(heygen.users.me).check(budget, estimate, until_empty=until_empty)


class Intake:
    """Enter the items of one run, shard by shard.

    A row that the run already has stays unchanged. Equal rows without their own key are numbered in
    the order of the items. A session table on the server counts them, so the same items always get
    the same keys, regardless of which items were already entered.

    Args:
        session: A dedicated connection that commits each statement by itself.
        run: The number of the run.
        budget: The number of its budget.
        name: The name of the run, for messages.
        defer: Inserts the task of a shard, in the transaction of a connection.
        spans: Root spans of the items.
    """

    def __init__(
        self,
        session: AsyncConnection[Any],
        run: int,
        budget: int,
        name: str,
        defer: Callable[[AsyncConnection[Any], int, int], Awaitable[None]],
        spans: RootSpans,
    ) -> None:
        self._session = session
        self._run = run
        self._budget = budget
        self._name = name
        self._defer = defer
        self._spans = spans

    async def enter(self, manifest: Manifest, *, measures: bool) -> int:
        """Enter all items that the run does not have.

        Args:
            manifest: The items.
            measures: Whether to probe the sources of each item now, as for an iterator.

        Returns:
            Number of entered items.

        Raises:
            InvalidRequest: An item cannot be sent; the preceding items are entered.
            DuplicateKey: Two items were given the same key.
            IdempotencyMismatch: An item has a different payload from the one that was entered.
        """
        await self._session.execute(sql("entering"))
        source: Source[Any] = Source(manifest.items, manifest.builder.pull)
        entered = 0
        try:
            exhausted = False
            while not exhausted:
                rows: list[tuple[int, Any]] = []
                try:
                    while len(rows) < SHARD:
                        rows.append(await source.pull())
                except Exhausted:
                    exhausted = True
                if rows:
                    entries = await self._entries(manifest, rows, measures=measures)
                    entered += await self._enter_shard(entries)
        finally:
            await source.aclose()
        return entered

    async def _entries(
        self, manifest: Manifest, rows: Sequence[tuple[int, Any]], *, measures: bool
    ) -> list[Entry]:
        _, builder, key, lengths = manifest
        found: list[Submission[Any]] = []
        for index, item in rows:
            try:
                submission = builder.submission(index, item, key(item) if key else None)
            except InvalidRequest as error:
                message = f"item {index + 1}: {error}"
                raise InvalidRequest(message, param=error.param) from None
            found.append(submission)
        if measures and builder.has_sources:
            unknown = [one.request for one in found if one.seconds is None]
            await asyncio.gather(*(lengths.probe_item(one, refuse=True) for one in unknown))
        measured = [one.measured(lengths) for one in found]
        return [
            Entry(
                one,
                builder.estimate(one),
                fingerprint(one.operation, one.path_arguments, one.payload),
            )
            for one in measured
        ]

    async def _enter_shard(self, entries: Sequence[Entry]) -> int:
        """Enter the new items among these, and the task of their shard, in one transaction."""
        names = [entry.submission.key or f" {entry.fingerprint}" for entry in entries]
        async with self._session.transaction():
            await self._session.execute(sql("lock_budget"), {"budget": self._budget})
            keys = await self._keys(entries, names)
            digests = [key_digest(key) for key in keys]
            async with self._session.cursor().copy(sql("copy_items")) as copy:
                copy.set_types(_TYPES)
                for digest, key, entry in zip(digests, keys, entries, strict=True):
                    await copy.write_row((digest, key, *self._row(key, entry)))
            cursor = await self._session.execute(sql("enter_items"), {"run": self._run})
            new = {row[0] for row in await cursor.fetchall()}
            if new:
                cursor = await self._session.execute(sql("count_shard"), {"run": self._run})
                ((shard,),) = await cursor.fetchall()
                await self._defer(self._session, self._run, shard)
            if len(new) < len(entries):
                await self._check_same(dict(zip(digests, entries, strict=True)))
        self._spans.end({key for key, digest in zip(keys, digests, strict=True) if digest in new})
        return len(new)

    def _row(self, key: str, entry: Entry) -> tuple[int, str, str, str, bytes, str]:
        """Return the columns of an item after its key."""
        one = entry.submission
        return (
            one.index,
            one.operation,
            msgspec.json.encode(one.path_arguments).decode(),
            entry.fingerprint,
            one.payload,
            store_submission(one, entry.estimate, self._spans.start(key)),
        )

    async def _keys(self, entries: Sequence[Entry], names: Sequence[str]) -> list[str]:
        """Return the keys of items; equal ones are numbered by the server."""
        counts = Counter(names)
        cursor = await self._session.execute(
            sql("count_equal"),
            {"digests": [key_digest(name) for name in counts], "counts": list(counts.values())},
        )
        totals = dict(await cursor.fetchall())
        numbers = {name: totals[key_digest(name)] - count for name, count in counts.items()}
        keys = []
        for entry, name in zip(entries, names, strict=True):
            numbers[name] += 1
            key = entry.submission.key
            if key is None:
                key = content_key(entry.fingerprint, numbers[name])
            elif numbers[name] > 1:
                raise DuplicateKey(
                    f"run {self._name!r}: two items have the key {key!r}", path=self._name, key=key
                )
            keys.append(key)
        return keys

    async def _check_same(self, entries: Mapping[UUID, Entry]) -> None:
        """Refuse items that were already entered with a different payload."""
        values = {"run": self._run, "digests": list(entries)}
        cursor = await self._session.execute(sql("fingerprints"), values)
        for digest, key, present in await cursor.fetchall():
            if present != entries[digest].fingerprint:
                raise IdempotencyMismatch(
                    f"item {key} has another payload than when it was entered; give it another key "
                    "to make a new one",
                    key=key,
                )
