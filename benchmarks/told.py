"""Check that stopped runs know all paid jobs, and submit nothing after the stop.

Runs with 50 workers on an account that runs 10 jobs at once are stopped in each way there is:
in this process by the code that reads the outcomes, and as the command ``heygen-async render`` in
a process of its own by signals, by output that cannot be written, and by a kill. A sandbox on
loopback makes the videos; each answer to a submission takes 0.3 to 1 s, so that some are on their
way at any moment.

*Told*: the share of the jobs in the sandbox's ledger whose id the user has: in outcomes, in
``run.unfinished``, in ``on_accepted``, on an exception, on standard output as far as it was read,
on standard error, or in the journal. A submission whose answer nobody has waited for counts if
its Idempotency-Key is in the journal, or on standard error. *After the stop*: jobs whose request
was sent later than a quarter of a second after the stop, as a relay in front of the sandbox sees.

    python benchmarks/told.py [--json] [--only "Ctrl-C twice"] [--items 200]
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import math
import multiprocessing
import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import anyio
from tables import report

from heygen_async import Batch, HeyGen, Outcome, accepted_job_ids
from heygen_async.journal import open_reader
from heygen_async.sandbox import Faults, Sandbox, SandboxThread

#: Seconds by which a request may seem later than it was sent, on a busy machine.
GRACE = 0.25
#: Outcomes after which a run is stopped.
OUTCOMES = 12
#: Seconds that the answer to a submission takes.
LATENCY = (0.3, 1.0)
#: Runs that are stopped at the same time.
AT_ONCE = 3
#: The most seconds to wait for the end of a process.
PATIENCE = 120.0

IN_PROCESS = ("consumer raises", "break", "timeout", "anyio cancel", "stop_submitting")
COMMANDS = ("Ctrl-C once", "Ctrl-C twice", "SIGTERM", "broken pipe", "full stdout", "kill")
#: The ways of reading the outcomes in this process.
STYLES = ("plain", "journal", "ordered", "download", "download, ordered")
#: The text that a command prints on standard error when it has stopped submitting.
STOPPED = "Nothing more is submitted"


class Relay:
    """A proxy to the sandbox that records when each Idempotency-Key was last sent.

    Attributes:
        base_url: Its own address.
        sent: When a key was last seen, on the clock of ``time.monotonic``.
    """

    def __init__(self, sandbox: Sandbox) -> None:
        self.base_url = ""
        self.sent: dict[str, float] = {}
        self._host, _, port = sandbox.base_url.removeprefix("http://").partition(":")
        self._port = int(port)
        self._opened = threading.Event()

    async def serve(self) -> None:
        """Serve until cancelled."""
        server = await asyncio.start_server(self._connected, "127.0.0.1", 0)
        self.base_url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        self._loop, self._task = asyncio.get_running_loop(), asyncio.current_task()
        self._opened.set()
        await asyncio.Event().wait()

    def __enter__(self) -> Relay:
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        self._opened.wait()
        return self

    def __exit__(self, *exception: object) -> None:
        assert self._task is not None
        self._loop.call_soon_threadsafe(self._task.cancel)
        self._thread.join()

    def _run(self) -> None:
        try:
            asyncio.run(self.serve())
        except asyncio.CancelledError:
            return

    async def _connected(
        self, client: asyncio.StreamReader, to_client: asyncio.StreamWriter
    ) -> None:
        server, to_server = await asyncio.open_connection(self._host, self._port)

        async def submissions() -> AsyncIterator[bytes]:
            while data := await client.read(1 << 16):
                for key in re.findall(rb"(?i)\r\nidempotency-key: ([^\r]+)", data):
                    self.sent[key.decode()] = time.monotonic()
                yield data

        async def answers() -> AsyncIterator[bytes]:
            while data := await server.read(1 << 16):
                yield data

        async def pump(source: AsyncIterator[bytes], sink: asyncio.StreamWriter) -> None:
            try:
                async for data in source:
                    sink.write(data)
                    await sink.drain()
            except ConnectionError:
                pass
            finally:
                sink.close()

        await asyncio.gather(pump(submissions(), to_server), pump(answers(), to_client))


@dataclass
class Stopped:
    """The knowledge about jobs after a run was stopped.

    Attributes:
        at: When it was stopped.
        ids: Jobs that the user knows.
        text: What the user, or the journal, can be searched for ids and keys.
        exit_code: Exit code of the command.
    """

    at: float = math.nan
    ids: set[str | None] = field(default_factory=set)
    text: str = ""
    exit_code: int | str = ""

    def knows(self, job: Any) -> bool:
        """Return whether a job, or its key, is known."""
        named = [job.id, *filter(None, [job.idempotency_key])]
        return job.id in self.ids or any(name in self.text for name in named)


class ConsumerFailed(Exception):
    """An exception of the code that reads the outcomes."""


async def stop_in_process(
    way: str, style: str, sandbox: Sandbox, relay: Relay, folder: Path, items: int
) -> Stopped:
    """Stop a run in this process, and continue for a while before the batch is closed."""
    stopped = Stopped()
    loop = asyncio.get_running_loop()
    settings: dict[str, Any] = {"ordered": "ordered" in style}
    if style == "journal":
        settings["journal"] = folder / "run.db"
    seconds = 4.0

    async with HeyGen(
        sandbox.api_key,
        base_url=relay.base_url,
        jobs=50,
        on_accepted=lambda _, ids: stopped.ids.update(ids),
    ) as heygen:
        async with Batch(heygen, **settings) as batch:
            rows = [{"name": f"N{number}", "product": "P"} for number in range(items)]
            run = batch.render(sandbox.template_id("Welcome"), rows)

            def outcomes() -> AsyncIterator[Outcome[Any]]:
                if "download" in style:
                    return batch.download(run, folder / "{key}.mp4")
                return aiter(run)

            async def read() -> None:
                taken = 0
                async for outcome in outcomes():
                    stopped.ids.add(outcome.job_id)
                    taken += 1
                    if taken != OUTCOMES or way in ("timeout", "anyio cancel"):
                        continue
                    await asyncio.sleep(1)  # others are ready meanwhile
                    stopped.at = loop.time()
                    if way == "consumer raises":
                        raise ConsumerFailed
                    if way == "break":
                        break
                    run.stop_submitting()

            scope: Any = nullcontext() if way != "anyio cancel" else anyio.move_on_after(seconds)
            if way in ("timeout", "anyio cancel"):
                stopped.at = loop.time() + seconds
            try:
                with scope:
                    async with asyncio.timeout(seconds if way == "timeout" else None):
                        await read()
            except (ConsumerFailed, TimeoutError) as error:
                stopped.ids.update(accepted_job_ids(error))
            await asyncio.sleep(3)  # the program goes on
        stopped.ids.update(run.unfinished.values())
    return stopped


class Lines:
    """Reads the lines of a stream in a thread."""

    def __init__(self, stream: IO[str]) -> None:
        self.text = ""
        self._changed = threading.Condition()
        self._ended = False
        self._stream = stream
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self) -> None:
        for line in self._stream:
            with self._changed:
                self.text += line
                self._changed.notify_all()
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def wait_for(self, text: str) -> None:
        """Wait until a text was printed.

        Raises:
            RuntimeError: It was not.
        """
        with self._changed:
            self._changed.wait_for(lambda: text in self.text or self._ended, PATIENCE)
            if text not in self.text:
                raise RuntimeError(f"{text!r} was not said: {self.text}")

    def join(self) -> str:
        """Return all of it."""
        self._thread.join(PATIENCE)
        return self.text


def stop_command(
    way: str, journal: Path | None, sandbox: Sandbox, relay: Relay, folder: Path, items: int
) -> Stopped:
    """Stop the command in a process of its own, and wait until it has ended."""
    rows = folder / "rows.csv"
    rows.write_text("key,name,product\n" + "".join(f"k{n},N{n},P\n" for n in range(items)))
    command = [sys.executable, "-m", "heygen_async.cli", "render", sandbox.template_id("Welcome")]
    options = [] if journal is None else ["--journal", str(journal)]
    full = os.open("/dev/full", os.O_WRONLY) if way == "full stdout" else None
    process = subprocess.Popen(
        [*command, str(rows), *options],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE if full is None else full,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"HEYGEN_API_BASE": relay.base_url, "HEYGEN_API_KEY": sandbox.api_key},
    )
    assert process.stderr is not None
    errors = Lines(process.stderr)
    stopped = Stopped()
    if process.stdout is not None:
        stopped.text = "".join(process.stdout.readline() for _ in range(OUTCOMES))
    if way == "broken pipe":
        assert process.stdout is not None
        process.stdout.close()
    elif way == "kill":
        process.kill()
        process.wait(PATIENCE)
    elif way != "full stdout":
        process.send_signal(signal.SIGTERM if way == "SIGTERM" else signal.SIGINT)
    if way != "kill":
        errors.wait_for(STOPPED)
    if way == "Ctrl-C twice":
        process.send_signal(signal.SIGINT)
    stopped.at = time.monotonic()
    # The contents of a pipe can still be read after its process was killed.
    if process.stdout is not None and not process.stdout.closed:
        stopped.text += process.stdout.read()
        process.stdout.close()
    stopped.exit_code = process.wait(PATIENCE)
    stopped.text += errors.join()
    process.stderr.close()
    if full is not None:
        os.close(full)
    return stopped


def journaled(journal: Path) -> str:
    """Return the ids of jobs in a journal, and the keys of intents whose answer is not known."""
    if not journal.exists():
        return ""
    with open_reader(journal) as reader:
        known = [
            record.job_id or (record.idempotency_key if record.state == "intended" else "")
            for record in reader.records()
        ]
    return " ".join(known)


@contextmanager
def account() -> Iterator[tuple[Sandbox, Relay, Path]]:
    """Return an account that runs 10 jobs at once, each for about a second."""
    slow = Faults(operations={"templates.generate": Faults(latency=LATENCY)})
    with (
        SandboxThread(speed=60, concurrency=10, faults=slow) as sandbox,
        Relay(sandbox) as relay,
        tempfile.TemporaryDirectory() as folder,
    ):
        yield sandbox, relay, Path(folder)


def measure(way: str, style: str, items: int) -> dict[str, Any]:
    """Stop one run, and compare the known jobs with the ledger."""
    logging.getLogger("heygen_async").setLevel(logging.ERROR)  # on_accepted tells the same
    with account() as (sandbox, relay, folder):
        journal = folder / "run.db"
        if way in COMMANDS:
            kept = journal if style == "journal" else None
            stopped = stop_command(way, kept, sandbox, relay, folder, items)
        else:
            run = stop_in_process(way, style, sandbox, relay, folder, items)
            stopped = asyncio.run(run)
        time.sleep(LATENCY[1] + GRACE)  # what was on its way is carried out
        stopped.text += journaled(journal)
        jobs = list(sandbox.ledger.jobs)
        told = sum(map(stopped.knows, jobs))
        late = sum(relay.sent[job.idempotency_key or ""] > stopped.at + GRACE for job in jobs)
    return {
        "stopped by": way,
        "run": style,
        "exit": stopped.exit_code,
        "jobs": len(jobs),
        "told": told,
        "after the stop": late,
    }


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--json", action="store_true", help="print one JSON object")
    arguments.add_argument("--only", action="append", help='such as "break", "break, journal"')
    arguments.add_argument("--items", type=int, default=200)
    options = arguments.parse_args()

    runs = [(way, style) for way in IN_PROCESS for style in STYLES]
    for way in COMMANDS:
        if way != "full stdout" or os.path.exists("/dev/full"):
            # Without a journal, the jobs that a kill has cut off cannot be known.
            styles = ("journal",) if way == "kill" else ("plain", "journal")
            runs += [(way, style) for style in styles]
    if options.only:
        runs = [run for run in runs if run[0] in options.only or ", ".join(run) in options.only]
    with ProcessPoolExecutor(AT_ONCE, multiprocessing.get_context("spawn")) as processes:
        begun = [processes.submit(measure, way, style, options.items) for way, style in runs]
        rows = [measured.result() for measured in begun]
    figures = {
        "told": min(row["told"] / row["jobs"] for row in rows),
        "after_stop": sum(row["after the stop"] for row in rows),
    }
    title = "Paid jobs that are known after a stop, and jobs that were sent after it"
    report(title, rows, figures, options.json)


if __name__ == "__main__":
    main()
