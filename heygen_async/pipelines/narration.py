"""Audio first: a text is spoken, an avatar speaks that audio, the words become captions."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterable, Callable, Iterable, Sequence, Sized
from contextlib import aclosing
from typing import Any

import msgspec

from heygen_async.batch import Batch, Outcome
from heygen_async.batch.submissions import ItemKey, text_keys
from heygen_async.captions import Cue, captions
from heygen_async.errors import InvalidRequest
from heygen_async.journal.keys import ItemKeys, StableKeys
from heygen_async.models.structs import encode
from heygen_async.models.videos import AvatarVideoRequest, Video
from heygen_async.models.voices import Speech, SpeechRequest
from heygen_async.pipelines.audio import UPLOADS_AT_ONCE, uploaded
from heygen_async.pipelines.estimates import (
    ChainEstimate,
    OutputLength,
    exactly,
    finished_lengths,
    summed,
    with_lengths,
)
from heygen_async.pipelines.stages import (
    Counted,
    Passage,
    StageProgress,
    Step,
    count_earlier,
    stage_of,
    submitted,
    summed_up,
)
from heygen_async.pricing.speech_length import TOLERANCE, speech_seconds


class Narration(msgspec.Struct, frozen=True, kw_only=True):
    """A text that was spoken, and an avatar that speaks it.

    Attributes:
        video: The video; its sound is that of ``speech``.
        speech: The audio, with the time of each word.
        cues: Captions made of these; ``heygen_async.captions.write_srt`` makes a file of them.
    """

    video: Video
    speech: Speech
    cues: list[Cue]


class _Sent(msgspec.Struct, frozen=True):
    """What is looked at of a video that was submitted before."""

    audio_asset_id: str


async def narrate(
    batch: Batch,
    texts: Iterable[Any] | AsyncIterable[Any],
    *,
    avatar_id: str,
    voice_id: str | None = None,
    request: Callable[[Any], str | SpeechRequest] | None = None,
    key: Callable[[Any], ItemKey] | None = None,
    progress: StageProgress | None = None,
    **fields: Any,
) -> AsyncGenerator[Outcome[Narration]]:
    """Have texts spoken, and lip-sync an avatar to each speech.

    The audio is uploaded in between, since an asset stays while the URL of a speech expires.
    Stages, and with a journal their files (of ``launch.db``): ``speech`` and ``videos``, as
    ``launch.speech.db`` and ``launch.videos.db``. A speech that an interrupted run did not upload
    before its URL expired fails with ``URLExpired``, and needs another journal.

    Args:
        batch: Client, budget, journal and settings of all stages.
        texts: Texts of up to 5,000 characters, or whole requests, which ``voice_id`` leaves
            alone; any sync or async iterable, pulled only as fast as slots free up.
        avatar_id: The look that speaks.
        voice_id: The voice of the plain texts; one that ``voices.list(engine="starfish")`` lists.
        request: Makes the text or the request of an item, where items are none themselves.
        key: Gives each text's key. Default: its position; with a journal, a digest of its content.
        progress: See ``StageProgress``.
        **fields: Further fields of the ``AvatarVideoRequest``s, such as ``aspect_ratio``.

    Yields:
        An outcome for each text; its cost is that of speech and video.

    Raises:
        InvalidRequest: A text of a collection cannot be spoken; nothing was submitted.
        BudgetExceeded: The budget has no room for a stage.
    """
    avatar = _avatar(avatar_id, fields)
    await count_earlier(batch, "speech", "videos")
    first = stage_of(batch, "speech", progress)
    journal = batch.stage("videos").store
    sent = await submitted(journal, _Sent)

    async def with_audio(outcome: Outcome[Speech]) -> AvatarVideoRequest:
        before = sent.get(outcome.key)
        asset_id = before.audio_asset_id if before else await uploaded(batch.heygen, outcome)
        return msgspec.structs.replace(avatar, audio_asset_id=asset_id)

    speeches = first.speech(texts, voice_id=voice_id, request=request, key=key, journal=first.store)
    passage = Passage(speeches, with_audio, at_once=UPLOADS_AT_ONCE, ordered=batch.ordered)
    async with aclosing(passage.steps()) as steps:
        items = Counted(steps, len(texts)) if isinstance(texts, Sized) else steps
        run = batch.run(
            items, request=Step.unwrap, seconds=_seconds_of, key=Step.key, journal=journal
        )
        async with aclosing(aiter(run)) as outcomes:
            async for outcome in outcomes:
                speeches.taken(outcome.item.before)
                yield _narrated(outcome)


async def estimate_narrate(
    batch: Batch,
    texts: Sequence[str | SpeechRequest],
    *,
    avatar_id: str,
    voice_id: str | None = None,
    key: Callable[[Any], ItemKey] | None = None,
    **fields: Any,
) -> ChainEstimate:
    """Estimate what ``narrate`` would cost with these arguments; no paid call.

    Args:
        batch: Client, journal and settings of all stages.
        texts: As for ``narrate``, in a sequence.
        avatar_id: As for ``narrate``.
        voice_id: As for ``narrate``.
        key: As for ``narrate``.
        **fields: As for ``narrate``.

    Returns:
        The estimate; with a journal, ``left`` is what is left to do.

    Raises:
        InvalidRequest: A text cannot be spoken.
    """
    avatar = _avatar(avatar_id, fields)
    first, last = batch.stage("speech"), batch.stage("videos")
    speeches = first.speech(texts, voice_id=voice_id, key=key, journal=first.store)
    spoken = await speeches.estimate()
    keys = _keys(batch, texts, voice_id, key)
    sent, made = await submitted(last.store, _Sent), await finished_lengths(first.store)
    lengths: dict[str, OutputLength] = {}
    videos: dict[str, AvatarVideoRequest] = {}
    for name, text in zip(keys, texts, strict=True):
        if name in made:
            lengths[name] = exactly(made[name])
        else:
            said = (text, 1.0) if isinstance(text, str) else (text.text, text.speed)
            seconds = speech_seconds(*said)
            share = seconds * TOLERANCE
            lengths[name] = OutputLength(seconds, seconds - share, seconds + share, known=True)
        asset_id = sent[name].audio_asset_id if name in sent else avatar.audio_asset_id
        videos[name] = msgspec.structs.replace(avatar, audio_asset_id=asset_id)
    shown = await with_lengths(
        lambda seconds: last.run(
            list(videos),
            request=lambda name: videos[name],
            seconds=seconds,
            key=lambda name: name,
            journal=last.store,
        ),
        lengths,
        str,
    )
    return summed({"speech": spoken, "videos": shown})


def _keys(
    batch: Batch,
    texts: Sequence[str | SpeechRequest],
    voice_id: str | None,
    key: Callable[[Any], ItemKey] | None,
) -> list[str]:
    """Return the keys that a run gives the speeches."""
    if key is not None:
        return [*map(text_keys(key), texts)]
    if batch.store is None:
        return [str(position) for position in range(len(texts))]
    keys: ItemKeys = StableKeys("speech")
    found = []
    for position, text in enumerate(texts):
        request = (
            SpeechRequest(text=text, voice_id=voice_id or "") if isinstance(text, str) else text
        )
        identity = keys.identify("voices.speech", (), encode(request), None, position)
        keys.skip(identity)
        found.append(identity.key)
    return found


def _avatar(avatar_id: str, fields: dict[str, Any]) -> AvatarVideoRequest:
    """Return the request for a video, without its audio."""
    try:
        return AvatarVideoRequest(avatar_id=avatar_id, audio_asset_id="spoken", **fields)
    except TypeError as error:  # a field that there is not
        raise InvalidRequest(str(error)) from None


def _seconds_of(step: Step[AvatarVideoRequest]) -> float | None:
    speech: Speech | None = step.before.result
    return None if speech is None else speech.duration


def _narrated(outcome: Outcome[Video]) -> Outcome[Narration]:
    speech: Speech | None = outcome.item.before.result
    result = None
    if outcome.result is not None and speech is not None:
        cues = captions(speech.word_timestamps)
        result = Narration(video=outcome.result, speech=speech, cues=cues)
    return msgspec.structs.replace(summed_up(outcome), result=result)
