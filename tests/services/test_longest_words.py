"""Words of offers and links are bounded by whatever way they come, as an upload's are: an item, an event and a page have room for so much."""

from __future__ import annotations

import json
from typing import Any

import pytest
from msgspec.structs import replace

from mart_union.kernel.errors import Invalid
from mart_union.mediation import service as mediation
from mart_union.mediation.model import Terms
from supply.app import lambda_handler as supply
from tests.gateway import CONTEXT, gateway_event
from tests.services.market import NOW
from tests.services.test_manage_catalog import api as manage
from tests.services.test_mediation import link, make_offer, make_store, make_supplier

TOO_LONG: list[tuple[str, Any]] = [
    ("titles", {"en": "x" * 151}),
    ("titles", {"en": "Tea", "zh-TW": "茶" * 151}),
    ("titles", {"en": "Tea", "tlh": "Tea"}),
    ("texts", {"en": "x" * 2001}),
    ("texts", {"tlh": "Tea"}),
    ("glyph", "x" * 17),
]
LONGEST: dict[str, Any] = {
    "titles": {"en": "x" * 150, "zh-TW": "茶" * 150},
    "texts": {"en": "x" * 2000, "zh-TW": "茶" * 2000},
    "glyph": "茶" * 16,
}


@pytest.mark.parametrize(("field", "words"), TOO_LONG)
def test_an_offer_of_longer_words_or_in_an_unknown_language_is_refused_and_nothing_is_changed(
    unique: str, field: str, words: Any
) -> None:
    made = make_offer(make_supplier(unique))
    with pytest.raises(Invalid) as refused:
        mediation.save_offer(replace(made, **{field: words}), 5, "owner", NOW)
    assert refused.value.facts["errors"][0]["field"] == field  # type: ignore[index]
    with pytest.raises(Invalid):
        mediation.save_offer(replace(made, sku="NEW", **{field: words}), 5, "owner", NOW)
    assert mediation.list_offers(unique).items == (mediation.get_offer(unique, made.sku),)
    assert mediation.get_offer(unique, made.sku).sequence == 1


@pytest.mark.parametrize(("field", "words"), TOO_LONG)
def test_a_link_of_longer_words_or_in_an_unknown_language_is_refused_and_nothing_is_changed(
    unique: str, field: str, words: Any
) -> None:
    store, offer = make_store(f"{unique}s"), make_offer(make_supplier(unique))
    before = link(store, offer)
    terms = Terms("tea", 23000, **{field: words})
    for sku in (before.sku, "NEW"):
        with pytest.raises(Invalid) as refused:
            link(store, offer, sku, terms)
        assert refused.value.facts["errors"][0]["field"] == field  # type: ignore[index]
    assert mediation.list_links(store).items == (before,)


def test_the_longest_words_that_an_upload_may_have_are_taken(unique: str) -> None:
    store, offer = make_store(f"{unique}s"), make_offer(make_supplier(unique), **LONGEST)
    made = link(store, offer, terms=Terms("tea", 23000, **LONGEST))
    assert {name: getattr(made, name) for name in LONGEST} == LONGEST


def test_by_api_the_refusal_names_the_field(unique: str) -> None:
    offer = make_offer(make_supplier(unique))
    terms = {
        "titles": {"en": "x" * 20_000},
        "supply_minor": 11000,
        "suggested_minor": 22000,
        "minimum_minor": 0,
        "granted_to": ["everyone"],
    }
    path, whose = f"/api/supply/{unique}/offers/BIG", {"subject": "owner", "role": "owner"}
    answer = supply(gateway_event("PUT", path, body=json.dumps(terms), **whose), CONTEXT)
    assert (answer["statusCode"], json.loads(answer["body"])["errors"][0]["field"]) == (422, "titles")
    store = make_store(f"{unique}s")
    wish = {"supplier": unique, "offer_sku": offer.sku, "category": "", "texts": {"en": "x" * 20_000}}
    status, told = manage("PUT", f"/manage/{store}/links/BIG", body=wish)
    assert (status, told["errors"][0]["field"]) == (422, "texts")
