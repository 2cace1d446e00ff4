"""Whose account a purchase's money comes from, by the way in which it is paid."""

from __future__ import annotations

CARDS = "provider/stripe"
"""The card processor's account: what it has captured and not given back or paid out stands on it, below zero."""

_BANK = "provider/bank"


def payer_account(method: str, customer: str) -> str:
    """The account that pays for a purchase; '' where the seller's own shop took the money."""
    return {"account": f"customer/{customer}", "bank_transfer": _BANK, "card": CARDS}.get(method, "")


def is_awaited(method: str) -> bool:
    """Whether the stock is only reserved until the money is there, or promised."""
    return method in {"bank_transfer", "card"}
