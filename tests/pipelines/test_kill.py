"""Chains killed at random moments and started again, until they end; no video is paid for twice.

HEYGEN_KILLS says how often each is killed, HEYGEN_KILL_SEED chooses the moments. By default one
chain is killed, twice; the session ``crash`` of nox kills all of them, and more often.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from heygen_async.sandbox import Sandbox, SandboxThread
from tests.journal.journals import ENVIRONMENT

pytestmark = pytest.mark.kills

KILLS = int(os.environ.get("HEYGEN_KILLS", "2"))
ITEMS = 12
SLOTS = 5
LANGUAGES = ("French (France)", "German (Germany)", "Spanish (Spain)", "Italian (Italy)")


def localize(sandbox: Sandbox, folder: Path) -> list[str]:
    languages = [word for language in LANGUAGES for word in ("--to", language)]
    correct = "sh -c 'sed s/said/SAID/'"
    return ["localize", "--prompt", "A teaser", "--correct", correct, *languages]


def narrate(sandbox: Sandbox, folder: Path) -> list[str]:
    rows = "".join(f"t{n},Good morning number {n}.\n" for n in range(ITEMS))
    (folder / "texts.csv").write_text(f"key,text\n{rows}")
    return ["narrate", "texts.csv", "--avatar", sandbox.avatar_id, "--voice", sandbox.voice_id]


def personalize(sandbox: Sandbox, folder: Path) -> list[str]:
    template_id = sandbox.add_template(variables={"name": "text", "greeting": "audio"})
    rows = "".join(f"r{n},Name {n},Hello {n}.\n" for n in range(ITEMS))
    (folder / "rows.csv").write_text(f"key,name,greeting\n{rows}")
    voice = ["--speak", "greeting", "--voice", sandbox.voice_id]
    return ["personalize", template_id, "rows.csv", *voice]


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        pytest.param(
            localize,
            {
                "video_agents.create": 1,
                "proofreads.create": len(LANGUAGES),
                "proofreads.generate": len(LANGUAGES),
            },
            marks=pytest.mark.crash,
        ),
        pytest.param(
            narrate,
            {"voices.speech": ITEMS, "videos.create": ITEMS},
            marks=pytest.mark.crash,
        ),
        (personalize, {"voices.speech": ITEMS, "templates.generate": ITEMS}),
    ],
)
def test_killed_chains_pay_once(
    command: Callable[[Sandbox, Path], list[str]], expected: dict[str, int], tmp_path: Path
) -> None:
    moments = random.Random(os.environ.get("HEYGEN_KILL_SEED", "0"))
    # Slow enough for a chain to outlive several of its processes.
    with SandboxThread(speed=60, concurrency=SLOTS) as sandbox:
        arguments = command(sandbox, tmp_path)
        # Speech takes no slot at HeyGen, so only the run bounds how many are in flight.
        bounded = ["--journal", "run.db", "--concurrency", str(SLOTS)]
        environment = {
            **ENVIRONMENT,
            "HEYGEN_API_BASE": sandbox.base_url,
            "HEYGEN_API_KEY": sandbox.api_key,
        }
        kills = 0
        while True:
            process = subprocess.Popen(
                [sys.executable, "-m", "heygen_async.cli", *arguments, *bounded],
                cwd=tmp_path,
                env=environment,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
            try:
                limit = moments.uniform(0.5, 3.0) if kills < KILLS else 120
                printed, errors = process.communicate(timeout=limit)
                break
            except subprocess.TimeoutExpired:
                process.kill()
                process.communicate()
                kills += 1
                assert kills <= KILLS
        assert process.returncode == 0, errors
        report = json.loads(printed.splitlines()[-1])["report"]
        jobs = Counter(job.operation for job in sandbox.ledger.jobs)
    # Speech takes no key: requests in flight at a kill are sent again.
    speeches = jobs.pop("voices.speech", 0)
    once = expected.get("voices.speech", 0)
    assert once <= speeches <= once + kills * SLOTS
    assert jobs == {name: count for name, count in expected.items() if name != "voices.speech"}
    assert report["completed"] == len(printed.splitlines()) - 1
    print(f"\n{arguments[0]}: killed {kills} times, {speeches} speeches")
