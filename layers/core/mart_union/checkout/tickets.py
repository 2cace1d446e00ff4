"""Tickets of urgent sales: signed by the union, bound to the sale and the customer, valid for some minutes from their turn, used once.

A JSON Web Token (RFC 7519) signed with HMAC-SHA256 under a key of the union's own; nothing keeps it but who holds it.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from mart_union.catalog.urgent_terms import UrgentSale
from mart_union.checkout.pricing import Terms
from mart_union.checkout.turns import Ticket
from mart_union.kernel.errors import (
    AdmissionNeeded,
    NotAdmitted,
    TicketExpired,
    TicketForged,
    TicketOfAnother,
    TurnNotCome,
)
from mart_union.kernel.secrets import derived_key

if TYPE_CHECKING:
    from jwt.types import Options

_ALGORITHM = "HS256"
_SECOND = 10**6


def write_ticket(ticket: Ticket) -> str:
    """The ticket as its customer gets it."""
    import jwt  # only where somebody waits: it takes a cold start tens of milliseconds

    claims = {"jti": ticket.id, "sub": ticket.customer, "sale": ticket.sale, "rate": ticket.rate}
    times = {"nbf": ticket.turn / _SECOND, "exp": ticket.expires / _SECOND}
    return jwt.encode(claims | times, _key(), algorithm=_ALGORITHM)


def read_ticket(text: str) -> Ticket:
    """The ticket that the union signed, whatever time it is.

    Raises:
        TicketForged: the union did not sign it so.
    """
    import jwt

    unhurried: Options = {"verify_exp": False, "verify_nbf": False, "require": ["jti", "sub", "nbf", "exp"]}
    try:
        claims: dict[str, Any] = jwt.decode(text, _key(), algorithms=[_ALGORITHM], options=unhurried)
        turn, rate = round(claims["nbf"] * _SECOND), int(claims["rate"])
        return Ticket(claims["jti"], claims["sale"], claims["sub"], turn, rate)
    except (jwt.PyJWTError, KeyError, TypeError, ValueError) as error:
        raise TicketForged("this is no ticket of this union") from error


def require_ticket(texts: Sequence[str], sale: str, customer: str, now: int) -> Ticket:
    """The ticket among these by which the customer may buy in the sale at a moment; of several the last that was given out, since an
    earlier one may have been used.

    Raises:
        AdmissionNeeded, TicketForged, TicketOfAnother, TurnNotCome, TicketExpired: there is none, and why not. What is wrong with a ticket of
            the sale is told before what is wrong with others.
    """
    good, refusals = list[Ticket](), list[NotAdmitted]()
    for text in texts:
        try:
            good.append(checked(read_ticket(text), sale, customer, now))
        except NotAdmitted as problem:
            refusals.append(problem)
    if good:
        return max(good, key=lambda ticket: ticket.turn)
    of_others = (TicketForged, TicketOfAnother)
    needed = AdmissionNeeded("this sale lets buyers in one after another: get in line first", sale=sale)
    raise next((each for each in refusals if not isinstance(each, of_others)), refusals[-1] if refusals else needed)


def require_tickets(terms: Terms, texts: Sequence[str], customer: str, now: int) -> list[Ticket]:
    """A ticket for each of the sales that let buyers in one after another; the union's secret is read only where there is one.

    Raises:
        NotAdmitted: one is missing, as `require_ticket` says.
    """
    return [require_ticket(texts, sale.id, customer, now) for sale in _gated(terms)]


def admitted_sales(terms: Terms, texts: Sequence[str], customer: str, now: int) -> frozenset[str]:
    """The sales into which a customer is let by these tickets at a moment. Of somebody who is not known (''), as where carts and quotes are for
    everybody, whoever holds the ticket is taken for its customer: a purchase asks."""
    found = set()
    for sale in _gated(terms):
        with suppress(NotAdmitted):
            found.add(require_ticket(texts, sale.id, customer or _holder_of(texts, sale.id), now).sale)
    return frozenset(found)


def _holder_of(texts: Sequence[str], sale: str) -> str:
    for text in texts:
        with suppress(TicketForged):
            ticket = read_ticket(text)
            if ticket.sale == sale:
                return ticket.customer
    return ""


def _gated(terms: Terms) -> list[UrgentSale]:
    return [item.urgent for item in terms.listings.values() if item.urgent and item.urgent.rate]


def checked(ticket: Ticket, sale: str, customer: str, now: int) -> Ticket:
    """The ticket itself, if the customer may buy by it in the sale at a moment.

    Raises:
        TicketOfAnother, TurnNotCome, TicketExpired: it is of another sale or customer, or its time has not come, or is over.
    """
    if (ticket.sale, ticket.customer) != (sale, customer):
        raise TicketOfAnother("this ticket is of another sale or customer", sale=sale)
    if now < ticket.turn:
        wait = ticket.wait_seconds(now)
        facts = {"wait_seconds": wait, "place": ticket.place(now)}
        raise TurnNotCome(f"it will be your turn in {wait} seconds", sale=sale, **facts)
    if now >= ticket.expires:
        raise TicketExpired("your turn is over: get in line again", sale=sale)
    return ticket


def _key() -> bytes:
    return derived_key("token_key", "admission")
