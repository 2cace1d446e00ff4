"""Domain events from the streams of the ledger and stock tables."""

from __future__ import annotations

import json
from typing import Any

import pytest
from msgspec.structs import asdict, replace

from mart_union.catalog import events as catalog_events
from mart_union.kernel.streams import changes_of
from mart_union.ledger import events as ledger_events
from mart_union.stock import events as stock_events
from mart_union.stock.events import crossing
from mart_union.stock.model import Level, availability_of
from tests.conftest import ROOT


def sample(name: str) -> dict[str, Any]:
    event: dict[str, Any] = json.loads((ROOT / "events" / name).read_text(encoding="utf-8"))
    return event


def told(module: Any, name: str) -> list[tuple[str, str, int]]:
    return [
        (event.name, event.entity, event.sequence)
        for change in changes_of(sample(name))
        for event in module.events_of(change.pk, change.sk, change.old, change.new, change.event_id, change.at)
    ]


def test_a_transfer_is_posted_and_a_closed_statement_made_and_a_balance_tells_nothing() -> None:
    assert told(ledger_events, "relay/ledger.json") == [
        ("TransferPosted", "transfer/purchase-4x8m2q6t0v9w1y3z5b7c", 1),
        ("StatementMade", "statement/0a1b2c3d4e5f6g7h8j9k0m1n", 1),
    ]


def test_a_statement_that_is_paid_is_not_made_again() -> None:
    ready = {"document": {"id": "s", "state": "ready"}}
    paid = {"document": {"id": "s", "state": "paid"}}
    assert ledger_events.events_of("STATEMENTS#store/a", "2026-11-30", ready, paid, "e", "now") == []


def test_each_movement_of_a_deposit_is_told_under_the_balances_own_sequence_and_other_balances_tell_nothing() -> None:
    image = {"balance": 900, "available": 700, "sequence": 4}

    def told_of(account: str) -> list[tuple[str, str, int, dict[str, Any]]]:
        events = ledger_events.events_of(f"ACCOUNT#{account}", "ACCOUNT", None, image, "e", "now")
        return [(event.name, event.entity, event.sequence, event.data) for event in events]

    assert told_of("store/emei-tea/deposit") == [
        ("DepositMoved", "deposit-balance/emei-tea", 4, {"store": "emei-tea", "available_minor": 700})
    ]
    assert told_of("store/emei-tea/held") == told_of("customer/lin") == []


@pytest.mark.parametrize(
    ("outcome", "name"), [("posted", "TransferPosted"), ("voided", "TransferVoided"), ("expired", "TransferExpired")]
)
def test_a_pending_transfer_tells_of_its_end_under_the_next_sequence(outcome: str, name: str) -> None:
    pending = {"document": {"id": "p", "pending": True}}
    [begun] = ledger_events.events_of("TRANSFER#p", "TRANSFER", None, pending, "e1", "now")
    [ended] = ledger_events.events_of("TRANSFER#p", "RESOLUTION", None, {"outcome": outcome, "at": "then"}, "e2", "now")
    assert (begun.name, begun.sequence) == ("TransferPending", 1)
    assert (ended.name, ended.entity, ended.sequence) == (name, "transfer/p", 2)
    assert ended.data == {"id": "p", "outcome": outcome, "at": "then"}


def test_money_moves_when_a_transfer_is_made_unless_it_is_pending() -> None:
    changes = list(changes_of(sample("relay/ledger.json")))
    moved = [ledger_events.posted_transfer(change.pk, change.sk, change.old, change.new) for change in changes]
    assert [transfer and transfer.id for transfer in moved] == ["purchase-4x8m2q6t0v9w1y3z5b7c", None, None]
    pending = {"document": {"id": "p", "pending": True}}
    assert ledger_events.posted_transfer("TRANSFER#p", "TRANSFER", None, pending) is None


def test_a_level_tells_of_each_mark_that_it_crosses_once() -> None:
    assert told(stock_events, "stock_adjustment/levels.json") == [
        ("StockBack", "level/listing/emei-tea/OB-TOP", 1),
        ("StockLow", "level/listing/emei-tea/OB-TOP", 2),
        ("StockOut", "level/listing/emei-tea/OB-TOP", 3),
    ]


@pytest.mark.parametrize(
    ("before", "after", "name"),
    [
        (6, 5, "StockLow"),
        (5, 4, ""),
        (9, 0, "StockOut"),
        (4, 0, "StockOut"),
        (0, 3, "StockBack"),
        (0, 9, "StockBack"),
        (3, 9, "StockBack"),
        (0, 0, ""),
        (9, 6, ""),
    ],
)
def test_marks_are_crossed_downwards_to_low_and_to_nothing_and_back(before: int, after: int, name: str) -> None:
    assert crossing(availability_of(before, 5), availability_of(after, 5)) == name


@pytest.mark.parametrize(("mark", "raised", "name"), [(3, 20, "StockLow"), (20, 3, "StockBack"), (3, 5, "")])
def test_a_mark_that_is_moved_past_the_reserve_is_crossed_once(mark: int, raised: int, name: str) -> None:
    before = Level("listing/tea/OB", reserve=10, low_stock=mark, sequence=4)
    after = replace(before, low_stock=raised, sequence=5, reason="low-stock")
    images = [{"pk": "LEVEL#listing/tea/OB", "sk": "LEVEL", **asdict(each)} for each in (before, after)]
    for image in images:
        del image["id"]
    made = stock_events.events_of("LEVEL#listing/tea/OB", "LEVEL", images[0], images[1], "e1", "now")
    assert [(event.name, event.sequence) for event in made] == ([(name, 5)] if name else [])


def test_a_change_has_plain_numbers_a_decoded_document_and_its_tables_name() -> None:
    first, second, _shipped = changes_of(sample("relay/orders.json"))
    assert (first.table, first.sk, first.old, first.at) == ("orders", "ORDER", None, "2026-11-22T05:00:01.000Z")
    assert first.new is not None
    assert second.old == first.new
    assert second.new is not None
    assert [type(second.new["sequence"]), second.new["sequence"]] == [int, 2]
    assert second.new["document"]["lines"][0]["state"] == "accepted"


def test_each_review_of_a_listing_is_told_under_the_number_of_its_change_and_is_no_change_of_its_store() -> None:
    old, new = {"stars": 14, "reviews": 3, "sequence": 3}, {"stars": 9, "reviews": 2, "sequence": 4}
    (event,) = catalog_events.events_of("STORE#emei-tea", "RATING#OB-TOP", old, new, "e", "now")
    assert (event.name, event.entity, event.sequence) == ("ListingRated", "rating/emei-tea/OB-TOP", 4)
    assert event.data == {"stars": 9, "reviews": 2}
    assert catalog_events.events_of("STORE#emei-tea", "RATING#OB-TOP", new, None, "e", "now") == []
