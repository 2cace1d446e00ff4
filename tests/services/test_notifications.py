"""Mail for events: sent once whatever comes twice, late or at the same time, to addresses read when it is sent."""

from __future__ import annotations

import json
import threading
import tomllib
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import msgspec
import pytest
from botocore.exceptions import ClientError, EndpointConnectionError
from jinja2 import UndefinedError
from msgspec.structs import replace

from mart_union.catalog.carriers import Carrier
from mart_union.catalog.model import Union
from mart_union.catalog.refs import union_ref
from mart_union.customers import messages
from mart_union.customers.model import OPTIONAL_MAILS
from mart_union.customers.service import claim_message, finish_message, grant_membership, save_profile
from mart_union.kernel.clock import utc_now
from mart_union.kernel.errors import Busy
from mart_union.kernel.events import Event
from mart_union.orders.model import Line, Order, StepTaken
from notifications import app, delivery, naming
from notifications.delivery import deliver
from notifications.wording import Mail
from tests.gateway import CONTEXT
from tests.unit.test_notices import TEXTS, line, order


class Outbox:
    """A channel that keeps what it takes, and refuses addresses that it is told to."""

    def __init__(self, *refused: str) -> None:
        self.sent: list[tuple[str, Mail]] = []
        self.refused = set(refused)

    def __call__(self, address: str, mail: Mail) -> None:
        if address in self.refused:
            raise EndpointConnectionError(endpoint_url="http://mail.example")
        self.sent.append((address, mail))

    @property
    def addresses(self) -> list[str]:
        return [address for address, _ in self.sent]


@pytest.fixture
def people(unique: str) -> str:
    """A customer, and a store with an owner, a packer, and a manager who has no address."""
    save_profile(f"lin-{unique}", name="林", email=f"lin-{unique}@example.com", language="zh-TW")
    for role in ("owner", "packer", "manager"):
        grant_membership(f"{role}-{unique}", "store", f"tea-{unique}", role)
        email = "" if role == "manager" else f"{role}-{unique}@example.com"
        save_profile(f"{role}-{unique}", name=role, email=email, language="en")
    return unique


def happened(name: str, people: str, state: str, sequence: int) -> Event:
    told = replace(order(line(1, state), customer=f"lin-{people}"), id=people, store=f"tea-{people}")
    return Event(
        f"{people}-{sequence}", name, f"order/{people}", sequence, "2026-11-22T04:00:00.000Z", msgspec.to_builtins(told)
    )


def test_an_order_is_told_to_the_customer_and_to_owners_with_an_address_in_their_languages(people: str) -> None:
    outbox = Outbox()
    assert deliver(happened("OrderPlaced", people, "placed", 1), send=outbox) == 2
    assert outbox.addresses == [f"lin-{people}@example.com", f"owner-{people}@example.com"]
    assert [mail.subject for _, mail in outbox.sent] == ["您在湖畔茶行的訂單", "New order: NT$280"]


def test_mails_that_somebody_does_not_want_are_not_sent_and_all_others_are(people: str) -> None:
    outbox, lin = Outbox(), f"lin-{people}"
    address = f"{lin}@example.com"
    save_profile(lin, name="林", email=address, language="zh-TW", unwanted=["progress", "stock"])
    deliver(happened("OrderAccepted", people, "accepted", 2), send=outbox)
    deliver(happened("OrderBegun", people, "making", 3), send=outbox)
    assert outbox.addresses == []
    for sequence, (name, state) in enumerate((("OrderShipped", "shipped"), ("OrderDelivered", "delivered")), 4):
        deliver(happened(name, people, state, sequence), send=outbox)
    assert outbox.addresses == [address, address]


def test_each_kind_of_mail_that_can_be_unwanted_is_of_some_mails_and_no_mail_that_an_order_needs_is() -> None:
    templates = tomllib.loads((TEXTS / "en.toml").read_text("utf-8"))
    assert set(delivery.OPTIONAL.values()) == set(OPTIONAL_MAILS)
    assert set(delivery.OPTIONAL) <= set(templates)
    needed = {name for name in templates if "order_" in name or "return_" in name or name.startswith("deposit_")}
    assert needed & set(delivery.OPTIONAL) == {"order_accepted", "order_making"}


def test_an_event_delivered_twice_is_told_once(people: str) -> None:
    outbox = Outbox()
    for _ in range(3):
        deliver(happened("OrderPlaced", people, "placed", 1), send=outbox)
    assert len(outbox.sent) == 2


def test_news_that_come_after_newer_ones_are_not_told(people: str) -> None:
    outbox = Outbox()
    deliver(happened("OrderShipped", people, "shipped", 3), send=outbox)
    deliver(happened("OrderAccepted", people, "accepted", 2), send=outbox)
    deliver(happened("OrderDelivered", people, "delivered", 4), send=outbox)
    assert len(outbox.sent) == 2


def late(people: str, sequence: int) -> Event:
    """Its customer's order of one line, which was sent and is found late."""
    told = replace(order(line(1, "shipped"), customer=f"lin-{people}"), id=people, store=f"tea-{people}")
    found = replace(told, history=(StepTaken("late", "system", "system", "2026-11-25T04:00:00.000Z", (1,)),))
    event = happened("OrderLate", people, "shipped", sequence)
    return replace(event, data=msgspec.to_builtins(found))


def test_that_an_order_is_late_its_customer_hears_once_and_not_after_it_has_arrived(people: str) -> None:
    outbox = Outbox()
    for _ in range(2):
        deliver(late(people, 4), send=outbox)
    assert [(address, mail.subject) for address, mail in outbox.sent] == [
        (f"lin-{people}@example.com", "您在湖畔茶行的訂單延誤了")
    ]
    deliver(happened("OrderDelivered", people, "delivered", 6), send=outbox)
    deliver(late(people, 5), send=outbox)
    assert len(outbox.sent) == 2


def test_the_same_news_under_a_higher_sequence_are_not_told_again(people: str) -> None:
    outbox = Outbox()
    for sequence in (2, 3, 4):
        deliver(happened("OrderAccepted", people, "accepted", sequence), send=outbox)
    assert len(outbox.sent) == 1


def test_two_deliveries_at_the_same_moment_send_one_mail(people: str) -> None:
    inside, outbox = threading.Event(), Outbox()

    def slowly(address: str, mail: Mail) -> None:
        outbox(address, mail)
        inside.set()
        second_came.wait(10)

    second_came = threading.Event()
    event = happened("OrderAccepted", people, "accepted", 2)
    with ThreadPoolExecutor(1) as thread:
        first = thread.submit(deliver, event, send=slowly)
        assert inside.wait(10)
        with pytest.raises(Busy):
            deliver(event, send=outbox)
        second_came.set()
        assert first.result(10) == 1
    assert deliver(event, send=outbox) == 0
    assert len(outbox.sent) == 1


def test_a_mail_that_is_not_taken_keeps_none_back_and_is_sent_alone_when_it_comes_again(people: str) -> None:
    broken, whole = Outbox(f"lin-{people}@example.com"), Outbox()
    event = happened("OrderPlaced", people, "placed", 1)
    with pytest.raises(EndpointConnectionError):
        deliver(event, send=broken)
    assert broken.addresses == [f"owner-{people}@example.com"]
    deliver(event, send=whole)
    assert whole.addresses == [f"lin-{people}@example.com"]


def test_news_that_could_not_be_sent_are_all_told_in_their_order_when_they_come_again(people: str) -> None:
    broken, whole = Outbox(f"lin-{people}@example.com"), Outbox()
    accepted = happened("OrderAccepted", people, "accepted", 2)
    shipped = happened("OrderShipped", people, "shipped", 3)
    for event in (accepted, shipped):
        with pytest.raises(EndpointConnectionError):
            deliver(event, send=broken)
    assert [deliver(event, send=whole) for event in (accepted, shipped, accepted)] == [1, 1, 0]


def told_of(people: str, *lines: Line) -> Order:
    """That order, after a step that moved those of these lines that it moved at all: the others are `placed`."""
    moved = tuple(each.number for each in lines if each.state != "placed")
    taken = StepTaken("step", "store", "packer", "2026-11-22T06:00:00.000Z", moved)
    made = replace(order(*lines, customer=f"lin-{people}"), id=people, store=f"tea-{people}", history=(taken,))
    return replace(made, shipments=())


def step(name: str, people: str, sequence: int, *lines: Line) -> Event:
    """What has happened to those lines of it that are not `placed`."""
    told = told_of(people, *lines)
    at = "2026-11-22T04:00:00.000Z"
    return Event(f"{people}-{sequence}", name, f"order/{people}", sequence, at, msgspec.to_builtins(told))


def test_news_of_a_line_that_could_not_be_sent_are_told_though_newer_ones_of_another_line_were(people: str) -> None:
    broken, whole = Outbox(f"lin-{people}@example.com"), Outbox()
    refused = step("OrderRefused", people, 2, line(1, "refused"), line(2, "placed"))
    accepted = step("OrderAccepted", people, 3, line(1, "placed"), line(2, "accepted"))
    with pytest.raises(EndpointConnectionError):
        deliver(refused, send=broken)
    assert [deliver(event, send=whole) for event in (accepted, refused, refused)] == [1, 1, 0]


def test_of_news_that_come_late_only_the_lines_are_told_that_have_not_gone_on_since(people: str) -> None:
    outbox = Outbox()
    shipped = step("OrderShipped", people, 3, line(1, "shipped"), line(2, "placed"))
    accepted = step("OrderAccepted", people, 2, line(1, "accepted"), line(2, "accepted"))
    for event in (shipped, accepted, accepted):
        deliver(event, send=outbox)
    assert ["Tea 1" in mail.text for _, mail in outbox.sent] == [True, False]
    assert ["Tea 2" in mail.text for _, mail in outbox.sent] == [False, True]


def test_who_works_for_two_suppliers_of_an_order_hears_of_both(people: str) -> None:
    outbox = Outbox()
    for supplier in ("one", "two"):
        grant_membership(f"owner-{people}", "supplier", f"{supplier}-{people}", "owner")
    lines = (
        replace(line(number, "placed"), fulfiller=f"supplier/{each}-{people}")
        for number, each in ((1, "one"), (2, "two"))
    )
    placed = replace(told_of(people, *lines), history=())
    event = Event("e", "OrderPlaced", f"order/{people}", 1, "2026", msgspec.to_builtins(placed))
    for _ in range(2):
        deliver(event, send=outbox)
    own = [mail for address, mail in outbox.sent if mail.subject == "New order to supply"]
    assert [("Tea 1" in mail.text, "Tea 2" in mail.text) for mail in own] == [(True, False), (False, True)]


@pytest.mark.parametrize("broken", ["word", "with_names", "subjects_of", "claim_message"])
def test_whatever_fails_of_one_notice_keeps_no_other_back_and_is_told_without_an_address(
    broken: str, people: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    event = happened("OrderPlaced", people, "placed", 1)
    outbox, works, noted = Outbox(), getattr(delivery, broken), Noted()

    def fail_once(*given: Any, **more: Any) -> Any:
        monkeypatch.setattr(delivery, broken, works)
        raise UndefinedError(f"lin-{people}@example.com")

    monkeypatch.setattr(delivery, "logger", noted)
    monkeypatch.setattr(delivery, broken, fail_once)
    with pytest.raises(UndefinedError):
        deliver(event, send=outbox)
    assert outbox.addresses == [f"owner-{people}@example.com"]
    assert noted.facts == [
        {"template": "order_placed", "entity": f"order/{people}", "sequence": 1, "problem": "UndefinedError"}
    ]
    deliver(event, send=outbox)
    assert outbox.addresses == [f"owner-{people}@example.com", f"lin-{people}@example.com"]


@pytest.mark.parametrize("code", ["MessageRejected", "BadRequestException"])
def test_a_mail_that_is_refused_for_good_is_noted_and_neither_fails_its_event_nor_is_tried_again(
    code: str, people: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked, noted = [], Noted()

    def refuse(address: str, mail: Mail) -> None:
        asked.append(address)
        if address.startswith("lin"):
            raise ClientError({"Error": {"Code": code, "Message": address}}, "SendEmail")

    monkeypatch.setattr(delivery, "logger", noted)
    event = happened("OrderPlaced", people, "placed", 1)
    assert [deliver(event, send=refuse) for _ in range(2)] == [1, 0]
    assert asked == [f"lin-{people}@example.com", f"owner-{people}@example.com"]
    assert [facts["problem"] for facts in noted.facts] == [code]


def test_a_mail_that_ses_could_not_take_now_is_tried_again(people: str) -> None:
    def throttle(address: str, mail: Mail) -> None:
        raise ClientError({"Error": {"Code": "TooManyRequestsException", "Message": address}}, "SendEmail")

    outbox, event = Outbox(), happened("OrderAccepted", people, "accepted", 2)
    with pytest.raises(ClientError):
        deliver(event, send=throttle)
    assert deliver(event, send=outbox) == 1


class Noted:
    """A log that keeps what is said to it."""

    def __init__(self) -> None:
        self.facts: list[dict[str, Any]] = []

    def warning(self, message: str, **facts: Any) -> None:
        self.facts.append(facts)


def test_a_mail_calls_carriers_suppliers_and_stores_by_their_names(
    people: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    union = Union("hsinchu", {}, {}, (), (), (), (Carrier("hct", {"en": "Harbour Carriers"}),))
    monkeypatch.setattr(naming, "fetch", lambda ref: union if ref.pk == union_ref().pk else None)
    outbox = Outbox()
    deliver(happened("OrderShipped", people, "shipped", 3), send=outbox)
    [(_, mail)] = outbox.sent
    assert "Harbour Carriers" in mail.text


def test_a_claim_of_a_process_that_died_lapses_and_the_mail_is_sent_again(unique: str) -> None:
    now = utc_now()
    assert claim_message(unique, "email", 1, "news", now) is not None
    with pytest.raises(Busy):
        claim_message(unique, "email", 1, "news", now + timedelta(seconds=messages.LEASE_SECONDS - 1))
    again = claim_message(unique, "email", 1, "news", now + timedelta(seconds=messages.LEASE_SECONDS))
    assert again is not None
    finish_message(again)
    assert claim_message(unique, "email", 1, "news", now + timedelta(days=1)) is None


def test_who_lost_the_claim_cannot_say_that_it_is_done(unique: str) -> None:
    now = utc_now()
    slow = claim_message(unique, "email", 1, "news", now)
    later = claim_message(unique, "email", 1, "news", now + timedelta(seconds=messages.LEASE_SECONDS))
    assert slow is not None
    assert later is not None
    finish_message(slow)
    with pytest.raises(Busy):
        claim_message(unique, "email", 1, "news", now + timedelta(seconds=messages.LEASE_SECONDS + 1))


def test_a_customer_without_a_profile_is_not_told(unique: str) -> None:
    outbox = Outbox()
    deliver(happened("OrderAccepted", unique, "accepted", 2), send=outbox)
    assert outbox.sent == []


def test_of_a_batch_only_the_message_that_failed_comes_again(people: str, monkeypatch: pytest.MonkeyPatch) -> None:
    outbox = Outbox(f"owner-{people}@example.com")
    monkeypatch.setattr(app, "deliver", lambda event: deliver(event, send=outbox))
    records = [
        record("one", happened("OrderPlaced", people, "placed", 1)),
        record("two", happened("OrderAccepted", people, "accepted", 2)),
    ]
    answer = app.lambda_handler({"Records": records}, CONTEXT)
    assert answer == {"batchItemFailures": [{"itemIdentifier": "one"}]}
    assert outbox.addresses == [f"lin-{people}@example.com"] * 2


def test_mail_goes_out_by_ses_from_the_unions_address(people: str, emulator: str) -> None:
    delivery._ses().create_email_identity(EmailIdentity="union@hsinchu.example")
    delivery.send_by_ses(f"lin-{people}@example.com", Mail("主旨", "內文\n"))


def record(message: str, event: Event) -> dict[str, Any]:
    envelope = {"version": "0", "source": "mart-union", "detail-type": event.name, "detail": msgspec.to_builtins(event)}
    return {
        "messageId": message,
        "receiptHandle": "r",
        "body": json.dumps(envelope),
        "attributes": {},
        "messageAttributes": {},
        "md5OfBody": "",
        "eventSource": "aws:sqs",
        "eventSourceARN": "arn:aws:sqs:ap-northeast-1:000000000000:mart-union-hsinchu-notifications",
        "awsRegion": "ap-northeast-1",
    }
