"""The account of the key and its billing."""

from __future__ import annotations

from heygen_async.models.structs import Answer


class AutoReload(Answer, frozen=True, kw_only=True):
    """The automatic reload of a wallet.

    Attributes:
        enabled: Whether it is on.
        amount_usd: Amount of a reload in USD.
        threshold_usd: Balance in USD below which it reloads.
    """

    enabled: bool
    amount_usd: float | None = None
    threshold_usd: float | None = None


class Wallet(Answer, frozen=True, kw_only=True):
    """A prepaid balance.

    Attributes:
        currency: ``usd`` or ``credits``.
        remaining_balance: Remaining balance, in that currency.
        auto_reload: Its automatic reload.
    """

    currency: str
    remaining_balance: float | None = None
    auto_reload: AutoReload | None = None


class CreditPool(Answer, frozen=True, kw_only=True):
    """Credits of one kind.

    Attributes:
        remaining: Remaining credits.
        resets_at: Time of the next reset, ISO 8601.
    """

    remaining: int | float | None = None
    resets_at: str | None = None


class SubscriptionCredits(Answer, frozen=True, kw_only=True):
    """The credits of a subscription.

    Attributes:
        premium_credits: Credits of the plan.
        add_on_credits: Additional credits that were bought.
    """

    premium_credits: CreditPool | None = None
    add_on_credits: CreditPool | None = None


class Subscription(Answer, frozen=True, kw_only=True):
    """A subscription.

    Attributes:
        plan: ``free``, ``starter``, ``creator``, ``pro``, ``team``, ``enterprise`` or
            ``business_plus``.
        credits: Its credits.
    """

    plan: str
    credits: SubscriptionCredits


class UsageBasedBilling(Answer, frozen=True, kw_only=True):
    """Billing by use.

    Attributes:
        included_credits: Credits included.
        remaining_credits: Remaining part of these.
        spending_cap_usd: Spending limit in USD.
        spending_current_usd: Current spending in USD.
    """

    included_credits: float | None = None
    remaining_credits: float | None = None
    spending_cap_usd: float | None = None
    spending_current_usd: float | None = None


class User(Answer, frozen=True, kw_only=True):
    """The account of the key.

    Attributes:
        username: Its name.
        email: Its address.
        first_name: The owner's first name.
        last_name: The owner's last name.
        billing_type: ``wallet``, ``subscription`` or ``usage_based``: the one of the three fields
            below that is set.
        wallet: The prepaid balance.
        subscription: The subscription.
        usage_based: The billing by use.
    """

    username: str
    email: str | None = None
    first_name: str | None = None
    last_name: str | None = None
    billing_type: str | None = None
    wallet: Wallet | None = None
    subscription: Subscription | None = None
    usage_based: UsageBasedBilling | None = None
