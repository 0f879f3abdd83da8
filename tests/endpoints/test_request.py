"""``heygen.request`` and ``heygen.jobs`` on the sandbox: calls without a method."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from heygen_async import (
    APIError,
    AvatarVideoRequest,
    BadRequest,
    ConnectionFailed,
    CreatedVideo,
    HeyGen,
    InvalidRequest,
    InvalidResponse,
    NotFound,
    Proofread,
    ServerError,
    User,
    Video,
    VideoAgentJob,
    VideoAgentSession,
    VideoTranslation,
    VoiceDetail,
)
from heygen_async.sandbox import Fault, Sandbox
from tests.contract.operations import DESCRIPTORS, OPERATIONS

pytestmark = pytest.mark.anyio


# They took a key in earlier versions of the contract.
KEYLESS = {"voices.speech", "voices.design", "voices.clone"} | {
    f"video_agents.{name}" for name in ("create", "send", "stop")
}


def _body(sandbox: Sandbox) -> dict[str, Any]:
    return {"type": "avatar", "avatar_id": sandbox.avatar_id, "script": "Hello"}


async def test_an_untyped_answer_comes_whole(heygen: HeyGen) -> None:
    answer = await heygen.request("GET", "/v3/voices", query={"limit": 2, "gender": None})
    assert len(answer["data"]) == 2
    assert answer["has_more"] is True


async def test_a_typed_answer_comes_out_of_its_envelope(heygen: HeyGen) -> None:
    user = await heygen.request("GET", "/v3/users/me", answer=User)
    assert user == await heygen.users.me()
    languages = await heygen.request(
        "GET", "/v3/video-translations/languages", answer=dict[str, list[str]]
    )
    assert len(languages["languages"]) == 178


async def test_a_body_is_a_struct_a_mapping_or_bytes(heygen: HeyGen, sandbox: Sandbox) -> None:
    struct = AvatarVideoRequest(avatar_id=sandbox.avatar_id, script="Hello")
    as_bytes = b'{"type": "avatar", "avatar_id": "%s", "script": "Hi"}' % sandbox.avatar_id.encode()
    for body in (struct, _body(sandbox), as_bytes):
        created = await heygen.request("POST", "/v3/videos", answer=CreatedVideo, body=body)
        assert (await heygen.jobs.attach(Video, created.video_id).wait()).status == "completed"
    assert sandbox.ledger.count("videos.create") == 3


@pytest.mark.parametrize("answer", [None, CreatedVideo])
@pytest.mark.parametrize("fault", [Fault.drop_answer(), Fault.truncate(), Fault.malformed()])
async def test_a_write_whose_answer_is_lost_makes_one_job(
    heygen: HeyGen, sandbox: Sandbox, fault: Fault, answer: Any
) -> None:
    sandbox.faults.add("videos.create", fault, times=2)
    created = await heygen.request("POST", "/v3/videos", answer=answer, body=_body(sandbox))
    assert created
    assert sandbox.requests.by_operation["videos.create"] == 3
    assert sandbox.ledger.count() == 1


async def test_the_callers_key_is_used(heygen: HeyGen, sandbox: Sandbox) -> None:
    for _ in range(2):
        await heygen.request("POST", "/v3/videos", body=_body(sandbox), idempotency_key="launch:1")
    assert [job.idempotency_key for job in sandbox.ledger.jobs] == ["launch:1"]


async def test_other_methods(heygen: HeyGen) -> None:
    (job,) = await heygen.request(
        "POST",
        "/v3/video-translations",
        answer=dict[str, list[str]],
        body={
            "video": {"type": "url", "url": "https://example.com/a.mp4"},
            "output_languages": ["French (France)"],
        },
    )
    assert job == "video_translation_ids"
    (translation,) = [item async for item in heygen.video_translations.list()]
    path = f"/v3/video-translations/{translation.id}"
    renamed = await heygen.request("PATCH", path, answer=VideoTranslation, body={"title": "New"})
    assert renamed.title == "New"
    assert (await heygen.request("DELETE", path))["data"]["id"] == translation.id
    with pytest.raises(NotFound) as caught:
        await heygen.request("GET", path)
    assert (caught.value.method, caught.value.path) == ("GET", path)


async def test_a_path_that_nobody_serves(heygen: HeyGen, sandbox: Sandbox) -> None:
    with pytest.raises(NotFound):
        await heygen.request("POST", "/v4/holograms", body={"size": 3}, query={"a": ["b", "c"]})
    assert sandbox.requests.by_operation["unknown"] == 1


@pytest.mark.parametrize("answer", [None, User])
@pytest.mark.parametrize(
    ("path", "content", "code"),
    [
        (
            "/v2/user/remaining_quota",
            b'{"data": null, "error": {"code": "no", "message": "m"}}',
            "no",
        ),
        ("/v1/avatar.list", b'{"code": 400543, "message": "m", "data": null}', "400543"),
    ],
)
async def test_a_failure_under_status_200_is_an_error(
    heygen: HeyGen, sandbox: Sandbox, path: str, content: bytes, code: str, answer: Any
) -> None:
    sandbox.faults.add("unknown", Fault.body(content))
    with pytest.raises(APIError) as caught:
        await heygen.request("GET", path, answer=answer)
    assert (caught.value.code, caught.value.message) == (code, "m")


@pytest.mark.parametrize(
    "content", [b'{"code": 100, "data": {}, "error": null}', b"[1, 2]", b"null", b'{"code": "x"}']
)
async def test_what_is_no_failure_comes_as_it_is(
    heygen: HeyGen, sandbox: Sandbox, content: bytes
) -> None:
    sandbox.faults.add("unknown", Fault.body(content))
    answer = await heygen.request("GET", "/v4/anything")
    assert answer in ({"code": 100, "data": {}, "error": None}, [1, 2], None, {"code": "x"})


async def test_an_answer_of_another_shape(heygen: HeyGen) -> None:
    with pytest.raises(InvalidResponse):
        await heygen.request("GET", "/v3/users/me", answer=list[int])


@pytest.mark.parametrize(
    "path",
    ["v3/videos", "", "//evil.example/v3", "/v3/videos?limit=1", "/v3/videos#x", "/v3/a b",
     "/v3/videos\r\nX-Evil: 1", "/v3/videos/../users/me", "/v3/videos/..", "/v3/./videos",
     "/v3/é", "/v3\\videos", "https://media.example/a.mp4?X-Signature=limit=1"],
)  # fmt: skip
async def test_a_path_that_is_none_is_refused(heygen: HeyGen, sandbox: Sandbox, path: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        await heygen.request("GET", path)
    assert caught.value.param == "path"
    assert "limit=1" not in str(caught.value)
    assert sandbox.ledger.requests == 0


async def test_other_arguments_that_make_no_sense(heygen: HeyGen, sandbox: Sandbox) -> None:
    method: Any = "get"
    with pytest.raises(InvalidRequest) as caught:
        await heygen.request(method, "/v3/videos")
    assert caught.value.param == "method"
    with pytest.raises(InvalidRequest) as caught:
        await heygen.request("POST", "/v3/videos", body={"script": object()})
    assert caught.value.param == "script"
    assert sandbox.ledger.requests == 0


async def test_a_write_that_ignores_keys_is_not_repeated(heygen: HeyGen, sandbox: Sandbox) -> None:
    sandbox.faults.add("*", Fault.drop())
    with pytest.raises(ConnectionFailed) as caught:
        await heygen.request("POST", "/v3/background-removals", body={"request_id": "mine"})
    assert caught.value.attempts == 1
    assert sandbox.ledger.requests == 1


@pytest.mark.parametrize("name", OPERATIONS)
async def test_an_operation_is_repeated_as_its_own_method_would(
    heygen: HeyGen, sandbox: Sandbox, name: str
) -> None:
    operation = OPERATIONS[name]
    (endpoint,) = [endpoint for endpoint in DESCRIPTORS if endpoint.operation == name]
    repeated = endpoint.safe and name != "background_removals.create"
    sandbox.faults.add(name, Fault.status(500))
    sandbox.faults.add(name, Fault.body(b"{}"))
    call = heygen.request(operation.method, operation.path, body={})  # type: ignore[call-overload]
    if repeated:
        assert await call == {}
    else:
        with pytest.raises(ServerError):
            await call
    assert sandbox.ledger.requests == 1 + repeated


async def test_an_unknown_post_is_repeated_under_the_callers_key_only(
    heygen: HeyGen, sandbox: Sandbox
) -> None:
    for key, requests in ((None, 1), ("mine", 2)):
        before = sandbox.ledger.requests
        sandbox.faults.clear()
        sandbox.faults.add("unknown", Fault.status(500))
        with pytest.raises((ServerError, NotFound)):
            await heygen.request("POST", "/v4/holograms", body={}, idempotency_key=key)
        assert sandbox.ledger.requests == before + requests


async def test_a_key_that_the_operation_does_not_take_is_not_sent(
    heygen: HeyGen, sandbox: Sandbox
) -> None:
    body = {"text": "Hello", "voice_id": sandbox.voice_id}
    with pytest.warns(
        FutureWarning, match="POST /v3/voices/speech does not support an Idempotency-Key"
    ):
        await heygen.request("POST", "/v3/voices/speech", body=body, idempotency_key="mine")
    (job,) = sandbox.ledger.jobs
    assert job.idempotency_key is None


async def test_errors_are_those_of_every_call(sandbox: Sandbox) -> None:
    async with HeyGen(sandbox.api_key, base_url=sandbox.base_url, retry=2) as heygen:
        sandbox.faults.add("videos.create", Fault.status(503, body="empty"), times=None)
        with pytest.raises(ServerError) as caught:
            await heygen.request("POST", "/v3/videos", body=_body(sandbox))
        assert caught.value.attempts == 2
        sandbox.faults.clear()
        with pytest.raises(BadRequest) as refused:
            await heygen.request("POST", "/v3/videos", body={**_body(sandbox), "hologram": 1})
        assert refused.value.param == "hologram"


@pytest.mark.parametrize(
    "kind", [Video, VideoTranslation, VideoAgentSession, Proofread, VoiceDetail]
)
async def test_attach_makes_a_job_of_an_id(heygen: HeyGen, kind: type[Any]) -> None:
    job = heygen.jobs.attach(kind, "some-id")
    assert (job.id, job.created) == ("some-id", None)
    assert isinstance(job, VideoAgentJob) == (kind is VideoAgentSession)
    with pytest.raises(NotFound):
        await job.status()
    with pytest.raises(InvalidRequest):
        heygen.jobs.attach(kind, "")


async def test_attach_goes_on_where_another_process_was(heygen: HeyGen, sandbox: Sandbox) -> None:
    stored = (
        await heygen.videos.create(AvatarVideoRequest(avatar_id=sandbox.avatar_id, script="Hello"))
    ).id
    await asyncio.sleep(50)
    async with HeyGen(sandbox.api_key, base_url=sandbox.base_url) as other:
        video = await other.jobs.attach(Video, stored).wait()
    assert (video.id, video.status) == (stored, "completed")


async def test_attach_knows_only_types_of_jobs(heygen: HeyGen) -> None:
    with pytest.raises(InvalidRequest, match="Video, VideoAgentSession") as caught:
        heygen.jobs.attach(User, "some-id")
    assert caught.value.param == "result"
