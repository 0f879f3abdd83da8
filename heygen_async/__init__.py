"""An asyncio-native SDK for the HeyGen API, with a bulk engine on top.

The public names load when they are first used, so that importing the package costs nothing.
"""

from heygen_async.lazy_names import import_lazily

TYPE_CHECKING = False  # type checkers know the name; importing typing would cost milliseconds
# Filled lines, in alphabetical order. "Name as Name" tells type checkers that a name is public.
# fmt: off
if TYPE_CHECKING or not import_lazily(__name__):
    from heygen_async.batch import (
        Batch as Batch, Failed as Failed, InvalidVariants as InvalidVariants, Outcome as Outcome,
        Progress as Progress, Report as Report, Run as Run, Succeeded as Succeeded,
        VariantProblem as VariantProblem,
    )
    from heygen_async.batch.admission.clips import sample_clips as sample_clips
    from heygen_async.batch.admission.sampling import Sampled as Sampled, sample as sample
    from heygen_async.captions import Cue as Cue, CueProblem as CueProblem
    from heygen_async.client import HeyGen as HeyGen
    from heygen_async.endpoints.batches import BatchJob as BatchJob, BatchResult as BatchResult
    from heygen_async.endpoints.resource import Pages as Pages
    from heygen_async.endpoints.upload_cache import UploadCache as UploadCache
    from heygen_async.endpoints.uploads import UploadOutcome as UploadOutcome
    from heygen_async.endpoints.video_agents import Turn as Turn, VideoAgentJob as VideoAgentJob
    from heygen_async.errors import (
        APIError as APIError, AuthenticationError as AuthenticationError, BadRequest as BadRequest,
        BatchStopped as BatchStopped, BudgetExceeded as BudgetExceeded, CallError as CallError,
        ConfigurationError as ConfigurationError, Conflict as Conflict,
        ConnectionFailed as ConnectionFailed, CorrectionFailed as CorrectionFailed,
        DeliveryError as DeliveryError, DuplicateKey as DuplicateKey, HeyGenError as HeyGenError,
        IdempotencyMismatch as IdempotencyMismatch, InsufficientBalance as InsufficientBalance,
        InvalidRequest as InvalidRequest, InvalidResponse as InvalidResponse,
        ItemRejected as ItemRejected, JobError as JobError,
        JobFailed as JobFailed, JobNeedsInput as JobNeedsInput, JobTimeout as JobTimeout,
        JournalError as JournalError, MalformedDelivery as MalformedDelivery, NotFound as NotFound,
        PayloadTooLarge as PayloadTooLarge, PaymentRequired as PaymentRequired,
        PermissionDenied as PermissionDenied, ProofreadExpired as ProofreadExpired,
        QuotaExceeded as QuotaExceeded, RateLimited as RateLimited,
        RecordedFailure as RecordedFailure, RequestTimeout as RequestTimeout,
        ServerError as ServerError, SignatureMismatch as SignatureMismatch,
        SignatureMissing as SignatureMissing, SlotUnavailable as SlotUnavailable,
        SlotsUnavailable as SlotsUnavailable, StaleDelivery as StaleDelivery,
        TransferError as TransferError, TransportError as TransportError, URLExpired as URLExpired,
        UncertainSubmission as UncertainSubmission, UploadCacheError as UploadCacheError,
        WebhookError as WebhookError,
    )
    from heygen_async.jobs.job import Job as Job
    from heygen_async.journal import (
        JournalStore as JournalStore, MemoryJournal as MemoryJournal,
        SqliteJournal as SqliteJournal,
    )
    from heygen_async.journal.reviews import (
        approve as approve, reject as reject, retake as retake,
    )
    from heygen_async.models.assets import (
        Asset as Asset, AssetBatchCompleteRequest as AssetBatchCompleteRequest,
        AssetCompleteRequest as AssetCompleteRequest, AssetSearchResult as AssetSearchResult,
        CompletedAsset as CompletedAsset, DirectUpload as DirectUpload,
        DirectUploadBatch as DirectUploadBatch,
        DirectUploadBatchRequest as DirectUploadBatchRequest,
        DirectUploadRequest as DirectUploadRequest, UploadedAsset as UploadedAsset,
    )
    from heygen_async.models.avatars import (
        AvatarConsent as AvatarConsent, AvatarConsentRequest as AvatarConsentRequest,
        AvatarGroup as AvatarGroup, AvatarGroupUpdate as AvatarGroupUpdate,
        AvatarLook as AvatarLook, AvatarLookUpdate as AvatarLookUpdate,
        AvatarRequest as AvatarRequest, CreatedAvatar as CreatedAvatar,
        DigitalTwinRequest as DigitalTwinRequest, PhotoAvatarRequest as PhotoAvatarRequest,
        PromptAvatarRequest as PromptAvatarRequest, ResourceError as ResourceError,
    )
    from heygen_async.models.batches import (
        BatchItem as BatchItem, BatchStatus as BatchStatus, CreatedBatch as CreatedBatch,
        LipsyncBatchRequest as LipsyncBatchRequest, VideoBatchRequest as VideoBatchRequest,
        VideoTranslationBatchRequest as VideoTranslationBatchRequest,
    )
    from heygen_async.models.brands import (
        BrandGlossaryDetail as BrandGlossaryDetail, BrandGlossaryRequest as BrandGlossaryRequest,
        BrandGlossaryTerm as BrandGlossaryTerm, BrandGlossaryTermInput as BrandGlossaryTermInput,
        BrandGlossaryUpdate as BrandGlossaryUpdate, BrandKitColorRoles as BrandKitColorRoles,
        BrandKitColorRolesUpdate as BrandKitColorRolesUpdate, BrandKitDetail as BrandKitDetail,
        BrandKitFont as BrandKitFont, BrandKitFontRole as BrandKitFontRole,
        BrandKitFontRoleUpdate as BrandKitFontRoleUpdate, BrandKitFontRoles as BrandKitFontRoles,
        BrandKitFontRolesUpdate as BrandKitFontRolesUpdate, BrandKitLogo as BrandKitLogo,
        BrandKitLogoRoles as BrandKitLogoRoles, BrandKitLogoRolesUpdate as BrandKitLogoRolesUpdate,
        BrandKitRequest as BrandKitRequest, BrandKitUpdate as BrandKitUpdate,
        CreatedBrandKit as CreatedBrandKit, DeletedBrandGlossary as DeletedBrandGlossary,
        DeletedBrandKit as DeletedBrandKit, ForcedTranslation as ForcedTranslation,
        ForcedTranslationInput as ForcedTranslationInput, UntranslatedTerm as UntranslatedTerm,
        UntranslatedTermInput as UntranslatedTermInput,
    )
    from heygen_async.models.editing import (
        AiClip as AiClip, AiClippingJob as AiClippingJob,
        AiClippingJobSettings as AiClippingJobSettings, AiClippingRequest as AiClippingRequest,
        AiClippingSettings as AiClippingSettings, BackgroundRemovalJob as BackgroundRemovalJob,
        BackgroundRemovalRequest as BackgroundRemovalRequest, CaptionStyle as CaptionStyle,
        CreatedAiClipping as CreatedAiClipping,
        CreatedFillerWordRemoval as CreatedFillerWordRemoval,
        DeletedBackgroundRemoval as DeletedBackgroundRemoval,
        FillerWordRemoval as FillerWordRemoval,
        FillerWordRemovalRequest as FillerWordRemovalRequest,
    )
    from heygen_async.models.hyperframes import (
        CreatedHyperframesRender as CreatedHyperframesRender,
        DeletedHyperframesRender as DeletedHyperframesRender,
        HyperframesRender as HyperframesRender,
        HyperframesRenderRequest as HyperframesRenderRequest,
    )
    from heygen_async.models.libraries import (
        BrandGlossary as BrandGlossary, BrandKit as BrandKit, Folder as Folder,
        FolderRequest as FolderRequest, Sound as Sound,
    )
    from heygen_async.models.lipsyncs import (
        CreatedLipsync as CreatedLipsync, Lipsync as Lipsync, LipsyncRequest as LipsyncRequest,
    )
    from heygen_async.models.proofreads import (
        CreatedProofreads as CreatedProofreads, GeneratedProofread as GeneratedProofread,
        Proofread as Proofread, ProofreadGenerateRequest as ProofreadGenerateRequest,
        ProofreadRender as ProofreadRender, ProofreadRequest as ProofreadRequest,
        ProofreadSrt as ProofreadSrt, ProofreadSrtUpdate as ProofreadSrtUpdate,
    )
    from heygen_async.models.scenes import (
        FrameBackground as FrameBackground, Scene as Scene, SceneElement as SceneElement,
        ScriptEntry as ScriptEntry, ScriptVoiceSettings as ScriptVoiceSettings,
        VideoCaption as VideoCaption, VideoContext as VideoContext, VideoScenes as VideoScenes,
        VideoTrim as VideoTrim,
    )
    from heygen_async.models.sources import (
        AssetBase64 as AssetBase64, AssetId as AssetId, AssetSource as AssetSource,
        AssetUrl as AssetUrl, MediaSource as MediaSource,
    )
    from heygen_async.models.statuses import DeletedId as DeletedId, StatusEntry as StatusEntry
    from heygen_async.models.template_variables import (
        AudioVariable as AudioVariable, CharacterVariable as CharacterVariable, Fit as Fit,
        ImageVariable as ImageVariable, PlayStyle as PlayStyle,
        TemplateVariable as TemplateVariable, TextVariable as TextVariable,
        VideoVariable as VideoVariable, VoiceVariable as VoiceVariable,
    )
    from heygen_async.models.templates import (
        Dimension as Dimension, SubtitlePosition as SubtitlePosition,
        SubtitleStyle as SubtitleStyle, Template as Template, TemplateAsset as TemplateAsset,
        TemplateRenderRequest as TemplateRenderRequest, TemplateScene as TemplateScene,
        TemplateSceneVariable as TemplateSceneVariable, TemplateSummary as TemplateSummary,
        TemplateSummaryV2 as TemplateSummaryV2, TemplateV2 as TemplateV2,
        TemplateVariableInfo as TemplateVariableInfo,
        TemplateVariableInfoV2 as TemplateVariableInfoV2,
    )
    from heygen_async.models.users import (
        AutoReload as AutoReload, CreditPool as CreditPool, Subscription as Subscription,
        SubscriptionCredits as SubscriptionCredits, UsageBasedBilling as UsageBasedBilling,
        User as User, Wallet as Wallet,
    )
    from heygen_async.models.video_agents import (
        CreatedVideoAgentSession as CreatedVideoAgentSession,
        StoppedVideoAgentSession as StoppedVideoAgentSession,
        VideoAgentMessage as VideoAgentMessage,
        VideoAgentMessageRequest as VideoAgentMessageRequest,
        VideoAgentRequest as VideoAgentRequest, VideoAgentResource as VideoAgentResource,
        VideoAgentRun as VideoAgentRun, VideoAgentSession as VideoAgentSession,
        VideoAgentSessionSummary as VideoAgentSessionSummary, VideoAgentStyle as VideoAgentStyle,
    )
    from heygen_async.models.video_parts import (
        AspectRatio as AspectRatio, AvatarIIIEngine as AvatarIIIEngine,
        AvatarIVEngine as AvatarIVEngine, AvatarInput as AvatarInput, AvatarScene as AvatarScene,
        AvatarSceneInput as AvatarSceneInput, AvatarVEngine as AvatarVEngine,
        Background as Background, Caption as Caption, ColorSceneBackground as ColorSceneBackground,
        ElevenLabsSettings as ElevenLabsSettings, Engine as Engine,
        Expressiveness as Expressiveness, FishSettings as FishSettings, ImageInput as ImageInput,
        ImageScene as ImageScene, Playback as Playback, Resolution as Resolution,
        SceneBackground as SceneBackground, StarfishSettings as StarfishSettings,
        StudioScene as StudioScene, VideoScene as VideoScene,
        VoiceEngineSettings as VoiceEngineSettings, VoiceSettings as VoiceSettings,
        Watermark as Watermark, WatermarkPlacement as WatermarkPlacement,
    )
    from heygen_async.models.video_translations import (
        CreatedVideoTranslations as CreatedVideoTranslations, StockVoiceConfig as StockVoiceConfig,
        TitleUpdate as TitleUpdate, TranslationLanguages as TranslationLanguages,
        VideoTranslation as VideoTranslation, VideoTranslationRequest as VideoTranslationRequest,
    )
    from heygen_async.models.videos import (
        AvatarVideoRequest as AvatarVideoRequest,
        CinematicAvatarVideoRequest as CinematicAvatarVideoRequest, CreatedVideo as CreatedVideo,
        DeletedVideo as DeletedVideo, ImageVideoRequest as ImageVideoRequest,
        StudioVideoRequest as StudioVideoRequest, Video as Video, VideoRequest as VideoRequest,
        VideoStatusV1 as VideoStatusV1,
    )
    from heygen_async.models.voices import (
        CreatedVoiceClone as CreatedVoiceClone, DeletedVoice as DeletedVoice, Speech as Speech,
        SpeechRequest as SpeechRequest, Voice as Voice, VoiceCloneRequest as VoiceCloneRequest,
        VoiceDesign as VoiceDesign, VoiceDesignRequest as VoiceDesignRequest,
        VoiceDetail as VoiceDetail, WordTimestamp as WordTimestamp,
    )
    from heygen_async.models.webhooks import (
        RotatedWebhookSecret as RotatedWebhookSecret, WebhookEndpoint as WebhookEndpoint,
        WebhookEndpointRequest as WebhookEndpointRequest,
        WebhookEndpointUpdate as WebhookEndpointUpdate, WebhookEvent as WebhookEvent,
        WebhookEventName as WebhookEventName, WebhookEventType as WebhookEventType,
    )
    from heygen_async.pipelines import (
        ChainEstimate as ChainEstimate, ChainSample as ChainSample, Narration as Narration,
        estimate_localize as estimate_localize, estimate_narrate as estimate_narrate,
        estimate_personalize as estimate_personalize, localize as localize, narrate as narrate,
        personalize as personalize,
    )
    from heygen_async.pricing.estimates import Estimate as Estimate, RunEstimate as RunEstimate
    from heygen_async.pricing.prices import PRICES as PRICES, PriceTable as PriceTable
    from heygen_async.session.answers.codec import Page as Page
    from heygen_async.session.cancellation import accepted_job_ids as accepted_job_ids
    from heygen_async.session.diagnostics.hooks import (
        Hooks as Hooks, JobEvent as JobEvent, RequestEvent as RequestEvent,
        RetryEvent as RetryEvent,
    )
    from heygen_async.session.limits.job_slots import JobSlots as JobSlots
    from heygen_async.session.limits.request_limiter import RequestLimiter as RequestLimiter
    from heygen_async.session.settings import Retry as Retry, Timeout as Timeout
    from heygen_async.session.slots import (
        SlotLease as SlotLease, SlotPool as SlotPool, SlotStats as SlotStats,
    )
    from heygen_async.version import __version__ as __version__
    from heygen_async.webhooks import WebhookReceiver as WebhookReceiver
# fmt: on
