"""Requests built from JSON as their users build them: by calling the classes, from within."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, get_args, get_origin

import msgspec

from heygen_async.models.structs import Part


def build(kind: type[Part], fields: Any) -> Part:
    """Build a part from its fields, the parts within it first.

    Raises:
        InvalidRequest: A value is refused, or a field is missing or unknown.
    """
    hints = {field.name: field.type for field in msgspec.structs.fields(kind)}
    tag = kind.__struct_config__.tag_field
    return kind(
        **{name: _built(hints.get(name), value) for name, value in fields.items() if name != tag}
    )


def _built(hint: Any, value: Any) -> Any:
    if isinstance(value, dict):
        mapped = _inside(hint, Mapping)
        if mapped:
            return {key: _built(mapped, item) for key, item in value.items()}
        kind = _chosen(hint, value)
        return value if kind is None else build(kind, value)
    if isinstance(value, list):
        inner = _inside(hint, Sequence)
        return [_built(inner, item) for item in value]
    return value


def _chosen(hint: Any, value: dict[str, Any]) -> type[Part] | None:
    """Return the type of part that a JSON object stands for."""
    for kind in _parts(hint):
        config = kind.__struct_config__
        if config.tag_field is None or value.get(config.tag_field) == config.tag:
            return kind
    return None


@cache
def _parts(hint: Any) -> tuple[type[Part], ...]:
    if isinstance(hint, type) and issubclass(hint, Part):
        return (hint,)
    if get_origin(hint) in (Sequence, Mapping):
        return ()
    return tuple(kind for inner in get_args(hint) for kind in _parts(inner))


@cache
def _inside(hint: Any, container: type) -> Any:
    """Return the type of the elements that a hint allows, or None without a container."""
    if get_origin(hint) is container:
        return get_args(hint)[-1]
    found = (_inside(inner, container) for inner in get_args(hint))
    return next((inner for inner in found if inner is not None), None)
