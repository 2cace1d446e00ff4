"""What a reconciliation finds."""

from __future__ import annotations

from msgspec import Struct


class Difference(Struct, frozen=True):
    """Something that the books disagree on: the invariant it breaks, what it is about, and what is wrong."""

    invariant: int
    subject: str
    detail: str
