"""Every operation that takes an Idempotency-Key replays its first answer under the same key."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, TypeAlias

import pytest

from heygen_async import (
    AiClippingRequest,
    AssetUrl,
    AvatarConsentRequest,
    AvatarVideoRequest,
    BackgroundRemovalRequest,
    BrandGlossaryRequest,
    BrandKitRequest,
    DirectUploadRequest,
    FillerWordRemovalRequest,
    HeyGen,
    HyperframesRenderRequest,
    Job,
    LipsyncRequest,
    PromptAvatarRequest,
    ProofreadRequest,
    SpeechRequest,
    TextVariable,
    VideoTranslationRequest,
)
from heygen_async.sandbox import Sandbox
from tests.contract.operations import KEYED
from tests.contract.world import SETTINGS, TAKEN, World
from tests.sandbox.api import Api
from tests.session.wire import answering, raw_server

pytestmark = pytest.mark.anyio

SOURCE = AssetUrl(url="https://files.example/a.mp4")
Call: TypeAlias = Callable[[HeyGen, World, str, str], Awaitable[Any]]


def _video(world: World, text: str) -> AvatarVideoRequest:
    return AvatarVideoRequest(avatar_id=world.looks[0], script=text)


def _translation(text: str) -> VideoTranslationRequest:
    return VideoTranslationRequest(video=SOURCE, output_languages=["French (France)"], title=text)


def _file(text: str) -> DirectUploadRequest:
    return DirectUploadRequest(filename=f"{text}.png", content_type="image/png", size_bytes=3)


def _one(world: World, kind: str) -> str:
    return world.ids[kind][0]


PROOFREADS = "/v3/video-translations/proofreads/"
HOOKS = "/v3/webhooks/endpoints/"

# The arguments of each call; another text is another request.
CALLS: dict[str, Call] = {
    "ai_clipping.create": lambda h, w, key, text: h.ai_clipping.create(
        AiClippingRequest(video=SOURCE, title=text), idempotency_key=key
    ),
    "assets.direct_uploads.batches.create": lambda h, w, key, text: (
        h.assets.direct_uploads.batches.create([_file(text)], idempotency_key=key)
    ),
    "assets.direct_uploads.batches.complete": lambda h, w, key, text: (
        h.assets.direct_uploads.batches.complete(
            w.ids["/v3/assets/batches/"][text == "second"], idempotency_key=key
        )
    ),
    "assets.direct_uploads.create": lambda h, w, key, text: h.assets.direct_uploads.create(
        _file(text), idempotency_key=key
    ),
    "assets.upload": lambda h, w, key, text: h.assets.upload(
        text.encode(), filename="a.png", idempotency_key=key
    ),
    "avatars.consent": lambda h, w, key, text: h.avatars.consent(
        _one(w, "/v3/avatars/"),
        AvatarConsentRequest(consent_video=SOURCE if text == "second" else None),
        idempotency_key=key,
    ),
    "avatars.create": lambda h, w, key, text: h.avatars.create(
        PromptAvatarRequest(name=text, prompt="A"), idempotency_key=key
    ),
    "brand_glossaries.create": lambda h, w, key, text: h.brand_glossaries.create(
        BrandGlossaryRequest(name=f"Names {text}"), idempotency_key=key
    ),
    "brand_kits.create": lambda h, w, key, text: h.brand_kits.create(
        BrandKitRequest(url=f"https://{text}.example"), idempotency_key=key
    ),
    "filler_word_removals.create": lambda h, w, key, text: h.filler_word_removals.create(
        FillerWordRemovalRequest(video=SOURCE, title=text), idempotency_key=key
    ),
    "folders.create": lambda h, w, key, text: h.folders.create(text, idempotency_key=key),
    "hyperframes.create": lambda h, w, key, text: h.hyperframes.create(
        HyperframesRenderRequest(project=SOURCE, title=text), idempotency_key=key
    ),
    "lipsyncs.batches.create": lambda h, w, key, text: h.lipsyncs.batches.create(
        [LipsyncRequest(video=SOURCE, audio=SOURCE, title=text)], idempotency_key=key
    ),
    "lipsyncs.create": lambda h, w, key, text: h.lipsyncs.create(
        LipsyncRequest(video=SOURCE, audio=SOURCE, title=text), idempotency_key=key
    ),
    "proofreads.create": lambda h, w, key, text: h.proofreads.create(
        ProofreadRequest(video=SOURCE, output_languages=["French (France)"], title=text),
        idempotency_key=key,
    ),
    "proofreads.generate": lambda h, w, key, text: h.proofreads.generate(
        _one(w, PROOFREADS), idempotency_key=key
    ),
    "templates.generate": lambda h, w, key, text: h.templates.generate(
        w.sandbox.template_id("Welcome"),
        {"name": TextVariable(content=text)},
        version="v3",
        idempotency_key=key,
    ),
    "templates.generate_v2": lambda h, w, key, text: h.templates.generate_v2(
        w.sandbox.template_id("Welcome"),
        {"name": TextVariable(content=text)},
        idempotency_key=key,
    ),
    "video_translations.batches.create": lambda h, w, key, text: (
        h.video_translations.batches.create([_translation(text)], idempotency_key=key)
    ),
    "video_translations.create": lambda h, w, key, text: h.video_translations.create(
        _translation(text), idempotency_key=key
    ),
    "videos.batches.create": lambda h, w, key, text: h.videos.batches.create(
        [_video(w, text)], idempotency_key=key
    ),
    "videos.create": lambda h, w, key, text: h.videos.create(_video(w, text), idempotency_key=key),
    "webhooks.endpoints.create": lambda h, w, key, text: h.webhooks.endpoints.create(
        f"{w.hook}/{text}", idempotency_key=key
    ),
    "webhooks.endpoints.rotate_secret": lambda h, w, key, text: h.webhooks.endpoints.rotate_secret(
        _one(w, HOOKS), idempotency_key=key
    ),
}

# Creates that take no key. Each is asked for with a body of its own.
UNKEYED: dict[str, Callable[[World], dict[str, Any]]] = {
    "/v3/video-agents": lambda w: {"prompt": "A film"},
    "/v3/voices": lambda w: {"prompt": "A calm voice"},
    "/v3/voices/clone": lambda w: {
        "voice_name": "Ada",
        "audio": {"type": "url", "url": SOURCE.url},
    },
    "/v3/voices/speech": lambda w: {"text": "Hello", "voice_id": w.voices[0]},
}


@pytest.fixture
async def world() -> AsyncIterator[World]:
    async with (
        Sandbox(**SETTINGS) as sandbox,
        Api(sandbox) as api,
        raw_server(answering(TAKEN)) as hook,
    ):
        world = World(sandbox, api, hook.base_url)
        await world.fill()
        yield world


def _seen(result: Any) -> Any:
    """Return what identifies an answer to its caller."""
    if isinstance(result, list | tuple):
        return [_seen(item) for item in result]
    return result.id if isinstance(result, Job) else result


async def test_every_keyed_operation_replays_its_first_answer(world: World) -> None:
    assert sorted(CALLS) == KEYED
    uploads = world.ids["/v3/assets/batches/"]
    await world.renew("/v3/assets/batches/")
    world.ids["/v3/assets/batches/"] = uploads + world.ids["/v3/assets/batches/"]
    async with HeyGen(world.sandbox.api_key, base_url=world.sandbox.base_url) as heygen:
        for name, call in CALLS.items():
            before = world.sandbox.ledger.count(name)
            first = _seen(await call(heygen, world, f"one:{name}", "first"))
            made = world.sandbox.ledger.count(name) - before
            # The API replays even where the body differs.
            assert _seen(await call(heygen, world, f"one:{name}", "first")) == first, name
            assert _seen(await call(heygen, world, f"one:{name}", "second")) == first, name
            assert world.sandbox.ledger.count(name) == before + made, name
            assert world.sandbox.requests.by_operation[name] >= 3, name
            other = _seen(await call(heygen, world, f"two:{name}", "second"))
            assert other != first, name


@pytest.mark.parametrize("path", UNKEYED)
async def test_a_create_without_a_key_starts_anew_each_time(world: World, path: str) -> None:
    """Create twice without a key: the ledger shows both, a free design too."""
    jobs, requests = world.sandbox.ledger.count(), world.sandbox.requests
    seen = requests.by_operation.copy()
    replies = [await world.api.post(path, UNKEYED[path](world), key="same") for _ in range(2)]
    assert [reply.status for reply in replies] == [200, 200]
    (name,) = (requests.by_operation - seen).keys()
    if name == "voices.design":
        assert replies[0].data == replies[1].data
    else:
        assert world.sandbox.ledger.count() == jobs + 2
        assert {job.idempotency_key for job in world.sandbox.ledger.jobs[-2:]} == {None}
        assert replies[0].data != replies[1].data


async def test_a_message_without_a_key_is_taken_once_more(world: World) -> None:
    path = f"/v3/video-agents/{world.ids['/v3/video-agents/'][0]}"
    runs = []
    for _ in range(2):
        runs.append((await world.api.post(path, {"message": "Again"}, key="same")).data["run_id"])
        await asyncio.sleep(8_000)
    assert runs[0] != runs[1]


async def test_a_key_that_is_not_sent_is_warned_of_once(world: World) -> None:
    async with HeyGen(world.sandbox.api_key, base_url=world.sandbox.base_url) as heygen:
        speech = SpeechRequest(text="Hello", voice_id=world.voices[0])
        with pytest.warns(
            FutureWarning, match="voices.speech does not support an Idempotency-Key"
        ) as caught:
            await heygen.voices.speech(speech, idempotency_key="mine")
        await heygen.voices.speech(speech, idempotency_key="mine")
        assert [warning.filename for warning in caught] == [__file__]
        assert world.sandbox.ledger.count("speech") == 2
        session = world.ids["/v3/video-agents/"][0]
        with pytest.warns(FutureWarning, match="video_agents.send does not support"):
            await heygen.video_agents.send(session, "Again", idempotency_key="mine")


async def test_a_background_removal_goes_by_its_request_id(world: World) -> None:
    async with HeyGen(world.sandbox.api_key, base_url=world.sandbox.base_url) as heygen:
        before = world.sandbox.ledger.count("background_removals.create")
        mine = BackgroundRemovalRequest(video=SOURCE, request_id="mine")
        first, again, unnamed, other = [
            (await heygen.background_removals.create(request)).id
            for request in (
                mine,
                BackgroundRemovalRequest(video=SOURCE, request_id="mine", title="another"),
                BackgroundRemovalRequest(video=SOURCE),
                BackgroundRemovalRequest(video=SOURCE),
            )
        ]
        assert first == again
        assert len({first, unnamed, other}) == 3
        assert world.sandbox.ledger.count("background_removals.create") == before + 3
        body = {"video": {"type": "url", "url": SOURCE.url}}
        path = "/v3/background-removals"
        replies = [(await world.api.post(path, body, key="same")).data["id"] for _ in range(2)]
        assert len(set(replies)) == 2, "the key is ignored"
