"""Filler-word removals: cut filler words from a video."""

from __future__ import annotations

from functools import partial

from ..account.account import Account
from ..account.resources import FillerWordRemoval
from ..answers import Json, data
from ..ledger import FILLER_WORDS_PRICE
from ..media.store import MediaItem
from ..refusals import invalid
from ..server.calls import Call, Handler
from ..webhooks.job_events import schedule_filler_word_removal

__all__ = ["HANDLERS"]

#: The most seconds of a source.
LONGEST_SOURCE = 7_200.0
#: Seconds of a video per filler word, and the length of one.
_SECONDS_PER_CUT = 8.0
_SECONDS_CUT = 0.4


def removal_json(account: Account, removal: FillerWordRemoval) -> Json:
    """Return a filler-word removal in its current state."""
    now = account.clock.now()
    job = removal.job
    shown: Json = {
        "id": removal.id,
        "status": job.status(now, first="pending", running="running"),
        "progress": int(100 * job.progress(now)),
        "title": removal.title,
        "created_at": account.unix(job.created_at),
        "callback_id": removal.callback_id,
    }
    if job.done(now) and job.failure is not None:
        shown["failure_message"] = job.failure.message
    elif job.done(now):
        left = _seconds_left(removal.seconds, removal.cuts)
        shown["num_cuts"] = removal.cuts
        shown["original_duration"] = removal.seconds
        shown["output_duration"] = left
        shown["reduction_pct"] = round(100 * (1 - left / removal.seconds), 1)
        shown["video_url"] = account.media.url(f"{removal.id}.mp4")
        shown["thumbnail_url"] = account.media.url(f"{removal.id}.png")
    return shown


def _seconds_left(seconds: float, cuts: int) -> float:
    return round(seconds - cuts * _SECONDS_CUT, 3)


def create(call: Call) -> Json:
    """Serve `filler_word_removals.create`, with a filler word every few seconds."""
    body, account = call.body, call.account
    account.check_source(body["video"], "video")
    if account.mime_type_of(body["video"]).startswith(("image/", "application/")):
        raise invalid("video", "The video has no audio track", code="no_audio_track")
    seconds = round(account.source_seconds(body["video"]), 3)
    if seconds > LONGEST_SOURCE:
        raise invalid("video", "The video is longer than 2 hours", code="video_too_long")
    cuts = int(seconds // _SECONDS_PER_CUT)
    usd = FILLER_WORDS_PRICE * max(1.0, seconds / 60.0)
    account.admit(usd)
    identifier = account.new_id()
    job = account.begin("filler_word_removal")
    account.record(
        "filler_word_removal",
        identifier,
        call.operation.id,
        job,
        seconds=_seconds_left(seconds, cuts),
        usd=usd,
        key=call.key,
        title=body.get("title"),
        callback_id=body.get("callback_id"),
    )
    removal = FillerWordRemoval(
        identifier, job, seconds, cuts, body.get("title"), body.get("callback_id")
    )
    left = _seconds_left(seconds, cuts)
    title = body.get("title") or "Filler words removed"
    account.media.add(MediaItem(identifier, left, title=title))
    account.filler_word_removals.add(identifier, removal)
    show = partial(removal_json, account, removal)
    schedule_filler_word_removal(account, removal, show, body.get("callback_url"))
    return data({"filler_word_removal_id": identifier})


def get(call: Call) -> Json:
    """Serve `filler_word_removals.get`."""
    account = call.account
    return data(removal_json(account, account.filler_word_removals.get(call.path[0])))


HANDLERS: dict[str, Handler] = {
    "filler_word_removals.create": create,
    "filler_word_removals.get": get,
}
