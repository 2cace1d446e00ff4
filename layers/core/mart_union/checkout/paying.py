"""Paying for a purchase that waits: a bank's notice, the union account, or nobody in time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import datetime

from msgspec.structs import replace

from mart_union.checkout.model import Purchase
from mart_union.checkout.payers import payer_account
from mart_union.checkout.storing import Overtaken, add_changed_purchase, current_purchase
from mart_union.checkout.tables import PurchaseItem
from mart_union.kernel.clock import iso
from mart_union.kernel.errors import Conflict, KeyReused, NotFound, RuleViolation
from mart_union.kernel.ids import derived_id
from mart_union.kernel.money import amount_text, checked_amount
from mart_union.kernel.paging import Page, read_page
from mart_union.kernel.retry import retried
from mart_union.kernel.settings import settings
from mart_union.kernel.storage import fetch, fetch_all
from mart_union.kernel.transaction import Also, WriteTransaction
from mart_union.ledger.model import Transfer, postings_of
from mart_union.ledger.refs import transfer_ref
from mart_union.ledger.service import add_replacement, add_resolution, get_transfer, post
from mart_union.ledger.suspense import SuspendedMoved
from mart_union.orders.draws import sales_of
from mart_union.orders.limits import add_given_back
from mart_union.orders.refunds import units_of
from mart_union.orders.steps import apply_step
from mart_union.orders.storing import add_changed_order, order_ref
from mart_union.stock.keeping import add_movements
from mart_union.stock.model import Movement, release, sell_held

_Moved = Callable[[int, str, str], Movement]


_BANK = "provider/bank"


def receive_payment(
    purchase_id: str,
    amount_minor: int,
    *,
    reference: str,
    now: datetime,
    source: str = _BANK,
    also: Also | None = None,
) -> str:
    """Money came for a purchase: `confirmed` if it pays that exactly and in time, else `credited` to the customer's account.

    It came by the bank's notice `reference`, or, from the `source` of suspended money, the operator says that it was for it; then `also`
    notes that in the same transaction. The same reference again changes nothing.

    Raises:
        NotFound: there is no such purchase, or it has no customer.
        AmountOutOfRange: it is no amount of money.
        KeyReused: the bank's reference came before with another amount or purchase.
        SuspendedMoved: another decision on the suspended money came first.
    """
    checked_amount(amount_minor)

    def receive() -> str:
        purchase = current_purchase(purchase_id)
        transfer = f"bank-{reference}" if source == _BANK else f"assigned-{reference}"
        before = _outcome_before(purchase, amount_minor, transfer, source)
        if before:
            return before
        if purchase.payment != "pending" or amount_minor != purchase.total_minor:
            return _credit(purchase, amount_minor, transfer, source, now, also)
        _confirm(purchase, transfer, source, now, also)
        return "confirmed"

    return retried(receive, on=Overtaken, what="this purchase")


def _outcome_before(purchase: Purchase, amount_minor: int, transfer: str, source: str) -> str:
    """What the bank's reference did when it came before, '' if it is new."""
    first = fetch(transfer_ref(transfer), consistent=True)
    if first is None:
        return ""
    paid = -sum(posting.amount_minor for posting in first.postings if posting.account == source)
    if first.reference != f"purchase/{purchase.id}" or paid != amount_minor:
        raise KeyReused(
            f"the bank's reference {transfer} came before with another amount or purchase; nothing was posted"
        )
    return "confirmed" if first.kind == "payment" else "credited"


def pay_pending(purchase_id: str, subject: str, amount_minor: int, *, key: str, now: datetime) -> Purchase:
    """A payment request: the amount, and the authenticated account that pays a waiting purchase.

    Raises:
        NotFound: the customer has no such purchase.
        KeyReused: the key paid another purchase.
        RuleViolation: it does not wait for payment, or the amount is not its total.
        InsufficientFunds: the account has too little.
    """
    payment_id = f"payment-{derived_id(subject, key)}"

    def pay() -> Purchase:
        purchase = current_purchase(purchase_id)
        if purchase.customer != subject:
            raise NotFound(f"there is no purchase {purchase_id} of yours")
        if purchase.facts.get("paid_by") == payment_id:
            return purchase
        first = fetch(transfer_ref(payment_id), consistent=True)
        if first is not None and first.reference == f"purchase/{purchase_id}":
            raise Overtaken("the same request has just paid it")
        if first is not None:
            raise KeyReused("this key paid another purchase; nothing was changed")
        if purchase.payment != "pending":
            raise RuleViolation(
                f"purchase {purchase_id} does not wait for payment: it is {purchase.payment}", reason="not-waiting"
            )
        if amount_minor != purchase.total_minor:
            costs, paid = (amount_text(each, settings().currency) for each in (purchase.total_minor, amount_minor))
            raise RuleViolation(f"the purchase costs {costs}, not {paid}")
        return _confirm(purchase, payment_id, f"customer/{subject}", now)

    return retried(pay, on=Overtaken, what="this purchase")


def expire_purchase(purchase_id: str, now: datetime) -> bool:
    """Free what an unpaid purchase reserved, if its time is up; says whether it was this call that did. Safe to repeat."""

    def expire() -> bool:
        purchase = current_purchase(purchase_id)
        if purchase.payment != "pending" or iso(now) < purchase.expires_at:
            return False  # also when it was paid or ended at the same moment: whoever was first has won
        end_unpaid(purchase, "expired", now)
        return True

    return retried(expire, on=Conflict, what="this purchase")


def list_unpaid(minute: str, until: str, cursor: str = "") -> Page[str]:
    """Ids of purchases that are not paid yet and on which the system acts in a minute (`yyyy-mm-ddThh:mm`), not after `until`."""
    page = read_page(
        PurchaseItem.clock.query,
        minute,
        cursor=cursor,
        newest_first=False,
        range_key_condition=PurchaseItem.clock_sk <= f"{until}~",
    )
    return Page(tuple(item.pk.removeprefix("PURCHASE#") for item in page.items), page.next)


def end_unpaid(purchase: Purchase, outcome: str, now: datetime, *, key: str = "") -> Purchase:
    """End a waiting purchase as `expired` or `voided`: its stock, its orders and its pending transfer, at once.

    Raises:
        Conflict: it no longer waits.
    """
    ended = replace(purchase, payment=outcome, facts=purchase.facts | ({"ended_by": key} if key else {}))
    transaction = WriteTransaction()
    add_changed_purchase(transaction, purchase, ended)
    add_resolution(transaction, get_transfer(purchase.transfer), outcome, now)
    _add_orders(transaction, ended, "expire" if outcome == "expired" else "withdraw", release, now)
    transaction.commit()
    return ended


def _confirm(purchase: Purchase, payment_id: str, payer: str, now: datetime, also: Also | None = None) -> Purchase:
    """The payer's money takes the place of the pending transfer, under an id that pays once."""
    paid = replace(purchase, payment="paid", facts=purchase.facts | {"paid_by": payment_id})
    pending = get_transfer(purchase.transfer)
    amounts = {posting.account: posting.amount_minor for posting in pending.postings}
    amounts[payer] = amounts.pop(payer_account(purchase.method, purchase.customer))
    postings = postings_of(amounts)
    payment = replace(pending, id=payment_id, kind="payment", postings=postings, pending=False, at=iso(now))
    transaction = WriteTransaction()
    if also is not None:
        also(transaction)
    add_changed_purchase(transaction, purchase, paid)
    add_replacement(transaction, pending, payment, now)
    try:
        _add_orders(transaction, paid, "pay", sell_held, now)
        transaction.commit()
    except SuspendedMoved:
        raise
    except Conflict as error:
        raise Overtaken("the purchase has changed meanwhile") from error
    return paid


def _add_orders(transaction: WriteTransaction, after: Purchase, step: str, moved: _Moved, now: datetime) -> None:
    """Take a step of the system with every order of the purchase, and move the units that they reserved."""
    units: Counter[str] = Counter()
    found = fetch_all([order_ref(order) for order in after.orders], consistent=True)
    orders = [order for order in found if order is not None]
    for order in orders:
        numbers = [line.number for line in order.lines]
        units.update(units_of(order, numbers))
        if after.payment != "paid":
            add_given_back(transaction, order, numbers)
        stepped = apply_step(order, step, role="system", actor="checkout", at=iso(now), key=f"{step}-{after.id}")
        if stepped is order:
            raise Overtaken("the order has taken this step already")
        # Whatever it was to be paid with, the account of the one who paid is refunded.
        payer = "" if after.payment == "paid" else order.payer
        add_changed_order(transaction, order, replace(stepped, payment=after.payment, payer=payer))
    reference = f"purchase/{after.id}"
    movements = {level: moved(units[level], after.customer, reference) for level in units}
    add_movements(transaction, movements, now, sales_of(orders))


def _credit(purchase: Purchase, amount_minor: int, transfer: str, source: str, now: datetime, also: Also | None) -> str:
    if not purchase.customer:
        raise NotFound(f"purchase {purchase.id} has no customer's account to credit")
    postings = postings_of({source: -amount_minor, f"customer/{purchase.customer}": amount_minor})
    about = f"purchase/{purchase.id}"
    try:
        post(Transfer(transfer, "top-up", purchase.currency, postings, about, iso(now)), also)
    except KeyReused as error:  # the same notice, delivered twice at once, has just confirmed the purchase
        raise Overtaken("the same notice is being worked on") from error
    return "credited"
