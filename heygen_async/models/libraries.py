"""Libraries for videos: sounds, brand kits, glossaries and folders."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from heygen_async.models.structs import Answer, AnswerWithDefaults, Nullable, Request, Timestamp


class Sound(Answer, frozen=True, kw_only=True):
    """A piece of music or a sound effect found by a search.

    Attributes:
        id: Its id.
        name: Its name.
        description: Description of its sound.
        type: ``music`` or ``sound_effects``.
        audio_url: URL of the file.
        score: Match with the query, 0 to 1.
        duration: Seconds.
        peak_offset: Position of its loudest part, in seconds.
        placement: Suitable place in a video.
    """

    id: str
    name: str
    description: str
    type: str
    audio_url: str
    score: float
    duration: float | None = None
    peak_offset: float | None = None
    placement: str | None = None


class BrandKit(AnswerWithDefaults, frozen=True, kw_only=True):
    """A brand kit of the account.

    Attributes:
        brand_kit_id: Its id.
        name: Its name.
        colors: Its colours.
        logo_url: URL of its logo.
    """

    brand_kit_id: str
    name: str
    colors: Nullable[tuple[str, ...]] = ()
    logo_url: str | None = None


class BrandGlossary(Answer, frozen=True, kw_only=True):
    """A glossary of the account.

    Attributes:
        brand_glossary_id: Its id.
        name: Its name.
        created_at: ISO 8601.
        updated_at: ISO 8601.
    """

    brand_glossary_id: str
    name: str
    created_at: str
    updated_at: str


class FolderRequest(Request, frozen=True, kw_only=True):
    """A new folder.

    Attributes:
        name: Its name, 1 to 256 characters.
        parent_id: Id of the parent folder. Default: none.
        type: Type of its contents. By default HeyGen chooses.
    """

    name: Annotated[str, Meta(min_length=1, max_length=256)]
    parent_id: str | None = None
    type: Literal["mixed", "video", "video_translate"] | None = None


class Folder(Answer, frozen=True, kw_only=True):
    """A folder of the account.

    Attributes:
        folder_id: Its id.
        name: Its name.
        type: Type of its contents, such as ``mixed``.
        parent_id: Id of the parent folder.
        is_trash: Whether it is in the trash.
        creator_username: Name of the user who created it.
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
