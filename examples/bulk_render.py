"""A personal video for each row of a CSV file, whose columns are a template's variables.

    python bulk_render.py TEMPLATE_ID [rows.csv]

What `heygen-async render` does, in a few lines of your own.
"""

import asyncio
import csv
import sys
from pathlib import Path

from heygen_async import Batch, HeyGen, Progress

GREETINGS = Path(__file__).with_name("greetings.csv")


def show(progress: Progress) -> None:
    print(f"{progress.done} of {progress.total}, {progress.running} running", end="\r")


def read(path: str | Path) -> list[dict[str, str]]:
    with open(path, encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


async def main(template_id: str, path: str | Path = GREETINGS) -> None:
    rows = read(path)
    # The whole list is checked against the template before the first paid call.
    variants = [{"name": row["name"], "product": row["product"]} for row in rows]

    async with HeyGen() as heygen, Batch(heygen, progress=show) as batch:
        run = batch.render(template_id, variants)
        async for outcome in run:
            if outcome.result is None:
                print(f"row {outcome.index + 1} failed: {outcome.error}")
            else:
                await heygen.download(outcome.result, f"greetings/{rows[outcome.index]['key']}.mp4")
        print(run.report)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
