"""The Mediation table.

| question | key or index | requests | units |
|---|---|---|---|
| a supplier | `SUPPLIER#<id>`/`SUPPLIER` | 1 | 0.5 read |
| suppliers in a state | index `by_store`, `SUPPLIERS#<state>` | 1 a page | by size |
| an offer | `SUPPLIER#<supplier>`/`OFFER#<sku>` | 1 | 0.5 read |
| a supplier's offers | `SUPPLIER#<supplier>`, begins `OFFER#` | 1 a page | by size |
| an offer's links | `OFFER#<supplier>#<sku>`, begins `LINK#` | 1 a page | by size |
| a store's links | index `by_store`, `LINKS#<store>` | 1 a page | by size |
| a store's shops | `SHOPS#<store>` | 1 | by size |
| a shop | `SHOP#<id>`/`SHOP` | 1 | 0.5 read |
| a supplier's open orders; its closed ones by month | index `by_store`, `SUPPLY#<supplier>#open`, `SUPPLY#<supplier>#closed#<yyyy-mm>` | 1 a page | by size |

Index `by_store` (`store_pk`, `store_sort`): links, suppliers and supply orders enter it once (1 write unit); a change of state changes their
key (2). Offers do not enter it.
"""

from __future__ import annotations

from pynamodb.attributes import NumberAttribute, UnicodeAttribute
from pynamodb.indexes import AllProjection, GlobalSecondaryIndex

from mart_union.kernel.storage import Document, Item, table_name
from mart_union.mediation.model import Link, Offer, Shop, Supplier, SupplyOrder


class ByStore(GlobalSecondaryIndex["MediationItem"]):
    """Registers that are read by store, supplier or state."""

    class Meta:
        index_name = "by_store"
        projection = AllProjection()

    store_pk = UnicodeAttribute(hash_key=True)
    store_sort = UnicodeAttribute(range_key=True)


class MediationItem(Item):
    """Any item of the table."""

    class Meta:
        table_name = table_name("mediation")

    store_pk = UnicodeAttribute(null=True)
    store_sort = UnicodeAttribute(null=True)
    by_store = ByStore()
    sequence = NumberAttribute(default=1)


class SupplierItem(MediationItem):
    """A supplier."""

    document = Document(Supplier)


class OfferItem(MediationItem):
    """An offer."""

    document = Document(Offer)


class LinkItem(MediationItem):
    """A link, kept with its offer."""

    document = Document(Link)


class ShopItem(MediationItem):
    """A shop, kept under its own id and, as a reference, under its store."""

    document = Document(Shop)


class SupplyOrderItem(MediationItem):
    """A supplier's part of an order."""

    document = Document(SupplyOrder)


def supplier_key(supplier: str) -> tuple[str, str]:
    """The key of a supplier."""
    return f"SUPPLIER#{supplier}", "SUPPLIER"


def offer_key(supplier: str, sku: str) -> tuple[str, str]:
    """The key of an offer."""
    return f"SUPPLIER#{supplier}", f"OFFER#{sku}"


def link_key(supplier: str, offer_sku: str, store: str, sku: str) -> tuple[str, str]:
    """The key of a link, in its offer's partition."""
    return f"OFFER#{supplier}#{offer_sku}", f"LINK#{store}#{sku}"


def shop_key(shop: str) -> tuple[str, str]:
    """The key of a shop."""
    return f"SHOP#{shop}", "SHOP"


def supply_order_key(supplier: str, order: str) -> tuple[str, str]:
    """The key of a supplier's part of an order."""
    return f"SUPPLY#{supplier}", f"ORDER#{order}"
