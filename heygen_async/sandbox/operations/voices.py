"""Voices: list, speech, design, clone, delete."""

from __future__ import annotations

import zlib

from ..account.account import Account
from ..account.resources import Voice
from ..account.validation import check_locale, usable_voice
from ..answers import Json, data, listing
from ..ledger import PRICES
from ..media.speech import read_aloud
from ..media.store import MediaItem
from ..refusals import Refusal, invalid
from ..server.calls import Call, Handler

__all__ = ["HANDLERS"]

#: Number of voices that a design proposes.
PROPOSALS = 3


def _summary(account: Account, voice: Voice) -> Json:
    return {
        "voice_id": voice.id,
        "name": voice.name,
        "language": voice.language,
        "gender": voice.gender,
        "type": "private" if voice.private else "public",
        "support_pause": voice.support_pause,
        "support_locale": voice.support_locale,
        "preview_audio_url": account.media.url(f"{voice.id}.wav"),
    }


def _is_ready(account: Account, voice: Voice) -> bool:
    return voice.job is None or voice.job.completed(account.clock.now())


def list_(call: Call) -> Json:
    """Serve `voices.list`: public ones by default; unfinished clones are left out."""
    query, account = call.query, call.account
    language, gender = query.get("language"), query.get("gender")

    def fits(voice: Voice) -> bool:
        return (
            voice.private == (query["type"] == "private")
            and (query.get("engine") != "starfish" or voice.starfish)
            and (language is None or voice.language.lower() == language.lower())
            and (gender is None or voice.gender.lower() == gender.lower())
            and _is_ready(account, voice)
        )

    page, token = account.voices.page(query["limit"], query.get("token"), fits)
    return listing([_summary(account, voice) for voice in page], token)


def get(call: Call) -> Json:
    """Serve `voices.get`, with the status of clones."""
    account = call.account
    voice = account.voices.get(call.path[0])
    shown: Json = {
        "voice_id": voice.id,
        "name": voice.name,
        "language": voice.language,
        "gender": voice.gender,
        "support_pause": voice.support_pause,
        "support_interactive_avatar": False,
    }
    if _is_ready(account, voice):
        shown["preview_audio_url"] = account.media.url(f"{voice.id}.wav")
    if voice.job is not None:
        now = account.clock.now()
        shown["created_at"] = account.unix(voice.job.created_at)
        shown["status"] = voice.job.status(
            now, first="processing", running="processing", completed="complete"
        )
        if voice.job.done(now) and voice.job.failure is not None:
            shown["failure_message"] = voice.job.failure.message
    return data(shown)


def speech(call: Call) -> Json:
    """Serve `voices.speech`: at once, with a wav of the stated length."""
    body, account = call.body, call.account
    voice = usable_voice(account, body["voice_id"])
    if not voice.starfish:
        raise invalid("voice_id", f"Voice '{voice.name}' does not support the starfish engine.")
    check_locale(body.get("locale"), "locale")
    words, seconds = read_aloud(
        body["text"],
        speed=float(body.get("speed", 1)),
        ssml=body.get("input_type") == "ssml",
    )
    usd = PRICES["speech"] * seconds
    account.afford(usd)
    identifier = account.new_id()
    account.media.add(MediaItem(identifier, seconds, text=body["text"], words=words))
    account.record("speech", identifier, call.operation.id, None, seconds=seconds, usd=usd)
    timestamps: list[Json] = [{"word": "<start>", "start": 0.0, "end": 0.0}]
    timestamps += [{"word": word.word, "start": word.start, "end": word.end} for word in words]
    timestamps.append({"word": "<end>", "start": seconds, "end": seconds})
    return data(
        {
            "audio_url": account.media.url(f"{identifier}.wav"),
            "duration": seconds,
            "request_id": identifier,
            "word_timestamps": timestamps,
        }
    )


def design(call: Call) -> Json:
    """Serve `voices.design`: voices of the account, chosen by prompt and seed."""
    body, account = call.body, call.account
    check_locale(body.get("locale"), "locale")
    seed = body.get("seed", 0)
    gender = (body.get("gender") or "").lower()
    fitting = [
        voice
        for voice in account.voices
        if not voice.private and voice.starfish and gender in ("", voice.gender)
    ]
    fitting.sort(key=lambda voice: zlib.crc32(f"{body['prompt']}/{seed}/{voice.id}".encode()))
    proposals = [_summary(account, voice) for voice in fitting[:PROPOSALS]]
    return data({"seed": seed, "voices": proposals})


def clone(call: Call) -> Json:
    """Serve `voices.clone`."""
    body, account = call.body, call.account
    account.check_source(body["audio"], "audio")
    identifier = account.new_id()
    job = account.begin("voice_clone", slot=False)
    account.record(
        "voice_clone",
        identifier,
        call.operation.id,
        job,
        key=call.key,
        title=body["voice_name"],
    )
    voice = Voice(
        identifier,
        body["voice_name"],
        body.get("language") or "English",
        "unknown",
        private=True,
        job=job,
    )
    account.voices.add(identifier, voice)
    account.media.add(MediaItem(identifier, 3.0))
    return data({"voice_clone_id": identifier})


def delete(call: Call) -> Json:
    """Serve `voices.delete`, for the account's own voices only."""
    account = call.account
    voice = account.voices.get(call.path[0])
    if not voice.private:
        raise Refusal(403, "forbidden", "Public voices cannot be deleted")
    account.voices.remove(voice.id)
    account.media.remove(voice.id)
    return data({"voice_id": voice.id})


HANDLERS: dict[str, Handler] = {
    "voices.list": list_,
    "voices.get": get,
    "voices.speech": speech,
    "voices.design": design,
    "voices.clone": clone,
    "voices.delete": delete,
}
