"""A store's lists of orders, with a hundred orders and with a hundred thousand: what a page asks of the database is the same.

The orders are items of the table, written by bare batches: bought one by one they would take an hour. Half of them are open, half were closed. Requests and units are
counted; times are not, for the emulator looks through a whole table for each query of an index, which DynamoDB does not.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

from botocore.config import Config

from bench.budgets import read_units
from bench.recording import Request, bare_client, recorded
from bench.rows import Row, counted
from mart_union.kernel import storage

if TYPE_CHECKING:
    from mart_union.orders.model import Order

FEW, MANY = 100, 100_000
STORES = {FEW: "store-of-few-00", MANY: "store-of-many-0"}
"""By how many orders they have: names of one length, so that keys have one size."""

MONTHS, RECIPIENTS, THREADS = 25, 100, 8
_WAITING = ("placed", "placed", "shipped", "delivered")
_BATCH, _PAGE = 25, 50


def rows(_endpoint: str) -> Iterator[Row]:
    """Of a page of each list: requests and read units with many orders, beside those with few."""
    from bench.scene import buy, scene, total_of, wanted
    from mart_union.orders.service import get_order

    recipient, wishes = scene(), wanted(1, 1)
    order = get_order(buy(wishes, recipient, "order-lists", total_of(wishes)).orders[0])
    for number, store in STORES.items():
        fill(order, store, number)
    with _patience():
        yield from _pages(order)


@contextmanager
def _patience() -> Iterator[None]:
    """Give the emulator a minute for a request: a query of an index takes it seconds here."""
    patient = {"read_timeout": 60}
    storage.client.cache_clear()
    try:
        with patch.object(storage, "Config", lambda **known: Config(**known | patient)):
            yield
    finally:
        storage.client.cache_clear()


def _pages(order: Order) -> Iterator[Row]:
    for name, (query, alike) in queries(order, STORES[MANY]).items():
        many, few = asked_for(STORES[MANY], query), asked_for(STORES[FEW], alike)
        what = f"order lists: {name}, of {MANY:,} orders"
        yield counted(f"{what}: requests", len(many), "requests", len(few), f"of {FEW} orders")
        yield counted(f"{what}: read units", read_units(many), "units", read_units(few), f"of {FEW} orders")


def queries(order: Order, store: str) -> dict[str, tuple[dict[str, str], dict[str, str]]]:
    """The queries of a store's pages by what they show, each with the one that it is compared with where the orders are few: they have one page of
    each list."""
    from mart_union.orders.listing import page_of_keys

    month = {"month": order.placed_at[:7]}
    return {
        "open ones": ({}, {}),
        "open ones, second page": ({"cursor": page_of_keys(store).next}, {}),
        "new ones": ({"state": "placed"}, {"state": "placed"}),
        "closed ones of a month": (month, month),
    }


def asked_for(store: str, query: dict[str, str]) -> list[Request]:
    """What a page of a store's orders asks of the database.

    Raises:
        ValueError: the page is not full, or an order has no recipient: two pages could not be compared.
    """
    import manage.app
    from tests.gateway import CONTEXT, gateway_event

    event = gateway_event("GET", f"/api/manage/{store}/orders", query=query, subject="owner", role="owner")
    with recorded() as requests:
        answer = manage.app.lambda_handler(event, CONTEXT)
    shown = json.loads(answer["body"])["items"]
    if [bool(each["recipient"]) for each in shown] != [True] * _PAGE:
        raise ValueError(f"{store} {query}: {len(shown)} orders are shown, or some have no recipient")
    return requests


def fill(order: Order, store: str, number: int) -> None:
    """Give a store so many orders like this one, each of its own id and minute: half of them open, half closed, over two years."""
    from mart_union.orders.tables import OrderItem

    _keep_recipients(order)
    client, table, forms = bare_client(), OrderItem.Meta.table_name, dict[tuple[str, str], str]()

    def write(start: int) -> None:
        numbers = range(start, min(start + _BATCH, number))
        left = {table: [{"PutRequest": {"Item": _item(order, store, each, forms)}} for each in numbers]}
        while left:
            left = client.batch_write_item(RequestItems=left).get("UnprocessedItems") or {}

    with ThreadPoolExecutor(THREADS) as threads:
        list(threads.map(write, range(0, number, _BATCH)))


def _item(order: Order, store: str, number: int, forms: dict[tuple[str, str], str]) -> dict[str, Any]:
    """An order's item as the database takes it: one of each state and month is made by the table (`forms`), the others are its copies."""
    from mart_union.kernel.clock import from_iso, iso

    is_open, rank = number % 2 == 0, number // 2
    block, recipient = divmod(
        rank, RECIPIENTS
    )  # those of a block have a state and a month, and each a recipient of its own
    state = _WAITING[block % len(_WAITING)] if is_open else "completed"
    months = 0 if is_open else block % MONTHS
    at = iso(from_iso(order.placed_at) - timedelta(days=31 * months, milliseconds=rank))
    if (state, at[:7]) not in forms:
        forms[state, at[:7]] = _form(order, store, state, at)
    form = forms[state, at[:7]].replace("{id}", f"{store}-{number:07d}").replace("{at}", at)
    item: dict[str, Any] = json.loads(form.replace("{who}", f"{recipient:03d}"))
    return item


def _form(order: Order, store: str, state: str, at: str) -> str:
    """An order's item in a state as JSON, with places for its id, moment and recipient; the month stands in its keys."""
    from msgspec.structs import replace

    from mart_union.orders.tables import order_item

    lines = tuple(replace(line, state=state) for line in order.lines)
    like = replace(order, id="{id}", store=store, lines=lines, placed_at=at, recipient="{who}", clock_at="")
    item = order_item(like)
    item.store_list = f"{store}#open" if state != "completed" else f"{store}#closed#{at[:7]}"
    return json.dumps(item.serialize(), ensure_ascii=False).replace(at, "{at}")


def _keep_recipients(order: Order) -> None:
    from msgspec.structs import replace

    from mart_union.customers.refs import recipient_ref
    from mart_union.customers.tables import RecipientItem, recipient_key
    from mart_union.kernel.storage import fetch

    like = fetch(recipient_ref(order.recipient))
    if like is None:
        raise ValueError(f"the order {order.id} has no recipient to make others like")
    for number in range(RECIPIENTS):
        name = f"{number:03d}"
        RecipientItem(*recipient_key(name), document=replace(like, id=name)).save()
