"""Journals of version 0.1.0, and their runs.

schema_1/ holds one for each kind of run. Their items are, in this order, completed, failed by
themselves, failed for lack of credit, submitted, intended and uncertain; those of mixed requests
are completed from the seventh on, and those of a server batch intended from the fifth on.
"""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

from heygen_async import (
    AssetUrl,
    AvatarVideoRequest,
    Batch,
    LipsyncRequest,
    ProofreadRender,
    ProofreadRequest,
    Run,
    SpeechRequest,
    VideoAgentRequest,
    VideoTranslationRequest,
    VoiceCloneRequest,
)
from heygen_async.journal.keys import idempotency_key

FOLDER = Path(__file__).with_name("schema_1")
JOURNALS = tuple(sorted(path.name for path in FOLDER.glob("*.db")))

# Resources that the sandbox has from the start.
TEMPLATE_ID = "016369d5eeef8f7328a4d6749d03925a"
AVATAR_ID = "b6f9f8836ddbf388d13bccdeb6ca2478"
VOICE_ID = "dcc7817a0a9018b2aead2bafea5af5a7"
FILM = "https://example.com/film.mp4"
AUDIO = "https://example.com/a.mp3"
LANGUAGES = ("Spanish", "French", "German", "Italian", "Portuguese", "Japanese")

OPERATIONS = {
    "batched.requests.db": ("videos.create",) * 8,
    "launch.requests.db": (
        *("videos.create",) * 5,
        "video_agents.create",
        "video_translations.create",
        "lipsyncs.create",
        "proofreads.create",
        "proofreads.generate",
        "voices.clone",
        "voices.speech",
    ),
    "launch.speech.db": ("voices.speech",) * 6,
    "launch.translate.db": ("video_translations.create",) * 6,
    "render-keyed.db": ("templates.generate",) * 6,
    "render-test.db": ("templates.generate",) * 6,
    "render.db": ("templates.generate",) * 7,
}


def rows() -> list[dict[str, str]]:
    return [{"name": f"name {n}", "product": f"product {n}"} for n in range(6)]


def mixed_requests() -> list[Any]:
    video = AssetUrl(url=FILM)
    return [
        *(
            AvatarVideoRequest(avatar_id=AVATAR_ID, script=f"Hello {n}", title=f"t{n}")
            for n in range(5)
        ),
        VideoAgentRequest(prompt="A film on tea"),
        VideoTranslationRequest(video=video, output_languages=["French"]),
        LipsyncRequest(video=video, audio=AssetUrl(url=AUDIO)),
        ProofreadRequest(video=video, output_languages=["German"], title="B"),
        ProofreadRender(proofread_id="10c3fab07726374191a42b1545a5dbfe", language="Spanish"),
        VoiceCloneRequest(audio=AssetUrl(url=AUDIO), voice_name="Anna"),
        SpeechRequest(text="Hello", voice_id=VOICE_ID),
    ]


def batched_requests() -> list[AvatarVideoRequest]:
    requests = [AvatarVideoRequest(avatar_id=AVATAR_ID, script=f"Hello {n}") for n in range(7)]
    mine = AvatarVideoRequest(avatar_id=AVATAR_ID, script="Hello 7", callback_id="mine")
    return [*requests, mine]


def items_of(name: str) -> list[Any]:
    """Return the items of a journal's run, in their order."""
    return {
        "batched.requests.db": batched_requests(),
        "launch.requests.db": mixed_requests(),
        "launch.speech.db": [f"Hello {n}" for n in range(6)],
        "launch.translate.db": list(LANGUAGES),
        "render-keyed.db": rows(),
        "render-test.db": rows(),
        "render.db": [*rows(), rows()[5]],
    }[name]


def run_of(name: str, batch: Batch, items: list[Any], journal: Path) -> Run[Any]:
    """Start a journal's run again, with some of its items."""
    if name == "launch.translate.db":
        return batch.translate(FILM, items, journal=journal)
    if name == "launch.speech.db":
        return batch.speech(items, voice_id=VOICE_ID, journal=journal)
    if name.endswith("requests.db"):
        via: Any = "api-batch" if name == "batched.requests.db" else "single"
        return batch.run(items, via=via, journal=journal)
    key = (lambda row: str(row["name"])) if name == "render-keyed.db" else None
    test = name == "render-test.db"
    return batch.render(TEMPLATE_ID, items, key=key, test=test, journal=journal)


class Old(NamedTuple):
    """An item as version 0.1.0 stored it."""

    run_id: str
    key: str
    position: int
    attempt: int
    state: str
    job_id: str | None
    error_type: str | None
    error_code: str | None
    error_message: str | None
    output_seconds: float | None
    usd: float | None
    intended_at: float
    submitted_at: float | None
    ended_at: float | None
    idempotency_key: str
    fingerprint: str
    payload: bytes
    result: bytes | None

    @property
    def callback_id(self) -> str:
        """Return its idempotency key as a single item."""
        return idempotency_key(self.run_id, self.key, self.fingerprint, self.attempt)


_OLD = """
SELECT run_id, key, position, attempt, state, job_id, error_type, error_code, error_message,
    output_seconds, usd, intended_at, submitted_at, ended_at, idempotency_key, fingerprint,
    CAST(payload AS BLOB), CAST(result AS BLOB)
FROM items, run ORDER BY position, item
"""


def old_items(path: Path) -> list[Old]:
    """Return all items of a journal of schema 1, read without this package."""
    with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro&immutable=1", uri=True)) as connection:
        return [Old(*row) for row in connection.execute(_OLD)]


def copy_of(name: str, folder: Path) -> Path:
    return Path(shutil.copy(FOLDER / name, folder))
