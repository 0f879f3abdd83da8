"""``heygen.avatars`` on the sandbox."""

from __future__ import annotations

import asyncio

import pytest

from heygen_async import (
    AssetUrl,
    AvatarConsentRequest,
    AvatarGroup,
    AvatarLook,
    AvatarVideoRequest,
    BadRequest,
    DigitalTwinRequest,
    HeyGen,
    InvalidResponse,
    JobFailed,
    JobNeedsInput,
    NotFound,
    PermissionDenied,
    PhotoAvatarRequest,
    PromptAvatarRequest,
)
from heygen_async.sandbox import Fault, Sandbox

pytestmark = pytest.mark.anyio

FILM = AssetUrl(url="https://example.com/ada.mp4")
PHOTO = AssetUrl(url="https://example.com/ada.png")


async def test_a_photo_becomes_an_avatar_that_speaks(heygen: HeyGen, sandbox: Sandbox) -> None:
    job = await heygen.avatars.create(PhotoAvatarRequest(name="Ada", file=PHOTO))
    assert (await job.status()).status == "processing"
    look = await job.wait()
    assert isinstance(look, AvatarLook)
    assert (look.name, look.avatar_type, look.status) == ("Ada", "photo_avatar", "completed")
    assert look.supported_api_engines == ("avatar_iii", "avatar_iv")
    assert look.group_id == job.created.avatar_group.id
    await heygen.videos.create(AvatarVideoRequest(avatar_id=look.id, script="Hello"))
    assert sandbox.ledger.count("avatar") == sandbox.ledger.count("video") == 1


async def test_a_digital_twin_waits_for_consent(heygen: HeyGen, sandbox: Sandbox) -> None:
    job = await heygen.avatars.create(DigitalTwinRequest(name="Ada", file=FILM))
    group_id = job.created.avatar_group.id
    before = sandbox.clock.now()
    with pytest.raises(JobNeedsInput, match=r"consent .* see heygen\.avatars\.consent") as caught:
        await job.wait(timeout=3_600)
    assert caught.value.job_id == job.id
    assert sandbox.clock.now() == before
    with pytest.raises(BadRequest) as refused:
        await heygen.videos.create(AvatarVideoRequest(avatar_id=job.id, script="Hello"))
    assert refused.value.code == "avatar_consent_required"
    with pytest.raises(JobNeedsInput):
        await heygen.jobs.attach(AvatarGroup, group_id).wait(timeout=3_600)
    request = AvatarConsentRequest(consent_video=FILM)
    consent = await heygen.avatars.consent(group_id, request)
    assert consent.url is None
    assert consent.avatar_group.consent_status == "approved"
    assert (await job.wait()).status == "completed"
    assert (await heygen.jobs.attach(AvatarGroup, group_id).wait()).looks_count == 1


async def test_consent_can_be_given_on_a_page(heygen: HeyGen, sandbox: Sandbox) -> None:
    job = await heygen.avatars.create(DigitalTwinRequest(name="Ada", file=FILM))
    group_id = job.created.avatar_group.id
    consent = await heygen.avatars.consent(group_id)
    assert consent.url is not None
    asyncio.get_running_loop().call_later(3_600, sandbox.give_consent, group_id)
    seen = [look.status async for look in job.updates(every=60)]
    assert seen == ["pending_consent", "processing", "completed"]


async def test_a_look_joins_a_group(heygen: HeyGen) -> None:
    first = await heygen.avatars.create(PromptAvatarRequest(name="Ada", prompt="A woman"))
    group_id = first.created.avatar_group.id
    request = PromptAvatarRequest(
        name="Ada at sea", prompt="On a ship", avatar_group_id=group_id, reference_images=[PHOTO]
    )
    second = await heygen.avatars.create(request)
    looks = heygen.avatars.looks.list(group_id=group_id, avatar_type="photo_avatar", limit=1)
    assert [look.id async for look in looks] == [first.id, second.id]
    assert (await heygen.avatars.get(group_id)).looks_count == 2
    mine = [group.id async for group in heygen.avatars.list(ownership="private")]
    assert mine == [group_id]
    public = [group async for group in heygen.avatars.list(ownership="public", limit=50)]
    assert len(public) == 24
    assert group_id not in [group.id for group in public]


async def test_avatars_are_changed_and_deleted(heygen: HeyGen, sandbox: Sandbox) -> None:
    job = await heygen.avatars.create(PhotoAvatarRequest(name="Ada", file=PHOTO))
    group_id = job.created.avatar_group.id
    group = await heygen.avatars.update(group_id, default_voice_id=sandbox.voice_id)
    assert group.default_voice_id == sandbox.voice_id
    look = await heygen.avatars.looks.update(job.id, name="Ada II")
    assert (look.name, look.default_voice_id) == ("Ada II", sandbox.voice_id)
    assert (await heygen.avatars.looks.get(job.id)).name == "Ada II"
    other = await heygen.avatars.create(
        PhotoAvatarRequest(name="B", file=PHOTO, avatar_group_id=group_id)
    )
    assert (await heygen.avatars.looks.delete(other.id)).id == other.id
    with pytest.raises(NotFound):
        await heygen.avatars.looks.delete(other.id)
    sandbox.faults.add("avatars.delete", Fault.drop_answer())
    assert (await heygen.avatars.delete(group_id)).id == group_id
    with pytest.raises(NotFound):
        await heygen.avatars.looks.get(job.id)
    with pytest.raises(PermissionDenied):
        await heygen.avatars.looks.delete(sandbox.avatar_id)


async def test_a_public_look_has_long_been_made(heygen: HeyGen, sandbox: Sandbox) -> None:
    body = b'{"data": {"id": "%s", "name": "Ada", "avatar_type": "studio_avatar"}}'
    sandbox.faults.add("avatars.looks.get", Fault.body(body % sandbox.avatar_id.encode()))
    look = await heygen.jobs.attach(AvatarLook, sandbox.avatar_id).wait(timeout=1)
    assert look.status is None


async def test_a_failed_avatar_says_why(heygen: HeyGen, sandbox: Sandbox) -> None:
    sandbox.fail_next("avatar", code="no_face", message="No face found")
    job = await heygen.avatars.create(PhotoAvatarRequest(name="Ada", file=PHOTO))
    with pytest.raises(JobFailed, match="No face found") as caught:
        await job.wait()
    assert caught.value.code == "no_face"


async def test_an_avatar_without_a_look_is_not_lost(heygen: HeyGen, sandbox: Sandbox) -> None:
    body = (
        b'{"data": {"avatar_group": {"id": "g1", "name": "A", "looks_count": 0, "created_at": 1}}}'
    )
    sandbox.faults.add("avatars.create", Fault.body(body))
    with pytest.raises(InvalidResponse, match="in group g1"):
        await heygen.avatars.create(PhotoAvatarRequest(name="Ada", file=PHOTO))


async def test_a_lost_answer_makes_no_second_avatar(heygen: HeyGen, sandbox: Sandbox) -> None:
    sandbox.faults.add("avatars.create", Fault.drop_answer())
    job = await heygen.avatars.create(PhotoAvatarRequest(name="Ada", file=PHOTO))
    assert [made.id for made in sandbox.ledger.jobs] == [job.id]
