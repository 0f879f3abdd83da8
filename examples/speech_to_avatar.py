"""Text to speech, and an avatar that speaks it: the same audio in both.

    python speech_to_avatar.py AVATAR_ID

It needs HEYGEN_API_KEY, and on a sandbox (`heygen-async sandbox`) HEYGEN_API_BASE too.
"""

import asyncio
import sys

from heygen_async import AvatarVideoRequest, HeyGen, SpeechRequest

TEXT = "Good morning. Here is what is new this week."


async def main(avatar_id: str) -> None:
    async with HeyGen() as heygen:
        voices = await heygen.voices.list(engine="starfish", language="English").first_page()
        speech = await heygen.voices.speech(
            SpeechRequest(text=TEXT, voice_id=voices.items[0].voice_id)
        )
        for word in speech.word_timestamps:
            print(f"{word.start:6.2f} s  {word.word}")
        await heygen.download(speech.audio_url, "speech.wav")

        # An uploaded file stays usable; the signed URL of the speech expires.
        asset = await heygen.upload("speech.wav")
        job = await heygen.videos.create(
            AvatarVideoRequest(avatar_id=avatar_id, audio_asset_id=asset.asset_id)
        )
        video = await job.wait(timeout=900)
        await heygen.download(video, "speech.mp4")
        print(f"{speech.duration:.1f} s of speech in speech.wav and speech.mp4")


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    asyncio.run(main(*sys.argv[1:]))
