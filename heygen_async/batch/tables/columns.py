"""Match columns of a table with fields, by name."""

from __future__ import annotations

import difflib
import unicodedata
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import lru_cache
from typing import Any

from heygen_async.batch.tables.values import cell, is_missing
from heygen_async.errors import InvalidRequest

_LIKE = 0.8
_LETTERS_SWAPPED = 4


def normalized(name: str) -> str:
    """Return a name without case, blanks, ``_`` and ``-``, which do not distinguish names."""
    kept = unicodedata.normalize("NFKC", name).casefold()
    return "".join(c for c in kept if not (c.isspace() or c in "_-\u200b\ufeff"))


def find_column(name: str, columns: Collection[str]) -> str | None:
    """Return the column with a name, or the only column whose normalized name is the same."""
    if name in columns:
        return name
    same = [column for column in columns if normalized(column) == normalized(name)]
    return same[0] if len(same) == 1 else None


def match_columns(
    columns: Sequence[str], fields: Collection[str], mapped: Mapping[str, str] | None = None
) -> dict[str, str]:
    """Return the column of each field, for fields that have one.

    A column with exactly the field's name takes precedence, followed by one whose name differs only
    in case, blanks, ``_`` and ``-``. Columns without a field are ignored, unless the name of one is
    probably a misspelling of a field without a column.

    Args:
        columns: Names of the columns.
        fields: Names of the fields.
        mapped: Fields by column, for names that do not match; an empty field means that the column
            is ignored.

    Raises:
        InvalidRequest: Two columns match a field, or the name of a column is close to that of a
            field.
    """
    mapped = mapped or {}
    found = {field: column for column, field in mapped.items() if field}
    free = [column for column in columns if column not in mapped]
    found |= {field: field for field in fields if field in free and field not in found}
    for field in fields:
        if field in found:
            continue
        taken = set(found.values())
        same = [c for c in free if c not in taken and normalized(c) == normalized(field)]
        if len(same) > 1:
            raise InvalidRequest(
                f"columns: both {same[0]!r} and {same[1]!r} could be {field!r}; rename one",
                param=field,
            )
        if same:
            found[field] = same[0]
    _refuse_near_misses([c for c in free if c not in found.values()], set(fields) - set(found))
    return found


def _refuse_near_misses(columns: Sequence[str], fields: Collection[str]) -> None:
    names = {normalized(field): field for field in sorted(fields)}
    for column in columns:
        name = normalized(column)
        like = difflib.get_close_matches(name, names, n=1, cutoff=_LIKE)
        swapped = [n for n in names if len(n) >= _LETTERS_SWAPPED and sorted(n) == sorted(name)]
        if near := like or swapped:
            raise InvalidRequest(
                f"columns: no field uses {column!r}; did you mean {names[near[0]]!r}?",
                param=column,
            )


class RowFields:
    """Convert rows with human-readable column names to fields.

    Args:
        fields: Names of the fields.
    """

    def __init__(self, fields: Collection[str]) -> None:
        self._match = lru_cache(maxsize=64)(lambda columns: match_columns(columns, fields))

    def __call__(self, row: Mapping[Any, Any]) -> dict[str, Any]:
        """Return the values of the fields present in a row.

        Raises:
            InvalidRequest: See ``match_columns``.
        """
        cells = {str(column): value for column, value in row.items()}
        found = self._match(tuple(cells)).items()
        return {f: cells[column] for f, column in found if not is_missing(cells[column])}

    def length(self, row: Mapping[Any, Any]) -> float | None:
        """Return the length in seconds that the field ``length`` of a row states, or None.

        Raises:
            InvalidRequest: It is not a number, or see ``match_columns``.
        """
        length = self(row).get("length")
        try:
            return None if length is None else float(length)
        except (TypeError, ValueError):
            reason = f"length: expected seconds, got {length!r}"
            raise InvalidRequest(reason, param="length") from None


def column_key(column: str) -> Callable[[Any], Any]:
    """Return a function that returns the value of a column as a row's key.

    The function raises ``InvalidRequest`` if a row has no value, or if the item is not a row.

    Args:
        column: Name of the column.
    """

    def key(row: Any) -> Any:
        if not isinstance(row, Mapping):
            raise InvalidRequest(f"key: {column!r} names a column, and the item has none")
        name = find_column(column, row)
        if name is None or is_missing(row[name]):
            raise InvalidRequest(f"key: there is nothing in the column {column!r}", param="key")
        return cell(row[name])

    return key
