"""The public API for type checkers; this file is checked and not run."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path
from typing import Any, assert_type

from heygen_async import (
    AiClippingJob,
    AiClippingRequest,
    Asset,
    AssetSearchResult,
    AvatarConsent,
    AvatarGroup,
    AvatarLook,
    AvatarRequest,
    AvatarVideoRequest,
    BackgroundRemovalJob,
    BackgroundRemovalRequest,
    Batch,
    BatchItem,
    BatchJob,
    BatchResult,
    BatchStatus,
    BrandGlossary,
    BrandKit,
    CompletedAsset,
    CreatedVideo,
    DeletedBackgroundRemoval,
    DeletedId,
    DeletedVideo,
    DirectUploadBatch,
    DirectUploadRequest,
    Failed,
    FillerWordRemoval,
    FillerWordRemovalRequest,
    Folder,
    HeyGen,
    HeyGenError,
    Job,
    JobFailed,
    JobSlots,
    Lipsync,
    LipsyncRequest,
    NotFound,
    Page,
    Pages,
    Proofread,
    ProofreadRequest,
    ProofreadSrt,
    Report,
    RequestLimiter,
    Retry,
    SlotLease,
    SlotPool,
    SlotStats,
    Sound,
    Speech,
    SpeechRequest,
    StatusEntry,
    Succeeded,
    Template,
    TemplateSummary,
    TemplateSummaryV2,
    TemplateVariableInfo,
    TextVariable,
    Timeout,
    Turn,
    UploadCache,
    UploadedAsset,
    UploadOutcome,
    User,
    Video,
    VideoAgentJob,
    VideoAgentRequest,
    VideoAgentRun,
    VideoAgentSession,
    VideoAgentStyle,
    VideoTranslation,
    VideoTranslationRequest,
    Voice,
    VoiceCloneRequest,
    VoiceDetail,
    WebhookEndpoint,
    WebhookEvent,
    WebhookReceiver,
)
from heygen_async.webhooks import (
    AvatarVideoSuccess,
    Callback,
    Event,
    VideoSuccess,
    WebhookAnswer,
    parse,
    verify,
)


async def videos(heygen: HeyGen, request: AvatarVideoRequest) -> None:
    job = await heygen.videos.create(request)
    assert_type(job, Job[Video])
    assert_type(await job.wait(timeout=900), Video)
    assert_type(await job.status(), Video)
    async for update in job.updates():
        assert_type(update, Video)
    videos = heygen.videos.list(limit=10)
    assert_type(videos, Pages[Video])
    async for video in videos:
        assert_type(video, Video)
    async for page in videos.pages():
        assert_type(page, Page[Video])
    first = await videos.first_page()
    assert_type(first.items, list[Video])
    assert_type(first.next_token, str | None)
    assert_type(await heygen.videos.delete("id"), DeletedVideo)
    assert_type(await heygen.videos.statuses(["id"]), Sequence[StatusEntry])
    assert_type(await heygen.download(await job.wait(), "video.mp4"), int)


async def agents(heygen: HeyGen, request: VideoAgentRequest) -> None:
    job = await heygen.video_agents.create(request)
    assert_type(job, VideoAgentJob)
    assert_type(await job.wait(), VideoAgentSession)
    assert_type(await job.video(), Video)
    async for turn in job.turns():
        assert_type(turn, Turn)
        assert_type(await turn.reply("Yes"), VideoAgentRun)
    assert_type(heygen.video_agents.videos("id"), Pages[Video])
    assert_type(heygen.video_agents.styles(), Pages[VideoAgentStyle])


async def templates(heygen: HeyGen) -> None:
    assert_type(heygen.templates.list(), Pages[TemplateSummary])
    assert_type(await heygen.templates.list_v2(), Sequence[TemplateSummaryV2])
    assert_type(await heygen.templates.get("id"), Template)
    assert_type(await heygen.templates.variables("id"), Mapping[str, TemplateVariableInfo])
    variables = {"name": TextVariable(content="Ada")}
    assert_type(await heygen.templates.generate("id", variables, version="v3"), Job[Video])
    assert_type(await heygen.templates.generate("id", variables, test=True), Job[Video])
    await heygen.templates.generate("id", variables, version="v4")  # type: ignore[arg-type]


async def translations(
    heygen: HeyGen, request: VideoTranslationRequest, proofread: ProofreadRequest
) -> None:
    jobs = await heygen.video_translations.create(request)
    assert_type(jobs, Sequence[Job[VideoTranslation]])
    assert_type(await heygen.video_translations.delete("id"), DeletedId)
    assert_type(await heygen.video_translations.languages(), Sequence[str])
    assert_type(await heygen.proofreads.create(proofread), Sequence[Job[Proofread]])
    assert_type(await heygen.proofreads.srt("id"), ProofreadSrt)
    assert_type(await heygen.proofreads.srt_text("id"), str)
    assert_type(await heygen.proofreads.update_srt("id", "text"), Proofread)
    assert_type(await heygen.proofreads.generate("id"), Job[VideoTranslation])


async def lipsyncs(heygen: HeyGen, request: LipsyncRequest) -> None:
    assert_type(await heygen.lipsyncs.create(request), Job[Lipsync])
    assert_type(heygen.lipsyncs.list(), Pages[Lipsync])
    assert_type(await heygen.lipsyncs.update("id", title="New"), Lipsync)
    assert_type(await heygen.lipsyncs.delete("id"), DeletedId)
    assert_type(await heygen.lipsyncs.statuses(["id"]), Sequence[StatusEntry])
    assert_type(heygen.jobs.attach(Lipsync, "id"), Job[Lipsync])


async def batches_of_the_api(
    heygen: HeyGen, video: AvatarVideoRequest, lipsync: LipsyncRequest
) -> None:
    batch = await heygen.videos.batches.create([video])
    assert_type(batch, BatchJob[Video])
    assert_type(await batch.wait(), BatchStatus)
    async for item in batch.started():
        assert_type(item, BatchItem)
    async for done in batch.results():
        assert_type(done, BatchResult[Video])
        assert_type(done.result, Video | None)
        assert_type(done.error, HeyGenError | None)
    assert_type(await heygen.videos.batches.get("id"), BatchStatus)
    assert_type(heygen.videos.batches.items("id"), Pages[BatchItem])
    assert_type(heygen.video_translations.batches.attach("id"), BatchJob[VideoTranslation])
    assert_type(await heygen.lipsyncs.batches.create([lipsync]), BatchJob[Lipsync])


async def others(heygen: HeyGen, speech: SpeechRequest, clone: VoiceCloneRequest) -> None:
    assert_type(heygen.voices.list(engine="starfish"), Pages[Voice])
    assert_type(await heygen.voices.speech(speech), Speech)
    assert_type(await heygen.voices.clone(clone), Job[VoiceDetail])
    assert_type(await heygen.assets.upload(b"bytes", filename="a.png"), UploadedAsset)
    assert_type(await heygen.assets.get("id"), Asset)
    assert_type(await heygen.assets.direct_uploads.complete("id"), CompletedAsset)
    assert_type(await heygen.users.me(), User)
    assert_type(heygen.brand_glossaries.list(), Pages[BrandGlossary])


async def edits(
    heygen: HeyGen,
    clipping: AiClippingRequest,
    background: BackgroundRemovalRequest,
    filler: FillerWordRemovalRequest,
) -> None:
    assert_type(await heygen.ai_clipping.create(clipping), Job[AiClippingJob])
    assert_type(heygen.ai_clipping.list(), Pages[AiClippingJob])
    assert_type(await heygen.background_removals.create(background), Job[BackgroundRemovalJob])
    assert_type(await heygen.background_removals.delete("id"), DeletedBackgroundRemoval)
    job = await heygen.filler_word_removals.create(filler)
    assert_type(job, Job[FillerWordRemoval])
    assert_type(await heygen.download(await job.wait(), "video.mp4"), int)


async def avatars(heygen: HeyGen, request: AvatarRequest) -> None:
    assert_type(await heygen.avatars.create(request), Job[AvatarLook])
    assert_type(heygen.avatars.list(ownership="private"), Pages[AvatarGroup])
    assert_type(await heygen.avatars.consent("id"), AvatarConsent)
    assert_type(heygen.avatars.looks.list(avatar_type="digital_twin"), Pages[AvatarLook])
    assert_type(await heygen.avatars.looks.delete("id"), DeletedId)
    assert_type(heygen.jobs.attach(AvatarGroup, "id"), Job[AvatarGroup])
    heygen.avatars.list(ownership="mine")  # type: ignore[arg-type]


async def libraries(heygen: HeyGen) -> None:
    assert_type(heygen.audio.sounds("calm"), Pages[Sound])
    assert_type(heygen.assets.search("lake", type="image"), Pages[AssetSearchResult])
    assert_type(heygen.brand_kits.list(), Pages[BrandKit])
    assert_type(await heygen.folders.create("Launch"), Folder)


async def asset_batches(heygen: HeyGen, files: Sequence[DirectUploadRequest]) -> None:
    batches = heygen.assets.direct_uploads.batches
    assert_type(await batches.create(files), DirectUploadBatch)
    assert_type(await batches.complete("id"), BatchJob[Asset])
    assert_type(heygen.assets.batches.attach("id"), BatchJob[Asset])
    assert_type(await heygen.assets.statuses(["id"]), Sequence[StatusEntry])


async def uploads(heygen: HeyGen, paths: list[Path], blocks: AsyncIterator[bytes]) -> None:
    def show(sent: int, size: int) -> None:
        print(sent / size)

    cache = UploadCache("uploads.db")
    assert_type(await heygen.upload("a.png", cache=cache, progress=show), UploadedAsset)
    assert_type(await heygen.upload(blocks, filename="a.mp4"), UploadedAsset)
    async for outcome in heygen.upload_all(paths, parallel=8, cache=UploadCache(), progress=show):
        assert_type(outcome, UploadOutcome)
        assert_type(outcome.result, UploadedAsset | None)
        assert_type(outcome.error, Exception | None)
        assert_type(outcome.unwrap(), UploadedAsset)
    heygen.upload_all([("a.png", b"bytes"), ("b.mp4", blocks), Path("c.wav")])
    await heygen.upload(17)  # type: ignore[arg-type]


async def anything(heygen: HeyGen) -> None:
    assert_type(await heygen.request("GET", "/v4/new"), Any)
    assert_type(await heygen.request("GET", "/v3/videos/id", answer=Video), Video)
    body = {"type": "avatar"}
    assert_type(
        await heygen.request("POST", "/v3/videos", answer=CreatedVideo, body=body), CreatedVideo
    )
    await heygen.request("get", "/v3/videos")  # type: ignore[call-overload]


def attached(heygen: HeyGen) -> None:
    assert_type(heygen.jobs.attach(Video, "id"), Job[Video])
    assert_type(heygen.jobs.attach(VideoTranslation, "id"), Job[VideoTranslation])
    assert_type(heygen.jobs.attach(VideoAgentSession, "id"), VideoAgentJob)


async def settings() -> None:
    class Mine(HeyGen):
        pass

    async with Mine(timeout=Timeout(read=5), retry=Retry(attempts=2), jobs=JobSlots(20)) as mine:
        assert_type(mine, Mine)
    async with HeyGen("key", timeout=5, retry=2, requests=RequestLimiter(50), jobs=20) as heygen:
        assert_type(heygen, HeyGen)
        assert_type(heygen.slots, SlotPool)
        assert_type(heygen.slots.stats(), SlotStats)
        assert_type(await heygen.slots.acquire(), SlotLease)


async def batches(heygen: HeyGen) -> None:
    async with Batch(heygen) as batch:
        run = batch.render("id", [{"name": "Ada"}])
        async for outcome in run:
            assert_type(outcome, Succeeded[Video] | Failed)
            assert_type(outcome.result, Video | None)
        assert_type(run.report, Report)
        async for dubbed in batch.translate("https://example.com/a.mp4", ["French (France)"]):
            assert_type(dubbed, Succeeded[VideoTranslation] | Failed)


async def webhooks(heygen: HeyGen, body: bytes, headers: Mapping[str, str]) -> None:
    assert_type(parse(verify(body, headers, "whsec_a")), Event)
    assert_type(parse(body), Callback)
    receiver = WebhookReceiver(heygen, ["whsec_a", "whsec_b"])

    @receiver.on(AvatarVideoSuccess)
    async def by_class(event: AvatarVideoSuccess) -> None:
        assert_type(event.event_data.url, str | None)

    @receiver.on("avatar_video.success")
    def by_name(event: AvatarVideoSuccess) -> int:
        return 1

    assert_type(by_name(AvatarVideoSuccess(event_data=VideoSuccess(video_id="v"))), int)
    assert_type(await receiver.handle(body, headers), WebhookAnswer)
    assert_type(
        await receiver.ensure_registered("https://a/b", [Event, "ai_clipping.fail"]),
        WebhookEndpoint,
    )
    assert_type(await receiver.recover(since=0), int)
    assert_type(await heygen.webhooks.endpoints.create("https://a/b"), WebhookEndpoint)
    assert_type(heygen.webhooks.events(), Pages[WebhookEvent])
    assert_type(heygen.jobs.hint("video", "id"), bool)


def errors(failed: JobFailed, missing: NotFound) -> None:
    assert_type(failed.job_id, str)
    assert_type(failed.code, str | None)
    assert_type(missing.status, int)
    assert_type(missing.retry_after, float | None)
