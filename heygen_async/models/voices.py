"""Voices: found, designed, cloned, and made to speak."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from heygen_async.models.sources import AssetSource
from heygen_async.models.structs import (
    Answer,
    AnswerWithDefaults,
    JobRequest,
    Nullable,
    Request,
    Timestamp,
)


class SpeechRequest(JobRequest["Speech"], frozen=True, kw_only=True):
    """A text to be spoken.

    Attributes:
        text: 1 to 5,000 characters. Pauses are ``<break time="1.5s"/>``, in seconds only.
        voice_id: A voice that ``voices.list(engine="starfish")`` lists.
        input_type: ``text`` or ``ssml``.
        speed: 0.5 to 2, 1 is the voice's own.
        language: Language of the text; detected without it.
        locale: Accent, such as ``en-GB``.
    """

    text: Annotated[str, Meta(min_length=1, max_length=5000)]
    voice_id: str
    input_type: Literal["text", "ssml"] = "text"
    speed: Annotated[float, Meta(ge=0.5, le=2.0)] = 1
    language: str | None = None
    locale: str | None = None


class VoiceDesignRequest(Request, frozen=True, kw_only=True):
    """A voice described in words.

    Attributes:
        prompt: The description, 1 to 1,000 characters.
        gender: Gender of the voice.
        locale: Accent, such as ``en-GB``.
        seed: From 0; another one gives other voices.
    """

    prompt: Annotated[str, Meta(min_length=1, max_length=1000)]
    gender: str | None = None
    locale: str | None = None
    seed: Annotated[int, Meta(ge=0)] = 0


class VoiceCloneRequest(JobRequest["VoiceDetail"], frozen=True, kw_only=True):
    """A voice to be cloned from a recording.

    Attributes:
        audio: The recording.
        voice_name: Name of the new voice, 1 to 100 characters.
        language: Language spoken in the recording; detected without it.
        remove_background_noise: Clean the recording first.
    """

    audio: AssetSource
    voice_name: Annotated[str, Meta(min_length=1, max_length=100)]
    language: str | None = None
    remove_background_noise: bool = True


class WordTimestamp(Answer, frozen=True, kw_only=True):
    """When a word is spoken.

    Attributes:
        word: The word, or a sentinel, ``<start>`` or ``<end>``.
        start: Seconds from the beginning.
        end: Seconds from the beginning.
    """

    word: str
    start: float
    end: float


class Speech(AnswerWithDefaults, frozen=True, kw_only=True):
    """A text that was spoken.

    Attributes:
        audio_url: The audio, wav or mp3; signed.
        duration: Seconds.
        word_timestamps: When each word is spoken, with the sentinels ``<start>`` and
            ``<end>``.
        request_id: The API's id of the call.
    """

    audio_url: str
    duration: float
    word_timestamps: Nullable[tuple[WordTimestamp, ...]] = ()
    request_id: str | None = None


class Voice(Answer, frozen=True, kw_only=True):
    """A voice in a list.

    Attributes:
        voice_id: Its id.
        name: Its name.
        language: Its language.
        gender: Its gender.
        type: ``public`` or ``private``.
        support_locale: Whether it takes an accent.
        support_pause: Whether it takes pauses.
        preview_audio_url: A sample.
    """

    voice_id: str
    name: str
    language: str
    gender: str
    type: str
    support_locale: bool
    support_pause: bool
    preview_audio_url: str | None = None


class VoiceDetail(AnswerWithDefaults, frozen=True, kw_only=True):
    """A voice by itself, also one that is being cloned.

    Attributes:
        voice_id: Its id.
        support_pause: Whether it takes pauses.
        support_interactive_avatar: Whether interactive avatars can use it.
        status: Of a clone: ``processing``, then ``complete`` (without a d) or ``failed``.
        failure_message: Why cloning failed; can be missing on a real failure.
        name: Its name.
        language: Its language.
        gender: Its gender.
        preview_audio_url: A sample.
        created_at: Unix seconds.
    """

    voice_id: str
    support_pause: bool
    support_interactive_avatar: Nullable[bool] = False
    status: str | None = None
    failure_message: str | None = None
    name: str | None = None
    language: str | None = None
    gender: str | None = None
    preview_audio_url: str | None = None
    created_at: Timestamp | None = None


class VoiceDesign(Answer, frozen=True, kw_only=True):
    """Voices made from a description.

    Attributes:
        voices: Up to 3 of them.
        seed: The seed they were made with.
    """

    voices: tuple[Voice, ...]
    seed: int | float


class CreatedVoiceClone(Answer, frozen=True, kw_only=True):
    """A clone that was just asked for.

    Attributes:
        voice_clone_id: Its id; also the id of the voice once it is complete.
    """

    voice_clone_id: str


class DeletedVoice(Answer, frozen=True, kw_only=True):
    """A voice that was deleted.

    Attributes:
        voice_id: Its id.
    """

    voice_id: str
