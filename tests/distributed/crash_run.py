"""A process that renders its share through shared slots, to be killed and started again.

``python -m tests.distributed.crash_run BASE_URL API_KEY TEMPLATE_ID JOURNAL ITEMS REDIS ACCOUNT``:
writes a line ``begun``, then for each outcome its key and its job or its error.
"""

from __future__ import annotations

import asyncio
import os
import sys

from heygen_async import Batch, HeyGen
from heygen_async.distributed import RedisServer, RedisSlots

# As on the sandbox of the test, whose videos take a minute or so at 300 seconds a second.
EXPECTED = {"video": 0.2}


async def render(
    base_url: str,
    api_key: str,
    template_id: str,
    journal: str,
    items: int,
    redis: str,
    account: str,
) -> None:
    server = RedisServer(redis, timeout=2)
    async with (
        RedisSlots(server, account=account, ttl=2, probe_every=1) as slots,
        HeyGen(api_key, base_url=base_url, jobs=slots, retry=15, expected=EXPECTED) as heygen,
        Batch(heygen, journal=journal, concurrency=20) as batch,
    ):
        names = await heygen.templates.variables(template_id)
        rows = (dict.fromkeys(names, f"{journal} {number}") for number in range(items))
        os.write(1, b"begun\n")
        async for outcome in batch.render(template_id, rows):
            what = outcome.job_id if outcome.ok else repr(outcome.error)
            os.write(1, f"{outcome.key} {what}\n".encode())


if __name__ == "__main__":
    base_url, api_key, template_id, journal, items, url, account = sys.argv[1:]
    asyncio.run(render(base_url, api_key, template_id, journal, int(items), url, account))
