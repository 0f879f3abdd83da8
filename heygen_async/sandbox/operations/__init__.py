"""One function for every operation that the sandbox serves, by operation id."""

from __future__ import annotations

from ..answers import Handler
from . import account, avatars, templates, video_translations, videos

__all__ = ["HANDLERS"]

HANDLERS: dict[str, Handler] = {
    **account.HANDLERS,
    **avatars.HANDLERS,
    **templates.HANDLERS,
    **video_translations.HANDLERS,
    **videos.HANDLERS,
}
