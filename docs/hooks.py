"""What the site says of the package by itself, and what every build must hold.

Two lines of the pages are filled in from the code: ``{{ errors }}`` becomes the table of all
exceptions, ``{{ commands }}`` all commands with their options. After a build, a page that loads
anything from another host, or a public name that is not in the reference, is a warning, which
ends a strict build.
"""

from __future__ import annotations

import importlib
import inspect
import logging
import re
import zlib
from collections.abc import Callable, Iterator
from enum import Enum
from pathlib import Path
from typing import Any, get_args, get_type_hints

import typer
from typer.models import ArgumentInfo

from heygen_async import errors
from heygen_async.cli.app import MODULES

logger = logging.getLogger("mkdocs.hooks.pages")

# Where the public names stand.
ROOMS = tuple(f"heygen_async{room}" for room in ("", ".journal", ".sandbox", ".webhooks"))

INDENT = "&nbsp;" * 3

_CODE = re.compile(r"``([^`]+)``")
_LOADING = re.compile(
    r"<(?:script|img|iframe|source|video|audio|embed)\b[^>]*\ssrc=\"?(?:https?:)?//[^>]*"
    r"|<link\b(?![^>]*rel=\"?canonical)[^>]*\shref=\"?(?:https?:)?//[^>]*",
    re.IGNORECASE,
)
_URL_IN_CSS = re.compile(r"url\(\s*[\"']?(?:https?:)?//[^)]*\)|@import[^;]*//[^;]*;")


def on_page_markdown(markdown: str, **_: object) -> str:
    """Fill in what comes from the code."""
    for name, make in (("{{ errors }}", error_table), ("{{ commands }}", command_reference)):
        if name in markdown:
            markdown = markdown.replace(name, make())
    return markdown


def on_page_content(html: str, **_: object) -> str:
    """Docstrings announce a block of code with two colons; one is for the reader."""
    return html.replace("::</p>", ":</p>")


def on_post_build(config: Any, **_: object) -> None:
    """Warn of what a build must not have, or must."""
    site = Path(config["site_dir"])
    for path in sorted(site.rglob("*.html")):
        for found in _LOADING.findall(path.read_text(encoding="utf-8")):
            logger.warning("%s loads from another host: %s", path.name, found)
    for path in sorted(site.rglob("*.css")):
        for found in _URL_IN_CSS.findall(path.read_text(encoding="utf-8")):
            logger.warning("%s loads from another host: %s", path.name, found)
    for name in sorted(public_names() - described(site / "objects.inv")):
        logger.warning("the reference does not describe %s", name)


def public_names() -> set[str]:
    """Return all public names except the version."""
    names = {name for room in ROOMS for name in importlib.import_module(room).__all__}
    return names - {"__version__"}


def described(inventory: Path) -> set[str]:
    """Return the names, without their modules, that have an entry in the reference."""
    header, _, packed = inventory.read_bytes().partition(b"zlib.\n")
    if not header.startswith(b"# Sphinx inventory"):
        return set()
    lines = zlib.decompress(packed).decode().splitlines()
    return {line.split()[0].rpartition(".")[2] for line in lines}


def error_table() -> str:
    """Return a table of all exceptions, indented below their parents, with their attributes."""
    rows = [
        f"| {INDENT * depth(kind)}`{kind.__name__}` | {first_sentence(kind)} | {carried(kind)} |"
        for kind in error_classes(errors.HeyGenError)
    ]
    return "\n".join(["| exception | when | carries |", "|---|---|---|", *rows])


def error_classes(kind: type[errors.HeyGenError]) -> Iterator[type[errors.HeyGenError]]:
    """Yield an exception and all that derive from it, in the order of their module."""
    yield kind
    for value in vars(errors).values():
        if isinstance(value, type) and kind in value.__bases__:
            yield from error_classes(value)


def depth(kind: type[errors.HeyGenError]) -> int:
    """Return the depth of an exception below the base."""
    return kind.__mro__.index(errors.HeyGenError)


def first_sentence(thing: object) -> str:
    """Return the first line of a docstring as Markdown."""
    text = (inspect.getdoc(thing) or "").partition("\n")[0]
    return _CODE.sub(r"`\1`", text)


def carried(kind: type[errors.HeyGenError]) -> str:
    """Return the attributes that the class adds to those of its parent."""
    above = {name for base in kind.__bases__ for name in attributes(base)}
    return ", ".join(f"`{name}`" for name in attributes(kind) if name not in above)


def attributes(kind: type) -> list[str]:
    """Return the attributes in the docstring of a class."""
    text = inspect.cleandoc(kind.__doc__ or "")
    section = text.partition("Attributes:\n")[2].partition("\n\n")[0]
    groups = re.findall(r"^ {4}(\w[\w, ]*):", section, re.MULTILINE)
    return [name.strip() for group in groups for name in group.split(",")]


def command_reference() -> str:
    """Return a section for each command: its description, arguments and options."""
    apps = [importlib.import_module(f"heygen_async.cli.app.{name}").app for name in MODULES]
    return "\n\n".join(section for app in apps for section in command_sections(app))


def command_sections(group: typer.Typer, *above: str) -> Iterator[str]:
    """Yield the sections of an app's commands, then those of the groups within it."""
    for command in group.registered_commands:
        assert command.callback is not None
        name = command.name or command.callback.__name__.replace("_", "-")
        yield command_section(" ".join([*above, name]), command.callback)
    for inner in group.registered_groups:
        assert inner.typer_instance is not None
        named = inner.name or inner.typer_instance.info.name
        yield from command_sections(inner.typer_instance, *above, str(named))


def command_section(name: str, callback: Callable[..., Any]) -> str:
    """Return the section of one command, from the function that it calls."""
    hints = get_type_hints(callback, include_extras=True)
    arguments, rows = [], []
    for parameter in inspect.signature(callback).parameters.values():
        kind, info = get_args(hints[parameter.name])[:2]
        if isinstance(info, ArgumentInfo):
            metavar = info.metavar or parameter.name.upper()
            arguments.append(metavar if parameter.default is parameter.empty else f"[{metavar}]")
            spelled = f"`{metavar}`"
        else:
            flag = kind is bool or bool in get_args(kind)
            metavar = "" if flag else f" {info.metavar or metavar_of(kind)}"
            # In Annotated, the first name of an option is in the place of its default.
            names = [one for one in (info.default, *(info.param_decls or ())) if is_option(one)]
            names = names or [f"--{parameter.name.replace('_', '-')}"]
            spelled = ", ".join(f"`{one}{metavar}`" for one in names)
        rows.append(f"| {spelled} | {in_a_cell(info.help)}{default_of(parameter, info)} |")
    usage = " ".join(["heygen-async", name, "[OPTIONS]", *arguments])
    table = ["| | |", "|---|---|", *rows] if rows else []
    text = in_paragraphs(inspect.getdoc(callback))
    return "\n".join([f"### {name}", "", f"    {usage}", "", text, "", *table])


def is_option(name: object) -> bool:
    """Return whether this is the name of an option."""
    return isinstance(name, str) and name.startswith("-")


def metavar_of(kind: Any) -> str:
    """Return the placeholder for the value of an option without one of its own."""
    while parts := [one for one in get_args(kind) if one is not type(None)]:
        kind = parts[0]
    if isinstance(kind, type) and issubclass(kind, Enum):
        return "|".join(str(one.value) for one in kind)
    return {Path: "FILE", str: "TEXT", int: "N", float: "N"}[kind]


def default_of(parameter: inspect.Parameter, info: Any) -> str:
    """Return the default of an argument or option, or an empty text."""
    shown = info.show_default if isinstance(info.show_default, str) else parameter.default
    if isinstance(shown, bool) or shown in (parameter.empty, None) or info.show_default is False:
        return ""
    return f" Default: {in_a_cell(str(shown))}."


def in_paragraphs(text: str | None) -> str:
    """Return the help of a command, each paragraph on one line."""
    paragraphs = inspect.cleandoc(text or "").split("\n\n")
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in paragraphs)


def in_a_cell(text: str | None) -> str:
    """Return a text that cannot end the cell of a table."""
    return (text or "").replace("|", "\\|").replace("<", "&lt;")
