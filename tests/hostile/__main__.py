"""Run all adversaries and print a table: ``nox -s hostile``.

python -m tests.hostile [--only TEXT]

Each plays in a process of its own, so that its memory is its own and none can harm another.
"""

from __future__ import annotations

import argparse
import sys
from concurrent.futures import ThreadPoolExecutor

from .adversary import Adversary, broken_bounds
from .playing import ADVERSARIES, played

# Most of them wait.
_AT_ONCE = 4


def play_all(adversaries: list[Adversary]) -> int:
    """Play, print a row for each, and return how many broke a bound."""
    width = max(len(adversary.name) for adversary in adversaries)
    print(f"{'tried':{width}}  requests  seconds  memory    held  outcome")
    failures = list[str]()
    with ThreadPoolExecutor(_AT_ONCE) as threads:
        for adversary, finding in zip(adversaries, threads.map(played, adversaries), strict=True):
            print(
                f"{adversary.name:{width}}  {finding.requests:8,}  {finding.seconds:7,.1f}  "
                f"{finding.megabytes:3,.0f} MB  {finding.held:4.2f} s  {finding.outcome}",
                flush=True,
            )
            if broken := broken_bounds(adversary, finding):
                failures.append(f"{adversary.name}: {'; '.join(broken)}")
    print(f"\n{len(adversaries)} adversaries, {len(failures)} of them broke a bound")
    for failure in failures:
        print(f"- {failure}")
    return len(failures)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.hostile")
    parser.add_argument("--only", default="", help="play those with this text in their names")
    options = parser.parse_args()
    chosen = [one for one in ADVERSARIES if options.only in one.name]
    if not chosen:
        parser.error(f"no adversary has {options.only!r} in its name")
    return 1 if play_all(chosen) else 0


if __name__ == "__main__":
    sys.exit(main())
