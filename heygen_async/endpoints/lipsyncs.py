"""Lipsyncs: synchronize the lips in a video with another audio."""

from __future__ import annotations

from collections.abc import Sequence

from heygen_async.endpoints.batches import BatchJob, BatchKind, JobBatches
from heygen_async.endpoints.callbacks import callback_id_of, with_unguessable_id
from heygen_async.endpoints.resource import Pages, Resource
from heygen_async.jobs.job import Job
from heygen_async.jobs.kind import JobKind
from heygen_async.models.batches import BatchStatus, CreatedBatch, LipsyncBatchRequest
from heygen_async.models.lipsyncs import CreatedLipsync, Lipsync, LipsyncRequest
from heygen_async.models.statuses import DeletedId, StatusEntry
from heygen_async.models.structs import encode, expect
from heygen_async.models.video_translations import TitleUpdate
from heygen_async.session.answers.codec import Page
from heygen_async.session.endpoint import Endpoint

CREATE: Endpoint[CreatedLipsync] = Endpoint(
    operation="lipsyncs.create",
    method="POST",
    path="/v3/lipsyncs",
    answer=CreatedLipsync,
    keyed=True,
    creates=lambda created: [created.lipsync_id],
)
GET: Endpoint[Lipsync] = Endpoint(
    operation="lipsyncs.get", method="GET", path="/v3/lipsyncs/{lipsync_id}", answer=Lipsync
)
LIST: Endpoint[Page[Lipsync]] = Endpoint(
    operation="lipsyncs.list",
    method="GET",
    path="/v3/lipsyncs",
    answer=Lipsync,
    envelope="page",
)
UPDATE: Endpoint[Lipsync] = Endpoint(
    operation="lipsyncs.update",
    method="PATCH",
    path="/v3/lipsyncs/{lipsync_id}",
    answer=Lipsync,
)
DELETE: Endpoint[DeletedId] = Endpoint(
    operation="lipsyncs.delete",
    method="DELETE",
    path="/v3/lipsyncs/{lipsync_id}",
    answer=DeletedId,
)
STATUSES: Endpoint[Page[StatusEntry]] = Endpoint(
    operation="lipsyncs.statuses",
    method="GET",
    path="/v3/lipsyncs/statuses",
    answer=StatusEntry,
    envelope="page",
)
BATCHES_CREATE: Endpoint[CreatedBatch] = Endpoint(
    operation="lipsyncs.batches.create",
    method="POST",
    path="/v3/lipsyncs/batches",
    answer=CreatedBatch,
    keyed=True,
    creates=lambda created: [created.batch_id],
)
BATCHES_GET: Endpoint[BatchStatus] = Endpoint(
    operation="lipsyncs.batches.get",
    method="GET",
    path="/v3/lipsyncs/batches/{batch_id}",
    answer=BatchStatus,
)

# HeyGen publishes no durations for lipsyncs.
LIPSYNC: JobKind[Lipsync] = JobKind(
    name="lipsync",
    result=Lipsync,
    get=GET,
    statuses=STATUSES,
    ids_parameter="lipsync_ids",
    expected=240.0,
    ready=lambda lipsync: lipsync.video_url is not None,
    place=(__name__, "LIPSYNC"),
)
LIPSYNC_BATCH: BatchKind[Lipsync] = BatchKind(
    name="lipsync_batch",
    result=BatchStatus,
    get=BATCHES_GET,
    each=LIPSYNC,
    expected=600.0,
    place=(__name__, "LIPSYNC_BATCH"),
)


class LipsyncBatches(JobBatches[Lipsync]):
    """``heygen.lipsyncs.batches``."""

    _kind = LIPSYNC_BATCH
    _endpoint = BATCHES_CREATE
    _field = "lipsyncs"

    async def create(
        self,
        request: LipsyncBatchRequest | Sequence[LipsyncRequest],
        *,
        idempotency_key: str | None = None,
    ) -> BatchJob[Lipsync]:
        """Start up to 100 lipsyncs with one request.

        HeyGen accepts them at once and starts them when it has capacity. If one cannot be made,
        only that one fails.

        Args:
            request: The lipsyncs, or a whole ``LipsyncBatchRequest``.
            idempotency_key: Your own key; within 24 h the same key returns the same batch. Default:
                a new key for each call.

        Returns:
            The batch; ``async for done in batch.results()`` yields each ``Lipsync`` as it ends.
        """
        if not isinstance(request, LipsyncBatchRequest):
            request = LipsyncBatchRequest(lipsyncs=request)
        return await self._create(request, idempotency_key)


class Lipsyncs(Resource):
    """``heygen.lipsyncs``."""

    @property
    def batches(self) -> LipsyncBatches:
        """Batches of lipsyncs: one request for up to 100 of them."""
        return LipsyncBatches(self._session, self._watcher)

    async def create(
        self, request: LipsyncRequest, *, idempotency_key: str | None = None
    ) -> Job[Lipsync]:
        """Start a lipsync.

        Args:
            request: The video and its new audio.
            idempotency_key: Your own key. Default: a new key for each call.

        Returns:
            The job; ``await job.wait()`` returns the ``Lipsync``.
        """
        expect(request, LipsyncRequest)
        request = with_unguessable_id(request, self._session, idempotency_key)
        created = await self._submit(
            CREATE, CREATE.at(), body=encode(request), idempotency_key=idempotency_key
        )
        return self._job(
            LIPSYNC, created.lipsync_id, created, callback_id_of(request), request=request
        )

    async def get(self, lipsync_id: str) -> Lipsync:
        """Return one lipsync with newly signed URLs.

        Args:
            lipsync_id: The lipsync's id.

        Raises:
            NotFound: The lipsync does not exist.
        """
        return await self._session.call(GET, GET.at(lipsync_id))

    def list(self, *, limit: int | None = None) -> Pages[Lipsync]:
        """List the account's lipsyncs.

        Args:
            limit: Items per page, 1 to 100; the API's default is 10.
        """
        return self._pages(LIST, LIST.at(), {"limit": limit})

    async def update(
        self, lipsync_id: str, *, title: str, idempotency_key: str | None = None
    ) -> Lipsync:
        """Change the title of a lipsync.

        Args:
            lipsync_id: The lipsync's id.
            title: Its new title.
            idempotency_key: Not sent, because HeyGen takes none here; passing one warns. Kept for
                code written for version 0.1.0.

        Returns:
            The updated lipsync.

        Raises:
            NotFound: The lipsync does not exist.
        """
        return await self._session.call(
            UPDATE,
            UPDATE.at(lipsync_id),
            body=encode(TitleUpdate(title=title)),
            idempotency_key=idempotency_key,
        )

    async def delete(self, lipsync_id: str) -> DeletedId:
        """Delete a lipsync.

        Args:
            lipsync_id: The lipsync's id.

        Returns:
            Its id, even if an earlier attempt with a lost answer has deleted it.

        Raises:
            NotFound: The lipsync does not exist.
        """
        return await self._delete(DELETE, lipsync_id, DeletedId(id=lipsync_id))

    async def statuses(
        self, lipsync_ids: Sequence[str] = (), *, batch_ids: Sequence[str] = ()
    ) -> Sequence[StatusEntry]:
        """Return the statuses of up to 100 lipsyncs with one request.

        Args:
            lipsync_ids: Ids of lipsyncs; each entry of the answer has its id in ``video_id``.
            batch_ids: Ids of batches; all their items are reported.
        """
        ids = {"lipsync_ids": lipsync_ids, "batch_ids": batch_ids}
        return await self._statuses(STATUSES, ids)
