"""Submissions and batches are data: another process can send and run them."""

from __future__ import annotations

import asyncio
import multiprocessing
import pickle
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from heygen_async import (
    AssetUrl,
    AvatarVideoRequest,
    Batch,
    BudgetExceeded,
    HeyGen,
    LipsyncRequest,
    Outcome,
    ProofreadRequest,
    SpeechRequest,
    VideoAgentRequest,
    VideoTranslationRequest,
    VoiceCloneRequest,
)
from heygen_async.batch.operations import OPERATIONS, Submission
from heygen_async.batch.submissions import RenderBuilder, RequestsBuilder, SubmissionBuilder
from heygen_async.errors import ConfigurationError
from heygen_async.journal import MemoryJournal, RunSpec, SqliteJournal
from heygen_async.journal.keys import StableKeys
from heygen_async.pricing.prices import PRICES
from heygen_async.sandbox import Sandbox
from tests.patience import PATIENCE

FILM = AssetUrl(url="https://example.com/film.mp4")
# Seconds, on a sandbox whose minutes take 0.1 s.
EXPECTED = {
    "video": 0.1,
    "video_agent_session": 0.1,
    "video_translation": 0.1,
    "lipsync": 0.1,
    "proofread": 0.1,
    "voice_clone": 0.1,
}


@pytest.fixture
def sandbox_settings() -> dict[str, Any]:
    return {"speed": 600, "concurrency": 10}


@pytest.fixture(scope="module")
def other_process() -> Iterator[Callable[..., Any]]:
    """Call a function in another process; what goes there and comes back is pickled."""
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=spawn) as pool:
        yield lambda *call: pool.submit(*call).result(timeout=PATIENCE)


def send(base_url: str, api_key: str, submissions: list[Submission[Any]]) -> list[tuple[str, str]]:
    """Send them with a client of this process, and return each job's id and type of result."""

    async def work() -> list[tuple[str, str]]:
        async with HeyGen(api_key, base_url=base_url, expected=EXPECTED) as heygen:
            sent = []
            for submission in submissions:
                key = submission.identity(StableKeys("run")).key
                sent.append(await OPERATIONS[submission.operation].send(heygen, submission, key))
            results = await asyncio.gather(*(pending.wait(timeout=600) for pending in sent))
            return [
                (pending.id, type(result).__name__)
                for pending, result in zip(sent, results, strict=True)
            ]

    return asyncio.run(work())


async def built(builder: SubmissionBuilder[Any], items: list[Any]) -> list[Submission[Any]]:
    await builder.prepare()
    return [builder.submission(index, item) for index, item in enumerate(items)]


def test_a_submission_is_sent_from_another_process(
    sandbox_thread: Sandbox, other_process: Callable[..., Any]
) -> None:
    sandbox = sandbox_thread
    items: list[Any] = [
        AvatarVideoRequest(avatar_id=sandbox.avatar_id, script="Hello"),
        VideoAgentRequest(prompt="A teaser"),
        VideoTranslationRequest(video=FILM, output_languages=["Spanish"]),
        LipsyncRequest(video=FILM, audio=AssetUrl(url="https://example.com/a.mp3")),
        ProofreadRequest(video=FILM, output_languages=["Spanish"], title="T"),
        VoiceCloneRequest(audio=AssetUrl(url="https://example.com/a.mp3"), voice_name="Anna"),
        SpeechRequest(text="Hello", voice_id=sandbox.voice_id),
    ]

    async def prepare() -> list[Submission[Any]]:
        async with HeyGen(sandbox.api_key, base_url=sandbox.base_url) as heygen:
            template_id, row = sandbox.template_id("Welcome"), {"name": "Ada", "product": "Tea"}
            renders = RenderBuilder(heygen, template_id, PRICES, version="auto", test=False)
            tests = RenderBuilder(heygen, template_id, PRICES, version="auto", test=True)
            requests = RequestsBuilder(heygen, items, PRICES, kind="requests")
            return [
                *await built(renders, [row]),
                *await built(tests, [row]),
                *await built(requests, items),
            ]

    submissions = asyncio.run(prepare())
    assert pickle.loads(pickle.dumps(submissions)) == submissions
    found = other_process(send, sandbox.base_url, sandbox.api_key, submissions)
    expected = [OPERATIONS[submission.operation].result.__name__ for submission in submissions]
    assert [result for _, result in found] == expected
    made = [job.operation for job in sandbox.ledger.jobs]
    assert made == ["templates.generate", "templates.generate_v2"] + [
        submission.operation for submission in submissions[2:]
    ]
    # Sent again from here under the same keys, nothing that takes a key is made anew.
    keyed = [one for one in submissions if one.operation not in ("voices.speech", "voices.clone")]
    keyed = [one for one in keyed if one.operation != "video_agents.create" and not one.test]
    again = send(sandbox.base_url, sandbox.api_key, keyed)
    assert set(again) < set(found)
    assert sandbox.ledger.count() == len(submissions)


def run_batch(batch: Batch, items: list[Any]) -> list[Outcome[Any]]:
    async def work() -> list[Outcome[Any]]:
        async with batch:
            return [outcome async for outcome in batch.run(items)]

    return asyncio.run(work())


def run_over_budget(batch: Batch, items: list[Any]) -> tuple[str, ...]:
    try:
        run_batch(batch, items)
    except BudgetExceeded as error:
        return error.not_submitted
    return ()


def avatars(sandbox: Sandbox, count: int) -> list[AvatarVideoRequest]:
    return [
        AvatarVideoRequest(avatar_id=sandbox.avatar_id, script=f"Hello {number}")
        for number in range(count)
    ]


def test_a_batch_runs_in_another_process(
    sandbox_thread: Sandbox, other_process: Callable[..., Any], tmp_path: Path
) -> None:
    sandbox = sandbox_thread
    heygen = HeyGen(sandbox.api_key, base_url=sandbox.base_url, jobs=5, expected=EXPECTED)
    items = avatars(sandbox, 4)
    first = Batch(heygen, journal=tmp_path / "run.db", ordered=True)
    outcomes = other_process(run_batch, first, items[:3])
    assert [(outcome.ok, outcome.resumed) for outcome in outcomes] == [(True, False)] * 3
    assert [outcome.item for outcome in outcomes] == items[:3]
    # The same batch goes on here with what the other process has left.
    again = run_batch(first, items)
    assert [outcome.resumed for outcome in again] == [True, True, True, False]
    assert [one.job_id for one in again[:3]] == [one.job_id for one in outcomes]
    assert sandbox.ledger.count() == 4


def test_the_settings_of_a_batch_go_with_it(
    sandbox_thread: Sandbox, other_process: Callable[..., Any], tmp_path: Path
) -> None:
    url = sandbox_thread.base_url
    heygen = HeyGen(sandbox_thread.api_key, base_url=url, jobs=1, expected=EXPECTED)
    items = avatars(sandbox_thread, 5)
    for journal in (None, f"sqlite:///{tmp_path}/run.db"):
        sandbox_thread.ledger.jobs.clear()
        batch = Batch(heygen, journal=journal, max_jobs=2, ordered=True)
        assert len(other_process(run_over_budget, batch, items)) == 3
        assert sandbox_thread.ledger.count() == 2


def test_stores_pickle_closed(tmp_path: Path) -> None:
    spec = RunSpec(kind="requests", subject="")

    async def work() -> None:
        for store in (SqliteJournal(tmp_path / "run.db", checkpoint_pages=7), MemoryJournal()):
            await store.open(spec)
            twin = pickle.loads(pickle.dumps(store))
            assert twin.name == store.name
            await store.aclose()
            await twin.open(spec)
            await twin.aclose()

    asyncio.run(work())


def test_a_url_names_a_kind_of_store(tmp_path: Path) -> None:
    heygen = HeyGen("sk_V2_key_0123456789")
    with pytest.raises(ConfigurationError, match="redis:// is not a kind of journal"):
        Batch(heygen, journal="redis://localhost")
