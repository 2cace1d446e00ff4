"""Business contacts: whom a store speaks to at a supplier. Personal, so behind an opaque id, unchangeable, and erased when nothing names them."""

from __future__ import annotations

from mart_union.customers.model import Contact
from mart_union.customers.tables import ContactItem, contact_key
from mart_union.kernel.errors import Invalid
from mart_union.kernel.ids import new_id
from mart_union.kernel.storage import find
from mart_union.kernel.transaction import WriteTransaction

_LONGEST = 120


def reference_of(contact: Contact | None, before: str) -> str:
    """The id under which a contact is to stand: that of before, if it says the same; '' for nobody.

    Raises:
        Invalid: the name is missing, or something is too long.
    """
    if contact is None:
        return ""
    if not contact.name.strip() or max(len(contact.name), len(contact.email), len(contact.phone)) > _LONGEST:
        message = f"a contact has a name, and each of its facts at most {_LONGEST} characters"
        raise Invalid(message, errors=[{"field": "contact", "reason": message}])
    return before if before and find_contact(before) == contact else new_id()


def find_contact(contact: str) -> Contact | None:
    """A contact by id, None if it was erased."""
    item = find(ContactItem, *contact_key(contact))
    return None if item is None else item.document


def add_contact(transaction: WriteTransaction, contact: str, facts: Contact) -> None:
    """Add a contact to a transaction, to be kept with what names it."""
    transaction.put(ContactItem(*contact_key(contact), document=facts))


def add_erasure(transaction: WriteTransaction, contact: str) -> None:
    """Add the erasure of a contact to the transaction that forgets its id."""
    transaction.delete(ContactItem(*contact_key(contact)))
