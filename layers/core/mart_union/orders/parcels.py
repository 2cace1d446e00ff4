"""Parcels by their tracking numbers: a register that the orders' stream keeps, for carriers whose lists know nothing of orders."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from msgspec import Struct

from mart_union.kernel.clock import iso
from mart_union.orders.model import Order, Shipment
from mart_union.orders.tables import OrdersItem, parcel_item, parcel_pk

REQUIRED_COLUMNS = ("tracking_number", "event", "at")
OPTIONAL_COLUMNS = ("place", "estimated_by", "collected")
"""The columns of a carrier's list."""

_BEFORE, _AFTER = timedelta(days=90), timedelta(days=14)
"""Carriers give a number again after a while: news is of what was shipped at most so long before it, or is said to have been soon after."""

_MOST_PARCELS = 100
"""As many orders as a recipient has in one parcel, and fillers that others write for numbers."""


class Parcel(Struct, frozen=True):
    """A shipment of an order, found by its number, and who carries it."""

    carrier: str
    order: str
    shipment: str


def plain_number(text: str) -> str:
    """A tracking number as it is compared: its letters and digits, in capitals."""
    return "".join(each for each in text.upper() if each.isalnum())


def register_parcels(changes: Iterable[tuple[Order | None, Order]]) -> None:
    """Register the shipments that orders got by these changes, each with what it was before. One write each; repeating it changes nothing."""
    for before, after in changes:
        known = {parcel.id for parcel in before.shipments} if before is not None else set()
        for parcel in after.shipments:
            if parcel.id not in known and plain_number(parcel.tracking_number):
                _item(after, parcel).save()


def _item(order: Order, parcel: Shipment) -> OrdersItem:
    number = plain_number(parcel.tracking_number)
    return parcel_item(number, parcel.shipped_at, parcel.carrier, order.id, parcel.id)


def find_parcels(number: str, at: datetime) -> list[Parcel]:
    """The shipments under a tracking number of which news of a moment can be, newest first, whoever carries them: one parcel can have goods of several orders,
    to one recipient. One query. The register lags by a moment."""
    plain = plain_number(number)
    if not plain:
        return []
    around = OrdersItem.sk.between(iso(at - _BEFORE), f"{iso(at + _AFTER)}~")
    found = OrdersItem.query(parcel_pk(plain), around, limit=_MOST_PARCELS, scan_index_forward=False)
    return [Parcel(*item.sk.split("#")[1:4]) for item in found]
