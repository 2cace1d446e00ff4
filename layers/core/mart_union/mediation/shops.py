"""Sellers' own web shops: where they are, and the secret that signs what we tell them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from msgspec.structs import replace

from mart_union.catalog.audit import add_audit
from mart_union.kernel.clock import iso
from mart_union.kernel.errors import Conflict, Invalid, KeyReused, NotFound, RuleViolation
from mart_union.kernel.ids import derived_id
from mart_union.kernel.paging import Page, read_page
from mart_union.kernel.retry import retried
from mart_union.kernel.secrets import derived_key, derived_webhook_key
from mart_union.kernel.settings import settings
from mart_union.kernel.storage import find
from mart_union.kernel.transaction import WriteTransaction, refuse
from mart_union.mediation.addresses import checked_url
from mart_union.mediation.places import Overtaken, add_place, read_places
from mart_union.mediation.shop_model import Shop
from mart_union.mediation.tables import (
    ACTIVE_SHOPS,
    ShopItem,
    shop_key,
    shop_places_key,
    shop_reference_key,
)

MOST_ACTIVE = 10
_MOST_REGISTERED = 100


def register_shop(store: str, url: str, actor: str, key: str, now: datetime) -> Shop:
    """Have a web shop told of all links of a store, now and at each change; the same key again gives the first shop.

    Raises:
        Invalid: the address is not one that we may call.
        KeyReused: the key was used for another address.
        Conflict: the store has a shop at this address.
        RuleViolation: the store has as many shops as it may have.
        Busy: other shops of the store kept being registered or resumed.
    """
    address = checked_url(url, loopback_allowed=settings().allow_loopback_shops)
    shop = Shop(store, derived_id("shop", store, key), address, "active", iso(now))
    return retried(lambda: _register(shop, actor, now), on=Overtaken, what="this store's shops")


def _register(shop: Shop, actor: str, now: datetime) -> Shop:
    place, there = read_places(shop_places_key(shop.store)), list_shops(shop.store, consistent=True)
    for each in there:
        if each.id == shop.id and each.url != shop.url:
            raise KeyReused("this key registered a shop at another address; nothing was changed")
        if each.id == shop.id:
            return each
        if each.url == shop.url:
            raise Conflict("this address is registered already: resume that shop, or have it told again", shop=each.id)
    _require_room(there)
    transaction = WriteTransaction()
    transaction.create(_item(shop), refuse(Overtaken, "this shop has been registered just now"))
    transaction.create(_reference(shop), refuse(Overtaken, "this shop has been registered just now"))
    add_place(transaction, shop_places_key(shop.store), place)
    add_audit(transaction, f"store/{shop.store}", actor, "shop registered", shop.id, now)
    transaction.commit()
    return shop


def _require_room(there: Sequence[Shop]) -> None:
    """Nothing, if one more of a store's shops may be told of changes: each change of a link is a call of each of them."""
    if sum(each.state == "active" for each in there) >= MOST_ACTIVE:
        raise RuleViolation(f"a store has at most {MOST_ACTIVE} shops that are told: pause one first", most=MOST_ACTIVE)
    if len(there) >= _MOST_REGISTERED:
        raise RuleViolation(f"a store registers at most {_MOST_REGISTERED} shops", most=_MOST_REGISTERED)


def secret_of(shop: str) -> str:
    """The shop's own secret (Standard Webhooks), derived from the union's shop key: shown to the store's owner, stored nowhere."""
    return derived_webhook_key("shop_key", f"shop/{shop}")


def feed_token_of(shop: str) -> str:
    """The token that opens a shop's feed for reading: derived like its secret, and no help in signing."""
    return derived_key("shop_key", f"feed/{shop}").hex()[:40]


def get_shop(shop: str) -> Shop:
    """A shop by id.

    Raises:
        NotFound: there is none.
    """
    item = find(ShopItem, *shop_key(shop), consistent=True)
    if item is None:
        raise NotFound(f"there is no shop {shop}")
    return item.document


def get_shop_of(store: str, shop: str) -> Shop:
    """A shop of a store.

    Raises:
        NotFound: the store has no such shop.
    """
    found = get_shop(shop)
    if found.store != store:
        raise NotFound(f"there is no shop {shop}")
    return found


def list_shops(store: str, *, consistent: bool = False) -> list[Shop]:
    """A store's shops, all of them: it registers a hundred at most. One query."""
    found = ShopItem.query(shop_reference_key(store, "")[0], limit=_MOST_REGISTERED, consistent_read=consistent)
    return [item.document for item in found]


def ask_replay(store: str, shop: str, actor: str, key: str, now: datetime) -> Shop:
    """Have a shop told of every link again; the same key again asks nothing more.

    Raises:
        NotFound: the store has no such shop.
        Conflict: it was changed at the same moment.
    """
    before = get_shop_of(store, shop)
    if before.key == key:
        return before
    return _change(before, replace(before, replays=before.replays + 1, key=key), actor, now)


def set_shop_state(store: str, shop: str, state: str, actor: str, now: datetime) -> Shop:
    """Stop telling a shop (`paused`) or tell it again (`active`, beginning with every link); the same again changes nothing.

    Raises:
        NotFound: the store has no such shop.
        Invalid: there is no such state.
        RuleViolation: as many of the store's shops are told as may be.
        Conflict: it was changed at the same moment.
    """
    if state not in ("active", "paused"):
        raise Invalid("a shop is active or paused", errors=[{"field": "state", "reason": "active or paused"}])
    before = get_shop_of(store, shop)
    if before.state == state:
        return before
    place = None
    if state == "active":
        place = read_places(shop_places_key(store))
        _require_room([each for each in list_shops(store, consistent=True) if each.id != shop])
    return _change(before, replace(before, state=state), actor, now, place)


def _change(before: Shop, after: Shop, actor: str, now: datetime, place: int | None = None) -> Shop:
    after = replace(after, sequence=before.sequence + 1)
    changed = refuse(Conflict, "this shop was changed just now; read it and repeat")
    transaction = WriteTransaction()
    transaction.put(_item(after), condition=ShopItem.sequence == before.sequence, refusal=changed)
    transaction.put(_reference(after))
    if place is not None:
        add_place(transaction, shop_places_key(after.store), place)
    action = f"shop {after.state}" if after.state != before.state else "shop replay"
    add_audit(transaction, f"store/{after.store}", actor, action, after.id, now)
    transaction.commit()
    return after


def _item(shop: Shop) -> ShopItem:
    return ShopItem(*shop_key(shop.id), document=shop, sequence=shop.sequence)


def _reference(shop: Shop) -> ShopItem:
    """The shop as its store finds it; listed with the union's active ones while it is one."""
    register, place = (ACTIVE_SHOPS, shop.id) if shop.state == "active" else (None, None)
    key = shop_reference_key(shop.store, shop.id)
    return ShopItem(*key, document=shop, sequence=shop.sequence, store_pk=register, store_sort=place)


def list_active_shops(cursor: str = "") -> Page[Shop]:
    """A page of the union's shops that are told of changes, by id."""
    page = read_page(ShopItem.by_store.query, ACTIVE_SHOPS, cursor=cursor, limit=100, newest_first=False)
    return Page(tuple(item.document for item in page.items), page.next)
