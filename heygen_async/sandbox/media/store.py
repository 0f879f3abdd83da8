"""The media host: generated files, signed addresses, ranges and presigned uploads.

It listens on a port of its own, because the real media host is another host, and it refuses every
request that carries the API key.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import hmac
import random
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import PurePosixPath
from urllib.parse import parse_qs, urlsplit

from aiohttp import web

from ..answers import Answer, Json
from ..clock import Clock
from .drawn.drawing import Drawing, Scene, SourceFile, size_of
from .drawn.files import DrawingFailed, DrawnFiles
from .plain.mp4 import mp4
from .plain.pictures import PNG_SIZE, gif, png
from .plain.wav import wav_chunks, wav_size
from .speech import SpokenWord
from .subtitles import srt_to_vtt, write_srt
from .uploads import StoredFile, read_file

__all__ = ["CAPTIONED", "MediaItem", "MediaPart", "MediaRequest", "MediaStore", "find_media"]

#: Sandbox seconds for which a media address is valid.
MEDIA_LIFETIME = 7 * 86_400
#: Sandbox seconds for which a presigned upload is valid.
UPLOAD_LIFETIME = 3_600

#: End of the stem of a video with captions in its frames.
CAPTIONED = "-captioned"
_DRAWN = frozenset({"mp4", "webm", "png", "gif"})
_TYPES = {
    "mp4": "video/mp4",
    "webm": "video/webm",
    "wav": "audio/wav",
    "srt": "application/x-subrip",
    "vtt": "text/vtt",
    "png": "image/png",
    "gif": "image/gif",
}


@dataclass(slots=True)
class MediaItem:
    """The data from which the files of one resource are generated.

    Attributes:
        id: Stem of the files' names, and the seed of their colours.
        seconds: Playing time.
        aspect_ratio: Shape of the picture, such as `16:9`.
        text: The spoken text.
        words: The times of the words, for speech.
        srt: Captions that were uploaded.
        file: An upload, served unchanged.
        content_type: Type of the upload.
        title: Headline of drawn files.
        speaker: Name of the person who is shown, or empty.
        language: English name of the spoken language; empty if not known.
        describe: Returns what its drawn files show; None shows title and text.
    """

    id: str
    seconds: float | None = None
    aspect_ratio: str = "16:9"
    text: str = ""
    words: Sequence[SpokenWord] = ()
    srt: str | None = None
    file: StoredFile | None = None
    content_type: str = ""
    title: str = ""
    speaker: str = ""
    language: str = ""
    describe: Callable[[], Drawing] | None = None

    def drawing(self) -> Drawing:
        """Return what its drawn files show."""
        if self.describe is not None:
            return self.describe()
        return Drawing(
            self.title,
            (Scene(self.seconds or 1.0, self.text),),
            size_of(self.aspect_ratio),
            language=self.language,
            speaker=self.speaker,
            style=self.title or self.speaker,
            srt=self.srt,
        )


@dataclass(frozen=True, slots=True)
class MediaRequest:
    """A record of one request to the media host, for tests."""

    method: str
    path: str
    status: int
    headers: dict[str, str] = field(repr=False)


@dataclass(frozen=True, slots=True)
class _Rendition:
    """One file of an item, ready to send."""

    content_type: str
    size: int
    etag: str
    read: Callable[[int, int], AsyncIterator[bytes]]


class MediaStore:
    """All media of the account by stem, and the signatures of their addresses.

    Attributes:
        origin: Address of the media host.
        expire: Share of media addresses that are invalid from the start, never two in a row for one
            file.
        drawn: Files that are drawn; None for plain ones.

    Args:
        clock: Clock of the signatures.
        seed: Seed of the signatures.
        drawn: Whether files are drawn.

    Raises:
        ModuleNotFoundError: Files are to be drawn, and PyAV or Pillow is not installed.
    """

    def __init__(self, clock: Clock, seed: int, *, drawn: bool = False) -> None:
        self.drawn: DrawnFiles | None = DrawnFiles() if drawn else None
        self.origin = ""
        self.expire: float = 0.0
        self._clock = clock
        self._secret = hashlib.sha256(f"{seed}/media".encode()).digest()
        # Signatures with this secret are never valid.
        self._revoked = hashlib.sha256(f"{seed}/revoked".encode()).digest()
        #: Files whose latest address is invalid; the next one is valid.
        self._to_renew: set[str] = set()
        self._chance = random.Random(f"{seed}/media")  # noqa: S311 - no secret
        self._items: dict[str, MediaItem] = {}

    def add(self, item: MediaItem) -> MediaItem:
        """Add an item and serve its files."""
        self._items[item.id] = item
        return item

    def get(self, identifier: str) -> MediaItem | None:
        """Return the item, or None."""
        return self._items.get(identifier)

    def remove(self, identifier: str) -> None:
        """Stop serving an item's files."""
        self._items.pop(identifier, None)

    def url(self, name: str) -> str:
        """Return a newly signed address of a file, `<id>.<extension>`."""
        secret = self._secret
        if name in self._to_renew:
            self._to_renew.remove(name)
        elif self._chance.random() < self.expire:
            self._to_renew.add(name)
            secret = self._revoked
        return self._signed(f"/media/{name}", MEDIA_LIFETIME, secret)

    def upload_url(self, asset_id: str) -> str:
        """Return a newly signed address for the PUT of a direct upload."""
        return self._signed(f"/uploads/{asset_id}", UPLOAD_LIFETIME, self._secret)

    def _signed(self, path: str, lifetime: float, secret: bytes) -> str:
        expires = int(self._clock.unix() + lifetime)
        return f"{self.origin}{path}?Expires={expires}&Signature={_sign(secret, path, expires)}"

    def is_signed(self, path: str, query: str) -> bool:
        """Return whether an address has a valid signature that has not expired."""
        given = parse_qs(query)
        try:
            expires = int(given["Expires"][0])
            signature = given["Signature"][0]
        except (KeyError, ValueError):
            return False
        good = hmac.compare_digest(signature.encode(), _sign(self._secret, path, expires).encode())
        return good and self._clock.unix() < expires

    def item_at(self, url: str) -> MediaItem | None:
        """Return the item at an address of the media host; None for other hosts."""
        parts = urlsplit(url)
        if not self.origin or f"{parts.scheme}://{parts.netloc}" != self.origin:
            return None
        return self._items.get(PurePosixPath(parts.path).stem)

    def seconds_at(self, url: str) -> float | None:
        """Return the playing time of the item at an address, or None if not known."""
        item = self.item_at(url)
        return None if item is None else item.seconds

    def seconds_of(self, identifier: str) -> float | None:
        """Return the playing time of an item, or None if not known."""
        item = self._items.get(identifier)
        return None if item is None else item.seconds

    @property
    def picture_size(self) -> tuple[int, int]:
        """Width and height of a picture of 16:9 in pixels."""
        return PNG_SIZE if self.drawn is None else size_of("16:9")

    def format_of(self, request: Json) -> str:
        """Return the extension of a video: as requested if it is drawn, otherwise `mp4`."""
        return "mp4" if self.drawn is None else str(request.get("output_format") or "mp4")

    def source_file(self, source: Json) -> SourceFile:
        """Return the file of a source; only its name if it is not in the sandbox."""
        if source.get("data") is not None:
            with contextlib.suppress(ValueError):
                return SourceFile("file", base64.b64decode(source["data"]))
        url = source.get("url")
        item = self.item_at(url) if url else self.get(source.get("asset_id") or "")
        if item is None or item.file is None:
            name = item.title if item else PurePosixPath(urlsplit(url or "").path).name
            return SourceFile(name or "file")
        path = "" if item.file.path is None else str(item.file.path)
        return SourceFile(item.title or "file", b"" if path else item.file.head, path)

    def captions(self, item: MediaItem) -> str:
        """Return the captions of an item as SRT."""
        if item.srt is not None:
            return item.srt
        return write_srt(item.text, item.seconds or 1.0)

    async def rendition(self, name: str) -> _Rendition | None:
        """Return one file of an item, or None if it does not exist.

        Raises:
            DrawingFailed: It could not be drawn.
        """
        path = PurePosixPath(name)
        item = self._items.get(path.stem.removesuffix(CAPTIONED))
        extension = path.suffix[1:]
        if item is None:
            return None
        if item.file is not None:
            file = item.file
            return _Rendition(item.content_type, file.size, f'"{file.sha256[:32]}"', file.read)
        if extension == "wav":
            return self._wav(item)
        if self.drawn is not None and extension in _DRAWN:
            drawing = item.drawing()
            if path.stem.endswith(CAPTIONED):
                drawing = replace(drawing, captioned=True)
            return await self._drawn(self.drawn, drawing, extension)
        made = self._made(item, extension)
        if made is None:
            return None
        etag = hashlib.sha256(made).hexdigest()[:32]
        return _Rendition(_TYPES[extension], len(made), f'"{etag}"', _reader(made))

    @staticmethod
    async def _drawn(files: DrawnFiles, drawing: Drawing, extension: str) -> _Rendition:
        file = await files.file(drawing, extension)

        def read(start: int, stop: int) -> AsyncIterator[bytes]:
            return read_file(file.path, start, stop)

        return _Rendition(_TYPES[extension], file.size, f'"{drawing.digest[:32]}"', read)

    def _made(self, item: MediaItem, extension: str) -> bytes | None:
        if extension == "mp4":
            return mp4(item.id, item.seconds or 1.0, item.aspect_ratio)
        if extension == "srt":
            return self.captions(item).encode()
        if extension == "vtt":
            return srt_to_vtt(self.captions(item)).encode()
        if extension == "png":
            return png(item.id)
        if extension == "gif":
            return gif(item.id)
        return None

    @staticmethod
    def _wav(item: MediaItem) -> _Rendition:
        seconds = item.seconds or 1.0
        words = item.words or [SpokenWord(item.id, 0.0, seconds)]

        async def read(start: int, stop: int) -> AsyncIterator[bytes]:
            for chunk in wav_chunks(words, seconds, start, stop):
                yield chunk

        etag = hashlib.sha256(f"{item.id}.wav".encode()).hexdigest()[:32]
        return _Rendition("audio/wav", wav_size(seconds), f'"{etag}"', read)


def _sign(secret: bytes, path: str, expires: int) -> str:
    return hmac.digest(secret, f"{path}:{expires}".encode(), "sha256").hex()


def _reader(content: bytes) -> Callable[[int, int], AsyncIterator[bytes]]:
    async def read(start: int, stop: int) -> AsyncIterator[bytes]:
        yield content[start:stop]

    return read


def _range_of(header: str, size: int) -> tuple[int, int] | None:
    """Return start and stop (exclusive) of one byte range.

    Raises:
        ValueError: The range is outside the file.
    """
    unit, _, span = header.partition("=")
    first, dash, last = span.strip().partition("-")
    if unit.strip() != "bytes" or not dash or "," in span:
        return None
    if not first:
        if not last.isdigit():
            return None
        return max(0, size - int(last)), size
    if not first.isdigit() or (last and not last.isdigit()):
        return None
    start = int(first)
    if start >= size:
        raise ValueError(header)
    return start, min(size, int(last) + 1) if last else size


@dataclass(frozen=True, slots=True)
class MediaPart:
    """A file, or a part of one, before it is sent."""

    status: int
    headers: dict[str, str]
    rendition: _Rendition
    start: int
    stop: int

    async def send(self, request: web.BaseRequest) -> web.StreamResponse:
        """Send it as the answer to a GET or HEAD."""
        response = web.StreamResponse(status=self.status, headers=self.headers)
        response.content_length = self.stop - self.start
        await response.prepare(request)
        if request.method == "GET":
            async for chunk in self.rendition.read(self.start, self.stop):
                await response.write(chunk)
        await response.write_eof()
        return response

    async def whole(self) -> Answer:
        """Return it in memory, for faults that change it."""
        chunks = [chunk async for chunk in self.rendition.read(self.start, self.stop)]
        return Answer(self.status, b"".join(chunks), self.headers)


async def find_media(request: web.BaseRequest, store: MediaStore, path: str) -> MediaPart | Answer:
    """Return the file or range for a GET or HEAD, or the answer that refuses it."""
    try:
        rendition = await store.rendition(path.removeprefix("/media/"))
    except (DrawingFailed, UnicodeError) as error:  # a text may have half a character
        return Answer(500, f"The file could not be drawn: {error}".encode())
    if rendition is None:
        return Answer(404, b"NoSuchKey")
    headers = {
        "Accept-Ranges": "bytes",
        "Content-Type": rendition.content_type,
        "ETag": rendition.etag,
    }
    start, stop, status = 0, rendition.size, 200
    wanted = request.headers.get("Range")
    if wanted is not None and request.headers.get("If-Range", rendition.etag) == rendition.etag:
        try:
            span = _range_of(wanted, rendition.size)
        except ValueError:
            return Answer(416, b"", {**headers, "Content-Range": f"bytes */{rendition.size}"})
        if span is not None:
            start, stop = span
            status = 206
            headers["Content-Range"] = f"bytes {start}-{stop - 1}/{rendition.size}"
    return MediaPart(status, headers, rendition, start, stop)
