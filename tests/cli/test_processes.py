"""Real processes: signals and pipes."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from heygen_async.journal import open_reader
from heygen_async.sandbox import Fault, Sandbox

from ..patience import PATIENCE, wait_for
from .command import COMMAND, command

LIMITED = command("signals.TERM_LIMIT = 0.3")

KEY = "sk_V2_a_key_that_must_not_show"

pytestmark = pytest.mark.sandbox(api_keys=[KEY])


def start(
    *arguments: str | Path, command: Sequence[str] = COMMAND, **environment: str
) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [*command, *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | environment,
    )


def interrupt(process: subprocess.Popen[str]) -> tuple[list[Any], str]:
    """Send Ctrl-C, and return standard output and error."""
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=PATIENCE)
    assert "Traceback" not in err
    assert KEY not in out + err
    return [json.loads(line) for line in out.splitlines()], err


def start_rendering(
    sandbox: Sandbox,
    folder: Path,
    *options: str | Path,
    command: Sequence[str] = COMMAND,
    until: Callable[[], bool] | None = None,
) -> subprocess.Popen[str]:
    """Render five rows, three at once, and wait until three jobs run, or for something else."""
    rows = folder / "rows.csv"
    rows.write_text("key,name,product\n" + "".join(f"k{n},A{n},B\n" for n in range(5)))
    process = start(
        "render",
        sandbox.template_id("Welcome"),
        rows,
        "--concurrency",
        "3",
        *options,
        command=command,
        HEYGEN_API_BASE=sandbox.base_url,
        HEYGEN_API_KEY=KEY,
    )
    wait_for(until or (lambda: sandbox.ledger.count() >= 3))
    return process


def first_complaint(process: subprocess.Popen[str]) -> str:
    assert process.stderr is not None
    return process.stderr.readline()


def states(journal: Path) -> dict[str, tuple[str, str | None]]:
    with open_reader(journal) as view:
        return {entry.key: (entry.state, entry.job_id) for entry in view.records()}


def three_submitted(journal: Path) -> bool:
    return [state for state, _ in states(journal).values()] == ["submitted"] * 3


def test_ctrl_c_twice_stops_at_once_and_tells_which_jobs_go_on(
    sandbox_thread: Sandbox, tmp_path: Path
) -> None:
    process = start_rendering(sandbox_thread, tmp_path)
    process.send_signal(signal.SIGINT)
    said = first_complaint(process)
    assert "in flight" in said
    assert "Ctrl-C again stops at once" in said
    assert process.poll() is None
    (line,), err = interrupt(process)
    assert process.returncode == 130
    unfinished = line["interrupted"]["unfinished"]
    assert set(unfinished) == {"k0", "k1", "k2"}
    assert set(unfinished.values()) == {job.id for job in sandbox_thread.ledger.jobs}
    assert "3 jobs go on at HeyGen" in err
    assert "The same command" not in err


def test_ctrl_c_before_anything_was_accepted(sandbox_thread: Sandbox, tmp_path: Path) -> None:
    sandbox_thread.faults.add("templates.generate", Fault.delay(3600.0), times=None)
    process = start_rendering(sandbox_thread, tmp_path, until=lambda: sending(sandbox_thread))
    try:
        process.send_signal(signal.SIGINT)
        assert "waiting for what is being sent. Ctrl-C again" in first_complaint(process)
    finally:
        process.kill()
        process.communicate()


def sending(sandbox: Sandbox) -> bool:
    return sandbox.requests.by_operation["templates.generate"] > 0


def test_ctrl_c_waits_for_what_is_in_flight(sandbox_thread: Sandbox, tmp_path: Path) -> None:
    journal = tmp_path / "run.db"
    process = start_rendering(sandbox_thread, tmp_path, "--journal", journal)
    wait_for(lambda: three_submitted(journal))
    process.send_signal(signal.SIGINT)
    assert "waiting for the 3 jobs" in first_complaint(process)
    sandbox_thread.clock.speed = 600
    out, err = process.communicate(timeout=PATIENCE)
    assert process.returncode == 130
    assert "with 2 of 5 not submitted. The same command goes on" in err
    *items, last = map(json.loads, out.splitlines())
    assert {item["key"] for item in items} == {"k0", "k1", "k2"}
    assert last["report"]["exit_code"] == 130
    assert sandbox_thread.ledger.count() == 3


@pytest.mark.crash
def test_the_second_ctrl_c_leaves_a_journal_that_goes_on(
    sandbox_thread: Sandbox, tmp_path: Path
) -> None:
    journal = tmp_path / "run.db"
    process = start_rendering(sandbox_thread, tmp_path, "--journal", journal)
    wait_for(lambda: three_submitted(journal))
    process.send_signal(signal.SIGINT)
    first_complaint(process)
    _, err = interrupt(process)
    assert process.returncode == 130
    assert "The same command goes on with the run, and pays for nothing twice." in err
    jobs = {job.id for job in sandbox_thread.ledger.jobs}
    assert {job for _, job in states(journal).values()} == jobs
    assert three_submitted(journal)


@pytest.mark.parametrize(
    ("stop", "journaled"),
    [
        ("Ctrl-C", True),
        ("SIGTERM", False),
        pytest.param("Ctrl-C", False, marks=pytest.mark.crash),
        pytest.param("SIGTERM", True, marks=pytest.mark.crash),
    ],
)
def test_a_run_that_stops_at_once_waits_for_no_answer(
    sandbox_thread: Sandbox, tmp_path: Path, journaled: bool, stop: str
) -> None:
    sandbox_thread.faults.add("templates.generate", Fault.delay(3600.0), times=None, after=1)
    journal = tmp_path / "run.db"
    process = start_rendering(
        sandbox_thread,
        tmp_path,
        *("--journal", journal)[: 2 * journaled],
        command=LIMITED,
        until=lambda: sandbox_thread.requests.by_operation["templates.generate"] >= 3,
    )
    process.send_signal(signal.SIGINT if stop == "Ctrl-C" else signal.SIGTERM)
    said = first_complaint(process)
    assert "Nothing more is submitted" in said
    began = time.monotonic()
    if stop == "Ctrl-C":
        process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=PATIENCE)
    assert process.returncode == (130 if stop == "Ctrl-C" else 143)
    assert time.monotonic() - began < 60  # of the two minutes that a submission may take
    (told,) = json.loads(out)["interrupted"]["unfinished"].values()
    keys = re.findall("whether the job exists is not known.*Idempotency-Key (\\S+) within", err)
    jobs = [job for job in sandbox_thread.ledger.jobs if job.id != told]
    assert len(jobs) == 2
    assert {job.idempotency_key for job in jobs} == set(keys)
    if journaled:
        with open_reader(journal) as view:
            intents = {entry.idempotency_key for entry in view.records(["intended"])}
        assert intents == set(keys)


def test_the_second_ctrl_c_ends_a_chain_at_once(sandbox_thread: Sandbox, tmp_path: Path) -> None:
    sandbox_thread.faults.add("video_translations.create", Fault.delay(3600.0), times=None)
    process = start(
        *("localize", "https://example.com/a.mp4", "--to", "English", "--to", "French (France)"),
        HEYGEN_API_BASE=sandbox_thread.base_url,
        HEYGEN_API_KEY=KEY,
    )
    wait_for(lambda: sandbox_thread.requests.by_operation["video_translations.create"] == 2)
    process.send_signal(signal.SIGINT)
    time.sleep(0.2)
    began = time.monotonic()
    lines, err = interrupt(process)
    assert process.returncode == 130
    assert time.monotonic() - began < 60
    assert lines == [{"interrupted": {"unfinished": {}}}]
    assert err.count("video_translations.create was cancelled before its answer arrived") == 2


@pytest.mark.parametrize("renew", [False, pytest.param(True, marks=pytest.mark.crash)])
def test_what_a_person_has_saved_outlives_its_proofread(
    sandbox_thread: Sandbox, tmp_path: Path, renew: bool
) -> None:
    editor, opened = tmp_path / "editor.sh", tmp_path / "opened"
    wait = f"touch {opened}; while [ -e {opened} ]; do sleep 0.05; done"
    editor.write_text(f'sed -i s/said/SAID/ "$1"; {wait}')
    sandbox_thread.clock.speed = 3000
    process = start(
        *("localize", "https://example.com/a.mp4", "--to", "French (France)", "--edit"),
        *["--renew"] * renew,
        HEYGEN_API_BASE=sandbox_thread.base_url,
        HEYGEN_API_KEY=KEY,
        TMPDIR=str(tmp_path),
        VISUAL=f"sh {editor}",
    )
    wait_for(opened.exists)
    sandbox_thread.clock.advance(86_400)
    opened.unlink()
    out, err = process.communicate(timeout=PATIENCE)
    assert process.returncode == (0 if renew else 1)
    assert sandbox_thread.ledger.count("proofreads.create") == 1 + renew
    assert sandbox_thread.ledger.count("proofreads.generate") == renew
    saved = [path.read_text() for path in tmp_path.glob("French*.srt")]
    assert ["SAID" in text for text in saved] == ([] if renew else [True])
    assert ("what you saved is in" in err) is not renew
    assert ("has expired" in out) is not renew


def test_sigterm_has_a_limit(sandbox_thread: Sandbox, tmp_path: Path) -> None:
    journal = tmp_path / "run.db"
    process = start_rendering(sandbox_thread, tmp_path, "--journal", journal, command=LIMITED)
    wait_for(lambda: three_submitted(journal))
    process.send_signal(signal.SIGTERM)
    out, err = process.communicate(timeout=PATIENCE)
    assert process.returncode == 143
    assert len(json.loads(out)["interrupted"]["unfinished"]) == 3
    assert "The same command goes on" in err
    assert {state for state, _ in states(journal).values()} == {"submitted"}


def test_one_ctrl_c_ends_the_demo(tmp_path: Path) -> None:
    process = start("demo", "--out", tmp_path, "--speed", "1", "--rows", "3")
    wait_for(lambda: (tmp_path / "videos").exists())
    time.sleep(0.3)  # into the run, which announces nothing before its first outcome
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=PATIENCE)
    assert process.returncode == 130
    *notes, last = err.splitlines()
    assert last == "Stopped."
    # A submission whose answer was in flight may be among the stopped ones.
    assert all("was cancelled after it had created the jobs" in note for note in notes)


def test_the_sandbox_serves_until_ctrl_c() -> None:
    process = start("sandbox", "--speed", "600", "--seed", "3")
    assert process.stdout is not None
    first = json.loads(process.stdout.readline())
    assert first["base_url"].startswith("http://127.0.0.1:")
    assert first["template_id"]
    assert first["api_key"]
    lines, _ = interrupt(process)
    assert lines == []
    assert process.returncode == 0


def test_a_reader_that_goes_away_is_no_traceback() -> None:
    code = (
        "from heygen_async.cli.running import run\n"
        "async def talk():\n"
        "    while True: print('a line of output', flush=True)\n"
        "raise SystemExit(run(talk))"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stderr is not None
    with process.stdout, process.stderr:
        process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == ""
    assert process.wait(timeout=PATIENCE) == 1
