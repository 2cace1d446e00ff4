"""A small market for tests: a store with listings and stock, a supplier's pool, a customer with money and an address."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from msgspec.structs import replace

from mart_union.catalog.fees import CommissionRule, TaxRule
from mart_union.catalog.model import Listing, OfferReference, Store, Union, listing_level, offer_level
from mart_union.catalog.tables import ListingItem, StoreItem, UnionItem, listing_key, store_key, union_key
from mart_union.customers.model import Recipient
from mart_union.customers.tables import RecipientItem, recipient_key
from mart_union.kernel.clock import iso
from mart_union.ledger.model import Transfer, postings_of
from mart_union.ledger.service import post
from mart_union.stock.counting import count

NOW = datetime(2026, 11, 22, 4, 0, tzinfo=UTC)


@dataclass(frozen=True)
class Market:
    """Names of one test's own store, second store, supplier, customer and recipient."""

    store: str
    other_store: str
    supplier: str
    customer: str
    recipient: str


def save_union(**changes: object) -> Union:
    """The union of the tests: 6 % commission, 5 % tax contained in prices."""
    union = Union(
        "hsinchu",
        {"zh-TW": "新竹", "en": "Hsinchu"},
        {},
        (),
        ("zh-TW", "en"),
        (),
        (),
        fees=(CommissionRule("everything", "union", rate_basis_points=600),),
        taxes=(TaxRule("goods", "vat", 500),),
    )
    union = replace(union, **changes)
    UnionItem(*union_key(), document=union, sequence=union.sequence).save()
    return union


def save_store(store: str, **changes: object) -> Store:
    """An open store that delivers for 60 dollars by `hct`."""
    made = Store(store, f"{store}-co", {"en": store}, {}, "food", "open", iso(NOW), carrier="hct", delivery_amount=6000)
    made = replace(made, **changes)
    StoreItem(*store_key(store), document=made).save()
    return made


def save_listing(store: str, sku: str, *, price_minor: int, reserve: int, **changes: object) -> Listing:
    """A listing with stock of its own."""
    level = listing_level(store, sku)
    made = Listing(store, sku, {"en": f"{sku} of {store}"}, {}, "tea", "food", "goods", price_minor, "on_sale", level)
    made = replace(made, **changes)
    ListingItem(*listing_key(store, sku), document=made).save()
    count(level, reserve, actor="test", reference="test", now=NOW, low_stock=2)
    return made


def save_mediated(
    store: str, sku: str, supplier: str, *, price_minor: int, supply_minor: int, accepts_returns: bool = True
) -> Listing:
    """A listing that draws on the supplier's pool `POOL`."""
    level = offer_level(supplier, "POOL")
    offer = OfferReference(supplier, "POOL", supply_minor, accepts_returns=accepts_returns)
    made = Listing(store, sku, {"en": sku}, {}, "tea", "food", "goods", price_minor, "on_sale", level, offer=offer)
    ListingItem(*listing_key(store, sku), document=made).save()
    return made


def fill_pool(supplier: str, quantity: int, supply_minor: int) -> str:
    """The supplier's pool with a quantity and a supply price."""
    level = offer_level(supplier, "POOL")
    count(level, quantity, actor="test", reference="test", now=NOW, supply_minor=supply_minor)
    return level


def give_money(account: str, amount_minor: int) -> None:
    """Money from the bank onto an account."""
    amounts = {"provider/bank": -amount_minor, account: amount_minor}
    kind = "deposit" if account.endswith("/deposit") else "top-up"
    post(Transfer(f"gift-{account.replace('/', '-')}", kind, "TWD", postings_of(amounts), "test", iso(NOW)))


def open_market(name: str, *, money: int = 1_000_000, stock: int = 10) -> Market:
    """Two stores, each with listing `TEA` (300 dollars, 10 in reserve unless told), and a customer."""
    save_union()
    market = Market(f"a{name}", f"b{name}", f"s{name}", f"c{name}", f"r{name}")
    for store in (market.store, market.other_store):
        save_store(store)
        save_listing(store, "TEA", price_minor=30_000, reserve=stock)
    recipient = Recipient(
        market.recipient, market.customer, "王小明", ("光復路 1 號",), "新竹市", "300", "0900-000-001", iso(NOW)
    )
    RecipientItem(*recipient_key(market.recipient), document=recipient).save()
    if money:
        give_money(f"customer/{market.customer}", money)
    return market
