"""Under which procedure a listing is sold, and what decides that."""

from __future__ import annotations

from msgspec import Struct

from mart_union.catalog.model import Listing, Store, Texts
from mart_union.catalog.trees import Tree
from mart_union.orders.procedures import procedure_for


class SoldUnder(Struct, frozen=True):
    """The procedure under which a listing is sold now: its name, its title, and what decides: the `listing` itself, a `category`, which has names, or the
    `store`."""

    procedure: str
    title: str
    decided_by: str
    names: Texts


def sold_under(store: Store, listing: Listing, tree: Tree) -> SoldUnder:
    """What is found for a listing in its store's assignments; without a read."""
    kind, _, subject = store.assignment_of(listing).partition("/")
    procedure, category = procedure_for(store, listing), tree.categories.get(subject) if kind == "category" else None
    names = category.names if category else {"en": subject} if kind == "category" else {}
    return SoldUnder(procedure.name, procedure.title, kind or "store", names)
