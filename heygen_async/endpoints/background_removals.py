"""Background removals: separate a video into the person and the background."""

from __future__ import annotations

import msgspec

from heygen_async.endpoints.resource import Pages, Resource
from heygen_async.jobs.job import Job
from heygen_async.jobs.kind import JobKind
from heygen_async.models.editing import (
    BackgroundRemovalJob,
    BackgroundRemovalRequest,
    DeletedBackgroundRemoval,
)
from heygen_async.models.structs import encode, expect, given
from heygen_async.session.answers.codec import Page
from heygen_async.session.calls import fresh_key
from heygen_async.session.endpoint import Endpoint

# It ignores an Idempotency-Key and uses the request_id in the body instead.
CREATE: Endpoint[BackgroundRemovalJob] = Endpoint(
    operation="background_removals.create",
    method="POST",
    path="/v3/background-removals",
    answer=BackgroundRemovalJob,
    idempotent=True,
    creates=lambda created: [created.id],
)
GET: Endpoint[BackgroundRemovalJob] = Endpoint(
    operation="background_removals.get",
    method="GET",
    path="/v3/background-removals/{job_id}",
    answer=BackgroundRemovalJob,
)
LIST: Endpoint[Page[BackgroundRemovalJob]] = Endpoint(
    operation="background_removals.list",
    method="GET",
    path="/v3/background-removals",
    answer=BackgroundRemovalJob,
    envelope="page",
)
DELETE: Endpoint[DeletedBackgroundRemoval] = Endpoint(
    operation="background_removals.delete",
    method="DELETE",
    path="/v3/background-removals/{job_id}",
    answer=DeletedBackgroundRemoval,
)


def _failure(job: BackgroundRemovalJob) -> tuple[str | None, str | None]:
    if job.status == "deleted":
        return None, job.error or "it was deleted"
    return None, job.error


# HeyGen publishes no durations for background removals.
BACKGROUND_REMOVAL: JobKind[BackgroundRemovalJob] = JobKind(
    name="background_removal",
    result=BackgroundRemovalJob,
    get=GET,
    expected=120.0,
    failed=frozenset({"failed", "deleted"}),
    failure=_failure,
    ready=lambda job: bool(job.layers),
    place=(__name__, "BACKGROUND_REMOVAL"),
)


class BackgroundRemovals(Resource):
    """``heygen.background_removals``."""

    async def create(self, request: BackgroundRemovalRequest) -> Job[BackgroundRemovalJob]:
        """Start to remove the background of a video.

        Args:
            request: The video. Its ``request_id`` serves as the idempotency key. Default: a new one
                for each call, the same for all its attempts.

        Returns:
            The job; ``await job.wait()`` returns the ``BackgroundRemovalJob`` with its ``layers``.
            If the job is deleted meanwhile, it counts as failed.
        """
        expect(request, BackgroundRemovalRequest)
        if not given(request, "request_id"):
            request = msgspec.structs.replace(request, request_id=fresh_key())
        created = await self._submit(CREATE, CREATE.at(), body=encode(request))
        return self._job(BACKGROUND_REMOVAL, created.id, created, request=request)

    async def get(self, job_id: str) -> BackgroundRemovalJob:
        """Return one background removal with newly signed URLs.

        Args:
            job_id: The background removal's id.

        Raises:
            NotFound: The background removal does not exist.
        """
        return await self._session.call(GET, GET.at(job_id))

    def list(self, *, limit: int | None = None) -> Pages[BackgroundRemovalJob]:
        """List the account's background removals.

        Args:
            limit: Items per page, 1 to 100; the API's default is 10.
        """
        return self._pages(LIST, LIST.at(), {"limit": limit})

    async def delete(self, job_id: str) -> DeletedBackgroundRemoval:
        """Delete a background removal.

        Args:
            job_id: The background removal's id.

        Returns:
            Its id, even if an earlier attempt with a lost answer has deleted it.

        Raises:
            NotFound: The background removal does not exist.
        """
        deleted = DeletedBackgroundRemoval(id=job_id, deleted=True)
        return await self._delete(DELETE, job_id, deleted)
