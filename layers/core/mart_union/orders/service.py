"""Use cases of orders: read them, list them for their store, take steps, act when a deadline passes."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from functools import partial

from mart_union.catalog.refs import union_ref
from mart_union.kernel.clock import iso
from mart_union.kernel.errors import Forbidden, NotFound, StepNotAllowed, UnknownCarrier
from mart_union.kernel.paging import Page
from mart_union.kernel.retry import retried
from mart_union.kernel.storage import fetch, find, find_all
from mart_union.kernel.transaction import Also, WriteTransaction
from mart_union.ledger.service import add_payable, add_transfer
from mart_union.orders.cash import add_collection
from mart_union.orders.codes import WrongCode, count_wrong_code, renew_code
from mart_union.orders.draws import sales_of
from mart_union.orders.escalations import add_escalation, escalated_by
from mart_union.orders.limits import add_given_back
from mart_union.orders.listing import page_of_keys
from mart_union.orders.model import ON_DELIVERY, SYSTEM, Order, StepTaken
from mart_union.orders.procedures import allowed_steps, gives_money_back, procedure_of
from mart_union.orders.refunds import units_of
from mart_union.orders.steps import Details, apply_step, due_steps, find_late, pursue, remind
from mart_union.orders.storing import OrderMoved, add_changed_order, replace_order
from mart_union.orders.tables import OrderItem, order_key
from mart_union.orders.whole_refunds import given_before, whole_refund
from mart_union.stock.keeping import SaleMoved, add_movements
from mart_union.stock.model import put_back

_ELSEWHERE = {"payment": "its purchase", "release": "its purchase", "complete": "settlement"}


def get_order(order: str, *, consistent: bool = False) -> Order:
    """An order by id.

    Raises:
        NotFound: there is no such order.
    """
    item = find(OrderItem, *order_key(order), consistent=consistent)
    if item is None:
        raise NotFound("there is no such order")
    return item.document


def get_orders(orders: Iterable[str]) -> list[Order]:
    """The orders that exist of those named, in that order. One batch read a hundred."""
    items = find_all([(OrderItem, *order_key(order)) for order in orders])
    return [item.document for item in items if item is not None]


def get_order_for(order: str, role: str, party: str, *, consistent: bool = False) -> Order:
    """An order, for one of its own parties: the customer's id (`shop/<id>` where a shop sold it), or `store/<id>` or `supplier/<id>` of a fulfiller.

    Raises:
        NotFound: there is no such order, or it is not that party's; which of the two is not told.
    """
    found = get_order(order, consistent=consistent)
    if role == "system" or party in _parties(found, role):
        return found
    raise NotFound("there is no such order")


def _parties(order: Order, role: str) -> set[str]:
    if role == "customer":
        return {order.buyer}
    if role == "store":
        return {f"store/{order.store}"}
    return {line.fulfiller for line in order.lines if line.fulfiller.startswith("supplier/")}


def list_store_orders(
    store: str, *, state: str = "", month: str = "", cursor: str = "", limit: int = 50
) -> Page[Order]:
    """A page of a store's orders, newest first within a state: the open ones (of a state), or the closed ones placed in a month.

    One query and one batch read. An order that moves on meanwhile is shown as it is now.

    Raises:
        NotFound: no order is ever in that state.
        Invalid: the cursor is not one of ours.
    """
    page = page_of_keys(store, state=state, month=month, cursor=cursor, limit=limit)
    orders = find_all([(OrderItem, item.pk, item.sk) for item in page.items])
    return Page(tuple(item.document for item in orders if item is not None), page.next)


def take_step(
    order: str,
    step: str,
    actor: str,
    role: str,
    key: str,
    now: datetime,
    *,
    lines: Sequence[int] | None = None,
    tracking: tuple[str, str] | None = None,
    note: str = "",
    fulfiller: str = "",
    facts: Mapping[str, str] | None = None,
    collected_minor: int = 0,
    may_give_back: bool = True,
    also: Also | None = None,
) -> Order:
    """Move lines of an order by a step of its procedure; what it gives back or collects is posted in the same transaction.

    `role` is customer (then `actor` is the customer, or `shop/<id>`), store or supplier (then `fulfiller` is theirs) or system. `tracking` is a carrier and its
    number; `facts` hold `pickup_code`, `appointment_at`, `access`, `collected_by` where the step needs them. The same key again changes nothing and
    gives the order as it is, whatever became of its carrier. Without `may_give_back` a step that refunds is refused; what `also` adds is written with it. One read and one write, and a read of the union where another carrier is named than the order's; read again when
    another change comes between. A wrong pick-up code is counted on the order before it is refused.

    Raises:
        NotFound: there is no such order of this party.
        StepNotAllowed: `allowed` names the steps that are; completion and payment are not taken here.
        UnknownCarrier: it is to be shipped by a carrier that the union does not have; `carriers` names those that it has.
        Forbidden: it refunds, and whoever takes it may not.
        KeyReused, Invalid, RuleViolation, CodeLocked: as for `apply_step`.
        Busy: other changes kept winning.
    """
    details = _details(tracking, note, facts, collected_minor)

    def change(before: Order) -> Order:
        _refuse_elsewhere(before, step, role, fulfiller)
        if not may_give_back and gives_money_back(before, step):
            raise Forbidden("a step that gives money back is for the store's managers")
        who = {"role": role, "actor": actor, "fulfiller": fulfiller}
        after = apply_step(before, step, **who, at=iso(now), key=key, lines=lines, details=details)
        if after.shipments != before.shipments:
            require_carrier(before, details.carrier)
        return after

    party = actor if role == "customer" else fulfiller
    return _change_or_count(order, role, party, change, details.pickup_code, key, now, also)


def _change_or_count(
    order: str,
    role: str,
    party: str,
    change: Callable[[Order], Order],
    code: str,
    key: str,
    now: datetime,
    also: Also | None,
) -> Order:
    """The order after the change. A wrong pick-up code is counted on it, so that nobody tries all codes, and then refused."""
    wrong: list[WrongCode] = []

    def counted(before: Order) -> Order:
        wrong.clear()
        try:
            return change(before)
        except WrongCode as refusal:
            wrong.append(refusal)
            return count_wrong_code(before, code, key)

    after = change_order(order, role, party, counted, now, also=also)
    if wrong:
        raise wrong[0]
    return after


def renew_pickup_code(order: str, actor: str, role: str, key: str, now: datetime, *, fulfiller: str = "") -> Order:
    """Give an order that waits to be collected a new pick-up code, for its customer or store; the same key again changes nothing.

    Raises:
        NotFound: there is no such order of this party.
        RuleViolation: nobody waits for a code of this order, or the caller is a supplier.
        Busy: other changes kept winning.
    """
    fresh = _new_code()

    def change(before: Order) -> Order:
        return renew_code(before, fresh, role=role, actor=actor, key=key)

    return change_order(order, role, actor if role == "customer" else fulfiller, change, now)


def _new_code() -> str:
    return f"{secrets.randbelow(10**6):06d}"


def _details(
    tracking: tuple[str, str] | None, note: str, facts: Mapping[str, str] | None, collected_minor: int
) -> Details:
    carrier, number = tracking or ("", "")
    given = facts or {}
    return Details(
        carrier,
        number,
        pickup_code=given.get("pickup_code", ""),
        appointment_at=given.get("appointment_at", ""),
        access=given.get("access", ""),
        note=note,
        new_code=_new_code(),
        collected_minor=collected_minor,
        collected_by=given.get("collected_by", ""),
    )


def change_order(
    order: str,
    role: str,
    party: str,
    change: Callable[[Order], Order],
    now: datetime,
    *,
    read: Order | None = None,
    also: Also | None = None,
) -> Order:
    """Replace an order by what `change` makes of it, with the money and stock that a refund step in it moves, and what `also` adds.

    Nothing is written when `change` gives the same order back. When another change comes between, it is read and made again; who has just `read` it spares
    the first read.

    Raises:
        NotFound: there is no such order of this party.
        MartUnionError: what `change` raises.
        Busy: other changes kept winning.
    """
    given = [] if read is None else [read]
    only_the_first_read_may_lag = iter((False,) if read is None else ())

    def attempt() -> Order:
        before = (
            given.pop()
            if given
            else get_order_for(order, role, party, consistent=next(only_the_first_read_may_lag, True))
        )
        after = change(before)
        if after is not before:
            _commit(before, after, now, also)
        return after

    return retried(attempt, on=(OrderMoved, SaleMoved), what="this order")


def _refuse_elsewhere(order: Order, step: str, role: str, fulfiller: str) -> None:
    rule = procedure_of(order).step(step)
    if rule is not None and rule.effect in _ELSEWHERE:
        allowed = allowed_steps(order, role, fulfiller)
        raise StepNotAllowed(f"'{step}' is taken through {_ELSEWHERE[rule.effect]}", allowed=allowed, state=order.state)


def require_carrier(order: Order, carrier: str) -> None:
    """Nothing, if a parcel may go by a carrier: one of the union's, or the one that the order was placed under. A read of the union, for another than that.

    Raises:
        UnknownCarrier: the union has no such carrier; `carriers` names those that it has.
    """
    if carrier in {"", order.carrier}:
        return
    union = fetch(union_ref())
    known = [each.id for each in union.carriers] if union is not None else []
    if carrier not in known:
        raise UnknownCarrier(f"the union has no carrier '{carrier}'", carriers=known)


def _commit(before: Order, after: Order, now: datetime, also: Also | None) -> None:
    taken = after.history[-1] if len(after.history) > len(before.history) else None
    rule = procedure_of(before).step(taken.step) if taken else None
    collected = before.payment == ON_DELIVERY and after.payment == "paid"
    escalated = escalated_by(before, after)
    refunded = taken is not None and rule is not None and rule.effect == "refund"
    if not (collected or escalated or refunded or also):
        replace_order(before, after)
        return
    transaction = WriteTransaction()
    add_changed_order(transaction, before, after)
    if collected:
        add_collection(transaction, before, after, now)
    elif refunded and taken is not None:
        _add_refund(transaction, before, after, taken, now)
    for subject in escalated:
        add_escalation(transaction, after.id, iso(now), subject)
    if also is not None:
        also(transaction)
    transaction.commit()


def _add_refund(transaction: WriteTransaction, before: Order, after: Order, taken: StepTaken, now: datetime) -> None:
    refund = whole_refund(before, after, taken.lines, now)
    if refund is not None:
        add_transfer(transaction, refund)
        if (payable := given_before(before, after, refund, now)) is not None:
            add_payable(transaction, payable)
    reference = f"order/{before.id}"
    units = units_of(before, taken.lines)
    back = {level: put_back(units[level], taken.actor, reference) for level in units}
    add_movements(transaction, back, now, sales_of([before]))
    add_given_back(transaction, before, taken.lines)


def act_on_deadlines(order: str, now: datetime) -> Order:
    """Take every step whose deadline has passed, as the system, tell whom the procedure wants told, find what is late, and act on returns for which
    whoever takes them does nothing; repeating it changes nothing.

    Completion is settlement's: its clock stays, and `due_steps` names it. Of a step of somebody's and a deadline at the same moment one comes first: whether it has
    passed is asked of the order as it is changed. One read, and one write for each thing that is due.

    Raises:
        NotFound: there is no such order.
        Busy: other changes kept winning; the next sweep acts again.
    """
    current = get_order(order)
    for step, _ in due_steps(current, now):
        current = change_order(order, SYSTEM, "", partial(_take_if_due, step=step, now=now), now, read=current)
    for look in (remind, find_late, pursue):
        if look(current, now) is not current:
            current = change_order(order, SYSTEM, "", partial(look, now=now), now, read=current)
    return current


def _take_if_due(before: Order, step: str, now: datetime) -> Order:
    """The order after a step whose deadline has passed; the very same order if that is not so any more, or it is taken elsewhere."""
    rule, lines = procedure_of(before).step(step), dict(due_steps(before, now)).get(step)
    if rule is None or rule.effect in _ELSEWHERE or lines is None:
        return before
    details = Details(note="deadline passed", new_code=_new_code())
    key = f"deadline-{step}-{before.sequence}"
    return apply_step(before, step, role=SYSTEM, actor=SYSTEM, at=iso(now), key=key, lines=lines, details=details)
