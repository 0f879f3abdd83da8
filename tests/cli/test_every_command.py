"""Each command in a real terminal, where people read it, and in a pipe, where programs do."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from typer.main import get_command

from heygen_async import AssetUrl, AvatarVideoRequest, HeyGen, ProofreadRequest
from heygen_async.cli.app import MODULES
from heygen_async.sandbox import Sandbox, SandboxThread
from tests.patience import PATIENCE

pytest.importorskip("pty")
from .terminals import Pipe, Terminal

KEY = "sk_V2_a_key_that_must_not_show"
URL = "https://example.com/launch.mp4"
FILES = {
    "rows.csv": "key,name,product\na,Ada,Tea\nb,Bo,Cake\n",
    "texts.csv": "key,text\na,Good morning.\nb,Good evening.\n",
    "spoken.csv": "key,name,greeting\na,Ada,Good morning.\n",
    "films.csv": f"key,video,length,owner\na,{URL},10,Joan\n",
    "scenes.json": '[{"type": "image", "source": {"type": "url", "url": "https://e.com/a.png"}, '
    '"duration": 3}]',
    "v2.json": '{"caption": true, "variables": {}}',
    "note.txt": "Good morning.",
}


class Case(NamedTuple):
    """A command, with what it shows to people and what it writes for programs.

    Attributes:
        words: Its words; an underscore stands for a blank within one.
        shown: A pattern of what a terminal shows.
        written: A member of the last line of JSON, or a pattern of the text for a command that
            writes another format in a pipe.
        json: Whether it writes lines of JSON in a pipe.
        code: Its exit code.
    """

    words: str
    shown: str
    written: str
    json: bool = True
    code: int = 0


RUNS = [
    Case("render Welcome rows.csv --journal {out}.db", "2 done", "report"),
    Case("videos rows.csv --script Hi_{{name}} --avatar Amara", "2 done", "report"),
    Case("translate films.csv --to {to}", "1 done", "report"),
    Case("localize {url} --to {to} --correct sh_-c_cat", "1 done", "report"),
    Case("narrate texts.csv --avatar Amara --voice Bruno", "2 done", "report"),
    Case(
        "personalize Spoken_greeting spoken.csv --speak greeting --voice Bruno", "1 done", "report"
    ),
    Case(
        "agents rows.csv --prompt Tell_of_{{name}} --dry-run", "product: passed through", "dry_run"
    ),
    Case("agents rows.csv --prompt Tell_of_{{name}} --where name=Ada", "1 done", "report"),
]
OF_A_JOURNAL = [
    Case("render Welcome rows.csv --journal {out}-decided.db", "2 done", "report"),
    Case("status {out}-decided.db", "completed +2", "counts"),
    Case(
        "results {out}-decided.db", "key,name,product,status", "key,name,product,status", json=False
    ),
    Case("report {out}-decided.db", r"\.html", "report"),
    Case("approve {out}-decided.db a", "(?i)approved", "decision"),
    Case("retake {out}-decided.db b --set name=Bea", "To be made again: b", "decision"),
    Case("reject {out}-decided.db b", "(?i)rejected", "decision"),
]
OF_WORKERS = [
    Case("submit Welcome rows.csv --on {database} --name {out}", "2 items in 1 shards", "items"),
    Case("status {database} --name {out}", "queued +2", "counts"),
    Case("results {database} --name {out}", "Ada,Tea,pending", "Ada,Tea,pending", json=False),
    Case("cancel {database} --name {out}", "Cancelled", "cancelled"),
]
SINGLE = [
    Case("video create --avatar Amara --script Hello. --wait", "status +completed", "video_url"),
    Case("video cinematic --avatar Amara --prompt A_walk.", "status +waiting", "id"),
    Case("video studio scenes.json", "status +waiting", "id"),
    Case("agent A_teaser", "status +completed", "video_url"),
    Case("speech Good_morning.", "Spoken by Amara", "audio_url"),
    Case("get {video}", "kind +video", "id"),
    Case("wait {video}", "status +completed", "video_url"),
    Case("download {video} -o {out}.mp4", r"\.mp4", "file"),
    Case("upload note.txt", "note.txt", "error", code=1),
    Case("api GET /v3/users/me", '"username": "sandbox"', "data"),
    Case("migrate v2.json", "templates.generate", "caption"),
    Case("whoami", "account +sandbox", "balance"),
    Case("avatars list --limit 1", "the first 1,", "id"),
    Case("voices list --limit 1", "the first 1,", "voice_id"),
    Case("templates list --limit 1", "the first 1,", "id"),
    Case("templates show Welcome", "name +text", "variables"),
    Case("languages list", "French", "language"),
    Case("videos list --limit 1", "the first 1,", "id"),
    Case("assets list --type image", "There are none", "^$", json=False),
    Case("proofread show {proofread}", " --> ", " --> ", json=False),
    Case("delete {video} --kind video", "{video}", "deleted"),
    Case("proofread edit {proofread}", "Nothing was changed", "changed"),
]
ALONE = {"sandbox", "demo", "worker", "watch"}  # each in a process of its own


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    kinds = ("video", "agent", "agent_thinking", "translation", "proofread", "lipsync")
    durations = dict.fromkeys(kinds, 2.0)
    with SandboxThread(speed=120, api_keys=[KEY], durations=durations) as sandbox:
        yield sandbox


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("commands")
    for name, text in FILES.items():
        (folder / name).write_text(text)
    return folder


@pytest.fixture(scope="module")
def access(sandbox: Sandbox) -> dict[str, str]:
    return {"HEYGEN_API_BASE": sandbox.base_url, "HEYGEN_API_KEY": KEY, "EDITOR": "true"}


@pytest.fixture(scope="module", params=["terminal", pytest.param("pipe", marks=pytest.mark.crash)])
def output(
    request: pytest.FixtureRequest, folder: Path, access: dict[str, str]
) -> Iterator[Terminal | Pipe]:
    kind = Terminal if request.param == "terminal" else Pipe
    with contextlib.closing(kind(folder, access)) as output:
        yield output


def check(output: Terminal | Pipe, case: Case, **values: str) -> None:
    values |= {"out": type(output).__name__.lower(), "to": "French (France)", "url": URL}
    words = [word.replace("_", " ").format_map(values) for word in case.words.split()]
    text = output.run(*words)
    assert output.code == case.code, text
    if isinstance(output, Terminal) or not case.json:
        pattern = case.shown if isinstance(output, Terminal) else case.written
        assert re.search(pattern.format_map(values), text), text
        assert not text.startswith('{"')
    else:
        lines = [json.loads(line) for line in text.splitlines()]
        assert case.written in lines[-1], lines[-1]


@pytest.mark.parametrize("case", RUNS[:-1], ids=lambda case: case.words.split()[0])
def test_runs(output: Terminal | Pipe, case: Case) -> None:
    check(output, case)


@pytest.mark.crash  # the agent takes its time
def test_agents(output: Terminal | Pipe) -> None:
    check(output, RUNS[-1])


def test_journals(output: Terminal | Pipe) -> None:
    for case in OF_A_JOURNAL:
        check(output, case)


@pytest.mark.crash  # two seconds
def test_runs_of_workers(output: Terminal | Pipe, postgres_database: str) -> None:
    for case in OF_WORKERS:
        check(output, case, database=postgres_database)


@pytest.mark.crash  # four seconds
def test_single_things(output: Terminal | Pipe, sandbox: Sandbox, access: dict[str, str]) -> None:
    async def made() -> dict[str, str]:
        video = ProofreadRequest(
            video=AssetUrl(url=URL), output_languages=["French (France)"], title="T"
        )
        look = AvatarVideoRequest(avatar_id=sandbox.avatar_id, script="Hello.")
        async with HeyGen(KEY, base_url=sandbox.base_url) as heygen:
            (proofread,) = await heygen.proofreads.create(video)
            job = await heygen.videos.create(look)
            return {"proofread": (await proofread.wait()).id, "video": (await job.wait()).id}

    things = asyncio.run(made())
    for case in SINGLE:
        check(output, case, **things)


def test_no_command_is_forgotten() -> None:
    def leaves(command: Any, path: tuple[str, ...] = ()) -> Iterator[str]:
        commands = getattr(command, "commands", None)
        if not commands:
            yield " ".join(path)
            return
        for name, each in commands.items():
            yield from leaves(each, (*path, name))

    known = set(ALONE)
    for case in (*RUNS, *OF_A_JOURNAL, *OF_WORKERS, *SINGLE):
        words = case.words.split()
        known |= {words[0], " ".join(words[:2])}
    every = {
        leaf
        for module in MODULES
        for leaf in leaves(get_command(import_module(f"heygen_async.cli.app.{module}").app))
    }
    assert "videos" in every
    assert "video cinematic" in every
    assert every <= known


@pytest.mark.crash  # processes of their own
@pytest.mark.parametrize("piped", [False, True], ids=["terminal", "pipe"])
@pytest.mark.parametrize(
    ("words", "shown", "written", "signalled"),
    [
        (["sandbox", "--port", "0"], "HEYGEN_API_BASE", '"base_url"', signal.SIGINT),
        (["worker", "--on", "{database}"], "Working on the runs", '"working_on"', signal.SIGTERM),
        (["demo", "--rows", "3", "--speed", "2000"], "Video Agent", '{"summary"', None),
    ],
    ids=["sandbox", "worker", "demo"],
)
def test_what_runs_until_it_is_stopped(
    words: Sequence[str],
    shown: str,
    written: str,
    signalled: signal.Signals | None,
    piped: bool,
    tmp_path: Path,
    access: Mapping[str, str],
    postgres_database: str,
) -> None:
    ours, theirs = os.pipe() if piped else os.openpty()
    process = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "heygen_async",
            *(word.format(database=postgres_database) for word in words),
        ],
        stdin=subprocess.DEVNULL,
        stdout=theirs,
        stderr=theirs,
        cwd=tmp_path,
        env={**os.environ, **access},
    )
    os.close(theirs)
    text, sent = b"", False
    with open(ours, "rb", buffering=0) as output:
        while True:
            try:
                part = output.read(4096)
            except OSError:  # Linux: nobody has it open any more
                break
            if not part:
                break
            text += part
            if signalled and not sent and (written if piped else shown).encode() in text:
                process.send_signal(signalled)
                sent = True
    assert process.wait(PATIENCE) in (0, 130, 143), text
    assert (written if piped else shown) in text.decode()
    assert b"Traceback" not in text
    assert KEY.encode() not in text
