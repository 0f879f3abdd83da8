"""Variants of a template, some of whose values are spoken first."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, cast

import pytest

from heygen_async import (
    Batch,
    BudgetExceeded,
    HeyGen,
    InvalidRequest,
    InvalidVariants,
    Outcome,
    Progress,
    SpeechRequest,
    Video,
    personalize,
)
from heygen_async.sandbox import Fault, Sandbox

from .interruptions import interrupted

pytestmark = pytest.mark.anyio


@pytest.fixture
def template_id(sandbox: Sandbox) -> str:
    return sandbox.add_template(variables={"name": "text", "greeting": "audio"})


async def collected(chain: AsyncIterator[Outcome[Video]]) -> list[Outcome[Video]]:
    return [outcome async for outcome in chain]


def rows(sandbox: Sandbox, count: int) -> list[dict[str, Any]]:
    """Return rows, every other one with a greeting to speak."""
    plain: list[dict[str, Any]] = [{"name": f"Person {number}"} for number in range(count)]
    for row in plain[::2]:
        text = f"Good morning, {row['name']}."
        row["greeting"] = SpeechRequest(text=text, voice_id=sandbox.voice_id)
    return plain


async def test_rows_get_their_voices(sandbox: Sandbox, heygen: HeyGen, template_id: str) -> None:
    people = rows(sandbox, 5)
    stages: list[tuple[str, int]] = []

    def show(stage: str, progress: Progress) -> None:
        stages.append((stage, progress.done))

    last: list[Progress] = []
    async with Batch(heygen, ordered=True, progress=last.append) as batch:
        outcomes = await collected(
            personalize(
                batch,
                template_id,
                people,
                key=lambda row: row["name"],
                title=lambda row: f"For {row['name']}",
                progress=show,
            )
        )
    assert [outcome.item for outcome in outcomes] == people
    assert [outcome.key for outcome in outcomes] == [row["name"] for row in people]
    assert all(outcome.ok for outcome in outcomes)
    assert sandbox.ledger.count("speech") == 3
    assert sandbox.requests.by_operation["assets.upload"] == 3
    titles = {job.title for job in sandbox.ledger.jobs if job.kind == "video"}
    assert titles == {f"For Person {number}" for number in range(5)}
    assert stages == sorted(stages)
    assert stages[-1] == ("voices", 3)
    assert last[-1].total == 5
    voiced, plain = outcomes[0].usd, outcomes[1].usd
    assert voiced is not None
    assert plain is not None


async def test_all_rows_are_checked_before_anything_is_spoken(
    sandbox: Sandbox, heygen: HeyGen, template_id: str
) -> None:
    speech = SpeechRequest(text="Hello", voice_id=sandbox.voice_id)
    wrong: Any = [{"name": "A", "greeting": speech}, {"name": speech}, ["no mapping"]]
    async with Batch(heygen) as batch:
        with pytest.raises(InvalidVariants) as caught:
            await collected(personalize(batch, template_id, wrong))
        twice = [{"name": "A"}, {"name": "A"}]
        with pytest.raises(InvalidRequest, match="same key 'A'"):
            await collected(personalize(batch, template_id, twice, key=lambda row: row["name"]))
    assert [problem.index for problem in caught.value.problems] == [1, 2]
    assert sandbox.ledger.count() == 0


async def test_a_row_that_cannot_be_spoken_fails_alone(
    sandbox: Sandbox, heygen: HeyGen, template_id: str
) -> None:
    people = rows(sandbox, 3)
    people[0]["greeting"] = SpeechRequest(text="Hello", voice_id="nobody")
    async with Batch(heygen, ordered=True) as batch:
        outcomes = await collected(personalize(batch, template_id, people))
    assert [outcome.ok for outcome in outcomes] == [False, True, True]
    assert outcomes[0].item == people[0]
    assert sandbox.ledger.count("video") == 2


async def test_a_run_left_at_any_border_pays_once(
    sandbox: Sandbox, heygen: HeyGen, template_id: str, journal: Path
) -> None:
    people = [*rows(sandbox, 6), *rows(sandbox, 1)]  # the first one twice

    async def run() -> list[Outcome[Video]]:
        async with Batch(heygen, journal=journal, ordered=True) as batch:
            return await collected(personalize(batch, template_id, people))

    sandbox.faults.add("voices.speech", Fault.drop_answer())
    for operation in ("voices.speech", "assets.upload", "templates.generate", "videos.get"):
        await interrupted(sandbox, operation, run)
    outcomes = await run()
    assert [outcome.item for outcome in outcomes] == people
    assert all(outcome.ok for outcome in outcomes)
    # HeyGen takes no key for speech: those whose answers were lost are spoken once more. These are
    # the first one, and those in flight at the first interruption.
    spoken = sandbox.ledger.count("speech")
    assert 5 <= spoken <= 8
    assert sandbox.ledger.count("video") == 7
    assert sandbox.ledger.count() == spoken + 7


async def test_what_earlier_renders_have_cost_leaves_no_room_for_new_speeches(
    sandbox: Sandbox, heygen: HeyGen, template_id: str, journal: Path
) -> None:
    async def run(count: int, max_jobs: int) -> list[Outcome[Video]]:
        async with Batch(heygen, journal=journal, max_jobs=max_jobs) as batch:
            chain = personalize(
                batch, template_id, rows(sandbox, count), key=lambda row: row["name"]
            )
            return await collected(chain)

    await run(2, 3)
    assert sandbox.ledger.count() == 3
    with pytest.raises(BudgetExceeded):
        await run(5, 3)
    assert sandbox.ledger.count() == 3


async def test_a_title_that_is_none_shows_before_anything_is_spoken(
    sandbox: Sandbox, heygen: HeyGen, template_id: str
) -> None:
    async with Batch(heygen) as batch:
        number, nothing = cast("Any", len), cast("Any", None)
        with pytest.raises(InvalidRequest, match="row 1"):
            await collected(personalize(batch, template_id, rows(sandbox, 1), title=number))
        with pytest.raises(InvalidRequest, match="rows: expected"):
            await collected(personalize(batch, template_id, nothing))
    assert sandbox.ledger.count() == 0
