"""Sounds, pictures, brand kits and folders in the sandbox."""

from __future__ import annotations

import pytest

from .api import Api

pytestmark = pytest.mark.anyio


async def test_sounds_are_found_by_their_words(api: Api) -> None:
    every = (await api.get("/v3/audio/sounds?query=calm&min_score=0&limit=50")).data
    assert len(every) == 12
    fit = (await api.get("/v3/audio/sounds?query=calm")).data
    assert {sound["score"] for sound in fit} == {1.0}
    assert fit == [sound for sound in every if sound["score"] == 1.0]
    assert (await api.get("/v3/audio/sounds?query=calm+zebra")).data == []
    assert (await api.get("/v3/audio/sounds?query=rain&type=sound_effects")).data[0][
        "name"
    ] == "Rain"
    first = await api.get("/v3/audio/sounds?query=calm&limit=1")
    second = await api.get(f"/v3/audio/sounds?query=calm&limit=1&token={first.body['next_token']}")
    assert [first.data[0]["id"], second.data[0]["id"]] == [sound["id"] for sound in fit[:2]]
    status, headers, _ = await api.raw("GET", fit[0]["audio_url"])
    assert (status, headers["Content-Type"]) == (200, "audio/wav")


@pytest.mark.parametrize(
    ("path", "param"),
    [
        ("/v3/audio/sounds", "query"),
        ("/v3/audio/sounds?query=x&min_score=2", "min_score"),
        ("/v3/assets/search?query=x", "type"),
        ("/v3/assets/search?query=x&type=video", "type"),
        ("/v3/assets", "username"),
        ("/v1/video_status.get", None),
    ],
)
async def test_searches_are_checked(api: Api, path: str, param: str | None) -> None:
    reply = await api.get(path)
    assert reply.status == 400
    assert reply.body["error"].get("param") == param


async def test_pictures_are_found_by_their_words(api: Api) -> None:
    found = (await api.get("/v3/assets/search?query=city+night&type=image")).data
    assert [(item["width"], item["orientation"]) for item in found] == [
        (1920, "landscape"),
        (1080, "portrait"),
    ]
    assert (await api.raw("GET", found[0]["url"]))[0] == 200


async def test_brand_kits_and_folders(api: Api) -> None:
    assert len((await api.get("/v3/brand-kits")).data) == 2
    folder = (await api.post("/v3/folders", {"name": "Launch"}, key="k")).data
    assert (await api.post("/v3/folders", {"name": "Launch"}, key="k")).data == folder
    assert (folder["type"], folder["parent_id"]) == ("mixed", None)
    orphan = await api.post("/v3/folders", {"name": "x", "parent_id": "none"})
    assert orphan.refusal == (400, "invalid_parameter", "parent_id")
    assert (await api.post("/v3/folders", {"name": ""})).refusal[2] == "name"
    assert (await api.get("/v3/folders/none")).status == 404
