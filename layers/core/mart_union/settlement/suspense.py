"""What the operator does with money that came under an unknown reference: it is somebody's after all, or it is sent back.

A decision is noted first, then carried out by transfers whose ids follow from the notice, then noted as done: cut off, it is finished by
its repeat, and no other decision can come between.
"""

from __future__ import annotations

from datetime import datetime

from msgspec import Struct
from msgspec.structs import replace

from mart_union.catalog.service import get_store
from mart_union.checkout.paying import receive_payment
from mart_union.customers.model import DestinationFields
from mart_union.customers.service import add_verified_check, get_profile, set_known_destination
from mart_union.kernel.clock import iso
from mart_union.kernel.errors import Conflict, Invalid, MartUnionError, NotFound, RuleViolation
from mart_union.kernel.retry import retried
from mart_union.kernel.transaction import WriteTransaction
from mart_union.ledger.model import SUSPENSE, Payout, Suspended, Transfer, postings_of
from mart_union.ledger.payouts import pay_out
from mart_union.ledger.reversals import reverse
from mart_union.ledger.service import post
from mart_union.ledger.suspense import SuspendedMoved, add_decided, get_suspended, reopened

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
    decision = wish.reference or SEND_BACK

    def decide() -> Suspended:
        before = get_suspended(notice)
        if before.decision not in {"", decision}:
            raise Conflict(f"this money was decided on before: {before.decision}")
        if not before.is_open:
            return before
        wanted = replace(before, decision=decision, decided_by=actor, decided_at=iso(now))
        claimed = before if before.decision else _note(before, wanted)
        try:
            _carry_out(claimed, wish, actor, now)
        except MartUnionError:
            _note(claimed, replace(claimed, decision="", decided_by="", decided_at=""))
            raise
        return _note(claimed, replace(claimed, state="sent_back" if wish.sender else "assigned"))

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
        reverse(assignment_id(before), key="undo", kind="correction", now=now)
        return _note(before, reopened(before, reason))

    return retried(undo, on=SuspendedMoved, what="this money")


def assignment_id(kept: Suspended) -> str:
    """The id of the transfer that assigns kept money."""
    return f"assigned-{kept.name}"


def _note(before: Suspended, after: Suspended) -> Suspended:
    transaction = WriteTransaction()
    stored = add_decided(transaction, before, after)
    transaction.commit()
    return stored


def _carry_out(kept: Suspended, wish: Assignment, actor: str, now: datetime) -> None:
    kind, _, name = wish.reference.partition("/")
    if wish.sender is not None:
        _send_back(kept, wish.sender, actor, now)
    elif kind == "purchase" and name:
        receive_payment(name, kept.amount_minor, reference=kept.name, now=now, source=SUSPENSE)
    else:
        account, transfer_kind = account_of(wish.reference)
        amounts = {SUSPENSE: -kept.amount_minor, account: kept.amount_minor}
        identity = assignment_id(kept)
        post(Transfer(identity, transfer_kind, kept.currency, postings_of(amounts), wish.reference, iso(now)))


def _send_back(kept: Suspended, sender: DestinationFields, actor: str, now: datetime) -> None:
    """As a payout of its own; the account is that which the bank's statement names, so that the operator's word verifies it."""
    party, about = f"suspense/{kept.name}", f"suspense/{kept.id}"
    destination = set_known_destination(party, sender, actor, now).id
    payout = Payout(
        f"back-{kept.name}", party, SUSPENSE, kept.amount_minor, kept.currency, destination, about, iso(now)
    )
    pay_out(payout, "sent_back", now, lambda transaction: add_verified_check(transaction, party, destination))
