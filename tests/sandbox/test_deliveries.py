from __future__ import annotations

import asyncio
import time
from collections import Counter
from itertools import pairwise
from typing import Any

import pytest

from heygen_async.sandbox import Clock, Faults, Sandbox, SandboxThread
from heygen_async.sandbox.jobs import Failure, Job
from heygen_async.sandbox.webhooks.delivery_client import DeliveryClient
from heygen_async.sandbox.webhooks.events import Agenda, EventPayloads, ScheduledEvents

from .api import Api
from .receiver import Receiver

pytestmark = pytest.mark.anyio

SOURCE = {"type": "url", "url": "https://example.com/launch.mp4"}
DAY = 86_400


def deliverers() -> int:
    """Return the number of tasks that work on deliveries."""
    return sum("Deliveries" in repr(task) for task in asyncio.all_tasks())


def test_an_agenda_follows_jobs_whose_end_moves() -> None:
    agenda = Agenda()
    jobs = [Job("video", 0.0, seconds) for seconds in (10.0, 20.0, 30.0, 40.0)]
    for job in jobs:
        agenda.add(ScheduledEvents(job, "", list, None))
    jobs[0].created_at = 15.0
    jobs[2].stop(5.0, Failure(None, None))
    agenda.replan(jobs[2])
    jobs[3].stuck = True
    assert agenda.next_at == 5.0
    assert [entry.job for entry in agenda.ended(10.0)] == [jobs[2]]
    assert [entry.job for entry in agenda.ended(1e9)] == [jobs[1], jobs[0]]
    assert (len(agenda), agenda.next_at) == (1, float("inf"))


def test_the_clock_tells_of_its_turns() -> None:
    now = 0.0
    clock = Clock(lambda: now, speed=1, epoch=0.0)
    told: list[float] = []
    clock.on_turn = lambda: told.append(clock.now())
    clock.advance(5)
    now = 10.0
    clock.speed = 100
    assert clock.now() == 15.0
    now = 11.0
    assert (clock.now(), told) == (115.0, [5.0, 15.0])
    with pytest.raises(ValueError, match="expected a number >= 0"):
        clock.speed = -1


async def test_an_endpoint_is_told_with_a_signature(
    api: Api, receiver: Receiver, sandbox: Sandbox
) -> None:
    endpoint = await receiver.register(api)
    sandbox.add_folder(folder_id="F")
    video_id = await api.video(callback_id="mine", folder_id="F")
    await asyncio.sleep(99)
    assert receiver.got == []
    await asyncio.sleep(2)
    (received,) = receiver.got
    assert (received.method, received.path) == ("POST", "/hook")
    assert received.headers["Content-Type"] == "application/json"
    assert received.is_signed_with(endpoint["secret"])
    assert abs(int(received.headers["Heygen-Timestamp"]) - time.time()) < 60
    event = received.event
    assert received.headers["Heygen-Event-Id"] == event["event_id"]
    assert set(event) == {"event_id", "event_type", "event_data", "created_at"}
    assert event["event_type"] == "avatar_video.success"
    told = event["event_data"]
    url = told.pop("url")
    assert (await api.raw("GET", url))[0] == 200
    assert told == {
        "video_id": video_id,
        "gif_download_url": None,
        "video_page_url": f"https://app.heygen.com/videos/{video_id}",
        "video_share_page_url": f"https://app.heygen.com/share/{video_id}",
        "folder_id": "F",
        "callback_id": "mine",
    }
    (record,) = sandbox.deliveries.records
    assert (record.event_type, record.target) == ("avatar_video.success", receiver.url)
    assert (record.state, record.attempts, record.status) == ("delivered", 1, 204)
    assert record.signed
    assert endpoint["secret"] not in repr(record)


async def test_created_at_is_the_end_of_the_job(api: Api, receiver: Receiver) -> None:
    await receiver.register(api)
    video_id = await api.video()
    await asyncio.sleep(101)
    ended = (await api.get(f"/v3/videos/{video_id}")).data["completed_at"]
    moment = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(ended))
    assert receiver.got[0].event["created_at"] == moment


async def test_the_resource_has_ended_when_its_event_arrives(
    api: Api, receiver: Receiver, sandbox: Sandbox
) -> None:
    """Use a large clock and an odd speed, so that sums are rounded."""
    await receiver.register(api)
    late: list[float] = []

    def answer(number: int) -> int:
        late.append(sandbox.clock.now() - (sandbox.ledger.jobs[-1].created_at + 100.0))
        return 204

    receiver.answer = answer
    await asyncio.sleep(1_234_567.891)
    sandbox.clock.speed = 7.3
    for _ in range(20):
        await api.video()
        await asyncio.sleep(100)
    assert len(late) == 20
    assert 0 <= min(late) <= max(late) < 0.001


async def test_a_callback_url_is_told_the_same_without_a_signature(
    api: Api, receiver: Receiver, sandbox: Sandbox
) -> None:
    await receiver.register(api)
    async with Receiver() as other:
        await api.video(callback_url=other.url)
        await asyncio.sleep(101)
        (signed,), (unsigned,) = receiver.got, other.got
    assert unsigned.raw == signed.raw
    assert not [name for name in unsigned.headers if "eygen" in name or name == "Signature"]
    assert [record.signed for record in sandbox.deliveries.records] == [True, False]
    assert len((await api.get("/v3/webhooks/events")).data) == 1


async def test_nothing_is_scheduled_while_nobody_listens(api: Api, sandbox: Sandbox) -> None:
    for _ in range(5):
        await api.video()
    assert deliverers() == 0
    await asyncio.sleep(200)
    await sandbox.deliveries.settled()
    await api.video(callback_url="https://example.com/")
    assert deliverers() == 1


async def video_request(api: Api, sandbox: Sandbox, receiver: Receiver) -> str:
    return await api.video(callback_url=receiver.url)


async def template_request(api: Api, sandbox: Sandbox, receiver: Receiver) -> str:
    path = f"/v3/templates/{sandbox.add_template()}"
    body = {"variables": {}, "callback_url": receiver.url}
    return str((await api.post(path, body)).data["id"])


async def template_v2_request(api: Api, sandbox: Sandbox, receiver: Receiver) -> str:
    path = f"/v2/template/{sandbox.add_template()}/generate"
    body = {"variables": {}, "callback_url": receiver.url}
    return str((await api.post(path, body)).data["video_id"])


async def translation_request(api: Api, sandbox: Sandbox, receiver: Receiver) -> str:
    body = {"video": SOURCE, "output_languages": ["French"], "callback_url": receiver.url}
    made = (await api.post("/v3/video-translations", body)).data
    return str(made["video_translation_ids"][0])


async def agent_request(api: Api, sandbox: Sandbox, receiver: Receiver) -> str:
    body = {"prompt": "A launch", "callback_url": receiver.url}
    return str((await api.post("/v3/video-agents", body)).data["session_id"])


@pytest.mark.parametrize(
    ("request_", "kind", "prefix", "id_field", "reason"),
    [
        (video_request, "video", "avatar_video", "video_id", "msg"),
        (template_request, "video", "avatar_video", "video_id", "msg"),
        (template_v2_request, "video", "avatar_video", "video_id", "msg"),
        (translation_request, "translation", "video_translate", "video_translate_id", "message"),
        (agent_request, "agent", "video_agent", "session_id", "msg"),
    ],
)
async def test_jobs_of_each_kind_tell_how_they_ended(
    api: Api,
    sandbox: Sandbox,
    receiver: Receiver,
    request_: Any,
    kind: str,
    prefix: str,
    id_field: str,
    reason: str,
) -> None:
    done = await request_(api, sandbox, receiver)
    sandbox.fail_next(kind, message="No luck")
    failed = await request_(api, sandbox, receiver)
    sandbox.clock.advance(10_000)
    await sandbox.deliveries.settled()
    told = {received.event["event_type"]: received.event["event_data"] for received in receiver.got}
    assert set(told) == {f"{prefix}.success", f"{prefix}.fail"}
    good, bad = told[f"{prefix}.success"], told[f"{prefix}.fail"]
    assert (good[id_field], bad[id_field]) == (done, failed)
    assert (await api.raw("GET", good["url"]))[0] == 200
    assert bad[reason] == "No luck"
    assert good["callback_id"] is bad["callback_id"] is None


async def test_gifs_and_captions_have_events_of_their_own(
    api: Api, sandbox: Sandbox, receiver: Receiver
) -> None:
    body = {"variables": {}, "include_gif": True, "caption": True, "callback_url": receiver.url}
    await api.post(f"/v2/template/{sandbox.add_template()}/generate", body)
    await asyncio.sleep(101)
    assert sorted(receiver.types) == [
        "avatar_video.success",
        "avatar_video_caption.success",
        "avatar_video_gif.success",
    ]
    assert (await api.raw("GET", receiver.got[0].event["event_data"]["gif_download_url"]))[0] == 200


async def test_a_proofread_and_its_render_tell(
    api: Api, sandbox: Sandbox, receiver: Receiver
) -> None:
    await receiver.register(api)
    body = {"video": SOURCE, "output_languages": ["Spanish"], "title": "Check"}
    path = "/v3/video-translations/proofreads"
    (identifier,) = (await api.post(path, body)).data["proofread_ids"]
    sandbox.fail_next("proofread", message="No speech")
    await api.post(path, body)
    sandbox.clock.advance(1_000)
    await sandbox.deliveries.settled()
    async with Receiver() as other:
        render = {"callback_url": other.url, "callback_id": "mine"}
        made = (await api.post(f"{path}/{identifier}/generate", render)).data
        sandbox.clock.advance(1_000)
        await sandbox.deliveries.settled()
        (rendered,) = other.got
    told = {received.event["event_type"]: received.event["event_data"] for received in receiver.got}
    assert told["proofread_creation.success"] == {
        "proofread_id": identifier,
        "output_language": "Spanish",
    }
    assert told["proofread_creation.fail"]["message"] == "No speech"
    data = rendered.event["event_data"]
    assert data["video_translate_id"] == made["video_translation_id"]
    assert (data["callback_id"], data["output_language"]) == ("mine", "Spanish")


async def test_a_chat_tells_of_its_videos_alone(
    api: Api, sandbox: Sandbox, receiver: Receiver
) -> None:
    body = {"prompt": "A launch", "mode": "chat", "callback_url": receiver.url}
    session_id = (await api.post("/v3/video-agents", body)).data["session_id"]
    path = f"/v3/video-agents/{session_id}"
    for _ in ("a question", "a storyboard"):
        sandbox.clock.advance(10_000)
        await sandbox.deliveries.settled()
        assert (await api.post(path, {"message": "Go on"})).status == 200
    assert (await api.get(path)).data["status"] == "generating"
    assert (await api.post(f"{path}/stop", {})).status == 200
    await asyncio.sleep(10_000)
    assert receiver.got == []
    for _ in ("a storyboard", "a video"):
        assert (await api.post(path, {"message": "Go on"})).status == 200
        sandbox.clock.advance(10_000)
        await sandbox.deliveries.settled()
    (received,) = receiver.got
    video_id = (await api.get(path)).data["video_id"]
    told = (received.event["event_type"], received.event["event_data"]["video_id"])
    assert told == ("video_agent.success", video_id)


async def test_a_session_that_is_stopped_tells_at_once(
    api: Api, sandbox: Sandbox, receiver: Receiver
) -> None:
    session_id = await agent_request(api, sandbox, receiver)
    await asyncio.sleep(1)
    assert (await api.post(f"/v3/video-agents/{session_id}/stop", {})).status == 200
    await sandbox.deliveries.settled()
    assert receiver.types == ["video_agent.fail"]
    await asyncio.sleep(10_000)
    assert len(receiver.got) == 1


async def test_what_is_deleted_before_its_end_tells_nothing(
    api: Api, sandbox: Sandbox, receiver: Receiver
) -> None:
    await receiver.register(api)
    await api("DELETE", f"/v3/videos/{await video_request(api, sandbox, receiver)}")
    translation_id = await translation_request(api, sandbox, receiver)
    await api("DELETE", f"/v3/video-translations/{translation_id}")
    await asyncio.sleep(1_000)
    assert receiver.got == []


async def test_lipsyncs_and_voice_clones_have_no_events(
    api: Api, sandbox: Sandbox, receiver: Receiver
) -> None:
    await receiver.register(api)
    body = {"video": SOURCE, "audio": SOURCE, "callback_url": receiver.url}
    assert (await api.post("/v3/lipsyncs", body)).status == 200
    clone = {"voice_name": "Me", "audio": SOURCE}
    assert (await api.post("/v3/voices/clone", clone)).status == 200
    await asyncio.sleep(10_000)
    assert receiver.got == []


async def test_a_batch_tells_of_its_items_and_of_its_end(
    api: Api, sandbox: Sandbox, receiver: Receiver
) -> None:
    """Start jobs that wait for a slot without any request in between."""
    sandbox.concurrency = 2
    good = {"type": "avatar", "avatar_id": sandbox.avatar_id, "script": "Hello"}
    bad = {**good, "avatar_id": "nobody"}
    body = {"videos": [good, bad, good, good], "title": "All", "callback_url": receiver.url}
    batch_id = (await api.post("/v3/videos/batches", body)).data["batch_id"]
    async with Receiver() as other:
        await other.register(api)
        await asyncio.sleep(199)
        assert (other.types, receiver.got) == (["avatar_video.success"] * 2, [])
        await asyncio.sleep(2)
        assert sorted(other.types) == ["avatar_video.success"] * 3 + ["batch.finished"]
    (received,) = receiver.got
    assert received.event["event_data"] == {
        "batch_id": batch_id,
        "title": "All",
        "status": "completed",
        "total_items": 4,
        "counts_by_status": {"completed": 3, "failed": 1},
    }


async def test_a_batch_of_refusals_ends_at_once(
    api: Api, sandbox: Sandbox, receiver: Receiver
) -> None:
    bad = {"type": "avatar", "avatar_id": "nobody", "script": "Hello"}
    await api.post("/v3/videos/batches", {"videos": [bad], "callback_url": receiver.url})
    await sandbox.deliveries.settled()
    (received,) = receiver.got
    assert received.event["event_data"]["status"] == "failed"


async def test_a_batch_behind_other_jobs_begins_when_they_end(
    api: Api, sandbox: Sandbox, receiver: Receiver
) -> None:
    sandbox.concurrency = 1
    assert (await api.post("/v3/lipsyncs", {"video": SOURCE, "audio": SOURCE})).status == 200
    request = {"type": "avatar", "avatar_id": sandbox.avatar_id, "script": "Hello"}
    body = {"videos": [{**request, "callback_url": receiver.url}]}
    await api.post("/v3/videos/batches", body)
    await asyncio.sleep(5_000)
    assert receiver.types == ["avatar_video.success"]


async def test_endpoints_are_told_what_they_asked_for(
    api: Api, sandbox: Sandbox, receiver: Receiver
) -> None:
    first = await api.video()
    await receiver.register(api, events=["avatar_video.fail"])
    async with Receiver() as other:
        await other.register(api, entity_id=first)
        sandbox.fail_next("video")
        await api.video()
        sandbox.clock.advance(150)
        await sandbox.deliveries.settled()
        async with Receiver() as late:
            await late.register(api)
            await api.video()
            await asyncio.sleep(150)
            assert late.types == ["avatar_video.success"]
        assert [received.event["event_data"]["video_id"] for received in other.got] == [first]
    assert receiver.types == ["avatar_video.fail"]


async def test_attempts_are_repeated_until_one_is_answered_well(
    api: Api, receiver: Receiver, sandbox: Sandbox
) -> None:
    receiver.answer = lambda number: 500 if number < 5 else 200
    await api.video(callback_url=receiver.url)
    await asyncio.sleep(1_000)
    times = [received.at - receiver.got[0].at for received in receiver.got]
    assert times == pytest.approx([0, 1, 3, 7, 15], abs=0.01)
    assert len({received.raw for received in receiver.got}) == 1
    (record,) = sandbox.deliveries.records
    assert (record.state, record.attempts, record.status) == ("delivered", 5, 200)


async def test_attempts_end_after_a_day(api: Api, receiver: Receiver, sandbox: Sandbox) -> None:
    receiver.answer = lambda number: 503
    await api.video(callback_url=receiver.url)
    await asyncio.sleep(3 * DAY)
    times = [received.at - receiver.got[0].at for received in receiver.got]
    assert times == pytest.approx([2**number - 1 for number in range(17)], abs=0.1)
    assert times[-1] < DAY < 2**17
    (record,) = sandbox.deliveries.records
    assert (record.state, record.status) == ("failed", 503)


async def test_retries_keep_the_sandboxs_time(
    api: Api, receiver: Receiver, sandbox: Sandbox
) -> None:
    sandbox.clock.speed = 60
    receiver.answer = lambda number: 500 if number < 4 else 200
    await api.video(callback_url=receiver.url)
    await asyncio.sleep(10)
    gap = receiver.got[3].at - receiver.got[2].at
    assert gap == pytest.approx(4 / 60, abs=0.001)


async def test_an_answer_after_ten_seconds_is_none(
    api: Api, receiver: Receiver, sandbox: Sandbox
) -> None:
    receiver.slow = 11
    await api.video(callback_url=receiver.url)
    await asyncio.sleep(111)
    (record,) = sandbox.deliveries.records
    assert (record.attempts, record.status) == (1, None)
    assert record.error == "no answer within 10 s"
    receiver.slow = 9
    await asyncio.sleep(12)
    (record,) = sandbox.deliveries.records
    assert (record.attempts, record.status, record.error) == (2, 204, None)


async def test_nobody_at_home_is_a_failed_attempt(api: Api, sandbox: Sandbox) -> None:
    async with Receiver() as gone:
        url = gone.url
    await api.video(callback_url=url)
    await asyncio.sleep(102)
    (record,) = sandbox.deliveries.records
    assert (record.state, record.status) == ("waiting", None)
    assert record.attempts == 2
    assert record.error


@pytest.mark.parametrize("url", ["http://192.0.2.1/hook", "https://example.com", "ftp://[", ""])
async def test_nothing_leaves_loopback(api: Api, sandbox: Sandbox, url: str) -> None:
    await api.video(callback_url=url)
    await asyncio.sleep(200)
    (record,) = sandbox.deliveries.records
    assert (record.state, record.attempts) == ("failed", 0)
    assert record.error == "not an address on loopback"


def test_hosts_that_may_be_reached() -> None:
    poster = DeliveryClient()
    inside = ["http://127.0.0.9:1/", "https://localhost/a", "http://[::1]:8000/hook"]
    outside = ["http://10.0.0.1/", "http://localhost.example.com/", "http://app:8000/hook", "app"]
    assert all(map(poster.may_reach, inside))
    assert not any(map(poster.may_reach, outside))
    poster.hosts.add("app")
    assert [url for url in outside if poster.may_reach(url)] == ["http://app:8000/hook"]


async def test_a_poster_sends_nowhere_else() -> None:
    with pytest.raises(ValueError, match="is not on loopback"):
        await DeliveryClient().post("http://192.0.2.1/hook", b"{}", {})


async def test_redirects_are_not_followed(api: Api, sandbox: Sandbox, receiver: Receiver) -> None:
    async with Receiver() as other:
        receiver.location = other.url
        receiver.answer = lambda number: 307
        await api.video(callback_url=receiver.url)
        await asyncio.sleep(100.5)
        assert other.got == []
    (record,) = sandbox.deliveries.records
    assert (record.state, record.status) == ("waiting", 307)


async def test_a_rotated_secret_signs_the_next_attempt(
    api: Api, receiver: Receiver, sandbox: Sandbox
) -> None:
    endpoint = await receiver.register(api)
    receiver.answer = lambda number: 500 if number == 1 else 204
    sandbox.deliveries.emit("avatar_video.success", {"video_id": "a"})
    await sandbox.deliveries.settled()
    path = f"/v3/webhooks/endpoints/{endpoint['endpoint_id']}"
    rotated = (await api.post(f"{path}/rotate-secret")).data
    await asyncio.sleep(1.5)
    first, second = receiver.got
    assert first.is_signed_with(endpoint["secret"])
    assert second.is_signed_with(rotated["secret"])
    assert not second.is_signed_with(endpoint["secret"])


async def test_a_retry_goes_where_the_endpoint_is_now(
    api: Api, receiver: Receiver, sandbox: Sandbox
) -> None:
    endpoint = await receiver.register(api)
    receiver.answer = lambda number: 500
    sandbox.deliveries.emit("avatar_video.success", {"video_id": "a"})
    await sandbox.deliveries.settled()
    path = f"/v3/webhooks/endpoints/{endpoint['endpoint_id']}"
    async with Receiver() as other:
        other.answer = lambda number: 500
        await api("PATCH", path, {"url": other.url})
        await asyncio.sleep(1.5)
        assert (len(receiver.got), len(other.got)) == (1, 1)
        await api("DELETE", path)
        await asyncio.sleep(100)
        assert (len(receiver.got), len(other.got)) == (1, 1)
    (record,) = sandbox.deliveries.records
    assert (record.state, record.error) == ("failed", "the endpoint was deleted")


async def test_older_deliveries_have_another_form(
    api: Api, receiver: Receiver, sandbox: Sandbox
) -> None:
    endpoint = await receiver.register(api)
    sandbox.deliveries.older = 0.5
    for number in range(40):
        sandbox.deliveries.emit("avatar_video.success", {"video_id": str(number)})
    await sandbox.deliveries.settled()
    older = [received for received in receiver.got if "Signature" in received.headers]
    assert 10 < len(older) < 30
    for received in older:
        assert received.is_signed_with(endpoint["secret"], "Signature")
        assert set(received.event) == {"event_type", "event_data"}
        assert not [name for name in received.headers if name.startswith("Heygen")]
    newer = [received for received in receiver.got if received not in older]
    assert all(received.is_signed_with(endpoint["secret"]) for received in newer)


async def test_timestamps_come_from_the_clock_that_receivers_have(
    api: Api, receiver: Receiver, sandbox: Sandbox
) -> None:
    await receiver.register(api)
    sandbox.deliveries.wall_clock = lambda: 1_000.9
    sandbox.deliveries.emit("avatar_video.success", {"video_id": "a"})
    await sandbox.deliveries.settled()
    assert receiver.got[0].headers["Heygen-Timestamp"] == "1000"


async def test_a_clock_that_stands_still_is_turned(receiver: Receiver) -> None:
    async with Sandbox(speed=0, durations={"video": 100.0}) as sandbox, Api(sandbox) as api:
        receiver.answer = lambda number: 500 if number == 1 else 204
        await api.video(callback_url=receiver.url)
        await asyncio.sleep(1_000)
        await sandbox.deliveries.settled()
        assert receiver.got == []
        sandbox.clock.advance(100)
        await sandbox.deliveries.settled()
        (record,) = sandbox.deliveries.records
        assert (record.state, record.attempts) == ("waiting", 1)
        await asyncio.sleep(1_000)
        assert record.attempts == 1
        sandbox.clock.advance(1)
        await sandbox.deliveries.settled()
        assert (record.state, record.attempts) == ("delivered", 2)
        await api.video(callback_url=receiver.url)
        sandbox.clock.speed = 50
        await asyncio.sleep(2.1)
        assert len(receiver.got) == 3


def test_the_clock_can_be_turned_in_another_thread() -> None:
    async def told(sandbox: Sandbox) -> None:
        async with Api(sandbox) as api, Receiver() as receiver, asyncio.timeout(10):
            await api.video(callback_url=receiver.url)
            sandbox.clock.advance(10_000)
            await receiver.arrived.wait()

    with SandboxThread(speed=0) as sandbox:
        asyncio.run(told(sandbox))
        assert len(sandbox.deliveries.records) == 1


async def test_jobs_that_are_stuck_tell_nothing_and_hold_nobody_up(
    api: Api, receiver: Receiver, sandbox: Sandbox
) -> None:
    sandbox.faults = Faults(stuck_jobs=1.0)
    await api.video(callback_url=receiver.url)
    sandbox.faults = Faults()
    await api.video(callback_url=receiver.url)
    await asyncio.sleep(DAY)
    await sandbox.deliveries.settled()
    assert len(receiver.got) == 1


async def told(
    faults: Faults, count: int, *, seed: int = 0
) -> tuple[list[int], list[float], Counter[str]]:
    """Return the events by number in the order of their arrival, the times, and the states."""
    async with (
        Sandbox(speed=1, seed=seed, faults=faults) as sandbox,
        Api(sandbox) as api,
        Receiver() as receiver,
    ):
        await receiver.register(api)
        started = asyncio.get_running_loop().time()
        for number in range(count):
            sandbox.deliveries.emit("avatar_video.success", {"number": number})
            await asyncio.sleep(1)
        await asyncio.sleep(200)
        await sandbox.deliveries.settled()
        numbers = [received.event["event_data"]["number"] for received in receiver.got]
        times = [received.at - started for received in receiver.got]
        return numbers, times, Counter(item.state for item in sandbox.deliveries.records)


async def test_without_faults_all_arrive_once_in_order() -> None:
    numbers, times, states = await told(Faults(), 20)
    assert numbers == list(range(20))
    assert times == pytest.approx(range(20), abs=0.01)
    assert states == {"delivered": 20}


async def test_deliveries_are_lost() -> None:
    numbers, _, states = await told(Faults(lose=0.3), 100)
    assert numbers == sorted(set(numbers))
    assert 50 < len(numbers) < 90
    assert states == {"delivered": len(numbers), "lost": 100 - len(numbers)}


async def test_deliveries_are_made_twice() -> None:
    numbers, _, states = await told(Faults(duplicate=0.3), 100)
    counts = Counter(numbers)
    assert set(counts) == set(range(100))
    assert set(counts.values()) == {1, 2}
    assert 110 < len(numbers) == states["delivered"] < 150


async def test_deliveries_are_overtaken() -> None:
    numbers, _, _ = await told(Faults(reorder=0.3), 100)
    assert sorted(numbers) == list(range(100))
    displaced = sum(b < a for a, b in pairwise(numbers))
    assert displaced > 10


async def test_deliveries_are_late() -> None:
    _, times, _ = await told(Faults(delay=5), 3)
    assert times == pytest.approx([5, 6, 7], abs=0.01)
    _, times, _ = await told(Faults(delay=(10, 20)), 1)
    assert 10 < times[0] < 20


async def test_faults_follow_the_seed() -> None:
    faults = Faults(lose=0.2, duplicate=0.2, reorder=0.2, delay=(0, 9))
    first, again, other = [(await told(faults, 50, seed=seed))[:2] for seed in (1, 1, 2)]
    assert first[0] == again[0] != other[0]
    assert first[1] == pytest.approx(again[1], abs=0.01)


async def test_a_flood_is_sent_a_bounded_number_at_once(
    api: Api, receiver: Receiver, sandbox: Sandbox
) -> None:
    await receiver.register(api)
    receiver.slow = 0.5
    for number in range(300):
        sandbox.deliveries.emit("avatar_video.success", {"number": number})
    await sandbox.deliveries.settled()
    assert {received.event["event_data"]["number"] for received in receiver.got} == set(range(300))
    assert receiver.most_open == 64


async def test_closing_leaves_nothing_behind(receiver: Receiver) -> None:
    async with Sandbox(speed=1) as sandbox, Api(sandbox) as api:
        await receiver.register(api)
        receiver.slow = 5
        sandbox.deliveries.emit("avatar_video.success", {"video_id": "a"})
        await asyncio.sleep(1)
        assert receiver.open == 1
        await api.video(callback_url=receiver.url)
        assert deliverers() > 0
    assert deliverers() == 0
    (record,) = sandbox.deliveries.records
    assert record.state == "waiting"
    sandbox.clock.advance(1_000)
    await asyncio.sleep(1_000)
    assert len(receiver.got) == 1


async def test_a_mistake_in_what_is_told_is_not_hidden() -> None:
    def mistake() -> EventPayloads:
        raise LookupError("no such field")

    sandbox = Sandbox(speed=1)
    await sandbox.open()
    job = Job("video", 0.0, 0.0)
    sandbox.deliveries.schedule(job, "a", mistake, "http://127.0.0.1:9/hook")
    with pytest.raises(ExceptionGroup) as waited:
        await sandbox.deliveries.settled()
    with pytest.raises(ExceptionGroup) as closed:
        await sandbox.aclose()
    assert waited.value.exceptions == closed.value.exceptions
    assert isinstance(waited.value.exceptions[0], LookupError)
