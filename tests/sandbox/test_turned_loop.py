"""The loop with simulated time jumps over waits, but not over work in progress."""

from __future__ import annotations

import asyncio
import socket
import threading
import time

import pytest

from heygen_async.sandbox.turned_loop import TurnedEventLoop

from ..patience import PATIENCE


def test_waits_take_no_time() -> None:
    async def a_day() -> float:
        await asyncio.sleep(86_400)
        return asyncio.get_running_loop().time()

    began = time.monotonic()
    with asyncio.Runner(loop_factory=TurnedEventLoop) as runner:
        assert runner.run(a_day()) == pytest.approx(86_400)
    assert time.monotonic() - began < PATIENCE


def test_a_thread_that_outlives_the_run_is_waited_for() -> None:
    done = threading.Event()

    def work() -> None:
        time.sleep(0.05)
        done.set()

    async def main() -> None:
        asyncio.get_running_loop().run_in_executor(None, work)

    with asyncio.Runner(loop_factory=TurnedEventLoop) as runner:
        runner.run(main())
    assert done.is_set()


def test_no_time_passes_while_a_full_socket_waits_for_its_reader() -> None:
    near, far = socket.socketpair()

    def read_late() -> None:
        time.sleep(0.05)
        while far.recv(65_536):
            pass

    async def main() -> float:
        _, writer = await asyncio.open_connection(sock=near)
        async with asyncio.timeout(3600):
            writer.write(bytes(4_000_000))
            await writer.drain()
        writer.close()
        await writer.wait_closed()
        return asyncio.get_running_loop().time()

    reader = threading.Thread(target=read_late)
    reader.start()
    with far, asyncio.Runner(loop_factory=TurnedEventLoop) as runner:
        assert runner.run(main()) == 0
        reader.join()
