"""The searchable public libraries of sounds and pictures."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..media.store import MediaItem

if TYPE_CHECKING:
    from .account import Account

__all__ = ["add_libraries", "score_of"]

#: (name, description, seconds)
_MUSIC = (
    ("Morning Run", "upbeat happy pop with guitar", 92.0),
    ("Bright Ideas", "upbeat corporate background with piano", 120.0),
    ("Steady Growth", "calm corporate background with strings", 143.0),
    ("Low Tide", "calm ambient pads", 180.0),
    ("Night Drive", "dark electronic with a slow beat", 135.0),
    ("Final Lap", "energetic electronic for sports", 88.0),
    ("First Snow", "sad solo piano", 101.0),
    ("Old Town", "happy acoustic folk with guitar", 76.0),
    ("The Reveal", "epic orchestral build for a trailer", 64.0),
    ("Paper Planes", "playful ukulele with whistling", 70.0),
    ("Long Shadows", "tense cinematic drone", 110.0),
    ("Sunday Table", "calm jazz with piano and brushes", 156.0),
)
_EFFECTS = (
    ("Whoosh", "a fast whoosh for a transition", 1.2),
    ("Soft Whoosh", "a slow soft whoosh for a transition", 2.1),
    ("Click", "a mouse click", 0.3),
    ("Keyboard", "typing on a keyboard", 4.5),
    ("Applause", "a large crowd that applauds", 6.0),
    ("Rain", "steady rain on a window", 20.0),
    ("Door", "a wooden door that closes", 1.8),
    ("Notification", "a bright notification bell", 0.9),
    ("Cash Register", "a cash register that rings", 1.6),
    ("Heartbeat", "a slow heartbeat", 8.0),
    ("Traffic", "city traffic with horns", 25.0),
    ("Pop", "a short bubble pop", 0.4),
)
#: (type, words, width, height)
_PICTURES = (
    ("image", "mountain lake at sunrise", 1920, 1080),
    ("image", "mountain path in autumn", 1080, 1920),
    ("image", "city skyline at night", 1920, 1080),
    ("image", "city street in the rain", 1080, 1920),
    ("image", "office with large windows", 1920, 1080),
    ("image", "team in an office meeting", 1920, 1280),
    ("image", "cup of coffee on a desk", 1280, 1280),
    ("image", "forest from above", 1920, 1080),
    ("icon", "arrow to the right", 256, 256),
    ("icon", "arrow to the left", 256, 256),
    ("icon", "check mark", 256, 256),
    ("icon", "shopping cart", 256, 256),
    ("icon", "light bulb", 256, 256),
    ("icon", "mountain", 256, 256),
)


def add_libraries(account: Account) -> None:
    """Add the public sounds and pictures."""
    for kind, sounds in (("music", _MUSIC), ("sound_effects", _EFFECTS)):
        for name, description, seconds in sounds:
            identifier = account.new_id()
            sound = {
                "id": identifier,
                "name": name,
                "description": description,
                "type": kind,
                "duration": seconds,
            }
            account.sounds.add(identifier, sound)
            account.media.add(MediaItem(identifier, seconds))
    for kind, words, width, height in _PICTURES:
        identifier = account.new_id()
        picture = {
            "type": kind,
            "id": identifier,
            "width": width,
            "height": height,
            "orientation": _orientation(width, height),
            "is_transparent": kind == "icon",
        }
        account.pictures.add(identifier, {**picture, "words": words})
        account.media.add(MediaItem(identifier, title=words))


def _orientation(width: int, height: int) -> str:
    if width == height:
        return "square"
    return "landscape" if width > height else "portrait"


def score_of(query: str, text: str) -> float:
    """Return the match of a text with a query: 0.5 for one of its words, 1.0 for all, else 0.0."""
    words = query.lower().split()
    found = sum(word in text.lower() for word in words)
    if not found:
        return 0.0
    return 1.0 if found == len(words) else round(0.5 + 0.5 * (found - 1) / (len(words) - 1), 3)
