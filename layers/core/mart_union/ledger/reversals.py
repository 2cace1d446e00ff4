"""Reversal of a transfer, whole or in part, at its original rates, never beyond it.

For corrections by the operator, as of money that was assigned to the wrong account (`settlement.suspense.undo_assignment`). Refunds of
orders do not come by here: they reverse the shares of lines (`orders.refunds`), so that what the order says changes with the money.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from msgspec import Struct

from mart_union.kernel.clock import iso
from mart_union.kernel.errors import AmountOutOfRange, BeyondOriginal, Conflict, KeyReused, NotFound, RuleViolation
from mart_union.kernel.ids import derived_id, input_hash
from mart_union.kernel.money import LARGEST_AMOUNT, split_within
from mart_union.kernel.retry import retried
from mart_union.kernel.settings import settings
from mart_union.kernel.storage import Ref, fetch_all
from mart_union.kernel.transaction import Also, WriteTransaction, refuse
from mart_union.ledger.model import Posting, Transfer, postings_of
from mart_union.ledger.refs import transfer_ref
from mart_union.ledger.service import add_transfer
from mart_union.ledger.tables import ResolutionItem, ReversedItem, resolution_key, reversed_key


class Reversed(Struct, frozen=True):
    """What of a transfer was reversed, by account and without sign, and how often (`sequence`)."""

    amounts: Mapping[str, int]
    sequence: int


class _Overtaken(Conflict):
    """Another reversal of the same transfer came between: read again and repeat."""


def reverse(
    transfer: str, *, key: str, kind: str, now: datetime, amount_minor: int | None = None, also: Also | None = None
) -> Transfer:
    """Post the reversal of a transfer: of all that is left of it, or of an amount of the money that it moved; `also` adds to its transaction.

    Who gives back how much: `reversal_postings`. The id of the reversal is made from the transfer's and the key, and it carries a hash of what
    was asked: the same again gives the first one. One read, and one transaction of three items and one an account with a floor.

    Raises:
        NotFound: there is no such transfer.
        KeyReused: the key reversed another amount of it, or as another kind.
        AmountOutOfRange: the amount is not between 1 and the largest that is exact everywhere.
        BeyondOriginal: more than is left of it; `left_minor` says what is.
        RuleViolation: it is pending, or ended without having been posted.
        InsufficientFunds: an account with a floor has spent what it would give back.
        Busy: other reversals of it kept winning.
    """
    if amount_minor is not None and not 0 < amount_minor <= LARGEST_AMOUNT:
        raise AmountOutOfRange(f"an amount must be between 1 and {LARGEST_AMOUNT} minor units, not {amount_minor}")
    identity, request = derived_id("reversal", transfer, key), input_hash([transfer, amount_minor, kind])

    def attempt() -> Transfer:
        original, before, first = _read(transfer, identity)
        if first is not None:
            return _repeated(first, request)
        wanted = _left_to_reverse(original, before, amount_minor)
        reversal = Transfer(
            id=identity,
            kind=kind,
            currency=original.currency,
            postings=reversal_postings(original, before.amounts, wanted, settings().currency.step),
            reference=original.reference,
            at=iso(now),
            reverses=original.id,
            facts={"request": request},
        )
        _commit(original, before, reversal, also)
        return reversal

    return retried(attempt, on=_Overtaken, what="this transfer")


def _repeated(first: Transfer, request: str) -> Transfer:
    if first.facts.get("request") != request:
        raise KeyReused("this key made another reversal of this transfer; nothing was posted")
    return first


def _left_to_reverse(original: Transfer, before: Reversed, amount_minor: int | None) -> int:
    """The amount, if that much is left of the transfer; without one, all that is left."""
    left = _largest(original) - _reversed_sum(original, before)
    wanted = left if amount_minor is None else amount_minor
    if not 0 < wanted <= left:
        message = f"transfer {original.id} has {left} minor units left to reverse, not {wanted}"
        raise BeyondOriginal(message, left_minor=left)
    return wanted


def reversal_postings(
    original: Transfer, before: Mapping[str, int], amount_minor: int, step: int
) -> tuple[Posting, ...]:
    """The postings that reverse an amount of a transfer of which some was reversed `before` (by account, without sign).

    Each account that got some gives back in proportion to what is left of its part, in steps, by largest remainder, the first posting
    keeping what is odd; each that gave gets back in the same way. So reversals of parts add up to exactly the transfer.
    """
    given = _part([each for each in original.postings if each.amount_minor > 0], before, amount_minor, step)
    taken = _part([each for each in original.postings if each.amount_minor < 0], before, amount_minor, step)
    return postings_of({account: -amount for account, amount in given.items()} | taken)


def _part(postings: Sequence[Posting], before: Mapping[str, int], amount_minor: int, step: int) -> dict[str, int]:
    left = [abs(each.amount_minor) - before.get(each.account, 0) for each in postings]
    parts = split_within(amount_minor, left, step)
    return {each.account: part for each, part in zip(postings, parts, strict=True)}


def _largest(transfer: Transfer) -> int:
    """How much money a transfer moved."""
    return sum(each.amount_minor for each in transfer.postings if each.amount_minor > 0)


def _reversed_sum(original: Transfer, before: Reversed) -> int:
    return sum(before.amounts.get(each.account, 0) for each in original.postings if each.amount_minor > 0)


def _read(transfer: str, identity: str) -> tuple[Transfer, Reversed, Transfer | None]:
    original, outcome, before, first = fetch_all(
        [
            transfer_ref(transfer),
            Ref(ResolutionItem, *resolution_key(transfer), lambda item: item.outcome),
            Ref(ReversedItem, *reversed_key(transfer), lambda item: Reversed(item.amounts, int(item.sequence))),
            transfer_ref(identity),
        ],
        consistent=True,
    )
    if original is None:
        raise NotFound(f"there is no transfer {transfer}")
    if original.pending and outcome != "posted":
        raise RuleViolation(f"transfer {transfer} is {outcome or 'pending'}: its money has not moved")
    return original, before or Reversed({}, 0), first


def _commit(original: Transfer, before: Reversed, reversal: Transfer, also: Also | None) -> None:
    amounts = dict(before.amounts)
    for posting in reversal.postings:
        amounts[posting.account] = amounts.get(posting.account, 0) + abs(posting.amount_minor)
    item = ReversedItem(*reversed_key(original.id), amounts=amounts, sequence=before.sequence + 1)
    as_read = ReversedItem.sequence == before.sequence if before.sequence else ReversedItem.pk.does_not_exist()
    transaction = WriteTransaction()
    transaction.put(item, condition=as_read, refusal=refuse(_Overtaken, "another reversal came first"))
    add_transfer(transaction, reversal)
    if also is not None:
        also(transaction)
    transaction.commit()
