"""A process that writes a journal, and prints its acknowledged steps.

``python -m tests.journal.journal_writer FILE WORKERS ITEMS``: one line each, ``i KEY``, ``s KEY``
or ``e KEY``, once the call has returned. Items that an earlier process left unfinished go first.
"""

from __future__ import annotations

import asyncio
import os
import sys
from contextlib import aclosing

from heygen_async.journal import Begin, Finish, Intent, ItemRecord, RunSpec, SqliteJournal
from heygen_async.journal.keys import fingerprint, idempotency_key


async def write(path: str, workers: int, items: int) -> None:
    # So that checkpoints fall into a short test.
    async with aclosing(SqliteJournal(path, checkpoint_pages=40)) as journal:
        run = (await journal.open(RunSpec(kind="render", subject="template"))).run
        os.write(1, b"open\n")
        positions = iter(range(items))

        async def worker() -> None:
            for position in positions:
                key = f"item {position}"
                payload = b'{"position":%d,"padding":"%s"}' % (position, b"x" * 200)
                found = fingerprint("videos.create", (), payload)
                sent_under = idempotency_key(run.run_id, key, found)
                (begun,) = await journal.begin(
                    [
                        Intent(
                            key,
                            position,
                            1,
                            "videos.create",
                            (),
                            sent_under,
                            sent_under,
                            found,
                            payload,
                        )
                    ],
                    str(os.getpid()),
                )
                assert begun not in (Begin.DUPLICATE, Begin.HELD_BY_OTHER)
                state = begun.state if isinstance(begun, ItemRecord) else None
                if state is None:
                    os.write(1, b"i %d\n" % position)
                if state in (None, "intended"):
                    await journal.submitted(key, f"job {position}")
                    os.write(1, b"s %d\n" % position)
                if state in (None, "intended", "submitted"):
                    await journal.finish(Finish(key, "completed", result={"id": str(position)}))
                    os.write(1, b"e %d\n" % position)

        await asyncio.gather(*(worker() for _ in range(workers)))


if __name__ == "__main__":
    asyncio.run(write(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])))
