"""Every file store keeps the promises of the protocol."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

import pytest

from heygen_async.delivery.files import LocalFiles
from heygen_async.delivery.remote_files import RemoteFiles
from tests.conformance.file_store import SCENARIOS, Implementation, Place
from tests.delivery.storage import FaultyStorage, ObjectStorage, ServerStorage

pytestmark = pytest.mark.anyio


@contextmanager
def a_folder(tmp_path: Path) -> Iterator[Place]:
    path = tmp_path / "out" / "folder" / "a.mp4"

    def others() -> set[str]:
        files = (one for one in tmp_path.rglob("*") if one.is_file())
        return {one.name for one in files} - {path.name}

    yield Place(LocalFiles(4), path, lambda: path.read_bytes() if path.exists() else None, others)


def storage_of(kind: type[FaultyStorage] | type[ObjectStorage]) -> Implementation:
    @contextmanager
    def make(tmp_path: Path) -> Iterator[Place]:
        kind.reset()
        root = f"{kind.protocol}://bucket/"
        store = RemoteFiles(root, name=root, parallel=4, patience=60)
        yield Place(
            store,
            PurePosixPath("folder/a.mp4"),
            lambda: kind.content("bucket/folder/a.mp4"),
            lambda: {name.rpartition("/")[2] for name in kind.files()} - {"a.mp4"},
        )
        kind.reset()

    return Implementation(f"{kind.protocol} storage", make)


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.__name__)
@pytest.mark.parametrize(
    "implementation",
    [
        Implementation("folder", a_folder),
        storage_of(FaultyStorage),
        storage_of(ServerStorage),
        storage_of(ObjectStorage),
    ],
    ids=lambda one: one.name,
)
async def test_a_store_keeps_its_promises(
    implementation: Implementation, scenario: Callable[[Place], Awaitable[None]], tmp_path: Path
) -> None:
    with implementation.make(tmp_path) as place:
        await place.store.open()
        await scenario(place)
        await place.store.aclose()
