"""What the operations of the bench find in the tables: stores with listings and stock, a customer with money and an address."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from functools import cache

from msgspec.structs import replace

from mart_union.catalog import service as catalog
from mart_union.catalog.carriers import Carrier
from mart_union.catalog.fees import CommissionRule, TaxRule
from mart_union.catalog.model import Category, Classification, Listing, Place, Store, Union, listing_level
from mart_union.catalog.tables import ListingItem, listing_key
from mart_union.checkout.model import Purchase, Wanted
from mart_union.checkout.service import get_purchase, place_purchase, quote_cart
from mart_union.checkout.tables import PurchaseItem, purchase_item
from mart_union.customers import service as customers
from mart_union.customers.model import RecipientFields
from mart_union.kernel.clock import iso, utc_now
from mart_union.kernel.ids import derived_id
from mart_union.kernel.storage import Item
from mart_union.ledger.model import Transfer, postings_of
from mart_union.ledger.service import get_transfer, post
from mart_union.ledger.tables import LedgerItem, TransferItem, transfer_key
from mart_union.orders.service import get_order, take_step
from mart_union.orders.tables import OrdersItem, order_item
from mart_union.stock.counting import count
from mart_union.stock.tables import LevelItem, StockItem, level_key

CUSTOMER, RECIPIENT_KEY = "customer-lin", "recipient-of-lin"
STORES = tuple(f"store-{number:02d}" for number in range(1, 13))
SELLING = 5
SKUS = tuple(f"TEA-{number:02d}" for number in range(1, 11))
MORE_A_SCALE = 50
"""How many more purchases, orders, transfers, listings and levels there are for each step of scale."""

_MONEY = 10**13
_RESERVE = 10**8


@cache
def scene() -> str:
    """The scene of this process, laid once."""
    return lay_scene()


def lay_scene() -> str:
    """A union with twelve stores, five of them with ten listings, and a customer; the id of the customer's recipient."""
    now = utc_now() - timedelta(minutes=5)
    names = {"zh-TW": "新竹市集聯盟", "en": "Hsinchu Mart Union"}
    food = Classification("food-drink", {"zh-TW": "飲食", "en": "Food and drink"})
    place = Place({"zh-TW": "新竹市", "en": "Hsinchu City"}, ("300",))
    carrier = Carrier("windcity-express", {"en": "Wind City Express"}, "https://track.example/{number}")
    union = Union(
        id="hsinchu",
        names=names,
        texts=names,
        places=(place,),
        languages=("zh-TW", "en"),
        classifications=(food,),
        carriers=(carrier,),
        fees=(CommissionRule("everything", "union", rate_basis_points=600),),
        taxes=(TaxRule("goods", "vat", 500),),
    )
    catalog.save_union(union, "operator", now)
    catalog.save_category("", Category("tea", {"zh-TW": "茶", "en": "Tea"}), "operator", now)
    for store in STORES:
        _open(store)
    for store in STORES[:SELLING]:
        _stock(store)
        catalog.rebuild_store(store)
    catalog.rebuild_front()
    customers.save_profile(CUSTOMER, name="林小安", email="lin@example.com", language="zh-TW", now=now)
    fields = RecipientFields("林小安", ("光復路二段 101 號",), "新竹市", "300", "0900-000-001")
    amounts = {"provider/bank": -_MONEY, f"customer/{CUSTOMER}": _MONEY}
    post(Transfer("funds-of-lin", "top-up", "TWD", postings_of(amounts), "bench", iso(now)))
    return customers.add_recipient(CUSTOMER, fields, RECIPIENT_KEY, now).id


def _open(store: str) -> None:
    now = utc_now() - timedelta(minutes=5)
    enterprise, names = f"{store}-co", {"zh-TW": f"峨眉湖畔茶行 {store}", "en": f"Lakeside Tea {store}"}
    catalog.apply_enterprise(enterprise, names, f"HS-{store}", "owner", now)
    catalog.decide_enterprise(enterprise, True, "operator", now)
    terms = {"carrier": "windcity-express", "delivery_amount": 8_000}
    opened = Store(store, enterprise, names, {}, "food-drink", "open", iso(now), **terms)  # type: ignore[arg-type]
    catalog.open_store(enterprise, opened, "owner", now)


def _stock(store: str) -> None:
    now = utc_now() - timedelta(minutes=5)
    category = catalog.category_of_path(store, "Tea > Oolong")
    for sku in SKUS:
        titles = {"zh-TW": f"東方美人茶 {sku} 一百五十公克", "en": f"Oriental Beauty {sku}, 150 g"}
        level = listing_level(store, sku)
        listing = Listing(store, sku, titles, titles, category, "tea", "goods", 168_000, "on_sale", level)
        catalog.save_listing(listing, "owner", now)
        count(listing.level, _RESERVE, actor="owner", reference="first count", now=now, low_stock=5)


def wanted(lines: int, stores: int) -> list[Wanted]:
    """A cart of some lines over some stores."""
    return [Wanted(STORES[number % stores], SKUS[number // stores], 1) for number in range(lines)]


def total_of(wishes: list[Wanted]) -> int:
    """What the cart costs."""
    return quote_cart(wishes).total_minor


def buy(wishes: list[Wanted], recipient: str, key: str, total: int) -> Purchase:
    """A purchase of the customer, made outside what is timed."""
    return place_purchase(CUSTOMER, wishes, recipient=recipient, total_seen=total, method="account", key=key)


def shipped(order: str) -> str:
    """The order itself, accepted and shipped by its store: outside what is timed."""
    now, by = utc_now(), f"store/{STORES[0]}"
    take_step(order, "accept", "packer", "store", f"accept-{order}", now, fulfiller=by)
    sent = ("windcity-express", "WC-0001")
    take_step(order, "ship", "packer", "store", f"ship-{order}", now, fulfiller=by, tracking=sent)
    return order


def fill(recipient: str, scale: int) -> None:
    """More of the same customer's purchases, the same store's orders and listings: `scale` times fifty of each."""
    first = buy(wanted(3, 1), recipient, "the-first-purchase", total_of(wanted(3, 1)))
    copies = range(MORE_A_SCALE * scale)
    _save(PurchaseItem, (purchase_item(_purchase(get_purchase(first.id), number)) for number in copies))
    order, transfer = get_order(first.orders[0]), get_transfer(first.transfer)
    names = [(_copied(first.id, number), number) for number in copies]
    _save(OrdersItem, (order_item(replace(order, id=f"{name}-1", purchase=name)) for name, _ in names))
    copied = (replace(transfer, id=f"purchase-{name}") for name, _ in names)
    _save(LedgerItem, (TransferItem(*transfer_key(each.id), document=each) for each in copied))
    listing = catalog.get_listing(STORES[0], SKUS[0])
    more = [
        replace(listing, sku=f"MORE-{number}", level=listing_level(STORES[0], f"MORE-{number}")) for number in copies
    ]
    _save(ListingItem, (ListingItem(*listing_key(each.store, each.sku), document=each) for each in more))
    _save(StockItem, (LevelItem(*level_key(each.level), reserve=5, corrected=5) for each in more))


def _copied(purchase: str, number: int) -> str:
    return derived_id("copy", purchase, str(number))


def _purchase(purchase: Purchase, number: int) -> Purchase:
    name = _copied(purchase.id, number)
    return replace(purchase, id=name, orders=(f"{name}-1",), transfer=f"purchase-{name}")


def _save(model: type[Item], items: Iterator[Item]) -> None:
    with model.batch_write() as batch:
        for item in items:
            batch.save(item)
