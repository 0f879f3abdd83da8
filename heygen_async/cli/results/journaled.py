"""Results from a journal: the rows that are kept beside it, and its records.

A journal holds requests, and not the rows that they were made of. So commands with ``--journal``
write the rows as JSON lines before anything is sent: into a file beside it, ``launch.db.rows``, or
into the database of the run.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from itertools import chain, islice
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import msgspec

from heygen_async.batch.outcome import RESULT_COLUMNS, result_columns
from heygen_async.cli.exit_codes import CommandError
from heygen_async.cli.inputs.row_spool import RowSpool
from heygen_async.cli.results.item_rows import ItemRow, ItemRows
from heygen_async.journal import ItemRecord, JournalStore, Review
from heygen_async.journal.rules import latest
from heygen_async.session.transfers.regular_files import open_private

_VERSION = 1
_STATES = {"submitted": "running", "intended": "pending"}
# Fields of a result that contain its main file.
_URLS = ("video_url", "audio_url")
_FILE, _URL = (RESULT_COLUMNS.index(name) for name in ("file", "url"))


class _Head(msgspec.Struct, frozen=True):
    """The first line of the file of rows."""

    version: int
    columns: list[str]
    total: int
    names: bool


@runtime_checkable
class KeepsRows(Protocol):
    """A store that keeps the rows of its run itself, since it has no file to keep them beside."""

    def write_rows(self, lines: Iterable[bytes]) -> None:
        """Store rows, replacing those of an earlier start. Blocks."""

    def read_rows(self) -> Iterator[bytes]:
        """Iterate over the rows. Blocks."""


def rows_file(journal: Path) -> Path:
    """Return the file of the rows of a journal."""
    return Path(f"{journal}.rows")


def write_item_rows(store: JournalStore, items: ItemRows) -> None:
    """Write the rows beside their journal, replacing those of an earlier start. Blocks.

    Raises:
        CommandError: The rows cannot be written.
        JournalError: The store cannot be reached.
    """
    head = _Head(_VERSION, items.columns, items.total, items.key_column is None)
    lines = map(msgspec.json.encode, chain([head], items))
    if store.path is None:
        if isinstance(store, KeepsRows):
            store.write_rows(lines)
        return
    path = rows_file(store.path)
    unfinished = path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")
    try:
        try:
            with open_private(unfinished, "xb") as file:
                file.writelines(line + b"\n" for line in lines)
            os.replace(unfinished, path)
        finally:
            unfinished.unlink(missing_ok=True)
    except OSError as error:
        raise CommandError(f"{path}: {error.strerror or error}") from None


def read_item_rows(store: JournalStore) -> ItemRows | None:
    """Return the rows beside a journal, or None if there are none. Blocks.

    Raises:
        CommandError: The rows cannot be read.
        JournalError: The store cannot be reached.
    """
    lines: Callable[[], Iterator[bytes]]
    if store.path is not None:
        path = rows_file(store.path)
        lines, name = partial(_lines, path), str(path)
    elif isinstance(store, KeepsRows):
        lines, name = store.read_rows, store.name
    else:
        return None
    try:
        first = next(lines(), None)
        head = None if first is None else msgspec.json.decode(first, type=_Head)
    except FileNotFoundError:
        return None
    except (OSError, msgspec.DecodeError) as error:
        raise CommandError(f"{name}: not the rows of a journal: {error}") from None
    if head is None:
        return None

    def rows() -> Iterator[ItemRow]:
        return (msgspec.json.decode(line, type=ItemRow) for line in islice(lines(), 1, None))

    return ItemRows(head.columns, head.total, rows, names=head.names)


def _lines(path: Path) -> Iterator[bytes]:
    with open(path, "rb") as file:
        yield from file


def results_of(
    store: JournalStore, stages: Sequence[JournalStore]
) -> tuple[list[str], Callable[[], Iterator[dict[str, Any]]]]:
    """Return the columns of a run's results, and a function that gives its rows. Blocks.

    Args:
        store: The store that the run's ``--journal`` option names.
        stages: It, or those of the stages of a chain, the first stage first.

    Raises:
        CommandError: The rows beside it cannot be read.
        JournalError: The journal cannot be read.
    """
    spool = RowSpool()
    places: dict[str, int] = {}
    files: dict[str, int] = {}
    usd: dict[str, float] = {}
    for stage in stages:  # records of later stages replace earlier ones
        with stage.reader() as reader:
            reviews = latest(reader.reviews())
            for record in reader.records():
                key = record.key
                if record.usd is not None:
                    usd[key] = usd.get(key, 0.0) + record.usd
                values = _values(record, usd.get(key), reviews.get((key, record.attempt)))
                places[key] = spool.append(0, msgspec.json.encode(values))
            for key, delivery in reader.deliveries():
                # Targets of additional files begin with that of the main file, and follow it.
                if delivery.location is not None and key not in files:
                    file = delivery.location, delivery.url
                    files[key] = spool.append(0, msgspec.json.encode(file))
    items = read_item_rows(store)
    if items is None:
        items = ItemRows([], 0, lambda: iter(()), names=False)
    columns = list(items.columns)
    if items.key_column is not None:
        columns.append(items.key_column)
    names = result_columns(columns)

    def rows() -> Iterator[dict[str, Any]]:
        written: set[str] = set()
        for item in items:
            yield row(dict(item.values), item.key)
            written.add(item.key)
        if stages[0].name == store.name:  # items of the first stages of a chain are not its own
            for key in [key for key in places if key not in written]:
                yield row({}, key)

    def row(values: dict[str, Any], key: str) -> dict[str, Any]:
        place = places.get(key)
        found = ["pending", *[None] * (len(RESULT_COLUMNS) - 1)]
        if place is not None:
            found = msgspec.json.decode(spool.at(place))
        if key in files:
            found[_FILE], url = msgspec.json.decode(spool.at(files[key]))
            found[_URL] = url or found[_URL]
        if items.key_column is not None:
            values[items.key_column] = key
        return values | dict(zip(names, found, strict=True))

    return [*columns, *names], rows


def _values(
    record: ItemRecord, usd: float | None, review: Review | None
) -> list[str | float | None]:
    """Return the values of a record in the order of ``RESULT_COLUMNS``."""
    status, error = _STATES.get(record.state, record.state), record.error_message
    if review is not None and review.decision == "rejected":
        status, error = "rejected", f"rejected by {review.by}"
    result = {} if record.result is None else msgspec.json.decode(record.result)
    seconds = None
    if record.ended_at is not None:
        seconds = round(max(0.0, record.ended_at - record.intended_at), 3)
    return [
        status,
        record.job_id,
        next((result[name] for name in _URLS if result.get(name)), None),
        None,
        seconds,
        usd,
        None if status == "completed" else error,
    ]
