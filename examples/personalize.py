"""A video for each name, greeted by name in a voice from speech.

    python personalize.py TEMPLATE_ID AUDIO_VARIABLE Anna Bob

The template has the text variable `name`, and an audio variable for the greeting. It needs
HEYGEN_API_KEY, and on a sandbox (`heygen-async sandbox`) HEYGEN_API_BASE too.
"""

import asyncio
import sys

from heygen_async import Batch, HeyGen, SpeechRequest, personalize


async def main(template_id: str, audio_variable: str, *names: str) -> None:
    async with HeyGen() as heygen, Batch(heygen, journal="personal.db", max_cost=50) as batch:
        voices = await heygen.voices.list(engine="starfish", language="English").first_page()
        voice_id = voices.items[0].voice_id
        rows = [
            {
                "name": name,
                audio_variable: SpeechRequest(text=f"Good morning, {name}.", voice_id=voice_id),
            }
            for name in names
        ]
        async for outcome in personalize(batch, template_id, rows, key=lambda row: row["name"]):
            if outcome.result is None:
                print(f"{outcome.key} failed: {outcome.error}")
            else:
                await heygen.download(outcome.result, f"{outcome.key}.mp4")
                print(f"{outcome.key}: {outcome.usd or 0:.4f} USD")


if __name__ == "__main__":
    if len(sys.argv) < 4:
        sys.exit(__doc__)
    asyncio.run(main(*sys.argv[1:]))
