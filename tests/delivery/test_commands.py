"""``--download URL``, ``--public-base``, ``--notify`` and ``--exec`` of the commands."""

from __future__ import annotations

import asyncio
import csv
import json
from pathlib import Path
from typing import Any

import pytest

from heygen_async import HeyGen
from heygen_async.cli.commands.narrate import narrate
from heygen_async.cli.commands.personalize import personalize
from heygen_async.cli.commands.render import render
from heygen_async.cli.commands.status import status
from heygen_async.cli.display import Lines
from heygen_async.cli.exit_codes import CommandError, Exit
from heygen_async.cli.options import SharedOptions
from heygen_async.cli.results.journaled import results_of
from heygen_async.cli.run_options import RunOptions
from heygen_async.delivery import WebhookSender
from heygen_async.errors import ConfigurationError
from heygen_async.journal import SqliteJournal, open_reader
from heygen_async.sandbox import Sandbox
from tests.cli.test_terminal import Screen
from tests.delivery.storage import FaultyStorage

from .test_hooks import Receiver
from .test_hooks import receiver as receiver

pytestmark = pytest.mark.anyio

TO = "faulty://bucket/{company}/{key}.mp4"


@pytest.fixture
def rows(tmp_path: Path) -> Path:
    path = tmp_path / "rows.csv"
    lines = "".join(f"k{n},Name {n},Tea,c {n % 2}/x\n" for n in range(4))
    path.write_text(f"key,name,product,company\n{lines}")
    return path


async def render_rows(sandbox: Sandbox, path: Path, out: str | Path | None, **options: Any) -> Exit:
    return await render(
        sandbox.template_id("Welcome"),
        path,
        display=Lines(),
        out=out,
        concurrency=None,
        base_url=None,
        test=False,
        options=RunOptions(**options),
    )


def results_from(journal: Path) -> list[dict[str, Any]]:
    """Return the results that a journal has, in the order of its rows."""
    store = SqliteJournal(journal)
    _, found = results_of(store, [store])
    return list(found())


async def test_results_name_the_delivered_files(
    sandbox: Sandbox,
    storage: type[FaultyStorage],
    rows: Path,
    tmp_path: Path,
    receiver: Receiver,
    capsys: pytest.CaptureFixture[str],
) -> None:
    results, base = tmp_path / "results.csv", "https://cdn.example.com"
    journal = tmp_path / "launch.db"
    code = await render_rows(
        *(sandbox, rows, TO),
        journal=journal,
        results=results,
        public_base=base,
        notify=receiver.url,
    )
    assert code == Exit.DONE
    files = sorted(storage.files())
    assert [name.split("/")[2] for name in files] == [f"k{n}.mp4" for n in (0, 2, 1, 3)]
    written = list(csv.DictReader(results.read_text().splitlines()))
    for row in written:
        assert row["file"].removeprefix("faulty://") in files
        assert row["url"].startswith(f"{base}/c%20")
        assert row["url"].endswith(f"/{row['key']}.mp4")
    told = {event.event_data["key"]: event.event_data for _, event in receiver.got}
    assert {key: (data["file"], data["url"]) for key, data in told.items()} == {
        row["key"]: (row["file"], row["url"]) for row in written
    }
    items = await asyncio.to_thread(results_from, journal)
    assert [(one["file"], one["url"]) for one in items] == [
        (one["file"], one["url"]) for one in written
    ]
    *items, last = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert {item["file"] for item in items} == {row["file"] for row in written}
    assert last["report"]["files"] == 4


async def test_the_same_command_again_delivers_what_is_left(
    sandbox: Sandbox,
    storage: type[FaultyStorage],
    rows: Path,
    tmp_path: Path,
    receiver: Receiver,
    capsys: pytest.CaptureFixture[str],
) -> None:
    storage.error = ConnectionRefusedError("down")
    journal = tmp_path / "launch.db"
    options = {"journal": journal, "give_up_after": 60.0, "notify": receiver.url}
    assert await render_rows(sandbox, rows, TO, **options) == Exit.SOME_FAILED
    assert not receiver.got
    assert await shown_deliveries(journal, capsys) == (
        {
            TO: {"delivered": 0, "waiting": 0, "failed": 4},
            WebhookSender(receiver.url).name: {"delivered": 0, "waiting": 4, "failed": 0},
        },
        True,
    )
    storage.error = None
    assert await render_rows(sandbox, rows, TO, **options) == Exit.DONE
    assert len(storage.files()) == len(receiver.got) == 4
    assert sandbox.ledger.count("templates.generate") == 4
    assert await render_rows(sandbox, rows, TO, **options) == Exit.DONE
    assert len(receiver.got) == 4
    found, _ = await shown_deliveries(journal, capsys)
    assert list(found.values()) == [{"delivered": 4, "waiting": 0, "failed": 0}] * 2


async def shown_deliveries(
    journal: Path, capsys: pytest.CaptureFixture[str]
) -> tuple[dict[str, Any], bool]:
    """Return the deliveries that ``status`` shows, and whether it shows errors."""
    capsys.readouterr()
    await status(journal, display=Lines())
    found = json.loads(capsys.readouterr().out)["deliveries"]
    errors = [one.pop("error") for one in found.values()]
    screen = Screen()
    await status(journal, display=screen.display)
    words = " ".join(screen.text.split())
    for one in found.values():
        assert f"delivered {one['delivered']} to" in words
        for name in ("waiting", "failed"):
            assert (f"{one[name]} {name}" in words) == bool(one[name])
    return found, any("cannot write to faulty://bucket" in (error or "") for error in errors)


async def test_what_cannot_be_is_said_before_anything_is_paid_for(
    sandbox: Sandbox, storage: type[FaultyStorage], rows: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("HEYGEN_NOTIFY_SECRET", raising=False)
    for out, says in (
        ("faulty://bucket/{city}/{key}.mp4", "item k0 has no value in column 'city'"),
        ("faulty://bucket/{company}.mp4", "items 1 and 3 .*same file"),
        ("faulty://{company}/{key}.mp4", "fixed bucket"),
    ):
        with pytest.raises(CommandError, match=says):
            await render_rows(sandbox, rows, out)
    with pytest.raises(ConfigurationError, match="HEYGEN_NOTIFY_SECRET"):
        await render_rows(sandbox, rows, None, notify="https://example.com/hook")
    with pytest.raises(ConfigurationError, match="there is no program 'no-such-program'"):
        await render_rows(sandbox, rows, None, exec="no-such-program")
    with pytest.raises(CommandError, match="--public-base needs the place"):
        SharedOptions(public_base="https://cdn.example.com").arguments()
    assert sandbox.ledger.count() == 0


async def test_a_pattern_of_a_folder(sandbox: Sandbox, rows: Path, tmp_path: Path) -> None:
    assert await render_rows(sandbox, rows, f"{tmp_path}/out/{{company}}/{{key}}.mp4") == Exit.DONE
    assert len(list((tmp_path / "out").glob("c *_x-????????/k?.mp4"))) == 4
    assert await render_rows(sandbox, rows, tmp_path / "{plain}") == Exit.DONE
    assert len(list((tmp_path / "{plain}").iterdir())) == 4


async def test_chains_record_what_was_delivered(
    sandbox: Sandbox,
    storage: type[FaultyStorage],
    rows: Path,
    tmp_path: Path,
    receiver: Receiver,
) -> None:
    template = sandbox.template_id("Welcome")
    journal = tmp_path / "chain.db"

    async def chain() -> Exit:
        return await personalize(
            template,
            rows,
            speak=(),
            voice=None,
            display=Lines(),
            out="faulty://bucket/videos",
            concurrency=None,
            base_url=None,
            options=RunOptions(journal=journal, notify=receiver.url),
        )

    assert await chain() == Exit.DONE
    assert sorted(storage.files()) == [f"bucket/videos/k{n}.mp4" for n in range(4)]
    assert {event.event_data["file"] for _, event in receiver.got} == {
        f"faulty://bucket/videos/k{n}.mp4" for n in range(4)
    }
    opened = storage.opened
    assert await chain() == Exit.DONE
    assert (storage.opened, len(receiver.got)) == (opened, 4)
    name = WebhookSender(receiver.url).name

    def left() -> int:
        with open_reader(tmp_path / "chain.renders.db") as reader:
            return len(list(reader.undelivered(name)))

    assert await asyncio.to_thread(left) == 0


async def test_narrations_and_their_captions_need_a_folder(
    sandbox: Sandbox, heygen: HeyGen, tmp_path: Path, receiver: Receiver
) -> None:
    texts, out = tmp_path / "texts.csv", tmp_path / "out"
    texts.write_text("key,text\na,Hello\nb,Good morning\n")
    (avatar,) = (await heygen.avatars.looks.list().first_page()).items[:1]
    (voice,) = (await heygen.voices.list(engine="starfish").first_page()).items[:1]

    async def made(out: str | Path) -> Exit:
        return await narrate(
            texts,
            avatar=avatar.id,
            voice=voice.voice_id,
            display=Lines(),
            out=out,
            options=RunOptions(notify=receiver.url),
        )

    with pytest.raises(CommandError, match="narrate writes captions"):
        await made("s3://bucket/videos")
    assert sandbox.ledger.count() == 0
    assert await made(out) == Exit.DONE
    assert sorted(file.name for file in out.iterdir()) == ["a.mp4", "a.srt", "b.mp4", "b.srt"]
    files = {str(out / f"{key}.mp4") for key in "ab"}
    assert {event.event_data["file"] for _, event in receiver.got} == files
