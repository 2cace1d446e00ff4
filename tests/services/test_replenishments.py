"""Terms with suppliers and replenishments on real tables, and as API Gateway calls for them."""

from __future__ import annotations

import contextlib
import json
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import pytest
from msgspec.structs import replace

from manage.app import lambda_handler as manage
from mart_union.catalog import service as catalog
from mart_union.catalog.model import Union, listing_level
from mart_union.customers.contacts import find_contact
from mart_union.customers.model import Contact
from mart_union.kernel.clock import iso
from mart_union.kernel.errors import Conflict, Invalid, KeyReused, NotFound, RuleViolation
from mart_union.kernel.settings import settings
from mart_union.mediation import service as mediation
from mart_union.mediation.model import Supplier
from mart_union.mediation.replenishment import Replenishment, Supplied, SupplierTerms
from mart_union.mediation.tables import (
    ReplenishmentItem,
    TermsItem,
    asked_key,
    replenishment_key,
    supplier_item,
    terms_key,
)
from mart_union.stock.service import get_level
from supply.app import lambda_handler as supply
from tests.gateway import CONTEXT, gateway_event, headers_of
from tests.services.capacity import measured
from tests.services.test_catalog import laid_in, listing, opened, union
from tests.services.test_mediation import link, make_offer, make_supplier

__all__ = ["union"]

NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
LU = Contact("Lu Mei", "lu@guanxi.example", "03 555 0101")


@pytest.fixture
def store(union: Union, unique: str) -> str:
    opened(unique)
    laid_in(listing(unique, "A-1"), 5)
    laid_in(listing(unique, "B-1"), 0)
    make_supplier(f"{unique}-s")
    return unique


def terms(store: str, contact: Contact | None = LU, **changes: Any) -> SupplierTerms:
    supplies = {"A-1": Supplied(10_000, "G-7"), "B-1": Supplied(2_500)}
    wanted = SupplierTerms(store, f"{store}-s", supplies, lead_days=3, minimum_minor=50_000)
    return mediation.save_terms(replace(wanted, **changes), contact, "manager", NOW)


def place(store: str, units: dict[str, int] | None = None, key: str = "key-0001", **changes: Any) -> Replenishment:
    wanted = {"A-1": 10, "B-1": 4} if units is None else units
    facts: dict[str, Any] = {"key": key, "actor": "manager", "now": NOW, **changes}
    return mediation.place_replenishment(store, facts.pop("supplier", f"{store}-s"), wanted, **facts)


def receive(made: Replenishment, units: dict[str, int], key: str = "came-0001", *, more: bool = False) -> Replenishment:
    return mediation.receive(made.store, made.id, units, key=key, actor="packer", now=NOW, more=more)


def reserves(store: str) -> tuple[int, int]:
    return get_level(listing_level(store, "A-1")).reserve, get_level(listing_level(store, "B-1")).reserve


def test_terms_are_kept_and_the_same_again_writes_nothing(store: str) -> None:
    made = terms(store)
    assert (made.joined, made.names, made.sequence) == (True, {}, 1)
    assert terms(store) == made == mediation.get_terms(store, f"{store}-s")
    assert mediation.get_terms_with_contact(store, f"{store}-s") == (made, LU)
    assert mediation.list_terms(store).items == (made,)


def test_one_of_the_unions_suppliers_names_itself(store: str) -> None:
    with pytest.raises(Invalid) as refused:
        terms(store, names={"en": "Another name"})
    assert [each["field"] for each in refused.value.facts["errors"]] == ["names"]
    assert mediation.list_terms(store).items == ()


def test_a_contact_is_erased_when_another_takes_its_place_or_none_does(store: str) -> None:
    first = terms(store)
    assert "Lu Mei" not in json.dumps(TermsItem.get(*terms_key(store, f"{store}-s")).serialize(), ensure_ascii=False)
    second = terms(store, Contact("Chen An"))
    assert find_contact(first.contact) is None
    assert find_contact(second.contact) == Contact("Chen An")
    third = terms(store, None)
    assert (third.contact, find_contact(second.contact)) == ("", None)


def test_a_supplier_that_is_not_of_the_union_is_the_stores_own_record_for_good(store: str) -> None:
    with pytest.raises(Invalid):
        terms(store, supplier=f"{store}-own")
    own = terms(store, supplier=f"{store}-own", names={"en": "Uncle's farm"})
    assert (own.joined, own.names) == (False, {"en": "Uncle's farm"})
    made = place(store, supplier=f"{store}-own")
    make_supplier(f"{store}-own")
    assert terms(store, supplier=f"{store}-own", names={"en": "Uncle's farm"}, lead_days=9).joined is False
    assert place(store, key="key-0002", supplier=f"{store}-own").joined is False
    assert mediation.list_asked(f"{store}-own").items == ()
    assert next(each.id for each in mediation.list_replenishments(store).items) == made.id


@pytest.mark.parametrize(
    ("changes", "kind"),
    [
        ({"supplier": "No Slug"}, Invalid),
        ({"supplies": {"NOTHING": Supplied(1)}}, NotFound),
        ({"supplies": {"L-1": Supplied(1)}}, RuleViolation),
        ({"supplies": {"SET-1": Supplied(1)}}, RuleViolation),
        ({"lead_days": -1}, Invalid),
    ],
)
def test_terms_that_cannot_be_are_refused_and_nothing_is_kept(
    store: str, changes: dict[str, Any], kind: type[Exception]
) -> None:
    link(store, make_offer(f"{store}-s"), "L-1")
    catalog.save_listing(listing(store, "SET-1", parts={"A-1": 2}), "staff", NOW)
    with pytest.raises(kind):
        terms(store, **changes)
    with pytest.raises(Invalid):
        terms(store, Contact(" "))
    assert mediation.list_terms(store).items == ()


def test_a_replenishment_is_ordered_once_a_key(store: str) -> None:
    terms(store)
    made = place(store)
    assert (made.total_minor, made.expected_on, made.state) == (110_000, "2026-11-25", "ordered")
    assert place(store) == made == mediation.get_replenishment(store, made.id)
    with pytest.raises(KeyReused):
        place(store, {"A-1": 11})
    with pytest.raises(NotFound, match="has no terms with"):
        place(store, key="key-0002", supplier="nobody")
    assert mediation.list_replenishments(store).items == mediation.list_asked(f"{store}-s").items == (made,)


def test_of_many_orders_under_one_key_at_once_one_is_made(store: str) -> None:
    terms(store)
    with ThreadPoolExecutor(8) as threads:
        made = list(threads.map(lambda _: place(store), range(8)))
    assert {each.id for each in made} == {made[0].id}
    assert len(mediation.list_replenishments(store).items) == 1


def test_a_partial_receipt_books_stock_in_once_a_key(store: str) -> None:
    terms(store)
    made = place(store)
    part = receive(made, {"A-1": 4})
    assert (part.state, reserves(store)) == ("partly_received", (9, 0))
    level = get_level(listing_level(store, "A-1"))
    assert (level.reason, level.reference, level.received) == ("replenishment", f"replenishment/{made.id}", 4)
    assert receive(made, {"A-1": 4}) == part
    with pytest.raises(KeyReused):
        receive(made, {"A-1": 5})
    whole = receive(made, {"A-1": 6, "B-1": 4}, "came-0002")
    assert (whole.state, reserves(store)) == ("received", (15, 4))
    assert mediation.list_replenishments(store).items == mediation.list_asked(f"{store}-s").items == ()
    assert mediation.list_replenishments(store, "2026-11").items == (whole,)
    assert mediation.list_asked(f"{store}-s", "2026-11").items == (whole,)


def test_of_many_receipts_at_once_each_key_books_in_once_and_never_more_than_ordered(store: str) -> None:
    terms(store)
    made = place(store)

    def come(number: int) -> str:
        try:
            receive(made, {"A-1": 3}, f"came-{number // 2:04}")
        except RuleViolation as refused:
            return str(refused.facts["reason"])
        return "booked"

    with ThreadPoolExecutor(8) as threads:
        ends = list(threads.map(come, range(8)))
    after = mediation.get_replenishment(store, made.id)
    assert after.lines[0].received == 9
    assert len(after.receipts) == 3
    assert reserves(store) == (14, 0)
    assert ends.count("more") == 2
    assert get_level(listing_level(store, "A-1")).balances()


def test_a_refused_receipt_books_nothing_in(store: str) -> None:
    terms(store)
    made = place(store)
    for units, kind in (
        ({"A-1": 11}, RuleViolation),
        ({"C-1": 1}, RuleViolation),
        ({"A-1": 0}, Invalid),
        ({}, Invalid),
    ):
        with pytest.raises(kind):
            receive(made, units)
    with pytest.raises(NotFound):
        mediation.receive(store, "nothing", {"A-1": 1}, key="came-0001", actor="packer", now=NOW)
    assert (mediation.get_replenishment(store, made.id), reserves(store)) == (made, (5, 0))
    more = receive(made, {"A-1": 11}, more=True)
    assert (more.lines[0].received, reserves(store)) == (11, (16, 0))


def test_the_rest_is_cancelled_and_what_came_stays_in_stock(store: str) -> None:
    terms(store)
    made = place(store)
    receive(made, {"A-1": 4})
    cancelled = mediation.cancel_rest(store, made.id, actor="manager", now=NOW)
    assert (cancelled.state, reserves(store)) == ("closed", (9, 0))
    assert mediation.cancel_rest(store, made.id, actor="manager", now=NOW) == cancelled
    assert mediation.list_replenishments(store).items == ()
    with pytest.raises(RuleViolation):
        receive(made, {"A-1": 1}, "came-0002")
    assert reserves(store) == (9, 0)


def test_a_receipt_and_a_cancel_at_once_leave_one_truth(store: str) -> None:
    terms(store)
    for number in range(4):
        made = place(store, key=f"key-{number:04}")
        before = reserves(store)[0]

        def come(made: Replenishment = made) -> None:
            with contextlib.suppress(RuleViolation):
                receive(made, {"A-1": 10})

        def cancel(made: Replenishment = made) -> None:
            mediation.cancel_rest(store, made.id, actor="manager", now=NOW)

        with ThreadPoolExecutor(2) as threads:
            for done in (threads.submit(come), threads.submit(cancel)):
                done.result()
        after = mediation.get_replenishment(store, made.id)
        assert reserves(store)[0] - before == after.lines[0].received
        assert after.state in {"closed", "cancelled"}
        assert ReplenishmentItem.get(*asked_key(f"{store}-s", made.id)).document == after


def test_terms_that_changed_since_they_were_read_are_not_written_over(
    store: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    terms(store)
    stale = TermsItem.get(*terms_key(store, f"{store}-s"))
    current = terms(store, lead_days=4)
    monkeypatch.setattr("mart_union.mediation.supply_terms.find", lambda *_, **__: stale)
    with pytest.raises(Conflict):
        terms(store, lead_days=5)
    monkeypatch.undo()
    assert mediation.get_terms(store, f"{store}-s") == current


def ask(method: str, path: str, *, function: Any = manage, role: str = "manager", **options: Any) -> tuple[int, Any]:
    answer = function(gateway_event(method, path, subject=f"{role}-1", role=role, **options), CONTEXT)
    body = answer["body"]
    return answer["statusCode"], json.loads(body) if path.startswith("/api/") else body or headers_of(answer)[
        "location"
    ]


def test_the_api_and_the_pages_walk_a_replenishment_from_terms_to_stock(store: str) -> None:
    base = f"/manage/{store}"
    wanted = {"supplies": {"A-1": {"unit_minor": 10_000}}, "lead_days": 2, "contact": {"name": "Lu Mei"}}
    status, agreed = ask("PUT", f"/api{base}/suppliers/{store}-s", body=wanted)
    assert (status, agreed["joined"], agreed["contact"]["name"]) == (200, True, "Lu Mei")
    assert ask("GET", f"/api{base}/suppliers/{store}-s") == (200, agreed)
    assert ask("GET", f"/api{base}/supplier-terms")[1]["items"] == [{**agreed, "contact": None}]
    body = {"supplier": f"{store}-s", "units": {"A-1": 6}, "note": "by the back door"}
    status, made = ask("POST", f"/api{base}/replenishments", body=body, headers={"Idempotency-Key": "order-0001"})
    assert (status, made["state"], made["total_minor"]) == (201, "ordered", 60_000)
    path = f"{base}/replenishments/{made['id']}"
    status, part = ask(
        "POST",
        f"/api{path}/receipts",
        role="packer",
        body={"units": {"A-1": 2}},
        headers={"Idempotency-Key": "came-0001"},
    )
    assert (status, part["state"], reserves(store)[0]) == (201, "partly_received", 7)
    assert ask("GET", f"/api/supply/{store}-s/replenishments", function=supply, role="member")[1]["items"][0][
        "lines"
    ] == [{"sku": "A-1", "ordered": 6, "unit_minor": 10_000, "received": 2, "cancelled": 0}]
    form = {"units-A-1": "3", "idempotency_key": "came-0002"}
    assert ask("POST", f"{path}/receipts", role="packer", form=form) == (303, f"/union{path}")
    assert ask("POST", f"/api{path}/cancel", role="packer")[0] == 403
    assert ask("POST", f"{path}/cancel") == (303, f"/union{path}")
    assert ask("GET", f"/api{path}")[1]["state"] == "closed"
    assert ask("GET", f"/api{base}/replenishments")[1]["items"] == []
    assert (
        ask("GET", f"/api{base}/replenishments", query={"month": made["placed_at"][:7]})[1]["items"][0]["id"]
        == made["id"]
    )
    assert ask("GET", f"/api{base}/replenishments", query={"month": "2026-13"})[0] == 422
    assert (
        ask("GET", f"/api/supply/{store}-s/replenishments", function=supply, role="member", query={"month": "x"})[0]
        == 422
    )
    assert reserves(store)[0] == 10


def test_the_forms_of_terms_and_orders_are_taken_and_go_back(store: str) -> None:
    base, supplier = f"/manage/{store}", f"{store}-s"
    form = {"sku-1": "a-1", "price-1": "100", "number-1": "G-7", "sku-2": "B-1", "lead_days": "3", "minimum": "500"}
    form |= {"contact_name": "Lu Mei", "contact_phone": "03 555 0101"}
    assert ask("POST", f"{base}/suppliers/{supplier}", form=form) == (303, f"/union{base}/suppliers/{supplier}")
    saved, contact = mediation.get_terms_with_contact(store, supplier)
    assert saved.supplies == {"A-1": Supplied(10_000, "G-7"), "B-1": Supplied(0)}
    assert (saved.lead_days, saved.minimum_minor, contact) == (3, 50_000, Contact("Lu Mei", "", "03 555 0101"))
    assert ask("GET", f"{base}/suppliers", query={"supplier": supplier}) == (303, f"/union{base}/suppliers/{supplier}")
    assert ask("GET", f"{base}/suppliers", query={"supplier": "//elsewhere.example"})[0] == 422
    page = ask("GET", f"{base}/suppliers/{supplier}")[1]
    assert 'value="100"' in page
    assert "Lu Mei" in page
    form = {"supplier": supplier, "units-A-1": "6", "units-B-1": "0", "idempotency_key": "order-0001"}
    status, location = ask("POST", f"{base}/replenishments", form=form)
    assert (status, location.rsplit("/", 1)[0]) == (303, f"/union{base}/replenishments")
    assert ask("POST", f"{base}/replenishments", form=form) == (status, location)
    [made] = mediation.list_replenishments(store).items
    assert {line.sku: line.ordered for line in made.lines} == {"A-1": 6}
    assert ask("POST", f"{base}/suppliers/{supplier}", form={"lead_days": "soon"})[0] == 422
    bad = {"supplier": supplier, "units-A-1": "some", "idempotency_key": "order-0002"}
    assert ask("POST", f"{base}/replenishments", form=bad)[0] == 422


def test_every_page_renders_in_every_language(store: str) -> None:
    terms(store)
    made = place(store)
    receive(made, {"A-1": 1})
    pages = ["suppliers", f"suppliers/{store}-s", "suppliers/somebody", "replenishments", f"replenishments/{made.id}"]
    for language in settings().languages:
        headers = {"Accept-Language": language}
        for page in pages:
            status, body = ask("GET", f"/manage/{store}/{page}", headers=headers)
            assert (status, "<h1>" in body) == (200, True), page
        status, body = ask("GET", f"/supply/{store}-s/replenishments", function=supply, role="member", headers=headers)
        assert (status, store in body) == (200, True)
    assert ReplenishmentItem.get(*replenishment_key(store, made.id)).sequence == 2


def test_pages_call_suppliers_by_their_names_for_one_batch_read(store: str) -> None:
    joined, own, union_name = f"{store}-t", f"{store}-own", "Guanxi Growers"
    supplier_item(Supplier(joined, {"en": union_name}, {}, "HS-1", "ben", "approved", iso(NOW))).save()
    terms(store, None, supplier=joined)
    terms(store, None, supplier=own, names={"en": "Pots by Hu"})
    made, of_own = place(store, supplier=joined), place(store, key="key-0002", supplier=own)
    english = {"Accept-Language": "en"}
    with measured() as capacity:
        page = ask("GET", f"/manage/{store}/replenishments", role="packer", headers=english)[1]
    assert capacity.requests == ["Query", "BatchGetItem"]
    assert (f">{union_name}<" in page, ">Pots by Hu<" in page, f">{joined}<" in page) == (True, True, False)
    for order, name in ((made, union_name), (of_own, "Pots by Hu")):
        for role in ("packer", "manager"):
            page = ask("GET", f"/manage/{store}/replenishments/{order.id}", role=role, headers=english)[1]
            link = f'href="/union/manage/{store}/suppliers/{order.supplier}">{name}<'
            assert (f">{name}<" in page, link in page) == (True, role == "manager")
    page = ask("GET", f"/manage/{store}/suppliers", headers=english)[1]
    assert (f">{union_name}</a></th>" in page, ">Pots by Hu</a></th>" in page) == (True, True)
    assert f"<h1>{union_name}</h1>" in ask("GET", f"/manage/{store}/suppliers/{joined}", headers=english)[1]


def test_the_suppliers_page_calls_stores_by_their_names_for_one_batch_read(store: str) -> None:
    terms(store)
    place(store)
    catalog.change_store(store, {"names": {"zh-TW": "峨眉", "en": "Emei Tea"}}, "owner")
    with measured() as capacity:
        page = ask(
            "GET",
            f"/supply/{store}-s/replenishments",
            function=supply,
            role="member",
            headers={"Accept-Language": "en"},
        )[1]
    assert capacity.requests == ["Query", "BatchGetItem"]
    assert (">Emei Tea<" in page, f">{store}<" in page) == (True, False)
