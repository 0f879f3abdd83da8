"""Proofreads: translations whose subtitles a person corrects before they are rendered."""

from __future__ import annotations

import io
from collections.abc import Sequence

from heygen_async.endpoints.assets import Assets
from heygen_async.endpoints.callbacks import callback_id_of, with_unguessable_id
from heygen_async.endpoints.resource import Resource
from heygen_async.endpoints.video_translations import VIDEO_TRANSLATION
from heygen_async.errors import InvalidRequest, TransferError
from heygen_async.jobs.job import Job
from heygen_async.jobs.kind import JobKind
from heygen_async.models.proofreads import (
    CreatedProofreads,
    GeneratedProofread,
    Proofread,
    ProofreadGenerateRequest,
    ProofreadRequest,
    ProofreadSrt,
    ProofreadSrtUpdate,
)
from heygen_async.models.sources import AssetId
from heygen_async.models.structs import encode, expect
from heygen_async.models.video_translations import VideoTranslation
from heygen_async.session.endpoint import Endpoint
from heygen_async.session.transfers.transfers import download

CREATE: Endpoint[CreatedProofreads] = Endpoint(
    operation="proofreads.create",
    method="POST",
    path="/v3/video-translations/proofreads",
    answer=CreatedProofreads,
    keyed=True,
    creates=lambda created: list(created.proofread_ids),
)
GET: Endpoint[Proofread] = Endpoint(
    operation="proofreads.get",
    method="GET",
    path="/v3/video-translations/proofreads/{proofread_id}",
    answer=Proofread,
)
SRT: Endpoint[ProofreadSrt] = Endpoint(
    operation="proofreads.srt",
    method="GET",
    path="/v3/video-translations/proofreads/{proofread_id}/srt",
    answer=ProofreadSrt,
)
UPDATE_SRT: Endpoint[Proofread] = Endpoint(
    operation="proofreads.update_srt",
    method="PUT",
    path="/v3/video-translations/proofreads/{proofread_id}/srt",
    answer=Proofread,
)
GENERATE: Endpoint[GeneratedProofread] = Endpoint(
    operation="proofreads.generate",
    method="POST",
    path="/v3/video-translations/proofreads/{proofread_id}/generate",
    answer=GeneratedProofread,
    keyed=True,
    creates=lambda generated: [generated.video_translation_id],
)

# They take 3 to 5 minutes; their sessions live for about 24 h.
PROOFREAD: JobKind[Proofread] = JobKind(
    name="proofread",
    result=Proofread,
    get=GET,
    expected=240.0,
    place=(__name__, "PROOFREAD"),
)


class Proofreads(Resource):
    """``heygen.proofreads``: create, wait, correct the SRT, generate."""

    async def create(
        self, request: ProofreadRequest, *, idempotency_key: str | None = None
    ) -> Sequence[Job[Proofread]]:
        """Start one proofread session per language for a video.

        Args:
            request: The video, a title and the languages.
            idempotency_key: Your own key. Default: a new key for each call.

        Returns:
            One job per language, in the order of ``request.output_languages``.
        """
        expect(request, ProofreadRequest)
        created = await self._submit(
            CREATE, CREATE.at(), body=encode(request), idempotency_key=idempotency_key
        )
        return [
            self._job(PROOFREAD, job_id, created, request=request)
            for job_id in created.proofread_ids
        ]

    async def get(self, proofread_id: str) -> Proofread:
        """Return one proofread session.

        Args:
            proofread_id: The session.

        Raises:
            NotFound: The proofread session does not exist.
        """
        return await self._session.call(GET, GET.at(proofread_id))

    async def srt(self, proofread_id: str) -> ProofreadSrt:
        """Return signed URLs of the subtitles; ``srt_text`` returns the text itself.

        Args:
            proofread_id: The session.

        Raises:
            NotFound: The proofread session does not exist.
        """
        return await self._session.call(SRT, SRT.at(proofread_id))

    async def srt_text(self, proofread_id: str, *, original: bool = False) -> str:
        """Return the text of the subtitles.

        Args:
            proofread_id: The session.
            original: Return those in the source language instead. Default False.

        Raises:
            InvalidRequest: ``original`` is True, but HeyGen has no subtitles of the source.
            TransferError: The file cannot be downloaded, or is not UTF-8 text.
        """

        async def url() -> str:
            urls = await self.srt(proofread_id)
            if not original:
                return urls.srt_url
            if urls.original_srt_url is None:
                raise InvalidRequest(
                    f"original: proofread {proofread_id} has no subtitles of the source",
                    param="original",
                )
            return urls.original_srt_url

        content = io.BytesIO()
        await download(self._session, await url(), content, renew=url)
        try:
            return content.getvalue().decode("utf-8-sig")
        except UnicodeDecodeError:
            raise TransferError(
                f"the subtitles of proofread {proofread_id} are not UTF-8 text"
            ) from None

    async def update_srt(
        self,
        proofread_id: str,
        srt: ProofreadSrtUpdate | str,
        *,
        idempotency_key: str | None = None,
    ) -> Proofread:
        """Replace the subtitles.

        Args:
            proofread_id: The session.
            srt: The URL or asset of the new subtitles, or their text, which is uploaded first.
            idempotency_key: Not sent, because HeyGen takes none here; passing one warns. Kept for
                code written for version 0.1.0.

        Returns:
            The updated session.

        Raises:
            InvalidRequest: The text is empty or not valid Unicode.
        """
        path = UPDATE_SRT.at(proofread_id)  # raises before the upload if it is not an id
        if isinstance(srt, str):
            try:
                text = srt.encode()
            except UnicodeEncodeError as error:
                raise InvalidRequest(f"srt: {error.reason}", param="srt") from None
            assets = Assets(self._session, self._watcher)
            asset = await assets.upload(text, filename=f"{proofread_id}.srt")
            srt = ProofreadSrtUpdate(srt=AssetId(asset_id=asset.asset_id))
        return await self._session.call(
            UPDATE_SRT, path, body=encode(srt), idempotency_key=idempotency_key
        )

    async def generate(
        self,
        proofread_id: str,
        request: ProofreadGenerateRequest | None = None,
        *,
        idempotency_key: str | None = None,
    ) -> Job[VideoTranslation]:
        """Render the corrected translation. Only this step is charged.

        Args:
            proofread_id: The session.
            request: Options: captions, audio only, and a callback URL. Default: none of them.
            idempotency_key: Your own key. Default: a new key for each call.

        Returns:
            The job; ``await job.wait()`` returns the ``VideoTranslation``.
        """
        if request is not None:
            expect(request, ProofreadGenerateRequest)
        request = with_unguessable_id(
            request or ProofreadGenerateRequest(), self._session, idempotency_key
        )
        generated = await self._session.call(
            GENERATE,
            GENERATE.at(proofread_id),
            body=encode(request),
            idempotency_key=idempotency_key,
        )
        return self._job(
            VIDEO_TRANSLATION,
            generated.video_translation_id,
            generated,
            callback_id_of(request),
            request=request,
        )
