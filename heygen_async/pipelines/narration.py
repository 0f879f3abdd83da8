"""Audio first: turn texts into speech, avatar videos that speak it, and captions."""

from __future__ import annotations

from collections.abc import (
    AsyncGenerator,
    AsyncIterable,
    Callable,
    Collection,
    Iterable,
    Iterator,
    Sized,
)
from contextlib import aclosing
from operator import attrgetter
from typing import Any, NamedTuple

import msgspec

from heygen_async.batch import Batch, Outcome, Run
from heygen_async.batch.admission.sampling import candidates_of, limited
from heygen_async.batch.outcome import Ended
from heygen_async.batch.submissions import ItemKey, text_keys
from heygen_async.captions import Cue, captions
from heygen_async.client import HeyGen
from heygen_async.errors import BadRequest, InvalidRequest, NotFound
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
from heygen_async.pipelines.sampling import ChainSample, chosen
from heygen_async.pipelines.stages import (
    Counted,
    Remade,
    StageLink,
    StageProgress,
    Step,
    count_earlier,
    final_outcome,
    retake_parts,
    retaken,
    stage_of,
    submitted,
)
from heygen_async.pricing.charges import length_told
from heygen_async.pricing.speech_length import TOLERANCE, speech_seconds
from heygen_async.session.tasks import in_thread


class Narration(msgspec.Struct, frozen=True, kw_only=True):
    """A text as speech, and a video of an avatar that speaks it.

    Attributes:
        video: The video; its sound is that of ``speech``.
        speech: The audio, with the time of each word.
        cues: Captions from these times; ``heygen_async.captions.write_srt`` writes them as a file.
    """

    video: Video
    speech: Speech
    cues: list[Cue]


class _Sent(msgspec.Struct, frozen=True):
    """The fields used of an earlier video."""

    audio_asset_id: str


class _Expected(NamedTuple):
    """A video that an estimate expects."""

    key: str
    request: AvatarVideoRequest
    length: OutputLength


async def narrate(
    batch: Batch,
    texts: Iterable[Any] | AsyncIterable[Any],
    *,
    avatar_id: str,
    voice_id: str | None = None,
    request: Callable[[Any], str | SpeechRequest] | None = None,
    key: Callable[[Any], ItemKey] | None = None,
    sample: ChainSample | None = None,
    progress: StageProgress | None = None,
    **fields: Any,
) -> AsyncGenerator[Ended[Narration]]:
    """Turn texts into speech, and lip-sync an avatar to each speech.

    The audio is uploaded in between, because an asset stays while the URL of a speech expires.
    Stages, and with a journal their files (of ``launch.db``): ``speech`` and ``videos``, as
    ``launch.speech.db`` and ``launch.videos.db``. A speech that an interrupted run did not upload
    before its URL expired fails with ``URLExpired``, and needs another journal.

    Args:
        batch: Client, budget, journal and settings of all stages.
        texts: A sync or async iterable of texts of up to 5,000 characters, or of whole requests, to
            which ``voice_id`` does not apply. It is read only as fast as slots become free.
        avatar_id: The look that speaks.
        voice_id: The voice of plain texts, from ``voices.list(engine="starfish")``.
        request: Returns the text or the request of an item, if items are neither.
        key: Returns each text's key. Default: its position; with a journal, a digest of its
            content.
        sample: Limits the chain to some of the texts, which must then be a collection.
        progress: See ``StageProgress``.
        **fields: Further fields of the ``AvatarVideoRequest``s, such as ``aspect_ratio``.

    Yields:
        An outcome for each text; its cost is that of speech and video.

    Raises:
        InvalidRequest: A text of a collection is invalid, or the account does not have the look;
            nothing was submitted.
        BudgetExceeded: The budget has no room for a stage.
    """
    avatar = _avatar(avatar_id, fields)
    await _check_look(batch.heygen, avatar_id)
    await count_earlier(batch, "speech", "videos")
    first = stage_of(batch, "speech", progress)
    last = batch.stage("videos")
    journal = last.store
    sent = await submitted(journal, _Sent)
    await retake_parts(first.store, await in_thread(retaken, journal))

    async def with_audio(outcome: Outcome[Speech]) -> AvatarVideoRequest:
        before = sent.get(outcome.key)
        asset_id = before.audio_asset_id if before else await uploaded(batch.heygen, outcome)
        return msgspec.structs.replace(avatar, audio_asset_id=asset_id)

    speeches = first.speech(texts, voice_id=voice_id, request=request, key=key, journal=first.store)
    speeches, total = await _sampled(speeches, sample, last)
    passage = StageLink(speeches, with_audio, at_once=UPLOADS_AT_ONCE, ordered=batch.ordered)
    async with aclosing(passage.steps()) as steps:
        items = steps if total is None else Counted(steps, total)
        run = batch.run(
            items, request=Step.unwrap, seconds=_seconds_of, key=Step.key, journal=journal
        )
        run = run if sample is None else sample.noted(run)

        def narrated(outcome: Ended[Video]) -> Ended[Narration]:
            speeches.taken(outcome.item.before)
            return _narrated(outcome)

        async with aclosing(batch.outcomes(run, narrated)) as outcomes:
            async for outcome in outcomes:
                yield outcome


async def estimate_narrate(
    batch: Batch,
    texts: Collection[Any],
    *,
    avatar_id: str,
    voice_id: str | None = None,
    request: Callable[[Any], str | SpeechRequest] | None = None,
    key: Callable[[Any], ItemKey] | None = None,
    sample: ChainSample | None = None,
    **fields: Any,
) -> ChainEstimate:
    """Estimate the cost of ``narrate`` with these arguments, without a paid call.

    Args:
        batch: Client, journal and settings of all stages.
        texts: As for ``narrate``, as a collection, which is iterated over several times.
        avatar_id: As for ``narrate``.
        voice_id: As for ``narrate``.
        request: As for ``narrate``.
        key: As for ``narrate``.
        sample: As for ``narrate``.
        **fields: As for ``narrate``.

    Returns:
        The estimate; with a journal, ``left`` is what is left to do.

    Raises:
        InvalidRequest: A text is invalid.
    """
    avatar = _avatar(avatar_id, fields)
    first, last = batch.stage("speech"), batch.stage("videos")
    speeches = first.speech(texts, voice_id=voice_id, request=request, key=key, journal=first.store)
    speeches, _ = await _sampled(speeches, sample, last)
    texts = speeches.manifest.items
    spoken = await speeches.estimate()
    sent, made = await submitted(last.store, _Sent), await finished_lengths(first.store)

    def speech_of(item: Any) -> SpeechRequest:
        text = item if request is None else request(item)
        return SpeechRequest(text=text, voice_id=voice_id or "") if isinstance(text, str) else text

    def expected() -> Iterator[_Expected]:
        requests = map(speech_of, texts)
        if key is None:
            named = _with_keys(requests, journaled=batch.store is not None)
        else:
            named = zip(map(text_keys(key), texts), requests, strict=True)
        for name, speech in named:
            asset_id = sent[name].audio_asset_id if name in sent else avatar.audio_asset_id
            video = msgspec.structs.replace(avatar, audio_asset_id=asset_id)
            length = exactly(made[name]) if name in made else _length(speech)
            yield _Expected(name, video, length)

    videos = Remade(expected, len(texts))
    shown = await with_lengths(
        lambda seconds: last.run(
            videos,
            request=attrgetter("request"),
            seconds=seconds,
            key=attrgetter("key"),
            journal=last.store,
        ),
        attrgetter("length"),
    )
    return summed({"speech": spoken, "videos": shown})


async def _sampled(
    speeches: Run[Speech], sample: ChainSample | None, last: Batch
) -> tuple[Run[Speech], int | None]:
    """Return the run of the speeches that are made, and their number if it is known."""
    texts = speeches.manifest.items
    total = len(texts) if isinstance(texts, Sized) else None
    if sample is None:
        return speeches, total
    candidates = await candidates_of(speeches)
    positions = await chosen(sample, last, candidates, total or 0)
    if positions is None:
        return speeches, total
    return await limited(speeches, positions, {}), len(positions)


def _length(speech: SpeechRequest) -> OutputLength:
    seconds = speech_seconds(speech.text, speech.speed)
    share = seconds * TOLERANCE
    return OutputLength(seconds, seconds - share, seconds + share, known=True)


def _with_keys(
    speeches: Iterable[SpeechRequest], *, journaled: bool
) -> Iterator[tuple[str, SpeechRequest]]:
    """Yield the speeches, each with its key in a run."""
    keys: ItemKeys = StableKeys("speech")
    for position, speech in enumerate(speeches):
        if not journaled:
            yield str(position), speech
            continue
        identity = keys.identify("voices.speech", (), encode(speech), None, position)
        keys.skip(identity)
        yield identity.key, speech


def _avatar(avatar_id: str, fields: dict[str, Any]) -> AvatarVideoRequest:
    """Return the request for a video, without its audio."""
    try:
        return AvatarVideoRequest(avatar_id=avatar_id, audio_asset_id="spoken", **fields)
    except TypeError as error:  # an unknown field
        raise InvalidRequest(str(error)) from None


async def _check_look(heygen: HeyGen, avatar_id: str) -> None:
    """Refuse an unknown look before a speech is paid for."""
    try:
        await heygen.avatars.looks.get(avatar_id)
    except (NotFound, BadRequest) as error:
        raise InvalidRequest(
            f"avatar_id: the account has no look {avatar_id!r}; avatars.looks.list() lists them",
            param="avatar_id",
        ) from error


def _seconds_of(step: Step[AvatarVideoRequest]) -> float | None:
    return length_told(step.before.result)


def _narrated(outcome: Ended[Video]) -> Ended[Narration]:
    speech: Speech | None = outcome.item.before.result
    result = None
    if outcome.result is not None and speech is not None:
        cues = captions(speech.word_timestamps)
        result = Narration(video=outcome.result, speech=speech, cues=cues)
    return msgspec.structs.replace(final_outcome(outcome, "speech", "videos"), result=result)
