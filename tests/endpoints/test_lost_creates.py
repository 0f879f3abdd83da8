"""Creates without a key: never sent twice, and found in the account where that is possible."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from heygen_async import (
    AssetId,
    AvatarVideoRequest,
    BadRequest,
    CallError,
    ConnectionFailed,
    HeyGen,
    JobSlots,
    RequestLimiter,
    Retry,
    ServerError,
    SpeechRequest,
    Timeout,
    VideoAgentRequest,
    VoiceCloneRequest,
    VoiceDesignRequest,
)
from heygen_async.endpoints.operations import operation_at
from heygen_async.endpoints.video_agents import VideoAgents
from heygen_async.jobs.watcher import Watcher
from heygen_async.sandbox import Fault, Faults, Sandbox
from heygen_async.session.session import Session
from heygen_async.session.settings import settings_from

pytestmark = pytest.mark.anyio

LOST = [Fault.drop_answer(), Fault.status(504, work=True), Fault.malformed(), Fault.truncate()]
NOT_MADE = [Fault.drop(), Fault.status(500), Fault.status(522)]


def agent(prompt: str = "A film about bees", **members: Any) -> VideoAgentRequest:
    return VideoAgentRequest(prompt=prompt, **members)


async def clone(heygen: HeyGen, name: str = "Ada") -> VoiceCloneRequest:
    asset = await heygen.upload(b"ID3" + bytes(200), filename="ada.mp3")
    return VoiceCloneRequest(audio=AssetId(asset_id=asset.asset_id), voice_name=name)


@pytest.mark.parametrize(("lag", "found"), [(0, True), (20, True), (60, False)])
async def test_a_lost_session_is_found_in_lists_that_lag(
    heygen: HeyGen, sandbox: Sandbox, lag: float, found: bool
) -> None:
    sandbox.faults = Faults(list_lag=lag)
    sandbox.faults.add("video_agents.create", Fault.drop_answer())
    if found:
        await heygen.video_agents.create(agent())
    else:
        with pytest.raises(ConnectionFailed) as caught:
            await heygen.video_agents.create(agent())
        assert caught.value.maybe_carried_out
    assert sandbox.ledger.count("video_agents.create") == 1


async def test_a_gateway_that_gives_up_costs_no_second_job(
    heygen: HeyGen, sandbox: Sandbox
) -> None:
    slow = Faults(latency=90, gateway_timeout=30)
    names = ("videos.create", "video_agents.create", "voices.speech")
    sandbox.faults = Faults(operations=dict.fromkeys(names, slow))
    video = AvatarVideoRequest(avatar_id=sandbox.avatar_id, script="Hi")
    made = await heygen.videos.create(video)
    assert made.id == sandbox.ledger.jobs[0].id
    assert sandbox.requests.by_status[409] > 0  # until the work was done
    session = await heygen.video_agents.create(agent())
    assert session.id == sandbox.ledger.jobs[1].id
    with pytest.raises(ServerError) as caught:
        await heygen.voices.speech(SpeechRequest(voice_id=sandbox.voice_id, text="Hi"))
    assert caught.value.maybe_carried_out
    assert sandbox.ledger.count() == 3


@pytest.mark.parametrize("fault", LOST, ids=lambda fault: fault.name)
async def test_a_lost_session_is_found(heygen: HeyGen, sandbox: Sandbox, fault: Fault) -> None:
    await heygen.video_agents.create(agent("Another film"))
    sandbox.faults.add("video_agents.create", fault)
    job = await heygen.video_agents.create(agent())
    assert sandbox.requests.by_operation["video_agents.create"] == 2
    assert sandbox.ledger.count("video_agents.create") == 2
    session = await heygen.video_agents.get(job.id)
    assert [m.content for m in session.messages if m.role == "user"] == ["A film about bees"]
    assert (await job.video()).status == "completed"


@pytest.mark.parametrize("fault", NOT_MADE, ids=lambda fault: fault.name)
async def test_what_is_not_found_may_have_been_carried_out(
    heygen: HeyGen, sandbox: Sandbox, fault: Fault
) -> None:
    began = asyncio.get_running_loop().time()
    sandbox.faults.add("video_agents.create", fault)
    with pytest.raises(CallError) as caught:
        await heygen.video_agents.create(agent())
    assert caught.value.maybe_carried_out
    assert caught.value.attempts == 1
    assert asyncio.get_running_loop().time() - began == pytest.approx(45, abs=2)
    assert sandbox.requests.by_operation["video_agents.create"] == 1
    assert sandbox.requests.by_operation["video_agents.list"] == 3


async def test_a_refusal_is_repeated_or_raised_and_nothing_is_looked_for(
    heygen: HeyGen, sandbox: Sandbox
) -> None:
    sandbox.faults.add("video_agents.create", Fault.status(429, retry_after=2))
    await heygen.video_agents.create(agent())
    sandbox.faults.add("video_agents.create", Fault.status(400))
    with pytest.raises(BadRequest) as caught:
        await heygen.video_agents.create(agent())
    assert not caught.value.maybe_carried_out
    assert sandbox.requests.by_operation["video_agents.list"] == 0
    assert sandbox.ledger.count("video_agents.create") == 1


async def test_sessions_in_incognito_cannot_be_found(heygen: HeyGen, sandbox: Sandbox) -> None:
    sandbox.faults.add("video_agents.create", Fault.drop_answer())
    with pytest.raises(ConnectionFailed) as caught:
        await heygen.video_agents.create(agent(incognito_mode=True))
    assert caught.value.maybe_carried_out
    assert sandbox.requests.by_operation["video_agents.list"] == 0


async def test_one_session_is_never_given_to_two_calls(heygen: HeyGen, sandbox: Sandbox) -> None:
    first = await heygen.video_agents.create(agent())
    sandbox.faults.add("video_agents.create", Fault.drop_answer())
    second = await heygen.video_agents.create(agent())  # the same prompt
    assert second.id != first.id
    assert sandbox.ledger.count("video_agents.create") == 2


async def test_two_candidates_count_as_none(heygen: HeyGen, sandbox: Sandbox) -> None:
    sandbox.faults.add("video_agents.create", Fault.drop_answer(), times=2)
    ended = await asyncio.gather(
        *(heygen.video_agents.create(agent()) for _ in range(2)), return_exceptions=True
    )
    assert [isinstance(one, ConnectionFailed) for one in ended] == [True, True]
    assert sandbox.ledger.count("video_agents.create") == 2


async def test_an_older_session_is_not_the_one(heygen: HeyGen, sandbox: Sandbox) -> None:
    await heygen.video_agents.create(agent())
    sandbox.clock.advance(600)
    settings = settings_from(
        api_key=sandbox.api_key,
        token=None,
        base_url=sandbox.base_url,
        timeout=Timeout(),
        retry=Retry(),
        trust_env=False,
    )
    session = Session(settings, RequestLimiter(), JobSlots(), clock=sandbox.clock.unix)
    later = VideoAgents(session, Watcher(session, {}))
    sandbox.faults.add("video_agents.create", Fault.drop())
    with pytest.raises(ConnectionFailed):
        await later.create(agent())
    sandbox.faults.add("video_agents.create", Fault.drop_answer())
    await later.create(agent())
    await session.aclose()


async def test_lists_that_lag(heygen: HeyGen, sandbox: Sandbox) -> None:
    sandbox.faults.add("video_agents.create", Fault.drop_answer())
    sandbox.faults.add("video_agents.list", Fault.body(b'{"data": [], "has_more": false}'), times=1)
    sandbox.faults.add("video_agents.list", Fault.status(400), times=1)
    job = await heygen.video_agents.create(agent())
    assert job.id
    assert sandbox.requests.by_operation["video_agents.list"] == 3
    assert asyncio.get_running_loop().time() == pytest.approx(45, abs=3)


@pytest.mark.parametrize("how", ["policy", "parameter"])
async def test_repetition_can_be_chosen(sandbox: Sandbox, how: str) -> None:
    retry = Retry(unkeyed="resend") if how == "policy" else Retry()
    resend = how == "parameter"
    async with HeyGen(sandbox.api_key, base_url=sandbox.base_url, retry=retry) as heygen:
        sandbox.faults.add("video_agents.create", Fault.drop())
        sandbox.faults.add("voices.speech", Fault.status(503))
        await heygen.video_agents.create(agent(), resend=resend)
        voice = (await heygen.voices.list(engine="starfish").first_page()).items[0]
        request = SpeechRequest(text="Hello", voice_id=voice.voice_id)
        await heygen.voices.speech(request, resend=resend)
    assert sandbox.requests.by_operation["video_agents.create"] == 2
    assert sandbox.requests.by_operation["voices.speech"] == 2


async def test_the_others_are_not_repeated(heygen: HeyGen, sandbox: Sandbox) -> None:
    voice = (await heygen.voices.list(engine="starfish").first_page()).items[0]
    chat = await heygen.video_agents.create(agent(mode="chat"))
    calls = {
        "voices.speech": heygen.voices.speech(SpeechRequest(text="Hi", voice_id=voice.voice_id)),
        "voices.design": heygen.voices.design(VoiceDesignRequest(prompt="Deep")),
        "video_agents.send": heygen.video_agents.send(chat.id, "Yes"),
    }
    for operation, call in calls.items():
        sandbox.faults.add(operation, Fault.status(502))
        with pytest.raises(ServerError) as caught:
            await call
        assert caught.value.maybe_carried_out, operation
        assert sandbox.requests.by_operation[operation] == 1
    sandbox.faults.add("video_agents.stop", Fault.status(502))
    await heygen.video_agents.stop(chat.id)  # stopping twice has no further effect


async def test_no_key_is_sent(heygen: HeyGen, sandbox: Sandbox) -> None:
    with pytest.warns(FutureWarning, match="does not support an Idempotency-Key"):
        await heygen.video_agents.create(agent(), idempotency_key="mine")
    assert [job.idempotency_key for job in sandbox.ledger.jobs] in ([None], [""])


@pytest.mark.parametrize("fault", [Fault.drop_answer(), Fault.status(500, work=True)])
async def test_a_lost_clone_is_found(heygen: HeyGen, sandbox: Sandbox, fault: Fault) -> None:
    await heygen.voices.clone(await clone(heygen))  # of the same name
    sandbox.faults.add("voices.clone", fault)
    job = await heygen.voices.clone(await clone(heygen))
    assert (await job.wait()).name == "Ada"
    assert sandbox.requests.by_operation["voices.clone"] == 2


async def test_a_clone_that_was_not_made(heygen: HeyGen, sandbox: Sandbox) -> None:
    sandbox.faults.add("voices.clone", Fault.drop())
    with pytest.raises(ConnectionFailed) as caught:
        await heygen.voices.clone(await clone(heygen))
    assert caught.value.maybe_carried_out
    assert sandbox.requests.by_operation["voices.clone"] == 1


async def test_request_obeys_the_operation(heygen: HeyGen, sandbox: Sandbox) -> None:
    sandbox.faults.add("video_agents.create", Fault.drop_answer())
    with pytest.raises(ConnectionFailed) as caught:
        await heygen.request("POST", "/v3/video-agents", body={"prompt": "A film"})
    assert (caught.value.attempts, caught.value.maybe_carried_out) == (1, True)


async def test_an_unknown_post_is_repeated_with_the_callers_key_alone(
    heygen: HeyGen, sandbox: Sandbox
) -> None:
    sandbox.faults.add("unknown", Fault.drop())
    with pytest.raises(ConnectionFailed) as caught:
        await heygen.request("POST", "/v4/holograms", body={})
    assert (caught.value.attempts, caught.value.maybe_carried_out) == (1, True)
    sandbox.faults.add("unknown", Fault.drop())
    sandbox.faults.add("unknown", Fault.body(b"{}"))
    await heygen.request("POST", "/v4/holograms", body={}, idempotency_key="mine")
    assert sandbox.requests.by_operation["unknown"] == 3


async def test_request_tells_of_jobs(sandbox: Sandbox) -> None:
    accepted: list[tuple[str, list[str]]] = []
    async with HeyGen(
        sandbox.api_key,
        base_url=sandbox.base_url,
        on_accepted=lambda operation, ids: accepted.append((operation, ids)),
    ) as heygen:
        sandbox.faults.add("videos.create", Fault.delay(20))
        body = AvatarVideoRequest(avatar_id=sandbox.avatar_id, script="Hello")
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(1):
                await heygen.request("POST", "/v3/videos", body=body)
    assert accepted == [("POST /v3/videos", [sandbox.ledger.jobs[0].id])]


def test_operations_by_path() -> None:
    def name(method: str, path: str) -> str | None:
        found = operation_at(method, path)
        return None if found is None else found.operation

    assert name("POST", "/v3/videos") == "videos.create"
    assert name("GET", "/v3/videos/statuses") == "videos.statuses"
    assert name("GET", "/v3/videos/abc") == "videos.get"
    assert name("POST", "/v3/video-agents/abc/stop") == "video_agents.stop"
    assert name("POST", "/v9/videos") is None
    # As servers read them.
    assert name("POST", "/v3/video-agents/") == "video_agents.create"
    assert name("POST", "/v3/video%2Dagents") == "video_agents.create"
