"""Jobs from Dask's workers, which are processes."""

from __future__ import annotations

import importlib
from typing import Any

import pytest

from heygen_async.sandbox import Sandbox

from .tasks import check_error, check_jobs, client, look_for_nothing, submit

pytestmark = pytest.mark.filterwarnings("default")  # Dask's own


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
