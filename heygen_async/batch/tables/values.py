"""Convert cell values of any table library to Python values."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from decimal import Decimal
from numbers import Integral, Real
from typing import Any

# Floats up to this value represent integers exactly.
_EXACT = 2**53


def is_missing(value: object) -> bool:
    """Return whether a cell is empty: None, NaN, NaT, or the NA of pandas."""
    if value is None:
        return True
    if isinstance(value, str | bytes | int | Mapping | list | tuple):
        return False
    try:
        return bool(value != value)
    except (TypeError, ValueError):
        return type(value).__name__ == "NAType"


def cell(value: Any) -> Any:
    """Return a number or a date of any library as a Python value; return others unchanged.

    An integral float becomes an ``int``, since a column of integers with an empty cell has floats.
    Each cell is converted independently, so a row makes the same request regardless of the other
    rows. A datetime at midnight becomes a date.
    """
    if isinstance(value, str | bool):
        return value
    if isinstance(value, Integral):
        return int(value)
    if isinstance(value, Real):
        number = float(value)
        return int(number) if number.is_integer() and abs(number) <= _EXACT else number
    if isinstance(value, datetime.datetime):
        at_midnight = value.time() == datetime.time() and value.tzinfo is None
        return value.date() if at_midnight else value
    return value


def text_of(value: Any) -> Any:
    """Return a number, date or time as a person would write it; return others unchanged."""
    value = cell(value)
    if isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, datetime.datetime):
        return value.isoformat(" ")
    if isinstance(value, datetime.date | datetime.time):
        return value.isoformat()
    return value
