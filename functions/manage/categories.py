"""A store's categories: the tree that grows from its uploads, with the names that its shoppers see."""

from __future__ import annotations

from msgspec import Struct
from msgspec.structs import replace

from mart_union.catalog.model import Category, Texts, in_order
from mart_union.catalog.service import get_category, list_categories, save_category
from mart_union.kernel.errors import Invalid
from mart_union.kernel.settings import settings
from mart_union.web.access import MANAGER, PACKER
from mart_union.web.answer import Page, Redirect
from mart_union.web.api import Api
from mart_union.web.request import Request


class CategoryTerms(Struct, frozen=True):
    """What staff say of a category."""

    names: Texts
    parent: str | None = None
    position: int = 0
    union_category: str = ""


class Categories(Struct, frozen=True):
    """A store's tree of categories; each names its parent."""

    categories: tuple[Category, ...]


def add_routes(api: Api) -> None:
    """Declare the routes and pages."""
    categories = "/manage/{store}/categories"
    api.get(f"/api{categories}", PACKER, answer=Categories)(list_by_api)
    api.put(f"/api{categories}/{{category}}", MANAGER, body=CategoryTerms, answer=Category)(save_by_api)
    api.get(categories, PACKER)(list_page)
    api.post(f"{categories}/{{category}}", MANAGER, body=dict[str, str])(rename_by_form)


def list_by_api(request: Request) -> Categories:
    """The store's categories."""
    return Categories(tuple(list_categories(request.params["store"])))


def save_by_api(request: Request) -> Category:
    """Make or change a category; the same again writes nothing."""
    terms: CategoryTerms = request.content
    category = Category(request.params["category"], terms.names, terms.parent, terms.position, terms.union_category)
    return save_category(request.params["store"], category, request.caller.subject)


def list_page(request: Request) -> Page:
    """The tree, with a form for each name."""
    store = request.params["store"]
    categories = list_categories(store)
    positions = {category.id: category.position for category in categories}
    return Page("manage/categories.html", {"store": store, "links": in_order(categories), "positions": positions})


def rename_by_form(request: Request) -> Redirect:
    """Give a category other names or another place among its siblings."""
    store, form = request.params["store"], request.content
    before = get_category(store, request.params["category"])
    names = {tag: form[f"name-{tag}"].strip() for tag in settings().languages if form.get(f"name-{tag}", "").strip()}
    try:
        position = int(form.get("position", "0"))
    except ValueError as error:
        raise Invalid(
            "position: write a whole number", errors=[{"field": "position", "reason": "a whole number"}]
        ) from error
    save_category(store, replace(before, names=names, position=position), request.caller.subject)
    return Redirect(f"/manage/{store}/categories")
