"""AI clipping: cut the most interesting short clips from a long video."""

from __future__ import annotations

from heygen_async.endpoints.callbacks import callback_id_of, with_unguessable_id
from heygen_async.endpoints.resource import Pages, Resource
from heygen_async.jobs.job import Job
from heygen_async.jobs.kind import JobKind
from heygen_async.models.editing import AiClippingJob, AiClippingRequest, CreatedAiClipping
from heygen_async.models.statuses import DeletedId
from heygen_async.models.structs import encode, expect
from heygen_async.session.answers.codec import Page
from heygen_async.session.endpoint import Endpoint

CREATE: Endpoint[CreatedAiClipping] = Endpoint(
    operation="ai_clipping.create",
    method="POST",
    path="/v3/ai-clipping",
    answer=CreatedAiClipping,
    keyed=True,
    creates=lambda created: [created.ai_clipping_id],
)
GET: Endpoint[AiClippingJob] = Endpoint(
    operation="ai_clipping.get",
    method="GET",
    path="/v3/ai-clipping/{job_id}",
    answer=AiClippingJob,
)
LIST: Endpoint[Page[AiClippingJob]] = Endpoint(
    operation="ai_clipping.list",
    method="GET",
    path="/v3/ai-clipping",
    answer=AiClippingJob,
    envelope="page",
)
DELETE: Endpoint[DeletedId] = Endpoint(
    operation="ai_clipping.delete",
    method="DELETE",
    path="/v3/ai-clipping/{job_id}",
    answer=DeletedId,
)


def _failure(job: AiClippingJob) -> tuple[str | None, str | None]:
    if job.status == "cancelled":
        return None, job.failure_message or "it was cancelled"
    return None, job.failure_message


def _has_its_clips(job: AiClippingJob) -> bool:
    return all(clip.video_url is not None for clip in job.clips if clip.status == "completed")


# HeyGen publishes no durations for clipping.
AI_CLIPPING: JobKind[AiClippingJob] = JobKind(
    name="ai_clipping",
    result=AiClippingJob,
    get=GET,
    expected=300.0,
    failed=frozenset({"failed", "cancelled"}),
    failure=_failure,
    ready=_has_its_clips,
    place=(__name__, "AI_CLIPPING"),
)


class AiClipping(Resource):
    """``heygen.ai_clipping``."""

    async def create(
        self, request: AiClippingRequest, *, idempotency_key: str | None = None
    ) -> Job[AiClippingJob]:
        """Start to cut a video into clips.

        Args:
            request: The video, and the properties of the clips.
            idempotency_key: Your own key. Default: a new key for each call.

        Returns:
            The job; ``await job.wait()`` returns the ``AiClippingJob`` with its ``clips``. A job
            that was cancelled counts as failed.
        """
        expect(request, AiClippingRequest)
        request = with_unguessable_id(request, self._session, idempotency_key)
        created = await self._submit(
            CREATE, CREATE.at(), body=encode(request), idempotency_key=idempotency_key
        )
        return self._job(
            AI_CLIPPING, created.ai_clipping_id, created, callback_id_of(request), request=request
        )

    async def get(self, job_id: str) -> AiClippingJob:
        """Return one clipping job with newly signed URLs.

        Args:
            job_id: The clipping job's id.

        Raises:
            NotFound: The clipping job does not exist.
        """
        return await self._session.call(GET, GET.at(job_id))

    def list(self, *, limit: int | None = None) -> Pages[AiClippingJob]:
        """List the account's clipping jobs.

        Args:
            limit: Items per page, 1 to 100; the API's default is 10.
        """
        return self._pages(LIST, LIST.at(), {"limit": limit})

    async def delete(self, job_id: str) -> DeletedId:
        """Delete a clipping job.

        Args:
            job_id: The clipping job's id.

        Returns:
            Its id, even if an earlier attempt with a lost answer has deleted it.

        Raises:
            NotFound: The job does not exist.
        """
        return await self._delete(DELETE, job_id, DeletedId(id=job_id))
