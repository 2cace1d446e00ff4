"""Reconciliation of partial refunds and returns: what orders say of them, against their transfers and the original rates. Pure checks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from fractions import Fraction

from mart_union.ledger.model import Transfer
from mart_union.orders.model import Line, Order, RefundedLine
from mart_union.orders.refunds import payer_of
from mart_union.settlement.differences import Difference

_WHOLE = frozenset({"refused", "cancelled"})
_STEPS_A_REFUND = 2
"""How far, in steps, one refund may round a share away from its exact part: the deposit's part is rounded, then the shares'."""


def check_partial_refunds(orders: Iterable[Order], transfers: Iterable[Transfer], step: int) -> Iterator[Difference]:
    """Invariant 8: each part that went back is in a transfer to whoever paid, and took from every share at its original rate."""
    made = {transfer.id: transfer for transfer in transfers if transfer.kind == "refund"}
    for order in orders:
        parts: dict[int, list[RefundedLine]] = {}
        for refund in order.refunds:
            for part in refund.lines:
                parts.setdefault(part.number, []).append(part)
        yield from _check_transfers(order, made)
        for line in order.lines:
            yield from _check_line(order, line, parts.get(line.number, []), step)


def _check_transfers(order: Order, made: Mapping[str, Transfer]) -> Iterator[Difference]:
    for refund in order.refunds:
        transfer = made.get(refund.id)
        given = Counter({each.account: each.amount_minor for each in transfer.postings}) if transfer else Counter[str]()
        if given[payer_of(order)] != refund.amount_minor:
            yield Difference(
                8,
                f"order/{order.id}",
                f"{refund.id} gave {given[payer_of(order)]} back, the order says {refund.amount_minor}",
            )


def _check_line(order: Order, line: Line, parts: list[RefundedLine], step: int) -> Iterator[Difference]:
    subject, name = f"order/{order.id}", f"line {line.number}"
    units = sum(part.units for part in parts)
    if line.returned != units or not 0 <= units <= line.quantity:
        yield Difference(
            8, subject, f"{name}: {line.returned} units of {line.quantity} came back, {units} in its refunds"
        )
    beyond = [share.account for share in line.split if not 0 <= share.reversed_minor <= share.amount_minor]
    if beyond:
        yield Difference(8, subject, f"{name}: more was taken from {', '.join(beyond)} than it got")
    if line.state in _WHOLE:
        return
    amount = sum(part.amount_minor for part in parts)
    if line.refunded_minor != amount:
        yield Difference(8, subject, f"{name}: {line.refunded_minor} went back, {amount} in its refunds")
    yield from _check_rates(order, line, parts, step)


def _check_rates(order: Order, line: Line, parts: list[RefundedLine], step: int) -> Iterator[Difference]:
    """What others than the store have left is their part of what was left of the goods, refund by refund; its own share may bear more."""
    left = _exact_fraction_left(line, parts)
    most = _STEPS_A_REFUND * step * len(parts)
    for share in line.split:
        if share.kind == "delivery" or share.account == f"store/{order.store}":
            continue
        exact = share.amount_minor * left
        if abs(share.left_minor - exact) > most:
            detail = (
                f"line {line.number}: {share.account} has {share.left_minor} left, its rate gives {float(exact):.2f}"
            )
            yield Difference(8, f"order/{order.id}", detail)


def _exact_fraction_left(line: Line, parts: list[RefundedLine]) -> Fraction:
    delivery = sum(share.amount_minor for share in line.split if share.kind == "delivery")
    goods, fraction = line.charged_minor - delivery, Fraction(1)
    for part in parts:
        of_goods = min(part.amount_minor, goods) if part.borne_by != "carrier" else 0
        if part.borne_by == "all" and goods:
            fraction *= 1 - Fraction(of_goods, goods)
        goods -= of_goods
    return fraction
