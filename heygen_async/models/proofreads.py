"""Proofreads: translations whose subtitles are corrected before rendering."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

from msgspec import Meta

from heygen_async.models.sources import MediaSource
from heygen_async.models.structs import Answer, HttpUrl, JobRequest, Request, Timestamp
from heygen_async.models.video_translations import VideoTranslation


class ProofreadRequest(JobRequest["Proofread"], frozen=True, kw_only=True):
    """A video whose translations will be proofread, with one session per language.

    Attributes:
        video: The video.
        output_languages: Names from ``video_translations.languages``; at least one.
        title: Name in the account.
        mode: ``speed``, or ``precision`` for better lip movements at twice the price.
        speaker_num: Number of speakers. By default it is detected.
        srt: Subtitles to use.
        enable_video_stretching: Whether the video may be stretched to fit the speech.
        disable_music_track: Whether to drop the background music.
        enable_speech_enhancement: Whether to clean the speech.
        keep_the_same_format: Whether to keep resolution and format of the source.
        brand_glossary_id: Glossary of terms.
        brand_voice_id: Deprecated by the API.
        folder_id: Id of the folder for it.
    """

    video: MediaSource
    output_languages: Annotated[Sequence[str], Meta(min_length=1)]
    title: str
    mode: Literal["speed", "precision"] = "speed"
    speaker_num: int | None = None
    srt: MediaSource | None = None
    enable_video_stretching: bool = False
    disable_music_track: bool = False
    enable_speech_enhancement: bool = False
    keep_the_same_format: bool = False
    brand_glossary_id: str | None = None
    brand_voice_id: str | None = None
    folder_id: str | None = None


class ProofreadSrtUpdate(Request, frozen=True, kw_only=True):
    """The corrected subtitles of a proofread.

    Attributes:
        srt: The SRT file.
    """

    srt: MediaSource


class ProofreadGenerateRequest(Request, frozen=True, kw_only=True):
    """The options for rendering a proofread. Only this step is charged.

    Attributes:
        captions: Whether to make captions; deprecated by the API.
        translate_audio_only: Translate the audio only, without changing the lips.
        callback_url: Called without a signature when the translation has ended.
        callback_id: Sent back with the callback. Default: an unguessable id.
    """

    captions: bool = False
    translate_audio_only: bool = False
    callback_url: HttpUrl | None = None
    callback_id: str | None = None


class CreatedProofreads(Answer, frozen=True, kw_only=True):
    """Proofreads that were just requested.

    Attributes:
        proofread_ids: One id per language.
        status: ``processing``, ``completed`` or ``failed``.
    """

    proofread_ids: tuple[str, ...]
    status: str


class Proofread(Answer, frozen=True, kw_only=True):
    """A proofread; its session expires after about 24 h.

    Attributes:
        id: Its id.
        status: ``processing``, then ``completed`` (ready for correction) or ``failed``.
        input_language: Language of the source.
        output_language: Language of the result.
        submitted_for_review: Whether it was submitted to a reviewer.
        failure_message: Reason of the failure. The API may leave it out.
        title: Name in the account.
        created_at: Unix seconds.
    """

    id: str
    status: str
    input_language: str | None = None
    output_language: str | None = None
    submitted_for_review: bool | None = None
    failure_message: str | None = None
    title: str | None = None
    created_at: Timestamp | None = None


class ProofreadSrt(Answer, frozen=True, kw_only=True):
    """The URLs of the subtitles of a proofread, which are signed and expire.

    Attributes:
        srt_url: URL of the translated subtitles.
        original_srt_url: URL of the subtitles of the source.
    """

    srt_url: str
    original_srt_url: str | None = None


class GeneratedProofread(Answer, frozen=True, kw_only=True):
    """The translation that renders a proofread.

    Attributes:
        video_translation_id: Id of the translation.
        status: ``processing``, ``completed`` or ``failed``.
    """

    video_translation_id: str
    status: str


class ProofreadRender(
    ProofreadGenerateRequest, JobRequest[VideoTranslation], frozen=True, kw_only=True
):
    """A proofread to render as an item of ``batch.run``; its job is a ``VideoTranslation``.

    It combines the two arguments of ``heygen.proofreads.generate``; the other fields are those of
    ``ProofreadGenerateRequest``.

    Attributes:
        proofread_id: Id of the session, which must be completed.
        language: Its target language, used to find the job again; not sent.
        mode: The mode of its ``ProofreadRequest``, on which the price depends; not sent.
        video: The video of its ``ProofreadRequest``, on whose length the price depends; not
            sent.
        captions: Whether to make captions; deprecated by the API.
        translate_audio_only: Translate the audio only, without changing the lips.
        callback_url: Called without a signature when the translation has ended.
        callback_id: Sent back with the callback. Default: an unguessable id.
    """

    proofread_id: str
    language: str | None = None
    mode: Literal["speed", "precision"] = "speed"
    video: MediaSource | None = None

    def generate(self) -> ProofreadGenerateRequest:
        """Return the request that is sent."""
        return ProofreadGenerateRequest(
            captions=self.captions,
            translate_audio_only=self.translate_audio_only,
            callback_url=self.callback_url,
            callback_id=self.callback_id,
            extra=self.extra,
        )
