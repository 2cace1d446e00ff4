"""Payouts: everything that is posted to `bank/out` has one record, made in the transaction of its transfer.

A payout is `ready` until a bank file has it, then `sent`, and `returned` if the bank could not deliver it, or `rejected` if no bank file
can hold it: then its amount is credited again, once, to the account that it came from.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

from msgspec.structs import replace

from mart_union.kernel.clock import iso
from mart_union.kernel.errors import Conflict, InsufficientFunds, Invalid, NotFound
from mart_union.kernel.storage import Ref, fetch_all, find
from mart_union.kernel.transaction import WriteTransaction, refuse
from mart_union.ledger.model import Payout, Transfer, postings_of
from mart_union.ledger.service import add_transfer, get_transfer, same_transfer
from mart_union.ledger.tables import PayoutItem, payout_key

_SHARDS = 8
"""Parts of the index of payouts that wait, so that a day's many payouts are no hot partition."""

LONGEST_ID = 35
"""A payout is told to the bank by its id: EndToEndId of ISO 20022 is a Max35Text."""


def add_payout(transaction: WriteTransaction, transfer: Transfer, payout: Payout) -> None:
    """Add a transfer to `bank/out` and its payout to a transaction: two items, and one an account with a floor.

    The commit raises what `add_transfer` raises.

    Raises:
        Invalid: the bank's formats have no place for so long an id.
    """
    if len(payout.id) > LONGEST_ID:
        raise Invalid(f"a payout's id has at most {LONGEST_ID} characters, not {len(payout.id)}")
    add_transfer(transaction, transfer)
    transaction.create(
        PayoutItem(*payout_key(payout.id), document=payout, due_pk=_waiting(payout.id), due_sk=payout.id),
        refuse(Conflict, f"payout {payout.id} has been made already"),
    )


def pay_out(payout: Payout, kind: str, now: datetime, guard: Callable[[WriteTransaction], None]) -> Transfer:
    """Send money from an account to its party's bank. Its repeat changes nothing and gives the first transfer.

    `guard` has the transaction check that the destination is still verified.

    Raises:
        Invalid: the transfer breaks a rule of the ledger.
        InsufficientFunds: the account has less available.
        KeyReused: a payout of that id says something else.
    """
    amounts = {payout.account: -payout.amount_minor, "bank/out": payout.amount_minor}
    transfer = Transfer(payout.id, kind, payout.currency, postings_of(amounts), payout.reference, iso(now))
    transaction = WriteTransaction()
    add_payout(transaction, transfer, payout)
    guard(transaction)
    try:
        transaction.commit()
    except (Conflict, InsufficientFunds) as error:
        try:
            first = get_transfer(transfer.id, consistent=True)
        except NotFound:
            raise error from None
        return same_transfer(first, transfer)
    return transfer


def get_payout(payout: str) -> Payout:
    """A payout by id.

    Raises:
        NotFound: there is none.
    """
    item = find(PayoutItem, *payout_key(payout), consistent=True)
    if item is None:
        raise NotFound(f"there is no payout {payout}")
    return item.document


def find_payouts(ids: list[str]) -> dict[str, Payout]:
    """The payouts among these ids of transfers. One batch read a hundred."""
    items = fetch_all([payout_ref(each) for each in ids], consistent=True)
    return {payout.id: payout for payout in items if payout is not None}


def payout_ref(payout: str) -> Ref[Payout]:
    """A payout by id, for reads together with others."""
    return Ref(PayoutItem, *payout_key(payout), lambda item: item.document)


def list_ready() -> Iterator[Payout]:
    """The payouts that are in no bank file yet. One query a part of the index, which lags by a moment."""
    for part in range(_SHARDS):
        waiting: Iterator[Any] = PayoutItem.due.query(f"payouts#{part}")
        for item in waiting:
            yield item.document


def add_changed(transaction: WriteTransaction, before: Payout, after: Payout) -> None:
    """Add a changed payout to a transaction, under the sequence that was read. It waits no more once a file has it."""
    stored = replace(after, sequence=before.sequence + 1)
    item = PayoutItem(*payout_key(after.id), document=stored, sequence=stored.sequence)
    if not after.file and after.state == "ready":
        item.due_pk, item.due_sk = _waiting(after.id), after.id
    transaction.put(
        item,
        condition=PayoutItem.sequence == before.sequence,
        refusal=refuse(Conflict, f"payout {after.id} has changed meanwhile"),
    )


def return_id(payout: str) -> str:
    """The id of the transfer that credits a payout again."""
    return f"returned-{payout}"


def return_transfer(payout: Payout, now: datetime) -> Transfer:
    """The transfer that credits a returned payout again: of one payout it is always the same one."""
    return Transfer(
        return_id(payout.id),
        "payout_return",
        payout.currency,
        postings_of({"bank/out": -payout.amount_minor, payout.account: payout.amount_minor}),
        payout.reference,
        iso(now),
    )


def _waiting(payout: str) -> str:
    return f"payouts#{sum(payout.encode()) % _SHARDS}"
