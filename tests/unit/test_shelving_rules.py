"""Which shelves an event makes stale."""

from __future__ import annotations

from typing import Any

import pytest

from mart_union.kernel.events import Event
from shelving.app import shelves_of


@pytest.mark.parametrize(
    ("name", "entity", "data", "shelves"),
    [
        ("UnionChanged", "union", {}, {"front"}),
        ("StoreChanged", "store/emei-tea", {}, {"front", "store/emei-tea"}),
        ("CategoryChanged", "category//tea", {}, {"front", "categories"}),
        ("CategoryChanged", "category/emei-tea/tea.oolong", {}, {"store/emei-tea"}),
        ("ListingChanged", "listing/emei-tea/OB-TOP", {"store": "emei-tea"}, {"store/emei-tea"}),
        ("LinkChanged", "link/emei-tea/GX-1", {"store": "emei-tea"}, {"store/emei-tea"}),
        ("StockOut", "level/listing/emei-tea/OB-TOP", {}, {"store/emei-tea"}),
        ("StockBack", "level/listing/emei-tea/OB-TOP", {}, {"store/emei-tea"}),
        ("StockOut", "level/offer/guanxi-growers/HERB-TEA", {}, set()),
        ("OrderPlaced", "order/o1", {}, set()),
    ],
)
def test_an_event_makes_the_shelves_stale_that_show_its_subject(
    name: str, entity: str, data: dict[str, Any], shelves: set[str]
) -> None:
    assert set(shelves_of(Event("e1", name, entity, 1, "2026-11-20T03:00:00.000Z", data))) == shelves
