"""Purchases: one checkout of a customer, over one or more stores, and how its money is split."""

from __future__ import annotations

from msgspec import Struct, field

METHODS = ("account", "bank_transfer")
"""How a customer can pay: from the union account at once, or by a bank transfer that is awaited while the stock is reserved."""


class Wanted(Struct, frozen=True):
    """A quantity of a listing that a shopper wants."""

    store: str
    sku: str
    quantity: int


class PurchaseLine(Struct, frozen=True):
    """A line as the purchase register shows it: money, title, quantity."""

    order: str
    store: str
    sku: str
    titles: dict[str, str]
    quantity: int
    amount_minor: int
    glyph: str = ""


class Purchase(Struct, frozen=True):
    """One checkout. Its state is derived from its orders; only how it is paid is its own (`payment`: paid, pending, expired, voided)."""

    id: str
    customer: str
    request: str
    orders: tuple[str, ...]
    lines: tuple[PurchaseLine, ...]
    goods_minor: int
    delivery_minor: int
    total_minor: int
    currency: str
    method: str
    payment: str
    transfer: str
    recipient: str
    language: str
    placed_at: str
    session: str = ""
    last_view: str = ""
    expires_at: str = ""
    channel: str = "union"
    facts: dict[str, str] = field(default_factory=dict)


class QuotedLine(Struct, frozen=True):
    """A cart line priced now; `problem` says why it cannot be bought ('' when it can)."""

    store: str
    sku: str
    titles: dict[str, str]
    glyph: str
    quantity: int
    price_minor: int
    amount_minor: int
    problem: str = ""


class QuotedStore(Struct, frozen=True):
    """The part of a cart at one store."""

    store: str
    names: dict[str, str]
    lines: tuple[QuotedLine, ...]
    goods_minor: int
    delivery_minor: int
    promised_by: str


class Quote(Struct, frozen=True):
    """What a cart costs now. `total_minor` is what a checkout must state as the total that the shopper saw."""

    stores: tuple[QuotedStore, ...]
    goods_minor: int
    delivery_minor: int
    total_minor: int
    currency: str
    ready: bool
