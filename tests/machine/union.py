"""Who and what there is in the small union in which the machine trades (`tests/world.py`)."""

from __future__ import annotations

from tests.world import OTHER_STORE, STORE

OWN = ((STORE, "OB-TOP"), (STORE, "OB-FINE-75G"), (OTHER_STORE, "PK-DAY-CEDAR"))
"""Listings of goods that stores have themselves."""

MEDIATED = (STORE, "GX-HERBTEA")
"""A listing of a supplier's goods."""

BUNDLE = (STORE, "OB-GIFT")
"""A listing that is made of two of the store's others."""

SERVICE = (STORE, "TASTE")
"""A listing that is booked at times."""

RUSHED = (STORE, "OB-RUSH")
"""A listing whose urgent sale lets so many buyers in a second."""

GOODS = (*OWN, MEDIATED, BUNDLE, SERVICE)
STAFF = {STORE: "owner-emei", OTHER_STORE: "owner-jianshi"}
SUPPLIERS_OWNER = "owner-guanxi"
SHIPPING = {"carrier": "windcity-express", "tracking_number": "WC-1"}
RECIPIENT = {
    "name": "Lin",
    "address_lines": ["1 Guangfu Rd"],
    "city": "Hsinchu",
    "postcode": "300",
    "phone": "0900-000-001",
}
"""Whom a shop of a seller's own has sold to."""
