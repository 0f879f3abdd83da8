"""``heygen.videos.scenes`` on the sandbox."""

from __future__ import annotations

from typing import Any

import pytest

from heygen_async import (
    AssetUrl,
    AvatarInput,
    AvatarScene,
    AvatarVideoRequest,
    ColorSceneBackground,
    HeyGen,
    ImageScene,
    NotFound,
    SceneElement,
    StudioScene,
    StudioVideoRequest,
    TextVariable,
    VideoAgentRequest,
)
from heygen_async.sandbox import Fault, Sandbox

pytestmark = pytest.mark.anyio

PICTURE = AssetUrl(url="https://example.com/a.png")


async def test_scenes_of_a_studio_video(heygen: HeyGen, sandbox: Sandbox) -> None:
    speaker = AvatarInput(
        avatar_id=sandbox.avatar_id,
        script="Hello",
        background=ColorSceneBackground(color="#112233"),
    )
    scenes: list[StudioScene] = [AvatarScene(input=speaker), ImageScene(source=PICTURE, duration=3)]
    job = await heygen.videos.create(StudioVideoRequest(scenes=scenes, title="Two"))
    found = await heygen.videos.scenes(job.id)
    assert (found.video_id, found.video.title, len(found.scenes)) == (job.id, "Two", 2)
    first, second = found.scenes
    assert [(entry.type, entry.text) for entry in first.script] == [("text", "Hello")]
    assert [element.avatar_id for element in first.elements] == [sandbox.avatar_id]
    assert first.background is not None
    assert first.background.color == "#112233"
    assert [(entry.type, entry.duration) for entry in second.script] == [("silence", 3)]
    assert [(element.type, element.url) for element in second.elements] == [("image", PICTURE.url)]
    assert await heygen.videos.scenes(job.id) == found, "ids stay"


async def test_scenes_of_other_videos(heygen: HeyGen, sandbox: Sandbox) -> None:
    avatar = AvatarVideoRequest(avatar_id=sandbox.avatar_id, script="Hello")
    agent = await heygen.video_agents.create(VideoAgentRequest(prompt="A film"))
    template = await heygen.templates.generate(
        sandbox.template_id("Welcome"), {"name": TextVariable(content="Ada")}
    )
    scripts: dict[str, list[Any]] = {
        (await heygen.videos.create(avatar)).id: ["Hello"],
        agent.created.video_id: ["A film"],
        template.id: ["Hello Ada, welcome to {{product}}.", "We are glad that you are here."],
    }
    for video_id, texts in scripts.items():
        found = await heygen.videos.scenes(video_id)
        assert [entry.text for scene in found.scenes for entry in scene.script] == texts
    with pytest.raises(NotFound, match="Video not found"):
        await heygen.videos.scenes("none")


async def test_new_types_of_elements_decode(heygen: HeyGen, sandbox: Sandbox) -> None:
    inner = b'{"type": "avatar", "id": "2", "avatar_id": "a"}'
    body = (
        b'{"data": {"video_id": "v", "video": {}, "scenes": [{"id": "s", "elements": [{"type": '
        b'"hologram", "id": "1", "spin": 3, "children": [%s]}]}]}}' % inner
    )
    sandbox.faults.add("videos.scenes", Fault.body(body))
    (scene,) = (await heygen.videos.scenes("v")).scenes
    child = SceneElement(id="2", type="avatar", avatar_id="a")
    assert scene.elements == (SceneElement(id="1", type="hologram", children=(child,)),)
