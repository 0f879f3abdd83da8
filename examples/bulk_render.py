"""A personal video for each row of a CSV file, whose columns are a template's variables.

    python bulk_render.py TEMPLATE_ID [rows.csv]

It does the same as `heygen-async render` in a few lines. After an interruption, the same command
continues where it was: `greetings.db` records what is paid for. It needs HEYGEN_API_KEY, and on a
sandbox (`heygen-async sandbox`) HEYGEN_API_BASE too.
"""

import asyncio
import csv
import sys
from pathlib import Path

from heygen_async import (
    Batch,
    BudgetExceeded,
    HeyGen,
    Progress,
    TemplateRenderRequest,
    TextVariable,
)

GREETINGS = Path(__file__).with_name("greetings.csv")


def show(progress: Progress) -> None:
    print(f"{progress.done} of {progress.total}, {progress.running} running", end="\r")


def read(path: str | Path) -> list[TemplateRenderRequest]:
    with open(path, encoding="utf-8", newline="") as file:
        return [
            TemplateRenderRequest(
                title=row["key"],
                variables={name: TextVariable(content=row[name]) for name in ("name", "product")},
            )
            for row in csv.DictReader(file)
        ]


def key(variant: TemplateRenderRequest) -> str:
    return variant.title or ""


async def main(template_id: str, path: str | Path = GREETINGS) -> None:
    variants = read(path)
    async with (
        HeyGen() as heygen,
        Batch(heygen, journal="greetings.db", max_cost=200, progress=show) as batch,
    ):
        # The whole list is checked against the template before the first paid call.
        run = batch.render(template_id, variants, key=key)
        print(await run.estimate())
        try:
            async for outcome in batch.download(run, "greetings/{key}.mp4"):
                if outcome.error is not None:
                    print(f"{outcome.key} failed: {outcome.error}")
                elif outcome.download_error is not None:
                    print(f"{outcome.key} is rendered, but not here: {outcome.download_error}")
        except BudgetExceeded as error:
            print(f"Stopped: {error}. With a larger max_cost, the same command continues.")
        print(run.report)


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    asyncio.run(main(*sys.argv[1:]))
