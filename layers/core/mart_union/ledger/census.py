"""The whole ledger, for the nightly reconciliation."""

from __future__ import annotations

from typing import Any

from msgspec import Struct, field
from msgspec.structs import replace

from mart_union.kernel.census import scan
from mart_union.ledger.model import (
    Account,
    BankFile,
    Payable,
    Payout,
    ReportEntry,
    Statement,
    StatementLine,
    Suspended,
    Transfer,
)
from mart_union.ledger.tables import (
    AccountItem,
    BankFileItem,
    BankFilePageItem,
    LedgerItem,
    PayableItem,
    PayoutItem,
    ReportPageItem,
    ResolutionItem,
    StatementItem,
    StatementPageItem,
    SuspendedItem,
    TransferItem,
)


class Ledger(Struct, frozen=True):
    """All that the ledger holds. `outcomes` says how pending transfers ended; `lines` are those of each statement, by its id;
    `reports` what providers reported, by provider and day; `file_payouts` are those on each bank file's pages, by its id, as it took them;
    `suspended` is the money that came under unknown references, whatever became of it.
    """

    transfers: list[Transfer] = field(default_factory=list)
    outcomes: dict[str, str] = field(default_factory=dict)
    accounts: list[Account] = field(default_factory=list)
    payables: list[Payable] = field(default_factory=list)
    statements: list[Statement] = field(default_factory=list)
    payouts: list[Payout] = field(default_factory=list)
    bank_files: list[BankFile] = field(default_factory=list)
    file_payouts: dict[str, list[Payout]] = field(default_factory=dict)
    reports: dict[tuple[str, str], list[ReportEntry]] = field(default_factory=dict)
    lines: dict[str, list[StatementLine]] = field(default_factory=dict)
    suspended: list[Suspended] = field(default_factory=list)


def whole_ledger() -> Ledger:
    """The ledger as one pass over its table finds it, which is no single moment: look again before believing a difference."""
    ledger = Ledger()
    for raw in scan(LedgerItem):
        _add(ledger, raw["pk"]["S"], raw["sk"]["S"], raw)
    return ledger


def _add(ledger: Ledger, pk: str, sk: str, raw: dict[str, Any]) -> None:
    kind, _, name = pk.partition("#")
    if sk == "TRANSFER":
        ledger.transfers.append(TransferItem.from_raw_data(raw).document)
    elif sk == "RESOLUTION":
        ledger.outcomes[name] = ResolutionItem.from_raw_data(raw).outcome
    elif kind == "ACCOUNT":
        account = AccountItem.from_raw_data(raw)
        ledger.accounts.append(Account(name, int(account.balance or 0), int(account.available or 0)))
    elif kind == "PAYABLE":
        item = PayableItem.from_raw_data(raw)
        ledger.payables.append(replace(item.document, statement=item.statement or ""))
    else:
        _add_settled(ledger, kind, name, raw)


def _add_settled(ledger: Ledger, kind: str, name: str, raw: dict[str, Any]) -> None:
    if kind == "STATEMENTS":
        ledger.statements.append(StatementItem.from_raw_data(raw).document)
    elif kind == "PAYOUT":
        ledger.payouts.append(PayoutItem.from_raw_data(raw).document)
    elif kind == "BANKFILES":
        ledger.bank_files.append(BankFileItem.from_raw_data(raw).document)
    elif kind == "BANKFILE":
        ledger.file_payouts.setdefault(name, []).extend(BankFilePageItem.from_raw_data(raw).payouts)
    elif kind == "REPORT":
        provider, _, day = name.partition("#")
        ledger.reports.setdefault((provider, day), []).extend(ReportPageItem.from_raw_data(raw).entries)
    elif kind == "SUSPENSE":
        ledger.suspended.append(SuspendedItem.from_raw_data(raw).document)
    elif kind == "STATEMENT":
        ledger.lines.setdefault(name, []).extend(StatementPageItem.from_raw_data(raw).lines)
