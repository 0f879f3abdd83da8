"""Jobs from Dask's workers, which are processes, and the recipe of the guide."""

from __future__ import annotations

import importlib
from typing import Any

import pytest

from heygen_async.sandbox import Sandbox

from .recipe import SHARDS, VARIANTS, recipe
from .tasks import check_error, check_jobs, client, look_for_nothing, submit

pytestmark = pytest.mark.filterwarnings("default")  # Dask's own


def test_the_recipe(account: Sandbox, postgres_database: str, valkey_url: str) -> None:
    distributed: Any = importlib.import_module("distributed")
    function, code = recipe("distributed", postgres_database, valkey_url)
    space: dict[str, Any] = {"variants": VARIANTS, "__name__": "__main__"}
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None
    ) as cluster:
        exec(function, space)
        code = code.replace("tcp://scheduler:8786", cluster.scheduler_address)
        exec(code, space)
        job_ids = [job_id for ids in space["job_ids"] for job_id in ids]
        with distributed.Client(cluster) as dask:  # all of it once more, each shard twice at once
            tasks = [
                dask.submit(space["render_shard"], number, rows, pure=False)
                for number, rows in (*enumerate(SHARDS), *enumerate(SHARDS))
            ]
            again = [job_id for ids in dask.gather(tasks) for job_id in ids]
    assert len(job_ids) == len(VARIANTS)
    assert sorted(again) == sorted(job_ids * 2)
    assert sorted(job.id for job in account.ledger.jobs) == sorted(job_ids)


def test_jobs_and_errors_come_back(heygen_sandbox: Sandbox) -> None:
    distributed: Any = importlib.import_module("distributed")
    heygen, avatar_id = client(heygen_sandbox), heygen_sandbox.avatar_id
    with (
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None
        ) as cluster,
        distributed.Client(cluster) as dask,
    ):
        started = [dask.submit(submit, heygen, avatar_id, name) for name in ("Ada", "Bob")]
        check_jobs(heygen_sandbox, dask.gather(started))
        check_error(dask.submit(look_for_nothing, heygen).exception(60))
