"""Estimates of a run that has a journal: the items that are left to pay."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from heygen_async import Batch, HeyGen, JournalError
from heygen_async.pricing.estimates import RemainingWork
from heygen_async.sandbox import Sandbox
from tests.journal.journals import edit

from .conftest import names

pytestmark = pytest.mark.anyio


def by_name(variant: Any) -> str:
    return str(variant["name"])


async def left_of(
    heygen: HeyGen, journal: Path, template_id: str, variants: list[Any], **settings: Any
) -> RemainingWork | None:
    """Return the figures of an estimate that tell what is left."""
    key = settings.pop("key", None)
    batch = Batch(heygen, journal=journal, **settings)
    return (await batch.render(template_id, variants, key=key).estimate()).left


async def test_before_the_first_start_nothing_is_known(
    heygen: HeyGen, template_id: str, tmp_path: Path
) -> None:
    assert await left_of(heygen, tmp_path / "run.db", template_id, names(2)) is None
    assert not (tmp_path / "run.db").exists()
    expected = await Batch(heygen).render(template_id, names(2)).estimate()
    assert expected.left is None


async def test_every_state_counts_where_it_belongs(
    sandbox: Sandbox, heygen: HeyGen, template_id: str, tmp_path: Path
) -> None:
    journal = tmp_path / "run.db"
    variants: list[Any] = [*names(9), {"name": "Gone"}]
    async with Batch(heygen, journal=journal) as batch:
        spent = [o.usd or 0 async for o in batch.render(template_id, variants, key=by_name)]
    for person, state, error in (
        (1, "failed", "JobFailed"),
        (2, "failed", "PaymentRequired"),  # the account's fault: tried again by itself
        (3, "uncertain", ""),
        (4, "intended", ""),
        (5, "submitted", ""),
    ):
        await edit(
            journal,
            f"UPDATE items SET state = '{state}', error_type = '{error}', usd = NULL "
            f"WHERE key = 'Person {person}'",
        )
    await edit(journal, "UPDATE items SET fingerprint = 'x' WHERE key = 'Person 6'")
    now: list[Any] = [*names(9), {"name": "New"}]
    left = await left_of(heygen, journal, template_id, now, key=by_name)
    assert left is not None
    assert (left.new, left.again, left.in_flight, left.unanswered) == (1, 1, 1, 1)
    assert (left.completed, left.failed, left.uncertain) == (3, 1, 1)
    assert (left.changed, left.left_out) == (1, 1)
    assert 0 < left.spent < sum(spent)
    assert left.jobs == 7
    await edit(journal, "UPDATE items SET state = 'submitted', usd = NULL WHERE key = 'Gone'")
    left = await left_of(heygen, journal, template_id, now, key=by_name)
    assert left is not None
    assert left.jobs == 7, "one that may still run counts like one that has ended"
    of_four = await Batch(heygen).render(template_id, names(4)).estimate()
    assert left.usd == pytest.approx(of_four.usd, rel=0.2)
    assert left.incomplete == of_four.incomplete

    left = await left_of(
        heygen,
        journal,
        template_id,
        now,
        key=by_name,
        retry_failed=True,
        resubmit_uncertain=True,
    )
    assert left is not None
    assert (left.again, left.failed, left.uncertain) == (3, 0, 0)


async def test_the_run_submits_as_many_as_were_said_to_be_left(
    sandbox: Sandbox, heygen: HeyGen, template_id: str, tmp_path: Path
) -> None:
    """Keys come from the payloads, of which some are the same."""
    journal = tmp_path / "run.db"
    variants = [*names(5), *names(3), *names(1)]
    sandbox.fail_next("video", times=2)
    async with Batch(heygen, journal=journal) as batch:
        async for _ in batch.render(template_id, variants):
            pass
    more = [*names(7), *names(5), *names(2)]
    for retry_failed in (False, True, False):
        left = await left_of(heygen, journal, template_id, more, retry_failed=retry_failed)
        assert left is not None
        before = sandbox.ledger.count()
        async with Batch(heygen, journal=journal, retry_failed=retry_failed) as batch:
            outcomes = [outcome async for outcome in batch.render(template_id, more)]
        assert sandbox.ledger.count() - before == left.new + left.again
        assert sum(outcome.resumed for outcome in outcomes) == left.completed + left.failed
        assert left.left_out == 0
    assert sandbox.ledger.count() == 16


async def test_the_journal_of_another_run_is_refused(
    heygen: HeyGen, template_id: str, sandbox: Sandbox, tmp_path: Path
) -> None:
    journal = tmp_path / "run.db"
    async with Batch(heygen, journal=journal) as batch:
        async for _ in batch.render(template_id, names(1)):
            pass
    with pytest.raises(JournalError, match="belongs to another run: render of"):
        await left_of(heygen, journal, sandbox.add_template(), names(1))
    journal.write_bytes(b"no journal at all")
    with pytest.raises(JournalError):
        await left_of(heygen, journal, template_id, names(1))


@pytest.mark.parametrize("key", [None, lambda row: str(row["name"])], ids=["content", "key"])
async def test_columns_in_another_order_are_the_same_item(
    sandbox: Sandbox, heygen: HeyGen, tmp_path: Path, key: Any
) -> None:
    journal, template_id = tmp_path / "run.db", sandbox.template_id("Welcome")
    rows = [{"name": f"Person {n}", "product": "Tea"} for n in range(3)]
    turned = [dict(reversed(row.items())) for row in rows]
    async with Batch(heygen, journal=journal) as batch:
        first = [one.job_id async for one in batch.render(template_id, rows, key=key)]
    left = await left_of(heygen, journal, template_id, turned, key=key)
    assert left is not None
    assert (left.completed, left.new, left.changed) == (3, 0, 0)
    async with Batch(heygen, journal=journal) as batch:
        again = [one async for one in batch.render(template_id, turned, key=key)]
    assert all(one.ok and one.resumed for one in again)
    assert {one.job_id for one in again} == set(first)
    assert sandbox.ledger.count() == 3
