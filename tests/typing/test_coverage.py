"""The files beside this one, which are checked and never run, leave nothing public out."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from heygen_async.sandbox.operations import HANDLERS
from tests.contract.schemas import MODELS
from tests.public_names import HOMES

TREES = [ast.parse(file.read_text(encoding="utf-8")) for file in Path(__file__).parent.glob("*.py")]


def named(module: str) -> set[str]:
    """Return the names that the files import from a module."""
    return {
        alias.name
        for tree in TREES
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module == module
        for alias in node.names
    }


def called() -> Iterator[str]:
    for tree in TREES:
        for node in ast.walk(tree):
            if isinstance(node, ast.Call):
                yield ast.unparse(node.func)


def test_all_operations_are_called() -> None:
    missing = {f"heygen.{operation}" for operation in HANDLERS} - set(called())
    assert not missing


def test_all_names_occur() -> None:
    # Models are what the operations take and give; their fields are held against the contract.
    missing = HOMES.keys() - MODELS.keys() - named("heygen_async") - {"__version__"}
    assert not missing
