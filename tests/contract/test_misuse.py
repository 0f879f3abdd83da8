"""Every way to break a request, at every field: both sides refuse it and name the field."""

from __future__ import annotations

import os
import re
from functools import cache
from typing import Any

import jsonschema_rs
import msgspec
import pytest

from heygen_async import InvalidRequest
from heygen_async.models.structs import Part
from heygen_async.sandbox import Sandbox
from tests.contract.building import build
from tests.contract.differences import differences
from tests.contract.generating import Broken, broken
from tests.contract.operations import OPERATIONS
from tests.contract.schemas import CONTRACT, MODELS
from tests.sandbox.api import Api

BODIES = [(name, schema) for name, operation in OPERATIONS.items() for schema in operation.bodies]
# Operations whose request is a Struct of its own schema.
OURS = sorted({schema for _, schema in BODIES} - differences("schema without a Struct").keys())


# Requests within requests are broken where they stand alone; `nox -s contract` does all of them.
WHOLE = "HEYGEN_CONTRACT_EXAMPLES" in os.environ

ROWS_TAKE = differences("passes in a row")


@cache
def _faults(schema: str) -> list[Broken]:
    met = None if WHOLE else {other for _, other in BODIES} - {schema}
    return list(broken({"$ref": f"#/components/schemas/{schema}"}, met))


@pytest.mark.parametrize("schema", sorted({schema for _, schema in BODIES}))
def test_what_is_broken_breaks_the_contract(schema: str) -> None:
    judge = jsonschema_rs.validator_for(
        {"$ref": f"#/components/schemas/{schema}", "components": CONTRACT["components"]}
    )
    faults = _faults(schema)
    assert faults
    assert [fault for fault in faults if judge.is_valid(fault.value)] == []


@pytest.mark.parametrize("schema", OURS)
def test_a_request_is_refused_by_the_name_of_its_field(schema: str) -> None:
    kind: type[Part] = MODELS[schema]
    for fault in _faults(schema):
        # A class stands for its tag.
        if not fault.place or fault.fault.endswith("tag"):
            continue
        with pytest.raises(InvalidRequest) as caught:
            pytest.fail(f"took {build(kind, fault.value)!r} for {fault}")
        # A part within knows its own field alone.
        param = str(caught.value.param)
        place = re.sub(r"\[(\d+)\]", r".\1", param)
        assert ".".join(fault.place).endswith(place), fault
        assert str(caught.value).startswith(param), fault


@pytest.mark.parametrize("schema", OURS)
def test_a_row_is_refused_by_the_path_of_its_field(schema: str) -> None:
    kind: type[Part] = MODELS[schema]
    for fault in _faults(schema):
        if fault.fault in ROWS_TAKE:
            assert isinstance(msgspec.convert(fault.value, kind), kind)
            continue
        with pytest.raises(msgspec.ValidationError) as caught:
            pytest.fail(f"took {msgspec.convert(fault.value, kind)!r} for {fault}")
        said = re.fullmatch(r"(.+?)(?: - at `\$(.*)`)?", str(caught.value), re.DOTALL)
        assert said is not None
        place = re.sub(r"\[(\d+)\]", r".\1", said[2] or "").replace("[...]", ".key")
        if fault.fault in ("required", "no tag") and f"`{fault.place[-1]}`" in said[1]:
            place += f".{fault.place[-1]}"
        wanted = "".join(f".{name}" for name in fault.place)
        assert place == wanted, fault


@pytest.mark.anyio
@pytest.mark.parametrize(("name", "schema"), BODIES)
async def test_the_sandbox_refuses_by_the_path_of_the_field(name: str, schema: str) -> None:
    operation = OPERATIONS[name]
    path = operation.path.replace("{", "some-").replace("}", "")
    async with Sandbox() as sandbox, Api(sandbox) as api:
        for fault in _faults(schema):
            reply = await api(operation.method, path, fault.value)
            error: dict[str, Any] = reply.body["error"]
            assert (reply.status, error["code"]) == (400, "invalid_parameter"), fault
            place = ".".join(fault.place)
            if "/batches" in path and len(fault.place) > 1:
                what = "file" if fault.place[0] == "files" else "payload"
                said = f"Invalid {what}(s) at index {fault.place[1]}."
                assert (error["param"], error["message"]) == (fault.place[0], said), fault
            elif "/v2/" in path:
                assert error["message"].startswith(f"{place}: " if place else ""), fault
            else:
                assert error.get("param") == (place or None), fault
        assert sandbox.requests.by_status == {400: len(_faults(schema))}
