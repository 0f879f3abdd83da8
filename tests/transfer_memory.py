"""Uploads and downloads as a process of its own, which prints how far its memory grew, in bytes.

python -m tests.transfer_memory BASE_URL MEDIA_URL FILE MEGABYTES
"""

from __future__ import annotations

import asyncio
import json
import re
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

from heygen_async import HeyGen, Retry

MB = 1_000_000


def resident(name: str) -> int:
    """Bytes of this process: ``VmRSS`` now, ``VmHWM`` at most since ``clear_refs``."""
    found = re.search(rf"{name}:\s+(\d+) kB", Path("/proc/self/status").read_text())
    assert found is not None
    return int(found[1]) * 1024


def begin_anew() -> None:
    """Set the high-water mark to what is resident now."""
    Path("/proc/self/clear_refs").write_text("5")


async def growth(work: Callable[[], Awaitable[object]]) -> int:
    begin_anew()
    before = resident("VmRSS")
    await work()
    return resident("VmHWM") - before


async def blocks(count: int) -> AsyncIterator[bytes]:
    block = bytes(MB)
    for _ in range(count):
        yield block


async def main(base_url: str, media_url: str, file: str, megabytes: str) -> None:
    to = Path(file).with_name("back.mp4")
    retry = Retry(first=0.01)
    async with HeyGen("sk_V2_mine", base_url=base_url, retry=retry) as heygen:
        # Memory that is loaded once does not count as growth.
        await heygen.upload(b"ID3" + bytes(MB))
        await heygen.upload(blocks(1), filename="a.mp4")
        grown = {
            "path": await growth(lambda: heygen.upload(file)),
            "iterator": await growth(
                lambda: heygen.upload(blocks(int(megabytes)), filename="a.mp4")
            ),
            "download": await growth(lambda: heygen.download(media_url, to)),
        }
    print(json.dumps({**grown, "downloaded": to.stat().st_size}))


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
