"""Assets: files uploaded to the account."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, TypeAlias

from msgspec import Meta

from heygen_async.models.structs import Answer, HttpUrl, Request, Timestamp, refuse

Sha256: TypeAlias = Annotated[
    str,
    Meta(pattern=r"^[0-9a-fA-F]{64}\Z", title="a SHA-256 as 64 hexadecimal digits"),
]

_LARGEST = 200 * 1024**2


class DirectUploadRequest(Request, frozen=True, kw_only=True):
    """A file for a direct upload to storage, up to 200 MB.

    Attributes:
        filename: Its name.
        content_type: Its MIME type.
        size_bytes: Its size, 1 byte to 200 MB.
        checksum_sha256: Its SHA-256 as 64 hexadecimal digits.
    """

    filename: str
    content_type: str
    size_bytes: int
    checksum_sha256: Sha256 | None = None

    def _check_rules(self) -> None:
        if not 1 <= self.size_bytes <= _LARGEST:
            refuse("size_bytes", f"expected 1 to {_LARGEST:,} bytes, got {self.size_bytes:,}")


class AssetCompleteRequest(Request, frozen=True, kw_only=True):
    """The request that completes a direct upload.

    Attributes:
        checksum_sha256: SHA-256 of the bytes that were sent, as 64 hexadecimal digits.
    """

    checksum_sha256: Sha256 | None = None


class DirectUploadBatchRequest(Request, frozen=True, kw_only=True):
    """Up to 100 files for direct uploads to storage.

    Attributes:
        files: The files, 1 to 100.
        title: Name of the batch in the account.
        callback_url: Called once without a signature when all files are assets, or could not become
            any.
    """

    files: Annotated[Sequence[DirectUploadRequest], Meta(min_length=1, max_length=100)]
    title: str | None = None
    callback_url: HttpUrl | None = None


class AssetBatchCompleteRequest(Request, frozen=True, kw_only=True):
    """The request that completes the direct uploads of a batch.

    Attributes:
        batch_id: The batch.
    """

    batch_id: str


class DirectUpload(Answer, frozen=True, kw_only=True):
    """The target of a direct upload: PUT the file there with these headers, without the API key.

    Attributes:
        asset_id: Id of the asset, which can be used when the upload is completed.
        upload_url: URL for the bytes; signed.
        upload_headers: Headers to send, all of them and no others. Never printed.
        max_bytes: The most bytes of the file.
        expires_in_seconds: Lifetime of the URL in seconds.
        status: ``pending_upload``.
    """

    asset_id: str
    upload_url: str
    upload_headers: dict[str, str]
    max_bytes: int | float
    expires_in_seconds: int | float
    status: str


class DirectUploadBatch(Answer, frozen=True, kw_only=True):
    """The targets of the direct uploads of a batch.

    Attributes:
        batch_id: Its id, for ``complete``.
        items: The target of each file, in the order of the request.
    """

    batch_id: str
    items: tuple[DirectUpload, ...]


class UploadedAsset(Answer, frozen=True, kw_only=True):
    """A file that was uploaded with one call.

    Attributes:
        asset_id: Its id.
        url: URL of the file; signed.
        mime_type: Its MIME type.
        size_bytes: Its size.
    """

    asset_id: str
    url: str
    mime_type: str
    size_bytes: int | float


class CompletedAsset(Answer, frozen=True, kw_only=True):
    """A file whose direct upload was completed.

    Attributes:
        asset_id: Its id.
        url: URL of the file; signed.
        mime_type: Its MIME type.
        size_bytes: Its size.
        status: Usually ``processing``: HeyGen examines the file.
    """

    asset_id: str
    url: str
    mime_type: str
    size_bytes: int | float
    status: str


class Asset(Answer, frozen=True, kw_only=True):
    """A file in the account.

    Attributes:
        id: Its id.
        name: Its name.
        type: Its type, such as ``image``.
        owner: The user who uploaded it.
        space_id: Id of its workspace.
        uploaded_at: Unix seconds.
        folder_id: Id of its folder.
        url: URL of the file; signed.
    """

    id: str
    name: str
    type: str
    owner: str
    space_id: str
    uploaded_at: Timestamp
    folder_id: str | None = None
    url: str | None = None


class AssetSearchResult(Answer, frozen=True, kw_only=True):
    """A picture found by a search.

    Attributes:
        type: ``image`` or ``icon``; if the API leaves it out, the type of the search.
        id: Its id.
        url: URL of the file.
        width: Pixels.
        height: Pixels.
        orientation: Its shape, such as ``landscape``.
        is_transparent: Whether it has transparent parts.
    """

    id: str
    url: str
    type: str | None = None
    width: int | float | None = None
    height: int | float | None = None
    orientation: str | None = None
    is_transparent: bool | None = None
