"""The account of the key."""

from __future__ import annotations

from ..answers import Json, data
from ..server.calls import Call, Handler

__all__ = ["HANDLERS"]


def me(call: Call) -> Json:
    """Serve `users.me`; the balance decreases with the ledger."""
    balance = round(call.account.balance, 4)
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


HANDLERS: dict[str, Handler] = {"users.me": me}
