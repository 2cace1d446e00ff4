"""Suppliers: they apply, the union's operator decides, and approval makes the applicant the supplier's owner."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from msgspec.structs import replace

from mart_union.catalog.audit import add_audit
from mart_union.catalog.model import SLUG
from mart_union.catalog.unions import mark_suspended
from mart_union.customers import service as customers
from mart_union.kernel.clock import iso
from mart_union.kernel.errors import Conflict, Invalid, NotFound, RuleViolation
from mart_union.kernel.paging import Page, read_page
from mart_union.kernel.storage import fetch_all, find, find_all
from mart_union.kernel.transaction import WriteTransaction, refuse
from mart_union.ledger.model import SETTLEMENT_PERIODS
from mart_union.mediation.model import Seller, Supplier
from mart_union.mediation.records import record_of
from mart_union.mediation.refs import supplier_ref
from mart_union.mediation.tables import (
    SellerItem,
    StandingItem,
    SupplierItem,
    seller_key,
    standing_key,
    supplier_item,
    supplier_key,
    suppliers_list,
)


def apply_supplier(
    supplier: str,
    *,
    names: dict[str, str],
    texts: dict[str, str],
    registration: str,
    applicant: str,
    now: datetime,
    settlement_period: str = "weekly",
) -> Supplier:
    """Ask to supply in this union. The same applicant asking again for the same id gets the first application.

    Raises:
        Invalid: the id is not a slug, the name or the registration is missing, or there is no such settlement period.
        Conflict: another supplier has that id.
    """
    if not SLUG.match(supplier):
        message = "an id is 1 to 32 lower-case letters, digits and hyphens, such as 'guanxi-growers'"
        raise Invalid(message, errors=[{"field": "supplier", "reason": message}])
    if not any(name.strip() for name in names.values()) or not registration.strip():
        raise Invalid("a supplier has a name and a registration", errors=[{"field": "names", "reason": "missing"}])
    if settlement_period not in SETTLEMENT_PERIODS:
        message = f"a settlement period is one of {', '.join(SETTLEMENT_PERIODS)}"
        raise Invalid(message, errors=[{"field": "settlement_period", "reason": message}])
    wanted = Supplier(supplier, names, texts, registration, applicant, "applied", iso(now), settlement_period)
    transaction = WriteTransaction()
    transaction.create(supplier_item(wanted), refuse(Conflict, f"the id '{supplier}' is taken"))
    try:
        transaction.commit()
    except Conflict:
        first = get_supplier(supplier)
        if (first.applicant, first.registration) != (applicant, registration):
            raise
        return first
    return wanted


def decide_supplier(supplier: str, approve: bool, actor: str, now: datetime) -> Supplier:
    """Approve or refuse an application; approval makes the applicant the supplier's owner. Of an approved supplier, `approve=False`
    suspends it: nobody sells its goods from then on, and open orders go on. Repeating a decision completes it.

    Raises:
        NotFound: there is no such supplier.
        RuleViolation: it was refused.
    """
    before = get_supplier(supplier)
    state = "approved" if approve else "refused" if before.state in {"applied", "refused"} else "suspended"
    after = before
    if state == "suspended" or before.state == "suspended":
        mark_suspended(f"supplier/{supplier}", state == "suspended", actor, now)
    if before.state != state and before.state in {"applied", "approved", "suspended"}:
        after = replace(before, state=state, decided_by=actor, decided_at=iso(now), sequence=before.sequence + 1)
        transaction = WriteTransaction()
        is_as_read = SupplierItem.sequence == before.sequence
        transaction.put(supplier_item(after), condition=is_as_read, refusal=refuse(Conflict, "it was decided just now"))
        add_audit(transaction, "union", actor, f"supplier {state}", supplier, now)
        if (
            before.state == "applied" and approve
        ):  # whom its owners have let go since then, no later decision brings back
            customers.add_membership(transaction, before.applicant, "supplier", supplier, "owner", now)
        transaction.commit()
    elif before.state != state:
        raise RuleViolation(f"this supplier is {before.state}", state=before.state)
    return after


def get_supplier(supplier: str) -> Supplier:
    """A supplier by id.

    Raises:
        NotFound: there is none.
    """
    item = find(SupplierItem, *supplier_key(supplier), consistent=True)
    if item is None:
        raise NotFound(f"there is no supplier {supplier}")
    return item.document


def require_as_read(transaction: WriteTransaction, supplier: Supplier) -> None:
    """Let a transaction commit only if the supplier is still as it was read: not suspended since."""
    changed = refuse(Conflict, "the union decided on this supplier just now; look again")
    transaction.check(SupplierItem(*supplier_key(supplier.id)), SupplierItem.sequence == supplier.sequence, changed)


def find_suppliers(suppliers: Iterable[str]) -> dict[str, Supplier]:
    """Those of some suppliers that there are, by id. One batch read a hundred."""
    wanted = list(dict.fromkeys(suppliers))
    found = fetch_all([supplier_ref(supplier) for supplier in wanted])
    return {name: supplier for name, supplier in zip(wanted, found, strict=True) if supplier is not None}


def list_suppliers(state: str, cursor: str = "") -> Page[Supplier]:
    """A page of the suppliers in a state, by id."""
    page = read_page(SupplierItem.by_store.query, suppliers_list(state), cursor=cursor, newest_first=False)
    return Page(tuple(item.document for item in page.items), page.next)


def list_sellers(supplier: str, cursor: str = "") -> Page[Seller]:
    """A page of the stores that have made links of a supplier's offers, with the exposure to each, its record, and the standing of its deposit: one
    query and one batch read, whatever the orders."""
    page = read_page(SellerItem.query, seller_key(supplier, "")[0], cursor=cursor, newest_first=False)
    standings = find_all([(StandingItem, *standing_key(item.sk)) for item in page.items])
    sellers = (
        Seller(
            supplier,
            item.sk,
            item.since,
            int(item.open_minor),
            int(item.held_minor),
            record_of(item),
            "met" if standing is None else standing.document.state,
        )
        for item, standing in zip(page.items, standings, strict=True)
    )
    return Page(tuple(sellers), page.next)
