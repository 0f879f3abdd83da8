"""Clients that are closed, not closed, pickled, or used on one event loop after the other."""

from __future__ import annotations

import asyncio
import logging
import pickle
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from aiohttp import web

from heygen_async import HeyGen, RequestTimeout
from heygen_async.sandbox import Fault, Sandbox
from heygen_async.session.settings import Retry, Timeout

from ..patience import PATIENCE
from ..web_servers import under_aiohttp
from .wire import client, video

ROOT = Path(__file__).parents[2]


def run_script(body: str) -> str:
    """Run a script on the real loop with warnings as errors, and return its output."""
    script = textwrap.dedent(
        """
        import asyncio, gc, io
        from heygen_async import HeyGen, TransferError
        from heygen_async.sandbox import Sandbox
        """
    ) + textwrap.dedent(body)
    done = subprocess.run(
        [sys.executable, "-X", "dev", "-W", "error", "-c", script],
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        cwd=ROOT,
        check=False,
    )
    # In development mode the loop also warns on a busy machine.
    complaints = [line for line in done.stderr.splitlines() if not line.startswith("Executing <")]
    assert (done.returncode, complaints) == (0, [])
    return done.stdout


def test_scripts_that_never_close_end_without_a_warning() -> None:
    out = run_script(
        """
        async def main(heygen, sandbox):
            async with sandbox:
                heygen = heygen or HeyGen(sandbox.api_key, base_url=sandbox.base_url)
                await heygen.users.me()
                try:
                    await heygen.download(f"{sandbox.media_origin}/media/x", io.BytesIO())
                except TransferError:
                    print("no such file")
                print(await heygen.videos.list().first_page())
                heygen.traffic  # it lives until here

        async def waits_for_a_job(sandbox):
            async with sandbox:
                heygen = HeyGen(sandbox.api_key, base_url=sandbox.base_url)
                from heygen_async import AvatarVideoRequest
                request = AvatarVideoRequest(avatar_id=sandbox.avatar_id, script="x")
                job = await heygen.videos.create(request)
                try:
                    await job.wait(timeout=0.1)
                except TimeoutError:
                    print("still running")

        asyncio.run(main(None, Sandbox()))
        asyncio.run(waits_for_a_job(Sandbox(speed=1)))
        gc.collect()
        """
    )
    assert "no such file" in out
    assert "still running" in out


def test_one_client_on_two_event_loops() -> None:
    out = run_script(
        """
        keys = ["sk_V2_of_all"]
        heygen = None

        async def main():
            global heygen
            async with Sandbox(api_keys=keys, port=heygen and int(heygen.port) or 0) as sandbox:
                if heygen is None:
                    heygen = HeyGen(sandbox.api_key, base_url=sandbox.base_url)
                    heygen.port = sandbox.base_url.rsplit(":", 1)[1]
                await asyncio.gather(*(heygen.users.me() for _ in range(5)))
                print(heygen.traffic.requests)

        async def closed():
            async with Sandbox(api_keys=keys, port=int(heygen.port)):
                async with heygen:
                    await heygen.users.me()
                await heygen.users.me()  # opens again
                print(heygen.traffic.requests)

        asyncio.run(main())
        asyncio.run(main())
        asyncio.run(closed())
        gc.collect()
        """
    )
    assert out.split() == ["5", "10", "12"]


def test_one_client_in_two_threads_at_a_time() -> None:
    out = run_script(
        """
        from heygen_async import ConfigurationError, Video

        def elsewhere(call):
            async def main():
                await call()
            try:
                asyncio.run(main())
            except ConfigurationError as error:
                print(error)

        async def main(sandbox):
            async with sandbox:
                heygen = HeyGen(sandbox.api_key, base_url=sandbox.base_url)
                await heygen.users.me()
                await asyncio.to_thread(elsewhere, heygen.users.me)
                await asyncio.to_thread(elsewhere, heygen.jobs.attach(Video, "video-1").wait)
                await heygen.users.me()
                await heygen.aclose()
                await asyncio.to_thread(elsewhere, heygen.users.me)  # in turn
                print(heygen.traffic.requests)

        asyncio.run(main(Sandbox()))
        """
    )
    refusal = (
        "this client is in use on the event loop of another thread; create one client for "
        "each event loop"
    )
    assert out.splitlines() == [refusal, refusal, "3"]


@pytest.mark.anyio
async def test_closed_while_a_call_waits(sandbox: Sandbox) -> None:
    heygen = client(sandbox)
    sandbox.faults.add("users.me", Fault.status(503, retry_after=20))
    waiting = asyncio.create_task(heygen.users.me())
    await asyncio.sleep(5)
    await heygen.aclose()
    # It continues over a new connection.
    assert await waiting
    await heygen.aclose()
    await heygen.aclose()


@pytest.mark.anyio
async def test_closed_while_a_call_is_on_its_way(sandbox: Sandbox) -> None:
    heygen = client(sandbox)
    sandbox.faults.add("videos.create", Fault.delay(20))
    going = asyncio.create_task(heygen.videos.create(video(sandbox)))
    await asyncio.sleep(5)
    await heygen.aclose()
    assert (await going).id == sandbox.ledger.jobs[0].id
    assert sandbox.ledger.count() == 1
    await heygen.aclose()


@pytest.mark.anyio
async def test_a_pickled_client_works(sandbox: Sandbox) -> None:
    original = client(sandbox, timeout=Timeout(read=9), retry=Retry(attempts=2), requests=7, jobs=3)
    await original.users.me()
    twin = pickle.loads(pickle.dumps(original))
    assert isinstance(twin, HeyGen)
    assert twin.slots.ceiling == 3
    assert twin.traffic.requests == 0
    async with original, twin:
        assert await twin.users.me() == await original.users.me()
        sandbox.faults.add("users.me", Fault.delay(5), times=8)
        began = asyncio.get_running_loop().time()
        await asyncio.gather(*(twin.users.me() for _ in range(8)))
        # Seven at once, then the eighth.
        assert asyncio.get_running_loop().time() - began == pytest.approx(10, abs=1)
        sandbox.faults.add("users.me", Fault.delay(20), times=2)
        with pytest.raises(RequestTimeout, match="within 9 s") as caught:
            await twin.users.me()
        assert caught.value.attempts == 2


@pytest.mark.anyio
async def test_connections_are_kept_between_looks() -> None:
    ports: list[int] = []

    async def look(request: web.Request) -> web.Response:
        assert request.transport is not None
        ports.append(request.transport.get_extra_info("peername")[1])
        return web.json_response({"data": {}})

    app = web.Application()
    app.router.add_get("/v3/videos/abc", look)
    async with (
        under_aiohttp(app, keepalive_timeout=600) as address,
        HeyGen("sk_V2_anything", base_url=address) as heygen,
    ):
        for _ in range(3):
            await heygen.request("GET", "/v3/videos/abc")
            await asyncio.sleep(60)
    assert len(ports) == 3
    assert len(set(ports)) == 1


@pytest.mark.anyio
async def test_deprecation_is_logged_once(
    sandbox: Sandbox, heygen: HeyGen, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(3):
        await heygen.request("GET", "/v2/templates")
        await heygen.request("GET", "/v3/users/me")
    warnings = [record for record in caplog.records if record.levelno == logging.WARNING]
    assert [record.getMessage() for record in warnings] == [
        "GET /v2/templates is deprecated by the API"
    ]
