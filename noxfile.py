"""Sessions: ``nox -l`` lists them."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Mapping
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
        check_snippets(session)
    run_tests(session)


@nox.session(python=PYTHONS[1:], default=False)
def coverage(session: nox.Session) -> None:
    """All tests under coverage, at least 95 %; cheap from Python 3.12 on."""
    session.install("-e", ".[all]", *groups("tests"))
    tmp = Path(session.create_tmp())
    env = {"COVERAGE_FILE": str(tmp / "coverage"), "COVERAGE_CORE": "sysmon"}
    run_tests(session, "--cov", "--cov-report=", env=env)
    session.run("coverage", "report", "--fail-under=95", env=env)


def run_tests(session: nox.Session, *options: str, env: Mapping[str, str] | None = None) -> None:
    # Three on two cores; a test waits for sockets, disks and processes as much as it works.
    arguments = "-n", "3", "--dist", "worksteal", *options, *session.posargs
    session.run("pytest", *arguments, env=env)


@nox.session
def lint(session: nox.Session) -> None:
    """Check the style with ruff: lint and format."""
    session.install(*groups("lint"))
    check_lint(session)


def check_lint(session: nox.Session) -> None:
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")


@nox.session
def types(session: nox.Session) -> None:
    """Check the types with mypy and pyright, both strict; all public names need a known type."""
    # From a wheel: an editable install hides the package from --verifytypes.
    session.install(".[all]", *groups("tests", "types", "pyright", "bench"))
    session.run("mypy")
    session.run("pyright")
    check_snippets(session)
    session.run("pyright", "-p", str(Path(session.create_tmp()) / "snippets"))
    session.run("pyright", "--verifytypes", "heygen_async", "--ignoreexternal")
    session.run("python", "-m", "tests.complete_with_pyright")


def check_snippets(session: nox.Session) -> None:
    """Write the snippets of the README and the site as modules, and check them with mypy."""
    folder = Path(session.create_tmp()) / "snippets"
    session.run("python", "-m", "tests.snippet_types", str(folder))
    session.run("mypy", "--config-file", str(folder / "mypy.ini"), str(folder))


@nox.session
def contract(session: nox.Session) -> None:
    """Print a table of contract, SDK and sandbox, and test them against each other in depth.

    HEYGEN_CONTRACT_EXAMPLES is the number of examples of each; 100 by default.
    """
    session.install("-e", ".[all]", *groups("tests"))
    env = {"HEYGEN_CONTRACT_EXAMPLES": session.env.get("HEYGEN_CONTRACT_EXAMPLES") or "100"}
    session.run("python", "-m", "tests.contract")
    session.run("pytest", "-n", "2", "tests/contract", "tests/models", *session.posargs, env=env)


@nox.session
def interop(session: nox.Session) -> None:
    """Use jobs of processes and of workers of Celery, Dask and Ray; run the guide's recipes.

    Airflow, which has many dependencies, is installed in an environment of its own.
    """
    session.install("-e", ".[all]", *groups("tests", "interop"))
    for name in ("multiprocessing", "celery", "dask", "ray"):
        session.run("pytest", "-p", "no:randomly", f"tests/interop/with_{name}.py")
    airflow = Path(session.create_tmp()).resolve() / "airflow"
    session.run("python", "-m", "venv", str(airflow))
    programs = airflow / ("Scripts" if sys.platform == "win32" else "bin")
    install = "-m", "pip", "install", "-q", "apache-airflow>=3", ".[postgres,redis]"
    session.run(str(programs / "python"), *install, external=True)
    env = {"HEYGEN_AIRFLOW": str(programs)}
    session.run("pytest", "-p", "no:randomly", "tests/interop/with_airflow.py", env=env)


@nox.session
def docs(session: nox.Session) -> None:
    """Build the documentation site in build/docs; warnings are errors."""
    session.install("-e", ".[all]", *groups("docs"))
    env = {"NO_MKDOCS_2_WARNING": "1"}  # a notice of the theme's makers
    session.run("mkdocs", "build", "--strict", *session.posargs, env=env)


@nox.session
def bench(session: nox.Session) -> None:
    """Run all benchmarks; ``nox -s bench -- --json`` prints JSON."""
    session.install("-e", ".[all]", *groups("bench"))
    for name in (
        "api_batch",
        "bulk",
        "call_overhead",
        "cluster",
        "fan_out",
        "import_time",
        "journal",
        "money",
        "path_length",
        "polling",
        "shared_slots",
        "told",
        "transfers",
        "webhooks",
    ):
        session.run("python", f"benchmarks/{name}.py", *session.posargs)


@nox.session
def crash(session: nox.Session) -> None:
    """Run what takes long: tests with the marker ``crash``, kills, and properties in depth.

    Runs are killed 50 times, and 30 times under each kind of fault, as are chains, journals and
    commands. A cluster is killed 100 times: its workers, PostgreSQL and Valkey. HEYGEN_KILLS and
    HEYGEN_KILL_SEED change this; the session ``tests`` kills a few times only. Properties are
    tried on 500 examples instead of 50.
    """
    session.install("-e", ".[all]", *groups("tests", "storage"))
    env = {"HEYGEN_KILLS": session.env.get("HEYGEN_KILLS") or "50"}
    session.run("pytest", "-s", "-m", "crash or kills", *session.posargs, env=env)
    thorough = "-m", "hypothesis and not crash", "--hypothesis-profile=thorough"
    session.run("pytest", *thorough, *session.posargs)


@nox.session
def hostile(session: nox.Session) -> None:
    """Run hostile servers, media hosts, files and senders, and print a table of the outcomes.

    ``nox -s hostile -- --only media`` runs those with this text in their names.
    """
    session.install("-e", ".[all]", *groups("tests"))
    session.run("python", "-m", "tests.hostile", *session.posargs)


@nox.session
def mutants(session: nox.Session) -> None:
    """Mutate the arithmetic; tests must notice 85 % of the mutants of each module. Takes long."""
    session.install("-e", ".[all]", *groups("tests", "mutants"))
    copy = Path(session.create_tmp()).resolve() / "copy"
    shutil.rmtree(copy, ignore_errors=True)
    for folder in ("heygen_async", "tests", "examples"):
        shutil.copytree(folder, copy / folder)
    shutil.copy("pyproject.toml", copy)
    with session.chdir(copy):
        session.run("mutmut", "run", "--max-children", "1", *session.posargs)
        session.run("python", "tests/mutants.py")


@nox.session
def memory(session: nox.Session) -> None:
    """Upload 200 MB and download 500 MB, each within 20 MB of memory."""
    session.install("-e", ".[all]", *groups("tests"))
    env = {"HEYGEN_UPLOAD_MB": "200", "HEYGEN_DOWNLOAD_MB": "500"}
    session.run("pytest", "-s", "tests/test_transfer_memory.py", *session.posargs, env=env)


@nox.session(python="3.11")
def lowest(session: nox.Session) -> None:
    """Run all tests with the lowest versions of the dependencies that pyproject.toml allows."""
    session.install("uv")
    session.run("uv", "pip", "install", "--resolution", "lowest-direct", "-e", ".[all]")
    # Keeps what is installed. The SDK of OpenTelemetry needs the API of its own version.
    session.run("uv", "pip", "install", *groups("tests"), "opentelemetry-sdk<1.31")
    run_tests(session)


@nox.session
def package(session: nox.Session) -> None:
    """Build sdist and wheel in dist, and check both: what they say, hold and do."""
    session.install("build", "twine", "check-wheel-contents")
    shutil.rmtree("dist", ignore_errors=True)
    session.run("python", "-m", "build")
    files = [str(path) for path in sorted(Path("dist").iterdir())]
    session.run("twine", "check", "--strict", *files)
    session.run("check-wheel-contents", *[name for name in files if name.endswith(".whl")])
    for name in files:
        session.install("--force-reinstall", f"{name}[all]")
        session.run("heygen-async", "--version")
        with session.chdir(session.create_tmp()):  # where the package itself does not lie
            session.run("python", "-c", "from heygen_async.sandbox import Sandbox; Sandbox()")


@nox.session
def demo(session: nox.Session) -> None:
    """Run the demo from an installed wheel."""
    session.install(".[all]")
    session.run("heygen-async", "demo", *session.posargs)
