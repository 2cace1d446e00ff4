"""Ratings: what customers' reviews of a listing come to, for its card on the shelves."""

from __future__ import annotations

from pynamodb.expressions.update import Action

from mart_union.catalog.rating_model import Rating
from mart_union.catalog.tables import CatalogItem, RatingItem, rating_key
from mart_union.kernel.transaction import WriteTransaction


def add_rating(transaction: WriteTransaction, store: str, sku: str, stars: int, at: str) -> None:
    """Add a review of so many stars, made at a moment (ISO), to a listing's rating, in the transaction that keeps the review: so each counts once."""
    years = [RatingItem.first_year.set(RatingItem.first_year | at[:4]), RatingItem.last_year.set(at[:4])]
    transaction.update(RatingItem(*rating_key(store, sku)), [*_counted(stars, 1), *years])


def count_rating(transaction: WriteTransaction, store: str, sku: str, stars: int, reviews: int) -> None:
    """Take a review out of a listing's rating (`reviews` -1), or put it back in (1), in the transaction that changes the review."""
    transaction.update(RatingItem(*rating_key(store, sku)), _counted(stars, reviews))


def _counted(stars: int, reviews: int) -> list[Action]:
    return [RatingItem.stars.add(reviews * stars), RatingItem.reviews.add(reviews), RatingItem.sequence.add(1)]


def list_ratings(store: str) -> dict[str, Rating]:
    """The ratings of a store's listings that have any, by SKU. One query: for what builds shelves, not for a page."""
    found = RatingItem.query(f"STORE#{store}", CatalogItem.sk.startswith("RATING#"), consistent_read=True)
    return {item.sk.removeprefix("RATING#"): Rating(int(item.stars), int(item.reviews)) for item in found}
