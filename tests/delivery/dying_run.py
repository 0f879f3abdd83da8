"""A process that renders, downloads and tells a receiver, and kills itself at a moment.

``python -m tests.delivery.dying_run BASE_URL API_KEY TEMPLATE_ID FOLDER MOMENT``: writes a line of
key and id into ``FOLDER/told`` for each item that the receiver gets. With ``never`` for a moment it
ends by itself.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path
from typing import Any

from heygen_async import Batch, HeyGen, Outcome

ITEMS = 6
MOMENTS = ("before the file", "after the file", "before the call", "after the call", "at the end")
#: As on the sandbox of the test, where a minute takes 0.2 s.
EXPECTED = {"video": 0.2}


class DyingClient(HeyGen):
    """Kills its process before or after the third download."""

    moment: str
    downloads = 0

    async def download(self, *args: Any, **settings: Any) -> int:
        self.downloads += 1
        third = self.downloads == 3
        die(self.moment, "before the file", now=third)
        size = await super().download(*args, **settings)
        die(self.moment, "after the file", now=third)
        return size


def die(moment: str, here: str, *, now: bool = True) -> None:
    if now and moment == here:
        os.kill(os.getpid(), signal.SIGKILL)


async def render(base_url: str, api_key: str, template_id: str, folder: Path, moment: str) -> None:
    told = os.open(folder / "told", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    calls = 0

    def tell(outcome: Outcome[Any]) -> None:
        nonlocal calls
        calls += 1
        assert outcome.file is not None
        die(moment, "before the call", now=calls == 3)
        os.write(told, f"{outcome.key} {outcome.delivery_id}\n".encode())
        die(moment, "after the call", now=calls == 3)

    rows = [{"name": f"Person {number}", "id": f"p{number}"} for number in range(ITEMS)]
    async with DyingClient(api_key, base_url=base_url, jobs=10, expected=EXPECTED) as heygen:
        heygen.moment = moment
        async with Batch(heygen, journal=folder / "run.db", on_done=tell) as batch:
            run = batch.render(
                template_id, rows, variant=lambda row: {"name": row["name"]}, key="id"
            )
            seen = 0
            async for outcome in batch.download(run, folder / "files" / "{key}.mp4"):
                assert outcome.delivery_error is None
                seen += 1
                die(moment, "at the end", now=seen == 3)


if __name__ == "__main__":
    url, key, template, where, when = sys.argv[1:]
    asyncio.run(render(url, key, template, Path(where), when))
