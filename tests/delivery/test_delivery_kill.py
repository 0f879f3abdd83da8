"""A process that is killed between outcome, file and call: nothing is lost or made twice."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from heygen_async.journal import open_reader
from heygen_async.sandbox import Sandbox
from tests.delivery.dying_run import ITEMS, MOMENTS
from tests.journal.journals import ENVIRONMENT
from tests.patience import PATIENCE

pytestmark = [
    pytest.mark.crash,
    pytest.mark.skipif(sys.platform == "win32", reason="signals"),
]


@pytest.mark.sandbox(speed=300)
@pytest.mark.parametrize("moment", MOMENTS)
def test_killed_between_outcome_file_and_call(
    sandbox_thread: Sandbox, tmp_path: Path, moment: str
) -> None:
    template_id = sandbox_thread.add_template()

    def run(moment: str) -> int:
        arguments = [sandbox_thread.base_url, sandbox_thread.api_key, template_id]
        command = [sys.executable, "-m", "tests.delivery.dying_run", *arguments]
        return subprocess.run(
            [*command, str(tmp_path), moment], env=ENVIRONMENT, check=False, timeout=PATIENCE
        ).returncode

    def told() -> list[str]:
        return (tmp_path / "told").read_text().splitlines()

    assert run(moment) == -9
    before = told()
    with open_reader(tmp_path / "run.db") as reader:
        (file, receiver) = reader.run.settings["deliveries"]
        left = {one.key for one in reader.undelivered(receiver)}
        assert {one.key for one in reader.undelivered(file)} <= left
        recorded = {key for key, one in reader.deliveries() if one.target == receiver}
    # What the journal says is delivered was; what was delivered last it may not know.
    assert recorded <= {line.split()[0] for line in before}
    assert not left & recorded

    assert run("never") == 0
    assert sandbox_thread.ledger.count() == ITEMS
    after = told()
    assert {line.split()[0] for line in after} == {f"p{number}" for number in range(ITEMS)}
    assert len(set(after)) == ITEMS  # the ids are the same
    again = [line for line in after[len(before) :] if line in before]
    assert not {line.split()[0] for line in again} & recorded
    files = list((tmp_path / "files").iterdir())
    assert {file.name for file in files} == {f"p{number}.mp4" for number in range(ITEMS)}
    assert all(file.read_bytes()[4:8] == b"ftyp" for file in files)

    assert run("never") == 0
    assert told() == after
