"""Which notices an event calls for, and for whom. Pure: an event in, notices out."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from mart_union.catalog.model import Enterprise
from mart_union.kernel.events import Event
from mart_union.ledger.model import Statement
from mart_union.mediation.model import DepositStanding, Link, Supplier
from mart_union.orders.model import Response
from mart_union.stock.model import Level
from notifications.model import MANAGERS, Audience, Notice
from notifications.order_notices import ORDER_NOTICES
from notifications.return_notices import RETURN_NOTICES

_STOCK_WORDS = {"StockLow": "low", "StockOut": "out"}
_DECIDED = {"approved", "refused", "suspended"}


def notices_of(event: Event) -> list[Notice]:
    """The notices of an event; none for an event that nobody waits for."""
    make = _NOTICES.get(event.name)
    return make(event) if make else []


def _of_response_waiting(event: Event) -> list[Notice]:
    """The store and the suppliers concerned hear of what a customer wrote, and that the union does when they have not answered it."""
    response = msgspec.convert(event.data, Response)
    word = {"ResponseReceived": "received", "ResponseEscalated": "escalated"}[event.name]
    audiences = [Audience("store", response.store, MANAGERS)]
    audiences += [Audience("supplier", supplier) for supplier in response.suppliers]
    return [
        Notice(f"{each.kind}_response_{word}", each, event.entity, event.sequence, event.name, {"response": response})
        for each in audiences
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
        managers, names = Audience("store", owner, MANAGERS), {"titles": f"listing/{owner}/{sku}"}
        return [Notice(f"store_stock_{word}", managers, event.entity, event.sequence, news, facts, names=names)]
    if kind == "offer":
        sku, _, store = sku.partition("#")
        template = f"supplier_allotment_{word}" if store else f"supplier_stock_{word}"
        facts |= {"sku": sku, "store": store, "store_names": {}}
        names = {"titles": f"offer/{owner}/{sku}"} | ({"store_names": f"store/{store}"} if store else {})
        audience = Audience("supplier", owner)
        return [Notice(template, audience, event.entity, event.sequence, news, facts, names=names)]
    return []


def _of_link_low(event: Event) -> list[Notice]:
    link = msgspec.convert(event.data, Link)
    managers = Audience("store", link.store, MANAGERS)
    entity, news = f"{event.entity}/stock", f"{link.availability} {event.sequence}"
    template, facts = f"store_link_{link.availability}", {"link": link, "supplier_names": {}}
    names = {"supplier_names": f"supplier/{link.supplier}"}
    return [Notice(template, managers, entity, event.sequence, news, facts, names=names)]


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
    managers = Audience("store", standing.store, MANAGERS)
    news = f"{standing.state} {standing.since}"
    return [Notice(f"deposit_{standing.state}", managers, event.entity, event.sequence, news, {"standing": standing})]


_NOTICES: dict[str, Callable[[Event], list[Notice]]] = {
    **ORDER_NOTICES,
    **RETURN_NOTICES,
    "ResponseReceived": _of_response_waiting,
    "ResponseAnswered": _of_response_answered,
    "ResponseEscalated": _of_response_waiting,
    "StockLow": _of_stock,
    "StockOut": _of_stock,
    "LinkStockLow": _of_link_low,
    "StatementMade": _of_statement_made,
    "EnterpriseChanged": _of_enterprise_changed,
    "SupplierChanged": _of_supplier_changed,
    "DepositStandingChanged": _of_deposit_standing,
}
