"""A local HeyGen: an aiohttp server on loopback that behaves like the API.

It stands apart from the SDK and judges every request by its own copy of the API contract.

    async with Sandbox(speed=60) as sandbox:
        async with HeyGen(sandbox.api_key, base_url=sandbox.base_url) as heygen:
            ...
"""

from .clock import Clock
from .faults import Fault, Faults
from .jobs import Failure
from .ledger import Ledger, LedgerJob
from .server import Sandbox
from .thread import SandboxThread, serve

__all__ = [
    "Clock",
    "Failure",
    "Fault",
    "Faults",
    "Ledger",
    "LedgerJob",
    "Sandbox",
    "SandboxThread",
    "serve",
]
