"""The API's own batches: up to 100 jobs in one request, started when HeyGen has capacity."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from heygen_async.models.lipsyncs import LipsyncRequest
from heygen_async.models.structs import Answer, HttpUrl, Request, Timestamp, given, refuse
from heygen_async.models.video_translations import VideoTranslationRequest
from heygen_async.models.videos import VideoRequest

_MOST_ITEMS = 100


class VideoBatchRequest(Request, frozen=True, kw_only=True):
    """Up to 100 videos in one request; each is one item.

    Attributes:
        videos: The videos, 1 to 100, of any type, without a ``folder_id`` of their own.
        title: Name of the batch in the account.
        folder_id: Folder to put them in.
        callback_url: Called once without a signature when all items have ended.
    """

    videos: Annotated[Sequence[VideoRequest], Meta(min_length=1, max_length=_MOST_ITEMS)]
    title: str | None = None
    folder_id: str | None = None
    callback_url: HttpUrl | None = None

    def _check_rules(self) -> None:
        for index, video in enumerate(self.videos):
            if given(video, "folder_id"):
                refuse(
                    f"videos[{index}].folder_id",
                    "a batch has one folder for all its videos; set folder_id of the batch",
                )


def without_folder(
    videos: Sequence[VideoRequest],
) -> tuple[Sequence[VideoRequest], str | None]:
    """Return the videos without the folder that all of them share, and the folder.

    Other videos are returned unchanged, and ``VideoBatchRequest`` checks them.
    """
    if not isinstance(videos, list | tuple) or not all(isinstance(v, Request) for v in videos):
        return videos, None
    folders = {getattr(video, "folder_id", None) for video in videos}
    if folders == {None} or len(folders) != 1:
        return videos, None
    return [msgspec.structs.replace(video, folder_id=None) for video in videos], folders.pop()


class VideoTranslationBatchRequest(Request, frozen=True, kw_only=True):
    """Up to 100 translations in one request; each language of each video is one item.

    Attributes:
        video_translations: The videos with their languages, 1 to 100, with at most 100 languages in
            total.
        title: Name of the batch in the account.
        callback_url: Called once without a signature when all items have ended.
    """

    video_translations: Annotated[
        Sequence[VideoTranslationRequest], Meta(min_length=1, max_length=_MOST_ITEMS)
    ]
    title: str | None = None
    callback_url: HttpUrl | None = None

    def _check_rules(self) -> None:
        count = sum(len(request.output_languages) for request in self.video_translations)
        if count > _MOST_ITEMS:
            refuse(
                "video_translations",
                f"expected at most {_MOST_ITEMS} languages in total, got {count}; split the batch",
            )


class LipsyncBatchRequest(Request, frozen=True, kw_only=True):
    """Up to 100 lipsyncs in one request; each is one item.

    Attributes:
        lipsyncs: The lipsyncs, 1 to 100.
        title: Name of the batch in the account.
        callback_url: Called once without a signature when all items have ended.
    """

    lipsyncs: Annotated[Sequence[LipsyncRequest], Meta(min_length=1, max_length=_MOST_ITEMS)]
    title: str | None = None
    callback_url: HttpUrl | None = None


class CreatedBatch(Answer, frozen=True, kw_only=True):
    """A batch that was just requested; the ids of its jobs follow later.

    Attributes:
        batch_id: Its id.
    """

    batch_id: str


class BatchItem(Answer, frozen=True, kw_only=True):
    """One item of a batch.

    Attributes:
        item_index: Position among the requests, from 0; if requests have several languages, among
            the languages of all requests.
        status: ``queued``, ``processing``, then ``completed`` or ``failed``.
        video_id: Id of its job, whatever the product; None until HeyGen has started it, or if
            HeyGen could not start it.
        error: Reason of the failure, usually an object, possibly a bare text. The API may leave it
            out.
    """

    item_index: int | float
    status: str
    video_id: str | None = None
    error: dict[str, Any] | str | None = None


class BatchStatus(Answer, frozen=True, kw_only=True):
    """The state of a batch, with one page of its items.

    Attributes:
        batch_id: Its id.
        status: ``processing``, then ``completed``, or ``failed`` if no item succeeded.
        total_items: Number of items.
        counts_by_status: Number of items with each status.
        created_at: Unix seconds.
        items: The items of this page, in the order of ``item_index``.
        has_more: Whether there is another page.
        next_token: The token that requests it.
        title: Name in the account.
    """

    batch_id: str
    status: str
    total_items: int | float
    counts_by_status: dict[str, int | float]
    created_at: Timestamp
    items: tuple[BatchItem, ...]
    has_more: bool
    next_token: str | None = None
    title: str | None = None
