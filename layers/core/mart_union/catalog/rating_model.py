"""Ratings: what the reviews of a listing come to."""

from __future__ import annotations

from msgspec import Struct


class Rating(Struct, frozen=True):
    """So many reviews of a listing, with so many stars together."""

    stars: int = 0
    reviews: int = 0

    @property
    def stars_tenths(self) -> int:
        """The mean of the stars in tenths, rounded half up; 0 without a review."""
        return (20 * self.stars + self.reviews) // (2 * self.reviews) if self.reviews else 0


ABUSE_REASONS = ("insulting", "personal-data", "advertising", "untrue", "illegal", "other")
"""Why a review, or any other response, can be reported to the union, and taken down."""


class PublicReview(Struct, frozen=True):
    """A review as everybody reads it, with its answer: never by whom. `id` sorts by its time and begins with its year."""

    id: str
    stars: int
    text: str
    at: str
    answer: str = ""
    answered_at: str = ""
