"""Speeches as assets, which other jobs can use for good."""

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
"""Speeches that are on their way from HeyGen to HeyGen at the same time."""


async def uploaded(heygen: HeyGen, outcome: Outcome[Speech]) -> str:
    """Download a speech's audio, upload it, and return its asset id; neither is charged.

    Args:
        heygen: The client.
        outcome: The outcome of the speech.

    Raises:
        URLExpired: Its URL was signed too long ago.
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
        if folder is not None:  # it was made, even where nobody has waited for it
            await in_thread(shutil.rmtree, folder, True)
