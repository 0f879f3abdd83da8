"""Samples that people approve, from the command line."""

from __future__ import annotations

import asyncio
import csv
import io
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from heygen_async.cli.commands.localize import SourceVideo, localize
from heygen_async.cli.commands.narrate import narrate
from heygen_async.cli.commands.personalize import personalize
from heygen_async.cli.commands.render import render
from heygen_async.cli.commands.results import results
from heygen_async.cli.display import Lines
from heygen_async.cli.exit_codes import CommandError, Exit
from heygen_async.cli.reviews.decisions import Decide, decide
from heygen_async.cli.run_options import RunOptions
from heygen_async.errors import JournalError
from heygen_async.journal import open_reader
from heygen_async.reports.review import write_review
from heygen_async.sandbox import Sandbox
from tests.cli.test_journaled_commands import dub, lines, viewed, write_rows
from tests.reports.test_report_page import Page

pytestmark = pytest.mark.anyio


class Renders:
    """The command over one journal."""

    def __init__(self, sandbox: Sandbox, folder: Path) -> None:
        self.sandbox = sandbox
        self.rows = write_rows(folder, 8)
        self.journal = folder / "launch.db"
        self.page = folder / "launch.review.html"

    async def __call__(self, *, test: bool = False, **options: Any) -> Exit:
        return await render(
            self.sandbox.template_id("Welcome"),
            self.rows,
            display=Lines(),
            out=None,
            concurrency=None,
            base_url=None,
            test=test,
            options=RunOptions(**{"journal": self.journal, **options}),
        )

    async def decide(self, decision: Decide, *keys: str, **options: Any) -> Exit:
        return await decide(decision, self.journal, keys, display=Lines(), **options)

    async def text(self) -> str:
        return await text_of(self.page)

    @property
    def jobs(self) -> int:
        return len(self.sandbox.ledger.jobs)


async def text_of(page: Path) -> str:
    return Page(await asyncio.to_thread(page.read_text)).text


@pytest.fixture
def renders(sandbox: Sandbox, tmp_path: Path) -> Renders:
    return Renders(sandbox, tmp_path)


async def test_a_sample_then_its_approval_then_the_rest(
    renders: Renders, capsys: pytest.CaptureFixture[str]
) -> None:
    assert await renders(sample=3, require_approval=True) is Exit.DONE
    assert renders.jobs == 3
    *_, told, report = lines(capsys)
    assert (told["sample"]["held"], told["sample"]["page"]) == (5, str(renders.page))
    keys = told["sample"]["keys"]
    assert told["sample"]["waiting"] == keys
    assert report["report"]["exit_code"] == 0
    page = Page(await asyncio.to_thread(renders.page.read_text))
    assert "0 of 3 approved" in page.text
    assert len(page.sources) == 3
    assert f"Name {keys[0][1:]}" in page.text  # the row beside the player
    assert f"heygen-async approve {renders.journal} {keys[0]}" in page.text
    assert await renders.decide("approve", *keys[1:], by="Ann") is Exit.DONE
    assert await renders.decide("reject", keys[0], by="Bo") is Exit.DONE
    assert "2 of 3 approved" in await renders.text()
    assert f"{keys[0]} rejected by Bo" in await renders.text()
    lines(capsys)
    assert await renders(require_approval=True) is Exit.SOME_FAILED  # one is rejected
    *ended, told, _ = lines(capsys)
    assert told["sample"]["waiting"] == keys[:1]
    assert "was rejected by Bo" in next(one["error"] for one in ended if not one["ok"])
    await results(renders.journal, None, display=Lines())
    rows = {row["key"]: row for row in csv.DictReader(io.StringIO(capsys.readouterr().out))}
    assert (rows[keys[0]]["status"], rows[keys[0]]["error"]) == ("rejected", "rejected by Bo")
    assert rows[keys[1]]["status"] == "completed"
    assert await renders.decide("approve", keys[0]) is Exit.DONE
    assert await renders(require_approval=True) is Exit.DONE
    assert renders.jobs == 8
    assert await renders() is Exit.DONE
    assert renders.jobs == 8


async def test_a_command_fetches_its_template_once(renders: Renders, tmp_path: Path) -> None:
    sandbox, fetched = renders.sandbox, renders.sandbox.requests.by_operation
    spoken = tmp_path / "spoken.csv"
    spoken.write_text("name,greeting\nAda,Hello\n")

    async def personalized(**options: Any) -> Exit:
        return await personalize(
            sandbox.template_id("Spoken greeting"),
            spoken,
            speak=["greeting"],
            voice=sandbox.voice_id,
            display=Lines(),
            options=RunOptions(journal=tmp_path / "spoken.db", **options),
        )

    commands: list[Callable[[], Awaitable[Exit]]] = [
        lambda: renders(dry_run=True),
        lambda: renders(dry_run=True, preview=tmp_path / "sheet.html"),
        lambda: renders(dry_run=True, sample=2),
        lambda: renders(sample=2),
        renders,
        renders,  # resumed
        lambda: renders(test=True, journal=None),
        lambda: personalized(dry_run=True),
        lambda: personalized(sample=1),
        personalized,
    ]
    for number, command in enumerate(commands, 1):
        assert await command() is Exit.DONE
        assert fetched["templates.get"] + fetched["templates.get_v2"] == number


async def test_a_retake_with_a_changed_row(
    renders: Renders, capsys: pytest.CaptureFixture[str]
) -> None:
    await renders(sample=2)
    key = (await viewed(renders.journal, lambda view: [one.key for one in view.records()]))[0]
    with pytest.raises(CommandError, match="no column 'nmae'"):
        await renders.decide("retake", key, changes=["nmae=Ada"])
    with pytest.raises(CommandError, match="holds the key"):
        await renders.decide("retake", key, changes=["key=other"])
    with pytest.raises(CommandError, match="expected a name"):
        await renders.decide("retake", key, changes=["Ada"])
    with pytest.raises(JournalError, match="no item 'nobody'"):
        await renders.decide("retake", "nobody", changes=["name=Ada"])
    await renders.decide("retake", key, changes=["Name=Ada <b>&"])
    assert "to be made again" in await renders.text()
    assert "name = Ada <b>&" in await renders.text()
    assert renders.jobs == 2  # nothing is paid for before the next start
    await renders(sample=2)
    assert renders.jobs == 3
    assert "attempt 2" in await renders.text()

    def sent(view: Any) -> list[bytes]:
        return [one.payload for one in view.records() if one.key == key]

    assert b"Ada <b>&" in (await viewed(renders.journal, sent))[0]
    assert await renders() is Exit.DONE  # the change stays
    assert renders.jobs == 9


async def test_clips_of_dubs_before_the_whole(
    sandbox: Sandbox, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    journal, languages = tmp_path / "dubs.db", ["French (France)", "German (Germany)"]

    async def made(**options: Any) -> list[float | None]:
        """Lengths of all outputs, after a start."""
        code = await dub(
            "https://example.com/a.mp4", languages, journal=journal, measure=False, **options
        )
        assert code is Exit.DONE
        assert len(sandbox.ledger.jobs) == len({job.id for job in sandbox.ledger.jobs})
        return await viewed(journal, lambda view: [one.output_seconds for one in view.records()])

    assert await made(test_clip=20, require_approval=True) == [20.0] * 2
    keys = lines(capsys)[-2]["sample"]["keys"]
    assert keys == [f"{language}, first 20 s" for language in languages]
    assert "0 of 2 approved" in await text_of(tmp_path / "dubs.review.html")
    await decide("approve", journal, keys, display=Lines())
    for _ in range(2):
        lengths = await made(test_clip=20, require_approval=True)
        assert len(lengths) == len(sandbox.ledger.jobs) == 4
        assert sum(one != 20.0 for one in lengths) == 2
    with pytest.raises(CommandError, match="do not go together"):
        await made(test_clip=20, sample=1)


async def test_what_a_sample_needs(renders: Renders) -> None:
    with pytest.raises(CommandError, match="--journal"):
        await renders(sample=2, journal=None)
    with pytest.raises(CommandError, match="no sample yet"):
        await renders(require_approval=True)
    for decision in ("approve", "reject", "retake"):
        with pytest.raises(CommandError, match="there is no such journal"):
            await renders.decide(decision, "a")
    assert renders.jobs == 0


async def test_a_dry_run_of_a_sample(renders: Renders, capsys: pytest.CaptureFixture[str]) -> None:
    assert await renders(sample=2, dry_run=True) is Exit.DONE
    assert lines(capsys)[0]["dry_run"]["items"] == 2
    assert renders.jobs == 0


async def test_rows_on_the_page_are_escaped(renders: Renders) -> None:
    evil = '"><script>alert(1)</script>'
    await renders(sample=1)

    def write() -> None:
        with open_reader(renders.journal) as view:
            (key,) = view.run.settings["sample"]
        write_review(renders.journal, renders.page, lambda _: {key: {evil: evil}})

    await asyncio.to_thread(write)
    assert "script" not in Page(await asyncio.to_thread(renders.page.read_text)).tags
    assert (await renders.text()).count(evil) == 2


class Narrations:
    """``narrate`` over one journal."""

    def __init__(self, sandbox: Sandbox, folder: Path) -> None:
        self.sandbox, self.folder, self.journal = sandbox, folder, folder / "launch.db"
        self.texts = folder / "texts.csv"
        rows = [f"t{number},{'Hello again. ' * (number + 1)}" for number in range(5)]
        self.texts.write_text("\n".join(["key,text", *rows]))

    async def __call__(self, **options: Any) -> Exit:
        return await narrate(
            self.texts,
            avatar=self.sandbox.avatar_id,
            voice=self.sandbox.voice_id,
            display=Lines(),
            options=RunOptions(journal=self.journal, **options),
        )

    def rows(self, text: str) -> dict[str, dict[str, str]]:
        return {row["key"]: row for row in csv.DictReader(io.StringIO(text))}


async def test_a_sample_of_a_chain(
    sandbox: Sandbox, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    narrations, table = Narrations(sandbox, tmp_path), tmp_path / "results.csv"
    assert await narrations(sample=2, dry_run=True) is Exit.DONE
    assert lines(capsys)[0]["dry_run"]["stages"]["videos"]["items"] == 2
    assert await narrations(sample=2, require_approval=True, results=table) is Exit.DONE
    *ended, told, last = lines(capsys)
    keys = told["sample"]["keys"]
    assert {one["key"] for one in ended} == set(keys) == {"t0", "t4"}
    assert (told["sample"]["held"], told["sample"]["waiting"]) == (3, keys)
    assert last["report"]["completed"] == 2
    rows = narrations.rows(await asyncio.to_thread(table.read_text))
    assert {key: rows[key]["status"] for key in rows} == {
        key: "completed" if key in keys else "pending" for key in rows
    }
    page = tmp_path / "launch.review.html"
    assert "0 of 2 approved" in await text_of(page)
    assert "Hello again. Hello again." in await text_of(page)  # the row beside the player
    assert f"heygen-async approve {narrations.journal} t0" in await text_of(page)
    await decide("retake", narrations.journal, ["t0"], display=Lines(), changes=["text=Good day."])
    assert "to be made again" in await text_of(page)
    await narrations(require_approval=True)
    (spoken,) = [
        one for one in await viewed(tmp_path / "launch.speech.db", payloads) if b"Good day" in one
    ]
    assert b"Good day." in spoken
    assert (sandbox.ledger.count("speech"), sandbox.ledger.count("video")) == (3, 3)
    await decide("approve", narrations.journal, keys, display=Lines(), by="Ann")
    assert "t4 approved by Ann" in await text_of(page)
    lines(capsys)
    assert await narrations(require_approval=True) is Exit.DONE
    assert (sandbox.ledger.count("speech"), sandbox.ledger.count("video")) == (6, 6)
    *_, told, last = lines(capsys)
    assert (told["sample"]["held"], told["sample"]["waiting"]) == (0, [])
    assert last["report"]["completed"] == 5
    await results(narrations.journal, None, display=Lines())
    assert len(narrations.rows(capsys.readouterr().out)) == 5


def payloads(view: Any) -> list[bytes]:
    return [one.payload for one in view.records()]


async def test_samples_of_rows_and_of_languages(
    sandbox: Sandbox, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    template_id = sandbox.add_template(variables={"name": "text", "greeting": "audio"})
    rows = tmp_path / "rows.csv"
    rows.write_text("key,name,greeting\na,Ann,Hi.\nb,Bo,Hello.\nc,Cy,Good morning.\n")
    journal = tmp_path / "rows.db"
    options = RunOptions(journal=journal, sample=2)
    speaking: Any = {"speak": ["greeting"], "voice": sandbox.voice_id}
    code = await personalize(template_id, rows, display=Lines(), options=options, **speaking)
    assert code is Exit.DONE
    assert lines(capsys)[-2]["sample"]["keys"] == ["a", "c"]
    with pytest.raises(CommandError, match="holds the key"):
        await decide("retake", journal, ["a"], display=Lines(), changes=["key=z"])
    await decide("retake", journal, ["a"], display=Lines(), changes=["greeting=Hi there."])
    await personalize(template_id, rows, display=Lines(), options=options, **speaking)
    sent = await viewed(tmp_path / "rows.voices.db", payloads)
    assert any(b"Hi there." in one for one in sent)
    assert sandbox.ledger.count() == 6

    journal, languages = tmp_path / "dubs.db", ["French (France)", "German (Germany)"]
    video = SourceVideo(video="https://example.com/a.mp4")
    capsys.readouterr()
    for options in (RunOptions(journal=journal, test_clip=15, require_approval=True),) * 2:
        code = await localize(
            video, languages, display=Lines(), program="sh -c cat", options=options
        )
        assert code is Exit.DONE
    keys = [f"{language}, first 15 s" for language in languages]
    assert lines(capsys)[-2]["sample"]["waiting"] == keys
    with pytest.raises(CommandError, match="holds the key"):
        await decide("retake", journal, keys[:1], display=Lines(), changes=["language=Dutch"])
    await decide("approve", journal, keys, display=Lines())
    assert "2 of 2 approved" in await text_of(tmp_path / "dubs.review.html")
    await localize(video, languages, display=Lines(), program="sh -c cat", options=options)
    *ended, told, _ = lines(capsys)
    assert told["sample"]["held"] == 0
    assert {one["key"] for one in ended if "key" in one} == set(languages)
    assert sandbox.ledger.count("translation") == 4
