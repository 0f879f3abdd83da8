"""Approve or reject the results of a run, or have items made again."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from heygen_async.errors import InvalidRequest
from heygen_async.journal import JournalLocation, JournalStore, journal_store
from heygen_async.journal.chains import stages_of
from heygen_async.journal.records import Decision, Review
from heygen_async.session.tasks import in_thread


async def approve(journal: JournalLocation, keys: str | Iterable[str], *, by: str) -> None:
    """Record that the results of items are approved. They are never made again.

    The run may be in progress, here or in another process.

    Args:
        journal: The journal of the run: a file, a URL, or a store. Of a chain, the journal that
            it was given; the decision stands in that of the last stage that has the item.
        keys: The key of an item, or several keys; all of them or none are recorded.
        by: Who approves.

    Raises:
        InvalidRequest: No key, or no name was given.
        JournalError: An item is unknown (``unknown_key``) or has not completed (``wrong_state``),
            or the journal cannot be written.
    """
    await _record(journal, keys, "approved", by)


async def reject(journal: JournalLocation, keys: str | Iterable[str], *, by: str) -> None:
    """Record that the results of items are rejected.

    Later runs do not make them again, and yield them as failed with ``ItemRejected``.

    Args:
        journal: As for ``approve``.
        keys: As for ``approve``.
        by: Who rejects.

    Raises:
        InvalidRequest: As for ``approve``.
        JournalError: As for ``approve``; an item that failed can be rejected too.
    """
    await _record(journal, keys, "rejected", by)


async def retake(
    journal: JournalLocation,
    keys: str | Iterable[str],
    *,
    by: str,
    changes: Mapping[str, str] | None = None,
) -> None:
    """Have items made again by the next start of their run, as new jobs that are paid for.

    Each item is made once more, also if its request is another one by then. Its former job stays
    in the budget. A chain also makes its speech again; a proofread is corrected and rendered again.

    Args:
        journal: As for ``approve``.
        keys: As for ``approve``.
        by: Who asks for it.
        changes: New values by column, which the commands put into the rows; in Python, change the
            items themselves.

    Raises:
        InvalidRequest: As for ``approve``.
        JournalError: As for ``reject``; or an item is approved (``wrong_state``).
    """
    await _record(journal, keys, "retake", by, dict(changes or {}))


async def _record(
    journal: JournalLocation,
    keys: str | Iterable[str],
    decision: Decision,
    by: str,
    changes: dict[str, str] | None = None,
) -> None:
    several = [keys] if isinstance(keys, str) else list(dict.fromkeys(keys))
    if not several:
        raise InvalidRequest("keys: expected at least one", param="keys")
    if not by.strip():
        raise InvalidRequest("by: expected a name", param="by")
    reviews = [Review(key, decision, by, changes or {}) for key in several]
    await in_thread(_record_in, journal_store(journal), reviews)


def _record_in(journal: JournalStore, reviews: list[Review]) -> None:
    """Record decisions, each in the last stage that has the item. Blocks."""
    stages = stages_of(journal) or [journal]
    places = {one.key: stages[-1] for one in reviews}
    for stage in stages if len(stages) > 1 else ():
        with stage.reader() as reader:
            places |= {one.key: stage for one in reader.records() if one.key in places}
    for stage in reversed(stages):  # unknown items are refused by the last one
        if some := [one for one in reviews if places[one.key] is stage]:
            stage.review(some)
