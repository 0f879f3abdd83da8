"""``heygen.templates`` on the sandbox: the choice of the call, and its requests."""

from __future__ import annotations

import asyncio
import json
import logging
from typing import Any

import pytest

from heygen_async import (
    AssetUrl,
    AudioVariable,
    BadRequest,
    CharacterVariable,
    HeyGen,
    ImageVariable,
    InvalidRequest,
    Job,
    NotFound,
    Retry,
    ServerError,
    TemplateRenderRequest,
    TemplateVariable,
    TextVariable,
    Video,
    VideoVariable,
    VoiceVariable,
)
from heygen_async.sandbox import Fault, Sandbox
from heygen_async.sandbox.turned_loop import TurnedEventLoop

pytestmark = pytest.mark.anyio

WELCOME = {"name": TextVariable(content="Ada"), "product": TextVariable(content="Engines")}


def _asked(sandbox: Sandbox) -> dict[str, int]:
    """Return the requests so far by operation, without polls of videos."""
    return {
        name.removeprefix("templates."): count
        for name, count in sandbox.requests.by_operation.items()
        if name.startswith("templates.")
    }


async def test_lists_and_details_of_both_versions(heygen: HeyGen, sandbox: Sandbox) -> None:
    new = {template.name async for template in heygen.templates.list(limit=10)}
    old = {template.name for template in await heygen.templates.list_v2()}
    assert old - new == {"Classic invitation"}
    assert _asked(sandbox) == {"list": 3, "list_v2": 1}
    template_id = sandbox.template_id("Welcome")
    template = await heygen.templates.get(template_id)
    assert template.name == "Welcome"
    assert [scene.scene_id for scene in template.scenes] == list(template.scene_ids)
    assert template.variables.keys() == WELCOME.keys()
    assert (await heygen.templates.get_v2(template_id)).variables.keys() == WELCOME.keys()


@pytest.mark.parametrize("version", ["v2", "v3"])
async def test_every_type_of_variable_renders(
    heygen: HeyGen, sandbox: Sandbox, version: Any
) -> None:
    variables: dict[str, TemplateVariable] = {
        "headline": TextVariable(content="Big news"),
        "price": TextVariable(content="3 euros"),
        "picture": ImageVariable(asset=AssetUrl(url="https://example.com/a.png"), fit="cover"),
        "clip": VideoVariable(asset=AssetUrl(url="https://example.com/a.mp4"), play_style="once"),
        "jingle": AudioVariable(asset=AssetUrl(url="https://example.com/a.mp3")),
        "host": CharacterVariable(character_id=sandbox.avatar_id),
        "host_voice": VoiceVariable(voice_id=sandbox.voice_id),
    }
    template_id = sandbox.template_id("Product offer")
    job = await heygen.templates.generate(template_id, variables, version=version)
    assert (await job.wait()).video_url is not None
    operation = "generate" if version == "v3" else "generate_v2"
    assert _asked(sandbox) == {operation: 1}


async def test_auto_asks_once_per_template(heygen: HeyGen, sandbox: Sandbox) -> None:
    template_id = sandbox.template_id("Welcome")
    for _ in range(3):
        await heygen.templates.generate(template_id, WELCOME)
    assert _asked(sandbox) == {"get": 1, "generate": 3}
    await heygen.templates.generate(
        sandbox.template_id("Newsletter 01"), {"topic": TextVariable(content="x")}
    )
    assert _asked(sandbox) == {"get": 2, "generate": 4}


async def test_auto_asks_once_however_many_ask(heygen: HeyGen, sandbox: Sandbox) -> None:
    sandbox.concurrency = 20
    template_id = sandbox.template_id("Welcome")
    jobs: list[Job[Video]] = await asyncio.gather(
        *(heygen.templates.generate(template_id, WELCOME) for _ in range(20))
    )
    assert len({job.id for job in jobs}) == 20
    assert _asked(sandbox) == {"get": 1, "generate": 20}


async def test_an_older_template_is_rendered_through_v2(heygen: HeyGen, sandbox: Sandbox) -> None:
    template_id = sandbox.template_id("Classic invitation")
    variables = {"guest": TextVariable(content="Ada")}
    for _ in range(2):
        job = await heygen.templates.generate(template_id, variables)
    assert (await job.wait()).status == "completed"
    assert _asked(sandbox) == {"get": 1, "generate_v2": 2}
    with pytest.raises(NotFound):
        await heygen.templates.generate(template_id, variables, version="v3")


async def test_test_renders_go_through_v2_and_cost_nothing(
    heygen: HeyGen, sandbox: Sandbox
) -> None:
    template_id = sandbox.template_id("Welcome")
    await (await heygen.templates.generate(template_id, WELCOME, test=True)).wait()
    assert _asked(sandbox) == {"generate_v2": 1}
    assert (sandbox.ledger.count(), sandbox.ledger.usd) == (1, 0.0)
    with pytest.raises(InvalidRequest) as caught:
        await heygen.templates.generate(template_id, WELCOME, version="v3", test=True)
    assert caught.value.param == "test"
    assert sandbox.ledger.count() == 1


async def test_variables_come_from_the_version_that_serves(
    heygen: HeyGen, sandbox: Sandbox
) -> None:
    new, old = sandbox.template_id("Product offer"), sandbox.template_id("Classic invitation")
    types = {name: info.type for name, info in (await heygen.templates.variables(new)).items()}
    assert types["clip"] == "video"
    assert _asked(sandbox) == {"get": 1}
    through_v2 = await heygen.templates.variables(new, version="v2")
    assert {name: info.type for name, info in through_v2.items()} == types
    assert set(await heygen.templates.variables(old)) == {"guest", "logo"}
    assert _asked(sandbox) == {"get": 2, "get_v2": 2}
    await heygen.templates.variables(old)
    assert _asked(sandbox) == {"get": 2, "get_v2": 3}
    with pytest.raises(NotFound):
        await heygen.templates.variables(old, version="v3")


async def test_variables_are_those_of_the_present(heygen: HeyGen, sandbox: Sandbox) -> None:
    template_id = sandbox.template_id("Welcome")
    await heygen.templates.variables(template_id)
    sandbox.add_template("Welcome", template_id=template_id, variables={"city": "text"})
    assert set(await heygen.templates.variables(template_id)) == {"city"}


async def test_an_unknown_template_is_not_found_and_not_remembered(
    heygen: HeyGen, sandbox: Sandbox
) -> None:
    with pytest.raises(NotFound):
        await heygen.templates.variables("later")
    with pytest.raises(NotFound) as caught:
        await heygen.templates.generate("later", {"name": TextVariable(content="Ada")})
    assert caught.value.path == "/v2/template/later/generate"
    sandbox.add_template(template_id="later")
    await heygen.templates.generate("later", {"name": TextVariable(content="Ada")})
    assert sandbox.ledger.count("templates.generate") == 1


async def test_a_failed_question_is_asked_again(sandbox: Sandbox) -> None:
    sandbox.faults.add("templates.get", Fault.status(500))
    async with HeyGen(sandbox.api_key, base_url=sandbox.base_url, retry=1) as heygen:
        template_id = sandbox.template_id("Welcome")
        with pytest.raises(ServerError):
            await heygen.templates.generate(template_id, WELCOME)
        assert sandbox.ledger.count() == 0
        await heygen.templates.generate(template_id, WELCOME)
    assert _asked(sandbox) == {"get": 2, "generate": 1}


async def test_a_question_that_is_cancelled_leaves_the_others_asking(
    heygen: HeyGen, sandbox: Sandbox
) -> None:
    sandbox.faults.add("templates.get", Fault.delay(5))
    template_id = sandbox.template_id("Welcome")
    tasks = [asyncio.create_task(heygen.templates.generate(template_id, WELCOME)) for _ in range(3)]
    await asyncio.sleep(1)
    tasks[0].cancel()
    jobs = await asyncio.gather(*tasks[1:])
    assert len({job.id for job in jobs}) == 2
    assert tasks[0].cancelled()
    assert _asked(sandbox) == {"get": 2, "generate": 2}


async def test_an_unknown_version_is_refused(heygen: HeyGen, sandbox: Sandbox) -> None:
    version: Any = "v4"
    with pytest.raises(InvalidRequest) as caught:
        await heygen.templates.generate("some", WELCOME, version=version)
    assert caught.value.param == "version"
    with pytest.raises(InvalidRequest):
        await heygen.templates.variables("some", version=version)
    assert sandbox.ledger.requests == 0


@pytest.mark.parametrize("version", ["v2", "v3"])
async def test_a_request_goes_whole_through_both_versions(
    heygen: HeyGen, sandbox: Sandbox, version: Any
) -> None:
    template_id = sandbox.template_id("Welcome")
    scene_ids = (await heygen.templates.get(template_id)).scene_ids
    sandbox.add_folder(folder_id="here")
    request = TemplateRenderRequest(
        variables=WELCOME, title="For Ada", scene_ids=[scene_ids[1]], extra={"folder_id": "here"}
    )
    job = await heygen.templates.generate(template_id, request, version=version)
    video = await job.status()
    assert (video.title, video.folder_id) == ("For Ada", "here")
    one_scene = sandbox.ledger.jobs[-1].seconds
    await heygen.templates.generate(template_id, WELCOME, version=version)
    assert one_scene < sandbox.ledger.jobs[-1].seconds


async def test_a_deprecation_is_logged_once_per_operation(
    heygen: HeyGen, sandbox: Sandbox, caplog: pytest.LogCaptureFixture
) -> None:
    template_id = sandbox.template_id("Classic invitation")
    with caplog.at_level(logging.WARNING, logger="heygen_async"):
        for _ in range(3):
            await heygen.templates.get_v2(template_id)
            await heygen.templates.list_v2()
            await heygen.templates.list().first_page()
    said = [record.getMessage() for record in caplog.records]
    assert len(said) == 2
    assert [name in text for name, text in zip(("get_v2", "list_v2"), said, strict=True)]


def test_a_question_cut_short_does_not_tie_the_client_to_its_loop() -> None:
    async def ask_and_fail(client: HeyGen) -> None:
        # No server listens there: all fail, after waiting for each other on this loop.
        questions = (client.templates.generate("t", WELCOME) for _ in range(3))
        results = await asyncio.gather(*questions, return_exceptions=True)
        assert {type(result).__name__ for result in results} == {"ConnectionFailed"}
        await client.aclose()

    client = HeyGen("key", base_url="http://127.0.0.1:9", retry=Retry(attempts=1))
    for _ in range(2):
        with asyncio.Runner(loop_factory=TurnedEventLoop) as runner:
            runner.run(ask_and_fail(client))


async def test_v2_gets_the_glossary_under_its_older_name(sandbox: Sandbox, heygen: HeyGen) -> None:
    request = TemplateRenderRequest(
        variables={"name": TextVariable(content="Ada")}, brand_glossary_id="glossary"
    )
    body = json.loads(request.v2())
    assert body["brand_voice_id"] == "glossary"
    assert "brand_glossary_id" not in body
    template_id = sandbox.add_template()
    assert (await heygen.templates.generate_v2(template_id, request, test=True)).id
    path = f"/v2/template/{template_id}/generate"
    with pytest.raises(BadRequest, match="brand_glossary_id"):
        await heygen.request("POST", path, body={**body, "brand_glossary_id": "glossary"})
