"""Convert answers whose fields have other types than the API publishes. Pure functions.

Only the required fields that the SDK acts on must have the published type: ids, states, URLs,
secrets. Any other field is converted if the conversion is unambiguous, else kept or left out, and
reported to the caller as an ``Oddity``.
"""

from __future__ import annotations

import math
import types
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Union, get_args, get_origin

import msgspec

_ESSENTIAL = frozenset({"id", "status", "url", "secret", "items", "event_type", "upload_headers"})
_ESSENTIAL_ENDS = ("_id", "_ids", "_url")
_EMPTY: dict[Any, Any] = {str: "", int: 0, float: 0.0, bool: False}


class Oddity(msgspec.Struct, frozen=True):
    """A field whose type is not the published one.

    Attributes:
        path: Path of the field without indices, such as ``messages.created_at``.
        found: Type of the value, such as ``str``; ``nothing`` if the field is missing.
        kept: Whether its value was kept or converted, rather than left out.
    """

    path: str
    found: str
    kept: bool


def convert_leniently(
    value: Any, kind: Any, *, status_required: bool = True
) -> tuple[Any, list[Oddity]]:
    """Convert a decoded answer to its type, as far as its essential fields allow.

    Args:
        value: Plain values, as decoded from JSON.
        kind: The type of the answer.
        status_required: Whether ``status`` is essential. It is not in the answer to a create.

    Returns:
        The answer, and the fields whose type is not the published one.

    Raises:
        msgspec.ValidationError: An essential field is missing or has another type.
    """
    conversion = _Conversion(_ESSENTIAL if status_required else _ESSENTIAL - {"status"})
    return conversion.convert(value, kind, ""), conversion.oddities


class _Conversion:
    def __init__(self, essential: frozenset[str]) -> None:
        self.oddities: list[Oddity] = []
        self._essential = essential

    def convert(self, value: Any, kind: Any, path: str) -> Any:
        try:
            return msgspec.convert(value, kind)
        except msgspec.ValidationError as error:
            failure = error
        kind = _without_annotations(kind)
        origin = get_origin(kind)
        if origin in (Union, types.UnionType):
            return self._union(value, get_args(kind), path, failure)
        if isinstance(kind, type) and issubclass(kind, msgspec.Struct) and isinstance(value, dict):
            return self._struct(value, kind, path, failure)
        if origin in (list, tuple, Sequence) and isinstance(value, list):
            items = self._items(list(enumerate(value)), get_args(kind)[0], path).values()
            return tuple(items) if origin is tuple else list(items)
        if origin in (dict, Mapping) and isinstance(value, dict):
            return self._items(list(value.items()), get_args(kind)[1], path)
        return self._scalar(value, kind, path, failure)

    def _union(
        self, value: Any, options: tuple[Any, ...], path: str, failure: msgspec.ValidationError
    ) -> Any:
        for option in options:
            before = len(self.oddities)
            try:
                return self.convert(value, option, path)
            except msgspec.ValidationError:
                del self.oddities[before:]
        raise failure

    def _struct(
        self,
        value: dict[str, Any],
        kind: type[msgspec.Struct],
        path: str,
        failure: msgspec.ValidationError,
    ) -> Any:
        config = kind.__struct_config__
        if config.tag_field is not None and value.get(config.tag_field) != config.tag:
            raise failure
        found: dict[str, Any] = {}
        for field in msgspec.structs.fields(kind):
            where = f"{path}.{field.encode_name}" if path else field.encode_name
            given = value.get(field.encode_name)
            if given is None and not field.required:
                continue
            essential = field.required and self._is_essential(field.encode_name)
            before = len(self.oddities)
            try:
                found[field.name] = self.convert(given, field.type, where)
            except msgspec.ValidationError:
                if essential:
                    raise failure from None
                if field.required:
                    found[field.name] = self._substitute(given, field.type, where, failure)
                else:
                    self._report(where, given, kept=False)
            if essential and any(oddity.path == where for oddity in self.oddities[before:]):
                raise failure  # a converted id could be a different id
        return kind(**found)

    def _items(self, pairs: list[tuple[Any, Any]], kind: Any, path: str) -> dict[Any, Any]:
        """Convert the items of a list or mapping; leave out those that cannot be converted."""
        found = {}
        for key, item in pairs:
            try:
                found[key] = self.convert(item, kind, path)
            except msgspec.ValidationError:
                self._report(path, item, kept=False)
        return found

    def _scalar(self, value: Any, kind: Any, path: str, failure: msgspec.ValidationError) -> Any:
        if kind is str and type(value) in (int, float):
            converted: Any = str(value)
        else:
            try:
                converted = msgspec.convert(value, kind, strict=False)
            except msgspec.ValidationError:
                raise failure from None
            if isinstance(converted, float) and not math.isfinite(converted):
                raise failure  # "NaN", "Infinity"
        self._report(path, value, kept=True)
        return converted

    def _substitute(
        self, value: Any, kind: Any, path: str, failure: msgspec.ValidationError
    ) -> Any:
        """Return a stand-in for a required field that the SDK does not act on."""
        kind = _without_annotations(kind)
        options = get_args(kind) if get_origin(kind) in (Union, types.UnionType) else (kind,)
        first = _without_annotations(options[0])
        if first in _EMPTY:
            self._report(path, value, kept=value is not None)
            return _EMPTY[first] if value is None else value
        self._report(path, value, kept=False)
        origin = get_origin(first)
        if origin in (list, tuple, Sequence):
            return ()
        if origin in (dict, Mapping):
            return {}
        raise failure

    def _is_essential(self, name: str) -> bool:
        return name in self._essential or name.endswith(_ESSENTIAL_ENDS)

    def _report(self, path: str, value: Any, *, kept: bool) -> None:
        found = "nothing" if value is None else type(value).__name__
        self.oddities.append(Oddity(path, found, kept))


def _without_annotations(kind: Any) -> Any:
    while get_origin(kind) is Annotated:
        kind = get_args(kind)[0]
    return kind
