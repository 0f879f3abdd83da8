"""One function for every operation that the sandbox serves, by operation id."""

from __future__ import annotations

from ..calls import Handler
from . import (
    account,
    assets,
    avatars,
    batches,
    lipsyncs,
    proofreads,
    templates,
    video_agents,
    video_translations,
    videos,
    voices,
    webhooks,
)

__all__ = ["HANDLERS"]

HANDLERS: dict[str, Handler] = {
    **account.HANDLERS,
    **assets.HANDLERS,
    **avatars.HANDLERS,
    **batches.HANDLERS,
    **lipsyncs.HANDLERS,
    **proofreads.HANDLERS,
    **templates.HANDLERS,
    **video_agents.HANDLERS,
    **video_translations.HANDLERS,
    **videos.HANDLERS,
    **voices.HANDLERS,
    **webhooks.HANDLERS,
}
