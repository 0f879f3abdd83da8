"""A process that renders with a journal, to be killed and started again.

``python -m tests.batch.crash_run BASE_URL API_KEY TEMPLATE_ID JOURNAL ITEMS``: writes a line
``begun``, then for each outcome its position and its job or its error.
"""

from __future__ import annotations

import asyncio
import os
import sys

from heygen_async import Batch, HeyGen

# As on the sandbox of the test, whose videos take a minute or so at 300 seconds a second.
EXPECTED = {"video": 0.2}


async def render(base_url: str, api_key: str, template_id: str, journal: str, items: int) -> None:
    async with (
        HeyGen(api_key, base_url=base_url, jobs=10, retry=15, expected=EXPECTED) as heygen,
        Batch(heygen, journal=journal) as batch,
    ):
        names = await heygen.templates.variables(template_id)
        rows = (dict.fromkeys(names, f"Item {number}") for number in range(items))
        os.write(1, b"begun\n")
        async for outcome in batch.render(template_id, rows):
            what = outcome.job_id if outcome.ok else repr(outcome.error)
            os.write(1, f"{outcome.index} {what}\n".encode())


if __name__ == "__main__":
    base_url, api_key, template_id, journal, items = sys.argv[1:]
    asyncio.run(render(base_url, api_key, template_id, journal, int(items)))
