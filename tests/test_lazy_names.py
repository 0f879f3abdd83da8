"""Packages whose names load when they are first used."""

from __future__ import annotations

import importlib
import py_compile
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = """
from heygen_async.lazy_names import import_lazily

TYPE_CHECKING = False
if TYPE_CHECKING or not import_lazily(__name__):
    from lazy_example.module import Value as Value, other as other
"""


@pytest.fixture(params=["sources", "archive", "compiled archive"])
def kind(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A package as files, in an archive, and compiled in an archive, as applications ship it."""
    sources = tmp_path / "lazy_example"
    sources.mkdir()
    (sources / "__init__.py").write_text(PACKAGE)
    (sources / "module.py").write_text("Value = [1]; other = [2]")
    place = tmp_path
    if request.param != "sources":
        place = tmp_path / "app.zip"
        with zipfile.ZipFile(place, "w") as archive:
            for path in sources.glob("*.py"):
                file = path
                if request.param == "compiled archive":
                    file = path.with_suffix(".pyc")
                    py_compile.compile(str(path), cfile=str(file), doraise=True)
                archive.write(file, f"lazy_example/{file.name}")
    sys.path.insert(0, str(place))
    importlib.invalidate_caches()
    yield request.param
    sys.path.remove(str(place))
    for name in [name for name in sys.modules if name.startswith("lazy_example")]:
        del sys.modules[name]


def test_names_are_imported_when_they_are_used(kind: str) -> None:
    package = importlib.import_module("lazy_example")
    assert ("lazy_example.module" in sys.modules) == (kind == "compiled archive")
    assert {"Value", "other", "__name__"} <= set(dir(package))
    assert package.Value is package.Value
    assert package.Value == [1]
    assert sys.modules["lazy_example.module"].Value is package.Value
    with pytest.raises(AttributeError, match="'lazy_example' has no attribute 'another'"):
        package.another  # noqa: B018


@pytest.mark.usefixtures("kind")
def test_a_star_import_brings_all_names() -> None:
    space: dict[str, object] = {}
    exec("from lazy_example import *", space)
    assert {"Value", "other"} <= space.keys()
