"""The mediation center: suppliers' offers, who may sell them, and the links that sellers make of them."""

from __future__ import annotations

from dataclasses import dataclass, field

SUPPLIER_STATES = ("applied", "approved", "refused", "suspended")
OFFER_STATES = ("on_offer", "paused", "withdrawn")
FOLLOWED = ("titles", "texts", "price")


@dataclass(frozen=True)
class Supplier:
    """A maker or distributor without a shop; supplies once the operator has approved it."""

    id: str
    names: dict[str, str]
    texts: dict[str, str]
    registration: str
    applicant: str
    state: str
    applied_at: str
    settlement_period: str = "weekly"
    sequence: int = 1


@dataclass(frozen=True)
class Offer:
    """What a supplier supplies, at which price, to whom (`granted_to`: `everyone`, `classification:<id>`, `store:<id>`)."""

    supplier: str
    sku: str
    titles: dict[str, str]
    texts: dict[str, str]
    union_category: str
    kind: str
    supply_minor: int
    suggested_minor: int
    minimum_minor: int
    lead_days: int
    granted_to: tuple[str, ...]
    state: str = "on_offer"
    glyph: str = ""
    sequence: int = 1

    def is_granted_to(self, store: str, classification: str) -> bool:
        """Whether a store of a classification may sell it."""
        return any(grant in ("everyone", f"classification:{classification}", f"store:{store}") for grant in self.granted_to)


@dataclass(frozen=True)
class Link:
    """A seller's listing made from an offer. For each field of `FOLLOWED`, `follows` says whether the supplier's change is taken over."""

    store: str
    sku: str
    supplier: str
    offer_sku: str
    price_minor: int
    category: str
    titles: dict[str, str]
    texts: dict[str, str]
    follows: dict[str, bool] = field(default_factory=dict)
    state: str = "linked"
    sequence: int = 1


@dataclass(frozen=True)
class Shop:
    """A seller's own web shop outside the union, which is told of each change of the store's links."""

    store: str
    id: str
    url: str
    state: str
    registered_at: str
    sequence: int = 1


@dataclass(frozen=True)
class SupplyOrder:
    """A supplier's part of an order: a reference; the order itself is worked on in the Orders table."""

    supplier: str
    order: str
    store: str
    placed_at: str
    lines: tuple[int, ...]
    state: str
    sequence: int


