"""Runs that version 0.1.0 began are continued: nothing is lost, and nothing paid for twice."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from heygen_async import (
    AvatarVideoRequest,
    Batch,
    HeyGen,
    IdempotencyMismatch,
    JobFailed,
    Outcome,
    TemplateRenderRequest,
    TextVariable,
    UncertainSubmission,
)
from heygen_async.sandbox import Sandbox
from tests.journal.journals import Journaled, edit
from tests.journal.legacy import (
    AVATAR_ID,
    JOURNALS,
    TEMPLATE_ID,
    copy_of,
    items_of,
    old_items,
    rows,
    run_of,
)

pytestmark = pytest.mark.anyio

every_journal = pytest.mark.parametrize("name", JOURNALS)
YESTERDAY = time.time() - 90_000
YOUNG = "UPDATE items SET intended_at = {} WHERE state = 'intended'"
FAILED_ITEM, UNPAID_ITEM, SUBMITTED_ITEM, INTENDED_ITEM, UNCERTAIN_ITEM = 1, 2, 3, 4, 5


@pytest.fixture
def sandbox_settings() -> Mapping[str, Any]:
    return {"concurrency": 20}


class Runs:
    """Run over one journal."""

    def __init__(self, heygen: HeyGen, name: str, folder: Path) -> None:
        self.name = name
        self.path = copy_of(name, folder)
        self.items = items_of(name)
        self.old = old_items(self.path)
        self._heygen = heygen

    async def run(self, items: list[Any] | None = None, **options: Any) -> list[Outcome[Any]]:
        """Return the outcomes of all items, or of some, in their order."""
        async with Batch(self._heygen, ordered=True, **options) as batch:
            run = run_of(self.name, batch, self.items if items is None else items, self.path)
            return [outcome async for outcome in run]

    def in_state(self, state: str, error_type: str | None = None) -> list[Any]:
        """Return the stored items, without the second of equal ones."""
        return [
            self.items[old.position]
            for old in self.old
            if (old.state, old.error_type) == (state, error_type) and not old.key.endswith("-2")
        ]

    async def records(self) -> list[Any]:
        return await Journaled(self.path).records()


@pytest.fixture
def runs(heygen: HeyGen, tmp_path: Path, name: str) -> Runs:
    return Runs(heygen, name, tmp_path)


@every_journal
async def test_what_has_ended_comes_from_the_journal(
    sandbox: Sandbox, runs: Runs, name: str
) -> None:
    completed, failed = runs.in_state("completed"), runs.in_state("failed", "JobFailed")
    for _ in range(2):  # by the upgraded file, too
        outcomes = await runs.run([*completed, *failed])
        assert all(outcome.resumed for outcome in outcomes)
        assert all(outcome.ok for outcome in outcomes[:-1])
        stored = {old.key: old for old in runs.old}
        for outcome in outcomes[:-1]:
            old = stored[outcome.key]
            assert (old.state, outcome.job_id, outcome.usd) == ("completed", old.job_id, old.usd)
            assert not isinstance(outcome.unwrap(), dict)
        (old,) = [old for old in runs.old if old.error_type == "JobFailed"]
        error = outcomes[-1].error
        assert isinstance(error, JobFailed)
        assert (error.job_id, error.code) == (old.job_id, old.error_code)
        assert sandbox.ledger.count() == 0


@every_journal
async def test_what_was_refused_for_want_of_credit_is_submitted_once(
    sandbox: Sandbox, runs: Runs, name: str
) -> None:
    unpaid = runs.in_state("failed", "PaymentRequired")
    (outcome,) = await runs.run(unpaid)
    assert outcome.ok
    assert not outcome.resumed
    (job,) = sandbox.ledger.jobs
    # The record is found by its contents although its key is an old one, in each later run.
    assert outcome.key == runs.old[UNPAID_ITEM].key
    for _ in range(2):
        (again,) = await runs.run(unpaid)
        assert (again.resumed, again.job_id, again.ok) == (True, outcome.job_id, True)
    assert sandbox.ledger.jobs == [job]
    records = {record.key: record for record in await runs.records()}
    assert len(records) == len(runs.old)
    assert (records[outcome.key].state, records[outcome.key].attempt) == ("completed", 2)


@every_journal
async def test_the_job_of_a_submitted_item_is_waited_for(
    sandbox: Sandbox, heygen: HeyGen, runs: Runs, name: str
) -> None:
    """Replace its id by that of a job in this sandbox."""
    item = runs.items[SUBMITTED_ITEM]
    async with Batch(heygen) as batch:
        elsewhere = run_of(name, batch, [item], runs.path.with_name("elsewhere.db"))
        (job_id,) = [outcome.job_id async for outcome in elsewhere]
    before = sandbox.ledger.count()
    await edit(runs.path, f"UPDATE items SET job_id = '{job_id}' WHERE state = 'submitted'")
    (outcome,) = await runs.run([item])
    assert (outcome.ok, outcome.job_id, outcome.resumed) == (True, job_id, False)
    # Of a speech only the text is known; it is spoken again for a fraction of a cent.
    assert sandbox.ledger.count() - before == (name == "launch.speech.db")


KEYED = [name for name in JOURNALS if name not in ("launch.speech.db", "batched.requests.db")]


@pytest.mark.parametrize("name", KEYED)
async def test_what_may_not_have_arrived_is_sent_again_under_its_key(
    sandbox: Sandbox, runs: Runs, name: str
) -> None:
    await edit(runs.path, YOUNG.format(time.time() - 3600))
    (outcome,) = await runs.run([runs.items[INTENDED_ITEM]])
    assert outcome.ok
    (job,) = sandbox.ledger.jobs
    if name != "render-test.db":  # the v2 call takes no key
        assert job.idempotency_key == runs.old[INTENDED_ITEM].idempotency_key
    assert job.callback_id == runs.old[INTENDED_ITEM].callback_id
    assert (await runs.records())[INTENDED_ITEM].attempt == 1


@pytest.mark.parametrize("name", ["batched.requests.db"])
async def test_a_batch_that_may_not_have_arrived_is_sent_again_whole(
    sandbox: Sandbox, runs: Runs, name: str
) -> None:
    await edit(
        runs.path,
        "UPDATE items SET state = 'intended', job_id = NULL, submitted_at = NULL, "
        "ended_at = NULL, result = NULL, error_type = NULL, usd = NULL",
        YOUNG.format(time.time() - 3600),
    )
    outcomes = await runs.run(runs.items[4:6])  # two of eight bring all of them back
    assert [outcome.ok for outcome in outcomes] == [True, True]
    assert {job.idempotency_key for job in sandbox.ledger.jobs} == {runs.old[0].idempotency_key}
    assert [job.callback_id for job in sandbox.ledger.jobs] == [
        *(old.callback_id for old in runs.old[:7]),
        "mine",
    ]
    assert all(outcome.ok for outcome in await runs.run())
    assert sandbox.ledger.count() == 8


@pytest.mark.parametrize("name", JOURNALS)
@pytest.mark.parametrize("age", [90_000, -3600], ids=["old", "from the future"])
async def test_what_is_too_old_is_not_sent_again(
    sandbox: Sandbox, runs: Runs, name: str, age: float
) -> None:
    await edit(runs.path, YOUNG.format(time.time() - age))
    chosen = [*runs.in_state("intended"), *runs.in_state("uncertain")]
    outcomes = await runs.run(chosen)
    assert len(outcomes) >= 2
    states = {r.state for r in await runs.records() if r.position in (4, 5)}
    if name == "launch.speech.db":  # a speech takes no key, and costs a fraction of a cent
        assert all(outcome.resends == 1 for outcome in outcomes)
        assert (sandbox.ledger.count(), states) == (len(outcomes), {"completed"})
        return
    assert all(isinstance(outcome.error, UncertainSubmission) for outcome in outcomes)
    assert (sandbox.ledger.count(), states) == (0, {"uncertain"})


@pytest.mark.sandbox(epoch=YESTERDAY)
@pytest.mark.parametrize("name", ["render.db", "render-keyed.db", "launch.requests.db"])
async def test_the_job_of_an_old_submission_is_found_in_the_account(
    sandbox: Sandbox, heygen: HeyGen, runs: Runs, name: str
) -> None:
    """Find it by the ``callback_id`` of version 0.1.0."""
    old = runs.old[INTENDED_ITEM]
    if name.startswith("render"):
        variables = {name: TextVariable(content=text) for name, text in rows()[4].items()}
        job: Any = await heygen.templates.generate(
            TEMPLATE_ID, TemplateRenderRequest(variables=variables, callback_id=old.callback_id)
        )
    else:
        job = await heygen.videos.create(
            AvatarVideoRequest(
                avatar_id=AVATAR_ID, script="Hello 4", title="t4", callback_id=old.callback_id
            )
        )
    await edit(
        runs.path,
        f"UPDATE items SET state = 'uncertain', intended_at = {YESTERDAY} "
        f"WHERE position = {INTENDED_ITEM}",
    )
    (outcome,) = await runs.run([runs.items[INTENDED_ITEM]])
    assert (outcome.ok, outcome.job_id) == (True, job.id)
    assert sandbox.ledger.count() == 1


@pytest.mark.parametrize("name", ["render.db", "render-keyed.db", "render-test.db"])
async def test_columns_in_another_order_make_the_same_row(
    sandbox: Sandbox, runs: Runs, name: str
) -> None:
    await edit(runs.path, YOUNG.format(time.time() - 60))
    turned = [dict(reversed(row.items())) for row in runs.items]
    outcomes = await runs.run(turned)
    assert sandbox.ledger.count() == 2  # one unpaid, one possibly not received
    assert [outcome.key for outcome in outcomes] == [old.key for old in runs.old]
    # Completed, unpaid and intended ones; the job of the submitted one is not in this sandbox.
    assert [outcome.index for outcome in outcomes if outcome.ok] == [
        index for index in (0, 2, 4, 6) if index < len(turned)
    ]
    assert not any(isinstance(outcome.error, IdempotencyMismatch) for outcome in outcomes)
    assert len(await runs.records()) == len(runs.old)


@pytest.mark.parametrize("name", ["render-keyed.db"])
async def test_another_request_under_an_old_key_is_refused(
    sandbox: Sandbox, runs: Runs, name: str
) -> None:
    changed = [{**row, "product": "another"} for row in runs.items[:2]]
    outcomes = await runs.run(changed)
    assert all(isinstance(outcome.error, IdempotencyMismatch) for outcome in outcomes)
    assert sandbox.ledger.count() == 0


async def test_equal_rows_have_a_record_each(
    sandbox: Sandbox, heygen: HeyGen, tmp_path: Path
) -> None:
    runs = Runs(heygen, "render.db", tmp_path)
    await edit(
        runs.path,
        "UPDATE items SET state = 'completed', job_id = 'another', "
        "result = (SELECT result FROM items WHERE position = 6) WHERE position = 5",
    )
    same = rows()[5]
    outcomes = await runs.run([same, same, same])
    assert [outcome.resumed for outcome in outcomes] == [True, True, False]
    assert len({outcome.key for outcome in outcomes}) == 3
    assert sandbox.ledger.count() == 1
    outcomes = await runs.run([same] * 4)
    assert [outcome.resumed for outcome in outcomes] == [True, True, True, False]
    assert sandbox.ledger.count() == 2
