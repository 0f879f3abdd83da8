"""Receive webhooks: verify and parse deliveries, settle jobs, run handlers."""

from heygen_async.jobs.notification import JobNotification
from heygen_async.webhooks.apps.http_rules import WebhookAnswer
from heygen_async.webhooks.delivery_log import (
    DeliveryLog,
    DeliveryState,
    Listener,
    MemoryDeliveryLog,
    NotificationSource,
)
from heygen_async.webhooks.events import (
    AiClippingFail,
    AiClippingSuccess,
    AvatarVideoCaptionFail,
    AvatarVideoCaptionSuccess,
    AvatarVideoFail,
    AvatarVideoGifFail,
    AvatarVideoGifSuccess,
    AvatarVideoSuccess,
    BatchFinished,
    Callback,
    Event,
    FillerWordRemovalFail,
    FillerWordRemovalSuccess,
    HyperframesVideoFail,
    HyperframesVideoSuccess,
    InstantAvatarFail,
    InstantAvatarSuccess,
    LiveAvatarFail,
    LiveAvatarSuccess,
    PersonalizedVideo,
    PhotoAvatarAddMotionFail,
    PhotoAvatarAddMotionSuccess,
    PhotoAvatarGenerationFail,
    PhotoAvatarGenerationSuccess,
    PhotoAvatarTrainFail,
    PhotoAvatarTrainSuccess,
    PodcastFail,
    PodcastSuccess,
    ProofreadCreationFail,
    ProofreadCreationSuccess,
    TranslationFail,
    TranslationSuccess,
    UnknownEvent,
    VideoAgentFail,
    VideoAgentSuccess,
    VideoFail,
    VideoSuccess,
    VideoTranslateFail,
    VideoTranslatePreflightDownloadFailed,
    VideoTranslatePreflightValidationFailed,
    VideoTranslateSuccess,
)
from heygen_async.webhooks.listening import listening
from heygen_async.webhooks.parsing import parse
from heygen_async.webhooks.processor import WebhookCounts
from heygen_async.webhooks.receiver import WebhookReceiver
from heygen_async.webhooks.seen_events import Bus, MemoryBus, MemorySeen, SeenEvents
from heygen_async.webhooks.signature import VerifiedBody, verify

EventJob = JobNotification
"""``JobNotification``, as 0.1.0 named it."""
JobNews = JobNotification
"""``JobNotification``, as 0.1.0 named it."""

__all__ = [
    "AiClippingFail",
    "AiClippingSuccess",
    "AvatarVideoCaptionFail",
    "AvatarVideoCaptionSuccess",
    "AvatarVideoFail",
    "AvatarVideoGifFail",
    "AvatarVideoGifSuccess",
    "AvatarVideoSuccess",
    "BatchFinished",
    "Bus",
    "Callback",
    "DeliveryLog",
    "DeliveryState",
    "Event",
    "EventJob",
    "FillerWordRemovalFail",
    "FillerWordRemovalSuccess",
    "HyperframesVideoFail",
    "HyperframesVideoSuccess",
    "InstantAvatarFail",
    "InstantAvatarSuccess",
    "JobNews",
    "JobNotification",
    "Listener",
    "LiveAvatarFail",
    "LiveAvatarSuccess",
    "MemoryBus",
    "MemoryDeliveryLog",
    "MemorySeen",
    "NotificationSource",
    "PersonalizedVideo",
    "PhotoAvatarAddMotionFail",
    "PhotoAvatarAddMotionSuccess",
    "PhotoAvatarGenerationFail",
    "PhotoAvatarGenerationSuccess",
    "PhotoAvatarTrainFail",
    "PhotoAvatarTrainSuccess",
    "PodcastFail",
    "PodcastSuccess",
    "ProofreadCreationFail",
    "ProofreadCreationSuccess",
    "SeenEvents",
    "TranslationFail",
    "TranslationSuccess",
    "UnknownEvent",
    "VerifiedBody",
    "VideoAgentFail",
    "VideoAgentSuccess",
    "VideoFail",
    "VideoSuccess",
    "VideoTranslateFail",
    "VideoTranslatePreflightDownloadFailed",
    "VideoTranslatePreflightValidationFailed",
    "VideoTranslateSuccess",
    "WebhookAnswer",
    "WebhookCounts",
    "WebhookReceiver",
    "listening",
    "parse",
    "verify",
]


def __dir__() -> list[str]:
    """Return the public names, without the modules that define them."""
    return sorted({*__all__, *(name for name in globals() if name.startswith("_"))})
