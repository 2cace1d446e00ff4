"""Getting in line for an urgent sale, and looking how far one has come.

Getting in line is a read of the listing and its levels, which a process keeps for some seconds, one of the customer's place, and conditional writes: the place is
claimed, a gate gives its turn, the place keeps that. So a customer has one place in a line, and takes one turn. How far one has come stands in one's own ticket: looking asks the database for nothing but, every few
seconds a process, whether anything is left, and once the turn has come, whether the ticket has been used.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from datetime import datetime

from msgspec import Struct
from msgspec.structs import replace
from pynamodb.exceptions import UpdateError
from pynamodb.expressions.condition import Condition
from pynamodb.expressions.update import Action

from mart_union.catalog.model import Texts
from mart_union.catalog.showing import Shown, show_listing
from mart_union.catalog.urgent_terms import UrgentSale
from mart_union.checkout.tables import GateItem, PlaceItem, gate_key, place_key
from mart_union.checkout.tickets import read_ticket, write_ticket
from mart_union.checkout.turns import Ticket, expiry_of, gate_of, microseconds, moment_of, next_turn, step_of
from mart_union.kernel.clock import from_iso, iso
from mart_union.kernel.errors import NotFound, OutOfStock, TicketOfAnother, TicketUsed
from mart_union.kernel.ids import derived_id, new_id
from mart_union.kernel.retry import retried
from mart_union.kernel.storage import Item, code_of, find
from mart_union.kernel.transaction import WriteTransaction

_SEEN_SECONDS = 5
_MOST_SEEN = 100
_DAY = 86_400
_PATIENCE = 5
"""How often a place is looked at whose turn is being taken, with growing pauses, before it is claimed again: a third of a second, or twice that."""
_TRANSIENT = frozenset(
    {"TransactionConflictException", "ProvisionedThroughputExceededException", "ThrottlingException"}
)
_seen: dict[tuple[str, str], tuple[float, Shown]] = {}


class Turn(Struct, frozen=True):
    """How a sale that lets buyers in one after another stands, and where the holder of a ticket is in its line.

    `state` is newcomer (no ticket), waiting, admitted (until `expires_at`) or over; none, where nobody has to wait: there is no such sale now, or no more.
    `place` counts those before and oneself; 0 when the turn has come, or without a ticket. Times are ISO 8601.
    """

    store: str
    sku: str
    titles: Texts
    sale: str
    rate: int
    sold_out: bool
    ends_at: str
    ticket: str = ""
    turn_at: str = ""
    expires_at: str = ""
    place: int = 0
    wait_seconds: int = 0
    state: str = "newcomer"


def get_in_line(customer: str, store: str, sku: str, *, now: datetime) -> Turn:
    """A ticket for a sale: its turn is now where nobody waits, else after all who came before. Whoever is in line already keeps that place,
    until something was bought by its ticket, or its time is over.

    Raises:
        NotFound: there is no such listing, or it is in no sale that anybody waits for.
        OutOfStock: nothing is left; nothing was written.
        Busy: too many came to the same gate at this moment; try again.
    """
    shown = _shown(store, sku, now)
    sale = _gated_sale_of(shown)
    if sale is None:
        raise NotFound(f"nobody has to wait for {sku} of store {store} now")
    if shown.sold_out or not shown.available:
        left = 0 if shown.sold_out else shown.reserve
        raise OutOfStock(f"{sku} is sold out", sku=sku, store=store, left=left)
    waited = list[str]()
    place = retried(lambda: _place(sale, customer, microseconds(now), waited), on=_Overtaken, what="this line")
    ticket = Ticket(derived_id("ticket", sale.id, customer, f"{place}"), sale.id, customer, place, sale.rate)
    return _told_holder(shown, sale, write_ticket(ticket), ticket, microseconds(now))


def _place(sale: UrgentSale, customer: str, now: int, waited: list[str]) -> int:
    """The turn of a customer's place: the one that is held, or else a new one, for which the place is claimed first: of several who ask at once, as
    this customer, one takes a turn, and the others wait for that. Who has waited some tries for the same claim takes it over: its process may be gone.
    """
    held = find(PlaceItem, *place_key(sale.id, customer), consistent=True)
    if held is not None and not held.turn and waited.count(held.claim) < _PATIENCE:
        waited.append(held.claim)
        raise _Overtaken
    if held is not None and held.turn and not held.purchase and now < expiry_of(int(held.turn)):
        return int(held.turn)
    place, claim = PlaceItem(*place_key(sale.id, customer)), new_id()
    _claim_place(place, held, claim, now)
    return _settled(place, claim, _turn_of(sale, gate_of(customer, sale.rate), now))


def _settled(place: PlaceItem, claim: str, turn: int) -> int:
    """The turn, once the place that was claimed keeps it."""
    actions = [PlaceItem.turn.set(turn), PlaceItem.expires_at.set(_swept_at(turn))]
    if not retried(lambda: _is_updated(place, actions, PlaceItem.claim == claim), on=_Overtaken, what="this line"):
        raise _Overtaken
    return turn


def _claim_place(place: PlaceItem, held: PlaceItem | None, claim: str, now: int) -> None:
    """Claim a place that is as it was read; the SDK's own repeat, after a lost answer, finds the claim made."""
    claimed = [
        PlaceItem.claim.set(claim),
        PlaceItem.turn.remove(),
        PlaceItem.purchase.remove(),
        PlaceItem.expires_at.set(_swept_at(now)),
    ]
    as_read = PlaceItem.pk.does_not_exist() if held is None else PlaceItem.claim == held.claim
    if not _is_updated(place, claimed, as_read):
        found = find(PlaceItem, place.pk, place.sk, consistent=True)
        if found is None or found.claim != claim:
            raise _Overtaken


def _swept_at(turn: int) -> int:
    """When nobody asks for a place any more, in seconds since 1970."""
    return expiry_of(turn) // 10**6 + _DAY


def look_at_turn(customer: str, store: str, sku: str, text: str, *, now: datetime) -> Turn:
    """How far a ticket has come, or how the sale stands where there is none ('').

    Raises:
        NotFound: there is no such listing.
        TicketForged, TicketOfAnother: it is no ticket of the union, of this sale, or of this customer.
        TicketUsed: something was bought by it; get in line again for more.
    """
    shown = _shown(store, sku, now)
    sale = _gated_sale_of(shown)
    if sale is None:
        listing = shown.listing
        return Turn(listing.store, listing.sku, listing.titles, "", 0, not shown.available, "", state="none")
    if not text:
        return _told(shown, sale)
    ticket = read_ticket(text)
    if (ticket.sale, ticket.customer) != (sale.id, customer):
        raise TicketOfAnother("this ticket is of another sale or customer", sale=sale.id)
    turn = _told_holder(shown, sale, text, ticket, microseconds(now))
    may_buy = turn.state == "admitted" and not turn.sold_out
    if may_buy and not _is_good(ticket):
        raise _used(ticket)
    return turn


def _is_good(ticket: Ticket) -> bool:
    place = find(PlaceItem, *place_key(ticket.sale, ticket.customer), consistent=True)
    return place is not None and place.turn == ticket.turn and not place.purchase


def _used(ticket: Ticket) -> TicketUsed:
    return TicketUsed("this ticket has been used: get in line again", sale=ticket.sale)


def add_used(transaction: WriteTransaction, ticket: Ticket, purchase: str) -> None:
    """Use a ticket up in the transaction of its purchase. The commit raises TicketUsed if another purchase has used it."""
    is_good = (PlaceItem.turn == ticket.turn) & PlaceItem.purchase.does_not_exist()
    place = PlaceItem(*place_key(ticket.sale, ticket.customer))
    transaction.update(
        place, [PlaceItem.purchase.set(purchase)], condition=is_good, refusal=lambda _found: _used(ticket)
    )


def _shown(store: str, sku: str, now: datetime, monotonic: Callable[[], float] = time.monotonic) -> Shown:
    """A listing as this process has seen it some seconds ago at most."""
    at, shown = _seen.get((store, sku), (-_SEEN_SECONDS, None))
    if shown is None or monotonic() - at >= _SEEN_SECONDS or not _runs(shown, now):
        shown = show_listing(store, sku, now=now)
        if len(_seen) >= _MOST_SEEN:
            _seen.clear()
        _seen[store, sku] = (monotonic(), shown)
    return shown


def _gated_sale_of(shown: Shown) -> UrgentSale | None:
    """The sale that lets its buyers in one after another, if the listing is in one."""
    sale = _sale_of(shown)
    return sale if sale is not None and sale.rate else None


def _runs(shown: Shown, now: datetime) -> bool:
    sale = _sale_of(shown)
    return sale is not None and sale.runs_at(now)


def _sale_of(shown: Shown) -> UrgentSale | None:
    """The sale that a listing is in, or would be if anything were left of that."""
    return shown.listing.urgent or shown.sold_out


def _turn_of(sale: UrgentSale, gate: int, now: int) -> int:
    """The next turn of a gate: one conditional write where somebody waits, two where nobody does.

    The gate names the claim that had its last turn, so that the SDK's own repeat, after a lost answer, takes no second one.
    """
    step, key, claim = step_of(sale.rate), gate_key(sale.id, gate), new_id()
    item, last = GateItem(*key), GateItem.last.set(claim)
    expires = GateItem.expires_at.set(int(from_iso(sale.ends_at).timestamp()) + _DAY)

    def take() -> int:
        busy = [GateItem.next_at.set(GateItem.next_at + step), last]
        if _is_updated(item, busy, (GateItem.next_at >= now) & (GateItem.last != claim)):
            return int(item.next_at) - step
        turn, after = next_turn(None, now, step)
        is_idle = GateItem.next_at.does_not_exist() | (GateItem.next_at < now)
        if _is_updated(item, [GateItem.next_at.set(after), last, expires], is_idle):
            return turn
        found = find(GateItem, *key, consistent=True)
        if found is not None and found.last == claim:
            return int(found.next_at) - step
        raise _Overtaken

    return retried(take, on=_Overtaken, what="this line")


class _Overtaken(Exception):
    """Another came first, or the gate has too much to do: try again."""


def _is_updated(item: Item, actions: Sequence[Action], condition: Condition) -> bool:
    try:
        item.update(actions=list(actions), condition=condition)
    except UpdateError as error:
        if code_of(error) == "ConditionalCheckFailedException":
            return False
        if code_of(error) in _TRANSIENT:
            raise _Overtaken from error
        raise
    return True


def _told(shown: Shown, sale: UrgentSale) -> Turn:
    listing = shown.listing
    sold_out = shown.sold_out is not None or not shown.available
    return Turn(listing.store, listing.sku, listing.titles, sale.id, sale.rate, sold_out, sale.ends_at)


def _told_holder(shown: Shown, sale: UrgentSale, text: str, ticket: Ticket, now: int) -> Turn:
    state = "waiting" if now < ticket.turn else "admitted" if now < ticket.expires else "over"
    return replace(
        _told(shown, sale),
        ticket=text,
        turn_at=iso(moment_of(ticket.turn)),
        expires_at=iso(moment_of(ticket.expires)),
        place=ticket.place(now),
        wait_seconds=ticket.wait_seconds(now),
        state=state,
    )
