"""Jobs that link offers by a rule, and how far they have come."""

from __future__ import annotations

from msgspec import Struct


class LinkRule(Struct, frozen=True):
    """Which offers a store links at once, and how: those of a supplier, of a category of the union and below it, with some words in the title, as far
    as each is said; into a category of its own, under the offers' SKUs with a prefix, at the suggested price or at a markup on the supply price.

    `reprice`: links that the store has of them already get the price rule, too, and nothing else; otherwise they stay as they are.
    """

    category: str
    supplier: str = ""
    union_category: str = ""
    words: str = ""
    prefix: str = ""
    markup_basis_points: int | None = None
    reprice: bool = False


class NotLinked(Struct, frozen=True):
    """An offer that a rule was meant for and that could not be linked: why, by its code and in a sentence."""

    supplier: str
    sku: str
    code: str
    detail: str


class LinkJob(Struct, frozen=True):
    """A rule by which a store links offers, and how far that has come: `running`, `done`, or `stopped` for a `problem`.

    Of the offers `looked` at, some were linked, some repriced, some stayed as they were, and some were refused: the first of these are told in
    `refusals`. Of those linked and repriced, so many (`at_minimum`) got their supplier's minimum, since the rule's markup came to less. `cursor` is where it goes on. It has gone through so many offers (`read`), whether the rule is for them or not, of as many as the rule's
    supplier had when it began (`of`; None where it names no supplier, or has not begun).
    """

    id: str
    store: str
    rule: LinkRule
    actor: str
    started_at: str
    state: str = "running"
    problem: str = ""
    looked: int = 0
    linked: int = 0
    repriced: int = 0
    unchanged: int = 0
    refused: int = 0
    refusals: tuple[NotLinked, ...] = ()
    cursor: str = ""
    finished_at: str = ""
    sequence: int = 1
    read: int = 0
    of: int | None = None
    at_minimum: int = 0
