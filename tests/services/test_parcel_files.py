"""News of parcels by a carrier's file: each row applied or refused with its line and reason, in any order, again, by several at once, cut off anywhere."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pytest

from catalog_import import work
from catalog_import.app import lambda_handler
from mart_union.catalog import service as catalog
from mart_union.catalog.carriers import Carrier
from mart_union.catalog.upload_model import Upload, error_file_key, report_key
from mart_union.checkout.model import Wanted
from mart_union.checkout.service import place_purchase
from mart_union.kernel import bucket
from mart_union.kernel.clock import iso, utc_now
from mart_union.kernel.settings import settings
from mart_union.orders.model import Order
from mart_union.orders.parcels import Parcel, find_parcels, plain_number, register_parcels
from mart_union.orders.service import get_order, take_step
from mart_union.orders.tracking import add_tracking_event
from mart_union.settlement.check import check_union
from operate.app import lambda_handler as operate
from tests.gateway import CONTEXT, gateway_event
from tests.services.buckets import own_bucket
from tests.services.capacity import measured
from tests.services.cutting import CutOff, cut_off
from tests.services.market import Market, open_market, save_store, save_union
from tests.services.test_return_pages import PAGE

HEADER = "tracking_number,event,at,place,estimated_by\n"
SHIPPED = utc_now() - timedelta(days=2)
CARRIERS = (Carrier("hct", {"en": "HCT"}), Carrier("post", {"en": "Post"}))


@pytest.fixture(scope="module", autouse=True)
def place(tables: None) -> Iterator[None]:
    with own_bucket():
        yield


@pytest.fixture
def market(unique: str) -> Market:
    made = open_market(unique)
    save_union(carriers=CARRIERS)
    return made


def shipped(market: Market, number: str, *, carrier: str = "hct", key: str = "key-00000001", **more: Any) -> Order:
    """An order of one tea that left two days ago, registered as the stream does."""
    made = place_purchase(
        market.customer,
        [Wanted(market.store, "TEA", 1)],
        recipient=market.recipient,
        total_seen=36_000,
        key=key,
        now=SHIPPED,
        **{"method": "account", **more},
    )
    store, order = f"store/{market.store}", made.orders[0]
    take_step(order, "accept", "staff", "store", "a", SHIPPED, fulfiller=store)
    before = get_order(order)
    left = take_step(order, "ship", "staff", "store", "s", SHIPPED, fulfiller=store, tracking=(carrier, number))
    register_parcels([(before, left), (before, left)])
    return left


def hours(count: float) -> str:
    return iso(SHIPPED + timedelta(hours=count))


def send(content: str, upload: str, carrier: str = "hct") -> str:
    key = f"carriers/{carrier}/{upload}.csv"
    bucket._client().put_object(Bucket=settings().bucket, Key=key, Body=content.encode())
    return key


def run(rows: str, upload: str, carrier: str = "hct", header: str = HEADER) -> tuple[int, int, int, int]:
    """Read, applied, unchanged and refused."""
    event = {"Records": [{"s3": {"object": {"key": send(header + rows, upload, carrier)}}}]}
    lambda_handler(event, CONTEXT)
    done = catalog.get_upload(f"carrier/{carrier}", upload)
    assert done.state == "DONE"
    return done.read, done.applied, done.unchanged, done.refused


def findings(upload: str, carrier: str = "hct") -> list[tuple[int, str, str]]:
    summary = json.loads(bucket.get_object(report_key(f"carrier/{carrier}", upload)))
    return [(each["line"], each["code"], each["field"]) for each in summary["findings"]]


def events(order: Order) -> list[tuple[str, str, str]]:
    [parcel] = get_order(order.id, consistent=True).shipments
    return [(each.at, each.event, each.place) for each in parcel.events]


def test_a_carriers_list_tells_of_its_parcels_in_any_order_and_arrival_takes_the_step(
    market: Market, unique: str
) -> None:
    first, second = shipped(market, f"{unique} 1"), shipped(market, f"{unique}-2", key="key-00000002")
    rows = (
        f"{unique}1,delivered,{hours(30)},Zhubei,\n"
        f"{unique}1,picked_up,{hours(1)},Emei,\n"
        f"{unique}2,in_transit,{hours(5)},,{hours(50)}\n"
    )
    assert run(rows, unique) == (3, 3, 0, 0)
    assert events(first) == [(hours(1), "picked_up", "Emei"), (hours(30), "delivered", "Zhubei")]
    assert events(second) == [(hours(5), "in_transit", "")]
    arrived, coming = get_order(first.id), get_order(second.id)
    assert (arrived.state, arrived.history[-1].role, arrived.history[-1].actor) == (
        "delivered",
        "system",
        "carrier/hct",
    )
    assert (coming.state, coming.shipments[0].estimated_by) == ("shipped", hours(50))
    assert findings(unique) == []


def test_a_number_that_stands_on_parcels_to_several_recipients_is_refused_and_delivers_neither(
    market: Market, unique: str
) -> None:
    mine = shipped(market, f"{unique}1")
    together = shipped(market, f"{unique}1", key="key-00000002")
    assert run(f"{unique}1,picked_up,{hours(1)},,\n", f"{unique}a") == (1, 1, 0, 0)  # two orders in one parcel
    other = open_market(f"{unique}-o")
    save_union(carriers=CARRIERS)
    strangers = shipped(other, f"{unique}1")
    before = [get_order(order.id, consistent=True) for order in (mine, together, strangers)]
    assert run(f"{unique}1,delivered,{hours(30)},,\n", f"{unique}b") == (1, 0, 0, 1)
    assert findings(f"{unique}b") == [(2, "ambiguous-parcel", "tracking_number")]
    assert [get_order(order.id, consistent=True) for order in (mine, together, strangers)] == before


def test_the_newest_parcel_is_found_behind_many_older_ones_of_its_number(market: Market, unique: str) -> None:
    order = shipped(market, f"{unique}1")
    [parcel] = order.shipments
    older = (
        msgspec.structs.replace(parcel, id=f"{number}", carrier="post", shipped_at=hours(-1 - number))
        for number in range(2, 32)
    )
    register_parcels([(None, msgspec.structs.replace(order, shipments=(each,))) for each in older])
    assert run(f"{unique}1,delivered,{hours(30)},,\n", unique) == (1, 1, 0, 0)
    assert get_order(order.id, consistent=True).state == "delivered"


def test_what_is_expected_on_a_day_is_expected_by_its_end(market: Market, unique: str) -> None:
    order = shipped(market, f"{unique}1")
    day = (SHIPPED + timedelta(days=2)).date()
    assert run(f"{unique}1,in_transit,{hours(5)},,{day}\n", unique) == (1, 1, 0, 0)
    end = datetime.combine(day, time(23, 59, 59), ZoneInfo(settings().time_zone))
    assert get_order(order.id).shipments[0].estimated_by == iso(end)


def test_the_same_list_again_changes_nothing_and_writes_no_order(market: Market, unique: str) -> None:
    order = shipped(market, f"{unique}1")
    rows = f"{unique}1,picked_up,{hours(1)},Emei,\n{unique}1,picked_up,{hours(1)},Emei,\n"
    assert run(rows, f"{unique}a") == (2, 1, 1, 0)
    before = get_order(order.id)
    with measured() as used:
        assert run(rows, f"{unique}b") == (2, 0, 2, 0)
    assert used.written["orders"] == 0
    assert get_order(order.id) == before
    with measured() as used:
        lambda_handler({"Records": [{"s3": {"object": {"key": f"carriers/hct/{unique}b.csv"}}}]}, CONTEXT)
    assert len(used.requests) == 1  # the bucket has told of it twice


def test_what_is_not_this_carriers_or_no_news_is_refused_by_line_and_name_and_changes_nothing(
    market: Market, unique: str
) -> None:
    mine = shipped(market, f"{unique}1")
    other = shipped(market, f"{unique}2", carrier="post", key="key-00000002")
    before = (get_order(mine.id), get_order(other.id))
    rows = (
        f"{unique}9,picked_up,{hours(1)},,\n"
        f"{unique}2,picked_up,{hours(1)},,\n"
        f"{unique}1,flown,{hours(1)},,\n"
        f"{unique}1,picked_up,yesterday,,\n"
        f"{unique}1,picked_up,{iso(utc_now() + timedelta(days=1))},,\n"
        f"{unique}1,in_transit,{hours(1)},{'x' * 81},\n"
        f"{unique}1,in_transit,{hours(1)},,soon\n"
        f",in_transit,{hours(1)},,\n"
        "##,in_transit," + hours(1) + ",,\n"
        f"{unique}1,picked_up,0001-01-01T00:00:00Z,,\n"
    )
    assert run(rows, unique) == (10, 0, 0, 10)
    assert findings(unique) == [
        (2, "unknown-parcel", "tracking_number"),
        (3, "anothers-parcel", "tracking_number"),
        (4, "bad-event", "event"),
        (5, "bad-at", "at"),
        (6, "bad-at", "at"),
        (7, "too-long", "place"),
        (8, "bad-estimated-by", "estimated_by"),
        (9, "missing-value", "tracking_number"),
        (10, "unknown-parcel", "tracking_number"),
        (11, "bad-at", "at"),
    ]
    assert (get_order(mine.id), get_order(other.id)) == before
    refused = list(
        csv.reader(bucket.get_object(error_file_key("carrier/hct", unique)).removeprefix("\ufeff").splitlines())
    )
    assert refused[1][:2] == [f"{unique}9", "picked_up"]
    assert refused[1][-2:] == ["unknown-parcel", f"tracking_number: {unique}9: no shipment has this number"]


def test_one_parcel_with_goods_of_two_orders_tells_of_both(market: Market, unique: str) -> None:
    first, second = shipped(market, f"{unique}1"), shipped(market, f"{unique}1", key="key-00000002")
    assert run(f"{unique}1,delivered,{hours(30)},,\n", unique) == (1, 1, 0, 0)
    assert [get_order(each.id).state for each in (first, second)] == ["delivered", "delivered"]


def test_a_number_that_is_given_again_means_the_parcel_of_its_time(market: Market, unique: str) -> None:
    shipped(market, f"{unique}1")
    at = SHIPPED + timedelta(days=1)
    assert [each.carrier for each in find_parcels(f"{unique}1", at)] == ["hct"]
    assert find_parcels(f"{unique}1", SHIPPED - timedelta(days=15)) == []
    assert find_parcels(f"{unique}1", SHIPPED + timedelta(days=91)) == []
    assert find_parcels("- -", at) == []
    assert plain_number(" ab-12 c/ ") == "AB12C"
    assert find_parcels(f" {unique.lower()}-1", at) == find_parcels(f"{unique}1", at)
    assert isinstance(find_parcels(f"{unique}1", at)[0], Parcel)


def test_an_order_paid_on_delivery_says_what_was_taken(market: Market, unique: str) -> None:
    save_union(carriers=CARRIERS, cash_limit_minor=100_000)
    save_store(market.store, procedure="carrier_cash")
    order = shipped(market, f"{unique}1", method="on_delivery")
    header = "tracking_number,event,at,collected\n"
    assert run(f"{unique}1,delivered,{hours(30)},350 TWD\n", f"{unique}a", header=header) == (1, 0, 0, 1)
    assert (findings(f"{unique}a"), get_order(order.id)) == ([(2, "rule-violation", "")], order)
    assert run(f"{unique}1,delivered,{hours(30)},360 TWD\n", f"{unique}b", header=header) == (1, 1, 0, 0)
    assert get_order(order.id).payment == "paid"
    assert [found for found in check_union() if order.id in found.subject] == []


def test_a_moment_without_a_time_zone_is_the_unions(market: Market, unique: str) -> None:
    order = shipped(market, f"{unique}1")
    local = (SHIPPED + timedelta(hours=9)).strftime("%Y-%m-%d %H:%M")  # the union's clocks are eight hours ahead
    assert run(f"{unique}1,picked_up,{local},,\n", unique) == (1, 1, 0, 0)
    [(at, _, _)] = events(order)
    assert at == iso((SHIPPED + timedelta(hours=1)).replace(second=0, microsecond=0))


def test_a_list_a_webhook_and_another_list_at_once_record_each_event_once(market: Market, unique: str) -> None:
    order = shipped(market, f"{unique}1")
    rows = "".join(f"{unique}1,in_transit,{hours(number)},,\n" for number in range(1, 9))

    def by_list(number: int) -> None:
        run(rows, f"{unique}{number}")

    def by_webhook(number: int) -> None:
        add_tracking_event(order.id, "1", "in_transit", hours(number), carrier="hct", now=utc_now())

    with ThreadPoolExecutor(4) as threads:
        acts = [threads.submit(by_list, number) for number in range(2)]
        acts += [threads.submit(by_webhook, number) for number in range(1, 9)]
        for act in acts:
            act.result()
    assert [at for at, _, _ in events(order)] == [hours(number) for number in range(1, 9)]


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_list_cut_off_at_any_request_and_told_again_ends_as_if_it_had_run_once(
    market: Market, unique: str, when: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(work, "CHUNK", 2)
    order = shipped(market, f"{unique}1")
    rows = f"{unique}1,picked_up,{hours(1)},,\n{unique}9,picked_up,{hours(1)},,\n{unique}1,delivered,{hours(30)},,\n"
    key = send(HEADER + rows, unique)
    for number in range(40):
        later = utc_now() + number * timedelta(minutes=2)  # the claim of whoever is gone has ended
        try:
            with cut_off(number, when):
                work.import_file(key, clock=lambda at=later: at)
            break
        except CutOff:
            pass
    done = catalog.get_upload("carrier/hct", unique)
    assert (done.state, done.read, done.refused) == ("DONE", 3, 1)
    assert findings(unique) == [(3, "unknown-parcel", "tracking_number")]
    assert [event for _, event, _ in events(order)] == ["picked_up", "delivered"]
    assert [taken.step for taken in get_order(order.id).history] == ["accept", "ship", "deliver"]


def test_a_file_of_a_carrier_that_the_union_does_not_have_is_refused_as_a_whole(market: Market, unique: str) -> None:
    key = send(HEADER + f"X,picked_up,{hours(1)},,\n", unique, "nobody")
    done = work.import_file(key)
    assert isinstance(done, Upload)
    assert (done.state, done.problem) == ("FATAL", "the union has no carrier 'nobody'")


def test_an_operator_sends_a_list_by_page_and_api_and_reads_its_report(market: Market, unique: str) -> None:
    shipped(market, f"{unique}1")
    path = "/operate/union/carriers/hct/uploads"

    def ask(method: str, to: str, **more: Any) -> dict[str, Any]:
        more.setdefault("headers", PAGE)
        return dict(operate(gateway_event(method, to, subject="op", role="operator", **more), CONTEXT))

    told = ask("POST", path, form={"idempotency_key": f"key-{unique}"})
    assert told["statusCode"] == 303
    one = f"{path}/{told['multiValueHeaders']['Location'][0].rpartition('/')[2]}"
    assert 'name="file"' in ask("GET", one)["body"]
    upload = one.rpartition("/")[2]
    run(f"{unique}1,picked_up,{hours(1)},,\n{unique}9,picked_up,{hours(1)},,\n", upload)
    page = ask("GET", one)["body"]
    assert "unknown-parcel" in page
    assert f"{one}/errors" in page
    assert upload in ask("GET", path)["body"]
    headers = {"Idempotency-Key": f"api-{unique}-0001"}
    announced = ask("POST", f"/api{path}", headers=headers, body={})
    assert (announced["statusCode"], json.loads(announced["body"])["fields"]["key"][:13]) == (201, "carriers/hct/")
    report = json.loads(ask("GET", f"/api{one}", headers={})["body"])
    assert (report["upload"]["applied"], report["upload"]["refused"], len(report["findings"])) == (1, 1, 1)
    assert ask("GET", f"{one}/errors")["statusCode"] == 303
    unknown = ask("POST", "/api/operate/union/carriers/nobody/uploads", headers=headers, body={})
    assert unknown["statusCode"] == 404
