"""What hangs on the streams and schedules, on a real bus and real tables: twice is as good as once."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from botocore.session import get_session

from mart_union.checkout.cancelling import cancel_purchase
from mart_union.checkout.model import Purchase, Wanted
from mart_union.checkout.sales import place_shop_sale
from mart_union.checkout.service import place_purchase
from mart_union.kernel import events
from mart_union.kernel.clock import iso
from mart_union.kernel.errors import Busy, NotFound, StepNotAllowed
from mart_union.kernel.ids import new_id
from mart_union.kernel.retry import MOST_TRIES
from mart_union.kernel.settings import settings
from mart_union.kernel.transaction import WriteTransaction
from mart_union.ledger.census import whole_ledger
from mart_union.ledger.model import Transfer, postings_of
from mart_union.ledger.service import add_resolution, list_postings, post
from mart_union.orders.service import take_step
from mart_union.settlement import service as settlement
from mart_union.settlement.books import load_books
from mart_union.settlement.reconciliation import differences
from mart_union.stock.journal import list_journal
from mart_union.stock.service import get_level, stock_in, stock_out
from mart_union.stock.tables import LevelItem, level_key
from relay.app import lambda_handler as relay
from stock_adjustment.app import lambda_handler as stock_adjustment
from tests.conftest import ROOT
from tests.services.buckets import own_bucket
from tests.services.market import NOW, Market, fill_pool, give_money, open_market, save_listing, save_mediated
from tests.services.settling import due_on, mark_all, settle_day, verify_account


@pytest.fixture(scope="module")
def listener(tables: None) -> Iterator[Any]:
    """What the bus has been told since it was last asked: name, entity, sequence and id of each event."""
    events._bus.cache_clear()
    session = get_session()
    bus, queues = events._bus(), session.create_client("sqs")
    name = f"told-{new_id()}"
    queue = queues.create_queue(QueueName=name)["QueueUrl"]
    arn = queues.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    made = settings().bus not in {each["Name"] for each in bus.list_event_buses()["EventBuses"]}
    if made:
        bus.create_event_bus(Name=settings().bus)
    bus.put_rule(Name=name, EventBusName=settings().bus, EventPattern=json.dumps({"source": ["mart-union"]}))
    bus.put_targets(Rule=name, EventBusName=settings().bus, Targets=[{"Id": "queue", "Arn": arn}])

    def receive() -> list[tuple[str, str, int, str]]:
        found = []
        while messages := queues.receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages"):
            for message in messages:
                event = events.read_event(message["Body"])
                found.append((event.name, event.entity, event.sequence, event.id))
                queues.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
        return found

    with own_bucket():
        yield receive
    bus.remove_targets(Rule=name, EventBusName=settings().bus, Ids=["queue"])
    bus.delete_rule(Name=name, EventBusName=settings().bus)
    if made:
        bus.delete_event_bus(Name=settings().bus)
    events._bus.cache_clear()


@pytest.fixture
def told(listener: Any) -> Any:
    """The listener, with nothing left of tests before."""
    listener()
    return listener


def sample(name: str) -> dict[str, Any]:
    event: dict[str, Any] = json.loads((ROOT / "events" / name).read_text(encoding="utf-8"))
    return event


def names(told_events: list[tuple[str, str, int, str]]) -> list[tuple[str, int]]:
    return [(name, sequence) for name, _, sequence, _ in told_events]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("relay/orders.json", [("OrderPlaced", 1), ("OrderAccepted", 2), ("OrderShipped", 3)]),
        ("relay/catalog.json", [("EnterpriseChanged", 2), ("ListingChanged", 2)]),
        ("relay/mediation.json", [("OfferChanged", 3)]),
        ("relay/ledger.json", [("TransferPosted", 1), ("StatementMade", 1)]),
    ],
)
def test_a_batch_of_a_stream_becomes_its_events_and_again_the_very_same(
    told: Any, name: str, expected: list[tuple[str, int]]
) -> None:
    relay(sample(name), None)
    first = told()
    assert names(first) == expected
    relay(sample(name), None)
    assert told() == first


def test_events_carry_no_name_and_no_address(told: Any) -> None:
    for name in ("orders", "catalog", "mediation", "ledger"):
        text = json.dumps(sample(f"relay/{name}.json"))
        assert not {"address_lines", "phone", "email"} & set(text.split('"'))


def test_the_view_of_postings_is_written_once_however_often_it_is_delivered(told: Any) -> None:
    for _ in range(2):
        relay(sample("relay/ledger.json"), None)
    entries = list_postings("customer/customer-lin", "2026-11").items
    assert [(entry.transfer, entry.amount_minor) for entry in entries] == [("purchase-4x8m2q6t0v9w1y3z5b7c", -134_000)]


def test_a_pending_transfer_enters_the_view_when_it_is_posted(told: Any, unique: str) -> None:
    account = f"customer/{unique}"
    amounts = {"provider/bank": -500, account: 500}
    pending = post(Transfer(f"t{unique}", "purchase", "TWD", postings_of(amounts), "test", iso(NOW), pending=True))
    transaction = WriteTransaction()
    add_resolution(transaction, pending, "posted", NOW)
    transaction.commit()
    image = {"pk": f"TRANSFER#t{unique}", "sk": "RESOLUTION", "outcome": "posted", "at": iso(NOW)}
    relay(record("ledger", new=image), None)
    assert names(told()) == [("TransferPosted", 2)]
    assert [entry.amount_minor for entry in list_postings(account, "2026-11").items] == [500]


def refusing(monkeypatch: pytest.MonkeyPatch, times: int) -> list[list[str]]:
    """Makes the bus refuse the first entry of so many requests; answers with the entries of each request."""
    put_events, requests = events._bus().put_events, []

    def refuse(*, Entries: list[dict[str, str]]) -> dict[str, Any]:  # noqa: N803 - botocore's name
        requests.append([entry["Detail"] for entry in Entries])
        if len(requests) > times:
            return dict(put_events(Entries=Entries))
        taken = put_events(Entries=Entries[1:])["Entries"] if Entries[1:] else []
        return {"FailedEntryCount": 1, "Entries": [{"ErrorCode": "ThrottlingException"}, *taken]}

    monkeypatch.setattr(events._bus(), "put_events", refuse)
    return requests


def test_what_the_bus_refuses_is_put_again_and_nothing_else(told: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    requests = refusing(monkeypatch, 2)
    relay(sample("relay/orders.json"), None)
    whole = requests[0]
    assert len(whole) > 1
    assert requests == [whole, whole[:1], whole[:1]]
    sent = told()
    assert len(sent) == len(whole)


def test_when_the_bus_keeps_refusing_the_whole_batch_comes_again(told: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mart_union.kernel.retry.time.sleep", lambda _: None)
    requests = refusing(monkeypatch, 1000)
    with pytest.raises(Busy):
        relay(sample("relay/orders.json"), None)
    assert len(requests) == MOST_TRIES


@pytest.mark.parametrize(("table", "count"), [("orders", "measure"), ("ledger", "record_postings")])
def test_a_count_that_is_busy_holds_no_event_up_and_is_made_when_the_batch_comes_again(
    table: str, count: str, told: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    relay(sample(f"relay/{table}.json"), None)
    expected = told()
    counted: list[Any] = []

    def be_busy(*given: Any) -> None:
        counted.append(given)
        raise Busy("other writers kept winning")

    monkeypatch.setattr(f"relay.app.{count}", be_busy)
    with pytest.raises(Busy):
        relay(sample(f"relay/{table}.json"), None)
    assert told() == expected
    assert len(counted) == 1


def record(table: str, *, new: dict[str, Any], old: dict[str, Any] | None = None) -> dict[str, Any]:
    def typed(image: dict[str, Any]) -> dict[str, Any]:
        kinds = {bool: "BOOL", int: "N", str: "S"}
        return {
            name: {kinds[type(value)]: str(value) if type(value) is int else value} for name, value in image.items()
        }

    stream = {"ApproximateCreationDateTime": 1795323601.0, "Keys": typed({"pk": new["pk"], "sk": new["sk"]})}
    stream |= {"NewImage": typed(new)} | ({"OldImage": typed(old)} if old else {})
    arn = f"arn:aws:dynamodb:ap-northeast-1:123456789012:table/mart-union-hsinchu-{table}/stream/2026"
    one = {"eventID": new_id(), "eventName": "MODIFY" if old else "INSERT", "eventSourceARN": arn, "dynamodb": stream}
    return {"Records": [one]}


def image(level: str) -> dict[str, Any]:
    """A level as the stream shows it."""
    item = LevelItem.get(*level_key(level), consistent_read=True)
    return {name: int(value) if type(value) is int else value for name, value in item.attribute_values.items()}


def test_the_journal_tells_every_movement_in_order_with_what_was_left(told: Any, unique: str) -> None:
    level = save_listing(unique, "TEA", price_minor=30_000, reserve=6).level
    batch = record("stock", new=image(level))
    before = image(level)
    for act in (
        lambda: stock_in(level, 4, reason="received", actor="lin", reference="delivery-7", key="in-000001", now=NOW),
        lambda: stock_out(level, 8, reason="damaged", actor="lin", reference="flood", key="out-00001", now=NOW),
    ):
        act()
        after = image(level)
        batch["Records"] += record("stock", old=before, new=after)["Records"]
        before = after
    for _ in range(2):
        stock_adjustment(batch, None)
    assert [(entry.sequence, entry.reason, entry.moved, entry.reserve_after) for entry in list_journal(level)] == [
        (3, "damaged", {"reserve": -8, "written_off": 8}, 2),
        (2, "received", {"reserve": 4, "received": 4}, 10),
        (1, "counted", {"reserve": 6, "corrected": 6}, 6),
    ]
    first, second = (both := told())[:2], both[2:]
    assert names(first) == [("StockBack", 1), ("StockLow", 3)]
    assert second == first


def test_a_gap_in_the_journal_is_counted_and_logged_as_an_error(told: Any, capsys: pytest.CaptureFixture[str]) -> None:
    stock_adjustment(sample("stock_adjustment/gap.json"), None)
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["StockJournalGap"] for line in lines if "StockJournalGap" in line] == [[1.0]]
    stock_adjustment(sample("stock_adjustment/levels.json"), None)
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["StockJournalGap"] for line in lines if "StockJournalGap" in line] == [[0.0]]


def test_after_purchases_refunds_sales_completions_and_payouts_the_books_agree(told: Any, unique: str) -> None:
    before = set(differences(load_books()))
    market = mediated_market(unique)
    tea = Wanted(market.store, "TEA", 1)
    first = buy(market, 82_000, tea, Wanted(market.store, "HERB", 2), key="key-00000000")
    second = buy(market, 88_500, Wanted(market.other_store, "LOSS", 3), tea, key="key-00000001")
    cancelled = buy(market, 66_000, Wanted(market.store, "TEA", 2), key="key-00000002")
    cancel_purchase(cancelled.id, actor=market.customer, role="customer", key="cancel-01", now=NOW)
    sale = place_shop_sale(
        market.store,
        f"shop-{unique}",
        [Wanted(market.store, "HERB", 1)],
        recipient=market.recipient,
        key="sale-001",
        now=NOW,
    )
    buy(market, 36_000, tea, method="bank_transfer", key="key-00000009")
    assert set(differences(load_books())) - before == set()
    for order in (*first.orders, *second.orders, *sale.orders):
        for fulfiller in (f"store/{market.store}", f"store/{market.other_store}", f"supplier/{market.supplier}"):
            move(order, fulfiller)
        take_step(order, "deliver", "system", "system", f"d-{order}", NOW)
        settlement.complete_order(order, actor="settlement", role="system", key="", now=NOW + timedelta(days=8))
    assert set(differences(load_books())) - before == set()
    mark_all(NOW)
    for found in due_on("2026-12-07"):
        verify_account(found.party, NOW)
    paid = settle_day("2026-12-07", NOW + timedelta(days=15), unique)
    assert [made.state for made in paid] == ["ready"] * len(paid)
    assert {made.party for made in paid} >= {f"store/{market.store}", f"supplier/{market.supplier}"}
    supplied = next(made for made in paid if made.party.startswith("supplier/"))
    assert supplied.total_minor >= 6 * 15_000
    assert set(differences(load_books())) - before == set()
    assert get_level(f"offer/{market.supplier}/POOL").sold == 6


def mediated_market(unique: str) -> Market:
    """A market whose stores sell what a supplier offers, one of them with next to no margin, and have deposits."""
    market = open_market(unique, money=10_000_000)
    fill_pool(market.supplier, 50, 15_000)
    save_mediated(market.store, "HERB", market.supplier, price_minor=23_000, supply_minor=15_000)
    save_mediated(market.other_store, "LOSS", market.supplier, price_minor=15_500, supply_minor=15_000)
    for store in (market.store, market.other_store):
        give_money(f"store/{store}/deposit", 500_000)
    return market


def buy(market: Market, total: int, *wanted: Wanted, key: str, method: str = "account") -> Purchase:
    """A purchase of the market's customer's."""
    return place_purchase(
        market.customer,
        wanted,
        recipient=market.recipient,
        total_seen=total,
        method=method,
        key=key,
        now=NOW,
    )


def move(order: str, fulfiller: str) -> None:
    """Accept and ship what a fulfiller has in an order."""
    role = fulfiller.split("/", maxsplit=1)[0]
    for step, tracking in (("accept", None), ("ship", ("hct", "HCT1"))):
        try:
            take_step(order, step, "staff", role, f"{step}-{fulfiller}", NOW, fulfiller=fulfiller, tracking=tracking)
        except (NotFound, StepNotAllowed):
            return


def test_the_days_report_is_kept_and_read_again(told: Any) -> None:
    report = settlement.reconcile(NOW)
    assert settlement.last_report() == report
    assert report.transfers == len(whole_ledger().transfers)
