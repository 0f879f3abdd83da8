"""Samples of chains that a person approves before the rest is paid for."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from pathlib import Path
from typing import Any

import pytest

from heygen_async import (
    Batch,
    ChainSample,
    ConfigurationError,
    HeyGen,
    InvalidRequest,
    ItemRejected,
    JournalError,
    Outcome,
    SpeechRequest,
    VideoAgentRequest,
    approve,
    estimate_localize,
    estimate_narrate,
    estimate_personalize,
    localize,
    narrate,
    personalize,
    reject,
    retake,
)
from heygen_async.journal import Review, open_reader
from heygen_async.sandbox import Sandbox

pytestmark = pytest.mark.anyio

FILM = "https://example.com/film.mp4"
LANGUAGES = ["French (France)", "German (Germany)", "Italian (Italy)", "Spanish (Spain)"]
PROMPT = VideoAgentRequest(prompt="A minute about our launch.")

Chain = Callable[..., AsyncGenerator[Any]]


async def outcomes_of(chain: AsyncGenerator[Any]) -> dict[str, Outcome[Any]]:
    return {outcome.key: outcome async for outcome in chain}


async def decisions(journal: Path) -> list[Review]:
    def read() -> list[Review]:
        with open_reader(journal) as reader:
            return reader.reviews()

    return await asyncio.to_thread(read)


class Chains:
    """One chain over one journal, started again and again."""

    def __init__(self, heygen: HeyGen, journal: Path, chain: Chain) -> None:
        self.heygen, self.journal, self.chain = heygen, journal, chain

    async def __call__(self, sample: ChainSample | None = None) -> dict[str, Outcome[Any]]:
        async with Batch(self.heygen, journal=self.journal) as batch:
            return await outcomes_of(self.chain(batch, sample=sample))


def narrating(sandbox: Sandbox, texts: list[str]) -> Chain:
    def chain(batch: Batch, **options: Any) -> AsyncGenerator[Any]:
        options |= {"avatar_id": sandbox.avatar_id, "voice_id": sandbox.voice_id}
        return narrate(batch, texts, key=lambda text: text[:1], **options)

    return chain


async def test_a_sample_of_narrations_then_the_rest(
    sandbox: Sandbox, heygen: HeyGen, journal: Path
) -> None:
    texts = [f"{letter} {'says hello again. ' * n}" for n, letter in enumerate("abcdef", 1)]
    chains = Chains(heygen, journal, narrating(sandbox, texts))
    for _ in range(2):  # the same sample each time
        first = ChainSample(3, require_approval=True)
        made = await chains(first)
        assert sorted(made) == first.keys == first.waiting
        assert (len(made), first.held) == (3, 3)
        assert {"a", "f"} <= made.keys()  # the shortest and the longest
        assert {key: texts[outcome.index][0] for key, outcome in made.items()} == {
            key: key for key in made
        }
        assert sandbox.ledger.count() == 6  # a speech and a video of each
    keys = first.keys
    await approve(journal, keys[1:], by="Ann")
    await reject(journal, keys[0], by="Bo")
    again = ChainSample(3, require_approval=True)
    made = await chains(again)
    assert isinstance(made[keys[0]].error, ItemRejected)
    assert (again.waiting, again.held) == ([keys[0]], 3)
    assert sandbox.ledger.count() == 6
    await approve(journal, keys[0], by="Bo")
    last = ChainSample(3, require_approval=True)
    made = await chains(last)
    assert (len(made), last.held, last.waiting) == (6, 0, [])
    assert all(outcome.ok for outcome in made.values())
    assert sandbox.ledger.count() == 12  # nothing of the sample was paid for again
    found = await decisions(journal.with_name("launch.videos.db"))
    assert {(one.key, one.by) for one in found} >= {(keys[0], "Bo"), (keys[1], "Ann")}
    assert all(one.at > 0 for one in found)


async def test_a_retake_of_a_narration_is_spoken_again(
    sandbox: Sandbox, heygen: HeyGen, journal: Path
) -> None:
    texts = ["a: Hello.", "b: Good morning to all of you."]
    chains = Chains(heygen, journal, narrating(sandbox, texts))
    await chains(ChainSample(2))
    assert sandbox.ledger.count() == 4
    await retake(journal, "a", by="Ann")
    texts[0] = "a: Hello again."  # also with another text
    for _ in range(2):
        made = await chains(ChainSample(2))
        assert all(outcome.ok for outcome in made.values())
        assert sandbox.ledger.count() == 6
    assert sandbox.ledger.count("speech") == 3
    with pytest.raises(JournalError, match="no item 'z'"):
        await approve(journal, ["a", "z"], by="Ann")
    assert not any(
        one.decision == "approved" for one in await decisions(journal.with_name("launch.videos.db"))
    )


async def test_a_sample_of_rows_with_speech(
    sandbox: Sandbox, heygen: HeyGen, journal: Path
) -> None:
    template_id = sandbox.add_template(variables={"name": "text", "greeting": "audio"})
    rows: list[dict[str, Any]] = [
        {
            "name": f"Name {number}",
            "greeting": SpeechRequest(text="Hello. " * (number + 1), voice_id=sandbox.voice_id),
        }
        for number in range(5)
    ]
    rows.append(dict(rows[0]))  # an equal row is never in the sample

    def chain(batch: Batch, **options: Any) -> AsyncGenerator[Any]:
        return personalize(batch, template_id, rows, **options)

    chains = Chains(heygen, journal, chain)
    sample = ChainSample(2)
    async with Batch(heygen, journal=journal) as batch:
        expected = await estimate_personalize(batch, template_id, rows, sample=ChainSample(2))
    assert [stage.items for stage in expected.stages.values()] == [2, 2]
    made = await chains(sample)
    assert sorted(outcome.index for outcome in made.values()) == [0, 4]
    assert (sandbox.ledger.count("speech"), sandbox.ledger.count("video")) == (2, 2)
    assert sample.held == 4
    await retake(journal, sample.keys[0], by="Ann")
    assert len(await chains(ChainSample(2, require_approval=True))) == 2
    assert (sandbox.ledger.count("speech"), sandbox.ledger.count("video")) == (3, 3)
    await approve(journal, sample.keys, by="Ann")
    made = await chains(ChainSample(2, require_approval=True))
    assert len(made) == 6
    assert (sandbox.ledger.count("speech"), sandbox.ledger.count("video")) == (7, 7)


async def test_a_sample_of_languages(sandbox: Sandbox, heygen: HeyGen, journal: Path) -> None:
    def chain(batch: Batch, **options: Any) -> AsyncGenerator[Any]:
        return localize(batch, PROMPT, LANGUAGES, **options)

    chains, sample = Chains(heygen, journal, chain), ChainSample(2, require_approval=True)
    async with Batch(heygen, journal=journal) as batch:
        expected = await estimate_localize(batch, PROMPT, LANGUAGES, sample=ChainSample(2))
    assert [stage.items for stage in expected.stages.values()] == [1, 2]
    made = await chains(sample)
    assert set(made) == set(sample.keys) < set(LANGUAGES)
    assert all(LANGUAGES[outcome.index] == key for key, outcome in made.items())
    assert (sandbox.ledger.count("translation"), sample.held) == (2, 2)
    await retake(journal, sample.keys[0], by="Ann")
    made = await chains(ChainSample(2))
    assert all(outcome.ok for outcome in made.values())
    assert sandbox.ledger.count("translation") == 3
    await approve(journal, sample.keys, by="Ann")
    assert len(await chains(ChainSample(2, require_approval=True))) == 4
    assert sandbox.ledger.count("translation") == 5
    assert sandbox.ledger.count("video_agents.create") == 1


async def test_a_sample_of_corrected_languages(
    sandbox: Sandbox, heygen: HeyGen, journal: Path
) -> None:
    corrected: list[str] = []

    async def correct(language: str, srt: str) -> str:
        corrected.append(language)
        return srt.replace("said", "SAID")

    def chain(batch: Batch, **options: Any) -> AsyncGenerator[Any]:
        return localize(batch, FILM, LANGUAGES, correct=correct, **options)

    chains, sample = Chains(heygen, journal, chain), ChainSample(1, require_approval=True)
    (key,) = made = await chains(sample)
    assert LANGUAGES[made[key].index] == key
    assert corrected == [key]
    await retake(journal, key, by="Ann")
    assert all(outcome.ok for outcome in (await chains(sample)).values())
    assert corrected == [key, key]
    assert sandbox.ledger.count("proofreads.create") == 1
    await approve(journal, key, by="Ann")
    assert len(await chains(ChainSample(1, require_approval=True))) == 4
    assert sorted(corrected) == sorted([*LANGUAGES, key])
    assert sandbox.ledger.count("proofreads.create") == 4


@pytest.mark.parametrize(("source", "corrects"), [(FILM, False), (PROMPT, False), (PROMPT, True)])
async def test_clips_of_each_language_first(
    sandbox: Sandbox, heygen: HeyGen, journal: Path, source: Any, *, corrects: bool
) -> None:
    async def correct(language: str, srt: str) -> str:
        return srt

    languages = LANGUAGES[:2]
    options: dict[str, Any] = {"correct": correct if corrects else None}

    def chain(batch: Batch, **sampling: Any) -> AsyncGenerator[Any]:
        return localize(batch, source, languages, mode="precision", **options, **sampling)

    chains = Chains(heygen, journal, chain)
    async with Batch(heygen, journal=journal) as batch:
        clips = ChainSample(clip=20)
        expected = await estimate_localize(batch, source, languages, sample=clips, **options)
    assert list(expected.stages)[-1] == "translations"
    assert expected.stages["translations"].seconds == 40
    for _ in range(2):
        sample = ChainSample(clip=20, require_approval=True)
        made = await chains(sample)
        assert list(sample.keys) == [f"{language}, first 20 s" for language in languages]
        assert made.keys() == set(sample.keys)
        assert all(outcome.unwrap().duration == 20 for outcome in made.values())
        assert not any(outcome.issues for outcome in made.values())
        assert (sandbox.ledger.count("translation"), sample.held) == (2, 2)
    await approve(journal, sample.keys, by="Ann")
    for _ in range(2):
        sample = ChainSample(clip=20, require_approval=True)
        made = await chains(sample)
        assert made.keys() == set(languages)
        assert all(outcome.ok for outcome in made.values())
        assert sample.held == 0
        assert sandbox.ledger.count("translation") == 4
    assert sandbox.ledger.count("video_agents.create") == (source is PROMPT)


async def test_what_a_sample_of_a_chain_needs(
    sandbox: Sandbox, heygen: HeyGen, journal: Path
) -> None:
    for count, clip in [(None, None), (2, 30.0), (0, None), (None, 0.0)]:
        with pytest.raises(InvalidRequest, match="expected"):
            ChainSample(count, clip=clip)
    chain = narrating(sandbox, ["a: Hello."])
    async with Batch(heygen) as batch:
        with pytest.raises(ConfigurationError, match="needs a journal"):
            await outcomes_of(chain(batch, sample=ChainSample(2)))
        for sample in (ChainSample(2), ChainSample(clip=5)):
            with pytest.raises(ConfigurationError, match="needs a journal"):
                await outcomes_of(localize(batch, FILM, LANGUAGES, sample=sample))
    async with Batch(heygen, journal=journal) as batch:
        with pytest.raises(InvalidRequest, match="only dubs have clips"):
            await outcomes_of(chain(batch, sample=ChainSample(clip=5)))
        texts = (text for text in ["a: Hello."])
        options: Any = {"avatar_id": sandbox.avatar_id, "voice_id": sandbox.voice_id}
        with pytest.raises(InvalidRequest, match="needs a collection"):
            await outcomes_of(narrate(batch, texts, sample=ChainSample(1), **options))
        expected = await estimate_narrate(
            batch, ["Hello."] * 3 + ["Bye."], sample=ChainSample(2), **options
        )
    assert expected.items == 4  # two speeches and two videos
    assert sandbox.ledger.count() == 0
