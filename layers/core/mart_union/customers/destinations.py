"""Where parties are paid: bank accounts that they set themselves, and that the operator verifies before any money is sent there.

The customers table has no stream, so whose account it is and its number reach no event; transfers, payouts and statements name a
destination by its opaque id.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from msgspec.structs import replace

from mart_union.customers.model import Destination, DestinationFields, checked_destination
from mart_union.customers.tables import DestinationItem, destination_key, waiting_destination_key
from mart_union.kernel.clock import iso, local_date
from mart_union.kernel.errors import Conflict, NotFound, RuleViolation
from mart_union.kernel.ids import derived_id
from mart_union.kernel.paging import Page, read_page
from mart_union.kernel.retry import retried
from mart_union.kernel.settings import settings
from mart_union.kernel.storage import find, find_all
from mart_union.kernel.transaction import Also, WriteTransaction, refuse
from mart_union.ledger.due import mark_party


class DestinationMoved(Conflict):
    """Another change of the bank account came between reading and writing: read again and repeat."""


def get_destination(party: str) -> Destination:
    """Where a party is to be paid, whatever the operator has decided on it.

    Raises:
        NotFound: it has set none.
    """
    item = find(DestinationItem, *destination_key(party), consistent=True)
    if item is None:
        raise NotFound(f"{party} has set no bank account")
    return item.document


def find_destination(party: str) -> Destination | None:
    """Where a party is to be paid, None if it has set nothing."""
    try:
        return get_destination(party)
    except NotFound:
        return None


def find_verified(party: str) -> str:
    """The id of the destination to which a party may be paid, '' if there is none. One read."""
    item = find(DestinationItem, *destination_key(party), consistent=True)
    return "" if item is None else item.verified or ""


def require_verified(party: str) -> str:
    """The id of the destination to which a party may be paid.

    Raises:
        RuleViolation: it has set none, or none is verified.
    """
    destination = find_verified(party)
    if not destination:
        raise RuleViolation("no verified bank account: set one, and have the union verify it", reason="no_destination")
    return destination


def add_verified_check(transaction: WriteTransaction, party: str, destination: str) -> None:
    """Have a transaction happen only if a party may still be paid to a destination. The commit raises Conflict if not."""
    transaction.check(
        DestinationItem(*destination_key(party)),
        DestinationItem.verified == destination,
        refuse(Conflict, f"{party} has another bank account now"),
    )


def find_destinations(wanted: Sequence[tuple[str, str]]) -> list[Destination]:
    """Destinations by party and id, in the order asked for. One batch read a hundred.

    Raises:
        NotFound: there is no such destination.
    """
    items = find_all([(DestinationItem, *destination_key(party, destination)) for party, destination in wanted])
    missing = [party for (party, _), item in zip(wanted, items, strict=True) if item is None]
    if missing:
        raise NotFound(f"the destination of {missing[0]} is gone")
    return [item.document for item in items]


def list_waiting(cursor: str = "") -> Page[Destination]:
    """A page of the destinations that wait for the operator."""
    page = read_page(DestinationItem.query, "DESTINATIONS", cursor=cursor, newest_first=False)
    return Page(tuple(item.document for item in page.items), page.next)


def set_destination(
    party: str, fields: DestinationFields, actor: str, now: datetime, also: Also | None = None
) -> Destination:
    """Set where a party is to be paid; nothing is paid there until the operator has verified it. The same again changes nothing.

    Raises:
        Invalid: it is no account that money can be sent to.
        Busy: other changes kept winning.
    """
    fields = checked_destination(fields, settings().currency.code)
    return retried(lambda: _set(party, fields, actor, now, also), on=DestinationMoved, what="this bank account")


def _set(party: str, fields: DestinationFields, actor: str, now: datetime, also: Also | None) -> Destination:
    before = find(DestinationItem, *destination_key(party), consistent=True)
    old = None if before is None else before.document
    if old is not None and old.fields == fields and old.state in {"waiting", "verified"}:
        return old
    sequence = 1 if old is None else old.sequence + 1
    made = Destination(
        derived_id("destination", party, str(sequence)),
        party,
        fields.holder,
        fields.account,
        fields.bank,
        "waiting",
        actor,
        iso(now),
        sequence=sequence,
    )
    transaction = WriteTransaction()
    _add_current(transaction, old, made)
    transaction.create(
        DestinationItem(*destination_key(party, made.id), document=made),
        refuse(DestinationMoved, "another change of this bank account came first"),
    )
    transaction.put(DestinationItem(*waiting_destination_key(party), document=made))
    if also is not None:
        also(transaction)
    transaction.commit()
    return made


def add_known_destination(
    transaction: WriteTransaction, party: str, fields: DestinationFields, actor: str, now: datetime
) -> Destination:
    """Add to the transaction that sends money back where it came from: the account that it came from, verified by the operator's word. It
    is noted only if the money is sent there.

    The commit raises DestinationMoved if money was sent back for the party before.

    Raises:
        Invalid: it is no account that money can be sent to.
    """
    fields = checked_destination(fields, settings().currency.code)
    identity, at = derived_id("destination", party, "1"), iso(now)
    made = Destination(identity, party, fields.holder, fields.account, fields.bank, "verified", actor, at, actor, at)
    _add_current(transaction, None, made)
    transaction.put(DestinationItem(*destination_key(party, made.id), document=made))
    return made


def decide_destination(
    party: str, destination: str, accept: bool, actor: str, now: datetime, also: Also | None = None
) -> Destination:
    """Verify a destination, or refuse it: the one that was looked at, named by its id. The same decision again changes nothing.

    What was carried forward for want of a destination is looked at by the next settlement: the party is marked before, so that no
    crash in between leaves its money lying.

    Raises:
        NotFound: the party has set none.
        Conflict: the party has set another one meanwhile, or this one was decided otherwise.
        RuleViolation: whoever set it decides on it.
        Busy: other changes kept winning.
    """
    return retried(
        lambda: _decide(party, destination, accept, actor, now, also), on=DestinationMoved, what="this bank account"
    )


def _decide(party: str, destination: str, accept: bool, actor: str, now: datetime, also: Also | None) -> Destination:
    before = get_destination(party)
    wanted = "verified" if accept else "refused"
    if before.id != destination:
        raise Conflict(f"{party} has set another bank account meanwhile")
    if before.state == wanted:
        return before
    if before.state != "waiting":
        raise Conflict(f"this bank account is {before.state} already")
    if before.set_by == actor and not party.startswith("carrier/"):
        raise RuleViolation("who set a bank account does not verify it")
    if accept:
        mark_party(party, local_date(now, settings().time_zone).isoformat(), now)
    after = replace(before, state=wanted, decided_by=actor, decided_at=iso(now), sequence=before.sequence + 1)
    transaction = WriteTransaction()
    _add_current(transaction, before, after)
    transaction.delete(DestinationItem(*waiting_destination_key(party)))
    if also is not None:
        also(transaction)
    transaction.commit()
    return after


def add_failed(transaction: WriteTransaction, party: str, destination: str, now: datetime) -> None:
    """Add to a transaction that the bank could not pay to a destination: if it is still the party's, nothing more is sent there."""
    item = find(DestinationItem, *destination_key(party), consistent=True)
    if item is not None and item.document.id == destination and item.document.state == "verified":
        before = item.document
        failed = replace(before, state="failed", decided_at=iso(now), sequence=before.sequence + 1)
        _add_current(transaction, before, failed)


def _add_current(transaction: WriteTransaction, before: Destination | None, after: Destination) -> None:
    item = DestinationItem(
        *destination_key(after.party),
        document=after,
        verified=after.id if after.state == "verified" else "",
        sequence=after.sequence,
    )
    is_as_read = DestinationItem.pk.does_not_exist() if before is None else DestinationItem.sequence == before.sequence
    moved = refuse(DestinationMoved, "another change of this bank account came first")
    transaction.put(item, condition=is_as_read, refusal=moved)
