"""What the account can pay for."""

from __future__ import annotations

from heygen_async.models.users import User


def balance(user: User) -> float | str | None:
    """Return what is left in the account.

    Args:
        user: The account, from ``users.me``.

    Returns:
        USD as a float: the balance of a wallet, or what is left under the spending cap. Credits
        as text, since they have no price in USD. None if the account does not tell. A wallet with
        auto-reload can pay for more than its balance.
    """
    wallet, usage, subscription = user.wallet, user.usage_based, user.subscription
    if wallet is not None and wallet.remaining_balance is not None:
        left = wallet.remaining_balance
        return left if wallet.currency == "usd" else f"{left:,.12g} {wallet.currency}"
    if usage is not None:
        if usage.spending_cap_usd is not None:
            return max(0.0, usage.spending_cap_usd - (usage.spending_current_usd or 0.0))
        if usage.remaining_credits is not None:
            return f"{usage.remaining_credits:,.12g} included credits"
    if subscription is not None:
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
    return None
