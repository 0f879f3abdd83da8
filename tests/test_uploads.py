"""``heygen.upload`` and ``heygen.upload_all``: progress, what is remembered, many at a time."""

from __future__ import annotations

import asyncio
import gc
import io
import os
import pickle
import random
import sqlite3
import sys
import threading
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import anyio
import pytest

from heygen_async import (
    BadRequest,
    HeyGen,
    Hooks,
    InvalidRequest,
    RequestEvent,
    RetryEvent,
    UploadCache,
    UploadCacheError,
    UploadOutcome,
)
from heygen_async.sandbox import Fault, Sandbox

from .transfers_host import listing

pytestmark = [pytest.mark.anyio, pytest.mark.sandbox(api_keys=["sk_V2_one", "sk_V2_two"])]

PNG = b"\x89PNG\r\n\x1a\n" + random.Random(4).randbytes(3_000)
MB = 1024**2
LIMIT = "heygen_async.endpoints.assets.MULTIPART_LIMIT"


@pytest.fixture(params=["memory", "file"])
def cache(request: pytest.FixtureRequest, tmp_path: Path) -> UploadCache:
    return UploadCache(tmp_path / "uploads.db" if request.param == "file" else None)


def sent(sandbox: Sandbox) -> int:
    """How many requests with a file have come."""
    return sandbox.requests.by_operation.get("assets.upload", 0)


async def chunks(data: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(data), 1_000):
        yield data[start : start + 1_000]


# Progress


@pytest.mark.parametrize("direct", [False, True])
async def test_progress(heygen: HeyGen, monkeypatch: pytest.MonkeyPatch, direct: bool) -> None:
    if direct:
        monkeypatch.setattr(LIMIT, 100)
    seen: list[tuple[int, int]] = []
    size = 2 * MB + 1
    asset = await heygen.upload(
        bytes(size), filename="a.mp4", progress=lambda *now: seen.append(now)
    )
    assert asset.size_bytes == size
    assert seen == [(MB, size), (2 * MB, size), (size, size)]


@pytest.mark.parametrize("direct", [False, True])
async def test_progress_counts_a_repeated_attempt_from_its_start(
    heygen: HeyGen, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, direct: bool
) -> None:
    if direct:
        monkeypatch.setattr(LIMIT, 100)
    sandbox.faults.add("media" if direct else "assets.upload", Fault.drop())
    seen: list[int] = []
    source = chunks(b"ID3" + bytes(MB))  # read once, sent twice
    await heygen.upload(source, progress=lambda now, _: seen.append(now))
    assert seen == [MB, MB + 3] * 2


@pytest.mark.parametrize("direct", [False, True])
async def test_what_progress_raises_comes_out(
    heygen: HeyGen, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, direct: bool
) -> None:
    if direct:
        monkeypatch.setattr(LIMIT, 100)

    def broken(now: int, size: int) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await heygen.upload(bytes(3 * MB), filename="a.mp4", progress=broken)
    assert [asset async for asset in heygen.assets.list("sandbox")] == []


# What is remembered


async def test_the_same_bytes_are_sent_once(
    heygen: HeyGen, sandbox: Sandbox, cache: UploadCache, tmp_path: Path
) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(PNG)
    seen: list[tuple[int, int]] = []
    one = await heygen.upload(path, cache=cache)
    for source in (path, PNG, io.BytesIO(PNG), chunks(PNG)):
        again = await heygen.upload(
            source, filename="b.png", cache=cache, progress=lambda *now: seen.append(now)
        )
        assert again.asset_id == one.asset_id
        assert (again.mime_type, again.size_bytes) == ("image/png", len(PNG))
        assert await heygen.download(again.url, io.BytesIO()) == len(PNG)
    assert sent(sandbox) == 1
    assert seen == [(len(PNG), len(PNG))] * 4

    other_type = await heygen.upload(PNG, content_type="image/jpeg", cache=cache)
    assert other_type.asset_id != one.asset_id
    other_bytes = await heygen.upload(PNG + b"more", cache=cache)
    assert other_bytes.asset_id != one.asset_id
    assert sent(sandbox) == 3
    await heygen.upload(PNG)
    assert sent(sandbox) == 4  # without a cache


async def test_a_large_file_is_remembered(
    heygen: HeyGen, sandbox: Sandbox, cache: UploadCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(LIMIT, 100)
    one = await heygen.upload(PNG, cache=cache)
    assert (await heygen.upload(PNG, cache=cache)).asset_id == one.asset_id
    assert sandbox.requests.by_operation["media"] == 1


async def test_an_asset_that_was_deleted_is_uploaded_anew(
    heygen: HeyGen, sandbox: Sandbox, cache: UploadCache
) -> None:
    one = await heygen.upload(PNG, cache=cache)
    await heygen.assets.delete(one.asset_id)
    two = await heygen.upload(PNG, cache=cache)
    assert two.asset_id != one.asset_id
    assert (await heygen.upload(PNG, cache=cache)).asset_id == two.asset_id
    assert sent(sandbox) == 2


async def test_accounts_are_kept_apart(
    heygen: HeyGen, sandbox: Sandbox, cache: UploadCache, tmp_path: Path
) -> None:
    first = await heygen.upload(PNG, cache=cache)
    async with HeyGen("sk_V2_two", base_url=sandbox.base_url) as other_key:
        second = await other_key.upload(PNG, cache=cache)
    async with HeyGen(token="sk_V2_one", base_url=sandbox.base_url) as same_secret:
        assert (await same_secret.upload(PNG, cache=cache)).asset_id == first.asset_id
    async with (
        Sandbox(speed=1, api_keys=("sk_V2_one",)) as elsewhere,
        HeyGen("sk_V2_one", base_url=elsewhere.base_url) as other_host,
    ):
        await other_host.upload(PNG, cache=cache)
        assert sent(elsewhere) == 1
    assert first.asset_id != second.asset_id
    assert sent(sandbox) == 2
    # A client gets its own back.
    assert (await heygen.upload(PNG, cache=cache)).asset_id == first.asset_id
    assert not any(b"sk_V2" in (tmp_path / name).read_bytes() for name in listing(tmp_path))


async def test_the_same_bytes_at_the_same_time_are_sent_once(
    heygen: HeyGen, sandbox: Sandbox, cache: UploadCache
) -> None:
    sandbox.faults.add("assets.upload", Fault.status(400))
    # An upload that fails leaves the file to the next one.
    results = await asyncio.gather(
        *(heygen.upload(PNG, cache=cache) for _ in range(5)), return_exceptions=True
    )
    failed = [result for result in results if isinstance(result, BaseException)]
    assert [type(error) for error in failed] == [BadRequest]
    assert (
        len({result.asset_id for result in results if not isinstance(result, BaseException)}) == 1
    )
    assert sent(sandbox) == 2


async def test_a_file_outlives_the_cache(heygen: HeyGen, sandbox: Sandbox, tmp_path: Path) -> None:
    path = tmp_path / "uploads.db"
    await heygen.upload(PNG, cache=UploadCache(path))
    cache = pickle.loads(pickle.dumps(UploadCache(str(path))))
    await heygen.upload(PNG, cache=cache)
    assert sent(sandbox) == 1
    assert repr(cache) == f"UploadCache('{path}')"
    assert listing(tmp_path) == ["uploads.db"]


async def test_a_file_of_an_odd_name_is_one(
    heygen: HeyGen, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    await heygen.upload(PNG, cache=UploadCache(":memory:"))
    assert (tmp_path / ":memory:").exists()


class Changing(io.BytesIO):
    """A file that is another one after it was read to its end."""

    def read(self, size: int | None = -1, /) -> bytes:
        chunk = super().read(size)
        if len(chunk) == len(PNG):
            self.getbuffer()[-1] ^= 1
        return chunk


async def test_a_file_that_changes_meanwhile_is_not_remembered(
    heygen: HeyGen, sandbox: Sandbox, cache: UploadCache
) -> None:
    await heygen.upload(Changing(PNG), cache=cache)
    await heygen.upload(PNG, cache=cache)
    assert sent(sandbox) == 2


def garbage(path: Path) -> None:
    path.write_bytes(b"no database at all" * 100)


def another_database(path: Path) -> None:
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE mine (x)")
    connection.close()


def nowhere(path: Path) -> None:
    pass


@pytest.mark.parametrize(
    ("make", "name", "says"),
    [
        (garbage, "uploads.db", "not a database"),
        (another_database, "uploads.db", "another SQLite database"),
        (Path.mkdir, "uploads.db", "unable to open"),
        (nowhere, "no/folder/uploads.db", "unable to open"),
    ],
)
async def test_a_cache_that_cannot_be_used(
    heygen: HeyGen,
    sandbox: Sandbox,
    tmp_path: Path,
    make: Callable[[Path], None],
    name: str,
    says: str,
) -> None:
    path = tmp_path / name
    make(path)
    before = path.read_bytes() if path.is_file() else None
    with pytest.raises(UploadCacheError, match=says) as caught:
        await heygen.upload(PNG, cache=UploadCache(path))
    assert caught.value.path == str(path)
    assert str(path) in str(caught.value)
    assert not sandbox.requests.by_operation
    assert before == (path.read_bytes() if path.is_file() else None)


async def test_a_key_and_a_cache_do_not_go_together(heygen: HeyGen, cache: UploadCache) -> None:
    with pytest.raises(InvalidRequest, match="idempotency_key: cannot be combined with cache"):
        await heygen.upload(PNG, cache=cache, idempotency_key="mine")


# Many at a time


async def gathered(outcomes: AsyncGenerator[UploadOutcome]) -> list[UploadOutcome]:
    return sorted([outcome async for outcome in outcomes], key=lambda outcome: outcome.index)


async def broken_source() -> AsyncIterator[bytes]:
    yield b"ID3"
    raise ZeroDivisionError


@pytest.mark.parametrize("asynchronous", [False, True])
async def test_one_bad_file_does_not_stop_the_rest(
    heygen: HeyGen, tmp_path: Path, asynchronous: bool
) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(PNG)
    files: list[Any] = [path, "no/such/file.png", ("named.pdf", b"%PDF"), b"?", broken_source()]
    files += [("swapped", "named", b"x"), io.BytesIO(PNG), str(path)]

    async def each() -> AsyncIterator[Any]:
        for file in files:
            await asyncio.sleep(1)
            yield file

    outcomes = await gathered(heygen.upload_all(each() if asynchronous else files))
    assert [outcome.index for outcome in outcomes] == list(range(8))
    assert [outcome.source for outcome in outcomes] == files
    assert [outcome.ok for outcome in outcomes] == [True, False, True, False, False, False] + [
        True
    ] * 2
    bad = [type(outcome.error) for outcome in outcomes if not outcome.ok]
    assert bad == [InvalidRequest, InvalidRequest, ZeroDivisionError, InvalidRequest]
    assert (await heygen.assets.get(outcomes[2].unwrap().asset_id)).name == "named.pdf"
    with pytest.raises(InvalidRequest, match="No such file"):
        outcomes[1].unwrap()


async def test_no_more_than_so_many_at_a_time(heygen: HeyGen, sandbox: Sandbox) -> None:
    sandbox.faults.add("assets.upload", Fault.delay(10), times=9)
    pulled = 0

    def files() -> Iterator[bytes]:
        nonlocal pulled
        for _ in range(9):
            assert threading.current_thread() is not threading.main_thread()
            pulled += 1
            yield PNG

    ahead = []
    began = asyncio.get_running_loop().time()
    count = 0
    async for _ in heygen.upload_all(files(), parallel=3):
        count += 1
        ahead.append(pulled - count)
    assert count == 9
    assert max(ahead) <= 3  # two that run, and one that waits for a place
    assert 30 <= asyncio.get_running_loop().time() - began < 40


async def test_progress_of_many(heygen: HeyGen, sandbox: Sandbox, tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    path.write_bytes(bytes(3 * MB))
    files: list[Any] = [path, ("b.mp4", bytes(2 * MB)), ("c.mp4", b"12"), "missing.mp4"]
    total = 5 * MB + 2
    seen: list[tuple[int, int]] = []

    def note(now: int, size: int) -> None:
        seen.append((now, size))

    await gathered(heygen.upload_all(files, progress=note))
    assert {size for _, size in seen} == {total}
    assert seen == sorted(seen)
    assert seen[-1] == (total, total)

    # From an iterator the sizes turn up one by one, and a file that fails counts no longer.
    seen.clear()
    sandbox.faults.add("assets.upload", Fault.status(400))
    await gathered(heygen.upload_all(iter(files), progress=note, parallel=1))
    assert seen[:3] == [(MB, 3 * MB), (2 * MB, 3 * MB), (3 * MB, 3 * MB)]
    assert seen[3] == (0, 0)
    assert seen[-1] == (2 * MB + 2, 2 * MB + 2)


async def test_what_progress_raises_ends_everything(heygen: HeyGen, tmp_path: Path) -> None:
    def broken(now: int, size: int) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await gathered(heygen.upload_all([PNG] * 9, progress=broken))
    assert left_running() == []


async def test_a_source_that_breaks_off(heygen: HeyGen) -> None:
    def files() -> Iterator[bytes]:
        yield PNG
        yield PNG
        raise ZeroDivisionError

    outcomes = heygen.upload_all(files())
    assert (await anext(outcomes)).ok
    assert (await anext(outcomes)).ok
    with pytest.raises(ZeroDivisionError):
        await anext(outcomes)


async def test_many_with_a_cache(heygen: HeyGen, sandbox: Sandbox, cache: UploadCache) -> None:
    outcomes = await gathered(heygen.upload_all([PNG] * 6, cache=cache))
    assert len({outcome.unwrap().asset_id for outcome in outcomes}) == 1
    assert sent(sandbox) == 1


async def test_nothing_to_upload(heygen: HeyGen) -> None:
    assert await gathered(heygen.upload_all([])) == []


@pytest.mark.parametrize("sources", ["a.png", b"bytes", Path("a.png"), io.BytesIO(PNG), None])
async def test_one_file_in_place_of_many(heygen: HeyGen, sources: Any) -> None:
    with pytest.raises(InvalidRequest, match="expected an iterable of files"):
        heygen.upload_all(sources)
    with pytest.raises(InvalidRequest, match="parallel: expected 1 or more"):
        heygen.upload_all([PNG], parallel=0)


# Cancellation


def left_running() -> list[str]:
    """The tasks that run code of many uploads."""
    tasks = (str(task.get_coro()) for task in asyncio.all_tasks())
    return [task for task in tasks if "_outcome" in task or "_next" in task]


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize("how", ["cancelled", "closed"])
async def test_leaving_early_leaves_nothing(
    heygen: HeyGen,
    sandbox: Sandbox,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    how: str,
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    sandbox.faults.add("assets.upload", Fault.delay(60), after=1, times=9)
    closed = False

    async def files() -> AsyncIterator[Any]:
        nonlocal closed
        try:
            for _ in range(9):
                yield chunks(PNG)
        finally:
            closed = True

    def held() -> list[str]:
        targets = []
        for number in os.listdir("/proc/self/fd"):
            try:
                targets.append(os.readlink(f"/proc/self/fd/{number}"))
            except FileNotFoundError:
                continue  # that of the listing
        return [target for target in targets if target.startswith(str(tmp_path))]

    arrived = asyncio.Event()
    outcomes = heygen.upload_all(files())

    async def iterate() -> None:
        async for _ in outcomes:
            arrived.set()

    if how == "cancelled":
        task = asyncio.create_task(iterate())
        await arrived.wait()
        await asyncio.sleep(1)
        assert left_running()
        assert len(held()) == 4
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    else:
        await anext(outcomes)
        await asyncio.sleep(1)
        assert len(held()) >= 3
        await outcomes.aclose()
    assert left_running() == []
    assert held() == []
    assert closed
    assert listing(tmp_path) == []


async def test_a_file_that_opens_while_its_upload_is_cancelled_is_closed(
    heygen: HeyGen, tmp_path: Path
) -> None:
    loop = asyncio.get_running_loop()
    path = tmp_path / "a.png"
    path.write_bytes(PNG)

    tasks: list[asyncio.Task[Any]] = []

    class Cancelling(os.PathLike[str]):
        """Asked for its name by the thread that opens it."""

        def __fspath__(self) -> str:
            loop.call_soon_threadsafe(tasks[0].cancel)
            return str(path)

    tasks.append(asyncio.create_task(heygen.upload(Cancelling())))
    with pytest.raises(asyncio.CancelledError):
        await tasks[0]
    # An open file would be reported as a ResourceWarning, which fails the test.
    tasks.clear()
    gc.collect()


async def test_a_cancel_scope_leaves_no_cleanup_half_done(heygen: HeyGen) -> None:
    closed: list[str] = []

    async def slow() -> AsyncIterator[bytes]:
        try:
            await asyncio.Event().wait()
            yield b""
        finally:
            await asyncio.sleep(1)
            closed.append("file")

    async def sources() -> AsyncGenerator[tuple[str, AsyncIterator[bytes]]]:
        try:
            while True:
                yield "a.png", slow()
        finally:
            await asyncio.sleep(1)
            closed.append("sources")

    with anyio.move_on_after(5) as scope:
        async for _ in heygen.upload_all(sources(), parallel=2):
            pass
    assert scope.cancelled_caught
    assert closed == ["file", "file", "sources"]


async def test_what_progress_raises_ends_the_upload_at_once(
    sandbox: Sandbox, heygen: HeyGen
) -> None:
    """Also where it raises what a broken connection might raise, too."""
    events: list[RequestEvent | RetryEvent] = []
    heygen.add_hooks(Hooks(on_request=events.append, on_retry=events.append))
    failure = ValueError("no more")

    def progress(sent: int, size: int) -> None:
        raise failure

    with pytest.raises(ValueError, match="no more"):
        await heygen.upload(PNG, filename="a.png", progress=progress)
    retry, ended = events
    assert isinstance(retry, RetryEvent)
    assert isinstance(ended, RequestEvent)
    assert ended.error is failure
    assert ended.attempts == 1


async def test_names_that_are_none(heygen: HeyGen, tmp_path: Path) -> None:
    number: Any = 5
    with pytest.raises(InvalidRequest, match="filename: expected text, got int"):
        await heygen.upload(PNG, filename=number)
    with pytest.raises(UploadCacheError, match="null"):
        await heygen.upload(PNG, filename="a.png", cache=UploadCache("a\0b"))

    class Path:
        def __fspath__(self) -> bytes:
            return os.fsencode(tmp_path / "a.png")

    (tmp_path / "a.png").write_bytes(PNG)
    path: Any = Path()
    assert (await heygen.upload(path)).mime_type == "image/png"


async def test_the_file_of_a_cache_is_for_its_owner_alone(heygen: HeyGen, tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        await heygen.upload(PNG, cache=UploadCache(tmp_path / "uploads.db"))
    finally:
        os.umask(before)
    assert (tmp_path / "uploads.db").stat().st_mode & 0o777 == 0o600
