"""How cards are packed into the pages of a shelf: pure rules."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

import msgspec

from mart_union.catalog.cards import Card, CardSale, Shelf, ShelfHead, StoreCard
from mart_union.catalog.model import Classification, Listing, Store
from mart_union.catalog.rating_model import Rating
from mart_union.catalog.urgent_terms import UrgentSale

C = TypeVar("C", Card, StoreCard)

UNRATED = Rating()

PAGE_BYTES = 4096
"""One read unit, half when eventual: a page that fits costs 0.5 (DynamoDB)."""

_KEYS_BYTES = 200  # key, numbers and the attributes' names
_LEAST_BYTES = 1024  # for cards, under however long a head


def pack(name: str, head: ShelfHead, cards: Sequence[Card] = (), stores: Sequence[StoreCard] = ()) -> list[Shelf]:
    """The pages of a shelf, of listings or of stores: as many cards a page as a read unit holds, in the order given; at least one page.

    Every page repeats whose shelf it is; texts and links to categories stand on the first only.
    """
    later = ShelfHead(head.names, {}, head.store, (), head.classifications)
    card_pages, store_pages = _chunks(cards, head, later), _chunks(stores, head, later)
    pages, total = max(len(card_pages), len(store_pages)), len(cards) + len(stores)
    return [
        Shelf(
            name,
            number,
            pages,
            total,
            head if number == 1 else later,
            cards=tuple(card_pages[number - 1]) if cards else (),
            stores=tuple(store_pages[number - 1]) if stores else (),
        )
        for number in range(1, pages + 1)
    ]


def _chunks(cards: Sequence[C], head: ShelfHead, later: ShelfHead) -> list[list[C]]:
    chunks: list[list[C]] = [[]]
    room = _room(head)
    for card in cards:
        size = len(msgspec.json.encode(card)) + 1
        if size > room and chunks[-1]:
            chunks.append([])
            room = _room(later)
        chunks[-1].append(card)
        room -= size
    return chunks


def _room(head: ShelfHead) -> int:
    return max(_LEAST_BYTES, PAGE_BYTES - _KEYS_BYTES - len(msgspec.json.encode(head)))


def card_of_listing(listing: Listing, reserve: int, rating: Rating = UNRATED) -> Card:
    """A listing as a shelf keeps it. A bookable service is available as long as it is on sale: which times are free, its page tells."""
    return Card(
        store=listing.store,
        sku=listing.sku,
        titles=listing.titles,
        price_minor=listing.price_minor,
        glyph=listing.glyph,
        available=listing.state == "on_sale" and (reserve > 0 or listing.slot_minutes > 0),
        mediated=listing.offer is not None,
        pieces=sum(listing.parts.values()),
        stars_tenths=rating.stars_tenths,
        reviews=rating.reviews,
        urgent_sale=_told_sale(listing.urgent),
    )


def _told_sale(sale: UrgentSale | None) -> CardSale | None:
    return CardSale(sale.price_minor, sale.starts_at, sale.ends_at, bool(sale.postcodes)) if sale else None


def front_order(cards: Sequence[StoreCard], classifications: Sequence[Classification]) -> list[StoreCard]:
    """Store cards grouped by classification, in the union's order of classifications, then by id; unknown ones last."""
    place = {classification.id: number for number, classification in enumerate(classifications)}
    return sorted(cards, key=lambda card: (place.get(card.classification, len(place)), card.store))


def is_shown(store: Store, listing: Listing) -> bool:
    """Whether a listing stands on shelves: its store is open, and it is neither paused nor withdrawn. A sold-out one is shown as such."""
    return store.state == "open" and listing.state == "on_sale"
