"""Models, outcomes and reports as plain data: dicts and JSON, for web frameworks and tables."""

from __future__ import annotations

from collections.abc import Mapping
from numbers import Integral, Real
from typing import Any

import msgspec


class Plain(msgspec.Struct, frozen=True):
    """Parent of Structs that can be converted to plain data, with all fields."""

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as JSON values; a value without a JSON type becomes its text."""
        return plain_dict(self)

    def to_json(self) -> str:
        """Return ``to_dict()`` as JSON text."""
        return plain_json(self.to_dict())

    @classmethod
    def __get_pydantic_core_schema__(cls, source: object, handler: object) -> Any:
        """Describe the class for Pydantic and FastAPI. Called by Pydantic only."""
        return pydantic_schema(cls)


def plain_dict(value: object) -> dict[str, Any]:
    """Return the fields of a Struct as JSON values."""
    fields: dict[str, Any] = plain_value(value)
    return fields


def plain_value(value: object) -> Any:
    """Return a value as a JSON value.

    Exceptions become ``type``, ``code`` and ``message``; numbers of other libraries become Python's
    own; a value without a JSON type becomes its text.
    """
    return _without_tuples(msgspec.to_builtins(value, str_keys=True, enc_hook=_plain))


def plain_json(value: object) -> str:
    """Return plain data as JSON text; numbers that are not finite become null."""
    return msgspec.json.encode(value).decode()


def pydantic_schema(kind: type[Any]) -> Any:
    """Return Pydantic's schema for objects of a class with ``to_dict``."""
    from pydantic_core import core_schema

    written = core_schema.plain_serializer_function_ser_schema(
        lambda value: value.to_dict(), return_schema=core_schema.dict_schema()
    )
    return core_schema.is_instance_schema(kind, serialization=written)


def _without_tuples(value: Any) -> Any:
    """Return builtin values with lists in place of tuples, which JSON does not have."""
    match value:
        case dict():
            return {key: _without_tuples(member) for key, member in value.items()}
        case list() | tuple():
            return [_without_tuples(member) for member in value]
        case _:
            return value


def _plain(value: object) -> Any:
    match value:
        case BaseException():
            code = getattr(value, "code", None)
            return {"type": type(value).__name__, "code": code, "message": str(value)}
        case Mapping():
            return dict(value)
        case Integral():
            return int(value)
        case Real():
            return float(value)
        case _:
            return str(value)
