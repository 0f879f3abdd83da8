"""``whoami``: show the account, its balance, and its activity."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from heygen_async.cli.display import Display
from heygen_async.cli.exit_codes import Exit
from heygen_async.cli.single.tables import details, plain
from heygen_async.client import HeyGen
from heygen_async.jobs.kind import RUNNING
from heygen_async.journal import open_reader
from heygen_async.models.video_translations import VideoTranslation
from heygen_async.models.videos import Video
from heygen_async.pricing.account import balance
from heygen_async.pricing.estimates import dollars

_NEWEST = 100


async def whoami(display: Display, base_url: str | None, *, journal: Path | None = None) -> Exit:
    """Show the account behind the key.

    Args:
        display: The display.
        base_url: Base URL of the API; None reads it from the environment.
        journal: The journal of a run, which has learned how many jobs may run at once; or None.

    Raises:
        HeyGenError: The API refuses the request, or the journal cannot be read.
    """
    limit = None if journal is None else await asyncio.to_thread(_slots_seen, journal)
    async with HeyGen(base_url=base_url) as heygen:
        user, videos, translations = await asyncio.gather(
            heygen.users.me(),
            heygen.videos.list(limit=_NEWEST).first_page(),
            heygen.video_translations.list(limit=_NEWEST).first_page(),
        )
    left = balance(user)
    newest: list[Video | VideoTranslation] = [*videos.items, *translations.items]
    busy = sum(one.status in RUNNING for one in newest)
    record: dict[str, Any] = {
        **plain(user),
        "balance": left,
        "plan": None if user.subscription is None else user.subscription.plan,
        "slots": {"running": busy, "limit": limit},
    }
    shown = {
        "account": user.username,
        "email": user.email,
        "billing": user.billing_type,
        "plan": record["plan"],
        "balance": dollars(left) if isinstance(left, int | float) else left or "not told",
        "jobs running": f"{busy}, of the newest {_NEWEST} videos and {_NEWEST} dubs",
        "slots seen": "unknown; --journal FILE reads it from a run" if limit is None else limit,
    }
    display.result(record, details(shown))
    return Exit.DONE


def _slots_seen(journal: Path) -> int | None:
    """Return the account's latest limit of concurrent jobs, as learned by a run."""
    with open_reader(journal) as view:
        limits = [sample.slot_limit for sample in view.slots() if sample.slot_limit]
    return limits[-1] if limits else None
