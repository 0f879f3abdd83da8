"""Files of the project that no program reads here: they name what exists."""

from __future__ import annotations

import ast
import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
NOXFILE = ast.parse((ROOT / "noxfile.py").read_text(encoding="utf-8"))
SESSIONS = {
    node.name
    for node in NOXFILE.body
    if isinstance(node, ast.FunctionDef)
    for decorator in node.decorator_list
    if ast.unparse(decorator).startswith("nox.session")
}
PYTHONS = next(
    ast.literal_eval(node.value)
    for node in NOXFILE.body
    if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "PYTHONS"
)
WORKFLOWS = sorted((ROOT / ".github/workflows").glob("*.yml"))
PAGES = [ROOT / name for name in ("README.md", "CONTRIBUTING.md", "SECURITY.md")]


@pytest.mark.parametrize("path", [*PAGES, *WORKFLOWS], ids=lambda path: path.name)
def test_sessions_of_nox_exist(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    named = set(re.findall(r"nox -s ([a-z]+)", text))
    for listed in re.findall(r"session: \[(.*)\]", text):
        named |= set(listed.split(", "))
    assert named <= SESSIONS


def test_workflows_run_the_pythons_of_nox() -> None:
    text = (ROOT / ".github/workflows/tests.yml").read_text(encoding="utf-8")
    listed = re.search(r"python: (\[.*\])", text)
    assert listed
    assert ast.literal_eval(listed[1]) == PYTHONS


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_files_that_pages_name_exist(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    links = re.findall(r"\]\((?!https?://)([^)#]+)", text)
    named = re.findall(r"`((?:heygen_async|tests|docs|examples|benchmarks)/[\w./]*)`", text)
    for target in [*links, *named]:
        assert (ROOT / target).exists(), target


def test_the_start_page_lists_all_extras() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    page = (ROOT / "docs/index.md").read_text(encoding="utf-8")
    listed = re.findall(r"^\| `([a-z-]+)` \|", page, re.MULTILINE)
    assert sorted(listed) == sorted(project["project"]["optional-dependencies"])


def test_a_package_index_gets_absolute_links() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    for rule in project["tool"]["hatch"]["metadata"]["hooks"]["fancy-pypi-readme"]["substitutions"]:
        readme = re.sub(rule["pattern"], rule["replacement"], readme)
    links = re.findall(r"\]\(([^)]+)\)", readme)
    assert len(links) > 20
    assert all(link.startswith("https://") for link in links)
    home = project["project"]["urls"]["Homepage"]
    places = re.findall(rf"{home}/blob/main/([^)#]+)", readme)
    places += re.findall(r"https://raw\.githubusercontent\.com/[^/]+/[^/]+/main/([^)]+)", readme)
    assert all((ROOT / place).exists() for place in places)


def test_hints_to_install_name_published_packages() -> None:
    """The package itself is not on an index, so its extras cannot be installed from there."""
    for path in sorted((ROOT / "heygen_async").rglob("*.py")):
        hints = re.findall(r"pip install ([^(]*)", path.read_text(encoding="utf-8"))
        assert not [hint for hint in hints if "heygen" in hint.lower()], path
