"""``heygen-async worker``: process the runs of an account."""

from __future__ import annotations

import asyncio
import signal
from pathlib import Path

from rich.text import Text

from heygen_async.cli.display import Display
from heygen_async.cli.exit_codes import CommandError, Exit
from heygen_async.cli.signals import Signals
from heygen_async.client import HeyGen
from heygen_async.delivery.patterns import is_url
from heygen_async.distributed import Cluster, HeartbeatTimes, RedisSlots


async def worker(
    *,
    dsn: str,
    slots: str | None,
    account: str | None,
    concurrency: int,
    jobs: int,
    out: str | None,
    grace: float,
    heartbeat: float,
    dead_after: float,
    telemetry: bool,
    base_url: str | None,
    display: Display,
) -> Exit:
    """Process runs until a signal arrives.

    Args:
        dsn: The database.
        slots: The server of the shared slots, or None.
        account: Name of the account for the slots.
        concurrency: Maximum number of items at once.
        jobs: Maximum number of jobs of the account at once.
        out: Folder or storage to download the videos into; None downloads nothing.
        grace: Seconds to wait for jobs in flight.
        heartbeat: Seconds between two heartbeats.
        dead_after: Seconds without a heartbeat after which a worker counts as dead.
        telemetry: Send traces and metrics.
        base_url: Base URL of the API; None reads it from the environment.
        display: The display.

    Raises:
        CommandError: The options are incompatible.
        HeyGenError: HeyGen refuses the key, or the database cannot be reached.
    """
    if dead_after < 3 * heartbeat:
        least = f"{3 * heartbeat:g} seconds, three heartbeats"
        raise CommandError(f"--dead-after: expected at least {least}")
    if (slots is None) != (account is None):
        raise CommandError("--slots and --account: give both or neither")
    pool = None
    if slots is not None and account is not None:
        pool = RedisSlots(slots, account=account, ceiling=jobs, ttl=dead_after)
    heartbeats = HeartbeatTimes(every=heartbeat, timeout=dead_after)
    try:
        async with (
            HeyGen(base_url=base_url, jobs=pool or jobs) as heygen,
            Cluster(dsn, heygen=heygen, heartbeats=heartbeats) as cluster,
        ):
            if telemetry:
                from heygen_async.telemetry import OpenTelemetry

                OpenTelemetry().instrument(heygen)
            download = None if out is None else f"{out.rstrip('/')}/{{key}}.mp4"
            if out is not None and is_url(out):
                download = out if "{" in out else download
            elif out is not None:
                await asyncio.to_thread(Path(out).mkdir, parents=True, exist_ok=True)
            one = await cluster.worker(concurrency=concurrency, download=download, grace=grace)

            def gently(number: signal.Signals) -> None:
                one.stop()
                display.warn(
                    f"Nothing more is submitted; jobs in flight are waited for, {grace:g} s at "
                    "most. What is left goes on in other workers."
                )

            with Signals(gently) as signals:
                where = Text(f"Working on the runs in {cluster.name}.")
                display.result({"working_on": cluster.name}, lambda console: console.print(where))
                await one.run()
    finally:
        if pool is not None:
            await pool.aclose()
    return Exit.TERMINATED if signals.received == signal.SIGTERM else Exit.INTERRUPTED
