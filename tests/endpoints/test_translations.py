"""``heygen.video_translations`` and ``heygen.proofreads`` on the sandbox."""

from __future__ import annotations

import pytest

from heygen_async import (
    AssetUrl,
    BadRequest,
    Conflict,
    HeyGen,
    InvalidRequest,
    NotFound,
    Proofread,
    ProofreadGenerateRequest,
    ProofreadRequest,
    ProofreadSrtUpdate,
    TransferError,
    VideoTranslation,
    VideoTranslationRequest,
)
from heygen_async.sandbox import Fault, Sandbox

pytestmark = pytest.mark.anyio

VIDEO = AssetUrl(url="https://example.com/launch.mp4")
LANGUAGES = ["Spanish (Spain)", "French (France)", "German (Germany)"]
SRT = "1\n00:00:00,000 --> 00:00:02,000\nGrüße, corrected.\n"


async def _proofread(heygen: HeyGen) -> str:
    request = ProofreadRequest(video=VIDEO, output_languages=LANGUAGES[:1], title="Launch")
    (job,) = await heygen.proofreads.create(request)
    await job.wait()
    return job.id


async def test_several_languages_give_a_job_each(heygen: HeyGen, sandbox: Sandbox) -> None:
    jobs = await heygen.video_translations.create(
        VideoTranslationRequest(video=VIDEO, output_languages=LANGUAGES)
    )
    results = [await job.wait() for job in jobs]
    assert [result.output_language for result in results] == LANGUAGES
    assert len({job.id.partition("-")[0] for job in jobs}) == 1, "one stem"
    assert all(isinstance(result, VideoTranslation) and result.video_url for result in results)
    assert sandbox.ledger.count("translation") == 3


async def test_a_dub_of_the_audio_alone_ends_too(heygen: HeyGen) -> None:
    (job,) = await heygen.video_translations.create(
        VideoTranslationRequest(
            video=VIDEO, output_languages=LANGUAGES[:1], translate_audio_only=True
        )
    )
    translation = await job.wait()
    assert translation.translate_audio_only
    assert translation.audio_url is not None


async def test_translations_are_read_renamed_and_deleted(heygen: HeyGen) -> None:
    translations = heygen.video_translations
    jobs = await translations.create(
        VideoTranslationRequest(video=VIDEO, output_languages=LANGUAGES)
    )
    ids = [job.id for job in jobs]
    assert sorted(ids) == sorted([item.id async for item in translations.list(limit=2)])
    assert [entry.video_id for entry in await translations.statuses(ids)] == ids
    renamed = await translations.update(ids[0], title="Für Ada")
    assert renamed.title == (await translations.get(ids[0])).title == "Für Ada"
    assert (await translations.delete(ids[0])).id == ids[0]
    with pytest.raises(NotFound):
        await translations.delete(ids[0])
    with pytest.raises(InvalidRequest) as caught:
        await translations.statuses([])
    assert caught.value.param == "video_translation_ids"


async def test_a_delete_whose_answer_was_lost_has_deleted(heygen: HeyGen, sandbox: Sandbox) -> None:
    (job,) = await heygen.video_translations.create(
        VideoTranslationRequest(video=VIDEO, output_languages=LANGUAGES[:1])
    )
    sandbox.faults.add("video_translations.delete", Fault.drop_answer())
    assert (await heygen.video_translations.delete(job.id)).id == job.id


async def test_languages_are_names(heygen: HeyGen) -> None:
    languages = await heygen.video_translations.languages()
    assert set(LANGUAGES) <= set(languages)
    with pytest.raises(BadRequest):
        await heygen.video_translations.create(
            VideoTranslationRequest(video=VIDEO, output_languages=["Klingon"])
        )


async def test_a_proofread_is_corrected_and_rendered(heygen: HeyGen, sandbox: Sandbox) -> None:
    request = ProofreadRequest(video=VIDEO, output_languages=LANGUAGES, title="Launch")
    jobs = await heygen.proofreads.create(request)
    done = [await job.wait() for job in jobs]
    assert [proofread.output_language for proofread in done] == LANGUAGES
    assert isinstance(done[0], Proofread)
    proofreads, proofread_id = heygen.proofreads, jobs[0].id
    assert (await proofreads.get(proofread_id)).status == "completed"
    assert "Spanish" in await proofreads.srt_text(proofread_id)
    updated = await proofreads.update_srt(proofread_id, SRT)
    assert updated.id == proofread_id
    assert await proofreads.srt_text(proofread_id) == SRT
    job = await proofreads.generate(proofread_id, ProofreadGenerateRequest(captions=True))
    translation = await job.wait()
    assert translation.output_language == LANGUAGES[0]
    assert translation.video_url is not None
    assert sandbox.ledger.count("proofreads.generate") == 1
    assert sandbox.leaks == 0


async def test_subtitles_can_come_from_a_url(heygen: HeyGen) -> None:
    proofread_id = await _proofread(heygen)
    original = (await heygen.proofreads.srt(proofread_id)).original_srt_url
    assert original is not None
    await heygen.proofreads.update_srt(proofread_id, ProofreadSrtUpdate(srt=AssetUrl(url=original)))
    text = await heygen.proofreads.srt_text(proofread_id)
    assert text == await heygen.proofreads.srt_text(proofread_id, original=True)
    job = await heygen.proofreads.generate(proofread_id)
    assert isinstance(await job.wait(), VideoTranslation)


async def test_subtitles_of_the_source_are_never_those_of_the_translation(
    heygen: HeyGen, sandbox: Sandbox
) -> None:
    proofread_id = await _proofread(heygen)
    translated = (await heygen.proofreads.srt(proofread_id)).srt_url
    answer = f'{{"data": {{"srt_url": "{translated}"}}}}'.encode()
    sandbox.faults.add("proofreads.srt", Fault.body(answer))
    with pytest.raises(InvalidRequest, match="no subtitles of the source"):
        await heygen.proofreads.srt_text(proofread_id, original=True)


async def test_subtitles_that_are_no_text(heygen: HeyGen, sandbox: Sandbox) -> None:
    proofread_id = await _proofread(heygen)
    sandbox.faults.add("media", Fault.body(b"\xff\xfe\xff", content_type="text/plain"))
    with pytest.raises(TransferError, match="UTF-8"):
        await heygen.proofreads.srt_text(proofread_id)
    subtitles = b"\xef\xbb\xbf" + SRT.encode()
    sandbox.faults.add("media", Fault.body(subtitles, content_type="text/plain"))
    assert await heygen.proofreads.srt_text(proofread_id) == SRT


async def test_subtitles_that_are_still_made_are_waited_for(heygen: HeyGen) -> None:
    request = ProofreadRequest(video=VIDEO, output_languages=LANGUAGES[:1], title="Launch")
    (job,) = await heygen.proofreads.create(request)
    assert "Spanish" in await heygen.proofreads.srt_text(job.id)


@pytest.mark.parametrize(("proofread_id", "text"), [("", SRT), ("id", "\ud800"), ("id", "")])
async def test_an_update_that_makes_no_sense_uploads_nothing(
    heygen: HeyGen, sandbox: Sandbox, proofread_id: str, text: str
) -> None:
    with pytest.raises(InvalidRequest):
        await heygen.proofreads.update_srt(proofread_id, text)
    assert sandbox.ledger.requests == 0


async def test_a_failed_proofread_cannot_be_read(heygen: HeyGen, sandbox: Sandbox) -> None:
    sandbox.fail_next("proofread")
    request = ProofreadRequest(video=VIDEO, output_languages=LANGUAGES[:1], title="Launch")
    (job,) = await heygen.proofreads.create(request)
    with pytest.raises(Conflict):
        await heygen.proofreads.srt_text(job.id)
