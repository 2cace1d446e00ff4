"""Use cases of checkout: quote a cart, place a purchase in one atomic write, list purchases."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from msgspec.structs import replace

from mart_union.checkout.admission import add_used
from mart_union.checkout.card_port import require_cards
from mart_union.checkout.cards import authorize
from mart_union.checkout.drafting import Asked, Draft, draft_purchase
from mart_union.checkout.model import METHODS, CardPayment, Purchase, Quote, Wanted
from mart_union.checkout.payers import payer_account
from mart_union.checkout.pricing import Terms, cash_problem, folded, problem_with, quote, slot_reason
from mart_union.checkout.sourcing import find_sources
from mart_union.checkout.storing import Overtaken, current_purchase
from mart_union.checkout.tables import PurchaseItem, purchase_item, purchase_key
from mart_union.checkout.terms import place_under, read_terms, with_levels
from mart_union.checkout.tickets import admitted_sales, require_tickets
from mart_union.checkout.turns import Ticket, microseconds
from mart_union.kernel.clock import utc_now
from mart_union.kernel.errors import (
    CardDeclined,
    CashNotTaken,
    Conflict,
    InsufficientFunds,
    KeyReused,
    MartUnionError,
    NotEligible,
    NotFound,
    OutOfStock,
    OutsideArea,
    PriceChanged,
    RuleViolation,
    SlotRefused,
)
from mart_union.kernel.ids import derived_id, input_hash
from mart_union.kernel.money import amount_text
from mart_union.kernel.paging import Page, read_page
from mart_union.kernel.retry import retried
from mart_union.kernel.settings import settings
from mart_union.kernel.storage import Ref, fetch_all, find
from mart_union.kernel.transaction import Also, WriteTransaction, refuse
from mart_union.ledger.service import add_transfer
from mart_union.orders.limits import add_bought, limit_reached
from mart_union.orders.model import ON_DELIVERY, Order, order_id
from mart_union.orders.storing import add_new_order, order_ref
from mart_union.stock import model as movements
from mart_union.stock.service import add_movement


def quote_cart(
    wanted: Iterable[Wanted],
    *,
    customer: str = "",
    admission: Sequence[str] = (),
    postcode: str = "",
    now: datetime | None = None,
) -> Quote:
    """What these listings cost now, delivered to a postcode where one is known, store by store, and what stands in the way of buying them, for this
    customer where one is signed in, who has these tickets. Two batch reads.

    Raises:
        Invalid, RuleViolation: the cart is empty, too large, or has an impossible quantity.
    """
    wishes = folded(wanted)
    moment = now or utc_now()
    terms = with_levels(wishes, read_terms(wishes, moment), customer)
    terms = replace(
        terms, postcode=postcode or None, admitted=admitted_sales(terms, admission, customer, microseconds(moment))
    )
    return quote(wishes, terms, settings().currency)


def place_purchase(
    customer: str,
    wanted: Iterable[Wanted],
    *,
    recipient: str,
    total_seen: int,
    method: str,
    key: str,
    session: str = "",
    last_view: str = "",
    language: str = "",
    payment_method: str = "",
    admission: Sequence[str] = (),
    now: datetime | None = None,
) -> Purchase:
    """Buy: stock, orders, money and the purchase itself in one write, or nothing at all.

    Two requests: one batch read and one transaction; their units stand in docs/performance.md. The same customer's same key again gives the
    first answer, whatever has changed since. By card, with a `payment_method` of the provider's, it is authorized, too: two requests to the
    provider and two more of ours. A card that was refused leaves the purchase pending, `card.problem` says why, and another may pay it.

    Raises:
        KeyReused, PriceChanged: the key was used with another request; the total is not the one that the shopper saw.
        NotFound, OutOfStock, InsufficientFunds: a store, listing or recipient is unknown, or there is too little of something; of an urgent sale
            that is sold out, `total_minor` says what it costs at its own price.
        LimitReached, NotEligible, NotAdmitted: an urgent sale has less left for this customer (`left`), is not for this recipient, or lets its
            buyers in one after another, and none of the tickets (`admission`) lets this one in now: each says why, and is used once.
        OutsideArea: a store's carrier, or a supplier, does not deliver some `lines` to the recipient's postcode.
        CashNotTaken, RuleViolation: no payment on delivery (`reason`); a store or listing does not sell, unknown method, too large a cart.
        ProviderUnavailable: the card provider did not answer; the same again finds out.
    """
    wishes = folded(wanted)
    asked = Asked(
        purchase=derived_id("purchase", customer, key),
        request=input_hash([wishes, recipient, total_seen, method, *([payment_method] if payment_method else [])]),
        customer=customer,
        recipient=recipient,
        method=method,
        language=language or settings().languages[0],
        now=now or utc_now(),
        session=session,
        last_view=last_view,
        admission=tuple(admission),
        reservation_seconds=settings().reservation_seconds,
    )
    return _placed(asked, wishes, total_seen, payment_method)


def _placed(asked: Asked, wishes: Sequence[Wanted], total_seen: int, payment_method: str) -> Purchase:
    """The purchase, made now or by the same request before; with its card authorized, where one is named."""
    try:
        draft = _place(asked, wishes, total_seen)
        purchase, orders = draft.purchase, draft.orders
    except MartUnionError as refusal:
        purchase, orders = first_answer(asked, refusal), ()
    if payment_method and purchase.method == "card" and purchase.payment == "pending":
        return _with_card(purchase, orders, payment_method, asked.now)
    return purchase


def _with_card(purchase: Purchase, orders: Sequence[Order], payment_method: str, now: datetime) -> Purchase:
    """The purchase with its card authorized, or as it waits for another.

    Raises:
        Busy: other changes of it kept winning; repeat it.
    """
    just_made = [(purchase, orders)]

    def pay() -> Purchase:
        waiting, known = just_made.pop() if just_made else (current_purchase(purchase.id), ())
        return authorize(waiting, payment_method, now, orders=known) if waiting.payment == "pending" else waiting

    try:
        return retried(pay, on=Overtaken, what="this purchase")
    except CardDeclined:
        return current_purchase(purchase.id)
    except RuleViolation as refusal:
        problem = str(refusal.facts.get("reason") or "refused")
        return replace(current_purchase(purchase.id), card=CardPayment("", payment_method, problem=problem))


def _place(asked: Asked, wishes: Sequence[Wanted], total_seen: int) -> Draft:
    if asked.method not in METHODS:
        raise RuleViolation(f"a purchase is paid by {' or '.join(METHODS)}, not by '{asked.method}'")
    if asked.method == "card":
        require_cards()
    terms = read_terms(wishes, asked.now, recipient_of=asked)
    return place_under(wishes, terms, lambda known: _place_under(known, asked, wishes, total_seen), asked.customer)


def _place_under(terms: Terms, asked: Asked, wishes: Sequence[Wanted], total_seen: int) -> Draft:
    refuse_problems(wishes, terms)
    tickets = require_tickets(terms, asked.admission, asked.customer, microseconds(asked.now))
    draft = draft_purchase(asked, wishes, terms, settings().currency)
    if draft.purchase.total_minor != total_seen:
        raise _of_another_total(wishes, terms, draft.purchase.total_minor, total_seen)
    if asked.method == ON_DELIVERY:
        _refuse_cash(wishes, terms, draft)
    try:
        commit_draft(draft, tickets)
    except InsufficientFunds as short:
        if short.account == payer_account(asked.method, asked.customer):
            raise
        raise _not_covered(short.account) from short
    return draft


def _of_another_total(wishes: Sequence[Wanted], terms: Terms, total: int, total_seen: int) -> MartUnionError:
    """What a shopper is told who saw another total: of an urgent sale that is sold out, or of a price that has changed."""
    now = amount_text(total, settings().currency)
    gone = next((wish for wish in wishes if terms.is_sold_out(wish)), None)
    if gone is None:
        seen = amount_text(total_seen, settings().currency)
        return PriceChanged(f"the total is now {now}, not {seen}", total_minor=total)
    message = f"the urgent sale of {gone.sku} is sold out; at its own price the total is {now}"
    facts = {"store": gone.store, "sku": gone.sku, "left": 0, "wanted": gone.quantity}
    return OutOfStock(message, **facts, total_minor=total)


def _not_covered(account: str) -> RuleViolation:
    """What a shopper is told where a store's deposit does not cover what its price lacks: not what stands there."""
    store = account.split("/")[1]
    return RuleViolation(
        f"something of the store {store} is not on sale now (withdrawn)", store=store, reason="withdrawn"
    )


def _refuse_cash(wishes: Sequence[Wanted], terms: Terms, draft: Draft) -> None:
    """Refuse by name what cannot be paid on delivery, such as goods whose price does not cover what they cost the store."""
    reason = cash_problem(wishes, terms, draft.purchase.total_minor)
    if not reason and any(line.held_minor for order in draft.orders for line in order.lines):
        reason = "cost"
    if reason:
        limit = terms.union.cash_limit_minor
        raise CashNotTaken("this purchase cannot be paid on delivery", reason=reason, limit_minor=limit)


_SLOT_REASONS = {
    "none": "choose a time for {sku}",
    "unknown": "{sku} has no such time: choose one of those that it has",
    "past": "this time of {sku} has begun: choose one that is ahead",
}


def refuse_problems(wishes: Sequence[Wanted], terms: Terms) -> None:
    """Refuse by name what cannot be bought under these terms.

    Raises:
        NotFound, OutOfStock, OutsideArea, SlotRefused, LimitReached, NotEligible, RuleViolation: the first wish that cannot be met.
    """
    short = find_sources(wishes, terms.listings, terms.levels).short
    for wish in wishes:
        problem = problem_with(wish, terms, short)
        where = {"store": wish.store, "sku": wish.sku}
        if problem == "unknown":
            raise NotFound(f"there is no listing {wish.sku} in store {wish.store}", **where)
        if problem == "slot" and (reason := slot_reason(wish, terms.listings[wish.store, wish.sku], terms.now)):
            raise SlotRefused(_SLOT_REASONS[reason].format(sku=wish.sku), **where, reason=reason)
        if problem in {"short", "slot"}:
            left = short[wish]
            raise OutOfStock(f"{wish.sku} has {left} left for sale", **where, left=left, wanted=wish.quantity)
        if problem == "outside":
            raise _outside([each for each in wishes if problem_with(each, terms, short) == problem])
        sale = terms.listings[wish.store, wish.sku].urgent
        if sale is not None and problem == "elsewhere":
            raise NotEligible(f"{wish.sku} is sold to some postcodes only", **where, postcodes=list(sale.postcodes))
        if sale is not None and problem == "limit":
            raise limit_reached(wish.sku, sale.per_customer, terms.bought.get(sale.id, 0))
        if problem:
            message = f"{wish.sku} of store {wish.store} is not on sale now ({problem})"
            raise RuleViolation(message, **where, reason=problem)


def _outside(wishes: Sequence[Wanted]) -> OutsideArea:
    """The refusal of all that is not delivered to the recipient's postcode, line by line."""
    lines = [{"store": wish.store, "sku": wish.sku} for wish in wishes]
    skus = ", ".join(wish.sku for wish in wishes)
    return OutsideArea(f"not delivered to this postcode: {skus}", lines=lines)


def commit_draft(draft: Draft, tickets: Sequence[Ticket] = (), also: Also = lambda _: None) -> None:
    """Write a drafted purchase: one transaction to which purchases, ledger, stock and orders add their items, and what else `also` adds. It uses these
    tickets up."""
    purchase = draft.purchase
    transaction = WriteTransaction()
    exists = refuse(Conflict, f"purchase {purchase.id} exists already")
    transaction.create(purchase_item(purchase), exists)
    move = movements.hold if purchase.payment == "pending" else movements.take
    moment = datetime.fromisoformat(purchase.placed_at)
    for ticket in tickets:
        add_used(transaction, ticket, purchase.id)
    for order in draft.orders:
        add_bought(transaction, order)
    for level, units in draft.units.items():
        movement = move(units, purchase.customer or purchase.channel, f"purchase/{purchase.id}")
        price = draft.supply_prices.get(level)
        supply = None if price is None else price.unit_minor
        tiers = "" if price is None else price.schedule
        add_movement(transaction, level, movement, moment, supply_minor=supply, supply_tiers=tiers)
    for order in draft.orders:
        add_new_order(transaction, order)
    if draft.transfer is not None:
        add_transfer(transaction, draft.transfer)
    also(transaction)
    transaction.commit()


def first_answer(asked: Asked, refusal: MartUnionError) -> Purchase:
    """The purchase that this key made before, whatever stands in the way of making it now.

    Raises:
        KeyReused: the key made another purchase.
        MartUnionError: the refusal itself, when the key made nothing.
    """
    first = find(PurchaseItem, *purchase_key(asked.purchase), consistent=True)
    if first is None:
        raise refusal
    if first.document.request != asked.request:
        raise KeyReused("this key was used for another purchase; nothing was changed") from refusal
    return first.document


def get_purchase(purchase: str) -> Purchase:
    """A purchase by id.

    Raises:
        NotFound: there is none.
    """
    item = find(PurchaseItem, *purchase_key(purchase))
    if item is None:
        raise NotFound(f"there is no purchase {purchase}")
    return item.document


def get_purchase_with_orders(purchase: str) -> tuple[Purchase, list[Order]]:
    """A purchase by id with its orders: one batch read, and one more when it has more than one order.

    Raises:
        NotFound: there is none.
    """
    itself: Ref[Purchase] = Ref(PurchaseItem, *purchase_key(purchase), lambda item: item.document)
    found, first = fetch_all([itself, order_ref(order_id(purchase, 1))])
    if found is None:
        raise NotFound(f"there is no purchase {purchase}")
    others = [order_ref(order) for order in found.orders if first is None or order != first.id]
    return found, [order for order in (first, *fetch_all(others)) if order is not None]


def list_purchases(customer: str, cursor: str = "") -> Page[Purchase]:
    """A page of a customer's purchases, newest first."""
    page = read_page(PurchaseItem.by_customer.query, customer, cursor=cursor, limit=20)
    return Page(tuple(item.document for item in page.items), page.next)


def list_purchases_of_day(day: str, cursor: str = "") -> Page[Purchase]:
    """A page of the union's purchases of a day (`yyyy-mm-dd` in its time zone), newest first."""
    page = read_page(PurchaseItem.by_day.query, day, cursor=cursor)
    return Page(tuple(item.document for item in page.items), page.next)
