"""Keep the corrections of a chain's dubs and what was found in them, in a file of the chain."""

from __future__ import annotations

import contextlib
import logging
import threading
from pathlib import Path

import msgspec

from heygen_async.dubs.issues import Issue

logger: logging.Logger = logging.getLogger("heygen_async.pipelines")


class DubNote(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of the dub into one language.

    Attributes:
        source: The captions of the source as SRT text, or None.
        translated: The captions as HeyGen has translated them, as SRT text, or None.
        corrected: The captions as they were corrected, or None.
        issues: What a person should look at; None before it was checked.
    """

    source: str | None = None
    translated: str | None = None
    corrected: str | None = None
    issues: tuple[Issue, ...] | None = None


class DubNotes:
    """The notes about all languages, in memory and in a file. All methods block.

    A file that cannot be read or written is logged; the dubs themselves are not affected.

    Args:
        path: The file, or None to keep them in memory.
    """

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._notes: dict[str, DubNote] | None = None

    @classmethod
    def beside(cls, journal: Path | None) -> DubNotes:
        """Return the notes of a chain: of ``launch.db`` those in ``launch.dubs.json``.

        Args:
            journal: The journal that the chain was given, or None if it is not a file.
        """
        return cls(None if journal is None else journal.with_suffix(".dubs.json"))

    def read(self) -> dict[str, DubNote]:
        """Return the notes by language."""
        with self._lock:
            return dict(self._loaded())

    def note(self, language: str, **fields: object) -> None:
        """Change fields of a language's note."""
        with self._lock:
            notes = self._loaded()
            notes[language] = msgspec.structs.replace(notes.get(language, DubNote()), **fields)
            if self._path is None:
                return
            unfinished = self._path.with_name(f".{self._path.name}.part")
            try:
                unfinished.write_bytes(msgspec.json.encode(notes))
                unfinished.replace(self._path)
            except (OSError, UnicodeEncodeError) as error:
                logger.warning("%s: the notes about dubs are not kept: %s", self._path, error)
                with contextlib.suppress(OSError):
                    unfinished.unlink()

    def _loaded(self) -> dict[str, DubNote]:
        if self._notes is None:
            self._notes = {}
            if self._path is not None:
                try:
                    stored = self._path.read_bytes()
                    self._notes = msgspec.json.decode(stored, type=dict[str, DubNote])
                except FileNotFoundError:
                    pass
                except (OSError, msgspec.MsgspecError) as error:
                    logger.warning("%s: the notes about dubs are not used: %s", self._path, error)
        return self._notes
