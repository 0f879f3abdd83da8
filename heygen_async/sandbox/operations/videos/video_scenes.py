"""Scenes of a video, derived from its request."""

from __future__ import annotations

from collections.abc import Iterator

from ...account.account import Account
from ...account.resources import Video
from ...answers import Json, data
from ...server.calls import Call, Handler

__all__ = ["HANDLERS"]


def scenes(call: Call) -> Json:
    """Serve `videos.scenes`: all scenes in one answer."""
    account = call.account
    video = account.videos.get(call.path[0])
    request = video.request
    shown = {
        "title": video.title,
        "aspect_ratio": request.get("aspect_ratio") or "16:9",
        "resolution": request.get("resolution"),
        "brand_glossary_id": request.get("brand_glossary_id"),
        "caption": {"enabled": video.caption},
    }
    return data({"video_id": video.id, "video": shown, "scenes": list(_scenes(account, video))})


def _scenes(account: Account, video: Video) -> Iterator[Json]:
    """Yield the scenes of a studio video, or the only scene of any other video."""
    for number, part in enumerate(video.request.get("scenes") or [video.request], 1):
        scene = part.get("input", part)
        stem = f"{video.id}-{number}"
        shown: Json = {
            "id": stem,
            "script": list(_script(account, scene, f"{stem}-script")),
            "elements": list(_elements(account, scene, f"{stem}-element")),
        }
        if scene.get("background") is not None:
            shown["background"] = _background(account, scene["background"], f"{stem}-background")
        yield shown


def _script(account: Account, scene: Json, identifier: str) -> Iterator[Json]:
    text = scene.get("script") or scene.get("prompt")
    if text:
        entry = {"type": "text", "id": identifier, "text": text}
        yield {**entry, "voice_id": scene.get("voice_id")}
    elif scene.get("audio_url") is not None:
        yield {"type": "audio", "id": identifier, "audio_url": scene["audio_url"]}
    elif scene.get("audio_asset_id") is not None:
        yield _with_link({"type": "audio", "id": identifier}, "audio_url", account, scene)
    elif scene.get("duration") is not None:
        yield {"type": "silence", "id": identifier, "duration": scene["duration"]}


def _with_link(entry: Json, name: str, account: Account, scene: Json) -> Json:
    """Return the entry with the link of an uploaded file, without it if the file was deleted."""
    asset = account.assets.find(scene.get("audio_asset_id") or scene.get("asset_id") or "")
    if asset is None:
        return entry
    return {**entry, name: account.media.url(f"{asset.id}.{asset.extension}")}


def _elements(account: Account, scene: Json, identifier: str) -> Iterator[Json]:
    avatars = scene.get("avatar_id") or []
    for number, avatar_id in enumerate([avatars] if isinstance(avatars, str) else avatars, 1):
        shown = {"type": "avatar", "id": f"{identifier}-{number}", "avatar_id": avatar_id}
        shown["engine"] = (scene.get("engine") or {}).get("type", "avatar_iv")
        shown["expressiveness"] = scene.get("expressiveness")
        yield {**shown, "motion_prompt": scene.get("motion_prompt")}
    source = scene.get("source") or scene.get("image")
    if source is not None:
        kind = "video" if scene["type"] == "video" else "image"
        yield _media({"type": kind, "id": f"{identifier}-1"}, account, source)


def _media(entry: Json, account: Account, source: Json) -> Json:
    if source.get("url") is not None:
        return {**entry, "url": source["url"]}
    return _with_link(entry, "url", account, source)


def _background(account: Account, background: Json, identifier: str) -> Json:
    if background["type"] == "color":
        return {"type": "color", "color": background.get("value") or background.get("color")}
    return _media({"type": "image", "id": identifier}, account, background)


HANDLERS: dict[str, Handler] = {"videos.scenes": scenes}
