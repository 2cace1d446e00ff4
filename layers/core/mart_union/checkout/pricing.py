"""What a cart costs, and how each line's money is split. Pure rules: everything that they look at comes in."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from msgspec import Struct, field

from mart_union.catalog.fees import (
    Taxes,
    commission_of,
    commission_rule,
    frozen_rates,
    lineage,
    tax_rules,
    taxes_of,
)
from mart_union.catalog.model import Listing, Store, Union
from mart_union.catalog.urgent_terms import UrgentSale
from mart_union.catalog.volumes import SupplyPrice, read_schedule
from mart_union.checkout.delivering import Delivering
from mart_union.checkout.model import Quote, QuotedLine, QuotedStore, Wanted
from mart_union.checkout.sourcing import find_sources
from mart_union.kernel.clock import iso
from mart_union.kernel.errors import Invalid, RuleViolation
from mart_union.kernel.money import Currency
from mart_union.orders.model import Share
from mart_union.orders.procedures import procedure_for, takes_cash
from mart_union.stock.model import Level
from mart_union.stock.slotting import slot_moment

MOST_LEVELS = 40
MOST_STORES = 20
MOST_UNITS = 999


class Terms(Struct, frozen=True):
    """The terms that hold at a moment (`now`) for what a shopper wants: listings as they are sold then, and as they are `stored`;
    levels, and what the customer has bought of limited urgent sales (by sale), only where they were read too; `postcode` is the recipient's, and `admitted` are the sales into which the customer is let, where that
    is known."""

    union: Union
    stores: Mapping[str, Store]
    listings: Mapping[tuple[str, str], Listing]
    now: datetime
    levels: Mapping[str, Level] = field(default_factory=dict)
    bought: Mapping[str, int] = field(default_factory=dict)
    postcode: str | None = None
    admitted: frozenset[str] | None = None
    stored: Mapping[tuple[str, str], Listing] = field(default_factory=dict)

    def delivering(self, store: Store) -> Delivering:
        """How what a store sells gets to the recipient."""
        return Delivering(store, self.union.carrier(store.carrier), self.postcode)

    def is_sold_out(self, wish: Wanted) -> bool:
        """Whether a listing would be in an urgent sale now, if anything were left of that."""
        stored = self.stored.get((wish.store, wish.sku))
        return stored is not None and stored.at(self.now).urgent is not None and stored.is_sold_out(self.levels)

    def supply_price(self, listing: Listing) -> SupplyPrice:
        """What units of a mediated listing cost the store: as its pool says, if that was read, else as the listing was last told."""
        if listing.offer is None:
            return SupplyPrice(0)
        level = self.levels.get(listing.level)
        if level is None:
            return listing.offer.supply_price
        return read_schedule(level.supply_tiers) if level.supply_tiers else SupplyPrice(level.supply_minor)


def folded(wanted: Iterable[Wanted]) -> tuple[Wanted, ...]:
    """The same wishes with each listing, at each of its times, named once.

    Raises:
        Invalid: nothing is wanted, or a quantity is not between 1 and 999.
        RuleViolation: too many listings or stores for one checkout; a transaction has at most 100 items.
    """
    quantities: dict[tuple[str, str, str], int] = {}
    for wish in wanted:
        key = (wish.store, wish.sku, wish.slot)
        quantities[key] = quantities.get(key, 0) + wish.quantity
        if wish.quantity < 1 or quantities[key] > MOST_UNITS:
            raise Invalid(
                f"the quantity of {wish.sku} must be between 1 and {MOST_UNITS}",
                errors=[{"field": "lines.quantity", "reason": f"not between 1 and {MOST_UNITS}"}],
            )
    if not quantities:
        raise Invalid("nothing is wanted: add at least one line", errors=[{"field": "lines", "reason": "is empty"}])
    if len(quantities) > MOST_LEVELS or len({store for store, _, _ in quantities}) > MOST_STORES:
        message = f"one checkout takes at most {MOST_LEVELS} listings of {MOST_STORES} stores: make it two"
        raise RuleViolation(message, reason="too-much")
    return tuple(Wanted(store, sku, quantities[store, sku, slot], slot) for store, sku, slot in sorted(quantities))


def problem_with(wish: Wanted, terms: Terms, short: Container[Wanted]) -> str:
    """Why a wish cannot be bought: `unknown`, `closed`, `withdrawn`, `short` (it is among those for which too little is left), `slot` (its time is
    full, or cannot be chosen at all: `slot_reason`), `outside` (the store's carrier does not deliver there), or in an urgent sale `elsewhere` (it is not for the recipient's postcode), `limit` (more
    than a customer may have, which is told before `short`, for the customer can mend it) or `waiting` (it is not the customer's turn); '' when it can.

    What belongs to a suspended enterprise is closed; what comes from a suspended supplier, or has a part that is not on sale, withdrawn.
    """
    store, listing = terms.stores.get(wish.store), terms.listings.get((wish.store, wish.sku))
    if store is None or listing is None:
        return "unknown"
    suspended = terms.union.suspended_party(store, listing)
    if store.state != "open" or suspended == "enterprise":
        return "closed"
    if listing.state != "on_sale" or suspended or _misses_part(listing, terms):
        return "withdrawn"
    if beyond := _beyond_reach(store, listing, terms):
        return beyond
    if slot_reason(wish, listing, terms.now) or (wish.slot and wish in short):
        return "slot"
    beyond = _beyond(wish, listing.urgent, terms)
    return "short" if wish in short and beyond != "limit" else beyond


def slot_reason(wish: Wanted, listing: Listing, now: datetime) -> str:
    """Why its time cannot be chosen: `none` is where one has to be, it is `unknown` what it means, or it is `past`; '' when it can.

    What a slot's name says is when it begins, so this holds without a look at its level.
    """
    if not listing.slot_minutes:
        return "unknown" if wish.slot else ""
    begins = slot_moment(wish.slot)
    if begins is None:
        return "unknown" if wish.slot else "none"
    return "" if now < begins else "past"


def promised(store: Store, wishes: Iterable[Wanted], terms: Terms) -> str:
    """The moment (ISO) by which all that is wanted of a store now is promised: what has a time at its end, all else when it arrives."""
    return max(promise_of(store, wish, terms) for wish in wishes if wish.store == store.id)


def promise_of(store: Store, wish: Wanted, terms: Terms) -> str:
    """The moment (ISO) by which one thing that is wanted of a store now is promised."""
    if (end := _slot_end(wish, terms)) is not None:
        return iso(end)
    return terms.delivering(store).promises(terms.now, terms.listings.get((wish.store, wish.sku)))


def _slot_end(wish: Wanted, terms: Terms) -> datetime | None:
    listing, begins = terms.listings.get((wish.store, wish.sku)), slot_moment(wish.slot)
    return None if listing is None or begins is None else begins + timedelta(minutes=listing.slot_minutes)


def _beyond_reach(store: Store, listing: Listing, terms: Terms) -> str:
    """Why a listing is not to be had where the recipient is."""
    sale = listing.urgent
    if sale is not None and terms.postcode is not None and not sale.is_for(terms.postcode):
        return "elsewhere"
    return "" if terms.delivering(store).reaches(listing) else "outside"


def _misses_part(listing: Listing, terms: Terms) -> bool:
    """Whether a part of a bundle is paused or withdrawn, as its level says."""
    return any(level in terms.levels and not terms.levels[level].on_sale for level in listing.part_levels)


def _beyond(wish: Wanted, sale: UrgentSale | None, terms: Terms) -> str:
    """What of an urgent sale keeps its customer from having so many more, now."""
    if sale is None:
        return ""
    if sale.per_customer and terms.bought.get(sale.id, 0) + wish.quantity > sale.per_customer:
        return "limit"
    has_to_wait = sale.rate and terms.admitted is not None and sale.id not in terms.admitted
    return "waiting" if has_to_wait else ""


def quote(wanted: Sequence[Wanted], terms: Terms, currency: Currency) -> Quote:
    """Price a cart. Lines with a problem are shown and not counted; `ready` says that there is none."""
    stores, short = [], find_sources(wanted, terms.listings, terms.levels).short
    for store_id in sorted({wish.store for wish in wanted}):
        wishes = [wish for wish in wanted if wish.store == store_id]
        stores.append(_quoted_store(store_id, wishes, terms, currency.step, short))
    goods, delivery = sum(part.goods_minor for part in stores), sum(part.delivery_minor for part in stores)
    tax = sum(part.tax_minor for part in stores)
    ready = bool(stores) and not any(line.problem for part in stores for line in part.lines)
    total = goods + delivery + tax
    cash = ready and not cash_problem(wanted, terms, total)
    return Quote(tuple(stores), goods, delivery, total, currency.code, ready, tax, cash)


def _quoted_store(
    store_id: str, wishes: Sequence[Wanted], terms: Terms, step: int, short: Container[Wanted]
) -> QuotedStore:
    lines = tuple(_quoted(wish, terms, step, short) for wish in wishes)
    goods = sum(line.amount_minor for line in lines if not line.problem)
    tax = sum(line.tax_minor for line in lines if not line.problem)
    store = terms.stores.get(store_id)
    if store is None:
        return QuotedStore(store_id, {}, lines, goods, 0, "", tax)
    delivering = terms.delivering(store)
    had = {
        wish: terms.listings[wish.store, wish.sku] for wish, line in zip(wishes, lines, strict=True) if not line.problem
    }
    delivery = sum(delivering.charges(had, step).values())
    known = [each for wish in wishes if (each := terms.listings.get((wish.store, wish.sku))) is not None]
    by_postcode = delivering.goes_by_postcode(known)
    return QuotedStore(store_id, store.names, lines, goods, delivery, promised(store, wishes, terms), tax, by_postcode)


def cash_problem(wanted: Iterable[Wanted], terms: Terms, total_minor: int) -> str:
    """Why a purchase cannot be paid on delivery: `not_offered` by the union, above its `limit`, the `procedure` of some of it, or goods of a `supplier`,
    who is to be covered before they leave; '' when it can.
    """
    limit = terms.union.cash_limit_minor
    if not limit or total_minor > limit:
        return "limit" if limit else "not_offered"
    wishes = list(wanted)
    listings = [terms.listings[wish.store, wish.sku] for wish in wishes]
    if not all(takes_cash(procedure_for(terms.stores[each.store], each)) for each in listings):
        return "procedure"
    return "supplier" if any(each.offer for each in listings) else ""


def _quoted(wish: Wanted, terms: Terms, step: int, short: Container[Wanted]) -> QuotedLine:
    listing = terms.listings.get((wish.store, wish.sku))
    problem = problem_with(wish, terms, short)
    if listing is None:
        return QuotedLine(wish.store, wish.sku, {}, "", wish.quantity, 0, 0, problem, slot=wish.slot)
    price, amount = listing.price_minor, listing.price_minor * wish.quantity
    tax = goods_taxes(listing, terms.union, amount, step).added_minor
    return QuotedLine(
        wish.store, wish.sku, listing.titles, listing.glyph, wish.quantity, price, amount, problem, tax, wish.slot
    )


def goods_taxes(listing: Listing, union: Union, amount_minor: int, step: int) -> Taxes:
    """The taxes on goods that cost an amount, by the rules of their category."""
    categories = lineage(listing.union_category, union.category_parents)
    return taxes_of(tax_rules(union.taxes, "goods", categories), amount_minor, step)


class LineMoney(Struct, frozen=True):
    """A line's frozen split, what the seller's deposit must hold because the price does not cover it, the tax added, the rates."""

    shares: tuple[Share, ...]
    held_minor: int
    tax_minor: int = 0
    rates: dict[str, str] = field(default_factory=dict)


def split_line(
    listing: Listing,
    store: Store,
    union: Union,
    *,
    quantity: int,
    delivery_minor: int,
    supply_minor: int,
    step: int,
) -> LineMoney:
    """Freeze who gets what of a line: supplier, commission, taxes, whoever delivers, and the store the rest.

    Commission is on the price of the goods, by the most specific rule. A tax that is contained in the price, or in the commission, is
    taken out of it; one that is added to the price is charged to the customer, one added to the commission is borne by the store. Each
    is rounded half up to steps, several codes of a tax share by largest remainder, and the store, keeper of the remainder, gets
    what is left. If nothing is left, the store gives the difference from its deposit. `supply_minor` is the supply cost of the whole line.
    """
    amount = listing.price_minor * quantity
    categories = lineage(listing.union_category, union.category_parents)
    rule = commission_rule(union.fees, store=store.id, classification=store.classification, categories=categories)
    commission = commission_of(rule, amount, quantity, step)
    goods, fee = (tax_rules(union.taxes, on, categories) for on in ("goods", "fee"))
    on_goods, on_fee = taxes_of(goods, amount, step), taxes_of(fee, commission, step)
    rest = amount - commission - on_goods.included_minor - on_fee.added_minor - supply_minor
    shares = [
        *([] if listing.offer is None else [Share(f"supplier/{listing.offer.supplier}", "supply", supply_minor)]),
        Share("union/commission", "commission", commission - on_fee.included_minor),
        *(Share(f"tax/{code}", "tax", tax) for code, tax in on_goods.by_code().items()),
        *(Share(f"tax/{code}", "fee_tax", tax) for code, tax in on_fee.by_code().items()),
        Share(deliverer_of(listing, store), "delivery", delivery_minor),
        Share(f"store/{store.id}", "sale", max(rest, 0)),
    ]
    return LineMoney(
        tuple(share for share in shares if share.amount_minor),
        max(-rest, 0),
        on_goods.added_minor,
        frozen_rates(rule, goods, fee),
    )


def deliverer_of(listing: Listing, store: Store) -> str:
    """The account of whoever delivers and gets the charge: the supplier of a mediated line, else the store's carrier, else the store."""
    if listing.offer is not None:
        return f"supplier/{listing.offer.supplier}"
    return f"carrier/{store.carrier}" if store.carrier else f"store/{store.id}"
