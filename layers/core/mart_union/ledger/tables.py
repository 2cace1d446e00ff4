"""The Ledger table.

| question | key or index | requests | units |
|---|---|---|---|
| an account with a floor | `ACCOUNT#<name>`/`ACCOUNT` | 1 | 0.5 read |
| a transfer | `TRANSFER#<id>`/`TRANSFER` | 1 | 0.5 read |
| how a pending transfer ended | `TRANSFER#<id>`/`RESOLUTION` | 1 | 0.5 read |
| an account's postings of a month, newest first | `POSTINGS#<account>#<yyyy-mm>`/`<at>#<transfer>` | 1 a page | by size |
| a payable | `PAYABLE#<id>`/`PAYABLE` | 1 | 0.5 read |
| payables due on a day, by party | index `due`, `<day>` | 1 a MB | by size |
| statements of a day, begun or settled | index `due`, `<day>#begun`, `<day>#settled` | 1 a page | by size |
| what a party owes from statements before | index `due`, `carried#<party>` | 1 | by size |
| a party's statements, newest first | `STATEMENTS#<party>`/`<period>` | 1 | by size |
| a statement's lines, 90 a page | `STATEMENT#<id>`/`<page>` | 1 a page | by size |
| where a job stands | `JOB#<name>`/`JOB` | 1 | 0.5 read |

Index `due` (`due_pk`, `due_sk` = party and id): a payable enters it when it is made (1 write unit) and leaves it when a statement claims
it (1). A statement enters with its first page (1) and changes its key when it is settled (2). Transfers, accounts and postings enter no index.
Postings are a view that the stream writes from transfers.
"""

from __future__ import annotations

from pynamodb.attributes import NumberAttribute, UnicodeAttribute
from pynamodb.indexes import AllProjection, GlobalSecondaryIndex

from mart_union.kernel.storage import Document, Item, table_name
from mart_union.ledger.model import Payable, Statement, StatementLine, Transfer


class Due(GlobalSecondaryIndex["LedgerItem"]):
    """Open payables by the day on which they fall due."""

    class Meta:
        index_name = "due"
        projection = AllProjection()

    due_pk = UnicodeAttribute(hash_key=True)
    due_sk = UnicodeAttribute(range_key=True)


class LedgerItem(Item):
    """Any item of the table."""

    class Meta:
        table_name = table_name("ledger")

    due_pk = UnicodeAttribute(null=True)
    due_sk = UnicodeAttribute(null=True)
    due = Due()


class AccountItem(LedgerItem):
    """The running balance of an account with a floor."""

    balance = NumberAttribute(default=0)
    available = NumberAttribute(default=0)
    sequence = NumberAttribute(default=0)


class TransferItem(LedgerItem):
    """An immutable transfer."""

    document = Document(Transfer)


class ResolutionItem(LedgerItem):
    """How a pending transfer ended: posted, voided or expired."""

    outcome = UnicodeAttribute()
    at = UnicodeAttribute()


class PostingItem(LedgerItem):
    """One posting in the view by account."""

    transfer = UnicodeAttribute()
    kind = UnicodeAttribute()
    reference = UnicodeAttribute()
    at = UnicodeAttribute()
    amount = NumberAttribute()


class PayableItem(LedgerItem):
    """A payable; `statement` is set once, by the statement that claims it."""

    document = Document(Payable)
    statement = UnicodeAttribute(null=True)


class StatementItem(LedgerItem):
    """The head of a statement."""

    document = Document(Statement)


class StatementPageItem(LedgerItem):
    """Up to ninety lines of a statement."""

    lines = Document(tuple[StatementLine, ...])


class JobItem(LedgerItem):
    """How far a scheduled job has come."""

    done_until = UnicodeAttribute()


def account_key(account: str) -> tuple[str, str]:
    """The key of an account's running balance."""
    return f"ACCOUNT#{account}", "ACCOUNT"


def transfer_key(transfer: str) -> tuple[str, str]:
    """The key of a transfer."""
    return f"TRANSFER#{transfer}", "TRANSFER"


def resolution_key(transfer: str) -> tuple[str, str]:
    """The key of a pending transfer's end."""
    return f"TRANSFER#{transfer}", "RESOLUTION"


def postings_key(account: str, at: str, transfer: str) -> tuple[str, str]:
    """The key of a posting in the view by account and month."""
    return f"POSTINGS#{account}#{at[:7]}", f"{at}#{transfer}"


def payable_key(payable: str) -> tuple[str, str]:
    """The key of a payable."""
    return f"PAYABLE#{payable}", "PAYABLE"


def statement_key(party: str, period: str) -> tuple[str, str]:
    """The key of a party's statement for a period."""
    return f"STATEMENTS#{party}", period


def statement_page_key(statement: str, page: int) -> tuple[str, str]:
    """The key of a page of a statement's lines, counted from 1."""
    return f"STATEMENT#{statement}", f"{page:06d}"
