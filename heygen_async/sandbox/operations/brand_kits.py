"""Brand kits: read from a website, which takes a while."""

from __future__ import annotations

import zlib
from urllib.parse import urlsplit

from ..account.account import Account
from ..account.resources import BrandKit
from ..answers import Json, data, listing
from ..media.store import MediaItem
from ..refusals import Refusal
from ..server.calls import Call, Handler

__all__ = ["HANDLERS"]

_ROLES = ("color_roles", "font_roles", "logo_roles")
_FONTS = ("Heading Sans", "Body Serif")


def _status(account: Account, kit: BrandKit) -> str:
    if kit.job is None:
        return "completed"
    state = kit.job.status(account.clock.now(), first="loading", running="loading")
    return "error" if state == "failed" else state


def _logo_url(account: Account, kit: BrandKit) -> str:
    return account.media.url(f"{kit.id}.png")


def kit_json(account: Account, kit: BrandKit) -> Json:
    """Return a brand kit in its current state; it is empty until its website was read."""
    shown: Json = {"brand_kit_id": kit.id, "name": kit.name, "status": _status(account, kit)}
    if shown["status"] != "completed":
        return shown
    fonts = [{"font_id": f"{kit.id}-font-{n}", "name": name} for n, name in enumerate(_FONTS, 1)]
    logo = {"logo_id": f"{kit.id}-logo-1", "name": "Logo", "url": _logo_url(account, kit)}
    return {**shown, "colors": kit.colors, "fonts": fonts, "logos": [logo], **kit.roles}


def create(call: Call) -> Json:
    """Serve `brand_kits.create`."""
    body, account = call.body, call.account
    account.check_url(body["url"], "url")
    crc = zlib.crc32(body["url"].encode())
    colors = [f"#{crc & 0xFFFFFF:06x}", f"#{crc >> 8 & 0xFFFFFF:06x}"]
    identifier = account.new_id()
    name = body.get("name") or urlsplit(body["url"]).netloc
    job = account.begin("brand_kit", slot=False)
    account.media.add(MediaItem(identifier, title=name))
    account.brand_kits.add(identifier, BrandKit(identifier, name, colors, job))
    return data({"brand_kit_id": identifier, "status": "loading"})


def get(call: Call) -> Json:
    """Serve `brand_kits.get`."""
    return data(kit_json(call.account, call.account.brand_kits.get(call.path[0])))


def list_(call: Call) -> Json:
    """Serve `brand_kits.list`: the completed kits."""
    account = call.account

    def fits(kit: BrandKit) -> bool:
        return _status(account, kit) == "completed"

    page, token = account.brand_kits.page(call.query["limit"], call.query.get("token"), fits)
    shown = [
        {
            "brand_kit_id": kit.id,
            "name": kit.name,
            "colors": kit.colors,
            "logo_url": _logo_url(account, kit),
        }
        for kit in page
    ]
    return listing(shown, token)


def _own_kit(account: Account, identifier: str) -> BrandKit:
    kit = account.brand_kits.get(identifier)
    if kit.shared:
        raise Refusal(403, "resource_access_denied", "The brand kit is another workspace's.")
    return kit


def update(call: Call) -> Json:
    """Serve `brand_kits.update`; an object of roles replaces or clears the stored one."""
    body, account = call.body, call.account
    kit = _own_kit(account, call.path[0])
    roles = {name: body[name] or None for name in _ROLES if name in body}
    status = _status(account, kit)
    if roles and status != "completed":
        raise Refusal(409, "brand_kit_not_ready", f"The brand kit is in status {status}.")
    kit.roles |= roles
    kit.name = body.get("name", kit.name)
    return data(kit_json(account, kit))


def delete(call: Call) -> Json:
    """Serve `brand_kits.delete`."""
    account = call.account
    kit = _own_kit(account, call.path[0])
    account.brand_kits.remove(kit.id)
    account.media.remove(kit.id)
    return data({"brand_kit_id": kit.id})


HANDLERS: dict[str, Handler] = {
    "brand_kits.create": create,
    "brand_kits.get": get,
    "brand_kits.list": list_,
    "brand_kits.update": update,
    "brand_kits.delete": delete,
}
