from __future__ import annotations

from pathlib import Path

import pytest

from heygen_async import (
    AssetUrl,
    Batch,
    HeyGen,
    InvalidRequest,
    InvalidResponse,
    VideoTranslationRequest,
)
from heygen_async.sandbox import Fault, Sandbox

pytestmark = pytest.mark.anyio

VIDEO = "https://example.com/launch.mp4"


async def test_one_job_per_language(sandbox: Sandbox, heygen: HeyGen) -> None:
    languages = list(await heygen.video_translations.languages())[:25]
    async with Batch(heygen, ordered=True) as batch:
        outcomes = [outcome async for outcome in batch.translate(VIDEO, languages)]
    assert [outcome.key for outcome in outcomes] == languages
    assert [outcome.unwrap().output_language for outcome in outcomes] == languages
    assert sandbox.ledger.count("translation") == 25


async def test_a_whole_request_serves_as_the_pattern(sandbox: Sandbox, heygen: HeyGen) -> None:
    request = VideoTranslationRequest(
        video=AssetUrl(url=VIDEO), output_languages=["English"], title="Launch"
    )
    run = Batch(heygen).translate(request, iter(["French (France)", "German (Germany)"]))
    titles = [outcome.unwrap().title async for outcome in run]
    assert titles == ["Launch"] * 2
    assert sandbox.ledger.count("translation") == 2


async def test_two_videos_of_one_run_id_are_dubbed_each(
    sandbox: Sandbox, heygen: HeyGen, tmp_path: Path
) -> None:
    jobs = []
    async with Batch(heygen, run_id="launch") as batch:
        for name in ("one", "two", "one"):
            video, journal = f"https://example.com/{name}.mp4", tmp_path / f"{name}.db"
            run = batch.translate(video, ["French (France)"], journal=journal)
            jobs += [outcome.job_id async for outcome in run]
    assert jobs[0] == jobs[2] != jobs[1]
    assert sandbox.ledger.count("translation") == 2


async def test_videos_have_names_of_their_own(sandbox: Sandbox, heygen: HeyGen) -> None:
    requests = [
        VideoTranslationRequest(
            video=AssetUrl(url=VIDEO), output_languages=["English"], title=title
        )
        for title in ("One", "Two")
    ]
    run = Batch(heygen).translate(
        requests, ["French (France)", "German (Germany)"], key=lambda one: one.title or ""
    )
    assert {outcome.key: outcome.unwrap().title async for outcome in run} == {
        "One French (France)": "One",
        "One German (Germany)": "One",
        "Two French (France)": "Two",
        "Two German (Germany)": "Two",
    }
    with pytest.raises(InvalidRequest, match="have the same key"):
        await anext(aiter(Batch(heygen).translate(requests, ["French (France)"])))
    assert sandbox.ledger.count() == 4


@pytest.mark.parametrize(
    ("languages", "message"),
    [
        (["French (France)", "Spanisch (Spain)"], "'Spanisch .Spain.'; did you mean 'Spanish"),
        (["French (France)", "Klingon-xyz"], "does not translate into 'Klingon-xyz'"),
        (["French (France)", "French (France)"], "items 1 and 2 have the same key"),
    ],
)
async def test_languages_are_checked_before_anything_is_paid_for(
    sandbox: Sandbox, heygen: HeyGen, languages: list[str], message: str
) -> None:
    with pytest.raises(InvalidRequest, match=message):
        await anext(aiter(Batch(heygen).translate(VIDEO, languages)))
    assert sandbox.ledger.count() == 0


async def test_languages_of_an_iterator_fail_alone(sandbox: Sandbox, heygen: HeyGen) -> None:
    languages = iter(["French (France)", "Franch (France)", "German (Germany)"])
    outcomes = [o async for o in Batch(heygen, ordered=True).translate(VIDEO, languages)]
    assert [outcome.ok for outcome in outcomes] == [True, False, True]
    assert "did you mean 'French (France)'" in str(outcomes[1].error)
    assert sandbox.ledger.count() == 2


def test_one_name_is_not_several() -> None:
    with pytest.raises(InvalidRequest, match="expected several names"):
        Batch(HeyGen("sk_V2_test")).translate(VIDEO, "French (France)")


async def test_an_answer_without_ids_fails_one_item(sandbox: Sandbox, heygen: HeyGen) -> None:
    empty = b'{"data": {"video_translation_ids": []}}'
    sandbox.faults.add("video_translations.create", Fault.body(empty))
    languages = ["French (France)", "German (Germany)"]
    outcomes = [o async for o in Batch(heygen, concurrency=1).translate(VIDEO, languages)]
    assert isinstance(outcomes[0].error, InvalidResponse)
    assert outcomes[1].ok
