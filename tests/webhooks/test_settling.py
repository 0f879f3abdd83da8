"""Jobs that are settled by deliveries: at once, with few requests, and never by a forged one."""

from __future__ import annotations

import asyncio
import pickle
from typing import Any

import pytest

from heygen_async import (
    AiClippingRequest,
    AssetUrl,
    HeyGen,
    Job,
    JobFailed,
    ProofreadRequest,
    Video,
    VideoAgentRequest,
    VideoTranslationRequest,
    WebhookReceiver,
)
from heygen_async.jobs.notification import JobNotification, PendingNotifications
from heygen_async.jobs.webhook_trust import WebhookTrust
from heygen_async.sandbox import Fault, Faults, Sandbox

from .conftest import listening_at, video_request
from .signing import SECRET, event_body, signed

pytestmark = pytest.mark.anyio


def reads(sandbox: Sandbox) -> int:
    """Requests that asked how jobs stand."""
    seen = sandbox.requests.by_operation
    return sum(seen[name] for name in seen if name.endswith((".get", ".statuses")))


async def test_a_delivery_ends_the_wait_after_one_request(sandbox: Sandbox, heygen: HeyGen) -> None:
    heygen.jobs.expect_deliveries(["video"])
    job = await heygen.videos.create(video_request(sandbox))
    waiting = asyncio.create_task(job.wait())
    await asyncio.sleep(100)
    before = reads(sandbox)
    async with WebhookReceiver(heygen, SECRET) as receiver:
        body = event_body(data={"video_id": job.id})
        assert (await receiver.handle(body, signed(body))).status == 200
        assert (await waiting).status == "completed"
    assert reads(sandbox) - before == 1
    assert sandbox.clock.now() < 100.1


async def test_without_a_waiter_nothing_is_fetched_until_there_is_one(
    sandbox: Sandbox, heygen: HeyGen
) -> None:
    heygen.jobs.expect_deliveries(["video"])
    job = await heygen.videos.create(video_request(sandbox))
    await asyncio.sleep(101)
    assert heygen.jobs.hint("video", job.id) is False
    await asyncio.sleep(200)
    assert reads(sandbox) == 0
    now = sandbox.clock.now()
    assert (await job.wait()).status == "completed"
    assert reads(sandbox) == 1
    assert sandbox.clock.now() == pytest.approx(now, abs=0.1)


async def test_a_delivery_that_outruns_the_api_is_followed_until_the_end_shows(
    sandbox: Sandbox, heygen: HeyGen
) -> None:
    heygen.jobs.expect_deliveries(["video"])
    job = await heygen.videos.create(video_request(sandbox))
    waiting = asyncio.create_task(job.wait())
    await asyncio.sleep(98)
    before = reads(sandbox)
    assert heygen.jobs.hint("video", job.id) is True
    heygen.jobs.hint("video", job.id)  # the second one adds nothing
    await waiting
    assert reads(sandbox) - before == 3  # at once, after 1 s, and after 2 s more
    assert sandbox.clock.now() == pytest.approx(101, abs=0.1)


async def test_a_delivery_for_a_kind_that_is_looked_at_singly(
    sandbox: Sandbox, heygen: HeyGen
) -> None:
    request = ProofreadRequest(
        video=AssetUrl(url="https://files.example/launch.mp4"),
        output_languages=["French (France)"],
        title="Launch",
    )
    heygen.jobs.expect_deliveries(["proofread"])
    (job,) = await heygen.proofreads.create(request)
    waiting = asyncio.create_task(job.wait())
    await asyncio.sleep(150)
    before = reads(sandbox)
    assert heygen.jobs.hint("video", job.id) is False
    assert heygen.jobs.hint("proofread", job.id) is True
    await waiting
    assert reads(sandbox) == before + 1
    assert sandbox.clock.now() < 150.1


async def test_a_fetch_that_fails_is_tried_again(sandbox: Sandbox, heygen: HeyGen) -> None:
    heygen.jobs.expect_deliveries(["video"])
    job = await heygen.videos.create(video_request(sandbox))
    waiting = asyncio.create_task(job.wait())
    await asyncio.sleep(100)
    sandbox.faults.add("videos.get", Fault.malformed(), times=2)
    heygen.jobs.hint("video", job.id)
    assert (await waiting).status == "completed"
    assert sandbox.clock.now() < 104


async def test_a_forged_failure_is_not_believed(sandbox: Sandbox, heygen: HeyGen) -> None:
    job = await heygen.videos.create(video_request(sandbox))
    waiting = asyncio.create_task(job.wait())
    await asyncio.sleep(0)
    async with WebhookReceiver(heygen, SECRET) as receiver:
        body = event_body("avatar_video.fail", {"video_id": job.id, "msg": "no"})
        assert (await receiver.handle(body, signed(body, "whsec_forged"))).status == 401
        assert (await receiver.handle(body, {})).status == 200  # it may be a callback: look
        assert (await waiting).status == "completed"
    assert sandbox.clock.now() > 100


async def test_a_failure_that_is_true_is_told_by_the_api(sandbox: Sandbox, heygen: HeyGen) -> None:
    sandbox.fail_next("video", code="moderation", message="No")
    job = await heygen.videos.create(video_request(sandbox))
    waiting = asyncio.create_task(job.wait())
    await asyncio.sleep(100)
    heygen.jobs.hint("video", job.id)
    with pytest.raises(JobFailed, match="moderation"):
        await waiting
    assert sandbox.clock.now() < 100.1


async def test_an_unsigned_delivery_needs_the_callback_id_of_the_request(
    sandbox: Sandbox, heygen: HeyGen
) -> None:
    heygen.jobs.expect_deliveries(["video"])
    request = video_request(sandbox, "http://127.0.0.1:9/nobody")
    job = await heygen.videos.create(request)
    assert job.callback_id is not None
    waiting = asyncio.create_task(job.wait())
    await asyncio.sleep(100)
    before = reads(sandbox)
    async with WebhookReceiver(heygen) as receiver:
        for guess in ("guessed", "", None):
            assert await _callback(receiver, job, {"callback_id": guess}) == 200
        await asyncio.sleep(1)
        assert reads(sandbox) == before
        assert await _callback(receiver, job, {"callback_id": job.callback_id}) == 200
        assert (await waiting).status == "completed"
    assert reads(sandbox) == before + 1


async def test_an_early_unsigned_delivery_needs_it_too(sandbox: Sandbox, heygen: HeyGen) -> None:
    heygen.jobs.expect_deliveries(["video"])
    job = await heygen.videos.create(video_request(sandbox, "http://127.0.0.1:9/nobody"))
    heygen.jobs.hint("video", job.id, verified=False, callback_id="guessed")
    waiting = asyncio.create_task(job.wait())
    await asyncio.sleep(1)
    assert reads(sandbox) == 0
    await waiting


async def _callback(receiver: WebhookReceiver, job: Job[Video], data: dict[str, str | None]) -> int:
    return (await receiver.handle(event_body(data={"video_id": job.id, **data}), {})).status


@pytest.mark.no_cover
async def test_many_jobs_cost_little_more_than_a_request_each() -> None:
    sandbox = Sandbox(speed=1, concurrency=5_000)  # durations as in life: they differ
    async with sandbox, HeyGen(sandbox.api_key, base_url=sandbox.base_url) as heygen:
        receiver = WebhookReceiver(heygen)
        async with listening_at(receiver) as url:
            await receiver.ensure_registered(url)
            jobs = await asyncio.gather(
                *(heygen.videos.create(video_request(sandbox)) for _ in range(400))
            )
            videos = await asyncio.gather(*(job.wait() for job in jobs))
        assert [video.id for video in videos] == [job.id for job in jobs]
        assert reads(sandbox) <= 440
        assert receiver.counts.events == 400


@pytest.mark.no_cover
async def test_with_every_delivery_lost_polling_settles_all() -> None:
    sandbox = Sandbox(speed=1, concurrency=5_000, faults=Faults(lose=1.0))
    async with sandbox, HeyGen(sandbox.api_key, base_url=sandbox.base_url) as heygen:
        receiver = WebhookReceiver(heygen)
        async with listening_at(receiver) as url:
            await receiver.ensure_registered(url)
            jobs = await asyncio.gather(
                *(heygen.videos.create(video_request(sandbox)) for _ in range(400))
            )

            async def delay(job: Job[Video]) -> tuple[float, float]:
                """When it ended, and how much later that was noticed."""
                completed_at = (await job.wait()).completed_at
                assert completed_at is not None
                ended = completed_at - sandbox.clock.epoch
                return ended, sandbox.clock.now() - ended

            delays = await asyncio.gather(*(delay(job) for job in jobs))
        assert len(delays) == sandbox.ledger.count("video") == 400
        assert receiver.counts.events == 0
        # The first sweep shows that nothing is delivered; from then on all is noticed as ever.
        assert max(late for ended, late in delays) < 62
        after = [late for ended, late in delays if ended > 62]
        assert len(after) > 100
        assert max(after) < 8


async def test_without_the_word_of_a_registration_the_first_deliveries_convince(
    sandbox: Sandbox, heygen: HeyGen
) -> None:
    receiver = WebhookReceiver(heygen, SECRET)
    async with listening_at(receiver) as url:
        endpoint = await heygen.webhooks.endpoints.create(url)
        assert endpoint.secret is not None
        receiver.add_secret(endpoint.secret)
        counts = []
        for _ in range(8):
            before = reads(sandbox)
            await (await heygen.videos.create(video_request(sandbox))).wait()
            counts.append(reads(sandbox) - before)
    assert counts[-1] <= 2  # at most one sweep in 100 s, and the detail
    assert counts[0] > counts[-1]


async def test_deliveries_settle_jobs_of_each_kind_that_they_tell_of(
    sandbox: Sandbox, heygen: HeyGen
) -> None:
    source = AssetUrl(url="https://files.example/launch.mp4")
    languages = ["French (France)"]

    async def late(job: Job[Any]) -> float:
        """How long after its delivery left its end was known."""
        await job.wait()
        now = sandbox.clock.now()
        (told,) = (one for one in sandbox.deliveries.records if one.event.entity_id == job.id)
        assert told.first_at is not None
        return now - told.first_at

    receiver = WebhookReceiver(heygen)
    async with listening_at(receiver) as url:
        await receiver.ensure_registered(url)
        heygen.jobs.expect_deliveries(["proofread", "video_agent_session"])
        jobs: list[Job[Any]] = [
            await heygen.videos.create(video_request(sandbox)),
            await heygen.video_agents.create(VideoAgentRequest(prompt="A teaser")),
            *await heygen.video_translations.create(
                VideoTranslationRequest(video=source, output_languages=languages)
            ),
            *await heygen.proofreads.create(
                ProofreadRequest(video=source, output_languages=languages, title="Launch")
            ),
            await heygen.ai_clipping.create(AiClippingRequest(video=source)),
        ]
        delays = await asyncio.gather(*(late(job) for job in jobs))
    assert max(delays) < 0.5
    assert receiver.counts.events == len(jobs)


async def test_callbacks_settle_jobs_end_to_end(sandbox: Sandbox, heygen: HeyGen) -> None:
    async with listening_at(WebhookReceiver(heygen)) as url:
        heygen.jobs.expect_deliveries(["video"])
        job = await heygen.videos.create(video_request(sandbox, url))
        await job.wait()
    assert sandbox.clock.now() < 100.5


async def test_a_closed_receiver_is_not_relied_on(sandbox: Sandbox, heygen: HeyGen) -> None:
    heygen.jobs.expect_deliveries(["video"])
    async with WebhookReceiver(heygen, SECRET):
        pass
    jobs = [await heygen.videos.create(video_request(sandbox)) for _ in range(20)]
    await asyncio.gather(*(job.wait() for job in jobs))
    assert sandbox.clock.now() < 103


async def test_callback_ids_are_unguessable_unless_given(sandbox: Sandbox, heygen: HeyGen) -> None:
    url = "http://127.0.0.1:9/nobody"
    first, second = [await heygen.videos.create(video_request(sandbox, url)) for _ in range(2)]
    assert first.callback_id != second.callback_id
    assert len(first.callback_id or "") == 32
    plain = await heygen.videos.create(video_request(sandbox))
    assert plain.callback_id is None
    # The same key is answered from the first request, so it must stand for the same id.
    keyed = [
        await heygen.videos.create(video_request(sandbox, url), idempotency_key="order-7")
        for _ in range(2)
    ]
    assert keyed[0].id == keyed[1].id
    assert keyed[0].callback_id == keyed[1].callback_id
    sent = [job.callback_id for job in (first, second, plain, keyed[0])]
    assert [job.callback_id for job in sandbox.ledger.jobs] == sent
    assert pickle.loads(pickle.dumps(first)).callback_id == first.callback_id


def test_deliveries_are_relied_on_while_they_come() -> None:
    trust = WebhookTrust()
    assert not trust.relies_on("video")
    trust.missed("video")
    for _ in range(3):
        assert not trust.relies_on("video")
        trust.notified("video")
    assert trust.relies_on("video")
    assert not trust.relies_on("video_translation")
    trust.expect("video")
    misses = 0
    while trust.relies_on("video"):
        trust.missed("video")
        misses += 1
    assert misses == 6
    for _ in range(100):  # one in two comes, and wins the race
        trust.notified("video")
        trust.missed("video")
    assert trust.relies_on("video")
    trust.clear()
    assert not trust.relies_on("video")


def test_pending_notifications_are_kept_within_bounds() -> None:
    pending = PendingNotifications()
    for number in range(25_000):
        pending.add(JobNotification("video", str(number)))
    assert len(pending) == 10_000
    assert pending.pop("video", "0") is None
    assert pending.pop("video", "24999") == JobNotification("video", "24999")
    assert pending.pop("video", "24999") is None
    pending.add(JobNotification("video", "20000", verified=False, callback_id="forged"))
    assert pending.pop("video", "20000") == JobNotification("video", "20000")
    for huge in (
        JobNotification("video", "x" * 201),
        JobNotification("v" * 201, "y"),
        JobNotification("video", "z", verified=False, callback_id="c" * 1_001),
    ):
        pending.add(huge)
        assert pending.pop(huge.kind, huge.job_id) is None
