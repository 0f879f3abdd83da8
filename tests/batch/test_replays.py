"""A run whose journal was deleted gets its old jobs, and warns once."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from heygen_async import AssetUrl, AvatarVideoRequest, Batch, HeyGen
from heygen_async.sandbox import Sandbox
from tests.journal.journals import edit

pytestmark = pytest.mark.anyio

CLIP = AssetUrl(url="https://example.com/launch.mp4")
KINDS = ["render", "run", "translate", "api-batch"]


def run_of(kind: str, batch: Batch, sandbox: Sandbox) -> Any:
    requests = [
        AvatarVideoRequest(avatar_id=sandbox.avatar_id, script=f"Number {n}") for n in range(3)
    ]
    if kind == "render":
        template_id = next(iter(sandbox_templates(sandbox)))
        return batch.render(template_id, [{"name": f"{n}"} for n in range(3)])
    if kind == "translate":
        return batch.translate(CLIP, ["French (France)", "German (Germany)"])
    return batch.run(requests, via="single" if kind == "run" else "api-batch")


def sandbox_templates(sandbox: Sandbox) -> list[str]:
    return [sandbox.add_template(template_id="again", name="Again")]


async def warnings_of(
    work: Callable[[], Any], caplog: pytest.LogCaptureFixture
) -> list[logging.LogRecord]:
    caplog.clear()
    await work()
    return [one for one in caplog.records if "created before this run" in one.getMessage()]


@pytest.mark.parametrize("kind", KINDS)
async def test_the_first_replayed_answer_is_a_warning(
    sandbox: Sandbox, journal: Path, caplog: pytest.LogCaptureFixture, kind: str
) -> None:
    jobs: list[str | None] = []

    async def work(**settings: Any) -> None:
        async with (
            HeyGen(sandbox.api_key, base_url=sandbox.base_url, jobs=10) as heygen,
            Batch(heygen, journal=journal, measure=False, **settings) as batch,
        ):
            await heygen.users.me()  # any answer tells HeyGen's time
            outcomes = [outcome async for outcome in run_of(kind, batch, sandbox)]
        assert all(outcome.ok for outcome in outcomes)
        jobs[:] = sorted(outcome.job_id or "" for outcome in outcomes)

    assert await warnings_of(work, caplog) == []
    first, paid = list(jobs), sandbox.ledger.count()
    assert await warnings_of(work, caplog) == []  # the journal brings them back
    for file in journal.parent.glob("*.db"):
        file.unlink()
    sandbox.clock.advance(3600)
    (warning,) = await warnings_of(work, caplog)
    assert warning.levelno == logging.WARNING
    assert "run_id" in warning.getMessage()
    assert (jobs, sandbox.ledger.count()) == (first, paid)
    for file in journal.parent.glob("*.db"):
        file.unlink()
    assert await warnings_of(lambda: work(run_id="anew"), caplog) == []
    assert sandbox.ledger.count() == 2 * paid


async def test_failures_are_replayed_too(
    sandbox: Sandbox,
    heygen: HeyGen,
    template_id: str,
    journal: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def work() -> None:
        async with Batch(heygen, journal=journal) as batch:
            assert [one.ok async for one in batch.render(template_id, [{"name": "Ada"}])] == [False]

    sandbox.fail_next("video")
    assert await warnings_of(work, caplog) == []
    await asyncio.to_thread(journal.unlink)
    await asyncio.sleep(600)
    assert len(await warnings_of(work, caplog)) == 1


async def test_a_run_that_goes_on_is_no_replay(
    sandbox: Sandbox,
    heygen: HeyGen,
    template_id: str,
    journal: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def work(stop_after: int) -> None:
        async with Batch(heygen, journal=journal) as batch:
            rows = [{"name": f"{n}"} for n in range(5)]
            async for outcome in batch.render(template_id, rows):
                assert outcome.ok
                stop_after -= 1
                if not stop_after:
                    break

    assert await warnings_of(lambda: work(1), caplog) == []
    await edit(journal, f"UPDATE items SET intended_at = {time.time() - 3600}")
    sandbox.clock.advance(3600)
    assert await warnings_of(lambda: work(9), caplog) == []
