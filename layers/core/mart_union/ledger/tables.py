"""The Ledger table.

| question | key or index | requests | units |
|---|---|---|---|
| an account with a floor | `ACCOUNT#<name>`/`ACCOUNT` | 1 | 0.5 read |
| a transfer | `TRANSFER#<id>`/`TRANSFER` | 1 | 0.5 read |
| how a pending transfer ended | `TRANSFER#<id>`/`RESOLUTION` | 1 | 0.5 read |
| what of a transfer was reversed | `TRANSFER#<id>`/`REVERSED` | 1 | 0.5 read |
| an account's postings of a month, newest first | `POSTINGS#<account>#<yyyy-mm>`/`<at>#<transfer>` | 1 a page | by size |
| an account's postings of a day | `POSTINGS#<account>#<yyyy-mm>`/between two moments | 1 a month and MB | by size |
| an order's postings, newest first | `POSTINGS#order/<id>`/`<at>#<transfer>` | 1 a page | by size |
| an account's totals of months, of the days of a month, of the minutes of a day | `TOTALS#<account>`/`<yyyy-mm>`, `TOTALS#<account>#<yyyy-mm>`/`<dd>`, `TOTALS#<account>#<yyyy-mm-dd>`/`<hh:mm>` | 1 each | by size |
| a payable | `PAYABLE#<id>`/`PAYABLE` | 1 | 0.5 read |
| payables due of a party on a day | index `due`, `<day>#<party>` | 1 a MB | by size |
| parties that are due on a day | `DUE#<day>`/`<party>#<due day>` | 1 a page | by size |
| statements that still collect | index `due`, `<day>#begun` | 1 a page | by size |
| statements of a day that are closed, by party | `SETTLED#<day>`/`<party>#<period>`, then the statements | 2 a page | by size |
| whoever has something waiting | index `due`, scanned in parts, once a day | 1 a page | by size |
| what a party is owed, or owes, from statements before | index `due`, `carried#<party>` | 1 | by size |
| a party's statements, newest first | `STATEMENTS#<party>`/`<period>` | 1 | by size |
| a statement's lines, 90 a page | `STATEMENT#<id>`/`<page>` | 1 a page | by size |
| a payout | `PAYOUT#<id>`/`PAYOUT` | 1 | 0.5 read |
| payouts that are in no bank file yet | index `due`, `payouts#<0 to 7>` | 8 | by size |
| bank files that were begun and not sent | index `due`, `bankfiles#unsent` | 1 | by size |
| a month's bank files | `BANKFILES#<yyyy-mm>`/`<day>.<number>` | 1 | by size |
| a bank file's payouts, 45 a page | `BANKFILE#<id>`/`<page>` | 1 a page | by size |
| what a provider reported of a day | `REPORT#<provider>#<day>`/`<report>#<page>` | 1 a page | by size |
| money that came under an unknown reference | `SUSPENSE#<notice>`/`SUSPENSE` | 1 | 0.5 read |
| such money that still waits, the oldest first | index `due`, `suspense#waiting` | 1 a page | by size |
| how the union pays out | `PAYOUTS`/`TERMS` | 1 | 0.5 read |
| where a job stands | `JOB#<name>`/`JOB` | 1 | 0.5 read |

Index `due` (`due_pk`, `due_sk` = party and id): a payable enters it when it is made (1 write unit) and leaves it when a statement claims
it (1). A statement enters with its first page (1) and leaves it when it is closed (1). A payout enters when it is made (1) and leaves it
with its bank file (1). Transfers, accounts and postings enter no index. Postings are a view that the stream writes from transfers, and so are the
marks of parties that are due, which expire (`expires_at`).
"""

from __future__ import annotations

from pynamodb.attributes import NumberAttribute, UnicodeAttribute
from pynamodb.indexes import AllProjection, GlobalSecondaryIndex

from mart_union.kernel.storage import Document, Item, table_name
from mart_union.ledger.model import (
    BankFile,
    Payable,
    Payout,
    PayoutTerms,
    ReportEntry,
    Statement,
    StatementLine,
    Suspended,
    Transfer,
)


class Due(GlobalSecondaryIndex["LedgerItem"]):
    """What waits: payables by day and party, statements by day, payouts that are in no file."""

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


class TotalItem(LedgerItem):
    """What was posted to an account in a month, on a day of it, or in a minute of that, in the view by account."""

    amount = NumberAttribute(default=0)


class ReversedItem(LedgerItem):
    """What of a transfer was reversed: by account, without sign; changed under the `sequence` that was read."""

    amounts = Document(dict[str, int])
    sequence = NumberAttribute(default=1)


class PayableItem(LedgerItem):
    """A payable; `statement` is set once, by the statement that claims it."""

    document = Document(Payable)
    statement = UnicodeAttribute(null=True)


class DueItem(LedgerItem):
    """The mark that a party is due: when it was last made, and when a settlement that left nothing undone began."""

    touched_at = UnicodeAttribute()
    settled_at = UnicodeAttribute(default="")
    expires_at = NumberAttribute(null=True)


class StatementItem(LedgerItem):
    """The head of a statement; changed under the `sequence` that was read, whatever the document looked like then."""

    document = Document(Statement)
    sequence = NumberAttribute(null=True)


class SettledItem(LedgerItem):
    """That a statement of a day is closed: its key names the statement."""


class StatementPageItem(LedgerItem):
    """Up to ninety lines of a statement."""

    lines = Document(tuple[StatementLine, ...])


class PayoutItem(LedgerItem):
    """A payout; changed under the `sequence` that was read."""

    document = Document(Payout)
    sequence = NumberAttribute(default=1)


class BankFileItem(LedgerItem):
    """The head of a bank file; changed under the `sequence` that was read."""

    document = Document(BankFile)
    sequence = NumberAttribute(default=1)


class BankFilePageItem(LedgerItem):
    """Up to forty-five payouts of a bank file, as they were when they came into it."""

    payouts = Document(tuple[Payout, ...])


class SuspendedItem(LedgerItem):
    """Money under an unknown reference; changed under the `sequence` that was read."""

    document = Document(Suspended)
    sequence = NumberAttribute(default=1)


class PayoutTermsItem(LedgerItem):
    """How the union pays out."""

    document = Document(PayoutTerms)


class ReportPageItem(LedgerItem):
    """Up to a thousand entries of what a provider reported."""

    entries = Document(tuple[ReportEntry, ...])


class JobItem(LedgerItem):
    """How far a scheduled job has come, and what it left behind."""

    done_until = UnicodeAttribute()
    left = Document(tuple[str, ...], null=True)


def account_key(account: str) -> tuple[str, str]:
    """The key of an account's running balance."""
    return f"ACCOUNT#{account}", "ACCOUNT"


def transfer_key(transfer: str) -> tuple[str, str]:
    """The key of a transfer."""
    return f"TRANSFER#{transfer}", "TRANSFER"


def resolution_key(transfer: str) -> tuple[str, str]:
    """The key of a pending transfer's end."""
    return f"TRANSFER#{transfer}", "RESOLUTION"


def reversed_key(transfer: str) -> tuple[str, str]:
    """The key of what of a transfer was reversed."""
    return f"TRANSFER#{transfer}", "REVERSED"


def is_short(account: str) -> bool:
    """Whether an account has few postings in all its life, as an order's has: they stand in one partition, without totals."""
    return account.startswith("order/")


def postings_key(account: str, at: str, transfer: str) -> tuple[str, str]:
    """The key of a posting in the view by account and month."""
    partition = f"POSTINGS#{account}" if is_short(account) else f"POSTINGS#{account}#{at[:7]}"
    return partition, f"{at}#{transfer}"


def month_total_key(account: str, at: str) -> tuple[str, str]:
    """The key of an account's total of the month of a moment (ISO)."""
    return f"TOTALS#{account}", at[:7]


def day_total_key(account: str, at: str) -> tuple[str, str]:
    """The key of an account's total of the day of a moment (ISO, in UTC)."""
    return f"TOTALS#{account}#{at[:7]}", at[8:10]


def minute_total_key(account: str, at: str) -> tuple[str, str]:
    """The key of an account's total of the minute of a moment (ISO, in UTC)."""
    return f"TOTALS#{account}#{at[:10]}", at[11:16]


def payable_key(payable: str) -> tuple[str, str]:
    """The key of a payable."""
    return f"PAYABLE#{payable}", "PAYABLE"


def statement_key(party: str, period: str) -> tuple[str, str]:
    """The key of a party's statement for a period."""
    return f"STATEMENTS#{party}", period


def settled_key(day: str, party: str, period: str) -> tuple[str, str]:
    """The key of what tells that a statement of a day is closed."""
    return f"SETTLED#{day}", f"{party}#{period}"


def statement_page_key(statement: str, page: int) -> tuple[str, str]:
    """The key of a page of a statement's lines, counted from 1."""
    return f"STATEMENT#{statement}", f"{page:06d}"


def due_key(day: str, party: str, due: str) -> tuple[str, str]:
    """The key of the mark, on the day on which it is looked for, that a party has payables due on a day."""
    return f"DUE#{day}", f"{party}#{due}"


def payout_key(payout: str) -> tuple[str, str]:
    """The key of a payout."""
    return f"PAYOUT#{payout}", "PAYOUT"


def bank_file_key(file: str) -> tuple[str, str]:
    """The key of a bank file, whose id is its day and a number."""
    return f"BANKFILES#{file[:7]}", file


def bank_file_page_key(file: str, page: int) -> tuple[str, str]:
    """The key of a page of a bank file's payouts, counted from 1."""
    return f"BANKFILE#{file}", f"{page:06d}"


def suspended_key(notice: str) -> tuple[str, str]:
    """The key of money that came under an unknown reference, by the bank's id of its notice."""
    return f"SUSPENSE#{notice}", "SUSPENSE"


def report_key(provider: str, day: str, report: str, page: int) -> tuple[str, str]:
    """The key of a page of what a provider reported of a day."""
    return f"REPORT#{provider}#{day}", f"{report}#{page:06d}"
