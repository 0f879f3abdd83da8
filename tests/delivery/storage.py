"""A storage that fsspec reaches as ``faulty://``, and that tests can take down."""

from __future__ import annotations

from typing import Any, ClassVar

import fsspec
from fsspec.implementations.memory import MemoryFileSystem


class FaultyStorage(MemoryFileSystem):  # type: ignore[misc]
    """Keeps files in memory.

    Attributes:
        error: Raised by each write, or None.
        breaks_at: Number of bytes of a file after which writing fails, or None.
        opened: Number of files that were opened for writing.
    """

    protocol = "faulty"
    store: ClassVar[dict[str, Any]] = {}
    pseudo_dirs: ClassVar[list[str]] = [""]
    error: ClassVar[Exception | None] = None
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
        cls.error = cls.breaks_at = None
        cls.opened = 0

    @classmethod
    def files(cls) -> dict[str, int]:
        """Return the sizes of all files by their path."""
        return {path.removeprefix("/"): file.size for path, file in cls.store.items()}


fsspec.register_implementation("faulty", FaultyStorage, clobber=True)
