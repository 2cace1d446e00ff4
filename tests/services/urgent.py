"""An urgent sale of a test's market: begun, bought in, and what its levels have."""

from __future__ import annotations

import itertools
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from msgspec import Struct

from mart_union.catalog.model import Listing
from mart_union.catalog.refs import listing_ref
from mart_union.catalog.urgent import end_if_sold_out, end_urgent_sale, start_urgent_sale
from mart_union.catalog.urgent_terms import SaleTerms
from mart_union.checkout.model import Wanted
from mart_union.checkout.service import place_purchase
from mart_union.checkout.tables import PlaceItem, place_key
from mart_union.checkout.tickets import write_ticket
from mart_union.checkout.turns import Ticket, expiry_of, microseconds
from mart_union.customers.model import Recipient
from mart_union.customers.tables import RecipientItem, recipient_key
from mart_union.kernel.clock import iso
from mart_union.kernel.ids import new_id
from mart_union.kernel.storage import fetch
from mart_union.orders.limits import bought_ref
from mart_union.stock.model import shard_of
from mart_union.stock.service import get_level, get_levels
from tests.services.market import NOW, Market, give_money

LATER = NOW + timedelta(hours=2)
_turns = itertools.count(-1_000_000)  # microseconds: no two places in line have the same turn
TERMS = SaleTerms(20_000, iso(NOW), iso(NOW + timedelta(hours=1)), 4)


def start(market: Market, *, key: str = "sale-00001", **changes: Any) -> Listing:
    """Begin a sale of the store's tea: 4 units at 200 dollars for an hour, unless told otherwise."""
    terms = SaleTerms(**{name: changes.get(name, getattr(TERMS, name)) for name in TERMS.__struct_fields__})
    return start_urgent_sale(market.store, changes.get("sku", "TEA"), terms, actor="owner", key=key, now=NOW)


def current(market: Market) -> Listing:
    """The store's tea as it is stored now."""
    found = fetch(listing_ref(market.store, "TEA"), consistent=True)
    assert found is not None
    return found


def end(market: Market, sale: Listing) -> Listing:
    """The owner ends a sale that was begun."""
    assert sale.urgent is not None
    return end_urgent_sale(market.store, "TEA", sale.urgent.id, actor="owner", now=NOW)


def streamed(market: Market) -> int:
    """The stream of the stock tells of the sale's shards as they are now; how many sales that ends."""
    shards = get_levels(current(market).shard_levels, consistent=True).values()
    return sum(end_if_sold_out(shard, NOW) for shard in shards if not shard.reserve + shard.reserved)


def buy(market: Market, quantity: int, price: int, *, key: str = "key-00000001", now: Any = NOW, **more: Any) -> str:
    """The market's customer buys tea, from the account unless told otherwise; the purchase's id."""
    wanted = [Wanted(market.store, "TEA", quantity)]
    facts = {"recipient": market.recipient, "total_seen": price * quantity + 6000, "method": "account"} | more
    return place_purchase(market.customer, wanted, key=key, now=now, **facts).id


def let_in(market: Market, sale: Listing, now: datetime = NOW) -> list[str]:
    """A ticket of the market's customer whose turn in the sale is now, with the place in line that it stands for."""
    assert sale.urgent is not None
    turn = next(_turns) + microseconds(now)
    PlaceItem(*place_key(sale.urgent.id, market.customer), claim=new_id(), turn=turn, expires_at=expiry_of(turn)).save()
    return [write_ticket(Ticket(new_id(), sale.urgent.id, market.customer, turn, sale.urgent.rate))]


def shopper(market: Market, name: str, *, postcode: str = "300", money: int = 1_000_000) -> Market:
    """The same market with another customer, who has money and a recipient of their own."""
    customer, recipient = f"{market.customer}-{name}", f"{market.recipient}-{name}"
    made = Recipient(recipient, customer, "林小姐", ("中山路 2 號",), "新竹市", postcode, "0900-000-002", iso(NOW))
    RecipientItem(*recipient_key(recipient), document=made).save()
    if money:
        give_money(f"customer/{customer}", money)
    return replace(market, customer=customer, recipient=recipient)


class Stock(Struct, frozen=True):
    """What the listing has in reserve, what is kept for its sale, and what of it is sold."""

    reserve: int
    kept: int
    sold: int


def level(market: Market) -> Stock:
    """How the listing's stock stands; its levels balance."""
    home = get_level(f"listing/{market.store}/TEA")
    shards = list(get_levels([shard_of(home.id, number) for number in range(1, 17)]).values())
    assert home.balances()
    assert all(shard.balances() for shard in shards)
    assert home.moved + sum(shard.moved for shard in shards) == 0
    return Stock(home.reserve, sum(shard.reserve for shard in shards), home.sold + sum(shard.sold for shard in shards))


def bought(market: Market, sale: str) -> int:
    """How many units of a sale are counted as the customer's."""
    found = fetch(bought_ref(sale, market.customer), consistent=True)
    return found[1] if found else 0
