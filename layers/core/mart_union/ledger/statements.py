"""Statements of payables: claimed once, page by page; closed once; paid out once.

A statement is `collecting` while it claims payables, then either `ready` (its total is transferred to the bank's
account), and `paid` once the bank has the payout, or `carried`: nothing is to be paid, and what the party owes goes into
its next statement. While one is collecting or ready it stands in the index `due` under `<day>#begun`, so that a run that
was cut off is found and finished, then under `<day>#settled`; what is carried forward waits there under `carried#<party>`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any

from msgspec.structs import replace

from mart_union.kernel.clock import iso
from mart_union.kernel.errors import Conflict, NotFound
from mart_union.kernel.ids import derived_id
from mart_union.kernel.paging import Page, read_page
from mart_union.kernel.storage import find
from mart_union.kernel.transaction import WriteTransaction, refuse
from mart_union.ledger.model import Payable, Statement, StatementLine, Transfer, postings_of
from mart_union.ledger.service import add_transfer
from mart_union.ledger.tables import (
    PayableItem,
    StatementItem,
    StatementPageItem,
    payable_key,
    statement_key,
    statement_page_key,
)

LINES_A_PAGE = 90
"""A transaction holds a hundred items: these payables, their page, the statement's head."""

UNFINISHED = ("collecting", "ready")


def list_due(day: str) -> Iterator[Payable]:
    """The payables due on a day that no statement has claimed, those of a party together. One query a MB, of an index that lags by a moment."""
    return _documents(PayableItem.due.query(day))


def list_carried(party: str) -> list[Payable]:
    """What the party owes from statements before."""
    return list(_documents(PayableItem.due.query(f"carried#{party}")))


def list_unfinished(day: str) -> list[Statement]:
    """Statements of a day that were begun and not brought to their end."""
    return list(_documents(StatementItem.due.query(f"{day}#begun")))


def list_settled(day: str, cursor: str = "") -> Page[Statement]:
    """A page of the statements of a day that were brought to their end, by party."""
    page = read_page(StatementItem.due.query, f"{day}#settled", cursor=cursor, newest_first=False)
    return Page(tuple(_documents(page.items)), page.next)


def _documents(items: Iterable[Any]) -> Iterator[Any]:
    return (item.document for item in items)


def list_of_party(party: str, *, beginning: str = "", limit: int = 100) -> list[Statement]:
    """A party's statements, newest first; only those whose period begins so. One query."""
    within = StatementItem.sk.startswith(beginning) if beginning else None
    found = StatementItem.query(
        statement_key(party, "")[0], within, scan_index_forward=False, limit=limit, consistent_read=True
    )
    return [item.document for item in found]


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
    _add_head(transaction, statement, after)
    transaction.commit()
    return after


def close(statement: Statement, now: datetime) -> Statement:
    """End the collecting: transfer the total to the bank's account, or carry forward what is not above zero. One transaction.

    Raises:
        Conflict: the statement is not as it was read.
    """
    transaction = WriteTransaction()
    if statement.total_minor > 0:
        transfer = _payout(statement, now)
        after = replace(statement, state="ready", payout=transfer.id)
        add_transfer(transaction, transfer)
    else:
        after = replace(statement, state="carried")
        if statement.total_minor:
            _add_carried(transaction, statement)
    _add_head(transaction, statement, after)
    transaction.commit()
    return after


def mark_paid(statement: Statement) -> Statement:
    """Note that the bank has been given a statement's payout. One transaction.

    Raises:
        Conflict: the statement is not as it was read.
    """
    after = replace(statement, state="paid")
    transaction = WriteTransaction()
    _add_head(transaction, statement, after)
    transaction.commit()
    return after


def _add_head(transaction: WriteTransaction, before: Statement, after: Statement) -> None:
    day, progress = after.period[:10], "begun" if after.state in UNFINISHED else "settled"
    item = StatementItem(
        *statement_key(after.party, after.period),
        document=after,
        due_pk=f"{day}#{progress}",
        due_sk=f"{after.party}#{after.period}",
    )
    as_read = StatementItem.document == before if before.pages else StatementItem.pk.does_not_exist()
    transaction.put(item, condition=as_read, refusal=refuse(Conflict, f"another run is at statement {after.id}"))


def _line(payable: Payable) -> StatementLine:
    return StatementLine(
        payable.id, payable.order, payable.amount_minor, payable.kind, payable.transfer, payable.titles
    )


def _payout(statement: Statement, now: datetime) -> Transfer:
    return Transfer(
        id=derived_id("payout", statement.id),
        kind="payout",
        currency=statement.currency,
        postings=postings_of({statement.party: -statement.total_minor, "bank/out": statement.total_minor}),
        reference=statement.id,
        at=iso(now),
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
