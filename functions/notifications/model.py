"""What is told to whom. Pure."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from msgspec import Struct, field


class Audience(Struct, frozen=True):
    """Who is told: a person (`customer`), or those who work for a `store` or `supplier` in one of some roles (none named: all)."""

    kind: str
    id: str
    roles: frozenset[str] = frozenset()


class Notice(Struct, frozen=True):
    """One thing to tell an audience: of some `parts` of an `entity` (lines of an order by number; '' for all of it), each of which is told its newest
    `sequence`, and the same `news` not twice in a row.

    `names` are facts that are read when it is told: the names that a reference has then, such as `carrier/hct`. `language` is the one to use for who
    has not chosen any.
    """

    template: str
    audience: Audience
    entity: str
    sequence: int
    news: str
    facts: dict[str, Any]
    language: str = ""
    parts: tuple[str, ...] = ("",)
    names: dict[str, str] = field(default_factory=dict)

    def facts_of(self, parts: Collection[str]) -> dict[str, Any]:
        """The facts of some of its parts: of an order's lines those only."""
        if "" in parts:
            return self.facts
        return self.facts | {"lines": [line for line in self.facts["lines"] if str(line.number) in parts]}


MANAGERS = frozenset({"owner", "manager"})
"""The roles in a store that hear of its orders, returns, responses and stock."""


def fulfillers_audience(fulfiller: str) -> Audience:
    """Those who work for a fulfiller, `store/<id>` or `supplier/<id>`, and hear of its orders."""
    kind, _, party = fulfiller.partition("/")
    return Audience(kind, party, MANAGERS if kind == "store" else frozenset())
