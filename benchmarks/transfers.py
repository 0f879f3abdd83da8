"""Measure the CPU time of transfers, as a multiple of the same transfer written by hand.

*Down*: one file of 500 MB to the disk. *Up*: one file of 200 MB by a direct upload, with its
checksum. *Small*: 1,000 files of 100 kB, 8 at a time. By hand each is the least that keeps a file
whole: aiohttp, blocks of 1 MB that a thread writes, and a name that a file gets when it is
complete; a small file is received in memory, and one hop to a thread writes and renames it. The
server runs in another process. Rounds come in pairs, and each ratio is the median of theirs.

    python benchmarks/transfers.py [--json]
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import os
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import aiohttp
from job_server import running
from rounds import Compared, compare, cpu_seconds
from tables import report

from heygen_async import HeyGen

MB = 1_000_000
DOWN, UP = 500 * MB, 200 * MB
FILES, SMALL, AT_ONCE = 1_000, 100_000, 8
BLOCK = 1024 * 1024
KEY = "sk_V2_benchmark"


async def down(base_url: str, folder: Path, size: int) -> None:
    """Download one large file."""
    async with HeyGen(KEY, base_url=base_url, trust_env=False) as heygen:
        assert await heygen.download(f"{base_url}/files/{size}.mp4", folder / "ours.mp4") == size


async def down_by_hand(base_url: str, folder: Path, size: int) -> None:
    """Download it by hand."""
    path, part = folder / "bare.mp4", folder / ".bare.mp4.part"
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"{base_url}/files/{size}.mp4") as response,
    ):
        with part.open("wb", buffering=0) as file:
            gathered = bytearray()
            async for chunk in response.content.iter_any():
                gathered += chunk
                if len(gathered) >= BLOCK:
                    await asyncio.to_thread(file.write, bytes(gathered))
                    gathered.clear()
            await asyncio.to_thread(file.write, bytes(gathered))
    assert part.stat().st_size == size
    await asyncio.to_thread(part.replace, path)


async def up(base_url: str, folder: Path, size: int) -> None:
    """Upload one large file."""
    async with HeyGen(KEY, base_url=base_url, trust_env=False) as heygen:
        assert (await heygen.upload(folder / f"{size}.mp4")).asset_id == "a1"


async def up_by_hand(base_url: str, folder: Path, size: int) -> None:
    """Upload it by hand: create, PUT, complete with the checksum of what was sent."""
    digest = hashlib.sha256()

    def block_of(file: int) -> bytes:
        block = os.read(file, BLOCK)
        digest.update(block)
        return block

    async def blocks(file: int) -> AsyncIterator[bytes]:
        while block := await asyncio.to_thread(block_of, file):
            yield block

    async with aiohttp.ClientSession(headers={"x-api-key": KEY}) as session:
        direct = f"{base_url}/v3/assets/direct-uploads"
        async with session.post(direct, json={"filename": "a.mp4", "size_bytes": size}) as answer:
            data = (await answer.json())["data"]
        file = os.open(folder / f"{size}.mp4", os.O_RDONLY)
        try:
            async with aiohttp.ClientSession() as storage:
                headers = data["upload_headers"] | {"Content-Length": str(size)}
                body = blocks(file)
                async with storage.put(data["upload_url"], data=body, headers=headers) as answer:
                    assert answer.status == 200
        finally:
            os.close(file)
        checksum = {"checksum_sha256": digest.hexdigest()}
        async with session.post(f"{direct}/a1/complete", json=checksum) as answer:
            assert (await answer.json())["data"]["asset_id"] == "a1"


async def small(base_url: str, folder: Path, files: int) -> None:
    """Download many small files."""
    async with HeyGen(KEY, base_url=base_url, trust_env=False) as heygen:

        async def one(number: int) -> None:
            await heygen.download(f"{base_url}/files/{SMALL}.mp4", folder / f"{number}.mp4")

        await at_once(files, one)


async def small_by_hand(base_url: str, folder: Path, files: int) -> None:
    """Download them by hand."""

    def keep(content: bytes, path: Path) -> None:
        part = path.with_name(f".{path.name}.part")
        part.write_bytes(content)
        part.replace(path)

    async with aiohttp.ClientSession() as session:

        async def one(number: int) -> None:
            async with session.get(f"{base_url}/files/{SMALL}.mp4") as response:
                content = await response.read()
            assert len(content) == SMALL
            await asyncio.to_thread(keep, content, folder / f"{number}.mp4")

        await at_once(files, one)


async def at_once(files: int, one: Callable[[int], Awaitable[None]]) -> None:
    """Do this for each number, a few at a time."""
    numbers = iter(range(files))

    async def worker() -> None:
        for number in numbers:
            await one(number)

    await asyncio.gather(*(worker() for _ in range(AT_ONCE)))


def compared(
    base_url: str,
    ours: Callable[[str, Path, int], Awaitable[None]],
    by_hand: Callable[[str, Path, int], Awaitable[None]],
    amount: int,
    rounds: int,
    source: int = 0,
) -> Compared:
    """Compare two ways of one transfer, each round in a new folder.

    Args:
        base_url: The server.
        ours: The transfer through the client.
        by_hand: The same transfer by hand.
        amount: The bytes of the file, or the number of files.
        rounds: Number of pairs.
        source: The size of the file that is uploaded.
    """

    def cost_of(transfer: Callable[[str, Path, int], Awaitable[None]]) -> float:
        async def run() -> None:
            await transfer(base_url, folder, amount)

        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            if source:
                path = folder / f"{source}.mp4"
                path.write_bytes(b"\0\0\0\x18ftypmp42" + bytes(source - 12))
            return cpu_seconds(lambda: asyncio.run(run()))

    return compare(lambda: cost_of(ours), lambda: cost_of(by_hand), rounds)


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--json", action="store_true", help="print one JSON object")
    arguments.add_argument("--rounds", type=int, default=5, help="pairs of rounds")
    arguments.add_argument("--down", type=int, default=DOWN, help="bytes of the download")
    arguments.add_argument("--up", type=int, default=UP, help="bytes of the upload, over 32 MB")
    arguments.add_argument("--files", type=int, default=FILES, help="number of small files")
    options = arguments.parse_args()
    with running() as url:
        cases = {
            "down": compared(url, down, down_by_hand, options.down, options.rounds),
            "up": compared(url, up, up_by_hand, options.up, options.rounds, options.up),
            "small": compared(url, small, small_by_hand, options.files, options.rounds),
        }
    what = {
        "down": f"one download of {options.down / MB:,.0f} MB, s",
        "up": f"one upload of {options.up / MB:,.0f} MB, s",
        "small": f"{options.files:,} downloads of {SMALL / 1000:,.0f} kB, s",
    }
    rows = [
        {"what": what[name], "measured": case.measured, "by hand": case.reference}
        for name, case in cases.items()
    ]
    figures = {f"{name}_ratio": round(case.ratio, 3) for name, case in cases.items()}
    report("CPU time of transfers, and its ratio to transfers by hand", rows, figures, options.json)


if __name__ == "__main__":
    main()
