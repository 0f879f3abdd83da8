"""Answers that several resources share."""

from __future__ import annotations

from typing import Any

from heygen_async.models.structs import Answer


class StatusEntry(Answer, frozen=True, kw_only=True):
    """One line of a ``statuses`` answer.

    Attributes:
        status: Free text; ``queued`` (or ``pending``, ``waiting``), ``processing``, ``completed``,
            ``failed`` and ``not_found`` are known.
        video_id: The id that was asked for; the field has this name whatever the product.
        batch_id: The batch it belongs to.
        item_index: Its place in that batch, from 0.
        error: Why it failed: an object as a rule, possibly a bare text.
    """

    status: str
    video_id: str | None = None
    batch_id: str | None = None
    item_index: int | float | None = None
    error: dict[str, Any] | str | None = None


class DeletedId(Answer, frozen=True, kw_only=True):
    """What was deleted.

    Attributes:
        id: Its id.
    """

    id: str
