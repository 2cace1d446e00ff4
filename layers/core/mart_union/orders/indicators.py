"""How well a store serves: what one order or response says of it, and the rates that many give together. Pure rules.

Only what a store does itself counts: the lines that it fulfils, and the answers that it gives. What a supplier does with its lines does not.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import timedelta

from msgspec import Struct
from msgspec.structs import asdict

from mart_union.kernel.clock import from_iso
from mart_union.orders.model import LATE, Order, Response, StepTaken
from mart_union.orders.procedures import procedure_of

WINDOWS = (30, 90)
"""Days over which the rates are told."""

_SENT = frozenset({"ready", "shipped", "delivered"})
_NEVER_PLACED = frozenset({"awaiting_payment", "expired"})


class Counts(Struct, frozen=True, omit_defaults=True):
    """What is counted of a store: `orders` that were placed, those `accepted` and in how many seconds altogether, those `shipped` (or ready to be
    collected, or done) and of them `late`, those `refused` by it or for its silence; its `parcels`, and those that their carrier has itself reported of
    (`tracked`); its `replies` to customers, and in how many seconds altogether."""

    orders: int = 0
    accepted: int = 0
    acceptance_seconds: int = 0
    shipped: int = 0
    late: int = 0
    refused: int = 0
    parcels: int = 0
    tracked: int = 0
    replies: int = 0
    reply_seconds: int = 0


class Rates(Struct, frozen=True):
    """A store's indicators over the orders placed, and the responses written, in the last so many `days`. Times are means in minutes, rates are
    basis points (100 is one in a hundred); null where nothing of the kind has been."""

    days: int
    orders: int
    acceptance_minutes: int | None
    late_shipment_basis_points: int | None
    refusal_basis_points: int | None
    valid_tracking_basis_points: int | None
    reply_minutes: int | None


def counted_order(order: Order) -> Counts:
    """What an order says of its store: nothing, where the store fulfils no line of it, or it was never paid.

    An order is late that left the store, or was ready or done, too late to arrive as promised; so is one that was found late and has not left: it counts
    as if it left then.
    """
    own = {line.number for line in order.lines if line.fulfiller == f"store/{order.store}"}
    moves = [taken for taken in order.history if own.intersection(taken.lines)]
    placed = any(line.number in own and line.state not in _NEVER_PLACED for line in order.lines)
    if not placed or any(taken.step == "withdraw" for taken in moves):
        return Counts()
    since = next((taken.at for taken in moves if taken.step == "pay"), order.placed_at)
    accepted = next((taken.at for taken in moves if taken.role == "store" and _effect(order, taken) != "refund"), "")
    sent = sent_at(order, own)
    parcels = [parcel for parcel in order.shipments if own.intersection(parcel.lines)]
    return Counts(
        orders=1,
        accepted=int(bool(accepted)),
        acceptance_seconds=_seconds(since, accepted) if accepted else 0,
        shipped=int(bool(sent)),
        late=int(is_late(order, own)),
        refused=int(any(_is_refusal(order, taken) for taken in moves)),
        parcels=len(parcels),
        tracked=sum(any(not each.by for each in parcel.events) for parcel in parcels),
    )


def is_late(order: Order, numbers: Collection[int]) -> bool:
    """Whether some lines left, or were ready or done, too late to arrive as promised: of those that have one promise, as the first of them did."""
    alike: dict[str, set[int]] = {}
    for line in order.lines:
        if line.number in numbers:
            alike.setdefault(order.ship_by(line), set()).add(line.number)
    return any(sent_at(order, some) > ship_by for ship_by, some in alike.items())


def sent_at(order: Order, numbers: Collection[int]) -> str:
    """When some lines of an order were first shipped, ready to be collected, or done (ISO): what was found late and has not left, as if it left then; ''
    where none has."""
    moves = [taken for taken in order.history if set(taken.lines).intersection(numbers)]
    sent = next((taken.at for taken in moves if _leads_to(order, taken) in _SENT), "")
    return sent or next((taken.at for taken in moves if taken.step == LATE), "")


def counted_response(response: Response) -> Counts:
    """What a response says of its store: how long it took to answer, where it was the store that did."""
    if response.answered_by != f"store/{response.store}":
        return Counts()
    return Counts(replies=1, reply_seconds=_seconds(response.at, response.answered_at))


def _effect(order: Order, taken: StepTaken) -> str:
    rule = procedure_of(order).step(taken.step)
    return rule.effect if rule else ""


def _leads_to(order: Order, taken: StepTaken) -> str:
    rule = procedure_of(order).step(taken.step)
    return rule.to_state if rule else ""


def _is_refusal(order: Order, taken: StepTaken) -> bool:
    """Whether the store gave lines back, or its silence did: a deadline took the step. What a customer cancels, or a card does not pay, is neither."""
    by_store = taken.role == "store" or (taken.role, taken.actor) == ("system", "system")
    return by_store and _effect(order, taken) == "refund"


def _seconds(since: str, until: str) -> int:
    return max(int((from_iso(until) - from_iso(since)) / timedelta(seconds=1)), 0)


def more_than(after: Counts, before: Counts) -> dict[str, int]:
    """What must be added to the counts before to have those after, by name; {} where nothing does."""
    known = asdict(before)
    return {name: number - known[name] for name, number in asdict(after).items() if number != known[name]}


def rates_of(days: int, counts: Iterable[Counts]) -> Rates:
    """The rates of the counts of some days."""
    totals = dict.fromkeys(Counts.__struct_fields__, 0)
    for each in counts:
        for name, number in asdict(each).items():
            totals[name] += number
    return Rates(
        days=days,
        orders=totals["orders"],
        acceptance_minutes=_share(totals["acceptance_seconds"], 60 * totals["accepted"]),
        late_shipment_basis_points=_share(10_000 * totals["late"], totals["shipped"]),
        refusal_basis_points=_share(10_000 * totals["refused"], totals["orders"]),
        valid_tracking_basis_points=_share(10_000 * totals["tracked"], totals["parcels"]),
        reply_minutes=_share(totals["reply_seconds"], 60 * totals["replies"]),
    )


def _share(part: int, whole: int) -> int | None:
    """A quotient rounded half up, None of nothing."""
    return (2 * part + whole) // (2 * whole) if whole else None
