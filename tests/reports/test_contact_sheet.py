"""The contact sheet shows what a run will make, and what to look at, without a paid call."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import os
import re
import struct
import wave
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from heygen_async import (
    AssetId,
    AvatarVEngine,
    AvatarVideoRequest,
    Batch,
    HeyGen,
    ImageVideoRequest,
    InvalidRequest,
    StockVoiceConfig,
    VideoTranslationRequest,
    VoiceSettings,
)
from heygen_async.reports import preview
from heygen_async.sandbox import Sandbox

pytestmark = pytest.mark.anyio

KINDS = ["refused", "file", "look", "missing", "long", "voice", "shape", "equal"]


def picture(width: int, height: int) -> bytes:
    """A PNG of one colour."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        checksum = zlib.crc32(kind + content)
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", checksum)

    size = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    rows = zlib.compress((b"\0" + bytes(width)) * height)
    ends = chunk(b"IDAT", rows) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", size) + ends


class Page:
    """A written sheet."""

    def __init__(self, path: Path) -> None:
        self.text = path.read_text("utf-8")
        (content,) = re.findall(r'id="content">(.*?)</script>', self.text, re.DOTALL)
        self.content: dict[str, Any] = json.loads(content)
        assert self.content["kinds"] == KINDS
        names = ("values", "scripts", "files", "look", "voice", "language", "shape", "seconds")
        self.items: dict[str, dict[str, Any]] = {
            item[0]: dict(zip((*names, "cost", "warnings"), item[1:], strict=True))
            for item in self.content["items"]
        }

    def warnings(self, key: str) -> list[tuple[str, str]]:
        """Kinds and details of an item's warnings, in the order of the page."""
        return [(KINDS[kind], detail) for kind, detail in self.items[key]["warnings"]]


async def sheet(run: Any, folder: Path) -> Page:
    await preview(run, folder / "sheet.html")
    return Page(folder / "sheet.html")


@pytest.fixture
def template_id(sandbox: Sandbox) -> str:
    own = {"type": "url", "url": "https://example.com/own.png"}
    return sandbox.add_template(
        "Spring offer",
        variables={
            "headline": {"type": "text", "content": "The new machine"},
            "price": {"type": "text", "content": "99 EUR"},
            "picture": {"type": "image", "asset": own, "fit": "cover"},
            "host": {"type": "voice", "voice_id": sandbox.voice_id},
        },
        scripts=["Meet {{headline}}.", "Only {{ price }} until Sunday.", ""],
    )


async def test_rows_with_their_texts_pictures_lengths_and_costs(
    heygen: HeyGen, sandbox: Sandbox, template_id: str, tmp_path: Path
) -> None:
    (tmp_path / "p.png").write_bytes(picture(160, 90))
    asset_id = (await heygen.upload(tmp_path / "p.png")).asset_id
    rows = [{"headline": "the kettle", "price": "9 EUR", "picture": asset_id, "key": "a"}]
    async with Batch(heygen) as batch:
        page = await sheet(batch.render(template_id, rows, key="key"), tmp_path)
    assert page.content["title"] == "Spring offer"
    assert page.content["scenes"] == ["Meet {{headline}}.", "Only {{ price }} until Sunday.", ""]
    assert page.content["thumbnail"].startswith(sandbox.media_origin)
    item = page.items["a"]
    assert item["values"] == {"headline": "the kettle", "price": "9 EUR"}
    assert [scene for scene, _ in item["scripts"]] == [0, 1, 2]
    assert [seconds for _, seconds in item["scripts"]] == [1.1, 1.7, 0.0]
    ((name, position, fit),) = item["files"]
    label, url, kind = page.content["files"][position]
    assert (name, fit, label, kind) == ("picture", "contain", "p.png", "image/png")
    assert url.startswith(sandbox.media_origin)
    assert item["voice"].endswith("(English)")
    assert (item["shape"], item["warnings"]) == ("16:9", [])
    assert "USD" in item["cost"]
    assert "Nothing to warn of." in page.text
    assert sandbox.ledger.count() == 0


async def test_warnings_of_a_template_worst_first(
    heygen: HeyGen, sandbox: Sandbox, template_id: str, tmp_path: Path
) -> None:
    (tmp_path / "p.png").write_bytes(picture(160, 90))
    with wave.open(str(tmp_path / "s.wav"), "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(8_000)
        sound.writeframes(bytes(16_000))
    image = (await heygen.upload(tmp_path / "p.png")).asset_id
    recording = (await heygen.upload(tmp_path / "s.wav")).asset_id
    good = {"headline": "the kettle", "price": "9 EUR", "picture": image}
    rows: list[Mapping[str, Any]] = [
        {**good, "key": "good"},
        {**good, "key": "same"},
        {**good, "key": "other", "headline": "the pot", "picture": recording},
        {**good, "key": "gone", "picture": f"{sandbox.media_origin}/media/none.png"},
        {**good, "key": "asset", "picture": "0" * 32},
        {"headline": "the pan", "key": "absent"},
        {**good, "key": "long", "headline": "x " * 40, "price": "Большая скидка на всё сразу" * 9},
        {**good, "key": "bad", "headline": 7, "colour": "red"},
        {**good, "key": "good", "headline": "again"},
    ]
    async with Batch(heygen) as batch:
        run = batch.render(template_id, rows, variant=lambda row: {**row, "key": None}, key="key")
        page = await sheet(run, tmp_path)
    assert page.warnings("same") == [("equal", "it makes the same as good")]
    assert page.warnings("other") == [
        ("file", "picture: expected image or video, and the file is audio/wav")
    ]
    ((kind, detail),) = page.warnings("gone")
    assert (kind, "403" in detail) == ("file", True)
    assert page.warnings("asset") == [
        ("file", f"picture: there is no asset {'0' * 32} in the account")
    ]
    assert page.warnings("absent") == [
        ("missing", "price has no value, and {{price}} is shown and spoken")
    ]
    assert page.items["absent"]["cost"] == "cannot be sent"
    assert [kind for kind, _ in page.warnings("long")] == ["long", "long", "voice"]
    assert "Cyrillic" in page.warnings("long")[2][1]
    assert [kind for kind, _ in page.warnings("bad")] == ["refused"]
    assert page.warnings("good") == [("refused", "it has the same key as item 1")]
    calls = sandbox.requests.by_operation
    assert (calls["voices.get"], sandbox.ledger.count()) == (1, 0)


async def test_a_picture_of_another_shape_than_the_templates_own(
    heygen: HeyGen, sandbox: Sandbox, tmp_path: Path
) -> None:
    ids = []
    for name, size in (("wide", (160, 90)), ("wider", (300, 160)), ("tall", (90, 160))):
        path = tmp_path / f"{name}.png"
        path.write_bytes(picture(*size))
        ids.append((await heygen.upload(path)).asset_id)
    own = (await heygen.assets.get(ids[0])).url
    template_id = sandbox.add_template(
        "Card", variables={"logo": {"type": "image", "asset": {"type": "url", "url": own}}}
    )
    async with Batch(heygen) as batch:
        page = await sheet(batch.render(template_id, [{"logo": one} for one in ids]), tmp_path)
    assert page.warnings("item 2") == []
    assert page.warnings("item 3") == [
        ("shape", "logo has 90 by 160 pixels, the template's own picture 160 by 90")
    ]


async def test_what_a_look_or_a_voice_does_not_support(
    heygen: HeyGen, sandbox: Sandbox, tmp_path: Path
) -> None:
    studio = sandbox.add_look("Stu", avatar_type="studio_avatar", engines=("avatar_iv",))
    photo = sandbox.add_look("Pho", avatar_type="photo_avatar", engines=("avatar_iv",))
    french = sandbox.add_voice("Fanny", language="French")
    requests = [
        AvatarVideoRequest(avatar_id=photo, script="Hi", motion_prompt="w", expressiveness="low"),
        AvatarVideoRequest(avatar_id=studio, script="Hello", engine=AvatarVEngine()),
        AvatarVideoRequest(avatar_id=studio, script="Hi", motion_prompt="w", expressiveness="low"),
        AvatarVideoRequest(avatar_id="nobody", script="Hello"),
        AvatarVideoRequest(avatar_id=studio, script="Привет всем", voice_id=french),
        AvatarVideoRequest(
            avatar_id=studio,
            script="Bonjour",
            voice_id=french,
            voice_settings=VoiceSettings(locale="fr-CA"),
        ),
        AvatarVideoRequest(
            avatar_id=studio,
            script="Ola",
            voice_id=french,
            voice_settings=VoiceSettings(locale="pt"),
        ),
        AvatarVideoRequest(avatar_id=studio, script="Hello", voice_id="none"),
        ImageVideoRequest(
            image=AssetId(asset_id="none"), script="Hello you", voice_id=sandbox.voice_id
        ),
    ]
    async with Batch(heygen) as batch:
        page = await sheet(batch.run(requests), tmp_path)
    found = [page.warnings(f"item {number + 1}") for number in range(len(requests))]
    assert [[kind for kind, _ in warned] for warned in found] == [
        [],
        ["look"],
        ["look", "look"],
        ["look"],
        ["voice"],
        [],
        ["voice"],
        ["voice"],
        ["file"],
    ]
    assert found[1][0][1] == "Stu does not support the engine avatar_v, only avatar_iv"
    assert found[4][0][1] == "the voice Fanny speaks French, and the text is in Cyrillic letters"
    calls = sandbox.requests.by_operation
    assert calls["avatars.looks.get"] == 3
    assert page.content["looks"][1][0] == "Stu"


async def test_dubs(heygen: HeyGen, sandbox: Sandbox, tmp_path: Path) -> None:
    voices = StockVoiceConfig(use_stock_voice=True, preferred_stock_voice_ids=[sandbox.voice_id])
    request = VideoTranslationRequest(
        video=AssetId(asset_id="none"), output_languages=["Spanish"], stock_voice_config=voices
    )
    async with Batch(heygen) as batch:
        run = batch.translate(request, ["English", "Spanish"], seconds=12.0)
        page = await sheet(run, tmp_path)
    assert [page.items[key]["language"] for key in page.items] == ["English", "Spanish"]
    assert page.items["Spanish"]["seconds"] == 12.0
    assert [kind for kind, _ in page.warnings("English")] == ["file"]
    assert [kind for kind, _ in page.warnings("Spanish")] == ["file", "voice"]


async def test_without_measuring_nothing_is_fetched(
    heygen: HeyGen, sandbox: Sandbox, template_id: str, tmp_path: Path
) -> None:
    url = f"{sandbox.media_origin}/media/none.png"
    rows = [{"headline": "a", "price": "b", "picture": url}]
    async with Batch(heygen, measure=False) as batch:
        page = await sheet(batch.render(template_id, rows), tmp_path)
    assert page.warnings("item 1") == []
    assert len(sandbox.requests.media) == 0


async def test_an_iterator_is_not_used_up(heygen: HeyGen, template_id: str, tmp_path: Path) -> None:
    async with Batch(heygen) as batch:
        with pytest.raises(InvalidRequest, match="a preview needs a collection"):
            await preview(batch.render(template_id, iter([])), tmp_path / "sheet.html")
    assert await asyncio.to_thread(os.listdir, tmp_path) == []


async def test_nothing_in_a_row_is_markup(heygen: HeyGen, template_id: str, tmp_path: Path) -> None:
    hostile = "</script><script>alert(1)</script><img src=x onerror=alert(2)>\u2028$style"
    rows = [{"headline": hostile, "price": "W" * 9_000, "picture": "javascript", "key": hostile}]
    async with Batch(heygen, measure=False) as batch:
        page = await sheet(batch.render(template_id, rows, key="key"), tmp_path)
    assert page.text.count("<script") == page.text.count("</script>") == 2
    assert "<img" not in page.text
    (item,) = page.items.values()
    assert item["values"]["headline"] == hostile
    assert len(item["values"]["price"]) < 2_000
    (script,) = re.findall(r"<script>(.*)</script>", page.text, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}'" in page.text


async def test_many_rows_make_a_small_page(
    heygen: HeyGen, template_id: str, tmp_path: Path
) -> None:
    rows = [{"headline": f"machine {n}", "price": f"{n} EUR"} for n in range(500)]
    async with Batch(heygen, measure=False) as batch:
        page = await sheet(batch.render(template_id, rows), tmp_path)
    assert len(page.items) == 500
    assert len(page.text) < 20_000 + 250 * 500
