"""What became of mails: every try is noted without an address or words, and a mail is sent again when an operator says so, once."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import msgspec
import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from mart_union.customers import mails
from mart_union.customers.model import MAIL_OUTCOMES, MailAttempt
from mart_union.customers.service import (
    claim_message,
    find_event,
    grant_membership,
    list_attempts,
    revoke_membership,
    save_profile,
    send_again,
)
from mart_union.kernel.clock import utc_now
from mart_union.kernel.errors import Invalid, NotFound
from mart_union.kernel.events import Event
from notifications import delivery
from notifications.delivery import deliver
from notifications.wording import Mail
from tests.services.capacity import measured
from tests.services.test_notifications import Outbox, happened, people

__all__ = ["people"]


@pytest.fixture
def published(monkeypatch: pytest.MonkeyPatch) -> list[Event]:
    """What was put on the bus."""
    found: list[Event] = []
    monkeypatch.setattr(mails, "publish", found.extend)
    return found


def tries(people: str, outcome: str = "sent") -> list[MailAttempt]:
    """The tries of this test that came out so, the first one first."""
    page = list_attempts(outcome, utc_now().date().isoformat())
    assert not page.next
    return sorted((each for each in page.items if each.entity == f"order/{people}"), key=lambda each: each.id)


def placed(people: str) -> Event:
    return happened("OrderPlaced", people, "placed", 1)


def test_each_mail_that_was_sent_is_noted_with_its_event_and_without_an_address(people: str) -> None:
    event = placed(people)
    for _ in range(2):
        deliver(event, send=Outbox())
    assert {(each.event, each.event_name, each.template, each.audience, each.subject) for each in tries(people)} == {
        (event.id, "OrderPlaced", "order_placed", f"customer/lin-{people}", f"lin-{people}"),
        (event.id, "OrderPlaced", "store_order_placed", f"store/tea-{people}", f"owner-{people}"),
    }
    assert len(tries(people)) == 2
    assert "example.com" not in msgspec.json.encode(tries(people)).decode()
    kept = find_event(event.id)
    assert msgspec.json.encode(kept) == msgspec.json.encode(event)


def test_each_try_that_failed_is_noted_and_so_is_the_one_that_got_through(people: str) -> None:
    event = happened("OrderAccepted", people, "accepted", 2)
    for _ in range(2):
        with pytest.raises(EndpointConnectionError):
            deliver(event, send=Outbox(f"lin-{people}@example.com"))
    deliver(event, send=Outbox())
    assert [each.problem for each in tries(people, "failed")] == ["EndpointConnectionError"] * 2
    assert [each.problem for each in tries(people)] == [""]


def test_a_mail_that_is_refused_for_good_is_seen(people: str) -> None:
    def refuse(address: str, mail: Mail) -> None:
        raise ClientError({"Error": {"Code": "MessageRejected", "Message": address}}, "SendEmail")

    deliver(happened("OrderAccepted", people, "accepted", 2), send=refuse)
    assert [(each.template, each.problem) for each in tries(people, "refused")] == [
        ("order_accepted", "MessageRejected")
    ]
    assert tries(people, "failed") == tries(people) == []


def test_whom_nobody_has_to_tell_is_not_noted_and_no_event_is_kept_for_them(unique: str) -> None:
    event = happened("OrderAccepted", unique, "accepted", 2)
    deliver(event, send=Outbox())
    assert (tries(unique), find_event(event.id)) == ([], None)


def test_a_mail_and_its_note_are_one_read_for_its_claim_the_event_once_and_two_transactions(people: str) -> None:
    with measured() as capacity:
        deliver(happened("OrderAccepted", people, "accepted", 2), send=Outbox())
    assert capacity.requests == ["GetItem", "GetItem", "TransactWriteItems", "PutItem", "TransactWriteItems"]


@pytest.mark.parametrize("outcome", ["failed", "sent"])
def test_a_replay_sends_that_mail_again_once_to_the_address_that_its_reader_has_by_now(
    outcome: str, people: str, published: list[Event]
) -> None:
    event, outbox = placed(people), Outbox()
    if outcome == "failed":
        with pytest.raises(EndpointConnectionError):
            deliver(event, send=Outbox(f"lin-{people}@example.com"))
    else:
        deliver(event, send=Outbox())
    [tried] = [each for each in tries(people, outcome) if each.audience.startswith("customer/")]
    save_profile(f"lin-{people}", name="林", email=f"new-{people}@example.com", language="en")
    for _ in range(2):
        assert send_again(outcome, tried.id, "operator", "key-1", utc_now()) == tried
    assert len({each.id for each in published}) == 1
    for again in published:
        deliver(again, send=outbox)
    assert [(address, mail.subject) for address, mail in outbox.sent] == [
        (f"new-{people}@example.com", "Your order at Lakeside Tea")
    ]
    assert [each.asked_by for each in tries(people) if each.asked_by] == ["operator"]
    deliver(event, send=outbox)
    assert len(outbox.sent) == 1  # the event itself does not send it, too


def test_a_replay_that_was_cut_off_after_it_was_sent_counts_as_told_when_it_comes_again(
    people: str, published: list[Event], monkeypatch: pytest.MonkeyPatch
) -> None:
    event, outbox = happened("OrderAccepted", people, "accepted", 2), Outbox()
    with pytest.raises(EndpointConnectionError):
        deliver(event, send=Outbox(f"lin-{people}@example.com"))
    [tried] = tries(people, "failed")
    send_again("failed", tried.id, "operator", "key-1", utc_now())
    claim = delivery.claim_message

    def cut_off(entity: str, *given: Any, **more: Any) -> Any:
        if entity == f"order/{people}":
            raise Throttled("at the last request")
        return claim(entity, *given, **more)

    monkeypatch.setattr(delivery, "claim_message", cut_off)
    with pytest.raises(Throttled):
        deliver(published[0], send=outbox)
    monkeypatch.setattr(delivery, "claim_message", claim)
    for each in (published[0], event):
        deliver(each, send=outbox)
    assert len(outbox.sent) == 1


class Throttled(Exception):
    """The tables take no more."""


def test_another_key_sends_it_once_more(people: str, published: list[Event]) -> None:
    outbox = Outbox()
    deliver(happened("OrderAccepted", people, "accepted", 2), send=Outbox())
    [tried] = tries(people)
    for key in ("key-1", "key-2"):
        send_again("sent", tried.id, "operator", key, utc_now())
    for again in published:
        deliver(again, send=outbox)
    assert len(outbox.sent) == 2


def test_who_left_the_store_since_is_sent_nothing_again(people: str, published: list[Event]) -> None:
    grant_membership(f"second-{people}", "store", f"tea-{people}", "owner")
    deliver(placed(people), send=Outbox())
    [tried] = [each for each in tries(people) if each.subject == f"owner-{people}"]
    revoke_membership(f"owner-{people}", "store", f"tea-{people}")
    outbox = Outbox()
    send_again("sent", tried.id, "operator", "key-1", utc_now())
    deliver(published[0], send=outbox)
    assert outbox.sent == []


def test_a_try_that_does_not_exist_or_whose_event_is_gone_cannot_be_sent_again(
    people: str, published: list[Event], monkeypatch: pytest.MonkeyPatch
) -> None:
    deliver(happened("OrderAccepted", people, "accepted", 2), send=Outbox())
    [tried] = tries(people)
    for outcome, identity in (("sent", "nothing"), ("failed", tried.id), ("nothing", tried.id)):
        with pytest.raises(NotFound):
            send_again(outcome, identity, "operator", "key", utc_now())
    monkeypatch.setattr(mails, "find_event", lambda _: None)
    with pytest.raises(NotFound):
        send_again("sent", tried.id, "operator", "key", utc_now())
    assert published == []


def test_tries_are_listed_by_an_outcome_that_there_is(unique: str) -> None:
    for outcome in MAIL_OUTCOMES:
        list_attempts(outcome, "2026-01-01")
    with pytest.raises(Invalid):
        list_attempts("lost", "2026-01-01")


def test_who_was_too_slow_with_a_mail_still_leaves_a_note_of_it(people: str) -> None:
    event = happened("OrderAccepted", people, "accepted", 2)
    notice_channel = f"email/customer/lin-{people}/lin-{people}"

    def slowly(address: str, mail: Mail) -> None:
        later = utc_now() + timedelta(minutes=10)
        assert claim_message(f"order/{people}", notice_channel, 2, "OrderAccepted", later, parts=("1",)) is not None

    assert deliver(event, send=slowly) == 1
    assert len(tries(people)) == 1
