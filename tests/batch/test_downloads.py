"""Outputs of a run as files: names, order, failures, and what an interruption leaves."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import anyio
import pytest

from heygen_async import (
    AssetUrl,
    AvatarVideoRequest,
    Batch,
    BatchStopped,
    Caption,
    Failed,
    HeyGen,
    InvalidRequest,
    JobFailed,
    Outcome,
    Run,
    TransferError,
    Video,
    VideoAgentRequest,
    VideoTranslationRequest,
    VoiceCloneRequest,
)
from heygen_async.batch.downloads import OutputFiles, delivered
from heygen_async.batch.outcome import Ended
from heygen_async.delivery.files import LocalFiles
from heygen_async.delivery.patterns import FilePattern, file_stem
from heygen_async.models.outputs import Output
from heygen_async.sandbox import Sandbox
from heygen_async.session.tasks import run_bounded

from ..patience import PATIENCE
from .conftest import names

pytestmark = pytest.mark.anyio


def by_name(variant: Any) -> str:
    return str(variant["name"])


def listed(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()} if folder.is_dir() else set()


async def collect(batch: Batch, run: Run[Any], to: object, **settings: Any) -> list[Outcome[Any]]:
    return [outcome async for outcome in batch.download(run, str(to), **settings)]


async def test_every_output_is_a_file(heygen: HeyGen, template_id: str, tmp_path: Path) -> None:
    async with Batch(heygen) as batch:
        run = batch.render(template_id, names(25), key=by_name)
        outcomes = await collect(batch, run, tmp_path / "out" / "{key}.mp4")
    assert len(outcomes) == 25
    for outcome in outcomes:
        assert outcome.ok
        assert outcome.download_error is None
        assert outcome.file == str(tmp_path / "out" / f"{outcome.key}.mp4")
    assert listed(tmp_path / "out") == {f"Person {number}.mp4" for number in range(25)}
    sizes = [path.stat().st_size for path in (tmp_path / "out").iterdir()]
    assert min(sizes) > 0


async def test_the_order_is_kept_where_it_was_asked_for(
    heygen: HeyGen, template_id: str, tmp_path: Path
) -> None:
    async with Batch(heygen, ordered=True) as batch:
        run = batch.render(template_id, names(25))
        outcomes = await collect(batch, run, tmp_path / "{index:03}.mp4", parallel=3)
    assert [outcome.index for outcome in outcomes] == list(range(25))
    assert [outcome.file for outcome in outcomes] == [
        str(tmp_path / f"{number:03}.mp4") for number in range(25)
    ]


async def test_a_failed_download_does_not_fail_the_job(
    heygen: HeyGen, template_id: str, tmp_path: Path
) -> None:
    (tmp_path / "Person 1.mp4").mkdir()
    async with Batch(heygen) as batch:
        run = batch.render(template_id, names(3), key=by_name)
        outcomes = {o.key: o for o in await collect(batch, run, tmp_path / "{key}.mp4")}
    assert all(outcome.ok for outcome in outcomes.values())
    failed = outcomes["Person 1"]
    assert isinstance(failed.download_error, TransferError)
    assert failed.file is None
    assert failed.unwrap().status == "completed"
    assert [o.file is not None for o in outcomes.values()].count(True) == 2
    assert (run.report.completed, run.report.failed) == (3, 0)


async def test_a_failed_job_has_nothing_to_download(
    sandbox: Sandbox, heygen: HeyGen, template_id: str, tmp_path: Path
) -> None:
    sandbox.fail_next("video")
    async with Batch(heygen) as batch:
        run = batch.render(template_id, names(5))
        outcomes = await collect(batch, run, tmp_path / "{key}.mp4")
    failed = [outcome for outcome in outcomes if not outcome.ok]
    assert len(failed) == 1
    assert (failed[0].file, failed[0].download_error) == (None, None)
    assert len(listed(tmp_path)) == 4


async def test_the_end_of_a_stopped_run_comes_after_its_downloads(
    sandbox: Sandbox, heygen: HeyGen, template_id: str, tmp_path: Path
) -> None:
    sandbox.fail_next("video")
    outcomes: list[Outcome[Video]] = []
    async with Batch(heygen, on_error="stop") as batch:
        run = batch.render(template_id, names(60))
        with pytest.raises(BatchStopped) as caught:
            await keep(batch.download(run, tmp_path / "{key}.mp4"), outcomes)
    assert isinstance(caught.value.error, JobFailed)
    completed = [outcome for outcome in outcomes if outcome.ok]
    assert completed
    assert listed(tmp_path) == {f"{outcome.key}.mp4" for outcome in completed}


async def test_a_resumed_run_fetches_what_is_missing(
    sandbox: Sandbox, heygen: HeyGen, template_id: str, tmp_path: Path
) -> None:
    out = tmp_path / "out"

    async def go(stop_at: int = 99) -> list[Outcome[Video]]:
        outcomes: list[Outcome[Video]] = []
        async with Batch(heygen, journal=tmp_path / "run.db") as batch:
            run = batch.render(template_id, names(20), key=by_name)
            downloads = batch.download(run, out / "{key}.mp4")
            async for outcome in downloads:
                outcomes.append(outcome)
                if len(outcomes) == stop_at:
                    break
            await downloads.aclose()
        return outcomes

    await go(7)
    assert 7 <= len([name for name in listed(out) if name.endswith(".mp4")]) < 20
    assert len(await go()) == 20
    assert listed(out) == {f"Person {number}.mp4" for number in range(20)}
    (out / "Person 3.mp4").unlink()
    (out / "Person 4.mp4").write_bytes(b"kept")
    sandbox.clock.advance(8 * 86_400)  # all URLs in the journal have expired
    outcomes = await go()
    assert all(outcome.resumed and outcome.file for outcome in outcomes)
    assert (out / "Person 3.mp4").stat().st_size > 4
    assert (out / "Person 4.mp4").read_bytes() == b"kept"
    assert sandbox.ledger.count() == 20


async def test_files_named_by_position_are_not_taken_for_those_of_other_items(
    sandbox: Sandbox, heygen: HeyGen, template_id: str, tmp_path: Path
) -> None:
    async def go(variants: list[dict[str, str]]) -> dict[str, bytes]:
        async with Batch(heygen, journal=tmp_path / "run.db") as batch:
            run = batch.render(template_id, variants, key=by_name)
            outcomes = await collect(batch, run, tmp_path / "{index}.mp4")
        return {o.key: Path(o.file or "").read_bytes() for o in outcomes}  # noqa: ASYNC240

    first = await go(names(3))
    second = await go(names(4)[::-1])
    assert len(set(second.values())) == 4
    assert {key: second[key] for key in first} == first
    assert sandbox.ledger.count() == 4


async def test_items_of_earlier_runs_that_are_not_handed_on_are_fetched(
    heygen: HeyGen, template_id: str, tmp_path: Path
) -> None:
    async def go(pattern: Path, *, skip: bool) -> list[str]:
        async with Batch(heygen, journal=tmp_path / "run.db") as batch:
            run = batch.render(template_id, names(3), key=by_name)
            files = OutputFiles(heygen, FilePattern(pattern), LocalFiles(2))
            downloads = delivered(run, [files], ordered=True, skip_resumed=skip)
            return [outcome.key async for outcome in downloads]

    assert len(await go(tmp_path / "one" / "{key}.mp4", skip=True)) == 3
    (tmp_path / "two" / "Person 1.mp4").mkdir(parents=True)
    assert await go(tmp_path / "two" / "{key}.mp4", skip=True) == ["Person 1"]  # which cannot be
    assert listed(tmp_path / "two") == {f"Person {number}.mp4" for number in range(3)}
    assert len(await go(tmp_path / "two" / "{key}.mp4", skip=False)) == 3


async def test_missing_files_of_skipped_items_are_fetched(
    sandbox: Sandbox, heygen: HeyGen, template_id: str, tmp_path: Path
) -> None:
    async def go(count: int) -> tuple[list[str], int]:
        async with Batch(heygen, journal=tmp_path / "run.db", finished="skip") as batch:
            run = batch.render(template_id, names(count), key=by_name)
            outcomes = await collect(batch, run, tmp_path / "out" / "{key}.mp4")
        return [outcome.key for outcome in outcomes], run.report.items

    assert (await go(3))[1] == 3
    (tmp_path / "out" / "Person 1.mp4").unlink()
    fetched = sandbox.requests.by_operation["media"]
    assert await go(4) == (["Person 3"], 1)
    assert listed(tmp_path / "out") == {f"Person {number}.mp4" for number in range(4)}
    assert sandbox.requests.by_operation["media"] == fetched + 2


ALL_OTHERS: list[Output] = ["captioned", "subtitles", "thumbnail", "gif", "audio"]


async def test_further_files_of_each_result(
    sandbox: Sandbox, heygen: HeyGen, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    requests: list[Any] = [
        AvatarVideoRequest(
            avatar_id=sandbox.avatar_id, script="Hello", caption=Caption(style="default")
        ),
        VideoAgentRequest(prompt="A teaser"),
    ]

    async def go() -> list[Outcome[Any]]:
        async with Batch(heygen, ordered=True, journal=tmp_path / "run.db") as batch:
            run = batch.run(requests, key=lambda request: type(request).__name__)
            return await collect(batch, run, out / "{key}.mp4", also=ALL_OTHERS)

    avatar, agent = await go()
    stem = "AvatarVideoRequest"
    assert avatar.file == str(out / f"{stem}.mp4")
    assert avatar.also == {
        "captioned": str(out / f"{stem}.captioned.mp4"),
        "subtitles": str(out / f"{stem}.srt"),
        "thumbnail": str(out / f"{stem}.png"),
    }
    assert agent.also == {"thumbnail": str(out / "VideoAgentRequest.png")}
    assert avatar.download_error is agent.download_error is None
    assert len(listed(out)) == 6
    assert (out / f"{stem}.srt").read_text().startswith("1\n")
    fetched = sandbox.requests.by_operation["media"]
    (out / f"{stem}.srt").unlink()
    assert [outcome.also for outcome in await go()] == [avatar.also, agent.also]
    assert sandbox.requests.by_operation["media"] == fetched + 1
    assert sandbox.ledger.count() == 2


async def test_further_files_of_dubs_and_speech(
    sandbox: Sandbox, heygen: HeyGen, tmp_path: Path
) -> None:
    request = VideoTranslationRequest(
        video=AssetUrl(url="https://example.com/a.mp4"),
        output_languages=["English"],
        translate_audio_only=True,
    )
    async with Batch(heygen, journal=tmp_path / "run.db") as batch:
        run: Run[Any] = batch.translate(request, ["French (France)"])
        (dub,) = await collect(batch, run, tmp_path / "{key}", also=["subtitles", "audio"])
        run = batch.speech(["Hello"], voice_id=sandbox.voice_id, key=lambda _: "speech")
        (speech,) = await collect(batch, run, tmp_path / "{key}.wav", also=["video", "gif"])
    stem = str(tmp_path / "French (France)")
    assert dub.file == stem
    assert dub.also == {"subtitles": f"{stem}.srt", "audio": f"{stem}.wav"}
    assert (speech.file, speech.also) == (str(tmp_path / "speech.wav"), {})


async def test_a_further_file_that_cannot_be_fetched(
    sandbox: Sandbox, heygen: HeyGen, tmp_path: Path
) -> None:
    (tmp_path / "French (France).srt").mkdir()

    async def go() -> list[Outcome[Any]]:
        async with Batch(heygen, journal=tmp_path / "run.db", finished="skip") as batch:
            run = batch.translate("https://example.com/a.mp4", ["French (France)"])
            return await collect(batch, run, tmp_path / "{key}.mp4", also=["subtitles"])

    for _ in range(2):
        (dub,) = await go()
        assert dub.ok
        assert dub.file == str(tmp_path / "French (France).mp4")
        assert dub.also == {}
        assert isinstance(dub.download_error, TransferError)
    (tmp_path / "French (France).srt").rmdir()
    assert await go() == []
    assert (tmp_path / "French (France).srt").stat().st_size > 0
    assert sandbox.ledger.count() == 1


async def test_no_file_has_the_name_of_another_items_further_file(
    sandbox: Sandbox, heygen: HeyGen, tmp_path: Path
) -> None:
    keys = ["a", "a.captioned", "A.CAPTIONED", "a.captioned.captioned"]
    requests = [
        AvatarVideoRequest(
            avatar_id=sandbox.avatar_id, script=key, title=key, caption=Caption(style="default")
        )
        for key in keys
    ]

    async def go(order: list[AvatarVideoRequest]) -> dict[str, set[str]]:
        async with Batch(heygen, journal=tmp_path / "run.db") as batch:
            run = batch.run(order, key=lambda request: request.title)
            also: list[Output] = ["captioned"]
            outcomes = await collect(batch, run, tmp_path / "out" / "{key}.mp4", also=also)
        assert not any(outcome.download_error for outcome in outcomes)
        return {o.key: {o.file or "", *o.also.values()} for o in outcomes}

    files = await go(requests)
    assert len({file.casefold() for both in files.values() for file in both}) == 8
    assert len(listed(tmp_path / "out")) == 8
    assert await go(requests[::-1]) == files


@pytest.mark.parametrize("also", ["subtitles", ["subtitle"], [None]])
async def test_further_files_are_checked_at_once(heygen: HeyGen, also: Any) -> None:
    batch = Batch(heygen)
    run = batch.translate("https://example.com/a.mp4", ["French (France)"])
    with pytest.raises(InvalidRequest, match="also: expected a list of video, captioned"):
        batch.download(run, "{key}.mp4", also=also)


@pytest.fixture
def capitals_do_not_count(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Make file names below the test's folder case-insensitive, as on macOS and Windows."""
    here = threading.local()
    for name in ("stat", "lstat", "open", "replace", "listdir", "mkdir"):
        monkeypatch.setattr(os, name, _folding(getattr(os, name), tmp_path, here))


def _folding(function: Callable[..., Any], root: Path, here: threading.local) -> Callable[..., Any]:
    def found(path: Any) -> Any:
        if isinstance(path, int) or not Path(os.fsdecode(path)).is_relative_to(root):
            return path
        real = root
        for part in Path(os.fsdecode(path)).relative_to(root).parts:
            there = os.listdir(real) if os.path.isdir(real) else []
            real /= next((one for one in there if one.casefold() == part.casefold()), part)
        return real

    def folded(*paths: Any, **options: Any) -> Any:
        if getattr(here, "inside", False):
            return function(*paths, **options)
        here.inside = True
        try:
            resolved = [found(path) if isinstance(path, str | Path) else path for path in paths]
        finally:
            here.inside = False
        return function(*resolved, **options)

    return folded


@pytest.mark.usefixtures("capitals_do_not_count")
@pytest.mark.parametrize("pattern", ["{key}.mp4", "{key}/video.mp4"])
async def test_names_that_differ_in_capitals_alone_have_files_that_differ(
    sandbox: Sandbox, heygen: HeyGen, template_id: str, tmp_path: Path, pattern: str
) -> None:
    people = ["Anna", "anna", "ANNA", "Bob"]

    async def go(order: list[str]) -> dict[str, Outcome[Video]]:
        async with Batch(heygen, journal=tmp_path / "run.db") as batch:
            variants = [{"name": name} for name in order]
            run = batch.render(template_id, variants, key=by_name)
            return {o.key: o for o in await collect(batch, run, tmp_path / "out" / pattern)}

    first = await go(people)
    files = {key: outcome.file or "" for key, outcome in first.items()}
    assert len({file.casefold() for file in files.values()}) == 4
    assert len(listed(tmp_path / "out")) == 4
    plain = {str(tmp_path / "out" / pattern.format(key=name)) for name in people}
    assert len(plain & set(files.values())) == 2  # Bob, and whoever of the others came first
    fetched = sandbox.requests.by_operation["media"]
    for order in (people, people[::-1]):
        again = await go(order)
        assert {key: outcome.file for key, outcome in again.items()} == files
    assert sandbox.requests.by_operation["media"] == fetched


async def test_other_kinds_of_results(sandbox: Sandbox, heygen: HeyGen, tmp_path: Path) -> None:
    clone = VoiceCloneRequest(audio=AssetUrl(url="https://example.com/voice.mp3"), voice_name="Ada")
    async with Batch(heygen, ordered=True) as batch:
        run = batch.speech(["Hello"], voice_id=sandbox.voice_id)
        (speech,) = await collect(batch, run, tmp_path / "{key}.wav")
        requests: list[Any] = [VideoAgentRequest(prompt="A teaser"), clone]
        agent, voice = await collect(batch, batch.run(requests), tmp_path / "{job_id}.mp4")
        run_of_dubs = batch.translate("https://example.com/a.mp4", ["French (France)"])
        (dub,) = await collect(batch, run_of_dubs, tmp_path / "{key}.mp4")
    assert (tmp_path / f"{speech.key}.wav").read_bytes()[:4] == b"RIFF"
    assert speech.file == str(tmp_path / f"{speech.key}.wav")
    assert (tmp_path / f"{agent.job_id}.mp4").stat().st_size > 0
    assert voice.ok
    assert isinstance(voice.download_error, InvalidRequest)
    assert dub.file == str(tmp_path / "French (France).mp4")


@pytest.mark.parametrize("parallel", [1, 4])
async def test_no_more_downloads_at_once_than_asked_for(
    heygen: HeyGen, template_id: str, tmp_path: Path, parallel: int
) -> None:
    running = most = 0

    class Counting(HeyGen):
        async def download(self, *args: Any, **settings: Any) -> int:
            nonlocal running, most
            running += 1
            most = max(most, running)
            await asyncio.sleep(50)
            running -= 1
            return 0

    async with Counting("sk_V2_test") as counting, Batch(heygen) as batch:
        run = batch.render(template_id, names(12))
        pattern = FilePattern(tmp_path / "{key}.mp4")
        files = OutputFiles(counting, pattern, LocalFiles(parallel))
        outcomes = [o async for o in delivered(run, [files], ordered=False)]
    assert len(outcomes) == 12
    assert most == parallel


async def test_waiting_for_the_oldest_of_all_is_no_work() -> None:
    async def numbers() -> AsyncIterator[int]:
        for number in range(20):
            yield number

    async def work(number: int) -> int:
        await asyncio.sleep(0 if number else 3600)
        return number

    async def all_of_them() -> list[int]:
        return [n async for n in run_bounded(numbers(), work, parallel=8, ordered=True)]

    # The clock is not turned while there is something to do.
    task, loop = asyncio.create_task(all_of_them()), asyncio.get_running_loop()
    alarm = threading.Timer(PATIENCE, loop.call_soon_threadsafe, [task.cancel])
    alarm.start()
    try:
        assert await task == list(range(20))
    finally:
        alarm.cancel()
    assert loop.time() >= 3600


async def test_leaving_early_ends_run_and_downloads(
    heygen: HeyGen, template_id: str, tmp_path: Path
) -> None:
    before = asyncio.all_tasks()
    async with Batch(heygen) as batch:
        run = batch.render(template_id, names(50))
        downloads = batch.download(run, tmp_path / "{key}.mp4")
        assert (await anext(downloads)).file
        await downloads.aclose()
        assert not [t for t in asyncio.all_tasks() - before if "_saved" in repr(t)]
        assert heygen.slots.held == 0
    assert len(run.unfinished) > 0


async def test_cancelling_ends_run_and_downloads(
    heygen: HeyGen, template_id: str, tmp_path: Path
) -> None:
    async with Batch(heygen) as batch:
        run = batch.render(template_id, names(50))
        task = asyncio.ensure_future(collect(batch, run, tmp_path / "{key}.mp4"))
        await asyncio.sleep(100)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert heygen.slots.held == 0


@pytest.mark.parametrize(
    "pattern",
    ["", "out.mp4", "out/", "{name}.mp4", "{key", "{}", "{key!r}.mp4", "{key.__class__}.mp4",
     "{key:9}.mp4", "{index:>99999}.mp4", "{index[0]}.mp4"],
)  # fmt: skip
async def test_patterns_are_checked_at_once(heygen: HeyGen, pattern: str) -> None:
    batch = Batch(heygen)
    run = batch.speech(["Hello"], voice_id="voice")
    with pytest.raises(InvalidRequest) as caught:
        batch.download(run, pattern)
    assert caught.value.param == "to"


async def test_downloads_run_one_at_a_time_at_least(heygen: HeyGen) -> None:
    batch = Batch(heygen)
    with pytest.raises(InvalidRequest, match="parallel"):
        batch.download(batch.speech(["Hello"], voice_id="voice"), "{key}.wav", parallel=0)


@pytest.mark.parametrize(
    "key",
    ["../../x", "/etc/passwd", "..", ".", "", "a/../../b", "~/x", "a\\..\\b", "C:\\x", "nul",
     "a\x00b", "{index}", "é" * 300, "\ud800", "https://example.com/a.mp4 French (France)"],
)  # fmt: skip
def test_keys_never_lead_out_of_the_folder(tmp_path: Path, key: str) -> None:
    outcome: Outcome[Any] = Outcome(key=key, index=7, item=None, job_id=key)
    for pattern in ("{key}.mp4", "{job_id}.mp4", "{key}"):
        path = Path(FilePattern(tmp_path / pattern).path(outcome))
        assert path.parent == tmp_path
        assert path.resolve().parent == tmp_path.resolve()
        assert len(path.name.encode()) < 230
    nested = Path(FilePattern(tmp_path / "{key}" / "{index}.mp4").path(outcome))
    assert nested.resolve().parent.parent == tmp_path.resolve()


def test_names_that_differ_have_files_that_differ(tmp_path: Path) -> None:
    keys = ["a/b", "a_b", "a:b", "a\\b", "a b", "..", "_", "", "x" * 250, "x" * 251]
    pattern = FilePattern(tmp_path / "{key}.mp4")
    paths = {pattern.path(Outcome(key=key, index=0, item=None)) for key in keys}
    assert len(paths) == len(keys)
    assert pattern.path(Outcome(key="a_b", index=0, item=None)).name == "a_b.mp4"
    assert file_stem("a/b") == "a_b"


async def test_outcomes_from_elsewhere(heygen: HeyGen, tmp_path: Path) -> None:
    """The run is anything that gives outcomes; its own exceptions come out as they are."""

    async def outcomes() -> AsyncIterator[Ended[Video]]:
        yield Failed(key="a", index=0, item=None, error=JobFailed("no", job_id="a"))
        raise KeyError("mine")

    seen: list[Outcome[Video]] = []
    files = OutputFiles(heygen, FilePattern(tmp_path / "{key}"))
    with pytest.raises(KeyError, match="mine"):
        await keep(delivered(outcomes(), [files], ordered=False), seen)
    assert [outcome.key for outcome in seen] == ["a"]


async def keep(outcomes: AsyncIterator[Outcome[Any]], kept: list[Outcome[Any]]) -> None:
    """Keep what came before an exception, too."""
    async for outcome in outcomes:
        kept.append(outcome)  # noqa: PERF401


async def test_a_cancel_scope_leaves_no_cleanup_half_done(
    sandbox: Sandbox, heygen: HeyGen, tmp_path: Path
) -> None:
    closed: list[bool] = []

    async def outcomes() -> AsyncIterator[Ended[Video]]:
        try:
            await asyncio.Event().wait()
            yield Failed(key="1", index=0, item=None, error=JobFailed("no", job_id="1"))
        finally:
            await asyncio.sleep(1)
            closed.append(True)

    files = OutputFiles(heygen, FilePattern(str(tmp_path / "{key}.mp4")))
    with anyio.move_on_after(5) as scope:
        async for _ in delivered(outcomes(), [files], ordered=False):
            pass
    assert scope.cancelled_caught
    assert closed == [True]
