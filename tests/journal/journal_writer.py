"""A process that writes a journal and says on its standard output what was acknowledged.

``python -m tests.journal.journal_writer FILE WORKERS [ITEMS]``: one line each, ``i KEY``, ``s KEY``
or ``e KEY``, once the call has returned. Items that an earlier process left unfinished go first.
"""

from __future__ import annotations

import asyncio
import os
import sys

from heygen_async.journal import Journal, fingerprint, idempotency_key
from heygen_async.journal.sqlite import database


async def write(path: str, workers: int, items: int) -> None:
    async with await Journal.open(path, kind="render", subject="template") as journal:
        os.write(1, b"open\n")
        positions = iter(range(items))

        async def worker() -> None:
            for position in positions:
                key = f"item {position}"
                known = await journal.claim(key)
                if known is None:
                    payload = b'{"position":%d,"padding":"%s"}' % (position, b"x" * 200)
                    found = fingerprint("/v3/videos", payload)
                    await journal.intend(
                        key,
                        position=position,
                        attempt=1,
                        idempotency_key=idempotency_key(journal.run_id, key, found),
                        fingerprint=found,
                        payload=payload,
                    )
                    os.write(1, b"i %d\n" % position)
                if known is None or known.state == "intended":
                    await journal.submitted(key, f"job {position}")
                    os.write(1, b"s %d\n" % position)
                if known is None or known.state in ("intended", "submitted"):
                    await journal.ended(key, state="completed", result=b'{"id":"%d"}' % position)
                    os.write(1, b"e %d\n" % position)

        await asyncio.gather(*(worker() for _ in range(workers)))


if __name__ == "__main__":
    database._CHECKPOINT_PAGES = 40  # so that checkpoints fall into a short test
    asyncio.run(write(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])))
