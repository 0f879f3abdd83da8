"""The controls of dubs, as options and as columns."""

from __future__ import annotations

import json
import shlex
import sys
from pathlib import Path
from typing import Any

import pytest

from heygen_async import HeyGen, InvalidRequest, StockVoiceConfig, VideoTranslationRequest
from heygen_async.cli.app.dub_options import DubMode, DubOptions
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
from heygen_async.models.proofreads import ProofreadGenerateRequest, ProofreadRequest
from heygen_async.models.sources import AssetUrl
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
    watermark=True,
    folder="f1",
)
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
    "stock_voice_config": StockVoiceConfig(use_stock_voice=True),
    "enable_watermark": True,
    "folder_id": "f1",
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
    "watermark": "true",
    "folder": "f1",
}


def test_options_and_columns_give_the_same_fields() -> None:
    assert translation_fields(given_controls(ALL)) == FIELDS
    assert translation_fields(controls_of_cells(CELLS, "rows.csv, line 2")) == FIELDS
    assert set(CELLS) == set(DUB_FIELDS)
    assert translation_fields(given_controls(DubOptions())) == {}
    VideoTranslationRequest(video=AssetUrl(url=URL), output_languages=["French"], **FIELDS)


def test_proofreads_take_what_they_have() -> None:
    kept = {name: value for name, value in given_controls(ALL).items() if name not in LEFT_OUT}
    fields, rendered = proofread_fields(kept)
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
        captions=True, translate_audio_only=True
    )


LEFT_OUT = ("start", "end", "stock_voices", "watermark")


@pytest.mark.parametrize("name", LEFT_OUT)
def test_proofreads_refuse_the_others(name: str) -> None:
    with pytest.raises(CommandError, match=name.replace("_", "-")):
        proofread_fields({name: True})


@pytest.mark.parametrize(
    ("cells", "said"),
    [
        ({"mode": "fast"}, "line 2: mode: expected speed or precision, got 'fast'"),
        ({"speakers": "0"}, "line 2: speakers: expected a whole number from 1"),
        ({"start": "-1"}, "line 2: start: expected seconds"),
        ({"audio_only": "perhaps"}, "line 2: audio_only: expected yes or no, got 'perhaps'"),
    ],
)
def test_cells_that_do_not_fit(cells: dict[str, str], said: str) -> None:
    with pytest.raises(CommandError, match=said):
        controls_of_cells(cells, "rows.csv, line 2")


async def dub(video: str | Path, options: DubOptions, **settings: Any) -> Exit:
    return await translate(
        str(video),
        ["French (France)"],
        display=Lines(),
        everything=False,
        out=None,
        concurrency=None,
        base_url=None,
        dub=options,
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
    with pytest.raises(CommandError, match="no brand glossary 'nothing'"):
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
