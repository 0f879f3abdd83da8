"""Bulk runs: the types of their arguments, outcomes and reports."""

from __future__ import annotations

from collections.abc import AsyncIterable, Callable, Iterable, Mapping
from datetime import date
from pathlib import Path
from typing import Any, Literal, assert_type

from heygen_async import (
    PRICES,
    AvatarVideoRequest,
    Batch,
    Estimate,
    Failed,
    HeyGen,
    HeyGenError,
    JournalStore,
    MemoryJournal,
    Outcome,
    PriceTable,
    Progress,
    Report,
    Run,
    RunEstimate,
    Sampled,
    Speech,
    SpeechRequest,
    SqliteJournal,
    Succeeded,
    TemplateRenderRequest,
    Video,
    VideoTranslation,
    VideoTranslationRequest,
    approve,
    reject,
    retake,
    sample,
    sample_clips,
)


async def settings(
    heygen: HeyGen,
    on_error: Literal["collect", "stop"],
    finished: Literal["yield", "skip"],
    progress: Callable[[Progress], None],
) -> None:
    batch = Batch(
        heygen,
        concurrency=20,
        on_error=on_error,
        ordered=True,
        job_timeout=None,
        progress=progress,
        journal=Path("launch.db"),
        run_id="launch",
        finished=finished,
        retry_failed=True,
        max_cost=200,
        max_jobs=1000,
        prices=PRICES,
    )
    async with batch as entered:
        assert_type(entered, Batch)
    assert_type(batch.heygen, HeyGen)
    assert_type(batch.journal, Path | None)
    assert_type(batch.store, JournalStore | None)
    assert_type(batch.ordered, bool)
    assert_type(batch.unfinished, dict[str, str])
    assert_type(batch.stage("dubs", progress=progress), Batch)
    assert_type(await batch.count_earlier(), None)
    assert_type(await batch.aclose(), None)


def stores(heygen: HeyGen, mine: JournalStore) -> None:
    batch = Batch(heygen, journal=SqliteJournal("launch.db"))
    batch.speech(["Hello"], voice_id="id", journal="sqlite:///launch.db")
    batch.speech(["Hello"], voice_id="id", journal=MemoryJournal())
    batch.speech(["Hello"], voice_id="id", journal=mine)


def runs(
    batch: Batch,
    rows: AsyncIterable[Mapping[str, str]],
    variant: Callable[[Any], Mapping[str, Any] | TemplateRenderRequest],
    key: Callable[[Any], str],
    via: Literal["single", "api-batch"],
    version: Literal["auto", "v2", "v3"],
    request: Callable[[Mapping[str, str]], AvatarVideoRequest],
    key_of: Callable[[VideoTranslationRequest], str],
    texts: Iterable[str | SpeechRequest],
) -> None:
    assert_type(
        batch.render("id", rows, variant=variant, key=key, version=version, test=True), Run[Video]
    )
    assert_type(
        batch.translate("https://example.com/a.mp4", ["French (France)"], key=key_of, via=via),
        Run[VideoTranslation],
    )
    assert_type(batch.speech(texts, voice_id="id", key=key, speed=1.1), Run[Speech])
    assert_type(batch.run(rows, request=request, key=key, via=via, journal="a.db"), Run[Video])
    assert_type(batch.run(rows, request=request, seconds=lambda row: 60.0), Run[Video])


async def one_run(batch: Batch, run: Run[Video]) -> None:
    assert_type(await run.estimate(), RunEstimate)
    async for outcome in run:
        assert_type(outcome, Succeeded[Video] | Failed)
    async for outcome in run.with_finished():
        assert_type(outcome, Succeeded[Video] | Failed)
    async for outcome in batch.download(run, "videos/{key}.mp4", parallel=8):
        assert_type(outcome, Succeeded[Video] | Failed)
    assert_type(run.report, Report)
    assert_type(run.unfinished, dict[str, str])
    run.stop_submitting()
    assert_type(await run.aclose(), None)


async def ended(run: Run[Video]) -> None:
    async for outcome in run:
        both: Outcome[Video] = outcome
        assert_type(both.ok, bool)
        assert_type(outcome.result, Video | None)
        if outcome.ok is True:
            assert_type(outcome, Succeeded[Video])
            assert_type(outcome.result, Video)
        else:
            assert_type(outcome, Failed)
            assert_type(outcome.error, HeyGenError)
        if outcome.error is None:
            assert_type(outcome, Succeeded[Video])
            assert_type(outcome.unwrap(), Video)
        if isinstance(outcome, Failed):
            assert_type(outcome.error, HeyGenError)
        assert_type(outcome.to_dict(), dict[str, Any])
        assert_type(outcome.to_json(), str)
    assert_type(await run.rows(), list[dict[str, Any]])


def outcomes(outcome: Outcome[Video]) -> None:
    assert_type(outcome.key, str)
    assert_type(outcome.index, int)
    assert_type(outcome.item, Any)
    assert_type(outcome.job_id, str | None)
    assert_type(outcome.result, Video | None)
    assert_type(outcome.error, HeyGenError | None)
    assert_type(outcome.seconds, float)
    assert_type(outcome.usd, float | None)
    assert_type(outcome.resumed, bool)
    assert_type(outcome.file, str | None)
    assert_type(outcome.download_error, HeyGenError | None)
    assert_type(outcome.ok, bool)
    assert_type(outcome.unwrap(), Video)


def figures(report: Report, progress: Progress, run: RunEstimate, one: Estimate) -> None:
    assert_type(report.completed + report.failed + report.resumed + report.items, int)
    assert_type(report.requests + report.retries + report.rate_limited, int)
    assert_type(report.most_running, int)
    assert_type(report.failures, dict[str, int])
    assert_type(report.elapsed + report.slot_use + report.per_minute, float)
    assert_type(progress.total, int | None)
    assert_type(progress.running + progress.completed + progress.failed + progress.done, int)
    assert_type(progress.limit + progress.resumed, int)
    assert_type(progress.elapsed, float)
    assert_type(progress.seconds_left, float | None)
    assert_type(run.items + run.incomplete, int)
    assert_type(run.usd, float | None)
    assert_type(run.complete, bool)
    assert_type(run.seconds, float | None)
    assert_type(run.basis, str)
    assert_type(run.as_of, date)
    assert_type(one.usd, float | None)
    assert_type(one.seconds, float | None)
    assert_type(one.basis, str)
    assert_type(one.complete, bool)
    assert_type(one.as_of, date)


def prices() -> None:
    assert_type(PRICES, PriceTable)
    assert_type(PriceTable.of({"video_agent": 0.03}), PriceTable)
    assert_type(PriceTable.load("prices.json"), PriceTable)
    assert_type(PRICES.video_agent, float)
    assert_type(PRICES.as_of, date)


async def samples(batch: Batch, rows: list[dict[str, str]]) -> None:
    found = await sample(batch.render("template", rows, key="name"), 5, require_approval=True)
    assert_type(found, Sampled[Video])
    assert_type(found.run, Run[Video])
    assert_type(found.waiting, list[str])
    clips = await sample_clips(batch.translate("https://example.com/a.mp4", ["French (France)"]))
    assert_type(clips, Sampled[VideoTranslation])
    await approve("launch.db", found.keys, by="Ann")
    await reject("launch.db", "Ada", by="Ann")
    await retake(MemoryJournal(), ["Ada"], by="Ann", changes={"name": "Grace"})
