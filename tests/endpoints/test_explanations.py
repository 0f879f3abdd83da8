"""Ids of another kind of object: the refusal names the kind."""

from __future__ import annotations

import pytest

from heygen_async import (
    AvatarInput,
    AvatarScene,
    AvatarVideoRequest,
    BadRequest,
    HeyGen,
    SpeechRequest,
    StudioVideoRequest,
    VideoAgentRequest,
)
from heygen_async.sandbox import Fault, Sandbox

pytestmark = pytest.mark.anyio


async def group_id(heygen: HeyGen, sandbox: Sandbox) -> str:
    look = await heygen.avatars.looks.get(sandbox.avatar_id)
    assert look.group_id is not None
    return look.group_id


async def test_a_group_in_place_of_a_look(heygen: HeyGen, sandbox: Sandbox) -> None:
    group = await group_id(heygen, sandbox)
    said = f"'{group}' is an avatar group, not a look"
    with pytest.raises(BadRequest, match=said) as refused:
        await heygen.videos.create(AvatarVideoRequest(avatar_id=group, script="Hello."))
    assert refused.value.param == "avatar_id"
    assert refused.value.message.startswith("Invalid avatar_id")
    scene = AvatarScene(input=AvatarInput(avatar_id=group, script="Hello."))
    with pytest.raises(BadRequest, match=said):
        await heygen.videos.create(StudioVideoRequest(scenes=[scene]))
    with pytest.raises(BadRequest, match=said):
        await heygen.video_agents.create(VideoAgentRequest(prompt="A teaser", avatar_id=group))


async def test_a_look_in_place_of_a_voice(heygen: HeyGen, sandbox: Sandbox) -> None:
    look, voice = sandbox.avatar_id, sandbox.voice_id
    said = f"'{look}' is a look of an avatar, not a voice; the voice it speaks with is '{voice}'"
    with pytest.raises(BadRequest, match=said):
        await heygen.voices.speech(SpeechRequest(text="Hello.", voice_id=look))
    video = AvatarVideoRequest(avatar_id=look, script="Hello.", voice_id=look)
    with pytest.raises(BadRequest, match=said):
        await heygen.videos.create(video)


async def test_one_look_up_and_no_more(heygen: HeyGen, sandbox: Sandbox) -> None:
    with pytest.raises(BadRequest) as refused:
        await heygen.videos.create(AvatarVideoRequest(avatar_id="unknown", script="Hello."))
    assert "group" not in refused.value.message
    assert sum(sandbox.requests.by_operation.values()) == 2
    sandbox.faults.add("avatars.get", Fault.status(503), times=None)
    with pytest.raises(BadRequest, match="Invalid avatar_id"):
        await heygen.videos.create(AvatarVideoRequest(avatar_id="unknown", script="Hello."))


@pytest.mark.parametrize("fault", [Fault.status(400), Fault.redirect("/v3/videos")])
@pytest.mark.parametrize("avatar_id", [None, "a"])
async def test_other_refusals_are_left_alone(
    heygen: HeyGen, sandbox: Sandbox, fault: Fault, avatar_id: str | None
) -> None:
    sandbox.faults.add("videos.create", fault)
    video = AvatarVideoRequest(avatar_id=avatar_id or sandbox.avatar_id, script="Hello.")
    with pytest.raises(BadRequest):
        await heygen.videos.create(video)
    assert set(sandbox.requests.by_operation) <= {"videos.create"}
