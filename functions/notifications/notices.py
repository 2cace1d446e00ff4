"""Which notices an event calls for, and for whom. Pure: an event in, notices out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
from msgspec import Struct

from mart_union.catalog.model import Enterprise
from mart_union.kernel.events import Event
from mart_union.ledger.model import Statement
from mart_union.mediation.model import DepositStanding, Link, Supplier
from mart_union.orders.model import SYSTEM, Line, Order, Response, Return
from mart_union.orders.return_waits import act_by, comes_next
from mart_union.stock.model import Level

_ORDER_STATES = {
    "OrderPlaced": "placed",
    "OrderAccepted": "accepted",
    "OrderBegun": "making",
    "OrderReady": "ready",
    "OrderShipped": "shipped",
    "OrderDelivered": "delivered",
    "OrderRefused": "refused",
    "OrderCancelled": "cancelled",
    "OrderExpired": "expired",
}
_FULFILLERS_READ = {"OrderReminded": "reminded", "OrderLate": "late"}
_TAKERS_READ = {
    "ReturnRequested": "requested",
    "ReturnSent": "sent",
    "ReturnReminded": "reminded",
    "ReturnEscalated": "escalated",
}
_CUSTOMERS_READ = {"ReturnAccepted": "accepted", "ReturnRefused": "refused", "ReturnEscalated": "escalated"}
_STORE_READS = {"placed", "cancelled"}
_STOCK_WORDS = {"StockLow": "low", "StockOut": "out"}
_DECIDED = {"approved", "refused", "suspended"}


class Audience(Struct, frozen=True):
    """Who is told: a person (`customer`), or those who work for a `store` or `supplier` in one of some roles (none named: all)."""

    kind: str
    id: str
    roles: frozenset[str] = frozenset()


class Notice(Struct, frozen=True):
    """One thing to tell an audience. The newest `sequence` of an `entity` wins, and the same `news` are not told twice in a row.

    `language` is the one to use for who has not chosen any.
    """

    template: str
    audience: Audience
    entity: str
    sequence: int
    news: str
    facts: dict[str, Any]
    language: str = ""


def notices_of(event: Event) -> list[Notice]:
    """The notices of an event; none for an event that nobody waits for."""
    if event.name in _ORDER_STATES:
        return _of_order(event, msgspec.convert(event.data, Order))
    make = _OTHERS.get(event.name)
    return make(event) if make else []


def _of_order(event: Event, order: Order) -> list[Notice]:
    state = _ORDER_STATES[event.name]
    lines = [line for line in order.lines if line.state == state]
    notices = []
    if order.customer:
        notices.append(_order_notice(event, order, f"order_{state}", Audience("customer", order.customer), lines))
    if state in _STORE_READS and not _was_withdrawn(order):
        owners = Audience("store", order.store, frozenset({"owner", "manager"}))
        notices.append(_order_notice(event, order, f"store_order_{state}", owners, lines))
        for supplier in sorted({line.fulfiller for line in lines if line.fulfiller.startswith("supplier/")}):
            own = [line for line in lines if line.fulfiller == supplier]
            members = Audience("supplier", supplier.removeprefix("supplier/"))
            notices.append(_order_notice(event, order, f"supplier_order_{state}", members, own))
    return notices


def _was_withdrawn(order: Order) -> bool:
    """Whether its customer took it back before it was paid: whoever fulfils was never told of it."""
    return bool(order.history) and order.history[-1].step == "withdraw"


def _order_notice(event: Event, order: Order, template: str, audience: Audience, lines: list[Line]) -> Notice:
    news = f"{event.name} {','.join(str(line.number) for line in lines)}"
    shipment = order.shipments[-1] if order.shipments else None
    facts = {"order": order, "lines": lines, "shipment": shipment}
    return Notice(template, audience, event.entity, event.sequence, news, facts, order.language)


def _of_order_waiting(event: Event) -> list[Notice]:
    """Whoever fulfils the lines that wait, or are late, is told that they do: the store's own people, and each supplier of its own."""
    order, word = msgspec.convert(event.data, Order), _FULFILLERS_READ[event.name]
    waiting = [line for line in order.lines if line.number in order.history[-1].lines]
    notices = []
    for fulfiller in sorted({line.fulfiller for line in waiting}):
        kind, _, party = fulfiller.partition("/")
        audience = Audience(kind, party, frozenset({"owner", "manager"}) if kind == "store" else frozenset())
        own = [line for line in waiting if line.fulfiller == fulfiller]
        notices.append(_reminder(event, order, f"{kind}_order_{word}", audience, own))
    return notices


def _of_customer_reminded(event: Event) -> list[Notice]:
    order = msgspec.convert(event.data, Order)
    waiting = [line for line in order.lines if line.number in order.history[-1].lines]
    audience = Audience("customer", order.customer)
    return [_reminder(event, order, "order_reminded", audience, waiting)] if order.customer else []


def _reminder(event: Event, order: Order, template: str, audience: Audience, lines: list[Line]) -> Notice:
    """Each of them is news: the procedure says how often there is one, and a line is late once."""
    facts = {"order": order, "lines": lines, "state": lines[0].state if lines else order.state}
    news = f"{event.name} {event.sequence}"
    return Notice(template, audience, f"{event.entity}/reminders", event.sequence, news, facts, order.language)


def _of_return(event: Event) -> list[Notice]:
    """Whoever takes a return back hears of what waits for them, and of what was accepted without them; its customer of what became of it."""
    order = msgspec.convert(event.data, Order)
    notices = []
    for asked in _just_changed(order):
        word = _TAKERS_READ.get(event.name, "accepted" if _is_by_system(asked) else "")
        if word:
            kind, _, party = asked.taker.partition("/")
            audience = Audience(kind, party, frozenset({"owner", "manager"}) if kind == "store" else frozenset())
            path = f"/{'manage' if kind == 'store' else 'supply'}/{party}/orders/{order.id}"
            notices.append(_return_notice(event, order, asked, f"taker_return_{word}", audience, path))
        if event.name in _CUSTOMERS_READ and order.customer:
            template, audience = f"return_{_CUSTOMERS_READ[event.name]}", Audience("customer", order.customer)
            notices.append(_return_notice(event, order, asked, template, audience, f"/orders/{order.id}"))
    return notices


def _just_changed(order: Order) -> list[Return]:
    """The returns of which an event tells: the last that changed."""
    moments = {asked.id: asked.history[-1].at if asked.history else asked.at for asked in order.returns}
    return [asked for asked in order.returns if moments[asked.id] == max(moments.values())]


def _is_by_system(asked: Return) -> bool:
    return bool(asked.history) and asked.history[-1].role == SYSTEM


def _return_notice(event: Event, order: Order, asked: Return, template: str, audience: Audience, path: str) -> Notice:
    units = {each.number: each.units for each in asked.lines}
    until, then = comes_next(order, asked) or ("", "")
    facts = {
        "order": order,
        "asked": asked,
        "lines": [(units[line.number], line) for line in order.lines if line.number in units],
        "act_by": act_by(order, asked),
        "until": until,
        "then": then,
        "path": path,
    }
    entity, news = f"{event.entity}/returns/{asked.id}", f"{event.name} {event.sequence}"
    return Notice(template, audience, entity, event.sequence, news, facts, order.language)


def _of_response_received(event: Event) -> list[Notice]:
    response = msgspec.convert(event.data, Response)
    audiences = [("store_response_received", Audience("store", response.store, frozenset({"owner", "manager"})))]
    audiences += [("supplier_response_received", Audience("supplier", supplier)) for supplier in response.suppliers]
    return [
        Notice(template, audience, event.entity, event.sequence, event.name, {"response": response})
        for template, audience in audiences
    ]


def _of_response_escalated(event: Event) -> list[Notice]:
    response = msgspec.convert(event.data, Response)
    audiences = [("store_response_escalated", Audience("store", response.store, frozenset({"owner", "manager"})))]
    audiences += [("supplier_response_escalated", Audience("supplier", supplier)) for supplier in response.suppliers]
    return [
        Notice(template, audience, event.entity, event.sequence, event.name, {"response": response})
        for template, audience in audiences
    ]


def _of_response_answered(event: Event) -> list[Notice]:
    response = msgspec.convert(event.data, Response)
    if not response.customer:
        return []
    news = f"{event.name} {response.answered_at}"
    audience = Audience("customer", response.customer)
    return [Notice("response_answered", audience, event.entity, event.sequence, news, {"response": response})]


def _of_stock(event: Event) -> list[Notice]:
    """A listing's level is told to its enterprise's people in the store, a pool to its supplier; its sellers hear of it by their links."""
    level = msgspec.convert(event.data, Level)
    kind, _, rest = level.id.partition("/")
    owner, _, sku = rest.partition("/")
    word = _STOCK_WORDS[event.name]
    facts = {"level": level, "sku": sku, "owner": owner, "titles": {}, "left": level.reserve + level.kept}
    news = f"{event.name} {event.sequence}"  # each time it falls to its mark, or to nothing, is news
    if kind == "listing":
        managers = Audience("store", owner, frozenset({"owner", "manager"}))
        return [Notice(f"store_stock_{word}", managers, event.entity, event.sequence, news, facts)]
    if kind == "offer":
        sku, _, store = sku.partition("#")
        template = f"supplier_allotment_{word}" if store else f"supplier_stock_{word}"
        facts |= {"sku": sku, "store": store}
        return [Notice(template, Audience("supplier", owner), event.entity, event.sequence, news, facts)]
    return []


def _of_link_low(event: Event) -> list[Notice]:
    link = msgspec.convert(event.data, Link)
    managers = Audience("store", link.store, frozenset({"owner", "manager"}))
    entity, news = f"{event.entity}/stock", f"{link.availability} {event.sequence}"
    return [Notice(f"store_link_{link.availability}", managers, entity, event.sequence, news, {"link": link})]


def _of_statement_made(event: Event) -> list[Notice]:
    statement = msgspec.convert(event.data, Statement)
    kind, _, party = statement.party.partition("/")
    if kind not in {"store", "supplier"}:
        return []
    audience = Audience(kind, party, frozenset({"owner"}) if kind == "store" else frozenset())
    facts = {"statement": statement, "kind": kind, "party": party}
    return [Notice("statement_made", audience, event.entity, event.sequence, event.name, facts)]


def _of_enterprise_changed(event: Event) -> list[Notice]:
    enterprise = msgspec.convert(event.data, Enterprise)
    if enterprise.state not in _DECIDED:
        return []
    audience, facts = Audience("customer", enterprise.applicant), {"enterprise": enterprise}
    return [Notice("enterprise_decided", audience, event.entity, event.sequence, enterprise.state, facts)]


def _of_supplier_changed(event: Event) -> list[Notice]:
    supplier = msgspec.convert(event.data, Supplier)
    if supplier.state not in _DECIDED:
        return []
    audience, facts = Audience("customer", supplier.applicant), {"supplier": supplier}
    return [Notice("supplier_decided", audience, event.entity, event.sequence, supplier.state, facts)]


def _of_deposit_standing(event: Event) -> list[Notice]:
    standing = msgspec.convert(event.data, DepositStanding)
    if standing.state == "met" and standing.sequence == 1:
        return []  # it was never otherwise
    managers = Audience("store", standing.store, frozenset({"owner", "manager"}))
    news = f"{standing.state} {standing.since}"
    return [Notice(f"deposit_{standing.state}", managers, event.entity, event.sequence, news, {"standing": standing})]


_OTHERS: dict[str, Callable[[Event], list[Notice]]] = {
    **dict.fromkeys(_FULFILLERS_READ, _of_order_waiting),
    "OrderCustomerReminded": _of_customer_reminded,
    **dict.fromkeys((*_TAKERS_READ, *_CUSTOMERS_READ), _of_return),
    "ResponseReceived": _of_response_received,
    "ResponseAnswered": _of_response_answered,
    "ResponseEscalated": _of_response_escalated,
    "StockLow": _of_stock,
    "StockOut": _of_stock,
    "LinkStockLow": _of_link_low,
    "StatementMade": _of_statement_made,
    "EnterpriseChanged": _of_enterprise_changed,
    "SupplierChanged": _of_supplier_changed,
    "DepositStandingChanged": _of_deposit_standing,
}
