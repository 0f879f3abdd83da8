"""Proofreads: subtitles that are corrected before the translation is rendered."""

from __future__ import annotations

from ...account.account import Account
from ...account.resources import Proofread
from ...account.validation import check_references
from ...answers import Json, data
from ...ledger import PRICES
from ...media.store import MediaItem
from ...media.subtitles import is_srt
from ...refusals import Refusal, invalid, not_found
from ...server.calls import Call, Handler
from ...webhooks.job_events import schedule_proofread
from .video_translations import accept_translation, check_languages, rate_of

__all__ = ["HANDLERS"]

#: Sandbox seconds after which a session expires.
SESSION_LIFETIME = 86_400.0


def _find(account: Account, identifier: str) -> Proofread:
    proofread = account.proofreads.get(identifier)
    if account.clock.now() >= proofread.job.created_at + SESSION_LIFETIME:
        raise not_found("proofread")
    return proofread


def _find_ready(account: Account, identifier: str) -> Proofread:
    proofread = _find(account, identifier)
    now = account.clock.now()
    if not proofread.job.done(now):
        raise Refusal(409, "resource_not_ready", "The proofread is still processing")
    if proofread.job.failure is not None:
        raise Refusal(409, "conflict", "The proofread has failed")
    return proofread


def proofread_json(account: Account, proofread: Proofread) -> Json:
    """Return a proofread in its current state."""
    now = account.clock.now()
    job = proofread.job
    shown: Json = {
        "id": proofread.id,
        "status": job.status(now, first="processing", running="processing"),
        "title": proofread.request["title"],
        "created_at": account.unix(job.created_at),
        "input_language": "English",
        "output_language": proofread.language,
        "submitted_for_review": False,
    }
    if job.done(now) and job.failure is not None:
        shown["failure_message"] = job.failure.message
    return shown


def create(call: Call) -> Json:
    """Serve `proofreads.create`: one id per language; only the render is charged."""
    body, account = call.body, call.account
    check_references(account, body)
    check_languages(account, body["output_languages"])
    account.check_source(body["video"], "video")
    account.check_source(body.get("srt"), "srt")
    seconds = round(account.source_seconds(body["video"]), 3)
    ids = []
    for language in body["output_languages"]:
        identifier = account.new_id()
        job = account.begin("proofread", slot=False)
        account.record(
            "proofread",
            identifier,
            call.operation.id,
            job,
            seconds=seconds,
            key=call.key,
            title=body["title"],
        )
        proofread = Proofread(identifier, job, seconds, language, body)
        account.proofreads.add(identifier, proofread)
        schedule_proofread(account, proofread)
        media = account.media
        text = f"This is what was said, now in {language}. Please read it with care."
        media.add(MediaItem(identifier, seconds, text=text))
        original = "This is what was said. Please read it with care."
        media.add(MediaItem(f"{identifier}-original", seconds, text=original))
        ids.append(identifier)
    return data({"proofread_ids": ids, "status": "processing"})


def get(call: Call) -> Json:
    """Serve `proofreads.get`."""
    return data(proofread_json(call.account, _find(call.account, call.path[0])))


def srt(call: Call) -> Json:
    """Serve `proofreads.srt`: two presigned addresses."""
    proofread = _find_ready(call.account, call.path[0])
    media = call.account.media
    return data(
        {
            "srt_url": media.url(f"{proofread.id}.srt"),
            "original_srt_url": media.url(f"{proofread.id}-original.srt"),
        }
    )


async def update_srt(call: Call) -> Json:
    """Serve `proofreads.update_srt`; the text is read if it is stored in the sandbox.

    Addresses of other hosts are accepted but never fetched, and the text is not changed.
    """
    account = call.account
    proofread = _find_ready(account, call.path[0])
    source = call.body["srt"]
    account.check_source(source, "srt")
    media = account.media
    if source["type"] == "asset_id":
        item = media.get(source["asset_id"])
    else:
        item = media.item_at(source["url"])
    if item is not None:
        text = media.captions(item) if item.file is None else await item.file.text()
        if not is_srt(text):
            raise invalid("srt", "This is not a valid SRT file")
        edited = media.get(proofread.id)
        if edited is not None:
            edited.srt = text
    return data(proofread_json(account, proofread))


def generate(call: Call) -> Json:
    """Serve `proofreads.generate`: the translation, charged together with the proofread."""
    account = call.account
    proofread = _find_ready(account, call.path[0])
    audio_only = call.body.get("translate_audio_only", False)
    rate = rate_of(proofread.request.get("mode", "speed"), audio_only=audio_only)
    rate += PRICES["proofread"]
    seconds = account.dub_seconds(proofread.seconds, proofread.language)
    account.admit(rate * seconds)
    code = account.languages[proofread.language]
    item = account.media.get(proofread.id)
    accepted = accept_translation(
        call,
        f"{account.new_id()}-{code}",
        account.begin("translation"),
        language=proofread.language,
        seconds=seconds,
        rate=rate,
        request={**call.body, "title": proofread.request["title"]},
        srt=None if item is None else account.media.captions(item),
    )
    accepted.begin()
    return data({"status": "processing", "video_translation_id": accepted.id})


HANDLERS: dict[str, Handler] = {
    "proofreads.create": create,
    "proofreads.get": get,
    "proofreads.srt": srt,
    "proofreads.update_srt": update_srt,
    "proofreads.generate": generate,
}
