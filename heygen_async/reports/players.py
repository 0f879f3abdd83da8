"""Players of results on pages: of downloaded files, or of the signed URLs at HeyGen."""

from __future__ import annotations

from collections.abc import Collection
from html import escape
from pathlib import Path
from typing import Any

import msgspec

from heygen_async.journal import ItemRecord, JournalReader

# Members of a result with a URL, and endings of files, with the element that plays them.
_URLS = {"video_url": "video", "audio_url": "audio"}
_ENDINGS = {
    **dict.fromkeys((".mp4", ".webm", ".mov"), "video"),
    **dict.fromkeys((".mp3", ".wav", ".m4a"), "audio"),
}


def output_url(record: ItemRecord | None) -> tuple[str, str | None]:
    """Return the element that plays an item's result, and the URL of the result or None."""
    result: Any = None
    if record is not None and record.result is not None:
        result = msgspec.json.decode(record.result)
    for name, element in _URLS.items():
        url = result.get(name) if isinstance(result, dict) else None
        # Other schemes, such as javascript:, must not become links.
        if isinstance(url, str) and url.startswith(("https://", "http://")):
            return element, url
    return "video", None


def fetched_by(record: ItemRecord) -> str | None:
    """Return the id with which ``heygen-async get`` shows an item's job; speech has none."""
    return None if record.operation == "voices.speech" else record.job_id


def downloaded_files(view: JournalReader, keys: Collection[str]) -> dict[str, str]:
    """Return the downloaded files of items that still exist, as file URLs by key. Blocks.

    Args:
        view: The journal.
        keys: Keys of the items.
    """
    found: dict[str, str] = {}
    for key, delivery in view.deliveries():
        path = delivery.location
        if key not in keys or not path or "://" in path:
            continue
        file = Path(path)
        if file.suffix.lower() in _ENDINGS and file.exists():
            found.setdefault(key, file.resolve().as_uri())
    return found


def player(key: str, source: str, element: str | None = None, *, preload: str = "metadata") -> str:
    """Return a player as HTML.

    Args:
        key: Key of the item, for screen readers.
        source: URL of the file.
        element: The element that plays it. Default: by the ending of the file.
        preload: What it loads before it is played: ``metadata`` (default) or ``none``.
    """
    kind = element or _ENDINGS.get(Path(source).suffix.lower(), "video")
    return (
        f'<{kind} controls preload="{preload}" src="{escape(source)}" aria-label="{escape(key)}">'
        f"</{kind}>"
    )
