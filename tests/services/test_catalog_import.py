"""Uploads from the bucket to listings and levels: every row applied or reported, repeats and crashes without effect."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from catalog_import import work
from catalog_import.app import lambda_handler
from mart_union.catalog import service as catalog
from mart_union.catalog.model import Category, OfferReference
from mart_union.catalog.tables import ListingItem
from mart_union.catalog.upload_model import error_file_key, report_key
from mart_union.kernel import bucket
from mart_union.kernel.clock import utc_now
from mart_union.kernel.errors import Busy
from mart_union.kernel.settings import settings
from mart_union.stock.counting import add_first_count, count
from mart_union.stock.service import get_level, get_levels, stock_out
from tests.gateway import CONTEXT
from tests.services.buckets import own_bucket
from tests.services.test_catalog import listing, opened, union

__all__ = ["union"]
HEADER = "id,title,title_en,product_type,union_category,kind,price,quantity,low_stock"


@pytest.fixture(scope="module", autouse=True)
def place(tables: None) -> Iterator[None]:
    with own_bucket():
        yield


@pytest.fixture
def store(union: object, unique: str) -> str:
    catalog.save_category("", Category("tea", {"en": "Tea"}), "operator")
    opened(unique)
    return unique


def send(store: str, content: str | bytes, upload: str = "u1") -> str:
    key = f"uploads/{store}/{upload}.csv"
    body = content if isinstance(content, bytes) else content.encode()
    bucket._client().put_object(Bucket=settings().bucket, Key=key, Body=body)
    return key


def event_of(key: str) -> dict[str, Any]:
    return {"Records": [{"eventName": "ObjectCreated:Post", "s3": {"bucket": {"name": "b"}, "object": {"key": key}}}]}


def run(store: str, content: str | bytes, upload: str = "u1") -> tuple[int, int, int, int]:
    lambda_handler(event_of(send(store, content, upload)), CONTEXT)
    done = catalog.get_upload(f"store/{store}", upload)
    assert done.state == "DONE"
    return done.read, done.applied, done.unchanged, done.refused


def report(store: str, upload: str = "u1") -> dict[str, Any]:
    found: dict[str, Any] = json.loads(bucket.get_object(report_key(f"store/{store}", upload)))
    return found


def line(sku: str, quantity: int = 5, price: str = "380 TWD", category: str = "Tea > Oolong") -> str:
    return f"{sku},茶 {sku},Tea {sku},{category},tea,goods,{price},{quantity},2"


def test_rows_become_listings_with_levels_categories_and_a_shelf(store: str) -> None:
    assert run(store, "\r\n".join([HEADER, line("A-1", 5), line("A-2", 0)])) == (2, 2, 0, 0)
    made = catalog.get_listing(store, "A-1")
    assert (made.titles, made.price_minor, made.category) == ({"zh-TW": "茶 A-1", "en": "Tea A-1"}, 38000, "tea.oolong")
    level = get_level(made.level)
    assert (level.reserve, level.corrected, level.low_stock, level.reason) == (5, 5, 2, "counted")
    assert [category.id for category in catalog.list_categories(store)] == ["tea", "tea.oolong"]
    shelf = catalog.get_shelf(f"store/{store}")
    assert shelf is not None
    assert [(card.sku, card.available) for card in shelf.cards] == [("A-1", True), ("A-2", False)]


def test_unchanged_rows_write_nothing(store: str, monkeypatch: pytest.MonkeyPatch) -> None:
    content = "\n".join([HEADER, line("A-1"), line("A-2")])
    run(store, content)
    before = get_level(f"listing/{store}/A-1")
    monkeypatch.setattr(ListingItem, "batch_write", None)
    monkeypatch.setattr(ListingItem, "save", lambda *_: pytest.fail("written"))
    assert run(store, content, "u2") == (2, 0, 2, 0)
    assert get_level(f"listing/{store}/A-1") == before
    assert catalog.get_listing(store, "A-1").sequence == 1


def test_only_what_differs_changes_and_a_paused_listing_stays_paused(store: str) -> None:
    run(store, "\n".join([HEADER, line("A-1"), line("A-2")]))
    catalog.set_listing_state(store, "A-1", "paused", "staff")
    changed = "\n".join([HEADER, line("A-1", 5, "400 TWD"), line("A-2", 7)])
    assert run(store, changed, "u2") == (2, 2, 0, 0)
    first, second = catalog.get_listing(store, "A-1"), catalog.get_listing(store, "A-2")
    assert (first.state, first.price_minor, get_level(first.level).on_sale) == ("paused", 40000, False)
    assert (second.sequence, get_level(second.level).reserve) == (1, 7)


def test_every_row_is_applied_or_reported_with_its_line(store: str) -> None:
    rows = [
        line("A-1"),
        line("a 2"),
        line("A-3", price="3 USD"),
        line("A-1", 9),
        line("A-4"),
        "A-5,x,y",
        line("A-6", -1),
    ]
    assert run(store, "\n".join([HEADER, *rows])) == (7, 2, 0, 5)
    found = report(store)
    assert {(finding["line"], finding["code"], finding["field"]) for finding in found["findings"]} == {
        (3, "bad-id", "id"),
        (4, "bad-price", "price"),
        (5, "repeated-id", "id"),
        (7, "missing-value", "price"),
        (7, "missing-value", "quantity"),
        (8, "bad-quantity", "quantity"),
    }
    assert get_level(f"listing/{store}/A-1").reserve == 5
    errors = list(csv.reader(bucket.get_object(error_file_key(f"store/{store}", "u1")).lstrip("\ufeff").splitlines()))
    assert errors[0] == [*HEADER.split(","), "line", "code", "message"]
    assert (errors[1][0], errors[1][-3:-1]) == ("a 2", ["3", "bad-id"])


def test_a_file_that_is_no_table_ends_fatal_and_changes_nothing(store: str) -> None:
    lambda_handler(event_of(send(store, b"id,title\nA-1,\xa6\xec")), CONTEXT)
    done = catalog.get_upload(f"store/{store}", "u1")
    assert (done.state, done.read, done.applied) == ("FATAL", 0, 0)
    assert report(store)["findings"][0]["code"] == "wrong-encoding"
    assert catalog.list_listings(store) == []


def test_a_listing_made_from_an_offer_is_not_overwritten(store: str) -> None:
    made = catalog.save_listing(
        listing(store, "GX-1", level="offer/guanxi/HERB", offer=OfferReference("guanxi", "HERB")), "staff"
    )
    assert run(store, "\n".join([HEADER, line("GX-1"), line("A-1")])) == (2, 1, 0, 1)
    assert catalog.get_listing(store, "GX-1") == made
    assert [finding["code"] for finding in report(store)["findings"]] == ["linked-listing"]


def test_an_edit_by_hand_at_the_same_moment_is_kept_and_the_row_applied_to_it(
    store: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(store, "\n".join([HEADER, line("A-1")]))
    meanwhile(monkeypatch, lambda: catalog.set_listing_state(store, "A-1", "paused", "staff"))
    assert run(store, "\n".join([HEADER, line("A-1", 7, "400 TWD")]), "u2") == (1, 1, 0, 0)
    made = catalog.get_listing(store, "A-1")
    level = get_level(made.level)
    assert (made.state, made.price_minor, made.sequence) == ("paused", 40000, 3)
    assert (level.reserve, level.on_sale) == (7, False)


def test_a_listing_put_on_sale_by_hand_at_the_same_moment_stays_on_sale(
    store: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(store, "\n".join([HEADER, line("A-1")]))
    catalog.set_listing_state(store, "A-1", "paused", "staff")
    meanwhile(monkeypatch, lambda: catalog.set_listing_state(store, "A-1", "on_sale", "staff"))
    assert run(store, "\n".join([HEADER, line("A-1", 7, "400 TWD")]), "u2") == (1, 1, 0, 0)
    made = catalog.get_listing(store, "A-1")
    assert (made.state, made.price_minor, get_level(made.level).on_sale) == ("on_sale", 40000, True)


def test_a_link_made_at_the_same_moment_is_not_overwritten(store: str, monkeypatch: pytest.MonkeyPatch) -> None:
    linked = listing(store, "GX-1", level="offer/guanxi/HERB", offer=OfferReference("guanxi", "HERB"))
    meanwhile(monkeypatch, lambda: catalog.save_listing(linked, "staff"))
    assert run(store, "\n".join([HEADER, line("GX-1")])) == (1, 0, 0, 1)
    assert catalog.get_listing(store, "GX-1") == replace(linked, sequence=1)
    assert [finding["code"] for finding in report(store)["findings"]] == ["linked-listing"]


def meanwhile(monkeypatch: pytest.MonkeyPatch, change: Callable[[], object]) -> None:
    """Let something happen once, between an import's reading and its first count."""
    left = [change]

    def after(whole: Callable[..., Any]) -> Callable[..., Any]:
        def changed_then(*given: Any, **named: Any) -> Any:
            while left:
                left.pop()()
            return whole(*given, **named)

        return changed_then

    monkeypatch.setattr("mart_union.catalog.importing.count", after(count))
    monkeypatch.setattr("mart_union.catalog.importing.add_first_count", after(add_first_count))


def test_being_told_of_a_file_twice_counts_it_once(store: str) -> None:
    key = send(store, "\n".join([HEADER, line("A-1", 5)]))
    lambda_handler(event_of(key), CONTEXT)
    sold = stock_out(
        f"listing/{store}/A-1", 2, reason="damaged", actor="packer", reference="", key="key-12345678", now=utc_now()
    )
    lambda_handler(event_of(key), CONTEXT)
    assert (sold, get_level(f"listing/{store}/A-1").reserve) == (3, 3)


def test_other_content_under_the_same_key_is_applied_again(store: str) -> None:
    run(store, "\n".join([HEADER, line("A-1", 5)]))
    assert run(store, "\n".join([HEADER, line("A-1", 8)])) == (1, 1, 0, 0)
    assert get_level(f"listing/{store}/A-1").reserve == 8


def test_a_run_cut_off_goes_on_where_it_was_and_counts_no_level_twice(
    store: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(work, "CHUNK", 2)
    rows = [line("A-1"), line("bad id"), line("A-2"), line("A-3"), line("A-4"), line("A-5")]
    key = send(store, "\n".join([HEADER, *rows]))
    saved = catalog.save_progress
    calls: list[int] = []

    def die_after_the_second_chunk_was_applied(upload: Any, now: datetime) -> Any:
        calls.append(upload.line)
        if len(calls) == 2:
            raise RuntimeError("cut off")
        return saved(upload, now)

    monkeypatch.setattr(work, "save_progress", die_after_the_second_chunk_was_applied)
    with pytest.raises(RuntimeError, match="cut off"):
        lambda_handler(event_of(key), CONTEXT)
    stock_out(
        f"listing/{store}/A-3", 2, reason="damaged", actor="packer", reference="", key="key-12345678", now=utc_now()
    )
    monkeypatch.setattr(work, "save_progress", saved)
    lambda_handler(event_of(key), CONTEXT)
    done = catalog.get_upload(f"store/{store}", "u1")
    assert (done.state, done.read, done.applied, done.unchanged, done.refused) == ("DONE", 6, 3, 2, 1)
    assert get_level(f"listing/{store}/A-3").reserve == 3
    assert [get_level(f"listing/{store}/A-{number}").reserve for number in (1, 2, 4, 5)] == [5, 5, 5, 5]
    assert [finding["code"] for finding in report(store)["findings"]] == ["bad-id"]


def test_a_run_that_was_cut_off_counts_nothing_that_has_moved_since_unless_it_counted_that_itself(
    store: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(store, "\n".join([HEADER, line("A-1", 5), line("A-2", 5)]), "before")
    key = send(store, "\n".join([HEADER, line("A-1", 5), line("A-2", 7)]))
    with monkeypatch.context() as patch:
        patch.setattr(work, "save_progress", _die)
        with pytest.raises(RuntimeError, match="cut off"):
            lambda_handler(event_of(key), CONTEXT)
    for number in (1, 2):
        level = f"listing/{store}/A-{number}"
        stock_out(level, 2, reason="damaged", actor="packer", reference="", key=f"key-{number:08}", now=utc_now())
    lambda_handler(event_of(key), CONTEXT)
    done = catalog.get_upload(f"store/{store}", "u1")
    assert (done.state, done.applied, done.unchanged, done.refused) == ("DONE", 0, 1, 1)
    assert [get_level(f"listing/{store}/A-{number}").reserve for number in (1, 2)] == [3, 5]
    assert [(finding["line"], finding["code"]) for finding in report(store)["findings"]] == [(2, "conflict")]


def _die(upload: Any, now: datetime) -> Any:
    raise RuntimeError("cut off")


def test_an_upload_that_goes_on_does_not_count_what_a_later_one_has_counted(
    store: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = send(store, "\n".join([HEADER, line("A-1", 10)]))
    with monkeypatch.context() as patch:
        patch.setattr(work, "save_progress", _die)
        with pytest.raises(RuntimeError, match="cut off"):
            lambda_handler(event_of(key), CONTEXT)
    assert run(store, "\n".join([HEADER, line("A-1", 20)]), "u2") == (1, 1, 0, 0)
    lambda_handler(event_of(key), CONTEXT)
    done = catalog.get_upload(f"store/{store}", "u1")
    assert (done.state, done.applied, done.refused) == ("DONE", 0, 1)
    assert get_level(f"listing/{store}/A-1").reserve == 20


def test_the_same_content_that_is_sent_again_after_another_counts_again(store: str) -> None:
    first, other = "\n".join([HEADER, line("A-1", 5)]), "\n".join([HEADER, line("A-1", 2)])
    assert run(store, first) == (1, 1, 0, 0)
    assert run(store, other) == (1, 1, 0, 0)
    assert run(store, first) == (1, 1, 0, 0)
    assert get_level(f"listing/{store}/A-1").reserve == 5


def test_of_new_rows_one_that_is_there_by_then_is_applied_by_itself_and_the_others_are_made(
    store: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    meanwhile(monkeypatch, lambda: catalog.save_listing(listing(store, "A-2"), "staff"))
    assert run(store, "\n".join([HEADER, *(line(f"A-{number}", 4) for number in (1, 2, 3))])) == (3, 3, 0, 0)
    assert [get_level(f"listing/{store}/A-{number}").reserve for number in (1, 2, 3)] == [4, 4, 4]


def test_a_run_that_finds_all_rows_applied_by_one_that_was_cut_off_still_builds_the_shelves(
    store: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = send(store, "\n".join([HEADER, line("A-1")]))

    def die(upload: Any, now: datetime) -> Any:
        raise RuntimeError("cut off")

    with monkeypatch.context() as patch:
        patch.setattr(work, "save_progress", die)
        with pytest.raises(RuntimeError, match="cut off"):
            lambda_handler(event_of(key), CONTEXT)
    lambda_handler(event_of(key), CONTEXT)
    done = catalog.get_upload(f"store/{store}", "u1")
    assert (done.state, done.applied, done.unchanged, done.runs) == ("DONE", 0, 1, 2)
    shelf = catalog.get_shelf(f"store/{store}", 1)
    assert shelf is not None
    assert [card.sku for card in shelf.cards] == ["A-1"]


def test_while_one_works_on_a_file_another_is_sent_away(store: str) -> None:
    key = send(store, "\n".join([HEADER, line("A-1")]))
    etag, _ = bucket.open_object(key)
    assert catalog.claim_upload(f"store/{store}", "u1", etag, datetime.now(UTC)) is not None
    with pytest.raises(Busy):
        work.import_file(key)
    later = datetime.now(UTC) + timedelta(minutes=5)
    done = work.import_file(key, clock=lambda: later)
    assert done is not None
    assert (done.state, done.applied) == ("DONE", 1)


def test_keys_that_are_no_uploads_are_passed_over(store: str) -> None:
    for key in ("reports/store/x/u1.csv", f"uploads/{store}/../u1.csv", "uploads/u1.csv", f"uploads/{store}/gone.csv"):
        assert work.import_file(key) is None


def test_a_store_that_is_not_there_gets_no_listings(store: str) -> None:
    key = send("nowhere", "\n".join([HEADER, line("A-1")]))
    done = work.import_file(key)
    assert done is not None
    assert (done.state, done.problem) == ("FATAL", "there is no store 'nowhere'")


def test_two_hundred_and_fifty_rows_are_read_and_written_in_batches(store: str) -> None:
    rows = [line(f"A-{number:03}") for number in range(250)]
    made: list[str] = []
    from mart_union.kernel import storage

    events = storage.client().meta.events
    handler = lambda request, operation_name, **_: made.append(operation_name)  # noqa: E731
    content = "\n".join([HEADER, *rows])
    run(store, content)
    events.register("request-created.dynamodb", handler)
    try:
        assert run(store, content, "u2") == (250, 0, 250, 0)
    finally:
        events.unregister("request-created.dynamodb", handler)
    assert made.count("BatchGetItem") == 6  # three for the listings, three for their levels
    assert len(catalog.list_listings(store)) == 250


def test_each_content_of_an_upload_makes_one_entry_of_the_audit_trail(store: str) -> None:
    def trail() -> list[tuple[str, str, str]]:
        found = catalog.list_audit(f"store/{store}", f"{utc_now():%Y-%m}").items
        return [(each.actor, each.action, each.subject) for each in found if each.action == "upload begun"]

    announced = catalog.announce_upload(f"store/{store}", "owner", "key-00000001", utc_now())
    run(store, "\n".join([HEADER, line("A-1"), line("A-2"), line("A-3")]), announced.id)
    assert trail() == [("owner", "upload begun", f"upload/{announced.id}")]
    lambda_handler(event_of(f"uploads/{store}/{announced.id}.csv"), CONTEXT)
    assert len(trail()) == 1
    run(store, "\n".join([HEADER, line("A-1", 8)]), announced.id)
    assert trail() == [("owner", "upload begun", f"upload/{announced.id}")] * 2


def test_a_count_by_the_file_is_a_correction(store: str) -> None:
    run(store, "\n".join([HEADER, line("A-1", 5)]))
    count(f"listing/{store}/A-1", 9, actor="x", reference="", now=utc_now())
    run(store, "\n".join([HEADER, line("A-1", 4)]), "u2")
    level = get_level(f"listing/{store}/A-1")
    assert (level.reserve, level.corrected, level.received, level.balances()) == (4, 4, 0, True)


WITH_BUNDLES = f"{HEADER},bundle"


def test_a_bundle_is_made_after_its_parts_wherever_they_stand_in_the_file(store: str) -> None:
    rows = (
        "SET,茶組,Set,Tea > Oolong,tea,goods,900 TWD,,,OB:2 CUP:1\n"
        "OB,烏龍,Oolong,Tea > Oolong,tea,goods,380 TWD,5,,\n"
        "CUP,杯,Cup,Tea > Cups,tea,goods,200 TWD,3,,\n"
    )
    assert run(store, f"{WITH_BUNDLES}\n{rows}") == (3, 3, 0, 0)
    made = catalog.get_listing(store, "SET")
    assert (made.parts, made.price_minor, get_levels([made.level])) == ({"OB": 2, "CUP": 1}, 90_000, {})
    assert run(store, f"{WITH_BUNDLES}\n{rows}", "u2") == (3, 0, 3, 0)
    assert catalog.get_listing(store, "SET") == made
    changed = rows.replace("OB:2 CUP:1", "CUP:2")
    assert run(store, f"{WITH_BUNDLES}\n{changed}", "u3") == (3, 1, 2, 0)
    assert catalog.get_listing(store, "SET").parts == {"CUP": 2}


def test_a_row_that_cannot_be_a_bundle_is_reported(store: str) -> None:
    run(store, f"{HEADER}\nOB,烏龍,Oolong,Tea > Oolong,tea,goods,380 TWD,5,\n")
    ending = "Tea > Oolong,tea,goods,900 TWD"
    rows = f"A,茶,A,{ending},,,NONE:1\nB,茶,B,{ending},2,,OB:1\nC,茶,C,{ending},,,OB\nOB,茶,OB,{ending},,,A:1\nD,茶,D,{ending},,,\n"
    assert run(store, f"{WITH_BUNDLES}\n{rows}", "u2") == (5, 0, 0, 5)
    report = json.loads(bucket.get_object(report_key(f"store/{store}", "u2")))
    found = [(finding["line"], finding["code"]) for finding in report["findings"]]
    assert found == [
        (2, "bad-bundle"),
        (3, "bad-quantity"),
        (4, "bad-bundle"),
        (4, "missing-value"),
        (5, "other-stock"),
        (6, "missing-value"),
    ]
    assert catalog.get_listing(store, "OB").price_minor == 38_000


def test_a_row_without_parts_does_not_make_a_bundle_an_item_with_stock(store: str) -> None:
    run(store, f"{WITH_BUNDLES}\nOB,茶,OB,Tea,tea,goods,380 TWD,5,,\nSET,組,Set,Tea,tea,goods,900 TWD,,,OB:2\n")
    assert run(store, f"{HEADER}\nSET,組,Set,Tea,tea,goods,900 TWD,7,\n", "u2") == (1, 0, 0, 1)
    made = catalog.get_listing(store, "SET")
    assert (made.parts, get_levels([made.level])) == ({"OB": 2}, {})


def test_rows_that_name_what_was_merged_or_removed_stand_where_it_is_now_and_write_nothing_again(store: str) -> None:
    content = "\n".join([HEADER, line("A-1"), line("A-2", category="Teas"), line("A-3", category="Gifts")])
    run(store, content)
    catalog.merge_category(store, "teas", "tea.oolong", "staff")
    catalog.save_category("", Category(f"old-{store}", {"en": "Old"}), "operator")
    catalog.merge_category("", f"old-{store}", "tea", "operator")
    catalog.set_listing_state(store, "A-3", "withdrawn", "staff")
    catalog.change_listing(store, "A-3", {"category": ""}, "staff")
    catalog.rebuild_store(store)
    catalog.remove_category(store, "gifts", "staff")
    old = content.replace(",tea,goods", f",old-{store},goods")
    assert run(store, old, "u2") == (3, 1, 2, 0)
    assert [each.category for each in catalog.list_listings(store)] == ["tea.oolong", "tea.oolong", "gifts"]
    assert {each.union_category for each in catalog.list_listings(store)} == {"tea"}
    assert [each.id for each in catalog.list_categories(store)] == ["gifts", "tea", "tea.oolong"]
    assert run(store, old, "u3") == (3, 0, 3, 0)


def test_a_bookable_service_is_made_by_its_minutes_and_has_no_quantity(store: str) -> None:
    header = f"{HEADER},slot_minutes"
    row = "TASTE,茶席,Tasting,Tea,tea,service,900 TWD,,,60"
    assert run(store, f"{header}\n{row}\n") == (1, 1, 0, 0)
    made = catalog.get_listing(store, "TASTE")
    assert (made.slot_minutes, made.kind, get_levels([made.level])) == (60, "service", {})
    assert run(store, f"{header}\n{row}\n", "u2") == (1, 0, 1, 0)
    wrong = f"{row.replace('service', 'goods')}\n{row.replace('TASTE', 'B').replace(',60', ',3')}\n{row.replace('TASTE', 'C').replace(',,,60', ',5,,60')}\n"
    assert run(store, f"{header}\n{wrong}", "u3") == (3, 0, 0, 3)
    report = json.loads(bucket.get_object(report_key(f"store/{store}", "u3")))
    assert [finding["code"] for finding in report["findings"]] == ["bad-slots", "bad-slots", "bad-quantity"]
    assert catalog.get_listing(store, "TASTE") == made
