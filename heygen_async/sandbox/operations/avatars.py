"""Avatars: groups, one for each person, and their looks, which videos use."""

from __future__ import annotations

from ..account.account import Account
from ..account.resources import AvatarGroup, Look
from ..answers import Json, data, listing
from ..jobs import Job
from ..ledger import AVATAR_PRICE
from ..media.store import MediaItem
from ..refusals import Refusal, invalid
from ..server.calls import Call, Handler
from ..webhooks.job_events import schedule_avatar

__all__ = ["HANDLERS", "approve"]

#: Type of the look and engines that can render it, by the type of the request.
_MADE = {
    "prompt": ("photo_avatar", ("avatar_iii", "avatar_iv")),
    "photo": ("photo_avatar", ("avatar_iii", "avatar_iv")),
    "digital_twin": ("digital_twin", ("avatar_iii", "avatar_iv", "avatar_v")),
}


def look_json(account: Account, look: Look) -> Json:
    """Return a look in its current state."""
    width, height = account.media.picture_size
    shown: Json = {
        "id": look.id,
        "name": look.name,
        "avatar_type": look.avatar_type,
        "group_id": look.group_id,
        "gender": look.gender,
        "default_voice_id": look.default_voice_id,
        "supported_api_engines": list(look.engines),
        "tags": [],
        "status": _status(account, look),
        "preferred_orientation": "landscape",
        "image_width": width,
        "image_height": height,
    }
    if shown["status"] == "completed":
        shown["preview_image_url"] = account.media.url(f"{look.id}.png")
    if shown["status"] == "failed":
        shown["error"] = _error(look)
    return shown


def _status(account: Account, look: Look) -> str:
    if look.job is None:
        return "completed"
    if look.job.waiting:
        return "pending_consent"
    return look.job.status(account.clock.now(), first="processing", running="processing")


def _error(look: Look) -> Json | None:
    failure = look.job.failure if look.job is not None else None
    if failure is None or (failure.code is None and failure.message is None):
        return None
    return {"code": failure.code or "internal_error", "message": failure.message or "It failed."}


def group_json(account: Account, group: AvatarGroup) -> Json:
    """Return a group in its current state; it has failed only if all its looks have."""
    looks = _looks_of(account, group)
    states = {_status(account, look): look for look in looks}
    order = ("pending_consent", "processing", "completed", "failed")
    status = next((state for state in order if state in states), "completed")
    shown: Json = {
        "id": group.id,
        "name": group.name,
        "gender": group.gender,
        "default_voice_id": group.default_voice_id,
        "created_at": account.unix(group.created_at),
        "looks_count": len(looks),
        "status": status,
        "consent_status": group.consent,
    }
    if "completed" in states:
        shown["preview_image_url"] = account.media.url(f"{states['completed'].id}.png")
    if status == "failed":
        shown["error"] = _error(states["failed"])
    return shown


def _looks_of(account: Account, group: AvatarGroup) -> list[Look]:
    return [look for look in account.looks if look.group_id == group.id]


def _own_group(account: Account, group_id: str) -> AvatarGroup:
    group = account.groups.get(group_id)
    if not group.private:
        raise Refusal(403, "forbidden", "Public avatars cannot be changed")
    return group


def _own_look(account: Account, look_id: str) -> Look:
    look = account.looks.get(look_id)
    if look.job is None:
        raise Refusal(403, "forbidden", "Public avatars cannot be changed")
    return look


def create(call: Call) -> Json:
    """Serve `avatars.create`; a digital twin waits until the person has consented."""
    body, account = call.body, call.account
    kind = body["type"]
    _check_sources(account, body)
    group_id = body.get("avatar_group_id")
    group = None if group_id is None else _own_group(account, group_id)
    account.afford(AVATAR_PRICE)
    if group is None:
        voice = next(iter(account.voices))
        group = AvatarGroup(
            account.new_id(), body["name"], None, voice.id, account.clock.now(), private=True
        )
        account.groups.add(group.id, group)
    if kind == "digital_twin" and group.consent is None:
        group.consent = "pending"
    job = account.begin("avatar", slot=False)
    job.waiting = kind == "digital_twin" and group.consent == "pending"
    look = _add_look(account, group, body, job)
    account.record(
        "avatar",
        look.id,
        call.operation.id,
        job,
        usd=AVATAR_PRICE,
        key=call.key,
        title=body["name"],
    )
    if not job.waiting:
        schedule_avatar(account, look, job)
    return data(
        {"avatar_item": look_json(account, look), "avatar_group": group_json(account, group)}
    )


def _check_sources(account: Account, body: Json) -> None:
    if body["type"] != "prompt":
        account.check_source(body["file"], "file")
        return
    for index, source in enumerate(body.get("reference_images") or []):
        account.check_source(source, f"reference_images.{index}")
    if body.get("avatar_id") is not None:
        account.looks.get(body["avatar_id"])


def _add_look(account: Account, group: AvatarGroup, body: Json, job: Job) -> Look:
    avatar_type, engines = _MADE[body["type"]]
    identifier = account.new_id()
    voice_id = group.default_voice_id or ""
    look = Look(
        identifier, body["name"], avatar_type, group.id, group.gender or "", voice_id, engines, job
    )
    account.media.add(MediaItem(identifier, speaker=look.name))
    return account.looks.add(identifier, look)


def approve(account: Account, group: AvatarGroup) -> None:
    """Record the consent of the person, and start the looks that waited for it."""
    group.consent = "approved"
    for look in _looks_of(account, group):
        if look.job is not None and look.job.waiting:
            look.job.begin(account.clock.now())
            schedule_avatar(account, look, look.job)


def get(call: Call) -> Json:
    """Serve `avatars.get`."""
    return data(group_json(call.account, call.account.groups.get(call.path[0])))


def list_(call: Call) -> Json:
    """Serve `avatars.list`."""
    account, query = call.account, call.query
    wanted = query.get("ownership")

    def fits(group: AvatarGroup) -> bool:
        return wanted is None or group.private == (wanted == "private")

    page, token = account.groups.page(query["limit"], query.get("token"), fits)
    return listing([group_json(account, group) for group in page], token)


def update(call: Call) -> Json:
    """Serve `avatars.update`: the voice of the group and of all its looks."""
    account = call.account
    group = _own_group(account, call.path[0])
    voice_id = call.body.get("default_voice_id")
    if voice_id is not None:
        group.default_voice_id = account.voices.referenced(voice_id, "default_voice_id").id
        for look in _looks_of(account, group):
            look.default_voice_id = voice_id
    return data(group_json(account, group))


def delete(call: Call) -> Json:
    """Serve `avatars.delete`; the looks of the group are deleted too."""
    account = call.account
    group = _own_group(account, call.path[0])
    for look in _looks_of(account, group):
        _remove_look(account, look)
    account.groups.remove(group.id)
    return data({"id": group.id})


def consent(call: Call) -> Json:
    """Serve `avatars.consent`: a video approves at once; otherwise return a page."""
    body, account = call.body, call.account
    group = _own_group(account, call.path[0])
    if group.consent is None:
        raise invalid("group_id", "This avatar needs no consent")
    film = body.get("consent_video")
    account.check_source(film, "consent_video")
    url = None
    if group.consent == "pending":
        if film is None:
            url = f"https://app.heygen.com/consent/{group.id}"
        else:
            approve(account, group)
    return data({"avatar_group": group_json(account, group), "url": url})


def looks(call: Call) -> Json:
    """Serve `avatars.looks.list`."""
    query = call.query
    ownership = query.get("ownership")

    def fits(look: Look) -> bool:
        return (
            query.get("avatar_type") in (None, look.avatar_type)
            and query.get("group_id") in (None, look.group_id)
            and (ownership is None or (look.job is not None) == (ownership == "private"))
        )

    page, token = call.account.looks.page(query["limit"], query.get("token"), fits)
    return listing([look_json(call.account, look) for look in page], token)


def get_look(call: Call) -> Json:
    """Serve `avatars.looks.get`."""
    return data(look_json(call.account, call.account.looks.get(call.path[0])))


def update_look(call: Call) -> Json:
    """Serve `avatars.looks.update`: change the name."""
    look = _own_look(call.account, call.path[0])
    look.name = call.body.get("name") or look.name
    return data(look_json(call.account, look))


def delete_look(call: Call) -> Json:
    """Serve `avatars.looks.delete`; the group is deleted with its last look."""
    account = call.account
    look = _own_look(account, call.path[0])
    _remove_look(account, look)
    group = account.groups.find(look.group_id)
    if group is not None and not _looks_of(account, group):
        account.groups.remove(group.id)
    return data({"id": look.id})


def _remove_look(account: Account, look: Look) -> None:
    account.looks.remove(look.id)
    account.media.remove(look.id)


HANDLERS: dict[str, Handler] = {
    "avatars.create": create,
    "avatars.get": get,
    "avatars.list": list_,
    "avatars.update": update,
    "avatars.delete": delete,
    "avatars.consent": consent,
    "avatars.looks.list": looks,
    "avatars.looks.get": get_look,
    "avatars.looks.update": update_look,
    "avatars.looks.delete": delete_look,
}
