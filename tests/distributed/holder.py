"""A process that holds slots, to be stopped and killed.

``python -m tests.distributed.holder URL ACCOUNT SLOTS TTL``: takes slots and writes ``held``; for
each line that it reads it writes how many of them are lost, and how many the account holds.
"""

from __future__ import annotations

import asyncio
import sys

from heygen_async.distributed import RedisSlots


async def hold(url: str, account: str, slots: int, ttl: float) -> None:
    async with RedisSlots(url, account=account, ceiling=slots, ttl=ttl) as pool:
        leases = [await pool.acquire() for _ in range(slots)]
        for lease in leases[: slots // 2]:
            lease.accepted()
        print("held", flush=True)
        while await asyncio.to_thread(sys.stdin.readline):
            print(sum(lease.lost for lease in leases), pool.stats().held, flush=True)


if __name__ == "__main__":
    url, account, slots, ttl = sys.argv[1:]
    asyncio.run(hold(url, account, int(slots), float(ttl)))
