"""``RedisSlots`` among processes, with real servers, broken connections and killed processes."""

from __future__ import annotations

import asyncio
import logging
import math
import os
import pickle
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from heygen_async import AvatarVideoRequest, ConfigurationError, HeyGen, SlotsUnavailable
from heygen_async.distributed import RedisDeliveryLog, RedisServer, RedisSlots
from heygen_async.errors import RateLimited
from heygen_async.sandbox import Fault, Sandbox

from ..patience import PATIENCE, wait_for
from ..valkey import Proxy, Valkey, connection

pytestmark = [pytest.mark.anyio, pytest.mark.skipif(sys.platform == "win32", reason="signals")]

ROOT = Path(__file__).parents[2]
TTL = 1.0


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.01)


@contextmanager
def holder(url: str, account: str, slots: int, ttl: float = TTL) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.distributed.holder", url, account, str(slots), str(ttl)],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        with process:
            assert process.stdout is not None
            assert process.stdout.readline() == "held\n"
            yield process
    finally:
        process.kill()


def ask(process: subprocess.Popen[str]) -> tuple[int, int]:
    """How many leases the holder has lost, and how many slots the account holds."""
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write("\n")
    process.stdin.flush()
    lost, held = process.stdout.readline().split()
    return int(lost), int(held)


@pytest.fixture
async def proxy(redis_url: str) -> AsyncIterator[Proxy]:
    port = RedisServer(redis_url).address.rpartition(":")[2]
    async with Proxy(int(port)) as proxy:
        yield proxy


@pytest.fixture
def valkey() -> Iterator[Valkey]:
    """A server of the test's own."""
    with Valkey() as server:
        yield server


# Among processes.


async def test_a_slot_that_is_given_back_wakes_another_process(
    redis_url: str, account: str
) -> None:
    async with (
        RedisSlots(redis_url, account=account, ceiling=2, poll=60) as here,
        RedisSlots(redis_url, account=account, ceiling=2, poll=60) as there,
    ):
        first, _ = await here.acquire(), await here.acquire()
        waiting = asyncio.create_task(there.acquire())
        await until(lambda: there.stats().held == 2)
        began = time.monotonic()
        first.release()
        lease = await waiting
        assert time.monotonic() - began < 5  # a message, not a poll
        assert not lease.lost


async def test_first_in_first_out_across_processes(redis_url: str, account: str) -> None:
    async with (
        RedisSlots(redis_url, account=account, ceiling=1) as here,
        RedisSlots(redis_url, account=account, ceiling=1) as there,
    ):
        lease = await here.acquire()
        order: list[int] = []

        async def wait(number: int) -> None:
            pool = (here, there)[number % 2]
            mine = await pool.acquire("interactive" if number >= 6 else "bulk")
            order.append(number)
            mine.release()

        async with asyncio.TaskGroup() as tasks:
            for number in range(8):
                tasks.create_task(wait(number))
                await asyncio.sleep(0.1)  # so that they reach the server one after the other
            lease.release()
        assert order == [6, 7, 0, 1, 2, 3, 4, 5]


async def test_one_refusal_shrinks_the_limit_and_pauses_all(redis_url: str, account: str) -> None:
    async with (
        RedisSlots(redis_url, account=account) as here,
        RedisSlots(redis_url, account=account) as there,
    ):
        assert not there.closed
        leases = [await here.acquire() for _ in range(3)]
        leases[0].accepted()
        leases[1].accepted()
        refused = asyncio.create_task(leases[2].refused(0.5))
        await until(lambda: there.closed)
        began = time.monotonic()
        probe = await there.wait_open(60)
        assert time.monotonic() - began > 0.3
        assert there.limit == 2
        with pytest.raises(RateLimited):  # the probe is on its way
            await here.wait_open(1)
        probe.accepted()
        probe.release()
        await until(lambda: not here.closed)
        leases[0].release()
        await refused
        assert there.stats().refusals == 1


async def test_a_killed_process_gives_its_slots_back(redis_url: str, account: str) -> None:
    with holder(redis_url, account, 4) as process:
        async with RedisSlots(redis_url, account=account, ceiling=4, ttl=TTL) as pool:
            waiting = [asyncio.create_task(pool.acquire()) for _ in range(4)]
            await asyncio.sleep(2 * TTL)
            assert not any(task.done() for task in waiting)  # nothing is taken from the living
            process.kill()
            began = time.monotonic()
            await asyncio.gather(*waiting)
            assert time.monotonic() - began < 1.5 * TTL + 1  # the machine may be busy


async def test_a_suspended_process_finds_its_leases_lost(redis_url: str, account: str) -> None:
    with holder(redis_url, account, 4) as process:
        async with RedisSlots(redis_url, account=account, ceiling=4, ttl=TTL) as pool:
            process.send_signal(signal.SIGSTOP)
            leases = [await pool.acquire() for _ in range(4)]
            await asyncio.sleep(TTL)
            process.send_signal(signal.SIGCONT)
            lost, _ = await asyncio.to_thread(ask, process)
            assert lost == 4
            # Its two jobs run on, so they count; nobody else lost anything.
            await until(lambda: pool.stats().held == 6)
            assert not any(lease.lost for lease in leases)


async def test_a_dead_caller_at_the_head_of_the_queue(redis_url: str, account: str) -> None:
    async with RedisSlots(redis_url, account=account, ceiling=4, ttl=TTL) as pool:
        leases = [await pool.acquire() for _ in range(4)]
        command = [sys.executable, "-m", "tests.distributed.holder", redis_url, account, "4", "1"]
        process = await asyncio.create_subprocess_exec(
            *command, env=os.environ | {"PYTHONPATH": str(ROOT)}
        )
        try:  # it waits before us
            with connection(redis_url) as redis:
                await until(lambda: redis.zcard(f"heygen:{{{account}}}:slots:queue"))
        finally:
            process.kill()
            await process.wait()
        waiting = asyncio.create_task(pool.acquire())
        leases[0].release()
        async with asyncio.timeout(TTL + 30):  # the machine may be busy
            await waiting


# A server that is away.


async def test_nothing_is_submitted_without_a_lease_while_the_server_is_away(
    proxy: Proxy, account: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with RedisSlots(proxy.url, account=account, ceiling=2, patience=1) as pool:
        lease = await pool.acquire()
        lease.accepted()
        proxy.go_away()
        began = time.monotonic()
        with pytest.raises(SlotsUnavailable, match="does not answer; nothing was sent"):
            await pool.acquire()
        assert 0.9 < time.monotonic() - began < PATIENCE
        assert [record.levelname for record in caplog.records] == ["WARNING"]
        assert "does not answer" in caplog.text
        with pytest.raises(SlotsUnavailable):
            await pool.acquire("interactive", 0.1)
        waiting = asyncio.create_task(pool.acquire())
        await asyncio.sleep(0.1)
        proxy.accepts = True
        await waiting  # back again
        assert pool.stats().held == 2
        assert not lease.lost
        assert "answers again" in caplog.text


@pytest.mark.sandbox(speed=600)
async def test_interactive_creates_go_on_while_the_server_is_away(
    sandbox: Sandbox, proxy: Proxy, account: str
) -> None:
    pool = RedisSlots(proxy.url, account=account)
    request = AvatarVideoRequest(avatar_id=sandbox.avatar_id, script="Hello")
    async with (
        pool,
        HeyGen(sandbox.api_key, base_url=sandbox.base_url, jobs=pool) as heygen,
    ):
        job = await heygen.videos.create(request)
        lease = await pool.acquire()
        with pytest.raises(RateLimited):
            await lease.refused(500, 1)  # submissions pause
        await until(lambda: pool.closed)
        proxy.go_away()
        await until(lambda: not pool.closed)
        sandbox.faults.add("videos.create", Fault.status(429, retry_after=1))
        await heygen.videos.create(request)  # refused once, and sent again
        await job.wait()


@pytest.mark.parametrize("fault", ["cut", "half_close", "deaf", "delay"])
async def test_broken_connections_lose_no_slot(proxy: Proxy, account: str, fault: str) -> None:
    server = RedisServer(proxy.url, timeout=0.5)
    async with RedisSlots(server, account=account, ceiling=3, ttl=60) as pool:

        async def work() -> None:
            for _ in range(10):
                lease = await pool.acquire()
                lease.accepted()
                await asyncio.sleep(0.01)
                lease.release()

        async def break_it() -> None:
            for _ in range(4):
                await asyncio.sleep(0.15)
                if fault == "delay":
                    proxy.delay = 0.7 - proxy.delay  # longer than the timeout, and back
                elif fault == "deaf":
                    proxy.deaf = not proxy.deaf
                else:
                    getattr(proxy, fault)()

        async with asyncio.timeout(PATIENCE):
            await asyncio.gather(*(work() for _ in range(6)), break_it())
        proxy.deaf, proxy.delay = False, 0.0
        await until(lambda: pool.stats().held == 0)
        assert (pool.stats().running, pool.stats().waiting) == (0, 0)


async def test_a_server_that_comes_back_empty_gets_its_data_from_the_processes(
    valkey: Valkey, account: str
) -> None:
    async with (
        RedisSlots(valkey.url, account=account) as here,
        RedisSlots(valkey.url, account=account) as there,
    ):
        leases = [await pool.acquire() for pool in (here, there) for _ in range(2)]
        for lease in leases[:3]:
            lease.accepted()
        refused = await there.acquire()
        with pytest.raises(RateLimited):
            await refused.refused(5, 1)
        await until(lambda: here.stats().limit == there.stats().limit == 3)
        waiting = asyncio.create_task(there.acquire())
        await asyncio.sleep(0.1)
        valkey.kill()
        await asyncio.sleep(0.2)
        valkey.start()
        await until(lambda: leases[3].lost)  # nothing is submitted under it
        with connection(valkey.url) as redis:
            state = f"heygen:{{{account}}}:slots:state"
            await until(lambda: redis.hmget(state, "running", "limit") == [b"3", b"3"])
        leases[0].release()
        await waiting


async def test_a_durable_server_may_be_killed(account: str) -> None:
    with Valkey(durable=True) as valkey:
        async with RedisSlots(valkey.url, account=account, ceiling=2) as pool:
            first, second = await pool.acquire(), await pool.acquire()
            first.accepted()
            valkey.kill()
            waiting = asyncio.create_task(pool.acquire())
            await asyncio.sleep(0.2)
            second.release()
            valkey.start()
            await waiting
            assert not first.lost
            assert (pool.stats().held, pool.stats().running) == (2, 1)


@contextmanager
def cluster() -> Iterator[tuple[Valkey, Valkey]]:
    """Two nodes, each with half of the hash slots."""
    with ExitStack() as stack:
        nodes, clients = [], []
        for first, last in ((0, 8191), (8192, 16383)):
            with socket.socket() as free:
                free.bind(("127.0.0.1", 0))
                bus = str(free.getsockname()[1])
            options = ["--cluster-enabled", "yes", "--cluster-port", bus]
            options += ["--cluster-require-full-coverage", "no"]
            node = stack.enter_context(Valkey(*options))
            client = stack.enter_context(connection(node.url))
            client.execute_command("CLUSTER", "ADDSLOTSRANGE", first, last)
            nodes.append(node)
            clients.append(client)
        clients[0].execute_command("CLUSTER", "MEET", "127.0.0.1", nodes[1].port, bus)
        wait_for(
            lambda: all(
                client.execute_command("CLUSTER", "INFO").startswith(b"cluster_state:ok")
                for client in clients
            )
        )
        yield nodes[0], nodes[1]


async def run_one_more(pool: RedisSlots) -> None:
    running = pool.stats().running
    (await pool.acquire()).accepted()
    await until(lambda: pool.stats().running == running + 1)


async def test_an_account_is_on_one_node_of_a_cluster_and_any_node_leads_there(
    account: str, caplog: pytest.LogCaptureFixture
) -> None:
    with cluster() as nodes, ExitStack() as stack:
        clients = [stack.enter_context(connection(node.url)) for node in nodes]
        for node in nodes:
            # A script whose keys were in several hash slots would be refused.
            async with RedisSlots(node.url, account=account, ceiling=2) as pool:
                await run_one_more(pool)
                assert await RedisDeliveryLog(node.url, account=account).begin(node.url, 9) == "new"
        found = [client.keys() for client in clients]
        (keys,) = filter(None, found)
        assert len(keys) > 4
        slots = {clients[0].execute_command("CLUSTER", "KEYSLOT", key) for key in keys}
        assert len(slots) == 1
        assert not caplog.records
        # The node that has the account dies, and the other one takes over, without its data.
        gone, heir = nodes if found[0] else nodes[::-1]
        client = clients[nodes.index(heir)]
        async with RedisSlots(heir.url, account=account, ceiling=2) as pool:
            await run_one_more(pool)
            gone.kill()
            for slot in slots:
                myself = client.execute_command("CLUSTER", "MYID")
                client.execute_command("CLUSTER", "SETSLOT", slot, "NODE", myself)
            await run_one_more(pool)
            assert client.keys()


async def test_the_servers_password_is_nowhere(
    account: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    with Valkey("--requirepass", "the-secret-one") as valkey:
        for password in ("the-secret-one", "another-secret"):
            url = valkey.url.replace("//", f"//:{password}@")
            async with RedisSlots(url, account=account, patience=0.5) as pool:
                text = repr(pool)
                if password == "the-secret-one":
                    await pool.acquire()
                else:
                    with pytest.raises(SlotsUnavailable) as caught:
                        await pool.acquire()
                    text += repr(caught.value)
                assert "secret" not in text
    assert "invalid" in caplog.text
    assert "secret" not in caplog.text
    with pytest.raises(ConfigurationError, match="percent-encoded") as refused:
        RedisSlots("redis://:se/cret@127.0.0.1:1/0", account=account)
    assert "cret@" not in str(refused.value)
    assert refused.value.__context__ is None or "cret" not in str(refused.value.__cause__)


# Without a server.


def test_settings() -> None:
    for wrong in ({"account": ""}, {"account": "a{b}"}, {"ttl": 0}, {"patience": -1}, {"poll": 0}):
        with pytest.raises(ConfigurationError, match=next(iter(wrong))):
            RedisSlots("redis://127.0.0.1:1", **{"account": "a", **wrong})  # type: ignore[arg-type]
    with pytest.raises(ConfigurationError, match="ceiling"):
        RedisSlots("redis://127.0.0.1:1", account="a", ceiling=0)
    with pytest.raises(ConfigurationError, match="redis: expected a URL"):
        RedisSlots("http://127.0.0.1:1", account="a")


async def test_it_pickles_with_its_client(redis_url: str, account: str) -> None:
    pool = RedisSlots(redis_url, account=account, ceiling=7, reserve=2, ttl=9)
    heygen = pickle.loads(pickle.dumps(HeyGen("key", jobs=pool)))
    copy = heygen.slots
    assert repr(copy) == repr(pool)
    async with copy:
        lease = await copy.acquire("bulk", math.inf)
        lease.release()


def test_the_package_loads_no_redis_and_names_the_extra() -> None:
    code = """
import sys
import heygen_async
heygen_async.HeyGen
assert "redis" not in sys.modules
sys.modules["redis.asyncio"] = None
try:
    from heygen_async.distributed import RedisSlots
except ImportError as error:
    print(error)
"""
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == (
        "heygen_async.distributed needs redis-py: pip install redis (the extra redis)"
    )
