"""Sellers' own web shops: where they are, the secret that signs what we tell them, what they were told."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from msgspec.structs import replace
from pynamodb.exceptions import UpdateError

from mart_union.catalog.audit import add_audit
from mart_union.kernel.clock import iso
from mart_union.kernel.errors import Conflict, Invalid, KeyReused, NotFound
from mart_union.kernel.ids import derived_id
from mart_union.kernel.paging import Page, read_page
from mart_union.kernel.secrets import derived_key, derived_webhook_key
from mart_union.kernel.settings import settings
from mart_union.kernel.storage import code_of, find, find_all
from mart_union.kernel.transaction import WriteTransaction, refuse
from mart_union.mediation.model import Delivery, Shop
from mart_union.mediation.tables import (
    ACTIVE_SHOPS,
    DeliveryItem,
    ShopItem,
    ToldItem,
    delivery_key,
    shop_key,
    shop_reference_key,
    told_key,
)

_DELIVERY_DAYS = 14
_LONGEST_URL = 500


def register_shop(store: str, url: str, actor: str, key: str, now: datetime) -> Shop:
    """Have a web shop told of all links of a store, now and at each change; the same key again gives the first shop.

    Raises:
        Invalid: the address is not one that we may call.
        KeyReused: the key was used for another address.
    """
    address = checked_url(url, loopback_allowed=settings().allow_loopback_shops)
    shop = Shop(store, derived_id("shop", store, key), address, "active", iso(now))
    transaction = WriteTransaction()
    transaction.create(_item(shop), refuse(Conflict, "this shop has been registered already"))
    transaction.create(_reference(shop), refuse(Conflict, "this shop has been registered already"))
    add_audit(transaction, f"store/{store}", actor, "shop registered", shop.id, now)
    try:
        transaction.commit()
    except Conflict:
        first = get_shop(shop.id)
        if first.url != address:
            raise KeyReused("this key registered a shop at another address; nothing was changed") from None
        return first
    return shop


def checked_url(url: str, *, loopback_allowed: bool) -> str:
    """A shop's address, if it may be called: HTTPS, no credentials, no fragment; plain HTTP only on this machine, where that is allowed.

    Raises:
        Invalid: it may not.
    """
    try:
        parts = urlsplit(url.strip())
        host = parts.hostname or ""
        host.encode("ascii")
        host.encode("idna")
    except ValueError as error:
        message = "the name of its host cannot be looked up: write it in plain letters, such as xn--… for others"
        raise _not_callable(message) from error
    on_loopback = loopback_allowed and is_loopback(host)
    if (
        len(url) > _LONGEST_URL
        or not host
        or (parts.scheme != "https" and not (parts.scheme == "http" and on_loopback))
    ):
        raise _not_callable("a shop's address begins with https://")
    if parts.username is not None or parts.password is not None or parts.fragment:
        raise _not_callable("a shop's address has no user name, password or fragment")
    try:
        _ = parts.port
    except ValueError as error:
        raise _not_callable("the port is not a number from 0 to 65535") from error
    return parts.geturl()


def is_loopback(host: str) -> bool:
    """Whether a host's name or address is plainly this machine."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _not_callable(reason: str) -> Invalid:
    return Invalid(reason, errors=[{"field": "url", "reason": reason}])


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


def list_shops(store: str) -> list[Shop]:
    """A store's shops: a handful, registered by hand."""
    return [item.document for item in ShopItem.query(shop_reference_key(store, "")[0], limit=100)]


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
        Conflict: it was changed at the same moment.
    """
    if state not in ("active", "paused"):
        raise Invalid("a shop is active or paused", errors=[{"field": "state", "reason": "active or paused"}])
    before = get_shop_of(store, shop)
    if before.state == state:
        return before
    return _change(before, replace(before, state=state), actor, now)


def _change(before: Shop, after: Shop, actor: str, now: datetime) -> Shop:
    after = replace(after, sequence=before.sequence + 1)
    changed = refuse(Conflict, "this shop was changed just now; read it and repeat")
    transaction = WriteTransaction()
    transaction.put(_item(after), condition=ShopItem.sequence == before.sequence, refusal=changed)
    transaction.put(_reference(after))
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


def told_sequence(shop: str, sku: str) -> int:
    """The newest sequence of a link that a shop has confirmed; 0 when it was never told."""
    item = find(ToldItem, *told_key(shop, sku))
    return 0 if item is None else int(item.sequence)


def told_sequences(shop: str, skus: Sequence[str]) -> dict[str, int]:
    """The newest sequence that a shop has confirmed of some links by SKU, those of which it confirmed any. One batch read a hundred."""
    items = find_all([(ToldItem, *told_key(shop, sku)) for sku in skus])
    return {sku: int(item.sequence) for sku, item in zip(skus, items, strict=True) if item is not None}


def record_told(shop: str, sku: str, sequence: int) -> None:
    """Remember that a shop has confirmed a link's sequence, unless it has confirmed a newer one."""
    newer = ToldItem.sequence.does_not_exist() | (ToldItem.sequence < sequence)
    try:
        ToldItem(*told_key(shop, sku)).update([ToldItem.sequence.set(sequence)], condition=newer)
    except UpdateError as error:
        if code_of(error) != "ConditionalCheckFailedException":
            raise


def list_told(shop: str) -> dict[str, int]:
    """What a shop has confirmed: the sequence by SKU of its store's links, as far as one read reaches."""
    items = ToldItem.query(shop_key(shop)[0], ToldItem.sk.startswith("TOLD#"), limit=1000)
    return {item.sk.removeprefix("TOLD#"): int(item.sequence) for item in items}


def record_delivery(delivery: Delivery) -> None:
    """Keep an attempt for two weeks."""
    at = datetime.fromisoformat(delivery.at)
    expires_at = int((at + timedelta(days=_DELIVERY_DAYS)).timestamp())
    key = delivery_key(delivery.shop, delivery.at, f"{delivery.event}#{delivery.sku}")
    DeliveryItem(*key, document=delivery, sequence=delivery.sequence, expires_at=expires_at).save()


def list_deliveries(shop: str, day: str, cursor: str = "") -> Page[Delivery]:
    """A page of the attempts to tell a shop on a day (`yyyy-mm-dd`, UTC), newest first."""
    page = read_page(DeliveryItem.query, delivery_key(shop, day, "")[0], cursor=cursor)
    return Page(tuple(item.document for item in page.items), page.next)
