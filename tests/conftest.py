"""What all tests share: a loop whose clock is turned, and an alarm for blocking calls."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from blockbuster import BlockBuster, blockbuster_ctx
from hypothesis import Phase, settings

from heygen_async.sandbox.turned_loop import TurnedEventLoop

# How long an example takes says more of the machine than of the code.
settings.register_profile("tests", deadline=None)
# Mutation checks want the same verdict each time, and no smallest counterexample.
settings.register_profile(
    "mutants",
    deadline=None,
    derandomize=True,
    max_examples=30,
    phases=[Phase.explicit, Phase.generate],
)
settings.load_profile("tests")


@pytest.fixture
def anyio_backend() -> tuple[str, dict[str, Any]]:
    return "asyncio", {"loop_factory": TurnedEventLoop}


@pytest.fixture(autouse=True)
def no_blocking_calls() -> Iterator[BlockBuster]:
    """A call that blocks the event loop from within the package fails the test."""
    with blockbuster_ctx("heygen_async") as blockbuster:
        # The lock of a tracer that measures coverage, taken in the middle of any function.
        locks = blockbuster.functions["threading.Lock.acquire"]
        locks.can_block_in("coverage/collector.py", "lock_data")
        yield blockbuster


@pytest.fixture(autouse=True)
def no_ambient_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """The developer's own key and proxies stay out of the tests."""
    for name in ("HEYGEN_API_KEY", "HEYGEN_API_BASE"):
        monkeypatch.delenv(name, raising=False)
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
