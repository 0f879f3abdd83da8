"""Whole processes, killed at any moment: nothing is lost, and nothing is paid for twice.

``HEYGEN_KILLS`` says how often, twice by default, and three fifths of that under each kind of
fault, where only the session ``crash`` of nox tries; ``HEYGEN_KILL_SEED`` repeats a session.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from heygen_async.journal import ItemRecord, open_reader
from heygen_async.sandbox import Faults
from tests.journal.journals import ENVIRONMENT

pytestmark = [
    pytest.mark.kills,
    pytest.mark.skipif(sys.platform == "win32", reason="signals"),
]

KILLS = int(os.environ.get("HEYGEN_KILLS", "2"))
SEED = int(os.environ.get("HEYGEN_KILL_SEED", "0")) or random.SystemRandom().randrange(1, 10**9)


GENERATE = "templates.generate"
CREATE_BATCH = "videos.batches.create"
#: What the sandbox does to submissions while processes come and go, and how many items a
#: process is given, so that none comes to the end of them before it is killed.
FAULTS = {
    "no faults": (Faults(), 20),
    "answers dropped": (Faults(operations={GENERATE: Faults(drop_answer=0.25)}), 20),
    "500 after the work": (Faults(operations={GENERATE: Faults(error_after_work=0.25)}), 20),
    # Longer than a process takes to start, so that it meets what the last one has sent.
    "409 while in flight": (Faults(operations={GENERATE: Faults(latency=(0.5, 4.0))}), 6),
}
#: The same for batches of ten.
BATCH_FAULTS = {
    "no faults": Faults(),
    "answers lost": Faults(
        operations={CREATE_BATCH: Faults(drop_answer=0.3, error_after_work=0.3)}
    ),
}


UNKEYED = ("video_agents.create", "voices.clone", "voices.speech")


class Account:
    """A sandbox in another process, used through its control paths."""

    def __init__(self) -> None:
        command = [sys.executable, "-m", "heygen_async.sandbox", "--speed", "300"]
        self.process = subprocess.Popen(command, env=ENVIRONMENT, stdout=subprocess.PIPE)
        assert self.process.stdout is not None
        told = json.loads(self.process.stdout.readline())
        self.base_url, self.api_key = told["base_url"], told["api_key"]
        self.template_id = self._ask("/v3/templates")["data"][0]["id"]

    def suffer(self, faults: Faults) -> None:
        """Inject these faults from now on."""
        self._ask("/_sandbox/faults", faults.to_json())

    def jobs(self) -> list[dict[str, Any]]:
        """Return all jobs that it has accepted."""
        jobs: list[dict[str, Any]] = self._ask("/_sandbox/ledger")["jobs"]
        return jobs

    def requests(self) -> dict[str, Any]:
        """Return the requests and their answers."""
        requests: dict[str, Any] = self._ask("/_sandbox/requests")
        return requests

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait()
        assert self.process.stdout is not None
        self.process.stdout.close()

    def _ask(self, path: str, put: object = None) -> Any:
        request = urllib.request.Request(
            self.base_url + path,
            headers={"x-api-key": self.api_key},
            data=None if put is None else json.dumps(put).encode(),
            method="GET" if put is None else "PUT",
        )
        with urllib.request.urlopen(request) as response:
            return json.load(response)


@pytest.fixture
def account() -> Iterator[Account]:
    account = Account()
    yield account
    account.stop()


class Life:
    """A process that renders."""

    def __init__(
        self, account: Account, journal: Path, items: int, what: str | None = None
    ) -> None:
        command = [sys.executable, "-m", "tests.batch.crash_run"]
        command += [account.base_url, account.api_key, what or account.template_id]
        self.process = subprocess.Popen(
            [*command, str(journal), str(items)], env=ENVIRONMENT, stdout=subprocess.PIPE
        )
        assert self.process.stdout is not None
        self._output = self.process.stdout
        assert self._output.readline() == b"begun\n"

    def outcomes(self) -> dict[int, str]:
        """Return the reported job or error by position, after the process has ended."""
        found: dict[int, str] = {}
        with self._output:
            for line in self._output.read().decode().splitlines(keepends=True):
                if line.endswith("\n"):
                    position, job = line.rstrip().split(maxsplit=1)
                    assert int(position) not in found, "one outcome for each item"
                    found[int(position)] = job
        return found

    def kill(self) -> dict[int, str]:
        assert self.process.poll() is None, "it was to live longer"
        self.process.kill()
        found = self.outcomes()
        assert self.process.wait() == -signal.SIGKILL
        return found

    def finish(self) -> dict[int, str]:
        found = self.outcomes()
        assert self.process.wait() == 0
        return found


def entries(journal: Path) -> list[ItemRecord]:
    with open_reader(journal) as view:
        return list(view.records())


def made_once_each(account: Account, outcomes: dict[int, str]) -> None:
    """Check that each item has one job, and each job one key."""
    jobs = account.jobs()
    assert {job["operation"] for job in jobs} == {GENERATE}
    assert sorted(job["id"] for job in jobs) == sorted(outcomes.values())
    assert len({job["idempotency_key"] for job in jobs}) == len(outcomes)


@pytest.mark.parametrize(
    ("faults", "items_each"),
    [
        pytest.param(faults, items, id=name, marks=[] if faults == Faults() else pytest.mark.crash)
        for name, (faults, items) in FAULTS.items()
    ],
)
def test_killed_at_any_moment(
    account: Account, tmp_path: Path, faults: Faults, items_each: int
) -> None:
    print(f"HEYGEN_KILL_SEED={SEED}")
    account.suffer(faults)
    chance, begun = random.Random(SEED), time.monotonic()
    kills = KILLS if faults == Faults() else max(2, 3 * KILLS // 5)
    journal, items = tmp_path / "run.db", 20 + items_each * kills
    told: dict[int, str] = {}
    for _ in range(kills):
        life = Life(account, journal, items)
        time.sleep(chance.random() * 0.5)
        for position, job in life.kill().items():
            assert told.setdefault(position, job) == job
    assert len(told) < items
    outcomes = Life(account, journal, items).finish()
    assert sorted(outcomes) == list(range(items))
    assert told.items() <= outcomes.items()
    made_once_each(account, outcomes)
    ended = entries(journal)
    assert {entry.state for entry in ended} == {"completed"}
    assert sorted(entry.job_id or "" for entry in ended) == sorted(outcomes.values())
    seen = account.requests()
    in_flight, struck = seen["by_status"].get("409", 0), seen["struck"].get(GENERATE, {})
    print(
        f"{items} items, {kills} kills, {time.monotonic() - begun:.0f} s, "
        f"{seen['by_operation'][GENERATE]} submissions, {in_flight} in flight, {struck}"
    )
    if faults != Faults():
        assert in_flight or struck


@pytest.mark.parametrize(
    "faults",
    [
        pytest.param(faults, id=name, marks=[] if faults == Faults() else pytest.mark.crash)
        for name, faults in BATCH_FAULTS.items()
    ],
)
def test_killed_while_batches_are_sent(account: Account, tmp_path: Path, faults: Faults) -> None:
    print(f"HEYGEN_KILL_SEED={SEED}")
    account.suffer(faults)
    chance = random.Random(SEED)
    kills = max(2, 3 * KILLS // 5)
    journal, items = tmp_path / "run.db", 20 + 20 * kills
    told: dict[int, str] = {}
    for _ in range(kills):
        life = Life(account, journal, items, "-")
        time.sleep(chance.random() * 0.4)
        for position, job in life.kill().items():
            assert told.setdefault(position, job) == job
    outcomes = Life(account, journal, items, "-").finish()
    assert sorted(outcomes) == list(range(items))
    assert told.items() <= outcomes.items()
    jobs = account.jobs()
    assert {job["operation"] for job in jobs} == {CREATE_BATCH}
    assert sorted(job["id"] for job in jobs) == sorted(outcomes.values())
    assert len({job["callback_id"] for job in jobs}) == items
    struck = account.requests()["struck"].get(CREATE_BATCH, {})
    print(f"{items} items, {kills} kills, {len({job['idempotency_key'] for job in jobs})} batches")
    assert bool(struck) == (faults != Faults())


@pytest.mark.parametrize(
    "faults",
    [
        pytest.param(Faults(), id="no faults"),
        pytest.param(
            Faults(
                operations=dict.fromkeys(
                    UNKEYED, Faults(drop_answer=0.1, drop=0.1, latency=(0.1, 1.0))
                )
            ),
            id="answers and requests lost, and work that goes on after a kill",
            marks=pytest.mark.crash,
        ),
    ],
)
def test_killed_where_no_keys_are_known(account: Account, tmp_path: Path, faults: Faults) -> None:
    """Kill runs of creates without a key: none is doubled, and all are found or reported."""
    print(f"HEYGEN_KILL_SEED={SEED}")
    account.suffer(faults)
    chance, begun = random.Random(SEED), time.monotonic()
    kills, journal = max(2, 3 * KILLS // 5), tmp_path / "run.db"
    items = 20 + 20 * kills
    told: dict[int, str] = {}
    for _ in range(kills):
        life = Life(account, journal, items, "unkeyed")
        time.sleep(chance.random() * 0.7)
        for position, job in life.kill().items():
            if not job.startswith("Uncertain"):
                assert told.setdefault(position, job) == job
    account.suffer(Faults())
    outcomes = Life(account, journal, items, "unkeyed").finish()
    assert sorted(outcomes) == list(range(items))
    assert told.items() <= outcomes.items()
    uncertain = {n for n, job in outcomes.items() if job.startswith("Uncertain")}
    assert not any(number % 3 == 0 for number in uncertain), "a speech is sent again"
    jobs = account.jobs()
    made = [job["id"] for job in jobs if job["operation"] != "voices.speech"]
    known = [job for number, job in outcomes.items() if number % 3 and number not in uncertain]
    assert len(set(known)) == len(known)
    lost, doubled = set(made) - set(known), len(made) - items * 2 // 3
    # A request that a kill prevented is not sent; one that was sent shows in the account.
    assert not lost
    assert set(known) <= set(made)
    assert doubled <= 0
    speeches, wanted = len(jobs) - len(made), len(range(0, items, 3))
    resent = sum(entry.resends for entry in entries(journal))
    assert wanted <= speeches <= wanted + resent
    assert all(
        entry.state == "uncertain" for entry in entries(journal) if entry.position in uncertain
    )
    print(
        f"{items} items, {kills} kills, {time.monotonic() - begun:.0f} s: {len(lost)} lost, "
        f"{max(doubled, 0)} doubled, {len(uncertain)} uncertain; {speeches - wanted} speeches "
        f"paid twice, {resent} counted"
    )


def test_the_power_fails_at_any_moment(account: Account, tmp_path: Path) -> None:
    """Copy the journal at several instants; later submissions are not in the copies."""
    print(f"HEYGEN_KILL_SEED={SEED}")
    chance = random.Random(SEED)
    copied = max(2, KILLS // 5)
    items = 20 * copied
    life = Life(account, tmp_path / "run.db", items)
    copies: list[Path] = []
    for number in range(copied):
        time.sleep(chance.random() * 0.35)
        life.process.send_signal(signal.SIGSTOP)
        os.waitpid(life.process.pid, os.WUNTRACED)
        folder = tmp_path / f"{number}"
        folder.mkdir()
        for name in ("run.db", "run.db-wal"):
            if (tmp_path / name).exists():
                shutil.copy(tmp_path / name, folder)
        copies.append(folder / "run.db")
        life.process.send_signal(signal.SIGCONT)
    outcomes = life.finish()
    made_once_each(account, outcomes)
    for copy in copies:
        assert Life(account, copy, items).finish() == outcomes
        assert {entry.state for entry in entries(copy)} == {"completed"}
    made_once_each(account, outcomes)
