"""What the operator does with money that came under an unknown reference: it is somebody's after all, or it is sent back.

A decision is one transaction: the transfer, and the note that it was decided, under what was read. So nothing comes between the two, however
often it is cut off, repeated or decided by two operators at once.
"""

from __future__ import annotations

from datetime import datetime

from msgspec import Struct
from msgspec.structs import replace

from mart_union.catalog.service import get_store
from mart_union.checkout.paying import receive_payment
from mart_union.customers.model import DestinationFields, checked_destination
from mart_union.customers.service import add_known_destination, get_profile
from mart_union.kernel.clock import iso
from mart_union.kernel.errors import Conflict, Invalid, KeyReused, NotFound, RuleViolation
from mart_union.kernel.ids import derived_id
from mart_union.kernel.retry import retried
from mart_union.kernel.settings import settings
from mart_union.kernel.transaction import Also, WriteTransaction
from mart_union.ledger.model import SUSPENSE, Payout, Suspended, Transfer, postings_of
from mart_union.ledger.payouts import add_payout
from mart_union.ledger.reversals import reverse
from mart_union.ledger.service import post
from mart_union.ledger.suspense import SuspendedMoved, add_decided, assignment_id, back_id, get_suspended, reopened

SEND_BACK = "send_back"
_LONGEST_REASON = 500


class Assignment(Struct, frozen=True):
    """Whose money it is (`customer/<id>`, `deposit/<store>` or `purchase/<id>`), or, without that, the account of its sender."""

    reference: str = ""
    sender: DestinationFields | None = None


def account_of(reference: str) -> tuple[str, str]:
    """The account that a payer's reference names, and the kind of transfer that fills it.

    Raises:
        NotFound: it names nothing that we know.
    """
    kind, _, name = reference.partition("/")
    if kind == "customer" and name and get_profile(name) is not None:
        return f"customer/{name}", "top-up"
    if kind == "deposit" and name:
        return f"store/{get_store(name).id}/deposit", "deposit"
    raise NotFound(f"'{reference}' is not a reference of this union")


def decide_suspended(notice: str, wish: Assignment, actor: str, now: datetime) -> Suspended:
    """Assign kept money, or send it back with the next bank file. The same decision again changes nothing.

    Raises:
        NotFound: no such money was kept, or the reference names nothing that we know.
        Invalid: neither a reference nor an account to send it back to, or both, or an account that no money can be sent to.
        Conflict: it was decided otherwise.
        Busy: other decisions kept winning.
    """
    if bool(wish.reference) == (wish.sender is not None):
        message = "name whose money it is, or the account to which it is sent back"
        raise Invalid(message, errors=[{"field": "reference", "reason": message}])
    decision = _decision(notice, wish)

    def decide() -> Suspended:
        before = get_suspended(notice)
        if before.decision not in {"", decision}:
            raise Conflict(f"this money was decided on before: {before.decision}")
        if not before.is_open:
            return before
        state = "sent_back" if wish.sender is not None else "assigned"
        after = replace(before, state=state, decision=decision, decided_by=actor, decided_at=iso(now))
        try:
            _carry_out(before, after, wish, now)
        except KeyReused as error:  # its transfer was made by another decision, at this moment
            raise SuspendedMoved("another decision on this money came first") from error
        return get_suspended(notice)

    return retried(decide, on=SuspendedMoved, what="this money")


def undo_assignment(notice: str, reason: str, now: datetime) -> Suspended:
    """Take money back from the account that it was assigned to by mistake, by the reversal of that transfer; it waits again. The same
    again changes nothing.

    Raises:
        NotFound: no such money was kept.
        Invalid: no reason.
        RuleViolation: it was not assigned to an account: a purchase is cancelled instead, and what was sent back is the bank's.
        InsufficientFunds: the account has spent it.
        Busy: other decisions kept winning.
    """
    if not 0 < len(reason.strip()) <= len(reason) <= _LONGEST_REASON:
        message = f"say why, in at most {_LONGEST_REASON} characters"
        raise Invalid(message, errors=[{"field": "undo", "reason": message}])

    def undo() -> Suspended:
        before = get_suspended(notice)
        if before.is_open and before.reason == reason and not before.decision:
            return before
        if before.state != "assigned" or before.decision.startswith("purchase/"):
            raise RuleViolation(f"this money is {before.state} ({before.decision}): no assignment to an account")

        def note(transaction: WriteTransaction) -> None:
            add_decided(transaction, before, reopened(before, reason))

        reverse(assignment_id(before), key="undo", kind="correction", now=now, also=note)
        return get_suspended(notice)

    return retried(undo, on=SuspendedMoved, what="this money")


def _decision(notice: str, wish: Assignment) -> str:
    """What was decided, in a word: of an account only its hash, for it is somebody's."""
    if wish.sender is None:
        return wish.reference
    sender = checked_destination(wish.sender, settings().currency.code)
    return f"{SEND_BACK}/{derived_id(SEND_BACK, notice, sender.holder, sender.account, sender.bank)}"


def _carry_out(before: Suspended, after: Suspended, wish: Assignment, now: datetime) -> None:
    def note(transaction: WriteTransaction) -> None:
        add_decided(transaction, before, after)

    kind, _, name = wish.reference.partition("/")
    if wish.sender is not None:
        _send_back(before, wish.sender, after.decided_by, now, note)
    elif kind == "purchase" and name:
        receive_payment(name, before.amount_minor, reference=before.name, now=now, source=SUSPENSE, also=note)
    else:
        account, transfer_kind = account_of(wish.reference)
        amounts = {SUSPENSE: -before.amount_minor, account: before.amount_minor}
        identity = assignment_id(before)
        assigned = Transfer(identity, transfer_kind, before.currency, postings_of(amounts), wish.reference, iso(now))
        post(assigned, note)


def _send_back(kept: Suspended, sender: DestinationFields, actor: str, now: datetime, also: Also) -> None:
    """As a payout of its own; the account is that which the bank's statement names, so that the operator's word verifies it."""
    party, about, identity = f"suspense/{kept.name}", f"suspense/{kept.id}", back_id(kept)
    amounts = {SUSPENSE: -kept.amount_minor, "bank/out": kept.amount_minor}
    transaction = WriteTransaction()
    also(transaction)
    destination = add_known_destination(transaction, party, sender, actor, now).id
    transfer = Transfer(identity, "sent_back", kept.currency, postings_of(amounts), about, iso(now))
    payout = Payout(identity, party, SUSPENSE, kept.amount_minor, kept.currency, destination, about, iso(now))
    add_payout(transaction, transfer, payout)
    transaction.commit()
