"""Sessions: ``nox -l`` lists them."""

from __future__ import annotations

import sys
from pathlib import Path

import nox

PYTHONS = ["3.11", "3.12", "3.13", "3.14"]
HERE = f"{sys.version_info.major}.{sys.version_info.minor}"
PROJECT = nox.project.load_toml("pyproject.toml")

nox.options.sessions = ["tests"]
# Also under CI: which interpreters there are is the machine's business.
nox.options.error_on_missing_interpreters = False


def groups(*names: str) -> tuple[str, ...]:
    return nox.project.dependency_groups(PROJECT, *names)


@nox.session(python=PYTHONS)
def tests(session: nox.Session) -> None:
    """Lint and types once, then all tests with warnings as errors; skips absent Pythons."""
    session.install("-e", ".[all]", *groups("tests"))
    if session.python == HERE:
        session.install(*groups("lint", "types", "bench"))
        check_lint(session)
        session.run("mypy")
    data = Path(session.create_tmp()) / "coverage"
    env = {"COVERAGE_FILE": str(data)}
    # Two at a time; a test waits for sockets and disks as much as it works.
    session.run("pytest", "-n", "2", "--cov", "--cov-report=", *session.posargs, env=env)
    session.run("coverage", "report", "--fail-under=90", env=env)


@nox.session
def lint(session: nox.Session) -> None:
    """Style: ruff lint and format."""
    session.install(*groups("lint"))
    check_lint(session)


def check_lint(session: nox.Session) -> None:
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")


@nox.session
def types(session: nox.Session) -> None:
    """Static types: mypy --strict."""
    # The benchmarks are checked too, so their peers must be there.
    session.install("-e", ".[all]", *groups("tests", "types", "bench"))
    session.run("mypy")


@nox.session
def bench(session: nox.Session) -> None:
    """All benchmarks; ``nox -s bench -- --json`` for machines."""
    session.install("-e", ".[all]", *groups("bench"))
    for name in ("api_batch", "call_overhead", "fan_out", "journal", "polling", "webhooks"):
        session.run("python", f"benchmarks/{name}.py", *session.posargs)


@nox.session
def crash(session: nox.Session) -> None:
    """Runs killed 50 times, and 30 times under each kind of fault, and taken up again.

    HEYGEN_KILLS and HEYGEN_KILL_SEED change it.
    """
    session.install("-e", ".[all]", *groups("tests"))
    env = {"HEYGEN_KILLS": session.env.get("HEYGEN_KILLS") or "50"}
    session.run("pytest", "-s", "tests/batch/test_kill.py", *session.posargs, env=env)


@nox.session
def demo(session: nox.Session) -> None:
    """The demo, from an installed wheel."""
    session.install(".[all]")
    session.run("heygen-async", "demo", *session.posargs)
