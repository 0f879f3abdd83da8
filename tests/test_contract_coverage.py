"""All operations of the contract, on both sides: in the SDK and in the sandbox."""

from __future__ import annotations

from collections import Counter
from operator import attrgetter

import pytest

from heygen_async import HeyGen
from heygen_async.sandbox import Sandbox
from heygen_async.sandbox.operations import HANDLERS
from tests.endpoints.operations import DESCRIPTORS, ELSEWHERE, OPERATIONS
from tests.sandbox.api import Api

DESCRIBED = Counter(endpoint.operation for endpoint in DESCRIPTORS)


@pytest.mark.parametrize("operation", sorted(OPERATIONS))
def test_an_operation_is_there_on_both_sides(operation: str) -> None:
    heygen = HeyGen("sk_V2_anything", base_url="http://127.0.0.1:9")
    assert DESCRIBED[operation] == 1
    assert operation in ELSEWHERE or callable(attrgetter(operation)(heygen))
    assert operation in HANDLERS


def test_neither_side_has_others() -> None:
    assert len(OPERATIONS) == 94
    assert DESCRIBED.keys() == OPERATIONS.keys()
    assert HANDLERS.keys() == OPERATIONS.keys()
    assert ELSEWHERE.keys() < OPERATIONS.keys()


@pytest.mark.anyio
async def test_the_sandbox_answers_every_operation() -> None:
    async with Sandbox() as sandbox, Api(sandbox) as api:
        for name, operation in OPERATIONS.items():
            path = operation.path.replace("{", "no-").replace("}", "")
            takes_body = "requestBody" in operation.description
            reply = await api(operation.method, path, {} if takes_body else None)
            assert sandbox.requests.by_operation[name] == 1, name
            assert reply.status in (200, 202, 400, 404), name
