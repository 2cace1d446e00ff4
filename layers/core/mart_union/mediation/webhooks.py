"""Webhooks of orders: addresses that a store or supplier has told of its orders, their secrets, and the attempts to tell them."""

from __future__ import annotations

from datetime import datetime, timedelta

from msgspec.structs import replace
from pynamodb.exceptions import UpdateError

from mart_union.catalog.audit import add_audit
from mart_union.kernel.clock import from_iso, iso
from mart_union.kernel.errors import Conflict, Invalid, KeyReused, NotFound, RuleViolation
from mart_union.kernel.ids import derived_id
from mart_union.kernel.paging import Page, read_page
from mart_union.kernel.secrets import derived_webhook_key
from mart_union.kernel.settings import settings
from mart_union.kernel.storage import code_of, find
from mart_union.kernel.transaction import WriteTransaction, refuse
from mart_union.mediation.shops import checked_url
from mart_union.mediation.tables import (
    OrderDeliveryItem,
    OrderToldItem,
    WebhookItem,
    delivery_key,
    order_told_key,
    webhook_key,
)
from mart_union.mediation.webhook_model import OrderDelivery, OrderWebhook

MOST_WEBHOOKS = 5
BOTH_SECRETS_HOURS = 24
"""For how long the secret before the newest still signs, too."""

_DELIVERY_DAYS = 14
_TOLD_DAYS = 120


def register_webhook(party: str, url: str, actor: str, key: str, now: datetime) -> OrderWebhook:
    """Have an address told of each step of a party's orders from now on; the same key again gives the first one.

    Raises:
        Invalid: the address is not one that we may call.
        RuleViolation: the party has as many as it may.
        KeyReused: the key was used for another address.
    """
    address = checked_url(url, loopback_allowed=settings().allow_loopback_shops)
    made = OrderWebhook(party, derived_id("webhook", party, key), address, "active", iso(now))
    known = {each.id: each for each in list_webhooks(party)}
    if made.id not in known and len(known) >= MOST_WEBHOOKS:
        raise RuleViolation(f"{party} has {MOST_WEBHOOKS} webhooks already: pause none, but use one of them")
    transaction = WriteTransaction()
    transaction.create(_item(made), refuse(Conflict, "this webhook has been registered already"))
    add_audit(transaction, party, actor, "webhook registered", made.id, now)
    try:
        transaction.commit()
    except Conflict:
        first = get_webhook(party, made.id)
        if first.url != address:
            raise KeyReused("this key registered another address; nothing was changed") from None
        return first
    return made


def list_webhooks(party: str) -> list[OrderWebhook]:
    """A party's webhooks: a handful. One query."""
    return [item.document for item in WebhookItem.query(webhook_key(party, "")[0], limit=4 * MOST_WEBHOOKS)]


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
    newer = OrderToldItem.sequence.does_not_exist() | (OrderToldItem.sequence < sequence)
    expires_at = int((now + timedelta(days=_TOLD_DAYS)).timestamp())
    item = OrderToldItem(*order_told_key(webhook, order))
    try:
        item.update([OrderToldItem.sequence.set(sequence), OrderToldItem.expires_at.set(expires_at)], condition=newer)
    except UpdateError as error:
        if code_of(error) != "ConditionalCheckFailedException":
            raise


def record_order_delivery(delivery: OrderDelivery) -> None:
    """Keep an attempt for two weeks."""
    expires_at = int((from_iso(delivery.at) + timedelta(days=_DELIVERY_DAYS)).timestamp())
    key = delivery_key(delivery.webhook, delivery.at, delivery.event)
    OrderDeliveryItem(*key, document=delivery, sequence=delivery.sequence, expires_at=expires_at).save()


def list_order_deliveries(webhook: str, day: str, cursor: str = "") -> Page[OrderDelivery]:
    """A page of the attempts to tell a webhook on a day (`yyyy-mm-dd`, UTC), newest first. One query."""
    page = read_page(OrderDeliveryItem.query, delivery_key(webhook, day, "")[0], cursor=cursor)
    return Page(tuple(item.document for item in page.items), page.next)
