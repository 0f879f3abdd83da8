"""The documentation is correct: the snippets of each page run as written."""

from __future__ import annotations

import ast
import logging
import re
import runpy
import zlib
from collections.abc import Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
import typer
import typer.main

import heygen_async
from heygen_async import HeyGen, errors
from heygen_async.cli.app import app
from heygen_async.sandbox import Sandbox

from .page_commands import PageCommands
from .public_names import HOMES
from .snippets import prints, run_in, snippets
from .web_servers import under_uvicorn

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGES = {path.relative_to(DOCS).as_posix(): path for path in sorted(DOCS.rglob("*.md"))}
WITH_CODE = [name for name, path in PAGES.items() if snippets(path.read_text(encoding="utf-8"))]
HOOKS = runpy.run_path(str(DOCS / "hooks.py"))
# Snippets that cannot run; each states its reason.
NOT_RUN = 8


@pytest.fixture
def account(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Sandbox:
    """A sandbox that has what the pages name, and a folder of the reader's own."""
    sandbox.add_look(look_id="AVATAR_ID")
    sandbox.add_voice(voice_id="VOICE_ID")
    sandbox.add_template(template_id="TEMPLATE_ID", variables={"name": "text", "picture": "image"})
    monkeypatch.chdir(tmp_path)
    return sandbox


@pytest.fixture(autouse=True)
def log_levels() -> Iterator[None]:
    """Restore the levels of loggers after each page."""
    names = [name for name in logging.root.manager.loggerDict if name.startswith("heygen_async")]
    before = {name: logging.getLogger(name).level for name in names}
    yield
    for name, level in before.items():
        logging.getLogger(name).setLevel(level)


def prelude(sandbox: Sandbox) -> dict[str, Any]:
    """Return the names that the start page promises."""
    return {
        "heygen": HeyGen(),
        "avatar_id": sandbox.avatar_id,
        "voice_id": sandbox.voice_id,
        "template_id": "TEMPLATE_ID",
        "video_url": "https://example.com/launch.mp4",
    }


@pytest.mark.anyio
@pytest.mark.sandbox(speed=60)
@pytest.mark.parametrize("page", WITH_CODE)
async def test_a_page(
    page: str,
    account: Sandbox,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    space = prelude(account)
    commands = PageCommands(monkeypatch)
    async with AsyncExitStack() as stack:
        stack.push_async_callback(space["heygen"].aclose)
        for snippet in snippets(PAGES[page].read_text(encoding="utf-8")):
            if snippet.reason is not None or snippet.language not in ("python", "sh"):
                continue
            before = set(space)
            if snippet.language == "python":
                await run_in(space, snippet.code, source=page, line=snippet.line)
                new = {name: space[name] for name in set(space) - before}
                await follow_up(new, space, account, stack)
            else:
                for line in snippet.code.replace("\\\n", "").splitlines():
                    await commands.run(line)
            printed = capsys.readouterr().out
            if snippet.output is not None:
                assert prints(snippet.output, printed), printed


async def follow_up(
    new: dict[str, Any], space: dict[str, Any], sandbox: Sandbox, stack: AsyncExitStack
) -> None:
    """Use the definitions of a snippet as its reader would: call, test or serve them."""
    for name, value in new.items():
        if name == "main":
            await value()
        elif name.startswith("test_"):
            await value(heygen_sandbox=sandbox)
        elif name == "app":
            space["public_url"] = await stack.enter_async_context(under_uvicorn(value))
        elif name == "heygen":
            stack.push_async_callback(value.aclose)


def test_the_start_page_tells_the_names_of_the_prelude(sandbox_names: set[str]) -> None:
    (told,) = (
        snippet.code
        for snippet in snippets(PAGES["index.md"].read_text(encoding="utf-8"))
        if "avatar_id = " in snippet.code
    )
    assigned = {
        target.id
        for node in ast.parse(told).body
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    assert assigned == sandbox_names


@pytest.fixture
def sandbox_names(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    monkeypatch.setenv("HEYGEN_API_KEY", "sk_V2_test")
    return set(prelude(Sandbox()))


def test_few_snippets_are_not_run() -> None:
    reasons = [
        snippet.reason
        for path in PAGES.values()
        for snippet in snippets(path.read_text(encoding="utf-8"))
        if snippet.reason is not None
    ]
    assert len(reasons) == NOT_RUN


def test_every_block_says_its_language() -> None:
    for name, path in PAGES.items():
        text = path.read_text(encoding="utf-8")
        fences = len(re.findall(r"^```", text, re.MULTILINE))
        found = snippets(text)
        assert fences == 2 * sum(1 + (snippet.output is not None) for snippet in found), name


def test_links_lead_to_pages() -> None:
    for path in PAGES.values():
        for target in re.findall(r"\]\((?!https?://)([^)#]+)", path.read_text(encoding="utf-8")):
            assert (path.parent / target).exists(), f"{path.name}: {target}"


def test_the_table_of_errors_has_all_of_them() -> None:
    table = HOOKS["error_table"]()
    told = re.findall(r"^\| (?:&nbsp;)*`(\w+)` \| \S", table, re.MULTILINE)
    there = [name for name in HOMES if getattr(heygen_async, name, None) in vars(errors).values()]
    assert sorted(told) == sorted(there)
    assert "`InvalidRequest` | A request that the API would refuse" in table
    assert "| `param` |" in table


def test_the_list_of_commands_has_all_of_them() -> None:
    told = HOOKS["command_reference"]()
    group: Any = typer.main.get_command(app)
    for name, command in commands(group):
        section = told.partition(f"### {name}\n")[2].partition("\n### ")[0]
        assert f"heygen-async {name} [OPTIONS]" in section
        options = {option for one in command.params for option in one.opts if option[0] == "-"}
        assert options <= set(re.findall(r"`(--?[\w-]+)", section)), name


def test_a_build_warns_of_what_it_must_not_have(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    names = sorted(HOOKS["public_names"]() - {"Job"})
    lines = "".join(f"heygen_async.{name} py:class 1 x.html -\n" for name in names)
    header = b"# Sphinx inventory version 2\n# compressed using zlib.\n"
    (tmp_path / "objects.inv").write_bytes(header + zlib.compress(lines.encode()))
    (tmp_path / "good.html").write_text('<a href="https://a.example">a</a><img src="a.svg">')
    (tmp_path / "bad.html").write_text(
        '<link href="https://b.example/b.css" rel="stylesheet"><script src="//c.example"></script>'
    )
    (tmp_path / "bad.css").write_text("a { background: url(https://d.example/d.png) }")
    HOOKS["on_post_build"]({"site_dir": str(tmp_path)})
    told = [record.getMessage() for record in caplog.records]
    assert len(told) == 4
    assert [name for name in "bcd" if any(f"{name}.example" in line for line in told)] == [*"bcd"]
    assert told[-1] == "the reference does not describe Job"


def commands(group: Any, *above: str) -> Iterator[tuple[str, Any]]:
    for name, listed in group.commands.items():
        command = listed if above else group.load(name)
        if hasattr(command, "commands"):
            yield from commands(command, *above, name)
        else:
            yield " ".join([*above, name]), command


def test_every_public_name_has_a_page() -> None:
    """Check quickly that every error has its entry; the build of the site checks the rest."""
    told = "\n".join(path.read_text(encoding="utf-8") for path in DOCS.glob("reference/*.md"))
    directives = set(re.findall(r"^::: (\S+)$", told, re.MULTILINE))
    for name in HOMES.keys() - {"__version__", "PRICES"}:
        home = HOMES[name]
        value = getattr(heygen_async, name)
        module = getattr(value, "__module__", home)
        assert any(one.startswith((home, module)) for one in directives), name
