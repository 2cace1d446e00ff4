"""The financial service unit's one port: a payment request carries an amount and an authenticated account, and a provider settles it.

Source: the mart union system's financial service unit (claims 1, 7, 13, 20).
"""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from msgspec import Struct

from mart_union.checkout.cards import pay_by_card
from mart_union.checkout.model import Purchase
from mart_union.checkout.paying import pay_pending


class PaymentRequest(Struct, frozen=True):
    """A waiting purchase, the authenticated account that pays it, and the amount; with a card, the provider's name of it."""

    purchase: str
    account: str
    amount_minor: int
    key: str
    payment_method: str = ""


class PaymentProvider(Protocol):
    """Settles payment requests. The same request again changes nothing and gives the purchase as it is."""

    def pay(self, request: PaymentRequest, now: datetime) -> Purchase:
        """The purchase as the payment left it."""


class UnionAccount:
    """The customer's own account at the union: the money is there at once, or it is refused."""

    def pay(self, request: PaymentRequest, now: datetime) -> Purchase:
        """Pay from the union account."""
        return pay_pending(request.purchase, request.account, request.amount_minor, key=request.key, now=now)


class Cards:
    """A card: authorized now, captured when the stores have answered."""

    def pay(self, request: PaymentRequest, now: datetime) -> Purchase:
        """Authorize the card."""
        return pay_by_card(
            request.purchase, request.account, request.amount_minor, payment_method=request.payment_method, now=now
        )


def provider_of(request: PaymentRequest) -> PaymentProvider:
    """Who settles a payment request."""
    return Cards() if request.payment_method else UnionAccount()
