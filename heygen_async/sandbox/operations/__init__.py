"""The functions of the operations that the sandbox serves, by operation id."""

from __future__ import annotations

from ..server.calls import Handler
from . import (
    account,
    ai_clipping,
    avatars,
    background_removals,
    batches,
    brand_glossaries,
    brand_kits,
    filler_word_removals,
    voices,
    webhooks,
)
from .assets import asset_batches, assets, folders, libraries
from .translations import lipsyncs, proofreads, video_translations
from .videos import hyperframes, templates, video_agents, video_scenes, videos

__all__ = ["HANDLERS"]

HANDLERS: dict[str, Handler] = {
    **account.HANDLERS,
    **ai_clipping.HANDLERS,
    **asset_batches.HANDLERS,
    **assets.HANDLERS,
    **avatars.HANDLERS,
    **background_removals.HANDLERS,
    **batches.HANDLERS,
    **brand_glossaries.HANDLERS,
    **brand_kits.HANDLERS,
    **filler_word_removals.HANDLERS,
    **folders.HANDLERS,
    **hyperframes.HANDLERS,
    **libraries.HANDLERS,
    **lipsyncs.HANDLERS,
    **proofreads.HANDLERS,
    **templates.HANDLERS,
    **video_agents.HANDLERS,
    **video_scenes.HANDLERS,
    **video_translations.HANDLERS,
    **videos.HANDLERS,
    **voices.HANDLERS,
    **webhooks.HANDLERS,
}
