"""Searches and lists: sounds, pictures, brand kits, folders."""

from __future__ import annotations

import io

import pytest

from heygen_async import HeyGen, InvalidRequest, NotFound
from heygen_async.sandbox import Fault, Sandbox

pytestmark = pytest.mark.anyio


async def test_sounds_are_searched(heygen: HeyGen, sandbox: Sandbox) -> None:
    music = [sound async for sound in heygen.audio.sounds("calm piano", min_score=0.5, limit=2)]
    assert {sound.type for sound in music} == {"music"}
    scores = [sound.score for sound in music]
    assert scores[0] == 1.0
    assert scores == sorted(scores, reverse=True)
    assert len(music) > 2
    assert await heygen.download(music[0].audio_url, io.BytesIO()) > 0
    effects = heygen.audio.sounds("whoosh", type="sound_effects")
    assert [sound.name async for sound in effects] == ["Whoosh", "Soft Whoosh"]
    assert sandbox.leaks == 0


async def test_pictures_are_searched(heygen: HeyGen) -> None:
    images = [image async for image in heygen.assets.search("mountain", type="image", limit=1)]
    assert [image.orientation for image in images] == ["landscape", "portrait"]
    (icon,) = [icon async for icon in heygen.assets.search("mountain", type="icon")]
    assert (icon.type, icon.is_transparent, icon.width) == ("icon", True, 256)
    own = heygen.assets.search("mountain", type="image", scope="personal")
    assert [image async for image in own] == []
    uploaded = await heygen.assets.upload(b"\x89PNG\r\n\x1a\n", filename="my mountain.png")
    (image,) = [image async for image in own]
    assert image.id == uploaded.asset_id
    assert image.width is None


async def test_new_kinds_of_pictures_decode(heygen: HeyGen, sandbox: Sandbox) -> None:
    body = b'{"data": [{"type": "hologram", "id": "1", "url": "https://x"}], "has_more": false}'
    sandbox.faults.add("assets.search", Fault.body(body))
    (found,) = [found async for found in heygen.assets.search("mountain", type="image")]
    assert found.type == "hologram"


async def test_brand_kits_are_listed(heygen: HeyGen) -> None:
    kits = [kit async for kit in heygen.brand_kits.list(limit=1)]
    assert [kit.name for kit in kits] == ["House colours", "Winter sale"]
    assert kits[1].colors == ("#c8102e",)


async def test_folders_are_made_and_read(heygen: HeyGen, sandbox: Sandbox) -> None:
    sandbox.faults.add("folders.create", Fault.drop_answer())
    launch = await heygen.folders.create("Launch", type="video")
    inner = await heygen.folders.create("Drafts", parent_id=launch.folder_id)
    assert (launch.name, launch.type, launch.is_trash) == ("Launch", "video", False)
    assert inner.parent_id == launch.folder_id
    assert await heygen.folders.get(inner.folder_id) == inner
    with pytest.raises(NotFound):
        await heygen.folders.get("nowhere")
    with pytest.raises(InvalidRequest) as caught:
        await heygen.folders.create("")
    assert caught.value.param == "name"
