"""The sources of a file: a URL, an uploaded asset, or the request itself."""

from __future__ import annotations

from typing import TypeAlias

from heygen_async.models.structs import HttpUrl, Part


class AssetUrl(Part, frozen=True, kw_only=True, tag_field="type", tag="url"):
    """A file that HeyGen downloads.

    Attributes:
        url: Public http(s) URL, under 2,048 characters. Videos up to 100 MB, images and
            audio up to 50 MB.
    """

    url: HttpUrl


class AssetId(Part, frozen=True, kw_only=True, tag_field="type", tag="asset_id"):
    """A file that was uploaded before.

    Attributes:
        asset_id: The id that the upload returned.
    """

    asset_id: str


class AssetBase64(Part, frozen=True, kw_only=True, tag_field="type", tag="base64"):
    """A small file inside the request.

    Attributes:
        media_type: Its MIME type, such as ``image/png``.
        data: Its content in base64. Never printed.
    """

    media_type: str
    data: str


AssetSource: TypeAlias = AssetUrl | AssetId | AssetBase64
"""A file by URL, by asset id, or in base64."""

MediaSource: TypeAlias = AssetUrl | AssetId
"""A video or audio file by URL or by asset id."""
