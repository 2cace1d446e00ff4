"""Statements of payables: claimed once, page by page; closed once; paid out once.

A statement is `collecting` while it claims payables, then either `ready` (its total is transferred to the bank's
account, with a payout), `paid` once the payout is in a bank file, and perhaps `returned`, or it is `carried`: nothing is paid, for a
`reason`, and its total goes into the party's next statement. While one is collecting it stands in the index `due` under
`<day>#begun`; when it is closed, it is named in the list of its day. What is carried forward waits in the index under `carried#<party>`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any

from msgspec.structs import replace
from pynamodb.expressions.condition import Condition

from mart_union.kernel.clock import iso
from mart_union.kernel.errors import Conflict, NotFound
from mart_union.kernel.ids import derived_id
from mart_union.kernel.paging import Page, read_page
from mart_union.kernel.storage import Ref, fetch_all, find
from mart_union.kernel.transaction import WriteTransaction, refuse
from mart_union.ledger.model import Payable, Payout, Statement, StatementLine, Transfer, postings_of
from mart_union.ledger.payouts import add_payout
from mart_union.ledger.tables import (
    PayableItem,
    SettledItem,
    StatementItem,
    StatementPageItem,
    payable_key,
    settled_key,
    statement_key,
    statement_page_key,
)

LINES_A_PAGE = 90
"""A transaction holds a hundred items: these payables, their page, the statement's head."""

_NEWEST = 10
"""What was carried longer ago than ten statements has been in the index for long."""

Guard = Callable[[WriteTransaction], None]
"""Adds a condition of another capability to a transaction."""


def list_due(party: str, day: str) -> Iterator[Payable]:
    """A party's payables due on a day that no statement has claimed. One query a MB, of an index that lags by a moment."""
    return _documents(PayableItem.due.query(f"{day}#{party}"))


def list_carried(party: str, before: Statement | None = None) -> list[Payable]:
    """What the party is owed, or owes, from statements before.

    The index lags by a moment, and a debt that it does not have yet would be paid past: so what the party's newest statements carried, and
    the one `before`, which was closed just now, is read by its id, from the table itself.
    """
    found = {payable.id: payable for payable in _documents(PayableItem.due.query(f"carried#{party}"))}
    newest = {statement.id: statement for statement in list_of_party(party, limit=_NEWEST)}
    if before is not None:
        newest[before.id] = before
    carried = [each.id for each in newest.values() if each.state == "carried" and each.total_minor]
    refs = [Ref(PayableItem, *payable_key(derived_id("carried", each)), _open_or_claimed) for each in carried]
    for payable, is_open in filter(None, fetch_all(refs, consistent=True)):
        if is_open:
            found[payable.id] = payable
        else:
            found.pop(payable.id, None)
    return list(found.values())


def _open_or_claimed(item: Any) -> tuple[Payable, bool]:
    return item.document, not item.statement


def list_settled(day: str, cursor: str = "") -> Page[Statement]:
    """A page of the statements of a day that were brought to their end, by party. One query and one batch read."""
    page = read_page(SettledItem.query, settled_key(day, "", "")[0], cursor=cursor, newest_first=False)
    names = (item.sk.rpartition("#") for item in page.items)
    heads = [
        Ref(StatementItem, *statement_key(party, period), lambda item: item.document) for party, _, period in names
    ]
    return Page(tuple(found for found in fetch_all(heads) if found is not None), page.next)


def _documents(items: Iterable[Any]) -> Iterator[Any]:
    return (item.document for item in items)


def list_of_party(party: str, *, beginning: str = "", limit: int = 100) -> list[Statement]:
    """A party's statements, newest first; only those whose period begins so. One query."""
    within = StatementItem.sk.startswith(beginning) if beginning else None
    found = StatementItem.query(
        statement_key(party, "")[0], within, scan_index_forward=False, limit=limit, consistent_read=True
    )
    return [item.document for item in found]


def page_of_party(party: str, cursor: str = "") -> Page[Statement]:
    """A page of a party's statements, newest first. One query.

    Raises:
        Invalid: the cursor is not one of ours.
    """
    page = read_page(StatementItem.query, statement_key(party, "")[0], cursor=cursor, consistent_read=True)
    return Page(tuple(_documents(page.items)), page.next)


def get_statement(party: str, period: str) -> Statement:
    """A party's statement for a period.

    Raises:
        NotFound: there is none.
    """
    item = find(StatementItem, *statement_key(party, period), consistent=True)
    if item is None:
        raise NotFound(f"{party} has no statement for {period}")
    return item.document


def list_lines(statement: Statement) -> list[StatementLine]:
    """Every line of a statement, in the order in which they were claimed. One query a MB."""
    pages = StatementPageItem.query(statement_page_key(statement.id, 1)[0])
    return [line for page in pages for line in page.lines]


def begin_statement(party: str, period: str, currency: str, now: datetime) -> Statement:
    """A statement without lines, not stored yet: its first page is stored with it."""
    return Statement(derived_id("statement", party, period), party, period, currency, 0, "collecting", iso(now), 0)


def claim(statement: Statement, payables: Sequence[Payable]) -> Statement:
    """Put up to ninety payables on the statement's next page, all or none; the statement as it is then. One transaction.

    Raises:
        Conflict: one of them is claimed already, or the statement is not as it was read: another run is at it.
    """
    if not 0 < len(payables) <= LINES_A_PAGE:
        raise ValueError(f"a page holds 1 to {LINES_A_PAGE} payables, not {len(payables)}")
    after = replace(
        statement,
        pages=statement.pages + 1,
        total_minor=statement.total_minor + sum(payable.amount_minor for payable in payables),
    )
    transaction = WriteTransaction()
    for payable in payables:
        transaction.update(
            PayableItem(*payable_key(payable.id)),
            [PayableItem.statement.set(statement.id), PayableItem.due_pk.remove(), PayableItem.due_sk.remove()],
            condition=PayableItem.pk.exists() & PayableItem.statement.does_not_exist(),
            refusal=refuse(Conflict, f"payable {payable.id} is in a statement already"),
        )
    page = StatementPageItem(
        *statement_page_key(statement.id, after.pages), lines=tuple(_line(payable) for payable in payables)
    )
    transaction.create(page, refuse(Conflict, f"page {after.pages} of statement {statement.id} is there already"))
    add_head(transaction, statement, after)
    transaction.commit()
    return replace(after, sequence=statement.sequence + 1)


def reason_to_carry(total_minor: int, minimum_minor: int, destination: str) -> str:
    """Why a statement's total is not paid; '' if it is, or if there is nothing to pay or to carry."""
    if total_minor < 0:
        return "negative"
    if 0 < total_minor < minimum_minor:
        return "below_minimum"
    return "" if destination or not total_minor else "no_destination"


def close(
    statement: Statement, now: datetime, *, destination: str, minimum_minor: int = 0, guard: Guard | None = None
) -> Statement:
    """End the collecting: transfer the total to the bank's account, with its payout, or carry it forward. One transaction.

    `destination` is the id of the party's verified account, '' if it has none; `guard` has the transaction check that it still is.

    Raises:
        Conflict: the statement, or the destination, is not as it was read.
    """
    reason = reason_to_carry(statement.total_minor, minimum_minor, destination)
    transaction = WriteTransaction()
    if statement.total_minor > 0 and not reason:
        transfer = _payout_transfer(statement, now)
        after = replace(statement, state="ready", payout=transfer.id)
        add_payout(transaction, transfer, _payout(after, transfer, destination))
        if guard is not None:
            guard(transaction)
    else:
        after = replace(statement, state="carried", reason=reason)
        if statement.total_minor:
            _add_carried(transaction, statement)
    add_head(transaction, statement, after)
    transaction.put(SettledItem(*settled_key(after.period[:10], after.party, after.period)))
    transaction.commit()
    return replace(after, sequence=statement.sequence + 1)


def add_head(transaction: WriteTransaction, before: Statement, after: Statement) -> None:
    """Add a statement's changed head to a transaction, under the sequence that was read. The commit raises Conflict if it has moved."""
    stored = replace(after, sequence=before.sequence + 1)
    item = StatementItem(*statement_key(after.party, after.period), document=stored, sequence=stored.sequence)
    if after.state == "collecting":
        item.due_pk, item.due_sk = f"{after.period[:10]}#begun", f"{after.party}#{after.period}"
    transaction.put(
        item, condition=_as_read(before), refusal=refuse(Conflict, f"another run is at statement {after.id}")
    )


def _as_read(before: Statement) -> Condition:
    """A head stored before heads had a sequence has none; it is as it was read if it still has none."""
    if before.sequence:
        return StatementItem.sequence == before.sequence
    return StatementItem.sequence.does_not_exist() if before.pages else StatementItem.pk.does_not_exist()


def _line(payable: Payable) -> StatementLine:
    return StatementLine(
        payable.id,
        payable.order,
        payable.amount_minor,
        payable.kind,
        payable.transfer,
        payable.titles,
        payable.gross_minor,
        payable.deductions,
        payable.rates,
    )


def _payout_transfer(statement: Statement, now: datetime) -> Transfer:
    return Transfer(
        id=derived_id("payout", statement.id),
        kind="payout",
        currency=statement.currency,
        postings=postings_of({statement.party: -statement.total_minor, "bank/out": statement.total_minor}),
        reference=statement.id,
        at=iso(now),
    )


def _payout(statement: Statement, transfer: Transfer, destination: str) -> Payout:
    return Payout(
        id=transfer.id,
        party=statement.party,
        account=statement.party,
        amount_minor=statement.total_minor,
        currency=statement.currency,
        destination=destination,
        reference=statement.id,
        made_at=transfer.at,
        period=statement.period,
    )


def _add_carried(transaction: WriteTransaction, statement: Statement) -> None:
    payable = Payable(
        id=derived_id("carried", statement.id),
        party=statement.party,
        order="",
        amount_minor=statement.total_minor,
        due=statement.period[:10],
        kind="carried",
        transfer="",
    )
    item = PayableItem(*payable_key(payable.id), document=payable, due_pk=f"carried#{payable.party}", due_sk=payable.id)
    transaction.create(item, refuse(Conflict, f"statement {statement.id} has been carried forward already"))
