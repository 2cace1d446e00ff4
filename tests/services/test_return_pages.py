"""The pages on which a return is asked for, worked and followed, with their forms, from one step to the next."""

from __future__ import annotations

from typing import Any

from manage.app import lambda_handler as manage
from mart_union.orders.service import get_order
from supply.app import lambda_handler as supply
from tests.gateway import CONTEXT, gateway_event
from tests.services.market import fill_pool, open_market, save_mediated
from tests.services.refunds import bought, completed, delivered, wrong
from tracking.app import lambda_handler as tracking

PAGE = {"Accept": "text/html", "Accept-Language": "en", "Sec-Fetch-Site": "same-origin"}


def see(handler: Any, path: str, subject: str, role: str = "") -> str:
    answer = handler(gateway_event("GET", path, headers=PAGE, subject=subject, role=role), CONTEXT)
    assert answer["statusCode"] == 200, answer["body"]
    return str(answer["body"])


def send(handler: Any, path: str, subject: str, role: str = "", **form: str) -> None:
    fields = {"idempotency_key": f"key-{form.get('decision', 'other')}-1", **form}
    answer = handler(gateway_event("POST", path, form=fields, headers=PAGE, subject=subject, role=role), CONTEXT)
    assert answer["statusCode"] == 303, answer["body"]


def test_a_customer_chooses_a_reason_by_list_and_follows_the_return_to_its_replacement(unique: str) -> None:
    market = open_market(unique)
    order = delivered(market, bought(market))
    own, store = f"/orders/{order}", f"/manage/{market.store}/orders/{order}"
    asking = see(tracking, own, market.customer)
    for option in ('value="changed_mind"', 'value="defective"', 'value="damaged_on_the_way"', 'value="replacement"'):
        assert option in asking
    assert "It is defective (You pay nothing for the way back)" in asking
    wish = {"line": "1", "units": "1", "reason": "defective", "note": "no lid", "wants": "replacement"}
    send(tracking, f"{own}/returns", market.customer, **wish)
    [asked] = get_order(order).returns
    seen = see(manage, store, "staff", "owner")
    assert "It is defective." in seen
    assert "Another one is wanted" in seen
    assert "no lid" in seen
    assert 'value="accept"' in seen
    assert 'value="receive"' not in seen
    send(manage, f"{store}/returns", "staff", "owner", id=asked.id, decision="accept")
    assert "Hand it in, or send it and say how:" in see(tracking, own, market.customer)
    send(tracking, f"{own}/returns/{asked.id}/sent", market.customer, carrier="", tracking_number="BACK 1")
    assert "hct BACK 1" in see(manage, store, "staff", "owner")
    send(manage, f"{store}/returns", "staff", "owner", id=asked.id, decision="receive")
    looked = see(manage, store, "staff", "owner")
    assert "good: back into the reserve" in looked
    assert 'name="amount"' in looked
    assert "Store <code>staff</code>" in looked
    send(manage, f"{store}/returns", "staff", "owner", id=asked.id, decision="replace", stock="written_off")
    send(manage, f"{store}/returns", "staff", "owner", id=asked.id, decision="ship", tracking_number="HCT 2")
    followed = see(tracking, own, market.customer)
    for told in (
        "Return accepted",
        "Sent",
        "Received",
        "Another one is to be sent",
        "Another one is on its way",
        "Shipment 2",
    ):
        assert told in followed
    assert "<code>staff</code>" not in followed
    assert wrong(market) == []


def test_a_part_of_the_price_is_written_as_people_write_it(unique: str) -> None:
    market = open_market(unique)
    order = delivered(market, bought(market))
    wish = {"line": "1", "units": "1", "reason": "changed_mind"}
    send(tracking, f"/orders/{order}/returns", market.customer, **wish)
    path, [asked] = f"/manage/{market.store}/orders/{order}/returns", get_order(order).returns
    for decision in ("accept", "receive"):
        send(manage, path, "staff", "owner", id=asked.id, decision=decision)
    facts = {"stock": "written_off", "amount": "120", "answer": "the box is torn"}
    send(manage, path, "staff", "owner", id=asked.id, decision="refund", **facts)
    followed = see(tracking, f"/orders/{order}", market.customer)
    assert "Damaged or kept: out of stock · NT$120" in followed
    assert "the box is torn" in followed


def test_a_supplier_sees_and_works_the_returns_that_it_takes_and_no_others(unique: str) -> None:
    market = open_market(unique)
    fill_pool(market.supplier, 5, 15_000)
    terms = {"price_minor": 23_000, "supply_minor": 15_000, "accepts_returns": False}
    save_mediated(market.store, "HERB", market.supplier, **terms)
    order = completed(market, bought(market, quantity=2, sku="HERB", price=23_000), f"supplier/{market.supplier}")
    for number, reason in enumerate(("changed_mind", "not_as_described")):
        wish = {"line": "1", "units": "1", "reason": reason, "idempotency_key": f"return-000{number}"}
        send(tracking, f"/orders/{order}/returns", market.customer, **wish)
    theirs = see(supply, f"/supply/{market.supplier}/orders/{order}", "weaver", "owner")
    assert "It is not what its maker describes" in theirs
    assert "I have changed my mind" not in theirs
    asked = see(tracking, f"/orders/{order}", market.customer)
    store_name = get_order(order).store_names["en"]
    assert f"To be seen to by {store_name} until" in asked
    assert "To be seen to by the supplier until" in asked
    assert market.supplier not in asked
    ours = see(manage, f"/manage/{market.store}/orders/{order}", "staff", "owner")
    assert "It is not what its maker describes" in ours
    assert ours.count('value="accept"') == theirs.count('value="accept"') == 1
