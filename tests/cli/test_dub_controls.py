"""The controls of dubs, as options and as columns."""

from __future__ import annotations

import asyncio
import json
import shlex
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest

from heygen_async import HeyGen, InvalidRequest, StockVoiceConfig, VideoTranslationRequest
from heygen_async.cli.app.dub_options import DubMode, DubOptions, FrameTiming, SrtRole
from heygen_async.cli.commands.localize import SourceVideo, localize
from heygen_async.cli.commands.translate import translate
from heygen_async.cli.display import Lines
from heygen_async.cli.exit_codes import CommandError, Exit
from heygen_async.cli.inputs.dub_controls import (
    DUB_FIELDS,
    controls_of_cells,
    given_controls,
    proofread_fields,
    translation_fields,
)
from heygen_async.cli.run_options import RunOptions
from heygen_async.journal import ItemRecord, open_reader
from heygen_async.models.proofreads import ProofreadGenerateRequest, ProofreadRequest
from heygen_async.models.sources import AssetId, AssetUrl
from heygen_async.sandbox import Sandbox

URL = "https://example.com/launch.mp4"
ALL = DubOptions(
    mode=DubMode.PRECISION,
    glossary="g1",
    speakers=2,
    start=1.0,
    end=5.0,
    audio_only=True,
    music=False,
    enhance_speech=True,
    captions=True,
    stretch=False,
    keep_format=True,
    stock_voices=True,
    stock_voice=["v1", "v2"],
    watermark=True,
    input_language="English",
    audio="speech.wav",
    fps_mode=FrameTiming.CFR,
    srt="https://example.com/a.srt",
    srt_role=SrtRole.OUTPUT,
    folder="f1",
    callback_url="https://example.com/callback",
    callback_id="c",
)
MEDIA = {"audio": AssetId(asset_id="a1"), "srt": AssetUrl(url="https://example.com/a.srt")}
FIELDS: dict[str, Any] = {
    "mode": "precision",
    "brand_glossary_id": "g1",
    "speaker_num": 2,
    "start_time": 1.0,
    "end_time": 5.0,
    "translate_audio_only": True,
    "disable_music_track": True,
    "enable_speech_enhancement": True,
    "enable_caption": True,
    "enable_dynamic_duration": False,
    "keep_the_same_format": True,
    "stock_voice_config": StockVoiceConfig(
        use_stock_voice=True, preferred_stock_voice_ids=["v1", "v2"]
    ),
    "enable_watermark": True,
    "input_language": "English",
    **MEDIA,
    "fps_mode": "cfr",
    "srt_role": "output",
    "folder_id": "f1",
    "callback_url": "https://example.com/callback",
    "callback_id": "c",
}
# A program that leaves subtitles as they are.
COPY = "import sys; sys.stdout.write(sys.stdin.read())"
UNCHANGED = shlex.join([sys.executable, "-S", "-c", COPY])
CELLS = {
    "mode": "Precision",
    "glossary": "g1",
    "speakers": "2",
    "start": "1",
    "end": "5.0",
    "audio_only": "yes",
    "music": "no",
    "enhance_speech": "TRUE",
    "captions": "1",
    "stretch": "off",
    "keep_format": "y",
    "stock_voices": "on",
    "stock_voice": "v1, v2",
    "watermark": "true",
    "input_language": "English",
    "audio": "speech.wav",
    "fps_mode": "CFR",
    "srt": "https://example.com/a.srt",
    "srt_role": "output",
    "folder": "f1",
    "callback_url": "https://example.com/callback",
    "callback_id": "c",
}


def test_options_and_columns_give_the_same_fields() -> None:
    assert given_controls(ALL) == controls_of_cells(CELLS, "rows.csv, line 2")
    assert translation_fields(given_controls(ALL) | MEDIA) == FIELDS
    assert set(CELLS) == set(DUB_FIELDS)
    assert translation_fields(given_controls(DubOptions())) == {}
    request = VideoTranslationRequest(
        video=AssetUrl(url=URL), output_languages=["French"], title="T", **FIELDS
    )
    deprecated = {"brand_voice_id"}
    defaults = msgspec.structs.asdict(
        VideoTranslationRequest(video=AssetUrl(url="https://e.com"), output_languages=["English"])
    )
    left = {name for name, value in defaults.items() if getattr(request, name) == value}
    assert left == {*deprecated, "extra"}


def test_proofreads_take_what_they_have() -> None:
    kept = {name: value for name, value in given_controls(ALL).items() if name not in LEFT_OUT}
    fields, rendered = proofread_fields(kept | {"srt": MEDIA["srt"]})
    request = ProofreadRequest(
        video=AssetUrl(url=URL), output_languages=["French"], title="T", **fields
    )
    assert (request.mode, request.speaker_num, request.disable_music_track) == (
        "precision",
        2,
        True,
    )
    assert request.enable_video_stretching is False
    assert ProofreadGenerateRequest(**rendered) == ProofreadGenerateRequest(
        captions=True,
        translate_audio_only=True,
        callback_url="https://example.com/callback",
        callback_id="c",
    )


LEFT_OUT = (
    "start",
    "end",
    "stock_voices",
    "stock_voice",
    "watermark",
    "input_language",
    "audio",
    "fps_mode",
    "srt_role",
)


@pytest.mark.parametrize("name", LEFT_OUT)
def test_proofreads_refuse_the_others(name: str) -> None:
    with pytest.raises(CommandError, match=name.replace("_", "-")):
        proofread_fields({name: True})


@pytest.mark.parametrize(
    ("cells", "said"),
    [
        ({"mode": "fast"}, "line 2: mode: expected speed or precision, got 'fast'"),
        ({"speakers": "0"}, "line 2: speakers: expected a whole number from 1"),
        ({"srt_role": "both"}, "line 2: srt_role: expected input or output, got 'both'"),
        ({"start": "-1"}, "line 2: start: expected seconds"),
        ({"audio_only": "perhaps"}, "line 2: audio_only: expected yes or no, got 'perhaps'"),
    ],
)
def test_cells_that_do_not_fit(cells: dict[str, str], said: str) -> None:
    with pytest.raises(CommandError, match=said):
        controls_of_cells(cells, "rows.csv, line 2")


def records(journal: Path) -> list[ItemRecord]:
    with open_reader(journal) as reader:
        return list(reader.records())


async def dub(video: str | Path, controls: DubOptions, **settings: Any) -> Exit:
    return await translate(
        str(video),
        ["French (France)"],
        display=Lines(),
        everything=False,
        out=None,
        concurrency=None,
        base_url=None,
        dub=controls,
        length=10.0,
        **settings,
    )


@pytest.mark.anyio
async def test_a_row_goes_before_the_options(
    sandbox: Sandbox, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = tmp_path / "rows.csv"
    rows.write_text(f"video,key,audio_only,mode\n{URL},a,no,speed\n{URL},b,,\n")
    options = DubOptions(audio_only=True, mode=DubMode.SPEED, glossary="product names")
    assert await dub(rows, options) == Exit.DONE
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()][:-1]
    jobs = {line["key"].partition(" ")[0]: line["job_id"] for line in lines}
    async with HeyGen() as heygen:
        only = {
            key: (await heygen.video_translations.get(job)).translate_audio_only
            for key, job in jobs.items()
        }
    assert only == {"a": False, "b": True}


@pytest.mark.anyio
async def test_what_does_not_fit_is_said_before_anything_is_sent(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    with pytest.raises(CommandError, match="no brand glossary has the id or name 'nothing'"):
        await dub(URL, DubOptions(glossary="nothing"))
    with pytest.raises(InvalidRequest, match="start_time"):
        await dub(URL, DubOptions(start=9.0, end=3.0))
    rows = tmp_path / "rows.csv"
    rows.write_text(f"video,audio_only\n{URL},perhaps\n")
    with pytest.raises(CommandError, match=r"rows\.csv, line 2: audio_only"):
        await dub(rows, DubOptions())
    assert sandbox.ledger.count() == 0


@pytest.mark.anyio
@pytest.mark.parametrize("corrected", [False, True])
async def test_localize(
    sandbox: Sandbox, capsys: pytest.CaptureFixture[str], corrected: bool
) -> None:
    async def run(**settings: Any) -> Exit:
        return await localize(
            SourceVideo(video=URL),
            ["French (France)"],
            display=Lines(),
            program=UNCHANGED if corrected else None,
            **settings,
        )

    options = DubOptions(audio_only=True, music=False)
    assert await run(dub=options, options=RunOptions(dry_run=True)) == Exit.DONE
    assert sandbox.ledger.count() == 0
    capsys.readouterr()
    assert await run(dub=options) == Exit.DONE, capsys.readouterr().out
    job = json.loads(capsys.readouterr().out.splitlines()[0])["job_id"]
    async with HeyGen() as heygen:
        assert (await heygen.video_translations.get(job)).translate_audio_only
    if corrected:
        with pytest.raises(CommandError, match="--start is not for dubs that are proofread"):
            await run(dub=DubOptions(start=1.0))


@pytest.mark.anyio
async def test_files_and_names_of_rows(
    sandbox: Sandbox, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Files are from the folder of the list, each is uploaded once; names are looked up once."""
    (tmp_path / "own.srt").write_text("1\n00:00:00,000 --> 00:00:01,000\nHello\n")
    rows, journal = tmp_path / "rows.csv", tmp_path / "dubs.db"
    rows.write_text(
        "video,key,SRT,srt role,Glossary,stock voice\n"
        f'{URL},a,own.srt,output,Product names,"Bruno, Amara"\n'
        f"{URL},b,own.srt,output,product names,Bruno\n"
        f"{URL},c,,,,\n"
    )
    options = RunOptions(journal=journal)
    assert await dub(rows, DubOptions(), title="T", options=options) == Exit.DONE
    counted = sandbox.requests.by_operation
    assert counted["assets.upload"] == 1
    assert counted["voices.get"] == 2  # one for each name
    sent = {
        one.key.partition(" ")[0]: json.loads(one.payload)
        for one in await asyncio.to_thread(records, journal)
    }
    assert sent["a"]["srt"] == sent["b"]["srt"]
    assert sent["a"]["srt"]["type"] == "asset_id"
    assert len(sent["a"]["stock_voice_config"]["preferred_stock_voice_ids"]) == 2
    assert sent["a"]["brand_glossary_id"] == sent["b"]["brand_glossary_id"] != "product names"
    assert "srt" not in sent["c"]


@pytest.mark.anyio
async def test_an_unknown_name_is_said_with_its_row(sandbox: Sandbox, tmp_path: Path) -> None:
    rows = tmp_path / "rows.csv"
    rows.write_text(f"video,key,Glossary\n{URL},a,product names\n{URL},b,Nothing\n")
    with pytest.raises(CommandError, match=r"line 3 \(row 2\), column 'Glossary': .*'Nothing'"):
        await dub(rows, DubOptions())
    rows.write_text(f"video,srt\n{URL},nowhere.srt\n")
    with pytest.raises(CommandError, match=r"line 2: nowhere\.srt: there is no such file"):
        await dub(rows, DubOptions())
    with pytest.raises(CommandError, match=r"nowhere\.wav: there is no such file"):
        await dub(URL, DubOptions(audio="nowhere.wav"))
    assert sandbox.ledger.count() == 0
