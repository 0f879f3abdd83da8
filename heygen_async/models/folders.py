"""Folders: what the account's videos and assets are put in."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from heygen_async.models.structs import Answer, Request, Timestamp


class FolderRequest(Request, frozen=True, kw_only=True):
    """A folder to be made.

    Attributes:
        name: Its name, 1 to 256 characters.
        parent_id: The folder it is in; by default it is in none.
        type: What it takes; by default HeyGen chooses.
    """

    name: Annotated[str, Meta(min_length=1, max_length=256)]
    parent_id: str | None = None
    type: Literal["mixed", "video", "video_translate"] | None = None


class Folder(Answer, frozen=True, kw_only=True):
    """A folder of the account.

    Attributes:
        folder_id: Its id.
        name: Its name.
        type: What it takes, such as ``mixed``.
        parent_id: The folder it is in.
        is_trash: Whether it was thrown away.
        creator_username: Who made it.
        created_at: Unix seconds.
        updated_at: Unix seconds.
    """

    folder_id: str
    name: str
    type: str | None = None
    parent_id: str | None = None
    is_trash: bool | None = None
    creator_username: str | None = None
    created_at: Timestamp | None = None
    updated_at: Timestamp | None = None
