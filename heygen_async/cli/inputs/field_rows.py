"""Map rows of a file to fields, with defaults and filters."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from heygen_async.batch.tables.columns import find_column, match_columns
from heygen_async.batch.tables.values import text_of
from heygen_async.cli.exit_codes import CommandError
from heygen_async.cli.inputs.row_files import Row, Rows
from heygen_async.cli.results.item_rows import ItemRow, ItemRows
from heygen_async.errors import InvalidRequest

T = TypeVar("T")

_NOT_SKIPPED = ("", "0", "false", "no", "n", "off")


class RowChoices(msgspec.Struct, frozen=True, kw_only=True):
    """The user's options for the rows.

    Attributes:
        mapped: Fields by column, for names that do not match; an empty field means that the column
            is ignored.
        defaults: Values by field, for rows without a value.
        where: Values by column that select rows.
        changes: New values by key and column, which retakes have asked for.
    """

    mapped: Mapping[str, str] = {}
    defaults: Mapping[str, str] = {}
    where: Mapping[str, str] = {}
    changes: Mapping[str, Mapping[str, str]] = {}

    @classmethod
    def of(
        cls, mapped: Sequence[str] = (), defaults: Sequence[str] = (), where: Sequence[str] = ()
    ) -> RowChoices:
        """Return the choices from options in the form ``NAME=VALUE``.

        Raises:
            CommandError: An option has no ``=``.
        """
        return cls(
            mapped=pairs("--map COLUMN=NAME", mapped),
            defaults=pairs("--default NAME=VALUE", defaults),
            where=pairs("--where COLUMN=VALUE", where),
        )


class FieldRows(Collection[Row]):
    """Rows by field, in the order of the file; they can be iterated over many times.

    Rows with a value in the field ``skip`` are omitted, unless it is ``no``, ``false`` or 0, and so
    are rows that ``where`` excludes.

    Args:
        rows: The rows.
        fields: Names of the fields that columns can fill.
        choices: The user's options for the rows.
        key: The column of the keys. Default: that of the field ``key``.
        own_key: Whether the field ``key`` is the key of the row; False if it is a variable.

    Attributes:
        path: The file, for messages.
        columns: Names of all columns, in their order.
        field_columns: The column that fills each field that has one, in the order of the columns.
        counts: Number of rows that have a value, by field.
        key_column: The column of the keys, or None.
        total: Number of rows in the file, including omitted rows.
        remote: Whether they come from the network and therefore must not name local files.

    Raises:
        CommandError: The columns do not match, or no row is left.
    """

    def __init__(
        self,
        rows: Rows,
        fields: Collection[str],
        choices: RowChoices | None = None,
        *,
        key: str | None = None,
        own_key: bool = True,
    ) -> None:
        choices = choices or RowChoices()
        self._rows = rows
        self._changes = choices.changes
        self.path: Path = rows.path
        self.columns: Sequence[str] = rows.columns
        self.total: int = len(rows)
        self.remote: bool = rows.remote
        self._skips = "skip" not in fields
        names = [*fields, "skip"] if self._skips else list(fields)
        mapped = {
            self._column(column, "--map"): name and self._field(name, names, "--map")
            for column, name in choices.mapped.items()
        }
        self._where = {self._column(c, "--where"): value for c, value in choices.where.items()}
        self._defaults = {
            self._field(name, names, "--default"): value for name, value in choices.defaults.items()
        }
        self.key_column: str | None = None
        if key is not None:
            self.key_column = self._column(key, "--key")
        try:
            found = match_columns(rows.columns, names, mapped)
        except InvalidRequest as error:
            hint = " (--map COLUMN=NAME names the field of a column; --map COLUMN= ignores it)"
            raise CommandError(f"{self.path}: {error}{hint}") from None
        by_place = sorted(found.items(), key=lambda item: rows.columns.index(item[1]))
        self.field_columns: dict[str, str] = dict(by_place)
        if key is None and own_key:
            self.key_column = self.field_columns.get("key")
        self.counts: Counter[str] = Counter()
        self._count = 0
        for row in self:
            self._count += 1
            self.counts.update(row.values.keys())
        if not self._count:
            raise CommandError(f"{self.path}: all {self.total:,} rows are left out")

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[Row]:
        for row in map(self._changed, self._rows):
            values = {
                field: row.cells[column]
                for field, column in self.field_columns.items()
                if column in row.cells
            }
            skipped = self._skips and _text(values.pop("skip", "")).lower() not in _NOT_SKIPPED
            if skipped or any(
                _text(row.cells.get(column, "")) != value for column, value in self._where.items()
            ):
                continue
            for field, value in self._defaults.items():
                if values.get(field, "") == "":
                    values[field] = value
            yield Row(row.line, row.number, row.cells, values)

    def __contains__(self, row: object) -> bool:
        return any(row == other for other in self)

    def key(self, row: Row) -> str:
        """Return the key in a row's key column; empty if there is none."""
        return "" if self.key_column is None else str(text_of(row.cells.get(self.key_column, "")))

    def require(self, field: str, what: str) -> None:
        """Refuse rows if none of them has a value for a field.

        Args:
            field: The field.
            what: The feature that needs it, for the message.

        Raises:
            CommandError: No row has a value; the message names the columns.
        """
        if field not in self.field_columns and field not in self._defaults:
            raise CommandError(
                f"{self.path}: no column fills {field!r}, which {what}; name one with --map "
                f"COLUMN={field}, or a value for all rows with --default {field}=VALUE\n"
                f"  Its columns: {', '.join(self.columns)}"
            )

    def require_keys(self) -> None:
        """Refuse rows if one of them has no key.

        Raises:
            CommandError: A row has no key; the message names its line.
        """
        for row in self:
            if not self.key(row):
                raise CommandError(
                    f"{self.path}, line {row.line}: there is no key, which each row needs here"
                )

    def input_row(self, row: Row) -> dict[str, Any]:
        """Return all columns of a row, with None for missing values."""
        return {column: row.cells.get(column) for column in self.columns}

    def items(self, keys: Callable[[], Iterable[str]]) -> ItemRows:
        """Return the rows as those of the items of a run, one item each.

        Args:
            keys: Returns the keys of the items, in the order of the rows.
        """

        def rows() -> Iterator[ItemRow]:
            for row, key in zip(self, keys(), strict=True):
                yield ItemRow(key, self.input_row(row))

        names = self.key_column is not None
        return ItemRows(self.columns, len(self), rows, names=names, source=self.path)

    def explained(self) -> dict[str, str | None]:
        """Return the field that each column fills, or None."""
        filled = {column: field for field, column in self.field_columns.items()}
        if self.key_column is not None:
            filled.setdefault(self.key_column, "key")
        return {column: filled.get(column) for column in self.columns}

    def _changed(self, row: Row) -> Row:
        """Return a row with the values that retakes have given it."""
        changes = self._changes.get(self.key(row)) if self._changes else None
        if changes is None:
            return row
        changes = {name: value for name, value in changes.items() if name != self.key_column}
        present = {
            column: value
            for column, value in {**row.cells, **changes}.items()
            if value != "" or column not in changes
        }
        return Row(row.line, row.number, present, row.values)

    def _column(self, name: str, option: str) -> str:
        column = find_column(name, self._rows.columns)
        if column is None:
            raise CommandError(
                f"{self.path}: {option}: there is no column {name!r}\n"
                f"  Its columns: {', '.join(self._rows.columns)}"
            )
        return column

    def _field(self, name: str, names: Collection[str], option: str) -> str:
        field = find_column(name, names)
        if field is None:
            raise CommandError(
                f"{option}: nothing here is named {name!r}; there are {', '.join(names)}"
            )
        return field


class MappedRows(Collection[T]):
    """Objects made from rows during iteration.

    Args:
        rows: The rows.
        make: Called with position and row.
    """

    def __init__(self, rows: FieldRows, make: Callable[[int, Row], T]) -> None:
        self._rows = rows
        self._make = make

    def __len__(self) -> int:
        return len(self._rows)

    def __iter__(self) -> Iterator[T]:
        return itertools.starmap(self._make, enumerate(self._rows))

    def __contains__(self, item: object) -> bool:
        return any(item == other for other in self)


def with_ids(values: Mapping[str, Any], ids: Mapping[str, Mapping[str, str]]) -> dict[str, Any]:
    """Return the values of a row with names replaced by ids.

    Args:
        values: Values by field.
        ids: Ids by name, by field.
    """
    return {
        field: ids[field].get(str(text_of(value)), value) if field in ids else value
        for field, value in values.items()
    }


def _text(value: Any) -> str:
    return str(text_of(value)).strip()


def pairs(option: str, texts: Sequence[str]) -> dict[str, str]:
    """Return the names and values of an option in the form ``NAME=VALUE``.

    Args:
        option: The option, for messages.
        texts: Its values.

    Raises:
        CommandError: A value has no ``=``.
    """
    pairs = {}
    for text in texts:
        cut = text.rpartition if option.startswith("--map") else text.partition
        name, sign, value = cut("=")
        if not sign or not name.strip():
            raise CommandError(f"{option}: expected a name, = and a value, got {text!r}")
        pairs[name.strip()] = value.strip()
    return pairs
