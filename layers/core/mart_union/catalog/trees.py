"""Trees of categories: where a category stands that was merged into another or removed, and what may be done to a tree. Pure rules."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from msgspec import Struct
from msgspec.structs import replace

from mart_union.catalog.model import Category, Listing, lineages, parent_by_id
from mart_union.kernel.errors import Invalid, MartUnionError, RuleViolation

DEEPEST = 4
"""Categories from the root to a leaf, at most."""


NONE = "-"
"""What a form sends for no category: empty fields do not arrive."""


class CategoryRecord(Category, frozen=True):
    """A category as it is kept. One that was merged into another or removed keeps its id, so that whatever still names it is found where it
    stands now."""

    merged_into: str = ""
    removed: bool = False

    @property
    def is_there(self) -> bool:
        """Whether it is one of the tree."""
        return not (self.merged_into or self.removed)

    @property
    def follows(self) -> str:
        """What stands in its place, or above it; '' if nothing does."""
        return self.merged_into or self.parent or ""


class Tree(Struct, frozen=True):
    """A tree of categories: those that are there, and where those stand that are gone ('' is nowhere), of which some were `removed`."""

    categories: dict[str, Category]
    gone: dict[str, str]
    removed: frozenset[str] = frozenset()

    def at(self, category: str) -> str:
        """Where what names a category stands now: there, in what it was merged into, or in what a removed one was under."""
        return self.gone.get(category, category)

    def named(self, category: str, field: str) -> str:
        """Where what somebody names a category stands now; nowhere, if nothing is named.

        Raises:
            Invalid: there never was such a category; `errors` names the field.
        """
        if category and category not in self.categories and category not in self.gone:
            raise Invalid(f"{field}: there is no '{category}'", errors=[{"field": field, "reason": "unknown"}])
        return self.at(category)

    def mapped(self, category: str) -> str:
        """The union's category to which a store's category maps, or else the nearest above it; '' if none does."""
        name, seen = self.at(category), set[str]()
        while name in self.categories and name not in seen:
            if self.categories[name].union_category:
                return self.categories[name].union_category
            seen.add(name)
            name = self.categories[name].parent or ""
        return ""

    def grown(self, nodes: Iterable[Category]) -> Tree:
        """The tree with those of some categories, parents before children, that it does not have: new ones, and ones that were removed."""
        wanted = {node.id: node for node in nodes if node.id not in self.categories}
        new = {name: node for name, node in wanted.items() if name not in self.gone or name in self.removed}
        if not new:
            return self
        gone = {name: place for name, place in self.gone.items() if name not in new}
        there = {name: _under(node, gone) for name, node in new.items()}
        return Tree({**self.categories, **there}, gone, self.removed - new.keys())


def _under(category: Category, gone: Mapping[str, str]) -> Category:
    parent = category.parent or ""
    return replace(category, parent=gone[parent] or None) if parent in gone else category


def tree_of(records: Iterable[CategoryRecord]) -> Tree:
    """The tree that some records make."""
    known = {record.id: record for record in records}
    gone = {name: _place(name, known) for name, record in known.items() if not record.is_there}
    there = {
        name: _under(Category(name, each.names, each.parent, each.position, each.union_category), gone)
        for name, each in known.items()
        if each.is_there
    }
    return Tree(there, gone, frozenset(name for name, each in known.items() if each.removed))


def _place(name: str, known: Mapping[str, CategoryRecord]) -> str:
    seen: set[str] = set()
    while name in known and not known[name].is_there and name not in seen:
        seen.add(name)
        name = known[name].follows
    return name if name in known and name not in seen else ""


def parents_of(records: Iterable[CategoryRecord]) -> dict[str, str]:
    """The tree in short: what stands above each category, or in the place of one that is gone."""
    return {record.id: record.follows for record in records if record.follows}


def parents_beside_ids(tree: Tree, assigned: Collection[str]) -> dict[str, str]:
    """What stands above the categories of which their ids say something else, or in the place of those that are gone: of those only from which, by the
    tree or by the id, some category that has something assigned is above. With these, whoever goes by ids finds the same nearest one as in the tree."""
    above = {name: each.parent or "" for name, each in tree.categories.items()} | tree.gone

    def has_assigned(name: str) -> bool:
        seen = set[str]()
        while name and name not in seen and name not in assigned:
            seen.add(name)
            name = above.get(name, parent_by_id(name))
        return name in assigned

    differing = {name: parent for name, parent in above.items() if parent != parent_by_id(name)}
    return {
        name: parent
        for name, parent in sorted(differing.items())
        if has_assigned(name) or has_assigned(parent_by_id(name))
    }


def placed(listing: Listing, own: Tree, union: Tree) -> Listing:
    """A listing where it stands now. Its store's category, if that or one above it maps to the union's tree, says where it is there;
    of one that is made from an offer the supplier says it."""
    category = own.at(listing.category)
    mapped = "" if listing.offer else own.mapped(category)
    there = union.at(mapped or listing.union_category)
    if (category, there) == (listing.category, listing.union_category):
        return listing
    return replace(listing, category=category, union_category=there)


def described(category: Category, form: Mapping[str, str], languages: Iterable[str]) -> Category:
    """A category as a page's form describes it: `-` is no parent, or no category of the union; what the form does not show stays as it is.

    Raises:
        Invalid: its place among its siblings is no whole number.
    """
    names = {tag: form[f"name-{tag}"].strip() for tag in languages if form.get(f"name-{tag}", "").strip()}
    try:
        position = int(form.get("position", category.position))
    except ValueError as error:
        reason = "write a whole number"
        raise Invalid(f"position: {reason}", errors=[{"field": "position", "reason": reason}]) from error
    parent = form.get("parent", category.parent or NONE)
    mapped = form.get("union_category", category.union_category)
    return Category(category.id, names, None if parent == NONE else parent, position, "" if mapped == NONE else mapped)


def check_place(category: Category, tree: Tree) -> None:
    """Nothing, if a category may stand under its parent.

    Raises:
        Invalid: there is no such parent, or it is the category itself or below it.
        RuleViolation: it, or what is below it, would stand too deep.
    """
    parent = category.parent
    if parent is None:
        return
    if parent != category.id and parent not in tree.categories:
        raise _unfit("parent", parent, "there is no such category")
    if category.id in lineages(tree.categories.values()).get(parent, (category.id,)):
        raise _unfit("parent", parent, "it is the category itself, or below it")
    check_depth({**tree.categories, category.id: category})


def check_merge(category: str, into: str, tree: Tree) -> None:
    """Nothing, if a category may become a part of another.

    Raises:
        Invalid: there is no such other one, or it is the category itself or below it.
        RuleViolation: what is below it would stand too deep.
    """
    if into not in tree.categories:
        raise _unfit("into", into, "there is no such category")
    if category in lineages(tree.categories.values())[into]:
        raise _unfit("into", into, "it is the category itself, or below it")
    check_depth(
        {
            name: replace(each, parent=into) if each.parent == category else each
            for name, each in tree.categories.items()
            if name != category
        }
    )


def check_depth(categories: Mapping[str, Category]) -> None:
    """Nothing, if a tree is not too deep.

    Raises:
        RuleViolation: it is.
    """
    deep = sorted(name for name, line in lineages(categories.values()).items() if len(line) > DEEPEST)
    if deep:
        raise RuleViolation(
            f"a tree of categories is at most {DEEPEST} deep: '{deep[0]}' would be deeper", reason="depth"
        )


def _unfit(field: str, value: str, reason: str) -> MartUnionError:
    return Invalid(f"{field} '{value}': {reason}", errors=[{"field": field, "reason": reason}])
