"""Categories: the union's tree, and each store's own, which grows from the paths in its uploads."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from msgspec.structs import replace

from mart_union.catalog.audit import add_audit
from mart_union.catalog.model import Category, Texts
from mart_union.catalog.naming import checked_names
from mart_union.catalog.tables import CategoryItem, UnionItem, category_key, union_key
from mart_union.kernel.clock import utc_now
from mart_union.kernel.errors import Conflict, Invalid, NotFound
from mart_union.kernel.ids import derived_id
from mart_union.kernel.settings import settings
from mart_union.kernel.storage import find
from mart_union.kernel.transaction import WriteTransaction, refuse

DEEPEST = 4
_ID = re.compile(r"^[a-z0-9](?:[a-z0-9.-]{0,62}[a-z0-9])?$")


def list_categories(store: str = "") -> list[Category]:
    """A store's categories, or the union's own tree without a store. One query."""
    return [item.document for item in CategoryItem.query(f"CATEGORIES#{store}", consistent_read=True)]


def path_categories(path: str, language: str) -> list[Category]:
    """The nodes of a product type such as `Tea > Oolong`, from the root to the leaf. Equal paths give equal ids.

    Raises:
        Invalid: the path is empty, deeper than four, or a part is longer than 80 characters.
    """
    parts = [" ".join(part.split()) for part in path.split(">")]
    if not all(parts) or len(parts) > DEEPEST or any(len(part) > 80 for part in parts):
        raise Invalid(f"'{path}' is not a path of 1 to {DEEPEST} parts such as 'Tea > Oolong'")
    nodes: list[Category] = []
    for part in parts:
        parent = nodes[-1].id if nodes else None
        own = _slug(part)
        nodes.append(Category(f"{parent}.{own}" if parent else own, {language: part}, parent))
    if len(nodes[-1].id) > 64:
        nodes[-1] = replace(nodes[-1], id=derived_id(nodes[-1].id))
    return nodes


def _slug(part: str) -> str:
    """ASCII for an address; a fingerprint for what has none, such as Chinese."""
    plain = unicodedata.normalize("NFKC", part).casefold()
    slug = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")
    is_ascii = plain.isascii()
    return slug if slug and is_ascii else f"c{derived_id(plain)[:10]}"


def add_categories(store: str, wanted: Iterable[Category]) -> list[Category]:
    """Write those of the categories that the store does not have yet; those it has keep their names. Answers with the new ones."""
    new = []
    for category in wanted:
        transaction = WriteTransaction()
        transaction.create(_item(store, category, 1), refuse(Conflict, "it is there"))
        try:
            transaction.commit()
        except Conflict:
            continue
        new.append(category)
    return new


def category_of_path(store: str, path: str) -> str:
    """The id of a store's category by its path, such as `Tea > Oolong`; what of the path is new is made.

    Raises:
        Invalid: the path is malformed.
    """
    nodes = path_categories(path, settings().languages[0])
    add_categories(store, nodes)
    return nodes[-1].id


def save_categories(store: str, categories: Sequence[Category], actor: str) -> list[Category]:
    """Write several categories, parents before children; if one of them is refused, none is written.

    Raises:
        Invalid: of one of them as `save_category` raises it, in the tree that those before it make.
        Conflict: someone else changed one at the same moment; the same again writes the rest.
    """
    tree = {each.id: each for each in list_categories(store)}
    for category in categories:
        _check(category, tree)
        tree[category.id] = category
    return [save_category(store, category, actor) for category in categories]


def save_category(store: str, category: Category, actor: str, now: datetime | None = None) -> Category:
    """Write a category of a store, or of the union for store ''. The same again writes nothing.

    Raises:
        Invalid: bad id or names, or the parent is unknown or below the category itself.
        Conflict: someone else changed it at the same moment.
    """
    _check(category, {each.id: each for each in list_categories(store)})
    item = find(CategoryItem, *category_key(store, category.id), consistent=True)
    if item is not None and item.document == category:
        return category
    before = int(item.sequence) if item else 0
    transaction = WriteTransaction()
    transaction.put(
        _item(store, category, before + 1),
        condition=CategoryItem.sequence == before if item else CategoryItem.pk.does_not_exist(),
        refusal=refuse(Conflict, "someone else changed the category at the same moment; read it again"),
    )
    if not store:
        _keep_tree(transaction, category)
    owner = f"store/{store}" if store else "union"
    add_audit(transaction, owner, actor, "category saved", f"category/{category.id}", now or utc_now())
    transaction.commit()
    return category


def _check(category: Category, tree: Mapping[str, Category]) -> None:
    if not _ID.match(category.id):
        raise Invalid(f"'{category.id}' is not a category id", errors=[{"field": "id", "reason": "malformed"}])
    checked_names(category.names)
    _check_parent(category, tree)


def parents_of(categories: Iterable[Category]) -> dict[str, str]:
    """The tree in short: each category that is under another, and that other."""
    return {category.id: category.parent for category in categories if category.parent}


def _keep_tree(transaction: WriteTransaction, category: Category) -> None:
    """Keep the union's own copy of its tree in step, if it is described already: checkouts find rules for a category by it."""
    item = find(UnionItem, *union_key(), consistent=True)
    if item is None:
        return
    others = {child: parent for child, parent in item.document.category_parents.items() if child != category.id}
    parents = others | parents_of([category])
    if parents == item.document.category_parents:
        return
    union = replace(item.document, category_parents=parents, sequence=item.document.sequence + 1)
    transaction.put(
        UnionItem(*union_key(), document=union, sequence=union.sequence),
        condition=UnionItem.sequence == item.sequence,
        refusal=refuse(Conflict, "the union was changed at the same moment; try again"),
    )


def get_category(store: str, category: str) -> Category:
    """A category of a store, or of the union for store ''.

    Raises:
        NotFound: there is none of this id.
    """
    item = find(CategoryItem, *category_key(store, category))
    if item is None:
        raise NotFound(f"there is no category '{category}'")
    return item.document


def _check_parent(category: Category, others: Mapping[str, Category]) -> None:
    parent, seen = category.parent, {category.id}
    while parent is not None:
        if parent not in others or parent in seen:
            reason = "it is below the category itself" if parent in seen else "there is no such category"
            raise Invalid(f"parent '{parent}': {reason}", errors=[{"field": "parent", "reason": reason}])
        seen.add(parent)
        parent = others[parent].parent


def checked_title(titles: Texts) -> Texts:
    """The titles of a listing themselves, if there is at least one and none is empty or longer than 150 characters (Google Merchant).

    Raises:
        Invalid: they are not.
    """
    if not titles or any(not title.strip() or len(title) > 150 for title in titles.values()):
        raise Invalid(
            "a title must have 1 to 150 characters", errors=[{"field": "titles", "reason": "1 to 150 characters"}]
        )
    return titles


def _item(store: str, category: Category, sequence: int) -> CategoryItem:
    return CategoryItem(*category_key(store, category.id), document=category, sequence=sequence)
