"""The Orders table.

| question | key or index | requests | units |
|---|---|---|---|
| an order with its lines, shipments and history | `ORDER#<id>`/`ORDER` | 1 | 0.5 read a 4 KB |
| an order's responses | `ORDER#<id>`, begins `RESPONSE#` | 1 | by size |
| a store's open orders by state, its closed ones by month | index `by_store`, then the orders | 2 a page | by size |
| a store's open responses, its answered ones by month | index `by_store`, `<store>#responses#open`, `<store>#responses#<yyyy-mm>` | 2 a page | by size |
| a supplier's | the same with `supplier/<id>` for the store | 2 a page | by size |
| what a customer has of an urgent sale with a limit | `BOUGHT#<sale>#<customer>`/`BOUGHT` | 1 | 0.5 read; 2 write in a purchase |
| what was escalated to the operator in a month | index `by_store`, `union#escalated#<yyyy-mm>`, then the orders | 2 a page | by size |
| what was reported to the operator as abuse and is open, or was decided in a month | index `by_store`, `union#abuse#open`, `union#abuse#<yyyy-mm>`, then the reports and responses | 2 a page | by size |
| the reports of a response and the decisions on them | `ORDER#<id>`/`ABUSE#<response>` | 1 a batch | 1 read a 4 KB, up to 100 KB |
| how often somebody has reported on a day | `REPORTER#<reporter>#<yyyy-mm-dd>`/`REPORTER` | – | 2 write a report; expires |
| the response that an idempotency key made | `ORDER#<id>`/`SAID#<key>` | 1 where it is repeated | 1 read; 2 write a response |
| what of an order or response is counted for its store | `ORDER#<id>`/`COUNTED#<response>` | 1 a batch | 1 read; 2 write where it changes |
| a store's counts of up to 90 days | `INDICATORS#<store>#<yyyy>`/`<yyyy-mm-dd>` | 1 (2 around New Year) | 0.5 read a 4 KB, about 16 days |
| responses whose time to be answered is over | index `clock`, hour `responses#<hour>` | 1 an hour of the clock | by size |
| the shipments under a tracking number | `PARCEL#<number>`, between two moments of shipping | 1 | 0.5 read a 4 KB; 1 write a shipment |
| orders whose deadline has come | index `clock` | 1 an hour of the clock | by size |
| orders whose return window is over | index `clock`, hour `windows#<hour>` | 1 an hour of the clock | by size |

Index `by_store` (`store_list`, `store_sort`), keys only, so that a step costs no copy of the order and a page is one query and one batch
read, also of the recipients, whom an order's key names at its end: an order or response enters it once (1 write unit) and changes its key with its state (2).
A response about suppliers' lines has a copy for each of them (`FORWARDED#`), so that it stands in their lists too.
Index `clock` (`clock_pk` = the hour, `clock_sk` = moment and order), keys only: only orders that wait for a deadline are in it (1 to enter,
1 to leave). An order of which something is going back stands among the open ones, whatever state it has.
"""

from __future__ import annotations

from pynamodb.attributes import NumberAttribute, UnicodeAttribute
from pynamodb.indexes import GlobalSecondaryIndex, KeysOnlyProjection

from mart_union.kernel.storage import Document, Item, table_name
from mart_union.orders.abuse import AbuseCase
from mart_union.orders.clocks import waits_for_settlement
from mart_union.orders.indicators import Counts
from mart_union.orders.model import ENDED, Order, Response
from mart_union.orders.return_rules import has_open_return

ESCALATED = "union#escalated#"
"""Begins the list of what was escalated in a month."""


ABUSE = "union#abuse#"
"""Begins the lists of what was reported to the operator as abuse."""


RESPONSES_CLOCK = "responses#"
"""Begins the hours of the clock in which responses stand."""


WINDOWS_CLOCK = "windows#"
"""Begins the hours of the clock in which orders stand that wait for their completion only."""


class ByStore(GlobalSecondaryIndex["OrdersItem"]):
    """A store's orders: open ones together, sorted by state; closed ones by month."""

    class Meta:
        index_name = "by_store"
        projection = KeysOnlyProjection()

    store_list = UnicodeAttribute(hash_key=True)
    store_sort = UnicodeAttribute(range_key=True)


class Clock(GlobalSecondaryIndex["OrdersItem"]):
    """Orders that wait for a moment."""

    class Meta:
        index_name = "clock"
        projection = KeysOnlyProjection()

    clock_pk = UnicodeAttribute(hash_key=True)
    clock_sk = UnicodeAttribute(range_key=True)


class OrdersItem(Item):
    """Any item of the table."""

    class Meta:
        table_name = table_name("orders")

    store_list = UnicodeAttribute(null=True)
    store_sort = UnicodeAttribute(null=True)
    clock_pk = UnicodeAttribute(null=True)
    clock_sk = UnicodeAttribute(null=True)
    by_store = ByStore()
    clock = Clock()
    sequence = NumberAttribute(default=1)


class BoughtItem(OrdersItem):
    """How many units of an urgent sale a customer has."""

    units = NumberAttribute(default=0)


class OrderItem(OrdersItem):
    """An order."""

    document = Document(Order)


class ResponseItem(OrdersItem):
    """A response to an order."""

    document = Document(Response)


class SaidItem(OrdersItem):
    """Which response an idempotency key made."""

    response = UnicodeAttribute()


class CaseItem(OrdersItem):
    """What was reported of a response as abuse, and decided."""

    document = Document(AbuseCase)


class ReporterItem(OrdersItem):
    """How often somebody has reported on a day."""

    units = NumberAttribute(default=0)
    expires_at = NumberAttribute(null=True)


class CountedItem(OrdersItem):
    """What of an order or response has been counted for its store's indicators."""

    document = Document(Counts)


class DayItem(OrdersItem):
    """What is counted of a store for one day."""

    orders = NumberAttribute(default=0)
    accepted = NumberAttribute(default=0)
    acceptance_seconds = NumberAttribute(default=0)
    shipped = NumberAttribute(default=0)
    late = NumberAttribute(default=0)
    refused = NumberAttribute(default=0)
    parcels = NumberAttribute(default=0)
    tracked = NumberAttribute(default=0)
    replies = NumberAttribute(default=0)
    reply_seconds = NumberAttribute(default=0)


def order_key(order: str) -> tuple[str, str]:
    """The key of an order."""
    return f"ORDER#{order}", "ORDER"


def escalation_item(order: str, subject: str, at: str) -> OrdersItem:
    """The item that says that an order, or its `subject` (a response, `return/<id>`), was escalated at a moment (ISO): nothing but its keys."""
    pk, _ = order_key(order)
    return OrdersItem(pk, f"ESCALATED#{subject}#{at}", store_list=f"{ESCALATED}{at[:7]}", store_sort=f"{at}#{subject}")


def counted_key(order: str, response: str = "") -> tuple[str, str]:
    """The key of what has been counted of an order, or of a response to it."""
    return f"ORDER#{order}", f"COUNTED#{response}"


def day_key(store: str, moment: str) -> tuple[str, str]:
    """The key of a store's counts of the day of a moment (ISO, UTC); a year of them to a partition."""
    return f"INDICATORS#{store}#{moment[:4]}", moment[:10]


def parcel_pk(number: str) -> str:
    """Where the shipments under a tracking number stand, written as it is compared."""
    return f"PARCEL#{number}"


def parcel_item(number: str, shipped_at: str, carrier: str, order: str, shipment: str) -> OrdersItem:
    """The item that says that a shipment of an order has a tracking number: nothing but its keys, sorted by when it was shipped (ISO)."""
    return OrdersItem(parcel_pk(number), f"{shipped_at}#{carrier}#{order}#{shipment}")


def bought_key(sale: str, customer: str) -> tuple[str, str]:
    """The key of what a customer has of an urgent sale: an item of its own, however many buy."""
    return f"BOUGHT#{sale}#{customer}", "BOUGHT"


def response_key(order: str, response: str) -> tuple[str, str]:
    """The key of a response."""
    return f"ORDER#{order}", f"RESPONSE#{response}"


def said_key(order: str, key: str) -> tuple[str, str]:
    """The key of the response that an idempotency key, as `responses` derives it, made."""
    return f"ORDER#{order}", f"SAID#{key}"


def case_key(order: str, response: str) -> tuple[str, str]:
    """The key of what was reported of a response."""
    return f"ORDER#{order}", f"ABUSE#{response}"


def case_item(case: AbuseCase) -> CaseItem:
    """The item of what was reported of a response: with all that is open, or by the month in which it was decided."""
    return CaseItem(
        *case_key(case.order, case.response),
        document=case,
        sequence=case.sequence,
        store_list=f"{ABUSE}{'open' if case.state == 'open' else case.at[:7]}",
        store_sort=f"{case.at}#{case.response}",
    )


def reporter_key(reporter: str, at: str) -> tuple[str, str]:
    """The key of how often somebody has reported on the day of a moment (ISO, UTC)."""
    return f"REPORTER#{reporter}#{at[:10]}", "REPORTER"


def response_items(response: Response) -> list[ResponseItem]:
    """The items of a response: its own, in its store's list and, while its time to be answered runs, on the clock; and a copy in the list of each
    supplier that it is about. One that was taken down waits for no answer."""
    pk, sk = response_key(response.order, response.id)
    copies = [(f"supplier/{supplier}", f"FORWARDED#{response.id}#{supplier}") for supplier in response.suppliers]
    waits = response.state == "open" and not response.is_withheld
    part = "open" if waits else response.at[:7]
    until = "" if not waits or response.escalated_at else response.reply_by
    return [
        ResponseItem(
            pk,
            key,
            document=response,
            sequence=response.sequence,
            store_list=f"{party}#responses#{part}",
            store_sort=f"{response.at}#{response.id}",
            clock_pk=f"{RESPONSES_CLOCK}{until[:13]}" if until and key == sk else None,
            clock_sk=f"{until}#{response.id}" if until and key == sk else None,
        )
        for party, key in [(response.store, sk), *copies]
    ]


def order_item(order: Order) -> OrderItem:
    """The item of an order, with the index keys that its state and clock call for."""
    pk, sk = order_key(order.id)
    state, clock = order.state, WINDOWS_CLOCK if waits_for_settlement(order) else ""
    ended = state in ENDED and not has_open_return(order)
    return OrderItem(
        pk,
        sk,
        document=order,
        sequence=order.sequence,
        store_list=f"{order.store}#closed#{order.placed_at[:7]}" if ended else f"{order.store}#open",
        store_sort=f"{state}#{order.placed_at}#{order.recipient}",
        clock_pk=f"{clock}{order.clock_at[:13]}" if order.clock_at else None,
        clock_sk=f"{order.clock_at}#{order.id}" if order.clock_at else None,
    )
