"""Filler-word removals: cut filler words such as "um" from a video."""

from __future__ import annotations

from heygen_async.endpoints.callbacks import callback_id_of, with_unguessable_id
from heygen_async.endpoints.resource import Resource
from heygen_async.jobs.job import Job
from heygen_async.jobs.kind import JobKind
from heygen_async.models.editing import (
    CreatedFillerWordRemoval,
    FillerWordRemoval,
    FillerWordRemovalRequest,
)
from heygen_async.models.structs import encode, expect
from heygen_async.session.endpoint import Endpoint

CREATE: Endpoint[CreatedFillerWordRemoval] = Endpoint(
    operation="filler_word_removals.create",
    method="POST",
    path="/v3/filler-word-removals",
    answer=CreatedFillerWordRemoval,
    keyed=True,
    creates=lambda created: [created.filler_word_removal_id],
)
GET: Endpoint[FillerWordRemoval] = Endpoint(
    operation="filler_word_removals.get",
    method="GET",
    path="/v3/filler-word-removals/{filler_word_removal_id}",
    answer=FillerWordRemoval,
)

# HeyGen publishes no durations for filler-word removals.
FILLER_WORD_REMOVAL: JobKind[FillerWordRemoval] = JobKind(
    name="filler_word_removal",
    result=FillerWordRemoval,
    get=GET,
    expected=120.0,
    ready=lambda removal: removal.video_url is not None,
    place=(__name__, "FILLER_WORD_REMOVAL"),
)


class FillerWordRemovals(Resource):
    """``heygen.filler_word_removals``."""

    async def create(
        self, request: FillerWordRemovalRequest, *, idempotency_key: str | None = None
    ) -> Job[FillerWordRemoval]:
        """Start to cut the filler words from a video.

        Args:
            request: The video.
            idempotency_key: Your own key. Default: a new key for each call.

        Returns:
            The job; ``await job.wait()`` returns the ``FillerWordRemoval``.
        """
        expect(request, FillerWordRemovalRequest)
        request = with_unguessable_id(request, self._session, idempotency_key)
        created = await self._submit(
            CREATE, CREATE.at(), body=encode(request), idempotency_key=idempotency_key
        )
        callback_id = callback_id_of(request)
        return self._job(
            FILLER_WORD_REMOVAL,
            created.filler_word_removal_id,
            created,
            callback_id,
            request=request,
        )

    async def get(self, filler_word_removal_id: str) -> FillerWordRemoval:
        """Return one filler-word removal with newly signed URLs.

        Args:
            filler_word_removal_id: The removal's id.

        Raises:
            NotFound: The filler-word removal does not exist.
        """
        return await self._session.call(GET, GET.at(filler_word_removal_id))
