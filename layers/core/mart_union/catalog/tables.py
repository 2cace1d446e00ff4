"""The Catalog table.

| question | key or index | requests | units |
|---|---|---|---|
| the union | `UNION`/`UNION` | 1 | 0.5 read |
| an enterprise | `ENTERPRISE#<id>`/`ENTERPRISE` | 1 | 0.5 read |
| enterprises or uploads in a state, by time | index `listed` | 1 a page | by size |
| a store | `STORE#<id>`/`STORE` | 1 | 0.5 read |
| a listing | `STORE#<store>`/`LISTING#<sku>` | 1 | 0.5 read |
| a store's listings (only to build shelves) | `STORE#<store>`, begins `LISTING#` | 1 a MB | by size |
| a store's categories | `CATEGORIES#<store>` | 1 | by size |
| the union's categories | `CATEGORIES#` | 1 | by size |
| a page of a store, a category, the front | `SHELF#<shelf>`/`<page>` | 1 | 0.5 read a 4 KB |
| an upload and its report | `UPLOAD#<owner>`/`<upload>` | 1 | 0.5 read |

Index `listed` (`listed_pk`, `listed_sk`): enterprises by state, uploads by owner. An item enters it once (1 write unit) and changes its key
when its state changes (2). Listings enter no index: pages read shelves.
"""

from __future__ import annotations

from pynamodb.attributes import NumberAttribute, UnicodeAttribute
from pynamodb.indexes import AllProjection, GlobalSecondaryIndex

from mart_union.catalog.model import Card, Category, Enterprise, Listing, Store, StoreCard, Union
from mart_union.kernel.storage import Document, Item, table_name


class Listed(GlobalSecondaryIndex["CatalogItem"]):
    """Registers that are read by state or owner, in order of time."""

    class Meta:
        index_name = "listed"
        projection = AllProjection()

    listed_pk = UnicodeAttribute(hash_key=True)
    listed_sk = UnicodeAttribute(range_key=True)


class CatalogItem(Item):
    """Any item of the table."""

    class Meta:
        table_name = table_name("catalog")

    listed_pk = UnicodeAttribute(null=True)
    listed_sk = UnicodeAttribute(null=True)
    listed = Listed()
    sequence = NumberAttribute(default=1)


class UnionItem(CatalogItem):
    """The union's description and rates."""

    document = Document(Union)


class EnterpriseItem(CatalogItem):
    """An enterprise."""

    document = Document(Enterprise)


class StoreItem(CatalogItem):
    """A store with its terms."""

    document = Document(Store)


class ListingItem(CatalogItem):
    """A listing."""

    document = Document(Listing)


class CategoryItem(CatalogItem):
    """A node of a store's or the union's tree."""

    document = Document(Category)


class ShelfItem(CatalogItem):
    """A page of listing cards, ready to show; `pages` counts the pages of its shelf."""

    cards = Document(tuple[Card, ...])
    pages = NumberAttribute()
    total = NumberAttribute()


class FrontItem(CatalogItem):
    """A page of store cards for the union's front."""

    stores = Document(tuple[StoreCard, ...])
    pages = NumberAttribute()


def union_key() -> tuple[str, str]:
    """The key of the union's own item."""
    return "UNION", "UNION"


def enterprise_key(enterprise: str) -> tuple[str, str]:
    """The key of an enterprise."""
    return f"ENTERPRISE#{enterprise}", "ENTERPRISE"


def store_key(store: str) -> tuple[str, str]:
    """The key of a store."""
    return f"STORE#{store}", "STORE"


def listing_key(store: str, sku: str) -> tuple[str, str]:
    """The key of a listing."""
    return f"STORE#{store}", f"LISTING#{sku}"


def category_key(store: str, category: str) -> tuple[str, str]:
    """The key of a category; the union's own tree is that of store ''."""
    return f"CATEGORIES#{store}", category


def shelf_key(shelf: str, page: int) -> tuple[str, str]:
    """The key of a shelf's page, counted from 1. Shelves: `front`, `store/<id>`, `store/<id>/<category>`, `category/<id>`, `offers`."""
    return f"SHELF#{shelf}", f"{page:04d}"
