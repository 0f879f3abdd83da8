"""Local videos of ``translate``: uploaded once, even if the run is started again."""

from __future__ import annotations

import asyncio
import hashlib
import os
import time
from pathlib import Path

import msgspec

from heygen_async.cli.exit_codes import CommandError
from heygen_async.client import HeyGen
from heygen_async.journal import JournalStore, journal_store
from heygen_async.models.sources import AssetId
from heygen_async.session.transfers.regular_files import open_private


class _Uploaded(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the list: a file and its asset."""

    sha256: str
    asset_id: str
    file: str
    uploaded_at: float


class Uploads:
    """Upload files, and record the asset of each beside the journal.

    The requests in the journal name assets, and must name the same assets when the run is resumed.
    So the file ``run.db.uploads`` beside the journal is a list in JSON lines of the hash of each
    file and its asset. An asset is in the list before a request that names it is sent; a file whose
    upload was interrupted is uploaded again, free of charge.

    Args:
        journal: The run's file, or None to record nothing. A run in a database has no file beside
            it, so nothing can be uploaded for it.
    """

    def __init__(self, journal: Path | JournalStore | None) -> None:
        self._in_database = False
        self._list: Path | None = None
        if journal is not None:
            path = journal_store(journal).path
            self._in_database = path is None
            self._list = None if path is None else Path(f"{path}.uploads")
        self._assets: dict[str, str] = {}
        self._hashes: dict[Path, str] = {}

    async def open(self) -> None:
        """Read the list.

        Raises:
            CommandError: The list cannot be read.
        """
        await asyncio.to_thread(self._read)

    async def known(self, path: Path) -> AssetId | None:
        """Return the asset of a file, or None if it was not uploaded yet.

        Args:
            path: The file; its content identifies it.

        Raises:
            CommandError: The file cannot be read.
        """
        sha256 = self._hashes[path] = await asyncio.to_thread(_sha256, path)
        asset_id = self._assets.get(sha256)
        return None if asset_id is None else AssetId(asset_id=asset_id)

    async def upload(self, heygen: HeyGen, path: Path) -> AssetId:
        """Upload a file that ``known`` did not find.

        Args:
            heygen: The client.
            path: The file.

        Raises:
            CommandError: The list cannot be written, or there is none.
            HeyGenError: The upload was refused.
        """
        if self._in_database:
            raise CommandError(
                f"{path}: a run in a database does not remember which asset a file has become; "
                "upload it with heygen-async upload and name the asset, or keep the run in a file"
            )
        asset_id = (await heygen.upload(path)).asset_id
        self._assets[self._hashes[path]] = asset_id
        await asyncio.to_thread(self._note, path, asset_id)
        return AssetId(asset_id=asset_id)

    def _read(self) -> None:
        if self._list is None:
            return
        try:
            lines = self._list.read_bytes().splitlines()
        except FileNotFoundError:
            return
        except OSError as error:
            raise CommandError(f"{self._list}: {error.strerror or error}") from None
        for line in lines:
            try:
                one = msgspec.json.decode(line, type=_Uploaded)
            except msgspec.DecodeError:
                continue  # truncated by a crash
            self._assets[one.sha256] = one.asset_id

    def _note(self, path: Path, asset_id: str) -> None:
        if self._list is None:
            return
        one = _Uploaded(
            sha256=self._hashes[path],
            asset_id=asset_id,
            file=str(path),
            uploaded_at=time.time(),
        )
        try:
            with open_private(self._list, "ab") as file:
                # A line that a crash has truncated must not corrupt this one.
                file.write(b"\n" + msgspec.json.encode(one) + b"\n")
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise CommandError(f"{self._list}: {error.strerror or error}") from None


def _sha256(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise CommandError(f"{path}: {error.strerror or error}") from None
