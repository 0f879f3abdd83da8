"""One video, from a sentence to a file.

    python first_call.py AVATAR_ID

It needs HEYGEN_API_KEY, and on a sandbox (`heygen-async sandbox`) HEYGEN_API_BASE too.
"""

import asyncio
import sys

from heygen_async import AvatarVideoRequest, HeyGen


async def main(avatar_id: str) -> None:
    async with HeyGen() as heygen:
        job = await heygen.videos.create(
            AvatarVideoRequest(avatar_id=avatar_id, script="Hello from Python.")
        )
        video = await job.wait(timeout=900)
        await heygen.download(video, "hello.mp4")
        print(f"{video.duration} s of video in hello.mp4")


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    asyncio.run(main(*sys.argv[1:]))
