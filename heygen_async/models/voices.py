"""Voices: search, design, clones and speech."""

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
    """A text to speak.

    Attributes:
        text: The text, 1 to 5,000 characters. Pauses are ``<break time="1.5s"/>``, in seconds only.
        voice_id: Id of a voice from ``voices.list(engine="starfish")``.
        input_type: ``text`` or ``ssml``.
        speed: Speed, 0.5 to 2; 1 is the voice's own.
        language: Language of the text. By default it is detected.
        locale: Accent, such as ``en-GB``.
    """

    text: Annotated[str, Meta(min_length=1, max_length=5000)]
    voice_id: str
    input_type: Literal["text", "ssml"] = "text"
    speed: Annotated[float, Meta(ge=0.5, le=2.0)] = 1
    language: str | None = None
    locale: str | None = None


class VoiceDesignRequest(Request, frozen=True, kw_only=True):
    """A description of a voice.

    Attributes:
        prompt: The description, 1 to 1,000 characters.
        gender: Gender of the voice.
        locale: Accent, such as ``en-GB``.
        seed: A number from 0; another seed returns other voices.
    """

    prompt: Annotated[str, Meta(min_length=1, max_length=1000)]
    gender: str | None = None
    locale: str | None = None
    seed: Annotated[int, Meta(ge=0)] = 0


class VoiceCloneRequest(JobRequest["VoiceDetail"], frozen=True, kw_only=True):
    """A voice to clone from a recording.

    Attributes:
        audio: The recording.
        voice_name: Name of the new voice, 1 to 100 characters.
        language: Language spoken in the recording. By default it is detected.
        remove_background_noise: Whether to remove noise from the recording first.
    """

    audio: AssetSource
    voice_name: Annotated[str, Meta(min_length=1, max_length=100)]
    language: str | None = None
    remove_background_noise: bool = True


class WordTimestamp(Answer, frozen=True, kw_only=True):
    """The time of a spoken word.

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
        audio_url: URL of the audio, wav or mp3; signed.
        duration: Seconds.
        word_timestamps: The time of each word, with the sentinels ``<start>`` and ``<end>``.
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
        support_locale: Whether it supports an accent.
        support_pause: Whether it supports pauses.
        preview_audio_url: URL of a sample.
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
    """The detail of a voice, also while it is being cloned.

    Attributes:
        voice_id: Its id.
        support_pause: Whether it supports pauses.
        support_interactive_avatar: Whether interactive avatars can use it.
        status: Status of a clone: ``processing``, then ``complete`` (without a d) or ``failed``.
        failure_message: Reason of the failure. The API may leave it out.
        name: Its name.
        language: Its language.
        gender: Its gender.
        preview_audio_url: URL of a sample.
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
        voices: Up to 3 voices.
        seed: The seed that was used.
    """

    voices: tuple[Voice, ...]
    seed: int | float


class CreatedVoiceClone(Answer, frozen=True, kw_only=True):
    """A clone that was just requested.

    Attributes:
        voice_clone_id: Its id, which is also the id of the completed voice.
    """

    voice_clone_id: str


class DeletedVoice(Answer, frozen=True, kw_only=True):
    """A voice that was deleted.

    Attributes:
        voice_id: Its id.
    """

    voice_id: str
