"""An asyncio-native SDK for the HeyGen API, with a bulk engine on top.

The public names load when they are first used, so that importing the package costs nothing.
"""

TYPE_CHECKING = False  # type checkers know the name; importing typing would cost milliseconds
if TYPE_CHECKING:
    from heygen_async.batch import (
        Batch,
        InvalidVariants,
        Outcome,
        Progress,
        Report,
        Run,
        VariantProblem,
    )
    from heygen_async.captions import Cue, CueProblem
    from heygen_async.client import HeyGen
    from heygen_async.endpoints.batches import BatchJob, BatchResult
    from heygen_async.endpoints.resource import Pages
    from heygen_async.endpoints.upload_cache import UploadCache
    from heygen_async.endpoints.uploads import UploadOutcome
    from heygen_async.endpoints.video_agents import Turn, VideoAgentJob
    from heygen_async.errors import (
        APIError,
        AuthenticationError,
        BadRequest,
        BatchStopped,
        BudgetExceeded,
        CallError,
        ConfigurationError,
        Conflict,
        ConnectionFailed,
        CorrectionFailed,
        DuplicateKey,
        HeyGenError,
        IdempotencyMismatch,
        InsufficientBalance,
        InvalidRequest,
        InvalidResponse,
        JobError,
        JobFailed,
        JobNeedsInput,
        JobTimeout,
        JournalError,
        MalformedDelivery,
        NotFound,
        PayloadTooLarge,
        PaymentRequired,
        PermissionDenied,
        ProofreadExpired,
        QuotaExceeded,
        RateLimited,
        RecordedFailure,
        RequestTimeout,
        ServerError,
        SignatureMismatch,
        SignatureMissing,
        SlotsUnavailable,
        SlotUnavailable,
        StaleDelivery,
        TransferError,
        TransportError,
        UncertainSubmission,
        UploadCacheError,
        URLExpired,
        WebhookError,
    )
    from heygen_async.jobs.job import Job
    from heygen_async.journal import JournalStore, MemoryJournal, SqliteJournal
    from heygen_async.models.assets import (
        Asset,
        AssetBatchCompleteRequest,
        AssetCompleteRequest,
        AssetSearchResult,
        CompletedAsset,
        DirectUpload,
        DirectUploadBatch,
        DirectUploadBatchRequest,
        DirectUploadRequest,
        UploadedAsset,
    )
    from heygen_async.models.avatars import (
        AvatarConsent,
        AvatarConsentRequest,
        AvatarGroup,
        AvatarGroupUpdate,
        AvatarLook,
        AvatarLookUpdate,
        AvatarRequest,
        CreatedAvatar,
        DigitalTwinRequest,
        PhotoAvatarRequest,
        PromptAvatarRequest,
        ResourceError,
    )
    from heygen_async.models.batches import (
        BatchItem,
        BatchStatus,
        CreatedBatch,
        LipsyncBatchRequest,
        VideoBatchRequest,
        VideoTranslationBatchRequest,
    )
    from heygen_async.models.brands import (
        BrandGlossaryDetail,
        BrandGlossaryRequest,
        BrandGlossaryTerm,
        BrandGlossaryTermInput,
        BrandGlossaryUpdate,
        BrandKitColorRoles,
        BrandKitColorRolesUpdate,
        BrandKitDetail,
        BrandKitFont,
        BrandKitFontRole,
        BrandKitFontRoles,
        BrandKitFontRolesUpdate,
        BrandKitFontRoleUpdate,
        BrandKitLogo,
        BrandKitLogoRoles,
        BrandKitLogoRolesUpdate,
        BrandKitRequest,
        BrandKitUpdate,
        CreatedBrandKit,
        DeletedBrandGlossary,
        DeletedBrandKit,
        ForcedTranslation,
        ForcedTranslationInput,
        UntranslatedTerm,
        UntranslatedTermInput,
    )
    from heygen_async.models.editing import (
        AiClip,
        AiClippingJob,
        AiClippingJobSettings,
        AiClippingRequest,
        AiClippingSettings,
        BackgroundRemovalJob,
        BackgroundRemovalRequest,
        CaptionStyle,
        CreatedAiClipping,
        CreatedFillerWordRemoval,
        DeletedBackgroundRemoval,
        FillerWordRemoval,
        FillerWordRemovalRequest,
    )
    from heygen_async.models.hyperframes import (
        CreatedHyperframesRender,
        DeletedHyperframesRender,
        HyperframesRender,
        HyperframesRenderRequest,
    )
    from heygen_async.models.libraries import BrandGlossary, BrandKit, Folder, FolderRequest, Sound
    from heygen_async.models.lipsyncs import (
        CreatedLipsync,
        Lipsync,
        LipsyncRequest,
    )
    from heygen_async.models.proofreads import (
        CreatedProofreads,
        GeneratedProofread,
        Proofread,
        ProofreadGenerateRequest,
        ProofreadRender,
        ProofreadRequest,
        ProofreadSrt,
        ProofreadSrtUpdate,
    )
    from heygen_async.models.scenes import (
        FrameBackground,
        Scene,
        SceneElement,
        ScriptEntry,
        ScriptVoiceSettings,
        VideoCaption,
        VideoContext,
        VideoScenes,
        VideoTrim,
    )
    from heygen_async.models.sources import (
        AssetBase64,
        AssetId,
        AssetSource,
        AssetUrl,
        MediaSource,
    )
    from heygen_async.models.statuses import (
        DeletedId,
        StatusEntry,
    )
    from heygen_async.models.template_variables import (
        AudioVariable,
        CharacterVariable,
        Fit,
        ImageVariable,
        PlayStyle,
        TemplateVariable,
        TextVariable,
        VideoVariable,
        VoiceVariable,
    )
    from heygen_async.models.templates import (
        Dimension,
        SubtitlePosition,
        SubtitleStyle,
        Template,
        TemplateAsset,
        TemplateRenderRequest,
        TemplateScene,
        TemplateSceneVariable,
        TemplateSummary,
        TemplateSummaryV2,
        TemplateV2,
        TemplateVariableInfo,
        TemplateVariableInfoV2,
    )
    from heygen_async.models.users import (
        AutoReload,
        CreditPool,
        Subscription,
        SubscriptionCredits,
        UsageBasedBilling,
        User,
        Wallet,
    )
    from heygen_async.models.video_agents import (
        CreatedVideoAgentSession,
        StoppedVideoAgentSession,
        VideoAgentMessage,
        VideoAgentMessageRequest,
        VideoAgentRequest,
        VideoAgentResource,
        VideoAgentRun,
        VideoAgentSession,
        VideoAgentSessionSummary,
        VideoAgentStyle,
    )
    from heygen_async.models.video_parts import (
        AspectRatio,
        AvatarIIIEngine,
        AvatarInput,
        AvatarIVEngine,
        AvatarScene,
        AvatarSceneInput,
        AvatarVEngine,
        Background,
        Caption,
        ColorSceneBackground,
        ElevenLabsSettings,
        Engine,
        Expressiveness,
        FishSettings,
        ImageInput,
        ImageScene,
        Playback,
        Resolution,
        SceneBackground,
        StarfishSettings,
        StudioScene,
        VideoScene,
        VoiceEngineSettings,
        VoiceSettings,
        Watermark,
        WatermarkPlacement,
    )
    from heygen_async.models.video_translations import (
        CreatedVideoTranslations,
        StockVoiceConfig,
        TitleUpdate,
        TranslationLanguages,
        VideoTranslation,
        VideoTranslationRequest,
    )
    from heygen_async.models.videos import (
        AvatarVideoRequest,
        CinematicAvatarVideoRequest,
        CreatedVideo,
        DeletedVideo,
        ImageVideoRequest,
        StudioVideoRequest,
        Video,
        VideoRequest,
        VideoStatusV1,
    )
    from heygen_async.models.voices import (
        CreatedVoiceClone,
        DeletedVoice,
        Speech,
        SpeechRequest,
        Voice,
        VoiceCloneRequest,
        VoiceDesign,
        VoiceDesignRequest,
        VoiceDetail,
        WordTimestamp,
    )
    from heygen_async.models.webhooks import (
        RotatedWebhookSecret,
        WebhookEndpoint,
        WebhookEndpointRequest,
        WebhookEndpointUpdate,
        WebhookEvent,
        WebhookEventName,
        WebhookEventType,
    )
    from heygen_async.pipelines import (
        ChainEstimate,
        Narration,
        estimate_localize,
        estimate_narrate,
        estimate_personalize,
        localize,
        narrate,
        personalize,
    )
    from heygen_async.pricing.estimates import Estimate, RunEstimate
    from heygen_async.pricing.prices import PRICES, PriceTable
    from heygen_async.session.answers.codec import Page
    from heygen_async.session.cancellation import accepted_job_ids
    from heygen_async.session.diagnostics.hooks import Hooks, JobEvent, RequestEvent, RetryEvent
    from heygen_async.session.limits.job_slots import JobSlots
    from heygen_async.session.limits.request_limiter import RequestLimiter
    from heygen_async.session.settings import Retry, Timeout
    from heygen_async.session.slots import SlotLease, SlotPool, SlotStats
    from heygen_async.version import __version__
    from heygen_async.webhooks import WebhookReceiver

# Where each name is; the block above says the same to type checkers, and a test compares them.
_HOMES = {
    "batch": "Batch InvalidVariants Outcome Progress Report Run VariantProblem",
    "captions": "Cue CueProblem",
    "client": "HeyGen",
    "endpoints.batches": "BatchJob BatchResult",
    "endpoints.resource": "Pages",
    "endpoints.upload_cache": "UploadCache",
    "endpoints.uploads": "UploadOutcome",
    "endpoints.video_agents": "Turn VideoAgentJob",
    "errors": (
        "APIError AuthenticationError BadRequest BatchStopped BudgetExceeded CallError "
        "ConfigurationError Conflict ConnectionFailed CorrectionFailed DuplicateKey HeyGenError "
        "IdempotencyMismatch InsufficientBalance InvalidRequest InvalidResponse JobError JobFailed "
        "JobNeedsInput JobTimeout JournalError MalformedDelivery NotFound PayloadTooLarge "
        "PaymentRequired PermissionDenied ProofreadExpired QuotaExceeded RateLimited "
        "RecordedFailure RequestTimeout ServerError SignatureMismatch SignatureMissing "
        "SlotUnavailable SlotsUnavailable StaleDelivery TransferError TransportError URLExpired "
        "UncertainSubmission UploadCacheError WebhookError"
    ),
    "jobs.job": "Job",
    "journal": "JournalStore MemoryJournal SqliteJournal",
    "models.assets": (
        "Asset AssetBatchCompleteRequest AssetCompleteRequest AssetSearchResult CompletedAsset "
        "DirectUpload DirectUploadBatch DirectUploadBatchRequest DirectUploadRequest "
        "UploadedAsset"
    ),
    "models.avatars": (
        "AvatarConsent AvatarConsentRequest AvatarGroup AvatarGroupUpdate AvatarLook "
        "AvatarLookUpdate AvatarRequest CreatedAvatar DigitalTwinRequest PhotoAvatarRequest "
        "PromptAvatarRequest ResourceError"
    ),
    "models.batches": (
        "BatchItem BatchStatus CreatedBatch LipsyncBatchRequest VideoBatchRequest "
        "VideoTranslationBatchRequest"
    ),
    "models.brands": (
        "BrandGlossaryDetail BrandGlossaryRequest BrandGlossaryTerm BrandGlossaryTermInput "
        "BrandGlossaryUpdate BrandKitColorRoles BrandKitColorRolesUpdate BrandKitDetail "
        "BrandKitFont BrandKitFontRole BrandKitFontRoleUpdate BrandKitFontRoles "
        "BrandKitFontRolesUpdate BrandKitLogo BrandKitLogoRoles BrandKitLogoRolesUpdate "
        "BrandKitRequest BrandKitUpdate CreatedBrandKit DeletedBrandGlossary DeletedBrandKit "
        "ForcedTranslation ForcedTranslationInput UntranslatedTerm UntranslatedTermInput"
    ),
    "models.editing": (
        "AiClip AiClippingJob AiClippingJobSettings AiClippingRequest AiClippingSettings "
        "BackgroundRemovalJob BackgroundRemovalRequest CaptionStyle CreatedAiClipping "
        "CreatedFillerWordRemoval DeletedBackgroundRemoval FillerWordRemoval "
        "FillerWordRemovalRequest"
    ),
    "models.hyperframes": (
        "CreatedHyperframesRender DeletedHyperframesRender HyperframesRender "
        "HyperframesRenderRequest"
    ),
    "models.libraries": "BrandGlossary BrandKit Folder FolderRequest Sound",
    "models.lipsyncs": "CreatedLipsync Lipsync LipsyncRequest",
    "models.proofreads": (
        "CreatedProofreads GeneratedProofread Proofread ProofreadGenerateRequest "
        "ProofreadRender ProofreadRequest ProofreadSrt ProofreadSrtUpdate"
    ),
    "models.scenes": (
        "FrameBackground Scene SceneElement ScriptEntry ScriptVoiceSettings VideoCaption "
        "VideoContext VideoScenes VideoTrim"
    ),
    "models.sources": "AssetBase64 AssetId AssetSource AssetUrl MediaSource",
    "models.statuses": "DeletedId StatusEntry",
    "models.template_variables": (
        "AudioVariable CharacterVariable Fit ImageVariable PlayStyle TemplateVariable "
        "TextVariable VideoVariable VoiceVariable"
    ),
    "models.templates": (
        "Dimension SubtitlePosition SubtitleStyle Template TemplateAsset TemplateRenderRequest "
        "TemplateScene TemplateSceneVariable TemplateSummary TemplateSummaryV2 TemplateV2 "
        "TemplateVariableInfo TemplateVariableInfoV2"
    ),
    "models.users": (
        "AutoReload CreditPool Subscription SubscriptionCredits UsageBasedBilling User Wallet"
    ),
    "models.video_agents": (
        "CreatedVideoAgentSession StoppedVideoAgentSession VideoAgentMessage "
        "VideoAgentMessageRequest VideoAgentRequest VideoAgentResource VideoAgentRun "
        "VideoAgentSession VideoAgentSessionSummary VideoAgentStyle"
    ),
    "models.video_parts": (
        "AspectRatio AvatarIIIEngine AvatarIVEngine AvatarInput AvatarScene AvatarSceneInput "
        "AvatarVEngine Background Caption ColorSceneBackground ElevenLabsSettings Engine "
        "Expressiveness FishSettings ImageInput ImageScene Playback Resolution SceneBackground "
        "StarfishSettings StudioScene VideoScene VoiceEngineSettings VoiceSettings Watermark "
        "WatermarkPlacement"
    ),
    "models.video_translations": (
        "CreatedVideoTranslations StockVoiceConfig TitleUpdate TranslationLanguages "
        "VideoTranslation VideoTranslationRequest"
    ),
    "models.videos": (
        "AvatarVideoRequest CinematicAvatarVideoRequest CreatedVideo DeletedVideo "
        "ImageVideoRequest StudioVideoRequest Video VideoRequest VideoStatusV1"
    ),
    "models.voices": (
        "CreatedVoiceClone DeletedVoice Speech SpeechRequest Voice VoiceCloneRequest "
        "VoiceDesign VoiceDesignRequest VoiceDetail WordTimestamp"
    ),
    "models.webhooks": (
        "RotatedWebhookSecret WebhookEndpoint WebhookEndpointRequest WebhookEndpointUpdate "
        "WebhookEvent WebhookEventName WebhookEventType"
    ),
    "pipelines": "ChainEstimate Narration estimate_localize estimate_narrate "
    "estimate_personalize localize narrate personalize",
    "pricing.estimates": "Estimate RunEstimate",
    "pricing.prices": "PRICES PriceTable",
    "session.cancellation": "accepted_job_ids",
    "session.answers.codec": "Page",
    "session.diagnostics.hooks": "Hooks JobEvent RequestEvent RetryEvent",
    "session.limits.job_slots": "JobSlots",
    "session.limits.request_limiter": "RequestLimiter",
    "session.settings": "Retry Timeout",
    "session.slots": "SlotLease SlotPool SlotStats",
    "version": "__version__",
    "webhooks": "WebhookReceiver",
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names.split()}

__all__ = [  # noqa: RUF022, in the plain order of their letters
    "APIError",
    "AiClip",
    "AiClippingJob",
    "AiClippingJobSettings",
    "AiClippingRequest",
    "AiClippingSettings",
    "AspectRatio",
    "Asset",
    "AssetBase64",
    "AssetBatchCompleteRequest",
    "AssetCompleteRequest",
    "AssetId",
    "AssetSearchResult",
    "AssetSource",
    "AssetUrl",
    "AudioVariable",
    "AuthenticationError",
    "AutoReload",
    "AvatarConsent",
    "AvatarConsentRequest",
    "AvatarGroup",
    "AvatarGroupUpdate",
    "AvatarIIIEngine",
    "AvatarIVEngine",
    "AvatarInput",
    "AvatarLook",
    "AvatarLookUpdate",
    "AvatarRequest",
    "AvatarScene",
    "AvatarSceneInput",
    "AvatarVEngine",
    "AvatarVideoRequest",
    "Background",
    "BackgroundRemovalJob",
    "BackgroundRemovalRequest",
    "BadRequest",
    "Batch",
    "BatchItem",
    "BatchJob",
    "BatchResult",
    "BatchStatus",
    "BatchStopped",
    "BrandGlossary",
    "BrandGlossaryDetail",
    "BrandGlossaryRequest",
    "BrandGlossaryTerm",
    "BrandGlossaryTermInput",
    "BrandGlossaryUpdate",
    "BrandKit",
    "BrandKitColorRoles",
    "BrandKitColorRolesUpdate",
    "BrandKitDetail",
    "BrandKitFont",
    "BrandKitFontRole",
    "BrandKitFontRoleUpdate",
    "BrandKitFontRoles",
    "BrandKitFontRolesUpdate",
    "BrandKitLogo",
    "BrandKitLogoRoles",
    "BrandKitLogoRolesUpdate",
    "BrandKitRequest",
    "BrandKitUpdate",
    "BudgetExceeded",
    "CallError",
    "Caption",
    "CaptionStyle",
    "ChainEstimate",
    "CharacterVariable",
    "CinematicAvatarVideoRequest",
    "ColorSceneBackground",
    "CompletedAsset",
    "ConfigurationError",
    "Conflict",
    "ConnectionFailed",
    "CorrectionFailed",
    "CreatedAiClipping",
    "CreatedAvatar",
    "CreatedBatch",
    "CreatedBrandKit",
    "CreatedFillerWordRemoval",
    "CreatedHyperframesRender",
    "CreatedLipsync",
    "CreatedProofreads",
    "CreatedVideo",
    "CreatedVideoAgentSession",
    "CreatedVideoTranslations",
    "CreatedVoiceClone",
    "CreditPool",
    "Cue",
    "CueProblem",
    "DeletedBackgroundRemoval",
    "DeletedBrandGlossary",
    "DeletedBrandKit",
    "DeletedHyperframesRender",
    "DeletedId",
    "DeletedVideo",
    "DeletedVoice",
    "DigitalTwinRequest",
    "Dimension",
    "DirectUpload",
    "DirectUploadBatch",
    "DirectUploadBatchRequest",
    "DirectUploadRequest",
    "DuplicateKey",
    "ElevenLabsSettings",
    "Engine",
    "Estimate",
    "Expressiveness",
    "FillerWordRemoval",
    "FillerWordRemovalRequest",
    "FishSettings",
    "Fit",
    "Folder",
    "FolderRequest",
    "ForcedTranslation",
    "ForcedTranslationInput",
    "FrameBackground",
    "GeneratedProofread",
    "HeyGen",
    "HeyGenError",
    "Hooks",
    "HyperframesRender",
    "HyperframesRenderRequest",
    "IdempotencyMismatch",
    "ImageInput",
    "ImageScene",
    "ImageVariable",
    "ImageVideoRequest",
    "InsufficientBalance",
    "InvalidRequest",
    "InvalidResponse",
    "InvalidVariants",
    "Job",
    "JobError",
    "JobEvent",
    "JobFailed",
    "JobNeedsInput",
    "JobSlots",
    "JobTimeout",
    "JournalError",
    "JournalStore",
    "Lipsync",
    "LipsyncBatchRequest",
    "LipsyncRequest",
    "MalformedDelivery",
    "MediaSource",
    "MemoryJournal",
    "Narration",
    "NotFound",
    "Outcome",
    "PRICES",
    "Page",
    "Pages",
    "PayloadTooLarge",
    "PaymentRequired",
    "PermissionDenied",
    "PhotoAvatarRequest",
    "PlayStyle",
    "Playback",
    "PriceTable",
    "Progress",
    "PromptAvatarRequest",
    "Proofread",
    "ProofreadExpired",
    "ProofreadGenerateRequest",
    "ProofreadRender",
    "ProofreadRequest",
    "ProofreadSrt",
    "ProofreadSrtUpdate",
    "QuotaExceeded",
    "RateLimited",
    "RecordedFailure",
    "Report",
    "RequestEvent",
    "RequestLimiter",
    "RequestTimeout",
    "Resolution",
    "ResourceError",
    "Retry",
    "RetryEvent",
    "RotatedWebhookSecret",
    "Run",
    "RunEstimate",
    "Scene",
    "SceneBackground",
    "SceneElement",
    "ScriptEntry",
    "ScriptVoiceSettings",
    "ServerError",
    "SignatureMismatch",
    "SignatureMissing",
    "SlotLease",
    "SlotPool",
    "SlotStats",
    "SlotUnavailable",
    "SlotsUnavailable",
    "Sound",
    "Speech",
    "SpeechRequest",
    "SqliteJournal",
    "StaleDelivery",
    "StarfishSettings",
    "StatusEntry",
    "StockVoiceConfig",
    "StoppedVideoAgentSession",
    "StudioScene",
    "StudioVideoRequest",
    "Subscription",
    "SubscriptionCredits",
    "SubtitlePosition",
    "SubtitleStyle",
    "Template",
    "TemplateAsset",
    "TemplateRenderRequest",
    "TemplateScene",
    "TemplateSceneVariable",
    "TemplateSummary",
    "TemplateSummaryV2",
    "TemplateV2",
    "TemplateVariable",
    "TemplateVariableInfo",
    "TemplateVariableInfoV2",
    "TextVariable",
    "Timeout",
    "TitleUpdate",
    "TransferError",
    "TranslationLanguages",
    "TransportError",
    "Turn",
    "URLExpired",
    "UncertainSubmission",
    "UntranslatedTerm",
    "UntranslatedTermInput",
    "UploadCache",
    "UploadCacheError",
    "UploadOutcome",
    "UploadedAsset",
    "UsageBasedBilling",
    "User",
    "VariantProblem",
    "Video",
    "VideoAgentJob",
    "VideoAgentMessage",
    "VideoAgentMessageRequest",
    "VideoAgentRequest",
    "VideoAgentResource",
    "VideoAgentRun",
    "VideoAgentSession",
    "VideoAgentSessionSummary",
    "VideoAgentStyle",
    "VideoBatchRequest",
    "VideoCaption",
    "VideoContext",
    "VideoRequest",
    "VideoScene",
    "VideoScenes",
    "VideoStatusV1",
    "VideoTranslation",
    "VideoTranslationBatchRequest",
    "VideoTranslationRequest",
    "VideoTrim",
    "VideoVariable",
    "Voice",
    "VoiceCloneRequest",
    "VoiceDesign",
    "VoiceDesignRequest",
    "VoiceDetail",
    "VoiceEngineSettings",
    "VoiceSettings",
    "VoiceVariable",
    "Wallet",
    "Watermark",
    "WatermarkPlacement",
    "WebhookEndpoint",
    "WebhookEndpointRequest",
    "WebhookEndpointUpdate",
    "WebhookError",
    "WebhookEvent",
    "WebhookEventName",
    "WebhookEventType",
    "WebhookReceiver",
    "WordTimestamp",
    "__version__",
    "accepted_job_ids",
    "estimate_localize",
    "estimate_narrate",
    "estimate_personalize",
    "localize",
    "narrate",
    "personalize",
]


if not TYPE_CHECKING:  # type checkers would take it to mean that every name exists

    def __getattr__(name: str) -> object:
        home = _HOME_OF.get(name)
        if home is None:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        import importlib

        value = getattr(importlib.import_module(f"{__name__}.{home}"), name)
        globals()[name] = value
        return value


def __dir__() -> list[str]:
    return sorted({*__all__, *(name for name in globals() if name.startswith("_"))})
