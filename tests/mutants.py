"""The results of mutation checks: ``nox -s mutants`` runs mutmut, and then this in its folder.

mutmut changes one expression after the other in the modules whose arithmetic decides what is
repeated, waited for and believed. A change that no test notices has survived. Prints killed and
survived for each module, and each survivor; fails where less than ``LEAST`` of a module's changes
were killed. mutants.md tells why the survivors do no harm.
"""

from __future__ import annotations

import subprocess
import sys
from collections import defaultdict

LEAST = 0.85
# A change that makes a test run for ever counts as noticed.
KILLED = {"killed", "timeout"}


def mutmut(*arguments: str) -> str:
    command = [sys.executable, "-m", "mutmut", *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def results() -> dict[str, dict[str, str]]:
    """Return the result of each mutant, by module and name."""
    found = defaultdict[str, dict[str, str]](dict)
    for line in mutmut("results", "--all", "true").splitlines():
        name, _, status = line.strip().rpartition(": ")
        module = name.rpartition(".")[0]
        found[module][name] = status
    return found


def main() -> None:
    modules = results()
    if not modules:
        sys.exit("no mutants: run mutmut first")
    enough = True
    for module, mutants in modules.items():
        survivors = [name for name, status in mutants.items() if status not in KILLED]
        killed = len(mutants) - len(survivors)
        enough &= killed >= LEAST * len(mutants)
        print(f"\n{module}: {killed} killed, {len(survivors)} not, {killed / len(mutants):.1%}")
        for name in survivors:
            print(f"  {name.rpartition('.')[2]}: {mutants[name]}")
            for line in mutmut("show", name).splitlines():
                if line.startswith(("-", "+")) and not line.startswith(("---", "+++")):
                    print(f"    {line}")
    if not enough:
        sys.exit(f"less than {LEAST:.0%} of a module's mutants were killed")


if __name__ == "__main__":
    main()
