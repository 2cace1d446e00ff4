"""Items as they are sent: the same as PynamoDB would send, without its detours."""

from __future__ import annotations

import pytest
from pynamodb.attributes import AttributeContainer
from pynamodb.exceptions import AttributeNullError

from mart_union.catalog.tables import BuildItem, ShelfItem
from mart_union.mediation.tables import OfferItem
from mart_union.stock.tables import LevelItem
from tests.unit.test_mediation_rules import OFFER


@pytest.mark.parametrize(
    "item",
    [
        LevelItem("LEVEL#listing/tea/A", "LEVEL", reserve=5, on_sale=False, supply_tiers="10:90", sequence=3),
        LevelItem("LEVEL#listing/tea/A", "LEVEL", supply_tiers=None),
        OfferItem("SUPPLIER#maker", "OFFER#A", document=OFFER, sequence=7),
        BuildItem("BUILD#front", "BUILD", begun=2, owed={"tea", "rice"}),
    ],
)
def test_an_item_is_sent_as_pynamodb_would_send_it(item: LevelItem) -> None:
    sent = item.serialize()
    assert sent == AttributeContainer._container_serialize(item)
    assert type(item).from_raw_data(sent).attribute_values == {
        name: value for name, value in item.attribute_values.items() if value is not None
    }


def test_an_item_has_no_attribute_but_its_own_and_none_that_must_be_there_is_missing() -> None:
    with pytest.raises(ValueError, match="LevelItem has no colour"):
        LevelItem("LEVEL#listing/tea/A", "LEVEL", colour="green")
    with pytest.raises(AttributeNullError):
        ShelfItem("SHELF#front", "0001").serialize()


def test_the_defaults_of_one_item_are_not_those_of_another() -> None:
    first, second = LevelItem("LEVEL#a", "LEVEL"), LevelItem("LEVEL#b", "LEVEL")
    first.reserve = 9
    assert (first.reserve, second.reserve, second.sequence, second.on_sale) == (9, 0, 0, True)
