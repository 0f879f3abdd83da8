"""``migrate``: stored v2 payloads become v3 requests; parts without a counterpart are named."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest

from heygen_async import HeyGen, InvalidRequest
from heygen_async.cli.commands.migrate import migrate
from heygen_async.cli.display import Lines
from heygen_async.cli.exit_codes import CommandError, Exit
from heygen_async.cli.inputs.v2_payloads import migrated
from heygen_async.models.structs import encode
from heygen_async.models.videos import AvatarVideoRequest
from heygen_async.sandbox import Sandbox

pytestmark = pytest.mark.anyio


def scene(text: str = "Hello", **changes: Any) -> dict[str, Any]:
    return {
        "character": {"type": "avatar", "avatar_id": "look", "avatar_style": "normal", "scale": 1},
        "voice": {"type": "text", "input_text": text, "voice_id": "voice"},
    } | changes


def body(payload: dict[str, Any]) -> tuple[dict[str, Any], list[str], bool]:
    _, request, notes, lost = migrated(payload)
    fields: dict[str, Any] = json.loads(encode(request))
    return fields, notes, lost


def test_one_avatar() -> None:
    voice = {"type": "text", "input_text": "Hi", "voice_id": "v", "speed": 1.1, "pitch": 5}
    labs = {"elevenlabs_settings": {"stability": 0.5}}
    payload = {
        "title": "Launch",
        "caption": True,
        "callback_id": "mine",
        "dimension": {"width": 1080, "height": 1920},
        "video_inputs": [
            scene(voice=voice | labs, background={"type": "color", "value": "#112233"})
        ],
    }
    assert body(payload) == (
        {
            "type": "avatar",
            "avatar_id": "look",
            "script": "Hi",
            "voice_id": "v",
            "voice_settings": {
                "speed": 1.1,
                "pitch": 5,
                "engine_settings": {"engine_type": "elevenlabs", "stability": 0.5},
            },
            "background": {"type": "color", "value": "#112233"},
            "aspect_ratio": "9:16",
            "resolution": "1080p",
            "caption": {},
            "title": "Launch",
            "callback_id": "mine",
        },
        [],
        False,
    )


def test_audio_and_a_photo_over_an_image() -> None:
    payload = {
        "video_inputs": [
            {
                "character": {"type": "talking_photo", "talking_photo_id": "photo"},
                "voice": {"type": "audio", "audio_asset_id": "sound"},
                "background": {"type": "image", "image_asset_id": "picture", "fit": "cover"},
            }
        ]
    }
    fields, notes, lost = body(payload)
    assert fields["avatar_id"] == "photo"
    assert fields["audio_asset_id"] == "sound"
    assert fields["background"] == {"type": "image", "asset_id": "picture"}
    assert len(notes) == 1
    assert "look" in notes[0]
    assert not lost


def test_several_inputs_are_scenes() -> None:
    grey = {"type": "color", "value": "#eeeeee"}
    fields, notes, lost = body(
        {"video_inputs": [scene("One", background=grey), scene("Two")], "folder_id": ""}
    )
    assert fields["type"] == "studio"
    assert [part["input"]["script"] for part in fields["scenes"]] == ["One", "Two"]
    assert fields["scenes"][0]["input"]["background"] == {"type": "color", "color": "#eeeeee"}
    assert fields["folder_id"] == ""
    assert (notes, lost) == ([], False)


@pytest.mark.parametrize(
    ("payload", "named"),
    [
        ({"video_inputs": [scene()], "test": True}, "test"),
        ({"video_inputs": [scene()], "dimension": {"width": 700, "height": 500}}, "dimension"),
        ({"video_inputs": [scene(text_overlay={"text": "Hi"})]}, "video_inputs[0].text_overlay"),
        (
            {"video_inputs": [scene(background={"type": "video", "url": "https://e.com/a.mp4"})]},
            "video_inputs[0].background",
        ),
        (
            {"video_inputs": [scene(character={"avatar_id": "look", "scale": 2})]},
            "video_inputs[0].character.scale",
        ),
        (
            {"video_inputs": [scene(voice={"input_text": "Hi", "emotion": "Excited"})]},
            "video_inputs[0].voice.emotion",
        ),
        ({"variables": {}, "test": True}, "test"),
        ({"video_url": "https://e.com/a.mp4", "output_language": "French", "a": 1}, "a"),
    ],
)
def test_what_has_no_counterpart_is_named(payload: dict[str, Any], named: str) -> None:
    _, notes, lost = body(payload)
    assert lost
    assert [note for note in notes if note.startswith(f"{named}:")], notes


def test_a_template() -> None:
    payload = {
        "title": "For Ada",
        "variables": {
            "name": {"name": "name", "type": "text", "properties": {"content": "Ada"}},
            "logo": {"type": "image", "properties": {"asset_id": "a1", "fit": "contain"}},
            "film": {"type": "video", "properties": {"url": "https://e.com/a.mp4"}},
            "host": {"type": "character", "properties": {"character_id": "l", "type": "avatar"}},
            "tone": {"type": "voice", "properties": {"voice_id": "v"}},
        },
    }
    fields, notes, lost = body(payload)
    assert fields["title"] == "For Ada"
    assert fields["variables"]["name"] == {"type": "text", "content": "Ada"}
    assert fields["variables"]["logo"]["asset"] == {"type": "asset_id", "asset_id": "a1"}
    assert fields["variables"]["film"]["asset"] == {"type": "url", "url": "https://e.com/a.mp4"}
    assert fields["variables"]["host"]["character_id"] == "l"
    assert fields["variables"]["tone"] == {"type": "voice", "voice_id": "v"}
    assert (notes, lost) == ([], False)


def test_a_translation() -> None:
    payload = {"video_url": "https://e.com/a.mp4", "output_language": "French", "speaker_num": 2}
    fields, notes, lost = body(payload)
    assert fields == {
        "video": {"type": "url", "url": "https://e.com/a.mp4"},
        "output_languages": ["French"],
        "speaker_num": 2,
    }
    assert (notes, lost) == ([], False)


@pytest.mark.parametrize(
    ("payload", "named"),
    [
        ({}, "payload"),
        ({"video_inputs": []}, "video_inputs"),
        ({"video_inputs": ["x"]}, "video_inputs[0]"),
        (
            {"video_inputs": [{"voice": {"input_text": "Hi"}}]},
            "video_inputs[0].character.avatar_id",
        ),
        ({"video_inputs": [scene(voice={"type": "silence"})]}, "video_inputs[0].voice.type"),
        ({"video_inputs": [scene("")]}, "payload"),
        ({"variables": {"name": "Ada"}}, "variables.name"),
    ],
)
def test_other_payloads_are_refused(payload: dict[str, Any], named: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        migrated(payload)
    assert caught.value.param == named


async def test_the_command(
    tmp_path: Path, sandbox: Sandbox, heygen: HeyGen, capsys: pytest.CaptureFixture[str]
) -> None:
    """Check that the API takes the printed request."""
    look = {"avatar_id": sandbox.avatar_id, "type": "avatar"}
    voice = {"type": "text", "input_text": "Hi", "voice_id": sandbox.voice_id}
    file = tmp_path / "payload.json"
    file.write_text(json.dumps({"video_inputs": [{"character": look, "voice": voice}]}))
    assert await migrate(file, display=Lines()) == Exit.DONE
    printed = json.loads(capsys.readouterr().out)
    answer = await heygen.request("POST", "/v3/videos", body=printed)
    assert answer["data"]["video_id"]

    file.write_text(
        json.dumps({"video_inputs": [{"character": look, "voice": voice}], "test": True})
    )
    assert await migrate(file, display=Lines()) == Exit.SOME_FAILED
    captured = capsys.readouterr()
    assert "test: v3 has no free test renders" in captured.err
    assert isinstance(migrated(json.loads(file.read_text())).request, AvatarVideoRequest)


@pytest.mark.parametrize("content", ["{", "[]", '{"a": 1}'])
async def test_files_that_are_no_payload(
    content: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "payload.json"
    with pytest.raises(CommandError, match="No such file"):
        await migrate(file, display=Lines())
    file.write_text(content)
    with pytest.raises(CommandError, match=r"payload\.json"):
        await migrate(file, display=Lines())
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(content.encode())))
    with pytest.raises(CommandError, match=r"^-"):
        await migrate(Path("-"), display=Lines())
