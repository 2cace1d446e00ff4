"""A store's own web shops: registered by its owner, told of every link, and told again on request."""

from __future__ import annotations

from msgspec import Struct

from mart_union.kernel.clock import utc_now
from mart_union.kernel.paging import Page as Items
from mart_union.mediation.model import Link
from mart_union.mediation.service import (
    ask_replay,
    feed_token_of,
    get_shop_of,
    list_deliveries,
    list_links,
    list_refused,
    list_shops,
    list_told,
    register_shop,
    secret_of,
    set_shop_state,
)
from mart_union.mediation.shop_model import Delivery, Shop
from mart_union.web.access import MANAGER, OWNER
from mart_union.web.answer import Page, Redirect
from mart_union.web.api import Api
from mart_union.web.request import Request


class NewShop(Struct, frozen=True):
    """Where the shop listens: an HTTPS address that takes a POST for each change of a link."""

    url: str


class ShopState(Struct, frozen=True):
    """active or paused."""

    state: str


class ShopView(Struct, frozen=True):
    """A shop; its secret is shown to the store's owner only. `feed` is the path of its feed, with the token that opens it; `.xml` and `.tsv` beside it
    are product data."""

    shop: str
    url: str
    state: str
    registered_at: str
    replays: int
    secret: str
    feed: str


class Shops(Struct, frozen=True):
    """A store's shops."""

    shops: tuple[ShopView, ...]


class Behind(Struct, frozen=True):
    """A link of which a shop has not confirmed the newest sequence."""

    sku: str
    told: int
    sequence: int


def add_routes(api: Api) -> None:
    """Declare the routes of shops."""
    shops, shop = "/manage/{store}/shops", "/manage/{store}/shops/{shop}"
    api.get(f"/api{shops}", MANAGER, answer=Shops)(list_by_api)
    api.post(f"/api{shops}", OWNER, body=NewShop, answer=ShopView, status=201, key=True)(register_by_api)
    api.get(f"/api{shop}/deliveries", MANAGER, answer=Items[Delivery])(deliveries_by_api)
    api.post(f"/api{shop}/replay", MANAGER, answer=ShopView, key=True)(replay_by_api)
    api.post(f"/api{shop}/state", OWNER, body=ShopState, answer=ShopView)(set_state_by_api)
    api.get(shops, MANAGER)(list_page)
    api.post(shops, OWNER, body=NewShop, key=True)(register_by_form)
    api.get(shop, MANAGER)(show_page)
    api.post(f"{shop}/replay", MANAGER, key=True)(replay_by_form)
    api.post(f"{shop}/state", OWNER, body=ShopState)(set_state_by_form)


def list_by_api(request: Request) -> Shops:
    """The store's shops."""
    return Shops(tuple(_view(request, shop) for shop in list_shops(request.params["store"])))


def register_by_api(request: Request) -> ShopView:
    """Register a shop; it is told of every link of the store from now on, beginning with all there are."""
    store, wish = request.params["store"], request.content
    return _view(request, register_shop(store, wish.url, request.caller.subject, request.idempotency_key, utc_now()))


def deliveries_by_api(request: Request) -> Items[Delivery]:
    """Attempts to tell a shop, newest first, of a `day` (yyyy-mm-dd, UTC), today's without one."""
    shop = get_shop_of(request.params["store"], request.params["shop"])
    day = request.day() or utc_now().date().isoformat()
    return list_deliveries(shop.id, day, request.query.get("cursor", ""))


def replay_by_api(request: Request) -> ShopView:
    """Tell a shop of every link again."""
    store, shop = request.params["store"], request.params["shop"]
    return _view(request, ask_replay(store, shop, request.caller.subject, request.idempotency_key, utc_now()))


def set_state_by_api(request: Request) -> ShopView:
    """Pause a shop, or tell it again."""
    store, shop = request.params["store"], request.params["shop"]
    return _view(request, set_shop_state(store, shop, request.content.state, request.caller.subject, utc_now()))


def list_page(request: Request) -> Page:
    """The store's shops, and the form to register one."""
    return Page("manage/shops.html", {"store": request.params["store"], "shops": list_by_api(request).shops})


def show_page(request: Request) -> Page:
    """A shop: its secret, the links that it has not confirmed, those that it refuses, and the attempts of a day."""
    store = request.params["store"]
    shop = get_shop_of(store, request.params["shop"])
    context = {
        "store": store,
        "shop": _view(request, shop),
        "behind": _behind(shop),
        "refused": list_refused(shop.id).items,
        "day": request.day() or utc_now().date().isoformat(),
        "deliveries": deliveries_by_api(request),
    }
    return Page("manage/shops_shop.html", context)


def register_by_form(request: Request) -> Redirect:
    """Register a shop by the page's form."""
    return Redirect(f"/manage/{request.params['store']}/shops/{register_by_api(request).shop}")


def replay_by_form(request: Request) -> Redirect:
    """Tell a shop of every link again, by the page's button."""
    return Redirect(f"/manage/{request.params['store']}/shops/{replay_by_api(request).shop}")


def set_state_by_form(request: Request) -> Redirect:
    """Pause a shop, or tell it again, by the page's button."""
    return Redirect(f"/manage/{request.params['store']}/shops/{set_state_by_api(request).shop}")


def _view(request: Request, shop: Shop) -> ShopView:
    secret = secret_of(shop.id) if request.caller.role == "owner" else ""
    feed = f"/api/shops/{shop.id}/feed?token={feed_token_of(shop.id)}"
    return ShopView(shop.id, shop.url, shop.state, shop.registered_at, shop.replays, secret, feed)


def _behind(shop: Shop) -> tuple[Behind, ...]:
    """Of the store's first hundred links, those that the shop has not confirmed as they are now."""
    links: tuple[Link, ...] = list_links(shop.store, limit=100).items
    told = list_told(shop.id)
    return tuple(
        Behind(link.sku, told.get(link.sku, 0), link.sequence)
        for link in links
        if told.get(link.sku, 0) < link.sequence
    )
