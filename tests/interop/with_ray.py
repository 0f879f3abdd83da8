"""Jobs from Ray's workers."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import pytest

from heygen_async.sandbox import Sandbox

from ..patience import PATIENCE
from .tasks import check_error, check_jobs, client, look_for_nothing, submit

pytestmark = pytest.mark.filterwarnings("default")  # Ray's own

ROOT = Path(__file__).parents[2]


def test_jobs_and_errors_come_back(
    heygen_sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")  # it would tell its makers of each start
    ray: Any = importlib.import_module("ray")
    heygen, avatar_id = client(heygen_sandbox), heygen_sandbox.avatar_id
    ray.init(
        num_cpus=2,
        include_dashboard=False,
        log_to_driver=False,
        runtime_env={"env_vars": {"PYTHONPATH": str(ROOT)}},
    )
    try:
        remote = ray.remote(submit)
        started = [remote.remote(heygen, avatar_id, name) for name in ("Ada", "Bob")]
        check_jobs(heygen_sandbox, ray.get(started, timeout=PATIENCE))
        with pytest.raises(ray.exceptions.RayTaskError) as caught:
            ray.get(ray.remote(look_for_nothing).remote(heygen), timeout=PATIENCE)
        check_error(caught.value.cause)
    finally:
        ray.shutdown()
