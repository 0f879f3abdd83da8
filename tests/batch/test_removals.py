"""Background and filler-word removals in bulk."""

from __future__ import annotations

from pathlib import Path

import pytest

from heygen_async import (
    AssetUrl,
    BackgroundRemovalRequest,
    Batch,
    FillerWordRemoval,
    FillerWordRemovalRequest,
    HeyGen,
)
from heygen_async.sandbox import Fault, Sandbox

pytestmark = pytest.mark.anyio

FILLERS = [
    FillerWordRemovalRequest(video=AssetUrl(url=f"https://example.com/{n}.mp4")) for n in range(2)
]
BACKGROUNDS = [
    BackgroundRemovalRequest(video=AssetUrl(url=f"https://example.com/{n}.mp4")) for n in range(2)
]


@pytest.mark.parametrize("operation", ["filler_word_removals.create", "background_removals.create"])
async def test_removals_are_made_once(
    sandbox: Sandbox, heygen: HeyGen, journal: Path, operation: str
) -> None:
    requests = FILLERS if operation.startswith("filler") else BACKGROUNDS
    sandbox.faults.add(operation, Fault.drop_answer())
    async with Batch(heygen, journal=journal, measure=False) as batch:
        rows = await batch.run(requests).rows()
    assert {row["status"] for row in rows} == {"completed"}
    kind = operation.partition(".")[0].removesuffix("s")
    assert len([job for job in sandbox.ledger.jobs if job.kind == kind]) == 2
    async with Batch(heygen, journal=journal, measure=False) as batch:
        run = batch.run(requests)
        assert len(await run.rows()) == 2
    assert run.report.resumed == 2


async def test_filler_words_have_a_price(heygen: HeyGen) -> None:
    run = Batch(heygen, measure=False).run(FILLERS, seconds=lambda _: 60.0)
    estimate = await run.estimate()
    assert estimate.usd == pytest.approx(0.6)
    async for outcome in run:
        assert isinstance(outcome.result, FillerWordRemoval)
