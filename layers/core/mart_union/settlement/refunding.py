"""Refunds of a part of an order, and returns: money, payables and stock move in one transaction with the order.

Before completion a part comes out of escrow. After it, those who were paid give it back at the original rates, each by a payable below
zero that its next statement nets.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

from msgspec.structs import replace

from mart_union.kernel.clock import iso
from mart_union.kernel.retry import retried
from mart_union.kernel.settings import settings
from mart_union.kernel.transaction import Also, WriteTransaction
from mart_union.ledger.model import Transfer, postings_of
from mart_union.ledger.service import add_payable, add_transfer
from mart_union.orders.cash import paying_transfer
from mart_union.orders.draws import sales_of
from mart_union.orders.limits import add_left_out
from mart_union.orders.model import OPERATOR, SYSTEM, Order, ReturnedLine
from mart_union.orders.refunding import Change, RefundWish, refund_part
from mart_union.orders.return_decisions import Decision
from mart_union.orders.returns import decide_return, request_return, send_return
from mart_union.orders.service import change_order, get_order_for, require_carrier
from mart_union.orders.storing import OrderMoved, add_changed_order, replace_order
from mart_union.settlement.shares import payables_of
from mart_union.stock.keeping import SaleMoved, add_movements
from mart_union.stock.model import take_back, take_instead


def refund_order(
    order: str,
    wishes: Sequence[RefundWish],
    *,
    store: str,
    reason: str,
    actor: str,
    key: str,
    now: datetime,
    written_off: bool = False,
) -> Order:
    """Give a part of a store's order back to whoever paid it: units that will not be sent, back into the reserve (or written off), or
    amounts. The same key again changes nothing and gives the order as it is.

    One read and one transaction: the order, the transfer, a payable a party that was paid before, a level that gets units back. When
    another change comes between, as a completion, it is read again: a refund meets the order either before or after it.

    Raises:
        NotFound: there is no such order of this store.
        KeyReused, RuleViolation, BeyondOriginal, AmountOutOfRange, Invalid: as for `refund_part`.
        Busy: other changes kept winning.
    """
    fulfiller = f"store/{store}"

    def change(before: Order) -> Change:
        made = refund_part(
            before,
            wishes,
            reason=reason,
            fulfiller=fulfiller,
            actor=actor,
            key=key,
            at=iso(now),
            currency=settings().currency,
        )
        return replace(made, to_reserve=not written_off)

    return _change(order, "store", fulfiller, change, actor, now)


def ask_return(
    order: str,
    lines: Sequence[ReturnedLine],
    *,
    customer: str,
    reason: str,
    note: str = "",
    wants: str = "refund",
    key: str,
    now: datetime,
    also: Also | None = None,
) -> Order:
    """Ask to give units of an order back, for a reason of its procedure; the same key again changes nothing. What `also` adds is written with it. One read and one write.

    Raises:
        NotFound: there is no such order of this customer.
        KeyReused, Invalid, RuleViolation: as for `request_return`.
        Busy: other changes kept winning.
    """

    def change(before: Order) -> Order:
        return request_return(before, lines, reason=reason, note=note, wants=wants, key=key, at=iso(now))

    return change_order(order, "customer", customer, change, now, also=also)


def send_goods(order: str, identity: str, parcel: tuple[str, str], *, customer: str, key: str, now: datetime) -> Order:
    """Say by which carrier, under which number, the goods of an accepted return are on their way; the same again changes nothing. One read and one
    write, and a read of the union where another carrier is named than the order's.

    Raises:
        NotFound: there is no such order of this customer, or no such return of it.
        UnknownCarrier, StepNotAllowed, Invalid: as for `require_carrier` and `send_return`.
        Busy: other changes kept winning.
    """
    carrier, number = parcel

    def change(before: Order) -> Order:
        after = send_return(before, identity, carrier or before.carrier, number, key=key, at=iso(now))
        if after is not before:
            require_carrier(before, carrier)
        return after

    return change_order(order, "customer", customer, change, now)


def settle_return(
    order: str, identity: str, wish: Decision, *, taker: str, actor: str, key: str, now: datetime
) -> Order:
    """Decide on a return, for whoever takes it back (`store/<id>` or `supplier/<id>`), or of one that was escalated for the union's OPERATOR; a refund moves money
    and stock, and a replacement takes stock, in the transaction that decides it. What the customer keeps, and what nobody says has come, is written off. One read and one write, and a read of the union where a replacement goes by
    another carrier than the order's.

    Repeating a decision changes nothing.

    Raises:
        NotFound, KeyReused, StepNotAllowed, Invalid: as for `decide_return`.
        OutOfStock: there is none to replace it with; it can still be refunded.
        UnknownCarrier: as for `require_carrier`.
        Busy: other changes kept winning.
    """
    role = SYSTEM if taker == OPERATOR else taker.partition("/")[0]

    def change(before: Order) -> Change:
        currency = settings().currency
        made = decide_return(before, identity, wish, taker=taker, actor=actor, key=key, at=iso(now), currency=currency)
        if wish.decision == "ship" and made.order is not before:
            require_carrier(before, wish.carrier)
        return made

    return _change(order, role, taker, change, actor, now)


def _change(order: str, role: str, party: str, change: Callable[[Order], Change], actor: str, now: datetime) -> Order:
    only_the_first_read_may_lag = iter((False,))

    def attempt() -> Order:
        before = get_order_for(order, role, party, consistent=next(only_the_first_read_may_lag, True))
        made = change(before)
        if made.order is not before:
            _commit(before, made, actor, now)
        return made.order

    return retried(attempt, on=(OrderMoved, SaleMoved), what="this order")


def _commit(before: Order, made: Change, actor: str, now: datetime) -> None:
    if not (made.amounts or made.units or made.replaced):
        replace_order(before, made.order)
        return
    transaction = WriteTransaction()
    add_changed_order(transaction, before, made.order)
    if made.amounts:
        _add_refund(transaction, before, made, now)
    reference = f"order/{before.id}"
    back = {
        level: take_back(units, actor, reference, to_reserve=made.to_reserve) for level, units in made.units.items()
    }
    back |= {level: take_instead(units, actor, reference) for level, units in made.replaced.items()}
    add_movements(transaction, back, now, sales_of([before]))
    if made.units:
        add_left_out(transaction, before, made.order.refunds[-1])
    transaction.commit()


def _add_refund(transaction: WriteTransaction, before: Order, made: Change, now: datetime) -> None:
    """The transfer, and for those who were paid before a payable of what they give back."""
    refund = made.order.refunds[-1]
    transfer = Transfer(
        id=refund.id,
        kind="refund",
        currency=before.currency,
        postings=postings_of(dict(made.amounts)),
        reference=f"order/{before.id}",
        at=iso(now),
        reverses=paying_transfer(before),
    )
    add_transfer(transaction, transfer)
    numbers = [line.number for line in refund.lines]
    for payable in payables_of(before, numbers, transfer, now, settings().time_zone):
        add_payable(transaction, payable)
