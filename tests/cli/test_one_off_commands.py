"""One-off commands whose output is piped: a line of JSON for each thing."""

from __future__ import annotations

import asyncio
import io
import json
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from heygen_async import AssetId, AssetUrl, HeyGen, VideoTranslationRequest
from heygen_async.cli import editing
from heygen_async.cli.app.clip_options import (
    CinematicOptions,
    ClipShape,
    ClipSize,
    StudioOptions,
)
from heygen_async.cli.app.single import KindName
from heygen_async.cli.app.video_options import (
    Captions,
    Corner,
    EngineName,
    FileFormat,
    FitName,
    Shape,
    Size,
    Strength,
    VideoOptions,
    VoiceEngine,
)
from heygen_async.cli.commands.localize import SourceVideo, localize
from heygen_async.cli.commands.narrate import narrate
from heygen_async.cli.commands.personalize import personalize
from heygen_async.cli.commands.render import render
from heygen_async.cli.creates.agent import agent
from heygen_async.cli.creates.clips import cinematic, cinematic_request, studio, studio_request
from heygen_async.cli.creates.speech import speech
from heygen_async.cli.creates.video import Waiting, create, request_of
from heygen_async.cli.display import Lines
from heygen_async.cli.exit_codes import CommandError, Exit
from heygen_async.cli.inputs.field_rows import RowChoices
from heygen_async.cli.run_options import RunOptions
from heygen_async.cli.single import ids, lists, names, templates
from heygen_async.cli.single.account import whoami
from heygen_async.cli.single.calls import api, body_of
from heygen_async.cli.single.files import upload
from heygen_async.cli.single.things import KINDS
from heygen_async.errors import (
    APIError,
    InvalidRequest,
    JobFailed,
    JobTimeout,
    NotFound,
    TransferError,
)
from heygen_async.journal import open_reader
from heygen_async.models.structs import encode
from heygen_async.models.video_parts import ImageScene
from heygen_async.models.videos import (
    AvatarVideoRequest,
    CinematicAvatarVideoRequest,
    ImageVideoRequest,
    StudioVideoRequest,
)
from heygen_async.sandbox import Fault, Sandbox

pytestmark = pytest.mark.anyio

DRY = RunOptions(dry_run=True)
Printed = Callable[[], list[Any]]


@pytest.fixture
def printed(capsys: pytest.CaptureFixture[str]) -> Printed:
    """Return the lines of JSON since the last call."""
    return lambda: [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def lines() -> Lines:
    return Lines()


async def made(sandbox: Sandbox, **options: Any) -> Exit:
    given = {"avatar": sandbox.avatar_id, "script": "Hello."} | options
    run = {name: given.pop(name) for name in ("wait", "out", "timeout") if name in given}
    waiting = Waiting(**run)
    return await create(VideoOptions(**given), display=lines(), base_url=None, waiting=waiting)


async def test_whoami(sandbox: Sandbox, printed: Printed) -> None:
    await made(sandbox)
    printed()
    assert await whoami(lines(), None) == Exit.DONE
    (record,) = printed()
    assert record["username"] == "sandbox"
    assert record["balance"] > 0
    assert record["slots"] == {"running": 1, "limit": None}


async def test_all_pages_are_listed_and_filtered(sandbox: Sandbox, printed: Printed) -> None:
    await lists.voices(lines(), None)
    everyone = printed()
    assert len(everyone) == 52
    await lists.voices(lines(), None, language="span", gender="FEMALE", engine="starfish")
    some = printed()
    assert 0 < len(some) < 52
    assert {(one["language"], one["gender"]) for one in some} == {("Spanish", "female")}
    await lists.avatars(lines(), None, engine="avatar_v", gender="female", most=2)
    looks = printed()
    assert len(looks) == 2
    assert all("avatar_v" in look["supported_api_engines"] for look in looks)
    await lists.avatars(lines(), None, groups=True, name="ama")
    assert [group["name"] for group in printed()] == ["Amara"]
    await lists.templates(lines(), None, name="welcome")
    assert [one["name"] for one in printed()] == ["Welcome"]
    await lists.languages(lines(), None, name="french")
    assert {"language": "French (France)"} in printed()


async def test_videos_and_assets_are_listed(
    sandbox: Sandbox, printed: Printed, tmp_path: Path
) -> None:
    for number in range(3):
        await made(sandbox, title=f"No. {number}")
    (tmp_path / "a.srt").write_text("1\n00:00:00,000 --> 00:00:01,000\nHello.\n")
    assert await upload([tmp_path / "a.srt"], display=lines(), base_url=None) == Exit.DONE
    uploaded = printed()[-1]
    await lists.videos(lines(), None, title="No.")
    assert {one["title"] for one in printed()} == {"No. 0", "No. 1", "No. 2"}
    await lists.videos(lines(), None, status="completed")
    assert printed() == []
    await lists.assets(lines(), None, name="a.srt")
    assert [one["id"] for one in printed()] == [uploaded["asset_id"]]


async def test_one_bad_file_does_not_stop_the_others(
    sandbox: Sandbox, printed: Printed, tmp_path: Path
) -> None:
    good, bad = tmp_path / "good.srt", tmp_path / "bad.xyz"
    good.write_text("1\n00:00:00,000 --> 00:00:01,000\nHello.\n")
    bad.write_text("?")
    assert await upload([bad, good], display=lines(), base_url=None) == Exit.SOME_FAILED
    assert {Path(one["file"]).name: one["ok"] for one in printed()} == {
        "bad.xyz": False,
        "good.srt": True,
    }
    with pytest.raises(CommandError, match="nowhere"):
        await upload([tmp_path / "nowhere"], display=lines(), base_url=None)


async def test_a_template_by_name(
    sandbox: Sandbox, printed: Printed, capsys: pytest.CaptureFixture[str]
) -> None:
    await templates.show("welcome", display=lines(), base_url=None)
    (record,) = printed()
    assert record["id"] == sandbox.template_id("Welcome")
    assert {name: info["type"] for name, info in record["variables"].items()} == {
        "name": "text",
        "product": "text",
    }
    await templates.show(record["id"], display=lines(), base_url=None, header=True)
    assert capsys.readouterr().out == "key,name,product\n"
    older = sandbox.template_id("Classic invitation")  # which only v2 serves
    await templates.show(older, display=lines(), base_url=None)


async def test_a_video_is_created_and_gone_on_with(
    sandbox: Sandbox, printed: Printed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert await made(sandbox, title="Über uns") == Exit.DONE
    (created,) = printed()
    assert created["kind"] == "video"
    assert "video_url" not in created
    await ids.get(created["id"], display=lines(), base_url=None)
    (waiting,) = printed()
    assert (waiting["id"], waiting["kind"]) == (created["id"], "video")
    assert waiting["status"] != "completed"
    await ids.wait(created["id"], display=lines(), base_url=None)
    (done,) = printed()
    assert done["status"] == "completed"
    await ids.download(created["id"], display=lines(), base_url=None)
    (saved,) = printed()
    assert saved["file"] == "Über uns.mp4"
    assert (tmp_path / "Über uns.mp4").stat().st_size == saved["bytes"] > 0
    with pytest.raises(CommandError, match="is there already"):
        await ids.download(created["id"], display=lines(), base_url=None)
    out = tmp_path / "still.jpg"
    await ids.download(
        created["id"], display=lines(), base_url=None, what="thumbnail", out=out, kind="video"
    )
    assert out.stat().st_size > 0


async def test_a_video_is_made_and_downloaded(
    sandbox: Sandbox, printed: Printed, tmp_path: Path
) -> None:
    out = tmp_path / "hello.mp4"
    assert await made(sandbox, avatar="amara", voice="Bruno", out=out) == Exit.DONE
    (record,) = printed()
    assert record["status"] == "completed"
    assert record["file"] == str(out)
    assert out.stat().st_size > 0
    assert sandbox.ledger.count("video") == 1


def test_every_field_of_a_video_is_an_option() -> None:
    options = VideoOptions(
        avatar="Amara",
        script="Hello.",
        locale="en-GB",
        speed=1.2,
        pitch=3,
        volume=0.5,
        voice_engine=VoiceEngine.ELEVENLABS,
        voice_model="eleven_v3",
        similarity=0.5,
        stability=0.5,
        style=0.1,
        speaker_boost=True,
        engine=EngineName.AVATAR_V,
        reference_look="r",
        motion_prompt="Wave.",
        background="#112233",
        remove_background=True,
        aspect_ratio=Shape.TALL,
        resolution=Size.HD,
        fit=FitName.COVER,
        output_format=FileFormat.MP4,
        captions=Captions.BURNT_IN,
        watermark="logo.png",
        watermark_opacity=0.5,
        watermark_scale=0.3,
        watermark_position=Corner.TOP_LEFT,
        watermark_offset_x=0.1,
        watermark_offset_y=0.2,
        glossary="g",
        title="T",
        folder="f",
        callback_url="https://example.com/callback",
        callback_id="c",
        extra='{"new": 1}',
    )
    files = {"watermark": AssetId(asset_id="w")}
    body = json.loads(encode(request_of(options, "Hello.", files, "a", "v")))
    assert body == {
        "type": "avatar",
        "avatar_id": "a",
        "script": "Hello.",
        "voice_id": "v",
        "voice_settings": {
            "locale": "en-GB",
            "speed": 1.2,
            "pitch": 3,
            "volume": 0.5,
            "engine_settings": {
                "engine_type": "elevenlabs",
                "model": "eleven_v3",
                "similarity_boost": 0.5,
                "stability": 0.5,
                "style": 0.1,
                "use_speaker_boost": True,
            },
        },
        "engine": {"type": "avatar_v", "reference_look_id": "r"},
        "motion_prompt": "Wave.",
        "background": {"type": "color", "value": "#112233"},
        "remove_background": True,
        "aspect_ratio": "9:16",
        "resolution": "720p",
        "fit": "cover",
        "caption": {"style": "default"},
        "watermark": {
            "image": {"type": "asset_id", "asset_id": "w"},
            "opacity": 0.5,
            "scale": 0.3,
            "placement": {"position": "top_left", "offset_x": 0.1, "offset_y": 0.2},
        },
        "brand_glossary_id": "g",
        "title": "T",
        "folder_id": "f",
        "callback_url": "https://example.com/callback",
        "callback_id": "c",
        "new": 1,
    }


def test_an_image_that_speaks() -> None:
    options = VideoOptions(
        image="a.png",
        audio="a.mp3",
        background="b.png",
        expressiveness=Strength.HIGH,
        voice_engine=VoiceEngine.STARFISH,
    )
    files: dict[str, AssetUrl | AssetId] = {
        "image": AssetUrl(url="https://example.com/a.png"),
        "audio": AssetUrl(url="https://example.com/a.mp3"),
        "background": AssetId(asset_id="b"),
    }
    body = json.loads(encode(request_of(options, None, files, None, None)))
    assert body == {
        "type": "image",
        "image": {"type": "url", "url": "https://example.com/a.png"},
        "audio_url": "https://example.com/a.mp3",
        "background": {"type": "image", "asset_id": "b"},
        "expressiveness": "high",
        "voice_settings": {"engine_settings": {"engine_type": "starfish"}},
    }


def test_no_field_of_a_video_is_forgotten() -> None:
    options = set(VideoOptions.__slots__)
    elsewhere = {
        "avatar_id": "avatar",
        "audio_url": "audio",
        "audio_asset_id": "audio",
        "voice_id": "voice",
        "voice_settings": "speed",
        "caption": "captions",
        "brand_glossary_id": "glossary",
        "folder_id": "folder",
    }
    for request in (AvatarVideoRequest, ImageVideoRequest):
        for field in request.__struct_fields__:
            assert elsewhere.get(field, field) in options, field


def test_every_field_of_the_other_kinds_is_an_option() -> None:
    clip = CinematicOptions(
        avatar=["Amara"],
        prompt="A walk.",
        reference=["a.png"],
        duration=5,
        auto_duration=False,
        enhance_prompt=True,
        aspect_ratio=ClipShape.TALL,
        resolution=ClipSize.FULL_HD,
        title="T",
        folder="f",
    )
    request = cinematic_request(clip, "A walk.", ["a"], [AssetId(asset_id="r")])
    body = json.loads(encode(request))
    assert {*body} == {*CinematicAvatarVideoRequest.__struct_fields__, "type"} - {
        "extra",
        "auto_duration",  # off, its default
    }
    options = StudioOptions(
        aspect_ratio=Shape.TALL,
        resolution=Size.HD,
        captions=Captions.FILE,
        watermark="logo.png",
        glossary="g",
        title="T",
        folder="f",
        callback_url="https://example.com/callback",
        callback_id="c",
    )
    scenes = [ImageScene(source=AssetUrl(url="https://example.com/a.png"), duration=3)]
    studio_body = json.loads(encode(studio_request(options, scenes, AssetId(asset_id="w"), "g")))
    assert {*studio_body} == {*StudioVideoRequest.__struct_fields__, "type"} - {"extra"}


async def test_a_clip_and_scenes(sandbox: Sandbox, printed: Printed, tmp_path: Path) -> None:
    file, image = tmp_path / "scenes.json", tmp_path / "a.png"
    image.write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(64))
    scene = {
        "type": "avatar_video",
        "input": {"type": "avatar", "avatar_id": sandbox.avatar_id, "script": "Hello."},
    }
    file.write_text(json.dumps([scene]))
    common: dict[str, Any] = {"display": lines(), "base_url": None, "waiting": Waiting(wait=True)}
    assert await studio(str(file), StudioOptions(), **common) == Exit.DONE
    clip = CinematicOptions(avatar=["Amara"], prompt="A walk.", reference=[str(image)])
    assert await cinematic(clip, **common) == Exit.DONE
    assert [one["status"] for one in printed()] == ["completed", "completed"]
    with pytest.raises(InvalidRequest, match="duration"):
        await cinematic(replace(clip, duration=99), **common)
    with pytest.raises(CommandError, match="--avatar"):
        await cinematic(replace(clip, avatar=None), **common)
    for text, said in (
        ("{}", "expected a list of scenes"),
        ('[{"type": "sound"}]', "sound"),
        ('[{"type": "image", "sources": {}}]', "source"),
        (json.dumps([scene | {"inputs": 1}]), "scene 1: AvatarScene has no field 'inputs'"),
    ):
        file.write_text(text)
        with pytest.raises(CommandError, match=said):
            await studio(str(file), StudioOptions(), **common)
    assert sandbox.ledger.count("video") == 2


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"avatar": None}, "who speaks"),
        ({"image": "https://example.com/a.png"}, "who speaks"),
        ({"script": None}, "what is said"),
        ({"audio": "https://example.com/a.mp3"}, "what is said"),
        ({"audio": "nowhere.mp3", "script": None}, "no such file"),
        ({"reference_look": "x"}, "--engine avatar_v"),
        ({"similarity": 0.5}, "--voice-engine elevenlabs or fish"),
        ({"style": 0.5, "voice_engine": VoiceEngine.FISH}, "--voice-engine elevenlabs"),
        ({"watermark_scale": 1.0}, "needs --watermark"),
        ({"extra": "[1]"}, "--extra"),
        ({"out": Path("nowhere/a.mp4")}, "no such folder"),
        (
            {"image": "https://example.com/a.png", "avatar": None, "engine": EngineName.AVATAR_IV},
            "--engine is for avatars",
        ),
    ],
)
async def test_options_that_do_not_go_together(
    sandbox: Sandbox, options: dict[str, Any], said: str
) -> None:
    with pytest.raises(CommandError, match=said):
        await made(sandbox, **options)
    assert not sandbox.requests.by_operation


async def test_values_that_are_out_of_range_cost_no_upload(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    audio = tmp_path / "a.wav"
    audio.write_bytes(b"RIFF")
    with pytest.raises(InvalidRequest, match="speed"):
        await made(sandbox, script=None, audio=str(audio), speed=9.0)
    assert not sandbox.requests.by_operation


async def test_local_files_are_uploaded(sandbox: Sandbox, printed: Printed, tmp_path: Path) -> None:
    await speech("Hello.", display=lines(), base_url=None, out=tmp_path / "hello.wav")
    printed()
    assert await made(sandbox, script=None, audio=str(tmp_path / "hello.wav"), wait=True) == 0
    assert printed()[-1]["status"] == "completed"
    assert sandbox.requests.by_operation["assets.upload"] == 1


async def test_failures_are_told_with_their_jobs(
    sandbox: Sandbox, printed: Printed, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    sandbox.fail_next("video", code="moderated", message="Not allowed.")
    with pytest.raises(JobFailed, match="Not allowed"):
        await made(sandbox, wait=True)
    with pytest.raises(JobTimeout):
        await made(sandbox, wait=True, timeout=1.0)
    job = sandbox.ledger.jobs[-1]
    assert job.id in capsys.readouterr().err
    sandbox.faults.add("media", Fault.status(404), times=None)
    with pytest.raises(TransferError):
        await made(sandbox, out=tmp_path / "a.mp4")
    (record,) = printed()
    assert record["video_url"]
    assert record["error"].startswith("not downloaded")


async def test_names(sandbox: Sandbox) -> None:
    async with HeyGen() as heygen:
        assert await names.look_id(heygen, sandbox.avatar_id) == sandbox.avatar_id
        assert await names.look_id(heygen, "AMARA") == sandbox.avatar_id
        look = await heygen.avatars.looks.get(sandbox.avatar_id)
        assert look.group_id is not None
        assert await names.look_id(heygen, look.group_id) == look.id
        with pytest.raises(CommandError, match="did you mean 'Amara'"):
            await names.look_id(heygen, "Amarra")
        with pytest.raises(CommandError, match="no look"):
            await names.look_id(heygen, sandbox.voice_id)
        assert sandbox.requests.by_operation["avatars.looks.list"] == 1  # for all names
    async with HeyGen() as heygen:
        twin = sandbox.add_look(name="Amara")
        with pytest.raises(CommandError, match=f"names 2 of them.*{twin}"):
            await names.look_id(heygen, "Amara")
        mine = sandbox.add_voice(name="Bruno")
        with pytest.raises(CommandError, match=f"names 2 of them.*{mine}"):
            await names.voice_id(heygen, "bruno")
        assert await names.voice_id(heygen, "Amara II") != sandbox.voice_id
        for find, name in (
            (names.glossary_id, "product names"),
            (names.brand_kit_id, "house colours"),
            (names.style_id, "clean corporate"),
        ):
            found = await find(heygen, name)
            assert found != name
            assert await find(heygen, found) == found
            with pytest.raises(CommandError, match="has the id or name 'nothing'"):
                await find(heygen, "nothing")


async def test_speech(
    sandbox: Sandbox,
    printed: Printed,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    out = tmp_path / "hello.wav"
    monkeypatch.setattr("sys.stdin", io.StringIO("Good morning.\n"))
    assert await speech("-", display=lines(), base_url=None, out=out) == Exit.DONE
    captured = capsys.readouterr()
    record = json.loads(captured.out)
    assert record["file"] == str(out)
    assert [word["word"] for word in record["word_timestamps"]][1] == "Good"
    assert "Spoken by Amara (English)" in captured.err
    assert out.read_bytes().startswith(b"RIFF")
    await speech("Hello.", display=lines(), base_url=None, voice="Bruno", speed=2.0)
    assert printed()[0]["voice_id"] != record["voice_id"]
    with pytest.raises(CommandError, match="no text"):
        await speech(" ", display=lines(), base_url=None)


async def test_a_speech_that_cannot_be_downloaded_is_told(
    sandbox: Sandbox, printed: Printed, tmp_path: Path
) -> None:
    sandbox.faults.add("media", Fault.status(404), times=None)
    with pytest.raises(TransferError):
        await speech("Hello.", display=lines(), base_url=None, out=tmp_path / "hello.wav")
    assert printed()[0]["audio_url"]


async def test_the_agent(sandbox: Sandbox, printed: Printed, tmp_path: Path) -> None:
    note = tmp_path / "note.srt"
    note.write_text("1\n00:00:00,000 --> 00:00:01,000\nHello.\n")
    out = tmp_path / "teaser.mp4"
    files = [str(note), "https://example.com/a.png"]
    assert await agent("A teaser", display=lines(), base_url=None, files=files, out=out) == 0
    (record,) = printed()
    assert record["kind"] == "video"
    assert record["session_id"]
    assert out.stat().st_size > 0
    await agent("Another one", display=lines(), base_url=None, wait=False)
    (started,) = printed()
    assert started["kind"] == "video_agent_session"
    await ids.download(started["id"], display=lines(), base_url=None, out=tmp_path / "another.mp4")
    assert printed()[0]["kind"] == "video"


async def test_a_chat_in_a_pipe(
    sandbox: Sandbox, printed: Printed, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = iter(["Yes.\n", "Fine.\n"] * 5)

    async def typed() -> str:
        return next(answers)

    monkeypatch.setattr("heygen_async.cli.creates.agent.typed_line", typed)
    assert await agent("A teaser", display=lines(), base_url=None, chat=True) == Exit.DONE
    *questions, video = printed()
    assert questions
    assert all(question["agent"] and question["session_id"] for question in questions)
    assert video["status"] == "completed"

    async def silence() -> str:
        return ""

    monkeypatch.setattr("heygen_async.cli.creates.agent.typed_line", silence)
    with pytest.raises(CommandError, match="waits for one at HeyGen"):
        await agent("A teaser", display=lines(), base_url=None, chat=True)


async def test_whatever_an_id_names_is_found(sandbox: Sandbox, printed: Printed) -> None:
    async with HeyGen() as heygen:
        (dub,) = await heygen.video_translations.create(
            VideoTranslationRequest(
                video=AssetUrl(url="https://example.com/a.mp4"),
                output_languages=["French (France)"],
            )
        )
    expected = {
        dub.id: "video_translation",
        sandbox.avatar_id: "avatar_look",
        sandbox.voice_id: "voice",
        sandbox.template_id("Welcome"): "template",
        sandbox.template_id("Classic invitation"): "template",
        sandbox.add_folder(): "folder",
    }
    for item_id in expected:
        await ids.get(item_id, display=lines(), base_url=None)
    assert {one["id"]: one["kind"] for one in printed()} == expected
    with pytest.raises(CommandError, match=r"nothing .* has the id 'unknown'") as refused:
        await ids.get("unknown", display=lines(), base_url=None)
    assert refused.value.code == Exit.SOME_FAILED
    with pytest.raises(CommandError, match="not a job"):
        await ids.wait(sandbox.template_id("Welcome"), display=lines(), base_url=None)
    with pytest.raises(InvalidRequest, match="no media file"):
        await ids.download(sandbox.voice_id, display=lines(), base_url=None)


def test_the_kinds_of_the_option_are_those_that_are_known() -> None:
    assert [kind.value for kind in KindName] == list(KINDS)


async def test_delete_asks_or_is_told_the_kind(
    sandbox: Sandbox,
    printed: Printed,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    await made(sandbox)
    video_id = printed()[0]["id"]
    monkeypatch.setattr("sys.stdin", io.StringIO())
    with pytest.raises(CommandError, match="add --kind video"):
        await ids.delete(video_id, display=lines(), base_url=None)
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True)
    for answer in ("no\n", "yes\n"):
        monkeypatch.setattr(editing, "typed_line", said(answer))
        code = await ids.delete(video_id, display=lines(), base_url=None)
        assert code == (Exit.DONE if answer == "yes\n" else Exit.SOME_FAILED)
    assert "Delete this video for good?" in capsys.readouterr().err
    await made(sandbox)
    video_id = printed()[0]["id"]
    await ids.delete(video_id, display=lines(), base_url=None, kind="video")
    assert printed() == [{"kind": "video", "id": video_id, "deleted": True}]
    with pytest.raises(NotFound):
        await ids.delete(video_id, display=lines(), base_url=None, kind="video")
    template_id = sandbox.template_id("Welcome")
    with pytest.raises(CommandError, match="no way to delete a template"):
        await ids.delete(template_id, display=lines(), base_url=None, kind="template")


def said(answer: str) -> Callable[[], Any]:
    async def typed() -> str:
        return answer

    return typed


async def test_any_call(sandbox: Sandbox, printed: Printed) -> None:
    await api("get", "v3/voices?limit=1", display=lines(), base_url=None, query=["gender=male"])
    (answer,) = printed()
    assert answer["data"][0]["gender"] == "male"
    body = {"type": "avatar", "avatar_id": sandbox.avatar_id, "script": "Hello."}
    content = body_of(json.dumps(body))
    await api("POST", "/v3/videos", display=lines(), base_url=None, data=content)
    assert printed()[0]["data"]["video_id"]
    for path in ("https://example.com/v3/videos", "//example.com/v3/videos"):
        with pytest.raises(CommandError, match="path of the API"):
            await api("GET", path, display=lines(), base_url=None)
    with pytest.raises(CommandError, match="NAME=VALUE"):
        await api("GET", "/v3/videos", display=lines(), base_url=None, query=["limit"])
    with pytest.raises(CommandError, match="not JSON"):
        body_of("{")
    with pytest.raises(CommandError, match="nowhere"):
        body_of("@nowhere.json")


@pytest.mark.parametrize("key", [None, "key-1"])
async def test_a_post_is_repeated_under_a_key_alone(
    sandbox: Sandbox, printed: Printed, key: str | None
) -> None:
    sandbox.faults.add("videos.create", Fault.status(503), times=1)
    body = {"type": "avatar", "avatar_id": sandbox.avatar_id, "script": "Hello."}

    async def post() -> Exit:
        return await api(
            "POST",
            "/v3/videos",
            display=lines(),
            base_url=None,
            data=json.dumps(body).encode(),
            idempotency_key=key,
        )

    if key is None:
        with pytest.raises(APIError):
            await post()
    else:
        assert await post() == Exit.DONE
    assert sandbox.requests.by_operation["videos.create"] == (1 if key is None else 2)


async def test_runs_take_names_too(sandbox: Sandbox, printed: Printed, tmp_path: Path) -> None:
    rows, texts = tmp_path / "rows.csv", tmp_path / "texts.csv"
    rows.write_text("name,product\nAda,Tea\n")
    texts.write_text("name,greeting\nAda,Good morning.\n")
    common: dict[str, Any] = {"display": lines(), "base_url": None, "options": DRY}
    await render("welcome", str(rows), test=False, out=None, concurrency=None, **common)
    await personalize("Spoken greeting", str(texts), speak=["greeting"], voice="Bruno", **common)
    source = SourceVideo(script="Hello.", avatar="Amara", voice="Bruno")
    await localize(source, ["French (France)"], **common)
    assert [record["dry_run"]["items"] for record in printed()] == [1, 2, 2]
    with pytest.raises(CommandError, match="no voice has the id or name 'Nobody'"):
        await personalize("Spoken greeting", str(texts), speak=[], voice="Nobody", **common)


def variables_in(journal: Path) -> list[dict[str, Any]]:
    with open_reader(journal) as reader:
        return [json.loads(record.payload)["variables"] for record in reader.records()]


async def test_names_in_columns(sandbox: Sandbox, printed: Printed, tmp_path: Path) -> None:
    """Look up each name once; errors name row and column."""
    texts, rows = tmp_path / "texts.csv", tmp_path / "rows.csv"
    texts.write_text("key,text,Speaker\na,Hello.,Bruno\nb,Hi.,\nc,Good day.,Bruno\n")
    rows.write_text("name,greeting,Voice\nAda,Good morning.,Bruno\nBo,Good day.,Amara\n")
    common: dict[str, Any] = {"display": lines(), "base_url": None, "options": RunOptions()}
    narrating = {"avatar": "Amara", "voice": "Amara", **common}
    narrating["choices"] = RowChoices.of(["Speaker=voice"])
    assert await narrate(texts, **narrating) == Exit.DONE
    assert sandbox.requests.by_operation["voices.get"] == 2
    assert await personalize("Spoken greeting", rows, speak=["greeting"], voice=None, **common) == 0
    assert all(record["ok"] for record in printed() if "ok" in record)

    template = sandbox.add_template(
        variables={"who": "character", "speaker": "voice", "name": "text"}
    )
    cast = tmp_path / "cast.csv"
    cast.write_text("key,name,who,speaker\na,Ada,Amara,Bruno\nb,Bo,unlisted,Bruno\n")
    journal = tmp_path / "cast.db"
    making = {"test": False, "out": None, "concurrency": None, "key": None, **common}
    await render(template, cast, **{**making, "options": RunOptions(journal=journal)})
    sent = await asyncio.to_thread(variables_in, journal)
    assert sent[0]["who"]["character_id"] == sandbox.avatar_id
    assert sent[1]["who"]["character_id"] == "unlisted"  # HeyGen may know it
    assert {"Bruno"}.isdisjoint(one["speaker"]["voice_id"] for one in sent)

    sandbox.add_voice(name="Bruno")
    twice = "'Bruno' names 2 of them"
    with pytest.raises(CommandError, match=rf"line 2 \(row 1\), column 'Speaker': {twice}"):
        await narrate(texts, **narrating)
    with pytest.raises(CommandError, match=rf"line 2 \(row 1\), column 'Voice': {twice}"):
        await personalize("Spoken greeting", rows, speak=["greeting"], voice=None, **common)
    with pytest.raises(CommandError, match=rf"line 2 \(row 1\), column 'speaker': {twice}"):
        await render(template, cast, **making)
