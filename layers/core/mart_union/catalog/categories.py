"""Categories: the union's tree, and each store's own, which grows from the paths in its uploads."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

from msgspec.structs import asdict, replace

from mart_union.catalog.model import Category, Texts
from mart_union.catalog.tables import CategoryItem, category_key
from mart_union.catalog.trees import DEEPEST, CategoryRecord, Tree, parents_of, tree_of
from mart_union.kernel.errors import Conflict, Invalid, NotFound
from mart_union.kernel.ids import derived_id
from mart_union.kernel.settings import settings
from mart_union.kernel.storage import find
from mart_union.kernel.transaction import WriteTransaction, refuse


def read_tree(store: str = "") -> Tree:
    """A store's tree, or the union's own without a store. One query."""
    return tree_of(item.document for item in CategoryItem.query(f"CATEGORIES#{store}", consistent_read=True))


def read_parents() -> dict[str, str]:
    """The union's tree in short: what stands above each category, or in the place of one that is gone. One query."""
    return parents_of(item.document for item in CategoryItem.query("CATEGORIES#", consistent_read=True))


def list_categories(store: str = "") -> list[Category]:
    """The categories of a store, or of the union without a store, that are there. One query."""
    return list(read_tree(store).categories.values())


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
    """Write those of the categories that the store does not have; those it has keep their names, one that was removed is there again,
    and one that was merged into another stays gone. Answers with the new ones."""
    return [category for category in wanted if _add(store, category)]


def _add(store: str, category: Category) -> bool:
    try:
        _put(store, category, None)
    except Conflict:
        before = find(CategoryItem, *category_key(store, category.id), consistent=True)
        if before is None or not before.document.removed:
            return False
        _put(store, category, before)
    return True


def _put(store: str, category: Category, before: CategoryItem | None) -> None:
    transaction = WriteTransaction()
    add_record(transaction, store, CategoryRecord(**asdict(category)), before)
    transaction.commit()


def add_record(transaction: WriteTransaction, store: str, record: CategoryRecord, before: CategoryItem | None) -> None:
    """Add a category as it is to be kept, new or in the place of one that was read, to a transaction.

    The commit raises Conflict if it is not as it was read.
    """
    item = CategoryItem(
        *category_key(store, record.id), document=record, sequence=int(before.sequence) + 1 if before else 1
    )
    is_as_read = CategoryItem.sequence == before.sequence if before else CategoryItem.pk.does_not_exist()
    changed = refuse(Conflict, "someone else changed the category at the same moment; read it again")
    transaction.put(item, condition=is_as_read, refusal=changed)


def category_of_path(store: str, path: str) -> str:
    """The id of a store's category by its path, such as `Tea > Oolong`; what of the path is new is made. Where it was merged into another,
    that one's.

    Raises:
        Invalid: the path is malformed.
    """
    nodes = path_categories(path, settings().languages[0])
    add_categories(store, nodes)
    return read_tree(store).at(nodes[-1].id)


def get_category(store: str, category: str) -> Category:
    """A category of a store, or of the union for store '', that is there.

    Raises:
        NotFound: there is none of this id.
    """
    found = read_tree(store).categories.get(category)
    if found is None:
        raise NotFound(f"there is no category '{category}'")
    return found


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
