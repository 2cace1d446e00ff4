"""On the streams of the orders, catalog, mediation and ledger tables: domain events to the bus; postings by account; counts of stores' service; parcels
by their numbers.

It raises when anything fails, and gets the whole batch again: what it writes has the same key and what it sends the same id. Events go first, and counts,
which all sales of a busy store write at once, last: who waits for one keeps nobody else's events back.
"""

from __future__ import annotations

from typing import Any

from aws_lambda_powertools import Logger

import mart_union.catalog.events
import mart_union.ledger.events
import mart_union.mediation.events
import mart_union.orders.events
from mart_union.kernel.clock import utc_now
from mart_union.kernel.events import Event, publish
from mart_union.kernel.streams import Change, changes_of
from mart_union.ledger.due import mark_due
from mart_union.ledger.postings import record_postings
from mart_union.orders.measuring import measure
from mart_union.orders.model import Order, Response
from mart_union.orders.parcels import register_parcels

logger = Logger(service="relay")

_EVENTS_OF = {
    "orders": mart_union.orders.events.events_of,
    "catalog": mart_union.catalog.events.events_of,
    "mediation": mart_union.mediation.events.events_of,
    "ledger": mart_union.ledger.events.events_of,
}


def lambda_handler(event: dict[str, Any], context: Any) -> None:
    """Relay a batch of changes, in their order."""
    changes = list(changes_of(event))
    events = [made for change in changes for made in _events(change)]
    publish(events)
    _mark_due(changes)
    _register_parcels(changes)
    _record_postings(changes)
    _measure(changes)
    logger.info("relayed", changes=len(changes), events=len(events))


def _events(change: Change) -> list[Event]:
    return _EVENTS_OF[change.table](change.pk, change.sk, change.old, change.new, change.event_id, change.at)


def _record_postings(changes: list[Change]) -> None:
    posted = (
        mart_union.ledger.events.posted_transfer(each.pk, each.sk, each.old, each.new)
        for each in changes
        if each.table == "ledger"
    )
    record_postings(transfer for transfer in posted if transfer is not None)


def _mark_due(changes: list[Change]) -> None:
    made = (
        mart_union.ledger.events.made_payable(each.pk, each.old, each.new) for each in changes if each.table == "ledger"
    )
    mark_due((payable for payable in made if payable is not None), utc_now())


def _measure(changes: list[Change]) -> None:
    found = [mart_union.orders.events.measured(each.sk, each.new) for each in changes if each.table == "orders"]
    measure([each for each in found if isinstance(each, Order)], [each for each in found if isinstance(each, Response)])


def _register_parcels(changes: list[Change]) -> None:
    orders = [each for each in changes if each.table == "orders" and each.sk == "ORDER" and each.new is not None]
    register_parcels(mart_union.orders.events.order_change(each.old, each.new) for each in orders if each.new)
