"""What a run of an upload refused before it was cut off stands in the report of the run that goes on, though by then the reason has passed."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from typing import Any

import pytest

from catalog_import import supply, work
from mart_union.catalog import importing
from mart_union.catalog import service as catalog
from mart_union.catalog.model import Category
from mart_union.catalog.upload_model import error_file_key, report_key
from mart_union.kernel import bucket
from mart_union.kernel.errors import Busy, Conflict
from mart_union.kernel.settings import settings
from mart_union.mediation import service as mediation
from tests.services.buckets import own_bucket
from tests.services.market import open_market, save_union
from tests.services.test_catalog import opened, union
from tests.services.test_mediation import make_supplier
from tests.services.test_parcel_files import CARRIERS, hours, shipped

__all__ = ["union"]


@pytest.fixture(scope="module", autouse=True)
def place(tables: None) -> Iterator[None]:
    with own_bucket():
        yield


def sent(key: str, *rows: str) -> str:
    bucket._client().put_object(Bucket=settings().bucket, Key=key, Body="\n".join(rows).encode())
    return key


def cut_off_after_the_first_chunk(key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run that ends after it has applied its second chunk of one row, and before it has kept that."""
    saved, calls = work.save_progress, list[Any]()

    def die(upload: Any, now: Any) -> Any:
        calls.append(upload)
        if len(calls) == 2:
            raise RuntimeError("cut off")
        return saved(upload, now)

    with monkeypatch.context() as patches:
        patches.setattr(work, "CHUNK", 1)
        patches.setattr(work, "save_progress", die)
        with pytest.raises(RuntimeError, match="cut off"):
            work.import_file(key)


def ended(key: str, owner: str, upload: str) -> tuple[int, int, list[tuple[int, str]], list[str]]:
    """The end of the run that goes on: how many rows were read and refused, the report's findings, and the rows that it gives back."""
    done = work.import_file(key)
    assert done is not None
    assert (done.state, done.runs) == ("DONE", 2)
    findings = json.loads(bucket.get_object(report_key(owner, upload)))["findings"]
    rows = list(csv.reader(bucket.get_object(error_file_key(owner, upload)).splitlines()))
    given_back = [row[0] for row in rows[1:]]
    return done.read, done.refused, [(each["line"], each["code"]) for each in findings], given_back


def test_a_parcel_that_was_unknown_is_reported_though_it_is_known_by_now(
    unique: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    market = open_market(unique)
    save_union(carriers=CARRIERS)
    shipped(market, f"{unique}1")
    header = "tracking_number,event,at,place,estimated_by"
    rows = [
        f"{unique}2,picked_up,{hours(1)},,",
        f"{unique}1,picked_up,{hours(1)},,",
        f"{unique}1,delivered,{hours(30)},,",
    ]
    key = sent(f"carriers/hct/{unique}.csv", header, *rows)
    cut_off_after_the_first_chunk(key, monkeypatch)
    shipped(market, f"{unique}2", key="key-00000002")  # and registered only now
    assert ended(key, "carrier/hct", unique) == (3, 1, [(2, "unknown-parcel")], [f"{unique}2"])


def test_a_listing_that_others_kept_changing_is_reported_though_nobody_does_now(
    union: object, unique: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    catalog.save_category("", Category("tea", {"en": "Tea"}), "operator")
    opened(unique)
    header = "id,title,product_type,union_category,price,quantity,kind"
    rows = [f"A-{number},茶,Tea,tea,380 TWD,5,goods" for number in (1, 2, 3)]
    key = sent(f"uploads/{unique}/u1.csv", header, *rows)
    counted, made = importing.count, importing._make_all

    def count(level: str, *arguments: Any, **options: Any) -> bool:
        if level.endswith("A-1"):
            raise Busy("others kept winning")
        return counted(level, *arguments, **options)

    def make(changes: Any, *arguments: Any) -> None:
        if changes[0].row.listing.sku == "A-1":
            raise Conflict("one of them is there")
        made(changes, *arguments)

    with monkeypatch.context() as patches:
        patches.setattr(importing, "count", count)
        patches.setattr(importing, "_make_all", make)
        cut_off_after_the_first_chunk(key, monkeypatch)
    assert ended(key, f"store/{unique}", "u1") == (3, 1, [(2, "busy")], ["A-1"])
    assert [each.sku for each in catalog.list_listings(unique)] == ["A-2", "A-3"]


def test_an_offer_that_could_not_be_counted_is_reported_though_it_could_be_now(
    union: object, unique: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    catalog.save_category("", Category("tea", {"en": "Tea"}), "operator")
    make_supplier(unique)
    header = "id,title,union_category,supply_price,suggested_price,quantity,granted_to"
    rows = [f"O-{number},茶,tea,100 TWD,200 TWD,5,everyone" for number in (1, 2, 3)]
    key = sent(f"supply/{unique}/u1.csv", header, *rows)
    made = supply.make_offers

    def refuse(offers: Any, *arguments: Any, **options: Any) -> None:
        if offers[0][0].sku == "O-1":
            raise Conflict("its stock has moved")
        made(offers, *arguments, **options)

    def refuse_to_save(*_: Any, **__: Any) -> bool:
        raise Conflict("its stock has moved")

    with monkeypatch.context() as patches:
        patches.setattr(supply, "make_offers", refuse)
        patches.setattr(supply, "save_offer", refuse_to_save)
        cut_off_after_the_first_chunk(key, monkeypatch)
    assert ended(key, f"supplier/{unique}", "u1") == (3, 1, [(2, "conflict")], ["O-1"])
    assert [each.sku for each in mediation.list_offers(unique).items] == ["O-2", "O-3"]
