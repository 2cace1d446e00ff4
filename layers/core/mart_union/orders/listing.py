"""Pages of a store's orders: their keys from the index, then the orders, with whom they go to."""

from __future__ import annotations

from mart_union.customers.model import Recipient
from mart_union.customers.refs import recipient_ref
from mart_union.kernel.errors import NotFound
from mart_union.kernel.paging import Page, read_page
from mart_union.kernel.storage import Ref, fetch_all
from mart_union.orders.model import ENDED, STATES, Order
from mart_union.orders.tables import OrderItem, OrdersItem

Shown = tuple[Order, Recipient | None]
"""An order, and its recipient while that is kept."""


def list_with_recipients(store: str, *, state: str = "", month: str = "", cursor: str = "") -> Page[Shown]:
    """A page of a store's orders, newest first within a state, each with its recipient: one query and one batch read.

    The index names the recipient, so that orders and recipients are read together; half a unit each, and each 4 KB more of an order.

    Raises:
        NotFound: no order is ever in that state.
        Invalid: the cursor is not one of ours.
    """
    keys = page_of_keys(store, state=state, month=month, cursor=cursor)
    orders: list[Ref[Order]] = [Ref(OrderItem, item.pk, item.sk, lambda found: found.document) for item in keys.items]
    recipients = [recipient_ref(item.store_sort.rpartition("#")[2]) for item in keys.items]
    found = fetch_all([*orders, *recipients])
    both = zip(found[: len(orders)], found[len(orders) :], strict=True)
    return Page(tuple((order, recipient) for order, recipient in both if order is not None), keys.next)


def page_of_keys(
    store: str, *, state: str = "", month: str = "", cursor: str = "", limit: int = 50
) -> Page[OrdersItem]:
    """The keys of a page of a store's orders: the open ones (of a state), or the closed ones placed in a month. One query.

    Raises:
        NotFound: no order is ever in that state.
        Invalid: the cursor is not one of ours.
    """
    if state and state not in STATES:
        raise NotFound(f"no order is ever '{state}'", states=sorted(STATES - ENDED))
    partition = f"{store}#closed#{month}" if month else f"{store}#open"
    in_state = OrdersItem.store_sort.startswith(f"{state}#") if state else None
    return read_page(OrdersItem.by_store.query, partition, cursor=cursor, limit=limit, range_key_condition=in_state)
