"""All public names are documented: purpose, parameters, results and errors."""

from __future__ import annotations

import ast
import dataclasses
import importlib
import inspect
import re
import textwrap
from collections.abc import Iterator
from functools import cache, cached_property
from typing import Any, NamedTuple

import msgspec

from heygen_async import HeyGen, JournalStore, MemoryJournal, SqliteJournal
from heygen_async.endpoints.resource import Resource

HOMES = ("", ".batch", ".journal", ".pipelines", ".sandbox", ".webhooks")

# Classes that users get and do not construct: their parameters need no description.
HANDED_OUT = {"BatchJob", "Job", "Pages", "Run", "Turn", "VideoAgentJob"}

# Their methods are described in the protocol.
IMPLEMENTATIONS = {MemoryJournal: JournalStore, SqliteJournal: JournalStore}


class Described(NamedTuple):
    """A function or a method, and where it was found."""

    where: str
    function: Any

    @property
    def doc(self) -> str:
        return inspect.getdoc(self.function) or ""


def is_ours(thing: object) -> bool:
    return getattr(thing, "__module__", "").partition(".")[0] == "heygen_async"


def exported() -> Iterator[Any]:
    """Yield the names in ``__all__`` of the public modules."""
    for home in HOMES:
        module = importlib.import_module(f"heygen_async{home}")
        yield from (getattr(module, name) for name in module.__all__)


def at_hand(value: object) -> Iterator[type]:
    """Yield the types of an object and of everything under its public names."""
    yield type(value)
    for name in dir(value):
        if not name.startswith("_"):
            part = getattr(value, name)
            if is_ours(type(part)):
                yield from at_hand(part)


def reachable() -> list[type]:
    """All public classes with those of ours that they inherit from."""
    classes = [value for value in exported() if inspect.isclass(value)]
    classes += at_hand(HeyGen("sk_V2_anything", base_url="http://127.0.0.1:9"))
    return sorted(
        {parent for one in classes for parent in one.__mro__ if is_ours(parent)},
        key=lambda one: f"{one.__module__}.{one.__qualname__}",
    )


CLASSES = reachable()


def callables() -> Iterator[Described]:
    """All public functions, and the public methods of all public classes."""
    for value in exported():
        if inspect.isfunction(value) and is_ours(value):
            yield Described(f"{value.__module__}.{value.__qualname__}", value)
    for where, member in MEMBERS:
        function = member.__func__ if isinstance(member, staticmethod | classmethod) else member
        if inspect.isfunction(function):
            yield Described(where, function)


def properties() -> Iterator[Described]:
    for where, member in MEMBERS:
        if isinstance(member, property):
            yield Described(where, member.fget)
        elif isinstance(member, cached_property):
            yield Described(where, member.func)


MEMBERS = [
    (f"{one.__module__}.{one.__qualname__}.{name}", member)
    for one in CLASSES
    for name, member in vars(one).items()
    if not name.startswith("_") and not hasattr(IMPLEMENTATIONS.get(one), name)
]
CALLABLES = list(callables())
PROPERTIES = list(properties())


def section(doc: str, title: str) -> str | None:
    """The lines of a section, without their indent, or None where there is none."""
    found = re.search(rf"^{title}:\n((?: +.*\n|\n)*)", f"{doc}\n", re.MULTILINE)
    return None if found is None else textwrap.dedent(found[1])


def entries(doc: str, title: str) -> list[str]:
    """Names of what a section describes."""
    found = re.findall(r"^\**(\w+(?:, \w+)*): *\S", section(doc, title) or "", re.MULTILINE)
    return [name for names in found for name in names.split(", ")]


def taken(function: Any) -> list[str]:
    """Names of the parameters that callers can give."""
    names = list(inspect.signature(function).parameters)
    return [name for name in names if name not in ("self", "cls") and not name.startswith("_")]


def described(one: type) -> set[str]:
    """Attributes and constructor parameters that a class describes, or one that it is made of."""
    docs = [inspect.cleandoc(parent.__doc__ or "") for parent in one.__mro__ if is_ours(parent)]
    return {
        name for doc in docs for title in ("Args", "Attributes") for name in entries(doc, title)
    }


@cache
def definitions(module: str) -> dict[str, ast.AST]:
    """The classes and functions of a module by their qualified names."""
    found = dict[str, ast.AST]()

    def visit(node: ast.AST, prefix: str) -> None:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
                found[prefix + child.name] = child
                visit(child, f"{prefix}{child.name}.")

    visit(ast.parse(inspect.getsource(importlib.import_module(module))), "")
    return found


def body_of(thing: Any) -> ast.AST:
    return definitions(thing.__module__)[thing.__qualname__]


def test_the_walk_reaches_what_users_do() -> None:
    found = {one.where.removeprefix("heygen_async.") for one in CALLABLES}
    assert found > {
        "client.HeyGen.download",
        "endpoints.videos.VideoBatches.create",
        "endpoints.webhooks.WebhookEndpoints.rotate_secret",
        "jobs.job.Job.wait",
        "webhooks.signature.verify",
        "sandbox.sandbox.Sandbox.fail_next",
    }


def test_everything_public_is_described() -> None:
    silent = [f"{one.__module__}.{one.__qualname__}" for one in CLASSES if not vars(one)["__doc__"]]
    silent += [one.where for one in CALLABLES + PROPERTIES if not one.function.__doc__]
    assert not silent, "\n".join(silent)


def test_every_parameter_is_described_and_no_other() -> None:
    wrong = []
    for one in CALLABLES:
        differing = {*taken(one.function)} ^ {*entries(one.doc, "Args")}
        if differing:
            wrong.append(f"{one.where}: {', '.join(sorted(differing))}")
    assert not wrong, "\n".join(wrong)


def test_what_constructors_take_is_described() -> None:
    wrong = []
    for one in CLASSES:
        made_by_users = one.__name__ not in HANDED_OUT and not issubclass(one, Resource)
        constructor = vars(one).get("__init__")
        if made_by_users and is_ours(constructor):
            known = described(one)
            if issubclass(one, Exception):
                known.add("message")  # the same in all of them
            missing = [name for name in taken(constructor) if name not in known]
            if missing:
                wrong.append(f"{one.__module__}.{one.__qualname__}: {', '.join(missing)}")
    assert not wrong, "\n".join(wrong)


def attributes(one: type) -> Iterator[str]:
    """Public attributes of the objects of a class: fields, or what its methods set."""
    if issubclass(one, msgspec.Struct):
        yield from one.__struct_fields__
    elif dataclasses.is_dataclass(one):
        yield from (field.name for field in dataclasses.fields(one))
    else:
        for node in ast.walk(body_of(one)):
            match node:
                case ast.Attribute(value=ast.Name(id="self"), ctx=ast.Store()):
                    yield node.attr


def test_every_attribute_is_described() -> None:
    wrong = []
    for one in CLASSES:
        known = described(one)
        missing = {
            name
            for name in attributes(one)
            if not name.startswith("_")
            and name not in known
            and not isinstance(inspect.getattr_static(one, name, None), property)
        }
        if missing:
            wrong.append(f"{one.__module__}.{one.__qualname__}: {', '.join(sorted(missing))}")
    assert not wrong, "\n".join(wrong)


def test_what_comes_back_is_said() -> None:
    """A verb that also opens what gives nothing back does not say it: there a section must."""
    giving, actions = list[Described](), set[str]()
    for one in CALLABLES:
        gives = str(inspect.signature(one.function).return_annotation)
        if gives in {"None", "NoReturn"} or gives.endswith("[None]"):
            actions.add(one.doc.partition(" ")[0])
        elif gives != one.where.split(".")[-2]:  # the result of an alternative constructor is clear
            giving.append(one)
    assert actions > {"Close", "Record", "Wait"}
    wrong = [
        f"{one.where}: {one.doc.partition(' ')[0]}"
        for one in giving
        if one.doc.partition(" ")[0] in actions
        and not any(section(one.doc, title) for title in ("Returns", "Yields"))
    ]
    assert not wrong, "\n".join(wrong)


def test_what_is_raised_is_said() -> None:
    wrong = []
    for one in CALLABLES + PROPERTIES:
        for node in ast.walk(body_of(one.function)):
            if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call):
                name = ast.unparse(node.exc.func)
                if name not in entries(one.doc, "Raises"):
                    wrong.append(f"{one.where}: {name}")
    assert not wrong, "\n".join(wrong)
