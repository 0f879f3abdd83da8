"""Estimates of chains: by stage, with ranges, and after a journal."""

from __future__ import annotations

import copy
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

import pytest

from heygen_async import (
    AvatarVideoRequest,
    Batch,
    BudgetExceeded,
    ChainEstimate,
    HeyGen,
    InvalidRequest,
    SpeechRequest,
    VideoAgentRequest,
    estimate_localize,
    estimate_narrate,
    estimate_personalize,
    localize,
    narrate,
    personalize,
)
from heygen_async.sandbox import Sandbox

pytestmark = [pytest.mark.anyio]

LANGUAGES = ["French (France)", "German (Germany)", "Spanish (Spain)"]
TEXTS = ["Good morning, all of you.", "Good night, and sleep well."]


def louder(language: str, srt: str) -> str:
    return srt.replace("said", "SAID")


def source_of(kind: str, sandbox: Sandbox) -> Any:
    if kind == "agent":
        return VideoAgentRequest(prompt="A teaser")
    return AvatarVideoRequest(avatar_id=sandbox.avatar_id, script="Hello there, " * 20)


@pytest.mark.parametrize("correct", [None, louder], ids=["dubs", "proofreads"])
@pytest.mark.parametrize("kind", ["script", "agent"])
async def test_a_localization(
    sandbox: Sandbox, heygen: HeyGen, journal: Path, kind: str, correct: Any
) -> None:
    source = source_of(kind, sandbox)

    async def estimated() -> ChainEstimate:
        batch = Batch(heygen, journal=journal)
        return await estimate_localize(batch, source, LANGUAGES, correct=correct)

    before = await estimated()
    later = ["proofreads", "renders"] if correct else ["translations"]
    assert list(before.stages) == ["source", *later]
    assert [stage.items for stage in before.stages.values()] == [1, *[3] * len(later)]
    assert before.left is None
    assert before.usd == pytest.approx(sum(one.usd or 0.0 for one in before.stages.values()))
    if kind == "script":
        assert before.complete
        assert 0 < before.usd_low < (before.usd or 0.0) < (before.usd_high or 0.0)
    else:
        assert before.unknown == before.items
        assert before.usd_low == 0
        assert (before.usd_high or 0.0) > 100
    assert sandbox.ledger.count() == 0
    assert list(journal.parent.iterdir()) == []

    async with Batch(heygen, journal=journal) as batch:
        outcomes = [one async for one in localize(batch, source, LANGUAGES, correct=correct)]
    assert all(outcome.ok for outcome in outcomes)
    paid, spent = sandbox.ledger.count(), sandbox.ledger.usd
    if kind == "script":
        assert before.usd_low <= spent <= (before.usd_high or 0.0)
    after = await estimated()
    assert after.left is not None
    assert (after.left.usd, after.left.completed, after.left.changed) == (0, after.items, 0)
    assert after.left.spent == pytest.approx(spent, rel=0.01)
    assert after.usd == pytest.approx(spent, rel=0.35)
    assert sandbox.ledger.count() == paid


@pytest.mark.parametrize("correct", [None, louder], ids=["dubs", "proofreads"])
async def test_a_localization_that_was_interrupted(
    sandbox: Sandbox, heygen: HeyGen, journal: Path, correct: Any
) -> None:
    source = source_of("script", sandbox)
    async with Batch(heygen, journal=journal) as batch:
        async for _ in localize(batch, source, LANGUAGES[:1], correct=correct):
            pass
    batch = Batch(heygen, journal=journal)
    found = await estimate_localize(batch, source, LANGUAGES, correct=correct)
    left = found.left
    assert left is not None
    stages = len(found.stages) - 1
    assert (left.new, left.completed, left.changed) == (2 * stages, 1 + stages, 0)
    # The video is made, and its length known.
    assert left.usd_low == left.usd == left.usd_high
    assert sum(one.usd or 0.0 for one in found.stages.values()) == found.usd
    spent = sandbox.ledger.usd
    async with Batch(heygen, journal=journal) as batch:
        async for _ in localize(batch, source, LANGUAGES, correct=correct):
            pass
    assert left.usd == pytest.approx(sandbox.ledger.usd - spent, rel=0.01)


async def test_the_length_of_a_source_may_be_given(sandbox: Sandbox, heygen: HeyGen) -> None:
    batch = Batch(heygen, measure=False)
    film = "https://example.com/film.mp4"
    unknown = await estimate_localize(batch, film, LANGUAGES, correct=louder)
    assert (unknown.usd, unknown.unknown, unknown.usd_low) == (None, 3, 0)
    known = await estimate_localize(batch, film, LANGUAGES, correct=louder, seconds=60.0)
    assert known.complete
    assert known.usd == known.usd_low == known.usd_high == pytest.approx(3 * 60 * 0.0333, rel=0.3)


async def test_narrations(sandbox: Sandbox, heygen: HeyGen, journal: Path) -> None:
    options: dict[str, Any] = {"avatar_id": sandbox.avatar_id, "voice_id": sandbox.voice_id}
    before = await estimate_narrate(Batch(heygen, journal=journal), TEXTS, **options)
    assert before.complete
    assert 0 < before.usd_low < (before.usd or 0.0) < (before.usd_high or 0.0)
    async with Batch(heygen, journal=journal) as batch:
        chain = narrate(batch, TEXTS, **options)
        assert (await anext(chain)).ok
        await chain.aclose()
    spent, paid = sandbox.ledger.usd, sandbox.ledger.count()
    half = await estimate_narrate(Batch(heygen, journal=journal), [*TEXTS, "More."], **options)
    assert half.left is not None
    assert half.left.changed == 0
    assert half.left.new >= 2
    assert half.left.completed >= 2
    assert sandbox.ledger.count() == paid
    async with Batch(heygen, journal=journal) as batch:
        assert [one.ok async for one in narrate(batch, TEXTS, **options)] == [True, True]
    after = await estimate_narrate(Batch(heygen, journal=journal), TEXTS, **options)
    assert after.left is not None
    assert (after.left.usd, after.left.completed) == (0, 4)
    assert sandbox.ledger.usd >= spent
    assert before.usd_low <= sandbox.ledger.usd <= (before.usd_high or 0.0)


async def test_personalized_renders(sandbox: Sandbox, heygen: HeyGen, journal: Path) -> None:
    template_id = sandbox.add_template(variables={"name": "text", "greeting": "audio"})
    rows = [
        {"name": name, "greeting": SpeechRequest(text=f"Hi {name}", voice_id=sandbox.voice_id)}
        for name in ("Ada", "Bob")
    ]

    async def estimated(rows: Any = rows) -> ChainEstimate:
        return await estimate_personalize(Batch(heygen, journal=journal), template_id, rows)

    before = await estimated()
    assert list(before.stages) == ["voices", "renders"]
    async with Batch(heygen, journal=journal) as batch:
        assert [one.ok async for one in personalize(batch, template_id, rows)] == [True, True]
    paid = sandbox.ledger.count()
    after = await estimated()
    assert after.left is not None
    assert (after.left.usd, after.left.completed, after.left.changed) == (0, 4, 0)
    more = await estimated([*rows, {"name": "Eve", "greeting": rows[0]["greeting"]}])
    assert more.left is not None
    assert (more.left.new, more.left.completed) == (2, 4)
    assert sandbox.ledger.count() == paid


class MadeAnew(Collection[Any]):
    """A collection that creates its items at each iteration."""

    def __init__(self, items: list[Any]) -> None:
        self._items = items

    def __len__(self) -> int:
        return len(self._items)

    def __iter__(self) -> Iterator[Any]:
        return map(copy.deepcopy, self._items)

    def __contains__(self, item: object) -> bool:
        return item in self._items


@pytest.mark.parametrize("keyed", [True, False])
async def test_rows_that_are_made_anew(
    sandbox: Sandbox, heygen: HeyGen, journal: Path, keyed: bool
) -> None:
    """Give them the same keys in a chain and its estimate as in a list."""
    template_id = sandbox.add_template(variables={"name": "text", "greeting": "audio"})
    greeting = SpeechRequest(text="Hello there", voice_id=sandbox.voice_id)
    rows = [{"name": "Ada", "greeting": greeting}, {"name": "Bob"}]
    rows += [] if keyed else [rows[0]]
    key = (lambda row: row["name"]) if keyed else None
    async with Batch(heygen, journal=journal) as batch:
        chain = personalize(batch, template_id, MadeAnew(rows), key=key)
        assert all([one.ok and one.item in rows async for one in chain])
    paid = sandbox.ledger.count()
    both: list[Any] = [rows, MadeAnew(rows)]
    for given in both:
        batch = Batch(heygen, journal=journal)
        left = (await estimate_personalize(batch, template_id, given, key=key)).left
        assert left is not None
        assert (left.usd, left.completed, left.changed) == (0, paid, 0)


@pytest.mark.parametrize("keyed", [True, False])
async def test_texts_that_are_made_of_items(
    sandbox: Sandbox, heygen: HeyGen, journal: Path, keyed: bool
) -> None:
    items = MadeAnew([{"id": number, "text": text} for number, text in enumerate(TEXTS)])
    options: dict[str, Any] = {"avatar_id": sandbox.avatar_id, "voice_id": sandbox.voice_id}
    options |= {"request": lambda item: item["text"]}
    options |= {"key": lambda item: item["id"]} if keyed else {}
    before = await estimate_narrate(Batch(heygen, journal=journal), items, **options)
    assert (before.items, before.complete) == (4, True)
    async with Batch(heygen, journal=journal) as batch:
        assert [one.ok async for one in narrate(batch, items, **options)] == [True, True]
    after = await estimate_narrate(Batch(heygen, journal=journal), items, **options)
    assert after.left is not None
    assert (after.left.usd, after.left.completed, after.left.changed) == (0, 4, 0)


async def test_what_the_chain_would_refuse_is_refused(sandbox: Sandbox, heygen: HeyGen) -> None:
    batch = Batch(heygen)
    film = "https://example.com/film.mp4"
    for arguments in ([film, ["Spansh"]], [film, []], [film, LANGUAGES[0]]):
        with pytest.raises(InvalidRequest):
            await estimate_localize(batch, *arguments)
    with pytest.raises(InvalidRequest):
        await estimate_narrate(batch, ["Hi"], avatar_id=sandbox.avatar_id)
    assert sandbox.ledger.count() == 0


@pytest.mark.parametrize("correct", [None, louder], ids=["dubs", "proofreads"])
@pytest.mark.parametrize("kind", ["script", "agent"])
async def test_a_cap_holds_for_a_chain_that_is_given_twice(
    sandbox: Sandbox, heygen: HeyGen, journal: Path, kind: str, correct: Any
) -> None:
    """Count the source and the proofreads in every start: at most the cap and one job."""
    source = source_of(kind, sandbox)
    cap = 4.0
    for languages in (LANGUAGES, LANGUAGES, [*LANGUAGES, "Italian (Italy)", "Dutch (Netherlands)"]):
        async with Batch(heygen, journal=journal, max_cost=cap) as batch:
            try:
                async for outcome in localize(batch, source, languages, correct=correct):
                    assert outcome.ok
            except BudgetExceeded:
                pass
        dearest = max(job.usd for job in sandbox.ledger.jobs)
        assert sandbox.ledger.usd <= cap + dearest
    assert sandbox.ledger.count("videos.create") + sandbox.ledger.count("video_agents.create") == 1
