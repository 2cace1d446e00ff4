"""Paying by card: one authorization a purchase. Its intent is made unconfirmed and its id stored, then it is confirmed; so whatever answer is
lost, the next to come finds the intent by its id, and nobody is charged twice.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime

from msgspec.structs import replace

from mart_union.checkout import card_port
from mart_union.checkout.card_port import Intent, ProviderFailed, card_provider
from mart_union.checkout.model import CardPayment, Purchase
from mart_union.checkout.payers import CARDS
from mart_union.checkout.storing import Overtaken, add_changed_purchase, current_purchase, store_purchase
from mart_union.kernel.clock import iso
from mart_union.kernel.errors import CardDeclined, Conflict, NotFound, RuleViolation
from mart_union.kernel.ids import derived_id, new_id
from mart_union.kernel.money import amount_text
from mart_union.kernel.retry import retried
from mart_union.kernel.settings import settings
from mart_union.kernel.storage import fetch_all
from mart_union.kernel.transaction import WriteTransaction
from mart_union.orders.clocks import with_clock
from mart_union.orders.model import Order
from mart_union.orders.procedures import next_deadline
from mart_union.orders.refunds import units_of
from mart_union.orders.steps import apply_step
from mart_union.orders.storing import add_changed_order, order_ref
from mart_union.stock.keeping import add_movements
from mart_union.stock.model import sell_held

_AFTER = frozenset({"authorized", "capturing", "paid"})
_KEEPS = frozenset({card_port.AUTHORIZED, card_port.CAPTURED, "processing"})


def pay_by_card(purchase_id: str, subject: str, amount_minor: int, *, payment_method: str, now: datetime) -> Purchase:
    """A payment request: the amount, the authenticated account, and the card that pays a waiting purchase.

    The purchase is `authorized`, or still `pending` where the customer has to confirm to their bank first (`card.problem` is
    `requires_action`). Repeating it is safe, whatever answer was lost.

    Raises:
        NotFound: the customer has no such purchase.
        RuleViolation: it does not wait for payment, the amount is not its total, or the provider does not know the card.
        CardDeclined: the card was refused; another may do, while the reservation lasts.
        ProviderUnavailable: nobody knows; repeat it.
    """

    def pay() -> Purchase:
        purchase = current_purchase(purchase_id)
        if purchase.customer != subject:
            raise NotFound(f"there is no purchase {purchase_id} of yours")
        if amount_minor != purchase.total_minor:
            costs, paid = (amount_text(each, settings().currency) for each in (purchase.total_minor, amount_minor))
            raise RuleViolation(f"the purchase costs {costs}, not {paid}")
        return authorize(purchase, payment_method, now)

    return retried(pay, on=Overtaken, what="this purchase")


def authorize(purchase: Purchase, payment_method: str, now: datetime, *, orders: Sequence[Order] = ()) -> Purchase:
    """Authorize a card for a purchase, of which this is how it stands. `orders` are its orders, where they were just made.

    Raises:
        Overtaken: the purchase has changed; read it again.
        RuleViolation, CardDeclined, ProviderUnavailable: as `pay_by_card`.
    """
    card = purchase.card
    if purchase.payment in _AFTER and card is not None and card.payment_method == payment_method:
        return purchase
    if purchase.payment != "pending":
        raise RuleViolation(
            f"purchase {purchase.id} does not wait for payment: it is {purchase.payment}", reason="not-waiting"
        )
    if card is not None and card.payment_method == payment_method and card.problem not in {"", _TO_ACT}:
        raise CardDeclined("the card was refused; use another", reason=card.problem)
    purchase, intent = _intent_for(purchase, payment_method)
    if intent.state == card_port.UNTRIED:
        intent = card_provider().confirm(intent.id)
    return take_answer(purchase, intent, now, orders=orders)


_TO_ACT = card_port.TO_ACT


def _intent_for(purchase: Purchase, payment_method: str) -> tuple[Purchase, Intent]:
    """The purchase's intent for this card: the one that is stored, or a new one, stored before anything is asked of it."""
    before = purchase.card.intent if purchase.card else ""
    if before:
        intent = card_provider().find(before)
        same_card = intent.payment_method == payment_method and intent.state in {card_port.UNTRIED, _TO_ACT}
        if same_card or intent.state in _KEEPS:
            return purchase, intent
        if intent.state != card_port.RELEASED:
            card_provider().release(before)
    made = _made_for(purchase, before, payment_method)
    after = replace(purchase, card=CardPayment(made.id, payment_method))
    store_purchase(purchase, after)
    return after, made


def _made_for(purchase: Purchase, before: str, payment_method: str) -> Intent:
    """A new intent. After a lost answer its key finds it; where the provider failed there may be one that nobody will ever confirm, which
    holds no money, so another is made."""
    key = derived_id(settings().union, purchase.id, before, payment_method)
    asked = purchase.id, purchase.total_minor, purchase.currency, payment_method
    try:
        return card_provider().create(*asked, f"intent-{key}")
    except ProviderFailed:
        return card_provider().create(*asked, f"intent-{key}-{new_id()}")


def take_answer(purchase: Purchase, intent: Intent, now: datetime, *, orders: Sequence[Order] = ()) -> Purchase:
    """What the provider says of a pending purchase's intent, written down: authorized, to be acted on, or refused.

    Raises:
        Overtaken: the purchase has changed; read it again.
        CardDeclined: the card was refused.
    """
    if intent.state == card_port.AUTHORIZED:
        return _authorized(purchase, intent, now, orders)
    if intent.state in _KEEPS | {card_port.UNTRIED}:
        return purchase  # the provider's notice tells when it knows
    problem = _TO_ACT if intent.state == _TO_ACT else intent.problem or intent.state
    if purchase.card is not None and purchase.card.problem != problem:
        after = replace(purchase, card=replace(purchase.card, problem=problem))
        store_purchase(purchase, after)
        purchase = after
    if problem != _TO_ACT:
        raise CardDeclined("the card was refused; use another", reason=problem)
    return purchase


def _authorized(purchase: Purchase, intent: Intent, now: datetime, orders: Sequence[Order]) -> Purchase:
    """The stores may answer: the orders are placed, their stock is sold; the transfer stays pending until the capture."""
    if (intent.purchase, intent.amount_minor, intent.currency) != (
        purchase.id,
        purchase.total_minor,
        purchase.currency,
    ):
        raise RuleViolation("the provider authorized something else than this purchase costs")
    befores = orders or fetch_all([order_ref(order) for order in purchase.orders], consistent=True)
    try:
        return _place(purchase, intent, befores, now)
    except Conflict as error:
        raise Overtaken("the purchase has changed meanwhile") from error


def _place(purchase: Purchase, intent: Intent, befores: Sequence[Order], now: datetime) -> Purchase:
    placed = [_placed(order, now, purchase) for order in befores]
    card = replace(purchase.card or CardPayment(intent.id), authorized_minor=intent.amount_minor, problem="")
    until = max(filter(None, map(next_deadline, placed)), default=iso(now))
    after = replace(purchase, payment="authorized", card=card, expires_at=until)
    transaction = WriteTransaction()
    add_changed_purchase(transaction, purchase, after)
    units: Counter[str] = Counter()
    for before, order in zip(befores, placed, strict=True):
        add_changed_order(transaction, before, order)
        units.update(units_of(before, [line.number for line in before.lines]))
    reference = f"purchase/{purchase.id}"
    add_movements(transaction, {level: sell_held(units[level], purchase.customer, reference) for level in units}, now)
    transaction.commit()
    return after


def _placed(order: Order, now: datetime, purchase: Purchase) -> Order:
    stepped = apply_step(order, "pay", role="system", actor="checkout", at=iso(now), key=f"pay-{purchase.id}")
    if stepped is order:
        raise Overtaken("the order is placed already")
    return with_clock(replace(stepped, payment="authorized", payer=CARDS), iso(now))


def look_at_card(purchase_id: str, subject: str, now: datetime) -> tuple[Purchase, Intent | None]:
    """The customer is back from confirming to their bank: the purchase and its intent as they are by now.

    Raises:
        NotFound: the customer has no such purchase.
        CardDeclined: the bank refused.
    """
    purchase = current_purchase(purchase_id)
    if purchase.customer != subject:
        raise NotFound(f"there is no purchase {purchase_id} of yours")
    if purchase.payment != "pending" or purchase.card is None:
        return purchase, None
    intent = card_provider().find(purchase.card.intent)
    return settle_intent(intent, now) or purchase, intent


def settle_intent(intent: Intent, now: datetime) -> Purchase | None:
    """Bring a purchase to where its intent is at the provider by now, however late or often this is asked; None if it is not ours.

    Money that is authorized for a purchase that no longer waits for it is released.

    Raises:
        CardDeclined: it waits for money, and the card was refused.
    """
    if intent.union != settings().union or not intent.purchase:
        return None

    def settle() -> Purchase:
        purchase = current_purchase(intent.purchase)
        own = purchase.card is not None and purchase.card.intent == intent.id
        if own and purchase.payment == "pending":
            return take_answer(purchase, intent, now)
        if (not own or purchase.payment in {"expired", "voided"}) and intent.state != card_port.UNTRIED:
            release_intent(intent)
        return purchase

    return retried(settle, on=Overtaken, what="this purchase")


def release_intent(intent: Intent) -> None:
    """Give up what an intent authorized, if it was not captured or given up before."""
    if intent.state not in {card_port.RELEASED, card_port.CAPTURED}:
        card_provider().release(intent.id)


def release_card(purchase_id: str) -> None:
    """Give up the card of a purchase that ended, or was paid in another way. Safe to repeat."""
    purchase = current_purchase(purchase_id)
    paid_by_it = purchase.facts.get("paid_by", "").startswith("card-")
    if purchase.card is None or paid_by_it or purchase.payment not in {"paid", "expired", "voided"}:
        return
    release_intent(card_provider().find(purchase.card.intent))
