"""An export of a CRM is rendered by one command, and its results join it whenever it is killed."""

from __future__ import annotations

import csv
import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from heygen_async.sandbox import Sandbox

from ..patience import PATIENCE, wait_for
from .test_results import table

pytestmark = pytest.mark.crash


COLUMNS = [
    *("Record ID", "Create Date", "First Name", "Last Name", "Email", "Phone Number", "Company"),
    *("Job Title", "Lifecycle Stage", "Lead Status", "Contact owner", "City", "State/Region"),
    *("Country/Region", "Postal Code", "Website URL", "Industry", "Annual Revenue"),
    *("Number of Employees", "Last Activity Date", "Last Contacted", "Original Source", "Plan"),
    *("Notes", "Twitter Username", "Time Zone", "Preferred language", "Consent", "Score"),
    "Became a Customer Date",
]


def write_export(folder: Path, count: int) -> Path:
    """Write an export as a CRM does: 30 columns, a byte order mark, cells in many lines."""
    path = folder / "crm.csv"
    with path.open("w", newline="", encoding="utf-8-sig") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        for n in range(count):
            cells = [f"{column} {n}" for column in COLUMNS]
            cells[0], cells[2] = f"00{n}", f"Ada {n}" if n % 7 else ""
            cells[COLUMNS.index("Notes")] = 'Said "yes",\nand then "no".'
            writer.writerow(cells)
    return path


def test_each_row_is_there_once_whenever_it_was_killed(
    sandbox_thread: Sandbox, tmp_path: Path
) -> None:
    assert len(COLUMNS) == 30
    sandbox_thread.clock.speed = 60
    path, out, journal = write_export(tmp_path, 60), tmp_path / "out.csv", tmp_path / "launch.db"
    arguments = ["render", "welcome", str(path), "--key", "record id"]
    arguments += ["--map", "first name=name", "--default", "name=there", "--default", "product=Tea"]
    command = [sys.executable, "-m", "heygen_async.cli", *arguments]
    command += ["--results", str(out), "--journal", str(journal)]
    for _ in range(int(os.environ.get("HEYGEN_KILLS") or 5)):
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_for(out.exists)
        try:
            process.wait(random.uniform(0.2, 3))
        except subprocess.TimeoutExpired:
            os.kill(process.pid, signal.SIGKILL)
            process.wait(PATIENCE)
        rows = table(out)
        assert [{name: row[name] for name in COLUMNS} for row in rows] == table(path, "utf-8-sig")
        known = {job.id for job in sandbox_thread.ledger.jobs}
        assert {row["job_id"] for row in rows} - {""} <= known
    subprocess.run(command, stdout=subprocess.DEVNULL, check=True, timeout=PATIENCE)
    assert {row["status"] for row in table(out)} == {"completed"}
    assert sandbox_thread.ledger.count("templates.generate") == 60
