"""Returns that nobody decides, on the tables: found by the orders' clock, once, whoever else acts at that moment; in the operator's list, in events, on
pages."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import msgspec
import pytest

from manage.app import lambda_handler as manage
from mart_union.kernel.clock import iso
from mart_union.kernel.errors import MartUnionError, StepNotAllowed
from mart_union.kernel.events import Event
from mart_union.ledger import jobs
from mart_union.orders.due import page_of_due
from mart_union.orders.escalations import Escalated, list_escalated
from mart_union.orders.events import events_of
from mart_union.orders.model import Order, Return
from mart_union.orders.retention import recipient_until
from mart_union.orders.service import act_on_deadlines, get_order, list_store_orders
from mart_union.settlement.refunding import send_goods
from mart_union.settlement.sweeping import take_due_steps
from notifications.notices import notices_of
from operate.app import lambda_handler as operate
from tests.gateway import CONTEXT, gateway_event
from tests.services.capacity import measured
from tests.services.cutting import CutOff, cut_off
from tests.services.market import Market, fill_pool, open_market, save_mediated
from tests.services.refunds import LATER, ask, bought, completed, decide, delivered, wrong
from tests.services.test_return_pages import PAGE, see
from tracking.app import lambda_handler as tracking

DAY = timedelta(days=1)
REMINDED, ENDED = LATER + 3 * DAY, LATER + 5 * DAY
NOT_RECEIVED, HEARD = LATER + 14 * DAY, LATER + 17 * DAY


def the_return(order: str) -> Return:
    [asked] = get_order(order, consistent=True).returns
    return asked


def steps(order: str) -> list[str]:
    return [taken.step for taken in the_return(order).history]


def asked(market: Market) -> tuple[str, str]:
    """An order of which nothing but a return is on the clock, and that return."""
    order = completed(market, bought(market))
    return order, ask(market, order)


def on_the_way(market: Market) -> tuple[str, str]:
    """The same, accepted and sent."""
    order, identity = asked(market)
    decide(market, order, identity, "accept")
    send_goods(order, identity, ("hct", "BACK 1"), customer=market.customer, key="sent-0001", now=LATER)
    return order, identity


def escalated_of(order: str, month: str = "2026-12") -> list[Escalated]:
    return [each for each in list_escalated(month, limit=500).items if each.order == order]


def event(before: Order, after: Order) -> Event:
    old, new = ({"document": msgspec.to_builtins(each)} for each in (before, after))
    [told] = events_of(f"ORDER#{after.id}", "ORDER", old, new, "e-1", iso(LATER))
    return told


def told(before: Order, after: Order) -> tuple[str, list[tuple[str, str, str]]]:
    """The event of a change, and whom it is mailed to."""
    found = event(before, after)
    return found.name, [(each.template, each.audience.kind, each.audience.id) for each in notices_of(found)]


def test_the_sweeper_reminds_its_store_once_and_accepts_what_nobody_answered(unique: str) -> None:
    market = open_market(unique)
    order, _ = asked(market)
    before = get_order(order)
    assert before.clock_at == iso(REMINDED)
    assert order in page_of_due(iso(REMINDED)[:13], iso(REMINDED)).items
    for moment in (REMINDED, ENDED):
        jobs.set_checkpoint("order_deadlines", iso(moment)[:13])
        for _ in range(2):
            take_due_steps(moment)
    after = get_order(order)
    assert (steps(order), after.returns[0].state) == (["remind", "accept"], "accepted")
    assert after.clock_at == iso(ENDED + 14 * DAY)  # now it waits for its customer
    assert (after.sequence, after.history, after.refunds) == (before.sequence + 2, before.history, ())
    assert (escalated_of(order, "2026-11"), wrong(market)) == ([], [])


def test_its_taker_and_its_customer_hear_of_it_by_mail(unique: str) -> None:
    market = open_market(unique)
    order, _ = asked(market)
    store, customer = ("store", market.store), ("customer", market.customer)
    first = get_order(order)
    reminded = act_on_deadlines(order, REMINDED)
    accepted = act_on_deadlines(order, ENDED)
    assert told(first, reminded) == ("ReturnReminded", [("taker_return_reminded", *store)])
    assert told(reminded, accepted) == (
        "ReturnAccepted",
        [("taker_return_accepted", *store), ("return_accepted", *customer)],
    )
    [notice] = notices_of(event(first, reminded))
    assert (notice.facts["then"], notice.facts["until"]) == ("accept", iso(ENDED))
    assert "too sweet" not in str(event(first, reminded).data)


def test_what_nobody_receives_is_in_the_operators_list_once_and_can_still_be_received(unique: str) -> None:
    market = open_market(unique)
    order, identity = on_the_way(market)
    reminded = act_on_deadlines(order, NOT_RECEIVED)
    for _ in range(2):
        after = act_on_deadlines(order, HEARD)
    assert steps(order) == ["accept", "send", "remind", "escalate"]
    assert (after.sequence, after.clock_at) == (reminded.sequence + 1, "")
    seen = Escalated(iso(HEARD), "return", order, "", market.store, "sent", "too sweet", "", identity)
    seen = msgspec.structs.replace(seen, allowed=("refuse", "refund"), stocks=("reserve", "written_off"))
    assert escalated_of(order) == [seen]
    name, mails = told(reminded, after)
    assert (name, [mail[0] for mail in mails]) == ("ReturnEscalated", ["taker_return_escalated", "return_escalated"])
    decide(market, order, identity, "receive")
    assert [each.state for each in escalated_of(order)] == ["received"]
    assert wrong(market) == []


def test_what_is_never_sent_ends_the_return_its_order_closes_and_its_recipient_is_kept_no_longer(unique: str) -> None:
    market = open_market(unique)
    order, identity = asked(market)
    accepted = decide(market, order, identity, "accept")
    over, customer = LATER + 21 * DAY, ("customer", market.customer)
    assert (recipient_until(accepted), order in open_orders(market)) == ("", True)
    reminded = act_on_deadlines(order, LATER + 14 * DAY)
    assert told(accepted, reminded) == ("ReturnReminded", [("return_reminded", *customer)])
    [notice] = notices_of(event(accepted, reminded))
    assert notice.facts["send_by"] == iso(over)
    assert act_on_deadlines(order, over - DAY) == reminded
    for _ in range(2):
        ended = act_on_deadlines(order, over)
    assert steps(order) == ["accept", "remind_customer", "lapse"]
    assert (ended.returns[0].state, ended.clock_at) == ("refused", "")
    assert told(reminded, ended) == ("ReturnRefused", [("return_lapsed", *customer)])
    assert recipient_until(ended) == iso(over + 30 * DAY)
    assert order not in open_orders(market)
    with pytest.raises(StepNotAllowed):
        send_goods(order, identity, ("hct", "LATE 1"), customer=market.customer, key="sent-0002", now=over)
    assert (get_order(order, consistent=True), wrong(market)) == (ended, [])


def open_orders(market: Market) -> list[str]:
    return [each.id for each in list_store_orders(market.store).items]


@pytest.mark.parametrize("number", range(4))
def test_sending_and_the_end_of_its_time_at_once_leave_one_story(unique: str, number: int) -> None:
    market = open_market(unique)
    order, identity = asked(market)
    decide(market, order, identity, "accept")
    act_on_deadlines(order, LATER + 14 * DAY)
    over = LATER + 21 * DAY

    def send() -> Order:
        return send_goods(order, identity, ("hct", "B 1"), customer=market.customer, key="sent-0001", now=over)

    acts = [send, lambda: act_on_deadlines(order, over)]
    with ThreadPoolExecutor(2) as threads:
        done = [threads.submit(act) for act in (acts if number % 2 else reversed(acts))]
    failed = [type(each.exception()) for each in done if each.exception() is not None]
    assert (steps(order)[2:], failed) in ((["send"], []), (["lapse"], [StepNotAllowed]))
    assert wrong(market) == []


def test_a_suppliers_return_is_the_suppliers_to_be_reminded_of(unique: str) -> None:
    market = open_market(unique)
    fill_pool(market.supplier, 5, 15_000)
    save_mediated(market.store, "HERB", market.supplier, price_minor=23_000, supply_minor=15_000)
    supplier = f"supplier/{market.supplier}"
    order = completed(market, bought(market, sku="HERB", quantity=1, price=23_000), supplier)
    ask(market, order, reason="defective")
    reminded = act_on_deadlines(order, REMINDED)
    _, mails = told(_before(reminded), reminded)
    assert mails == [("taker_return_reminded", "supplier", market.supplier)]


def _before(order: Order) -> Order:
    """The order before the last thing that its return tells of."""
    [last] = order.returns
    return msgspec.structs.replace(order, returns=(msgspec.structs.replace(last, history=last.history[:-1]),))


def test_eight_sweeps_at_once_remind_once_and_escalate_once(unique: str) -> None:
    market = open_market(unique)
    order, _ = on_the_way(market)
    for moment in (NOT_RECEIVED, HEARD):
        with ThreadPoolExecutor(8) as threads:
            list(threads.map(lambda _, at=moment: act_on_deadlines(order, at), range(8)))
    assert steps(order) == ["accept", "send", "remind", "escalate"]
    assert (len(escalated_of(order)), wrong(market)) == (1, [])


@pytest.mark.parametrize("decision", ["accept", "refuse"])
def test_a_decision_and_the_deadline_at_once_leave_one_story(unique: str, decision: str) -> None:
    market = open_market(unique)
    order, identity = asked(market)
    act_on_deadlines(order, REMINDED)

    def decided() -> object:
        facts = {"answer": "it was opened"} if decision == "refuse" else {}
        return decide(market, order, identity, decision, **facts)

    with ThreadPoolExecutor(4) as threads:
        acts = [threads.submit(act) for act in (decided, lambda: act_on_deadlines(order, ENDED)) for _ in range(2)]
        failures = [type(each.exception()) for each in acts if each.exception() is not None]
    assert failures == []
    if decision == "accept":
        assert (steps(order), the_return(order).state) == (["remind", "accept"], "accepted")
    else:  # what was accepted by itself may still be refused, and what was refused is not accepted
        assert steps(order) in (["remind", "refuse"], ["remind", "accept", "refuse"])
        assert the_return(order).state == "refused"
    assert wrong(market) == []


@pytest.mark.parametrize("when", ["before", "after"])
def test_an_escalation_cut_off_at_any_request_and_repeated_is_one(unique: str, when: str) -> None:
    market = open_market(unique)
    order, _ = on_the_way(market)
    act_on_deadlines(order, NOT_RECEIVED)
    for number in range(4):
        try:
            with cut_off(number, when):
                act_on_deadlines(order, HEARD)
            break
        except (CutOff, MartUnionError):
            pass
    act_on_deadlines(order, HEARD)
    assert steps(order) == ["accept", "send", "remind", "escalate"]
    assert len(escalated_of(order)) == 1


def test_an_open_order_keeps_its_own_deadlines_beside_those_of_its_return(unique: str) -> None:
    market = open_market(unique)
    order = delivered(market, bought(market))
    window = get_order(order).clock_at
    ask(market, order)
    assert get_order(order).clock_at == iso(REMINDED) < window
    act_on_deadlines(order, REMINDED)
    assert get_order(order).clock_at == iso(ENDED) < window
    assert act_on_deadlines(order, ENDED).clock_at == window


def test_a_reminder_is_two_requests(unique: str) -> None:
    market = open_market(unique)
    order, _ = asked(market)
    with measured() as used:
        act_on_deadlines(order, REMINDED)
    assert used.requests == ["GetItem", "PutItem"]


def test_pages_say_until_when_it_is_to_be_seen_to_and_what_was_told(unique: str) -> None:
    market = open_market(unique)
    order, _ = on_the_way(market)
    page = f"/manage/{market.store}/orders/{order}"
    until = f'<time datetime="{iso(NOT_RECEIVED)}">'
    assert f"To be seen to by this store until {until}" in see(manage, page, "staff", "owner")
    for moment in (NOT_RECEIVED, HEARD):
        act_on_deadlines(order, moment)
    for handler, path, who, role in (
        (manage, page, "staff", "owner"),
        (tracking, f"/orders/{order}", market.customer, ""),
    ):
        seen = see(handler, path, who, role)
        assert "Reminded" in seen
        assert "Told to the union" in seen
    query = {"month": "2026-12"}
    request = gateway_event("GET", "/operate/escalations", query=query, headers=PAGE, subject="op", role="operator")
    listed = operate(request, CONTEXT)["body"]
    assert order in listed
    assert "Return<br>too sweet" in listed
