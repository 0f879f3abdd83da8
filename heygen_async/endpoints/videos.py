"""Videos from avatars, images, prompts or scenes."""

from __future__ import annotations

from collections.abc import Sequence

from heygen_async.endpoints.batches import BatchJob, BatchKind, JobBatches
from heygen_async.endpoints.callbacks import callback_id_of, with_unguessable_id
from heygen_async.endpoints.explanations import explain
from heygen_async.endpoints.resource import Pages, Resource
from heygen_async.errors import BadRequest, NotFound
from heygen_async.jobs.job import Job
from heygen_async.jobs.kind import JobKind
from heygen_async.models.batches import BatchStatus, CreatedBatch, VideoBatchRequest, without_folder
from heygen_async.models.scenes import VideoScenes
from heygen_async.models.statuses import StatusEntry
from heygen_async.models.structs import encode, expect
from heygen_async.models.videos import (
    CreatedVideo,
    DeletedVideo,
    Video,
    VideoRequest,
    VideoStatusV1,
)
from heygen_async.session.answers.codec import Page
from heygen_async.session.endpoint import Endpoint, query_string

CREATE: Endpoint[CreatedVideo] = Endpoint(
    operation="videos.create",
    method="POST",
    path="/v3/videos",
    answer=CreatedVideo,
    keyed=True,
    creates=lambda created: [created.video_id],
)
GET: Endpoint[Video] = Endpoint(
    operation="videos.get", method="GET", path="/v3/videos/{video_id}", answer=Video
)
LIST: Endpoint[Page[Video]] = Endpoint(
    operation="videos.list", method="GET", path="/v3/videos", answer=Video, envelope="page"
)
DELETE: Endpoint[DeletedVideo] = Endpoint(
    operation="videos.delete",
    method="DELETE",
    path="/v3/videos/{video_id}",
    answer=DeletedVideo,
)
SCENES: Endpoint[VideoScenes] = Endpoint(
    operation="videos.scenes",
    method="GET",
    path="/v3/videos/{video_id}/scenes",
    answer=VideoScenes,
)
STATUSES: Endpoint[Page[StatusEntry]] = Endpoint(
    operation="videos.statuses",
    method="GET",
    path="/v3/videos/statuses",
    answer=StatusEntry,
    envelope="page",
)
STATUS_V1: Endpoint[VideoStatusV1] = Endpoint(
    operation="videos.status_v1",
    method="GET",
    path="/v1/video_status.get",
    answer=VideoStatusV1,
)
BATCHES_CREATE: Endpoint[CreatedBatch] = Endpoint(
    operation="videos.batches.create",
    method="POST",
    path="/v3/videos/batches",
    answer=CreatedBatch,
    keyed=True,
    creates=lambda created: [created.batch_id],
)
BATCHES_GET: Endpoint[BatchStatus] = Endpoint(
    operation="videos.batches.get",
    method="GET",
    path="/v3/videos/batches/{batch_id}",
    answer=BatchStatus,
)

# Short avatar clips take half a minute to two minutes, long ones 5 to 15.
VIDEO: JobKind[Video] = JobKind(
    name="video",
    result=Video,
    get=GET,
    statuses=STATUSES,
    ids_parameter="video_ids",
    expected=90.0,
    ready=lambda video: video.video_url is not None,
    place=(__name__, "VIDEO"),
)


VIDEO_BATCH: BatchKind[Video] = BatchKind(
    name="video_batch",
    result=BatchStatus,
    get=BATCHES_GET,
    each=VIDEO,
    expected=300.0,
    place=(__name__, "VIDEO_BATCH"),
)


class VideoBatches(JobBatches[Video]):
    """``heygen.videos.batches``."""

    _kind = VIDEO_BATCH
    _endpoint = BATCHES_CREATE
    _field = "videos"

    async def create(
        self,
        request: VideoBatchRequest | Sequence[VideoRequest],
        *,
        idempotency_key: str | None = None,
    ) -> BatchJob[Video]:
        """Start up to 100 videos with one request.

        HeyGen accepts them at once and starts them when it has capacity. If one cannot be made,
        only that one fails.

        Args:
            request: The videos, or a whole ``VideoBatchRequest``. A ``folder_id`` that all videos
                share is moved to the batch, which has one folder for all.
            idempotency_key: Your own key; within 24 h the same key returns the same batch. Default:
                a new key for each call.

        Returns:
            The batch; ``async for done in batch.results()`` yields each ``Video`` as it ends.
        """
        if not isinstance(request, VideoBatchRequest):
            videos, folder_id = without_folder(request)
            request = VideoBatchRequest(videos=videos, folder_id=folder_id)
        return await self._create(request, idempotency_key)


class Videos(Resource):
    """``heygen.videos``."""

    @property
    def batches(self) -> VideoBatches:
        """Batches of videos: one request for up to 100 of them."""
        return VideoBatches(self._session, self._watcher)

    async def create(
        self, request: VideoRequest, *, idempotency_key: str | None = None
    ) -> Job[Video]:
        """Start a video.

        Args:
            request: An ``AvatarVideoRequest``, ``ImageVideoRequest``,
                ``CinematicAvatarVideoRequest`` or ``StudioVideoRequest``.
            idempotency_key: Your own key, 1 to 255 characters of ``[A-Za-z0-9_-:.]``; within 24 h
                the same key returns the same video. Default: a new key for each call.

        Returns:
            The job; ``await job.wait()`` returns the ``Video``.
        """
        expect(request, VideoRequest)
        request = with_unguessable_id(request, self._session, idempotency_key)
        try:
            created = await self._submit(
                CREATE, CREATE.at(), body=encode(request), idempotency_key=idempotency_key
            )
        except (BadRequest, NotFound) as error:
            await explain(self._session, error, request)
            raise
        return self._job(VIDEO, created.video_id, created, callback_id_of(request), request=request)

    async def get(self, video_id: str) -> Video:
        """Return one video with newly signed URLs.

        Args:
            video_id: The video's id.

        Raises:
            NotFound: The video does not exist.
        """
        return await self._session.call(GET, GET.at(video_id))

    def list(
        self, *, limit: int | None = None, folder_id: str | None = None, title: str | None = None
    ) -> Pages[Video]:
        """List the account's videos.

        Args:
            limit: Items per page, 1 to 100; the API's default is 10.
            folder_id: Only those of this folder.
            title: Only those whose title matches.
        """
        query = {"limit": limit, "folder_id": folder_id, "title": title}
        return self._pages(LIST, LIST.at(), query)

    async def delete(self, video_id: str) -> DeletedVideo:
        """Delete a video.

        Args:
            video_id: The video's id.

        Returns:
            Its id, even if an earlier attempt with a lost answer has deleted it.

        Raises:
            NotFound: The video does not exist.
        """
        return await self._delete(DELETE, video_id, DeletedVideo(id=video_id))

    async def scenes(self, video_id: str) -> VideoScenes:
        """Return all scenes of a video: scripts, backgrounds and elements.

        Args:
            video_id: The video's id.

        Raises:
            NotFound: The video does not exist.
        """
        return await self._session.call(SCENES, SCENES.at(video_id))

    async def statuses(
        self, video_ids: Sequence[str] = (), *, batch_ids: Sequence[str] = ()
    ) -> Sequence[StatusEntry]:
        """Return the statuses of up to 100 videos with one request.

        Args:
            video_ids: Ids of videos.
            batch_ids: Ids of batches; all their items are reported.
        """
        return await self._statuses(STATUSES, {"video_ids": video_ids, "batch_ids": batch_ids})

    async def status_v1(self, video_id: str) -> VideoStatusV1:
        """Return one video through the old v1 call.

        Args:
            video_id: The video's id.

        Raises:
            NotFound: The video does not exist.
        """
        query = query_string({"video_id": video_id})
        return await self._session.call(STATUS_V1, STATUS_V1.at() + query)
