"""All kinds of jobs, each through its own calls and states."""

from __future__ import annotations

import asyncio
import pickle
from typing import Any

import pytest

from heygen_async import (
    AiClippingJob,
    AiClippingRequest,
    AssetUrl,
    AvatarGroup,
    AvatarLook,
    BackgroundRemovalJob,
    BackgroundRemovalRequest,
    BrandKitDetail,
    BrandKitRequest,
    FillerWordRemoval,
    FillerWordRemovalRequest,
    HeyGen,
    HyperframesRender,
    HyperframesRenderRequest,
    JobFailed,
    JobNeedsInput,
    JobTimeout,
    Lipsync,
    LipsyncRequest,
    NotFound,
    PhotoAvatarRequest,
    Proofread,
    ProofreadRequest,
    TextVariable,
    Video,
    VideoAgentRequest,
    VideoAgentSession,
    VideoTranslation,
    VideoTranslationRequest,
    VoiceCloneRequest,
    VoiceDetail,
)
from heygen_async.sandbox import Fault, Sandbox

from .conftest import video_request

pytestmark = pytest.mark.anyio

SOURCE = AssetUrl(url="https://example.com/launch.mp4")
LANGUAGES = ["French (France)", "Spanish (Spain)", "German (Germany)"]


async def begin(kind: str, sandbox: Sandbox, heygen: HeyGen) -> Any:
    if kind == "video":
        return await heygen.videos.create(video_request(sandbox))
    if kind == "template":
        template_id = sandbox.add_template()
        return await heygen.templates.generate(template_id, {"name": TextVariable(content="Ada")})
    if kind == "translation":
        request = VideoTranslationRequest(video=SOURCE, output_languages=LANGUAGES[:1])
        return (await heygen.video_translations.create(request))[0]
    if kind == "proofread":
        proofread = ProofreadRequest(video=SOURCE, output_languages=LANGUAGES[:1], title="Launch")
        return (await heygen.proofreads.create(proofread))[0]
    if kind == "lipsync":
        return await heygen.lipsyncs.create(LipsyncRequest(video=SOURCE, audio=SOURCE))
    if kind == "clipping":
        return await heygen.ai_clipping.create(AiClippingRequest(video=SOURCE))
    if kind == "background removal":
        return await heygen.background_removals.create(BackgroundRemovalRequest(video=SOURCE))
    if kind == "filler-word removal":
        return await heygen.filler_word_removals.create(FillerWordRemovalRequest(video=SOURCE))
    if kind == "HyperFrames render":
        return await heygen.hyperframes.create(HyperframesRenderRequest(project=SOURCE))
    if kind == "brand kit":
        return await heygen.brand_kits.create(BrandKitRequest(url="https://example.com"))
    if kind.startswith("avatar"):
        job = await heygen.avatars.create(PhotoAvatarRequest(name="Ada", file=SOURCE))
        if kind == "avatar look":
            return job
        return heygen.jobs.attach(AvatarGroup, job.created.avatar_group.id)
    if kind == "voice clone":
        audio = AssetUrl(url="https://example.com/voice.wav")
        return await heygen.voices.clone(VoiceCloneRequest(audio=audio, voice_name="Ada"))
    return await heygen.video_agents.create(VideoAgentRequest(prompt="A short film"))


KINDS: dict[str, tuple[type[Any], str]] = {
    "video": (Video, "completed"),
    "template": (Video, "completed"),
    "translation": (VideoTranslation, "completed"),
    "proofread": (Proofread, "completed"),
    "voice clone": (VoiceDetail, "complete"),
    "lipsync": (Lipsync, "completed"),
    "clipping": (AiClippingJob, "completed"),
    "background removal": (BackgroundRemovalJob, "completed"),
    "filler-word removal": (FillerWordRemoval, "completed"),
    "HyperFrames render": (HyperframesRender, "completed"),
    "brand kit": (BrandKitDetail, "completed"),
    "avatar look": (AvatarLook, "completed"),
    "avatar group": (AvatarGroup, "completed"),
    "agent": (VideoAgentSession, "completed"),
}


@pytest.mark.parametrize("kind", KINDS)
async def test_every_kind_is_waited_for_attached_and_pickled(
    sandbox: Sandbox, heygen: HeyGen, kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    result, completed = KINDS[kind]
    job = await begin(kind, sandbox, heygen)
    with pytest.raises(JobTimeout) as caught:
        await job.wait(timeout=1)
    assert caught.value.job_id == job.id
    state = await job.wait()
    assert type(state) is result
    assert state.status == completed
    attached = heygen.jobs.attach(result, job.id)
    assert type(attached) is type(job)
    before = sandbox.clock.now()
    assert (await attached.wait()).status == completed
    assert sandbox.clock.now() == before  # of unknown age: polled right away
    assert (await pickle.loads(pickle.dumps(attached)).wait()).status == completed
    assert "another id" not in caplog.text  # each kind has the field of its id


async def test_a_translation_gives_one_job_per_language(sandbox: Sandbox, heygen: HeyGen) -> None:
    request = VideoTranslationRequest(video=SOURCE, output_languages=LANGUAGES)
    jobs = await heygen.video_translations.create(request)
    done = [await job.wait() for job in jobs]
    assert [one.output_language for one in done] == LANGUAGES


@pytest.mark.parametrize(
    ("kind", "fails"),
    [
        ("translation", "translation"),
        ("proofread", "proofread"),
        ("voice clone", "voice_clone"),
        ("lipsync", "lipsync"),
        ("clipping", "ai_clipping"),
        ("background removal", "background_removal"),
        ("filler-word removal", "filler_word_removal"),
        ("avatar look", "avatar"),
        ("avatar group", "avatar"),
    ],
)
async def test_every_kind_can_fail(sandbox: Sandbox, heygen: HeyGen, kind: str, fails: str) -> None:
    sandbox.fail_next(fails)
    job = await begin(kind, sandbox, heygen)
    with pytest.raises(JobFailed) as caught:
        await job.wait()
    assert caught.value.job_id == job.id


async def test_a_session_says_in_a_message_why_it_failed(sandbox: Sandbox, heygen: HeyGen) -> None:
    sandbox.fail_next("agent", message="The prompt is empty of meaning.")
    job = await begin("agent", sandbox, heygen)
    with pytest.raises(JobFailed, match="empty of meaning"):
        await job.video()


async def test_a_session_gives_its_video(sandbox: Sandbox, heygen: HeyGen) -> None:
    job = await begin("agent", sandbox, heygen)
    video = await job.video(timeout=3_600)
    assert video.status == "completed"
    with pytest.raises(JobTimeout):
        await (await begin("agent", sandbox, heygen)).video(timeout=5)


async def test_a_session_that_names_its_video_is_not_polled(
    sandbox: Sandbox, heygen: HeyGen
) -> None:
    job = await begin("agent", sandbox, heygen)
    assert job.created.video_id is not None
    sandbox.faults.add("video_agents.get", Fault.status(404), times=None)
    assert (await job.video()).id == job.created.video_id
    assert sandbox.requests.by_operation["video_agents.get"] == 0


async def test_a_session_is_polled_until_it_names_its_video(
    sandbox: Sandbox, heygen: HeyGen
) -> None:
    job = heygen.jobs.attach(VideoAgentSession, (await begin("agent", sandbox, heygen)).id)
    assert (await job.video()).status == "completed"
    assert sandbox.requests.by_operation["video_agents.get"] == 1


async def test_a_video_that_is_known_outlives_its_session(sandbox: Sandbox, heygen: HeyGen) -> None:
    job = heygen.jobs.attach(VideoAgentSession, (await begin("agent", sandbox, heygen)).id)
    gone = Fault.status(404, message="Session not found.")
    with pytest.raises(JobTimeout):
        await job.video(timeout=1)
    sandbox.faults.add("video_agents.get", gone, times=None)
    assert (await job.video()).status == "completed"
    assert (await pickle.loads(pickle.dumps(job)).video()).status == "completed"


@pytest.mark.parametrize("minutes", [5, 14])
async def test_a_video_may_be_missing_for_minutes_after_its_session_named_it(
    sandbox: Sandbox, heygen: HeyGen, minutes: float
) -> None:
    job = await begin("agent", sandbox, heygen)
    sandbox.faults.add("videos.get", Fault.status(404), times=None)
    waiting = asyncio.create_task(job.video())
    await asyncio.sleep(minutes * 60)
    assert not waiting.done()
    sandbox.faults.clear()
    assert (await waiting).status == "completed"


async def test_a_video_that_stays_missing_is_not_found(sandbox: Sandbox, heygen: HeyGen) -> None:
    job = await begin("agent", sandbox, heygen)
    sandbox.faults.add("videos.get", Fault.status(404), times=None)
    with pytest.raises(NotFound):
        await job.video()
    assert 900 <= sandbox.clock.now() < 930


async def test_a_chat_is_answered_turn_by_turn(sandbox: Sandbox, heygen: HeyGen) -> None:
    job = await heygen.video_agents.create(VideoAgentRequest(prompt="A film", mode="chat"))
    seen = []
    async for turn in job.turns():
        seen.append((turn.session.status, len(await turn.resources())))
        await turn.reply("Make it shorter" if turn.reviewing else "For everybody")
    assert seen == [("waiting_for_input", 0), ("reviewing", 1)]
    assert (await job.video()).status == "completed"


async def test_a_follow_up_is_waited_for_anew(sandbox: Sandbox, heygen: HeyGen) -> None:
    job = await heygen.video_agents.create(VideoAgentRequest(prompt="A film", mode="chat"))
    async for turn in job.turns():
        await turn.reply("Yes")
    first = await job.video()
    await job.reply("Another one, in blue")
    second = await pickle.loads(pickle.dumps(job)).video()  # it remembers the previous video
    assert second.id != first.id


async def test_a_chat_that_nobody_answers_says_so(sandbox: Sandbox, heygen: HeyGen) -> None:
    job = await heygen.video_agents.create(VideoAgentRequest(prompt="A film", mode="chat"))
    with pytest.raises(JobNeedsInput) as caught:
        await job.wait()
    assert caught.value.job_id == job.id
    assert caught.value.last.status == "waiting_for_input"


async def test_a_guess_of_the_user_sets_the_first_look(sandbox: Sandbox) -> None:
    expected = {"video": 1_000.0}
    async with HeyGen(sandbox.api_key, base_url=sandbox.base_url, expected=expected) as heygen:
        await (await begin("video", sandbox, heygen)).wait()
    assert sandbox.requests.by_operation["videos.get"] == 1
