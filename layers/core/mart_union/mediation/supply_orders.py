"""Supply orders: a supplier's own list of the orders that it fulfils, kept by the events of orders."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from mart_union.kernel.errors import Conflict, NotFound
from mart_union.kernel.events import Event
from mart_union.kernel.paging import Page, read_page
from mart_union.kernel.retry import retried
from mart_union.kernel.storage import find
from mart_union.kernel.transaction import WriteTransaction, refuse
from mart_union.mediation.model import SupplyOrder
from mart_union.mediation.records import add_record, changed_counts
from mart_union.mediation.tables import (
    SellerItem,
    SupplyOrderItem,
    seller_key,
    supply_list,
    supply_order_item,
    supply_order_key,
)
from mart_union.orders import service as orders
from mart_union.orders.indicators import is_late
from mart_union.orders.model import ENDED, Line, Order, state_of
from mart_union.orders.return_rules import has_open_return


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
    waiting = [line for line in lines if line.state not in ENDED]
    owed, held = owed_minor(waiting, supplier), sum(line.held_minor for line in waiting)
    late = is_late(order, numbers)
    returning = has_open_return(order, f"supplier/{supplier}")
    return SupplyOrder(
        supplier, order.id, order.store, order.placed_at, numbers, state, order.sequence, owed, held, late, returning
    )


def lines_of(order: Order, supplier: str) -> tuple[Line, ...]:
    """The lines of an order that a supplier fulfils."""
    return tuple(line for line in order.lines if line.fulfiller == f"supplier/{supplier}")


def _record(wanted: SupplyOrder) -> None:
    retried(lambda: _record_once(wanted), on=Conflict, what="this supply order")


def _record_once(wanted: SupplyOrder) -> None:
    """The supply order, and what it changes in the exposure to its seller and in the records, together: so each change counts once, however often it is told."""
    item = find(SupplyOrderItem, *supply_order_key(wanted.supplier, wanted.order), consistent=True)
    before = None if item is None else item.document
    if before is not None and before.sequence >= wanted.sequence:
        return
    is_as_read = SupplyOrderItem.pk.does_not_exist() if before is None else SupplyOrderItem.sequence == before.sequence
    transaction = WriteTransaction()
    moved = refuse(Conflict, "it was recorded just now")
    ended = wanted.state in ENDED and not wanted.returning
    transaction.put(supply_order_item(wanted, ended=ended), condition=is_as_read, refusal=moved)
    _add_counts(transaction, before, wanted)
    transaction.commit()


def _add_counts(transaction: WriteTransaction, before: SupplyOrder | None, after: SupplyOrder) -> None:
    """What the part changes in the exposure to its seller, and in the records of both."""
    counts = changed_counts(before, after)
    owed = after.owed_minor - (before.owed_minor if before else 0)
    held = after.held_minor - (before.held_minor if before else 0)
    if owed or held or counts:
        seller = SellerItem(*seller_key(after.supplier, after.store))
        since = SellerItem.since.set(SellerItem.since | after.placed_at)
        exposure = [since, SellerItem.open_minor.add(owed), SellerItem.held_minor.add(held)]
        record = [getattr(SellerItem, name).add(count) for name, count in counts.items()]
        transaction.update(seller, [*exposure, *record])
    add_record(transaction, after.supplier, counts)


def list_supply_orders(supplier: str, month: str = "", cursor: str = "") -> Page[SupplyOrder]:
    """A page of a supplier's open orders, with those of which something goes back to it, oldest first; with a month (`yyyy-mm`), of those placed in it that have ended."""
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
    """What the supplier is owed for lines: the supply price as of the purchase, whatever happened to prices since, of what was not
    given back."""
    account = f"supplier/{supplier}"
    return sum(share.left_minor for line in lines for share in line.split if share.account == account)
