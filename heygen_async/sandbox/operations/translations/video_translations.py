"""Video translations: one job per target language."""

from __future__ import annotations

from functools import partial

from ...account.account import Account
from ...account.resources import Translation
from ...account.validation import check_references, usable_voice
from ...answers import Json, data, listing
from ...contract import LANGUAGES
from ...jobs import Job
from ...ledger import PRICES
from ...media.store import MediaItem
from ...refusals import invalid
from ...server.calls import Acceptance, Accepted, Call, Handler
from ...webhooks.job_events import schedule_translation
from ..videos.videos import status_entries

__all__ = ["HANDLERS", "accept_translation", "check_languages", "plan", "rate_of"]


def translation_json(account: Account, translation: Translation) -> Json:
    """Return a translation in its current state."""
    now = account.clock.now()
    job = translation.job
    shown: Json = {
        "id": translation.id,
        "status": job.status(now, first="pending", running="running"),
        "title": translation.title,
        "created_at": account.unix(job.created_at),
        "input_language": translation.input_language,
        "output_language": translation.output_language,
        "translate_audio_only": translation.audio_only,
        "callback_id": translation.callback_id,
    }
    if job.done(now) and job.failure is not None:
        shown["failure_message"] = job.failure.message
    elif job.done(now):
        media = account.media
        shown["duration"] = translation.seconds
        shown["video_url"] = media.url(f"{translation.id}.mp4")
        if translation.audio_only:
            shown["audio_url"] = media.url(f"{translation.id}.wav")
        shown["srt_caption_url"] = media.url(f"{translation.id}.srt")
        shown["vtt_caption_url"] = media.url(f"{translation.id}.vtt")
    return shown


def check_languages(account: Account, names: list[str]) -> None:
    """Refuse unknown names of target languages, and repeated ones."""
    for index, name in enumerate(names):
        if name not in account.languages:
            raise invalid(f"output_languages.{index}", f"Unsupported output language: {name}")
        if name in names[:index]:
            raise invalid(f"output_languages.{index}", f"Language given twice: {name}")


def accept_translation(
    call: Call,
    identifier: str,
    job: Job,
    *,
    language: str,
    seconds: float,
    rate: float,
    request: Json,
    srt: str | None = None,
) -> Accepted:
    """Accept one translation.

    Args:
        call: The request.
        identifier: `<stem>-<code>`.
        job: Its course.
        language: Name of the target language.
        seconds: Length of the dub.
        rate: USD per second.
        request: Fields `title`, `input_language`, `translate_audio_only`, `callback_id`,
            `callback_url`.
        srt: Captions that were uploaded.
    """
    account = call.account
    account.record(
        "translation",
        identifier,
        call.operation.id,
        job,
        seconds=seconds,
        usd=rate * seconds,
        key=call.key,
        title=request.get("title"),
        callback_id=request.get("callback_id"),
    )
    translation = Translation(
        identifier,
        job,
        seconds,
        title=request.get("title"),
        input_language=request.get("input_language") or "English",
        output_language=language,
        audio_only=bool(request.get("translate_audio_only")),
        callback_id=request.get("callback_id"),
    )
    text = f"This is what was said, now in {language}."
    title = request.get("title") or ""
    item = MediaItem(identifier, seconds, text=text, srt=srt, title=title, language=language)
    callback_url = request.get("callback_url")
    return Accepted(identifier, partial(_begin, account, translation, item, callback_url))


def _begin(
    account: Account, translation: Translation, item: MediaItem, callback_url: str | None
) -> None:
    account.media.add(item)
    account.translations.add(translation.id, translation)
    schedule_translation(account, translation, callback_url)


def rate_of(mode: str, *, audio_only: bool) -> float:
    """Return the USD per second of a translation."""
    return PRICES[f"translation_{mode}_audio" if audio_only else f"translation_{mode}"]


def create(call: Call) -> Json:
    """Serve `video_translations.create`: one id per language, all with one stem."""
    account = call.account
    plans = plan(call, call.body)
    account.admit(sum(planned.usd for planned in plans))
    ids = []
    for planned in plans:
        accepted = planned.accept(account.begin("translation"))
        accepted.begin()
        ids.append(accepted.id)
    return data({"video_translation_ids": ids})


def plan(call: Call, body: Json) -> list[Acceptance]:
    """Check a request for translations, and return the acceptance of each language."""
    account = call.account
    check_references(account, body)
    check_languages(account, body["output_languages"])
    if body.get("input_language") not in (None, *LANGUAGES):
        language = body["input_language"]
        raise invalid("input_language", f"Unsupported input language: {language}")
    for index, voice_id in enumerate(
        (body.get("stock_voice_config") or {}).get("preferred_stock_voice_ids", [])
    ):
        usable_voice(account, voice_id, f"stock_voice_config.preferred_stock_voice_ids.{index}")
    account.check_source(body["video"], "video")
    account.check_source(body.get("audio"), "audio")
    account.check_source(body.get("srt"), "srt")
    source = _source_length(body, account)
    stem = account.new_id()
    rate = rate_of(body.get("mode", "speed"), audio_only=body.get("translate_audio_only", False))
    lengths = {name: account.dub_seconds(source, name) for name in body["output_languages"]}
    return [
        Acceptance(
            rate * seconds,
            partial(
                accept_translation,
                call,
                f"{stem}-{account.languages[language]}",
                language=language,
                seconds=seconds,
                rate=rate,
                request=body,
            ),
        )
        for language, seconds in lengths.items()
    ]


def _source_length(body: Json, account: Account) -> float:
    seconds = account.source_seconds(body["video"])
    start = body.get("start_time") or 0.0
    end = body.get("end_time")
    if end is not None and end <= start:
        raise invalid("end_time", "end_time must be later than start_time")
    if start >= seconds:
        raise invalid("start_time", "start_time lies beyond the end of the video")
    return float(round((seconds if end is None else min(end, seconds)) - start, 3))


def get(call: Call) -> Json:
    """Serve `video_translations.get`."""
    return data(translation_json(call.account, call.account.translations.get(call.path[0])))


def list_(call: Call) -> Json:
    """Serve `video_translations.list`."""
    page, token = call.account.translations.page(call.query["limit"], call.query.get("token"))
    return listing([translation_json(call.account, item) for item in page], token)


def update(call: Call) -> Json:
    """Serve `video_translations.update`: change the title."""
    translation = call.account.translations.get(call.path[0])
    translation.title = call.body["title"]
    return data(translation_json(call.account, translation))


def delete(call: Call) -> Json:
    """Serve `video_translations.delete`; a running one releases its slot."""
    translation = call.account.translations.remove(call.path[0])
    call.account.slots.release(translation.job)
    call.account.media.remove(translation.id)
    return data({"id": translation.id})


def languages(call: Call) -> Json:
    """Serve `video_translations.languages`."""
    return data({"languages": list(call.account.languages)})


def statuses(call: Call) -> Json:
    """Serve `video_translations.statuses`."""
    return listing(status_entries(call, "video_translation_ids"), None)


HANDLERS: dict[str, Handler] = {
    "video_translations.create": create,
    "video_translations.get": get,
    "video_translations.list": list_,
    "video_translations.update": update,
    "video_translations.delete": delete,
    "video_translations.languages": languages,
    "video_translations.statuses": statuses,
}
