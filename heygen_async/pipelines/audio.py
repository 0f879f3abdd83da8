"""Upload speeches as assets, which other jobs can use without an expiry."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path, PurePosixPath
from urllib.parse import urlsplit

from heygen_async.batch import Outcome
from heygen_async.client import HeyGen
from heygen_async.models.voices import Speech
from heygen_async.session.tasks import in_thread

UPLOADS_AT_ONCE = 8
"""The most speeches that are downloaded and uploaded at the same time."""


async def uploaded(heygen: HeyGen, outcome: Outcome[Speech]) -> str:
    """Download a speech's audio, upload it, and return its asset id; neither is charged.

    Args:
        heygen: The client.
        outcome: The outcome of the speech.

    Raises:
        URLExpired: The URL of the speech has expired.
        TransferError: The audio could not be downloaded.
        HeyGenError: The upload was refused.
    """
    url = outcome.unwrap().audio_url
    ending = PurePosixPath(urlsplit(url).path).suffix or ".mp3"
    folder: str | None = None

    def make() -> str:
        nonlocal folder
        folder = tempfile.mkdtemp(prefix="heygen-speech-")
        return folder

    try:
        path = Path(await in_thread(make), f"speech{ending}")
        await heygen.download(url, path)
        return (await heygen.assets.upload(path)).asset_id
    finally:
        if folder is not None:  # it was made, even if its caller was cancelled
            await in_thread(shutil.rmtree, folder, True)
