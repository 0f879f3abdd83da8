"""Pipes, devices and links in place of files, and who may read what is written."""

from __future__ import annotations

import asyncio
import os
import stat
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from heygen_async import Batch, HeyGen, UploadCache
from heygen_async.reports.page import write_report
from heygen_async.sandbox import Sandbox

from ..transfers_host import CONTENT, MediaFile, media_host
from .adversary import KEY, Adversary, Played, outcome_of

PRECIOUS = b"somebody's own"


def pipe(path: Path) -> None:
    os.mkfifo(path)


def link_to_a_file(path: Path) -> None:
    path.symlink_to(path.with_name("precious"))


def link_to_nothing(path: Path) -> None:
    path.symlink_to(path.with_name("planted"))


def link_to_a_device(path: Path) -> None:
    path.symlink_to(os.devnull)


def hard_link(path: Path) -> None:
    path.hardlink_to(path.with_name("precious"))


PLANTS = [pipe, link_to_a_file, link_to_nothing, link_to_a_device]


def folder_with(name: str, plant: Callable[[Path], None], folder: str) -> Path:
    Path(folder, "precious").write_bytes(PRECIOUS)
    plant(Path(folder, name))
    return Path(folder)


def harm_in(folder: Path) -> str:
    if (folder / "precious").read_bytes() != PRECIOUS:
        return "a link was written through"
    return "a link was followed" if (folder / "planted").exists() else ""


async def downloaded(name: str, plant: Callable[[Path], None]) -> Played:
    """Download beside what somebody has planted."""
    with TemporaryDirectory() as given:
        folder = folder_with(name, plant, given)
        async with media_host(MediaFile(CONTENT)) as host, HeyGen(KEY) as heygen:
            outcome = await outcome_of(heygen.download(host.url, folder / "a.mp4"))
            return Played(harm_in(folder) or outcome, len(host.seen))


async def run(journal: Path) -> str:
    """Render three items with a journal."""
    async with Sandbox(speed=1, durations={"video": (0.1, 0.1)}) as sandbox:
        template = sandbox.add_template()
        rows = [{"name": str(number)} for number in range(3)]
        async with (
            HeyGen(sandbox.api_key, base_url=sandbox.base_url) as heygen,
            Batch(heygen, journal=journal) as batch,
        ):
            return str(sum([one.ok async for one in batch.render(template, rows)]))


async def journaled(name: str, plant: Callable[[Path], None]) -> Played:
    """Run with a journal beside, or in the place of, what somebody has planted."""
    with TemporaryDirectory() as given:
        folder = folder_with(name, plant, given)
        outcome = await outcome_of(run(folder / "run.db"))
        return Played(harm_in(folder) or outcome, 0)


async def cached(plant: Callable[[Path], None]) -> Played:
    with TemporaryDirectory() as given:
        folder = folder_with("cache.db", plant, given)
        cache = UploadCache(folder / "cache.db")
        outcome = await outcome_of(cache.put(("a", "b", "c"), ("d", "e")))
        return Played(harm_in(folder) or outcome, 0)


async def modes() -> Played:
    """Make a journal, a report and an upload cache where everybody may read new files."""
    before = os.umask(0)
    try:
        with TemporaryDirectory() as folder:
            journal = Path(folder, "run.db")
            await run(journal)
            write_report(journal, Path(folder, "run.html"))
            await UploadCache(Path(folder, "cache.db")).put(("a", "b", "c"), ("d", "e"))
            found = {stat.S_IMODE(entry.stat().st_mode) for entry in os.scandir(folder)}
    finally:
        os.umask(before)
    return Played(", ".join(f"{mode:o}" for mode in sorted(found)), 0)


async def uploaded(send: Callable[[HeyGen, Path], Awaitable[object]]) -> Played:
    """Upload from a pipe that nobody writes to."""
    with TemporaryDirectory() as folder:
        path = Path(folder, "pipe.mp4")
        os.mkfifo(path)
        async with Sandbox(speed=1) as sandbox:
            async with HeyGen(sandbox.api_key, base_url=sandbox.base_url) as heygen:
                try:
                    outcome = await outcome_of(send(heygen, path))
                except TimeoutError:
                    outcome = "cancelled"
            return Played(outcome, sum(sandbox.requests.by_operation.values()))


async def by_path(heygen: HeyGen, path: Path) -> None:
    await heygen.upload(path)


async def by_open_file(heygen: HeyGen, path: Path) -> None:
    with os.fdopen(os.open(path, os.O_RDWR), "rb") as file:
        async with asyncio.timeout(1):
            await heygen.upload(file, filename="a.mp4")


ADVERSARIES = [
    *(
        Adversary(
            f"files: {plant.__name__.replace('_', ' ')} in place of {name}",
            partial(downloaded, name, plant),
            outcome,
            requests=1,
            seconds=5,
            megabytes=30,
        )
        for name, outcome in (
            (".a.mp4.part", "TransferError"),
            (".a.mp4.part.json", "TransferError"),
        )
        for plant in PLANTS
    ),
    *(
        Adversary(
            f"files: {plant.__name__.replace('_', ' ')} in place of a target",
            partial(downloaded, "a.mp4", plant),
            outcome,
            requests=1,
            seconds=5,
            megabytes=30,
        )
        for plant, outcome in (
            (pipe, "TransferError"),
            (link_to_a_device, "TransferError"),
            (link_to_a_file, "answered"),
            (link_to_nothing, "answered"),
        )
    ),
    *(
        Adversary(
            f"files: {plant.__name__.replace('_', ' ')} in place of a journal's lock",
            partial(journaled, "run.db.lock", plant),
            "JournalError",
            requests=0,
            seconds=5,
            megabytes=30,
        )
        for plant in PLANTS
    ),
    *(
        Adversary(
            f"files: {plant.__name__.replace('_', ' ')} in place of a journal",
            partial(journaled, "run.db", plant),
            "JournalError",
            requests=0,
            seconds=5,
            megabytes=30,
        )
        for plant in (pipe, link_to_a_file, link_to_a_device)
    ),
    *(
        Adversary(
            f"files: {plant.__name__.replace('_', ' ')} in place of an upload cache",
            partial(cached, plant),
            "UploadCacheError",
            requests=0,
            seconds=5,
        )
        for plant in (pipe, link_to_a_file, link_to_a_device)
    ),
    Adversary(
        "files: a umask of 0",
        modes,
        "600",
        requests=0,
        seconds=5,
        megabytes=30,
    ),
    Adversary(
        "files: an upload of a pipe",
        partial(uploaded, by_path),
        "InvalidRequest",
        requests=0,
        seconds=3,
    ),
    Adversary(
        "files: an upload of an open pipe, cancelled",
        partial(uploaded, by_open_file),
        "cancelled",
        requests=0,
        seconds=3,
    ),
]
