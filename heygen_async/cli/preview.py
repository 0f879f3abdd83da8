"""``--dry-run`` and ``--preview``: show a run and its cost without a paid call."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import msgspec
from rich.console import Console

from heygen_async.batch import Batch, Run
from heygen_async.cli.display import LINES_SCHEMA, Display, cents
from heygen_async.cli.exit_codes import CommandError, Exit
from heygen_async.cli.run_options import RunOptions
from heygen_async.client import HeyGen
from heygen_async.pipelines import ChainEstimate
from heygen_async.pricing.account import AccountCheck, balance, check_account
from heygen_async.pricing.estimates import CostRange, RemainingWork, RunEstimate, dollars
from heygen_async.reports import preview as write_sheet


async def preview(
    heygen: HeyGen,
    display: Display,
    estimate: Callable[[Batch], Awaitable[RunEstimate]],
    options: RunOptions,
    existing: str | None,
    *,
    chain: bool = False,
    columns: Mapping[str, str | None] | None = None,
    start: Callable[[Batch], Run[Any]] | None = None,
) -> Exit:
    """Check all items, estimate their total cost, and compare it with the balance.

    With a journal, the remaining cost is used.

    Args:
        heygen: The client.
        display: The display.
        estimate: Estimates the run or the chain.
        options: Journal and budget.
        existing: Contents of the journal as text; None if empty.
        chain: Whether it is a chain, whose stages have journals of their own.
        columns: Field of each column of the rows, or None; None without rows.
        start: Starts the run that the page of ``--preview`` shows; None for a chain.

    Raises:
        CommandError: The page of ``--preview`` cannot be written.
        InvalidRequest: An item cannot be sent.
        HeyGenError: The API refuses an answer, or the journal cannot be read.
    """
    batch = options.batch(heygen, journal=options.journal if chain else None)
    if options.preview is not None and start is not None:
        # Before the estimate, which refuses what the page shows.
        try:
            await write_sheet(start(batch), options.preview)
        except OSError as error:
            reason = error.strerror or error
            raise CommandError(f"--preview: {options.preview}: {reason}") from None
        display.note(f"Preview: {options.preview}")
    expected = await estimate(batch)
    left = expected.left
    user = await heygen.users.me()
    in_account = balance(user)
    record: dict[str, Any] = {
        "schema": LINES_SCHEMA,
        "items": expected.items,
        **_figures(expected),
        "prices_as_of": expected.as_of,
        "balance": in_account,
        "max_cost": options.max_cost,
        "max_jobs": options.max_jobs,
        "journal": existing,
        "left": _remaining(left),
    }
    if columns is not None:
        record["columns"] = columns
    if options.preview is not None:
        record["preview"] = str(options.preview)
    if isinstance(expected, ChainEstimate):
        record["stages"] = {
            name: {"items": stage.items, **_figures(stage), "left": _remaining(stage.left)}
            for name, stage in expected.stages.items()
        }

    def show(console: Console) -> None:
        for column, field in (columns or {}).items():
            display.note(f"  {column} → {field}" if field else f"  {column}: passed through")
        _show(display, expected, in_account)
        _warn(display, expected, check_account(user, expected, options.max_cost), options)

    display.result({"dry_run": record}, show)
    return Exit.DONE


def _show(display: Display, expected: RunEstimate, in_account: float | str | None) -> None:
    items, left = expected.items, expected.left
    valid = "1 item, which is" if items == 1 else f"{items:,} items, all of them"
    display.note(f"{valid} valid. Nothing was submitted.")
    if isinstance(expected, ChainEstimate):
        for name, stage in expected.stages.items():
            display.note(f"  {name}: {_items(stage.items)}, {stage.amount}")
    display.note(f"  estimate: {expected.amount} at prices of {expected.as_of}")
    if expected.notice:
        display.warn(f"  {expected.notice[:1].upper()}{expected.notice[1:]}.")
    if expected.unknown:
        display.note(f"  {_items(expected.unknown)} without a complete estimate ({expected.basis})")
    if left is not None:
        display.note(f"  of these: {', '.join(_standing(left))}")
        display.note(f"  left:     {left.amount} to pay")
        if left.changed:
            display.warn(
                f"  {_items(left.changed)} would fail: something else was submitted under their "
                "keys. Give them other keys to have them made anew."
            )
        if left.left_out:
            display.warn(
                f"  Not among these, and left as they are: {_items(left.left_out)} of the journal."
            )
    told = in_account or "the account does not say"
    if isinstance(in_account, float | int):
        told = dollars(in_account)
    display.note(f"  balance:  {told}")


def _standing(left: RemainingWork) -> list[str]:
    """Return the number of items in each state as text."""
    counts = {
        "completed": left.completed,
        "failed": left.failed,
        "in flight": left.in_flight,
        "unanswered": left.unanswered,
        "uncertain": left.uncertain,
        "to be sent again": left.again,
        "new": left.new,
        "changed": left.changed,
    }
    return [f"{count:,} {name}" for name, count in counts.items() if count]


def _warn(
    display: Display,
    expected: RunEstimate,
    account: AccountCheck,
    options: RunOptions,
) -> None:
    """Warn about limits that would end the run early."""
    left = expected.left
    usd = (expected.usd if left is None else left.usd) or 0.0
    jobs = (
        expected.items if left is None else left.new + left.again + left.in_flight + left.unanswered
    )
    spent, ended = (0.0, 0) if left is None else (left.spent, left.jobs)
    if account.verdict == "insufficient":
        display.warn(f"  {account.message[:1].upper()}{account.message[1:]}.")
    if options.max_cost is not None and spent + usd > options.max_cost:
        display.warn(f"  The run would stop at --max-cost, {dollars(options.max_cost)}.")
    if options.max_jobs is not None and ended + jobs > options.max_jobs:
        display.warn(f"  The run would stop at --max-jobs, {options.max_jobs:,}.")


def _remaining(left: RemainingWork | None) -> dict[str, Any] | None:
    return None if left is None else {**msgspec.structs.asdict(left), **_figures(left)}


def _figures(cost: CostRange) -> dict[str, float | int | None]:
    """Return the amounts of an estimate, for programs."""
    amounts = {"usd": cost.usd, "usd_low": cost.usd_low, "usd_high": cost.usd_high}
    rounded = {name: None if usd is None else round(usd, 6) for name, usd in amounts.items()}
    return {
        **rounded,
        "usd_cents": cents(cost.usd),
        "unknown": cost.unknown,
        "incomplete": cost.unknown,
    }


def _items(count: int) -> str:
    return "1 item" if count == 1 else f"{count:,} items"
