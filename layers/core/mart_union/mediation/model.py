"""The mediation center: suppliers' offers, who may sell them, and the links that sellers make of them."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

from msgspec import Struct, field
from msgspec.structs import replace

from mart_union.catalog.carriers import MOST_BEGINNINGS
from mart_union.catalog.fees import commission_of, commission_rule, lineage, tax_rules, taxes_of
from mart_union.catalog.model import KINDS, Store, Union, offer_level
from mart_union.catalog.postcodes import checked_beginnings
from mart_union.catalog.volumes import SupplyPrice, Tier, checked_tiers
from mart_union.kernel.clock import iso
from mart_union.kernel.errors import Invalid, RuleViolation
from mart_union.kernel.money import LARGEST_AMOUNT, Currency, checked_price
from mart_union.stock.model import shard_of

SUPPLIER_STATES = ("applied", "approved", "refused", "suspended")
OFFER_STATES = ("on_offer", "paused", "withdrawn")
STANDINGS = ("met", "warned", "paused")
PAUSES = (
    "seller",
    "supplier-suspended",
    *(f"offer-{state}" for state in OFFER_STATES if state != "on_offer"),
    "not-granted",
    "under-minimum",
    "deposit",
)
"""Why a link is paused: by its seller, or for what has become of its supplier, its offer, its grants, its minimum price or its store's deposit."""
FOLLOWED = ("titles", "texts", "glyph", "price")

_GRANT = re.compile(r"^(everyone|(classification|store):[a-z0-9][a-z0-9-]{0,31})$")
_MOST_GRANTS = 200
_MOST_LEAD_DAYS = 365


class Supplier(Struct, frozen=True):
    """A maker or distributor without a shop; supplies once the operator has approved it."""

    id: str
    names: dict[str, str]
    texts: dict[str, str]
    registration: str
    applicant: str
    state: str
    applied_at: str
    settlement_period: str = "weekly"
    decided_by: str = ""
    decided_at: str = ""
    sequence: int = 1


class TradeRecord(Struct, frozen=True):
    """What became of a supplier's parts of orders, at one store or at all: how many there were, and how many of them were completed, refused or cancelled.
    `late` were sent after the moment that the order promised."""

    orders: int = 0
    completed: int = 0
    refused: int = 0
    cancelled: int = 0
    late: int = 0


class Seller(Struct, frozen=True):
    """A store that has made a link of some offer of a supplier, and the exposure to it: the supply cost of its open orders, of which the
    buyers' money in escrow covers one part and the seller's deposit holds the other (`held_minor`). `record` is what became of the supplier's parts of
    its orders, `standing` that of its deposit."""

    supplier: str
    store: str
    since: str
    open_minor: int = 0
    held_minor: int = 0
    record: TradeRecord = TradeRecord()
    standing: str = "met"


class Offer(Struct, frozen=True):
    """What a supplier supplies, at which price, to whom (`granted_to`: `everyone`, `classification:<id>`, `store:<id>`).

    `low_stock` is the reserve of the pool at and under which its sellers are warned. `allotments` names the stores for which units of the
    pool are set aside, `allotments_made` those for which any ever were: what was sold of them is counted there. `accepts_returns`: the supplier takes
    back, at the supply price, what customers return though it is no fault of the supplier's; else the seller bears that. It is delivered where a postcode
    begins as its `area` says (none named: everywhere). With `tiers`, units cost less than `supply_minor` from so many of them in one line of an order on.
    """

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
    low_stock: int = 0
    allotments: tuple[str, ...] = ()
    allotments_made: tuple[str, ...] = ()
    accepts_returns: bool = True
    area: tuple[str, ...] = ()
    tiers: tuple[Tier, ...] = ()
    sequence: int = 1

    @property
    def key(self) -> OfferKey:
        """Which offer it is."""
        return OfferKey(self.supplier, self.sku)

    @property
    def supply_price(self) -> SupplyPrice:
        """What its units cost a seller."""
        return SupplyPrice(self.supply_minor, self.tiers)

    @property
    def level(self) -> str:
        """The id of its pool's level."""
        return offer_level(self.supplier, self.sku)

    @property
    def sold_from(self) -> tuple[str, ...]:
        """The pool, and the allotments of it that may have units."""
        return (self.level, *(shard_of(self.level, store) for store in self.allotments))

    @property
    def all_levels(self) -> tuple[str, ...]:
        """The pool, and every allotment that there ever was of it."""
        return (self.level, *(shard_of(self.level, store) for store in self.allotments_made))

    def shown_to_sellers(self) -> Offer:
        """The offer without what is between its supplier and single stores."""
        return replace(self, allotments=(), allotments_made=())

    def is_granted_to(self, store: str, classification: str) -> bool:
        """Whether a store of a classification may sell it."""
        return any(
            grant in ("everyone", f"classification:{classification}", f"store:{store}") for grant in self.granted_to
        )

    def is_for_sale_by(self, store: str, classification: str) -> bool:
        """Whether a store may sell it now."""
        return self.state == "on_offer" and self.is_granted_to(store, classification)


class OfferKey(Struct, frozen=True):
    """Which offer: its supplier and the supplier's SKU."""

    supplier: str
    sku: str


class Terms(Struct, frozen=True):
    """How a seller sells an offer: price, category of its store, words, picture. What it leaves out (None) follows the supplier.

    With a markup the price follows, too: the supply price and so many basis points of it. `backup` is the offer that is sold in its place
    while it cannot be had.
    """

    category: str
    price_minor: int | None = None
    titles: dict[str, str] | None = None
    texts: dict[str, str] | None = None
    glyph: str | None = None
    markup_basis_points: int | None = None
    backup: OfferKey | None = None

    @property
    def follows(self) -> dict[str, bool]:
        """For each field of `FOLLOWED`, whether the supplier's changes are taken over."""
        return {
            "titles": not self.titles,
            "texts": not self.texts,
            "glyph": not self.glyph,
            "price": self.price_minor is None,
        }


class Link(Struct, frozen=True):
    """A seller's listing made from an offer. For each field of `FOLLOWED`, `follows` says whether the supplier's change is taken over; a price
    that follows is the suggested one, or, with a markup, the supply price and so much of it.

    It is the whole of what the seller's web shop is told: `availability` is kept in step with the offer's pool, `state` with the
    offer and its grants. `reason` says why it is paused: by the seller itself, or for what the supplier changed. `sequence` counts its changes.
    While it is `on_backup`, what is sold is the offer that its seller named as its backup; `area` is where what is sold is delivered.
    `key` names the job that made or repriced it last, and `request` says which, and whether at the supplier's minimum, so that a part of it that is worked
    twice counts it once.
    """

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
    reason: str = ""
    kind: str = "goods"
    glyph: str = ""
    availability: str = "in_stock"
    key: str = ""
    request: str = ""
    sequence: int = 1
    markup_basis_points: int | None = None
    backup: OfferKey | None = None
    on_backup: bool = False
    area: tuple[str, ...] = ()

    @property
    def first(self) -> OfferKey:
        """The offer that it was made from, and that is sold whenever it can be had."""
        return OfferKey(self.supplier, self.offer_sku)

    @property
    def is_stopped(self) -> bool:
        """Whether its seller has paused or withdrawn it: only the seller sells it again."""
        return self.state == "withdrawn" or self.reason == "seller"

    @property
    def sold(self) -> OfferKey:
        """The offer that is sold through it now."""
        return self.backup if self.backup is not None and self.on_backup else self.first

    @property
    def offers(self) -> tuple[OfferKey, ...]:
        """The offers that may be sold through it, the first before its backup."""
        return (self.first,) if self.backup is None else (self.first, self.backup)


class DepositStanding(Struct, frozen=True):
    """Whether a store's deposit reaches what is required of it: `met`, `warned` (until `pauses_at`), or `paused`, and its links with it.

    `level_minor` is a level of its own that the operator set (None: the union's); the amounts are those of the moment of the change.
    """

    store: str
    state: str = "met"
    level_minor: int | None = None
    required_minor: int = 0
    available_minor: int = 0
    since: str = ""
    pauses_at: str = ""
    sequence: int = 0


class SupplyOrder(Struct, frozen=True):
    """A supplier's part of an order: a reference; the order itself is worked on in the Orders table. `late`: it was sent after the moment promised.
    `returning`: something of it is going back to the supplier, and that is not over.

    While it is open, `owed_minor` is the supply cost of its lines, and `held_minor` what the seller's deposit holds for them.
    """

    supplier: str
    order: str
    store: str
    placed_at: str
    lines: tuple[int, ...]
    state: str
    sequence: int
    owed_minor: int = 0
    held_minor: int = 0
    late: bool = False
    returning: bool = False


class Margin(Struct, frozen=True):
    """What a sale of so many units of an offer leaves the seller, in minor units, and what goes to whom before."""

    price_minor: int
    supply_minor: int
    commission_minor: int
    tax_minor: int
    fee_tax_minor: int = 0
    quantity: int = 1

    @property
    def left_minor(self) -> int:
        """What is left; negative when the sale costs the seller money."""
        return self.price_minor - self.supply_minor - self.commission_minor - self.tax_minor - self.fee_tax_minor


def margin_of(offer: Offer, price_minor: int, union: Union, store: Store, *, step: int, quantity: int = 1) -> Margin:
    """What a store keeps of a line of so many units at a price each, by the union's rules of commission and tax as they are now.

    Tax counts as far as the price contains it, tax on the commission as far as it comes on top of that.
    """
    categories = lineage(offer.union_category, union.category_parents)
    rule = commission_rule(union.fees, store=store.id, classification=store.classification, categories=categories)
    amount, supply = price_minor * quantity, offer.supply_price.at(quantity) * quantity
    commission = commission_of(rule, amount, quantity, step)
    on_goods = taxes_of(tax_rules(union.taxes, "goods", categories), amount, step)
    on_fee = taxes_of(tax_rules(union.taxes, "fee", categories), commission, step)
    return Margin(amount, supply, commission, on_goods.included_minor, on_fee.added_minor, quantity)


def checked_offer(offer: Offer, currency: Currency) -> Offer:
    """The offer, with its area as postcodes are compared, if it may be saved.

    Raises:
        Invalid: a price, the tiers, the lead time, a grant, the area, the state or the kind is malformed, or it has no title.
        RuleViolation: the suggested price is under the minimum.
    """
    for name in ("supply_minor", "suggested_minor"):
        _check_price(name, getattr(offer, name), currency)
    if not 0 <= offer.minimum_minor <= LARGEST_AMOUNT or offer.minimum_minor % currency.step:
        raise unfit("minimum_minor", f"the minimum price is not a whole number of steps of {currency.step}")
    if not 0 <= offer.lead_days <= _MOST_LEAD_DAYS:
        raise unfit("lead_days", f"the lead time must be 0 to {_MOST_LEAD_DAYS} days")
    if len(offer.granted_to) > _MOST_GRANTS or not all(_GRANT.match(grant) for grant in offer.granted_to):
        raise unfit("granted_to", f"at most {_MOST_GRANTS} grants: 'everyone', 'classification:<id>' or 'store:<id>'")
    for name, value, known in (("state", offer.state, OFFER_STATES), ("kind", offer.kind, KINDS)):
        if value not in known:
            raise unfit(name, f"'{value}' is not one of {', '.join(known)}")
    if not any(title.strip() for title in offer.titles.values()):
        raise unfit("titles", "an offer needs a title")
    if offer.suggested_minor < offer.minimum_minor:
        raise RuleViolation("the suggested price is under the minimum price", minimum_minor=offer.minimum_minor)
    tiers = checked_tiers(offer.supply_minor, offer.tiers, currency)
    return replace(offer, area=checked_beginnings("area", offer.area, MOST_BEGINNINGS), tiers=tiers)


def _check_price(name: str, amount_minor: int, currency: Currency) -> None:
    try:
        checked_price(amount_minor, currency)
    except Invalid as error:
        raise unfit(name, error.detail) from error


def unfit(name: str, reason: str) -> Invalid:
    """The refusal of a field for a reason."""
    return Invalid(f"{name}: {reason}", errors=[{"field": name, "reason": reason}])


def reviewed(
    standing: DepositStanding, required_minor: int, available_minor: int, grace_hours: int, now: datetime
) -> DepositStanding:
    """The standing of a deposit of which so much is available while so much is required; the same one when nothing has changed.

    Under the level it is warned, and paused when the period of grace that began then is over; at the level it is met again at once.
    """
    state, pauses_at = standing.state, standing.pauses_at
    if available_minor >= required_minor:
        state, pauses_at = "met", ""
    elif state == "met":
        state, pauses_at = "warned", iso(now + timedelta(hours=grace_hours))
    elif state == "warned" and iso(now) >= pauses_at:
        state = "paused"
    changed = (state, required_minor) != (standing.state, standing.required_minor)
    if not changed:
        return standing
    since = iso(now) if state != standing.state else standing.since
    return replace(
        standing,
        state=state,
        required_minor=required_minor,
        available_minor=available_minor,
        since=since,
        pauses_at=pauses_at,
    )
