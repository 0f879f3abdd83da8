"""The public names of the package, as type checkers read them."""

from __future__ import annotations

import ast
from pathlib import Path

import heygen_async


def homes_of_public_names() -> dict[str, str]:
    """Return the module that each public name is imported from, by name."""
    source = ast.parse(Path(heygen_async.__file__).read_text(encoding="utf-8"))
    block = next(node for node in source.body if isinstance(node, ast.If))
    assert ast.unparse(block.test) == "TYPE_CHECKING"
    return {
        alias.name: statement.module
        for statement in block.body
        if isinstance(statement, ast.ImportFrom) and statement.module is not None
        for alias in statement.names
    }
