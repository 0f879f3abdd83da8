"""A local HeyGen: an aiohttp server on loopback that behaves like the API.

It does not use the SDK, and checks every request against its own copy of the API's specification.

    async with Sandbox(speed=60) as sandbox:
        async with HeyGen(sandbox.api_key, base_url=sandbox.base_url) as heygen:
            ...

The names are loaded when first used, because pytest imports this package in every run.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .clock import Clock
    from .faults import Fault, Faults
    from .jobs import Failure
    from .ledger import Ledger, LedgerJob
    from .request_log import RequestLog
    from .sandbox import Sandbox
    from .thread import SandboxThread, serve
    from .webhooks.deliveries import Deliveries, Delivery

__all__ = [
    "Clock",
    "Deliveries",
    "Delivery",
    "Failure",
    "Fault",
    "Faults",
    "Ledger",
    "LedgerJob",
    "RequestLog",
    "Sandbox",
    "SandboxThread",
    "serve",
]

_MODULES = {
    "Clock": "clock",
    "Deliveries": "webhooks.deliveries",
    "Delivery": "webhooks.deliveries",
    "Failure": "jobs",
    "Fault": "faults",
    "Faults": "faults",
    "Ledger": "ledger",
    "LedgerJob": "ledger",
    "RequestLog": "request_log",
    "Sandbox": "sandbox",
    "SandboxThread": "thread",
    "serve": "thread",
}


def __getattr__(name: str) -> Any:
    module = _MODULES.get(name)
    if module is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".{module}", __name__), name)


def __dir__() -> list[str]:
    return sorted({*__all__, *(name for name in globals() if name.startswith("_"))})
