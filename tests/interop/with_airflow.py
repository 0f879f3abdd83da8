"""The recipe of the guide as a DAG of Airflow, which is installed in an environment of its own.

``HEYGEN_AIRFLOW`` is the folder of its programs.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from heygen_async.sandbox import Sandbox

from .recipe import VARIANTS, recipe

ROOT = Path(__file__).parents[2]


def test_the_recipe(
    account: Sandbox, postgres_database: str, valkey_url: str, tmp_path: Path
) -> None:
    function, code = recipe("airflow.sdk", postgres_database, valkey_url)
    dags = tmp_path / "dags"
    dags.mkdir()
    (dags / "spring.py").write_text(f"{function}\n\nvariants = {VARIANTS!r}\n\n{code}")
    environment = os.environ | {
        "AIRFLOW_HOME": str(tmp_path),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "PYTHONPATH": str(ROOT),
    }
    for command in (["db", "migrate"], ["dags", "test", "spring"], ["dags", "test", "spring"]):
        ended = subprocess.run(
            [f"{os.environ['HEYGEN_AIRFLOW']}/airflow", *command],
            env=environment,
            capture_output=True,
            text=True,
            timeout=300,
        )
        assert ended.returncode == 0, ended.stdout + ended.stderr
    job_ids = [job.id for job in account.ledger.jobs]
    assert len(job_ids) == len(VARIANTS)  # the second DAG run has found all of them
    assert all(ended.stdout.count(job_id) for job_id in job_ids)
