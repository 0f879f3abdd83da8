"""``speech``: turn one text into speech."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Literal

from heygen_async.cli.display import Display
from heygen_async.cli.exit_codes import CommandError, Exit
from heygen_async.cli.single.files import text_of
from heygen_async.cli.single.names import voice_id
from heygen_async.cli.single.tables import details, plain
from heygen_async.cli.single.waiting import check_target, interruptible
from heygen_async.client import HeyGen
from heygen_async.errors import HeyGenError
from heygen_async.models.voices import SpeechRequest

_ENGINE = "starfish"  # the one that speaks


async def speech(
    text: str,
    *,
    display: Display,
    base_url: str | None,
    voice: str | None = None,
    out: Path | None = None,
    speed: float = 1.0,
    language: str | None = None,
    locale: str | None = None,
    ssml: bool = False,
) -> Exit:
    """Turn a text into speech.

    Args:
        text: The text, ``@file``, or ``-`` for standard input.
        display: The display.
        base_url: Base URL of the API; None reads it from the environment.
        voice: Id or name of the voice; None uses the first voice that HeyGen lists, and shows it.
        out: The file for the audio; None downloads nothing.
        speed: Speed of the voice; 1 is normal.
        language: Language of the text; None lets HeyGen detect it.
        locale: Accent.
        ssml: Whether the text is SSML.

    Raises:
        CommandError: There is no text, no such voice, or the file cannot be written.
        HeyGenError: The API refuses it.
    """
    kind: Literal["ssml", "text"] = "ssml" if ssml else "text"

    async def spoken() -> Exit:
        said = await asyncio.to_thread(text_of, text, "TEXT")
        await asyncio.to_thread(check_target, out)
        async with HeyGen(base_url=base_url) as heygen:
            chosen = await (_first(heygen, display) if voice is None else _named(heygen, voice))
            request = SpeechRequest(
                text=said,
                voice_id=chosen,
                input_type=kind,
                speed=speed,
                language=language,
                locale=locale,
            )
            made = await heygen.voices.speech(request)
            record = {**plain(made), "voice_id": chosen}
            failure: HeyGenError | None = None
            if out is not None:
                try:
                    record["bytes"] = await heygen.download(made.audio_url, out)
                    record["file"] = str(out)
                except HeyGenError as error:  # the speech is paid for, so show it anyway
                    failure = error
            words = len(record.get("word_timestamps", ()))
            display.result(record, details({**record, "word_timestamps": f"{words} words"}))
        if failure is not None:
            raise failure
        return Exit.DONE

    return await interruptible(display, spoken())


async def _first(heygen: HeyGen, display: Display) -> str:
    page = await heygen.voices.list(engine=_ENGINE, limit=1).first_page()
    if not page.items:
        raise CommandError("HeyGen lists no voice for speech; name one with --voice")
    voice = page.items[0]
    display.warn(f"Spoken by {voice.name} ({voice.language}); --voice names another voice.")
    return voice.voice_id


async def _named(heygen: HeyGen, voice: str) -> str:
    return await voice_id(heygen, voice, engine=_ENGINE)
