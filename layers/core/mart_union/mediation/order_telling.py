"""Telling webhooks of orders: each step of an order is told to the addresses of its store and suppliers, signed (Standard Webhooks), as a whole snapshot.

An event makes one job a webhook, so one that does not answer holds up no other. A job that fails is put back with a growing delay, up to `RETRY_SECONDS`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from mart_union.catalog.model import Texts
from mart_union.kernel.clock import iso
from mart_union.kernel.errors import NotFound
from mart_union.kernel.events import Event, publish
from mart_union.kernel.ids import derived_id
from mart_union.kernel.queues import send_messages
from mart_union.kernel.settings import settings
from mart_union.mediation.delivery import Post, tell
from mart_union.mediation.supply_orders import lines_of, owed_minor
from mart_union.mediation.webhook_model import OrderDelivery
from mart_union.mediation.webhooks import (
    get_webhook,
    list_webhooks,
    record_order_delivery,
    record_told_order,
    secrets_of,
    told_order,
)
from mart_union.orders.events import for_event
from mart_union.orders.model import Line, Order, ReturnedLine, state_of

QUEUE = "webhooks"
RETRY_SECONDS = (5, 30, 120, 300, 600, *(900,) * 20)
"""After how many seconds a job that failed is tried again, each time; 900 is the longest that a queue waits. All together five and a half hours."""

_UNPAID = frozenset({"awaiting_payment", "expired"})
_KIND = re.compile(r"(Order|Return)([A-Za-z]+)")

SendLater = Callable[..., None]
"""Put messages into one of the union's queues (`kernel.queues.send_messages`)."""


class NewsLine(Struct, frozen=True):
    """A line as its party is told of it: to a store with its own SKU and what its customer pays, to a supplier with the offer's and what it is owed."""

    number: int
    sku: str
    titles: Texts
    quantity: int
    returned: int
    state: str
    fulfiller: str
    amount_minor: int
    slot: str = ""


class NewsParcel(Struct, frozen=True):
    """A shipment of some lines."""

    id: str
    lines: tuple[int, ...]
    carrier: str
    tracking_number: str
    shipped_at: str


class NewsReturn(Struct, frozen=True):
    """A return of some lines, in the state that it has."""

    id: str
    lines: tuple[ReturnedLine, ...]
    reason: str
    state: str
    taker: str


class OrderNews(Struct, frozen=True):
    """What a party's webhook is told of an order: all of it that concerns the party, and nothing of who ordered it. The newest `sequence` holds."""

    union: str
    order: str
    party: str
    store: str
    sequence: int
    state: str
    payment: str
    currency: str
    amount_minor: int
    placed_at: str
    promised_by: str
    appointment_at: str
    lines: tuple[NewsLine, ...]
    shipments: tuple[NewsParcel, ...]
    returns: tuple[NewsReturn, ...]


class Telling(Struct, frozen=True, omit_defaults=True):
    """A job: to tell one webhook of one event. `again` tells it whatever it has confirmed."""

    party: str
    webhook: str
    event: str
    kind: str
    news: OrderNews
    tries: int = 0
    again: bool = False


def hand_out(event: Event, send: SendLater = send_messages) -> None:
    """Make a job of an event of an order for each active webhook of its store and suppliers. An order that was never paid is not told. One query a party.

    Raises:
        Busy: the queue kept refusing some; the event has to be delivered again.
    """
    order = msgspec.convert(event.data, Order)
    if order.state in _UNPAID or (order.history and order.history[-1].step == "withdraw"):
        return
    jobs = [
        Telling(party, webhook.id, event.id, kind_of(event.name), news_of(order, party))
        for party in parties_of(order)
        for webhook in list_webhooks(party)
        if webhook.state == "active"
    ]
    send(QUEUE, jobs)


def parties_of(order: Order) -> list[str]:
    """The store of an order, and the suppliers of some of its lines."""
    store = f"store/{order.store}"
    return [store, *sorted({line.fulfiller for line in order.lines} - {store})]


def kind_of(name: str) -> str:
    """What the message of an event is called: order.placed of OrderPlaced."""
    found = _KIND.fullmatch(name)
    return f"{found[1]}.{found[2]}".lower() if found else name


def news_of(order: Order, party: str) -> OrderNews:
    """An order as a party's webhooks are told of it: a supplier of its own lines only."""
    kind, _, name = party.partition("/")
    lines = order.lines if kind == "store" else lines_of(order, name)
    numbers = {line.number for line in lines}
    news = tuple(_line(line, name if kind == "supplier" else "") for line in lines)
    parcels = (parcel for parcel in order.shipments if not numbers.isdisjoint(parcel.lines))
    returns = (asked for asked in order.returns if not numbers.isdisjoint(each.number for each in asked.lines))
    return OrderNews(
        union=settings().union,
        order=order.id,
        party=party,
        store=order.store,
        sequence=order.sequence,
        state=state_of(line.state for line in lines),
        payment=order.payment,
        currency=order.currency,
        amount_minor=order.total_minor if kind == "store" else sum(line.amount_minor for line in news),
        placed_at=order.placed_at,
        promised_by=order.promise_of(*lines),
        appointment_at=order.facts.get("appointment_at", ""),
        lines=news,
        shipments=tuple(
            NewsParcel(
                each.id,
                tuple(number for number in each.lines if number in numbers),
                each.carrier,
                each.tracking_number,
                each.shipped_at,
            )
            for each in parcels
        ),
        returns=tuple(NewsReturn(each.id, each.lines, each.reason, each.state, each.taker) for each in returns),
    )


def _line(line: Line, supplier: str) -> NewsLine:
    return NewsLine(
        number=line.number,
        sku=line.offer.partition("/")[2] if supplier else line.sku,
        titles=line.titles,
        quantity=line.quantity,
        returned=line.returned,
        state=line.state,
        fulfiller=line.fulfiller,
        amount_minor=owed_minor([line], supplier) if supplier else line.amount_minor,
        slot=line.slot,
    )


def tell_webhook(job: Telling, now: datetime, send: Post | None = None, later: SendLater = send_messages) -> bool:
    """Do a job, unless its webhook is gone or paused, or has confirmed this sequence of the order or a newer one; says whether it got through.

    Every attempt is noted. One that failed is made again later, until the last of `RETRY_SECONDS`.

    Raises:
        Busy: the queue kept refusing the next try; the message comes again as a whole.
    """
    try:
        webhook = get_webhook(job.party, job.webhook)
    except NotFound:
        return False
    news = job.news
    if webhook.state != "active" or (not job.again and told_order(webhook.id, news.order) >= news.sequence):
        return False
    message = {"type": job.kind, "timestamp": iso(now), "data": news}
    status, problem = tell(webhook.url, secrets_of(webhook, now), job.event, message, now, send)
    wait = _wait_seconds(job) if problem else 0
    next_at = iso(now + timedelta(seconds=wait)) if wait else ""
    record_order_delivery(
        OrderDelivery(webhook.id, job.event, job.kind, news.order, news.sequence, iso(now), status, problem, next_at)
    )
    if not problem:
        record_told_order(webhook.id, news.order, news.sequence, now)
    elif wait:
        later(QUEUE, [replace(job, tries=job.tries + 1)], delay_seconds=wait)
    return not problem


def _wait_seconds(job: Telling) -> int:
    """How long until the next try, 0 after the last. Jobs that failed together come apart: each waits up to a fifth less."""
    if job.tries >= len(RETRY_SECONDS):
        return 0
    longest = RETRY_SECONDS[job.tries]
    spread = sum(derived_id(job.event, job.webhook, str(job.tries)).encode()) % 21
    return longest - longest * spread // 100


def ask_order_again(
    party: str, webhook: str, order: Order, key: str, now: datetime, put: Callable[[Sequence[Event]], None] = publish
) -> None:
    """Have one webhook told of an order as it is now, whatever it has confirmed; the same key again is the same message.

    Raises:
        NotFound: the party has no such webhook.
        Busy: the bus kept refusing it.
    """
    known = get_webhook(party, webhook)
    identity = derived_id("order-again", known.id, order.id, key)
    data = {"party": party, "webhook": known.id, "order": msgspec.to_builtins(for_event(order))}
    put([Event(identity, "OrderReplayed", f"order/{order.id}", order.sequence, iso(now), data)])


def hand_out_again(event: Event, send: SendLater = send_messages) -> None:
    """Make the job of an OrderReplayed event.

    Raises:
        Busy: the queue kept refusing it; the event has to be delivered again.
    """
    order, party = msgspec.convert(event.data["order"], Order), event.data["party"]
    news = news_of(order, party)
    send(QUEUE, [Telling(party, event.data["webhook"], event.id, "order.replayed", news, again=True)])
