"""One video into every language that HeyGen offers, or into those you name.

    python translate_everywhere.py https://example.com/launch.mp4 ["Spanish (Spain)" …]

It needs HEYGEN_API_KEY, and on a sandbox (`heygen-async sandbox`) HEYGEN_API_BASE too.
"""

import asyncio
import sys

from heygen_async import Batch, HeyGen


async def main(video_url: str, *languages: str) -> None:
    async with HeyGen() as heygen, Batch(heygen) as batch:
        wanted = languages or await heygen.video_translations.languages()
        async for outcome in batch.translate(video_url, wanted):
            if outcome.result is None:
                print(f"{outcome.key} failed: {outcome.error}")
            else:
                print(f"{outcome.key}: {outcome.result.video_url}")


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    asyncio.run(main(*sys.argv[1:]))
