"""``RemoteFiles``: files in buckets and on other servers, through fsspec. Extra ``fsspec``."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from importlib import import_module
from pathlib import PurePath
from typing import Any, ClassVar, TypeVar, TypeVarTuple

from heygen_async.delivery.files import Fetch, FileStore, LocalFiles
from heygen_async.delivery.outage import Outage, TargetFailure
from heygen_async.delivery.patterns import FilePattern
from heygen_async.errors import ConfigurationError, TransferError
from heygen_async.session.diagnostics.redact import redact
from heygen_async.session.tasks import in_thread

T = TypeVar("T")
Ts = TypeVarTuple("Ts")

# Size of the parts of an upload, which are held in memory.
_PART = 8 << 20
_STEP = 1 << 20  # bytes for each call in a thread
# Exceptions that another attempt does not change.
_LASTING = (
    *(PermissionError, FileNotFoundError, IsADirectoryError, NotADirectoryError),
    *(NotImplementedError, ValueError, TypeError),
)


class RemoteFiles:
    """Files below a URL that fsspec knows, such as ``s3://bucket/``.

    A file is uploaded while it is downloaded, in parts of 8 MiB. Object stores show it when the
    upload is complete; elsewhere it is written as ``.name.part`` and then renamed. While the
    server cannot be reached, files wait for it.

    Args:
        root: The URL.
        name: The URL without a password, for messages.
        parallel: Maximum number of concurrent uploads.
        options: Arguments of the file system, as fsspec takes them.
        patience: Seconds for which files wait for the server; None waits indefinitely.

    Attributes:
        parallel: The same.
    """

    def __init__(
        self,
        root: str,
        *,
        name: str,
        parallel: int,
        options: Mapping[str, Any] | None = None,
        patience: float | None = 3600.0,
    ) -> None:
        self.parallel: int = parallel
        self._root = root
        self._name = name
        self._options = dict(options or {})
        self._outage = Outage(name, patience)
        self._threads: ThreadPoolExecutor
        self._fs: Any = None
        self._base = ""

    async def open(self) -> None:
        """Import the file system.

        Raises:
            ConfigurationError: fsspec or the package of the file system is not installed, or fsspec
                does not know the URL.
        """
        await in_thread(self._open)
        # A server that does not answer keeps its threads, but not those of others.
        self._threads = ThreadPoolExecutor(self.parallel, thread_name_prefix="heygen-delivery")

    async def keeps(self, path: PurePath, *, recorded: bool) -> bool:
        """Return whether the file was recorded; looking for thousands would take long."""
        return recorded

    async def is_anothers(self, path: PurePath, varying: int) -> bool:
        """Return False: names that differ in case are different."""
        return False

    async def write(self, fetch: Fetch, path: PurePath) -> None:
        """Write a file while it is downloaded."""
        await self._outage.attempt(lambda: self._write(fetch, path))

    async def aclose(self) -> None:
        """End the threads."""
        self._threads.shutdown(wait=False)

    async def _write(self, fetch: Fetch, path: PurePath) -> None:
        address = self._address(path)
        upload = await self._call(_Upload, self._fs, address)
        gathered = bytearray()

        async def write(chunk: bytes) -> None:
            gathered.extend(chunk)
            if len(gathered) >= _STEP:
                await self._call(upload.write, bytes(gathered))
                gathered.clear()

        try:
            await fetch(write)
            await self._call(upload.write, bytes(gathered))
            await self._call(upload.complete)
        except BaseException:
            with contextlib.suppress(TargetFailure):
                await self._call(upload.abort)
            raise

    async def _call(self, function: Callable[[*Ts], T], *arguments: *Ts) -> T:
        """Call a function of the file system in a thread.

        Raises:
            TargetFailure: It has failed.
        """
        try:
            return await in_thread(function, *arguments, executor=self._threads)
        except (asyncio.CancelledError, TargetFailure):
            raise
        except Exception as error:  # each file system has its own
            passing = not isinstance(error, _LASTING)
            reason = " ".join(redact(f"{type(error).__name__}: {error}").split())[:300]
            failure = TransferError(f"cannot write to {self._name}: {reason}")
        raise TargetFailure(failure, passing=passing)

    def _address(self, path: PurePath) -> str:
        return f"{self._base}/{path}" if self._base else str(path)

    def _open(self) -> None:
        try:
            fsspec = import_module("fsspec")
        except ImportError as error:
            raise ConfigurationError(
                f"to: {self._name} needs fsspec: pip install fsspec (the extra fsspec; {error})"
            ) from None
        try:
            self._fs, base = fsspec.core.url_to_fs(self._root, **self._options)
        except (ImportError, ValueError, TypeError) as error:
            raise ConfigurationError(f"to: {self._name} cannot be used: {error}") from None
        self._base = base.rstrip("/")


def file_store(
    pattern: FilePattern,
    parallel: int,
    *,
    options: Mapping[str, Any] | None = None,
    patience: float | None = 3600.0,
) -> FileStore:
    """Return the place of the files of a pattern.

    Args:
        pattern: The pattern.
        parallel: Maximum number of files that are written at the same time.
        options: Arguments of the fsspec file system of a URL.
        patience: Seconds for which files wait for the server of a URL; None waits indefinitely.
    """
    if not pattern.root:
        return LocalFiles(parallel)
    return RemoteFiles(
        pattern.root, name=pattern.name, parallel=parallel, options=options, patience=patience
    )


class _Upload:
    """An unfinished file. All methods block.

    Args:
        fs: The file system.
        address: The path of the file.
    """

    # Whether a file system can hold back a file until it is complete, by its class.
    _defers: ClassVar[dict[type, bool]] = {}
    _opening: ClassVar[threading.Lock] = threading.Lock()

    def __init__(self, fs: Any, address: str) -> None:
        self._fs = fs
        self._address = address
        folder, _, name = address.rpartition("/")
        self._part = f"{folder}/.{name}.part"
        if type(fs) not in self._defers:
            self._file = self._open(self._part, autocommit=False)
            self._defers[type(fs)] = self._deferred = self._commits_late()
            with contextlib.suppress(Exception):
                self._file.discard()
            self.abort()
        self._deferred = self._defers[type(fs)]
        self._file = self._open(
            address if self._deferred else self._part, autocommit=not self._deferred
        )

    def write(self, chunk: bytes) -> None:
        """Append bytes."""
        self._file.write(chunk)

    def complete(self) -> None:
        """Let the file appear under its name."""
        self._file.close()
        if self._deferred:
            self._file.commit()
            return
        try:
            self._fs.mv(self._part, self._address)
        except Exception:  # some servers do not replace a file
            if not self._fs.exists(self._address):
                raise
            self._fs.rm_file(self._address)
            self._fs.mv(self._part, self._address)

    def abort(self) -> None:
        """Remove what was written."""
        if self._deferred:
            try:
                self._file.discard()
            finally:
                self._file.closed = True  # or it would be written when it is collected
            return
        for remove in (self._file.close, partial(self._fs.rm_file, self._part)):
            with contextlib.suppress(Exception):  # the next attempt writes it anew
                remove()

    def _open(self, path: str, *, autocommit: bool) -> Any:
        options: dict[str, Any] = {"block_size": _PART, "autocommit": autocommit}
        with self._opening:
            try:
                file = self._fs.open(path, "wb", **options)
            except FileNotFoundError:
                self._fs.makedirs(path.rpartition("/")[0], exist_ok=True)
                file = self._fs.open(path, "wb", **options)
            if not autocommit:  # fsspec would keep it for a transaction
                self._fs.transaction.files.remove(file)
        return file

    def _commits_late(self) -> bool:
        buffered = import_module("fsspec.spec").AbstractBufferedFile
        commit = getattr(type(self._file), "commit", None)
        return isinstance(self._file, buffered) and commit is not buffered.commit
