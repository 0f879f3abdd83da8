"""Assets: uploaded in one call, or to a presigned address and then completed."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from pathlib import PurePosixPath

from aiohttp import BodyPartReader, web
from aiohttp.http_exceptions import HttpProcessingError

from ...account.account import Account
from ...account.resources import Asset
from ...answers import Answer, Json, data, listing
from ...jobs import Job
from ...media.store import UPLOAD_LIFETIME, MediaItem
from ...media.uploads import StoredFile, TooLarge
from ...refusals import Refusal, invalid, not_found
from ...server.calls import Call, Handler

__all__ = ["HANDLERS", "finish_upload", "prepare_upload", "receive_upload", "upload_json"]

UPLOAD_LIMIT = 32 * 1024 * 1024
DIRECT_LIMIT = 200 * 1024 * 1024

#: Types that can be uploaded, with the ending of their addresses.
EXTENSIONS = {
    "image/png": "png",
    "image/jpeg": "jpg",
    "video/mp4": "mp4",
    "video/webm": "webm",
    "audio/mpeg": "mp3",
    "audio/wav": "wav",
    "application/pdf": "pdf",
    "application/x-subrip": "srt",
    "application/zip": "zip",
}
_SHA256 = re.compile(r"[0-9a-fA-F]{64}")
#: Types that are accepted by direct upload only.
_DIRECT_ONLY = frozenset({"application/zip"})
_ALIASES = {
    "image/jpg": "image/jpeg",
    "audio/mp3": "audio/mpeg",
    "audio/x-wav": "audio/wav",
    "audio/wave": "audio/wav",
    "audio/vnd.wave": "audio/wav",
    "text/srt": "application/x-subrip",
}
_BY_ENDING = {f".{ending}": mime for mime, ending in EXTENSIONS.items()} | {".jpeg": "image/jpeg"}


def _mime_type(declared: str | None, filename: str | None, field: str) -> str:
    """Return the declared type of a file, or the type for its name's ending."""
    mime = _ALIASES.get(declared or "", declared or "")
    if mime not in EXTENSIONS:
        mime = _BY_ENDING.get(PurePosixPath(filename or "").suffix.lower(), "")
    if not mime:
        raise invalid(field, f"Unsupported file type: {declared or filename}")
    return mime


def _too_large(limit: int) -> Refusal:
    return Refusal(
        413, "payload_too_large", f"The file exceeds the maximum of {limit} bytes", param="file"
    )


def asset_json(account: Account, asset: Asset) -> Json:
    """Return an asset as in the API."""
    return {
        "id": asset.id,
        "name": asset.name,
        "type": asset.mime_type.partition("/")[0].replace("application", "document"),
        "owner": "sandbox",
        "space_id": "sandbox",
        "uploaded_at": account.unix(asset.uploaded_at),
        "url": account.media.url(f"{asset.id}.{asset.extension}"),
    }


def _receipt(account: Account, asset: Asset) -> Json:
    return {
        "asset_id": asset.id,
        "mime_type": asset.mime_type,
        "size_bytes": asset.size,
        "url": account.media.url(f"{asset.id}.{asset.extension}"),
    }


def _serve_file(account: Account, asset: Asset, file: StoredFile) -> None:
    asset.visible_at = account.clock.now() + account.faults.hiding()
    item = MediaItem(asset.id, file.seconds(), title=asset.name)
    item.file, item.content_type = file, asset.mime_type
    account.media.add(item)


async def upload(call: Call) -> Json:
    """Serve `assets.upload`: multipart with one part, `file`."""
    account = call.account
    if not call.request.content_type.startswith("multipart/"):
        raise Refusal(400, "invalid_parameter", "The body must be multipart/form-data")
    try:
        name, mime, file = await _only_file(call)
    except (ValueError, AssertionError, HttpProcessingError):
        # aiohttp's multipart reader raises no exception of its own for invalid input.
        raise Refusal(400, "invalid_parameter", "The multipart body is malformed") from None
    except TooLarge:
        raise _too_large(UPLOAD_LIMIT) from None
    asset = Asset(account.new_id(), name, mime, EXTENSIONS[mime], file.size, account.clock.now())
    _serve_file(account, asset, file)
    account.assets.add(asset.id, asset)
    return data(_receipt(account, asset))


async def _only_file(call: Call) -> tuple[str, str, StoredFile]:
    """Return name, type and content of the only allowed part."""
    found: tuple[str, str, StoredFile] | None = None
    reader = await call.request.multipart()
    while (part := await reader.next()) is not None:
        field = part.name if isinstance(part, BodyPartReader) else None
        if not isinstance(part, BodyPartReader) or field != "file" or found is not None:
            raise invalid(field or "body", "Extra inputs are not permitted")
        name = part.filename or "file"
        mime = _mime_type(part.headers.get("Content-Type"), name, "file")
        if mime in _DIRECT_ONLY:
            raise invalid("file", f"Unsupported file type: {mime}")
        found = name, mime, await call.account.files.save(_chunks_of(part), UPLOAD_LIMIT)
    if found is None:
        raise invalid("file", "Field required")
    return found


async def _chunks_of(part: BodyPartReader) -> AsyncIterator[bytes]:
    while chunk := await part.read_chunk(65_536):
        yield chunk


def prepare_upload(account: Account, file: Json) -> Asset:
    """Return an asset for a file that will be PUT to its address; it is not stored yet."""
    size = file["size_bytes"]
    if size > DIRECT_LIMIT:
        raise _too_large(DIRECT_LIMIT)
    if size < 1:
        raise invalid("size_bytes", "size_bytes must be positive")
    mime = _mime_type(file["content_type"], None, "content_type")
    checksum = file.get("checksum_sha256")
    if checksum is not None and not _SHA256.fullmatch(checksum):
        raise invalid("checksum_sha256", "checksum_sha256 must be 64 hexadecimal digits")
    return Asset(
        account.new_id(),
        file["filename"],
        mime,
        EXTENSIONS[mime],
        size,
        account.clock.now(),
        job=Job("asset", account.clock.now(), 0.0, waiting=True),
        expected_checksum=checksum,
        upload_headers={"Content-Type": file["content_type"], "x-amz-meta-upload": "heygen"},
    )


def upload_json(account: Account, asset: Asset) -> Json:
    """Return the upload target for the file of an asset."""
    return {
        "asset_id": asset.id,
        "status": "pending_upload",
        "upload_url": account.media.upload_url(asset.id),
        "upload_headers": asset.upload_headers,
        "expires_in_seconds": UPLOAD_LIFETIME,
        "max_bytes": DIRECT_LIMIT,
    }


def create_direct(call: Call) -> Json:
    """Serve `assets.direct_uploads.create`."""
    asset = prepare_upload(call.account, call.body)
    call.account.assets.add(asset.id, asset)
    return data(upload_json(call.account, asset))


async def receive_upload(request: web.BaseRequest, account: Account, asset_id: str) -> Answer:
    """Serve the PUT of a direct upload on the media host."""
    asset = account.assets.find(asset_id)
    if asset is None or asset.job is None or not asset.job.waiting:
        return Answer(404, b"NoSuchKey")
    for name, value in asset.upload_headers.items():
        if request.headers.get(name) != value:
            return Answer(403, f"SignatureDoesNotMatch: {name}".encode())
    try:
        file = await account.files.save(request.content.iter_any(), asset.size)
    except TooLarge:
        return Answer(400, b"EntityTooLarge")
    if file.size != asset.size:
        return Answer(400, b"IncompleteBody")
    asset.file = file
    return Answer(200, b"", {"ETag": f'"{file.sha256[:32]}"'})


def finish_upload(account: Account, asset: Asset, checksum: str | None) -> None:
    """Create the asset from the file that was PUT to its address, if there is one."""
    if asset.job is None:
        return
    if asset.file is None:
        raise Refusal(409, "resource_not_ready", "Uploaded object not found yet")
    expected = checksum or asset.expected_checksum
    if expected is not None and expected.lower() != asset.file.sha256:
        raise invalid("checksum_sha256", "The checksum does not match the uploaded object")
    if asset.job.waiting:
        asset.job.begin(account.clock.now())
        _serve_file(account, asset, asset.file)


def complete_direct(call: Call) -> Json:
    """Serve `assets.direct_uploads.complete`, after which the id can be used."""
    account = call.account
    asset = account.assets.get(call.path[0])
    finish_upload(account, asset, call.body.get("checksum_sha256"))
    return data({**_receipt(account, asset), "status": "processing"})


def get(call: Call) -> Json:
    """Serve `assets.get`."""
    account = call.account
    asset = account.assets.get(call.path[0])
    if not asset.is_ready(account.clock.now()):
        raise not_found("asset")
    return data(asset_json(account, asset))


def list_(call: Call) -> Json:
    """Serve `assets.list`; all assets are in the root and belong to the only user."""
    query, now = call.query, call.account.clock.now()

    def fits(asset: Asset) -> bool:
        ours = query["username"] == "sandbox"
        return asset.is_ready(now) and ours and query.get("folder_id") is None

    page, token = call.account.assets.page(query["limit"], query.get("token"), fits)
    return listing([asset_json(call.account, asset) for asset in page], token)


def delete(call: Call) -> Json:
    """Serve `assets.delete`."""
    asset = call.account.assets.remove(call.path[0])
    call.account.media.remove(asset.id)
    return data({"id": asset.id})


HANDLERS: dict[str, Handler] = {
    "assets.upload": upload,
    "assets.direct_uploads.create": create_direct,
    "assets.direct_uploads.complete": complete_direct,
    "assets.get": get,
    "assets.list": list_,
    "assets.delete": delete,
}
