"""Webhooks of orders: addresses that a store or supplier has told of its orders, their secrets, and the attempts to tell them."""

from __future__ import annotations

from datetime import datetime, timedelta

from msgspec.structs import replace

from mart_union.catalog.audit import add_audit
from mart_union.kernel.clock import attempt_expires_at, from_iso, iso
from mart_union.kernel.errors import Conflict, Invalid, KeyReused, NotFound, RuleViolation
from mart_union.kernel.ids import derived_id
from mart_union.kernel.paging import Page, read_page
from mart_union.kernel.retry import retried
from mart_union.kernel.secrets import derived_webhook_key
from mart_union.kernel.settings import settings
from mart_union.kernel.storage import find
from mart_union.kernel.transaction import WriteTransaction, refuse
from mart_union.mediation.addresses import checked_url
from mart_union.mediation.places import Overtaken, add_place, read_places
from mart_union.mediation.tables import (
    OrderDeliveryItem,
    OrderToldItem,
    RemovedWebhookItem,
    WebhookItem,
    delivery_key,
    order_told_key,
    removed_webhook_key,
    webhook_key,
    webhook_places_key,
)
from mart_union.mediation.told import update_unless_told
from mart_union.mediation.webhook_model import OrderDelivery, OrderWebhook

MOST_WEBHOOKS = 5
BOTH_SECRETS_HOURS = 24
"""For how long the secret before the newest still signs, too."""

_TOLD_DAYS = 120


def register_webhook(party: str, url: str, actor: str, key: str, now: datetime) -> OrderWebhook:
    """Have an address told of each step of a party's orders from now on; the same key again gives the first one, as it is now.

    Raises:
        Invalid: the address is not one that we may call.
        RuleViolation: the party has as many as it may.
        KeyReused: the key was used for another address, or for a webhook that was removed since.
        Busy: others of the party kept being registered.
    """
    address = checked_url(url, loopback_allowed=settings().allow_loopback_shops)
    made = OrderWebhook(party, derived_id("webhook", party, key), address, "active", iso(now))
    return retried(lambda: _register(made, actor, now), on=Overtaken, what="this party's webhooks")


def _register(made: OrderWebhook, actor: str, now: datetime) -> OrderWebhook:
    places = webhook_places_key(made.party)
    place, there = read_places(places), list_webhooks(made.party, consistent=True)
    first = next((each for each in there if each.id == made.id), None)
    if first is not None:
        if (first.first_url or first.url) != made.url:
            raise KeyReused("this key registered another address; nothing was changed")
        return first
    if len(there) >= MOST_WEBHOOKS:
        reason = f"{made.party} has {MOST_WEBHOOKS} webhooks already: remove one, or give one another address"
        raise RuleViolation(reason, most=MOST_WEBHOOKS)
    removed = refuse(KeyReused, "this key registered a webhook that was removed: register again under a new key")
    transaction = WriteTransaction()
    transaction.check(_removed_item(made), RemovedWebhookItem.pk.does_not_exist(), removed)
    transaction.create(_item(made), refuse(Overtaken, "this webhook has been registered just now"))
    add_place(transaction, places, place)
    add_audit(transaction, made.party, actor, "webhook registered", made.id, now)
    transaction.commit()
    return made


def list_webhooks(party: str, *, consistent: bool = False) -> list[OrderWebhook]:
    """A party's webhooks: a handful. One query."""
    found = WebhookItem.query(webhook_key(party, "")[0], limit=4 * MOST_WEBHOOKS, consistent_read=consistent)
    return [item.document for item in found]


def get_webhook(party: str, webhook: str) -> OrderWebhook:
    """One of a party's webhooks.

    Raises:
        NotFound: it has none of this id.
    """
    item = find(WebhookItem, *webhook_key(party, webhook), consistent=True)
    if item is None:
        raise NotFound(f"there is no webhook {webhook}")
    return item.document


def set_webhook_state(party: str, webhook: str, state: str, actor: str, now: datetime) -> OrderWebhook:
    """Stop telling a webhook (`paused`) or tell it again (`active`); the same again changes nothing. What happens meanwhile it is not told.

    Raises:
        NotFound: the party has no such webhook.
        Invalid: there is no such state.
        Conflict: it was changed at the same moment.
    """
    if state not in ("active", "paused"):
        raise Invalid("a webhook is active or paused", errors=[{"field": "state", "reason": "active or paused"}])
    before = get_webhook(party, webhook)
    if before.state == state:
        return before
    return _change(before, replace(before, state=state), actor, f"webhook {state}", now)


def renew_secret(party: str, webhook: str, actor: str, key: str, now: datetime) -> OrderWebhook:
    """Give a webhook another secret; the same key again gives no third. For a day the one before signs, too.

    Raises:
        NotFound: the party has no such webhook.
        Conflict: it was changed at the same moment.
    """
    before = get_webhook(party, webhook)
    if before.key == key:
        return before
    after = replace(before, secret=before.secret + 1, secret_since=iso(now), key=key)
    return _change(before, after, actor, "webhook secret renewed", now)


def set_webhook_address(party: str, webhook: str, url: str, actor: str, now: datetime) -> OrderWebhook:
    """Have another address told instead, signed with the same secret; the same again changes nothing. What the one before confirmed is not told again.

    Raises:
        NotFound: the party has no such webhook.
        Invalid: the address is not one that we may call.
        Conflict: it was changed at the same moment.
    """
    address = checked_url(url, loopback_allowed=settings().allow_loopback_shops)
    before = get_webhook(party, webhook)
    if before.url == address:
        return before
    after = replace(before, url=address, first_url=before.first_url or before.url)
    return _change(before, after, actor, "webhook address changed", now)


def remove_webhook(party: str, webhook: str, actor: str, now: datetime) -> OrderWebhook:
    """Tell a webhook nothing from now on and leave its place to another; the same again changes nothing. It does not come back: neither its id nor the key
    that registered it makes another.

    Raises:
        NotFound: the party has never had such a webhook.
        Busy: it kept being changed.
    """
    return retried(lambda: _remove(party, webhook, actor, now), on=Overtaken, what="this webhook")


def _remove(party: str, webhook: str, actor: str, now: datetime) -> OrderWebhook:
    there = find(WebhookItem, *webhook_key(party, webhook), consistent=True)
    if there is None:
        return _get_removed(party, webhook)
    before: OrderWebhook = there.document
    removed = replace(before, state="removed", sequence=before.sequence + 1)
    transaction = WriteTransaction()
    changed = refuse(Overtaken, "this webhook was changed just now")
    transaction.delete(_item(before), condition=WebhookItem.sequence == before.sequence, refusal=changed)
    transaction.put(_removed_item(removed))
    add_audit(transaction, party, actor, "webhook removed", webhook, now)
    transaction.commit()
    return removed


def _get_removed(party: str, webhook: str) -> OrderWebhook:
    item = find(RemovedWebhookItem, *removed_webhook_key(webhook), consistent=True)
    if item is None or item.document.party != party:
        raise NotFound(f"there is no webhook {webhook}")
    return item.document


def _change(before: OrderWebhook, after: OrderWebhook, actor: str, action: str, now: datetime) -> OrderWebhook:
    after = replace(after, sequence=before.sequence + 1)
    changed = refuse(Conflict, "this webhook was changed just now; read it and repeat")
    transaction = WriteTransaction()
    transaction.put(_item(after), condition=WebhookItem.sequence == before.sequence, refusal=changed)
    add_audit(transaction, after.party, actor, action, after.id, now)
    transaction.commit()
    return after


def _item(webhook: OrderWebhook) -> WebhookItem:
    return WebhookItem(*webhook_key(webhook.party, webhook.id), document=webhook, sequence=webhook.sequence)


def _removed_item(webhook: OrderWebhook) -> RemovedWebhookItem:
    return RemovedWebhookItem(*removed_webhook_key(webhook.id), document=webhook, sequence=webhook.sequence)


def newest_secret(webhook: OrderWebhook) -> str:
    """The secret that a webhook's receiver is to verify with, derived from the union's key of shops: shown when it is made, stored nowhere."""
    return _secret(webhook, webhook.secret)


def secrets_of(webhook: OrderWebhook, now: datetime) -> list[str]:
    """The secrets that sign at a moment, the newest first."""
    overlaps = webhook.secret > 1 and now < from_iso(webhook.secret_since) + timedelta(hours=BOTH_SECRETS_HOURS)
    numbers = [webhook.secret, webhook.secret - 1] if overlaps else [webhook.secret]
    return [_secret(webhook, number) for number in numbers]


def _secret(webhook: OrderWebhook, number: int) -> str:
    return derived_webhook_key("shop_key", f"webhook/{webhook.party}/{webhook.id}/{number}")


def told_order(webhook: str, order: str) -> int:
    """The newest sequence of an order that a webhook has confirmed; 0 when it confirmed none."""
    item = find(OrderToldItem, *order_told_key(webhook, order), consistent=True)
    return 0 if item is None else int(item.sequence)


def record_told_order(webhook: str, order: str, sequence: int, now: datetime) -> None:
    """Remember that a webhook has confirmed an order's sequence, unless it has confirmed a newer one."""
    expires_at = int((now + timedelta(days=_TOLD_DAYS)).timestamp())
    confirmed = [OrderToldItem.sequence.set(sequence), OrderToldItem.expires_at.set(expires_at)]
    update_unless_told(OrderToldItem(*order_told_key(webhook, order)), sequence, confirmed)


def record_order_delivery(delivery: OrderDelivery) -> None:
    """Keep an attempt for two weeks."""
    expires_at = attempt_expires_at(from_iso(delivery.at))
    key = delivery_key(delivery.webhook, delivery.at, delivery.event)
    OrderDeliveryItem(*key, document=delivery, sequence=delivery.sequence, expires_at=expires_at).save()


def list_order_deliveries(webhook: str, day: str, cursor: str = "") -> Page[OrderDelivery]:
    """A page of the attempts to tell a webhook on a day (`yyyy-mm-dd`, UTC), newest first. One query."""
    page = read_page(OrderDeliveryItem.query, delivery_key(webhook, day, "")[0], cursor=cursor)
    return Page(tuple(item.document for item in page.items), page.next)
