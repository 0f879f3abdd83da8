"""Video translations: one video dubbed into other languages."""

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
    """Whether stock voices speak instead of clones of the original speakers.

    Attributes:
        use_stock_voice: Use stock voices.
        preferred_stock_voice_ids: Which ones to prefer.
    """

    use_stock_voice: bool = False
    preferred_stock_voice_ids: Sequence[str] = ()


class VideoTranslationRequest(JobRequest["VideoTranslation"], frozen=True, kw_only=True):
    """One video to be dubbed into one or more languages; one job per language.

    Attributes:
        video: The video.
        output_languages: Names as ``video_translations.languages`` lists them, such as
            ``Spanish (Spain)``; at least one.
        input_language: Language spoken in the video; detected without one.
        mode: ``speed``, or ``precision`` for better lip movements at twice the price.
        speaker_num: How many people speak; detected without it.
        translate_audio_only: Leave the lips alone.
        audio: Speech to use in place of the video's own.
        fps_mode: How frames are timed; counts only with ``audio``, refused without it.
        srt: Subtitles to go by.
        srt_role: Whether ``srt`` is of the ``input`` or of the ``output``; needs ``srt``.
        start_time: Translate from here, in seconds; before ``end_time``.
        end_time: Translate up to here, in seconds.
        enable_dynamic_duration: Let the video stretch to fit the speech.
        disable_music_track: Drop the background music.
        enable_speech_enhancement: Clean the speech.
        enable_watermark: Show HeyGen's watermark.
        keep_the_same_format: Keep resolution and format of the source.
        stock_voice_config: Stock voices in place of cloned ones.
        brand_glossary_id: Glossary of terms.
        brand_voice_id: Deprecated by the API.
        enable_caption: Deprecated by the API: captions are always made.
        title: Name in the account.
        folder_id: Folder to put it in.
        callback_url: Called, unsigned, when a language has ended.
        callback_id: Comes back with the callback; by default one that nobody can guess.
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
            refuse("fps_mode", "counts only with audio, and there is none")
        if self.srt_role is not None and not given(self, "srt"):
            refuse("srt_role", "says whose subtitles srt are, and there is no srt")
        refuse_impossible_times(self.start_time, self.end_time)


class CreatedVideoTranslations(Answer, frozen=True, kw_only=True):
    """Translations that were just asked for.

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
        translate_audio_only: Whether the lips were left alone.
        duration: Seconds.
        failure_message: Why it failed; can be missing on a real failure.
        title: Name in the account.
        callback_id: From the request.
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
    """The languages that videos can be translated into.

    Attributes:
        languages: Their names, as ``output_languages`` takes them.
    """

    languages: tuple[str, ...]


class TitleUpdate(Request, frozen=True, kw_only=True):
    """A new name for something in the account.

    Attributes:
        title: The name.
    """

    title: str
