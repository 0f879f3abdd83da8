"""Searches of the account for submissions that were cut off more than a day ago."""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from heygen_async import (
    AssetUrl,
    AvatarVideoRequest,
    Batch,
    CinematicAvatarVideoRequest,
    HeyGen,
    Outcome,
    UncertainSubmission,
    VideoTranslationRequest,
)
from heygen_async.sandbox import Fault, Sandbox
from tests.journal.journals import Journaled

pytestmark = [pytest.mark.anyio, pytest.mark.heygen(jobs=None)]

DAY = 90_000.0
CLIP = AssetUrl(url="https://example.com/launch.mp4")


@pytest.fixture
def sandbox_settings() -> Mapping[str, Any]:
    """Set the sandbox's clock to yesterday."""
    return {"epoch": time.time() - DAY, "concurrency": 50}


class Requests(Journaled):
    """A run of requests whose journal can lose answers."""

    def __init__(self, heygen: HeyGen, journal: Path) -> None:
        super().__init__(journal)
        self._heygen = heygen

    async def run(self, requests: Sequence[Any]) -> dict[int, Outcome[Any]]:
        """Return the outcomes by position."""
        async with Batch(self._heygen) as batch:
            keys = {id(request): f"k{number}" for number, request in enumerate(requests)}
            run = batch.run(requests, key=lambda one: keys[id(one)], journal=self.journal)
            return {int(outcome.key[1:]): outcome async for outcome in run}

    async def forget(self, positions: Collection[int]) -> None:
        """Make it yesterday's journal, in which these items were intended and not answered."""
        lost = ", ".join(f"'k{position}'" for position in positions)
        await self.make_older(DAY)
        await self.edit(
            "UPDATE items SET state = 'intended', job_id = NULL, result = NULL, "
            f"submitted_at = NULL, ended_at = NULL WHERE key IN ({lost})",
        )


@pytest.fixture
def journaled(heygen: HeyGen, tmp_path: Path) -> Requests:
    return Requests(heygen, tmp_path / "run.db")


def avatars(sandbox: Sandbox, count: int, **fields: Any) -> list[AvatarVideoRequest]:
    return [
        AvatarVideoRequest(avatar_id=sandbox.avatar_id, script=f"Number {number}", **fields)
        for number in range(count)
    ]


def ids(outcomes: dict[int, Outcome[Any]]) -> dict[int, str | None]:
    return {position: outcome.job_id for position, outcome in outcomes.items()}


def uncertain(outcomes: dict[int, Outcome[Any]]) -> set[int]:
    return {
        position
        for position, outcome in outcomes.items()
        if isinstance(outcome.error, UncertainSubmission)
    }


async def test_one_walk_serves_all_items(sandbox: Sandbox, journaled: Requests) -> None:
    requests = avatars(sandbox, 130)
    first = await journaled.run(requests)
    await journaled.forget(range(40))
    assert ids(await journaled.run(requests)) == ids(first)
    assert sandbox.ledger.count() == 130
    assert sandbox.requests.by_operation["videos.list"] == 2  # pages of 100
    assert sandbox.requests.by_operation["videos.status_v1"] <= 130


async def test_the_walk_goes_no_further_back_than_it_must(tmp_path: Path) -> None:
    async with (
        Sandbox(speed=1, epoch=time.time() - DAY - 7200, concurrency=50) as sandbox,
        HeyGen(sandbox.api_key, base_url=sandbox.base_url) as heygen,
    ):
        journaled = Requests(heygen, tmp_path / "run.db")
        async for _ in Batch(heygen).run(avatars(sandbox, 110)):
            pass
        sandbox.clock.advance(7200)
        requests = avatars(sandbox, 5, title="New")
        first = await journaled.run(requests)
        await journaled.forget(range(5))
        assert ids(await journaled.run(requests)) == ids(first)
        assert sandbox.requests.by_operation["videos.list"] == 1
        assert sandbox.requests.by_operation["videos.status_v1"] == 5  # those of the title


async def test_callback_ids_of_the_users_own(sandbox: Sandbox, journaled: Requests) -> None:
    requests = [
        AvatarVideoRequest(avatar_id=sandbox.avatar_id, script="Hello", callback_id=f"mine {n}")
        for n in range(6)
    ]
    first = await journaled.run(requests)
    await journaled.forget([1, 3, 5])
    assert ids(await journaled.run(requests)) == ids(first)
    assert sandbox.ledger.count() == 6


async def test_titles_tell_items_with_one_callback_id_apart(
    sandbox: Sandbox, journaled: Requests
) -> None:
    requests = [
        AvatarVideoRequest(
            avatar_id=sandbox.avatar_id, script="Hello", callback_id="launch", title=f"For {name}"
        )
        for name in ("Anna", "Ann", "Bob")
    ]
    first = await journaled.run(requests)
    await journaled.forget(range(3))
    assert ids(await journaled.run(requests)) == ids(first)


async def test_languages_tell_items_with_one_callback_id_apart(
    sandbox: Sandbox, journaled: Requests
) -> None:
    requests = [
        VideoTranslationRequest(
            video=CLIP, output_languages=[language], callback_id="launch", title="Launch"
        )
        for language in ("French (France)", "German (Germany)", "Dutch (Netherlands)")
    ]
    first = await journaled.run(requests)
    await journaled.forget(range(3))
    assert ids(await journaled.run(requests)) == ids(first)
    assert sandbox.requests.by_operation["video_translations.list"] == 1


async def test_the_jobs_of_other_items_are_left_to_them(
    sandbox: Sandbox, heygen: HeyGen, journaled: Requests
) -> None:
    requests = avatars(sandbox, 3, callback_id="launch")
    first = await journaled.run(requests)
    await journaled.forget([1])
    assert ids(await journaled.run(requests)) == ids(first)  # the only remaining job
    await heygen.videos.delete(first[1].job_id or "")
    await journaled.forget([1])
    outcomes = await journaled.run(requests)
    assert uncertain(outcomes) == {1}
    assert sandbox.ledger.count() == 3


@pytest.mark.parametrize("deleted", [0, 1])
async def test_what_two_items_can_claim_is_given_to_neither(
    sandbox: Sandbox, heygen: HeyGen, journaled: Requests, deleted: int
) -> None:
    requests = avatars(sandbox, 3, callback_id="launch", title="Launch")
    first = await journaled.run(requests)
    for position in range(deleted):
        await heygen.videos.delete(first[position].job_id or "")
    await journaled.forget([0, 1])
    outcomes = await journaled.run(requests)
    assert uncertain(outcomes) == {0, 1}
    assert outcomes[2].ok
    assert sandbox.ledger.count() == 3


async def test_a_job_of_another_time_is_no_items(
    sandbox: Sandbox, heygen: HeyGen, journaled: Requests
) -> None:
    requests = avatars(sandbox, 2, callback_id="launch")
    strange = await heygen.videos.create(requests[0])
    sandbox.clock.advance(3600)
    first = await journaled.run(requests[1:])
    await heygen.videos.delete(first[0].job_id or "")
    await journaled.forget([0])

    await journaled.edit("UPDATE items SET intended_at = intended_at + 3600")
    assert uncertain(await journaled.run(requests[1:])) == {0}
    assert (await heygen.videos.get(strange.id)).id == strange.id


async def test_what_carries_no_callback_id_is_not_looked_for(
    sandbox: Sandbox, journaled: Requests
) -> None:
    look = sandbox.avatar_id
    requests = [CinematicAvatarVideoRequest(avatar_id=[look], prompt="A walk", duration=5)]
    await journaled.run(requests)
    await journaled.forget([0])
    assert uncertain(await journaled.run(requests)) == {0}
    assert sandbox.requests.by_operation["videos.list"] == 0


async def test_a_list_that_failed_is_walked_anew(sandbox: Sandbox, journaled: Requests) -> None:
    requests = avatars(sandbox, 120)
    first = await journaled.run(requests)
    await journaled.forget(range(120))
    sandbox.faults.add("videos.list", Fault.status(403), after=1)  # the second page
    outcomes = await journaled.run(requests)
    failed = {position for position, outcome in outcomes.items() if not outcome.ok}
    assert len(failed) == 1
    assert not uncertain(outcomes)
    assert ids(await journaled.run(requests)) == ids(first)
    assert sandbox.ledger.count() == 120
