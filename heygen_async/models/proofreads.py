"""Proofreads: the subtitles of a translation, to be corrected before it is rendered."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

from msgspec import Meta

from heygen_async.models.sources import MediaSource
from heygen_async.models.structs import Answer, HttpUrl, JobRequest, Request, Timestamp
from heygen_async.models.video_translations import VideoTranslation


class ProofreadRequest(JobRequest["Proofread"], frozen=True, kw_only=True):
    """One video whose translations are to be proofread; one session per language.

    Attributes:
        video: The video.
        output_languages: Names as ``video_translations.languages`` lists them; at least one.
        title: Name in the account.
        mode: ``speed``, or ``precision`` for better lip movements at twice the price.
        speaker_num: How many people speak; detected without it.
        srt: Subtitles to go by.
        enable_video_stretching: Let the video stretch to fit the speech.
        disable_music_track: Drop the background music.
        enable_speech_enhancement: Clean the speech.
        keep_the_same_format: Keep resolution and format of the source.
        brand_glossary_id: Glossary of terms.
        brand_voice_id: Deprecated by the API.
        folder_id: Folder to put it in.
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
    """How a proofread is rendered; the one step of a proofread that is charged.

    Attributes:
        captions: Make captions; deprecated by the API.
        translate_audio_only: Leave the lips alone.
        callback_url: Called, unsigned, when the translation has ended.
        callback_id: Comes back with the callback; by default one that nobody can guess.
    """

    captions: bool = False
    translate_audio_only: bool = False
    callback_url: HttpUrl | None = None
    callback_id: str | None = None


class CreatedProofreads(Answer, frozen=True, kw_only=True):
    """Proofreads that were just asked for.

    Attributes:
        proofread_ids: One id per language.
        status: ``processing``, ``completed`` or ``failed``.
    """

    proofread_ids: tuple[str, ...]
    status: str


class Proofread(Answer, frozen=True, kw_only=True):
    """A proofread; its session lives for about 24 h.

    Attributes:
        id: Its id.
        status: ``processing``, then ``completed`` (ready to be corrected) or ``failed``.
        input_language: Language of the source.
        output_language: Language of the result.
        submitted_for_review: Whether it was handed to a reviewer.
        failure_message: Why it failed; can be missing on a real failure.
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
    """Where the subtitles of a proofread are; the URLs are signed and expire.

    Attributes:
        srt_url: The translated subtitles.
        original_srt_url: The subtitles of the source.
    """

    srt_url: str
    original_srt_url: str | None = None


class GeneratedProofread(Answer, frozen=True, kw_only=True):
    """The translation that a proofread is rendered into.

    Attributes:
        video_translation_id: Id of the translation.
        status: ``processing``, ``completed`` or ``failed``.
    """

    video_translation_id: str
    status: str


class ProofreadRender(
    ProofreadGenerateRequest, JobRequest[VideoTranslation], frozen=True, kw_only=True
):
    """A proofread to be rendered, as an item of ``batch.run``; its job is a ``VideoTranslation``.

    It says in one what ``heygen.proofreads.generate`` takes in two arguments; the other fields
    are those of ``ProofreadGenerateRequest``.

    Attributes:
        proofread_id: The session, which has to be ready.
        language: Into which it translates; helps to find the job again, and is not sent.
        mode: The mode of its ``ProofreadRequest``, which the price depends on; it is not sent.
        video: The video of its ``ProofreadRequest``, whose length the price depends on; it is not
            sent.
        captions: Make captions; deprecated by the API.
        translate_audio_only: Leave the lips alone.
        callback_url: Called, unsigned, when the translation has ended.
        callback_id: Comes back with the callback; by default one that nobody can guess.
    """

    proofread_id: str
    language: str | None = None
    mode: Literal["speed", "precision"] = "speed"
    video: MediaSource | None = None

    def generate(self) -> ProofreadGenerateRequest:
        """What is sent."""
        return ProofreadGenerateRequest(
            captions=self.captions,
            translate_audio_only=self.translate_audio_only,
            callback_url=self.callback_url,
            callback_id=self.callback_id,
            extra=self.extra,
        )
