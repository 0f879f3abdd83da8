"""``RedisDeliveryLog`` keeps what ``DeliveryLog`` promises, and ends waits in other processes."""

from __future__ import annotations

import asyncio
import logging
import pickle
import time
from uuid import uuid4

import pytest
from redis.exceptions import RedisError

from heygen_async import AvatarVideoRequest, HeyGen, WebhookReceiver
from heygen_async.distributed import RedisDeliveryLog, RedisServer
from heygen_async.sandbox import Sandbox
from heygen_async.webhooks import DeliveryLog, JobNotification

from ..conformance.delivery_log import DeliveryLogConformance, Stores
from ..patience import PATIENCE
from ..valkey import Proxy, TurnedServer
from ..web_servers import under_aiohttp
from .test_redis_slots import until


class RedisStore:
    """A database that outlives the processes that use it."""

    survives = "all"

    def __init__(self, url: str) -> None:
        self._server = TurnedServer(url)
        self._account = uuid4().hex

    async def open(self) -> DeliveryLog:
        return RedisDeliveryLog(self._server, account=self._account)

    async def crash(self) -> None:
        pass

    async def aclose(self) -> None:
        pass


@pytest.fixture(scope="module")
def stores(redis_url: str) -> Stores:
    return lambda: RedisStore(redis_url)


class TestRedisDeliveryLog(DeliveryLogConformance):
    """The suite."""


def log_of(server: str | RedisServer, account: str) -> RedisDeliveryLog:
    return RedisDeliveryLog(server, account=account)


@pytest.mark.anyio
@pytest.mark.sandbox(speed=600, durations={"video": 600.0})
async def test_a_delivery_to_one_process_ends_a_wait_in_another(
    sandbox: Sandbox, redis_url: str, account: str
) -> None:
    one, other = log_of(redis_url, account), log_of(redis_url, account)
    async with (
        HeyGen(sandbox.api_key, base_url=sandbox.base_url) as receiving,
        HeyGen(
            sandbox.api_key,
            base_url=sandbox.base_url,
            deliveries=other,
            expected={"video": 100_000},  # no poll finds it
        ) as waiting,
    ):
        receiver = WebhookReceiver(receiving, log=one)
        async with under_aiohttp(receiver.aiohttp_app()) as url:
            endpoint = await receiver.ensure_registered(f"{url}/", ["avatar_video.success"])
            assert endpoint is not None
            request = AvatarVideoRequest(avatar_id=sandbox.avatar_id, script="Hello")
            job = await waiting.videos.create(request)
            waiting.jobs.expect_deliveries(["video"])
            video = await job.wait(timeout=PATIENCE)
            assert video.video_url
            await until(lambda: receiver.counts.events == 1)
            assert "videos.statuses" not in sandbox.requests.by_operation


@pytest.mark.anyio
@pytest.mark.sandbox(speed=600, durations={"video": 600.0})
async def test_a_poll_finds_it_if_the_server_is_away(
    sandbox: Sandbox, redis_url: str, account: str
) -> None:
    port = int(RedisServer(redis_url).address.rpartition(":")[2])
    async with (
        Proxy(port) as proxy,
        HeyGen(
            sandbox.api_key,
            base_url=sandbox.base_url,
            deliveries=log_of(proxy.url, account),
            expected={"video": 1},
        ) as heygen,
    ):
        request = AvatarVideoRequest(avatar_id=sandbox.avatar_id, script="Hello")
        job = await heygen.videos.create(request)
        waiting = asyncio.create_task(job.wait(timeout=PATIENCE))
        await asyncio.sleep(0.3)
        proxy.go_away()
        video = await waiting
        assert video.video_url


@pytest.mark.anyio
async def test_only_kind_and_id_of_verified_jobs_pass_through(redis_url: str, account: str) -> None:
    passed: list[str] = []
    log = log_of(redis_url, account)
    channel = f"heygen:{{{account}}}:jobs"
    opened = asyncio.Event()
    task = asyncio.create_task(
        RedisServer(redis_url).listen(
            [channel], lambda _, message: passed.append(message), opened.set
        )
    )
    await opened.wait()
    await log.publish(JobNotification("video", "forged", verified=False, callback_id="guessed"))
    await log.publish(JobNotification("video", "v1"))
    await until(lambda: passed)
    task.cancel()
    assert passed == ['{"kind":"video","job_id":"v1"}']


@pytest.mark.anyio
async def test_odd_messages_are_logged_and_the_rest_are_heard(
    redis_url: str, account: str, caplog: pytest.LogCaptureFixture
) -> None:
    heard: list[JobNotification] = []
    log = log_of(redis_url, account)
    server = RedisServer(redis_url)
    async with log.subscribe(heard.append), server.connect() as redis:
        with caplog.at_level(logging.CRITICAL):
            await server.publish(redis, f"heygen:{{{account}}}:jobs", b'{"kind":1}')
            await log.publish(JobNotification("video", "v1"))
            await until(lambda: heard)
    assert heard == [JobNotification("video", "v1")]


@pytest.mark.anyio
async def test_an_app_starts_while_the_server_is_away(account: str) -> None:
    log = log_of("redis://127.0.0.1:1", account)
    began = time.monotonic()
    async with log.subscribe(lambda notification: None):
        assert time.monotonic() - began < PATIENCE
    with pytest.raises(RedisError, match="connecting to 127"):
        await log.begin("e", 1)


def test_it_pickles(redis_url: str, account: str) -> None:
    log = log_of(redis_url, account)
    heygen = pickle.loads(pickle.dumps(HeyGen("key", deliveries=log)))
    assert repr(pickle.loads(pickle.dumps(log))) == repr(log)
    assert isinstance(heygen, HeyGen)
