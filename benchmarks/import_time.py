"""Measure the CPU time to import the package and to create a client, against its dependencies.

Each case is a process of its own; its CPU time counts, user and system. ``import heygen_async`` is
set against an interpreter that does nothing. Rounds alternate, since a busy machine drifts;
differences and ratios are the medians of the rounds' own. Bytecode is cached, as it is after an
installation.

``HeyGen("k")`` is set against the import of the four dependencies in two ways. ``client_ratio``
comes from processes that do one after the other and say themselves what each took, from the start
of the interpreter: what drifts does so for both, and the last digit is worth something.
``process_ratio`` compares whole processes, with their ends, and on a busy machine wavers by several
hundredths.

``version_ratio`` and ``help_ratio`` are the command's ``--version`` and ``--help`` to the import of
Typer, which it is written with.
"""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tables import report

ROOT = Path(__file__).resolve().parents[1]
COMMAND = 'import sys; from heygen_async.cli import main; sys.argv[1:] = ["{}"]; main()'
CASES = {
    "an empty interpreter": "pass",
    "import heygen_async": "import heygen_async",
    "import aiohttp, anyio, backoff, msgspec": "import aiohttp, anyio, backoff, msgspec",
    'HeyGen("k")': 'from heygen_async import HeyGen; HeyGen("k")',
    "import typer": "import typer",
    "heygen-async --version": COMMAND.format("--version"),
    "heygen-async --help": COMMAND.format("--help"),
}

# A client loads all dependencies except anyio, which is loaded only by programs that use it.
IN_TURN = """
import time
import aiohttp, backoff, msgspec
shared = time.process_time()
from heygen_async import HeyGen; HeyGen("k")
client = time.process_time()
import anyio
print(client / (shared + time.process_time() - client))
"""


def measure(code: str, env: dict[str, str]) -> tuple[float, float]:
    """Return the milliseconds of a process that runs this: CPU time and real time."""
    started, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, "-c", code], env=env, check=True, stdout=subprocess.DEVNULL)
    after, elapsed = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter() - started
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return cpu * 1e3, elapsed * 1e3


def ratio_in_turn(env: dict[str, str]) -> float:
    """Return the CPU time until a client exists, relative to that of its dependencies."""
    command = [sys.executable, "-c", IN_TURN]
    return float(subprocess.run(command, env=env, check=True, capture_output=True).stdout)


def run(rounds: int, cache: str) -> tuple[list[dict[str, object]], dict[str, float]]:
    env = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")])),
        "PYTHONPYCACHEPREFIX": cache,
        "PYTHONDONTWRITEBYTECODE": "",
    }
    times: dict[str, list[tuple[float, float]]] = {name: [] for name in CASES}
    ratios: list[float] = []
    for code in CASES.values():
        measure(code, env)  # compiles
    for number in range(rounds):
        order = list(CASES) if number % 2 else list(reversed(CASES))
        for name in order:
            times[name].append(measure(CASES[name], env))
        ratios.append(ratio_in_turn(env))
    rows: list[dict[str, object]] = [
        {
            "process": name,
            "CPU ms": statistics.median(cpu for cpu, _ in each),
            "least CPU ms": min(cpu for cpu, _ in each),
            "ms": statistics.median(elapsed for _, elapsed in each),
        }
        for name, each in times.items()
    ]
    empty, package, dependencies, client, typer, version, help_shown = times.values()
    figures = {
        "import_ms": statistics.median(
            ours[0] - bare[0] for ours, bare in zip(package, empty, strict=True)
        ),
        "client_ratio": statistics.median(ratios),
        "process_ratio": statistics.median(
            ours[0] / bare[0] for ours, bare in zip(client, dependencies, strict=True)
        ),
        "version_ratio": statistics.median(
            ours[0] / bare[0] for ours, bare in zip(version, typer, strict=True)
        ),
        "help_ratio": statistics.median(
            ours[0] / bare[0] for ours, bare in zip(help_shown, typer, strict=True)
        ),
    }
    return rows, {name: round(value, 3) for name, value in figures.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--rounds", type=int, default=21, help="processes of each kind")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as cache:
        rows, figures = run(arguments.rounds, cache)
    report(
        "Processes that import, in milliseconds; import_ms over an empty interpreter, "
        "client_ratio and process_ratio to the dependencies, version_ratio and help_ratio to Typer",
        rows,
        figures,
        arguments.json,
    )


if __name__ == "__main__":
    main()
