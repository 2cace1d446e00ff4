"""Supply orders: a supplier's own list of the orders that it fulfils, kept by the events of orders."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec
from pynamodb.exceptions import PutError

from mart_union.kernel.errors import NotFound
from mart_union.kernel.events import Event
from mart_union.kernel.paging import Page, read_page
from mart_union.mediation.model import SupplyOrder
from mart_union.mediation.tables import SupplyOrderItem, supply_list, supply_order_item
from mart_union.orders import service as orders
from mart_union.orders.model import ENDED, Line, Order, state_of


def record_supply_order(event: Event) -> None:
    """Bring the lists of the suppliers in an order up to date with an event of that order; the newest sequence wins.

    An order that is not paid yet is not shown to them.
    """
    order = msgspec.convert(event.data, Order)
    if order.state == "awaiting_payment":
        return
    for supplier in sorted({line.fulfiller.removeprefix("supplier/") for line in order.lines if _is_supplied(line)}):
        _record(supply_order_of(order, supplier))


def _is_supplied(line: Line) -> bool:
    return line.fulfiller.startswith("supplier/")


def supply_order_of(order: Order, supplier: str) -> SupplyOrder:
    """A supplier's part of an order, in the state of its own lines."""
    lines = lines_of(order, supplier)
    numbers = tuple(line.number for line in lines)
    state = state_of(line.state for line in lines)
    return SupplyOrder(supplier, order.id, order.store, order.placed_at, numbers, state, order.sequence)


def lines_of(order: Order, supplier: str) -> tuple[Line, ...]:
    """The lines of an order that a supplier fulfils."""
    return tuple(line for line in order.lines if line.fulfiller == f"supplier/{supplier}")


def _record(wanted: SupplyOrder) -> None:
    newer = SupplyOrderItem.pk.does_not_exist() | (SupplyOrderItem.sequence < wanted.sequence)
    try:
        supply_order_item(wanted, ended=wanted.state in ENDED).save(condition=newer)
    except PutError as error:
        if error.cause_response_code != "ConditionalCheckFailedException":
            raise


def list_supply_orders(supplier: str, month: str = "", cursor: str = "") -> Page[SupplyOrder]:
    """A page of a supplier's open orders, oldest first; with a month (`yyyy-mm`), of those placed in it that have ended."""
    page = read_page(SupplyOrderItem.by_store.query, supply_list(supplier, month), cursor=cursor, newest_first=False)
    return Page(tuple(item.document for item in page.items), page.next)


def get_supplied_order(supplier: str, order: str) -> Order:
    """An order of which the supplier fulfils lines; who shows it shows those lines only.

    Raises:
        NotFound: there is no such order, or the supplier has no line in it, or it is not paid yet.
    """
    found = orders.get_order(order)
    lines = lines_of(found, supplier)
    if not lines or found.state == "awaiting_payment":
        raise NotFound(f"there is no order {order} for {supplier}")
    return found


def owed_minor(lines: Iterable[Line], supplier: str) -> int:
    """What the supplier is owed for lines: the supply price as of the purchase, whatever happened to prices since."""
    account = f"supplier/{supplier}"
    return sum(share.amount_minor for line in lines for share in line.split if share.account == account)
