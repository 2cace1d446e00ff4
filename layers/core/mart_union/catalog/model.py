"""Enterprises, stores, categories, listings, shelves: what they are and the rules that need no table."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import datetime
from zoneinfo import ZoneInfo

Texts = dict[str, str]
"""A text in several languages, by language tag (BCP 47)."""

SLUG = re.compile(r"^[a-z0-9](?:[a-z0-9-]{0,30}[a-z0-9])?$")
SKU = re.compile(r"^[A-Z0-9][A-Z0-9._-]{0,31}$")
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")

ENTERPRISE_STATES = ("applied", "approved", "refused", "suspended")
STORE_STATES = ("draft", "open", "paused", "closed")
LISTING_STATES = ("on_sale", "paused", "withdrawn")


@dataclass(frozen=True)
class Place:
    """A place that a union serves: its names and the beginnings of its postcodes."""

    names: Texts
    postcodes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Classification:
    """A business or profession by which stores are grouped."""

    id: str
    names: Texts


@dataclass(frozen=True)
class Carrier:
    """A provider of delivery; `tracking_url` has `{number}` where the tracking number goes."""

    id: str
    names: Texts
    tracking_url: str = ""


@dataclass(frozen=True)
class Union:
    """The union itself, as its operator describes it, with the rates that hold for everything it sells."""

    id: str
    names: Texts
    texts: Texts
    places: tuple[Place, ...]
    languages: tuple[str, ...]
    classifications: tuple[Classification, ...]
    carriers: tuple[Carrier, ...]
    commission_basis_points: int
    tax_basis_points: int
    sequence: int = 0


@dataclass(frozen=True)
class Enterprise:
    """A business that owns stores; it trades once the operator has approved it."""

    id: str
    names: Texts
    registration: str
    applicant: str
    state: str
    applied_at: str
    sequence: int = 1


@dataclass(frozen=True)
class Store:
    """A store and the terms that a purchase in it is made under. It belongs to exactly one enterprise."""

    id: str
    enterprise: str
    names: Texts
    texts: Texts
    classification: str
    state: str
    opened_at: str
    hours: dict[str, tuple[str, str] | None] = field(default_factory=dict)
    place: str = ""
    glyph: str = ""
    procedure: str = "carrier"
    carrier: str = ""
    lead_days: int = 2
    return_window_days: int = 7
    delivery_amount: int = 0
    free_delivery_from: int | None = None
    settlement_period: str = "weekly"
    sequence: int = 1

    def is_open_at(self, moment: datetime, time_zone: str) -> bool:
        """Whether its hours include the moment; a store without hours is always open. A closing time before the opening is after midnight."""
        if not self.hours:
            return True
        local = moment.astimezone(ZoneInfo(time_zone))
        clock = local.strftime("%H:%M")
        today, yesterday = self.hours.get(DAYS[local.weekday()]), self.hours.get(DAYS[local.weekday() - 1])
        if today and (today[0] <= clock < today[1] or (today[1] < today[0] <= clock)):
            return True
        return bool(yesterday and yesterday[1] < yesterday[0] and clock < yesterday[1])

    def delivery_for(self, goods_amount: int) -> int:
        """What delivery of an order costs, in minor units."""
        if self.free_delivery_from is not None and goods_amount >= self.free_delivery_from:
            return 0
        return self.delivery_amount


@dataclass(frozen=True)
class Category:
    """A node of a tree of goods: a store's own, or the union's that stores' categories map to."""

    id: str
    names: Texts
    parent: str | None = None
    position: int = 0
    union_category: str = ""


@dataclass(frozen=True)
class OfferReference:
    """The supplier's offer that a mediated listing was made from."""

    supplier: str
    sku: str


@dataclass(frozen=True)
class Listing:
    """What a store sells, identified by store + SKU. `level` names the stock that it draws on: its own, or its offer's."""

    store: str
    sku: str
    titles: Texts
    texts: Texts
    category: str
    union_category: str
    kind: str
    price_minor: int
    state: str
    level: str
    low_stock: int = 0
    brand: str = ""
    gtin: str = ""
    group: str = ""
    options: dict[str, str] = field(default_factory=dict)
    glyph: str = ""
    image: str = ""
    offer: OfferReference | None = None
    sequence: int = 1


@dataclass(frozen=True)
class Card:
    """A listing as a shelf shows it."""

    store: str
    sku: str
    titles: Texts
    price_minor: int
    glyph: str
    available: bool
    mediated: bool = False


@dataclass(frozen=True)
class StoreCard:
    """A store as the union's front shows it, under its classification."""

    store: str
    names: Texts
    classification: str
    glyph: str
    place: str
    hours: dict[str, tuple[str, str] | None]


def listing_level(store: str, sku: str) -> str:
    """The id of a listing's own level."""
    return f"listing/{store}/{sku}"


def offer_level(supplier: str, sku: str) -> str:
    """The id of an offer's level: the pool that all its sellers draw on."""
    return f"offer/{supplier}/{sku}"
