"""``heygen.video_agents`` on the sandbox: sessions of both modes."""

from __future__ import annotations

import asyncio

import pytest

from heygen_async import (
    Conflict,
    HeyGen,
    JobFailed,
    JobNeedsInput,
    JobTimeout,
    NotFound,
    Video,
    VideoAgentJob,
    VideoAgentMessageRequest,
    VideoAgentRequest,
    VideoAgentSession,
)
from heygen_async.sandbox import Fault, Sandbox

pytestmark = pytest.mark.anyio


async def _chat(heygen: HeyGen) -> VideoAgentJob:
    return await heygen.video_agents.create(VideoAgentRequest(prompt="A film", mode="chat"))


async def test_generate_makes_one_video(heygen: HeyGen, sandbox: Sandbox) -> None:
    job = await heygen.video_agents.create(VideoAgentRequest(prompt="A film"))
    assert job.created.status == "generating"
    video = await job.video(timeout=3600)
    assert isinstance(video, Video)
    assert video.id == job.created.video_id
    assert sandbox.ledger.count("agent") == 1


async def test_a_video_outlives_its_session(heygen: HeyGen, sandbox: Sandbox) -> None:
    job = await heygen.video_agents.create(VideoAgentRequest(prompt="A film"))
    sandbox.faults.add("video_agents.get", Fault.status(404), times=None)
    video = await job.video(timeout=3600)
    assert (video.id, video.status) == (job.created.video_id, "completed")
    with pytest.raises(NotFound):
        await heygen.jobs.attach(VideoAgentSession, job.id).video()


async def test_a_stop_whose_answer_is_lost_is_repeated(heygen: HeyGen, sandbox: Sandbox) -> None:
    job = await heygen.video_agents.create(VideoAgentRequest(prompt="A film"))
    sandbox.faults.add("video_agents.stop", Fault.drop_answer())
    assert (await heygen.video_agents.stop(job.id)).session_id == job.id
    assert sandbox.requests.by_operation["video_agents.stop"] == 2


async def test_a_chat_is_answered_turn_by_turn(heygen: HeyGen, sandbox: Sandbox) -> None:
    job = await _chat(heygen)
    states, shown = [], []
    async for turn in job.turns():
        states.append(turn.session.status)
        assert turn.reviewing == (turn.session.status == "reviewing")
        assert turn.message
        assert turn.session.status in repr(turn)
        shown += [resource.resource_type for resource in await turn.resources()]
        await turn.reply("Yes")
    assert states == ["waiting_for_input", "reviewing"]
    assert shown == ["storyboard"]
    video = await job.video()
    assert video.status == "completed"
    assert sandbox.requests.by_operation["video_agents.send"] == 2


async def test_each_pause_is_a_turn_even_where_it_reads_like_the_one_before(
    heygen: HeyGen, sandbox: Sandbox
) -> None:
    def state(status: str) -> Fault:
        message = '{"role": "model", "type": "text", "content": "Shall I go on?"}'
        return Fault.body(
            f'{{"data": {{"session_id": "s", "status": "{status}", "created_at": 1, '
            f'"messages": [{message}]}}}}'.encode()
        )

    pause = "waiting_for_input"
    for status in (pause, pause, "thinking", pause, "completed"):
        sandbox.faults.add("video_agents.get", state(status))
    job = heygen.jobs.attach(VideoAgentSession, "s")
    assert [turn.session.status async for turn in job.turns()] == [pause, pause]


async def test_a_message_after_the_end_makes_a_follow_up(heygen: HeyGen, sandbox: Sandbox) -> None:
    job = await _chat(heygen)
    async for turn in job.turns():
        await turn.reply("Yes")
    first = await job.video()
    await job.reply(VideoAgentMessageRequest(message="Now in blue"))
    second = await job.video()
    assert first.id != second.id
    listed = [video.id async for video in heygen.video_agents.videos(job.id)]
    assert listed == [second.id, first.id]


async def test_a_follow_up_is_not_taken_for_done_before_it_has_begun(
    heygen: HeyGen, sandbox: Sandbox
) -> None:
    await asyncio.sleep(1000)  # like any loop that has run for a while
    job = await _chat(heygen)
    async for turn in job.turns():
        await turn.reply("Yes")
    first = await job.video()
    stale = sandbox.requests.by_operation["video_agents.get"]
    await job.reply("Now in blue")
    waiting = asyncio.create_task(job.video())
    await asyncio.sleep(5)
    # The API's reading side may show the end of the first video for a moment.
    assert sandbox.requests.by_operation["video_agents.get"] == stale
    assert (await waiting).id != first.id


async def test_a_pause_without_turns_is_an_error(heygen: HeyGen) -> None:
    job = await _chat(heygen)
    with pytest.raises(JobNeedsInput) as caught:
        await job.video()
    assert caught.value.job_id == job.id


async def test_a_session_that_fails_tells_why(heygen: HeyGen, sandbox: Sandbox) -> None:
    sandbox.fail_next("agent", message="No such style")
    job = await heygen.video_agents.create(VideoAgentRequest(prompt="A film"))
    with pytest.raises(JobFailed, match="No such style"):
        await job.video()


async def test_a_session_without_a_video_has_failed(heygen: HeyGen, sandbox: Sandbox) -> None:
    done = b'{"data": {"session_id": "s", "status": "completed", "created_at": 1}}'
    sandbox.faults.add("video_agents.get", Fault.body(done), times=None)
    with pytest.raises(JobFailed, match="made no video"):
        await heygen.jobs.attach(VideoAgentSession, "s").video()


async def test_the_video_has_the_time_that_the_session_leaves(
    heygen: HeyGen, sandbox: Sandbox
) -> None:
    loop = asyncio.get_running_loop()
    job = await heygen.video_agents.create(VideoAgentRequest(prompt="A film"))
    with pytest.raises(JobTimeout):
        await job.video(timeout=60)
    assert loop.time() == pytest.approx(60, abs=1)


async def test_sessions_are_read_listed_and_stopped(heygen: HeyGen, sandbox: Sandbox) -> None:
    agents = heygen.video_agents
    jobs = [await _chat(heygen) for _ in range(3)]
    listed = [summary.session_id async for summary in agents.list(limit=2)]
    assert sorted(listed) == sorted(job.id for job in jobs)
    assert (await agents.get(jobs[0].id)).messages[0].content == "A film"
    stopped = await agents.stop(jobs[0].id)
    assert stopped.session_id == jobs[0].id
    await asyncio.sleep(30)
    assert (await agents.get(jobs[0].id)).status == "waiting_for_input"
    run = await agents.send(jobs[0].id, "Make it short")
    assert run.session_id == jobs[0].id


async def test_a_resource_is_fetched_by_its_id(heygen: HeyGen) -> None:
    job = await _chat(heygen)
    async for turn in job.turns():
        if turn.reviewing:
            (resource_id,) = turn.session.messages[0].resource_ids
            resource = await heygen.video_agents.resource(job.id, resource_id)
            assert resource.resource_id == resource_id
            break
        await turn.reply("Yes")
    with pytest.raises(NotFound):
        await heygen.video_agents.resource(job.id, "unknown")


async def test_a_session_of_mode_generate_takes_no_messages(heygen: HeyGen) -> None:
    job = await heygen.video_agents.create(VideoAgentRequest(prompt="A film"))
    with pytest.raises(Conflict):
        await heygen.video_agents.send(job.id, "Make it shorter")


async def test_styles_page_and_filter(heygen: HeyGen) -> None:
    everything = [style async for style in heygen.video_agents.styles(limit=10)]
    social = [style async for style in heygen.video_agents.styles(tag="social")]
    assert 0 < len(social) < len(everything)
    assert {tag for style in social for tag in style.tags} == {"social"}
    job = await heygen.video_agents.create(
        VideoAgentRequest(prompt="A film", style_id=social[0].style_id)
    )
    assert job.id
