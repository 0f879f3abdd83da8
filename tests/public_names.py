"""The public names of the package, as type checkers read them."""

from __future__ import annotations

import ast
from pathlib import Path

import heygen_async


def imports_of_public_names() -> list[tuple[str, str]]:
    """Return the module and name of each public name, in the order of the source."""
    source = ast.parse(Path(heygen_async.__file__).read_text(encoding="utf-8"))
    block = next(node for node in source.body if isinstance(node, ast.If))
    assert ast.unparse(block.test) == "TYPE_CHECKING or not import_lazily(__name__)"
    imports = []
    for statement in block.body:
        assert isinstance(statement, ast.ImportFrom)
        assert statement.module is not None
        for alias in statement.names:
            assert alias.asname == alias.name, f"{alias.name} is private to type checkers"
            imports.append((statement.module, alias.name))
    return imports


HOMES = {name: module for module, name in imports_of_public_names()}
"""The module that each public name is imported from."""
