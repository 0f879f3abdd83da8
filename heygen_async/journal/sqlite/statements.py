"""The statements that write steps of items, many rows at a time.

Each statement gives the interpreter lock away and has to win it back from a busy event loop, which
takes longer than the statement: so rows of one kind go together.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import Any

# Rows of one statement. A few sizes only, since each is compiled once; the last rows of a batch
# are filled up with rows of NULL, which do nothing.
_ROWS = (1, 8, 64)


class Statement:
    """One statement for any number of rows.

    Args:
        text: Its SQL, with ``{rows}`` for the list of values.
        width: Values of a row.
    """

    def __init__(self, text: str, *, width: int) -> None:
        row = f"({', '.join('?' * width)})"
        self.width = width
        self._texts = {size: text.format(rows=", ".join([row] * size)) for size in _ROWS}

    def write(self, cursor: sqlite3.Cursor, values: Sequence[Any]) -> bool:
        """Whether all rows, which stand one behind the other, were written."""
        step = _ROWS[-1] * self.width
        for first in range(0, len(values), step):
            some = values[first : first + step]
            count = len(some) // self.width
            size = next(size for size in _ROWS if size >= count)
            filled = [*some, *[None] * (self.width * (size - count))]
            if cursor.execute(self._texts[size], filled).rowcount != count:
                return False
        return True


# Lists of more than two values would make SQLite build a table for each statement.
INTEND = Statement(
    """
INSERT INTO items (key, position, attempt, state, idempotency_key, fingerprint, intended_at,
                   payload)
SELECT column1, column2, column3, 'intended', column4, column5, column6, column7
FROM (VALUES {rows}) WHERE column1 IS NOT NULL
ON CONFLICT (key) DO UPDATE SET
    position = excluded.position, attempt = excluded.attempt, state = 'intended', job_id = NULL,
    error_type = NULL, error_code = NULL, error_message = NULL, output_seconds = NULL, usd = NULL,
    intended_at = excluded.intended_at, submitted_at = NULL, ended_at = NULL,
    idempotency_key = excluded.idempotency_key, fingerprint = excluded.fingerprint,
    payload = excluded.payload, result = NULL
WHERE excluded.attempt = items.attempt + 1 AND (
    items.state IN ('failed', 'uncertain')
    -- A batch that was refused whole, which is sent in parts.
    OR (items.state = 'intended' AND instr(items.idempotency_key, ':batch:'))
)
""",
    width=7,
)
SUBMITTED = Statement(
    """
UPDATE items SET state = 'submitted', job_id = column2, submitted_at = column3
FROM (VALUES {rows}) WHERE key = column1 AND (
    state IN ('intended', 'uncertain')
    -- An item of a batch, whose own job has begun.
    OR (state = 'submitted' AND instr(job_id, '#') AND instr(column2, '#') = 0)
)
""",
    width=3,
)
ENDED = Statement(
    """
UPDATE items SET state = column2, ended_at = column3, result = column4, error_type = column5,
    error_code = column6, error_message = column7, output_seconds = column8, usd = column9
FROM (VALUES {rows}) WHERE key = column1 AND state NOT IN ('completed', 'failed')
""",
    width=9,
)
