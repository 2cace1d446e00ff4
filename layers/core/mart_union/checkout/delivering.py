"""How what a store sells gets to a recipient, for how much and by when. Pure rules."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from msgspec import Struct

from mart_union.catalog.carriers import Carrier
from mart_union.catalog.model import Listing, Store
from mart_union.catalog.postcodes import lies_within
from mart_union.checkout.model import Wanted
from mart_union.kernel.money import split
from mart_union.orders.procedures import is_carried, procedure_for, promised_by


class Delivering(Struct, frozen=True):
    """A store's way to a recipient: its carrier as the union describes it (None: it has none), and the postcode (None: not known yet)."""

    store: Store
    carrier: Carrier | None
    postcode: str | None

    def brings(self, listing: Listing) -> Carrier | None:
        """The carrier, where it is the one that brings a listing: not what is collected, done at an appointment or given online."""
        is_brought = self.carrier is not None and is_carried(procedure_for(self.store, listing))
        return self.carrier if is_brought else None

    def reaches(self, listing: Listing) -> bool:
        """Whether a listing can be had at the postcode, as far as that is known: its supplier delivers there, and so does the carrier that brings it."""
        if self.postcode is None:
            return True
        if listing.offer is not None and not lies_within(self.postcode, listing.offer.area):
            return False
        return self.carrier is None or self.carrier.delivers_to(self.postcode) or self.brings(listing) is None

    def promises(self, now: datetime, listing: Listing | None) -> str:
        """The moment (ISO) by which a listing that is bought now is promised: by the days of whoever fulfils it, and brought by the carrier or not."""
        if listing is None:
            return promised_by(self.store.lead_days, now, None, self.postcode)
        return promised_by(self.store.lead_days_of(listing), now, self.brings(listing), self.postcode)

    def charges(self, wished: Mapping[Wanted, Listing], step: int) -> dict[Wanted, int]:
        """What of the charge for delivery each wish bears, in minor units.

        A store charges once, in however many orders it serves what is wanted of it: for what its carrier brings, where it charges by that one's
        price table, and else as it says itself.
        """
        amounts = {wish: listing.price_minor * wish.quantity for wish, listing in wished.items()}
        table = self.carrier if self.store.delivery_by_table else None
        if table is None or not table.is_priced:
            bearing, charge = amounts, self.store.delivery_for(sum(amounts.values()))
        else:
            bearing = {wish: amounts[wish] for wish, listing in wished.items() if self.brings(listing)}
            units = sum(wish.quantity for wish in bearing)
            charge = table.price_for(sum(bearing.values()), units, self.postcode)
        parts = split_delivery(charge if bearing else 0, list(bearing.values()), step)
        return dict.fromkeys(wished, 0) | dict(zip(bearing, parts, strict=True))

    def goes_by_postcode(self, listings: Sequence[Listing]) -> bool:
        """Whether another postcode may change what delivery of some listings costs, when they come, or whether they can be had."""
        carried = (carrier for each in listings if (carrier := self.brings(each)) is not None)
        return any(each.offer is not None and each.offer.area for each in listings) or any(
            carrier.goes_by_postcode for carrier in carried
        )

    def transit_days(self, listing: Listing) -> int | None:
        """How long the carrier says that a listing is on its way; None where nobody says."""
        carrier = self.brings(listing)
        zone = carrier.zone_of(self.postcode) if carrier else None
        return zone.transit_days if zone else None


def split_delivery(delivery_minor: int, amounts: Sequence[int], step: int) -> list[int]:
    """A charge for delivery, spread over lines by their amounts; the remainder's keeper is the first line."""
    return split(delivery_minor, amounts, step) if delivery_minor else [0] * len(amounts)
