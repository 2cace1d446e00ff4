"""What is reported of shipments on their way: by the carriers themselves, or by hand by whoever sent them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from msgspec import Struct
from msgspec.structs import replace

from mart_union.kernel.clock import from_iso, iso
from mart_union.kernel.errors import Forbidden, Invalid, NotFound, RuleViolation
from mart_union.orders.clocks import with_clock
from mart_union.orders.model import SYSTEM, Order, Shipment, TrackingEvent, checked_text
from mart_union.orders.service import change_order
from mart_union.orders.steps import Details, apply_step

TRACKING_EVENTS = ("picked_up", "in_transit", "out_for_delivery", "failed_attempt", "delivered")
LONGEST_PLACE = 80
MOST_REPORTS = 300
"""Of all shipments of an order together: an item of the table holds 400 KB. That something has arrived always finds room."""
_AHEAD = timedelta(minutes=5)  # a carrier's clock may be a little fast
_MOST_AHEAD = _MOST_BEHIND = timedelta(days=365)


class ParcelNews(Struct, frozen=True):
    """What is told of a shipment: one of TRACKING_EVENTS, when (ISO), where, and, if that is known, by when it is expected (ISO)."""

    shipment: str
    event: str
    at: str
    place: str = ""
    estimated_by: str = ""


class _Teller(Struct, frozen=True):
    """Who tells of it, and how that takes the step that an arrival is. A carrier (`carrier/<id>`) tells of what it carries, a fulfiller of what it
    sent."""

    party: str
    role: str
    actor: str
    details: Details = Details()

    @property
    def is_carrier(self) -> bool:
        return self.party.startswith("carrier/")


def add_tracking_event(
    order: str,
    shipment: str,
    event: str,
    at: str,
    *,
    carrier: str,
    now: datetime,
    place: str = "",
    estimated_by: str = "",
    collected_minor: int = 0,
) -> Order:
    """Record what a carrier reports of its shipment; `delivered` also takes the deliver step, as the system, with what it collected of an
    order that is paid on delivery.

    The same report again changes nothing, and reports may come in any order. Of when it is expected (`estimated_by`), the newest report holds, and of several of
    one moment the latest day.

    Raises:
        NotFound: there is no such order or shipment.
        Forbidden: another carrier carries it.
        Invalid: unknown event, too long a place, a moment that is malformed or ahead of now, or an estimate that is none.
        RuleViolation: the order has too many reports, or what was collected is not what it costs.
        Busy: other changes kept winning.
    """
    news = ParcelNews(shipment, event, at, place, estimated_by)
    return _add(order, news, _carrier(carrier, collected_minor), now)


def is_news(order: Order, news: ParcelNews, *, carrier: str, now: datetime, collected_minor: int = 0) -> bool:
    """Whether what a carrier reports would change an order as it stands. Nothing is read or written.

    Raises:
        NotFound, Forbidden, Invalid, RuleViolation: as for `add_tracking_event`.
        MartUnionError: what else the step refuses that an arrival is.
    """
    return _change(news, _carrier(carrier, collected_minor), now)(order) is not order


def _carrier(carrier: str, collected_minor: int) -> _Teller:
    party, details = f"carrier/{carrier}", Details(collected_minor=collected_minor, collected_by="carrier")
    return _Teller(party, SYSTEM, party, details)


def add_news_by_hand(order: str, news: ParcelNews, *, actor: str, fulfiller: str, now: datetime) -> Order:
    """Record what those who sent a shipment (`store/<id>` or `supplier/<id>`) know of it; `delivered` also takes their deliver step. The same again
    changes nothing, whoever told of it first, and in any order.

    Raises:
        NotFound: there is no such order of theirs, or no such shipment.
        Forbidden: another sent it.
        Invalid: as for `add_tracking_event`.
        RuleViolation: the order has too many reports, or it is paid on delivery: that takes the step itself, with what was collected.
        Busy: other changes kept winning.
    """
    return _add(order, news, _Teller(fulfiller, fulfiller.partition("/")[0], actor), now)


def _add(order: str, news: ParcelNews, teller: _Teller, now: datetime) -> Order:
    change = _change(news, teller, now)
    return change_order(order, teller.role, "" if teller.is_carrier else teller.party, change, now)


def _change(news: ParcelNews, teller: _Teller, now: datetime) -> Callable[[Order], Order]:
    event = replace(checked_news(news, now), by="" if teller.is_carrier else teller.role)

    def change(before: Order) -> Order:
        return _recorded(before, _parcel(before, news.shipment, teller), event, teller, now)

    return change


def _recorded(before: Order, parcel: Shipment, news: TrackingEvent, teller: _Teller, now: datetime) -> Order:
    if any(known.told == news.told and known.by in {"", news.by} for known in parcel.events):
        return before
    arrived = [line.number for line in before.lines if line.number in parcel.lines and line.state == "shipped"]
    arrives = news.event == "delivered" and bool(arrived)
    if sum(len(one.events) for one in before.shipments) >= MOST_REPORTS and not arrives:
        raise RuleViolation(f"the parcels of an order have at most {MOST_REPORTS} reports", most=MOST_REPORTS)
    checked_text(before, "" if arrives else news.place)
    events = tuple(sorted((*(known for known in parcel.events if known.told != news.told), news)))
    reported = replace(parcel, events=events, estimated_by=_newest_estimate(events) or parcel.estimated_by)
    told = replace(before, shipments=tuple(reported if one.id == parcel.id else one for one in before.shipments))
    if not arrives:
        return with_clock(replace(told, sequence=before.sequence + 1), iso(now))
    return apply_step(
        told,
        "deliver",
        role=teller.role,
        actor=teller.actor,
        at=iso(now),
        key=f"{'carrier' if teller.is_carrier else 'hand'}-{parcel.id}-{news.at}",
        lines=arrived,
        fulfiller=teller.party,
        details=teller.details,
    )


def _newest_estimate(events: Sequence[TrackingEvent]) -> str:
    return next((each.estimated_by for each in reversed(events) if each.estimated_by), "")


def checked_news(news: ParcelNews, now: datetime) -> TrackingEvent:
    """What is told, with its moments in UTC, if it can have happened.

    Raises:
        Invalid: it cannot; `errors` names the field.
    """
    _need(news.event in TRACKING_EVENTS, "event", f"an event is one of {', '.join(TRACKING_EVENTS)}")
    earliest = now - _MOST_BEHIND
    past = "give a moment of the year that has passed, with its time zone, such as 2026-12-01T10:00:00+08:00"
    moment = _moment("at", news.at, earliest, now + _AHEAD, past)
    _need(len(news.place) <= LONGEST_PLACE, "place", f"a place has at most {LONGEST_PLACE} characters")
    within = "give a moment within a year, with its time zone, such as 2026-12-01T10:00:00+08:00"
    expected = (
        _moment("estimated_by", news.estimated_by, earliest, now + _MOST_AHEAD, within) if news.estimated_by else ""
    )
    return TrackingEvent(moment, news.event, news.place.strip(), expected)


def _moment(field: str, text: str, earliest: datetime, latest: datetime, reason: str) -> str:
    try:
        moment = from_iso(text)
        fits = moment.tzinfo is not None and earliest <= moment <= latest
    except (ValueError, OverflowError):
        fits = False
    _need(fits, field, reason)
    return iso(moment)


def _need(holds: bool, field: str, reason: str) -> None:
    if not holds:
        raise Invalid(reason, errors=[{"field": field, "reason": reason}])


def _parcel(order: Order, shipment: str, teller: _Teller) -> Shipment:
    """The shipment, if it is the teller's to tell of."""
    parcel = next((one for one in order.shipments if one.id == shipment), None)
    if parcel is None:
        raise NotFound("there is no such shipment of this order")
    if teller.is_carrier and parcel.carrier != teller.party.removeprefix("carrier/"):
        raise Forbidden("another carrier carries this shipment")
    if not teller.is_carrier and any(
        one.fulfiller != teller.party for one in order.lines if one.number in parcel.lines
    ):
        raise Forbidden("another sent this shipment")
    return parcel
