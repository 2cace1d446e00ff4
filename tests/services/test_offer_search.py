"""A search of offers reads what one page needs, however many suppliers the union has."""

from __future__ import annotations

from mart_union.mediation import service as mediation
from mart_union.mediation.offers import Found
from tests.services.capacity import measured
from tests.services.market import NOW
from tests.services.test_mediation import make_offer, make_supplier


def search(classification: str, cursor: str = "", **more: str) -> tuple[Found, list[str]]:
    with measured() as capacity:
        found = mediation.search_offers_for("a-store", classification, cursor=cursor, limit=5, **more)
    return found, capacity.requests


def test_of_one_supplier_it_reads_the_supplier_and_its_offers(unique: str) -> None:
    for number in range(12):
        make_supplier(f"{unique}-{number:02d}")
    make_offer(f"{unique}-11", granted_to=(f"classification:{unique}",))
    found, requests = search(unique, supplier=f"{unique}-11")
    assert ([offer.supplier for offer in found.offers], found.next) == ([f"{unique}-11"], "")
    assert requests == ["GetItem", "Query"]


def test_of_all_suppliers_each_page_reads_nine_times_at_most_and_the_pages_find_every_offer(unique: str) -> None:
    suppliers = [f"{unique}-{number:02d}" for number in range(20)]
    for supplier in suppliers:
        make_offer(make_supplier(supplier), granted_to=(f"classification:{unique}",))
    found: list[str] = []
    cursor, pages = f"{unique}-/", 0  # those of other tests stand before
    while cursor and cursor < f"{unique}-99":
        page, requests = search(unique, cursor)
        assert len(requests) <= 9
        found += [offer.supplier for offer in page.offers if offer.supplier.startswith(unique)]
        cursor, pages = page.next, pages + 1
    assert found == suppliers
    assert pages >= 4


def test_a_supplier_that_is_not_approved_has_no_offers_to_find(unique: str) -> None:
    make_offer(make_supplier(unique), granted_to=("everyone",))
    mediation.decide_supplier(unique, False, "operator", NOW)
    found, requests = search("any", supplier=unique)
    assert (found, requests) == (Found(()), ["GetItem"])
