"""Templates in both versions, and their renders."""

from __future__ import annotations

import re
from functools import partial

from ...account.account import Account
from ...account.resources import Template, Video
from ...account.validation import check_locale, check_references, one_of, usable_look, usable_voice
from ...answers import Json, data, listing
from ...ledger import PRICES
from ...media.speech import speech_seconds
from ...refusals import invalid, not_found
from ...server.calls import Call, Handler
from ...webhooks.job_events import schedule_video
from .drawings import describe_render
from .videos import store_video, video_json

__all__ = ["HANDLERS"]

_PLACEHOLDER = re.compile(r"\{\{\s*([^{}]+?)\s*\}\}")
#: Seconds of a scene without speech.
SILENT_SCENE = 3.0
#: The most relative deviation from the template's aspect ratio.
ASPECT_TOLERANCE = 0.02
_MEDIA = ("image", "video", "audio")
#: Members of a v2 render, which refuses all others.
_V2_MEMBERS = frozenset(
    {
        "brand_voice_id",
        "callback_id",
        "callback_url",
        "caption",
        "dimension",
        "enable_sharing",
        "folder_id",
        "fps",
        "include_gif",
        "keep_text_vertically_centered",
        "reorder_music",
        "scene_ids",
        "subtitles",
        "test",
        "title",
        "variables",
    }
)


def _current(account: Account, identifier: str) -> Template:
    """Return a template that v3 serves."""
    template = account.templates.get(identifier)
    if not template.current_editor:
        raise not_found("template")
    return template


def _summary(account: Account, template: Template) -> Json:
    return {
        "id": template.id,
        "name": template.name,
        "aspect_ratio": template.aspect_ratio,
        "thumbnail_url": account.media.url(f"{template.id}.png"),
        "created_at": account.unix(template.created_at),
        "updated_at": account.unix(template.created_at),
    }


def _variable_v2(name: str, variable: Json) -> Json:
    """Return a flat variable in the v2 form."""
    kind = variable["type"]
    rest = {key: value for key, value in variable.items() if key not in ("type", "asset", "volume")}
    if kind in _MEDIA:
        asset = variable["asset"]
        rest["url"] = asset.get("url")
        rest["asset_id"] = asset.get("asset_id")
    elif kind == "character":
        rest["type"] = rest.pop("character_type", "avatar")
    elif kind == "voice":
        rest.pop("locale", None)
    return {"name": name, "type": kind, "properties": rest}


def list_v3(call: Call) -> Json:
    """Serve `templates.list`: templates of the current editor."""
    page, token = call.account.templates.page(
        call.query["limit"], call.query.get("token"), lambda template: template.current_editor
    )
    return listing([_summary(call.account, template) for template in page], token)


def get_v3(call: Call) -> Json:
    """Serve `templates.get`."""
    template = _current(call.account, call.path[0])
    scenes = []
    for scene_id, script in template.scripts.items():
        names = dict.fromkeys(_PLACEHOLDER.findall(script))
        shown = [
            {"name": name, "variable_type": template.variables[name]["type"]}
            for name in names
            if name in template.variables
        ]
        scenes.append({"scene_id": scene_id, "script": script, "variables": shown})
    return data(
        {
            **_summary(call.account, template),
            "variables": template.variables,
            "scene_ids": list(template.scripts),
            "scenes": scenes,
        }
    )


def list_v2(call: Call) -> Json:
    """Serve `templates.list_v2`: all templates on one page."""
    shown = [
        {
            "template_id": template.id,
            "name": template.name,
            "aspect_ratio": "portrait" if template.aspect_ratio == "9:16" else "landscape",
            "thumbnail_image_url": call.account.media.url(f"{template.id}.png"),
        }
        for template in call.account.templates
    ]
    return {"error": None, "data": {"templates": shown}}


def get_v2(call: Call) -> Json:
    """Serve `templates.get_v2`."""
    template = call.account.templates.get(call.path[0])
    variables = {name: _variable_v2(name, value) for name, value in template.variables.items()}
    return {"error": None, "data": {"variables": variables}}


def generate_v3(call: Call) -> Json:
    """Serve `templates.generate`, with the whole video as the answer."""
    template = _current(call.account, call.path[0])
    for name, variable in call.body["variables"].items():
        _check_name_and_type(template, name, variable)
        place = f"variables.{name}"
        _check_text(variable, variable, place)
        if variable["type"] in _MEDIA:
            call.account.check_source(variable["asset"], f"{place}.asset")
        _check_character_and_voice(call.account, variable, variable, place)
    video = _render(call, template, call.body["variables"], charged=True)
    return data(video_json(call.account, video))


def generate_v2(call: Call) -> Json:
    """Serve `templates.generate_v2`, with the id as the answer; `test` renders are free."""
    for member in call.body.keys() - _V2_MEMBERS:
        raise invalid(member, f"Unknown parameter: {member}")
    template = call.account.templates.get(call.path[0])
    flat: dict[str, Json] = {}
    for name, variable in call.body["variables"].items():
        _check_name_and_type(template, name, variable)
        place = f"variables.{name}"
        if variable["name"] != name:
            raise invalid(f"{place}.name", "The name must equal the key of the variable")
        properties = variable["properties"]
        _check_text(variable, properties, f"{place}.properties")
        flat[name] = {**properties, "type": variable["type"]}
        if variable["type"] in _MEDIA:
            given = one_of(properties, ("url", "asset_id"), f"{place}.properties.")
            flat[name]["asset"] = {"type": given, given: properties[given]}
            call.account.check_source(flat[name]["asset"], f"{place}.properties")
        _check_character_and_voice(call.account, variable, properties, f"{place}.properties")
    video = _render(call, template, flat, charged=not call.body.get("test", False))
    return {"error": None, "data": {"video_id": video.id}}


def _check_text(variable: Json, values: Json, place: str) -> None:
    """Refuse an empty text, which the schema allows because a template can have one."""
    if variable["type"] == "text" and not values["content"]:
        raise invalid(f"{place}.content", "String should have at least 1 character")


def _check_name_and_type(template: Template, name: str, variable: Json) -> None:
    expected = template.variables.get(name)
    if expected is None:
        raise invalid(f"variables.{name}", f"Template has no variable named {name}")
    pair = {expected["type"], variable["type"]}
    if len(pair) == 2 and pair != {"image", "video"}:
        raise invalid(
            f"variables.{name}.type",
            f"Variable {name} is of type {expected['type']}, not {variable['type']}",
        )


def _check_character_and_voice(account: Account, variable: Json, values: Json, place: str) -> None:
    if variable["type"] == "character":
        usable_look(account, values["character_id"], f"{place}.character_id")
    elif variable["type"] == "voice":
        usable_voice(account, values["voice_id"], f"{place}.voice_id")
        check_locale(values.get("locale"), f"{place}.locale")


def _render(call: Call, template: Template, variables: dict[str, Json], *, charged: bool) -> Video:
    body, account = call.body, call.account
    check_references(account, body)
    scene_ids: list[str] = body.get("scene_ids") or list(template.scripts)
    for index, scene_id in enumerate(scene_ids):
        if scene_id not in template.scripts:
            raise invalid(f"scene_ids.{index}", f"Template has no scene {scene_id}")
    _check_dimension(template, body.get("dimension"))

    def spoken(match: re.Match[str]) -> str:
        value = variables.get(match[1], {})
        # A text variable that is left out shows its placeholder.
        return str(value["content"]) if value.get("type") == "text" else match[0]

    texts = [_PLACEHOLDER.sub(spoken, template.scripts[scene_id]) for scene_id in scene_ids]
    lengths = [
        speech_seconds(text, field="variables") if text.strip() else SILENT_SCENE for text in texts
    ]
    seconds = round(sum(lengths), 3)
    usd = PRICES["avatar"] * seconds if charged else 0.0
    account.admit(usd)
    identifier = account.new_id()
    title = body.get("title") or template.name
    job = account.begin("video")
    account.record(
        "video",
        identifier,
        call.operation.id,
        job,
        seconds=seconds,
        usd=usd,
        key=call.key,
        template_id=template.id,
        title=title,
        callback_id=body.get("callback_id"),
    )
    video = Video(
        identifier,
        job,
        seconds,
        title=title,
        folder_id=body.get("folder_id") or None,
        callback_id=body.get("callback_id"),
        caption=bool(body.get("caption")) or body.get("subtitles") is not None,
        gif=bool(body.get("include_gif")),
        request={
            "aspect_ratio": template.aspect_ratio,
            "scenes": [{"script": text} for text in texts],
        },
    )
    schedule_video(account, video, body.get("callback_url"))
    scenes = list(zip(texts, lengths, strict=True))
    return store_video(
        account,
        video,
        text=" ".join(texts),
        aspect_ratio=template.aspect_ratio,
        describe=partial(describe_render, account, template, video, scenes, variables, body),
    )


def _check_dimension(template: Template, dimension: Json | None) -> None:
    if dimension is None:
        return
    width, height = (int(part) for part in template.aspect_ratio.split(":"))
    if abs(dimension["width"] / dimension["height"] * height / width - 1) > ASPECT_TOLERANCE:
        raise invalid(
            "dimension", f"dimension must keep the template's aspect ratio {template.aspect_ratio}"
        )


HANDLERS: dict[str, Handler] = {
    "templates.list": list_v3,
    "templates.get": get_v3,
    "templates.generate": generate_v3,
    "templates.list_v2": list_v2,
    "templates.get_v2": get_v2,
    "templates.generate_v2": generate_v2,
}
