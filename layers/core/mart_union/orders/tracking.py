"""What carriers report of the shipments that they carry."""

from __future__ import annotations

from datetime import datetime, timedelta

from msgspec.structs import replace

from mart_union.kernel.clock import from_iso, iso
from mart_union.kernel.errors import Forbidden, Invalid, NotFound, RuleViolation
from mart_union.orders.model import Order, Shipment
from mart_union.orders.service import change_order
from mart_union.orders.steps import Details, apply_step

TRACKING_EVENTS = ("picked_up", "in_transit", "out_for_delivery", "failed_attempt", "delivered")
_MOST_EVENTS = 100
_AHEAD = timedelta(minutes=5)  # a carrier's clock may be a little fast


def add_tracking_event(
    order: str, shipment: str, event: str, at: str, *, carrier: str, now: datetime, collected_minor: int = 0
) -> Order:
    """Record what a carrier reports of its shipment; `delivered` also takes the deliver step, as the system, with what it collected of an
    order that is paid on delivery.

    The same report again changes nothing, and reports may come in any order.

    Raises:
        NotFound: there is no such order or shipment.
        Forbidden: another carrier carries it.
        Invalid: unknown event, or a moment that is malformed or ahead of now.
        RuleViolation: the shipment has too many reports, or what was collected is not what the order costs.
    """
    moment = _checked(event, at, now)

    def change(before: Order) -> Order:
        parcel = _parcel(before, shipment, carrier)
        if (moment, event) in parcel.events:
            return before
        if len(parcel.events) >= _MOST_EVENTS:
            raise RuleViolation(f"a shipment has at most {_MOST_EVENTS} reports")
        reported = replace(parcel, events=tuple(sorted((*parcel.events, (moment, event)))))
        parcels = tuple(reported if one.id == shipment else one for one in before.shipments)
        told = replace(before, shipments=parcels)
        arrived = [line.number for line in before.lines if line.number in parcel.lines and line.state == "shipped"]
        if event != "delivered" or not arrived:
            return replace(told, sequence=before.sequence + 1)
        key = f"carrier-{shipment}-{moment}"
        who, details = f"carrier/{carrier}", Details(collected_minor=collected_minor, collected_by="carrier")
        return apply_step(
            told, "deliver", role="system", actor=who, at=iso(now), key=key, lines=arrived, details=details
        )

    return change_order(order, "system", "", change, now)


def _checked(event: str, at: str, now: datetime) -> str:
    if event not in TRACKING_EVENTS:
        reason = f"an event is one of {', '.join(TRACKING_EVENTS)}"
        raise Invalid(reason, errors=[{"field": "event", "reason": reason}])
    try:
        moment = from_iso(at)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None or moment > now + _AHEAD:
        reason = "give a past moment with its time zone, such as 2026-12-01T10:00:00+08:00"
        raise Invalid(reason, errors=[{"field": "at", "reason": reason}])
    return iso(moment)


def _parcel(order: Order, shipment: str, carrier: str) -> Shipment:
    parcel = next((one for one in order.shipments if one.id == shipment), None)
    if parcel is None:
        raise NotFound("there is no such shipment of this order")
    if parcel.carrier != carrier:
        raise Forbidden("another carrier carries this shipment")
    return parcel
