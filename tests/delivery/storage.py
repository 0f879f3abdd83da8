"""Storages of fsspec for tests: one that can be taken down, a server, and one of objects."""

from __future__ import annotations

from typing import Any, ClassVar
from uuid import uuid4

import fsspec
from fsspec.implementations.memory import MemoryFileSystem
from fsspec.spec import AbstractBufferedFile, AbstractFileSystem


class FaultyStorage(MemoryFileSystem):  # type: ignore[misc]
    """Keeps files in memory.

    Attributes:
        error: Raised by each write, or None.
        refuses: Name of a file that is not opened for writing, or None.
        breaks_at: Number of bytes of a file after which writing fails, or None.
        opened: Number of files that were opened for writing.
    """

    protocol = "faulty"
    store: ClassVar[dict[str, Any]] = {}
    pseudo_dirs: ClassVar[list[str]] = [""]
    error: ClassVar[Exception | None] = None
    refuses: ClassVar[str | None] = None
    breaks_at: ClassVar[int | None] = None
    opened: ClassVar[int] = 0

    @classmethod
    def _strip_protocol(cls, path: str) -> str:
        stripped: str = super()._strip_protocol(path.removeprefix("faulty://"))
        return stripped

    def _open(self, path: str, mode: str = "rb", **options: Any) -> Any:
        if mode == "wb":
            type(self).opened += 1
            if self.error is not None:
                raise self.error
            if self.refuses and self.refuses in path:
                raise OSError(f"{self.refuses} is refused")
        file = super()._open(path, mode, **options)
        if self.breaks_at is not None:
            write, most = file.write, self.breaks_at

            def broken(chunk: bytes) -> int:
                if file.tell() + len(chunk) > most:
                    raise ConnectionResetError("the storage closed the connection")
                return int(write(chunk))

            file.write = broken
        return file

    @classmethod
    def reset(cls) -> None:
        """Forget all files and faults."""
        cls.store.clear()
        cls.pseudo_dirs[:] = [""]
        cls.error = cls.refuses = cls.breaks_at = None
        cls.opened = 0

    @classmethod
    def content(cls, path: str) -> bytes | None:
        """Return the content of a file, or None."""
        file = cls.store.get(f"/{path}")
        return None if file is None else bytes(file.getvalue())

    @classmethod
    def files(cls) -> dict[str, int]:
        """Return the sizes of all files by their path."""
        return {path.removeprefix("/"): file.size for path, file in cls.store.items()}


class ServerStorage(FaultyStorage):
    """Keeps files as a server does: those that are not committed elsewhere, and renames refused."""

    protocol = "server"
    store: ClassVar[dict[str, Any]] = {}
    pseudo_dirs: ClassVar[list[str]] = [""]

    @classmethod
    def _strip_protocol(cls, path: str) -> str:
        stripped: str = super()._strip_protocol(path.removeprefix("server://"))
        return stripped

    def _open(self, path: str, mode: str = "rb", autocommit: bool = True, **options: Any) -> Any:
        if autocommit:
            return super()._open(path, mode, **options)
        elsewhere = f"/elsewhere/{uuid4()}"
        file = super()._open(elsewhere, mode, **options)
        file.discard = lambda: self.rm_file(elsewhere)
        return file

    def mv(self, path1: str, path2: str, **options: Any) -> None:
        """Rename a file, but not onto another."""
        if self.exists(path2):
            raise FileExistsError(path2)
        super().mv(path1, path2, **options)


fsspec.register_implementation("server", ServerStorage, clobber=True)


class _Parts(AbstractBufferedFile):  # type: ignore[misc]
    """An upload in parts, which is seen when it is committed."""

    def _initiate_upload(self) -> None:
        self.parts: list[bytes] = []
        self.fs.uploads.add(id(self))

    def _upload_chunk(self, final: bool = False) -> bool:
        self.buffer.seek(0)
        self.parts.append(self.buffer.read())
        if final and self.autocommit:
            self.commit()
        return True

    def commit(self) -> None:
        """Show the file."""
        self.fs.store[self.path] = b"".join(self.parts)
        self.fs.uploads.discard(id(self))

    def discard(self) -> None:
        """Remove all parts."""
        self.fs.uploads.discard(id(self))


class ObjectStorage(AbstractFileSystem):  # type: ignore[misc]
    """Keeps objects in memory, as a bucket does.

    Attributes:
        uploads: Uploads that were neither completed nor removed.
    """

    protocol = "objects"
    store: ClassVar[dict[str, bytes]] = {}
    uploads: ClassVar[set[int]] = set()

    def _open(self, path: str, mode: str = "rb", **options: Any) -> Any:
        block_size = options.pop("block_size") // 8
        return _Parts(self, path, mode, block_size=block_size, **options)

    def info(self, path: str, **options: Any) -> dict[str, Any]:
        """Return the size of an object."""
        path = self._strip_protocol(path)
        if path not in self.store:
            raise FileNotFoundError(path)
        return {"name": path, "size": len(self.store[path]), "type": "file"}

    @classmethod
    def reset(cls) -> None:
        """Forget all objects, after all uploads have ended."""
        assert not cls.uploads
        cls.store.clear()

    @classmethod
    def content(cls, path: str) -> bytes | None:
        """Return the content of an object, or None."""
        return cls.store.get(path)

    @classmethod
    def files(cls) -> dict[str, int]:
        """Return the sizes of all objects by their path."""
        return {path: len(content) for path, content in cls.store.items()}


fsspec.register_implementation("objects", ObjectStorage, clobber=True)
fsspec.register_implementation("faulty", FaultyStorage, clobber=True)
