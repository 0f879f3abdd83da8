"""Rows for ``render``: read from CSV or JSON Lines, and made into variants of a template.

Each column, or each member of a JSON object, is a variable of the template. Two names mean
something else, unless the template has a variable of that name:

- ``key`` names the row in the output, in the journal, and its file in the output folder. Without
  it rows are numbered from 1, with leading zeros; in a journal their content names them.
  Another column can be made the key, also one that is a variable at the same time.
- ``title`` is the video's title in the account.

An empty cell of a CSV file, and ``null`` in JSON, mean that the variable is not given. A value
is what the variable's type takes: a text, the URL or asset id of a file, the id of a character
or a voice. In JSON it may also be an object in the shape of the API, such as
``{"type": "image", "asset": {"type": "url", "url": "https://…"}, "fit": "cover"}``.
"""

from __future__ import annotations

import csv
import difflib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from heygen_async.batch.variants import InvalidVariants, VariantChecker, VariantProblem
from heygen_async.cli.exit_codes import CommandError
from heygen_async.cli.output_folder import file_stem
from heygen_async.models.templates import TemplateRenderRequest, TemplateVariableInfo

_SHOWN = 10


@dataclass(frozen=True, slots=True)
class Row:
    """One row as it was read.

    Attributes:
        line: The line of the file on which it ends, from 1.
        values: Values by column; those not given are left out.
    """

    line: int
    values: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class NamedVariant:
    """One row as it is rendered.

    Attributes:
        key: Its name in the output.
        request: What is sent.
        own: Whether the row itself says the key, which then is no number.
    """

    key: str
    request: TemplateRenderRequest
    own: bool = False


def read_rows(path: Path) -> list[Row]:
    """Read all rows of a file.

    Args:
        path: A ``.csv`` file with a header, or a ``.jsonl`` file with an object on each line;
            UTF-8, with or without a byte order mark.

    Raises:
        CommandError: The file cannot be read, or a row is malformed; names the line.
    """
    readers = {".csv": _csv_rows, ".jsonl": _jsonl_rows, ".ndjson": _jsonl_rows}
    reader = readers.get(path.suffix.lower())
    if reader is None:
        raise CommandError(f"{path}: expected a file that ends in .csv or .jsonl")
    try:
        rows = list(reader(path))
    except OSError as error:
        raise CommandError(f"{path}: {error.strerror or error}") from None
    except UnicodeDecodeError as error:
        raise CommandError(f"{path}: not UTF-8 (byte {error.start}); save it as UTF-8") from None
    if not rows:
        raise CommandError(f"{path}: there are no rows in it")
    return rows


def _csv_rows(path: Path) -> Iterator[Row]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.reader(file, strict=True)
        try:
            columns = [name.strip() for name in next(reader, [])]
            _check_header(path, columns)
            for cells in reader:
                if not any(cells):
                    continue
                if len(cells) > len(columns):
                    raise CommandError(
                        f"{path}, line {reader.line_num}: {len(cells)} cells under "
                        f"{len(columns)} columns; put quotes around cells with commas"
                    )
                values = {name: cell for name, cell in zip(columns, cells, strict=False) if cell}
                yield Row(reader.line_num, values)
        except csv.Error as error:
            raise CommandError(f"{path}, line {reader.line_num}: {error}") from None


def _check_header(path: Path, columns: Sequence[str]) -> None:
    for name, separator in (("semicolons", ";"), ("tabs", "\t")):
        if len(columns) == 1 and separator in columns[0]:
            raise CommandError(f"{path}: {name} separate its columns; save it with commas")
    for position, name in enumerate(columns):
        if not name:
            raise CommandError(f"{path}: column {position + 1} has no name")
        if name in columns[:position]:
            raise CommandError(f"{path}: two columns are named {name!r}")


def _jsonl_rows(path: Path) -> Iterator[Row]:
    with path.open(encoding="utf-8-sig") as file:
        for number, line in enumerate(file, 1):
            if not line.strip():
                continue
            try:
                values = msgspec.json.decode(line, type=dict[str, Any])
            except msgspec.ValidationError:
                raise CommandError(f"{path}, line {number}: expected a JSON object") from None
            except msgspec.DecodeError as error:
                raise CommandError(f"{path}, line {number}: not JSON ({error})") from None
            yield Row(number, {key: value for key, value in values.items() if value is not None})


def variants_of(
    path: Path,
    rows: Sequence[Row],
    variables: Mapping[str, TemplateVariableInfo],
    *,
    key_column: str | None = None,
    all_or_none: bool = False,
) -> list[NamedVariant]:
    """Make variants of a template from rows, and check all of them.

    Args:
        path: Where the rows come from, for messages.
        rows: The rows.
        variables: The template's variables by name.
        key_column: The column of the keys, which each row must have. Default: ``key``, where
            the template has no such variable.
        all_or_none: Refuse rows of which only some have a key, since numbers change when rows
            come or go.

    Raises:
        CommandError: Rows do not fit the template; names line, row and column.
    """
    column = key_column or "key"
    is_variable = column in variables
    _check_columns(path, rows, variables, column)
    keyed = key_column is not None
    if all_or_none and not is_variable:
        keyed = keyed or any(column in row.values for row in rows)
    checker = VariantChecker(variables)
    problems: list[VariantProblem] = []
    variants: list[NamedVariant] = []
    row_of_name: dict[str, int] = {}
    digits = len(str(len(rows)))
    for index, row in enumerate(rows):
        values = dict(row.values)
        key = ""
        if key_column is not None and is_variable:
            key = str(values.get(column, ""))
        elif not is_variable:
            key = str(values.pop(column, ""))
        own = key != ""
        if keyed and not own:
            problems.append(VariantProblem(index, column, "has no key, which each row needs here"))
        title = values.pop("title", None) if "title" not in variables else None
        key = key or f"{index + 1:0{digits}}"
        # Keys name files, and some file systems do not tell Anna from anna.
        earlier = row_of_name.setdefault(file_stem(key).casefold(), index)
        if earlier != index:
            reason = f"{key!r} gives the same file name as that of row {earlier + 1}"
            problems.append(VariantProblem(index, column, reason))
        if title is not None and not isinstance(title, str):
            problems.append(VariantProblem(index, "title", f"expected a text, got {title!r}"))
            title = None
        try:
            request = checker.request(index, values)
        except InvalidVariants as error:
            problems += error.problems
        else:
            request = msgspec.structs.replace(request, title=title)
            variants.append(NamedVariant(key, request, own))
    if problems:
        raise CommandError(_report(path, rows, problems))
    return variants


def _check_columns(
    path: Path, rows: Sequence[Row], variables: Mapping[str, TemplateVariableInfo], key_column: str
) -> None:
    """Report a misspelt column once, not once for each row."""
    known = {*variables, key_column, "title"}
    if not any(key_column in row.values for row in rows) and key_column not in ("key", *variables):
        raise CommandError(f"{path}: there is no column {key_column!r} for the keys")
    for row in rows:
        for name in row.values:
            if name not in known:
                close = difflib.get_close_matches(name, variables, n=1)
                hint = f"; did you mean {close[0]!r}?" if close else ""
                raise CommandError(
                    f"{path}, line {row.line}: the template has no variable {name!r}{hint}\n"
                    f"  It has: {', '.join(variables) or 'none'}"
                )


def _report(path: Path, rows: Sequence[Row], problems: Sequence[VariantProblem]) -> str:
    count = "one problem" if len(problems) == 1 else f"{len(problems)} problems"
    lines = [f"{path}: {count}; nothing was submitted."]
    for problem in problems[:_SHOWN]:
        row = rows[problem.index]
        column = f", column {problem.variable!r}" if problem.variable is not None else ""
        lines.append(f"  line {row.line} (row {problem.index + 1}){column}: {problem.reason}")
    if len(problems) > _SHOWN:
        lines.append(f"  and {len(problems) - _SHOWN} more")
    return "\n".join(lines)
