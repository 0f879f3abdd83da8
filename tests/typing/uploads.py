"""Uploads: one file, many files, and the cache of what was uploaded."""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable
from pathlib import Path
from typing import Any, BinaryIO, assert_type

from heygen_async import HeyGen, UploadCache, UploadedAsset, UploadOutcome


async def one(
    heygen: HeyGen,
    source: Path | str | bytes | BinaryIO | AsyncIterator[bytes],
    progress: Callable[[int, int], None],
) -> None:
    uploaded = await heygen.upload(
        source, filename="a.png", content_type="image/png", cache=UploadCache(), progress=progress
    )
    assert_type(uploaded, UploadedAsset)
    assert_type(await heygen.upload(source, idempotency_key="key"), UploadedAsset)


async def many(
    heygen: HeyGen,
    paths: Iterable[Path],
    named: AsyncIterable[tuple[str, bytes]],
    progress: Callable[[int, int], None],
) -> None:
    cache = UploadCache("uploads.db")
    async for outcome in heygen.upload_all(named, parallel=8, cache=cache, progress=progress):
        assert_type(outcome, UploadOutcome)
    async for outcome in heygen.upload_all(paths):
        assert_type(outcome.index, int)
        assert_type(outcome.source, Any)
        assert_type(outcome.result, UploadedAsset | None)
        assert_type(outcome.error, Exception | None)
        assert_type(outcome.ok, bool)
        assert_type(outcome.unwrap(), UploadedAsset)
