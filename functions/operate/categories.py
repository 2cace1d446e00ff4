"""The union's tree of categories, to which stores map their own and suppliers their offers."""

from __future__ import annotations

from msgspec import Struct

from mart_union.catalog.model import Category, in_order
from mart_union.catalog.service import (
    get_category,
    list_categories,
    merge_category,
    remove_category,
    save_categories,
    save_category,
)
from mart_union.catalog.trees import described
from mart_union.kernel.settings import settings
from mart_union.web.access import OPERATOR
from mart_union.web.answer import Page, Redirect
from mart_union.web.api import Api
from mart_union.web.request import Request

_PAGE = "/operate/categories"


class UnionCategoryMerge(Struct, frozen=True):
    """The category of which another becomes a part."""

    into: str


def add_routes(api: Api) -> None:
    """Declare the routes and pages."""
    one = f"{_PAGE}/{{category}}"
    api.get(f"/api{_PAGE}", OPERATOR, answer=list[Category])(read_categories)
    api.put(f"/api{_PAGE}", OPERATOR, body=list[Category], answer=list[Category])(write_categories)
    api.delete(f"/api{one}", OPERATOR, answer=list[Category])(remove_by_api)
    api.post(f"/api{one}/merge", OPERATOR, body=UnionCategoryMerge, answer=Category)(merge_by_api)
    api.get(_PAGE, OPERATOR)(show_categories)
    api.post(_PAGE, OPERATOR, body=dict[str, str])(make_by_form)
    api.post(one, OPERATOR, body=dict[str, str])(change_by_form)
    api.post(f"{one}/merge", OPERATOR, body=UnionCategoryMerge)(merge_by_form)
    api.post(f"{one}/remove", OPERATOR)(remove_by_form)


def read_categories(request: Request) -> list[Category]:
    """The union's tree of categories, to which stores map their own."""
    return list_categories()


def write_categories(request: Request) -> list[Category]:
    """Write categories of the union's tree, parents before children, all or none; what is not named stays as it is."""
    return save_categories("", request.content, request.caller.subject)


def merge_by_api(request: Request) -> Category:
    """Make a category a part of another with all that is in it, below it or maps to it, for good; answers with that other one."""
    wanted: UnionCategoryMerge = request.content
    return merge_category("", request.params["category"], wanted.into, request.caller.subject)


def remove_by_api(request: Request) -> list[Category]:
    """Take an empty category out of the tree."""
    remove_category("", request.params["category"], request.caller.subject)
    return list_categories()


def show_categories(request: Request) -> Page:
    """The tree, with the forms that change it."""
    categories = list_categories()
    context = {"links": in_order(categories), "categories": {category.id: category for category in categories}}
    return Page("operate/categories.html", context)


def make_by_form(request: Request) -> Redirect:
    """Make a category."""
    form: dict[str, str] = request.content
    made = described(Category(form.get("id", ""), {}), form, settings().languages)
    save_category("", made, request.caller.subject)
    return Redirect(_PAGE)


def change_by_form(request: Request) -> Redirect:
    """Give a category other names or another place in the tree."""
    before = get_category("", request.params["category"])
    save_category("", described(before, request.content, settings().languages), request.caller.subject)
    return Redirect(_PAGE)


def merge_by_form(request: Request) -> Redirect:
    """Make a category a part of another."""
    merge_by_api(request)
    return Redirect(_PAGE)


def remove_by_form(request: Request) -> Redirect:
    """Take an empty category out of the tree."""
    remove_by_api(request)
    return Redirect(_PAGE)
