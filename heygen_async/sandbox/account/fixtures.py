"""The resources of a new account."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ..answers import Json
from ..media.store import MediaItem
from .account import Account
from .libraries import add_libraries
from .resources import AvatarGroup, BrandGlossary, BrandKit, Look, Template, Voice

__all__ = ["ALL_ENGINES", "add_look", "add_template", "populate"]

#: Engines that can render a digital twin.
ALL_ENGINES = ("avatar_iii", "avatar_iv", "avatar_v")

_NAMES = (
    "Amara", "Bruno", "Chiara", "Dmitri", "Elena", "Farid", "Greta", "Hugo", "Ines", "Jonas",
    "Keiko", "Liam", "Mina", "Noah", "Olga", "Pablo", "Qing", "Rosa", "Sven", "Tara",
    "Umar", "Vera", "Wang", "Ximena", "Yusuf", "Zoe",
)  # fmt: skip
_LANGUAGES = (
    "English",
    "English",
    "Spanish",
    "French",
    "German",
    "Japanese",
    "Hindi",
    "Portuguese",
)
_STYLES = (
    "Clean Corporate", "Bold Social", "Documentary", "Whiteboard", "Retro Print", "Night Neon",
)  # fmt: skip


def populate(account: Account) -> None:
    """Fill a new account: voices, looks, templates, glossaries, styles, brand kits, libraries."""
    _add_voices(account)
    _add_looks(account)
    _add_templates(account)
    for name in ("Product names", "Legal terms", "Medical terms"):
        identifier = account.new_id()
        lists: dict[str, list[Json]] = {
            "terms": [{"term": "HeyGen", "pronunciation": "hey-jen"}],
            "do_not_translate_terms": [{"term": "HeyGen"}],
            "forced_translations": [],
        }
        now = account.clock.now()
        account.glossaries.add(identifier, BrandGlossary(identifier, name, lists, now, now))
    for index, name in enumerate(_STYLES * 4):
        identifier = account.new_id()
        tag = "social" if index % 2 else "business"
        label = name if index < len(_STYLES) else f"{name} {index // len(_STYLES) + 1}"
        account.media.add(MediaItem(identifier, 6.0, title=label))
        account.styles.add(
            identifier,
            {"style_id": identifier, "name": label, "tags": [tag], "aspect_ratio": "16:9"},
        )
    for name, colors in (("House colours", ["#0b3d91", "#f4a300"]), ("Winter sale", ["#c8102e"])):
        identifier = account.new_id()
        # The second kit is shared by another workspace.
        kit = BrandKit(identifier, name, colors, shared=name == "Winter sale")
        account.brand_kits.add(identifier, kit)
        account.media.add(MediaItem(identifier, title=name))
    add_libraries(account)
    account.populated = True


def _add_voices(account: Account) -> None:
    for index in range(52):
        identifier = account.new_id()
        account.voices.add(
            identifier,
            Voice(
                identifier,
                _NAMES[index % len(_NAMES)] + (" II" if index >= len(_NAMES) else ""),
                language=_LANGUAGES[index % len(_LANGUAGES)],
                gender="female" if index % 2 == 0 else "male",
                # Every fourth voice has an older engine that the speech API refuses.
                starfish=index % 4 != 3,
                support_locale=index % 8 == 0,
            ),
        )
        account.media.add(MediaItem(identifier, 3.0, text="Hello, this is my voice."))


def _add_looks(account: Account) -> None:
    voices = list(account.voices)
    kinds = ("digital_twin", "studio_avatar", "photo_avatar")
    for index in range(24):
        identifier, group_id = account.new_id(), account.new_id()
        voice = voices[index]
        kind = kinds[index % len(kinds)]
        engines = ALL_ENGINES if kind == "digital_twin" else ALL_ENGINES[:2]
        look = Look(identifier, voice.name, kind, group_id, voice.gender, voice.id, engines)
        add_look(account, look)


def add_look(account: Account, look: Look) -> None:
    """Add a public look, in a group of its own."""
    group = AvatarGroup(
        look.group_id, look.name, look.gender, look.default_voice_id, account.clock.now()
    )
    account.groups.add(group.id, group)
    account.looks.add(look.id, look)
    account.media.add(MediaItem(look.id, speaker=look.name))


def _variable_of(account: Account, kind: str) -> Json:
    """Return a flat variable of a type, with a default value that exists."""
    voice, look = next(iter(account.voices)), next(iter(account.looks))
    sources: dict[str, Json] = {
        "text": {"content": "Text"},
        "image": {"asset": _example("png"), "fit": "contain"},
        "video": {"asset": _example("mp4"), "fit": "contain", "play_style": "loop", "volume": 1},
        "audio": {"asset": _example("mp3")},
        "character": {"character_id": look.id, "character_type": "avatar"},
        "voice": {"voice_id": voice.id},
    }
    if kind not in sources:
        raise ValueError(f"unknown type of variable: {kind}")
    return {"type": kind, **sources[kind]}


def _example(extension: str) -> Json:
    return {"type": "url", "url": f"https://example.com/placeholder.{extension}"}


def _add_templates(account: Account) -> None:
    add_template(
        account,
        "Welcome",
        variables={"name": "text", "product": "text"},
        scripts=["Hello {{name}}, welcome to {{product}}.", "We are glad that you are here."],
    )
    add_template(
        account,
        "Product offer",
        variables={
            "headline": "text",
            "price": "text",
            "picture": "image",
            "clip": "video",
            "jingle": "audio",
            "host": "character",
            "host_voice": "voice",
        },
        scripts=["{{headline}}", "Only {{price}} until the end of this week.", ""],
    )
    add_template(
        account,
        "Vertical greeting",
        variables={"first_name": "text", "background": "video"},
        scripts=["Hi {{first_name}}, here is your update."],
        aspect_ratio="9:16",
    )
    add_template(
        account,
        "Classic invitation",
        variables={"guest": "text", "logo": "image"},
        scripts=["Dear {{guest}}, you are invited."],
        current_editor=False,
    )
    for number in range(1, 21):
        add_template(
            account,
            f"Newsletter {number:02}",
            variables={"topic": "text"},
            scripts=["This week we talk about {{topic}}."],
        )
    add_template(
        account,
        "Spoken greeting",
        variables={"name": "text", "greeting": "audio"},
        scripts=["For {{name}}.", ""],
    )


def add_template(
    account: Account,
    name: str,
    *,
    variables: Mapping[str, str | Json],
    scripts: Sequence[str],
    aspect_ratio: str = "16:9",
    current_editor: bool = True,
    template_id: str | None = None,
) -> Template:
    """Add a template; a variable can be given by its type alone."""
    identifier = template_id or account.new_id()
    flat = {
        key: _variable_of(account, value) if isinstance(value, str) else value
        for key, value in variables.items()
    }
    template = Template(
        identifier,
        name,
        aspect_ratio,
        flat,
        {account.new_id(): script for script in scripts},
        account.clock.now(),
        current_editor,
    )
    text = " ".join(scripts)
    account.media.add(MediaItem(identifier, None, aspect_ratio, text, title=name))
    return account.templates.add(identifier, template)
