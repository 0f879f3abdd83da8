"""``heygen.voices``, ``heygen.users`` and ``heygen.brand_glossaries`` on the sandbox."""

from __future__ import annotations

import io
import wave

import pytest

from heygen_async import (
    AssetUrl,
    BadRequest,
    HeyGen,
    JobFailed,
    NotFound,
    PermissionDenied,
    SpeechRequest,
    VoiceCloneRequest,
    VoiceDesignRequest,
    VoiceDetail,
)
from heygen_async.sandbox import Fault, Sandbox

pytestmark = pytest.mark.anyio

RECORDING = VoiceCloneRequest(audio=AssetUrl(url="https://example.com/me.wav"), voice_name="Mine")


async def test_voices_page_and_filter(heygen: HeyGen, sandbox: Sandbox) -> None:
    everything = [voice async for voice in heygen.voices.list(limit=20)]
    assert sandbox.requests.by_operation["voices.list"] == 3
    speaking = [voice async for voice in heygen.voices.list(engine="starfish", limit=100)]
    assert 0 < len(speaking) < len(everything)
    chosen = [v async for v in heygen.voices.list(language="English", gender="female")]
    assert {(voice.language, voice.gender) for voice in chosen} == {("English", "female")}
    assert [voice async for voice in heygen.voices.list(type="private")] == []
    detail = await heygen.voices.get(chosen[0].voice_id)
    assert (detail.voice_id, detail.name) == (chosen[0].voice_id, chosen[0].name)


async def test_speech_says_how_long_it_is(heygen: HeyGen, sandbox: Sandbox) -> None:
    request = SpeechRequest(text="Hello there, world.", voice_id=sandbox.voice_id)
    speech = await heygen.voices.speech(request)
    words = [stamp.word for stamp in speech.word_timestamps]
    assert (words[0], words[-1]) == ("<start>", "<end>")
    audio = io.BytesIO()
    await heygen.download(speech.audio_url, audio)
    audio.seek(0)
    with wave.open(audio) as file:
        assert file.getnframes() / file.getframerate() == pytest.approx(speech.duration, abs=0.05)
    # It takes no key: each call speaks anew.
    assert (await heygen.voices.speech(request, idempotency_key="speech-1")) != speech
    assert sandbox.ledger.count("speech") == 2


async def test_a_voice_of_another_engine_does_not_speak(heygen: HeyGen, sandbox: Sandbox) -> None:
    silent = sandbox.add_voice(starfish=False)
    with pytest.raises(BadRequest) as caught:
        await heygen.voices.speech(SpeechRequest(text="Hello", voice_id=silent))
    assert caught.value.param == "voice_id"


async def test_voices_are_designed(heygen: HeyGen) -> None:
    design = await heygen.voices.design(VoiceDesignRequest(prompt="A warm, deep voice", seed=3))
    assert len(design.voices) == 3
    assert design.seed == 3


async def test_a_voice_is_cloned_and_deleted(heygen: HeyGen) -> None:
    job = await heygen.voices.clone(RECORDING)
    voice = await job.wait(timeout=600)
    assert isinstance(voice, VoiceDetail)
    assert (voice.voice_id, voice.name, voice.status) == (job.id, "Mine", "complete")
    assert [v.voice_id async for v in heygen.voices.list(type="private")] == [job.id]
    assert (await heygen.voices.delete(job.id)).voice_id == job.id
    with pytest.raises(NotFound):
        await heygen.voices.delete(job.id)


async def test_a_delete_whose_answer_was_lost_has_deleted(heygen: HeyGen, sandbox: Sandbox) -> None:
    mine = sandbox.add_voice(private=True)
    sandbox.faults.add("voices.delete", Fault.drop_answer())
    assert (await heygen.voices.delete(mine)).voice_id == mine
    with pytest.raises(PermissionDenied):
        await heygen.voices.delete(sandbox.voice_id)


async def test_a_failed_clone_tells_why(heygen: HeyGen, sandbox: Sandbox) -> None:
    sandbox.fail_next("voice_clone", message="Too noisy")
    job = await heygen.voices.clone(RECORDING)
    with pytest.raises(JobFailed, match="Too noisy"):
        await job.wait()


async def test_a_voice_that_was_never_cloned_is_there(heygen: HeyGen, sandbox: Sandbox) -> None:
    voice = await heygen.jobs.attach(VoiceDetail, sandbox.voice_id).wait(60)
    assert voice.voice_id == sandbox.voice_id


async def test_the_account_and_its_glossaries(heygen: HeyGen) -> None:
    user = await heygen.users.me()
    assert user.username
    glossaries = [glossary async for glossary in heygen.brand_glossaries.list(limit=2)]
    assert [glossary.name for glossary in glossaries] == [
        "Product names",
        "Legal terms",
        "Medical terms",
    ]
