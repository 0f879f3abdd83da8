"""The README is correct: its snippets run as written, and the names in it exist."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import anyio
import pytest

import heygen_async
from heygen_async import AvatarVideoRequest, HeyGen
from heygen_async.sandbox import Sandbox

from .page_commands import PageCommands
from .public_names import HOMES
from .snippets import run_in, snippets
from .web_servers import under_uvicorn

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return [snippet.code for snippet in snippets(README) if snippet.language == language]


def rows(header: str) -> list[list[str]]:
    """The cells of the table that begins with this line."""
    table = README.partition(f"{header}\n")[2].partition("\n\n")[0]
    return [line.strip("|").split("|") for line in table.splitlines()[1:]]


def names_in(text: str) -> list[str]:
    return re.findall(r"`([\w.]+)`", text)


pytestmark = pytest.mark.sandbox(speed=60)


@pytest.fixture
def account(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Sandbox:
    """A sandbox that has what the README names, and a folder of the reader's own."""
    sandbox.add_look(look_id="…")
    sandbox.add_template(template_id="template-id", variables={"name": "text"})
    monkeypatch.chdir(tmp_path)
    return sandbox


async def run(snippet: str, **names: Any) -> dict[str, Any]:
    """Run a snippet; the names that it leaves behind."""
    space = {name: getattr(heygen_async, name) for name in HOMES} | names
    await run_in(space, snippet, source="README.md")
    return space


def snippet_with(text: str) -> str:
    (found,) = (block for block in blocks("python") if text in block)
    return found


@pytest.mark.anyio
async def test_the_first_page(account: Sandbox, capsys: pytest.CaptureFixture[str]) -> None:
    left = await run(snippet_with("# HEYGEN_API_KEY"))
    variants = left["variants"]
    assert await anyio.Path("hello.mp4").exists()
    printed = capsys.readouterr().out.splitlines()
    assert len(printed) == len(variants)
    assert all(line.split()[1].startswith(account.media_origin) for line in printed)
    assert {outcome.key for outcome in left["dubbed"]} == {"Spanish (Spain)", "French (France)"}
    assert all(outcome.ok for outcome in left["dubbed"])
    assert account.ledger.count() == 1 + len(variants) + len(left["dubbed"])


@pytest.mark.anyio
async def test_a_web_app_with_a_receiver(
    account: Sandbox, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HEYGEN_WEBHOOK_SECRET", "whsec_of_before")
    left = await run(snippet_with("FastAPI(lifespan"))
    receiver = left["receiver"]
    async with under_uvicorn(left["app"]) as address:
        endpoint = await left["heygen"].webhooks.endpoints.create(f"{address}/webhooks/heygen")
        receiver.add_secret(endpoint.secret)
        job = await left["heygen"].videos.create(AvatarVideoRequest(avatar_id="…", script="Hello"))
        await job.wait()
        await account.deliveries.settled()
    assert capsys.readouterr().out.startswith(job.id)
    assert receiver.counts.events == 1


@pytest.mark.anyio
async def test_the_bulk_run(account: Sandbox, capsys: pytest.CaptureFixture[str]) -> None:
    variants = [{"name": "Ada"}, {"name": "Grace"}]
    async with HeyGen() as heygen:
        left = await run(snippet_with("run.estimate()"), heygen=heygen, variants=variants)
    assert left["run"].report.completed == 2
    printed = capsys.readouterr().out
    assert str(left["run"].report) in printed
    assert "estimate" in printed
    assert sorted([path.name async for path in anyio.Path("videos").iterdir()]) == [
        "Ada.mp4",
        "Grace.mp4",
    ]


@pytest.mark.anyio
async def test_a_sandbox_of_ones_own(capsys: pytest.CaptureFixture[str]) -> None:
    await run(snippet_with("import Sandbox"))
    assert capsys.readouterr().out == "0 0.0\n"


def test_every_snippet_is_run_above() -> None:
    tests = Path(__file__).read_text(encoding="utf-8")
    assert len(blocks("python")) == len(re.findall(r"\(snippet_with\(", tests))


def test_there_are_two_commands_to_set_up() -> None:
    commands = [line for block in blocks("sh") for line in block.splitlines()]
    setting_up = [line for line in commands if line.startswith("python3 -m venv")]
    assert [line.split(" && ")[-1] for line in setting_up] == [
        ".venv/bin/heygen-async demo",
        ".venv/bin/nox -s tests",
    ]
    assert all(README.count(line) == 1 for line in setting_up)


def test_the_gate_runs_the_command_of_the_tests() -> None:
    gate = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    (pattern,) = re.findall(r"grep -m1 -E '(.+)' README\.md", gate)
    (command,) = re.findall(pattern, README, re.MULTILINE)
    assert command.endswith("nox -s tests")


@pytest.mark.anyio
async def test_the_commands_run_in_order_on_a_fresh_sandbox(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("EDITOR", "true")
    (lines,) = (block for block in blocks("sh") if "rows.csv" in block)
    commands = PageCommands(monkeypatch)
    for line in lines.splitlines():
        await commands.run(line)
    videos = [path.name async for path in anyio.Path("videos").iterdir()]
    assert sorted(videos) == ["ada.mp4", "grace.mp4"]
    results = await anyio.Path("results.csv").read_text()
    assert results.count(",completed,") == 2
    # two of a template, the film, its two dubs, a proofread with its render, two without a template
    assert sandbox.ledger.count() == 9


def test_links_lead_somewhere() -> None:
    targets = re.findall(r"\]\((?!https?://)([^)#]+)\)", README)
    assert targets
    assert not [target for target in targets if not (ROOT / target).exists()]


def test_what_the_tables_name_is_there() -> None:
    heygen = HeyGen("sk_V2_test")
    checked = 0
    for names, methods in rows("| | |"):
        if not names.strip().startswith("`heygen."):
            paths = names_in(methods)
        else:
            paths = [f"{names_in(names)[0]}.{method}" for method in names_in(methods)]
        for path in paths:
            found: Any = heygen
            for part in path.removeprefix("heygen.").split("."):
                found = getattr(found, part)
            checked += 1
    assert checked > 40


def test_the_readme_stays_short() -> None:
    assert len(README.splitlines()) <= 200
