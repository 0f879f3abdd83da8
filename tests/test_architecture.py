"""The package follows its architecture: imports run one way, and modules stay small."""

from __future__ import annotations

import ast
import io
import re
import sys
import tokenize
import tomllib
from collections import Counter
from collections.abc import Iterator
from functools import cache
from graphlib import TopologicalSorter
from itertools import chain
from pathlib import Path

import pytest

import heygen_async

PACKAGE = Path(heygen_async.__file__).parent
MODULES = sorted(PACKAGE.rglob("*.py"))
ROOT = PACKAGE / "__init__.py"
MOST_LINES = 400
MOST_MODULES = 14  # in one folder of a room, __init__.py included
# Folders that grow with the API: readers look for the name of a resource there.
ONE_MODULE_PER_RESOURCE = {"models", "endpoints"}

# Each room with the rooms that it may import besides itself; the root's lazy names are apart.
ERRORS = {"errors", "version"}
MODELS = {"models"} | ERRORS
SESSION = {"session"} | MODELS
JOBS = {"jobs"} | SESSION
ENDPOINTS = {"endpoints"} | JOBS
WEBHOOKS = {"webhooks"} | ENDPOINTS
CLIENT = {"client"} | WEBHOOKS
PRICING = {"pricing"} | MODELS
JOURNAL = {"journal"} | SESSION | PRICING
MEDIA = {"media"} | CLIENT
DELIVERY = {"delivery"} | CLIENT
DUBS = {"captions", "dubs"} | CLIENT
BATCH = {"batch", "journal", "pricing", "delivery"} | MEDIA | DUBS
CLI = {"captions", "pipelines", "reports", "sandbox", "distributed", "lazy_names", "telemetry"}
CLI |= BATCH
MAY_IMPORT = {
    "version": set[str](),
    "lazy_names": set[str](),
    "errors": set[str](),
    "models": ERRORS,
    "session": MODELS,
    "jobs": SESSION,
    "endpoints": JOBS,
    "webhooks": ENDPOINTS,
    "client": CLIENT,
    "media": MEDIA,
    "delivery": DELIVERY,
    "pricing": PRICING,
    "journal": JOURNAL,
    "batch": BATCH,
    "captions": MODELS,
    "dubs": DUBS,
    "distributed": {"lazy_names"} | BATCH,
    "pipelines": {"captions"} | BATCH,
    "reports": BATCH,
    "telemetry": BATCH,
    "cli": CLI,
    "__main__": {"cli"} | CLI,
    "sandbox": set[str](),
}

# The protocol of each seam, its implementations, and the modules that choose among these. All
# others know the protocol alone.
SEAMS = {
    "journal.store": (
        {
            *("MemoryJournal", "MemoryReader", "SqliteJournal", "SqliteReader"),
            *("PostgresJournal", "PostgresReader"),
        },
        {
            *("journal", "journal.sqlite.writer", "journal.postgres", "journal.postgres.writer"),
            *("batch.batch", "distributed.runs.cluster", "distributed.runs.run_work"),
            "cli.run_locations",
        },
    ),
    "session.slots": (
        {"JobSlots", "JobSlot", "FreeSlots", "RedisSlots", "RedisSlot"},
        {
            *("client", "batch.run", "batch.item", "batch.server_batches", "distributed"),
            *("distributed.runs.cluster", "distributed.runs.run_work", "cli.cluster.worker"),
        },
    ),
    "webhooks.delivery_log": (
        {"MemoryDeliveryLog", "MemorySeen", "SeenEventsLog", "RedisDeliveryLog"},
        {"webhooks", "webhooks.seen_events", "webhooks.receiver", "distributed"},
    ),
    "delivery.files": ({"LocalFiles", "RemoteFiles"}, {"delivery.remote_files"}),
    "batch.submitter": (
        {"SingleSubmitter", "ServerBatchSubmitter"},
        {"batch.run", "batch.server_batches", "distributed.runs.run_work"},
    ),
}


def module_id(path: Path) -> str:
    return path.relative_to(PACKAGE).as_posix()


def module_of(path: Path) -> str:
    """Return the dotted name within the package, as docs/architecture.md gives it."""
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return ".".join(part for part in parts if part != "__init__")


def room_of(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


@cache
def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def imported(path: Path) -> Iterator[tuple[int, str]]:
    """Yield the absolute name of each imported module, wherever the import stands."""
    for line, module, names in import_statements(path):
        # From the root the names are what is imported.
        for name in names if module == "heygen_async" and names else [""]:
            yield line, f"{module}.{name}".rstrip(".")


@cache
def import_statements(path: Path) -> list[tuple[int, str, list[str]]]:
    """Each import with the absolute name of its module, and the names taken from it."""
    package = ("heygen_async", *path.relative_to(PACKAGE).parent.parts)
    found: list[tuple[int, str, list[str]]] = []
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.Import):
            found += [(node.lineno, alias.name, []) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            start = package[: len(package) - node.level + 1] if node.level else ()
            module = ".".join([*start, *([node.module] if node.module else [])])
            found.append((node.lineno, module, [alias.name for alias in node.names]))
    return found


def rooms_imported(path: Path) -> Iterator[tuple[int, str]]:
    for line, name in imported(path):
        top, *rest = name.split(".")
        if top == "heygen_async":
            yield line, rest[0] if rest else "the root"


def code_lines(source: str) -> int:
    """Count the lines of code: neither blank, comment nor docstring."""
    beside = {
        tokenize.COMMENT,
        tokenize.NL,
        tokenize.NEWLINE,
        tokenize.INDENT,
        tokenize.DEDENT,
        tokenize.ENDMARKER,
    }
    held = set[int]()
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type not in beside:
            held |= set(range(token.start[0], token.end[0] + 1))
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            held -= set(range(node.lineno, (node.end_lineno or node.lineno) + 1))
    return len(held)


def run_by_an_import(node: ast.AST) -> Iterator[ast.AST]:
    """Return the statements that an import runs: all but the bodies of functions."""
    yield node
    for name, value in ast.iter_fields(node):
        if name == "body" and isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            continue
        for child in value if isinstance(value, list) else [value]:
            if isinstance(child, ast.AST):
                yield from run_by_an_import(child)


def test_every_room_is_known() -> None:
    assert {room_of(path) for path in MODULES if path != ROOT} <= set(MAY_IMPORT)


def test_no_circle_of_imports() -> None:
    """Check that there is no circle, also with imports inside functions."""
    modules = {f"heygen_async.{module_of(path)}": path for path in MODULES if path != ROOT}
    graph = {
        module: {
            name
            for _, imported_module, names in import_statements(path)
            for name in [imported_module, *(f"{imported_module}.{name}" for name in names)]
            if name in modules and name != module
        }
        for module, path in modules.items()
    }
    assert sum(map(len, graph.values())) > len(graph)
    TopologicalSorter(graph).prepare()  # raises CycleError with the circle


def test_only_the_command_line_imports_the_sandbox() -> None:
    users = {
        room_of(path) for path in MODULES for _, name in rooms_imported(path) if name == "sandbox"
    }
    assert users == {"sandbox", "cli"}


@pytest.mark.parametrize("seam", SEAMS)
def test_only_who_chooses_knows_the_implementations_of_a_seam(seam: str) -> None:
    implementations, choosers = SEAMS[seam]
    defined = {
        node.name: module_of(path)
        for path in MODULES
        for node in tree_of(path).body
        if isinstance(node, ast.ClassDef) and node.name in implementations
    }
    assert set(defined) == implementations
    users = {
        module_of(path)
        for path in MODULES
        if path != ROOT
        for _, _, names in import_statements(path)
        if implementations & set(names)
    }
    assert users <= choosers


def test_nobody_asks_for_an_implementation_of_a_seam() -> None:
    """`isinstance` on one would shut out all others."""
    implementations = set[str]().union(*(classes for classes, _ in SEAMS.values()))
    asked = [
        (module_id(path), node.lineno)
        for path in MODULES
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.Call)
        and ast.unparse(node.func) in ("isinstance", "issubclass")
        and implementations & set(re.findall(r"\w+", ast.unparse(node.args[1])))
    ]
    assert not asked


@pytest.mark.parametrize("path", [path for path in MODULES if path != ROOT], ids=module_id)
def test_imports_run_one_way(path: Path) -> None:
    room = room_of(path)
    allowed = {room} | MAY_IMPORT[room]
    strays = [(line, name) for line, name in rooms_imported(path) if name not in allowed]
    assert not strays


def test_what_is_imported_is_a_declared_dependency() -> None:
    """Not one that another package happens to bring along."""
    project = tomllib.loads((PACKAGE.parent / "pyproject.toml").read_text("utf-8"))["project"]
    lists = [project["dependencies"], *project["optional-dependencies"].values()]
    declared = {
        re.match(r"[\w-]+", requirement)[0].replace("-", "_")  # type: ignore[index]
        for requirement in chain.from_iterable(lists)
    }
    used = {name.partition(".")[0] for path in MODULES for _, name in imported(path)}
    # Its plugin runs in pytest alone, Pydantic itself asks for its schemas, and yarl's URLs are
    # what aiohttp's own methods take.
    callers = {"pytest", "pydantic_core"}
    others = used - sys.stdlib_module_names - {"heygen_async", "yarl", "", *callers}
    others = {{"PIL": "pillow"}.get(name, name) for name in others}
    assert "aiohttp" in others
    assert not {
        name
        for name in others
        if not any(one == name or one.startswith(f"{name}_") for one in declared)
    }


def test_the_root_leaves_sandbox_and_command_line_alone() -> None:
    rooms = {name for _, name in rooms_imported(ROOT)}
    assert not rooms & {"sandbox", "cli"}


def test_backoff_is_asked_in_one_place() -> None:
    users = {
        module_id(path)
        for path in MODULES
        if any(name.partition(".")[0] == "backoff" for _, name in imported(path))
    }
    assert users == {"session/retry.py"}


def test_imports_make_nothing_that_belongs_to_an_event_loop() -> None:
    made = [
        (module_id(path), node.lineno, ast.unparse(node.func))
        for path in MODULES
        for node in run_by_an_import(tree_of(path))
        if isinstance(node, ast.Call)
        and ast.unparse(node.func).partition(".")[0] in ("asyncio", "anyio")
    ]
    assert not made


# The root is a list of names, which grows with the API.
@pytest.mark.parametrize("path", [path for path in MODULES if path != ROOT], ids=module_id)
def test_modules_stay_small(path: Path) -> None:
    source = path.read_text(encoding="utf-8")
    assert source.count("\n") < MOST_LINES or code_lines(source) < MOST_LINES


def test_rooms_stay_small() -> None:
    floors = Counter(path.parent.relative_to(PACKAGE).as_posix() for path in MODULES)
    crowded = {floor for floor, modules in floors.items() if modules > MOST_MODULES}
    assert crowded == ONE_MODULE_PER_RESOURCE


def test_no_module_is_an_attic() -> None:
    attics = {"utils", "util", "helpers", "helper", "base", "common", "misc"}
    names = {name for path in MODULES for name in path.relative_to(PACKAGE).with_suffix("").parts}
    assert not names & attics
