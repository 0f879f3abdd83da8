"""``--dry-run``: what a run would cost, without a paid call."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from heygen_async.batch import Batch, Run
from heygen_async.batch.money import balance, dollars
from heygen_async.cli.display import Lines, Terminal
from heygen_async.cli.exits import Exit
from heygen_async.cli.options import RunOptions
from heygen_async.client import HeyGen


async def preview(
    heygen: HeyGen,
    display: Lines | Terminal,
    start: Callable[[Batch], Run[Any]],
    options: RunOptions,
) -> Exit:
    """Check all items, add up what they will probably cost, and look at the balance.

    Args:
        heygen: The client.
        display: Where it is shown.
        start: Makes the run, which is not iterated.
        options: Journal and budget of the run.

    Raises:
        InvalidRequest: An item cannot be sent.
        HeyGenError: The API refuses an answer.
    """
    expected = await start(options.batch(heygen)).estimate()
    items, usd, incomplete = expected.items, expected.usd, expected.incomplete
    left = balance(await heygen.users.me())
    existing = await asyncio.to_thread(options.existing_run)
    if isinstance(display, Lines):
        display.line(
            {
                "dry_run": {
                    "items": items,
                    "usd": round(usd, 6),
                    "incomplete": incomplete,
                    "prices_as_of": expected.as_of,
                    "balance": left,
                    "max_cost": options.max_cost,
                    "max_jobs": options.max_jobs,
                    "journal": existing,
                }
            }
        )
        return Exit.DONE
    display.note(f"{items:,} items, all of them valid. Nothing was submitted.")
    least = "at least " if incomplete else ""
    display.note(f"  estimate: {least}{dollars(usd)} at prices of {expected.as_of}")
    if incomplete:
        display.note(f"  {incomplete:,} items have no complete estimate ({expected.basis})")
    told = dollars(left) if isinstance(left, float | int) else left or "the account does not say"
    display.note(f"  balance:  {told}")
    if existing is not None:
        display.note(f"  {existing} What has ended costs nothing more.")
    if isinstance(left, float | int) and usd > left:
        display.warn("  The estimate is higher than the balance.")
    if options.max_cost is not None and usd > options.max_cost:
        display.warn(f"  The run would stop at --max-cost, {dollars(options.max_cost)}.")
    if options.max_jobs is not None and items > options.max_jobs:
        display.warn(f"  The run would stop at --max-jobs, {options.max_jobs:,}.")
    return Exit.DONE
