"""Fixtures of all tests: a loop with simulated time, a sandbox, a client, an alarm.

Settings of `sandbox`, `sandbox_thread` and `heygen` come from the markers around a test, from
its function to its module, and from its folder's `sandbox_settings` and `heygen_settings`; the
nearest wins:

    @pytest.mark.sandbox(concurrency=50)
    @pytest.mark.heygen(jobs=50, retry=15)
    async def test_many(sandbox: Sandbox, heygen: HeyGen) -> None: ...
"""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import AsyncIterator, Iterator, Mapping
from typing import Any

import pytest
from blockbuster import BlockBuster
from hypothesis import Phase, settings

from heygen_async import HeyGen
from heygen_async.sandbox import Sandbox, SandboxThread

# The package need not be installed for its own tests: then no entry point gives the fixture.
from heygen_async.sandbox.pytest_plugin import heygen_sandbox as heygen_sandbox
from heygen_async.sandbox.turned_loop import TurnedEventLoop

from .postgres import Postgres, create_database
from .valkey import Valkey

# The duration of an example depends more on the machine than on the code.
settings.register_profile("tests", deadline=None, max_examples=50)
settings.register_profile("thorough", deadline=None, max_examples=500)
# Mutation checks want the same verdict each time, and no smallest counterexample.
settings.register_profile(
    "mutants",
    deadline=None,
    derandomize=True,
    max_examples=30,
    phases=[Phase.explicit, Phase.generate],
)
settings.load_profile("tests")

# Whatever the environment says: without bytecode each worker and each interpreter that a test
# starts compiles the package and the tests anew, which takes longer than most tests.
sys.dont_write_bytecode = False
os.environ["PYTHONDONTWRITEBYTECODE"] = ""


def pytest_collection_finish() -> None:
    """Leave what was collected out of all later searches for garbage, which would walk it each."""
    gc.collect()
    gc.freeze()


@pytest.fixture(params=[True, False])
def uvloop_installed(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> bool:
    """Whether uvloop can be imported: once with it, once without."""
    if request.param:
        pytest.importorskip("uvloop")
    else:
        monkeypatch.setitem(sys.modules, "uvloop", None)
    return bool(request.param)


@pytest.fixture
def anyio_backend() -> tuple[str, dict[str, Any]]:
    return "asyncio", {"loop_factory": TurnedEventLoop}


@pytest.fixture(autouse=True, scope="session")
def no_blocking_calls() -> Iterator[BlockBuster]:
    """Fail a test in which the package blocks the event loop."""
    blockbuster = BlockBuster("heygen_async")
    locks = blockbuster.functions["threading.Lock.acquire"]
    harmless = locks.can_block_predicate
    # Coverage's tracer takes its lock in the middle of any function.
    tracers = getattr(getattr(sys.gettrace(), "lock_data", None), "__self__", None)
    locks.can_block_predicate = lambda lock, *args, **options: (
        lock is tracers or harmless(lock, *args, **options)
    )
    # Playwright keeps a loop running in the thread of a test without one.
    locks.can_block_in("heygen_async/sandbox/thread.py", {"__enter__", "__exit__"})
    blockbuster.activate()
    try:
        yield blockbuster
    finally:
        blockbuster.deactivate()


@pytest.fixture(autouse=True)
def no_ambient_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the developer's own key and proxies out of the tests."""
    for name in ("HEYGEN_API_KEY", "HEYGEN_API_BASE"):
        monkeypatch.delenv(name, raising=False)
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """A PostgreSQL server, started once; HEYGEN_TEST_POSTGRES names another one."""
    given = os.environ.get("HEYGEN_TEST_POSTGRES")
    if given:
        yield given
        return
    with Postgres(password="a%20password") as server:
        yield server.url


@pytest.fixture
def postgres_database(postgres_url: str) -> str:
    """The URL of a database that holds nothing."""
    return create_database(postgres_url)


@pytest.fixture(scope="session")
def redis_url() -> Iterator[str]:
    """A Valkey server for all tests of a process, or the server of HEYGEN_TEST_REDIS."""
    if url := os.environ.get("HEYGEN_TEST_REDIS"):
        yield url
        return
    with Valkey() as server:
        yield server.url


@pytest.fixture
def sandbox_settings() -> Mapping[str, Any]:
    """Settings of `Sandbox` in a folder of tests; its conftest.py overrides them."""
    return {}


@pytest.fixture
def heygen_settings() -> Mapping[str, Any]:
    """Settings of `HeyGen` in a folder of tests; its conftest.py overrides them."""
    return {}


@pytest.fixture
async def sandbox(
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
    sandbox_settings: Mapping[str, Any],
) -> AsyncIterator[Sandbox]:
    """A sandbox on the test's loop, as fast as its clock; the environment points to it."""
    settings = {"speed": 1} | marked(request, "sandbox", sandbox_settings)
    async with Sandbox(**settings) as sandbox:
        point_environment(monkeypatch, sandbox)
        yield sandbox


@pytest.fixture
def sandbox_thread(
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
    sandbox_settings: Mapping[str, Any],
) -> Iterator[Sandbox]:
    """A sandbox in a thread, for tests without a loop and for processes; it stands still."""
    settings = {"speed": 0} | marked(request, "sandbox", sandbox_settings)
    with SandboxThread(**settings) as sandbox:
        point_environment(monkeypatch, sandbox)
        yield sandbox


@pytest.fixture
async def heygen(
    request: pytest.FixtureRequest, sandbox: Sandbox, heygen_settings: Mapping[str, Any]
) -> AsyncIterator[HeyGen]:
    """A client for the sandbox, open."""
    settings = {"api_key": sandbox.api_key, "base_url": sandbox.base_url}
    async with HeyGen(**settings | marked(request, "heygen", heygen_settings)) as heygen:
        yield heygen


def marked(
    request: pytest.FixtureRequest, name: str, settings: Mapping[str, Any]
) -> dict[str, Any]:
    """Merge the markers of this name over the settings of the folder."""
    merged = dict(settings)
    for marker in reversed(list(request.node.iter_markers(name))):  # the nearest comes first
        merged |= marker.kwargs
    return merged


def point_environment(monkeypatch: pytest.MonkeyPatch, sandbox: Sandbox) -> None:
    monkeypatch.setenv("HEYGEN_API_BASE", sandbox.base_url)
    monkeypatch.setenv("HEYGEN_API_KEY", sandbox.api_key)
