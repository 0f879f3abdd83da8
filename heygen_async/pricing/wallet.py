"""Compare the estimate of a run with the account before any paid call."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

from heygen_async.errors import HeyGenError, InsufficientBalance
from heygen_async.models.users import User
from heygen_async.pricing.account import balance, check_account, spending_limit, wallet_usd
from heygen_async.pricing.budget import Budget
from heygen_async.pricing.estimates import RunEstimate, dollars

logger: logging.Logger = logging.getLogger("heygen_async.batch")

_SECONDS = 30.0  # timeout for the account's answer


class Wallet:
    """Compare a run with the account, before any paid call and at the end of the run.

    Args:
        account: Fetches the account, as ``users.me`` does.
    """

    def __init__(self, account: Callable[[], Awaitable[User]]) -> None:
        self._account = account
        self._usd: float | None = None  # at the start

    async def check(
        self, budget: Budget, estimate: Callable[[], Awaitable[RunEstimate]], *, until_empty: bool
    ) -> None:
        """Refuse a run that the account cannot pay for. An unknown balance refuses nothing.

        Args:
            budget: Budget of the run, including the spending of earlier runs.
            estimate: Returns the estimate of the run. Called only if the account may refuse it.
            until_empty: Log a warning instead, and let the run spend the remaining balance.

        Raises:
            InsufficientBalance: The account cannot pay for the run; the error has both amounts.
        """
        user = await ask_account(self._account)
        limit = None if user is None else spending_limit(user)
        self._usd = wallet_usd(user)
        cap = budget.max_cost
        if user is None or limit is None or (cap is not None and limit >= cap):
            return  # regardless of the cost; estimating a long list takes time
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
            max_cost=cap,
            max_jobs=budget.max_jobs,
            spent=budget.spent,
            reserved=budget.reserved,
        )

    async def change(self) -> float | None:
        """Return the change of the balance in USD since ``check``; None if unknown."""
        if self._usd is None:
            return None
        now = wallet_usd(await ask_account(self._account))
        return None if now is None else round(now - self._usd, 6)


def what_is_missing(user: User | None, budget: Budget, rest: RunEstimate | None) -> str:
    """Return the amount that the rest of a run needs, and the balance, as text.

    Args:
        user: The account, or None if it cannot be fetched.
        budget: Budget of the run.
        rest: Estimate of the rest, or None if unknown.
    """
    if user is None:
        return "the account does not report its balance"
    if rest is not None:
        return check_account(user, rest, _cap(budget, rest)).message
    left = balance(user)
    return f"the account has {dollars(left) if isinstance(left, float) else left or 'nothing'}"


def _cap(budget: Budget, expected: RunEstimate) -> float | None:
    """Return the cap of this run: the batch's cap less the spending of its other runs."""
    if budget.max_cost is None:
        return None
    own = 0.0 if expected.left is None else expected.left.spent
    return max(0.0, budget.max_cost - max(0.0, budget.spent - own))


async def ask_account(account: Callable[[], Awaitable[User]]) -> User | None:
    """Return the account, or None if it cannot be fetched."""
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
