"""A store's terms with its suppliers, those of the union and those that only the store knows."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime

from msgspec.structs import replace

from mart_union.catalog.audit import add_audit
from mart_union.catalog.model import SLUG
from mart_union.catalog.naming import checked_names
from mart_union.catalog.refs import listing_ref
from mart_union.customers.contacts import add_contact, add_erasure, find_contact, reference_of
from mart_union.customers.model import Contact
from mart_union.kernel.errors import Conflict, Invalid, NotFound, RuleViolation
from mart_union.kernel.paging import Page, read_page
from mart_union.kernel.storage import Ref, fetch_all, find
from mart_union.kernel.transaction import WriteTransaction, refuse
from mart_union.mediation.refs import supplier_ref
from mart_union.mediation.replenishment import SupplierTerms, checked_terms
from mart_union.mediation.tables import SupplierItem, TermsItem, supplier_key, terms_key


def get_terms(store: str, supplier: str) -> SupplierTerms:
    """A store's terms with a supplier.

    Raises:
        NotFound: there are none.
    """
    item = find(TermsItem, *terms_key(store, supplier), consistent=True)
    if item is None:
        raise NotFound(f"{store} has no terms with {supplier}")
    return item.document


def get_terms_with_contact(store: str, supplier: str) -> tuple[SupplierTerms, Contact | None]:
    """A store's terms with a supplier, and the person to speak to there.

    Raises:
        NotFound: there are no terms.
    """
    terms = get_terms(store, supplier)
    return terms, find_contact(terms.contact) if terms.contact else None


def list_terms(store: str, cursor: str = "", limit: int = 50) -> Page[SupplierTerms]:
    """A page of a store's terms, by supplier."""
    page = read_page(TermsItem.query, terms_key(store, "")[0], cursor=cursor, limit=limit, newest_first=False)
    return Page(tuple(item.document for item in page.items), page.next)


def supplier_names(store: str, suppliers: Iterable[str]) -> dict[str, dict[str, str]]:
    """How those are called from whom a store orders, by id: as it has recorded them itself, or as they name themselves in the union. One batch read a
    fifty."""
    wanted = list(dict.fromkeys(suppliers))
    terms = [Ref(TermsItem, *terms_key(store, each), _names_in) for each in wanted]
    found = fetch_all([*terms, *map(supplier_ref, wanted)])
    own, joined = found[: len(wanted)], found[len(wanted) :]
    told = (names or (supplier.names if supplier else {}) for names, supplier in zip(own, joined, strict=True))
    return {name: names for name, names in zip(wanted, told, strict=True) if names}


def _names_in(item: TermsItem) -> dict[str, str]:
    names: dict[str, str] = item.document.names
    return names


def save_terms(wanted: SupplierTerms, contact: Contact | None, actor: str, now: datetime) -> SupplierTerms:
    """Agree on terms with a supplier, or change them; the same again writes nothing.

    The contact of before is erased, and the new one kept, with the terms in one transaction. A supplier that is not one of the union's gets a record of
    the store's own, which needs names.

    Raises:
        Invalid: the id, a name, an amount or the contact is malformed, or one of the union's suppliers is given names.
        NotFound: something supplied is no listing of the store's.
        RuleViolation: something supplied is made from an offer, a bundle or bookable: its stock is not the store's to lay in.
        Conflict: someone else changed the terms at the same moment.
    """
    if not SLUG.match(wanted.supplier):
        message = "an id is 1 to 32 lower-case letters, digits and hyphens"
        raise Invalid(message, errors=[{"field": "supplier", "reason": message}])
    item = find(TermsItem, *terms_key(wanted.store, wanted.supplier), consistent=True)
    before: SupplierTerms | None = item.document if item else None
    joined = (
        before.joined if before else find(SupplierItem, *supplier_key(wanted.supplier), consistent=True) is not None
    )
    checked_terms(wanted)
    if joined and wanted.names:
        message = f"'{wanted.supplier}' is one of the union's suppliers, which names itself: leave names out"
        raise Invalid(message, errors=[{"field": "names", "reason": message}])
    names = {} if joined else checked_names(wanted.names)
    _check_listings(wanted.store, wanted.supplies.keys())
    reference = reference_of(contact, before.contact if before else "")
    sequence = before.sequence + 1 if before else 1
    after = replace(wanted, names=names, joined=joined, contact=reference, sequence=sequence)
    if before is not None and replace(after, sequence=before.sequence) == before:
        return before
    transaction = WriteTransaction()
    changed = refuse(Conflict, "someone else changed these terms at the same moment; read them again")
    is_as_read = TermsItem.sequence == before.sequence if before else TermsItem.pk.does_not_exist()
    kept = TermsItem(*terms_key(after.store, after.supplier), document=after, sequence=after.sequence)
    transaction.put(kept, condition=is_as_read, refusal=changed)
    if contact is not None and (before is None or before.contact != reference):
        add_contact(transaction, reference, contact)
    if before is not None and before.contact and before.contact != reference:
        add_erasure(transaction, before.contact)
    add_audit(transaction, f"store/{after.store}", actor, "supplier's terms saved", f"supplier/{after.supplier}", now)
    transaction.commit()
    return after


def _check_listings(store: str, skus: Collection[str]) -> None:
    found = fetch_all([listing_ref(store, sku) for sku in skus])
    for sku, listing in zip(skus, found, strict=True):
        if listing is None:
            raise NotFound(f"the store '{store}' has no listing '{sku}'", sku=sku)
        if listing.offer is not None or listing.drawn_on != "level":
            raise RuleViolation(f"the stock of {sku} is not the store's to lay in", reason="not-own", sku=sku)
