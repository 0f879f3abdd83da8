"""``videos`` and ``agents``: a request for each row, without a template."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from heygen_async.cli.app import app
from heygen_async.cli.display import Lines
from heygen_async.cli.exit_codes import CommandError, Exit
from heygen_async.cli.inputs.field_rows import RowChoices
from heygen_async.cli.rows.agents import AgentSettings, agents
from heygen_async.cli.rows.texts import placeholders
from heygen_async.cli.rows.videos import VideoSettings, videos
from heygen_async.cli.run_options import RunOptions
from heygen_async.journal import open_reader
from heygen_async.sandbox import Sandbox

pytestmark = pytest.mark.anyio

ROWS = "Email,First Name,Company\na@x.example,Ada,X\nb@x.example,Bo,Y\nc@x.example,Cy,Z\n"


def write(folder: Path, text: str = ROWS, name: str = "rows.csv") -> Path:
    path = folder / name
    path.write_text(text)
    return path


async def make(source: Path, how: dict[str, Any] | None = None, **settings: Any) -> Exit:
    how = how or {}
    return await videos(
        source,
        VideoSettings(**settings),
        display=Lines(),
        out=how.pop("out", None),
        key=how.pop("key", None),
        choices=how.pop("choices", None),
        options=RunOptions(**how),
    )


def sent_now(journal: Path) -> dict[str, Any]:
    with open_reader(journal) as reader:
        return {record.key: json.loads(record.payload) for record in reader.records()}


async def sent(journal: Path) -> dict[str, Any]:
    return await asyncio.to_thread(sent_now, journal)


async def test_a_script_for_all_rows(sandbox: Sandbox, tmp_path: Path) -> None:
    look, journal = sandbox.add_look("Anna Pro"), tmp_path / "run.db"
    pitch = write(tmp_path, "Hi {first_name}, {{ok}} at {COMPANY}?\n", "pitch.txt")
    code = await make(
        write(tmp_path),
        {"journal": journal, "key": "email", "out": tmp_path / "out"},
        script_file=pitch,
        avatar="anna pro",
        engine="avatar_iv",
        aspect_ratio="9:16",
        title="For {First Name}",
    )
    assert code == Exit.DONE
    request = (await sent(journal))["b@x.example"]
    assert request["script"] == "Hi Bo, {ok} at Y?"
    assert (request["avatar_id"], request["title"]) == (look, "For Bo")
    assert (request["engine"], request["aspect_ratio"]) == ({"type": "avatar_iv"}, "9:16")
    assert sandbox.ledger.count("videos.create") == 3
    assert len(await asyncio.to_thread(lambda: list((tmp_path / "out").iterdir()))) == 3


async def test_columns_go_before_the_options(sandbox: Sandbox, tmp_path: Path) -> None:
    one, other = sandbox.add_look("One"), sandbox.add_look("Other")
    voice = sandbox.add_voice("Vera from Ulm")
    journal = tmp_path / "run.db"
    path = write(
        tmp_path,
        "key,Script,Avatar,Voice,Engine,Aspect Ratio,Title\n"
        f"a,Hello {{who}}.,,,,,\nb,Bye.,{other},Vera from Ulm,Avatar V,1:1,T\n",
    )
    with pytest.raises(CommandError, match=r"line 2 \(row 1\): column 'who': .*\{who\}"):
        await make(path, avatar=one)
    write(tmp_path, path.read_text().replace("{who}", "there"))
    code = await make(path, {"journal": journal}, avatar=one)
    assert code == Exit.DONE
    requests = await sent(journal)
    assert (requests["a"]["avatar_id"], requests["a"]["script"]) == (one, "Hello there.")
    assert requests["b"] == {
        "type": "avatar",
        "avatar_id": other,
        "script": "Bye.",
        "voice_id": voice,
        "engine": {"type": "avatar_v"},
        "aspect_ratio": "1:1",
        "title": "T",
    }


@pytest.mark.parametrize(
    ("rows", "settings", "message"),
    [
        (ROWS, {"script": "Hi {nickname}"}, "no column fills 'nickname', which the text needs"),
        (ROWS, {"script": "Hi {Frist Name}"}, "'First Name'; did you mean 'Frist Name'"),
        (ROWS.replace("Bo", ""), {"script": "{first name}"}, r"line 3 \(row 2\): column 'first n"),
        (ROWS, {}, "no column fills 'script'"),
        (ROWS, {"script": "Hi", "avatar": None}, "no column fills 'avatar'"),
        (ROWS, {"script": "Hi", "avatar": "Nobody"}, "Nobody"),
        (ROWS, {"script": "Hi", "presenters": ["a"]}, "do not go together"),
        (ROWS, {"script": "la " * 600, "max_seconds": 90}, "about 120 s to say.*is 90"),
        ("engine\nV8\n", {"script": "Hi"}, "line 2 .*engine: expected one of avatar_iii"),
        ("aspect_ratio\n7:1\n", {"script": "Hi"}, "line 2 .*aspect_ratio: expected"),
        ("key,a\nx,1\nX,2\n", {"script": "Hi"}, "line 3 .*same file name as that of row 1"),
    ],
)
async def test_what_does_not_fit_costs_nothing(
    sandbox: Sandbox, tmp_path: Path, rows: str, settings: dict[str, Any], message: str
) -> None:
    sandbox.add_look("Anna Pro")
    with pytest.raises(CommandError, match=message):
        await make(write(tmp_path, rows), **{"avatar": "Anna Pro", **settings})
    assert sandbox.ledger.count() == 0


async def test_presenters_take_turns_and_a_resume_keeps_them(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    looks = [sandbox.add_look(f"Look {n}") for n in range(3)]
    journal = tmp_path / "run.db"
    rows = [f"k{n}" for n in range(7)]

    async def run(keys: list[str], presenters: list[str]) -> dict[str, str]:
        path = write(tmp_path, "\n".join(["key", *keys]) + "\n")
        code = await make(path, {"journal": journal}, script="Hi", presenters=presenters)
        assert code == Exit.DONE
        return {key: request["avatar_id"] for key, request in (await sent(journal)).items()}

    first = await run(rows, ["Look 0", "look 1", looks[2]])
    assert [first[key] for key in rows] == [looks[n % 3] for n in range(7)]
    # Other rows, another order, and another list of looks.
    second = await run(["new", *rows[::-1], "newer"], ["Look 1"])
    assert {key: second[key] for key in rows} == first
    assert second["new"] == second["newer"] == looks[1]
    assert sandbox.ledger.count("videos.create") == 9


async def test_a_default_fills_a_placeholder(sandbox: Sandbox, tmp_path: Path) -> None:
    how = {"journal": tmp_path / "run.db", "key": "email"}
    choices = RowChoices.of(defaults=["First Name=there"], where=["Company=Y"])
    path = write(tmp_path, ROWS.replace("Bo", ""))
    look = sandbox.add_look()
    code = await make(path, {**how, "choices": choices}, script="Hi {first name}", avatar=look)
    assert code == Exit.DONE
    scripts = [request["script"] for request in (await sent(tmp_path / "run.db")).values()]
    assert scripts == ["Hi there"]


async def test_rows_without_keys_are_named_by_their_content(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    look, journal = sandbox.add_look(), tmp_path / "run.db"
    how = {"journal": journal, "out": tmp_path / "out"}
    await make(write(tmp_path, "name\nAda\nBo\nAda\n"), dict(how), script="{name}", avatar=look)
    await make(write(tmp_path, "name\nCy\nBo\nAda\nAda\n"), dict(how), script="{name}", avatar=look)
    assert sandbox.ledger.count("videos.create") == 4
    files = await asyncio.to_thread(lambda: sorted(f.stem for f in (tmp_path / "out").iterdir()))
    assert [name.partition("-")[0] for name in files] == ["Ada", "Ada", "Bo", "Cy"]


async def test_prompts_for_the_agent(sandbox: Sandbox, tmp_path: Path) -> None:
    journal, out = tmp_path / "run.db", tmp_path / "out.jsonl"
    code = await agents(
        write(tmp_path),
        AgentSettings(prompt="A teaser for {company}", orientation="portrait"),
        display=Lines(),
        key="Email",
        options=RunOptions(journal=journal, results=out),
    )
    assert code == Exit.DONE
    request = (await sent(journal))["c@x.example"]
    assert (request["prompt"], request["orientation"]) == ("A teaser for Z", "portrait")
    rows = [json.loads(line) for line in await asyncio.to_thread(read_lines, out)]
    assert {row["status"] for row in rows} == {"completed"}
    assert all(row["url"].startswith("http") for row in rows)
    with pytest.raises(CommandError, match="no column fills 'prompt'"):
        await agents(write(tmp_path), AgentSettings(), display=Lines())


def read_lines(path: Path) -> list[str]:
    return path.read_text().splitlines()


async def test_a_dry_run_prices_the_scripts(
    sandbox: Sandbox, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    how = {"dry_run": True, "key": "Email"}
    look = sandbox.add_look()
    assert await make(write(tmp_path), how, script="Hi {First Name}", avatar=look) == Exit.DONE
    told = json.loads(capsys.readouterr().out)["dry_run"]
    assert told["usd"] > 0
    assert told["columns"] == {"Email": "key", "First Name": "First Name", "Company": None}
    assert sandbox.ledger.count() == 0


def test_placeholders() -> None:
    assert placeholders("{a} {{b}} { c } {a} {} {\n} }{") == ["a", "c"]


def test_videos_is_a_list_or_a_run() -> None:
    shown = " ".join(CliRunner().invoke(app, ["videos", "rows.csv", "--help"]).output.split())
    assert "--presenters" in shown
    assert "list" in CliRunner().invoke(app, ["videos", "--help"]).output
    assert "--presenters" not in CliRunner().invoke(app, ["videos", "list", "--help"]).output
