"""Every Endpoint descriptor, and the methods that use them, against the contract."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from operator import attrgetter
from typing import Any

import msgspec
import pytest

from heygen_async import HeyGen
from heygen_async.endpoints.assets import ASSET_BATCH
from heygen_async.endpoints.jobs import KINDS
from heygen_async.endpoints.lipsyncs import LIPSYNC_BATCH
from heygen_async.endpoints.video_translations import VIDEO_TRANSLATION_BATCH
from heygen_async.endpoints.videos import VIDEO_BATCH
from heygen_async.session.endpoint import Endpoint
from tests.models.contract import SCHEMAS

from .operations import DESCRIPTORS, LISTS, OPERATIONS, SERVED


@pytest.fixture(scope="module")
def heygen() -> HeyGen:
    return HeyGen("sk_V2_anything", base_url="http://127.0.0.1:9")


def _named(descriptors: list[Endpoint[Any]]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize(
        "endpoint", descriptors, ids=[endpoint.operation for endpoint in descriptors]
    )


@_named(DESCRIPTORS)
def test_a_descriptor_agrees_with_the_contract(endpoint: Endpoint[Any]) -> None:
    operation = OPERATIONS[endpoint.operation]
    assert (endpoint.method, endpoint.path) == (operation.method, operation.path)
    assert endpoint.keyed == ("Idempotency-Key" in operation.names("header"))
    is_list = operation.data.get("type") == "array"
    assert endpoint.envelope == ("page" if is_list else "data")
    schema = operation.data["items"] if is_list else operation.data
    if "$ref" in schema:
        assert SCHEMAS[endpoint.answer.__name__] is SCHEMAS[schema["$ref"].rpartition("/")[2]]
    elif endpoint.answer is Any:  # nothing is promised
        assert schema == {"type": "object"}
    else:  # v2 describes its data in place
        fields = {field.name for field in msgspec.structs.fields(endpoint.answer)}
        assert fields == set(schema["properties"])


@_named([endpoint for endpoint in DESCRIPTORS if endpoint.creates is not None])
def test_what_starts_jobs_is_safe_to_repeat(endpoint: Endpoint[Any]) -> None:
    assert endpoint.safe


@pytest.mark.parametrize("operation", SERVED)
def test_an_operation_is_reachable_under_its_name(heygen: HeyGen, operation: str) -> None:
    method = attrgetter(operation)(heygen)
    assert inspect.getdoc(method)
    if operation in LISTS and not operation.endswith(".statuses"):
        assert not inspect.iscoroutinefunction(method)
        assert str(inspect.signature(method).return_annotation).startswith("Pages[")
    else:
        assert inspect.iscoroutinefunction(method)


@pytest.mark.parametrize("operation", SERVED)
def test_what_takes_a_key_takes_it_from_the_caller(heygen: HeyGen, operation: str) -> None:
    keyed = "Idempotency-Key" in OPERATIONS[operation].names("header")
    assert ("idempotency_key" in _parameters(attrgetter(operation)(heygen))) == keyed


@pytest.mark.parametrize("operation", LISTS)
def test_a_list_takes_the_parameters_of_the_contract(heygen: HeyGen, operation: str) -> None:
    method = attrgetter(operation)(heygen)
    described = OPERATIONS[operation]
    # Pages keeps the token, and the caller need not know of it.
    wanted = set(described.names("query")) - {"token"}
    assert set(_parameters(method)) - set(described.names("path")) == wanted
    limit = next((p["schema"] for p in described.parameters if p["name"] == "limit"), None)
    if limit is not None:
        says = f"{limit['minimum']} to {limit['maximum']}; the API's default is {limit['default']}"
        assert says in re.sub(r"\s+", " ", inspect.getdoc(method) or "")


BATCH_KINDS = (VIDEO_BATCH, VIDEO_TRANSLATION_BATCH, LIPSYNC_BATCH, ASSET_BATCH)


@pytest.mark.parametrize("kind", [*KINDS, *BATCH_KINDS], ids=lambda kind: kind.name)
def test_kinds_of_jobs_ask_with_parameters_of_the_contract(kind: Any) -> None:
    assert kind.get.answer is kind.result
    if kind.statuses is not None:
        assert kind.ids_parameter in OPERATIONS[kind.statuses.operation].names("query")
    states = msgspec.json.schema(kind.result)["$defs"][kind.result.__name__]["properties"]
    assert "status" in states
    known = SCHEMAS[kind.result.__name__]["properties"]["status"]
    assert kind.completed & set(known["enum"])
    assert kind.failed <= set(known["enum"])
    assert kind.paused <= set(known["enum"])


def _parameters(method: Callable[..., Any]) -> list[str]:
    return list(inspect.signature(method).parameters)
