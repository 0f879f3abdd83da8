"""Any value that the contract allows decodes into its Struct, and encodes to what it allows."""

from __future__ import annotations

import json
import os
import re
from functools import cache
from typing import Any

import jsonschema_rs
import msgspec
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from heygen_async.errors import InvalidRequest
from heygen_async.models.structs import Answer, Part, Request, encode
from tests.contract.differences import differences
from tests.contract.generating import Values, chosen
from tests.contract.operations import DESCRIPTORS, OPERATIONS
from tests.contract.schemas import ANSWERS, CONTRACT, PARTS, SCHEMAS, alternatives

EXAMPLES = int(os.environ.get("HEYGEN_CONTRACT_EXAMPLES", "3"))
QUICK = settings(
    max_examples=EXAMPLES,
    deadline=None,
    database=None,
    derandomize="HEYGEN_CONTRACT_EXAMPLES" not in os.environ,
    phases=[Phase.generate],  # to shrink a whole request takes minutes
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
VALUES = Values()
_REPAIRS = 12


@cache
def _judge(name: str) -> Any:
    return jsonschema_rs.validator_for({**SCHEMAS[name], "components": CONTRACT["components"]})


def _plain(value: Any) -> Any:
    """Remove nulls and empty parts, which does not change the meaning."""
    if isinstance(value, dict):
        kept = {key: _plain(item) for key, item in value.items()}
        return {key: item for key, item in kept.items() if item not in (None, [], {})}
    return [_plain(item) for item in value] if isinstance(value, list) else value


@pytest.mark.parametrize("kind", [kind for kind in ANSWERS if kind.__name__ in SCHEMAS])
@QUICK
@given(data=st.data())
def test_an_answer_comes_back_as_it_was(kind: type[Answer], data: st.DataObject) -> None:
    value = data.draw(VALUES.of(SCHEMAS[kind.__name__]))
    decoded = msgspec.json.decode(json.dumps(value), type=kind)
    encoded = json.loads(msgspec.json.encode(decoded))
    # Null and absent are alike, and null need not be said.
    schema = SCHEMAS[kind.__name__]
    encoded = dict.fromkeys(schema.get("required", ())) | encoded
    for where in differences("other field of an answer"):
        struct, _, name = where.partition(".")
        if struct == kind.__name__:
            encoded.pop(name, None)
            encoded |= {name: value.pop(name)} if name in value else {}
    _judge(kind.__name__).validate(encoded)
    assert msgspec.json.decode(msgspec.json.encode(decoded), type=kind) == decoded
    for name, item in value.items():
        field = getattr(decoded, name)
        if item is not None:
            assert _plain(json.loads(msgspec.json.encode(field))) == _plain(item), name


@pytest.mark.parametrize("kind", [kind for kind in PARTS if kind.__name__ in SCHEMAS])
@QUICK
@given(data=st.data())
def test_a_request_comes_back_as_it_was(kind: type[Part], data: st.DataObject) -> None:
    schema = SCHEMAS[kind.__name__]
    value = data.draw(VALUES.of(schema))
    part = _converted(data, kind, value)
    sent = json.loads(encode(part) if isinstance(part, Request) else msgspec.json.encode(part))
    _judge(kind.__name__).validate(sent)
    assert msgspec.convert(sent, kind) == part
    assert _said(schema, sent) == _said(schema, value)


def _said(schema: Any, value: Any) -> Any:
    """Return a value without nulls and defaults of its schema."""
    schema = chosen(schema, value) if isinstance(value, dict) else schema
    if isinstance(value, dict) and "properties" in schema:
        fields = schema["properties"]
        kept = {name: _said(fields[name], item) for name, item in value.items()}
        return {
            name: item
            for name, item in kept.items()
            if item is not None and value[name] != fields[name].get("default")
        }
    if isinstance(value, dict):
        inner = schema.get("additionalProperties", {})
        return {name: _said(inner, item) for name, item in value.items()}
    if isinstance(value, list):
        lists = [part for part in alternatives(schema) if "items" in part]
        return [_said(lists[0]["items"], item) for item in value]
    return value


def _converted(data: st.DataObject, kind: type[Part], value: dict[str, Any]) -> Part:
    """The part, after what breaks a rule between fields was left out, or given."""
    for _ in range(_REPAIRS):
        refusal, path = _refusal(kind, value)
        if refusal is None:
            break
        place, schema = value, SCHEMAS[kind.__name__]
        for name, index in re.findall(r"\.(\w+)|\[(\d+)\]", path):
            schema = schema["properties"][name] if name else chosen(schema, place)["items"]
            place = place[name] if name else place[int(index)]  # type: ignore[index]
            if isinstance(place, dict):
                schema = chosen(schema, place)
        name = str(refusal.param)
        if place.get(name) is not None and name not in schema.get("required", ()):
            del place[name]
        else:
            fields = VALUES.of(schema["properties"][name], name)
            place[name] = data.draw(fields.filter(lambda item: item is not None))
    return msgspec.convert(value, kind)


def _refusal(kind: type[Part], value: dict[str, Any]) -> tuple[InvalidRequest | None, str]:
    """Return the rule that a value breaks, and the path of the part."""
    try:
        msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        if not isinstance(error.__cause__, InvalidRequest):
            raise
        found = re.search(r" - at `\$(.*)`\Z", str(error))
        return error.__cause__, found[1] if found else ""
    return None, ""


def test_every_operation_s_data_is_among_the_answers() -> None:
    known = {kind.__name__ for kind in ANSWERS}
    for endpoint in DESCRIPTORS:
        assert endpoint.answer is Any or endpoint.answer.__name__ in known
    assert len(OPERATIONS) == len(DESCRIPTORS)
