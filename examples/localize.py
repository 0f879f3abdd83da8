"""A prompt to a video in several languages, with subtitles that you correct before they are spoken.

    python localize.py "A teaser about the sea" "French (France)" "German (Germany)"

Started again after a crash, the same command continues where it was: `sea.*.db` record what is paid
for. It needs HEYGEN_API_KEY, on a sandbox (`heygen-async sandbox`) HEYGEN_API_BASE too, and the
extra `captions`.
"""

import asyncio
import sys

from heygen_async import Batch, HeyGen, VideoAgentRequest, localize
from heygen_async.captions import parse_srt, problems


def correct(language: str, srt: str) -> str:
    """Correct subtitles: here the spelling of names; a person or a model could do it too."""
    srt = srt.replace("Hey Gen", "HeyGen")
    for problem in problems(parse_srt(srt)):
        print(f"{language}: {problem}")
    return srt


async def main(prompt: str, *languages: str) -> None:
    async with HeyGen() as heygen, Batch(heygen, journal="sea.db", max_cost=100) as batch:
        source = VideoAgentRequest(prompt=prompt)
        async for outcome in localize(batch, source, languages, correct=correct, title="Sea"):
            if outcome.result is None:
                print(f"{outcome.key} failed: {outcome.error}")
            else:
                await heygen.download(outcome.result, f"{outcome.key}.mp4")
                print(f"{outcome.key}: {outcome.result.duration:.0f} s")


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    asyncio.run(main(*sys.argv[1:]))
