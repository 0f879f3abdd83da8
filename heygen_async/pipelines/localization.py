"""From a prompt, a script or a video to the same video in many languages."""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, Callable, Iterable, Sequence
from contextlib import aclosing
from functools import partial
from pathlib import PurePosixPath
from typing import Any, NamedTuple, TypeAlias, TypeVar

import msgspec

from heygen_async.batch import Batch, Outcome, ProofreadRender, Run
from heygen_async.batch.admission.clips import clip_key
from heygen_async.batch.admission.sampling import Candidate, candidate
from heygen_async.batch.outcome import Ended
from heygen_async.batch.submissions import check_language
from heygen_async.dubs.notes import DubNotes
from heygen_async.dubs.review import DubReview
from heygen_async.errors import InvalidRequest, InvalidResponse, NotFound
from heygen_async.journal import JournalStore
from heygen_async.models.proofreads import Proofread, ProofreadGenerateRequest, ProofreadRequest
from heygen_async.models.sources import AssetId, AssetUrl, MediaSource
from heygen_async.models.structs import encode
from heygen_async.models.video_agents import VideoAgentRequest, VideoAgentSession
from heygen_async.models.video_translations import VideoTranslation, VideoTranslationRequest
from heygen_async.models.videos import Video, VideoRequest
from heygen_async.pipelines.corrections import Correct, Correction, Renew
from heygen_async.pipelines.estimates import (
    ChainEstimate,
    Seconds,
    exactly,
    expected_length,
    finished_lengths,
    summed,
    with_lengths,
)
from heygen_async.pipelines.sampling import ChainSample, chosen, journal_of
from heygen_async.pipelines.stages import (
    Counted,
    StageLink,
    StageProgress,
    Step,
    count_earlier,
    final_outcome,
    stage_of,
    submitted,
)
from heygen_async.pricing.charges import length_told
from heygen_async.pricing.estimates import RunEstimate
from heygen_async.session.sync_iterables import numbered
from heygen_async.session.tasks import in_thread

Source: TypeAlias = str | AssetUrl | AssetId | VideoRequest | VideoAgentRequest
"""A video to localize: its URL, an asset, or a request that makes it first."""


RequestT = TypeVar("RequestT", ProofreadRequest, VideoTranslationRequest)


class _Sent(msgspec.Struct, frozen=True):
    """The fields used of an earlier request; renders have no video."""

    video: MediaSource = AssetId(asset_id="unknown")


class _SentRender(msgspec.Struct, frozen=True):
    """The fields used of an earlier render; a render of 0.1.0 has no video."""

    proofread_id: str = "proofread"
    video: MediaSource | None = None


# The placeholder of a video that is not made yet.
_PLACEHOLDER: MediaSource = AssetId(asset_id="video")


class _Dubs(NamedTuple):
    """The dubs of a chain.

    Attributes:
        batch: The batch of the chain.
        source: The video, or the request for it.
        languages: The languages.
        positions: The position of each among all languages; None if none is left out.
        title: Title in the account.
        progress: See ``StageProgress``.
    """

    batch: Batch
    source: Source
    languages: list[str]
    positions: list[int] | None
    title: str
    progress: StageProgress | None


class _SourceVideo(NamedTuple):
    """The video to translate.

    Attributes:
        videos: The video for each language.
        seconds: Its length, or None if unknown.
        taken: Called at the end of the chain; until then the job of the video counts as unfinished.
    """

    videos: dict[str, MediaSource]
    seconds: float | None = None
    taken: Callable[[], object] = lambda: None


async def localize(
    batch: Batch,
    source: Source,
    languages: Iterable[str],
    *,
    correct: Correct | None = None,
    corrections: int = 8,
    renew: Renew = False,
    title: str | None = None,
    render: ProofreadGenerateRequest | None = None,
    sample: ChainSample | None = None,
    progress: StageProgress | None = None,
    **fields: Any,
) -> AsyncGenerator[Ended[VideoTranslation]]:
    """Make a video if necessary, and dub it into many languages.

    With ``correct``, each language is proofread first: HeyGen translates the subtitles, ``correct``
    gets them, and its return value is rendered. Without it, languages are translated directly,
    which is cheaper. Languages are independent: one that fails does not stop the others.

    Stages, and with a journal their files (of ``launch.db``): ``source``, ``proofreads`` and
    ``renders``, or ``translations``: ``launch.source.db`` and so on. If the render of a language
    was submitted in an earlier run, the language is not corrected again. Otherwise the correction
    starts with the earlier result of ``correct``, which stays beside the journal, in
    ``launch.proofreads.French (France).srt``, until it is rendered. HeyGen keeps a proofread for
    about 24 h; later its language fails with ``ProofreadExpired``, unless ``renew`` allows a new
    one.

    Args:
        batch: Client, budget, journal and settings of all stages.
        source: The video: a URL, an asset, or a request for a video or to the Video Agent, which
            is made first.
        languages: Names from ``heygen.video_translations.languages()``; repeated names count once.
        correct: Called with a language and its SRT text; gives the SRT text to be rendered. A
            coroutine function, or a function, which is called in a thread. If it takes a third
            argument, it also gets the SRT text in the language of the source, or None.
        corrections: The most calls of ``correct`` at the same time. Default 8.
        renew: Make proofreads anew that have expired, while they were corrected or a run was
            stopped. Their renders are charged, as others are. Default False; or a function, sync
            or async, that is called with the language and gives True or False.
        title: Title in the account. Default: the request's title, or the file name in the URL.
        render: Options for rendering corrected proofreads, such as captions.
        sample: Limits the chain to some of the languages, or to clips. These are made in the stage
            ``translations``; their keys are such as ``French (France), first 30 s``.
        progress: See ``StageProgress``.
        **fields: Further fields of the ``ProofreadRequest``s (or, without ``correct``, the
            ``VideoTranslationRequest``s), such as ``mode``.

    Yields:
        An outcome for each language, which is its key and its item. ``outcome.issues`` has what a
        person should look at first: captions that are too fast or overlap, words left as in the
        source, terms of the glossary that were not kept, and another length than the source.
        These stay beside the journal, with the corrections, in ``launch.dubs.jsonl``.

    Raises:
        InvalidRequest: HeyGen does not offer a language, or another argument cannot be used;
            nothing was submitted.
        IdempotencyMismatch: The journal belongs to a video from another request.
        HeyGenError: The video itself could not be made.
        BudgetExceeded: The budget has no room for a stage.
    """
    _check(correct, corrections, render)
    title = title or _title_of(source)
    wanted = await _checked_languages(batch, languages)
    if not wanted:
        return
    # An invalid field must be found before the video is paid for.
    candidates = _candidates(_requests(correct, fields, dict.fromkeys(wanted, _PLACEHOLDER), title))
    await count_earlier(batch, "source", "translations", "proofreads", "renders")
    positions = await _sampled(batch, correct, sample, candidates)
    wanted = wanted if positions is None else [wanted[one] for one in positions]
    dubs = _Dubs(batch, source, wanted, positions, title, progress)
    notes = DubNotes.beside(batch.journal)
    glossary = fields.get("brand_glossary_id")
    review = DubReview(batch.heygen, notes, _script_of(source), glossary)
    if correct is None:
        outcomes = _translated(dubs, sample, fields)
        clip_fields = fields
    else:
        journal = batch.stage("proofreads").journal
        correction = Correction(batch.heygen, correct, corrections, renew, journal, notes)
        render = render or ProofreadGenerateRequest()
        outcomes = _proofread(dubs, sample, correction, render, fields)
        clip_fields = _directly(fields, render)
    if sample is not None and sample.clip is not None:
        outcomes = _after_clips(_clips(dubs, sample, clip_fields), sample, outcomes)
    async with aclosing(outcomes):
        async for outcome in outcomes:
            stage = outcome.stage or "translations"
            length = partial(batch.length_of, outcome.item)
            issues = await review.issues(outcome, outcome.item, length)
            yield msgspec.structs.replace(outcome, item=outcome.key, stage=stage, issues=issues)


async def estimate_localize(
    batch: Batch,
    source: Source,
    languages: Iterable[str],
    *,
    correct: Correct | None = None,
    title: str | None = None,
    render: ProofreadGenerateRequest | None = None,
    sample: ChainSample | None = None,
    seconds: float | None = None,
    **fields: Any,
) -> ChainEstimate:
    """Estimate the cost of ``localize`` with these arguments, without a paid call.

    Args:
        batch: Client, journal and settings of all stages.
        source: As for ``localize``.
        languages: As for ``localize``; at least one.
        correct: As for ``localize``; it is not called.
        title: As for ``localize``.
        render: As for ``localize``.
        sample: As for ``localize``.
        seconds: Length of the source in seconds, if you know it. Default: it is measured, or
            derived from the request for the video.
        **fields: As for ``localize``.

    Returns:
        The estimate; with a journal, ``left`` is the remaining work.

    Raises:
        InvalidRequest: HeyGen does not offer a language, or another argument cannot be used.
    """
    _check(correct, 1, render)
    title = title or _title_of(source)
    wanted = await _checked_languages(batch, languages)
    if not wanted:
        raise InvalidRequest("languages: expected at least one", param="languages")
    candidates = _candidates(_requests(correct, fields, dict.fromkeys(wanted, _PLACEHOLDER), title))
    positions = await _sampled(batch, correct, sample, candidates)
    wanted = wanted if positions is None else [wanted[one] for one in positions]
    stages: dict[str, RunEstimate] = {}
    name = "translations" if correct is None else "proofreads"
    stage = batch.stage(name)
    length = None if seconds is None else exactly(seconds)
    if isinstance(source, str):
        source = AssetUrl(url=source)
    if isinstance(source, AssetUrl | AssetId):
        videos: dict[str, MediaSource] = dict.fromkeys(wanted, source)
    else:
        first = batch.stage("source")
        run = first.run([source], key=lambda _: "source", journal=first.store)
        stages["source"] = await run.estimate()
        made = await finished_lengths(first.store)
        if made or length is None:
            length = exactly(made["source"]) if made else expected_length(stages["source"])
        videos = await _videos_sent(stage, wanted)
    if sample is not None and sample.clip is not None:
        clips, sources = batch.stage("translations"), videos
        if stages:
            sent = await _videos_sent(clips, [clip_key(one, sample.clip) for one in wanted])
            sources = dict(zip(wanted, sent.values(), strict=True))
        direct = fields if correct is None else _directly(fields, render)
        likely = None if length is None else length.likely
        if likely is None and stages:  # the video does not exist yet, and is not probed
            likely = sample.clip
        whole = clips.run(
            _requests(None, direct, sources, title),
            seconds=lambda _: likely,
            key=_language_of,
            journal=journal_of(clips),
        )
        run = await sample.clips(whole)
        if sample.held:
            return summed({**stages, "translations": await run.estimate()})
    requests = _requests(correct, fields, videos, title)

    def start(seconds: Seconds | None) -> Run[Any]:
        return stage.run(requests, seconds=seconds, key=_language_of, journal=stage.store)

    if length is None:  # the source determines it
        stages[name] = await start(None).estimate()
        length = expected_length(stages[name])
    else:
        stages[name] = await with_lengths(start, length)
    if correct is not None:
        last = batch.stage("renders")
        begun = await submitted(last.store, _SentRender)
        renders = [
            _render(render, begun.get(language, _SentRender()), language, request.mode)
            for language, request in zip(videos, requests, strict=True)
        ]
        stages["renders"] = await with_lengths(
            lambda seconds: last.run(
                renders, seconds=seconds, key=lambda one: one.language, journal=last.store
            ),
            length,
        )
    return summed(stages)


async def _checked_languages(batch: Batch, languages: Iterable[str]) -> list[str]:
    """Return languages without repetition.

    Raises:
        InvalidRequest: HeyGen does not offer one of them.
    """
    if isinstance(languages, str):
        raise InvalidRequest("languages: expected several names, got one", param="languages")
    wanted = list({language: None async for _, language in numbered(languages, batch.pull)})
    offered = frozenset(await batch.heygen.video_translations.languages())
    for language in wanted:
        check_language(language, offered)
    return wanted


def _requests(
    correct: Correct | None, fields: dict[str, Any], videos: dict[str, MediaSource], title: str
) -> list[Any]:
    """Return the requests of all languages: proofreads, or translations without a correction."""
    kind: Any = VideoTranslationRequest if correct is None else ProofreadRequest
    return [_request(kind, fields, video, one, title) for one, video in videos.items()]


def _render(
    render: ProofreadGenerateRequest | None, sent: _SentRender, language: str, mode: Any
) -> ProofreadRender:
    """Return the request that renders a proofread."""
    return ProofreadRender(
        **msgspec.structs.asdict(render or ProofreadGenerateRequest()),
        proofread_id=sent.proofread_id,
        video=sent.video,
        language=language,
        mode=mode,
    )


async def _videos_sent(stage: Batch, keys: Sequence[str]) -> dict[str, MediaSource]:
    """Return the videos of earlier submissions by key; the placeholder where there are none."""
    sent = await submitted(stage.store, _Sent)
    return {one: sent[one].video if one in sent else _PLACEHOLDER for one in keys}


def _candidates(requests: Sequence[Any]) -> list[Candidate]:
    """Return what the choice of a sample depends on, for each language."""
    return [
        candidate(position, _language_of(request), encode(request))
        for position, request in enumerate(requests)
    ]


async def _sampled(
    batch: Batch, correct: object, sample: ChainSample | None, candidates: list[Candidate]
) -> list[int] | None:
    """Return the positions of the languages in a sample, or None if all are made."""
    if sample is None or sample.clip is not None:
        return None
    last = batch.stage("translations" if correct is None else "renders")
    return await chosen(sample, last, candidates, len(candidates))


async def _clips(
    dubs: _Dubs, sample: ChainSample, fields: dict[str, Any]
) -> AsyncGenerator[Ended[VideoTranslation]]:
    """Dub the beginning of the video into each language, unless all clips are approved."""
    batch, clip = dubs.batch, sample.clip or 0.0
    journal = journal_of(batch.stage("translations"))
    source_video = await _source_video(dubs, journal, lambda language: clip_key(language, clip))
    requests = _requests(None, fields, source_video.videos, dubs.title)
    run = batch.run(
        requests, seconds=lambda _: source_video.seconds, key=_language_of, journal=journal
    )
    run = await sample.clips(run)
    if sample.held:
        async with aclosing(aiter(run)) as outcomes:
            async for outcome in outcomes:
                request = outcome.item.request
                yield msgspec.structs.replace(outcome, item=request, stage="translations")
    source_video.taken()


async def _after_clips(
    clips: AsyncGenerator[Ended[VideoTranslation]],
    sample: ChainSample,
    dubs: AsyncGenerator[Ended[VideoTranslation]],
) -> AsyncGenerator[Ended[VideoTranslation]]:
    """Yield the clips, or the whole dubs once each clip is approved."""
    async with aclosing(clips):
        async for outcome in clips:
            yield outcome
    async with aclosing(dubs):
        if not sample.held:
            async for outcome in dubs:
                yield outcome


async def _translated(
    dubs: _Dubs, sample: ChainSample | None, fields: dict[str, Any]
) -> AsyncGenerator[Ended[VideoTranslation]]:
    batch = dubs.batch
    journal = batch.stage("translations").store
    source_video = await _source_video(dubs, journal)
    requests = _requests(None, fields, source_video.videos, dubs.title)
    run = batch.run(
        requests, seconds=lambda _: source_video.seconds, key=_language_of, journal=journal
    )
    run = run if sample is None else sample.noted(run, dubs.positions)
    async with aclosing(aiter(run)) as outcomes:
        async for outcome in outcomes:
            yield outcome
    source_video.taken()


async def _proofread(
    dubs: _Dubs,
    sample: ChainSample | None,
    correction: Correction,
    render: ProofreadGenerateRequest,
    fields: dict[str, Any],
) -> AsyncGenerator[Ended[VideoTranslation]]:
    batch = dubs.batch
    first = stage_of(batch, "proofreads", dubs.progress)
    journal = batch.stage("renders").store
    rendered_before = await submitted(journal, _SentRender, retry_failed=batch.retry_failed)
    source_video = await _source_video(dubs, first.store)
    requests = _requests(correction.correct, fields, source_video.videos, dubs.title)
    seconds = source_video.seconds
    if seconds is None and not source_video.videos.keys() <= rendered_before.keys():
        seconds = await batch.length_of(requests[0])

    async def corrected(outcome: Outcome[Proofread]) -> ProofreadRender:
        expired = isinstance(outcome.error, NotFound)  # while it was prepared
        proofread_id = (outcome.job_id or "") if expired else outcome.unwrap().id
        sent = rendered_before.get(outcome.key)
        if sent is None:
            proofread_id = await correction.apply(proofread_id, outcome.item)
            sent = _SentRender(proofread_id, outcome.item.video)
        else:
            sent = _SentRender(proofread_id, sent.video)
        return _render(render, sent, outcome.key, outcome.item.mode)

    proofreads = first.run(requests, key=_language_of, journal=first.store)
    if dubs.positions is not None:
        proofreads = proofreads.over(requests, {}, dubs.positions)
    passage = StageLink(
        proofreads, corrected, at_once=correction.at_once, ordered=batch.ordered, recovers=True
    )
    async with aclosing(passage.steps()) as steps:
        items = Counted(steps, len(requests))
        run = batch.run(
            items,
            request=Step.unwrap,
            seconds=lambda _: seconds,
            key=Step.key,
            journal=journal,
        )
        if sample is not None and sample.clip is None:
            run = sample.noted(run)

        before: dict[str, Ended[Any]] = {}

        def rendered(outcome: Ended[VideoTranslation]) -> Ended[VideoTranslation]:
            before[outcome.key] = outcome.item.before
            return final_outcome(outcome, "proofreads", "renders")

        async with aclosing(batch.outcomes(run, rendered)) as outcomes:
            async for outcome in outcomes:
                if outcome.ok:
                    await correction.rendered(outcome.key)
                proofreads.taken(before.pop(outcome.key))
                yield outcome
    source_video.taken()


def _directly(fields: dict[str, Any], render: ProofreadGenerateRequest | None) -> dict[str, Any]:
    """Return the fields of proofreads and their renders as those of translations."""
    same = VideoTranslationRequest.__struct_fields__
    found = {name: value for name, value in fields.items() if name in same and name != "srt"}
    if "enable_video_stretching" in fields:
        found["enable_dynamic_duration"] = fields["enable_video_stretching"]
    audio_only = render is not None and render.translate_audio_only
    return found | {"translate_audio_only": audio_only}


async def _source_video(
    dubs: _Dubs, journal: JournalStore | None, key: Callable[[str], str] = str
) -> _SourceVideo:
    """Return the video for each language, after making it if the source is a request.

    Its URL is signed and differs each time. A submitted language keeps the URL of its submission.
    There are no languages if the batch was closed meanwhile.

    Args:
        dubs: The dubs.
        journal: The journal of what is made of the video.
        key: Returns the key of a language there.
    """
    batch, source, languages = dubs.batch, dubs.source, dubs.languages
    if isinstance(source, str):
        source = AssetUrl(url=source)
    if isinstance(source, AssetUrl | AssetId):
        return _SourceVideo(dict.fromkeys(languages, source))
    found = await submitted(journal, _Sent)
    sent = {one: found[key(one)] for one in languages if key(one) in found}
    all_sent = all(language in sent for language in languages)
    stage = stage_of(batch, "source", dubs.progress)
    if all_sent and (stage.store is None or not await in_thread(stage.store.exists)):
        return _SourceVideo({language: sent[language].video for language in languages})
    # Even if everything was submitted, the journal checks that the video is still the same.
    run = stage.run([source], key=lambda _: "source", journal=stage.store)
    async with aclosing(run.with_finished(until_taken=True)) as outcomes:
        made = [outcome async for outcome in outcomes]
    if not made:
        return _SourceVideo({})
    taken = partial(run.taken, made[0])
    if not made[0].ok:
        taken()
    result: Any = made[0].unwrap()
    if all_sent:
        return _SourceVideo({language: sent[language].video for language in languages}, None, taken)
    video_id = result.video_id if isinstance(result, VideoAgentSession) else result.id
    if video_id is None:
        raise InvalidResponse("the session of the Video Agent has no video", status=200)
    video = await batch.heygen.jobs.attach(Video, video_id).wait()
    if video.video_url is None:
        raise InvalidResponse(f"video {video_id} has no URL", status=200)
    fresh = _Sent(video=AssetUrl(url=video.video_url))
    videos = {language: sent.get(language, fresh).video for language in languages}
    return _SourceVideo(videos, length_told(video), taken)


def _request(
    kind: type[RequestT], fields: dict[str, Any], video: MediaSource, language: str, title: str
) -> RequestT:
    try:
        return kind(video=video, output_languages=[language], title=title, **fields)
    except TypeError as error:  # an unknown field
        raise InvalidRequest(str(error)) from None


def _check(correct: object, corrections: int, render: object) -> None:
    """Refuse arguments whose errors would show only after the video was paid for."""
    if correct is not None and not callable(correct):
        raise InvalidRequest(
            f"correct: expected a function, got {type(correct).__name__}", param="correct"
        )
    if corrections < 1:
        raise InvalidRequest(
            f"corrections: expected 1 or more, got {corrections}", param="corrections"
        )
    if render is not None and type(render) is not ProofreadGenerateRequest:
        raise InvalidRequest(
            f"render: expected a ProofreadGenerateRequest, got {type(render).__name__}",
            param="render",
        )


def _language_of(request: Any) -> str:
    language: str = request.output_languages[0]
    return language


def _script_of(source: Source) -> str | None:
    """Return the script of the video that a request makes, or None if it is unknown."""
    script = getattr(source, "script", None)
    return script if isinstance(script, str) else None


def _title_of(source: Source) -> str:
    if isinstance(source, AssetUrl):
        source = source.url
    if isinstance(source, str):
        address = re.split(r"[?#]", source, maxsplit=1)[0].partition("//")[2]
        return PurePosixPath(address.partition("/")[2]).name or "Video"
    return getattr(source, "title", None) or "Video"
