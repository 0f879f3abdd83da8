"""Answers that several resources share."""

from __future__ import annotations

from typing import Any

from heygen_async.models.structs import Answer


class StatusEntry(Answer, frozen=True, kw_only=True):
    """One entry of a ``statuses`` answer.

    Attributes:
        status: Free text; ``queued`` (or ``pending``, ``waiting``), ``processing``, ``completed``,
            ``failed`` and ``not_found`` are known.
        video_id: The requested id; the field has this name for all products.
        batch_id: Id of its batch.
        item_index: Position in that batch, from 0.
        error: Reason of the failure, usually an object, possibly a bare text.
    """

    status: str
    video_id: str | None = None
    batch_id: str | None = None
    item_index: int | float | None = None
    error: dict[str, Any] | str | None = None


class DeletedId(Answer, frozen=True, kw_only=True):
    """A resource that was deleted.

    Attributes:
        id: Its id.
    """

    id: str
