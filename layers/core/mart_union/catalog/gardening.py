"""Changes of a tree of categories, a store's or the union's: make, rename, move, merge, remove.

Each change is one transaction, under the condition that the tree is as it was read: two of them cannot make a circle together. A merge moves
nothing. The category that is gone names the one it is a part of, and from that moment on whatever names it stands there: listings, children,
mappings, offers, fees, the next upload's rows. Shelves show it when they are built next, which the change's event sees to, and listings are brought
in step then, some at a time.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime

from msgspec import Struct
from msgspec.structs import asdict, replace

from mart_union.catalog.assignments import keep_parents
from mart_union.catalog.audit import add_audit
from mart_union.catalog.categories import add_record, read_tree
from mart_union.catalog.model import Category, Union
from mart_union.catalog.naming import checked_names
from mart_union.catalog.tables import (
    CatalogItem,
    CategoryItem,
    PartItem,
    UnionItem,
    UsedItem,
    tree_key,
    union_key,
    used_key,
)
from mart_union.catalog.trees import CategoryRecord, Tree, check_merge, check_place, parents_of, tree_of
from mart_union.kernel.clock import utc_now
from mart_union.kernel.errors import Conflict, Invalid, NotFound, RuleViolation
from mart_union.kernel.settings import settings
from mart_union.kernel.storage import find
from mart_union.kernel.transaction import WriteTransaction, refuse

_ID = re.compile(r"^[a-z0-9](?:[a-z0-9.-]{0,62}[a-z0-9])?$")


class _Kept(Struct, frozen=True):
    """A tree as it was read, with its revision."""

    store: str
    revision: int
    items: dict[str, CategoryItem]

    @property
    def records(self) -> dict[str, CategoryRecord]:
        return {name: item.document for name, item in self.items.items()}

    @property
    def tree(self) -> Tree:
        return tree_of(self.records.values())

    def record(self, category: str) -> CategoryRecord:
        """A category, there or gone.

        Raises:
            NotFound: there never was one of this id.
        """
        if category not in self.items:
            raise NotFound(f"there is no category '{category}'")
        found: CategoryRecord = self.items[category].document
        return found


def _read(store: str) -> _Kept:
    """The revision comes first: what is read after it is at least as new."""
    counted = find(CatalogItem, *tree_key(store), consistent=True)
    items = CategoryItem.query(f"CATEGORIES#{store}", consistent_read=True)
    return _Kept(store, int(counted.sequence) if counted else 0, {item.sk: item for item in items})


def save_categories(store: str, categories: Sequence[Category], actor: str) -> list[Category]:
    """Write several categories, parents before children; if one of them is refused, none is written.

    Raises:
        Invalid: of one of them as `save_category` raises it, in the tree that those before it make.
        RuleViolation: likewise.
        Conflict: someone else changed one at the same moment; the same again writes the rest.
    """
    kept = _read(store)
    records = kept.records
    for category in categories:
        _check(category, store, records)
        records[category.id] = CategoryRecord(**asdict(category))
    return [save_category(store, category, actor) for category in categories]


def save_category(store: str, category: Category, actor: str, now: datetime | None = None) -> Category:
    """Write a category of a store, or of the union for store '': make it, rename it, map it, move it with all that is below it. The same again
    writes nothing; one that was removed is there again.

    Raises:
        Invalid: bad id or names, a name in a language that the union does not have, the parent is unknown or below the category itself, or there is no such category of the union.
        RuleViolation: it was merged into another, or would stand too deep.
        Conflict: someone else changed the tree at the same moment.
    """
    kept = _read(store)
    _check(category, store, kept.records)
    if kept.tree.categories.get(category.id) != category:
        _write(kept, CategoryRecord(**asdict(category)), actor, "category saved", now)
    return category


def _check(category: Category, store: str, records: Mapping[str, CategoryRecord]) -> None:
    if not _ID.match(category.id):
        raise Invalid(f"'{category.id}' is not a category id", errors=[{"field": "id", "reason": "malformed"}])
    checked_names(category.names)
    foreign = sorted(category.names.keys() - set(settings().languages))
    if foreign:
        reason = f"'{foreign[0]}' is not a language of this union: {', '.join(settings().languages)}"
        raise Invalid(f"names: {reason}", errors=[{"field": "names", "reason": reason}])
    if category.id in records:
        _require_unmerged(records[category.id])
    check_place(category, tree_of(records.values()))
    wanted = category.union_category if store else ""
    before = records.get(category.id)
    if wanted and (before is None or before.union_category != wanted) and wanted not in read_tree().categories:
        reason = "there is no such category of the union"
        raise Invalid(f"union_category '{wanted}': {reason}", errors=[{"field": "union_category", "reason": reason}])


def _require_unmerged(record: CategoryRecord) -> None:
    if record.merged_into:
        message = f"'{record.id}' was merged into '{record.merged_into}'"
        raise RuleViolation(message, reason="merged", into=record.merged_into)


def merge_category(store: str, category: str, into: str, actor: str, now: datetime | None = None) -> Category:
    """Make a category a part of another, with all that is in it and below it, for good; answers with that other one. The same again changes nothing.

    One write, however many listings there are.

    Raises:
        NotFound: there is no such category.
        Invalid: there is no such other one, or it is the category itself or below it.
        RuleViolation: it was merged into another before, what is below it would stand too deep, or a rule of the union names it.
        Conflict: someone else changed the tree at the same moment.
    """
    kept = _read(store)
    tree, record = kept.tree, kept.record(category)
    if record.merged_into == into and tree.at(into) in tree.categories:
        return tree.categories[tree.at(into)]
    _require_unmerged(record)
    if record.removed:
        raise NotFound(f"there is no category '{category}'")
    check_merge(category, into, tree)
    _write(kept, replace(record, merged_into=into), actor, f"category merged into {into}", now)
    return tree.categories[into]


def remove_category(store: str, category: str, actor: str, now: datetime | None = None) -> None:
    """Take an empty category out of the tree; the same again changes nothing. Should something come into it at the same moment, it stands in
    what the category was under, until an upload names the category again.

    Raises:
        NotFound: there is no such category.
        RuleViolation: it was merged into another, a category is below it, a listing is in it, or a rule of the union names it.
        Conflict: someone else changed the tree at the same moment.
    """
    kept = _read(store)
    record = kept.record(category)
    _require_unmerged(record)
    if record.removed:
        return
    if any(each.parent == category for each in kept.tree.categories.values()):
        raise RuleViolation(f"'{category}' is not empty: a category is below it", reason="children")
    if _is_used(store, category, kept.tree):
        raise RuleViolation(f"'{category}' is not empty: a listing is in it", reason="listings")
    _write(kept, replace(record, removed=True), actor, "category removed", now)


def used_categories(store: str) -> frozenset[str]:
    """The store's categories that have listings, in whatever state, as its shelves were built last. One read."""
    item = find(UsedItem, *used_key(store), consistent=True)
    return frozenset(item.categories if item else ())


def _is_used(store: str, category: str, tree: Tree) -> bool:
    if store:
        return category in used_categories(store)
    names = [category, *(gone for gone, place in tree.gone.items() if place == category)]
    return any(True for name in names for _ in PartItem.query(f"PARTS#{name}", limit=1, consistent_read=True))


def _write(kept: _Kept, record: CategoryRecord, actor: str, action: str, now: datetime | None) -> None:
    store, transaction = kept.store, WriteTransaction()
    transaction.put(
        CatalogItem(*tree_key(store), sequence=kept.revision + 1),
        condition=CatalogItem.sequence == kept.revision if kept.revision else CatalogItem.pk.does_not_exist(),
        refusal=refuse(Conflict, "someone else changed the categories at the same moment; read them again"),
    )
    add_record(transaction, store, record, kept.items.get(record.id))
    if not store:
        _keep_parents(transaction, kept, record)
    owner = f"store/{store}" if store else "union"
    add_audit(transaction, owner, actor, action, f"category/{record.id}", now or utc_now())
    transaction.commit()
    if store:
        keep_parents(store)


def _keep_parents(transaction: WriteTransaction, kept: _Kept, record: CategoryRecord) -> None:
    """Keep the union's own copy of its tree in step, if it is described already: checkouts find rules for a category by it.

    Raises:
        RuleViolation: a rule names a category that would be gone.
    """
    item = find(UnionItem, *union_key(), consistent=True)
    if item is None:
        return
    union: Union = item.document
    if not record.is_there:
        _require_unruled(record.id, union)
    parents = parents_of({**kept.records, record.id: record}.values())
    changed = refuse(Conflict, "the union was changed at the same moment; try again")
    if parents == union.category_parents:
        transaction.check(UnionItem(*union_key()), UnionItem.sequence == item.sequence, changed)
        return
    union = replace(union, category_parents=parents, sequence=union.sequence + 1)
    transaction.put(
        UnionItem(*union_key(), document=union, sequence=union.sequence),
        condition=UnionItem.sequence == item.sequence,
        refusal=changed,
    )


def _require_unruled(category: str, union: Union) -> None:
    named = [rule.id for rule in union.fees if rule.scope == "category" and rule.subject == category]
    named += [rule.id for rule in union.taxes if rule.category == category]
    if named:
        raise RuleViolation(f"the rule '{named[0]}' names '{category}': change the rule first", reason="rule")
