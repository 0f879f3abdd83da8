"""Keep the corrections of dubs and what was found in them, in a file beside their journal."""

from __future__ import annotations

import logging
import threading
from pathlib import Path

import msgspec

from heygen_async.dubs.issues import Issue
from heygen_async.session.transfers.regular_files import open_private

logger: logging.Logger = logging.getLogger("heygen_async.dubs")


class DubNote(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of one dub.

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
    """The notes about dubs, in memory and in a file. All methods block.

    Each change is a line at the end of the file; the last one about a dub counts. A file that
    cannot be read or written is logged; the dubs themselves are not affected.

    Args:
        path: The file, or None to keep them in memory.
    """

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._notes: dict[str, DubNote] | None = None

    @classmethod
    def beside(cls, journal: Path | None) -> DubNotes:
        """Return the notes of a run or a chain: of ``launch.db`` those in ``launch.dubs.jsonl``.

        Args:
            journal: The journal that the run or the chain was given, or None if it is not a file.
        """
        return cls(None if journal is None else journal.with_suffix(".dubs.jsonl"))

    def read(self) -> dict[str, DubNote]:
        """Return the notes by language, or by the key of the dub."""
        with self._lock:
            return dict(self._loaded())

    def of(self, key: str) -> DubNote | None:
        """Return the note about a dub, or None."""
        with self._lock:
            return self._loaded().get(key)

    def note(self, key: str, **fields: object) -> None:
        """Change fields of the note about a dub."""
        with self._lock:
            notes = self._loaded()
            notes[key] = msgspec.structs.replace(notes.get(key, DubNote()), **fields)
            if self._path is None:
                return
            try:
                # The first line feed ends a line that was cut off.
                line = b"\n%b\n" % msgspec.json.encode((key, notes[key]))
                with open_private(self._path, "ab") as file:
                    file.write(line)
            except (OSError, UnicodeEncodeError) as error:
                logger.warning("%s: the notes about dubs are not kept: %s", self._path, error)

    def _loaded(self) -> dict[str, DubNote]:
        if self._notes is None:
            self._notes = {}
            if self._path is not None:
                try:
                    with self._path.open("rb") as file:
                        for line in file:
                            self._load(line)
                except FileNotFoundError:
                    pass
                except OSError as error:
                    logger.warning("%s: the notes about dubs are not used: %s", self._path, error)
        return self._notes

    def _load(self, line: bytes) -> None:
        if line.strip() and self._notes is not None:
            try:
                key, note = msgspec.json.decode(line, type=tuple[str, DubNote])
            except msgspec.MsgspecError as error:
                logger.warning("%s: a note about a dub is not used: %s", self._path, error)
            else:
                self._notes[key] = note
