"""Corrected subtitles whose proofread expires before they are rendered."""

from __future__ import annotations

import asyncio
import os
import pickle
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from heygen_async import (
    Batch,
    CorrectionFailed,
    HeyGen,
    JobFailed,
    Outcome,
    ProofreadExpired,
    localize,
)
from heygen_async.pipelines import Correct
from heygen_async.sandbox import Sandbox

from .test_localization import FILM, FRENCH, GERMAN, captions, louder, outcomes_of

pytestmark = pytest.mark.anyio

DAY = 86_400
BOTH = [FRENCH, GERMAN]


def kept(journal: Path) -> dict[str, str]:
    return {path.name: path.read_text() for path in journal.parent.glob("*.srt")}


@pytest.mark.parametrize("journaled", [False, True])
async def test_a_proofread_that_expires_while_it_is_corrected(
    sandbox: Sandbox, heygen: HeyGen, journal: Path, journaled: bool
) -> None:
    async def slow(language: str, srt: str) -> str:
        sandbox.clock.advance(DAY)
        return srt.replace("said", "SAID")

    async def go(**settings: Any) -> Outcome[Any]:
        async with Batch(heygen, journal=journal if journaled else None) as batch:
            return (await outcomes_of(localize(batch, FILM, [FRENCH], **settings)))[FRENCH]

    outcome = await go(correct=slow)
    error = outcome.error
    assert isinstance(error, ProofreadExpired)
    assert error.language == pickle.loads(pickle.dumps(error)).language == FRENCH
    assert "SAID" in (error.srt or "")
    assert sandbox.ledger.count() == sandbox.ledger.count("proofreads.create") == 1
    files = kept(journal)
    assert list(files) == ["launch.proofreads.French (France).srt"] * journaled
    if not journaled:
        return
    modes = {path.stat().st_mode & 0o777 for path in journal.parent.glob("launch.*")}
    assert os.name == "nt" or modes == {0o600}
    assert str(journal.with_name("launch.proofreads.French (France).srt")) in str(error)
    # The corrected text is used again, whatever the state of the session.
    outcome = await go(correct=lambda language, srt: srt, renew=True)
    assert "SAID" in await captions(heygen, outcome)
    assert sandbox.ledger.count("proofreads.create") == 2
    assert sandbox.ledger.count("proofreads.generate") == 1
    assert not kept(journal)


async def test_a_proofread_that_expires_while_it_is_corrected_is_made_anew(
    sandbox: Sandbox, heygen: HeyGen
) -> None:
    async def slow(language: str, srt: str) -> str:
        sandbox.clock.advance(DAY)
        return louder(language, srt)

    async with Batch(heygen) as batch:
        outcomes = await outcomes_of(localize(batch, FILM, [FRENCH], correct=slow, renew=True))
    assert "SAID" in await captions(heygen, outcomes[FRENCH])
    assert sandbox.ledger.count("proofreads.create") == 2
    assert sandbox.ledger.count("proofreads.generate") == 1


async def test_a_run_that_was_stopped_for_a_day(
    sandbox: Sandbox, heygen: HeyGen, journal: Path
) -> None:
    asked: list[str] = []

    def out_for_lunch(language: str, srt: str) -> str:
        raise LookupError

    async def agree(language: str) -> bool:
        asked.append(language)
        return language == FRENCH

    async def go(correct: Correct) -> dict[str, Outcome[Any]]:
        async with Batch(heygen, journal=journal) as batch:
            return await outcomes_of(localize(batch, FILM, BOTH, correct=correct, renew=agree))

    first = await go(out_for_lunch)
    assert {type(outcome.error) for outcome in first.values()} == {CorrectionFailed}
    sandbox.clock.advance(DAY)
    second = await go(louder)
    assert set(asked) == set(BOTH)
    assert "SAID" in await captions(heygen, second[FRENCH])
    error = second[GERMAN].error
    assert isinstance(error, ProofreadExpired)
    assert error.srt is None
    assert sandbox.ledger.count("proofreads.generate") == 1


async def test_a_render_that_is_retried_after_a_day(
    sandbox: Sandbox, heygen: HeyGen, journal: Path
) -> None:
    seen: list[str] = []

    def correct(language: str, srt: str) -> str:
        seen.append(srt)
        return srt.replace("said", "SAID")

    async def go(**settings: Any) -> Outcome[Any]:
        async with Batch(heygen, journal=journal, retry_failed=True) as batch:
            chain = localize(batch, FILM, [FRENCH], correct=correct, **settings)
            return (await outcomes_of(chain))[FRENCH]

    sandbox.fail_next("translation")
    assert isinstance((await go()).error, JobFailed)
    sandbox.clock.advance(DAY)
    error = (await go()).error
    assert isinstance(error, ProofreadExpired)
    assert "SAID" in (error.srt or "")
    assert "SAID" in await captions(heygen, await go(renew=True))
    assert "SAID" in seen[-1]  # it continues from the corrected text
    assert sandbox.ledger.count("proofreads.generate") == 2


async def test_a_run_that_was_stopped_while_the_proofread_was_made(
    sandbox: Sandbox, heygen: HeyGen, journal: Path
) -> None:
    async def go(**settings: Any) -> dict[str, Outcome[Any]]:
        async with Batch(heygen, journal=journal) as batch:
            return await outcomes_of(localize(batch, FILM, [FRENCH], correct=louder, **settings))

    task = asyncio.create_task(go())
    await asyncio.sleep(100)  # of the 200 s or so that it takes
    assert sandbox.ledger.count("proofreads.create") == 1
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    sandbox.clock.advance(DAY)
    assert isinstance((await go())[FRENCH].error, ProofreadExpired)
    assert "SAID" in await captions(heygen, (await go(renew=True))[FRENCH])
    assert sandbox.ledger.count("proofreads.generate") == 1


async def test_a_file_that_cannot_be_kept_costs_no_correction(
    sandbox: Sandbox, heygen: HeyGen, journal: Path, caplog: pytest.LogCaptureFixture
) -> None:
    journal.with_name("launch.proofreads.French (France).srt").mkdir()
    async with Batch(heygen, journal=journal) as batch:
        chain: AsyncIterator[Any] = localize(batch, FILM, [FRENCH], correct=louder)
        outcomes = await outcomes_of(chain)
    assert "SAID" in await captions(heygen, outcomes[FRENCH])
    assert "are not kept" in caplog.text
