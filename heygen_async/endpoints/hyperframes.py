"""HyperFrames: render videos from a web project."""

from __future__ import annotations

from heygen_async.endpoints.callbacks import callback_id_of, with_unguessable_id
from heygen_async.endpoints.resource import Pages, Resource
from heygen_async.jobs.job import Job
from heygen_async.jobs.kind import JobKind
from heygen_async.models.hyperframes import (
    CreatedHyperframesRender,
    DeletedHyperframesRender,
    HyperframesRender,
    HyperframesRenderRequest,
)
from heygen_async.models.structs import encode, expect
from heygen_async.session.answers.codec import Page
from heygen_async.session.endpoint import Endpoint

CREATE: Endpoint[CreatedHyperframesRender] = Endpoint(
    operation="hyperframes.create",
    method="POST",
    path="/v3/hyperframes/renders",
    answer=CreatedHyperframesRender,
    keyed=True,
    creates=lambda created: [created.render_id],
)
LIST: Endpoint[Page[HyperframesRender]] = Endpoint(
    operation="hyperframes.list",
    method="GET",
    path="/v3/hyperframes/renders",
    answer=HyperframesRender,
    envelope="page",
)
GET: Endpoint[HyperframesRender] = Endpoint(
    operation="hyperframes.get",
    method="GET",
    path="/v3/hyperframes/renders/{render_id}",
    answer=HyperframesRender,
)
DELETE: Endpoint[DeletedHyperframesRender] = Endpoint(
    operation="hyperframes.delete",
    method="DELETE",
    path="/v3/hyperframes/renders/{render_id}",
    answer=DeletedHyperframesRender,
)

# HeyGen publishes no durations for HyperFrames renders.
HYPERFRAMES_RENDER: JobKind[HyperframesRender] = JobKind(
    name="hyperframes_render",
    result=HyperframesRender,
    get=GET,
    expected=120.0,
    ready=lambda render: render.video_url is not None,
    id_field="render_id",
    place=(__name__, "HYPERFRAMES_RENDER"),
)


class Hyperframes(Resource):
    """``heygen.hyperframes``."""

    async def create(
        self, request: HyperframesRenderRequest, *, idempotency_key: str | None = None
    ) -> Job[HyperframesRender]:
        """Start to render a project.

        Args:
            request: The project and the render settings.
            idempotency_key: Your own key; within 24 h the same key returns the same render.
                Default: a new key for each call.

        Returns:
            The job; ``await job.wait()`` returns the ``HyperframesRender``.
        """
        expect(request, HyperframesRenderRequest)
        request = with_unguessable_id(request, self._session, idempotency_key)
        created = await self._submit(
            CREATE, CREATE.at(), body=encode(request), idempotency_key=idempotency_key
        )
        callback_id = callback_id_of(request)
        return self._job(
            HYPERFRAMES_RENDER, created.render_id, created, callback_id, request=request
        )

    async def get(self, render_id: str) -> HyperframesRender:
        """Return one render with newly signed URLs.

        Args:
            render_id: The render's id.

        Raises:
            NotFound: The render does not exist or was deleted.
        """
        return await self._session.call(GET, GET.at(render_id))

    def list(self, *, limit: int | None = None) -> Pages[HyperframesRender]:
        """List the account's renders.

        Args:
            limit: Items per page, 1 to 100; the API's default is 10.
        """
        return self._pages(LIST, LIST.at(), {"limit": limit})

    async def delete(self, render_id: str) -> DeletedHyperframesRender:
        """Delete a render.

        Args:
            render_id: The render's id.

        Returns:
            Its id, even if an earlier attempt with a lost answer has deleted it.

        Raises:
            NotFound: The render does not exist.
        """
        return await self._delete(DELETE, render_id, DeletedHyperframesRender(render_id=render_id))
