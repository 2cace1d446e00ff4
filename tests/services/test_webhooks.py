"""Webhooks of orders: each step is told to the store's and the suppliers' own addresses, signed, tried again with growing delays, seen and told again."""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace
from standardwebhooks import Webhook, WebhookVerificationError

from mart_union.catalog.service import list_audit
from mart_union.kernel import secrets
from mart_union.kernel.clock import iso
from mart_union.kernel.errors import Busy, Invalid, KeyReused, NotFound, RuleViolation
from mart_union.kernel.events import Event
from mart_union.mediation import webhooks
from mart_union.mediation.delivery import NotDelivered
from mart_union.mediation.order_telling import (
    RETRY_SECONDS,
    Telling,
    ask_order_again,
    hand_out,
    hand_out_again,
    kind_of,
    news_of,
    tell_webhook,
)
from mart_union.mediation.webhook_model import OrderWebhook
from mart_union.mediation.webhooks import (
    MOST_WEBHOOKS,
    get_webhook,
    list_order_deliveries,
    list_webhooks,
    newest_secret,
    register_webhook,
    remove_webhook,
    renew_secret,
    secrets_of,
    set_webhook_address,
    set_webhook_state,
)
from mart_union.orders.events import for_event
from mart_union.orders.model import Order, Shipment, StepTaken
from tests.gateway import CONTEXT, gateway_event
from tests.orders_examples import line_of, order_of

NOW = datetime(2026, 11, 22, 4, 0, tzinfo=UTC)
URL = "https://erp.example/orders"


@pytest.fixture(autouse=True)
def keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(secrets, "_keys", lambda: {"shop_key": "c2hvcC1rZXk"})


class Receiver:
    """Takes what it is told, and answers with statuses, the last of them from then on; 0 is no answer."""

    def __init__(self, *statuses: int) -> None:
        self.statuses = list(statuses) or [200]
        self.told: list[tuple[str, Mapping[str, str], bytes]] = []

    def __call__(self, url: str, headers: Mapping[str, str], body: bytes) -> int:
        self.told.append((url, headers, body))
        status = self.statuses.pop(0) if len(self.statuses) > 1 else self.statuses[0]
        if not status:
            raise NotDelivered("no answer: ReadTimeoutError")
        return status


class Queue:
    """Keeps the jobs that are put into it, with their delays."""

    def __init__(self) -> None:
        self.jobs: list[Telling] = []
        self.delays: list[int] = []

    def __call__(self, queue: str, jobs: Sequence[Telling], *, delay_seconds: int = 0) -> None:
        assert queue == "webhooks"
        self.jobs += [msgspec.json.decode(msgspec.json.encode(job), type=Telling) for job in jobs]
        self.delays += [delay_seconds] * len(jobs)


@pytest.fixture
def order(unique: str) -> Order:
    """An order of a store of this test's own, whose second line a supplier fulfils."""
    own, supplied = line_of(1), line_of(2, supplier=f"s{unique}")
    made = order_of(replace(own, fulfiller=f"store/a{unique}"), supplied, id=f"{unique}-1")
    return replace(made, store=f"a{unique}")


def event(order: Order, name: str = "OrderPlaced", identity: str = "e-1") -> Event:
    told = msgspec.to_builtins(for_event(order))
    return Event(identity, name, f"order/{order.id}", order.sequence, iso(NOW), told)


def jobs_of(told: Event) -> list[Telling]:
    queue = Queue()
    hand_out(told, queue)
    return queue.jobs


def parties(order: Order) -> tuple[str, str]:
    return f"store/{order.store}", order.lines[1].fulfiller


def test_a_step_is_told_to_store_and_supplier_each_with_its_own_lines_under_a_signature_that_verifies(
    order: Order,
) -> None:
    made = [register_webhook(party, URL, "owner", "key-1", NOW) for party in parties(order)]
    receiver, queue = Receiver(), Queue()
    jobs = jobs_of(event(order))
    assert [job.party for job in jobs] == list(parties(order))
    now = datetime.now(UTC)
    assert all(tell_webhook(job, now, receiver, queue) for job in jobs)
    messages = []
    for webhook, (url, headers, body) in zip(made, receiver.told, strict=True):
        assert (url, headers["webhook-id"]) == (URL, "e-1")
        messages.append(Webhook(newest_secret(webhook)).verify(body.decode(), dict(headers)))
    assert [each["type"] for each in messages] == ["order.placed"] * 2
    store, supplier = (each["data"] for each in messages)
    assert (store["order"], store["sequence"], store["state"]) == (order.id, order.sequence, "placed")
    assert [line["sku"] for line in store["lines"]] == ["OB-TOP", "OB-TOP"]
    assert [(line["number"], line["sku"]) for line in supplier["lines"]] == [(2, "HERB-TEA")]
    assert (store["amount_minor"], supplier["amount_minor"]) == (order.total_minor, 64000 * 2 + 8000)
    assert queue.jobs == []


def test_what_is_told_holds_nothing_of_who_ordered_it(order: Order) -> None:
    secret = replace(order, facts={"pickup_code": "123456"})
    for party in parties(order):
        text = msgspec.json.encode(news_of(secret, party)).decode()
        assert not {each for each in (order.customer, order.recipient, "123456") if each in text}


def test_a_supplier_is_told_of_its_own_parcels_and_returns_only(order: Order) -> None:
    parcels = tuple(Shipment(f"{each}", (each,), "hct", f"W{each}", iso(NOW)) for each in (1, 2))
    store, supplier = (news_of(replace(order, shipments=parcels), party) for party in parties(order))
    assert [each.tracking_number for each in store.shipments] == ["W1", "W2"]
    assert [each.tracking_number for each in supplier.shipments] == ["W2"]


def test_who_has_no_webhook_or_paused_it_is_told_nothing(order: Order) -> None:
    assert jobs_of(event(order)) == []
    made = register_webhook(parties(order)[0], URL, "owner", "key-1", NOW)
    [job] = jobs_of(event(order))
    set_webhook_state(made.party, made.id, "paused", "owner", NOW)
    receiver = Receiver()
    assert jobs_of(event(order)) == []
    assert not tell_webhook(job, NOW, receiver, Queue())
    assert receiver.told == []


@pytest.mark.parametrize("unpaid", ["awaiting_payment", "expired", "withdrawn"])
def test_an_order_that_was_never_paid_is_not_told(unpaid: str, order: Order) -> None:
    register_webhook(parties(order)[0], URL, "owner", "key-1", NOW)
    state = "cancelled" if unpaid == "withdrawn" else unpaid
    taken = StepTaken("withdraw", "system", "checkout", iso(NOW), (1, 2))
    history = (taken,) if unpaid == "withdrawn" else ()
    told = replace(order, lines=tuple(replace(line, state=state) for line in order.lines), history=history)
    assert jobs_of(event(told, "OrderCancelled")) == []


def test_what_a_webhook_has_confirmed_it_is_not_told_again_nor_what_comes_late(order: Order) -> None:
    register_webhook(parties(order)[0], URL, "owner", "key-1", NOW)
    receiver, queue = Receiver(), Queue()
    [first] = jobs_of(event(order))
    [second] = jobs_of(event(replace(order, sequence=2), "OrderAccepted", "e-2"))
    assert [tell_webhook(job, NOW, receiver, queue) for job in (second, second, first)] == [True, False, False]
    assert len(receiver.told) == 1


@pytest.mark.parametrize(
    ("status", "problem"), [(500, "answered 500"), (302, "answered 302"), (0, "no answer: ReadTimeoutError")]
)
def test_a_webhook_that_fails_is_tried_again_later_and_later_and_every_attempt_is_seen(
    status: int, problem: str, order: Order
) -> None:
    made = register_webhook(parties(order)[0], URL, "owner", "key-1", NOW)
    receiver, queue, now = Receiver(status), Queue(), NOW
    [job] = jobs_of(event(order))
    while job.tries <= len(RETRY_SECONDS):
        assert not tell_webhook(job, now, receiver, queue)
        if len(queue.jobs) == job.tries:
            break
        job = queue.jobs[-1]
        now += timedelta(seconds=queue.delays[-1])
    assert len(receiver.told) == len(RETRY_SECONDS) + 1
    assert all(0.79 * most <= delay <= most for delay, most in zip(queue.delays, RETRY_SECONDS, strict=True))
    assert max(queue.delays) <= 900
    seen = list_order_deliveries(made.id, "2026-11-22").items
    assert len(seen) == len(RETRY_SECONDS) + 1
    assert {(each.status, each.problem, each.order) for each in seen} == {(status, problem, order.id)}
    assert seen[0].next_at == ""
    assert all(each.next_at for each in seen[1:])


def test_one_that_was_down_gets_it_when_it_is_back(order: Order) -> None:
    made = register_webhook(parties(order)[0], URL, "owner", "key-1", NOW)
    receiver, queue = Receiver(503, 200), Queue()
    [job] = jobs_of(event(order))
    assert not tell_webhook(job, NOW, receiver, queue)
    assert tell_webhook(queue.jobs[0], NOW + timedelta(seconds=queue.delays[0]), receiver, queue)
    assert [headers["webhook-id"] for _, headers, _ in receiver.told] == ["e-1", "e-1"]
    assert [each.status for each in list_order_deliveries(made.id, "2026-11-22").items] == [200, 503]


def test_one_that_is_dead_holds_up_no_other(order: Order) -> None:
    store, supplier = parties(order)
    register_webhook(store, "https://dead.example/", "owner", "key-1", NOW)
    register_webhook(store, URL, "owner", "key-2", NOW)
    register_webhook(supplier, URL, "owner", "key-3", NOW)

    def answer(url: str, headers: Mapping[str, str], body: bytes) -> int:
        if "dead" in url:
            raise NotDelivered("no answer: ConnectTimeoutError")
        return 200

    queue = Queue()
    told = [tell_webhook(job, NOW, answer, queue) for job in jobs_of(event(order))]
    assert sorted(told) == [False, True, True]
    assert len(queue.jobs) == 1


def test_a_webhook_is_registered_once_only_where_we_may_call_and_no_more_than_a_handful(unique: str) -> None:
    party = f"store/a{unique}"
    first = register_webhook(party, URL, "owner", "key-0", NOW)
    assert register_webhook(party, URL, "owner", "key-0", NOW + timedelta(hours=1)) == first
    with pytest.raises(KeyReused):
        register_webhook(party, "https://other.example/", "owner", "key-0", NOW)
    with pytest.raises(Invalid):
        register_webhook(party, "http://10.0.0.1/", "owner", "key-x", NOW)
    for number in range(1, MOST_WEBHOOKS):
        register_webhook(party, URL, "owner", f"key-{number}", NOW)
    with pytest.raises(RuleViolation, match="remove one, or give one another address"):
        register_webhook(party, URL, "owner", "key-9", NOW)
    assert register_webhook(party, URL, "owner", "key-0", NOW) == first
    assert len(list_webhooks(party)) == MOST_WEBHOOKS
    actions = [entry.action for entry in list_audit(party, "2026-11").items]
    assert actions == ["webhook registered"] * MOST_WEBHOOKS


def test_a_new_secret_signs_at_once_and_the_one_before_for_a_day_more(order: Order) -> None:
    made = register_webhook(parties(order)[0], URL, "owner", "key-1", NOW)
    now = datetime.now(UTC)
    renewed = renew_secret(made.party, made.id, "owner", "key-2", now)
    assert renew_secret(made.party, made.id, "owner", "key-2", now) == renewed == get_webhook(made.party, made.id)
    old, new = newest_secret(made), newest_secret(renewed)
    assert old != new
    assert secrets_of(renewed, now + timedelta(hours=23)) == [new, old]
    assert secrets_of(renewed, now + timedelta(hours=25)) == [new]
    receiver = Receiver()
    [job] = jobs_of(event(order))
    tell_webhook(job, now, receiver, Queue())
    [(_, headers, body)] = receiver.told
    for secret in (old, new):
        Webhook(secret).verify(body.decode(), dict(headers))
    with pytest.raises(WebhookVerificationError):
        Webhook(newest_secret(replace(made, party="store/other"))).verify(body.decode(), dict(headers))


def test_of_many_that_are_registered_at_the_same_moment_no_more_than_a_handful_are(unique: str) -> None:
    party = f"store/a{unique}"

    def register(number: int) -> bool:
        try:
            return bool(register_webhook(party, URL, "owner", f"key-{number}", NOW))
        except (RuleViolation, Busy):
            return False

    with ThreadPoolExecutor(10) as several:
        made = list(several.map(register, range(10)))
    assert sum(made) == len(list_webhooks(party)) == MOST_WEBHOOKS


def test_two_that_saw_the_last_place_free_do_not_both_take_it(unique: str, monkeypatch: pytest.MonkeyPatch) -> None:
    party = f"store/a{unique}"
    for number in range(MOST_WEBHOOKS - 1):
        register_webhook(party, URL, "owner", f"key-{number}", NOW)
    seen, read = list[int](), webhooks.list_webhooks

    def after_another(party: str, *, consistent: bool = False) -> list[OrderWebhook]:
        there = read(party, consistent=consistent)
        seen.append(len(there))
        if len(seen) == 1:
            register_webhook(party, URL, "owner", "key-other", NOW)
        return there

    monkeypatch.setattr(webhooks, "list_webhooks", after_another)
    with pytest.raises(RuleViolation):
        register_webhook(party, URL, "owner", "key-mine", NOW)
    assert seen == [MOST_WEBHOOKS - 1, MOST_WEBHOOKS - 1, MOST_WEBHOOKS]
    assert len(read(party)) == MOST_WEBHOOKS


def test_one_that_was_removed_is_told_nothing_leaves_its_place_and_does_not_come_back(order: Order) -> None:
    party = parties(order)[0]
    made, *_ = [register_webhook(party, URL, "owner", f"key-{number}", NOW) for number in range(MOST_WEBHOOKS)]
    job = next(each for each in jobs_of(event(order)) if each.webhook == made.id)
    removed = remove_webhook(party, made.id, "owner", NOW)
    assert (removed.state, remove_webhook(party, made.id, "owner", NOW)) == ("removed", removed)
    receiver, queue = Receiver(), Queue()
    assert made.id not in {each.webhook for each in jobs_of(event(order))}
    assert not tell_webhook(job, NOW, receiver, queue)
    assert (receiver.told, queue.jobs, list_order_deliveries(made.id, "2026-11-22").items) == ([], [], ())
    with pytest.raises(KeyReused, match="removed"):
        register_webhook(party, URL, "owner", "key-0", NOW)
    assert len(list_webhooks(party)) == MOST_WEBHOOKS - 1
    register_webhook(party, URL, "owner", "key-new", NOW)
    assert len(list_webhooks(party)) == MOST_WEBHOOKS
    for change in (
        lambda: set_webhook_state(party, made.id, "active", "owner", NOW),
        lambda: set_webhook_address(party, made.id, URL, "owner", NOW),
        lambda: renew_secret(party, made.id, "owner", "key-x", NOW),
        lambda: ask_order_again(party, made.id, order, "again-1", NOW, list[Event]().extend),
    ):
        with pytest.raises(NotFound):
            change()
    assert [entry.action for entry in list_audit(party, "2026-11").items].count("webhook removed") == 1


def test_one_that_was_changed_at_the_same_moment_is_removed_all_the_same(
    unique: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = register_webhook(f"store/a{unique}", URL, "owner", "key-1", NOW)
    reads, find = list[str](), webhooks.find

    def before_another(model: Any, pk: str, sk: str, *, consistent: bool = False) -> Any:
        found = find(model, pk, sk, consistent=consistent)
        reads.append(sk)
        if len(reads) == 1:
            set_webhook_state(made.party, made.id, "paused", "owner", NOW)
        return found

    monkeypatch.setattr(webhooks, "find", before_another)
    assert remove_webhook(made.party, made.id, "owner", NOW) == replace(made, state="removed", sequence=3)
    assert list_webhooks(made.party) == []


def test_a_job_under_way_goes_to_the_new_address_and_what_was_confirmed_is_not_told_there(order: Order) -> None:
    made = register_webhook(parties(order)[0], URL, "owner", "key-1", NOW)
    receiver, queue = Receiver(500, 200), Queue()
    [job] = jobs_of(event(order))
    tell_webhook(job, NOW, receiver, queue)
    elsewhere = "https://new.example/orders"
    moved = set_webhook_address(made.party, made.id, elsewhere, "owner", NOW)
    assert moved == replace(made, url=elsewhere, first_url=URL, sequence=2)
    assert set_webhook_address(made.party, made.id, elsewhere, "owner", NOW) == moved
    assert tell_webhook(queue.jobs[0], NOW, receiver, queue)
    assert not tell_webhook(queue.jobs[0], NOW, receiver, queue)
    assert [url for url, _, _ in receiver.told] == [URL, elsewhere]
    with pytest.raises(Invalid):
        set_webhook_address(made.party, made.id, "http://10.0.0.1/", "owner", NOW)
    assert register_webhook(made.party, URL, "owner", "key-1", NOW) == get_webhook(made.party, made.id) == moved
    with pytest.raises(KeyReused):
        register_webhook(made.party, elsewhere, "owner", "key-1", NOW)


@pytest.mark.parametrize("side", ["manage", "supply"])
def test_a_secret_is_on_the_page_that_answers_the_form_which_made_it_and_on_no_other(side: str, order: Order) -> None:
    party = parties(order)[side == "supply"]
    place = f"/{side}/{party.partition('/')[2]}/webhooks"
    status, answer = page_of(side, "POST", place, f"idempotency_key=page-key-1&url={URL}")
    [made] = list_webhooks(party)
    assert (status, newest_secret(made) in answer) == (200, True)
    assert page_of(side, "POST", place, f"idempotency_key=page-key-1&url={URL}")[0] == 200
    status, answer = page_of(side, "POST", f"{place}/{made.id}/secret", "idempotency_key=page-key-2")
    renewed = get_webhook(party, made.id)
    assert (status, renewed.secret, newest_secret(renewed) in answer) == (200, 2, True)
    for path in (place, f"{place}/{made.id}"):
        status, answer = page_of(side, "GET", path)
        assert (status, URL in answer, "whsec_" in answer) == (200, True, False)
    assert page_of(side, "GET", f"{place}/{made.id}", day="yesterday")[0] == 422
    assert page_of(side, "POST", f"{place}/{made.id}/remove")[0] == 303
    assert list_webhooks(party) == []
    assert page_of(side, "GET", f"{place}/{made.id}")[0] == 404


def test_who_may_not_register_one_sees_no_form_and_is_refused(order: Order) -> None:
    party = parties(order)[0]
    place = f"/manage/{order.store}/webhooks"
    made = register_webhook(party, URL, "owner", "key-1", NOW)
    for path in (place, f"{place}/{made.id}"):
        assert '<form method="post"' not in page_of("manage", "GET", path, role="manager")[1].partition("<main")[2]
    form = f"idempotency_key=page-key-1&url={URL}"
    assert page_of("manage", "POST", place, form, role="manager")[0] == 403
    assert page_of("manage", "POST", f"{place}/{made.id}/remove", role="manager")[0] == 403
    assert list_webhooks(party) == [made]


def page_of(side: str, method: str, path: str, form: str = "", *, role: str = "owner", **query: str) -> tuple[int, str]:
    api = importlib.import_module(f"{side}.app").api
    headers = {"content-type": "application/x-www-form-urlencoded"} if method == "POST" else {}
    event = gateway_event(method, path, subject="owner", role=role, body=form, headers=headers, query=query)
    answer = api.handle(event, CONTEXT)
    return answer["statusCode"], answer["body"]


def test_anothers_webhook_is_not_found(order: Order, unique: str) -> None:
    store, supplier = parties(order)
    made = register_webhook(store, URL, "owner", "key-1", NOW)
    for ask in (
        lambda: get_webhook(supplier, made.id),
        lambda: set_webhook_state(supplier, made.id, "paused", "x", NOW),
        lambda: renew_secret(supplier, made.id, "x", "key", NOW),
        lambda: set_webhook_address(supplier, made.id, URL, "x", NOW),
        lambda: remove_webhook(supplier, made.id, "x", NOW),
    ):
        with pytest.raises(NotFound):
            ask()
    assert get_webhook(store, made.id) == made


def test_an_order_is_told_again_as_it_is_now_whatever_was_confirmed_and_once_a_key(order: Order) -> None:
    made = register_webhook(parties(order)[0], URL, "owner", "key-1", NOW)
    receiver, queue, put = Receiver(), Queue(), list[Event]()
    [job] = jobs_of(event(order))
    tell_webhook(job, NOW, receiver, queue)
    for key in ("again-1", "again-1", "again-2"):
        ask_order_again(made.party, made.id, order, key, NOW, put.extend)
    assert len({each.id for each in put}) == 2
    hand_out_again(put[0], queue)
    assert tell_webhook(queue.jobs[0], NOW, receiver, queue)
    sent: Any = msgspec.json.decode(receiver.told[1][2])
    assert (sent["type"], sent["data"]["sequence"]) == ("order.replayed", order.sequence)
    with pytest.raises(NotFound):
        ask_order_again(parties(order)[1], made.id, order, "again-3", NOW, put.extend)


@pytest.mark.parametrize(("name", "kind"), [("OrderPlaced", "order.placed"), ("ReturnReplacing", "return.replacing")])
def test_a_message_is_called_for_its_event(name: str, kind: str) -> None:
    assert kind_of(name) == kind
