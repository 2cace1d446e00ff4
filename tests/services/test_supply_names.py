"""Pages of suppliers, and what stores read of suppliers' parcels, call stores and carriers by their names, for one batch read a page."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from manage.app import lambda_handler as manage
from mart_union.catalog.carriers import Carrier
from mart_union.catalog.service import store_names
from mart_union.catalog.tables import StoreItem, store_key
from mart_union.mediation import service as mediation
from mart_union.mediation.model import Offer
from mart_union.orders.model import Order, Return, ReturnedLine, Shipment, StepTaken
from mart_union.orders.tables import order_item
from supply.app import lambda_handler as supply
from tests.gateway import CONTEXT, gateway_event
from tests.services.capacity import measured
from tests.services.market import NOW, give_money, save_store, save_union
from tests.services.test_mediation import link, make_offer, make_supplier
from tests.services.test_supply_pages import order_of, placed

TRUCKS = Carrier("trucks", {"zh-TW": "快遞卡車", "en": "Quick Trucks"})
BIKES = Carrier("bikes", {"zh-TW": "腳踏車隊", "en": "The Bikes"})


@pytest.fixture
def offer(unique: str) -> Offer:
    """A supplier's offer, of which one store, whose name is not its id, has made a link and has some set aside."""
    save_union(carriers=(TRUCKS, BIKES))
    save_store(f"{unique}s", names={"zh-TW": "峨眉茶行", "en": "Emei Tea"})
    give_money(f"store/{unique}s/deposit", 1_000_000)
    made = make_offer(make_supplier(unique), granted_to=("everyone",))
    link(f"{unique}s", made)
    return made


def read(path: str, *, language: str = "en", handler: Any = supply, role: str = "owner") -> str:
    event = gateway_event("GET", path, subject="someone", role=role, headers={"Accept-Language": language})
    answer = handler(event, CONTEXT)
    assert answer["statusCode"] == 200, answer["body"][:500]
    return str(answer["body"])


def ordered(offer: Offer, **changes: Any) -> Order:
    """An order with the supplier's line, whose store is called by its name in it."""
    store = f"{offer.supplier}s"
    names = {"zh-TW": "峨眉茶行", "en": "Emei Tea"}
    facts = {"store_names": names, "carrier": "trucks", **changes}
    order = order_of(offer.supplier, store, f"order-{offer.supplier}", **facts)
    order_item(order).save()
    mediation.record_supply_order(placed(order))
    return order


@pytest.mark.parametrize("page", ["", "/orders", "/sellers", "/offers/HERB-TEA"])
def test_a_suppliers_pages_call_its_sellers_by_their_names_in_the_pages_language(offer: Offer, page: str) -> None:
    ordered(offer)
    store = f"{offer.supplier}s"
    mediation.set_allotment(offer.supplier, offer.sku, store, 5, actor="lin", key="allot-0001", now=NOW)
    for language, name in (("en", "Emei Tea"), ("zh-TW", "峨眉茶行")):
        body = read(f"/supply/{offer.supplier}{page}", language=language)
        assert name in body
        assert f">{store}<" not in body


def test_however_many_stores_a_page_names_it_reads_them_at_once(offer: Offer) -> None:
    order = ordered(offer)
    for number in range(5):
        other = replace(order, id=f"{order.id}-{number}", store=f"{offer.supplier}s{number}")
        save_store(other.store, names={"en": f"Store {number}"})
        mediation.record_supply_order(placed(other))
    read(f"/supply/{offer.supplier}/orders")  # the union is known from now on
    with measured() as used:
        body = read(f"/supply/{offer.supplier}/orders")
    assert all(f"<td>Store {number}</td>" in body for number in range(5))
    assert used.requests == ["Query", "BatchGetItem"]
    with measured() as used:
        assert store_names(()) == {}
    assert used.requests == []


def test_a_store_that_is_gone_is_called_by_its_id(offer: Offer) -> None:
    ordered(offer)
    StoreItem(*store_key(f"{offer.supplier}s")).delete()
    assert f"<td>{offer.supplier}s</td>" in read(f"/supply/{offer.supplier}/orders")


def test_a_supplier_chooses_a_carrier_by_name_and_reads_its_parcels_and_returns_under_their_names(offer: Offer) -> None:
    order = ordered(offer)
    lines = tuple(replace(line, state="accepted") for line in order.lines)
    order = replace(order, lines=lines, sequence=2)
    order_item(order).save()
    here = f"/supply/{offer.supplier}/orders/{order.id}"
    form = read(here)
    assert '<option value="trucks" selected>Quick Trucks</option>' in form
    assert '<option value="bikes">The Bikes</option>' in form
    at = order.placed_at
    back = StepTaken("send", "customer", "customer-lin", at, (2,))
    asked = Return("r1", f"supplier/{offer.supplier}", (ReturnedLine(2, 1),), "other", at, "request", "sent")
    asked = replace(asked, carrier="bikes", tracking_number="B-1", history=(back,))
    sent = replace(
        order,
        lines=tuple(replace(line, state="delivered") for line in lines),
        shipments=(Shipment("1", (2,), "trucks", "T-1", at),),
        history=(StepTaken("deliver", "system", "carrier/trucks", at, (2,)),),
        returns=(asked,),
        sequence=3,
    )
    order_item(sent).save()
    for page in (read(here), read(f"/manage/{order.store}/orders/{order.id}", handler=manage, role="manager")):
        assert "Quick Trucks" in page.partition("T-1")[0][-60:]
        assert "The Bikes B-1" in page
        assert "Carrier Quick Trucks" in page
        assert "<code>trucks</code>" not in page
    with measured() as used:
        assert "快遞卡車" in read(here, language="zh-TW")
    assert used.requests == ["GetItem", "BatchGetItem"]


def test_a_carrier_that_the_union_has_no_more_is_called_by_its_id(offer: Offer) -> None:
    shipment = Shipment("1", (2,), "pigeons", "P-1", "2026-11-22T09:00:00.000Z")
    order = ordered(offer, shipments=(shipment,))
    assert "pigeons <code>P-1</code>" in read(f"/supply/{offer.supplier}/orders/{order.id}")
