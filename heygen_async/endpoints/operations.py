"""Which operation a method and a path name, for calls that are sent by path."""

from __future__ import annotations

from functools import cache
from typing import Any

from heygen_async.endpoints import (
    ai_clipping,
    assets,
    avatars,
    background_removals,
    batches,
    filler_word_removals,
    libraries,
    lipsyncs,
    proofreads,
    templates,
    users,
    video_agents,
    video_translations,
    videos,
    voices,
    webhooks,
)
from heygen_async.session.endpoint import Endpoint

_MODULES = (
    ai_clipping,
    assets,
    avatars,
    background_removals,
    batches,
    filler_word_removals,
    libraries,
    lipsyncs,
    proofreads,
    templates,
    users,
    video_agents,
    video_translations,
    videos,
    voices,
    webhooks,
)


def operation_at(method: str, path: str) -> Endpoint[Any] | None:
    """Return the operation that a method and a path name, or None for one that is not known.

    Args:
        method: HTTP method.
        path: Encoded path without query.
    """
    parts = tuple(path.rstrip("/").split("/"))
    candidates = _operations().get((method, len(parts)), ())
    # A path that is spelled out goes before one with a parameter in the same place.
    fitting = [one for one in candidates if _fits(one.path, parts)]
    return min(fitting, key=lambda one: one.path.count("{"), default=None)


def _fits(template: str, parts: tuple[str, ...]) -> bool:
    return all(
        expected.startswith("{") or expected == part
        for expected, part in zip(template.split("/"), parts, strict=True)
    )


@cache
def _operations() -> dict[tuple[str, int], list[Endpoint[Any]]]:
    found: dict[tuple[str, int], list[Endpoint[Any]]] = {}
    for module in _MODULES:
        for value in vars(module).values():
            if isinstance(value, Endpoint):
                found.setdefault((value.method, value.path.count("/") + 1), []).append(value)
    return found
