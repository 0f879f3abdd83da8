"""Video translations: dub a video into other languages."""

from __future__ import annotations

from collections.abc import Sequence

from heygen_async.endpoints.batches import BatchJob, BatchKind, JobBatches
from heygen_async.endpoints.callbacks import callback_id_of, with_unguessable_id
from heygen_async.endpoints.resource import Pages, Resource
from heygen_async.jobs.job import Job
from heygen_async.jobs.kind import JobKind
from heygen_async.models.batches import (
    BatchStatus,
    CreatedBatch,
    VideoTranslationBatchRequest,
)
from heygen_async.models.statuses import DeletedId, StatusEntry
from heygen_async.models.structs import encode, expect
from heygen_async.models.video_translations import (
    CreatedVideoTranslations,
    TitleUpdate,
    TranslationLanguages,
    VideoTranslation,
    VideoTranslationRequest,
)
from heygen_async.session.answers.codec import Page
from heygen_async.session.endpoint import Endpoint

CREATE: Endpoint[CreatedVideoTranslations] = Endpoint(
    operation="video_translations.create",
    method="POST",
    path="/v3/video-translations",
    answer=CreatedVideoTranslations,
    keyed=True,
    creates=lambda created: list(created.video_translation_ids),
)
GET: Endpoint[VideoTranslation] = Endpoint(
    operation="video_translations.get",
    method="GET",
    path="/v3/video-translations/{video_translation_id}",
    answer=VideoTranslation,
)
LIST: Endpoint[Page[VideoTranslation]] = Endpoint(
    operation="video_translations.list",
    method="GET",
    path="/v3/video-translations",
    answer=VideoTranslation,
    envelope="page",
)
UPDATE: Endpoint[VideoTranslation] = Endpoint(
    operation="video_translations.update",
    method="PATCH",
    path="/v3/video-translations/{video_translation_id}",
    answer=VideoTranslation,
)
DELETE: Endpoint[DeletedId] = Endpoint(
    operation="video_translations.delete",
    method="DELETE",
    path="/v3/video-translations/{video_translation_id}",
    answer=DeletedId,
)
LANGUAGES: Endpoint[TranslationLanguages] = Endpoint(
    operation="video_translations.languages",
    method="GET",
    path="/v3/video-translations/languages",
    answer=TranslationLanguages,
)
STATUSES: Endpoint[Page[StatusEntry]] = Endpoint(
    operation="video_translations.statuses",
    method="GET",
    path="/v3/video-translations/statuses",
    answer=StatusEntry,
    envelope="page",
)
BATCHES_CREATE: Endpoint[CreatedBatch] = Endpoint(
    operation="video_translations.batches.create",
    method="POST",
    path="/v3/video-translations/batches",
    answer=CreatedBatch,
    keyed=True,
    creates=lambda created: [created.batch_id],
)
BATCHES_GET: Endpoint[BatchStatus] = Endpoint(
    operation="video_translations.batches.get",
    method="GET",
    path="/v3/video-translations/batches/{batch_id}",
    answer=BatchStatus,
)


def _ready(translation: VideoTranslation) -> bool:
    return translation.video_url is not None or translation.audio_url is not None


# They usually take 5 to 15 minutes, at most 60.
VIDEO_TRANSLATION: JobKind[VideoTranslation] = JobKind(
    name="video_translation",
    result=VideoTranslation,
    get=GET,
    statuses=STATUSES,
    ids_parameter="video_translation_ids",
    expected=480.0,
    ready=_ready,
    place=(__name__, "VIDEO_TRANSLATION"),
)


VIDEO_TRANSLATION_BATCH: BatchKind[VideoTranslation] = BatchKind(
    name="video_translation_batch",
    result=BatchStatus,
    get=BATCHES_GET,
    each=VIDEO_TRANSLATION,
    expected=1200.0,
    place=(__name__, "VIDEO_TRANSLATION_BATCH"),
)


class VideoTranslationBatches(JobBatches[VideoTranslation]):
    """``heygen.video_translations.batches``."""

    _kind = VIDEO_TRANSLATION_BATCH
    _endpoint = BATCHES_CREATE
    _field = "video_translations"

    async def create(
        self,
        request: VideoTranslationBatchRequest | Sequence[VideoTranslationRequest],
        *,
        idempotency_key: str | None = None,
    ) -> BatchJob[VideoTranslation]:
        """Start up to 100 translations with one request; each language of each video counts.

        HeyGen accepts them at once and starts them when it has capacity. If one cannot be made,
        only that one fails.

        Args:
            request: The videos with their languages, or a whole
                ``VideoTranslationBatchRequest``.
            idempotency_key: Your own key; within 24 h the same key returns the same batch. Default:
                a new key for each call.

        Returns:
            The batch; ``async for done in batch.results()`` yields each ``VideoTranslation`` as it
            ends. Items are in the order of the requests, and those of one request in the order of
            its languages.
        """
        if not isinstance(request, VideoTranslationBatchRequest):
            request = VideoTranslationBatchRequest(video_translations=request)
        return await self._create(request, idempotency_key)


class VideoTranslations(Resource):
    """``heygen.video_translations``."""

    @property
    def batches(self) -> VideoTranslationBatches:
        """Batches of translations: one request for up to 100 of them."""
        return VideoTranslationBatches(self._session, self._watcher)

    async def create(
        self, request: VideoTranslationRequest, *, idempotency_key: str | None = None
    ) -> Sequence[Job[VideoTranslation]]:
        """Start the translation of one video into one or more languages.

        Args:
            request: The video and the languages, with names from ``languages()``.
            idempotency_key: Your own key. Default: a new key for each call.

        Returns:
            One job per language, in the order of ``request.output_languages``.
        """
        expect(request, VideoTranslationRequest)
        request = with_unguessable_id(request, self._session, idempotency_key)
        created = await self._submit(
            CREATE, CREATE.at(), body=encode(request), idempotency_key=idempotency_key
        )
        callback_id = callback_id_of(request)
        return [
            self._job(VIDEO_TRANSLATION, job_id, created, callback_id, request=request)
            for job_id in created.video_translation_ids
        ]

    async def get(self, video_translation_id: str) -> VideoTranslation:
        """Return one translation with newly signed URLs.

        Args:
            video_translation_id: The translation's id.

        Raises:
            NotFound: The translation does not exist.
        """
        return await self._session.call(GET, GET.at(video_translation_id))

    def list(self, *, limit: int | None = None) -> Pages[VideoTranslation]:
        """List the account's translations.

        Args:
            limit: Items per page, 1 to 100; the API's default is 10.
        """
        return self._pages(LIST, LIST.at(), {"limit": limit})

    async def update(
        self, video_translation_id: str, *, title: str, idempotency_key: str | None = None
    ) -> VideoTranslation:
        """Change the title of a translation.

        Args:
            video_translation_id: The translation's id.
            title: Its new title.
            idempotency_key: Not sent, because HeyGen takes none here; passing one warns. Kept for
                code written for version 0.1.0.

        Returns:
            The updated translation.

        Raises:
            NotFound: The translation does not exist.
        """
        return await self._session.call(
            UPDATE,
            UPDATE.at(video_translation_id),
            body=encode(TitleUpdate(title=title)),
            idempotency_key=idempotency_key,
        )

    async def delete(self, video_translation_id: str) -> DeletedId:
        """Delete a translation.

        Args:
            video_translation_id: The translation's id.

        Returns:
            Its id, even if an earlier attempt with a lost answer has deleted it.

        Raises:
            NotFound: The translation does not exist.
        """
        return await self._delete(DELETE, video_translation_id, DeletedId(id=video_translation_id))

    async def languages(self) -> Sequence[str]:
        """List the names of the languages into which videos can be translated."""
        return (await self._session.call(LANGUAGES, LANGUAGES.at())).languages

    async def statuses(
        self, video_translation_ids: Sequence[str] = (), *, batch_ids: Sequence[str] = ()
    ) -> Sequence[StatusEntry]:
        """Return the statuses of up to 100 translations with one request.

        Args:
            video_translation_ids: Ids of translations; each entry of the answer has its id in
                ``video_id``.
            batch_ids: Ids of batches; all their items are reported.
        """
        ids = {"video_translation_ids": video_translation_ids, "batch_ids": batch_ids}
        return await self._statuses(STATUSES, ids)
