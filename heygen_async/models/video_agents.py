"""Video Agent: sessions that make a video from a prompt, with or without a conversation."""

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
"""A prompt for the agent, 1 to 10,000 characters."""

Files: TypeAlias = Annotated[Sequence[AssetSource], Meta(max_length=20)]
"""Up to 20 files for the agent to work with."""


class VideoAgentRequest(JobRequest["VideoAgentSession"], frozen=True, kw_only=True):
    """A new session of the Video Agent.

    Attributes:
        prompt: Description of the video, 1 to 10,000 characters.
        mode: ``generate`` makes one video without pauses; ``chat`` asks questions and shows
            storyboards.
        avatar_id: Look to use. By default the agent chooses.
        voice_id: Voice to use. By default the agent chooses.
        style_id: Style to follow, from ``video_agents.styles``.
        brand_kit_id: Brand kit to follow.
        brand_glossary_id: Glossary of pronunciations.
        files: Up to 20 files to work with.
        orientation: Shape of the picture. By default the agent chooses.
        incognito_mode: Keep the session out of the agent's memory.
        callback_url: Called without a signature when the video has ended.
        callback_id: Sent back with the callback. Default: an unguessable id.
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
    """A message to a chat session: an answer, or a request for another video.

    Attributes:
        message: The text, 1 to 10,000 characters.
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
        video_id: Id of its video; in mode ``generate`` usually present at once.
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
        resource_ids: Ids of the resources that it shows; ``video_agents.resource`` fetches each.
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
        video_id: Id of the newest video, or None.
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
    """A resource of a message: a storyboard, a draft, a picture.

    Attributes:
        resource_id: Its id.
        resource_type: Its type.
        source_type: Type of its origin.
        url: URL of the resource; signed.
        preview_url: URL of a preview; signed.
        thumbnail_url: A still image; signed.
        metadata: Further data of the API.
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
    """A style for sessions.

    Attributes:
        style_id: Its id.
        name: Its name.
        tags: Its tags.
        aspect_ratio: Shape of its picture.
        preview_video_url: URL of a video in this style; signed.
        thumbnail_url: A still image; signed.
    """

    style_id: str
    name: str
    tags: Nullable[tuple[str, ...]] = ()
    aspect_ratio: str | None = None
    preview_video_url: str | None = None
    thumbnail_url: str | None = None
