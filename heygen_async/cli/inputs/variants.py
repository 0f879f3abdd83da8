"""Variants of a template, from the rows of a file.

Columns are the template's variables. Two names have a special meaning, unless the template has a
variable of that name:

- ``key`` names the row in the output, in the journal, and its file in the output folder. Without
  it rows are numbered from 1, with leading zeros; in a journal their content names them.
  Another column can be made the key, also one that is a variable at the same time.
- ``title`` is the video's title in the account.

A value depends on the variable's type: a text, the URL or asset id of a file, the id of a
character or a voice.
"""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from heygen_async.batch.tables.values import text_of
from heygen_async.batch.variants import InvalidVariants, VariantChecker, VariantProblem
from heygen_async.cli.exit_codes import CommandError
from heygen_async.cli.inputs.field_rows import FieldRows, RowChoices, with_ids
from heygen_async.cli.inputs.row_files import Row, Rows
from heygen_async.cli.output_folder import file_stem
from heygen_async.cli.results.item_rows import ItemRows
from heygen_async.journal.keys import StableKeys
from heygen_async.models.templates import TemplateRenderRequest, TemplateVariableInfo
from heygen_async.session.diagnostics.escaping import escaped

_SHOWN = 10
# Characters of the name of a file that tell a person which row it is of.
_LABEL = 40


@dataclass(frozen=True, slots=True)
class NamedVariant:
    """One row as a named variant.

    Attributes:
        key: Its name in the output.
        variables: Values of the template's variables.
        title: Title of the video, or None.
        index: Position of the row, from 0.
        checker: Makes the request.
    """

    key: str
    variables: Mapping[str, Any]
    title: str | None
    index: int
    checker: VariantChecker

    @property
    def request(self) -> TemplateRenderRequest:
        """The request, created on demand: most passes over the rows do not need it."""
        request = self.checker.request(self.index, self.variables)
        return msgspec.structs.replace(request, title=self.title)

    @property
    def label(self) -> str:
        """Readable label of the row: its title, otherwise its first text."""
        texts = (value for value in self.variables.values() if isinstance(value, str))
        return (self.title or next(texts, "row"))[:_LABEL]


class Variants(Collection[NamedVariant]):
    """The variants of a template from the rows of a file, created during iteration.

    Args:
        rows: The rows.
        variables: The template's variables by name.
        key_column: The column of the keys, which each row must have. Default: ``key``, if the
            template has no such variable.
        choices: The user's options for the rows.
        all_or_none: Refuse rows if only some have a key, since numbers change when rows are added
            or removed.
        all_texts: Refuse rows without a text of the template; a preview shows them.

    Attributes:
        rows: The rows by field.
        own_keys: Whether all rows have a key.
        ids: Ids that replace names in columns of voices and characters: by name, by variable.

    Raises:
        CommandError: Rows do not match the template; the message names line, row and column.
    """

    def __init__(
        self,
        rows: Rows,
        variables: Mapping[str, TemplateVariableInfo],
        *,
        key_column: str | None = None,
        choices: RowChoices | None = None,
        all_or_none: bool = False,
        all_texts: bool = True,
    ) -> None:
        self.ids: Mapping[str, Mapping[str, str]] = {}
        # A variable is the key or the title only if the user requests it.
        own = [name for name in ("key", "title") if name not in variables]
        self.rows: FieldRows = FieldRows(
            rows, [*variables, *own], choices, key=key_column, own_key="key" in own
        )
        self._column = self.rows.key_column or "key"
        self._keyed = key_column is not None or (all_or_none and "key" in self.rows.counts)
        self._variables_of_rows = frozenset(variables)
        self._has_title = "title" in own
        self._checker = VariantChecker(variables, all_texts=all_texts)
        self._digits = len(str(self.rows.total))
        for name, info in variables.items():
            if all_texts and info.type == "text":
                self.rows.require(name, "the template's text needs")
        self.own_keys: bool = self._check()

    def __len__(self) -> int:
        return len(self.rows)

    def __iter__(self) -> Iterator[NamedVariant]:
        return (self._variant(index, row) for index, row in enumerate(self.rows))

    def __contains__(self, variant: object) -> bool:
        return any(variant == other for other in self)

    def items(self, template_id: str, *, by_content: bool) -> ItemRows:
        """Return the rows with the keys that a run gives its items.

        Args:
            template_id: The template.
            by_content: Whether the run names items by their content, as a journal does where rows
                have no keys of their own.
        """

        def keys() -> Iterator[str]:
            content = StableKeys("rows")
            for variant in self:
                if not by_content:
                    yield variant.key
                    continue
                payload = variant.request.v3()
                identity = content.identify(
                    "templates.generate", (template_id,), payload, None, variant.index
                )
                content.skip(identity)
                yield identity.key

        return self.rows.items(keys)

    def _check(self) -> bool:
        """Check all rows; return whether all have their own keys."""
        problems: list[tuple[Row, VariantProblem]] = []
        count = 0
        own = True
        taken: set[int] = set()
        for index, row in enumerate(self.rows):
            found = self._problems(index, row)
            key = self._key(row)
            own = own and self.rows.key(row) != ""
            digest = _digest(_file_name(key))
            if digest in taken:
                found += self._clashes(index, key)
            taken.add(digest)
            count += len(found)
            problems += [(row, problem) for problem in found[: _SHOWN - len(problems)]]
        if count:
            raise CommandError(_report(self.rows, problems, count))
        return own

    def _problems(self, index: int, row: Row) -> list[VariantProblem]:
        problems = []
        if self._keyed and self.rows.key(row) == "":
            reason = "has no key, which each row needs here"
            problems.append(VariantProblem(index, self._column, reason))
        title = self._title(row)
        if title is not None and not isinstance(title, str):
            problems.append(VariantProblem(index, "title", f"expected a text, got {title!r}"))
        try:
            self._checker.request(index, self._variables(row))
        except InvalidVariants as error:
            problems += error.problems
        return problems

    def _clashes(self, index: int, key: str) -> list[VariantProblem]:
        """Name an earlier row with the same file name, since some file systems ignore case."""
        name = _file_name(key)
        for earlier in itertools.islice(self.rows, index):
            if _file_name(self._key(earlier)) == name:
                reason = f"{key!r} gives the same file name as that of row {earlier.number}"
                return [VariantProblem(index, self._column, reason)]
        return []

    def _variant(self, index: int, row: Row) -> NamedVariant:
        return NamedVariant(
            self._key(row), self._variables(row), self._title(row), index, self._checker
        )

    def _key(self, row: Row) -> str:
        # Use its position in the file, which does not depend on the selection of rows.
        return self.rows.key(row) or f"{row.number:0{self._digits}}"

    def _title(self, row: Row) -> Any:
        return text_of(row.values.get("title")) if self._has_title else None

    def _variables(self, row: Row) -> dict[str, Any]:
        names = self._variables_of_rows
        values = {name: value for name, value in row.values.items() if name in names}
        return with_ids(values, self.ids)


def _file_name(key: str) -> str:
    return file_stem(key).casefold()


def _digest(name: str) -> int:
    """Return a 64-bit digest of a name: a set of digests is small even for many rows."""
    return int.from_bytes(hashlib.blake2b(name.encode(), digest_size=8).digest())


def _report(rows: FieldRows, problems: Sequence[tuple[Row, VariantProblem]], count: int) -> str:
    found = "one problem" if count == 1 else f"{count} problems"
    lines = [f"{rows.path}: {found}; nothing was submitted."]
    for row, problem in problems:
        name = problem.variable
        column = "" if name is None else f", column {rows.field_columns.get(name, name)!r}"
        reason = escaped(problem.reason)
        lines.append(f"  line {row.line} (row {row.number}){column}: {reason}")
    if count > len(problems):
        lines.append(f"  and {count - len(problems)} more")
    return "\n".join(lines)
