"""The sandbox under any request that its contract knows: no 5xx, and every answer fits."""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import re
from collections.abc import Callable, Coroutine, Iterator
from contextlib import AsyncExitStack
from functools import cache
from typing import Any, TypeAlias
from urllib.parse import quote

import jsonschema_rs
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from yarl import URL

from heygen_async.sandbox import Sandbox
from heygen_async.sandbox.contract import CONTRACT as CONTRACT_OF_SANDBOX
from heygen_async.sandbox.turned_loop import TurnedEventLoop
from tests.contract.generating import Values, chosen
from tests.contract.operations import OPERATIONS
from tests.contract.schemas import CONTRACT, alternatives
from tests.contract.world import SETTINGS, TAKEN, World
from tests.sandbox.api import Api, Reply
from tests.session.wire import answering, raw_server

EXAMPLES = int(os.environ.get("HEYGEN_CONTRACT_EXAMPLES", "3"))
FUZZ = settings(
    max_examples=EXAMPLES,
    deadline=None,
    database=None,
    derandomize="HEYGEN_CONTRACT_EXAMPLES" not in os.environ,
    phases=[Phase.generate],  # the sandbox remembers, so nothing could be shrunk
    suppress_health_check=list(HealthCheck),
)
_REPAIRS = 8
_HOOKS = itertools.count()
_ODD = st.sampled_from(["", "0", "-1", "101", "1e9", "no", "é", "a,b", "%00", "null"])
# Operations without a body that is made from the schema, or that need more than one request.
UPLOAD = "assets.upload"


Run: TypeAlias = Callable[[Coroutine[Any, Any, bool]], bool]


@pytest.fixture(scope="module")
def world() -> Iterator[tuple[World, Run]]:
    """One world for all examples, and a runner for coroutines, since hypothesis calls functions."""
    with asyncio.Runner(loop_factory=TurnedEventLoop) as runner:
        stack = AsyncExitStack()

        async def open_world() -> World:
            sandbox = await stack.enter_async_context(Sandbox(**SETTINGS))
            hook = await stack.enter_async_context(raw_server(answering(TAKEN)))
            api = await stack.enter_async_context(Api(sandbox))
            world = World(sandbox, api, hook.base_url)
            await world.fill()
            return world

        try:
            yield runner.run(open_world()), runner.run
        finally:
            runner.run(stack.aclose())


@cache
def _refusals() -> Any:
    return jsonschema_rs.validator_for(
        {"$ref": "#/components/schemas/ErrorEnvelope", "components": CONTRACT["components"]}
    )


@cache
def _good(name: str) -> Any:
    schema = {**OPERATIONS[name].answer, "components": CONTRACT["components"]}
    return jsonschema_rs.validator_for(schema)


def _known(world: World) -> dict[str, list[Any]]:
    ids = world.ids
    # An address is registered once.
    hook = f"{world.hook}/{next(_HOOKS)}"
    return {
        "avatar_id": world.looks,
        "character_id": world.looks,
        "reference_look_id": world.looks,
        "video_id": ids["/v3/videos/"],
        "voice_id": world.voices,
        "default_voice_id": world.voices,
        "asset_id": ids["/v3/assets/"],
        "audio_asset_id": ids["/v3/assets/"],
        "folder_id": ids["/v3/folders/"],
        "parent_id": ids["/v3/folders/"],
        "avatar_group_id": ids["/v3/avatars/"],
        "batch_id": ids["/v3/assets/batches/"],
        "output_languages": ["French (France)", "Spanish (Spain)"],
        "data": ["iVBORw0KGgo="],
        "media_type": ["image/png"],
        "content_type": ["image/png"],
        "filename": ["a.png"],
        "url": [hook],
        "callback_url": [world.hook],
        "audio_url": [world.hook],
        "script": ["Hello there."],
        "text": ["Hello there."],
    }


@pytest.mark.parametrize("name", sorted(OPERATIONS.keys() - {UPLOAD}))
def test_no_request_breaks_the_sandbox(world: tuple[World, Run], name: str) -> None:
    """Check that some of the requests are accepted."""
    place, run = world
    good = 0

    @FUZZ
    @given(data=st.data())
    def each(data: st.DataObject) -> None:
        nonlocal good
        good += run(_ask(place, name, data))

    each()
    assert good


async def _ask(world: World, name: str, data: st.DataObject) -> bool:
    """One request with what fits, mended where a rule refuses it; and one with an odd query."""
    operation = OPERATIONS[name]
    gone = operation.path.rpartition("{")[0] if operation.method == "DELETE" else None
    path = world.path(operation)
    values = Values(_known(world), lean=3)
    body = None if operation.body is None else data.draw(values.of(operation.body))
    query = {
        parameter["name"]: data.draw(values.of(parameter["schema"], parameter["name"]))
        for parameter in operation.parameters
        if parameter["in"] == "query"
        and (parameter["required"] or (parameter["name"] != "token" and data.draw(st.booleans())))
    }
    reply = await _sent(world, name, path, query, body)
    for _ in range(_REPAIRS):
        if reply.status != 400 or not isinstance(body, dict):
            break
        error = await _inner(world, path, body, reply.body["error"])
        _mend(data, values, operation.body, body, error)
        reply = await _sent(world, name, path, query, body)
    if operation.names("query"):
        odd = {data.draw(st.sampled_from(operation.names("query"))): data.draw(_ODD)}
        await _sent(world, name, path, query | odd, body)
    await _sent(world, name, path + data.draw(_ODD), query, body)
    if gone is not None:
        await world.renew(gone)
    return reply.status == operation.status


async def _inner(world: World, path: str, body: Any, error: dict[str, Any]) -> dict[str, Any]:
    """The error of a batch, with the field that the call for one item names."""
    found = re.fullmatch(r"Invalid (?:payload|file)\(s\) at index (\d+)\.", error["message"])
    if found is None:
        return error
    name, index = error["param"], int(found[1])
    single = path.replace("/batches", "")
    reply = await world.api.post(single, body[name][index])
    if reply.status < 400:  # another draw of ids: the item is good by itself
        return error
    return {**error, "param": f"{name}.{index}.{reply.body['error'].get('param') or ''}"}


async def _sent(world: World, name: str, path: str, query: dict[str, Any], body: Any) -> Reply:
    """Send a request, and check the answer against the contract."""
    text = "&".join(
        f"{key}={quote(','.join(value) if isinstance(value, list) else str(value))}"
        for key, value in query.items()
    )
    method = OPERATIONS[name].method
    headers, content = {}, None
    if body is not None:
        headers, content = {"Content-Type": "application/json"}, json.dumps(body).encode()
    key = {"x-api-key": world.sandbox.api_key}
    address = URL(f"{world.sandbox.base_url}{quote(path, safe='/%')}?{text}", encoded=True)
    status, _, raw = await world.api.raw(method, address, data=content, headers=headers | key)
    answer = json.loads(raw)
    assert status < 500, (name, path, text, body, answer)
    if status < 300:
        routed = CONTRACT_OF_SANDBOX.route(method, quote(path, safe="/%"))
        assert routed is not None
        _good(routed[0].id).validate(answer)
    elif path.startswith("/v3/"):
        _refusals().validate(answer)
    return Reply(status, {}, answer)


def _mend(
    data: st.DataObject, values: Values, schema: Any, body: dict[str, Any], error: dict[str, Any]
) -> None:
    """Leave out the field that a rule refuses, or give it where it is missing."""
    place: Any = body
    param = error.get("param") or error["message"].partition(":")[0]
    for step in param.split("."):
        if isinstance(place, list):
            schema = next(part for part in alternatives(schema) if "items" in part)["items"]
            place = place[int(step)]
            continue
        schema = chosen(schema, place)
        fields = schema.get("properties", {})
        if step in place and step not in schema.get("required", ()):
            del place[step]
            return
        if step not in place and step in fields:
            given = values.of(fields[step], step).filter(lambda item: item is not None)
            place[step] = data.draw(given)
            return
        if step not in place:
            return
        place, schema = place[step], fields.get(step) or schema.get("additionalProperties", {})
