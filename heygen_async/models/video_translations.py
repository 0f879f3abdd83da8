"""Video translations: videos dubbed into other languages."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

from msgspec import Meta

from heygen_async.models.sources import MediaSource
from heygen_async.models.structs import (
    Answer,
    HttpUrl,
    JobRequest,
    Part,
    Request,
    Timestamp,
    given,
    refuse,
    refuse_impossible_times,
)


class StockVoiceConfig(Part, frozen=True, kw_only=True):
    """The use of stock voices instead of clones of the original speakers.

    Attributes:
        use_stock_voice: Whether to use stock voices.
        preferred_stock_voice_ids: Ids of preferred stock voices.
    """

    use_stock_voice: bool = False
    preferred_stock_voice_ids: Sequence[str] = ()


class VideoTranslationRequest(JobRequest["VideoTranslation"], frozen=True, kw_only=True):
    """A video to dub into one or more languages, with one job per language.

    Attributes:
        video: The video.
        output_languages: Names from ``video_translations.languages``, such as ``Spanish (Spain)``;
            at least one.
        input_language: Language spoken in the video. By default it is detected.
        mode: ``speed``, or ``precision`` for better lip movements at twice the price.
        speaker_num: Number of speakers. By default it is detected.
        translate_audio_only: Translate the audio only, without changing the lips.
        audio: Speech to use instead of the video's own.
        fps_mode: Timing of frames; allowed only with ``audio``.
        srt: Subtitles to use.
        srt_role: Whether ``srt`` belongs to the ``input`` or the ``output``; needs ``srt``.
        start_time: Start of the part to translate, in seconds; before ``end_time``.
        end_time: End of the part to translate, in seconds.
        enable_dynamic_duration: Whether the video may be stretched to fit the speech.
        disable_music_track: Whether to drop the background music.
        enable_speech_enhancement: Whether to clean the speech.
        enable_watermark: Whether to show HeyGen's watermark.
        keep_the_same_format: Whether to keep resolution and format of the source.
        stock_voice_config: Stock voices instead of cloned voices.
        brand_glossary_id: Glossary of terms.
        brand_voice_id: Deprecated by the API.
        enable_caption: Deprecated by the API: captions are always made.
        title: Name in the account.
        folder_id: Id of the folder for it.
        callback_url: Called without a signature when the job of a language has ended.
        callback_id: Sent back with the callback. Default: an unguessable id.
    """

    video: MediaSource
    output_languages: Annotated[Sequence[str], Meta(min_length=1)]
    input_language: str | None = None
    mode: Literal["speed", "precision"] = "speed"
    speaker_num: int | None = None
    translate_audio_only: bool = False
    audio: MediaSource | None = None
    fps_mode: Literal["vfr", "cfr", "passthrough"] | None = None
    srt: MediaSource | None = None
    srt_role: Literal["input", "output"] | None = None
    start_time: float | None = None
    end_time: float | None = None
    enable_dynamic_duration: bool = True
    disable_music_track: bool = False
    enable_speech_enhancement: bool = False
    enable_watermark: bool = False
    keep_the_same_format: bool | None = None
    stock_voice_config: StockVoiceConfig | None = None
    brand_glossary_id: str | None = None
    brand_voice_id: str | None = None
    enable_caption: bool = False
    title: str | None = None
    folder_id: str | None = None
    callback_url: HttpUrl | None = None
    callback_id: str | None = None

    def _check_rules(self) -> None:
        if self.fps_mode is not None and not given(self, "audio"):
            refuse("fps_mode", "allowed only with audio; leave it out or set audio")
        if self.srt_role is not None and not given(self, "srt"):
            refuse("srt_role", "allowed only with srt; leave it out or set srt")
        refuse_impossible_times(self.start_time, self.end_time)


class CreatedVideoTranslations(Answer, frozen=True, kw_only=True):
    """Translations that were just requested.

    Attributes:
        video_translation_ids: One id per language, ``<stem>-<code>``, all with one stem.
    """

    video_translation_ids: tuple[str, ...]


class VideoTranslation(Answer, frozen=True, kw_only=True):
    """The translation of a video into one language. Media URLs are signed and expire.

    Attributes:
        id: Its id.
        status: ``pending``, ``running``, then ``completed`` or ``failed``.
        video_url: The dubbed video.
        audio_url: The dubbed speech.
        srt_caption_url: Captions as SRT.
        vtt_caption_url: Captions as WebVTT.
        input_language: Language of the source.
        output_language: Language of the result.
        translate_audio_only: Whether only the audio was translated, without the lips.
        duration: Seconds.
        failure_message: Reason of the failure. The API may leave it out.
        title: Name in the account.
        callback_id: The ``callback_id`` of the request.
        created_at: Unix seconds.
    """

    id: str
    status: str
    video_url: str | None = None
    audio_url: str | None = None
    srt_caption_url: str | None = None
    vtt_caption_url: str | None = None
    input_language: str | None = None
    output_language: str | None = None
    translate_audio_only: bool | None = None
    duration: float | None = None
    failure_message: str | None = None
    title: str | None = None
    callback_id: str | None = None
    created_at: Timestamp | None = None


class TranslationLanguages(Answer, frozen=True, kw_only=True):
    """The languages into which videos can be translated.

    Attributes:
        languages: Their names, as used in ``output_languages``.
    """

    languages: tuple[str, ...]


class TitleUpdate(Request, frozen=True, kw_only=True):
    """A new title.

    Attributes:
        title: The title.
    """

    title: str
