"""Ratings: what customers' reviews of a listing come to, for its card on the shelves."""

from __future__ import annotations

from mart_union.catalog.model import Rating
from mart_union.catalog.tables import CatalogItem, RatingItem, rating_key
from mart_union.kernel.transaction import WriteTransaction


def add_rating(transaction: WriteTransaction, store: str, sku: str, stars: int) -> None:
    """Add a review of so many stars to a listing's rating, in the transaction that keeps the review: so each counts once."""
    item = RatingItem(*rating_key(store, sku))
    transaction.update(item, [RatingItem.stars.add(stars), RatingItem.reviews.add(1)])


def list_ratings(store: str) -> dict[str, Rating]:
    """The ratings of a store's listings that have any, by SKU. One query: for what builds shelves, not for a page."""
    found = RatingItem.query(f"STORE#{store}", CatalogItem.sk.startswith("RATING#"), consistent_read=True)
    return {item.sk.removeprefix("RATING#"): Rating(int(item.stars), int(item.reviews)) for item in found}
