"""What everybody reads of a listing's reviews: stars, words and answer, never who wrote them. By year, newest first."""

from __future__ import annotations

import re

from msgspec import Struct

from mart_union.catalog.model import Listing, Texts
from mart_union.catalog.rating_model import PublicReview, Rating
from mart_union.catalog.refs import listing_ref, store_ref
from mart_union.catalog.tables import RatingItem, ReviewItem, rating_key, review_key, reviews_key
from mart_union.kernel.errors import Invalid, NotFound
from mart_union.kernel.paging import read_page
from mart_union.kernel.storage import Ref, fetch_all, find
from mart_union.kernel.transaction import WriteTransaction

_A_PAGE = 20
_YEAR = re.compile(r"\d{4}", re.ASCII)


class ListingReviews(Struct, frozen=True):
    """A page of a listing's reviews of a year, newest first, and what all of them come to: their number and the mean of their stars in tenths.
    `first_year` and `last_year` are those of the first and the newest, '' where there is none."""

    store: str
    sku: str
    titles: Texts
    reviews: int
    stars_tenths: int
    year: str
    first_year: str
    last_year: str
    items: tuple[PublicReview, ...]
    next: str = ""


def review_id(response: str, at: str) -> str:
    """The id under which everybody reads a response that was made at a moment (ISO)."""
    return f"{at}-{response}"


def put_review(
    transaction: WriteTransaction, store: str, sku: str, review: PublicReview, order: str, response: str
) -> None:
    """Show a review as it is now, in the transaction that makes it so."""
    key = review_key(store, sku, review.id)
    transaction.put(ReviewItem(*key, document=review, order=order, response=response))


def remove_review(transaction: WriteTransaction, store: str, sku: str, review: str) -> None:
    """Show a review no longer, in the transaction that takes it down."""
    transaction.delete(ReviewItem(*review_key(store, sku, review)))


def find_reviewed(store: str, sku: str, review: str) -> tuple[str, str]:
    """The order, and the response to it, that a review is. One request.

    Raises:
        NotFound: the listing shows no such review.
    """
    item = find(ReviewItem, *review_key(store, sku, review))
    if item is None:
        raise NotFound("there is no such review")
    return item.order, item.response


def list_reviews(store: str, sku: str, year: str = "", cursor: str = "") -> ListingReviews:
    """A page of a listing's reviews of a year (`yyyy`, UTC; that of the newest when none is named). One batch read and one query.

    Raises:
        NotFound: the store has no such listing, or it was withdrawn.
        Invalid: it is no year, or the cursor is not one of this list.
    """
    if year and not _YEAR.fullmatch(year):
        reason = "write a year such as 2026"
        raise Invalid(f"year: {reason}", errors=[{"field": "year", "reason": reason}])
    rating = Ref(RatingItem, *rating_key(store, sku), lambda item: item)
    listing, of, rated = fetch_all([listing_ref(store, sku), store_ref(store), rating])
    if listing is None or listing.state == "withdrawn" or of is None:
        raise NotFound(f"the store '{store}' has no listing '{sku}'")
    return _page(listing, rated, year, cursor)


def _page(listing: Listing, rated: RatingItem | None, year: str, cursor: str) -> ListingReviews:
    total = Rating(int(rated.stars), int(rated.reviews)) if rated else Rating()
    first, last = (rated.first_year or "", rated.last_year or "") if rated else ("", "")
    shown = year or last
    page = read_page(ReviewItem.query, reviews_key(listing.store, listing.sku, shown), cursor=cursor, limit=_A_PAGE)
    return ListingReviews(
        store=listing.store,
        sku=listing.sku,
        titles=listing.titles,
        reviews=total.reviews,
        stars_tenths=total.stars_tenths,
        year=shown,
        first_year=first,
        last_year=last,
        items=tuple(item.document for item in page.items),
        next=page.next,
    )
