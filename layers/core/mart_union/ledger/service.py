"""Use cases of the ledger: transfers are added to a write transaction, accounts with a floor move with them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from msgspec import Struct

from mart_union.kernel.clock import iso
from mart_union.kernel.errors import Conflict, CurrencyMismatch, InsufficientFunds, KeyReused, NotFound, UnknownAccount
from mart_union.kernel.money import amount_text
from mart_union.kernel.paging import Page, read_page
from mart_union.kernel.settings import settings
from mart_union.kernel.storage import find
from mart_union.kernel.transaction import Also, Refusal, WriteTransaction, refuse
from mart_union.ledger.model import ACCOUNT, Account, Payable, Transfer, checked, has_floor
from mart_union.ledger.tables import (
    AccountItem,
    PayableItem,
    PostingItem,
    ResolutionItem,
    TransferItem,
    account_key,
    payable_key,
    postings_key,
    resolution_key,
    transfer_key,
)

OUTCOMES = ("posted", "voided", "expired")


class Entry(Struct, frozen=True):
    """A posting as an account's listing shows it."""

    transfer: str
    kind: str
    reference: str
    at: str
    amount_minor: int


class _Move(Struct, frozen=True):
    """How a change moves the balance of an account, and what is available on it."""

    account: str
    balance: int
    available: int


def add_transfer(transaction: WriteTransaction, transfer: Transfer) -> None:
    """Add a transfer and its effect on the accounts with a floor to a transaction: one item, and one an account with a floor.

    A pending transfer lowers what is available on the accounts that it debits, and nothing else.
    The commit raises Conflict if the transfer exists, InsufficientFunds if an account would pass its floor.
    """
    add_transfers(transaction, [transfer])


def add_transfers(transaction: WriteTransaction, transfers: Sequence[Transfer]) -> None:
    """Add several transfers as `add_transfer` does one. An account that more than one is about moves once, for a transaction names no item twice."""
    for transfer in transfers:
        _create_transfer(transaction, transfer)
    _add_moves(transaction, [move for transfer in transfers for move in _moves_of(transfer)])


def add_resolution(transaction: WriteTransaction, transfer: Transfer, outcome: str, now: datetime) -> None:
    """End a pending transfer, once: `posted` moves its money, `voided` and `expired` give back what it kept.

    The commit raises Conflict if it was ended before.
    """
    _create_resolution(transaction, transfer, outcome, now)
    _add_moves(transaction, _moves_of_end(transfer, outcome))


def add_replacement(transaction: WriteTransaction, pending: Transfer, transfer: Transfer, now: datetime) -> None:
    """Void a pending transfer and make another in its place. An account that both debit moves once, for a transaction names no item twice.

    The commit raises Conflict if the one was ended before or the other exists, InsufficientFunds if an account would pass its floor.
    """
    _create_resolution(transaction, pending, "voided", now)
    _create_transfer(transaction, transfer)
    _add_moves(transaction, [*_moves_of_end(pending, "voided"), *_moves_of(transfer)])


def _create_transfer(transaction: WriteTransaction, transfer: Transfer) -> None:
    checked(transfer)
    if transfer.currency != settings().currency.code:
        raise CurrencyMismatch(f"this union's money is {settings().currency.code}, not {transfer.currency}")
    item = TransferItem(*transfer_key(transfer.id), document=transfer)
    transaction.create(item, refuse(Conflict, f"transfer {transfer.id} has been made already"))


def _create_resolution(transaction: WriteTransaction, transfer: Transfer, outcome: str, now: datetime) -> None:
    if outcome not in OUTCOMES or not transfer.pending:
        raise ValueError(f"a pending transfer ends as one of {OUTCOMES}")
    item = ResolutionItem(*resolution_key(transfer.id), outcome=outcome, at=iso(now))
    transaction.create(item, refuse(Conflict, f"transfer {transfer.id} has been resolved already"))


def _moves_of(transfer: Transfer) -> list[_Move]:
    if transfer.pending:
        return [_Move(each.account, 0, each.amount_minor) for each in transfer.postings if each.amount_minor < 0]
    return [_Move(each.account, each.amount_minor, each.amount_minor) for each in transfer.postings]


def _moves_of_end(transfer: Transfer, outcome: str) -> list[_Move]:
    if outcome != "posted":
        return [_Move(each.account, 0, -each.amount_minor) for each in transfer.postings if each.amount_minor < 0]
    return [_Move(each.account, each.amount_minor, max(each.amount_minor, 0)) for each in transfer.postings]


def _add_moves(transaction: WriteTransaction, moves: list[_Move]) -> None:
    """Move the running balance of each account with a floor, once, however many of the moves are about it."""
    for account in dict.fromkeys(move.account for move in moves if has_floor(move.account)):
        own = [move for move in moves if move.account == account]
        _add_move(transaction, account, sum(move.balance for move in own), sum(move.available for move in own))


def _add_move(transaction: WriteTransaction, account: str, balance: int, available: int) -> None:
    item = AccountItem(*account_key(account))
    actions = [AccountItem.sequence.add(1)]
    if balance:
        actions.append(AccountItem.balance.add(balance))
    if available:
        actions.append(AccountItem.available.add(available))
    condition = AccountItem.available >= -available if available < 0 else None
    transaction.update(item, actions, condition=condition, refusal=_short(account, -available))


def _short(account: str, needed: int) -> Refusal:
    def refusal(found: dict[str, object]) -> InsufficientFunds:
        available = int(str(found.get("available") or 0))
        has, needs = (amount_text(each, settings().currency) for each in (available, needed))
        short = InsufficientFunds(
            f"{has} is available, {needs} is needed",
            available_minor=available,
            needed_minor=needed,
        )
        short.account = account
        return short

    return refusal


def post(transfer: Transfer, also: Also | None = None) -> Transfer:
    """Post a transfer by itself, or with what `also` adds to its transaction. Its repeat, with the same content whenever it was sent,
    changes nothing and gives the first one.

    Raises:
        Invalid: the transfer breaks a rule of the ledger.
        InsufficientFunds: an account would pass its floor.
        KeyReused: a transfer of that id says something else.
    """
    transaction = WriteTransaction()
    if also is not None:
        also(transaction)
    add_transfer(transaction, transfer)
    try:
        transaction.commit()
    except (Conflict, InsufficientFunds):
        first = find(TransferItem, *transfer_key(transfer.id), consistent=True)
        if first is None:
            raise
        return same_transfer(first.document, transfer)
    return transfer


def same_transfer(first: Transfer, again: Transfer) -> Transfer:
    """The first of two transfers with one id.

    Raises:
        KeyReused: they say different things.
    """
    if (first.kind, first.postings, first.currency, first.reference) != (
        again.kind,
        again.postings,
        again.currency,
        again.reference,
    ):
        raise KeyReused(f"transfer {first.id} was made with other content; nothing was posted")
    return first


def get_transfer(transfer: str, *, consistent: bool = False) -> Transfer:
    """A transfer by id; `consistent` for one that may have been made a moment ago, at twice the units.

    Raises:
        NotFound: there is none.
    """
    item = find(TransferItem, *transfer_key(transfer), consistent=consistent)
    if item is None:
        raise NotFound(f"there is no transfer {transfer}")
    return item.document


def require_available(transaction: WriteTransaction, account: str, level_minor: int, *, reached: bool) -> None:
    """Let a transaction commit only if what is available on an account with a floor reaches a level, or only if it does not.

    The commit raises Conflict if it is the other way round by then.
    """
    if level_minor <= 0:
        return  # every account reaches it
    item = AccountItem(*account_key(account))
    moved = refuse(Conflict, f"what is available on {account} changed just now; look again")
    if reached:
        transaction.check(item, AccountItem.available >= level_minor, moved)
    else:
        transaction.check(item, AccountItem.available.does_not_exist() | (AccountItem.available < level_minor), moved)


def get_balance(account: str) -> Account:
    """The running balance of an account with a floor; zero for one that nothing was ever posted to."""
    item = find(AccountItem, *account_key(account), consistent=True)
    if item is None:
        return Account(account)
    return Account(account, int(item.balance), int(item.available), int(item.sequence))


def list_postings(account: str, month: str, cursor: str = "") -> Page[Entry]:
    """A page of an account's postings of a month (`yyyy-mm`), newest first; of an order's account, of all its life. One query of a view
    that lags by a moment.

    Raises:
        UnknownAccount: there is no such kind of account.
        Invalid: the cursor is not one of ours.
    """
    if not ACCOUNT.fullmatch(account):
        raise UnknownAccount(f"there is no kind of account called '{account}'")
    page = read_page(PostingItem.query, postings_key(account, month, "")[0], cursor=cursor)
    return Page(tuple(map(_entry, page.items)), page.next)


def _entry(item: PostingItem) -> Entry:
    return Entry(item.transfer, item.kind, item.reference, item.at, int(item.amount))


def postings_between(account: str, begin: datetime, end: datetime) -> Iterator[Entry]:
    """An account's postings from a moment on and before another, a month later at most, oldest first; no others are read. One query a month
    and MB of a view that lags by a moment.

    Raises:
        UnknownAccount: there is no such kind of account.
    """
    if not ACCOUNT.fullmatch(account):
        raise UnknownAccount(f"there is no kind of account called '{account}'")
    within = PostingItem.sk.between(
        iso(begin), iso(end)
    )  # a posting of the last moment sorts after it, by its transfer
    for partition in sorted({postings_key(account, iso(moment), "")[0] for moment in (begin, end)}):
        yield from map(_entry, PostingItem.query(partition, within))


def add_payable(transaction: WriteTransaction, payable: Payable) -> None:
    """Add what a party is owed to a transaction; it stands in the index of due payables until a statement claims it."""
    item = PayableItem(
        *payable_key(payable.id), document=payable, due_pk=f"{payable.due}#{payable.party}", due_sk=payable.id
    )
    transaction.create(item, refuse(Conflict, f"payable {payable.id} has been made already"))
