"""Assets: files uploaded to the account."""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

from heygen_async.endpoints.batches import Batches, BatchJob, BatchKind
from heygen_async.endpoints.fresh_assets import note_upload
from heygen_async.endpoints.resource import Pages, Resource
from heygen_async.errors import InvalidRequest, NotFound, TransportError, URLExpired
from heygen_async.jobs.observation import submitted
from heygen_async.models.assets import (
    Asset,
    AssetBatchCompleteRequest,
    AssetCompleteRequest,
    AssetSearchResult,
    CompletedAsset,
    DirectUpload,
    DirectUploadBatch,
    DirectUploadBatchRequest,
    DirectUploadRequest,
    UploadedAsset,
)
from heygen_async.models.batches import BatchStatus, CreatedBatch
from heygen_async.models.statuses import DeletedId, StatusEntry
from heygen_async.models.structs import encode, expect
from heygen_async.session.answers.codec import Page
from heygen_async.session.endpoint import Endpoint
from heygen_async.session.transfers.transfers import put
from heygen_async.session.transfers.uploads import (
    StreamedBody,
    Uploadable,
    UploadProgress,
    UploadSource,
    opened,
)

if TYPE_CHECKING:  # it loads sqlite3
    from heygen_async.endpoints.upload_cache import Content, UploadCache

UPLOAD: Endpoint[UploadedAsset] = Endpoint(
    operation="assets.upload",
    method="POST",
    path="/v3/assets",
    answer=UploadedAsset,
    keyed=True,
    kind="upload",
)
GET: Endpoint[Asset] = Endpoint(
    operation="assets.get", method="GET", path="/v3/assets/{asset_id}", answer=Asset
)
LIST: Endpoint[Page[Asset]] = Endpoint(
    operation="assets.list", method="GET", path="/v3/assets", answer=Asset, envelope="page"
)
DELETE: Endpoint[DeletedId] = Endpoint(
    operation="assets.delete", method="DELETE", path="/v3/assets/{asset_id}", answer=DeletedId
)
DIRECT_CREATE: Endpoint[DirectUpload] = Endpoint(
    operation="assets.direct_uploads.create",
    method="POST",
    path="/v3/assets/direct-uploads",
    answer=DirectUpload,
    keyed=True,
)
DIRECT_COMPLETE: Endpoint[CompletedAsset] = Endpoint(
    operation="assets.direct_uploads.complete",
    method="POST",
    path="/v3/assets/{asset_id}/complete",
    answer=CompletedAsset,
    idempotent=True,
)
DIRECT_BATCHES_CREATE: Endpoint[DirectUploadBatch] = Endpoint(
    operation="assets.direct_uploads.batches.create",
    method="POST",
    path="/v3/assets/direct-uploads/batches",
    answer=DirectUploadBatch,
    keyed=True,
)
DIRECT_BATCHES_COMPLETE: Endpoint[CreatedBatch] = Endpoint(
    operation="assets.direct_uploads.batches.complete",
    method="POST",
    path="/v3/assets/complete/batches",
    answer=CreatedBatch,
    keyed=True,
)
BATCHES_GET: Endpoint[BatchStatus] = Endpoint(
    operation="assets.batches.get",
    method="GET",
    path="/v3/assets/batches/{batch_id}",
    answer=BatchStatus,
)
STATUSES: Endpoint[Page[StatusEntry]] = Endpoint(
    operation="assets.statuses",
    method="GET",
    path="/v3/assets/statuses",
    answer=StatusEntry,
    envelope="page",
)
SEARCH: Endpoint[Page[AssetSearchResult]] = Endpoint(
    operation="assets.search",
    method="GET",
    path="/v3/assets/search",
    answer=AssetSearchResult,
    envelope="page",
)

# HeyGen publishes no durations for the checks of uploads.
ASSET_BATCH: BatchKind[Asset] = BatchKind(
    name="asset_batch",
    result=BatchStatus,
    get=BATCHES_GET,
    each=GET,
    expected=5.0,
    place=(__name__, "ASSET_BATCH"),
)

# HeyGen documents 32 MB and 200 MB. The smaller reading is used if there is an alternative, and the
# larger one if a file would be refused that HeyGen might accept.
MULTIPART_LIMIT = 32_000_000
DIRECT_LIMIT = 200 * 1024**2

CONTENT_TYPES = {
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".mp4": "video/mp4",
    ".webm": "video/webm",
    ".mp3": "audio/mpeg",
    ".wav": "audio/wav",
    ".pdf": "application/pdf",
    ".srt": "application/x-subrip",
    ".zip": "application/zip",
}
# Types that HeyGen accepts by direct upload only.
_DIRECT_ONLY = frozenset({"application/zip"})
# ``re`` compiles and caches these patterns when they are first used. The first bytes of the
# accepted types, for files without a name.
_ENDINGS = (
    (rb"\x89PNG\r\n\x1a\n", ".png"),
    (rb"\xff\xd8\xff", ".jpg"),
    (rb"(?s).{4}ftyp(?:iso|mp4|avc1|M4V |MSNV|dash)", ".mp4"),
    (rb"(?s)\x1a\x45\xdf\xa3.{0,40}webm", ".webm"),
    (rb"ID3|\xff[\xe2\xe3\xf2\xf3\xfa\xfb]", ".mp3"),
    (rb"(?s)RIFF.{4}WAVE", ".wav"),
    (rb"%PDF-", ".pdf"),
    (rb"PK\x03\x04", ".zip"),
    (rb"(?:\xef\xbb\xbf)?\s*\d+\s*\n\d\d:\d\d:\d\d,\d{3} -->", ".srt"),
)
# The first bytes of files that HeyGen does not accept, whatever their names.
_FOREIGN = (
    (rb"(?s)RIFF....WEBP", "a WebP picture"),
    (rb"GIF8[79]a", "a GIF picture"),
    (rb"(?s)....ftyp(?:hei[cxms]|hev[cx]|mi[fs]1|ms[fs]1|avi[fs])", "a HEIC or AVIF picture"),
    (rb"II\*\0|MM\0\*", "a TIFF picture"),
    (rb"fLaC", "FLAC audio"),
    (rb"\xff[\xf0\xf1\xf8\xf9]", "AAC audio"),
    (rb"#!AMR", "AMR audio"),
    (rb"OggS", "an Ogg file"),
    (rb"(?s)FORM....AIF[FC]", "AIFF audio"),
    (rb"(?s)RIFF....AVI ", "an AVI video"),
    (rb"(?s)\x1a\x45\xdf\xa3.{0,40}matroska", "a Matroska video"),
    (rb"\x30\x26\xb2\x75\x8e\x66\xcf\x11", "a Windows Media file"),
    (rb"(?i)\s*<(?:!doctype html|html)\b", "an HTML page"),
)
# The same for relatives of MP4, which are also found under its name, and may be played as such.
_LIKE_MP4 = (
    (rb"(?s)....ftyp(?:M4[ABP] |F4[AB] )", "M4A audio"),
    (rb"(?s)....ftyp3g[a-z0-9]", "a 3GP video"),
    (rb"(?s)....ftypqt  ", "a QuickTime video"),
)
_CONTENT_TYPE = r"[A-Za-z0-9!#$&^_.+-]+/[A-Za-z0-9!#$&^_.+-]+\Z"
_UNQUOTABLE = r'["\\\x00-\x1f\x7f]'


class AssetBatches(Batches[Asset]):
    """``heygen.assets.batches``: the states of batches of direct uploads."""

    _kind = ASSET_BATCH


class DirectUploadBatches(Resource):
    """``heygen.assets.direct_uploads.batches``: direct uploads of up to 100 files at once."""

    async def create(
        self,
        request: DirectUploadBatchRequest | Sequence[DirectUploadRequest],
        *,
        idempotency_key: str | None = None,
    ) -> DirectUploadBatch:
        """Request upload URLs for up to 100 files.

        PUT the bytes of each to its ``upload_url`` with exactly its ``upload_headers`` and without
        the API key, then call ``complete``.

        Args:
            request: Name, type and size of each file, or a whole ``DirectUploadBatchRequest``.
            idempotency_key: Your own key. Default: a new key for each call.

        Returns:
            The batch, with an ``upload_url`` and ``upload_headers`` for each file.
        """
        if not isinstance(request, DirectUploadBatchRequest):
            request = DirectUploadBatchRequest(files=request)
        return await self._session.call(
            DIRECT_BATCHES_CREATE,
            DIRECT_BATCHES_CREATE.at(),
            body=encode(request),
            idempotency_key=idempotency_key,
        )

    async def complete(
        self, batch_id: str, *, idempotency_key: str | None = None
    ) -> BatchJob[Asset]:
        """Complete the uploads of all files, which then become assets.

        Args:
            batch_id: Id of the batch, from ``create``.
            idempotency_key: Your own key. Default: a new key for each call.

        Returns:
            The batch; ``async for done in batch.results()`` yields each ``Asset``, or the reason
            why its file was refused.
        """
        completed = await self._session.call(
            DIRECT_BATCHES_COMPLETE,
            DIRECT_BATCHES_COMPLETE.at(),
            body=encode(AssetBatchCompleteRequest(batch_id=batch_id)),
            idempotency_key=idempotency_key,
        )
        now = asyncio.get_running_loop().time()
        submitted(self._session, ASSET_BATCH, completed.batch_id, None)
        return BatchJob(
            self._watcher, ASSET_BATCH, completed.batch_id, created=completed, started=now
        )


class DirectUploads(Resource):
    """``heygen.assets.direct_uploads``: the single steps of a large upload.

    ``heygen.assets.upload`` performs all of them.
    """

    @property
    def batches(self) -> DirectUploadBatches:
        """Batches of direct uploads: one request for each step of up to 100 files."""
        return DirectUploadBatches(self._session, self._watcher)

    async def create(
        self, request: DirectUploadRequest, *, idempotency_key: str | None = None
    ) -> DirectUpload:
        """Request an upload URL for a file.

        PUT the bytes to ``upload_url`` with exactly ``upload_headers`` and without the API key,
        then call ``complete``.

        Args:
            request: Name, type and size of the file.
            idempotency_key: Your own key. Default: a new key for each call.

        Returns:
            The upload URL, and the ``asset_id`` that the file will have.
        """
        expect(request, DirectUploadRequest)
        return await self._session.call(
            DIRECT_CREATE, DIRECT_CREATE.at(), body=encode(request), idempotency_key=idempotency_key
        )

    async def complete(
        self, asset_id: str, request: AssetCompleteRequest | None = None
    ) -> CompletedAsset:
        """Complete an upload; the asset can then be used.

        The storage may show the bytes with a delay; the call is then repeated by the retry policy.

        Args:
            asset_id: Id of the asset, from ``create``.
            request: The checksum of the bytes that were sent.

        Returns:
            The asset.

        Raises:
            Conflict: The bytes did not appear in time.
        """
        if request is not None:
            expect(request, AssetCompleteRequest)
        completed = await self._session.call(
            DIRECT_COMPLETE,
            DIRECT_COMPLETE.at(asset_id),
            body=encode(request or AssetCompleteRequest()),
        )
        note_upload(self._session, completed.asset_id)
        return completed


class Assets(Resource):
    """``heygen.assets``."""

    @property
    def direct_uploads(self) -> DirectUploads:
        """The single steps of a large upload."""
        return DirectUploads(self._session, self._watcher)

    @property
    def batches(self) -> AssetBatches:
        """The states of batches of direct uploads."""
        return AssetBatches(self._session, self._watcher)

    async def upload(
        self,
        source: Uploadable,
        *,
        filename: str | None = None,
        content_type: str | None = None,
        cache: UploadCache | None = None,
        progress: UploadProgress | None = None,
        idempotency_key: str | None = None,
    ) -> UploadedAsset:
        """Upload a file: png, jpeg, mp4, webm, mp3, wav, pdf, srt or zip, up to 200 MB.

        The file is read in chunks in a thread. Up to 32 MB are sent in one request; larger files go
        directly to storage, with a checksum.

        Args:
            source: A path, bytes, a file opened in binary mode (read from its position), an
                uploaded file in a web framework (FastAPI, Starlette, aiohttp, Flask; read from its
                start), or an async iterable of bytes. A source that can be read only once is first
                copied to a temporary file.
            filename: Name of the file. Default: that of the source.
            content_type: MIME type of the file. Default: derived from its first bytes, else from
                the ending of its name.
            cache: An ``UploadCache``. If it contains the same bytes and HeyGen still has their
                asset, that asset is returned and nothing is sent. By default each call uploads.
            progress: Called on the event loop with the bytes of the file sent so far, and its size.
                If an attempt is repeated, the count starts again.
            idempotency_key: Your own key; within 24 h the same key returns the same asset. Default:
                a new key for each call. Cannot be combined with ``cache``.

        Returns:
            The asset; use its ``asset_id`` in requests.

        Raises:
            InvalidRequest: The file cannot be read, is empty, is larger than 200 MB, or has a type
                that HeyGen does not accept; nothing was sent.
            TransferError: The storage refused the file, or the file changed during the upload.
            UploadCacheError: The cache's file cannot be read or written.
        """
        if cache is not None and idempotency_key is not None:
            raise InvalidRequest(
                "idempotency_key: cannot be combined with cache, because the asset that the key "
                "returns may be that of another file",
                param="idempotency_key",
            )
        async with opened(source, limit=DIRECT_LIMIT, progress=progress) as file:
            name, content_type = _described(file, filename, content_type)
            if cache is None:
                return await self._send(file, name, content_type, idempotency_key)
            content = (self._session.settings.account, await file.sha256(), content_type)
            async with cache.turn(content):
                asset = await self._known(cache, content, file.size)
                if asset is None:
                    asset = await self._send(file, name, content_type, None)
                    # The file may have changed since it was hashed.
                    if file.sent_sha256 == content[1]:
                        await cache.put(content, (asset.asset_id, asset.mime_type))
                elif progress is not None:
                    progress(file.size, file.size)
            return asset

    async def _known(self, cache: UploadCache, content: Content, size: int) -> UploadedAsset | None:
        """Return the asset in a cache, if HeyGen still has it."""
        known = await cache.get(content)
        if known is None:
            return None
        asset_id, mime_type = known
        try:
            asset = await self.get(asset_id)
        except NotFound:
            return None
        if asset.url is None:
            return None
        return UploadedAsset(asset_id=asset_id, url=asset.url, mime_type=mime_type, size_bytes=size)

    async def _send(
        self, file: UploadSource, name: str, content_type: str, key: str | None
    ) -> UploadedAsset:
        if file.size <= MULTIPART_LIMIT and content_type not in _DIRECT_ONLY:
            return await self._upload_whole(file, name, content_type, key)
        request = DirectUploadRequest(
            filename=name, content_type=content_type, size_bytes=file.size
        )
        direct = await self.direct_uploads.create(request, idempotency_key=key)
        try:
            return await self._upload_directly(file, direct)
        except URLExpired:
            # The key may be that of an earlier upload, whose asset exists.
            if key is not None and await self._exists(direct.asset_id):
                return _uploaded(await self.direct_uploads.complete(direct.asset_id))
        # The URL expired while the upload waited, or the key returned an old URL.
        return await self._upload_directly(file, await self.direct_uploads.create(request))

    async def _upload_whole(
        self, file: UploadSource, name: str, content_type: str, key: str | None
    ) -> UploadedAsset:
        boundary = os.urandom(16).hex()
        # As in browsers: UTF-8, with only those characters encoded that would end the quotes.
        quoted = re.sub(_UNQUOTABLE, lambda match: f"%{ord(match[0]):02X}", name)
        before = (
            f"--{boundary}\r\n"
            f'Content-Disposition: form-data; name="file"; filename="{quoted}"\r\n'
            f"Content-Type: {content_type}\r\n\r\n"
        ).encode()
        after = f"\r\n--{boundary}--\r\n".encode()
        failure: TransportError
        try:
            asset = await self._session.call(
                UPLOAD,
                UPLOAD.at(),
                body=lambda: StreamedBody(file, before=before, after=after),
                content_type=f"multipart/form-data; boundary={boundary}",
                idempotency_key=key,
            )
        except TransportError as error:
            failure = error
        else:
            note_upload(self._session, asset.asset_id)
            return asset
        raise file.failure or failure

    async def _upload_directly(self, file: UploadSource, direct: DirectUpload) -> UploadedAsset:
        sha256 = await put(self._session, direct.upload_url, direct.upload_headers, file)
        request = AssetCompleteRequest(checksum_sha256=sha256)
        return _uploaded(await self.direct_uploads.complete(direct.asset_id, request))

    async def _exists(self, asset_id: str) -> bool:
        try:
            await self.get(asset_id)
        except NotFound:
            return False
        return True

    async def get(self, asset_id: str) -> Asset:
        """Return one asset with newly signed URLs.

        Args:
            asset_id: The asset's id.

        Raises:
            NotFound: The asset does not exist.
        """
        return await self._session.call(GET, GET.at(asset_id))

    def list(
        self, username: str, *, limit: int | None = None, folder_id: str | None = None
    ) -> Pages[Asset]:
        """List the assets of one user of the workspace.

        Args:
            username: Name of the user; ``heygen.users.me`` returns your own.
            limit: Items per page, 1 to 100; the API's default is 20.
            folder_id: Only those of this folder.
        """
        query = {"username": username, "limit": limit, "folder_id": folder_id}
        return self._pages(LIST, LIST.at(), query)

    def search(
        self,
        query: str,
        *,
        type: Literal["image", "icon"],  # noqa: A002, the API's own name
        scope: Literal["public", "personal"] | None = None,
        limit: int | None = None,
    ) -> Pages[AssetSearchResult]:
        """Search for pictures.

        Args:
            query: Description of the picture, 1 to 1,000 characters.
            type: ``image`` or ``icon``.
            scope: ``public``, HeyGen's library (the API's default), or ``personal``, the account's.
            limit: Items per page, 1 to 50; the API's default is 20.

        Returns:
            The results, page by page.
        """
        wanted = {"query": query, "type": type, "scope": scope, "limit": limit}
        return self._pages(SEARCH, SEARCH.at(), wanted)

    async def statuses(
        self, asset_ids: Sequence[str] = (), *, batch_ids: Sequence[str] = ()
    ) -> Sequence[StatusEntry]:
        """Return the statuses of up to 100 assets with one request.

        Args:
            asset_ids: Ids of assets; each entry of the answer has its id in ``video_id``.
            batch_ids: Ids of batches; all their items are reported.
        """
        ids = {"asset_ids": asset_ids, "batch_ids": batch_ids}
        return await self._statuses(STATUSES, ids)

    async def delete(self, asset_id: str) -> DeletedId:
        """Delete an asset.

        Args:
            asset_id: The asset's id.

        Returns:
            Its id, even if an earlier attempt with a lost answer has deleted it.

        Raises:
            NotFound: The asset does not exist.
        """
        return await self._delete(DELETE, asset_id, DeletedId(id=asset_id))


def _uploaded(completed: CompletedAsset) -> UploadedAsset:
    return UploadedAsset(
        asset_id=completed.asset_id,
        url=completed.url,
        mime_type=completed.mime_type,
        size_bytes=completed.size_bytes,
    )


def _described(
    file: UploadSource, filename: str | None, content_type: str | None
) -> tuple[str, str]:
    """Return name and type of a file.

    Raises:
        InvalidRequest: HeyGen does not accept its type.
    """
    if filename is not None and not isinstance(filename, str):
        raise InvalidRequest(
            f"filename: expected text, got {type(filename).__name__}", param="filename"
        )
    # File names may not be valid Unicode.
    name = (filename or file.name or "").encode("utf-8", "replace").decode()
    ending = os.path.splitext(name)[1].lower()
    inside = next((ending for head, ending in _ENDINGS if re.match(head, file.head)), "")
    if not ending:
        ending = inside
        name = f"{name or 'file'}{ending}"
    if content_type is None:
        refused = _FOREIGN if ending == ".mp4" else _FOREIGN + _LIKE_MP4
        foreign = next((what for head, what in refused if re.match(head, file.head)), None)
        if foreign is not None:
            raise InvalidRequest(
                f"source: {name!r} is {foreign}, which HeyGen does not accept (png, jpeg, mp4, "
                "webm, mp3, wav, pdf, srt, zip); convert it, or pass content_type",
                param="content_type",
            )
        # If name and bytes show different accepted types, the bytes are right.
        content_type = CONTENT_TYPES.get(inside if ending in CONTENT_TYPES and inside else ending)
        if content_type is None:
            raise InvalidRequest(
                f"source: {name!r} does not show a type that HeyGen accepts (png, jpeg, mp4, webm, "
                "mp3, wav, pdf, srt, zip); pass filename or content_type if it has one",
                param="content_type",
            )
    elif not re.match(_CONTENT_TYPE, content_type):
        raise InvalidRequest(
            f"content_type: expected a MIME type, got {content_type!r}", param="content_type"
        )
    return name, content_type
