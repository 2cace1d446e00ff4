"""The names of what a notice speaks of, as they are when it is told: an event knows ids only."""

from __future__ import annotations

from collections.abc import Callable

from msgspec.structs import replace

from mart_union.catalog.model import Texts
from mart_union.catalog.refs import listing_ref, store_ref, union_ref
from mart_union.kernel.storage import fetch
from mart_union.mediation.offers import find_offer
from mart_union.mediation.refs import supplier_ref
from notifications.model import Notice


def with_names(notice: Notice) -> Notice:
    """A notice with the names that it needs as they are now, none of what is gone: one read each."""
    found = {fact: _names_of(reference) for fact, reference in notice.names.items()}
    return replace(notice, facts=notice.facts | found) if found else notice


def _names_of(reference: str) -> Texts:
    kind, _, rest = reference.partition("/")
    return _READ[kind](rest)


def _of_listing(name: str) -> Texts:
    store, _, sku = name.partition("/")
    listing = fetch(listing_ref(store, sku))
    return listing.titles if listing else {}


def _of_offer(name: str) -> Texts:
    supplier, _, sku = name.partition("/")
    offer = find_offer(supplier, sku)
    return offer.titles if offer else {}


def _of_store(store: str) -> Texts:
    found = fetch(store_ref(store))
    return found.names if found else {}


def _of_supplier(supplier: str) -> Texts:
    found = fetch(supplier_ref(supplier))
    return found.names if found else {}


def _of_carrier(carrier: str) -> Texts:
    union = fetch(union_ref())
    found = union.carrier(carrier) if union else None
    return found.names if found else {}


_READ: dict[str, Callable[[str], Texts]] = {
    "listing": _of_listing,
    "offer": _of_offer,
    "store": _of_store,
    "supplier": _of_supplier,
    "carrier": _of_carrier,
}
