"""The live page: what it shows, whom it answers, and what it never does."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from heygen_async import Batch, HeyGen
from heygen_async.journal import Finish, JournalReader
from heygen_async.reports.live import ActionRefused, LiveReport
from tests.batch.conftest import names
from tests.journal.journals import files, intend, opened

pytestmark = pytest.mark.anyio


@asynccontextmanager
async def asking(page: LiveReport) -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(page.url) as session:
        yield session


async def events(session: aiohttp.ClientSession) -> AsyncIterator[dict[str, Any]]:
    async with session.get("events") as stream:
        assert stream.content_type == "text/event-stream"
        async for line in stream.content:
            if line.startswith(b"data: "):
                yield json.loads(line[6:])


@pytest.mark.crash
async def test_it_follows_a_run_from_before_its_journal_to_its_end(
    heygen: HeyGen, template_id: str, tmp_path: Path
) -> None:
    path = tmp_path / "run.db"
    async with LiveReport(path, every=0.05) as page, asking(page) as session:
        seen = events(session)
        (only,) = (await anext(seen))["changed"].values()
        assert "There is no journal yet" in only
        async with Batch(heygen, journal=path) as batch:
            outcomes = [outcome async for outcome in batch.render(template_id, names(20))]
        assert len(outcomes) == 20
        shown: dict[str, str] = {}
        async for event in seen:
            shown |= event["changed"]
            assert set(event["changed"]) <= set(event["order"])
            if "Ended</b>" in shown.get("run0-status", ""):
                break
        await page.over.wait()
        assert "20 of 20" in shown["run0-status"]
        async with session.get("") as answer:
            text = await answer.text()
        assert "20 completed" in re.sub("<[^>]*>", "", text)
    assert files(tmp_path) == ["run.db"]


async def test_it_shows_a_run_whose_process_is_gone(tmp_path: Path) -> None:
    path = tmp_path / "run.db"
    journal = await opened(path, settings={"items": 3})
    await intend(journal, "a")
    await journal.submitted("a", "job")
    async with LiveReport(path) as page, asking(page) as session:
        assert "Running</b>" in await (await session.get("")).text()
    await journal.aclose()
    async with LiveReport(path) as page, asking(page) as session:
        text = await (await session.get("")).text()
        assert "Interrupted</b>" in text
        assert "pays for nothing twice" in text
        assert not page.over.is_set()


async def test_every_stage_of_a_chain_is_shown(tmp_path: Path) -> None:
    for stage in ("videos", "translate"):
        journal = await opened(tmp_path / f"chain.{stage}.db", subject=stage)
        await intend(journal, "a")
        await journal.finish(Finish("a", "completed"))
        await journal.aclose()
    async with LiveReport(tmp_path / "chain.db") as page, asking(page) as session:
        text = await (await session.get("")).text()
        await page.over.wait()
    assert text.index("render videos") < text.index("render translate") < text.index("<header>")


@asynccontextmanager
async def approving(path: Path) -> AsyncIterator[LiveReport]:
    """A page whose section lists the keys that were approved on it; it looks once a minute."""
    done = list[str]()
    await (await opened(path)).aclose()

    async def approve(fields: Mapping[str, str]) -> str:
        done.append(fields["key"])
        return "approved"

    async with LiveReport(
        path,
        actions={"approve": approve},
        sections=[lambda view: {"review": ",".join(done)}],
        every=60,
    ) as page:
        yield page


async def test_a_page_that_is_closed_is_no_error(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with approving(tmp_path / "run.db") as page, asking(page) as session:
        origin = {"Origin": page.url.rsplit("/", 2)[0]}
        seen = events(session)
        await anext(seen)
        async with asking(page) as other:
            await anext(events(other))
        await session.post("actions/approve", data={"key": "a"}, headers=origin)
        assert (await anext(seen))["changed"] == {"run0-review": "a"}
    assert "Error" not in caplog.text


@pytest.mark.parametrize(
    ("method", "path", "headers", "status"),
    [
        ("GET", "", {"Host": "evil.example:80"}, 421),
        ("GET", "events", {"Host": "evil.example:80"}, 421),
        ("GET", "", {"Host": "127.0.0.1:1"}, 421),
        ("GET", "/", {}, 404),
        ("GET", "/guess/", {}, 404),
        ("GET", "/guess/events", {}, 404),
        ("POST", "/guess/actions/approve", {"Origin": "same"}, 404),
        ("POST", "actions/approve", {}, 403),
        ("POST", "actions/approve", {"Origin": "null"}, 403),
        ("POST", "actions/approve", {"Origin": "https://evil.example"}, 403),
        ("POST", "actions/approve", {"Origin": "http://localhost:1"}, 403),
        ("POST", "actions/other", {"Origin": "same"}, 404),
        ("POST", "actions/refuse", {"Origin": "same"}, 409),
        ("POST", "actions/approve", {"Origin": "same", "Accept": "text/html"}, 303),
        ("POST", "actions/approve", {"Origin": "same"}, 200),
        ("GET", "actions/approve", {"Origin": "same"}, 404),
    ],
)
async def test_only_the_page_itself_is_answered(
    tmp_path: Path, method: str, path: str, headers: dict[str, str], status: int
) -> None:
    asked: list[dict[str, str]] = []

    async def approve(fields: Mapping[str, str]) -> str:
        asked.append(dict(fields))
        return "1 approved"

    async def refuse(fields: Mapping[str, str]) -> str:
        raise ActionRefused("there is no such item")

    actions = {"approve": approve, "refuse": refuse}
    async with LiveReport(tmp_path / "run.db", actions=actions) as page, asking(page) as session:
        if headers.get("Origin") == "same":
            headers = {**headers, "Origin": page.url.rsplit("/", 2)[0]}
        answer = await session.request(
            method, path, headers=headers, data={"key": "ä"}, allow_redirects=False
        )
        text = await answer.text()
    assert answer.status == status
    assert asked == ([{"key": "ä"}] if status in (200, 303) else [])
    if status < 300 or status == 409:
        assert text == ("1 approved" if status == 200 else "there is no such item")


async def test_the_page_loads_nothing_from_elsewhere(tmp_path: Path) -> None:
    async with LiveReport(tmp_path / "run.db") as page, asking(page) as session:
        answer = await session.get("")
        text, policy = await answer.text(), answer.headers["Content-Security-Policy"]
        script = await (await session.get("live.js")).text()
        async with LiveReport(tmp_path / "run.db") as other:
            assert other.url.split("/")[3] != page.url.split("/")[3]
            assert len(page.url.split("/")[3]) >= 22
    assert "default-src 'none'; script-src 'self'" in policy
    assert answer.headers["Cache-Control"] == "no-store"
    assert re.findall(r'(?:src|href)="([^"]*)"', text) == ["data:,", "live.js"]
    assert "http" not in script


async def test_more_sections_stand_between_the_status_and_the_report(tmp_path: Path) -> None:
    path = tmp_path / "run.db"
    journal = await opened(path)
    await intend(journal, "a")

    def review(view: JournalReader) -> dict[str, str]:
        return {"review": f"<p>{view.totals().items} to approve</p>"}

    async with LiveReport(path, sections=[review]) as page, asking(page) as session:
        async for event in events(session):
            assert event["order"][:3] == ["run0-status", "run0-review", "run0-heading"]
            assert event["changed"]["run0-review"] == "<p>1 to approve</p>"
            break
    await journal.aclose()


async def test_an_action_is_seen_at_once(tmp_path: Path) -> None:
    """The page is not a second behind the person who has just decided."""
    async with approving(tmp_path / "run.db") as page, asking(page) as session:
        origin = {"Origin": page.url.rsplit("/", 2)[0]}
        seen = events(session)
        assert (await anext(seen))["changed"]["run0-review"] == ""
        await session.post("actions/approve", data={"key": "a"}, headers=origin)
        async with asyncio.timeout(10):
            assert (await anext(seen))["changed"] == {"run0-review": "a"}


async def test_a_section_that_fails_does_not_end_the_page(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path, fails = tmp_path / "run.db", list[bool]()
    journal = await opened(path)

    def review(view: JournalReader) -> dict[str, str]:
        if fails:
            raise ValueError("no such row")
        return {}

    async with LiveReport(path, sections=[review], every=0.05) as page, asking(page) as session:
        seen = events(session)
        await anext(seen)
        fails.append(True)
        while "no such row" not in caplog.text:  # noqa: ASYNC110
            await asyncio.sleep(0.05)
        fails.clear()
        await intend(journal, "a")
        async for event in seen:
            if "0 of 1" in event["changed"].get("run0-status", ""):
                break
    await journal.aclose()
