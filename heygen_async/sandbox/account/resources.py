"""The resources that the account holds."""

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
    """A voice; `job` is set for clones. One that is not `usable` is listed all the same."""

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
    """An avatar's look, that which videos name as `avatar_id`; `job` is set for own ones.

    One that is not `usable` is listed all the same.
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
        consent: `pending` or `approved`; None where none is needed.
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
        scripts: What is spoken, by scene id in order; `{{name}}` is replaced by text variables.
        current_editor: False for templates that only v2 serves.
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
    """A video and its render job; `request` has what its scenes are made from.

    One that an agent has made tells no code of its failure.
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
        job: The reading of its website; None for one that was always there.
        roles: `color_roles`, `font_roles` and `logo_roles`, as far as they were given.
        shared: It is another workspace's.
    """

    id: str
    name: str
    colors: list[str]
    job: Job | None = None
    roles: dict[str, Json | None] = field(default_factory=dict)
    shared: bool = False


@dataclass(slots=True)
class BackgroundRemoval:
    """A background removal; `layers` has the id of the file of each layer."""

    id: str
    job: Job
    seconds: float
    layers: dict[str, str]
    deleted: bool = False


@dataclass(slots=True)
class AiClipping:
    """A clipping job; `seconds` is the length of its source, `clips` has theirs by id."""

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
        job: The check of a direct upload, which waits until it is completed.
        announced_checksum: What its bytes must hash to.
        upload_headers: What its PUT must carry.
        file: What its PUT brought.
        visible_at: When requests can name it, in sandbox seconds.
    """

    id: str
    name: str
    mime_type: str
    extension: str
    size: int
    uploaded_at: float
    job: Job | None = None
    announced_checksum: str | None = None
    upload_headers: dict[str, str] = field(default_factory=dict)
    file: StoredFile | None = None
    visible_at: float = 0.0

    def is_ready(self, now: float) -> bool:
        """Whether it can be used."""
        return self.job is None or self.job.completed(now)
