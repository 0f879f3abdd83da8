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
    """A file that will be put straight into storage, up to 200 MB.

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
    """The word that a direct upload is done.

    Attributes:
        checksum_sha256: SHA-256 of what was sent, as 64 hexadecimal digits.
    """

    checksum_sha256: Sha256 | None = None


class DirectUploadBatchRequest(Request, frozen=True, kw_only=True):
    """Up to 100 files that will be put straight into storage.

    Attributes:
        files: The files, 1 to 100.
        title: Name of the batch in the account.
        callback_url: Called, unsigned, once when all files are assets, or could not become any.
    """

    files: Annotated[Sequence[DirectUploadRequest], Meta(min_length=1, max_length=100)]
    title: str | None = None
    callback_url: HttpUrl | None = None


class AssetBatchCompleteRequest(Request, frozen=True, kw_only=True):
    """The word that the direct uploads of a batch are done.

    Attributes:
        batch_id: The batch.
    """

    batch_id: str


class DirectUpload(Answer, frozen=True, kw_only=True):
    """Where to put a file: PUT to the URL with exactly these headers, without the API key.

    Attributes:
        asset_id: Id of the asset; usable once the upload is completed.
        upload_url: Where the bytes go; signed.
        upload_headers: Headers to send, all of them and no others; never printed.
        max_bytes: The most it takes.
        expires_in_seconds: How long the URL is good for.
        status: ``pending_upload``.
    """

    asset_id: str
    upload_url: str
    upload_headers: dict[str, str]
    max_bytes: int | float
    expires_in_seconds: int | float
    status: str


class DirectUploadBatch(Answer, frozen=True, kw_only=True):
    """Where to put the files of a batch.

    Attributes:
        batch_id: Its id, to be said when all files are there.
        items: Where to put each file, in the order of the request.
    """

    batch_id: str
    items: tuple[DirectUpload, ...]


class UploadedAsset(Answer, frozen=True, kw_only=True):
    """A file that was uploaded in one call.

    Attributes:
        asset_id: Its id.
        url: Where it is; signed.
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
        url: Where it is; signed.
        mime_type: Its MIME type.
        size_bytes: Its size.
        status: ``processing``, as a rule: HeyGen looks into the file.
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
        type: What it is, such as ``image``.
        owner: Who uploaded it.
        space_id: The workspace it is in.
        uploaded_at: Unix seconds.
        folder_id: The folder it is in.
        url: Where it is; signed.
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
    """A picture that was searched for.

    Attributes:
        type: ``image`` or ``icon``; the one that was asked for where it is missing.
        id: Its id.
        url: Where it is.
        width: Pixels.
        height: Pixels.
        orientation: Its shape, such as ``landscape``.
        is_transparent: Whether one can see through parts of it.
    """

    id: str
    url: str
    type: str | None = None
    width: int | float | None = None
    height: int | float | None = None
    orientation: str | None = None
    is_transparent: bool | None = None
