"""What customers say of a listing: as JSON, and as a page beside the listing's."""

from __future__ import annotations

from browse.data import kept
from mart_union.catalog.rating_model import ABUSE_REASONS
from mart_union.catalog.reviews import ListingReviews, list_reviews
from mart_union.web.access import PUBLIC
from mart_union.web.answer import Json, Page
from mart_union.web.api import Api
from mart_union.web.request import Request


def add_routes(api: Api) -> None:
    """Declare the routes."""
    api.get("/api/listings/{store}/{sku}/reviews", PUBLIC, answer=ListingReviews)(read_reviews)
    api.get("/stores/{store}/{sku}/reviews", PUBLIC)(show_reviews)


def read_reviews(request: Request) -> Json:
    """A listing's reviews of a `year` (yyyy, UTC; that of the newest when none is named), newest first, with their answers; never who wrote them."""
    return Json(_read(request), headers={"Cache-Control": kept()})


def show_reviews(request: Request) -> Page:
    """The same as a page, on which each can be reported."""
    reported = request.query.get("reported", "") == "yes"
    context = {"reviews": _read(request), "reasons": ABUSE_REASONS, "reported": reported}
    headers = {"Cache-Control": kept(), "Vary": "Accept-Language, Cookie"}
    return Page("browse/reviews.html", context, headers=headers)


def _read(request: Request) -> ListingReviews:
    year, cursor = request.query.get("year", ""), request.query.get("cursor", "")
    return list_reviews(request.params["store"], request.params["sku"], year, cursor)
