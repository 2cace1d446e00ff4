"""The audit trail: one entry for each change that staff or an operator make, in the transaction that makes it."""

from __future__ import annotations

from datetime import datetime

from mart_union.catalog.model import AuditEntry
from mart_union.catalog.tables import AuditItem, audit_key
from mart_union.kernel.clock import iso
from mart_union.kernel.ids import new_id
from mart_union.kernel.paging import Page, read_page
from mart_union.kernel.transaction import WriteTransaction


def add_audit(transaction: WriteTransaction, owner: str, actor: str, action: str, subject: str, now: datetime) -> None:
    """Add an entry to a transaction. `owner` is `store/<id>`, `supplier/<id>` or `union`; `subject` what was changed."""
    entry = AuditEntry(owner, iso(now), actor, action, subject)
    transaction.put(AuditItem(*audit_key(owner, entry.at, new_id()), document=entry))


def list_audit(owner: str, month: str, *, cursor: str = "", limit: int = 50) -> Page[AuditEntry]:
    """The changes of a month (`yyyy-mm`), newest first.

    Raises:
        Invalid: the cursor is unknown.
    """
    page = read_page(AuditItem.query, f"AUDIT#{owner}#{month}", cursor=cursor, limit=limit)
    return Page(tuple(item.document for item in page.items), page.next)
