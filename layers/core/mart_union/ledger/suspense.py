"""Money that came under a reference that means nothing here: it stands in `bank/suspense` until the operator has found whose it is.

What the sender wrote stays in an item of its own, which no event and no transfer carries, for it may be a person's name.
"""

from __future__ import annotations

from datetime import datetime

from msgspec.structs import replace

from mart_union.kernel.clock import iso
from mart_union.kernel.errors import Conflict, KeyReused, NotFound
from mart_union.kernel.ids import derived_id
from mart_union.kernel.paging import Page, read_page
from mart_union.kernel.storage import find
from mart_union.kernel.transaction import WriteTransaction, refuse
from mart_union.ledger.model import SUSPENSE, Suspended, Transfer, postings_of
from mart_union.ledger.service import add_transfer
from mart_union.ledger.tables import SuspendedItem, suspended_key

_LONGEST_REFERENCE = 140  # as a credit transfer's remittance information, unstructured (ISO 20022 Max140Text)
_WAITING = "suspense#waiting"


class SuspendedMoved(Conflict):
    """Another decision on this money came between: read again and repeat."""


def suspend(notice: str, amount_minor: int, currency: str, reference: str, now: datetime) -> Suspended:
    """Keep money that came under a notice of the bank. Its repeat changes nothing. One transaction of two items.

    Raises:
        KeyReused: the notice was about other money.
        Conflict: money of this notice was posted elsewhere at the same moment.
    """
    made = Suspended(notice, amount_minor, currency, reference[:_LONGEST_REFERENCE], iso(now))
    before = find_suspended(notice)
    if before is None:
        amounts = {"provider/bank": -amount_minor, SUSPENSE: amount_minor}
        about = f"suspense/{notice}"
        transaction = WriteTransaction()
        add_transfer(
            transaction, Transfer(f"bank-{notice}", "suspense", currency, postings_of(amounts), about, made.at)
        )
        transaction.create(_item(made), refuse(SuspendedMoved, "this notice is being kept at this moment"))
        try:
            transaction.commit()
        except SuspendedMoved:
            before = get_suspended(notice)
    if before is not None and (before.amount_minor, before.reference) != (made.amount_minor, made.reference):
        raise KeyReused(
            f"the bank's reference {notice} came before with another amount or purchase; nothing was posted"
        )
    return before or made


def find_suspended(notice: str) -> Suspended | None:
    """What was kept of a notice, None if nothing was. One read."""
    item = find(SuspendedItem, *suspended_key(notice), consistent=True)
    return None if item is None else item.document


def get_suspended(notice: str) -> Suspended:
    """What was kept of a notice.

    Raises:
        NotFound: nothing was.
    """
    found = find_suspended(notice)
    if found is None:
        raise NotFound(f"no money of the notice {notice} waits here")
    return found


def list_suspended(cursor: str = "") -> Page[Suspended]:
    """A page of the money that waits for the operator, what came first at the front. One query of an index that lags by a moment."""
    page = read_page(SuspendedItem.due.query, _WAITING, cursor=cursor, newest_first=False)
    return Page(tuple(item.document for item in page.items), page.next)


def add_decided(transaction: WriteTransaction, before: Suspended, after: Suspended) -> Suspended:
    """Add a decision on kept money to a transaction, under the sequence that was read; what is stored then.

    The commit raises SuspendedMoved if another came first.
    """
    stored = replace(after, sequence=before.sequence + 1)
    moved = refuse(SuspendedMoved, "another decision on this money came first")
    transaction.put(_item(stored), condition=SuspendedItem.sequence == before.sequence, refusal=moved)
    return stored


def reopened(kept: Suspended, reason: str) -> Suspended:
    """Money that came back, and waits for another decision."""
    waiting = replace(kept, state="waiting", decision="", decided_by="", decided_at="", reason=reason)
    return replace(waiting, returned=kept.returned + 1)


def add_reopened(transaction: WriteTransaction, notice: str, reason: str) -> None:
    """Add to a transaction that money could not be sent back: it waits again."""
    before = get_suspended(notice)
    add_decided(transaction, before, reopened(before, reason))


def assignment_id(kept: Suspended) -> str:
    """The id of the transfer that assigns kept money."""
    return f"assigned-{kept.name}"


def back_id(kept: Suspended) -> str:
    """The id of the payout that sends kept money back: short enough for a bank's format, however long the notice's is."""
    return derived_id("back", kept.name)


def _item(suspended: Suspended) -> SuspendedItem:
    item = SuspendedItem(*suspended_key(suspended.id), document=suspended, sequence=suspended.sequence)
    if suspended.is_open:
        item.due_pk, item.due_sk = _WAITING, f"{suspended.at}#{suspended.id}"
    return item
