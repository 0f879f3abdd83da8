"""Check the variants of a template before any paid call."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import Any, TypeAlias

import msgspec

from heygen_async.batch.tables.values import is_missing, text_of
from heygen_async.errors import InvalidRequest
from heygen_async.models.template_variables import TemplateVariable, variable
from heygen_async.models.templates import TemplateRenderRequest, TemplateVariableInfo

Variant: TypeAlias = Mapping[str, Any] | TemplateRenderRequest
"""Values by variable name, or a complete request. A plain value is converted for the variable's
type: a text, the URL or asset id of a file, the id of a character or a voice. Numbers and dates are
accepted as texts; None and NaN mean that there is no value.
"""

_SHOWN = 10
# Types of variables with text values, which also accept numbers and dates.
_TEXTS = frozenset({"text", "character", "voice"})


class VariantProblem(msgspec.Struct, frozen=True):
    """A problem of one variant.

    Attributes:
        index: Position of the variant, from 0.
        variable: Name of the variable, or None if the problem concerns the whole variant.
        reason: Description of the problem.
    """

    index: int
    variable: str | None
    reason: str

    def __str__(self) -> str:
        name = f", variable {self.variable!r}" if self.variable is not None else ""
        return f"row {self.index + 1}{name}: {self.reason}"


class InvalidVariants(InvalidRequest):
    """The template does not accept some variants; nothing was submitted for them.

    Attributes:
        problems: All problems, in the order of the variants. Rows are counted from 1 in the message
            and from 0 here.
        param: The first invalid variable.
    """

    def __init__(self, problems: list[VariantProblem]) -> None:
        shown = "\n".join(f"  {problem}" for problem in problems[:_SHOWN])
        more = f"\n  and {len(problems) - _SHOWN} more" if len(problems) > _SHOWN else ""
        count = "a problem" if len(problems) == 1 else f"{len(problems)} problems"
        super().__init__(f"{count} with the variants:\n{shown}{more}", param=problems[0].variable)
        self.problems = problems


class VariantChecker:
    """Turn variants of one template into requests.

    Args:
        variables: The template's variables by name.
        all_texts: Whether a text that is left out is a problem. If not, the picture shows
            ``{{name}}``.
    """

    def __init__(
        self, variables: Mapping[str, TemplateVariableInfo], *, all_texts: bool = True
    ) -> None:
        self._all_texts = all_texts
        self._types = {name: info.type for name, info in variables.items()}

    def problems(self, index: int, variant: Variant) -> list[VariantProblem]:
        """Return the problems of one variant; arguments as for ``request``."""
        try:
            self.request(index, variant)
        except InvalidVariants as error:
            return error.problems
        return []

    def request(self, index: int, variant: Variant) -> TemplateRenderRequest:
        """Return the request of one variant.

        Args:
            index: Its position, from 0.
            variant: The variant.

        Raises:
            InvalidVariants: The variant is invalid; the message names the row and each variable.
        """
        given: object = variant
        if isinstance(variant, TemplateRenderRequest):
            given = variant.variables
        if not isinstance(given, Mapping):
            reason = f"expected a mapping of variable names to values, got {type(given).__name__}"
            raise InvalidVariants([VariantProblem(index, None, reason)])
        values: dict[str, TemplateVariable] = {}
        problems: list[VariantProblem] = []
        given = {name: value for name, value in given.items() if not is_missing(value)}
        for name, value in given.items():
            try:
                values[name] = self._value(name, value)
            except InvalidRequest as error:
                problems.append(VariantProblem(index, str(name), str(error)))
        for name, kind in self._types.items():
            if self._all_texts and kind == "text" and name not in given:
                reason = f"is missing; the picture would show {{{{{name}}}}}"
                problems.append(VariantProblem(index, name, reason))
        if problems:
            raise InvalidVariants(problems)
        if isinstance(variant, TemplateRenderRequest):
            return variant
        return TemplateRenderRequest(variables=values)

    def _value(self, name: str, value: object) -> TemplateVariable:
        kind = self._types.get(name)
        if kind is None:
            close = difflib.get_close_matches(str(name), self._types, n=1)
            hint = f"; did you mean {close[0]!r}?" if close else ""
            raise InvalidRequest(f"the template has no such variable{hint}")
        return variable(kind, text_of(value) if kind in _TEXTS else value)
