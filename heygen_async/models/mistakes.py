"""Words for arguments of a wrong kind: they name the class and the field, and suggest another."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import msgspec

from heygen_async.errors import InvalidRequest

_OFFERED = 8


class WrongField(InvalidRequest, TypeError):
    """A class was called without a field that it needs, or with one that it does not have.

    It is also the ``TypeError`` that other classes raise then.
    """


def wrong_field(
    kind: type[msgspec.Struct], positional: Collection[object], given: Mapping[str, object]
) -> WrongField | None:
    """Return the error for a call of a class, or None if its fields are not to blame.

    Args:
        kind: The class.
        positional: The positional arguments of the call.
        given: The keyword arguments.
    """
    name = kind.__name__
    if positional:
        return WrongField(f"{name} takes no positional arguments; write {example(kind)}")
    fields = {field.name: field.required for field in msgspec.structs.fields(kind)}
    for field in given:
        if field not in fields:
            return WrongField(f"{field}: {unknown_field(kind, field)}", param=field)
    missing = [field for field, required in fields.items() if required and field not in given]
    if not missing:
        return None
    needed = " and ".join(missing)
    return WrongField(f"{missing[0]}: {name} needs {needed}", param=missing[0])


def unknown_field(kind: type[msgspec.Struct], name: str) -> str:
    """Return what is wrong with a field that a class does not have, and what may be meant.

    Args:
        kind: The class.
        name: The field.
    """
    import difflib  # most programs make no such mistake

    fields = kind.__struct_fields__
    close = difflib.get_close_matches(name, fields, n=1, cutoff=0.5)
    if close:
        hint = f"did you mean {close[0]!r}?"
    else:
        more = ", …" if len(fields) > _OFFERED else ""
        hint = f"it has {', '.join(fields[:_OFFERED])}{more}"
        if "extra" in fields:
            hint += f"; a field that is new in the API goes into extra={{{name!r}: …}}"
    return f"{kind.__name__} has no field {name!r}; {hint}"


def example(kind: type[msgspec.Struct]) -> str:
    """Return how a class is called, with the fields that it needs.

    Args:
        kind: The class.
    """
    required = [field.name for field in msgspec.structs.fields(kind) if field.required]
    names = required or [name for name in kind.__struct_fields__ if name != "extra"][:1]
    return f"{kind.__name__}({', '.join(f'{name}=…' for name in names)})"
