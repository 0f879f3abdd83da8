"""The user, and the account's brand glossaries and brand kits."""

from __future__ import annotations

from ..answers import Json, data, listing
from ..calls import Call, Handler

__all__ = ["HANDLERS"]

#: USD in the wallet of a fresh sandbox.
OPENING_BALANCE = 1_000.0


def me(call: Call) -> Json:
    """`users.me`: the balance falls with the ledger."""
    balance = round(OPENING_BALANCE - call.account.ledger.usd, 4)
    return data(
        {
            "username": "sandbox",
            "email": "sandbox@example.com",
            "first_name": "Sand",
            "last_name": "Box",
            "billing_type": "wallet",
            "wallet": {
                "currency": "usd",
                "remaining_balance": balance,
                "auto_reload": {"enabled": False},
            },
        }
    )


def glossaries(call: Call) -> Json:
    """`brand_glossaries.list`."""
    page, token = call.account.glossaries.page(call.query["limit"], call.query.get("token"))
    return listing(page, token)


def brand_kits(call: Call) -> Json:
    """`brand_kits.list`."""
    page, token = call.account.brand_kits.page(call.query["limit"], call.query.get("token"))
    return listing(page, token)


HANDLERS: dict[str, Handler] = {
    "users.me": me,
    "brand_glossaries.list": glossaries,
    "brand_kits.list": brand_kits,
}
