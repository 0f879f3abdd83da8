"""A sample that a person approves before the rest is paid for."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from heygen_async import (
    AvatarVideoRequest,
    Batch,
    BudgetExceeded,
    ConfigurationError,
    HeyGen,
    IdempotencyMismatch,
    InvalidRequest,
    ItemRejected,
    JournalError,
    Outcome,
    Run,
    Sampled,
    approve,
    reject,
    retake,
    sample,
)
from heygen_async.batch.admission.sampling import Candidate, choose
from heygen_async.journal import open_reader
from heygen_async.sandbox import Sandbox
from tests.journal.journals import files
from tests.patience import wait_for

pytestmark = pytest.mark.anyio

ROWS = [{"name": "x" * (number + 1), "key": f"row {number}"} for number in range(8)]


class Renders:
    """Runs over one journal, each limited to a sample or not."""

    def __init__(self, heygen: HeyGen, template_id: str, journal: Path) -> None:
        self.heygen, self.template_id, self.journal = heygen, template_id, journal
        self.sampled: Sampled[Any]
        self.run: Run[Any]

    async def __call__(
        self,
        rows: Sequence[Mapping[str, str]] = ROWS,
        count: int | None = None,
        *,
        require_approval: bool = False,
        **settings: Any,
    ) -> dict[str, Outcome[Any]]:
        """Return the outcomes by key."""
        async with Batch(self.heygen, journal=self.journal, **settings) as batch:
            run: Run[Any] = batch.render(self.template_id, rows, key="key")
            if count is not None:
                self.sampled = await sample(run, count, require_approval=require_approval)
                run = self.sampled.run
            self.run = run
            return {outcome.key: outcome async for outcome in run}

    async def totals(self) -> Any:
        def read() -> Any:
            with open_reader(self.journal) as reader:
                return reader.totals()

        return await asyncio.to_thread(read)

    async def reviews(self) -> Any:
        def read() -> Any:
            with open_reader(self.journal) as reader:
                return reader.reviews()

        return await asyncio.to_thread(read)


@pytest.fixture
def render(heygen: HeyGen, template_id: str, journal: Path) -> Renders:
    return Renders(heygen, template_id, journal)


def jobs(sandbox: Sandbox) -> int:
    return len(sandbox.ledger.jobs)


async def test_a_sample_is_made_first_and_never_again(sandbox: Sandbox, render: Renders) -> None:
    made = await render(count=3)
    assert jobs(sandbox) == 3
    assert list(made) == sorted(made, key=list(made).index)
    assert {"row 0", "row 7"} < made.keys()  # the shortest and the longest text
    assert {outcome.index for outcome in made.values()} == {int(key[-1]) for key in made}
    assert sorted(render.sampled.keys) == sorted(made)
    assert render.sampled.held == 5
    again = await render(count=3)
    assert {key: one.job_id for key, one in again.items()} == {
        key: one.job_id for key, one in made.items()
    }
    everything = await render()
    assert len(everything) == jobs(sandbox) == 8
    assert [everything[key].resumed for key in made] == [True] * 3


async def test_the_rest_is_held_until_each_item_is_approved(
    sandbox: Sandbox, render: Renders, journal: Path
) -> None:
    await render(count=3, require_approval=True)
    first, *others = render.sampled.keys
    assert render.sampled.waiting == [first, *others]
    await approve(journal, others, by="Ann")
    assert len(await render(count=3, require_approval=True)) == 3
    assert (render.sampled.held, render.sampled.waiting) == (5, [first])
    await asyncio.gather(*(approve(journal, first, by=name) for name in ("Bo", "Cy")))
    assert len(await render(count=3, require_approval=True)) == 8
    assert (render.sampled.held, render.sampled.waiting) == (0, [])
    assert jobs(sandbox) == 8
    assert {(one.key, one.by) for one in await render.reviews()} == {
        *((key, "Ann") for key in others),
        *((first, name) for name in ("Bo", "Cy")),
    }
    assert all(one.at > 1e9 and one.job_id for one in await render.reviews())


async def test_what_is_rejected_is_neither_made_again_nor_used(
    sandbox: Sandbox, render: Renders, journal: Path
) -> None:
    made = await render(count=2)
    bad = next(iter(made))
    await reject(journal, bad, by="Ann")
    outcomes = await render(retry_failed=True)
    error = outcomes[bad].error
    assert isinstance(error, ItemRejected)
    assert (error.key, error.by) == (bad, "Ann")
    assert outcomes[bad].to_row()["status"] == "rejected"
    assert render.run.report.failures == {"ItemRejected": 1}
    assert jobs(sandbox) == 8
    await render(count=2, require_approval=True)
    assert bad in render.sampled.waiting
    await approve(journal, bad, by="Bo")
    assert (await render())[bad].ok
    assert jobs(sandbox) == 8


async def test_a_retake_is_one_more_job_also_of_another_request(
    sandbox: Sandbox, render: Renders, journal: Path
) -> None:
    made = await render(count=2)
    key = "row 0"
    changed = [{**row, "name": "z"} if row["key"] == key else row for row in ROWS]
    refused = await render(changed, count=2)
    assert any(isinstance(one.error, IdempotencyMismatch) for one in refused.values())
    assert jobs(sandbox) == 2
    before = await render.totals()
    await asyncio.gather(*(retake(journal, key, by=name) for name in ("Ann", "Bo")))
    again = await render(changed)
    assert again[key].ok
    assert again[key].job_id != made[key].job_id
    assert jobs(sandbox) == 9
    after = await render.totals()
    assert (after.retaken, after.ended_jobs) == (1, 9)
    assert after.retaken_usd == pytest.approx(made[key].usd)
    paid = sum(one.usd or 0.0 for one in again.values()) + (made[key].usd or 0.0)
    assert after.usd == pytest.approx(paid)
    assert after.usd > before.usd
    resumed = await render(changed)
    assert resumed[key].job_id == again[key].job_id
    assert jobs(sandbox) == 9
    taken = next(one for one in await render.reviews() if one.key == key)
    assert (taken.attempt, taken.job_id) == (1, made[key].job_id)


async def test_a_retake_counts_in_the_budget(
    sandbox: Sandbox, render: Renders, journal: Path
) -> None:
    await render(count=2)
    await retake(journal, "row 0", by="Ann")
    await render(count=2, max_jobs=3)
    assert jobs(sandbox) == 3
    await retake(journal, "row 0", by="Ann")
    with pytest.raises(BudgetExceeded, match="max_jobs"):
        await render(count=2, max_jobs=3)
    assert jobs(sandbox) == 3
    usd = (await render.totals()).usd
    with pytest.raises(BudgetExceeded, match="no room for a job"):
        await render(count=2, max_cost=usd)
    assert jobs(sandbox) == 3
    assert len(await render(count=2, max_cost=10 * usd)) == 2
    assert jobs(sandbox) == 4


async def test_a_sample_in_postgresql(
    sandbox: Sandbox, heygen: HeyGen, template_id: str, postgres_database: str
) -> None:
    journal = f"{postgres_database}?run=sampled-{template_id}"
    settings: dict[str, Any] = {"journal": journal, "max_jobs": 9}

    async def made(**how: Any) -> dict[str, Outcome[Any]]:
        async with Batch(heygen, **settings) as batch:
            found = await sample(batch.render(template_id, ROWS, key="key"), 2, **how)
            return {outcome.key: outcome async for outcome in found.run}

    first = await made()
    await approve(journal, "row 7", by="Ann")
    await retake(journal, "row 0", by="Ann")
    again = await made(require_approval=True)
    assert again["row 0"].job_id != first["row 0"].job_id
    assert (again["row 7"].resumed, jobs(sandbox)) == (True, 3)
    await approve(journal, "row 0", by="Ann")
    assert len(await made(require_approval=True)) == 8
    assert jobs(sandbox) == 9

    def totals() -> Any:
        with open_reader(journal) as reader:
            return reader.totals()

    found = await asyncio.to_thread(totals)
    assert (found.retaken, found.ended_jobs) == (1, 9)


async def test_what_cannot_be_decided(sandbox: Sandbox, render: Renders, journal: Path) -> None:
    with pytest.raises(JournalError, match="no such file"):
        await approve(journal, "row 0", by="Ann")
    assert files(journal.parent) == []
    await render(count=2)
    with pytest.raises(JournalError, match="no item 'nobody'") as unknown:
        await approve(journal, ["row 0", "nobody"], by="Ann")
    assert unknown.value.reason == "unknown_key"
    assert await render.reviews() == []  # all or none
    await approve(journal, "row 0", by="Ann")
    with pytest.raises(JournalError, match="is approved, and would be paid for again"):
        await retake(journal, "row 0", by="Bo")
    await reject(journal, "row 0", by="Bo")
    await retake(journal, "row 0", by="Bo")
    for keys, by in (([], "Ann"), ("row 0", " ")):
        with pytest.raises(InvalidRequest):
            await approve(journal, keys, by=by)


async def test_decisions_while_the_run_goes_on(
    sandbox: Sandbox, render: Renders, journal: Path
) -> None:
    made = await render(count=2)
    async with Batch(render.heygen, journal=journal) as batch:
        run = batch.render(render.template_id, ROWS, key="key")
        outcomes = aiter(run)
        seen = {(await anext(outcomes)).key for _ in range(3)}
        for key in ROWS[5]["key"], ROWS[6]["key"]:
            if key not in seen:
                with pytest.raises(JournalError, match=r"cannot be made again|holds no item"):
                    await retake(journal, key, by="Ann")
        await approve(journal, made, by="Ann")
        seen |= {outcome.key async for outcome in outcomes}
    assert len(seen) == jobs(sandbox) == 8
    assert [one.decision for one in await render.reviews()] == ["approved"] * 2
    assert files(journal.parent) == [journal.name]


async def test_killed_between_any_two_steps(
    sandbox: Sandbox, render: Renders, journal: Path
) -> None:
    async with Batch(render.heygen, journal=journal) as batch:
        found = await sample(batch.render(render.template_id, ROWS, key="key"), 4)
        async for _ in found.run:
            break  # the others go on at HeyGen
    made = await render(count=4)
    assert sorted(made) == sorted(found.keys)
    assert jobs(sandbox) == 4
    await retake(journal, "row 0", by="Ann")
    async with Batch(render.heygen, journal=journal) as batch:
        found = await sample(batch.render(render.template_id, ROWS, key="key"), 4)
        task = asyncio.ensure_future(anext(aiter(found.run)))
        await asyncio.to_thread(wait_for, lambda: jobs(sandbox) == 5)
        task.cancel()
    assert len(await render()) == 8
    assert jobs(sandbox) == 9


async def test_changed_rows_leave_the_sample_as_it_is(
    sandbox: Sandbox, render: Renders, journal: Path
) -> None:
    await render(count=2)
    assert sorted(render.sampled.keys) == ["row 0", "row 7"]
    await approve(journal, "row 7", by="Ann")
    await retake(journal, "row 0", by="Ann")
    changed = [{**ROWS[0], "name": "y" * 5}, *ROWS[2:], {"name": "y" * 99, "key": "new"}]
    await render(changed, count=2, require_approval=True)
    assert render.sampled.waiting == ["row 0"]
    assert jobs(sandbox) == 3
    await render(changed[1:], count=2, require_approval=True)
    assert render.sampled.waiting == ["new"]  # one of the sample is gone
    assert jobs(sandbox) == 4


async def test_the_dry_run_and_names_of_rows_without_keys(
    sandbox: Sandbox, heygen: HeyGen, template_id: str, journal: Path
) -> None:
    rows = [{"name": name} for name in ("a", "a", "bbb", "a", "cc")]
    async with Batch(heygen, journal=journal) as batch:
        found = await sample(batch.render(template_id, rows), 9)
        assert len(found.keys) == 3  # equal rows are equal videos
        assert (await found.run.estimate()).items == 3
        made = {outcome.key async for outcome in found.run}
        assert made == set(found.keys)
        everything = [outcome async for outcome in batch.render(template_id, rows)]
    assert len(everything) == jobs(sandbox) == 5
    assert sum(one.resumed for one in everything) == 3


async def test_what_has_no_sample(heygen: HeyGen, template_id: str, journal: Path) -> None:
    async with Batch(heygen) as batch:
        with pytest.raises(ConfigurationError, match="needs a journal"):
            await sample(batch.render(template_id, ROWS, key="key"), 2)
    async with Batch(heygen, journal=journal) as batch:
        with pytest.raises(InvalidRequest, match="collection"):
            await sample(batch.render(template_id, iter(ROWS), key="key"), 2)
        with pytest.raises(InvalidRequest, match="count"):
            await sample(batch.render(template_id, ROWS, key="key"), 0)


async def test_languages_and_voices_are_all_heard(
    sandbox: Sandbox, heygen: HeyGen, journal: Path
) -> None:
    voices = [voice.voice_id async for voice in heygen.voices.list(limit=3)][:3]
    requests = [
        AvatarVideoRequest(
            avatar_id=sandbox.avatar_id, script="Hello" * (number + 1), voice_id=voices[number // 4]
        )
        for number in range(12)
    ]
    async with Batch(heygen, journal=journal) as batch:
        found = await sample(batch.run(requests), 4)
        heard = {outcome.item.voice_id async for outcome in found.run}
    assert heard == set(voices)


def some(facts: list[tuple[int, str]]) -> list[Candidate]:
    rng = random.Random(7)
    return [
        Candidate(position, f"{position}", length, frozenset({("voice", voice)}), rng.randbytes(8))
        for position, (length, voice) in enumerate(facts)
    ]


@pytest.mark.parametrize("shuffle", [lambda items: items, lambda items: items[::-1]])
def test_the_choice_is_always_the_same(
    shuffle: Callable[[list[Candidate]], list[Candidate]],
) -> None:
    items = some([(number % 13, "abc"[number % 3]) for number in range(40)])
    chosen = choose(shuffle(items), 5)
    assert chosen == choose(items, 5)
    assert (chosen[0].length, chosen[1].length) == (12, 0)
    assert {kind for one in chosen for kind in one.kinds} == {("voice", one) for one in "abc"}
    assert all(set(few) < set(more) for few, more in pairwise(choose(items, n) for n in range(9)))
    assert len(choose(items, 99)) == 40
