"""Invariant 8: what went back, whole or in parts, is what lines say, to whoever paid, from every share at its original rate."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from fractions import Fraction

from mart_union.checkout.disputed_refunds import BORNE
from mart_union.checkout.payers import CARDS
from mart_union.ledger.model import Transfer
from mart_union.orders.model import Line, Order, Refund, RefundedLine
from mart_union.orders.refunds import payer_of
from mart_union.settlement.checks.model import UNION, Books, amounts_of, was_left_out
from mart_union.settlement.differences import Difference

_PAYERS = ("customer/", "provider/")
_WHOLE = frozenset({"refused", "cancelled"})
_STEPS_A_REFUND = 2
"""How far, in steps, one refund may round a share away from its exact part: the deposit's part is rounded, then the shares'."""


def check_refunds(books: Books) -> Iterator[Difference]:
    """Payers got back exactly what lines say; of lines that were paid and then refused or cancelled, all that was charged."""
    purchases, orders = books.purchases_by_id(), books.orders_by_id()
    due: Counter[str] = Counter()
    for order in books.orders:
        purchase = purchases.get(order.purchase)
        if purchase is not None and (order.payment, purchase.channel) == ("paid", UNION):
            due[order.purchase] += sum(_due(order, line) for line in order.lines)
            yield from _check_whole_lines(order)
    returned: Counter[str] = Counter()
    for transfer in books.moved():
        if transfer.kind == "refund":
            of = _orders_of(transfer, orders)
            returned[of[0].purchase if of else ""] += sum(_to_payers(transfer).values())
            if not of or _to_payers(transfer).keys() - {payer_of(order) for order in of}:
                detail = f"it gave {_to_payers(transfer)} back of {transfer.reference}, which others paid"
                yield Difference(8, f"transfer/{transfer.id}", detail)
    for purchase in books.purchases:
        if returned[purchase.id] != due[purchase.id]:
            detail = f"{due[purchase.id]} should have been refunded, {returned[purchase.id]} were"
            yield Difference(8, f"purchase/{purchase.id}", detail)


def _orders_of(transfer: Transfer, orders: Mapping[str, Order]) -> list[Order]:
    """The orders that a refund is about: one, or all of a purchase."""
    kind, _, name = transfer.reference.partition("/")
    if kind == "order":
        return [orders[name]] if name in orders else []
    return [order for order in orders.values() if order.purchase == name]


def _to_payers(transfer: Transfer) -> dict[str, int]:
    return {account: amount for account, amount in amounts_of(transfer).items() if account.startswith(_PAYERS)}


def _due(order: Order, line: Line) -> int:
    given_back = line.state in _WHOLE and not was_left_out(order, line)
    return line.charged_minor if given_back else line.refunded_minor


def _check_whole_lines(order: Order) -> Iterator[Difference]:
    """A paid line that was given back whole says so, and leaves nobody a share."""
    for line in order.lines:
        if line.state in _WHOLE:
            left = sum(share.left_minor for share in line.split)
            back = 0 if was_left_out(order, line) else line.charged_minor
            if left or line.refunded_minor != back:
                detail = (
                    f"line {line.number} is {line.state}: {line.refunded_minor} went back of {back}, {left} is left"
                )
                yield Difference(8, f"order/{order.id}", detail)


def check_failed_refunds(books: Books) -> Iterator[Difference]:
    """What a card did not take back of a refund is credited once, and no more than that: to the purchase's customer, or to whoever bears its lost
    disputes (`check_disputes`)."""
    made, orders, purchases = books.transfers_by_id(), books.orders_by_id(), books.purchases_by_id()
    for transfer in books.ledger.transfers:
        if transfer.kind == "refund_failed":
            refund = made.get(transfer.id.removeprefix("refund-failed-"))
            of = _orders_of(transfer, orders)
            purchase = purchases.get(of[0].purchase) if of else None
            account = f"customer/{purchase.customer}" if purchase is not None else ""
            refunded = amounts_of(refund).get(CARDS, 0) if refund is not None and refund.kind == "refund" else 0
            got = {name: amount for name, amount in amounts_of(transfer).items() if name != CARDS}
            disputed = purchase is not None and purchase.card is not None and purchase.card.disputes
            bearers = {BORNE, *(f"store/{order.store}" for order in of)} if disputed else set()
            is_given = all(amount > 0 for amount in got.values()) and 0 < sum(got.values()) <= refunded
            if not is_given or got.keys() - {account} - bearers:
                detail = f"it credits {amounts_of(transfer)}, {refunded} of {account} was refunded to the card"
                yield Difference(8, f"transfer/{transfer.id}", detail)


def check_card_returns(books: Books) -> Iterator[Difference]:
    """What a purchase says that goes back of its card is of refunds to it, no more than each, and what is missing was given back by hand."""
    made = books.transfers_by_id()
    for purchase in books.purchases:
        card = purchase.card
        if card is None or not (card.returns or card.by_hand_minor):
            continue
        refunds = {refund: amounts_of(made.get(refund)).get(CARDS, 0) for refund in card.returns}
        beyond = [refund for refund, amount in card.returns.items() if not 0 <= amount <= refunds[refund]]
        missing = sum(refunds.values()) - sum(card.returns.values())
        if beyond or missing != card.by_hand_minor or sum(card.returns.values()) > card.captured_minor:
            detail = (
                f"{card.returns} go back to its card and {card.by_hand_minor} did by hand, refunds to it are {refunds}"
            )
            yield Difference(8, f"purchase/{purchase.id}", detail)


def check_partial_refunds(books: Books) -> Iterator[Difference]:
    """Each part that went back is in a transfer to whoever paid, and took from every share at its original rate."""
    made = {transfer.id: transfer for transfer in books.ledger.transfers if transfer.kind == "refund"}
    for order in books.orders:
        parts: dict[int, list[RefundedLine]] = defaultdict(list)
        for refund in order.refunds:
            for part in refund.lines:
                parts[part.number].append(part)
            for problem in _refund_problems(order, refund, made.get(refund.id)):
                yield Difference(8, f"order/{order.id}", problem)
        for problem in _return_problems(order):
            yield Difference(8, f"order/{order.id}", problem)
        for line in order.lines:
            for problem in _line_problems(order, line, parts[line.number], books.step):
                yield Difference(8, f"order/{order.id}", f"line {line.number}: {problem}")


def _refund_problems(order: Order, refund: Refund, transfer: Transfer | None) -> Iterator[str]:
    given = amounts_of(transfer).get(payer_of(order), 0)
    if not given == refund.amount_minor == sum(part.amount_minor for part in refund.lines):
        yield f"{refund.id} gave {given} back, the order says {refund.amount_minor}"
    if transfer is not None and transfer.reference != f"order/{order.id}":
        yield f"{refund.id} is about {transfer.reference}"


def _return_problems(order: Order) -> Iterator[str]:
    """A return that was received has its refund, of the units that came back."""
    refunds = {refund.id: refund for refund in order.refunds}
    for asked in order.returns:
        refund = refunds.get(asked.refund)
        units = sorted((part.number, part.units) for part in refund.lines) if refund is not None else []
        wanted = sorted((each.number, each.units) for each in asked.lines) if asked.state == "received" else []
        if units != wanted:
            yield f"return {asked.id} is {asked.state} of {wanted}, its refund is of {units}"


def _line_problems(order: Order, line: Line, parts: list[RefundedLine], step: int) -> Iterator[str]:
    units = sum(part.units for part in parts)
    if line.returned != units or not 0 <= units <= line.quantity:
        yield f"{line.returned} units of {line.quantity} came back, {units} in its refunds"
    beyond = [share.account for share in line.split if not 0 <= share.reversed_minor <= share.amount_minor]
    if beyond:
        yield f"more was taken from {', '.join(beyond)} than it got"
    if line.state in _WHOLE:
        return
    amount = sum(part.amount_minor for part in parts)
    if line.refunded_minor != amount:
        yield f"{line.refunded_minor} went back, {amount} in its refunds"
    yield from _rate_problems(order, line, parts, step)


def _rate_problems(order: Order, line: Line, parts: list[RefundedLine], step: int) -> Iterator[str]:
    """What others than the store have left is their part of what was left of the goods, refund by refund; its own share may bear more."""
    left = _exact_fraction_left(line, parts)
    most = _STEPS_A_REFUND * step * len(parts)
    for share in line.split:
        if share.kind == "delivery" or share.account == f"store/{order.store}":
            continue
        exact = share.amount_minor * left
        if abs(share.left_minor - exact) > most:
            yield f"{share.account} has {share.left_minor} left, its rate gives {float(exact):.2f}"


def _exact_fraction_left(line: Line, parts: list[RefundedLine]) -> Fraction:
    delivery = sum(share.amount_minor for share in line.split if share.kind == "delivery")
    goods, fraction = line.charged_minor - delivery, Fraction(1)
    for part in parts:
        of_goods = min(part.amount_minor, goods) if part.borne_by != "carrier" else 0
        if part.borne_by == "all" and goods:
            fraction *= 1 - Fraction(of_goods, goods)
        goods -= of_goods
    return fraction
