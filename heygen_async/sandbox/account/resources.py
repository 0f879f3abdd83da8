"""The types of resources in the account."""

from __future__ import annotations

from dataclasses import dataclass, field

from ..answers import Json
from ..jobs import Job
from ..media.uploads import StoredFile

__all__ = [
    "AiClipping",
    "Asset",
    "AvatarGroup",
    "BackgroundRemoval",
    "BrandGlossary",
    "BrandKit",
    "FillerWordRemoval",
    "Folder",
    "HyperframesRender",
    "Lipsync",
    "Look",
    "Proofread",
    "Template",
    "Translation",
    "Video",
    "Voice",
]


@dataclass(slots=True)
class Voice:
    """A voice. `job` is set for clones. A voice that is not `usable` is still listed."""

    id: str
    name: str
    language: str
    gender: str
    starfish: bool = True
    support_pause: bool = True
    support_locale: bool = False
    private: bool = False
    job: Job | None = None
    usable: bool = True


@dataclass(slots=True)
class Look:
    """An avatar's look, whose id videos use as `avatar_id`. `job` is set for the account's own.

    A look that is not `usable` is still listed.
    """

    id: str
    name: str
    avatar_type: str
    group_id: str
    gender: str
    default_voice_id: str
    engines: tuple[str, ...]
    job: Job | None = None
    usable: bool = True


@dataclass(slots=True)
class AvatarGroup:
    """A person with their looks.

    Attributes:
        consent: `pending` or `approved`; None if none is needed.
    """

    id: str
    name: str
    gender: str | None
    default_voice_id: str | None
    created_at: float
    private: bool = False
    consent: str | None = None


@dataclass(slots=True)
class Template:
    """A template.

    Attributes:
        variables: Flat (v3) variables by name; media may be a bare `{"type": …}`.
        scripts: The spoken texts by scene id, in order; text variables replace `{{name}}`.
        current_editor: Whether v3 serves it; False for templates that only v2 serves.
    """

    id: str
    name: str
    aspect_ratio: str
    variables: dict[str, Json]
    scripts: dict[str, str]
    created_at: float
    current_editor: bool = True


@dataclass(slots=True)
class Video:
    """A video and its render job; its scenes are made from `request`.

    A failed video of an agent has no failure code.
    """

    id: str
    job: Job
    seconds: float
    title: str | None = None
    folder_id: str | None = None
    callback_id: str | None = None
    output_language: str | None = None
    caption: bool = False
    gif: bool = False
    by_agent: bool = False
    request: Json = field(default_factory=dict)


@dataclass(slots=True)
class Translation:
    """One target language of a translation."""

    id: str
    job: Job
    seconds: float
    title: str | None
    input_language: str | None
    output_language: str
    audio_only: bool
    callback_id: str | None


@dataclass(slots=True)
class Proofread:
    """A proofread session and the request that made it."""

    id: str
    job: Job
    seconds: float
    language: str
    request: Json


@dataclass(slots=True)
class Lipsync:
    """A lipsync."""

    id: str
    job: Job
    seconds: float
    title: str | None
    callback_id: str | None
    caption: bool


@dataclass(slots=True)
class FillerWordRemoval:
    """A filler-word removal; `seconds` is the length of its source."""

    id: str
    job: Job
    seconds: float
    cuts: int
    title: str | None
    callback_id: str | None


@dataclass(slots=True)
class HyperframesRender:
    """A render of a web project."""

    id: str
    job: Job
    seconds: float
    request: Json
    deleted: bool = False


@dataclass(slots=True)
class BrandGlossary:
    """A brand glossary; `lists` has its terms by the names of the request."""

    id: str
    name: str
    lists: dict[str, list[Json]]
    created_at: float
    updated_at: float


@dataclass(slots=True)
class BrandKit:
    """A brand kit.

    Attributes:
        job: The job that reads its website; None for a kit of a new account.
        roles: `color_roles`, `font_roles` and `logo_roles`, as far as set.
        shared: Whether it belongs to another workspace.
    """

    id: str
    name: str
    colors: list[str]
    job: Job | None = None
    roles: dict[str, Json | None] = field(default_factory=dict)
    shared: bool = False


@dataclass(slots=True)
class BackgroundRemoval:
    """A background removal; `layers` maps each layer to the id of its file."""

    id: str
    job: Job
    seconds: float
    layers: dict[str, str]
    deleted: bool = False


@dataclass(slots=True)
class AiClipping:
    """A clipping job; `seconds` is the length of its source, `clips` the lengths of clips by id."""

    id: str
    job: Job
    seconds: float
    clips: dict[str, float]
    request: Json


@dataclass(slots=True)
class Folder:
    """A folder."""

    id: str
    name: str
    type: str
    parent_id: str | None
    created_at: float


@dataclass(slots=True)
class Asset:
    """An uploaded file.

    Attributes:
        job: The check of a direct upload, which starts when the upload is completed.
        expected_checksum: The expected checksum of its bytes.
        upload_headers: Headers that its PUT must have.
        file: The file that was PUT.
        visible_at: Time from which requests can use it, in sandbox seconds.
    """

    id: str
    name: str
    mime_type: str
    extension: str
    size: int
    uploaded_at: float
    job: Job | None = None
    expected_checksum: str | None = None
    upload_headers: dict[str, str] = field(default_factory=dict)
    file: StoredFile | None = None
    visible_at: float = 0.0

    def is_ready(self, now: float) -> bool:
        """Whether it can be used."""
        return self.job is None or self.job.completed(now)
