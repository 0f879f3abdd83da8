"""A sandbox whose videos take 100 s, and a client of it, on the turned loop."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from heygen_async import AvatarVideoRequest, HeyGen, Job, Video
from heygen_async.sandbox import Sandbox


@pytest.fixture
def sandbox_settings() -> Mapping[str, Any]:
    durations = {"video": 100.0, "translation": 300.0, "agent": 400.0, "agent_thinking": 20.0}
    return {"concurrency": 1_000, "durations": durations}


@pytest.fixture
async def job(sandbox: Sandbox, heygen: HeyGen) -> Job[Video]:
    return await heygen.videos.create(video_request(sandbox))


def video_request(sandbox: Sandbox) -> AvatarVideoRequest:
    return AvatarVideoRequest(avatar_id=sandbox.avatar_id, script="Hello")
