"""Audio first: texts are spoken, an avatar speaks that audio, and the words become captions.

    python narrate.py AVATAR_ID "Good morning." "Here is what is new."

It needs HEYGEN_API_KEY, on a sandbox (`heygen-async sandbox`) HEYGEN_API_BASE too, and the extra
`captions`.
"""

import asyncio
import sys
from pathlib import Path

from heygen_async import Batch, HeyGen, narrate
from heygen_async.captions import write_srt


async def main(avatar_id: str, *texts: str) -> None:
    async with HeyGen() as heygen, Batch(heygen, journal="news.db") as batch:
        voices = await heygen.voices.list(engine="starfish", language="English").first_page()
        voice_id = voices.items[0].voice_id
        async for outcome in narrate(batch, texts, avatar_id=avatar_id, voice_id=voice_id):
            narration = outcome.unwrap()
            await heygen.download(narration.video, f"news-{outcome.index}.mp4")
            captions = Path(f"news-{outcome.index}.srt")
            await asyncio.to_thread(captions.write_text, write_srt(narration.cues))
            print(f"{captions.stem}: {len(narration.cues)} captions")


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    asyncio.run(main(*sys.argv[1:]))
