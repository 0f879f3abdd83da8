"""Every operation of every resource: the types of its arguments and its result."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from pathlib import Path
from typing import BinaryIO, Literal, assert_type

from heygen_async import (
    AiClippingJob,
    AiClippingRequest,
    Asset,
    AssetCompleteRequest,
    AssetSearchResult,
    AvatarConsent,
    AvatarConsentRequest,
    AvatarGroup,
    AvatarLook,
    AvatarRequest,
    BackgroundRemovalJob,
    BackgroundRemovalRequest,
    BatchItem,
    BatchJob,
    BatchStatus,
    BrandGlossary,
    BrandGlossaryDetail,
    BrandGlossaryRequest,
    BrandGlossaryUpdate,
    BrandKit,
    BrandKitDetail,
    BrandKitRequest,
    BrandKitUpdate,
    CompletedAsset,
    DeletedBackgroundRemoval,
    DeletedBrandGlossary,
    DeletedBrandKit,
    DeletedHyperframesRender,
    DeletedId,
    DeletedVideo,
    DeletedVoice,
    DirectUpload,
    DirectUploadBatch,
    DirectUploadBatchRequest,
    DirectUploadRequest,
    FillerWordRemoval,
    FillerWordRemovalRequest,
    Folder,
    HeyGen,
    HyperframesRender,
    HyperframesRenderRequest,
    Job,
    Lipsync,
    LipsyncBatchRequest,
    LipsyncRequest,
    Pages,
    Proofread,
    ProofreadGenerateRequest,
    ProofreadRequest,
    ProofreadSrt,
    ProofreadSrtUpdate,
    RotatedWebhookSecret,
    Sound,
    Speech,
    SpeechRequest,
    StatusEntry,
    StoppedVideoAgentSession,
    Template,
    TemplateRenderRequest,
    TemplateSummary,
    TemplateSummaryV2,
    TemplateV2,
    TemplateVariable,
    TemplateVariableInfo,
    UploadCache,
    UploadedAsset,
    User,
    Video,
    VideoAgentJob,
    VideoAgentMessageRequest,
    VideoAgentRequest,
    VideoAgentResource,
    VideoAgentRun,
    VideoAgentSession,
    VideoAgentSessionSummary,
    VideoAgentStyle,
    VideoBatchRequest,
    VideoRequest,
    VideoScenes,
    VideoStatusV1,
    VideoTranslation,
    VideoTranslationBatchRequest,
    VideoTranslationRequest,
    Voice,
    VoiceCloneRequest,
    VoiceDesign,
    VoiceDesignRequest,
    VoiceDetail,
    WebhookEndpoint,
    WebhookEvent,
    WebhookEventName,
    WebhookEventType,
)


async def ai_clipping_create(
    heygen: HeyGen, request: AiClippingRequest, idempotency_key: str | None
) -> None:
    assert_type(
        await heygen.ai_clipping.create(request, idempotency_key=idempotency_key),
        Job[AiClippingJob],
    )


async def ai_clipping_delete(heygen: HeyGen, job_id: str) -> None:
    assert_type(await heygen.ai_clipping.delete(job_id), DeletedId)


async def ai_clipping_get(heygen: HeyGen, job_id: str) -> None:
    assert_type(await heygen.ai_clipping.get(job_id), AiClippingJob)


def ai_clipping_list(heygen: HeyGen, limit: int | None) -> None:
    assert_type(heygen.ai_clipping.list(limit=limit), Pages[AiClippingJob])


def assets_batches_attach(heygen: HeyGen, batch_id: str) -> None:
    assert_type(heygen.assets.batches.attach(batch_id), BatchJob[Asset])


async def assets_batches_get(
    heygen: HeyGen, batch_id: str, limit: int | None, token: str | None
) -> None:
    assert_type(await heygen.assets.batches.get(batch_id, limit=limit, token=token), BatchStatus)


def assets_batches_items(heygen: HeyGen, batch_id: str, limit: int | None) -> None:
    assert_type(heygen.assets.batches.items(batch_id, limit=limit), Pages[BatchItem])


async def assets_delete(heygen: HeyGen, asset_id: str) -> None:
    assert_type(await heygen.assets.delete(asset_id), DeletedId)


async def assets_direct_uploads_batches_complete(heygen: HeyGen, batch_id: str) -> None:
    assert_type(await heygen.assets.direct_uploads.batches.complete(batch_id), BatchJob[Asset])


async def assets_direct_uploads_batches_create(
    heygen: HeyGen,
    request: DirectUploadBatchRequest | Sequence[DirectUploadRequest],
    idempotency_key: str | None,
) -> None:
    assert_type(
        await heygen.assets.direct_uploads.batches.create(request, idempotency_key=idempotency_key),
        DirectUploadBatch,
    )


async def assets_direct_uploads_complete(
    heygen: HeyGen, asset_id: str, request: AssetCompleteRequest | None
) -> None:
    assert_type(await heygen.assets.direct_uploads.complete(asset_id, request), CompletedAsset)


async def assets_direct_uploads_create(
    heygen: HeyGen, request: DirectUploadRequest, idempotency_key: str | None
) -> None:
    assert_type(
        await heygen.assets.direct_uploads.create(request, idempotency_key=idempotency_key),
        DirectUpload,
    )


async def assets_get(heygen: HeyGen, asset_id: str) -> None:
    assert_type(await heygen.assets.get(asset_id), Asset)


def assets_list(heygen: HeyGen, username: str, limit: int | None, folder_id: str | None) -> None:
    assert_type(heygen.assets.list(username, limit=limit, folder_id=folder_id), Pages[Asset])


def assets_search(
    heygen: HeyGen,
    query: str,
    kind: Literal["image", "icon"],
    scope: Literal["public", "personal"] | None,
    limit: int | None,
) -> None:
    assert_type(
        heygen.assets.search(query, type=kind, scope=scope, limit=limit), Pages[AssetSearchResult]
    )


async def assets_statuses(
    heygen: HeyGen, asset_ids: Sequence[str], batch_ids: Sequence[str]
) -> None:
    assert_type(await heygen.assets.statuses(asset_ids, batch_ids=batch_ids), Sequence[StatusEntry])


async def assets_upload(
    heygen: HeyGen,
    source: Path | bytes | BinaryIO | AsyncIterator[bytes],
    filename: str | None,
    content_type: str | None,
    cache: UploadCache | None,
    progress: Callable[[int, int], None] | None,
    idempotency_key: str | None,
) -> None:
    assert_type(
        await heygen.assets.upload(
            source,
            filename=filename,
            content_type=content_type,
            cache=cache,
            progress=progress,
            idempotency_key=idempotency_key,
        ),
        UploadedAsset,
    )


def audio_sounds(
    heygen: HeyGen,
    query: str,
    kind: Literal["music", "sound_effects"] | None,
    min_score: float | None,
    limit: int | None,
) -> None:
    assert_type(
        heygen.audio.sounds(query, type=kind, min_score=min_score, limit=limit), Pages[Sound]
    )


async def avatars_consent(
    heygen: HeyGen, group_id: str, request: AvatarConsentRequest | None, idempotency_key: str | None
) -> None:
    assert_type(
        await heygen.avatars.consent(group_id, request, idempotency_key=idempotency_key),
        AvatarConsent,
    )


async def avatars_create(
    heygen: HeyGen, request: AvatarRequest, idempotency_key: str | None
) -> None:
    assert_type(
        await heygen.avatars.create(request, idempotency_key=idempotency_key), Job[AvatarLook]
    )


async def avatars_delete(heygen: HeyGen, group_id: str) -> None:
    assert_type(await heygen.avatars.delete(group_id), DeletedId)


async def avatars_get(heygen: HeyGen, group_id: str) -> None:
    assert_type(await heygen.avatars.get(group_id), AvatarGroup)


def avatars_list(
    heygen: HeyGen, ownership: Literal["public", "private"] | None, limit: int | None
) -> None:
    assert_type(heygen.avatars.list(ownership=ownership, limit=limit), Pages[AvatarGroup])


async def avatars_looks_delete(heygen: HeyGen, look_id: str) -> None:
    assert_type(await heygen.avatars.looks.delete(look_id), DeletedId)


async def avatars_looks_get(heygen: HeyGen, look_id: str) -> None:
    assert_type(await heygen.avatars.looks.get(look_id), AvatarLook)


def avatars_looks_list(
    heygen: HeyGen,
    group_id: str | None,
    avatar_type: Literal["studio_avatar", "digital_twin", "photo_avatar"] | None,
    ownership: Literal["public", "private"] | None,
    limit: int | None,
) -> None:
    assert_type(
        heygen.avatars.looks.list(
            group_id=group_id, avatar_type=avatar_type, ownership=ownership, limit=limit
        ),
        Pages[AvatarLook],
    )


async def avatars_looks_update(
    heygen: HeyGen, look_id: str, name: str, idempotency_key: str | None
) -> None:
    assert_type(
        await heygen.avatars.looks.update(look_id, name=name, idempotency_key=idempotency_key),
        AvatarLook,
    )


async def avatars_update(
    heygen: HeyGen, group_id: str, default_voice_id: str, idempotency_key: str | None
) -> None:
    assert_type(
        await heygen.avatars.update(
            group_id, default_voice_id=default_voice_id, idempotency_key=idempotency_key
        ),
        AvatarGroup,
    )


async def background_removals_create(heygen: HeyGen, request: BackgroundRemovalRequest) -> None:
    assert_type(await heygen.background_removals.create(request), Job[BackgroundRemovalJob])


async def background_removals_delete(heygen: HeyGen, job_id: str) -> None:
    assert_type(await heygen.background_removals.delete(job_id), DeletedBackgroundRemoval)


async def background_removals_get(heygen: HeyGen, job_id: str) -> None:
    assert_type(await heygen.background_removals.get(job_id), BackgroundRemovalJob)


def background_removals_list(heygen: HeyGen, limit: int | None) -> None:
    assert_type(heygen.background_removals.list(limit=limit), Pages[BackgroundRemovalJob])


def brand_glossaries_list(heygen: HeyGen, limit: int | None) -> None:
    assert_type(heygen.brand_glossaries.list(limit=limit), Pages[BrandGlossary])


def brand_kits_list(heygen: HeyGen, limit: int | None) -> None:
    assert_type(heygen.brand_kits.list(limit=limit), Pages[BrandKit])


async def brand_glossaries_create(
    heygen: HeyGen, request: BrandGlossaryRequest, idempotency_key: str | None
) -> None:
    assert_type(
        await heygen.brand_glossaries.create(request, idempotency_key=idempotency_key),
        BrandGlossaryDetail,
    )


async def brand_glossaries_delete(heygen: HeyGen, brand_glossary_id: str) -> None:
    assert_type(await heygen.brand_glossaries.delete(brand_glossary_id), DeletedBrandGlossary)


async def brand_glossaries_get(heygen: HeyGen, brand_glossary_id: str) -> None:
    assert_type(await heygen.brand_glossaries.get(brand_glossary_id), BrandGlossaryDetail)


async def brand_glossaries_update(
    heygen: HeyGen, brand_glossary_id: str, request: BrandGlossaryUpdate
) -> None:
    assert_type(
        await heygen.brand_glossaries.update(brand_glossary_id, request), BrandGlossaryDetail
    )


async def brand_kits_create(
    heygen: HeyGen, request: BrandKitRequest, idempotency_key: str | None
) -> None:
    assert_type(
        await heygen.brand_kits.create(request, idempotency_key=idempotency_key),
        Job[BrandKitDetail],
    )


async def brand_kits_delete(heygen: HeyGen, brand_kit_id: str) -> None:
    assert_type(await heygen.brand_kits.delete(brand_kit_id), DeletedBrandKit)


async def brand_kits_get(heygen: HeyGen, brand_kit_id: str) -> None:
    assert_type(await heygen.brand_kits.get(brand_kit_id), BrandKitDetail)


async def brand_kits_update(heygen: HeyGen, brand_kit_id: str, request: BrandKitUpdate) -> None:
    assert_type(await heygen.brand_kits.update(brand_kit_id, request), BrandKitDetail)


async def hyperframes_create(
    heygen: HeyGen, request: HyperframesRenderRequest, idempotency_key: str | None
) -> None:
    assert_type(
        await heygen.hyperframes.create(request, idempotency_key=idempotency_key),
        Job[HyperframesRender],
    )


async def hyperframes_delete(heygen: HeyGen, render_id: str) -> None:
    assert_type(await heygen.hyperframes.delete(render_id), DeletedHyperframesRender)


async def hyperframes_get(heygen: HeyGen, render_id: str) -> None:
    assert_type(await heygen.hyperframes.get(render_id), HyperframesRender)


def hyperframes_list(heygen: HeyGen, limit: int | None) -> None:
    assert_type(heygen.hyperframes.list(limit=limit), Pages[HyperframesRender])


async def videos_scenes(heygen: HeyGen, video_id: str) -> None:
    assert_type(await heygen.videos.scenes(video_id), VideoScenes)


async def filler_word_removals_create(
    heygen: HeyGen, request: FillerWordRemovalRequest, idempotency_key: str | None
) -> None:
    assert_type(
        await heygen.filler_word_removals.create(request, idempotency_key=idempotency_key),
        Job[FillerWordRemoval],
    )


async def filler_word_removals_get(heygen: HeyGen, filler_word_removal_id: str) -> None:
    assert_type(await heygen.filler_word_removals.get(filler_word_removal_id), FillerWordRemoval)


async def folders_create(
    heygen: HeyGen,
    name: str,
    parent_id: str | None,
    kind: Literal["mixed", "video", "video_translate"] | None,
    idempotency_key: str | None,
) -> None:
    assert_type(
        await heygen.folders.create(
            name, parent_id=parent_id, type=kind, idempotency_key=idempotency_key
        ),
        Folder,
    )


async def folders_get(heygen: HeyGen, folder_id: str) -> None:
    assert_type(await heygen.folders.get(folder_id), Folder)


def lipsyncs_batches_attach(heygen: HeyGen, batch_id: str) -> None:
    assert_type(heygen.lipsyncs.batches.attach(batch_id), BatchJob[Lipsync])


async def lipsyncs_batches_create(
    heygen: HeyGen,
    request: LipsyncBatchRequest | Sequence[LipsyncRequest],
    idempotency_key: str | None,
) -> None:
    assert_type(
        await heygen.lipsyncs.batches.create(request, idempotency_key=idempotency_key),
        BatchJob[Lipsync],
    )


async def lipsyncs_batches_get(
    heygen: HeyGen, batch_id: str, limit: int | None, token: str | None
) -> None:
    assert_type(await heygen.lipsyncs.batches.get(batch_id, limit=limit, token=token), BatchStatus)


def lipsyncs_batches_items(heygen: HeyGen, batch_id: str, limit: int | None) -> None:
    assert_type(heygen.lipsyncs.batches.items(batch_id, limit=limit), Pages[BatchItem])


async def lipsyncs_create(
    heygen: HeyGen, request: LipsyncRequest, idempotency_key: str | None
) -> None:
    assert_type(
        await heygen.lipsyncs.create(request, idempotency_key=idempotency_key), Job[Lipsync]
    )


async def lipsyncs_delete(heygen: HeyGen, lipsync_id: str) -> None:
    assert_type(await heygen.lipsyncs.delete(lipsync_id), DeletedId)


async def lipsyncs_get(heygen: HeyGen, lipsync_id: str) -> None:
    assert_type(await heygen.lipsyncs.get(lipsync_id), Lipsync)


def lipsyncs_list(heygen: HeyGen, limit: int | None) -> None:
    assert_type(heygen.lipsyncs.list(limit=limit), Pages[Lipsync])


async def lipsyncs_statuses(
    heygen: HeyGen, lipsync_ids: Sequence[str], batch_ids: Sequence[str]
) -> None:
    assert_type(
        await heygen.lipsyncs.statuses(lipsync_ids, batch_ids=batch_ids), Sequence[StatusEntry]
    )


async def lipsyncs_update(
    heygen: HeyGen, lipsync_id: str, title: str, idempotency_key: str | None
) -> None:
    assert_type(
        await heygen.lipsyncs.update(lipsync_id, title=title, idempotency_key=idempotency_key),
        Lipsync,
    )


async def proofreads_create(
    heygen: HeyGen, request: ProofreadRequest, idempotency_key: str | None
) -> None:
    assert_type(
        await heygen.proofreads.create(request, idempotency_key=idempotency_key),
        Sequence[Job[Proofread]],
    )


async def proofreads_generate(
    heygen: HeyGen,
    proofread_id: str,
    request: ProofreadGenerateRequest | None,
    idempotency_key: str | None,
) -> None:
    assert_type(
        await heygen.proofreads.generate(proofread_id, request, idempotency_key=idempotency_key),
        Job[VideoTranslation],
    )


async def proofreads_get(heygen: HeyGen, proofread_id: str) -> None:
    assert_type(await heygen.proofreads.get(proofread_id), Proofread)


async def proofreads_srt(heygen: HeyGen, proofread_id: str) -> None:
    assert_type(await heygen.proofreads.srt(proofread_id), ProofreadSrt)


async def proofreads_srt_text(heygen: HeyGen, proofread_id: str, original: bool) -> None:
    assert_type(await heygen.proofreads.srt_text(proofread_id, original=original), str)


async def proofreads_update_srt(
    heygen: HeyGen, proofread_id: str, srt: ProofreadSrtUpdate | str, idempotency_key: str | None
) -> None:
    assert_type(
        await heygen.proofreads.update_srt(proofread_id, srt, idempotency_key=idempotency_key),
        Proofread,
    )


async def templates_generate(
    heygen: HeyGen,
    template_id: str,
    request: TemplateRenderRequest | Mapping[str, TemplateVariable],
    version: Literal["auto", "v2", "v3"],
    test: bool,
    idempotency_key: str | None,
) -> None:
    assert_type(
        await heygen.templates.generate(
            template_id, request, version=version, test=test, idempotency_key=idempotency_key
        ),
        Job[Video],
    )


async def templates_generate_v2(
    heygen: HeyGen,
    template_id: str,
    request: TemplateRenderRequest | Mapping[str, TemplateVariable],
    test: bool,
    idempotency_key: str | None,
) -> None:
    assert_type(
        await heygen.templates.generate_v2(
            template_id, request, test=test, idempotency_key=idempotency_key
        ),
        Job[Video],
    )


async def templates_find(
    heygen: HeyGen, template_id: str, version: Literal["auto", "v2", "v3"]
) -> None:
    assert_type(await heygen.templates.find(template_id, version=version), Template | TemplateV2)


async def templates_get(heygen: HeyGen, template_id: str) -> None:
    assert_type(await heygen.templates.get(template_id), Template)


async def templates_get_v2(heygen: HeyGen, template_id: str) -> None:
    assert_type(await heygen.templates.get_v2(template_id), TemplateV2)


def templates_list(heygen: HeyGen, limit: int | None) -> None:
    assert_type(heygen.templates.list(limit=limit), Pages[TemplateSummary])


async def templates_list_v2(heygen: HeyGen) -> None:
    assert_type(await heygen.templates.list_v2(), Sequence[TemplateSummaryV2])


async def templates_variables(
    heygen: HeyGen, template_id: str, version: Literal["auto", "v2", "v3"]
) -> None:
    assert_type(
        await heygen.templates.variables(template_id, version=version),
        Mapping[str, TemplateVariableInfo],
    )


async def users_me(heygen: HeyGen) -> None:
    assert_type(await heygen.users.me(), User)


async def video_agents_create(
    heygen: HeyGen, request: VideoAgentRequest, idempotency_key: str | None
) -> None:
    assert_type(
        await heygen.video_agents.create(request, idempotency_key=idempotency_key), VideoAgentJob
    )


async def video_agents_get(heygen: HeyGen, session_id: str) -> None:
    assert_type(await heygen.video_agents.get(session_id), VideoAgentSession)


def video_agents_list(heygen: HeyGen, limit: int | None) -> None:
    assert_type(heygen.video_agents.list(limit=limit), Pages[VideoAgentSessionSummary])


async def video_agents_resource(heygen: HeyGen, session_id: str, resource_id: str) -> None:
    assert_type(await heygen.video_agents.resource(session_id, resource_id), VideoAgentResource)


async def video_agents_send(
    heygen: HeyGen,
    session_id: str,
    message: VideoAgentMessageRequest | str,
    idempotency_key: str | None,
) -> None:
    assert_type(
        await heygen.video_agents.send(session_id, message, idempotency_key=idempotency_key),
        VideoAgentRun,
    )


async def video_agents_stop(heygen: HeyGen, session_id: str, idempotency_key: str | None) -> None:
    assert_type(
        await heygen.video_agents.stop(session_id, idempotency_key=idempotency_key),
        StoppedVideoAgentSession,
    )


def video_agents_styles(heygen: HeyGen, tag: str | None, limit: int | None) -> None:
    assert_type(heygen.video_agents.styles(tag=tag, limit=limit), Pages[VideoAgentStyle])


def video_agents_videos(heygen: HeyGen, session_id: str) -> None:
    assert_type(heygen.video_agents.videos(session_id), Pages[Video])


def video_translations_batches_attach(heygen: HeyGen, batch_id: str) -> None:
    assert_type(heygen.video_translations.batches.attach(batch_id), BatchJob[VideoTranslation])


async def video_translations_batches_create(
    heygen: HeyGen,
    request: VideoTranslationBatchRequest | Sequence[VideoTranslationRequest],
    idempotency_key: str | None,
) -> None:
    assert_type(
        await heygen.video_translations.batches.create(request, idempotency_key=idempotency_key),
        BatchJob[VideoTranslation],
    )


async def video_translations_batches_get(
    heygen: HeyGen, batch_id: str, limit: int | None, token: str | None
) -> None:
    assert_type(
        await heygen.video_translations.batches.get(batch_id, limit=limit, token=token), BatchStatus
    )


def video_translations_batches_items(heygen: HeyGen, batch_id: str, limit: int | None) -> None:
    assert_type(heygen.video_translations.batches.items(batch_id, limit=limit), Pages[BatchItem])


async def video_translations_create(
    heygen: HeyGen, request: VideoTranslationRequest, idempotency_key: str | None
) -> None:
    assert_type(
        await heygen.video_translations.create(request, idempotency_key=idempotency_key),
        Sequence[Job[VideoTranslation]],
    )


async def video_translations_delete(heygen: HeyGen, video_translation_id: str) -> None:
    assert_type(await heygen.video_translations.delete(video_translation_id), DeletedId)


async def video_translations_get(heygen: HeyGen, video_translation_id: str) -> None:
    assert_type(await heygen.video_translations.get(video_translation_id), VideoTranslation)


async def video_translations_languages(heygen: HeyGen) -> None:
    assert_type(await heygen.video_translations.languages(), Sequence[str])


def video_translations_list(heygen: HeyGen, limit: int | None) -> None:
    assert_type(heygen.video_translations.list(limit=limit), Pages[VideoTranslation])


async def video_translations_statuses(
    heygen: HeyGen, video_translation_ids: Sequence[str], batch_ids: Sequence[str]
) -> None:
    assert_type(
        await heygen.video_translations.statuses(video_translation_ids, batch_ids=batch_ids),
        Sequence[StatusEntry],
    )


async def video_translations_update(
    heygen: HeyGen, video_translation_id: str, title: str, idempotency_key: str | None
) -> None:
    assert_type(
        await heygen.video_translations.update(
            video_translation_id, title=title, idempotency_key=idempotency_key
        ),
        VideoTranslation,
    )


def videos_batches_attach(heygen: HeyGen, batch_id: str) -> None:
    assert_type(heygen.videos.batches.attach(batch_id), BatchJob[Video])


async def videos_batches_create(
    heygen: HeyGen, request: VideoBatchRequest | Sequence[VideoRequest], idempotency_key: str | None
) -> None:
    assert_type(
        await heygen.videos.batches.create(request, idempotency_key=idempotency_key),
        BatchJob[Video],
    )


async def videos_batches_get(
    heygen: HeyGen, batch_id: str, limit: int | None, token: str | None
) -> None:
    assert_type(await heygen.videos.batches.get(batch_id, limit=limit, token=token), BatchStatus)


def videos_batches_items(heygen: HeyGen, batch_id: str, limit: int | None) -> None:
    assert_type(heygen.videos.batches.items(batch_id, limit=limit), Pages[BatchItem])


async def videos_create(heygen: HeyGen, request: VideoRequest, idempotency_key: str | None) -> None:
    assert_type(await heygen.videos.create(request, idempotency_key=idempotency_key), Job[Video])


async def videos_delete(heygen: HeyGen, video_id: str) -> None:
    assert_type(await heygen.videos.delete(video_id), DeletedVideo)


async def videos_get(heygen: HeyGen, video_id: str) -> None:
    assert_type(await heygen.videos.get(video_id), Video)


def videos_list(
    heygen: HeyGen, limit: int | None, folder_id: str | None, title: str | None
) -> None:
    assert_type(heygen.videos.list(limit=limit, folder_id=folder_id, title=title), Pages[Video])


async def videos_status_v1(heygen: HeyGen, video_id: str) -> None:
    assert_type(await heygen.videos.status_v1(video_id), VideoStatusV1)


async def videos_statuses(
    heygen: HeyGen, video_ids: Sequence[str], batch_ids: Sequence[str]
) -> None:
    assert_type(await heygen.videos.statuses(video_ids, batch_ids=batch_ids), Sequence[StatusEntry])


async def voices_clone(
    heygen: HeyGen, request: VoiceCloneRequest, idempotency_key: str | None
) -> None:
    assert_type(
        await heygen.voices.clone(request, idempotency_key=idempotency_key), Job[VoiceDetail]
    )


async def voices_delete(heygen: HeyGen, voice_id: str) -> None:
    assert_type(await heygen.voices.delete(voice_id), DeletedVoice)


async def voices_design(
    heygen: HeyGen, request: VoiceDesignRequest, idempotency_key: str | None
) -> None:
    assert_type(await heygen.voices.design(request, idempotency_key=idempotency_key), VoiceDesign)


async def voices_get(heygen: HeyGen, voice_id: str) -> None:
    assert_type(await heygen.voices.get(voice_id), VoiceDetail)


def voices_list(
    heygen: HeyGen,
    kind: Literal["public", "private"] | None,
    engine: str | None,
    language: str | None,
    gender: str | None,
    limit: int | None,
) -> None:
    assert_type(
        heygen.voices.list(type=kind, engine=engine, language=language, gender=gender, limit=limit),
        Pages[Voice],
    )


async def voices_speech(
    heygen: HeyGen, request: SpeechRequest, idempotency_key: str | None
) -> None:
    assert_type(await heygen.voices.speech(request, idempotency_key=idempotency_key), Speech)


async def webhooks_endpoints_create(
    heygen: HeyGen,
    url: str,
    events: Sequence[WebhookEventName] | Literal["all"],
    entity_id: str | None,
    idempotency_key: str | None,
) -> None:
    assert_type(
        await heygen.webhooks.endpoints.create(
            url, events=events, entity_id=entity_id, idempotency_key=idempotency_key
        ),
        WebhookEndpoint,
    )


async def webhooks_endpoints_delete(heygen: HeyGen, endpoint_id: str) -> None:
    assert_type(await heygen.webhooks.endpoints.delete(endpoint_id), None)


def webhooks_endpoints_list(heygen: HeyGen, limit: int | None) -> None:
    assert_type(heygen.webhooks.endpoints.list(limit=limit), Pages[WebhookEndpoint])


async def webhooks_endpoints_rotate_secret(
    heygen: HeyGen, endpoint_id: str, idempotency_key: str | None
) -> None:
    assert_type(
        await heygen.webhooks.endpoints.rotate_secret(endpoint_id, idempotency_key=idempotency_key),
        RotatedWebhookSecret,
    )


async def webhooks_endpoints_update(
    heygen: HeyGen,
    endpoint_id: str,
    url: str | None,
    events: Sequence[WebhookEventName] | Literal["all"] | None,
    idempotency_key: str | None,
) -> None:
    assert_type(
        await heygen.webhooks.endpoints.update(
            endpoint_id, url=url, events=events, idempotency_key=idempotency_key
        ),
        WebhookEndpoint,
    )


def webhooks_event_types(heygen: HeyGen) -> None:
    assert_type(heygen.webhooks.event_types(), Pages[WebhookEventType])


def webhooks_events(
    heygen: HeyGen, event_type: WebhookEventName | None, entity_id: str | None, limit: int | None
) -> None:
    assert_type(
        heygen.webhooks.events(event_type=event_type, entity_id=entity_id, limit=limit),
        Pages[WebhookEvent],
    )
