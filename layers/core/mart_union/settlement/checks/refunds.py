"""Invariant 8: what went back, whole or in parts, is what lines say, to whoever paid, from every share at its original rate."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from fractions import Fraction

from mart_union.catalog.procedures import ReturnRules
from mart_union.checkout.disputed_refunds import BORNE
from mart_union.checkout.payers import CARDS
from mart_union.kernel.errors import NotFound
from mart_union.ledger.model import Transfer
from mart_union.orders.model import Line, Order, Refund, RefundedLine, Return
from mart_union.orders.refunds import payer_of
from mart_union.orders.return_decisions import state_by_history
from mart_union.orders.return_rules import borne_by, rules_of, taker_of
from mart_union.settlement.checks.model import UNION, Books, amounts_of, was_left_out
from mart_union.settlement.differences import Difference

_PAYERS = ("customer/", "provider/")
_AT_RATES = frozenset({"all", "but_supplier"})
_WHOLE = frozenset({"refused", "cancelled"})
_STEPS_A_REFUND = 2
"""How far, in steps, one refund may round a share away from its exact part: the deposit's part is rounded, then the shares'."""


def check_refunds(books: Books) -> Iterator[Difference]:
    """Payers got back exactly what lines say; of lines that were paid and then refused or cancelled, all that was charged."""
    purchases, orders = books.purchases_by_id(), books.orders_by_id()
    due: Counter[str] = Counter()
    for order in books.orders:
        purchase = purchases.get(order.purchase)
        if purchase is not None and order.payment == "paid":
            yield from _check_whole_lines(order)
            if purchase.channel == UNION:
                due[order.purchase] += sum(_due(order, line) for line in order.lines)
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
            back = 0 if was_left_out(order, line) else _paid_minor(order, line)
            if left or line.refunded_minor != back:
                detail = (
                    f"line {line.number} is {line.state}: {line.refunded_minor} went back of {back}, {left} is left"
                )
                yield Difference(8, f"order/{order.id}", detail)


def _paid_minor(order: Order, line: Line) -> int:
    """What was paid to the union for a line: what its buyer was charged, or, where a shop took that, the supply cost."""
    return sum(share.amount_minor for share in line.split) if order.is_seller_collected else line.charged_minor


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
    """A return that was refunded has its refund, of the units that it is about, and whoever should bear it does; one that was replaced has its shipment.
    Each is where its steps led, for a reason of the order's procedure, and taken back by whom that reason names. Nothing else is borne so."""
    refunds, rules = {refund.id: refund for refund in order.refunds}, _rules(order)
    lines = {line.number: line for line in order.lines}
    for asked in order.returns:
        refund = refunds.get(asked.refund)
        units = sorted((part.number, part.units) for part in refund.lines) if refund is not None else []
        wanted = sorted((each.number, each.units) for each in asked.lines) if asked.state == "refunded" else []
        if units != wanted:
            yield f"return {asked.id} is {asked.state} of {wanted}, its refund is of {units}"
        yield from _way_problems(order, asked)
        reason = rules.reason(asked.reason) if rules is not None else None
        if reason is None:
            yield f"return {asked.id} is for {asked.reason}, which its procedure does not know"
            continue
        takers = {taker_of(order, lines[each.number], reason.fault) for each in asked.lines}
        if takers != {asked.taker}:
            yield f"return {asked.id} is {asked.taker}'s to take, its reason gives {', '.join(sorted(takers))}"
        for part in refund.lines if refund is not None else ():
            if part.borne_by != borne_by(lines[part.number], asked.taker):
                yield f"return {asked.id} is borne by {part.borne_by}, and {asked.taker} took it back"
    returned = {asked.refund for asked in order.returns}
    for refund in order.refunds:
        if refund.id not in returned and any(part.borne_by == "but_supplier" for part in refund.lines):
            yield f"{refund.id} is borne for a supplier, and is of no return"


def _way_problems(order: Order, asked: Return) -> Iterator[str]:
    led_to = state_by_history(asked)
    if led_to != asked.state:
        yield f"return {asked.id} is {asked.state}, its steps led to {led_to or 'nothing'}"
    if (asked.state == "replaced") != (asked.replacement in {parcel.id for parcel in order.shipments}):
        yield f"return {asked.id} is {asked.state}, and became shipment '{asked.replacement}'"


def _rules(order: Order) -> ReturnRules | None:
    try:
        return rules_of(order)
    except NotFound:
        return None  # the check of its steps says that there is no such procedure


def _line_problems(order: Order, line: Line, parts: list[RefundedLine], step: int) -> Iterator[str]:
    units = sum(part.units for part in parts)
    if line.returned != units or not 0 <= units <= line.quantity:
        yield f"{line.returned} units of {line.quantity} came back, {units} in its refunds"
    withheld = sum(part.withheld_minor for part in parts)
    if line.withheld_minor != withheld:
        yield f"{line.withheld_minor} is withheld of what came back, {withheld} in its refunds"
    beyond = [
        share.account for share in line.split if min(share.reversed_minor, share.kept_minor, share.open_minor) < 0
    ]
    if beyond:
        yield f"more was taken from {', '.join(beyond)} than it got"
    if line.state in _WHOLE:
        return
    amount = sum(part.amount_minor for part in parts)
    if line.refunded_minor != amount:
        yield f"{line.refunded_minor} went back, {amount} in its refunds"
    yield from _rate_problems(order, line, parts, step)


def _rate_problems(order: Order, line: Line, parts: list[RefundedLine], step: int) -> Iterator[str]:
    """What others than the store have left is their part of what was left of the goods, refund by refund; its own share may bear more. A supplier
    keeps its part of what the store has borne for it, and nobody else keeps anything."""
    left, kept = _exact_fractions(order, line, parts)
    most = _STEPS_A_REFUND * step * len(parts)
    for share in line.split:
        if share.kind == "delivery" or share.account == f"store/{order.store}":
            continue
        exact = share.amount_minor * left
        keeps = share.amount_minor * kept if share.account == line.fulfiller else Fraction(0)
        if abs(share.open_minor - exact) > most:
            yield f"{share.account} has {share.open_minor} left, its rate gives {float(exact):.2f}"
        if abs(share.kept_minor - keeps) > (most if keeps else 0):
            yield f"{share.account} keeps {share.kept_minor} of what came back, its rate gives {float(keeps):.2f}"


def _exact_fractions(order: Order, line: Line, parts: list[RefundedLine]) -> tuple[Fraction, Fraction]:
    """What is left of the goods, and how much of them came back for which their supplier keeps what it is owed."""
    delivery = sum(share.amount_minor for share in line.split if share.kind == "delivery")
    goods, fraction, kept = _paid_minor(order, line) - delivery, Fraction(1), Fraction(0)
    for part in parts:
        of_goods = min(part.amount_minor, goods) if part.borne_by != "carrier" else 0
        if part.borne_by in _AT_RATES and goods:
            went = fraction * Fraction(of_goods, goods)
            fraction, kept = fraction - went, kept + (went if part.borne_by == "but_supplier" else 0)
        goods -= of_goods
    return fraction, kept
