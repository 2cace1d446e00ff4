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
from botocore.exceptions import EndpointConnectionError
from msgspec.structs import replace

from mart_union.customers import messages
from mart_union.customers.model import OPTIONAL_MAILS
from mart_union.customers.service import claim_message, finish_message, grant_membership, save_profile
from mart_union.kernel.clock import utc_now
from mart_union.kernel.errors import Busy
from mart_union.kernel.events import Event
from notifications import app, delivery
from notifications.delivery import deliver
from notifications.notices import notices_of
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
    assert deliver(notices_of(happened("OrderPlaced", people, "placed", 1)), send=outbox) == 2
    assert outbox.addresses == [f"lin-{people}@example.com", f"owner-{people}@example.com"]
    assert [mail.subject for _, mail in outbox.sent] == ["您在湖畔茶行的訂單", "New order: NT$280"]


def test_mails_that_somebody_does_not_want_are_not_sent_and_all_others_are(people: str) -> None:
    outbox, lin = Outbox(), f"lin-{people}"
    address = f"{lin}@example.com"
    save_profile(lin, name="林", email=address, language="zh-TW", unwanted=["progress", "stock"])
    deliver(notices_of(happened("OrderAccepted", people, "accepted", 2)), send=outbox)
    deliver(notices_of(happened("OrderBegun", people, "making", 3)), send=outbox)
    assert outbox.addresses == []
    for sequence, (name, state) in enumerate((("OrderShipped", "shipped"), ("OrderDelivered", "delivered")), 4):
        deliver(notices_of(happened(name, people, state, sequence)), send=outbox)
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
        deliver(notices_of(happened("OrderPlaced", people, "placed", 1)), send=outbox)
    assert len(outbox.sent) == 2


def test_news_that_come_after_newer_ones_are_not_told(people: str) -> None:
    outbox = Outbox()
    deliver(notices_of(happened("OrderShipped", people, "shipped", 3)), send=outbox)
    deliver(notices_of(happened("OrderAccepted", people, "accepted", 2)), send=outbox)
    deliver(notices_of(happened("OrderDelivered", people, "delivered", 4)), send=outbox)
    assert len(outbox.sent) == 2


def test_the_same_news_under_a_higher_sequence_are_not_told_again(people: str) -> None:
    outbox = Outbox()
    for sequence in (2, 3, 4):
        deliver(notices_of(happened("OrderAccepted", people, "accepted", sequence)), send=outbox)
    assert len(outbox.sent) == 1


def test_two_deliveries_at_the_same_moment_send_one_mail(people: str) -> None:
    inside, outbox = threading.Event(), Outbox()

    def slowly(address: str, mail: Mail) -> None:
        outbox(address, mail)
        inside.set()
        second_came.wait(10)

    second_came = threading.Event()
    notices = notices_of(happened("OrderAccepted", people, "accepted", 2))
    with ThreadPoolExecutor(1) as thread:
        first = thread.submit(deliver, notices, send=slowly)
        assert inside.wait(10)
        with pytest.raises(Busy):
            deliver(notices, send=outbox)
        second_came.set()
        assert first.result(10) == 1
    assert deliver(notices, send=outbox) == 0
    assert len(outbox.sent) == 1


def test_a_mail_that_is_not_taken_keeps_none_back_and_is_sent_alone_when_it_comes_again(people: str) -> None:
    broken, whole = Outbox(f"lin-{people}@example.com"), Outbox()
    notices = notices_of(happened("OrderPlaced", people, "placed", 1))
    with pytest.raises(EndpointConnectionError):
        deliver(notices, send=broken)
    assert broken.addresses == [f"owner-{people}@example.com"]
    deliver(notices, send=whole)
    assert whole.addresses == [f"lin-{people}@example.com"]


def test_news_that_could_not_be_sent_are_all_told_in_their_order_when_they_come_again(people: str) -> None:
    broken, whole = Outbox(f"lin-{people}@example.com"), Outbox()
    accepted = notices_of(happened("OrderAccepted", people, "accepted", 2))
    shipped = notices_of(happened("OrderShipped", people, "shipped", 3))
    for notices in (accepted, shipped):
        with pytest.raises(EndpointConnectionError):
            deliver(notices, send=broken)
    assert [deliver(notices, send=whole) for notices in (accepted, shipped, accepted)] == [1, 1, 0]


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
    deliver(notices_of(happened("OrderAccepted", unique, "accepted", 2)), send=outbox)
    assert outbox.sent == []


def test_of_a_batch_only_the_message_that_failed_comes_again(people: str, monkeypatch: pytest.MonkeyPatch) -> None:
    outbox = Outbox(f"owner-{people}@example.com")
    monkeypatch.setattr(app, "deliver", lambda notices: deliver(notices, send=outbox))
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
