"""From priced wishes to the purchase and its orders, before anything is written. Pure rules."""

from __future__ import annotations

import zlib
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from msgspec import Struct
from msgspec.structs import replace

from mart_union.catalog.model import Listing, Store
from mart_union.catalog.procedures import Procedure
from mart_union.catalog.volumes import SupplyPrice
from mart_union.checkout.model import Purchase, PurchaseLine, Wanted
from mart_union.checkout.payers import CARDS, is_awaited, payer_account
from mart_union.checkout.pricing import LineMoney, Terms, promise_of, split_line
from mart_union.checkout.sourcing import find_sources
from mart_union.kernel.clock import iso
from mart_union.kernel.errors import RuleViolation
from mart_union.kernel.money import Currency
from mart_union.ledger.model import Transfer, has_floor, postings_of
from mart_union.orders.cash import CASH
from mart_union.orders.clocks import with_clock
from mart_union.orders.draws import units_left
from mart_union.orders.model import ON_DELIVERY, Line, Order, Share, order_id
from mart_union.orders.procedures import procedure_for, return_days
from mart_union.orders.shipped import PROCEDURES
from mart_union.stock.model import home_of
from mart_union.stock.slotting import slot_moment

Draws = Mapping[Wanted, dict[str, int]]

_MOST_ITEMS = 90
"""Levels and their homes, what an urgent sale counts, orders and balances: with the purchase, its transfer and what else stands once, what is
bought, and what is given up again, fits into a transaction of 100 items."""


class Asked(Struct, frozen=True):
    """Who asks for a purchase, under which key, and how it is to be paid and delivered; `admission` are the tickets that came with it."""

    purchase: str
    request: str
    customer: str
    recipient: str
    method: str
    language: str
    now: datetime
    session: str = ""
    last_view: str = ""
    admission: tuple[str, ...] = ()
    channel: str = "union"
    reservation_seconds: int = 0


class Draft(Struct, frozen=True):
    """A purchase as it will be written: its orders, its transfer (none where it is paid on delivery), the units of each level and their supply price."""

    purchase: Purchase
    orders: tuple[Order, ...]
    transfer: Transfer | None
    units: dict[str, int]
    supply_prices: dict[str, SupplyPrice]


def draft_purchase(asked: Asked, wanted: Sequence[Wanted], terms: Terms, currency: Currency) -> Draft:
    """The purchase that answers what was asked, under the terms that hold now.

    Raises:
        RuleViolation: its units come from too many levels for one transaction.
    """
    draws = find_sources(wanted, terms.listings, terms.levels, first=first_of(asked.purchase)).draws
    charges = _charges(asked, wanted, terms, currency)
    orders = tuple(
        _draft_order(asked, number, procedure, wishes, terms, currency, draws, charges)
        for number, (procedure, wishes) in enumerate(_parted(wanted, terms), 1)
    )
    units: Counter[str] = Counter()
    lines = [line for order in orders for line in order.lines]
    for line in lines:
        units.update(units_left(line))
    sales = [item.urgent for wish in wanted if (item := terms.listings[wish.store, wish.sku]).urgent]
    counts = sum(bool(sale.per_customer) + bool(sale.rate) for sale in sales)
    transfer = None if asked.method == ON_DELIVERY else _draft_transfer(asked, orders, currency)
    balances = sum(has_floor(posting.account) for posting in transfer.postings) if transfer else 0
    if len(units | {home_of(level): 0 for level in units}) + counts + len(orders) + balances > _MOST_ITEMS:
        raise RuleViolation("this is too much for one checkout: make it two", reason="too-much")
    mediated = [item for wish in wanted if (item := terms.listings[wish.store, wish.sku]).offer is not None]
    supply_prices = {level: terms.supply_price(item) for item in mediated for level in item.sources}
    return Draft(_draft_purchase(asked, orders, transfer, currency), orders, transfer, units, supply_prices)


def _parted(wanted: Sequence[Wanted], terms: Terms) -> list[tuple[Procedure, list[Wanted]]]:
    """What is wanted, in one part for each store and each procedure under which it sells some of it: a part becomes an order."""
    parts: dict[tuple[str, str], tuple[Procedure, list[Wanted]]] = {}
    for wish in wanted:
        procedure = procedure_for(terms.stores[wish.store], terms.listings[wish.store, wish.sku])
        parts.setdefault((wish.store, procedure.name), (procedure, []))[1].append(wish)
    return [parts[key] for key in sorted(parts)]


def _charges(asked: Asked, wanted: Sequence[Wanted], terms: Terms, currency: Currency) -> dict[Wanted, int]:
    """What of its store's charge for delivery each wish bears; none of a sale that the seller's own shop collected."""
    if asked.channel != "union":
        return dict.fromkeys(wanted, 0)
    charges: dict[Wanted, int] = {}
    for store in {wish.store for wish in wanted}:
        wished = {wish: _sold(terms, wish) for wish in wanted if wish.store == store}
        charges |= terms.delivering(terms.stores[store]).charges(wished, currency.step)
    return charges


def _sold(terms: Terms, wish: Wanted) -> Listing:
    return terms.listings[wish.store, wish.sku].in_slot(wish.slot)


def first_of(purchase: str) -> int:
    """Where a purchase begins to look for units among an urgent sale's shards, so that not all begin at one."""
    return zlib.crc32(purchase.encode())


def _draft_purchase(asked: Asked, orders: tuple[Order, ...], transfer: Transfer | None, currency: Currency) -> Purchase:
    pending = is_awaited(asked.method)
    lines = tuple(_register_line(order, line) for order in orders for line in order.lines)
    goods = sum(line.amount_minor for order in orders for line in order.lines)
    delivery = sum(line.delivery_minor for order in orders for line in order.lines)
    tax = sum(line.tax_minor for order in orders for line in order.lines)
    return Purchase(
        id=asked.purchase,
        customer=asked.customer,
        request=asked.request,
        orders=tuple(order.id for order in orders),
        lines=lines,
        goods_minor=goods,
        delivery_minor=delivery,
        total_minor=goods + delivery + tax,
        currency=currency.code,
        method=asked.method,
        payment=_payment_of(asked.method),
        transfer=transfer.id if transfer else "",
        recipient=asked.recipient,
        language=asked.language,
        placed_at=iso(asked.now),
        session=asked.session,
        last_view=asked.last_view,
        expires_at=_expiry(asked, orders) if pending else "",
        channel=asked.channel,
        tax_minor=tax,
    )


def _expiry(asked: Asked, orders: Sequence[Order]) -> str:
    """When an unpaid purchase ends: its time to pay is over, or the first of its slots begins."""
    begins = (slot_moment(line.slot) for order in orders for line in order.lines)
    until = asked.now + timedelta(seconds=asked.reservation_seconds)
    return iso(min([until, *(moment for moment in begins if moment is not None)]))


def _register_line(order: Order, line: Line) -> PurchaseLine:
    return PurchaseLine(order.id, order.store, line.sku, line.titles, line.quantity, line.amount_minor, line.glyph)


def _draft_order(
    asked: Asked,
    number: int,
    procedure: Procedure,
    wanted: Sequence[Wanted],
    terms: Terms,
    currency: Currency,
    draws: Draws,
    charges: Mapping[Wanted, int],
) -> Order:
    store = terms.stores[wanted[0].store]
    drafts = [
        _draft_line(asked, line, store, _sold(terms, wish), wish, charges[wish], terms, currency, draws[wish])
        for line, wish in enumerate(wanted, 1)
    ]
    last = max(line.promised_by for line in drafts)
    lines = tuple(replace(line, promised_by="") if line.promised_by == last else line for line in drafts)
    order = Order(
        id=order_id(asked.purchase, number),
        purchase=asked.purchase,
        store=store.id,
        store_names=store.names,
        enterprise=store.enterprise,
        customer=asked.customer,
        recipient=asked.recipient,
        language=asked.language,
        currency=currency.code,
        lines=lines,
        total_minor=sum(line.charged_minor for line in lines),
        procedure=procedure.name,
        procedure_version=procedure.version,
        own_procedure=None if procedure is PROCEDURES.get(procedure.name) else procedure,
        carrier=store.carrier,
        placed_at=iso(asked.now),
        promised_by=last,
        return_window_days=return_days(store, procedure),
        settlement_period=store.settlement_period,
        payment=_payment_of(asked.method),
        facts=_supplier_periods([terms.listings[store.id, wish.sku] for wish in wanted])
        | ({CASH: "due"} if asked.method == ON_DELIVERY else {}),
        payer=CARDS if asked.method == "card" else "",
        transit_days=terms.delivering(store).transit_days(terms.listings[store.id, wanted[0].sku]),
        channel=asked.channel,
    )
    return order if is_awaited(asked.method) else with_clock(order, order.placed_at)


def _payment_of(method: str) -> str:
    """How a purchase, and each of its orders, is paid at first."""
    if method == ON_DELIVERY:
        return ON_DELIVERY
    return "pending" if is_awaited(method) else "paid"


def _supplier_periods(listings: Sequence[Listing]) -> dict[str, str]:
    """How often each supplier of the order is paid, frozen with the rest of its terms."""
    offers = (listing.offer for listing in listings if listing.offer is not None)
    return {f"period:supplier/{offer.supplier}": offer.settlement_period for offer in offers}


def _draft_line(
    asked: Asked,
    number: int,
    store: Store,
    listing: Listing,
    wish: Wanted,
    delivery: int,
    terms: Terms,
    currency: Currency,
    drawn: dict[str, int],
) -> Line:
    quantity = wish.quantity
    amount, collected = listing.price_minor * quantity, asked.channel == "union"
    price = terms.supply_price(listing)
    supply_minor = price.at(quantity)
    if collected:
        money = _collected_money(store, listing, quantity, delivery, terms, currency)
    else:
        money = seller_collected_money(listing, supply_minor * quantity)
    return Line(
        number=number,
        sku=listing.sku,
        titles=listing.titles,
        quantity=quantity,
        price_minor=listing.price_minor,
        amount_minor=amount,
        delivery_minor=delivery,
        level=listing.level,
        fulfiller=f"store/{store.id}" if listing.offer is None else f"supplier/{listing.offer.supplier}",
        split=money.shares,
        escrow_minor=amount + delivery + money.tax_minor if collected else 0,
        state="awaiting_payment" if is_awaited(asked.method) else "placed",
        held_minor=money.held_minor,
        glyph=listing.glyph,
        offer="" if listing.offer is None else f"{listing.offer.supplier}/{listing.offer.sku}",
        tax_minor=money.tax_minor,
        rates=money.rates,
        supply_minor=supply_minor,
        supply_schedule=price.schedule,
        draws={} if drawn == {listing.level: quantity} else drawn,
        is_bundle=bool(listing.parts),
        sale=listing.urgent.id if listing.urgent else "",
        sale_limit=listing.urgent.per_customer if listing.urgent else 0,
        slot=wish.slot,
        kind=listing.kind,
        accepts_returns=listing.offer is None or listing.offer.accepts_returns,
        promised_by=promise_of(store, wish, terms),
    )


def _collected_money(
    store: Store, listing: Listing, quantity: int, delivery: int, terms: Terms, currency: Currency
) -> LineMoney:
    """The split of a line that the union collects."""
    return split_line(
        listing,
        store,
        terms.union,
        quantity=quantity,
        delivery_minor=delivery,
        supply_minor=terms.supply_price(listing).at(quantity) * quantity,
        step=currency.step,
    )


def seller_collected_money(listing: Listing, supply_minor: int) -> LineMoney:
    """The split of a line whose buyer paid the seller's own shop: the deposit holds the whole supply cost for the supplier."""
    if listing.offer is None:
        return LineMoney((), 0)
    return LineMoney((Share(f"supplier/{listing.offer.supplier}", "supply", supply_minor),), supply_minor)


def _draft_transfer(asked: Asked, orders: Sequence[Order], currency: Currency) -> Transfer:
    """Payer → each order's escrow, and each store's deposit → what is held of it for lines that the price does not cover."""
    payer = payer_account(asked.method, asked.customer)
    amounts: dict[str, int] = {}
    for order in orders:
        held = sum(line.held_minor for line in order.lines)
        amounts[f"order/{order.id}"] = order.escrow_minor
        amounts[payer] = amounts.get(payer, 0) - order.escrow_minor
        for account, amount in ((f"store/{order.store}/deposit", -held), (f"store/{order.store}/held", held)):
            amounts[account] = amounts.get(account, 0) + amount
    return Transfer(
        id=f"purchase-{asked.purchase}",
        kind="purchase",
        currency=currency.code,
        postings=postings_of(amounts),
        reference=f"purchase/{asked.purchase}",
        at=iso(asked.now),
        pending=is_awaited(asked.method),
    )
