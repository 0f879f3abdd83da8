"""Repair bodies that are almost JSON: one invalid byte in a title must not lose a paid result."""

from __future__ import annotations

import json
import math

# Most bytes of a body that is repaired; answers about jobs are shorter.
_LONGEST = 4_000_000
# Most digits of a number that is kept as a number; Python takes long to parse longer ones.
_MOST_DIGITS = 100


def repaired(body: bytes) -> bytes | None:
    """Return the body as valid JSON, or None if it cannot be repaired.

    Repairs a byte order mark, bytes that are not UTF-8, lone surrogates, ``NaN``, ``Infinity``, and
    numbers that are out of range, which become null.

    Args:
        body: A body that the decoder has refused.

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
