"""The union's stores, and the classification that the union says each of them has."""

from __future__ import annotations

from msgspec import Struct

from mart_union.catalog.model import Store
from mart_union.catalog.service import classify_store, get_store, get_union, list_stores
from mart_union.catalog.stores import card_of
from mart_union.web.access import OPERATOR
from mart_union.web.answer import Page, Redirect
from mart_union.web.api import Api
from mart_union.web.request import Request


class Classified(Struct, frozen=True):
    """One of the union's classifications of stores, by its id."""

    classification: str


def add_routes(api: Api) -> None:
    """Declare the routes."""
    classification = "/operate/stores/{store}/classification"
    api.put(f"/api{classification}", OPERATOR, body=Classified, answer=Store)(write_classification)
    api.post(classification, OPERATOR, body=Classified)(change_classification)
    api.get("/operate/stores", OPERATOR)(show_stores)


def write_classification(request: Request) -> Store:
    """Say under which classification a store stands that has been opened. The same again changes nothing."""
    wanted: Classified = request.content
    return classify_store(request.params["store"], wanted.classification, request.caller.subject)


def change_classification(request: Request) -> Redirect:
    """Say it by the form beside the store."""
    return Redirect(f"/operate/stores?store={write_classification(request).id}")


def show_stores(request: Request) -> Page:
    """The union's open stores; or, whatever its state, the one `store` that is asked for."""
    asked = request.query.get("store", "").strip()
    only = get_store(asked) if asked else None
    stores = [card_of(only, get_union())] if only else list_stores()
    classifications = get_union().classifications if stores else ()
    return Page("operate/stores.html", {"stores": stores, "only": only, "classifications": classifications})
