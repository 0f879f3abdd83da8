"""The account behind the key: who it is and how it pays."""

from __future__ import annotations

from heygen_async.models.structs import Answer


class AutoReload(Answer, frozen=True, kw_only=True):
    """How a wallet refills itself.

    Attributes:
        enabled: Whether it does.
        amount_usd: By how much, in USD.
        threshold_usd: Below which balance, in USD.
    """

    enabled: bool
    amount_usd: float | None = None
    threshold_usd: float | None = None


class Wallet(Answer, frozen=True, kw_only=True):
    """A prepaid balance.

    Attributes:
        currency: ``usd`` or ``credits``.
        remaining_balance: What is left, in that currency.
        auto_reload: How it refills itself.
    """

    currency: str
    remaining_balance: float | None = None
    auto_reload: AutoReload | None = None


class CreditPool(Answer, frozen=True, kw_only=True):
    """Credits of one kind.

    Attributes:
        remaining: What is left.
        resets_at: When the pool fills up again, ISO 8601.
    """

    remaining: int | float | None = None
    resets_at: str | None = None


class SubscriptionCredits(Answer, frozen=True, kw_only=True):
    """The credits of a subscription.

    Attributes:
        premium_credits: Those of the plan.
        add_on_credits: Those bought on top.
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
        remaining_credits: Of these, what is left.
        spending_cap_usd: The most that may be spent, in USD.
        spending_current_usd: What has been spent, in USD.
    """

    included_credits: float | None = None
    remaining_credits: float | None = None
    spending_cap_usd: float | None = None
    spending_current_usd: float | None = None


class User(Answer, frozen=True, kw_only=True):
    """The account behind the key.

    Attributes:
        username: Its name.
        email: Its address.
        first_name: The owner's first name.
        last_name: The owner's last name.
        billing_type: ``wallet``, ``subscription`` or ``usage_based``; says which of the
            three below is there.
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
