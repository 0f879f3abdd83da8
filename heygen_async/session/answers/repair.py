"""Repair bodies that are nearly JSON, so that a byte in a title never costs a paid result."""

from __future__ import annotations

import json
import math

# Bytes of a body that is worth the time; answers about jobs are shorter.
_LONGEST = 4_000_000
# Digits of a number that are kept as such; Python takes long to read the longest ones.
_MOST_DIGITS = 100


def repaired(body: bytes) -> bytes | None:
    """Return the JSON that a body nearly is, or None if it is far from it.

    Repaired are a byte order mark, bytes that are not UTF-8, halves of surrogate pairs, ``NaN``,
    ``Infinity``, and numbers that are out of range, which become null.

    Args:
        body: What a decoder has refused.

    Raises:
        RecursionError: It is nested too deeply.
    """
    if len(body) > _LONGEST:
        return None
    try:
        value = json.loads(
            body.decode("utf-8-sig", errors="replace"),
            parse_constant=lambda name: None,
            parse_float=_finite,
            parse_int=lambda digits: int(digits) if len(digits) <= _MOST_DIGITS else None,
        )
    except ValueError:
        return None
    return json.dumps(value, ensure_ascii=False).encode(errors="replace")


def _finite(digits: str) -> float | None:
    value = float(digits)
    return value if math.isfinite(value) else None
