"""Sources of runs: each is probed once, and refused before anything is paid for."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from heygen_async import (
    AssetId,
    AssetUrl,
    AvatarVideoRequest,
    Batch,
    HeyGen,
    LipsyncRequest,
    Outcome,
    ProofreadRequest,
    Retry,
    Run,
    VideoTranslationRequest,
    estimate_localize,
    localize,
)
from heygen_async.media.probes import InvalidSources
from heygen_async.media.source_lengths import length_of_job, sources_of
from heygen_async.models.structs import Request
from heygen_async.pricing.prices import PriceTable
from heygen_async.sandbox import Faults, Sandbox
from tests.media.samples import sample
from tests.web_servers import under_aiohttp

pytestmark = pytest.mark.anyio

FRENCH, GERMAN, DUTCH = "French (France)", "German (Germany)", "Dutch (Netherlands)"
LANGUAGES = [FRENCH, GERMAN, DUTCH]
SECONDS = 4  # of the sample
ONE_A_SECOND = PriceTable(translation_speed=1.0, lipsync_speed=1.0, avatar_iv=1.0)


@dataclass
class Files:
    """A server of files on this machine.

    Attributes:
        folder: What it serves.
        origin: Its address.
        asked: The path of each request.
    """

    folder: Path
    origin: str = ""
    asked: list[str] = field(default_factory=list)

    def url(self, name: str) -> str:
        return f"{self.origin}/{name}"


@pytest.fixture
async def files(tmp_path: Path) -> AsyncIterator[Files]:
    files = Files(tmp_path / "files")
    files.folder.mkdir()
    (files.folder / "launch.mp4").write_bytes(sample("mp4", "mpeg4", "aac", SECONDS))
    (files.folder / "page.html").write_text("<!DOCTYPE html><p>Sign in")
    (files.folder / "notes.bin").write_bytes(b"nothing that anybody knows" * 100)

    @web.middleware
    async def noted(request: web.Request, handler: Any) -> web.StreamResponse:
        files.asked.append(request.path)
        answer: web.StreamResponse = await handler(request)
        return answer

    app = web.Application(middlewares=[noted])
    app.router.add_static("/", files.folder)
    async with under_aiohttp(app) as origin:
        files.origin = origin
        yield files


async def collect(run: Run[Any], outcomes: list[Outcome[Any]] | None = None) -> None:
    async for outcome in run:
        if outcomes is not None:
            outcomes += [outcome]


def translations(*urls: str) -> list[VideoTranslationRequest]:
    return [
        VideoTranslationRequest(video=AssetUrl(url=url), output_languages=[FRENCH]) for url in urls
    ]


async def test_the_length_of_a_source_is_that_of_all_its_languages(
    sandbox: Sandbox, heygen: HeyGen, files: Files
) -> None:
    # Without the length, one job would reserve 30 minutes. The sandbox does not fetch sources, and
    # makes dubs of up to 90 s.
    async with Batch(heygen, prices=ONE_A_SECOND, max_cost=300, max_jobs=3) as batch:
        expected = await batch.translate(files.url("launch.mp4"), LANGUAGES).estimate()
        assert expected.unknown == 0
        assert expected.seconds == pytest.approx(3 * SECONDS, abs=0.5)
        assert expected.usd == pytest.approx(3 * SECONDS, abs=0.5)
        asked = len(files.asked)
        assert 1 <= asked <= 8
        await collect(batch.translate(files.url("launch.mp4"), LANGUAGES))
        assert len(files.asked) == asked  # the batch knows it
    assert sandbox.ledger.count() == 3


async def test_the_length_of_a_source_is_that_of_its_corrected_proofreads(
    sandbox: Sandbox, heygen: HeyGen, files: Files, tmp_path: Path
) -> None:
    film, prices = files.url("launch.mp4"), PriceTable(translation_speed=1.0, proofread=0.0)
    options: dict[str, Any] = {
        "journal": tmp_path / "launch.db",
        "max_cost": 300,  # the sandbox makes dubs of up to 90 s
        "prices": prices,
    }

    def same(language: str, srt: str) -> str:
        return srt

    expected = await estimate_localize(Batch(heygen, **options), film, LANGUAGES, correct=same)
    assert expected.complete
    assert expected.usd == pytest.approx(3 * SECONDS, abs=0.5)

    async def run() -> list[bool]:
        async with Batch(heygen, **options) as batch:
            return [one.ok async for one in localize(batch, film, LANGUAGES, correct=same)]

    assert await run() == [True] * 3
    (files.folder / "launch.mp4").unlink()
    asked = len(files.asked)
    assert await run() == [True] * 3
    assert len(files.asked) <= asked + 1  # it is gone, and finished items do not need it


async def test_a_source_that_cannot_be_used_makes_no_proofread(
    sandbox: Sandbox, heygen: HeyGen, files: Files
) -> None:
    async with Batch(heygen) as batch:
        chain = localize(batch, files.url("page.html"), LANGUAGES, correct=lambda _, srt: srt)
        with pytest.raises(InvalidSources):
            await anext(chain)
    assert sandbox.ledger.count() == 0


async def test_all_sources_that_cannot_be_used_are_named_before_the_first_cent(
    sandbox: Sandbox, heygen: HeyGen, files: Files
) -> None:
    wrong = [files.url("page.html"), files.url("missing.mp4?Signature=secret")]
    requests = translations(files.url("launch.mp4"), *wrong)
    lipsync = LipsyncRequest(
        video=AssetUrl(url=files.url("launch.mp4")), audio=AssetUrl(url=files.url("gone.mp3"))
    )
    proofread = ProofreadRequest(
        video=AssetUrl(url=files.url("lost.mp4")), output_languages=[GERMAN], title="Lost"
    )
    every: Sequence[Request] = [*requests, lipsync, proofread]
    with pytest.raises(InvalidSources) as refused:
        await collect(Batch(heygen).run(every))
    names = {problem.name.rpartition("/")[2] for problem in refused.value.problems}
    assert names == {"page.html", "missing.mp4", "gone.mp3", "lost.mp4"}
    assert "secret" not in str(refused.value)
    assert sandbox.ledger.count() == 0


async def test_an_item_of_an_iterator_fails_alone_and_a_source_is_probed_once(
    sandbox: Sandbox, heygen: HeyGen, files: Files
) -> None:
    good, page = files.url("launch.mp4"), files.url("page.html")
    run = Batch(heygen).run(iter(translations(good, good, page, good, page)))
    outcomes = {outcome.index: outcome async for outcome in run}
    failed = {index for index, outcome in outcomes.items() if not outcome.ok}
    assert failed == {2, 4}
    assert all(isinstance(outcomes[index].error, InvalidSources) for index in failed)
    assert sandbox.ledger.count() == 3
    assert files.asked.count("/launch.mp4") <= 8
    assert len(set(files.asked)) == 2


@pytest.mark.parametrize("how", ["measure=False", "seconds", "function"])
async def test_nothing_is_probed_if_it_is_turned_off_or_the_length_is_given(
    sandbox: Sandbox, heygen: HeyGen, files: Files, how: str
) -> None:
    batch = Batch(heygen, prices=ONE_A_SECOND, measure=how != "measure=False")
    seconds: Any = {"seconds": 7, "function": lambda request: 7.0}.get(how)
    run = batch.translate(files.url("launch.mp4"), LANGUAGES, seconds=seconds)
    expected = await run.estimate()
    assert (expected.unknown, expected.usd) == ((3, None) if seconds is None else (0, 21.0))
    await collect(batch.translate([files.url("launch.mp4")], iter([FRENCH]), seconds=seconds))
    assert files.asked == []


async def test_a_length_that_is_not_known_is_a_warning_and_reserves_the_most(
    sandbox: Sandbox, heygen: HeyGen, files: Files, caplog: pytest.LogCaptureFixture
) -> None:
    # Hosts elsewhere are not asked when the API is on this machine.
    urls = [files.url("notes.bin"), "https://example.com/launch.mp4"]
    with caplog.at_level(logging.WARNING, "heygen_async.media"):
        found = await Batch(heygen, prices=ONE_A_SECOND).run(translations(*urls)).estimate()
    assert (found.unknown, found.usd, found.usd_high) == (2, None, 3600)
    assert set(files.asked) == {"/notes.bin"}


async def test_items_are_checked_and_probed_in_one_pass(heygen: HeyGen, files: Files) -> None:
    made = Counter[str]()

    def request(language: str) -> VideoTranslationRequest:
        made[language] += 1
        return VideoTranslationRequest(
            video=AssetUrl(url=files.url("launch.mp4")), output_languages=[language]
        )

    async with Batch(heygen) as batch:
        await collect(batch.run(LANGUAGES, request=request))
    # To be checked and probed, to be compared with the account's balance, and to be sent.
    assert made == dict.fromkeys(LANGUAGES, 3)
    assert files.asked


async def test_a_source_that_is_gone_stops_no_resumed_run_that_has_sent_it(
    sandbox: Sandbox, heygen: HeyGen, files: Files, tmp_path: Path
) -> None:
    journal = tmp_path / "run.db"
    requests = translations(files.url("launch.mp4"))
    await collect(Batch(heygen).run(requests, journal=journal))
    (files.folder / "launch.mp4").unlink()
    for items in (requests, iter(requests)):
        again: list[Outcome[Any]] = []
        await collect(Batch(heygen).run(items, journal=journal), again)
        assert [(outcome.resumed, outcome.ok) for outcome in again] == [(True, True)]
    more = [*requests, *translations(files.url("launch.mp4"))]
    with pytest.raises(InvalidSources, match=r"launch\.mp4"):
        await collect(Batch(heygen).run(more, journal=journal))
    assert sandbox.ledger.count() == 1


@pytest.mark.heygen(retry=Retry(attempts=1))
async def test_an_asset_is_probed_and_one_that_cannot_be_asked_for_is_not_known(
    sandbox: Sandbox, heygen: HeyGen, files: Files, caplog: pytest.LogCaptureFixture
) -> None:
    asset = await heygen.upload(files.folder / "launch.mp4")
    request = VideoTranslationRequest(
        video=AssetId(asset_id=asset.asset_id), output_languages=[FRENCH]
    )
    found = await Batch(heygen).run([request]).estimate()
    assert found.seconds == pytest.approx(SECONDS, abs=0.5)
    missing = VideoTranslationRequest(video=AssetId(asset_id="none"), output_languages=[FRENCH])
    with pytest.raises(InvalidSources, match="no such asset"):
        await Batch(heygen).run([missing]).estimate()
    sandbox.faults = Faults(operations={"assets.get": Faults(status={500: 1.0})})
    with caplog.at_level(logging.WARNING, "heygen_async.media"):
        found = await Batch(heygen).run([request]).estimate()
    assert found.unknown == 1
    assert "lengths of sources are unknown" in caplog.text


VIDEO, AUDIO = AssetUrl(url="https://files.example/v.mp4"), AssetId(asset_id="speech")


def lipsync(start: float | None = None, end: float | None = None) -> LipsyncRequest:
    return LipsyncRequest(video=VIDEO, audio=AUDIO, start_time=start, end_time=end)


@pytest.mark.parametrize(
    ("request_", "lengths", "seconds"),
    [
        (lipsync(), [10.0, 12.0], 12.0),
        (lipsync(), [10.0, None], None),
        (lipsync(2.0), [10.0, 8.0], 8.0),
        (lipsync(2.0, 5.0), [10.0, 8.0], 3.0),
        (lipsync(2.0, 50.0), [10.0, 8.0], 8.0),
        (lipsync(20.0), [10.0, 8.0], 0.0),
        (AvatarVideoRequest(avatar_id="a", audio_url=VIDEO.url, voice_id="v"), [9.0], 9.0),
        (AvatarVideoRequest(avatar_id="a", audio_asset_id="speech"), [9.0], 9.0),
        (AvatarVideoRequest(avatar_id="a", script="Hello"), [], None),
        (ProofreadRequest(video=VIDEO, output_languages=[FRENCH], title="T"), [9.0], 9.0),
    ],
)
def test_the_length_that_sources_give_a_job(
    request_: Request, lengths: list[float | None], seconds: float | None
) -> None:
    assert len(sources_of(request_)) == len(lengths)
    assert length_of_job(request_, lengths) == seconds
