"""A create that names an asset which HeyGen does not see yet is sent again."""

from __future__ import annotations

import asyncio
import random
from typing import Any

import pytest

from heygen_async import (
    APIError,
    AssetId,
    AvatarVideoRequest,
    BackgroundRemovalRequest,
    BadRequest,
    HeyGen,
    LipsyncRequest,
    NotFound,
    VideoAgentRequest,
    VoiceCloneRequest,
)
from heygen_async.sandbox import Fault, Sandbox

pytestmark = pytest.mark.anyio

WAV = b"RIFF\x24\x0c\0\0WAVEfmt " + random.Random(5).randbytes(3_000)
UNSEEN = {
    "400": (400, "asset_not_found"),
    "404": (404, "resource_not_found"),
    "404 of the asset": (404, "asset_not_found"),
}


def hide(sandbox: Sandbox, operation: str, kind: str, times: int) -> None:
    status, code = UNSEEN[kind]
    # The work is done, so that another key would make another job.
    fault = Fault.status(status, code=code, message="1 video(s) not found", work=True)
    sandbox.faults.add(operation, fault, times=times)


def sent(sandbox: Sandbox, operation: str) -> int:
    return sandbox.requests.by_operation[operation]


@pytest.mark.parametrize("kind", UNSEEN)
@pytest.mark.parametrize(("times", "seconds"), [(1, 5), (2, 20)])
async def test_a_fresh_asset_is_waited_for_under_one_key(
    heygen: HeyGen, sandbox: Sandbox, kind: str, times: int, seconds: float
) -> None:
    asset = await heygen.upload(WAV)
    hide(sandbox, "videos.create", kind, times)
    started = asyncio.get_running_loop().time()
    await heygen.videos.create(
        AvatarVideoRequest(avatar_id=sandbox.avatar_id, audio_asset_id=asset.asset_id)
    )
    assert asyncio.get_running_loop().time() - started == pytest.approx(seconds, abs=1)
    assert sent(sandbox, "videos.create") == times + 1
    assert sandbox.ledger.count() == 1


async def test_a_callers_own_key_and_another_operation(heygen: HeyGen, sandbox: Sandbox) -> None:
    asset = AssetId(asset_id=(await heygen.upload(WAV)).asset_id)
    hide(sandbox, "lipsyncs.create", "404", 1)
    request = LipsyncRequest(video=asset, audio=asset)
    job = await heygen.lipsyncs.create(request, idempotency_key="mine")
    assert sent(sandbox, "lipsyncs.create") == 2
    assert (await heygen.lipsyncs.create(request, idempotency_key="mine")).id == job.id
    assert sandbox.ledger.count() == 1


async def test_it_is_not_waited_for_ever(heygen: HeyGen, sandbox: Sandbox) -> None:
    asset = await heygen.upload(WAV)
    hide(sandbox, "videos.create", "400", 9)
    started = asyncio.get_running_loop().time()
    request = AvatarVideoRequest(avatar_id=sandbox.avatar_id, audio_asset_id=asset.asset_id)
    with pytest.raises(BadRequest):
        await heygen.videos.create(request)
    assert asyncio.get_running_loop().time() - started == pytest.approx(20, abs=1)
    assert sent(sandbox, "videos.create") == 3


@pytest.mark.parametrize(
    ("asset", "age", "kind"),
    [("another", 0, "400"), ("the same", 61, "400"), ("none", 0, "404")],
)
async def test_other_refusals_are_final(
    heygen: HeyGen, sandbox: Sandbox, asset: str, age: float, kind: str
) -> None:
    uploaded = await heygen.upload(WAV)
    await asyncio.sleep(age)
    named: dict[str, Any] = {
        "another": {"audio_asset_id": "a0"},
        "the same": {"audio_asset_id": uploaded.asset_id},
        "none": {"script": "Hello"},
    }[asset]
    hide(sandbox, "videos.create", kind, 1)
    started = asyncio.get_running_loop().time()
    with pytest.raises(APIError):
        await heygen.videos.create(AvatarVideoRequest(avatar_id=sandbox.avatar_id, **named))
    assert asyncio.get_running_loop().time() == started


async def test_another_refusal_of_a_create_with_a_fresh_asset_is_final(
    heygen: HeyGen, sandbox: Sandbox
) -> None:
    asset = await heygen.upload(WAV)
    sandbox.faults.add("videos.create", Fault.status(404, code="avatar_not_found"))
    with pytest.raises(NotFound):
        await heygen.videos.create(
            AvatarVideoRequest(avatar_id=sandbox.avatar_id, audio_asset_id=asset.asset_id)
        )
    assert sent(sandbox, "videos.create") == 1


async def test_creates_without_a_key_are_sent_again_too(heygen: HeyGen, sandbox: Sandbox) -> None:
    asset = AssetId(asset_id=(await heygen.upload(WAV)).asset_id)
    operations = ("voices.clone", "video_agents.create", "background_removals.create")
    for operation in operations:
        sandbox.faults.add(operation, Fault.status(400, code="asset_not_found"), times=1)
    await heygen.voices.clone(VoiceCloneRequest(voice_name="Ada", audio=asset))
    await heygen.video_agents.create(VideoAgentRequest(prompt="A film", files=[asset]))
    await heygen.background_removals.create(BackgroundRemovalRequest(video=asset))
    assert [sent(sandbox, operation) for operation in operations] == [2, 2, 2]
    assert sandbox.ledger.count() == 3


async def test_what_may_have_been_carried_out_is_not_sent_again(
    heygen: HeyGen, sandbox: Sandbox
) -> None:
    asset = AssetId(asset_id=(await heygen.upload(WAV)).asset_id)
    sandbox.faults.add("voices.clone", Fault.gateway_timeout(), times=1)
    hide(sandbox, "voices.clone", "400", 1)
    await heygen.voices.clone(VoiceCloneRequest(voice_name="Ada", audio=asset))
    assert sent(sandbox, "voices.clone") == 1  # the account was searched for it
    assert sandbox.ledger.count() == 1
