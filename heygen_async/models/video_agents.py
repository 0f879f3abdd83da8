"""Video Agent: sessions that turn a prompt into a video, with or without a conversation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Literal, TypeAlias

import msgspec
from msgspec import Meta

from heygen_async.models.sources import AssetSource
from heygen_async.models.structs import (
    Answer,
    AnswerWithDefaults,
    HttpUrl,
    JobRequest,
    Nullable,
    Request,
    Timestamp,
)

Prompt: TypeAlias = Annotated[str, Meta(min_length=1, max_length=10000)]
"""What the agent is told, 1 to 10,000 characters."""

Files: TypeAlias = Annotated[Sequence[AssetSource], Meta(max_length=20)]
"""Up to 20 files for the agent to work with."""


class VideoAgentRequest(JobRequest["VideoAgentSession"], frozen=True, kw_only=True):
    """A new session of the Video Agent.

    Attributes:
        prompt: What to make, 1 to 10,000 characters.
        mode: ``generate`` makes one video without pauses; ``chat`` asks back and shows
            storyboards.
        avatar_id: Look to use; the agent chooses without one.
        voice_id: Voice to use; the agent chooses without one.
        style_id: Style to follow, from ``video_agents.styles``.
        brand_kit_id: Brand kit to follow.
        brand_glossary_id: Glossary of pronunciations.
        files: Up to 20 files to work with.
        orientation: Shape of the picture; the agent chooses without one.
        incognito_mode: Keep the session out of the agent's memory.
        callback_url: Called, unsigned, when the video has ended.
        callback_id: Comes back with the callback; by default one that nobody can guess.
    """

    prompt: Prompt
    mode: Literal["generate", "chat"] = "generate"
    avatar_id: str | None = None
    voice_id: str | None = None
    style_id: str | None = None
    brand_kit_id: str | None = None
    brand_glossary_id: Annotated[str, Meta(min_length=1)] | None = None
    files: Files | None = None
    orientation: Literal["landscape", "portrait"] | None = None
    incognito_mode: bool = False
    callback_url: HttpUrl | None = None
    callback_id: str | None = None


class VideoAgentMessageRequest(Request, frozen=True, kw_only=True):
    """A message to a chat session: an answer, or the wish for another video.

    Attributes:
        message: 1 to 10,000 characters.
        avatar_id: Look to use from here on.
        voice_id: Voice to use from here on.
        brand_kit_id: Brand kit to follow from here on.
        files: Up to 20 files to work with.
    """

    message: Prompt
    avatar_id: str | None = None
    voice_id: str | None = None
    brand_kit_id: str | None = None
    files: Files | None = None


class CreatedVideoAgentSession(Answer, frozen=True, kw_only=True):
    """A session that was just started.

    Attributes:
        session_id: Its id.
        status: ``generating``, ``thinking``, ``completed`` or ``failed``.
        created_at: Unix seconds.
        video_id: Id of its video; in mode ``generate`` usually there at once.
    """

    session_id: str
    status: str
    created_at: Timestamp
    video_id: str | None = None


class VideoAgentMessage(AnswerWithDefaults, frozen=True, kw_only=True):
    """A message of a session.

    Attributes:
        role: ``user`` or ``model``.
        type: ``text``, ``resource`` or ``error``.
        content: Its text.
        resource_ids: What it shows; ``video_agents.resource`` fetches each.
        created_at: Unix seconds.
    """

    role: str
    type: str
    content: str
    resource_ids: Nullable[tuple[str, ...]] = ()
    created_at: Timestamp | None = None


class VideoAgentSession(AnswerWithDefaults, frozen=True, kw_only=True):
    """A session with its newest messages.

    Attributes:
        session_id: Its id.
        status: ``thinking``, ``waiting_for_input`` (it asked something), ``reviewing`` (it
            shows a storyboard), ``generating``, then ``completed`` or ``failed``.
        created_at: Unix seconds.
        progress: 0 to 100.
        messages: The newest 40, newest first.
        video_id: Id of the newest video, once there is one.
        title: Name in the account.
    """

    session_id: str
    status: str
    created_at: Timestamp
    progress: Nullable[int | float] = 0
    messages: Nullable[tuple[VideoAgentMessage, ...]] = ()
    video_id: str | None = None
    title: str | None = None


class VideoAgentSessionSummary(Answer, frozen=True, kw_only=True):
    """A session in the list.

    Attributes:
        session_id: Its id.
        created_at: Unix seconds.
        title: Name in the account.
    """

    session_id: str
    created_at: Timestamp
    title: str | None = None


class VideoAgentRun(Answer, frozen=True, kw_only=True):
    """The run that a message started.

    Attributes:
        run_id: Its id.
        session_id: The session.
        title: Name in the account.
    """

    run_id: str
    session_id: str
    title: str | None = None


class StoppedVideoAgentSession(Answer, frozen=True, kw_only=True):
    """A session that was stopped.

    Attributes:
        session_id: Its id.
    """

    session_id: str


class VideoAgentResource(AnswerWithDefaults, frozen=True, kw_only=True):
    """Something that a message shows: a storyboard, a draft, a picture.

    Attributes:
        resource_id: Its id.
        resource_type: What it is.
        source_type: Where it comes from.
        url: The thing itself; signed.
        preview_url: A preview; signed.
        thumbnail_url: A still image; signed.
        metadata: What else the API says of it.
        created_at: Unix seconds.
    """

    resource_id: str
    resource_type: str
    source_type: str | None = None
    url: str | None = None
    preview_url: str | None = None
    thumbnail_url: str | None = None
    metadata: Nullable[dict[str, Any]] = msgspec.field(default_factory=dict)
    created_at: Timestamp | None = None


class VideoAgentStyle(AnswerWithDefaults, frozen=True, kw_only=True):
    """A style that a session can follow.

    Attributes:
        style_id: Its id.
        name: Its name.
        tags: What it is filed under.
        aspect_ratio: Shape of its picture.
        preview_video_url: A video in this style; signed.
        thumbnail_url: A still image; signed.
    """

    style_id: str
    name: str
    tags: Nullable[tuple[str, ...]] = ()
    aspect_ratio: str | None = None
    preview_video_url: str | None = None
    thumbnail_url: str | None = None
