"""Templates: listed, inspected, and rendered through the v3 or the v2 call."""

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
from heygen_async.session.endpoint import Endpoint
from heygen_async.session.recovery import KEY_LIFETIME
from heygen_async.session.session import Session, fresh_key

T = TypeVar("T")
Version: TypeAlias = Literal["auto", "v2", "v3"]

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
    replays=False,  # the header is accepted; what HeyGen does about it is not established
    creates=lambda created: [created.video_id],
)


class Templates(Resource):
    """``heygen.templates``.

    HeyGen serves templates of its current editor through v3, and older ones through v2 only,
    whose end it has announced for 2026-10-31. Where a version is not given, the client asks
    once per template which one serves it, and remembers the version (not the template).
    """

    def __init__(self, session: Session, watcher: Watcher) -> None:
        super().__init__(session, watcher)
        # Which call serves a template, for those that were asked about.
        self._versions: dict[str, Literal["v2", "v3"]] = {}
        self._questions: dict[str, asyncio.Lock] = {}

    def list(self, *, limit: int | None = None) -> Pages[TemplateSummary]:
        """The account's templates, as v3 lists them.

        Args:
            limit: Items per page, 1 to 100; the API's default is 10.
        """
        return self._pages(LIST, LIST.at(), {"limit": limit})

    async def get(self, template_id: str) -> Template:
        """One template with its variables and scenes.

        Args:
            template_id: The template.

        Raises:
            NotFound: There is none, or only the v2 call serves it: see ``get_v2``.
        """
        return await self._session.call(GET, GET.at(template_id))

    async def list_v2(self) -> Sequence[TemplateSummaryV2]:
        """The account's templates, as the old v2 call lists them."""
        return (await self._session.call(LIST_V2, LIST_V2.at())).templates

    async def get_v2(self, template_id: str) -> TemplateV2:
        """The variables of one template, through the old v2 call.

        Args:
            template_id: The template.

        Raises:
            NotFound: There is no template of that id.
        """
        return await self._session.call(GET_V2, GET_V2.at(template_id))

    async def variables(
        self, template_id: str, *, version: Version = "auto"
    ) -> Mapping[str, TemplateVariableInfo]:
        """A template's variables by name, through whichever version serves it.

        Args:
            template_id: The template.
            version: ``v2`` or ``v3`` to ask that one only.

        Raises:
            NotFound: There is no such template.
        """
        _check_version(version)
        if version == "auto" and template_id not in self._versions:
            template = await self._find(template_id)
            if template is not None:
                return template.variables
        if version == "v3" or (version == "auto" and self._versions.get(template_id) == "v3"):
            return (await self.get(template_id)).variables
        return (await self._through_v2(template_id, self.get_v2(template_id))).infos()

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
            version: Which call to use. ``auto`` asks once per template whether v3 serves it.
            test: Render in lower quality, free of charge; only v2 can, so it means v2.
            idempotency_key: Your own key; by default each call has a fresh one.

        Returns:
            The job; ``await job.wait()`` gives the ``Video``.

        Raises:
            InvalidRequest: ``test`` with ``version="v3"``, or a value that the v2 shape cannot
                express.
        """
        _check_version(version)
        if not isinstance(request, TemplateRenderRequest):
            request = TemplateRenderRequest(variables=request)
        if test:
            if version == "v3":
                raise InvalidRequest("test: only the v2 call renders tests", param="test")
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
        """Render one variant of a template, through the old v2 call.

        Whether HeyGen replays the answer to an Idempotency-Key here is not known. After an attempt
        that it may have carried out, the video is looked for in the account, which takes up to 45
        seconds, and the request is sent again only if it is not there.

        Args:
            template_id: The template.
            request: The variables by name, or a whole ``TemplateRenderRequest``. Without a
                ``callback_id`` it gets the key as one, by which the video is found.
            test: Render in lower quality, free of charge.
            idempotency_key: Your own key; by default each call has a fresh one.

        Returns:
            The job; ``await job.wait()`` gives the ``Video``.

        Raises:
            InvalidRequest: A value that the v2 shape cannot express.
            NotFound: There is no such template.
            CallError: With ``maybe_carried_out`` where the account cannot tell whether there is a
                video, as for a ``callback_id`` of your own.
        """
        if not isinstance(request, TemplateRenderRequest):
            request = TemplateRenderRequest(variables=request)
        key = fresh_key() if idempotency_key is None else idempotency_key
        named = callback_id_of(request) is not None  # others may have this name too
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
        """Send a v2 render, and again where it was lost and the account does not show it."""
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
                except CallError:  # the account cannot tell
                    raise error from None
                if found is None and (attempts <= 0 or self._session.now() - began > KEY_LIFETIME):
                    raise
            if found is not None:
                return TemplateRenderV2(video_id=found)

    async def _videos_called(self, callback_id: str, since: float) -> Sequence[str]:
        """Return the ids of the videos created since then that have a ``callback_id``.

        Raises:
            CallError: The account cannot tell; also where it does not know a video that it lists.
        """
        videos = Videos(self._session, self._watcher)
        async for video in videos.list(limit=100):
            if video.created_at is not None and video.created_at < since:
                break  # the newest come first
            if (await videos.status_v1(video.id)).callback_id == callback_id:
                return [video.id]
        return []

    async def _find(self, template_id: str) -> Template | None:
        """Ask v3 for a template, and note which version serves it.

        However many ask at the same time, one request is sent: the others get None, and find
        the version noted.
        """
        question = self._questions.setdefault(template_id, asyncio.Lock())
        try:
            async with question:
                if template_id in self._versions:
                    return None
                try:
                    template = await self.get(template_id)
                except NotFound:
                    # A template that neither version knows is reported by the v2 call.
                    self._versions[template_id] = "v2"
                    return None
                self._versions[template_id] = "v3"
                return template
        finally:
            # A lock must not outlive its event loop.
            self._questions.pop(template_id, None)

    async def _through_v2(self, template_id: str, call: Awaitable[T]) -> T:
        """Await a v2 call; one that finds no template disproves what is noted about it."""
        try:
            return await call
        except NotFound:
            self._versions.pop(template_id, None)
            raise


def _check_version(version: str) -> None:
    if version not in ("auto", "v2", "v3"):
        raise InvalidRequest(
            f"version: expected 'auto', 'v2' or 'v3', got {version!r}", param="version"
        )
