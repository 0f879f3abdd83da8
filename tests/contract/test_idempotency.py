"""Every operation that takes an Idempotency-Key replays its first answer under the same key."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, TypeAlias

import pytest

from heygen_async import (
    AiClippingRequest,
    AssetUrl,
    AvatarConsentRequest,
    AvatarVideoRequest,
    BackgroundRemovalRequest,
    DirectUploadRequest,
    FillerWordRemovalRequest,
    HeyGen,
    Job,
    LipsyncRequest,
    PromptAvatarRequest,
    ProofreadRequest,
    ProofreadSrtUpdate,
    SpeechRequest,
    TextVariable,
    VideoAgentRequest,
    VideoTranslationRequest,
    VoiceCloneRequest,
    VoiceDesignRequest,
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


PROOFREADS, SESSIONS = "/v3/video-translations/proofreads/", "/v3/video-agents/"
HOOKS = "/v3/webhooks/endpoints/"

# What each is called with; another text asks for something else, and would be seen.
CALLS: dict[str, Call] = {
    "ai_clipping.create": lambda h, w, key, text: h.ai_clipping.create(
        AiClippingRequest(video=SOURCE, title=text), idempotency_key=key
    ),
    "assets.direct_uploads.batches.create": lambda h, w, key, text: (
        h.assets.direct_uploads.batches.create([_file(text)], idempotency_key=key)
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
    "avatars.looks.update": lambda h, w, key, text: h.avatars.looks.update(
        _one(w, "/v3/avatars/looks/"), name=text, idempotency_key=key
    ),
    "avatars.update": lambda h, w, key, text: h.avatars.update(
        _one(w, "/v3/avatars/"),
        default_voice_id=w.voices[0] if text == "first" else _one(w, "/v3/voices/"),
        idempotency_key=key,
    ),
    "filler_word_removals.create": lambda h, w, key, text: h.filler_word_removals.create(
        FillerWordRemovalRequest(video=SOURCE, title=text), idempotency_key=key
    ),
    "folders.create": lambda h, w, key, text: h.folders.create(text, idempotency_key=key),
    "lipsyncs.batches.create": lambda h, w, key, text: h.lipsyncs.batches.create(
        [LipsyncRequest(video=SOURCE, audio=SOURCE, title=text)], idempotency_key=key
    ),
    "lipsyncs.create": lambda h, w, key, text: h.lipsyncs.create(
        LipsyncRequest(video=SOURCE, audio=SOURCE, title=text), idempotency_key=key
    ),
    "lipsyncs.update": lambda h, w, key, text: h.lipsyncs.update(
        _one(w, "/v3/lipsyncs/"), title=text, idempotency_key=key
    ),
    "proofreads.create": lambda h, w, key, text: h.proofreads.create(
        ProofreadRequest(video=SOURCE, output_languages=["French (France)"], title=text),
        idempotency_key=key,
    ),
    "proofreads.generate": lambda h, w, key, text: h.proofreads.generate(
        _one(w, PROOFREADS), idempotency_key=key
    ),
    "proofreads.update_srt": lambda h, w, key, text: h.proofreads.update_srt(
        _one(w, PROOFREADS), ProofreadSrtUpdate(srt=SOURCE), idempotency_key=key
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
    "video_agents.create": lambda h, w, key, text: h.video_agents.create(
        VideoAgentRequest(prompt=text), idempotency_key=key
    ),
    "video_agents.send": lambda h, w, key, text: h.video_agents.send(
        _one(w, SESSIONS), text, idempotency_key=key
    ),
    "video_agents.stop": lambda h, w, key, text: h.video_agents.stop(
        _one(w, SESSIONS), idempotency_key=key
    ),
    "video_translations.batches.create": lambda h, w, key, text: (
        h.video_translations.batches.create([_translation(text)], idempotency_key=key)
    ),
    "video_translations.create": lambda h, w, key, text: h.video_translations.create(
        _translation(text), idempotency_key=key
    ),
    "video_translations.update": lambda h, w, key, text: h.video_translations.update(
        _one(w, "/v3/video-translations/"), title=text, idempotency_key=key
    ),
    "videos.batches.create": lambda h, w, key, text: h.videos.batches.create(
        [_video(w, text)], idempotency_key=key
    ),
    "videos.create": lambda h, w, key, text: h.videos.create(_video(w, text), idempotency_key=key),
    "voices.clone": lambda h, w, key, text: h.voices.clone(
        VoiceCloneRequest(voice_name=text, audio=SOURCE), idempotency_key=key
    ),
    "voices.design": lambda h, w, key, text: h.voices.design(
        VoiceDesignRequest(prompt=text), idempotency_key=key
    ),
    "voices.speech": lambda h, w, key, text: h.voices.speech(
        SpeechRequest(text=text, voice_id=w.voices[0]), idempotency_key=key
    ),
    "webhooks.endpoints.create": lambda h, w, key, text: h.webhooks.endpoints.create(
        f"{w.hook}/{text}", idempotency_key=key
    ),
    "webhooks.endpoints.rotate_secret": lambda h, w, key, text: h.webhooks.endpoints.rotate_secret(
        _one(w, HOOKS), idempotency_key=key
    ),
    "webhooks.endpoints.update": lambda h, w, key, text: h.webhooks.endpoints.update(
        _one(w, HOOKS), url=f"{w.hook}/{text}", idempotency_key=key
    ),
}
ALWAYS_THE_SAME = {"proofreads.update_srt", "video_agents.stop"}
"""Those that answer the same whatever they are asked; what they did is counted elsewhere."""


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
    """What a caller can tell an answer by."""
    if isinstance(result, list | tuple):
        return [_seen(item) for item in result]
    return result.id if isinstance(result, Job) else result


async def test_every_keyed_operation_replays_its_first_answer(world: World) -> None:
    assert sorted(CALLS) == KEYED
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
            if name == "video_agents.send":
                continue  # the session is busy with the first
            other = _seen(await call(heygen, world, f"two:{name}", "second"))
            assert (other != first) == (name not in ALWAYS_THE_SAME), name


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
