"""Enterprises, stores, categories, listings: what they are and the rules that need no table."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import datetime

from msgspec import Struct, field
from msgspec.structs import replace

from mart_union.catalog.carriers import Carrier
from mart_union.catalog.fees import CommissionRule, TaxRule
from mart_union.catalog.hours import Hours, hours_include
from mart_union.catalog.procedures import Procedure
from mart_union.catalog.urgent_terms import UrgentSale
from mart_union.catalog.volumes import SupplyPrice, Tier
from mart_union.stock.drawing import draw, draw_in_order, left_in
from mart_union.stock.model import Level, shard_of
from mart_union.stock.slotting import slot_level

Texts = dict[str, str]
"""A text in several languages, by language tag (BCP 47)."""

SLUG = re.compile(r"^[a-z0-9](?:[a-z0-9-]{0,30}[a-z0-9])?$")
SKU = re.compile(r"^[A-Z0-9][A-Z0-9._-]{0,31}$")

ENTERPRISE_STATES = ("applied", "approved", "refused", "suspended")
STORE_STATES = ("draft", "open", "paused", "closed")
LISTING_STATES = ("on_sale", "paused", "withdrawn")


class Place(Struct, frozen=True):
    """A place that a union serves: its names and the beginnings of its postcodes."""

    names: Texts
    postcodes: tuple[str, ...] = ()


class Classification(Struct, frozen=True):
    """A business or profession by which stores are grouped."""

    id: str
    names: Texts


class DepositRule(Struct, frozen=True):
    """What sellers keep on deposit: the level under which one is warned, unless the operator set another for the store, and how long
    it has from the warning until its links are paused."""

    level_minor: int = 0
    grace_hours: int = 72


class Union(Struct, frozen=True):
    """The union itself, as its operator describes it, with the rules that hold for what it sells.

    `category_parents` is its tree of categories in short (child to parent), kept so that a checkout finds the rule that holds for a
    category by the one read of the union. `cash_limit_minor` is the most that a purchase may cost which is paid on delivery; 0: none is.
    `suspended` names whose goods are not sold for now (`enterprise/<id>`, `supplier/<id>`), so that a checkout refuses them by the same read.
    """

    id: str
    names: Texts
    texts: Texts
    places: tuple[Place, ...]
    languages: tuple[str, ...]
    classifications: tuple[Classification, ...]
    carriers: tuple[Carrier, ...]
    fees: tuple[CommissionRule, ...] = ()
    taxes: tuple[TaxRule, ...] = ()
    deposit: DepositRule = DepositRule()
    category_parents: dict[str, str] = field(default_factory=dict)
    sequence: int = 0
    cash_limit_minor: int = 0
    suspended: tuple[str, ...] = ()

    def carrier(self, name: str) -> Carrier | None:
        """One of its carriers by id."""
        return next((each for each in self.carriers if each.id == name), None)

    def suspended_party(self, store: Store, listing: Listing) -> str:
        """Who is suspended, `enterprise` or `supplier`; '' if neither is."""
        if f"enterprise/{store.enterprise}" in self.suspended:
            return "enterprise"
        return "supplier" if listing.offer and f"supplier/{listing.offer.supplier}" in self.suspended else ""


class Enterprise(Struct, frozen=True):
    """A business that owns stores; it trades once the operator has approved it."""

    id: str
    names: Texts
    registration: str
    applicant: str
    state: str
    applied_at: str
    sequence: int = 1


class Store(Struct, frozen=True):
    """A store and the terms that a purchase in it is made under. It belongs to exactly one enterprise.

    `procedures` are those of its own making, each in its newest version. `assigned` names the procedure of what is not sold under the store's
    `procedure`, by `category/<id>` (what stands in that category or below it) or `listing/<sku>`. `category_parents` says what stands above those of its
    categories of which their ids do not say it ('' is nothing), as far as that matters to what is assigned.
    Delivery is charged `delivery_by_table`, the price table of its `carrier` as long as that has one, or else as the store says itself.
    """

    id: str
    enterprise: str
    names: Texts
    texts: Texts
    classification: str
    state: str
    opened_at: str
    hours: Hours = field(default_factory=dict)
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
    procedures: tuple[Procedure, ...] = ()
    assigned: dict[str, str] = field(default_factory=dict)
    delivery_by_table: bool = False
    category_parents: dict[str, str] = field(default_factory=dict)

    @property
    def says_its_classification(self) -> bool:
        """Whether the store itself still chooses its classification: it has never been opened. After that only the union's operator does."""
        return self.state == "draft"

    def assignment_of(self, listing: Listing) -> str:
        """Which assignment decides under what a listing is sold: its own, or that of the nearest category from its own upwards; '' if none does."""
        subjects = [f"listing/{listing.sku}", *(f"category/{name}" for name in self._upwards(listing.category))]
        return next((subject for subject in subjects if subject in self.assigned), "")

    def _upwards(self, category: str) -> list[str]:
        line: list[str] = []
        while category and category not in line:
            line.append(category)
            category = self.category_parents.get(category, parent_by_id(category))
        return line

    def lead_days_of(self, listing: Listing) -> int:
        """How many days it takes until what is bought now leaves: its supplier's, where one fulfils it, else the store's."""
        supplied = listing.offer.lead_days if listing.offer is not None else None
        return self.lead_days if supplied is None else supplied

    def is_open_at(self, moment: datetime, time_zone: str) -> bool:
        """Whether its hours include the moment."""
        return hours_include(self.hours, moment, time_zone)

    def delivery_for(self, goods_amount: int) -> int:
        """What delivery of an order costs by the store's own terms, in minor units."""
        if self.free_delivery_from is not None and goods_amount >= self.free_delivery_from:
            return 0
        return self.delivery_amount


class Category(Struct, frozen=True):
    """A node of a tree of goods: a store's own, or the union's that stores' categories map to."""

    id: str
    names: Texts
    parent: str | None = None
    position: int = 0
    union_category: str = ""


class OfferReference(Struct, frozen=True):
    """The supplier's offer that a mediated listing was made from, with its terms when the listing was last brought in step; `area` is where the supplier
    delivers it, `lead_days` are those until the supplier sends it (None: as many as the store's)."""

    supplier: str
    sku: str
    supply_minor: int = 0
    settlement_period: str = "weekly"
    accepts_returns: bool = True
    area: tuple[str, ...] = ()
    tiers: tuple[Tier, ...] = ()
    lead_days: int | None = None

    @property
    def supply_price(self) -> SupplyPrice:
        """What its units cost the seller."""
        return SupplyPrice(self.supply_minor, self.tiers)


KINDS = ("goods", "service")
"""What a listing sells, and an offer supplies."""


class Listing(Struct, frozen=True):
    """What a store sells, identified by store + SKU. `level` names the stock that it draws on: its own, or its offer's.

    With `parts` it is a bundle: so many units of each of the store's own listings, by SKU. It has no stock of its own (nothing stands under its
    `level`): each unit of it is taken from the levels of all its parts. A service with `slot_minutes` is bookable: it is sold for a time only
    (`in_slot`), and each time has a level of its own.
    `shards` says how many shards of that level may hold units: those of an urgent sale, until what was left of it is back. `shards_made` says
    how many ever did: what was sold of them is counted there. `allotted`: of its offer's pool, some units are set aside for this store, in the
    shard named for it.
    """

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
    urgent: UrgentSale | None = None
    shards: int = 0
    shards_made: int = 0
    parts: dict[str, int] = field(default_factory=dict)
    allotted: bool = False
    slot_minutes: int = 0
    sequence: int = 1

    def at(self, moment: datetime, levels: Mapping[str, Level] | None = None) -> Listing:
        """The listing as it is sold at a moment: at its urgent sale's price, or its own if that is lower, while the sale runs; without an urgent sale
        otherwise, and where by the `levels` that were read nothing of the sale is left.

        What is kept for a sale is not sold before it, and is as good as back in the reserve when its window is over.
        """
        if self.urgent is None:
            return self
        if self.urgent.ends_by(moment):
            return replace(self, urgent=None)
        if moment < datetime.fromisoformat(self.urgent.starts_at) or self.is_sold_out(levels or {}):
            return replace(self, urgent=None, shards=0)
        return replace(self, price_minor=min(self.urgent.price_minor, self.price_minor))

    def is_sold_out(self, levels: Mapping[str, Level]) -> bool:
        """Whether nothing of its urgent sale is left, nor reserved for somebody who may not pay, by its shards as they were read. One that was not
        read, or as it was in another sale, may have some."""
        if self.urgent is None:
            return False
        shards = [levels.get(level) for level in self.shard_levels]
        return all(
            each is not None and each.sale == self.urgent.id and not each.reserve + each.reserved for each in shards
        )

    def in_slot(self, slot: str) -> Listing:
        """The listing as it is sold for a time: from the level of that slot. Without one, itself."""
        return replace(self, level=slot_level(self.store, self.sku, slot), slot_minutes=0) if slot else self

    @property
    def drawn_on(self) -> str:
        """What its units are taken from: its `level`, its `parts` or its `slots`. A listing keeps to what it was made with."""
        return "parts" if self.parts else "slots" if self.slot_minutes else "level"

    @property
    def shard_levels(self) -> tuple[str, ...]:
        """The ids of the shards of its level that may have units of it: its store's allotment, and those of an urgent sale."""
        return (*self._allotment, *(shard_of(self.level, number) for number in range(1, self.shards + 1)))

    @property
    def _allotment(self) -> tuple[str, ...]:
        return (shard_of(self.level, self.store),) if self.allotted else ()

    @property
    def part_levels(self) -> dict[str, int]:
        """How many units of which level a unit of a bundle takes."""
        return {listing_level(self.store, sku): units for sku, units in self.parts.items()}

    @property
    def all_levels(self) -> tuple[str, ...]:
        """Its level and every shard that it ever had: what all of them count is what the listing counts. A bundle's are its parts'; a bookable
        service has none but its slots'."""
        if self.drawn_on != "level":
            return self.sold_from
        made = (shard_of(self.level, number) for number in range(1, self.shards_made + 1))
        return (self.level, *self._allotment, *made)

    @property
    def sold_from(self) -> tuple[str, ...]:
        """The levels that may have units of it, in an urgent sale or out of it; a store's allotment before the pool; none, where a slot has to be
        chosen first."""
        if self.drawn_on != "level":
            return tuple(self.part_levels)
        return (*self.shard_levels, self.level) if self.allotted else (self.level, *self.shard_levels)

    @property
    def sources(self) -> tuple[str, ...]:
        """The levels from which the listing, as it is sold now (`at`), is taken: its shards while its urgent sale runs; otherwise its own
        level, and what a sale has left in its shards; a bundle's are its parts'."""
        return self.shard_levels if self.urgent is not None else self.sold_from

    def left_of(self, levels: Mapping[str, Level]) -> int:
        """What may be sold of it now by its levels: of a bundle, as many as its scarcest part allows."""
        if self.parts:
            return min(left_in([levels.get(level)]) // units for level, units in self.part_levels.items())
        return left_in([levels.get(level) for level in self.sources])

    def drawn(self, quantity: int, levels: Mapping[str, Level], *, first: int = 0) -> dict[str, int]:
        """How many units of which level so many of it take, {} when there are too few; buyers begin at the `first` of an urgent sale's shards.

        Levels that were not read count as having enough: their own condition decides. An allotment is emptied before the pool is touched.
        """
        if not any(level in levels for level in self.sources):
            taken = self.part_levels or dict.fromkeys(self.sold_from[:1], 1)
            return {level: units * quantity for level, units in taken.items()}
        if self.left_of(levels) < quantity:
            return {}
        if self.parts:
            return {level: units * quantity for level, units in self.part_levels.items()}
        found = [levels.get(level) for level in self.sources]
        if self.allotted:
            return draw_in_order(quantity, found)
        return draw(quantity, found, first=first if self.urgent is not None else 0)


class CategoryLink(Struct, frozen=True):
    """A category as a shelf's head names it; `depth` counts from the root of the tree."""

    id: str
    names: Texts
    depth: int = 0


class AuditEntry(Struct, frozen=True):
    """A change that a member of staff or an operator made: who, what, of what, when."""

    owner: str
    at: str
    actor: str
    action: str
    subject: str


def parent_by_id(category: str) -> str:
    """What stands above a category by its id, as paths make them: `tea` above `tea.oolong`; '' above a root."""
    return category.rpartition(".")[0]


def lineages(categories: Iterable[Category]) -> dict[str, tuple[str, ...]]:
    """For each category, itself and all above it. A circle of parents ends where it began."""
    parents = {category.id: category.parent for category in categories}

    def upwards(category: str) -> tuple[str, ...]:
        line = [category]
        while (parent := parents.get(line[-1])) is not None and parent in parents and parent not in line:
            line.append(parent)
        return tuple(line)

    return {category: upwards(category) for category in parents}


def in_order(categories: Iterable[Category]) -> list[CategoryLink]:
    """Categories as a tree is read: each parent before its children, by position and id. A child without its parent stands at the root."""
    all_of_them = {category.id: category for category in categories}
    children: dict[str, list[Category]] = {}
    for category in all_of_them.values():
        parent = category.parent if category.parent in all_of_them else None
        children.setdefault(parent or "", []).append(category)
    links: list[CategoryLink] = []

    def add(parent: str, depth: int) -> None:
        for category in sorted(children.get(parent, ()), key=lambda each: (each.position, each.id)):
            links.append(CategoryLink(category.id, category.names, depth))
            add(category.id, depth + 1)

    add("", 0)
    return links


def listing_level(store: str, sku: str) -> str:
    """The id of a listing's own level."""
    return f"listing/{store}/{sku}"


def offer_level(supplier: str, sku: str) -> str:
    """The id of an offer's level: the pool that all its sellers draw on."""
    return f"offer/{supplier}/{sku}"
