"""Find the operation for an HTTP method and a path."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cache
from typing import Any
from urllib.parse import unquote

from heygen_async.endpoints import (
    ai_clipping,
    assets,
    avatars,
    background_removals,
    brands,
    filler_word_removals,
    hyperframes,
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
    brands,
    filler_word_removals,
    hyperframes,
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
    """Return the operation that serves a path, or None if the SDK does not know it.

    A fixed segment has precedence over a path parameter, as in the API: ``/v3/voices/speech`` is
    not a voice.

    Args:
        method: HTTP method.
        path: Encoded path without its query.
    """
    segments = [unquote(segment) for segment in path.rstrip("/").split("/")]
    known = [
        endpoint
        for endpoint in _operations().get((method, len(segments)), ())
        if _serves(endpoint.path.split("/"), segments)
    ]
    return min(known, key=lambda endpoint: endpoint.path.count("{"), default=None)


def _serves(pattern: Iterable[str], segments: Iterable[str]) -> bool:
    pairs = zip(pattern, segments, strict=True)
    return all(part == segment or (part[:1] == "{" and segment) for part, segment in pairs)


@cache
def _operations() -> dict[tuple[str, int], list[Endpoint[Any]]]:
    """Return all operations by method and number of path segments."""
    found: dict[tuple[str, int], list[Endpoint[Any]]] = {}
    for endpoint in _endpoints():
        key = endpoint.method, endpoint.path.count("/") + 1
        found.setdefault(key, []).append(endpoint)
    return found


def _endpoints() -> Iterator[Endpoint[Any]]:
    for module in _MODULES:
        for value in vars(module).values():
            if isinstance(value, Endpoint):
                yield value
