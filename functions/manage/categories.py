"""A store's categories: the tree that grows from its uploads, as its shoppers see it, and where it stands in the union's."""

from __future__ import annotations

from msgspec import Struct
from msgspec.structs import replace

from mart_union.catalog.model import Category, Texts, in_order
from mart_union.catalog.service import (
    category_of_path,
    get_category,
    list_categories,
    merge_category,
    read_tree,
    remove_category,
    save_category,
    used_categories,
)
from mart_union.catalog.trees import described
from mart_union.kernel.settings import settings
from mart_union.web.access import MANAGER, PACKER
from mart_union.web.answer import Page, Redirect
from mart_union.web.api import Api
from mart_union.web.request import Request


class CategoryTerms(Struct, frozen=True):
    """What staff say of a category. `union_category` is where what is in it stands in the union's tree."""

    names: Texts
    parent: str | None = None
    position: int = 0
    union_category: str = ""


class CategoryMerge(Struct, frozen=True):
    """The category of which another becomes a part."""

    into: str


class NewPath(Struct, frozen=True):
    """A path of categories, such as `Tea > Oolong`."""

    path: str


class Categories(Struct, frozen=True):
    """A store's tree of categories; each names its parent."""

    categories: tuple[Category, ...]


def add_routes(api: Api) -> None:
    """Declare the routes and pages."""
    categories = "/manage/{store}/categories"
    one = f"{categories}/{{category}}"
    api.get(f"/api{categories}", PACKER, answer=Categories)(list_by_api)
    api.put(f"/api{one}", MANAGER, body=CategoryTerms, answer=Category)(save_by_api)
    api.delete(f"/api{one}", MANAGER, answer=Categories)(remove_by_api)
    api.post(f"/api{one}/merge", MANAGER, body=CategoryMerge, answer=Category)(merge_by_api)
    api.get(categories, PACKER)(list_page)
    api.post(categories, MANAGER, body=NewPath)(make_by_form)
    api.post(one, MANAGER, body=dict[str, str])(change_by_form)
    api.post(f"{one}/merge", MANAGER, body=CategoryMerge)(merge_by_form)
    api.post(f"{one}/remove", MANAGER)(remove_by_form)


def list_by_api(request: Request) -> Categories:
    """The store's categories, each with the union's to which it maps."""
    union = read_tree()
    known = list_categories(request.params["store"])
    return Categories(tuple(replace(each, union_category=union.at(each.union_category)) for each in known))


def save_by_api(request: Request) -> Category:
    """Make, rename, map or move a category; the same again writes nothing."""
    terms: CategoryTerms = request.content
    category = Category(request.params["category"], terms.names, terms.parent, terms.position, terms.union_category)
    return save_category(request.params["store"], category, request.caller.subject)


def merge_by_api(request: Request) -> Category:
    """Make a category a part of another with all that is in it and below it, for good; answers with that other one."""
    wanted: CategoryMerge = request.content
    return merge_category(request.params["store"], request.params["category"], wanted.into, request.caller.subject)


def remove_by_api(request: Request) -> Categories:
    """Take an empty category out of the tree."""
    remove_category(request.params["store"], request.params["category"], request.caller.subject)
    return list_by_api(request)


def list_page(request: Request) -> Page:
    """The tree, with the forms that change it."""
    store = request.params["store"]
    categories = list_by_api(request).categories
    context = {
        "store": store,
        "links": in_order(categories),
        "categories": {category.id: category for category in categories},
        "union_links": in_order(list_categories()),
        "used": used_categories(store),
    }
    return Page("manage/categories.html", context)


def make_by_form(request: Request) -> Redirect:
    """Make what of a path is new."""
    category_of_path(request.params["store"], request.content.path)
    return _back(request)


def change_by_form(request: Request) -> Redirect:
    """Give a category other names or another place, or map it to another of the union."""
    store = request.params["store"]
    before = get_category(store, request.params["category"])
    after = described(before, request.content, settings().languages)
    save_category(store, after, request.caller.subject)
    return _back(request)


def merge_by_form(request: Request) -> Redirect:
    """Make a category a part of another."""
    merge_by_api(request)
    return _back(request)


def remove_by_form(request: Request) -> Redirect:
    """Take an empty category out of the tree."""
    remove_category(request.params["store"], request.params["category"], request.caller.subject)
    return _back(request)


def _back(request: Request) -> Redirect:
    return Redirect(f"/manage/{request.params['store']}/categories")
