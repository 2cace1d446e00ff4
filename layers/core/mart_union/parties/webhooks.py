"""The webhooks of a store or supplier: registered, given another secret or address, paused, removed; what they were told, and telling them again."""

from __future__ import annotations

from collections.abc import Callable

from msgspec import Struct

from mart_union.kernel.clock import utc_now
from mart_union.kernel.paging import Page
from mart_union.mediation.order_telling import ask_order_again
from mart_union.mediation.webhook_model import OrderDelivery, OrderWebhook
from mart_union.mediation.webhooks import (
    get_webhook,
    list_order_deliveries,
    list_webhooks,
    newest_secret,
    register_webhook,
    remove_webhook,
    renew_secret,
    set_webhook_address,
    set_webhook_state,
)
from mart_union.orders.model import Order
from mart_union.parties.places import party_of
from mart_union.web.access import Access
from mart_union.web.api import Api
from mart_union.web.request import Request


class NewWebhook(Struct, frozen=True):
    """Where each step of the orders is to be told: an HTTPS address that takes a POST."""

    url: str


class WebhookState(Struct, frozen=True):
    """Whether a webhook is told (`active`) or not (`paused`)."""

    state: str


class OrderAgain(Struct, frozen=True):
    """The order that a webhook is to be told of again, as it is now."""

    order: str


class WebhookView(Struct, frozen=True):
    """A webhook. Its `secret` (Standard Webhooks) is shown when it is registered or renewed, and not again; the one before signs, too, for a day."""

    webhook: str
    url: str
    state: str
    registered_at: str
    secret_since: str
    secret: str = ""


class Asked(Struct, frozen=True):
    """The order of which a webhook is told again."""

    order: str
    sequence: int


FindOrder = Callable[[str, str], Order]
"""The order of an id, if a store or supplier of an id may see it."""


class WebhookRoutes:
    """The routes of one side: `kind` is store or supplier, `find_order` finds an order that it may see."""

    def __init__(self, kind: str, find_order: FindOrder) -> None:
        self.kind, self.find_order = kind, find_order

    def add(self, api: Api, place: str, owner: Access, reader: Access) -> None:
        """Declare the routes of a party's place, such as /manage/{store}."""
        all_of_them = f"/api{place}/webhooks"
        one = f"{all_of_them}/{{webhook}}"
        api.get(all_of_them, reader, answer=tuple[WebhookView, ...])(self.list_all)
        api.post(all_of_them, owner, body=NewWebhook, answer=WebhookView, status=201, key=True)(self.register)
        api.delete(one, owner, answer=WebhookView)(self.remove)
        api.post(f"{one}/secret", owner, answer=WebhookView, key=True)(self.renew)
        api.post(f"{one}/address", owner, body=NewWebhook, answer=WebhookView)(self.set_address)
        api.post(f"{one}/state", owner, body=WebhookState, answer=WebhookView)(self.set_state)
        api.get(f"{one}/deliveries", reader, answer=Page[OrderDelivery])(self.deliveries)
        api.post(f"{one}/replays", owner, body=OrderAgain, answer=Asked, status=202, key=True)(self.replay)

    def list_all(self, request: Request) -> tuple[WebhookView, ...]:
        """The webhooks that are told of each step of the orders."""
        return tuple(view_of(each) for each in list_webhooks(party_of(request, self.kind)))

    def register(self, request: Request) -> WebhookView:
        """Have an address told of each step of the orders from now on, as a whole snapshot with a sequence, without names and addresses; its secret is shown
        now."""
        made = register_webhook(
            party_of(request, self.kind),
            request.content.url,
            request.caller.subject,
            request.idempotency_key,
            utc_now(),
        )
        return view_of(made, newest_secret(made))

    def renew(self, request: Request) -> WebhookView:
        """Give a webhook another secret, which is shown now."""
        webhook, actor = request.params["webhook"], request.caller.subject
        renewed = renew_secret(party_of(request, self.kind), webhook, actor, request.idempotency_key, utc_now())
        return view_of(renewed, newest_secret(renewed))

    def set_state(self, request: Request) -> WebhookView:
        """Pause a webhook, or have it told again."""
        webhook, actor = request.params["webhook"], request.caller.subject
        return view_of(
            set_webhook_state(party_of(request, self.kind), webhook, request.content.state, actor, utc_now())
        )

    def set_address(self, request: Request) -> WebhookView:
        """Have another address told instead, with the same secret, also of what failed and is tried again; what the one before confirmed it is not told."""
        webhook, actor = request.params["webhook"], request.caller.subject
        return view_of(
            set_webhook_address(party_of(request, self.kind), webhook, request.content.url, actor, utc_now())
        )

    def remove(self, request: Request) -> WebhookView:
        """Remove a webhook: it is told nothing from now on, and another may be registered in its place, under a new key."""
        return view_of(
            remove_webhook(party_of(request, self.kind), request.params["webhook"], request.caller.subject, utc_now())
        )

    def deliveries(self, request: Request) -> Page[OrderDelivery]:
        """Attempts to tell a webhook, newest first, of a `day` (yyyy-mm-dd, UTC), today's without one: what it answered, and when it is tried again."""
        webhook = get_webhook(party_of(request, self.kind), request.params["webhook"])
        day = request.day() or utc_now().date().isoformat()
        return list_order_deliveries(webhook.id, day, request.query.get("cursor", ""))

    def replay(self, request: Request) -> Asked:
        """Tell a webhook of an order again, as it is now, whatever it has confirmed; the same key again is the same message."""
        party = party_of(request, self.kind)
        get_webhook(party, request.params["webhook"])
        order = self.find_order(request.content.order, request.params[self.kind])
        ask_order_again(party, request.params["webhook"], order, request.idempotency_key, utc_now())
        return Asked(order.id, order.sequence)


def view_of(webhook: OrderWebhook, secret: str = "") -> WebhookView:
    """A webhook as it is shown, with a secret if that was made just now."""
    since = webhook.secret_since or webhook.registered_at
    return WebhookView(webhook.id, webhook.url, webhook.state, webhook.registered_at, since, secret)
