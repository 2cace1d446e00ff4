"""Invariant 7: a disputed card payment is borne by somebody until it is decided, and no longer: the union, the purchase's stores, or nobody."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping

from mart_union.checkout.disputed_refunds import BORNE, UNION, borne_by, lost_of
from mart_union.checkout.model import CardPayment, Disputed, Purchase
from mart_union.checkout.payers import CARDS
from mart_union.ledger.model import Transfer
from mart_union.orders.model import Order
from mart_union.settlement.checks.model import Books, amounts_of, without_zeros
from mart_union.settlement.differences import Difference

_OPENED, _MOVED = "chargeback", "chargeback_moved"
_LOST, _BACK = "chargeback_lost", "chargeback_reinstated"
_FOLLOWING = frozenset({"chargeback_won", _LOST, _BACK})
_ENDINGS: dict[str, tuple[tuple[str, ...], ...]] = {
    "open": ((),),
    "won": (("chargeback_won",), (_BACK,), (_LOST, _BACK), (_BACK, _BACK), (_LOST, _BACK, _BACK)),
    "lost": ((), (_LOST,), (_BACK,), (_LOST, _BACK)),
}
"""What can have followed a dispute that stands so. A lost one that the union bears alone moves nothing; a part of it can come back later, and then the
rest."""


def check_disputes(books: Books) -> Iterator[Difference]:
    """A dispute is of a purchase's captured card, decided in one way, and is borne as its purchase says, after what refunds have relieved."""
    following: dict[str, list[Transfer]] = defaultdict(list)
    for transfer in books.ledger.transfers:
        if transfer.kind in _FOLLOWING:
            following[transfer.reverses].append(transfer)
    purchases = books.purchases_by_id()
    for opened in books.ledger.transfers:
        if opened.kind == _OPENED:
            purchase = purchases.get(opened.reference.removeprefix("purchase/"))
            for problem in _problems(purchase, opened, following.pop(opened.id, [])):
                yield Difference(7, f"transfer/{opened.id}", problem)
    for transfers in following.values():
        for transfer in transfers:
            yield Difference(7, f"transfer/{transfer.id}", "it decides a dispute that was not opened")
    yield from _check_bearers(books)


def _check_bearers(books: Books) -> Iterator[Difference]:
    moved: dict[str, Counter[str]] = defaultdict(Counter)
    for transfer in books.ledger.transfers:
        if transfer.kind in {_OPENED, _MOVED, *_FOLLOWING}:
            moved[transfer.reference].update(amounts_of(transfer))
        elif transfer.kind == "refund_failed":
            relieved = {name: amount for name, amount in amounts_of(transfer).items() if _bears(name)}
            if relieved:
                moved[transfer.reference].update(relieved)
    orders = books.orders_by_id()
    known = {f"purchase/{purchase.id}": purchase for purchase in books.purchases if _disputes_of(purchase)}
    for reference in sorted(moved.keys() | known.keys()):
        for problem in _borne_otherwise(known.get(reference), orders, moved[reference]):
            yield Difference(7, reference, problem)
    yield from _check_shares(books)


def _check_shares(books: Books) -> Iterator[Difference]:
    """Once every refund of a charge that was lost has ended, no store bears more than is left of its order, and refunds were kept from the customer as
    far only as their bank has paid them."""
    refunds, settled = defaultdict[str, list[Transfer]](list), Counter[str]()
    for transfer in books.ledger.transfers:
        if transfer.kind == "refund" and amounts_of(transfer).get(CARDS, 0) > 0:
            refunds[transfer.reference].append(transfer)
        elif transfer.kind == "refund_failed":
            settled[transfer.reference] += sum(much for name, much in amounts_of(transfer).items() if _bears(name))
        elif transfer.kind == "chargeback_reinstated":
            settled[transfer.reference] -= sum(
                much for name, much in amounts_of(transfer).items() if name.startswith("customer/")
            )
    made = books.transfers_by_id()
    for purchase in books.purchases:
        card, about = purchase.card, f"purchase/{purchase.id}"
        if card is None or not any(each.state == "lost" for each in card.disputes.values()):
            continue
        paid = lost_of(card.disputes) + sum(card.returns.values()) + card.by_hand_minor - card.captured_minor
        if settled[about] > max(paid, 0):
            yield Difference(
                7, about, f"{settled[about]} of refunds went to who bears its disputes, {paid} was paid twice"
            )
        own = [refund for name in (about, *(f"order/{each}" for each in purchase.orders)) for refund in refunds[name]]
        if all(_has_ended(refund, card, made) for refund in own):
            yield from _check_limits(purchase, card, books.orders_by_id(), made)


def _has_ended(refund: Transfer, card: CardPayment, made: Mapping[str, Transfer]) -> bool:
    """Whether a refund was settled with a loss, or came well before every loss that a store bears."""
    lost = [made[name].at for name in (f"chargeback-{each}-closed" for each in card.disputes) if name in made]
    before = refund.id in card.returns and all(refund.at < at for at in lost)
    return before or f"refund-failed-{refund.id}" in made


def _check_limits(
    purchase: Purchase, card: CardPayment, orders: Mapping[str, Order], made: Mapping[str, Transfer]
) -> Iterator[Difference]:
    payment = made.get(f"card-{card.intent}")
    paid = amounts_of(payment) if payment is not None else {}
    for order, amount in borne_by(card.disputes).items():
        left = paid.get(f"order/{order}", 0) - orders[order].refunded_minor if order in orders else amount
        if amount > max(left, 0):
            yield Difference(
                7, f"purchase/{purchase.id}", f"{order} bears {amount} of its disputes, {left} is left of it"
            )


def _disputes_of(purchase: Purchase | None) -> dict[str, Disputed]:
    return purchase.card.disputes if purchase is not None and purchase.card is not None else {}


def _bears(account: str) -> bool:
    return account == BORNE or account.startswith("store/")


def _problems(purchase: Purchase | None, opened: Transfer, decided: list[Transfer]) -> Iterator[str]:
    kinds = tuple(sorted(transfer.kind for transfer in decided))
    dispute = _disputes_of(purchase).get(opened.id.removeprefix("chargeback-"))
    state = dispute.state if dispute is not None else "unknown"
    if kinds not in _ENDINGS.get(state, ()):
        yield f"it is {state}, and was decided as {', '.join(kinds) or 'nothing'}"
    out = sum(amounts_of(transfer).get(CARDS, 0) for transfer in (opened, *decided))
    amount = dispute.amount_minor if dispute is not None else 0
    taken = amount if state == "open" else dispute.lost_minor if dispute is not None else 0
    if amounts_of(opened).get(CARDS, 0) != amount or out != taken:
        yield f"{out} of what was disputed is out; it is {state}, of {amount}"
    for transfer in decided:
        if transfer.reference != opened.reference:
            yield f"it is about {opened.reference}, {transfer.id} about {transfer.reference}"


def _borne_otherwise(purchase: Purchase | None, orders: dict[str, Order], moved: Counter[str]) -> Iterator[str]:
    """The purchase's disputes, refunds that were settled with them among it, moved to each account what it bears, and to nobody else."""
    captured = purchase.card.captured_minor if purchase is not None and purchase.card is not None else 0
    if moved[CARDS] > captured:
        yield f"{moved[CARDS]} was taken back of the {captured} that its card was charged"
    bears: Counter[str] = Counter()
    for dispute in _disputes_of(purchase).values():
        if dispute.state == "open":
            bears[BORNE] += dispute.amount_minor
        for name, amount in dispute.bears.items():
            order = orders.get(name)
            own = order is not None and purchase is not None and order.purchase == purchase.id
            bears[BORNE if name == UNION else f"store/{order.store}" if order and own else name] += amount
            if amount < 0:
                yield f"{name} bears {amount} of a dispute"
    said = without_zeros({account: -amount for account, amount in bears.items()})
    found = without_zeros({account: amount for account, amount in moved.items() if _bears(account)})
    if found != said:
        yield f"its disputes moved {found}, it says that they are borne as {said}"
