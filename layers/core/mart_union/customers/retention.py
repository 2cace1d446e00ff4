"""Recipients without a customer, by the moment at which somebody looks whether they are still needed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime, timedelta

from msgspec import Struct

from mart_union.customers.tables import CustomersItem, RecipientItem, recipient_key, retention_key
from mart_union.kernel.clock import from_iso, iso
from mart_union.kernel.errors import Conflict
from mart_union.kernel.transaction import WriteTransaction, refuse

FIRST_LOOK = timedelta(days=30)


class Retained(Struct, frozen=True):
    """A recipient that a purchase was placed with, and when it is looked at next (ISO)."""

    at: str
    recipient: str
    purchase: str

    @property
    def entry(self) -> str:
        """The register's line; ids hold no '#'."""
        return f"{self.at}#{self.recipient}#{self.purchase}"


def retained(entry: str) -> Retained:
    """What a line of the register says."""
    return Retained(*entry.split("#"))


def add_retention(transaction: WriteTransaction, recipient: str, purchase: str, now: datetime) -> None:
    """Add a recipient's first line in the register to the transaction that makes it."""
    transaction.put(_item(Retained(iso(now + FIRST_LOOK), recipient, purchase)))


def list_retained(hour: str, until: str, limit: int) -> Iterator[str]:
    """The lines of an hour (`2026-11-22T09`, UTC) whose moment is not after `until` (ISO), earliest first."""
    pk, _ = retention_key(hour)
    for item in CustomersItem.query(pk, CustomersItem.sk <= f"{until}~", limit=limit, consistent_read=True):
        yield item.sk


def look_again(line: Retained, at: str) -> None:
    """Move a line to a later moment (ISO); of two runs at once, one does. Repeating it changes nothing."""
    transaction = WriteTransaction()
    gone = refuse(Conflict, "another run has dealt with this recipient")
    transaction.delete(_item(line), condition=CustomersItem.pk.exists(), refusal=gone)
    transaction.put(_item(Retained(iso(from_iso(at)), line.recipient, line.purchase)))
    with suppress(Conflict):
        transaction.commit()


def erase_retained(line: Retained) -> None:
    """Erase a recipient with its line. Repeating it changes nothing."""
    transaction = WriteTransaction()
    transaction.delete(RecipientItem(*recipient_key(line.recipient)))
    transaction.delete(_item(line))
    transaction.commit()


def _item(line: Retained) -> CustomersItem:
    return CustomersItem(*retention_key(line.entry))
