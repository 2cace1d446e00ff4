"""Checkout: the cart, what it costs, and the purchase made of it."""

from __future__ import annotations

from contextlib import suppress
from typing import Any
from urllib.parse import urlencode

from checkout import turns
from checkout.bodies import (
    CartChange,
    CheckoutForm,
    LineForm,
    NewPurchase,
    OneWish,
    Priced,
    read_lines,
    session_cookie,
    write_lines,
)
from mart_union.catalog.unions import union_names
from mart_union.checkout.model import Purchase, Quote, QuotedLine
from mart_union.checkout.service import place_purchase, quote_cart
from mart_union.customers.model import Cart, CartLine
from mart_union.customers.service import clear_cart, fill_cart, get_cart, keep_view, list_recipients
from mart_union.kernel.errors import (
    Conflict,
    InsufficientFunds,
    LimitReached,
    MartUnionError,
    NotAdmitted,
    NotEligible,
    NotFound,
    OutOfStock,
    OutsideArea,
    PriceChanged,
    RuleViolation,
)
from mart_union.ledger.service import get_balance
from mart_union.web.access import CUSTOMER, PUBLIC
from mart_union.web.answer import Json, Page, Redirect
from mart_union.web.api import Api
from mart_union.web.cards import card_field, card_headers
from mart_union.web.problems import STATUS
from mart_union.web.request import Request, convert_form
from mart_union.web.words import name_union_with

api = Api("checkout")
turns.add_routes(api)
name_union_with(union_names)

_SHOWN = (PriceChanged, OutOfStock, OutsideArea, InsufficientFunds, LimitReached, NotEligible, NotAdmitted)
"""Refusals after which the checkout page shows how things stand now."""


@api.get("/api/cart", PUBLIC, answer=Cart)
def read_cart(request: Request) -> Cart:
    """The cart of the session in the cookie, or of the customer who has signed in with it."""
    return get_cart(request.session)


@api.post("/api/cart/lines", PUBLIC, body=CartChange, answer=Cart)
def put_line(request: Request) -> Json:
    """Set the quantity of a listing in the cart; 0 takes it out. Starts a session if there is none."""
    wish: CartChange = request.content
    session, cart = fill_cart(request.session, CartLine(wish.store, wish.sku, wish.quantity, wish.slot))
    return Json(cart, cookies=() if request.session else (session_cookie(session),))


@api.post("/api/quotes", PUBLIC, body=Priced, answer=Quote)
def quote(request: Request) -> Quote:
    """What lines cost now, and what stands in the way of buying them."""
    wish: Priced = request.content
    subject = request.caller.subject
    return quote_cart(wish.wanted(), customer=subject, admission=wish.admission, postcode=wish.postcode)


@api.post("/api/purchases", CUSTOMER, body=NewPurchase, answer=Purchase, status=201, key=True)
def buy(request: Request) -> Purchase:
    """Buy lines for the total that the shopper saw."""
    wish: NewPurchase = request.content
    made = place_purchase(
        request.caller.subject,
        wish.wanted(),
        recipient=wish.recipient,
        total_seen=wish.total_minor,
        method=wish.method,
        payment_method=wish.payment_method,
        admission=wish.admission,
        key=request.idempotency_key,
        session=request.session,
        last_view=wish.last_view,
        language=request.language,
    )
    return made.for_customer()


@api.get("/cart", PUBLIC)
def cart_page(request: Request) -> Page:
    """The cart, priced now."""
    cart = get_cart(request.session)
    _record(request, "cart")
    wanted = read_lines(write_lines(cart.lines)) if cart.lines else []
    tickets = turns.tickets_of(request)
    priced = quote_cart(wanted, customer=request.caller.subject, admission=tickets) if wanted else None
    return Page("checkout/cart.html", {"quote": priced})


@api.post("/cart/lines", PUBLIC, body=LineForm)
def add_line(request: Request) -> Redirect:
    """Add to the cart (`add`), or set a quantity in it."""
    line: LineForm = request.content
    wish = CartLine(line.store, line.sku, line.quantity, line.slot)
    session, _ = fill_cart(request.session, wish, add=line.add)
    return Redirect("/cart", cookies=() if request.session else (session_cookie(session),))


@api.get("/checkout", CUSTOMER)
def checkout_page(request: Request) -> Page:
    """Where to deliver, how to pay, and the total for the `recipient` that the query names, or the customer's first."""
    cart = get_cart(request.session)
    if not cart.lines:
        raise RuleViolation("your cart is empty: choose something first", reason="cart-empty")
    view = _record(request, "checkout")
    return _checkout_page(request, write_lines(cart.lines), request.query.get("recipient", ""), last_view=view)


@api.get("/checkout/{store}/{sku}", CUSTOMER)
def checkout_of_one(request: Request) -> Page:
    """The checkout of one listing by itself: as many as the query's `quantity` says, else one, at its time `slot`. The cart stays as it is."""
    asked = {"quantity": request.query.get("quantity", "1"), "slot": request.query.get("slot", "")}
    wish = convert_form(OneWish, asked)
    line = CartLine(request.params["store"], request.params["sku"], wish.quantity, wish.slot)
    view = _record(request, "checkout")
    return _checkout_page(request, write_lines((line,)), request.query.get("recipient", ""), last_view=view, only=True)


@api.post("/checkout", CUSTOMER, body=CheckoutForm, key=True)
def buy_cart(request: Request) -> Page | Redirect:
    """Buy what the checkout page showed, for the total that it showed."""
    form: CheckoutForm = request.content
    try:
        purchase = place_purchase(
            request.caller.subject,
            read_lines(form.lines),
            recipient=form.recipient,
            total_seen=form.total_minor,
            method=form.method,
            payment_method=form.payment_method,
            admission=form.admission.split(),
            key=request.idempotency_key,
            session=request.session,
            last_view=form.last_view,
            language=request.language,
        )
    except _SHOWN as refusal:
        return _checkout_page(
            request, form.lines, form.recipient, refusal=refusal, last_view=form.last_view, only=form.only
        )
    if not form.only:
        _empty_cart(request.session, form.lines)
    waits_for_card = purchase.method == "card" and purchase.payment == "pending"
    return Redirect(f"/pay/{purchase.id}" if waits_for_card else f"/purchases/{purchase.id}")


def _empty_cart(session: str, bought: str) -> None:
    """Empty the cart that was bought; one that has been filled since, when a purchase is only repeated, is left alone."""
    cart = get_cart(session)
    if write_lines(cart.lines) == bought:
        with suppress(Conflict):
            clear_cart(session, sequence=cart.sequence)


def _checkout_page(
    request: Request,
    lines: str,
    recipient: str,
    *,
    last_view: str,
    refusal: MartUnionError | None = None,
    only: bool = False,
) -> Page:
    """The checkout of these lines: the cart's, or `only` one listing's.

    Raises:
        NotFound: the one listing is not there.
    """
    tickets, subject = turns.tickets_of(request), request.caller.subject
    recipients = list_recipients(subject)
    chosen = next((each for each in recipients if each.id == recipient), recipients[0] if recipients else None)
    postcode = chosen.postcode if chosen else ""
    wanted = read_lines(lines)
    priced = quote_cart(wanted, customer=subject, admission=tickets, postcode=postcode)
    one = priced.stores[0].lines[0] if only else None
    if one and one.problem == "unknown":
        raise NotFound(f"there is no listing {one.sku} at {one.store}")
    context: dict[str, Any] = {
        "lines": lines,
        "only": one,
        "here": _place_of(one),
        "admission": " ".join(tickets),
        "quote": priced,
        "recipients": recipients,
        "chosen": chosen,
        "balance": get_balance(f"customer/{subject}"),
        "last_view": last_view,
        "refusal": refusal,
        "card": card_field(),
    }
    status = STATUS[refusal.code] if refusal else 200
    return Page("checkout/checkout.html", context, status=status, headers=card_headers())


def _place_of(one: QuotedLine | None) -> str:
    """Where the checkout of the cart, or of one listing, stands, to be come back to."""
    if one is None:
        return "/checkout"
    query = {"quantity": one.quantity} | ({"slot": one.slot} if one.slot else {})
    return f"/checkout/{one.store}/{one.sku}?{urlencode(query)}"


def _record(request: Request, kind: str) -> str:
    """Keep the view if its shopper agreed; the id of the view, or ''."""
    if request.cookies.get("mu_consent") != "yes" or not request.session:
        return ""
    return keep_view(request.session, kind, request.path)


def lambda_handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Answer an API Gateway event."""
    return api.handle(event, context)
