"""Servers of the recipes, and a sandbox whose account the environment names."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from heygen_async.sandbox import Sandbox

from ..valkey import Valkey


@pytest.fixture
def valkey_url() -> Iterator[str]:
    with Valkey() as server:
        yield server.url


@pytest.fixture
def account(heygen_sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Sandbox:
    """The sandbox, for processes that begin now."""
    heygen_sandbox.add_template(template_id="TEMPLATE_ID")
    monkeypatch.setenv("HEYGEN_API_KEY", heygen_sandbox.api_key)
    monkeypatch.setenv("HEYGEN_API_BASE", heygen_sandbox.base_url)
    return heygen_sandbox
