"""Payment requests: an amount and an authenticated account in, settlement out.

Source: the mart union system's financial service unit (claims 1, 7, 13, 20).
"""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from mart_union.checkout import providers
from mart_union.checkout.card_port import TO_ACT
from mart_union.checkout.cards import look_at_card
from mart_union.checkout.model import CardPayment, Purchase
from mart_union.checkout.payers import CARDS
from mart_union.checkout.service import get_purchase
from mart_union.customers.withdrawals import withdraw as withdraw_from
from mart_union.kernel.clock import utc_now
from mart_union.kernel.errors import CardDeclined, NotFound
from mart_union.kernel.ids import derived_id
from mart_union.kernel.money import checked_price, parse_amount
from mart_union.kernel.settings import settings
from mart_union.ledger.model import Transfer
from mart_union.ledger.service import get_balance, get_transfer
from mart_union.web.access import CUSTOMER
from mart_union.web.answer import Page, Redirect
from mart_union.web.api import Api
from mart_union.web.cards import card_field, card_headers
from mart_union.web.request import Request

CardName = Annotated[str, Meta(pattern=r"^(pm_\w{1,100})?$")]


class PaymentRequest(Struct, frozen=True):
    """A waiting purchase, and the amount that the customer means to pay for it: from their union account, or by the card that the card
    processor knows as `payment_method`."""

    purchase: str
    amount_minor: int
    payment_method: CardName = ""


class PaymentForm(Struct, frozen=True):
    """The form of the payment page; it names a card where one was given there."""

    amount_minor: int
    payment_method: CardName = ""


class Withdrawal(Struct, frozen=True):
    """An amount to send back to the customer's bank."""

    amount_minor: int


class WithdrawalForm(Struct, frozen=True):
    """The form of a withdrawal: the amount as people write it, such as 1280."""

    amount: str


class Payment(Struct, frozen=True):
    """Money that moved on the caller's account: what came in is positive, what was paid negative.

    `state` is settled or pending; of a card authorized, or requires_action where the customer has to confirm to their bank on the payment page.
    """

    id: str
    kind: str
    account: str
    amount_minor: int
    currency: str
    reference: str
    state: str
    at: str


def add_routes(api: Api) -> None:
    """Declare the routes."""
    api.post("/api/payments", CUSTOMER, body=PaymentRequest, answer=Payment, status=201, key=True)(pay)
    api.get("/api/payments/{payment}", CUSTOMER, answer=Payment)(show)
    api.post("/api/me/withdrawals", CUSTOMER, body=Withdrawal, answer=Payment, status=201, key=True)(withdraw)
    api.get("/pay/{purchase}", CUSTOMER)(show_request)
    api.post("/pay/{purchase}", CUSTOMER, body=PaymentForm, key=True)(pay_on_page)
    api.post("/account/withdrawals", CUSTOMER, body=WithdrawalForm, key=True)(withdraw_on_page)


def pay(request: Request) -> Payment:
    """Pay the caller's own waiting purchase from their union account, exactly."""
    wanted: PaymentRequest = request.content
    checked_price(wanted.amount_minor, settings().currency)
    paid = _settle(request, wanted.purchase)
    if wanted.payment_method:
        return card_payment_of(paid)
    return payment_of(get_transfer(paid.facts["paid_by"], consistent=True), request.caller.subject)  # made just now


def _settle(request: Request, purchase: str) -> Purchase:
    """Hand a payment request to the provider that settles it."""
    form: PaymentRequest | PaymentForm = request.content
    asked = providers.PaymentRequest(
        purchase, request.caller.subject, form.amount_minor, request.idempotency_key, form.payment_method
    )
    return providers.provider_of(asked).pay(asked, utc_now())


def card_payment_of(purchase: Purchase) -> Payment:
    """A card's payment of a purchase as its customer sees it."""
    card = purchase.card or CardPayment("")
    state = card.problem or ("settled" if purchase.payment == "paid" else purchase.payment)
    amount, about = -(card.captured_minor or purchase.total_minor), f"purchase/{purchase.id}"
    return Payment(card.intent, "card", CARDS, amount, purchase.currency, about, state, purchase.placed_at)


def show(request: Request) -> Payment:
    """A payment that moved money on the caller's account."""
    return payment_of(get_transfer(request.params["payment"]), request.caller.subject)


def payment_of(transfer: Transfer, subject: str) -> Payment:
    """A transfer as its customer sees it.

    Raises:
        NotFound: it does not concern the customer's account.
    """
    account = f"customer/{subject}"
    amounts = {posting.account: posting.amount_minor for posting in transfer.postings}
    if account not in amounts:
        raise NotFound(f"there is no payment {transfer.id} of yours")
    state = "pending" if transfer.pending else "settled"
    return Payment(
        transfer.id, transfer.kind, account, amounts[account], transfer.currency, transfer.reference, state, transfer.at
    )


def withdraw(request: Request) -> Payment:
    """Send money from the caller's account to their verified bank account."""
    return _withdraw(request.caller.subject, request.content.amount_minor, request.idempotency_key)


def _withdraw(subject: str, amount_minor: int, key: str) -> Payment:
    account = f"customer/{subject}"
    transfer = withdraw_from(
        account,
        account,
        amount_minor,
        payout=derived_id("withdrawal", subject, key),
        kind="withdrawal",
        reference=account,
        now=utc_now(),
    )
    return payment_of(transfer, subject)


def show_request(request: Request) -> Page:
    """What a waiting purchase costs, and the ways to pay it. Who comes back from their bank sees what it has answered."""
    purchase, secret = _seen(request.params["purchase"], request.caller.subject)
    account = get_balance(f"customer/{request.caller.subject}")
    context = {"purchase": purchase, "account": account, "card": card_field(secret)}
    return Page("account/pay.html", context, headers=card_headers())


def _seen(purchase_id: str, subject: str) -> tuple[Purchase, str]:
    """A purchase of the customer's, brought to where its card is by now, and the secret by which the page leads to the bank ('' for none)."""
    purchase = get_purchase(purchase_id)
    if purchase.customer != subject:
        raise NotFound(f"there is no purchase {purchase_id} of yours")
    if purchase.card is None or purchase.card.problem != TO_ACT:
        return purchase, ""
    try:
        purchase, intent = look_at_card(purchase_id, subject, utc_now())
    except CardDeclined:
        return get_purchase(purchase_id), ""
    return purchase, intent.client_secret if intent and purchase.payment == "pending" else ""


def pay_on_page(request: Request) -> Redirect:
    """Pay it from the account and go to the purchase."""
    purchase = request.params["purchase"]
    try:
        paid = _settle(request, purchase)
    except CardDeclined:
        return Redirect(f"/pay/{purchase}")  # it says why, and asks for another card
    return Redirect(f"/pay/{purchase}" if paid.payment == "pending" else f"/purchases/{purchase}")


def withdraw_on_page(request: Request) -> Redirect:
    """Send money back and show the account."""
    amount = parse_amount(request.content.amount, settings().currency)
    _withdraw(request.caller.subject, amount, request.idempotency_key)
    return Redirect("/account")
