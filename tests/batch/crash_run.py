"""A process that renders with a journal, which tests kill and start again.

``python -m tests.batch.crash_run BASE_URL API_KEY TEMPLATE_ID JOURNAL ITEMS``: writes a line
``begun``, then for each outcome its position and its job or its error. With ``-`` for a template
it makes videos, in HeyGen's own batches of ten; with ``unkeyed`` what HeyGen takes no key for:
sessions of the Video Agent, voice clones and speeches by turns.
"""

from __future__ import annotations

import asyncio
import os
import sys
from typing import Any

from heygen_async import (
    AssetUrl,
    Batch,
    HeyGen,
    ImageVideoRequest,
    Run,
    SpeechRequest,
    VideoAgentRequest,
    VoiceCloneRequest,
)
from heygen_async.models.structs import Request

# As on the sandbox of the test, where a minute takes 0.2 s.
EXPECTED = dict.fromkeys(("video", "video_agent_session", "voice_clone"), 0.2)


async def render(base_url: str, api_key: str, template_id: str, journal: str, items: int) -> None:
    async with (
        HeyGen(api_key, base_url=base_url, jobs=10, retry=15, expected=EXPECTED) as heygen,
        Batch(heygen, journal=journal, concurrency=20) as batch,
    ):
        run: Run[Any]
        if template_id == "unkeyed":
            voice_id = (await heygen.voices.list(engine="starfish").first_page()).items[0].voice_id
            requests = (unkeyed(number, voice_id) for number in range(items))
            run = batch.run(requests, journal=journal)
        elif template_id == "-":
            run = batch.run(map(image_video, range(items)), via="api-batch", journal=journal)
        else:
            names = await heygen.templates.variables(template_id)
            rows = (dict.fromkeys(names, f"Item {number}") for number in range(items))
            run = batch.render(template_id, rows)
        os.write(1, b"begun\n")
        async for outcome in run:
            what = outcome.job_id if outcome.ok else repr(outcome.error)
            os.write(1, f"{outcome.index} {what}\n".encode())


def unkeyed(number: int, voice_id: str) -> Request:
    if number % 3 == 0:
        return SpeechRequest(text=f"Number {number}", voice_id=voice_id)
    if number % 3 == 1:
        return VideoAgentRequest(prompt=f"Number {number}")
    audio = AssetUrl(url=f"https://example.com/{number}.mp3")
    return VoiceCloneRequest(audio=audio, voice_name=f"Number {number}")


def image_video(number: int) -> ImageVideoRequest:
    return ImageVideoRequest(
        image=AssetUrl(url="https://example.com/face.png"),
        audio_url=f"https://example.com/{number}.mp3",
    )


if __name__ == "__main__":
    base_url, api_key, template_id, journal, items = sys.argv[1:]
    asyncio.run(render(base_url, api_key, template_id, journal, int(items)))
