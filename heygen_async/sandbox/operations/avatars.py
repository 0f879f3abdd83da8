"""Looks of avatars: listed and read."""

from __future__ import annotations

from ..account import Look
from ..answers import Json, data, listing
from ..calls import Call, Handler

__all__ = ["HANDLERS"]


def look_json(call: Call, look: Look) -> Json:
    """A look as the API shows it."""
    return {
        "id": look.id,
        "name": look.name,
        "avatar_type": look.avatar_type,
        "group_id": look.group_id,
        "gender": look.gender,
        "default_voice_id": look.default_voice_id,
        "supported_api_engines": list(look.engines),
        "tags": [],
        "status": "completed",
        "preview_image_url": call.account.media.url(f"{look.id}.png"),
    }


def looks(call: Call) -> Json:
    """`avatars.looks.list`."""
    query = call.query
    if query.get("ownership") == "private":
        return listing([], None)

    def fits(look: Look) -> bool:
        return query.get("avatar_type") in (None, look.avatar_type) and query.get("group_id") in (
            None,
            look.group_id,
        )

    page, token = call.account.looks.page(query["limit"], query.get("token"), fits)
    return listing([look_json(call, look) for look in page], token)


def look(call: Call) -> Json:
    """`avatars.looks.get`."""
    return data(look_json(call, call.account.looks.get(call.path[0])))


HANDLERS: dict[str, Handler] = {"avatars.looks.list": looks, "avatars.looks.get": look}
