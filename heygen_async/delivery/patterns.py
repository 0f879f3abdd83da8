"""Paths of the files of a run, from a pattern."""

from __future__ import annotations

import hashlib
import os
import string
import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath, PurePosixPath
from typing import Any, Protocol
from urllib.parse import quote, urlsplit

from heygen_async.errors import InvalidRequest
from heygen_async.models.outputs import OUTPUTS, Output
from heygen_async.session.diagnostics.escaping import escaped

# Names that Windows reserves for devices, with any ending.
_DEVICES = frozenset(
    ["con", "prn", "aux", "nul", *(f"{port}{n}" for port in ("com", "lpt") for n in range(1, 10))]
)
_PUNCTUATION = frozenset("-_.,()+@ ")
# File systems allow 255 bytes; the ending and the suffix of an unfinished download are added.
_LONGEST = 200
_FIELDS = ("key", "index", "job_id")
# Endings of additional files: the ending in the URL if it is listed here, otherwise the first.
_ENDINGS: dict[Output, tuple[str, ...]] = {
    "captioned": (".captioned.mp4",),
    "subtitles": (".srt", ".vtt"),
    "thumbnail": (".jpg", ".jpeg", ".png", ".webp"),
    "gif": (".gif",),
    "audio": (".mp3", ".wav", ".m4a", ".aac"),
}


class Named(Protocol):
    """The values that name the files of an item, such as an ``Outcome``."""

    @property
    def key(self) -> str:
        """Its key."""

    @property
    def index(self) -> int:
        """Its position among the items, from 0."""

    @property
    def job_id(self) -> str | None:
        """Its job, or None."""


@dataclass(frozen=True, slots=True)
class PatternItem:
    """An item before its run.

    Attributes:
        key: Its key.
        index: Its position among the items, from 0.
        job_id: None.
    """

    key: str
    index: int
    job_id: str | None = None


def file_stem(name: str) -> str:
    """Return a file name without ending for a text; it never leads out of its folder.

    Letters and digits of all scripts are kept; other characters become underscores.
    """
    name = unicodedata.normalize("NFC", name)
    kept = "".join(c if c.isalnum() or c in _PUNCTUATION else "_" for c in name)
    kept = kept.encode()[:_LONGEST].decode(errors="ignore")
    kept = kept.lstrip(". ").rstrip(". ") or "_"
    return f"_{kept}" if kept.split(".")[0].lower() in _DEVICES else kept


def is_url(pattern: str | os.PathLike[str]) -> bool:
    """Return whether a pattern is a URL, such as ``s3://bucket/{key}.mp4``, and not a path."""
    scheme, separator, _ = os.fspath(pattern).partition("://")
    # One letter is a drive of Windows.
    return bool(separator) and len(scheme) > 1 and scheme.replace("+", "").isalnum()


class FilePattern:
    """Paths of outcomes, from a pattern: ``videos/{key}.mp4``.

    ``{key}``, ``{index}`` (also ``{index:05}``) and ``{job_id}`` stand for the values of the
    outcome, and other names for columns of its row. Their values never lead out of the folder:
    characters that are not allowed in file names become underscores, and a name changed in this
    way gets eight digits computed from the original, so two values never share a name.

    Args:
        pattern: The pattern: a path, or a URL whose first part, such as the bucket, is fixed.
        also: Additional files of each result. They are named after the main file, with an ending of
            their own: ``Ada.srt``, ``Ada.captioned.mp4``.
        columns: Returns the columns of an outcome's row; None if the pattern may have none.

    Attributes:
        also: Additional files of each result.
        root: The fixed part of a URL, such as ``s3://bucket/``; empty for a path.
        columns: Names of the columns in the pattern.
        lasting: Whether an existing file belongs to its item even after other items were added or
            removed. A pattern with only ``{index}`` does not guarantee this.
        varying: Number of path components, counted from the end, that differ between items.
        distinct: Whether two items cannot have the same path, since one of its components contains
            the key, the position or the job and nothing else that varies.

    Raises:
        InvalidRequest: The pattern has an unknown placeholder, or none, so that all outcomes would
            share one file; its URL cannot be used; or ``also`` names an unknown kind of file.
    """

    def __init__(
        self,
        pattern: str | os.PathLike[str],
        also: Sequence[Output] = (),
        columns: Callable[[Any], Mapping[str, Any]] | None = None,
    ) -> None:
        if isinstance(also, str) or not set(also) <= set(OUTPUTS):
            raise InvalidRequest(
                f"also: expected a list of {', '.join(OUTPUTS)}, got {also!r}", param="also"
            )
        self.also: tuple[Output, ...] = tuple(dict.fromkeys(also))
        text = os.fspath(pattern)
        self.root: str = _root(text) if is_url(text) else ""
        self._columns = columns
        self._pattern = text = text.removeprefix(self.root)
        try:
            parts = list(string.Formatter().parse(text))
        except ValueError as error:
            raise InvalidRequest(f"to: {text!r}: {error}", param="to") from None
        self._parts: list[tuple[str, str | None, str]] = [
            (literal, name, spec or "") for literal, name, spec, _ in parts
        ]
        fields = [(name, spec) for _, name, spec in self._parts if name is not None]
        allowed = "{key}, {index} or {job_id}" + (" or a column" if columns is not None else "")
        for (name, spec), conversion in zip(
            fields, [part[3] for part in parts if part[1] is not None], strict=True
        ):
            known = name in _FIELDS or (columns is not None and name and not set(name) & set(".[]"))
            padded = name == "index" and _pads(spec)
            if not known or conversion or (spec and not padded):
                raise InvalidRequest(f"to: expected {allowed} in {text!r}", param="to")
        if not fields or not PurePath(text).name:
            raise InvalidRequest(f"to: expected a path with {allowed}, got {text!r}", param="to")
        if self.root and {"", ".", ".."} & set(text.split("/")):
            raise InvalidRequest(f"to: {text!r} has an empty part or leads elsewhere", param="to")
        self.columns: tuple[str, ...] = tuple({n: n for n, _ in fields if n not in _FIELDS})
        self.lasting: bool = any(name != "index" for name, _ in fields)
        components = PurePath(text).parts
        first = next(at for at, part in enumerate(components) if "{" in part)
        self.varying: int = len(components) - first
        self.distinct: bool = any(_is_distinct(part) for part in components)
        self._folder = PurePath(*components[:first])
        ending = PurePath(text).suffix
        self._ending = "" if "{" in ending or "}" in ending else ending

    @property
    def name(self) -> str:
        """The pattern, for messages and for the journal; without a password."""
        return f"{_without_password(self.root)}{self._pattern}"

    def path(self, item: Named, *, apart: bool = False) -> PurePath:
        """Return the path of an item's file; for a URL, the path below its ``root``.

        Args:
            item: The outcome.
            apart: Always add the digits, because another item has the plain name.

        Raises:
            InvalidRequest: The item has no value in a column of the pattern.
        """
        columns = self._columns(item) if self.columns and self._columns is not None else {}
        return self.path_of(item, columns, apart=apart)

    def location(self, path: PurePath) -> str:
        """Return a path as the user gave it: with the root of its URL, without a password."""
        return f"{_without_password(self.root)}{path}"

    def public_url(self, path: PurePath, public_base: str) -> str:
        """Return the public URL of a file.

        Args:
            path: The path of the file.
            public_base: The public URL of the bucket, or of the folder before the first
                placeholder.
        """
        below = path if self.root else path.relative_to(self._folder)
        return f"{public_base.rstrip('/')}/{quote(below.as_posix(), errors='replace')}"

    def beside(self, path: PurePath, what: Output, url: str) -> PurePath:
        """Return the path of an additional file of a result.

        Args:
            path: The path of its main file.
            what: The kind of file.
            url: Its URL, which may contain the ending.
        """
        endings = _ENDINGS[what]
        ending = PurePosixPath(urlsplit(url).path).suffix.lower()
        stem = path.name.removesuffix(self._ending)
        return path.with_name(stem + (ending if ending in endings else endings[0]))

    def ambiguous(self, path: PurePath) -> bool:
        """Return whether a main file could have the name of an additional file of another item."""
        endings = (ending for what in self.also for ending in _ENDINGS.get(what, ()))
        return path.name.casefold().endswith(tuple(endings))

    def path_of(self, item: Named, columns: Mapping[str, Any], *, apart: bool = False) -> PurePath:
        """Do what ``path`` does, with the columns of the item."""
        text = ""
        for literal, name, spec in self._parts:
            text += literal
            if name == "index":
                text += format(item.index, spec)
            elif name is not None:
                text += _distinct(self._value(item, name, columns), apart=apart)
        return PurePosixPath(text) if self.root else Path(text)

    def _value(self, item: Named, name: str, columns: Mapping[str, Any]) -> str:
        if name in _FIELDS:
            return item.key if name == "key" else item.job_id or "none"
        value = columns.get(name)
        if value is None or value == "":
            has = ", ".join(map(escaped, columns)) or "none"
            raise InvalidRequest(
                f"to: item {escaped(item.key)} has no value in column {name!r}, which its file is "
                f"named after (its columns: {has})",
                param="to",
            )
        return str(value)


class PathChecker:
    """Find items of a run that have the same path, before anything is paid for.

    Paths that differ only in case count as the same.

    Args:
        pattern: The pattern.
    """

    def __init__(self, pattern: FilePattern) -> None:
        self._pattern = pattern
        self._positions: dict[int, int] = {}  # by hash: paths are many, and may be long

    def add(self, item: PatternItem, columns: Mapping[str, Any]) -> None:
        """Check the next item.

        Args:
            item: The item.
            columns: The columns of its row.

        Raises:
            InvalidRequest: It has the path of an earlier item, or no value in a column.
        """
        path = self._pattern.path_of(item, columns)
        if self._pattern.distinct:
            return
        name = unicodedata.normalize("NFC", str(path)).casefold()
        first = self._positions.setdefault(hash(name), item.index)
        if first != item.index:
            raise InvalidRequest(
                f"to: items {first + 1} and {item.index + 1} ({escaped(item.key)}) have the same "
                f"file {self._pattern.location(path)}; add {{key}} to the pattern",
                param="to",
            )


def _root(url: str) -> str:
    """Return the scheme and the first part of a URL, which must not vary."""
    scheme, _, rest = url.partition("://")
    first, slash, _ = rest.partition("/")
    if "{" in first or "::" in url or not (first and slash):
        raise InvalidRequest(
            f"to: expected a URL such as s3://bucket/{{key}}.mp4, with a fixed bucket, got "
            f"{_without_password(url)!r}",
            param="to",
        )
    return f"{scheme}://{first}/"


def _without_password(url: str) -> str:
    scheme, separator, rest = url.partition("://")
    first, slash, path = rest.partition("/")
    return f"{scheme}{separator}{first.rpartition('@')[2]}{slash}{path}"


def _is_distinct(component: str) -> bool:
    """Return whether one placeholder of a component is all that varies in it."""
    names: Iterator[str | None] = (name for _, name, _, _ in string.Formatter().parse(component))
    varying = [name for name in names if name is not None]
    return len(varying) == 1 and varying[0] in _FIELDS


def _pads(spec: str) -> bool:
    return spec.removesuffix("d").isdecimal() and len(spec) <= 3


def _distinct(name: str, *, apart: bool = False) -> str:
    stem = file_stem(name)
    if stem == name and not apart:
        return stem
    return f"{stem}-{hashlib.sha256(name.encode('utf-8', 'surrogatepass')).hexdigest()[:8]}"
