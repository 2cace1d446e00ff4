"""What a store's record keeps of its tree of categories, so that a checkout finds what is assigned to the nearest category by the read of the store."""

from __future__ import annotations

from aws_lambda_powertools import Logger
from msgspec.structs import replace

from mart_union.catalog.categories import read_tree
from mart_union.catalog.model import Store
from mart_union.catalog.refs import store_ref
from mart_union.catalog.tables import StoreItem, store_key
from mart_union.catalog.trees import Tree, parents_beside_ids
from mart_union.kernel.errors import Conflict
from mart_union.kernel.retry import retried
from mart_union.kernel.storage import fetch
from mart_union.kernel.transaction import WriteTransaction, refuse

MOST_PARENTS = 1_000
"""Categories that stand elsewhere than their ids say: with these, the record stays below half of an item's 400 KB."""

logger = Logger(child=True)


def keep_parents(store: str) -> None:
    """Bring what a store's record says of its tree in step with the tree; no difference writes nothing. One consistent read; where procedures are assigned to
    categories, a query more.

    To be called after a change of either: of two at once the later reads what both have written. Should it be cut off, the next build of the store's shelves
    does it.

    Raises:
        Busy: the store kept changing.
    """

    def keep() -> None:
        found = fetch(store_ref(store), consistent=True)
        if found is not None:
            _keep(found, _wanted(found, None))

    retried(keep, on=Conflict, what="this store")


def bring_parents(store: Store, tree: Tree) -> None:
    """The same for who has read both, the store consistently and before the tree; left to the next time where the store has just changed."""
    try:
        _keep(store, _wanted(store, tree))
    except Conflict:
        logger.info("parents left to the next build", store=store.id)


def _wanted(store: Store, tree: Tree | None) -> dict[str, str]:
    assigned = {subject.partition("/")[2] for subject in store.assigned if subject.startswith("category/")}
    if not assigned:
        return {}
    parents = parents_beside_ids(tree or read_tree(store.id), assigned)
    if len(parents) > MOST_PARENTS:
        logger.error("too many categories stand elsewhere than their ids say", store=store.id, parents=len(parents))
    return dict(list(parents.items())[:MOST_PARENTS])


def _keep(store: Store, parents: dict[str, str]) -> None:
    if parents == store.category_parents:
        return
    saved = replace(store, category_parents=parents, sequence=store.sequence + 1)
    transaction = WriteTransaction()
    changed = refuse(Conflict, "the store was changed at the same moment; read it again")
    item = StoreItem(*store_key(store.id), document=saved, sequence=saved.sequence)
    transaction.put(item, condition=StoreItem.sequence == store.sequence, refusal=changed)
    transaction.commit()
