"""Video translations: one job per target language."""

from __future__ import annotations

from ..account import Account, Translation
from ..answers import Json, data, listing
from ..calls import Call, Handler
from ..ledger import PRICES
from ..media import MediaItem
from ..refusals import invalid
from .videos import status_entries

__all__ = ["HANDLERS", "check_languages", "start_translation"]


def translation_json(account: Account, translation: Translation) -> Json:
    """A translation as the API shows it at this moment."""
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
    """Refuse target languages that are not known by these names, or named twice."""
    for index, name in enumerate(names):
        if name not in account.languages:
            raise invalid(f"output_languages.{index}", f"Unsupported output language: {name}")
        if name in names[:index]:
            raise invalid(f"output_languages.{index}", f"Language given twice: {name}")


def start_translation(
    call: Call,
    identifier: str,
    *,
    language: str,
    seconds: float,
    rate: float,
    request: Json,
    srt: str | None = None,
) -> Translation:
    """Start one translation and put it and its files on their shelves.

    Args:
        call: The request that asks for it.
        identifier: `<stem>-<code>`.
        language: Name of the target language.
        seconds: Length of the source.
        rate: USD per second.
        request: Fields `title`, `input_language`, `translate_audio_only`, `callback_id`.
        srt: Captions that were put in by hand.
    """
    account = call.account
    job = account.begin("translation")
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
    account.media.add(MediaItem(identifier, seconds, text=text, srt=srt))
    return account.translations.add(identifier, translation)


def rate_of(mode: str, *, audio_only: bool) -> float:
    """USD per second of a translation."""
    return PRICES[f"translation_{mode}_audio" if audio_only else f"translation_{mode}"]


def create(call: Call) -> Json:
    """`video_translations.create`: one id per language, all with one stem."""
    body, account = call.body, call.account
    check_languages(account, body["output_languages"])
    account.check_source(body["video"], "video")
    account.check_source(body.get("audio"), "audio")
    account.check_source(body.get("srt"), "srt")
    seconds = _source_length(body, account)
    account.admit()
    stem = account.new_id()
    rate = rate_of(body.get("mode", "speed"), audio_only=body.get("translate_audio_only", False))
    ids = []
    for language in body["output_languages"]:
        identifier = f"{stem}-{account.languages[language]}"
        start_translation(
            call, identifier, language=language, seconds=seconds, rate=rate, request=body
        )
        ids.append(identifier)
    return data({"video_translation_ids": ids})


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
    """`video_translations.get`."""
    return data(translation_json(call.account, call.account.translations.get(call.path[0])))


def list_(call: Call) -> Json:
    """`video_translations.list`."""
    page, token = call.account.translations.page(call.query["limit"], call.query.get("token"))
    return listing([translation_json(call.account, item) for item in page], token)


def update(call: Call) -> Json:
    """`video_translations.update`: another title."""
    translation = call.account.translations.get(call.path[0])
    translation.title = call.body["title"]
    return data(translation_json(call.account, translation))


def delete(call: Call) -> Json:
    """`video_translations.delete`; a running one gives up its slot."""
    translation = call.account.translations.remove(call.path[0])
    call.account.slots.release(translation.job)
    call.account.media.remove(translation.id)
    return data({"id": translation.id})


def languages(call: Call) -> Json:
    """`video_translations.languages`."""
    return data({"languages": list(call.account.languages)})


def statuses(call: Call) -> Json:
    """`video_translations.statuses`."""
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
