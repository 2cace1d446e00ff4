"""Completion: the customer has the goods, or the return window is over, and each party gets its share."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta

from mart_union.kernel.clock import iso
from mart_union.kernel.retry import retried
from mart_union.kernel.settings import settings
from mart_union.kernel.transaction import WriteTransaction
from mart_union.ledger.service import add_payable, add_transfer
from mart_union.orders.due import page_of_windows_over
from mart_union.orders.model import Order
from mart_union.orders.service import get_order, get_order_for
from mart_union.orders.steps import apply_step, due_steps
from mart_union.orders.storing import OrderMoved, add_changed_order
from mart_union.settlement.rounds import HOURS, Outcome, Round, act_on, go_through
from mart_union.settlement.shares import completion_amounts, completion_transfer, payables_of

_WINDOWS = Round("complete_due", timedelta(hours=1), timedelta(days=2), HOURS)


def complete_order(
    order_id: str, *, actor: str, role: str, key: str, now: datetime, lines: Sequence[int] | None = None
) -> Order:
    """Complete lines of an order (all that can be, when none are named) and pay their shares out of escrow, in one transaction.

    The customer takes the step `receive`, the system `complete`. Two requests; when another change of the order comes between, it is
    read again, so that against a refund at the same moment exactly one wins. The same key again changes nothing and gives the order
    as it is.

    Raises:
        NotFound: there is no such order of this customer.
        StepNotAllowed: the procedure does not allow it now; `allowed` names the steps that are.
        KeyReused: the key was used for another step of this order.
        Invalid: the order has no such line.
        Busy: other changes kept winning.
    """
    step = "receive" if role == "customer" else "complete"

    def complete(*, consistent: bool) -> Order:
        before = get_order_for(order_id, role, actor, consistent=consistent)
        after = apply_step(before, step, role=role, actor=actor, at=iso(now), key=key, lines=lines)
        if after is not before:
            _commit(before, after, now)
        return after

    try:
        return complete(consistent=False)
    except OrderMoved:
        return retried(lambda: complete(consistent=True), on=OrderMoved, what="this order")


def _commit(before: Order, after: Order, now: datetime) -> None:
    """The order, one transfer, and a payable a party; lines that hold no money, as where the seller collected, make neither."""
    numbers = after.history[-1].lines
    transaction = WriteTransaction()
    add_changed_order(transaction, before, after)
    amounts = completion_amounts(before, numbers)
    if amounts:
        transfer = completion_transfer(before, amounts, now)
        add_transfer(transaction, transfer)
        for payable in payables_of(before, numbers, transfer, now, settings().time_zone):
            add_payable(transaction, payable)
    transaction.commit()


def hand_out_hours(now: datetime, send: Callable[[str], None]) -> int:
    """Hand on each hour of the clock (`2026-11-22T09`, UTC) in which orders stand whose return window is over; how many hours they were. One query
    an hour since the last round, and one for each before it that was not empty then.

    An order leaves its hour when it is completed: so an hour that was handed on is looked at again by the next round, until nothing
    stands in it, whatever became of those who got it.
    """

    def visit(hour: str) -> Outcome:
        if not page_of_windows_over(hour, iso(now), limit=1).items:
            return Outcome(0, 0)
        send(hour)
        return Outcome(0, 1)  # nothing is done yet

    return go_through(_WINDOWS, now, visit).failed


def complete_orders(orders: Iterable[str], now: datetime) -> Outcome:
    """Complete those of these orders whose return window is over, of their lines those whose window it is. One read an order, and what
    `complete_order` takes.

    An order that cannot be completed is logged, holds up no other, and stays in its hour of the clock. Repeating it changes nothing.
    """

    def act(order_id: str) -> bool:
        lines = dict(due_steps(get_order(order_id), now)).get("complete")
        if lines is None:
            return False
        complete_order(order_id, actor="settlement", role="system", key="", now=now, lines=lines)
        return True

    return act_on(orders, act, _WINDOWS.job)
