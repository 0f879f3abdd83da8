"""Searches for sounds, public pictures and the account's pictures."""

from __future__ import annotations

from pathlib import PurePosixPath

from ...account.account import Account
from ...account.libraries import score_of
from ...account.resources import Asset
from ...account.store import Store
from ...answers import Json, listing
from ...server.calls import Call, Handler

__all__ = ["HANDLERS"]


def _page_of_best(call: Call, found: list[tuple[float, Json]]) -> Json:
    """Return one page of the results, the best first."""
    best: Store[Json] = Store("resource", newest_first=False)
    for _, item in sorted(found, key=lambda pair: -pair[0]):
        best.add(item["id"], item)
    page, token = best.page(call.query["limit"], call.query.get("token"))
    return listing(page, token)


def sounds(call: Call) -> Json:
    """Serve `audio.sounds`; a sound matches by the words it shares with the query."""
    query, media = call.query, call.account.media
    found: list[tuple[float, Json]] = []
    for sound in call.account.sounds:
        score = score_of(query["query"], f"{sound['name']} {sound['description']}")
        if sound["type"] == query["type"] and score >= query["min_score"]:
            shown = {**sound, "score": score, "audio_url": media.url(f"{sound['id']}.wav")}
            found.append((score, shown))
    return _page_of_best(call, found)


def search(call: Call) -> Json:
    """Serve `assets.search`: the public library, or the account's pictures by name."""
    query, account = call.query, call.account
    pictures = _own(account) if query["scope"] == "personal" else _public(account)
    found = [
        (score, picture)
        for words, picture in pictures
        if picture["type"] == query["type"] and (score := score_of(query["query"], words)) > 0
    ]
    return _page_of_best(call, found)


def _public(account: Account) -> list[tuple[str, Json]]:
    shown = []
    for picture in account.pictures:
        facts = {key: value for key, value in picture.items() if key != "words"}
        url = account.media.url(f"{picture['id']}.png")
        shown.append((picture["words"], {**facts, "url": url}))
    return shown


def _own(account: Account) -> list[tuple[str, Json]]:
    now = account.clock.now()
    return [
        (PurePosixPath(asset.name).stem, _own_json(account, asset))
        for asset in account.assets
        if asset.mime_type.startswith("image/") and asset.is_ready(now)
    ]


def _own_json(account: Account, asset: Asset) -> Json:
    url = account.media.url(f"{asset.id}.{asset.extension}")
    return {"type": "image", "id": asset.id, "url": url}


HANDLERS: dict[str, Handler] = {"audio.sounds": sounds, "assets.search": search}
