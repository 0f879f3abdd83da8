"""Jobs from processes that begin anew (``spawn``), and errors from there."""

from __future__ import annotations

import multiprocessing
from concurrent.futures import ProcessPoolExecutor

from heygen_async.sandbox import Sandbox

from .tasks import check_error, check_jobs, client, look_for_nothing, submit


def test_jobs_and_errors_come_back(heygen_sandbox: Sandbox) -> None:
    context = multiprocessing.get_context("spawn")
    heygen, avatar_id = client(heygen_sandbox), heygen_sandbox.avatar_id
    with ProcessPoolExecutor(2, mp_context=context) as pool:
        started = [pool.submit(submit, heygen, avatar_id, name) for name in ("Ada", "Bob")]
        lost = pool.submit(look_for_nothing, heygen)
        check_jobs(heygen_sandbox, [future.result(60) for future in started])
        error = lost.exception(60)
    assert error is not None
    check_error(error)
