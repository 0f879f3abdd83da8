"""Hold the estimate of a run against the account before anything is paid for."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

from heygen_async.errors import HeyGenError, InsufficientBalance
from heygen_async.models.users import User
from heygen_async.pricing.account import check_account, spending_limit
from heygen_async.pricing.budget import Budget
from heygen_async.pricing.estimates import RunEstimate

logger: logging.Logger = logging.getLogger("heygen_async.batch")

_SECONDS = 30.0


async def check_wallet(
    account: Callable[[], Awaitable[User]],
    budget: Budget,
    estimate: Callable[[], Awaitable[RunEstimate]],
    *,
    until_empty: bool,
) -> None:
    """Refuse a run that the account cannot pay for. If it does not tell, nothing is refused.

    Args:
        account: Asks for the account, once, as ``users.me`` does.
        budget: Budget of the run, with what earlier runs have spent.
        estimate: Returns the estimate of the run. Called only if the account may refuse it.
        until_empty: Log a warning instead, and let the run spend what is there.

    Raises:
        InsufficientBalance: With both figures.
    """
    user = await _answer(account)
    limit = None if user is None else spending_limit(user)
    if user is None or limit is None or (budget.max_cost is not None and limit >= budget.max_cost):
        return  # whatever the run costs; a long list takes a while to estimate
    expected = await estimate()
    check = check_account(user, expected, _cap(budget, expected))
    if check.verdict != "insufficient" or check.available is None:
        return
    if until_empty:
        logger.warning("%s; the run goes on until the account is empty", check.message)
        return
    raise InsufficientBalance(
        f"{check.message}, or spend what is there with until_empty=True (--until-empty)",
        needed=check.needed,
        available=check.available,
        max_cost=budget.max_cost,
        max_jobs=budget.max_jobs,
        spent=budget.spent,
        reserved=budget.reserved,
    )


def _cap(budget: Budget, expected: RunEstimate) -> float | None:
    """Return the cap of this run alone: what other runs of its batch have spent comes off it."""
    if budget.max_cost is None:
        return None
    own = 0.0 if expected.left is None else expected.left.spent
    return max(0.0, budget.max_cost - max(0.0, budget.spent - own))


async def _answer(account: Callable[[], Awaitable[User]]) -> User | None:
    """Return the account, or None if it cannot be asked."""
    reason: str
    try:
        async with asyncio.timeout(_SECONDS):
            return await account()
    except HeyGenError as error:
        reason = str(error)
    except TimeoutError:
        reason = f"no answer within {_SECONDS:g} s"
    logger.info("the balance of the account is unknown: %s", reason)
    return None
