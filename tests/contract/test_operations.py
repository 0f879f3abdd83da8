"""Every operation of the contract: its descriptor, its method, its handler in the sandbox."""

from __future__ import annotations

import contextlib
import inspect
import json
import re
import types
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin
from urllib.parse import parse_qsl, quote

import jsonschema_rs
import msgspec
import pytest

import heygen_async
from heygen_async import APIError, HeyGen
from heygen_async.endpoints.assets import ASSET_BATCH
from heygen_async.endpoints.jobs import KINDS
from heygen_async.endpoints.lipsyncs import LIPSYNC_BATCH
from heygen_async.endpoints.video_translations import VIDEO_TRANSLATION_BATCH
from heygen_async.endpoints.videos import VIDEO_BATCH
from heygen_async.models.structs import Part, Request, encode
from heygen_async.sandbox import Sandbox
from heygen_async.sandbox.operations import HANDLERS
from heygen_async.session.endpoint import Endpoint
from heygen_async.version import SPECIFICATION
from tests.contract.differences import differences
from tests.contract.examples import arguments, hints_of, parts_of
from tests.contract.operations import (
    DESCRIPTORS,
    LISTS,
    OPERATIONS,
    Operation,
    method_of,
)
from tests.contract.schemas import CONTRACT, SCHEMAS, alternatives
from tests.sandbox.api import Api
from tests.session.wire import answering, raw_server

DESCRIBED = Counter(endpoint.operation for endpoint in DESCRIPTORS)
NO_NETWORK = "http://127.0.0.1:9"
REFUSAL = (
    b"HTTP/1.1 400 Bad Request\r\nContent-Length: 48\r\nConnection: close\r\n\r\n"
    b'{"error": {"code": "no", "message": "not here"}}'
)
OTHER_PARAMETERS = differences("other parameter")
UNSENT_KEYS = differences("key that is not sent")

every_operation = pytest.mark.parametrize("name", sorted(OPERATIONS))


@pytest.fixture(scope="module")
def client() -> HeyGen:
    """A client whose methods are inspected and not called."""
    return HeyGen("sk_V2_anything", base_url=NO_NETWORK)


def _named(descriptors: list[Endpoint[Any]]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize(
        "endpoint", descriptors, ids=[endpoint.operation for endpoint in descriptors]
    )


def test_neither_side_has_others() -> None:
    assert len(OPERATIONS) == 107
    assert Counter(OPERATIONS.keys()) == DESCRIBED
    assert HANDLERS.keys() == OPERATIONS.keys()


def test_pages_say_which_specification_this_is() -> None:
    root = Path(heygen_async.__file__).parents[1]
    says = f"{len(OPERATIONS)} operations of HeyGen's public specification of {SPECIFICATION}"
    for page in ("README.md", "docs/index.md"):
        assert says in root.joinpath(page).read_text(encoding="utf-8"), page


@_named(DESCRIPTORS)
def test_a_descriptor_agrees_with_the_contract(endpoint: Endpoint[Any]) -> None:
    operation = OPERATIONS[endpoint.operation]
    assert (endpoint.method, endpoint.path) == (operation.method, operation.path)
    assert endpoint.keyed == operation.keyed
    is_list = operation.data.get("type") == "array"
    assert endpoint.envelope == ("page" if is_list else "data")
    schema = operation.data["items"] if is_list else operation.data
    if "$ref" in schema:
        named = CONTRACT["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
        known = SCHEMAS[endpoint.answer.__name__]
        # A union of answers is one Struct.
        assert named is known or endpoint.answer.__name__ == schema["$ref"].rpartition("/")[2]
    elif endpoint.answer is Any:  # nothing is promised
        assert schema == {"type": "object"}
    else:  # v2 describes its data in place
        fields = {field.name for field in msgspec.structs.fields(endpoint.answer)}
        assert fields == set(schema["properties"])


@_named(DESCRIPTORS)
def test_what_is_safe_to_repeat(endpoint: Endpoint[Any]) -> None:
    unsafe = {
        "video_agents.create",
        "video_agents.send",
        "voices.speech",
        "voices.design",
        "voices.clone",
        "templates.generate_v2",  # what HeyGen does about its key is not established
    }
    assert endpoint.safe == (endpoint.operation not in unsafe)
    assert not (endpoint.keyed and endpoint.idempotent), "one reason is enough"


@every_operation
def test_an_operation_has_a_method_of_its_name(client: HeyGen, name: str) -> None:
    method = method_of(client, name)
    assert inspect.getdoc(method)
    if name in LISTS and not name.endswith(".statuses"):
        assert not inspect.iscoroutinefunction(method)
        assert str(inspect.signature(method).return_annotation).startswith("Pages[")
    else:
        assert inspect.iscoroutinefunction(method)


@every_operation
def test_what_takes_a_key_takes_it_from_the_caller(client: HeyGen, name: str) -> None:
    parameters = inspect.signature(method_of(client, name)).parameters
    assert ("idempotency_key" in parameters) == (OPERATIONS[name].keyed or name in UNSENT_KEYS)


def test_only_operations_without_a_key_do_not_send_it() -> None:
    assert not [name for name in UNSENT_KEYS if OPERATIONS[name].keyed]


def _described(hint: Any) -> set[str]:
    """Return the alternatives of an annotation besides None, as texts."""
    origin, inner = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        return set().union(*(_described(choice) for choice in inner)) - {"null"}
    if origin is Literal:
        return {f"enum {sorted(inner)}"}
    if origin is Sequence:
        return {f"array of {sorted(_described(inner[0]))}"}
    names: dict[Any, str] = {str: "string", int: "integer", float: "number", bool: "boolean"}
    return {names.get(hint, "null" if hint is type(None) else str(hint))}


def _demanded(schema: dict[str, Any]) -> set[str]:
    """Return the same of a schema."""
    found = set()
    for part in alternatives(schema):
        if "enum" in part:
            found.add(f"enum {sorted(part['enum'])}")
        elif part["type"] == "array":
            found.add(f"array of {sorted(_demanded(part['items']))}")
        else:
            found.add(part["type"])
    return found - {"null"}


@every_operation
def test_a_method_has_the_parameters_of_the_contract(client: HeyGen, name: str) -> None:
    """Names, types, enums, what is required; ranges are in the docstring."""
    method, operation = method_of(client, name), OPERATIONS[name]
    hints, parameters = hints_of(method), dict(inspect.signature(method).parameters)
    text = re.sub(r"\s+", " ", inspect.getdoc(method) or "")
    assert list(parameters)[: len(operation.path_names)] == operation.path_names
    for path_name in operation.path_names:
        parameter = parameters.pop(path_name)
        assert (hints[path_name], parameter.default) == (str, parameter.empty)
    hidden = {key for key in operation.names("query") if key not in parameters}
    assert hidden <= differences("hidden parameter").keys()
    pages = "token" in hidden
    assert not pages or str(inspect.signature(method).return_annotation).startswith("Pages[")
    for described in operation.parameters:
        if described["in"] != "query" or (described["name"] == "token" and pages):
            continue
        parameter = parameters.pop(described["name"])
        schema = described["schema"]
        assert _described(hints[parameter.name]) == _demanded(schema), parameter.name
        assert (parameter.default is parameter.empty) == described["required"], parameter.name
        assert parameter.default in (parameter.empty, None, ()), "the API's default may change"
        if "minimum" in schema and "maximum" in schema:
            says = f"{schema['minimum']} to {schema['maximum']}"
            assert f"{says}; the API's default is {schema['default']}" in text, parameter.name
        if "maxItems" in schema:
            assert f"up to {schema['maxItems']}" in text
    parameters.pop("idempotency_key", None)
    # How this client behaves, for creates without a key; nothing of it is sent.
    keyless = any(
        not (endpoint.safe or endpoint.keyed)
        for endpoint in DESCRIPTORS
        if endpoint.operation == name
    )
    assert (parameters.pop("resend", None) is not None) == keyless
    _check_body(name, operation, {key: hints[key] for key in parameters})


def _check_body(name: str, operation: Operation, rest: dict[str, Any]) -> None:
    """The body is one parameter, a Struct; or its fields are parameters of their own."""
    sent = {kind.__name__ for hint in rest.values() for kind in parts_of(hint)}
    fields: dict[str, Any] = {}
    if not sent and operation.bodies:
        (schema,) = operation.bodies
        fields = SCHEMAS[schema]["properties"]
        assert fields.keys() <= rest.keys()
    elif sent != set(operation.bodies):
        assert f"{name}: {', '.join(sorted(sent))}" in differences("other body")
    for key, hint in rest.items():
        if parts_of(hint):
            continue
        if key not in fields or _described(hint) != _demanded(fields[key]):
            assert f"{name}({key})" in OTHER_PARAMETERS, f"{hint} is not {fields.get(key)}"


@pytest.mark.parametrize("where", sorted(OTHER_PARAMETERS))
def test_other_parameters_are_there_and_differ(client: HeyGen, where: str) -> None:
    name, _, key = where.rstrip(")").partition("(")
    method, operation = method_of(client, name), OPERATIONS[name]
    hint = hints_of(method)[key]
    for schema in operation.bodies:
        theirs = SCHEMAS[schema]["properties"].get(key)
        if theirs is not None and not any(parts_of(h) for h in hints_of(method).values()):
            assert _described(hint) != _demanded(theirs)
    assert key not in operation.names("query")


@pytest.mark.parametrize("where", sorted(differences("hidden parameter")))
def test_hidden_parameters_are_in_the_contract(client: HeyGen, where: str) -> None:
    hiding = [
        name
        for name, operation in OPERATIONS.items()
        if where in operation.names("query")
        and where not in inspect.signature(method_of(client, name)).parameters
    ]
    assert hiding


@pytest.mark.parametrize("where", sorted(differences("other body")))
def test_other_bodies_differ(client: HeyGen, where: str) -> None:
    name, _, sent = where.partition(": ")
    assert set(sent.split(", ")) != set(OPERATIONS[name].bodies)
    hints = hints_of(method_of(client, name)).values()
    assert {kind.__name__ for hint in hints for kind in parts_of(hint)} == set(sent.split(", "))


@pytest.mark.anyio
@every_operation
async def test_what_goes_on_the_wire_is_the_operation(name: str) -> None:
    """Every argument arrives in its place, under the contract's name."""
    operation = OPERATIONS[name]
    async with (
        raw_server(answering(REFUSAL)) as server,
        HeyGen("sk_V2_anything", base_url=server.base_url) as heygen,
    ):
        method = method_of(heygen, name)
        given = arguments(method)
        expected = (
            pytest.warns(FutureWarning, match=f"{name} does not support an Idempotency-Key")
            if name in UNSENT_KEYS
            else contextlib.nullcontext()
        )
        call = method(**given)
        with pytest.raises(APIError), expected:
            await (call if inspect.isawaitable(call) else call.first_page())
        ((head, body),) = server.requests
    request_line, *lines = head.rstrip().split("\r\n")
    headers = dict(line.lower().split(": ", 1) for line in lines)
    path, _, query = request_line.split(" ")[1].partition("?")
    values = {key: quote(value) for key, value in given.items() if isinstance(value, str)}
    assert request_line.split(" ")[0] == operation.method
    assert path == operation.path.format(**values)
    assert dict(parse_qsl(query)) == {
        key: ",".join(given[key]) if isinstance(given[key], list) else str(given[key])
        for key in operation.names("query")
        if key in given
    }
    assert headers.get("idempotency-key") == ("a:key" if operation.keyed else None)
    if operation.body is None:
        assert operation.description.get("requestBody") is None or b'name="file"' in body
        return
    schema = {**operation.body, "components": CONTRACT["components"]}
    jsonschema_rs.validator_for(schema).validate(json.loads(body))
    parts = [value for value in given.values() if isinstance(value, Part)]
    if name == "templates.generate_v2":
        assert json.loads(body) == {"variables": {}, "test": True, "callback_id": "a:key"}
    elif name == "background_removals.create":
        assert json.loads(body).keys() == {"video", "request_id"}
    elif parts:
        (part,) = parts
        sent = encode(part) if isinstance(part, Request) else msgspec.json.encode(part)
        assert json.loads(body) == json.loads(sent)
    else:
        fields = SCHEMAS[operation.bodies[0]]["properties"] if operation.bodies else {}
        assert json.loads(body) == {key: given[key] for key in fields}


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


@pytest.mark.anyio
async def test_the_sandbox_answers_every_operation() -> None:
    async with Sandbox() as sandbox, Api(sandbox) as api:
        for name, operation in OPERATIONS.items():
            path = operation.path.replace("{", "no-").replace("}", "")
            takes_body = "requestBody" in operation.description
            reply = await api(operation.method, path, {} if takes_body else None)
            assert sandbox.requests.by_operation[name] == 1, name
            assert reply.status in (200, 201, 202, 400, 404), name
