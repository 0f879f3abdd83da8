"""A chat with the Video Agent, which asks questions and shows a storyboard before the video.

    python agent_chat.py "A 30 second video about our new office"

It needs HEYGEN_API_KEY, and on a sandbox (`heygen-async sandbox`) HEYGEN_API_BASE too. It asks its
questions on the terminal.
"""

import asyncio
import sys

from heygen_async import HeyGen, VideoAgentRequest


async def main(prompt: str) -> None:
    async with HeyGen() as heygen:
        job = await heygen.video_agents.create(VideoAgentRequest(prompt=prompt, mode="chat"))
        async for turn in job.turns():
            for resource in await turn.resources():
                print(f"[{resource.resource_type}]")
            # input() would block the event loop, so it runs in a thread.
            answer = await asyncio.to_thread(input, f"{turn.message}\n> ")
            await turn.reply(answer or "Yes, go on.")
        video = await job.video()
        await heygen.download(video, "agent.mp4")
        print(f"{video.duration} s of video in agent.mp4")


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    asyncio.run(main(*sys.argv[1:]))
