"""HyperFrames: videos rendered from a web project."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from msgspec import Meta

from heygen_async.models.sources import AssetSource
from heygen_async.models.structs import Answer, HttpUrl, Request, Timestamp


class HyperframesRenderRequest(Request, frozen=True, kw_only=True):
    """A project to render as a video.

    Attributes:
        project: A zip file that contains ``index.html`` or the file in ``composition``.
        composition: Path of the file to render in the zip, up to 512 characters. Default:
            ``index.html``.
        variables: Values for the project's variables, by name.
        aspect_ratio: Shape of the picture.
        resolution: Size of the picture. ``4k`` costs 1.5 times as much.
        fps: Frames per second, 1 to 240.
        quality: ``draft`` renders fastest.
        format: Container of the video.
        title: Name in the account, up to 500 characters.
        callback_url: Called without a signature when it has ended.
        callback_id: Sent back with the callback, up to 256 characters. Default: an unguessable id.
    """

    project: AssetSource
    composition: Annotated[str, Meta(max_length=512)] | None = None
    variables: Mapping[str, Any] | None = None
    aspect_ratio: Literal["16:9", "9:16", "1:1"] = "16:9"
    resolution: Literal["1080p", "4k"] = "1080p"
    fps: Annotated[int, Meta(ge=1, le=240)] | None = 30
    quality: Literal["draft", "standard", "high"] = "standard"
    format: Literal["mp4", "webm", "mov"] = "mp4"
    title: Annotated[str, Meta(max_length=500)] | None = None
    callback_url: HttpUrl | None = None
    callback_id: Annotated[str, Meta(max_length=256)] | None = None


class CreatedHyperframesRender(Answer, frozen=True, kw_only=True):
    """A render that was accepted.

    Attributes:
        render_id: Its id.
    """

    render_id: str


class HyperframesRender(Answer, frozen=True, kw_only=True):
    """A render of a HyperFrames project. Media URLs are signed and expire.

    Attributes:
        render_id: Its id.
        status: ``queued``, ``rendering``, then ``completed`` or ``failed``.
        format: Container of the video: ``mp4``, ``webm`` or ``mov``.
        video_url: The video; can be missing for a moment after ``completed``.
        thumbnail_url: A still image.
        duration: Seconds.
        failure_message: Reason of the failure. The API may leave it out.
        composition: From the request.
        aspect_ratio: Shape of the picture.
        resolution: Size of the picture.
        fps: Frames per second.
        quality: From the request.
        title: Name in the account.
        callback_id: The ``callback_id`` of the request.
        created_at: Unix seconds.
        completed_at: Unix seconds.
    """

    render_id: str
    status: str
    format: str
    video_url: str | None = None
    thumbnail_url: str | None = None
    duration: float | None = None
    failure_message: str | None = None
    composition: str | None = None
    aspect_ratio: str | None = None
    resolution: str | None = None
    fps: int | float | None = None
    quality: str | None = None
    title: str | None = None
    callback_id: str | None = None
    created_at: Timestamp | None = None
    completed_at: Timestamp | None = None

    @property
    def id(self) -> str:
        """The ``render_id``, under the name of other jobs' ids."""
        return self.render_id


class DeletedHyperframesRender(Answer, frozen=True, kw_only=True):
    """A render that was deleted.

    Attributes:
        render_id: Its id.
    """

    render_id: str
