"""Templates: list, inspect and render them through the v3 or the v2 call."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Mapping, Sequence
from functools import partial
from typing import Literal, TypeAlias, TypeVar

import msgspec

from heygen_async.endpoints.callbacks import callback_id_of, with_unguessable_id
from heygen_async.endpoints.lost_creates import CLOCK_MARGIN, look_for
from heygen_async.endpoints.resource import Pages, Resource
from heygen_async.endpoints.videos import VIDEO, Videos
from heygen_async.errors import CallError, InvalidRequest, NotFound
from heygen_async.jobs.job import Job
from heygen_async.jobs.watcher import Watcher
from heygen_async.models.template_variables import TemplateVariable
from heygen_async.models.templates import (
    Template,
    TemplateListV2,
    TemplateRenderRequest,
    TemplateRenderV2,
    TemplateSummary,
    TemplateSummaryV2,
    TemplateV2,
    TemplateVariableInfo,
)
from heygen_async.models.videos import Video
from heygen_async.session.answers.codec import Page
from heygen_async.session.calls import fresh_key
from heygen_async.session.endpoint import Endpoint
from heygen_async.session.recovery import KEY_LIFETIME
from heygen_async.session.session import Session

T = TypeVar("T")
Version: TypeAlias = Literal["auto", "v2", "v3"]
FoundTemplate: TypeAlias = Template | TemplateV2
"""A template as ``heygen.templates.find`` returns it."""

LIST: Endpoint[Page[TemplateSummary]] = Endpoint(
    operation="templates.list",
    method="GET",
    path="/v3/templates",
    answer=TemplateSummary,
    envelope="page",
)
GET: Endpoint[Template] = Endpoint(
    operation="templates.get", method="GET", path="/v3/templates/{template_id}", answer=Template
)
GENERATE: Endpoint[Video] = Endpoint(
    operation="templates.generate",
    method="POST",
    path="/v3/templates/{template_id}",
    answer=Video,
    keyed=True,
    creates=lambda video: [video.id],
)
LIST_V2: Endpoint[TemplateListV2] = Endpoint(
    operation="templates.list_v2", method="GET", path="/v2/templates", answer=TemplateListV2
)
GET_V2: Endpoint[TemplateV2] = Endpoint(
    operation="templates.get_v2",
    method="GET",
    path="/v2/template/{template_id}",
    answer=TemplateV2,
)
GENERATE_V2: Endpoint[TemplateRenderV2] = Endpoint(
    operation="templates.generate_v2",
    method="POST",
    path="/v2/template/{template_id}/generate",
    answer=TemplateRenderV2,
    keyed=True,
    replays=False,  # the header is accepted, but its effect is not known
    creates=lambda created: [created.video_id],
)


class Templates(Resource):
    """``heygen.templates``.

    HeyGen serves templates of its current editor through v3, and older ones through v2 only, whose
    end it has announced for 2026-10-31. If no version is passed, the client determines once per
    template which version serves it, and remembers the version (not the template).
    """

    def __init__(self, session: Session, watcher: Watcher) -> None:
        super().__init__(session, watcher)
        # The version that serves each template used so far.
        self._versions: dict[str, Literal["v2", "v3"]] = {}
        self._questions: dict[str, asyncio.Lock] = {}

    def list(self, *, limit: int | None = None) -> Pages[TemplateSummary]:
        """List the account's templates through v3.

        Args:
            limit: Items per page, 1 to 100; the API's default is 10.
        """
        return self._pages(LIST, LIST.at(), {"limit": limit})

    async def get(self, template_id: str) -> Template:
        """Return one template with its variables and scenes.

        Args:
            template_id: The template.

        Raises:
            NotFound: The template does not exist, or only v2 serves it: see ``get_v2``.
        """
        return await self._session.call(GET, GET.at(template_id))

    async def list_v2(self) -> Sequence[TemplateSummaryV2]:
        """List the account's templates through the old v2 call."""
        return (await self._session.call(LIST_V2, LIST_V2.at())).templates

    async def get_v2(self, template_id: str) -> TemplateV2:
        """Return the variables of one template through the old v2 call.

        Args:
            template_id: The template.

        Raises:
            NotFound: The template does not exist.
        """
        return await self._session.call(GET_V2, GET_V2.at(template_id))

    async def variables(
        self, template_id: str, *, version: Version = "auto"
    ) -> Mapping[str, TemplateVariableInfo]:
        """Return a template's variables by name, through the version that serves it.

        Args:
            template_id: The template.
            version: ``v2`` or ``v3`` to use only that version. Default ``auto``.

        Raises:
            NotFound: There is no such template.
        """
        return (await self.find(template_id, version=version)).infos()

    async def find(self, template_id: str, *, version: Version = "auto") -> FoundTemplate:
        """Return one template, through the version that serves it.

        Args:
            template_id: The template.
            version: As for ``variables``.

        Raises:
            NotFound: There is no such template.
        """
        check_version(version)
        if version == "auto" and template_id not in self._versions:
            template = await self._find(template_id)
            if template is not None:
                return template
        if version == "v3" or (version == "auto" and self._versions.get(template_id) == "v3"):
            return await self.get(template_id)
        return await self._through_v2(template_id, self.get_v2(template_id))

    async def generate(
        self,
        template_id: str,
        request: TemplateRenderRequest | Mapping[str, TemplateVariable],
        *,
        version: Version = "auto",
        test: bool = False,
        idempotency_key: str | None = None,
    ) -> Job[Video]:
        """Render one variant of a template.

        Args:
            template_id: The template.
            request: The variables by name, or a whole ``TemplateRenderRequest``.
            version: The call to use. ``auto`` (default) determines once per template whether v3
                serves it.
            test: Render in lower quality, free of charge. Only v2 supports it, so v2 is used.
            idempotency_key: Your own key. Default: a new key for each call.

        Returns:
            The job; ``await job.wait()`` returns the ``Video``.

        Raises:
            InvalidRequest: ``test`` is combined with ``version="v3"``, or v2 cannot express a
                value.
        """
        check_version(version)
        if not isinstance(request, TemplateRenderRequest):
            request = TemplateRenderRequest(variables=request)
        if test:
            if version == "v3":
                raise InvalidRequest(
                    "test: only the v2 call renders tests; pass version='v2'", param="test"
                )
            version = "v2"
        if version == "auto":
            if template_id not in self._versions:
                await self._find(template_id)
            version = self._versions.get(template_id, "v2")
        if version == "v2":
            rendering = self.generate_v2(
                template_id, request, test=test, idempotency_key=idempotency_key
            )
            return await self._through_v2(template_id, rendering)
        request = with_unguessable_id(request, self._session, idempotency_key)
        video = await self._submit(
            GENERATE,
            GENERATE.at(template_id),
            body=request.v3(),
            idempotency_key=idempotency_key,
        )
        return self._job(VIDEO, video.id, video, callback_id_of(request), request=request)

    async def generate_v2(
        self,
        template_id: str,
        request: TemplateRenderRequest | Mapping[str, TemplateVariable],
        *,
        test: bool = False,
        idempotency_key: str | None = None,
    ) -> Job[Video]:
        """Render one variant of a template through the old v2 call.

        It is not known whether HeyGen replays the answer to an Idempotency-Key here. After an
        attempt that may have been carried out, the account is searched for the video, which takes
        up to 45 seconds, and the request is sent again only if the video is not found.

        Args:
            template_id: The template.
            request: The variables by name, or a whole ``TemplateRenderRequest``. Without a
                ``callback_id``, the key is used as one to find the video.
            test: Render in lower quality, free of charge.
            idempotency_key: Your own key. Default: a new key for each call.

        Returns:
            The job; ``await job.wait()`` returns the ``Video``.

        Raises:
            InvalidRequest: v2 cannot express a value.
            NotFound: There is no such template.
            CallError: With ``maybe_carried_out`` if the search cannot decide whether there is a
                video, for example with a ``callback_id`` of your own.
        """
        if not isinstance(request, TemplateRenderRequest):
            request = TemplateRenderRequest(variables=request)
        key = fresh_key() if idempotency_key is None else idempotency_key
        named = callback_id_of(request) is not None  # other videos may have the same callback_id
        request = with_unguessable_id(request, self._session, key)
        if callback_id_of(request) is None:
            request = msgspec.structs.replace(request, callback_id=key)
        path, body = GENERATE_V2.at(template_id), request.v2(test)
        created = await self._render_v2(path, body, key, None if named else callback_id_of(request))
        return self._job(
            VIDEO,
            created.video_id,
            created,
            callback_id_of(request),
            request=None if test else request,  # a test is free
        )

    async def _render_v2(
        self, path: str, body: bytes, key: str, callback_id: str | None
    ) -> TemplateRenderV2:
        """Send a v2 render, and again if its answer was lost and the account does not have it."""
        began = self._session.now()
        attempts = self._session.settings.retry.attempts
        while True:
            attempts -= 1
            try:
                return await self._submit(GENERATE_V2, path, body=body, idempotency_key=key)
            except CallError as error:
                if not error.maybe_carried_out or callback_id is None:
                    raise
                search = partial(self._videos_called, callback_id, began - CLOCK_MARGIN)
                try:
                    found = await look_for(search)
                except CallError:  # the search failed
                    raise error from None
                if found is None and (attempts <= 0 or self._session.now() - began > KEY_LIFETIME):
                    raise
            if found is not None:
                return TemplateRenderV2(video_id=found)

    async def _videos_called(self, callback_id: str, since: float) -> Sequence[str]:
        """Return the ids of the videos with a ``callback_id`` that were created since a unix time.

        Raises:
            CallError: The search failed, or a listed video was not found.
        """
        videos = Videos(self._session, self._watcher)
        async for video in videos.list(limit=100):
            if video.created_at is not None and video.created_at < since:
                break  # the newest are listed first
            if (await videos.status_v1(video.id)).callback_id == callback_id:
                return [video.id]
        return []

    async def _find(self, template_id: str) -> Template | None:
        """Request a template from v3, and record the version that serves it.

        Concurrent callers send only one request: the others get None and use the recorded version.
        """
        question = self._questions.setdefault(template_id, asyncio.Lock())
        try:
            async with question:
                if template_id in self._versions:
                    return None
                try:
                    template = await self.get(template_id)
                except NotFound:
                    # If neither version has the template, the v2 call reports it.
                    self._versions[template_id] = "v2"
                    return None
                self._versions[template_id] = "v3"
                return template
        finally:
            # A lock must not outlive its event loop.
            self._questions.pop(template_id, None)

    async def _through_v2(self, template_id: str, call: Awaitable[T]) -> T:
        """Await a v2 call; if it does not find the template, drop the recorded version."""
        try:
            return await call
        except NotFound:
            self._versions.pop(template_id, None)
            raise


async def find_once(
    found: FoundTemplate | None, templates: Templates, template_id: str, version: Version
) -> FoundTemplate:
    """Return the template that was found before, or find it if it came through another version.

    Args:
        found: What ``templates.find`` has returned already, or None.
        templates: The resource.
        template_id: The template.
        version: The version of the API; ``auto`` means any.

    Raises:
        NotFound: There is no such template.
    """
    is_v3 = isinstance(found, Template)
    if found is not None and (version == "auto" or is_v3 == (version == "v3")):
        return found
    return await templates.find(template_id, version=version)


def check_version(version: str) -> None:
    """Refuse a version that the API does not have.

    Raises:
        InvalidRequest: It is neither ``auto``, ``v2`` nor ``v3``.
    """
    if version not in ("auto", "v2", "v3"):
        raise InvalidRequest(
            f"version: expected 'auto', 'v2' or 'v3', got {version!r}", param="version"
        )
