"""Bank files: ready payouts are collected into a file, page by page and each once; then it is closed, written, and told as sent."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import Any

from msgspec.structs import replace

from mart_union.kernel.clock import iso
from mart_union.kernel.errors import Conflict, NotFound
from mart_union.kernel.storage import find
from mart_union.kernel.transaction import WriteTransaction, refuse
from mart_union.ledger.model import BankFile, Payout, PayoutTerms
from mart_union.ledger.payouts import add_changed, find_payouts
from mart_union.ledger.tables import (
    BankFileItem,
    BankFilePageItem,
    PayoutTermsItem,
    bank_file_key,
    bank_file_page_key,
)

PAYOUTS_A_PAGE = 45
"""A transaction holds a hundred items: these payouts, the statements that they pay, their page, the file's head."""

_UNSENT = "bankfiles#unsent"
_TERMS = ("PAYOUTS", "TERMS")


def get_terms() -> PayoutTerms:
    """How the union pays out."""
    item = find(PayoutTermsItem, *_TERMS, consistent=True)
    return PayoutTerms() if item is None else item.document


def add_terms(transaction: WriteTransaction, before: PayoutTerms, terms: PayoutTerms) -> None:
    """Add to a transaction how the union pays out from now on, if it still pays out as `before` says."""
    unchanged = PayoutTermsItem.pk.does_not_exist() | (PayoutTermsItem.document == before)
    refusal = refuse(Conflict, "another change of the payout terms came first")
    transaction.put(PayoutTermsItem(*_TERMS, document=terms), condition=unchanged, refusal=refusal)


def get_bank_file(file: str) -> BankFile:
    """A bank file by id.

    Raises:
        NotFound: there is none.
    """
    item = find(BankFileItem, *bank_file_key(file), consistent=True)
    if item is None:
        raise NotFound(f"there is no bank file {file}")
    return item.document


def list_bank_files(month: str) -> list[BankFile]:
    """A month's bank files (`yyyy-mm`), newest first; at most a thousand. One query."""
    found = BankFileItem.query(bank_file_key(month)[0], scan_index_forward=False, limit=1000, consistent_read=True)
    return [item.document for item in found]


def list_unsent(months: Sequence[str]) -> list[BankFile]:
    """The bank files that were begun and not sent, oldest first: those of these months (`yyyy-mm`) for sure, and older ones by an index that
    has them since long. One query a month, one of the index, and a read an older file."""
    found = {file.id: file for month in months for file in list_bank_files(month)}
    waiting: Iterator[Any] = BankFileItem.due.query(_UNSENT)
    for item in waiting:
        name = item.document.id
        if name not in found:
            found[name] = get_bank_file(name)
    return sorted((file for file in found.values() if file.state != "sent"), key=lambda file: file.id)


def pages_of(file: BankFile) -> Iterator[list[Payout]]:
    """The payouts of a file page by page, as they were when it took them. One query a MB."""
    for item in BankFilePageItem.query(bank_file_page_key(file.id, 1)[0], consistent_read=True):
        yield list(item.payouts)


def begin_bank_file(day: str, terms: PayoutTerms, now: datetime) -> BankFile:
    """The next file of a day, not stored yet: its first page is stored with it. One query."""
    of_day = BankFileItem.sk.startswith(f"{day}.")
    found = BankFileItem.query(bank_file_key(day)[0], of_day, scan_index_forward=False, limit=1, consistent_read=True)
    number = max((int(item.document.id.rpartition(".")[2]) for item in found), default=0) + 1
    return BankFile(f"{day}.{number:03d}", day, "collecting", iso(now), terms)


def collect(file: BankFile, payouts: Sequence[Payout]) -> BankFile:
    """Put up to forty-five ready payouts on the file's next page, all or none; the file as it is then. One transaction.

    Raises:
        Conflict: one of them is in a file already, or the file is not as it was read: another run is at it.
    """
    if not 0 < len(payouts) <= PAYOUTS_A_PAGE:
        raise ValueError(f"a page holds 1 to {PAYOUTS_A_PAGE} payouts, not {len(payouts)}")
    after = replace(
        file,
        pages=file.pages + 1,
        payouts=file.payouts + len(payouts),
        total_minor=file.total_minor + sum(payout.amount_minor for payout in payouts),
    )
    transaction = WriteTransaction()
    for payout in payouts:
        add_changed(transaction, payout, replace(payout, file=file.id))
    page = BankFilePageItem(*bank_file_page_key(file.id, after.pages), payouts=tuple(payouts))
    transaction.create(page, refuse(Conflict, f"page {after.pages} of bank file {file.id} is there already"))
    return _commit(transaction, file, after)


def close_bank_file(file: BankFile, key: str) -> BankFile:
    """Let the file take no more payouts; `key` is where it will stand in the bucket. One transaction.

    Raises:
        Conflict: the file is not as it was read.
    """
    return _commit(WriteTransaction(), file, replace(file, state="closed", key=key))


def mark_page_sent(
    file: BankFile, page: Sequence[Payout], also: Callable[[WriteTransaction, Sequence[Payout]], None]
) -> None:
    """Note that the bank has been given a page's payouts, of which some may be noted already. One transaction.

    Raises:
        Conflict: one of them changed meanwhile: another run is at it.
    """
    now = find_payouts([payout.id for payout in page])
    unsent = [payout for payout in now.values() if payout.state == "ready" and payout.file == file.id]
    if not unsent:
        return
    transaction = WriteTransaction()
    for payout in unsent:
        add_changed(transaction, payout, replace(payout, state="sent"))
    also(transaction, unsent)
    transaction.commit()


def mark_sent(file: BankFile, now: datetime) -> BankFile:
    """Note that the bank has been given the file, and when. One transaction.

    Raises:
        Conflict: the file is not as it was read.
    """
    return _commit(WriteTransaction(), file, replace(file, state="sent", sent_at=iso(now)))


def _commit(transaction: WriteTransaction, before: BankFile, after: BankFile) -> BankFile:
    stored = replace(after, sequence=before.sequence + 1)
    item = BankFileItem(*bank_file_key(after.id), document=stored, sequence=stored.sequence)
    if stored.state != "sent":
        item.due_pk, item.due_sk = _UNSENT, stored.id
    is_as_read = BankFileItem.sequence == before.sequence if before.sequence else BankFileItem.pk.does_not_exist()
    transaction.put(item, condition=is_as_read, refusal=refuse(Conflict, f"another run is at bank file {after.id}"))
    transaction.commit()
    return stored
