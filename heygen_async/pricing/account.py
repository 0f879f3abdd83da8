"""Check whether the account can pay for a run."""

from __future__ import annotations

from typing import Literal, TypeAlias

import msgspec

from heygen_async.models.users import User
from heygen_async.pricing.estimates import RunEstimate, dollars

Verdict: TypeAlias = Literal["sufficient", "insufficient", "unknown"]


class AccountCheck(msgspec.Struct, frozen=True, kw_only=True):
    """Whether the account can pay for a run.

    Attributes:
        verdict: ``insufficient`` only if a wallet in USD without auto-reload, or a spending cap in
            USD, is lower than the estimate; ``unknown`` if the account has neither.
        needed: Estimated remaining cost in USD. Unknown costs count as ``usd_low``.
        available: USD that the account can spend, or None if unknown.
        credits: Credits of the account as text, or None. They have no price in USD.
        unknown: Items whose cost is unknown.
    """

    verdict: Verdict
    needed: float
    available: float | None = None
    credits: str | None = None
    unknown: int = 0

    @property
    def message(self) -> str:
        """The amounts, and advice if the account cannot pay."""
        least = "at least" if self.unknown else "about"
        needed = f"the run needs {least} {dollars(self.needed)}"
        beside = f"; it also has {self.credits}" if self.credits else ""
        if self.available is None:
            return f"{needed}; the account does not report its balance{beside}"
        available = f"the account has {dollars(self.available)}{beside}"
        if self.verdict == "insufficient":
            missing = dollars(self.needed - self.available)
            return f"{needed} and {available}: {missing} short. Top it up, or set a lower max_cost"
        return f"{needed} and {available}"


def balance(user: User) -> float | str | None:
    """Return the remaining balance of the account.

    Args:
        user: The account, from ``users.me``.

    Returns:
        USD as a float: the balance of a wallet, or the amount left under the spending cap. Credits
        as text, since they have no price in USD. None if the account does not show a balance. A
        wallet with auto-reload can pay for more than its balance.
    """
    usd = _dollars_left(user)
    return _credits_left(user) if usd is None else usd


def wallet_usd(user: User | None) -> float | None:
    """Return the balance of a wallet in USD, or None if it is unknown or there is no wallet."""
    wallet = None if user is None else user.wallet
    return wallet.remaining_balance if wallet is not None and wallet.currency == "usd" else None


def has_moved(before: float | str | None, now: float | str | None) -> bool:
    """Return whether the balance is higher than before; for credits, whether it differs.

    Args:
        before: The earlier result of ``balance``.
        now: The current result of ``balance``, or None if unknown.
    """
    if isinstance(before, float) and isinstance(now, float):
        return now > before  # jobs in flight may be charged to it in the meantime
    return now is not None and now != before


def spending_limit(user: User) -> float | None:
    """Return the USD that the account can spend at most; None if unknown or if it reloads."""
    return None if _reloads(user) else _dollars_left(user)


def check_account(user: User, estimate: RunEstimate, max_cost: float | None = None) -> AccountCheck:
    """Compare the estimate of a run with the funds of the account.

    Args:
        user: The account, from ``users.me``.
        estimate: Estimate of the run. With a journal, the remaining cost is used.
        max_cost: Cap of the run in USD, used if it is lower than the estimate.
    """
    left = estimate.left
    needed = estimate.usd_known if left is None else left.usd_known
    if max_cost is not None:
        needed = min(needed, max(0.0, max_cost - (0.0 if left is None else left.spent)))
    available = _dollars_left(user)
    verdict: Verdict = "unknown"
    if available is not None:
        verdict = "insufficient" if needed > available and not _reloads(user) else "sufficient"
    return AccountCheck(
        verdict=verdict,
        needed=needed,
        available=available,
        credits=_credits_left(user),
        unknown=estimate.unknown if left is None else left.unknown,
    )


def _reloads(user: User) -> bool:
    """Return whether a wallet reloads automatically."""
    reload = user.wallet.auto_reload if user.wallet is not None else None
    return reload is not None and reload.enabled


def _dollars_left(user: User) -> float | None:
    wallet, usage = user.wallet, user.usage_based
    if wallet is not None and wallet.remaining_balance is not None:
        return wallet.remaining_balance if wallet.currency == "usd" else None
    if usage is not None and usage.spending_cap_usd is not None:
        return max(0.0, usage.spending_cap_usd - (usage.spending_current_usd or 0.0))
    return None


def _credits_left(user: User) -> str | None:
    wallet, usage, subscription = user.wallet, user.usage_based, user.subscription
    if wallet is not None and wallet.remaining_balance is not None and wallet.currency != "usd":
        return f"{wallet.remaining_balance:,.12g} {wallet.currency}"
    if usage is not None and usage.remaining_credits is not None:
        return f"{usage.remaining_credits:,.12g} included credits"
    if subscription is None:
        return None
    pools = {
        "premium": subscription.credits.premium_credits,
        "add-on": subscription.credits.add_on_credits,
    }
    known = [
        f"{pool.remaining:,.12g} {kind} credits"
        for kind, pool in pools.items()
        if pool is not None and pool.remaining is not None
    ]
    return ", ".join(known) or None
