"""docs/architecture.md is correct: its names exist, and its rooms and paths are the real ones."""

from __future__ import annotations

import importlib
import inspect
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from heygen_async import AvatarVideoRequest, Batch, HeyGen, WebhookReceiver
from heygen_async.sandbox import Sandbox
from heygen_async.webhooks import AvatarVideoSuccess

from .test_architecture import MAY_IMPORT
from .traces import trace
from .web_servers import under_uvicorn
from .webhooks.signing import SECRET, event_body, signed

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")


def names(text: str) -> list[str]:
    """Dotted names of the package in the code spans of a text, in their order."""
    spans = re.findall(r"`([\w.]+)`", text)
    return [span for span in spans if "." in span and span.partition(".")[0] in MAY_IMPORT]


def resolve(name: str) -> Any:
    """Return what a name stands for; the longest module that it begins with counts."""
    parts = name.split(".")
    for count in range(len(parts), 0, -1):
        try:
            found: Any = importlib.import_module(".".join(["heygen_async", *parts[:count]]))
        except ModuleNotFoundError:
            continue
        for part in parts[count:]:
            found = inspect.getattr_static(found, part)
        return found
    raise AssertionError(f"{name}: there is no such module")


def way(title: str) -> list[str]:
    """The functions of the numbered steps of a section, in their order."""
    section = PAGE.partition(f"\n## {title}\n")[2].partition("\n## ")[0]
    steps = "".join(re.findall(r"^\d+\. .*\n(?:   .*\n)*", section, re.MULTILINE))
    found = {name: resolve(name) for name in names(steps)}
    return [
        name
        for name, value in found.items()
        if inspect.isfunction(value) or isinstance(value, property)
    ]


def check_way(title: str, called: list[str]) -> None:
    expected = way(title)
    assert len(expected) > 8
    assert not set(expected) - set(called), "not on the way"
    assert expected == sorted(expected, key=called.index), "in another order"


def test_every_name_exists() -> None:
    found = names(PAGE)
    assert len(found) > 100
    for name in found:
        resolve(name)


def test_a_name_that_does_not_exist_is_noticed() -> None:
    with pytest.raises(AttributeError):
        resolve("session.session.Session.cal")
    with pytest.raises(AttributeError):
        resolve("session.sessions.Session")


def test_every_file_exists() -> None:
    files = re.findall(r"`((?:tests|benchmarks|heygen_async)/[\w/.]+)`", PAGE)
    suites = re.findall(r"`(\w+\.py)` \|$", PAGE, re.MULTILINE)
    assert len(files) > 5
    assert len(suites) == 5
    for file in [*files, *(f"tests/conformance/{suite}" for suite in suites)]:
        assert (ROOT / file).exists(), file


def test_the_table_of_rooms_is_what_imports_obey() -> None:
    table = PAGE.partition("\n## Rooms\n")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| `(\w+)` \| (\S.*) \| (.*)\|$", table, re.MULTILINE)
    direct = {room: re.findall(r"`(\w+)`", imports) for room, _, imports in rows}

    def reached(room: str) -> set[str]:
        return {room}.union(*(reached(other) for other in direct[room]))

    assert len(direct) == len(rows)
    assert {room: reached(room) - {room} for room in direct} == {
        room: allowed - {room} for room, allowed in MAY_IMPORT.items()
    }


@pytest.mark.anyio
async def test_one_call(sandbox: Sandbox, heygen: HeyGen) -> None:
    with trace() as called:
        request = AvatarVideoRequest(avatar_id=sandbox.avatar_id, script="Hello")
        job = await heygen.videos.create(request)
        await job.wait()
    check_way("One call", called)


@pytest.mark.anyio
async def test_one_item_with_its_journal(sandbox: Sandbox, heygen: HeyGen, tmp_path: Path) -> None:
    template_id = sandbox.add_template(variables={"name": "text"})
    with trace() as called:
        async with Batch(heygen, journal=tmp_path / "launch.db") as batch:
            outcomes = [one async for one in batch.render(template_id, [{"name": "Ada"}])]
    assert [outcome.ok for outcome in outcomes] == [True]
    check_way("One item with its journal", called)


@pytest.mark.anyio
async def test_one_webhook_delivery(heygen: HeyGen) -> None:
    receiver = WebhookReceiver(heygen, SECRET)

    @receiver.on(AvatarVideoSuccess)
    async def done(event: AvatarVideoSuccess) -> None:
        pass

    body = event_body()
    async with under_uvicorn(receiver.asgi_app()) as url, aiohttp.ClientSession() as http:
        with trace() as called:
            async with http.post(url, data=body, headers=signed(body)) as response:
                assert response.status == 200
            await receiver.aclose()
    check_way("One webhook delivery", called)


def test_one_command(sandbox_thread: Sandbox, tmp_path: Path) -> None:
    sandbox_thread.clock.speed = 600
    template_id = sandbox_thread.add_template(variables={"name": "text"})
    rows, called = tmp_path / "rows.csv", tmp_path / "called"
    rows.write_text("name\nAda\n")
    journal = tmp_path / "launch.db"
    command: list[str | Path] = [sys.executable, "-m", "tests.traces", called]
    command += ["render", template_id, rows, "--journal", journal]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    check_way("One command", called.read_text(encoding="utf-8").splitlines())
