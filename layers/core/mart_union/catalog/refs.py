"""References to what the catalog holds, for reads that other capabilities make together with their own."""

from __future__ import annotations

from mart_union.catalog.model import Listing, Store, Union
from mart_union.catalog.tables import (
    CategoryItem,
    ListingItem,
    StoreItem,
    UnionItem,
    category_key,
    listing_key,
    store_key,
    union_key,
)
from mart_union.catalog.trees import CategoryRecord
from mart_union.kernel.storage import Ref


def union_ref() -> Ref[Union]:
    """The union's description and rates."""
    return Ref(UnionItem, *union_key(), lambda item: item.document)


def store_ref(store: str) -> Ref[Store]:
    """A store's terms."""
    return Ref(StoreItem, *store_key(store), lambda item: item.document)


def listing_ref(store: str, sku: str) -> Ref[Listing]:
    """A listing."""
    return Ref(ListingItem, *listing_key(store, sku), lambda item: item.document)


def category_ref(store: str, category: str) -> Ref[CategoryRecord]:
    """A category of a store, there or gone."""
    return Ref(CategoryItem, *category_key(store, category), lambda item: item.document)
