"""The account's balance, and whether it covers a run."""

from __future__ import annotations

import datetime
from typing import Any

import msgspec
import pytest

from heygen_async.models.users import User
from heygen_async.pricing.account import balance, check_account, spending_limit
from heygen_async.pricing.estimates import RemainingWork, RunEstimate

SUBSCRIPTION = {
    "plan": "pro",
    "credits": {"premium_credits": {"remaining": 120}, "add_on_credits": {"remaining": 0.5}},
}


def user(**account: Any) -> User:
    return msgspec.convert({"username": "u", **account}, User)


def wallet(usd: float, **auto_reload: Any) -> dict[str, Any]:
    reload = {"auto_reload": auto_reload} if auto_reload else {}
    return {"wallet": {"currency": "usd", "remaining_balance": usd, **reload}}


def run_of(known: float, unknown: int = 0, left: RemainingWork | None = None) -> RunEstimate:
    return RunEstimate(
        items=3,
        usd=known + 50 * unknown,  # guesses, which refuse nothing
        usd_low=known,
        usd_high=known + 60 * unknown,
        usd_known=known,
        unknown=unknown,
        seconds=None,
        basis="",
        as_of=datetime.date(2026, 6, 30),
        left=left,
    )


@pytest.mark.parametrize(
    ("account", "left"),
    [
        ({"wallet": {"currency": "usd", "remaining_balance": 12.5}}, 12.5),
        ({"wallet": {"currency": "credits", "remaining_balance": 1234567}}, "1,234,567 credits"),
        ({"wallet": {"currency": "usd"}}, None),
        ({"usage_based": {"spending_cap_usd": 100, "spending_current_usd": 30}}, 70.0),
        ({"usage_based": {"spending_cap_usd": 100, "spending_current_usd": 130}}, 0.0),
        ({"usage_based": {"remaining_credits": 40}}, "40 included credits"),
        ({"subscription": SUBSCRIPTION}, "120 premium credits, 0.5 add-on credits"),
        ({"subscription": {"plan": "free", "credits": {}}}, None),
        ({}, None),
    ],
)
def test_what_is_left_in_the_account(account: dict[str, Any], left: float | str | None) -> None:
    assert balance(user(**account)) == left


@pytest.mark.parametrize(
    ("account", "verdict", "available"),
    [
        (wallet(9.99), "insufficient", 9.99),
        (wallet(10), "sufficient", 10),
        (wallet(0), "insufficient", 0),
        (wallet(0.01, enabled=True), "sufficient", 0.01),
        (wallet(0.01, enabled=False), "insufficient", 0.01),
        ({"wallet": {"currency": "credits", "remaining_balance": 1}}, "unknown", None),
        ({"wallet": {"currency": "usd"}}, "unknown", None),
        ({"usage_based": {"spending_cap_usd": 15, "spending_current_usd": 9}}, "insufficient", 6),
        ({"usage_based": {"spending_cap_usd": 15}}, "sufficient", 15),
        ({"usage_based": {"remaining_credits": 0}}, "unknown", None),
        ({"subscription": SUBSCRIPTION}, "unknown", None),
        ({}, "unknown", None),
    ],
)
def test_only_dollars_that_do_not_refill_refuse_a_run(
    account: dict[str, Any], verdict: str, available: float | None
) -> None:
    check = check_account(user(**account), run_of(10))
    assert (check.verdict, check.needed, check.available) == (verdict, 10, available)


def test_both_figures_and_the_credits_are_told() -> None:
    usage = {"spending_cap_usd": 5, "spending_current_usd": 1, "remaining_credits": 40}
    check = check_account(user(usage_based=usage), run_of(10))
    assert check.message == (
        "the run needs about 10.00 USD and the account has 4.00 USD; it also has 40 included "
        "credits: 6.00 USD short. Top it up, or set a lower max_cost"
    )
    check = check_account(user(subscription=SUBSCRIPTION), run_of(10, unknown=1))
    assert check.message == (
        "the run needs at least 10.00 USD; the account does not report its balance; it also "
        "has 120 premium credits, 0.5 add-on credits"
    )


def test_what_is_unknown_refuses_nothing() -> None:
    assert check_account(user(**wallet(10)), run_of(10, unknown=2)).verdict == "sufficient"
    assert check_account(user(**wallet(10)), run_of(10.5, unknown=2)).verdict == "insufficient"


def test_a_lower_cap_counts_and_so_does_what_is_left() -> None:
    account = user(**wallet(6))
    assert check_account(account, run_of(10), max_cost=6).verdict == "sufficient"
    assert check_account(account, run_of(10), max_cost=7).verdict == "insufficient"
    left = RemainingWork(
        usd=8,
        usd_low=8,
        usd_high=8,
        usd_known=8,
        new=1,
        again=0,
        in_flight=0,
        unanswered=0,
        completed=1,
        failed=0,
        uncertain=0,
        changed=0,
        left_out=0,
        spent=2,
        jobs=1,
    )
    assert check_account(account, run_of(10, left=left)).needed == 8
    assert check_account(account, run_of(10, left=left), max_cost=8).needed == 6
    assert check_account(account, run_of(10, left=left), max_cost=1).needed == 0


@pytest.mark.parametrize(
    ("account", "limit"),
    [
        (wallet(9.99), 9.99),
        (wallet(0.01, enabled=True), None),
        ({"wallet": {"currency": "credits", "remaining_balance": 1}}, None),
        ({"usage_based": {"spending_cap_usd": 15, "spending_current_usd": 9}}, 6),
        ({"subscription": SUBSCRIPTION}, None),
    ],
)
def test_what_the_account_can_spend_at_most(account: dict[str, Any], limit: float | None) -> None:
    assert spending_limit(user(**account)) == limit
