"""Which notices an event calls for, and how they are worded."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

import notifications.wording
from mart_union.catalog.model import Enterprise
from mart_union.kernel.events import Event
from mart_union.ledger.model import Statement
from mart_union.mediation.model import DepositStanding, Link, Supplier
from mart_union.orders.model import (
    Line,
    Order,
    Refund,
    RefundedLine,
    Response,
    Return,
    ReturnedLine,
    Shipment,
    StepTaken,
)
from mart_union.stock.model import Level
from notifications.model import Audience, Notice
from notifications.notices import notices_of
from notifications.wording import word

TEXTS = Path(notifications.wording.__file__).parent / "texts"
LANGUAGES = ("en", "zh-TW", "ko")
OWNERS = frozenset({"owner", "manager"})
LINK = Link("tea", "HERB", "guanxi", "HERB-TEA", 23_000, "tea", {"en": "Herb tea"}, {})


def line(number: int, state: str, fulfiller: str = "store/tea") -> Line:
    return Line(number, f"SKU-{number}", {"en": f"Tea {number}"}, 2, 100, 200, 0, "l", fulfiller, (), 200, state)


def order(*lines: Line, customer: str = "lin") -> Order:
    return Order(
        id="o1",
        purchase="p1",
        store="tea",
        store_names={"en": "Lakeside Tea", "zh-TW": "湖畔茶行"},
        enterprise="e",
        customer=customer,
        recipient="r1",
        language="ko",
        currency="TWD",
        lines=lines,
        total_minor=28_000,
        procedure="carrier",
        procedure_version=1,
        carrier="hct",
        placed_at="2026-11-22T04:00:00.000Z",
        promised_by="2026-11-24T09:00:00.000Z",
        return_window_days=7,
        settlement_period="weekly",
        payment="paid",
        shipments=(Shipment("s", (1,), "hct", "WC-1", "2026-11-22T05:00:00.000Z"),),
    )


def reminded() -> Order:
    """Of three lines that were placed, the first waits, and the second, which a supplier fulfils."""
    told = StepTaken("remind", "system", "system", "2026-11-22T06:00:00.000Z", (1, 2))
    placed = order(line(1, "placed"), line(2, "placed", "supplier/guanxi"), line(3, "placed"))
    return replace(placed, history=(told,))


def returning(*steps: str, taker: str = "store/tea", role: str = "store") -> Order:
    """An order of which one unit of its first line goes back, and another return that nothing has become of for a while."""
    history = tuple(
        StepTaken(step, role, role, f"2026-11-2{3 + number}T06:00:00.000Z", ()) for number, step in enumerate(steps)
    )
    one = Return("r1", taker, (ReturnedLine(1, 1),), "defective", "2026-11-22T06:00:00.000Z", "", history=history)
    other = replace(one, id="r2", at="2026-11-21T06:00:00.000Z", history=())
    lines = line(1, "delivered", taker), line(2, "delivered")
    return replace(order(*lines), procedure_version=3, returns=(other, one))


def after_step(order: Order, step: str, *numbers: int, role: str = "store") -> Order:
    """The order with a step of some of its lines as the last of its history."""
    taken = StepTaken(step, role, role, "2026-11-22T06:00:00.000Z", numbers)
    return replace(order, history=(*order.history, taken))


def refunded(*parts: RefundedLine, asked: Return | None = None) -> Order:
    """An order of two lines after parts of it went back to its customer, for a return if there is one."""
    refund = Refund("refund-o1-3", "2026-11-22T06:00:00.000Z", "anna", "", parts, 100, "", "")
    returns = (replace(asked, refund=refund.id),) if asked else ()
    return replace(order(line(1, "accepted"), line(2, "accepted")), refunds=(refund,), returns=returns)


def unsent(*steps: str) -> Order:
    """An order with an accepted return of which its customer has sent nothing."""
    accepted = returning("accept", *steps, role="system")
    other, one = accepted.returns
    return replace(accepted, returns=(other, replace(one, state="refused" if "lapse" in steps else "accepted")))


def event(name: str, data: Any, entity: str = "order/o1", sequence: int = 3) -> Event:
    changed = {"changed_returns": [data.returns[-1].id]} if name.startswith("Return") else {}
    return Event("e1", name, entity, sequence, "2026-11-22T04:00:00.000Z", msgspec.to_builtins(data) | changed)


def told(notices: list[Notice]) -> list[tuple[str, str, str]]:
    return [(notice.template, notice.audience.kind, notice.audience.id) for notice in notices]


def test_a_placed_order_is_told_to_its_customer_its_store_and_the_suppliers_of_its_lines() -> None:
    placed = order(line(1, "placed"), line(2, "placed", "supplier/guanxi"), line(3, "placed", "supplier/beipu"))
    notices = notices_of(event("OrderPlaced", placed))
    assert told(notices) == [
        ("order_placed", "customer", "lin"),
        ("store_order_placed", "store", "tea"),
        ("supplier_order_placed", "supplier", "beipu"),
        ("supplier_order_placed", "supplier", "guanxi"),
    ]
    assert notices[1].audience == Audience("store", "tea", OWNERS)
    assert [each.number for each in notices[3].facts["lines"]] == [2]


def test_a_sale_of_a_sellers_own_shop_has_no_customer_to_tell() -> None:
    notices = notices_of(event("OrderPlaced", order(line(1, "placed"), customer="")))
    assert told(notices) == [("store_order_placed", "store", "tea")]


@pytest.mark.parametrize("name", ["OrderAccepted", "OrderReady", "OrderShipped", "OrderDelivered", "OrderRefused"])
def test_steps_of_the_store_are_told_to_the_customer_only(name: str) -> None:
    state = name.removeprefix("Order").lower()
    assert told(notices_of(event(name, order(line(1, state))))) == [(f"order_{state}", "customer", "lin")]


def test_the_second_parcel_is_told_with_its_own_lines_and_number_and_nothing_of_the_first() -> None:
    second = Shipment("2", (2,), "other", "OT-2", "2026-11-22T06:00:00.000Z")
    both = order(line(1, "shipped"), line(2, "shipped"))
    for parcels in ((*both.shipments, second), (second, *both.shipments)):  # own and a supplier's, in either order
        [notice] = notices_of(event("OrderShipped", after_step(replace(both, shipments=parcels), "ship", 2)))
        assert notice.parts == ("2",)
        text = word(notice.template, "en", notice.facts_of(notice.parts)).text
        assert ("Tea 2" in text, "number OT-2" in text, "Tea 1" in text, "WC-1" in text) == (True, True, False, False)
        assert notice.names == {"carrier_names": "carrier/other"}


@pytest.mark.parametrize(
    ("name", "state"), [("OrderDelivered", "delivered"), ("OrderRefused", "refused"), ("OrderCancelled", "cancelled")]
)
def test_a_step_is_told_with_the_lines_that_it_moved_and_none_that_were_there_before(name: str, state: str) -> None:
    moved = after_step(order(line(1, state), line(2, state), line(3, "placed")), "step", 2)
    first, *_ = notices_of(event(name, moved))
    assert [each.number for each in first.facts["lines"]] == [2]


def test_what_a_deadline_or_a_carrier_refuses_is_told_to_whoever_fulfils_it_too() -> None:
    lines = line(1, "refused"), line(2, "refused", "supplier/guanxi")
    by_hand = after_step(order(*lines), "refuse", 1, 2)
    late = replace(after_step(order(*lines), "refuse", 1, 2, role="system"), shipments=())
    assert told(notices_of(event("OrderRefused", by_hand))) == [("order_refused", "customer", "lin")]
    notices = notices_of(event("OrderRefused", late))
    assert told(notices) == [
        ("order_refused", "customer", "lin"),
        ("store_order_refused", "store", "tea"),
        ("supplier_order_refused", "supplier", "guanxi"),
    ]
    texts = [word(notice.template, "en", notice.facts).text for notice in notices]
    assert "was not in time with" in texts[0]
    assert "Nobody took the next step in time" in texts[1]
    at_the_door = notices_of(event("OrderRefused", after_step(order(*lines), "turn_away", 1, 2, role="system")))
    assert "It was not handed over to you" in word("order_refused", "en", at_the_door[0].facts).text


def test_an_appointment_is_told_to_its_customer_when_it_is_set_and_each_time_it_moves() -> None:
    def notice(name: str, at: str, sequence: int) -> Notice:
        booked = replace(order(line(1, "scheduled")), procedure="appointment", facts={"appointment_at": at})
        [one] = notices_of(event(name, after_step(booked, "schedule", 1), sequence=sequence))
        return one

    first = notice("OrderScheduled", "2026-12-01T02:00:00.000Z", 2)
    moved, back = (notice("OrderRescheduled", f"2026-12-0{day}T02:00:00.000Z", day + 1) for day in (2, 1))
    assert [each.template for each in (first, moved, back)] == ["order_scheduled", *["order_rescheduled"] * 2]
    assert len({each.news for each in (first, moved, back)}) == 3
    assert "2026-12-02 10:00" in word(moved.template, "en", moved.facts).text


def test_money_that_goes_back_is_told_as_what_it_is_for() -> None:
    part = refunded(RefundedLine(1, 0, 100))
    fewer = refunded(RefundedLine(1, 1, 100))
    back = refunded(RefundedLine(1, 1, 100, withheld_minor=50), asked=returning("accept", "receive").returns[1])
    kept = refunded(RefundedLine(1, 1, 100), asked=returning("refund").returns[1])
    notices = [notice for each in (part, fewer, back, kept) for notice in notices_of(event("OrderRefunded", each))]
    assert told(notices) == [
        (template, "customer", "lin")
        for template in ("order_refunded", "order_reduced", "return_refunded", "return_refunded")
    ]
    assert {notice.entity for notice in notices} == {"order/o1/refunds/refund-o1-3"}
    texts = [word(notice.template, "en", notice.facts).text for notice in notices]
    assert "Tea 1  NT$1" in texts[0]
    assert "1 × Tea 1  NT$1" in texts[1]
    assert ("Not all of the price" in texts[2], "You keep" in texts[2]) == (True, False)
    assert ("Not all of the price" in texts[3], "You keep" in texts[3]) == (False, True)
    assert notices_of(event("OrderRefunded", replace(part, customer=""))) == []


def test_a_replacement_is_told_with_the_parcel_that_it_goes_by() -> None:
    sent = returning("accept", "receive", "replace", "ship")
    asked = replace(sent.returns[1], replacement="9")
    parcel = Shipment("9", (1,), "hct", "RE-9", "2026-11-22T06:00:00.000Z")
    told_of = replace(sent, returns=(sent.returns[0], asked), shipments=(*sent.shipments, parcel))
    [notice] = notices_of(event("ReturnReplaced", told_of))
    assert (notice.template, notice.audience.id) == ("return_replaced", "lin")
    assert "number RE-9" in word(notice.template, "en", notice.facts).text


@pytest.mark.parametrize(
    ("payment", "says"),
    [
        ("paid", "The union holds your payment until you have received it."),
        ("authorized", "Your card is charged when every store has answered, for what they accept."),
        ("on_delivery", "You pay when it is handed over to you."),
    ],
)
def test_the_first_mail_says_what_becomes_of_the_money_as_it_is_paid(payment: str, says: str) -> None:
    first, *_ = notices_of(event("OrderPlaced", replace(order(line(1, "placed")), payment=payment)))
    text = word(first.template, "en", first.facts).text
    assert says in text
    assert text.count("payment") + text.count("pay ") + text.count("card") == 1


@pytest.mark.parametrize(
    ("procedure", "kind", "subject", "until"),
    [
        ("carrier", "goods", "Your order from Lakeside Tea has arrived", "within 7 days"),
        ("pickup", "goods", "You have your order from Lakeside Tea", "within 7 days"),
        ("appointment", "service", "Your order at Lakeside Tea is done", ""),
        ("digital", "goods", "You have your order from Lakeside Tea", ""),
    ],
)
def test_the_last_mail_says_how_it_came_and_a_time_for_returns_only_where_there_are_any(
    procedure: str, kind: str, subject: str, until: str
) -> None:
    came = replace(order(replace(line(1, "delivered"), kind=kind)), procedure=procedure)
    [notice] = notices_of(event("OrderDelivered", came))
    mail = word(notice.template, "en", notice.facts)
    assert mail.subject == subject
    assert ("within" in mail.text, until in mail.text) == (bool(until), True)


@pytest.mark.parametrize(("language", "says"), [("zh-TW", "已下單"), ("ko", "주문됨"), ("en", "Placed")])
def test_a_state_is_said_in_the_readers_language(language: str, says: str) -> None:
    first, *_ = notices_of(event("OrderReminded", reminded()))
    assert says in word(first.template, language, first.facts).text


def test_of_what_waits_whoever_fulfils_it_is_reminded_or_the_customer_each_time() -> None:
    fulfillers = notices_of(event("OrderReminded", reminded()))
    assert told(fulfillers) == [
        ("store_order_reminded", "store", "tea"),
        ("supplier_order_reminded", "supplier", "guanxi"),
    ]
    assert [[each.number for each in notice.facts["lines"]] for notice in fulfillers] == [[1], [2]]
    assert told(notices_of(event("OrderCustomerReminded", reminded()))) == [("order_reminded", "customer", "lin")]
    again = notices_of(event("OrderReminded", reminded(), sequence=4))
    # not to be taken for older news of the order itself, nor for older news of the next one
    assert (fulfillers[0].entity, again[0].entity) == ("order/o1/reminders/3", "order/o1/reminders/4")
    assert notices_of(event("OrderCustomerReminded", replace(reminded(), customer=""))) == []


def test_of_what_is_late_its_customer_and_whoever_fulfils_it_are_told() -> None:
    notices = notices_of(event("OrderLate", reminded()))
    fulfillers = [("store_order_late", "store", "tea"), ("supplier_order_late", "supplier", "guanxi")]
    assert told(notices) == [("order_late", "customer", "lin"), *fulfillers]
    assert [[each.number for each in notice.facts["lines"]] for notice in notices] == [[1, 2], [1], [2]]
    assert [notice.entity for notice in notices] == ["order/o1", *["order/o1/reminders/3"] * 2]
    assert told(notices_of(event("OrderLate", replace(reminded(), customer="")))) == fulfillers


def test_that_it_is_late_is_not_told_of_what_its_customer_has_heard_something_newer_of() -> None:
    late, arrived = notices_of(event("OrderLate", reminded()))[0], order(line(1, "delivered"))
    [delivered] = notices_of(event("OrderDelivered", arrived, sequence=4))
    assert (late.entity, late.parts) == (delivered.entity, ("1", "2"))
    assert [each.number for each in late.facts_of(["2"])["lines"]] == [2]


def test_a_mail_of_what_is_late_names_its_promise_and_its_parcel() -> None:
    sent = replace(reminded(), lines=(line(1, "shipped"), line(2, "shipped")))
    for each, says in ((sent, "number WC-1"), (reminded(), "Promised by 2026-11-24 17:00")):
        mail = word("order_late", "en", notices_of(event("OrderLate", each))[0].facts)
        assert says in mail.text


def test_a_customer_hears_that_what_they_sent_back_has_come() -> None:
    [notice] = notices_of(event("ReturnReceived", returning("accept", "send", "receive")))
    assert told([notice]) == [("return_received", "customer", "lin")]
    assert (notice.entity, notice.news) == ("order/o1/returns/r1", "ReturnReceived 3")
    assert "1 × " in word(notice.template, "en", notice.facts).text
    assert notices_of(event("ReturnReceived", replace(returning("receive"), customer=""))) == []


def test_of_a_return_its_taker_hears_what_waits_and_its_customer_what_became_of_it() -> None:
    store, customer = ("store", "tea"), ("customer", "lin")
    assert told(notices_of(event("ReturnRequested", returning()))) == [("taker_return_requested", *store)]
    accepted = returning("accept")
    assert told(notices_of(event("ReturnAccepted", accepted))) == [("return_accepted", *customer)]
    assert told(notices_of(event("ReturnRefused", returning("refuse")))) == [("return_refused", *customer)]
    assert told(notices_of(event("ReturnReminded", returning("remind", role="system")))) == [
        ("taker_return_reminded", *store)
    ]
    by_itself = returning("remind", "accept", role="system")
    assert told(notices_of(event("ReturnAccepted", by_itself))) == [
        ("taker_return_accepted", *store),
        ("return_accepted", *customer),
    ]
    supplied = returning("accept", "send", "remind", "escalate", taker="supplier/guanxi", role="system")
    notices = notices_of(event("ReturnEscalated", supplied))
    assert told(notices) == [("taker_return_escalated", "supplier", "guanxi"), ("return_escalated", *customer)]
    assert [notice.facts["path"] for notice in notices] == ["/supply/guanxi/orders/o1", "/orders/o1"]
    assert {(notice.entity, notice.news) for notice in notices} == {("order/o1/returns/r1", "ReturnEscalated 3")}
    assert told(notices_of(event("ReturnAccepted", replace(accepted, customer="")))) == []


def test_what_waits_for_its_customer_is_the_customers_to_be_told_of_and_no_takers() -> None:
    told_of = event("ReturnReminded", unsent("remind_customer"))
    [notice] = notices_of(told_of)
    assert (notice.template, notice.audience.kind) == ("return_reminded", "customer")
    assert (
        "Send it by 2026-12-01 14:00; after that the return is over" in word(notice.template, "en", notice.facts).text
    )
    [over] = notices_of(event("ReturnRefused", unsent("remind_customer", "lapse")))
    assert (over.template, over.audience.kind) == ("return_lapsed", "customer")
    by_the_union = returning("escalate", "accept", role="operator")
    assert [each.template for each in notices_of(event("ReturnAccepted", by_the_union))] == [
        "taker_return_accepted",
        "return_accepted",
    ]
    refused = returning("escalate", "refuse", role="operator")
    assert [each.template for each in notices_of(event("ReturnRefused", refused))] == ["return_refused"]


def test_a_reminder_says_until_when_and_what_happens_then() -> None:
    [notice] = notices_of(event("ReturnReminded", returning("remind", role="system")))
    text = word(notice.template, "en", notice.facts).text
    assert "1 × Tea 1" in text
    assert "If you decide nothing by 2026-11-25 14:00, the return is accepted." in text


@pytest.mark.parametrize(
    "name", ["OrderTracked", "OrderEscalated", "OrderReserved", "OrderCompleted", "ListingChanged", "StockBack"]
)
def test_other_events_tell_nobody(name: str) -> None:
    assert notices_of(event(name, order(line(1, "placed")))) == []


def test_low_stock_and_no_stock_are_told_to_whose_level_it_is_each_time() -> None:
    for name, ending in (("StockLow", "low"), ("StockOut", "out")):
        store = notices_of(event(name, Level("listing/tea/OB", reserve=4), "level/listing/tea/OB", 7))
        pool = notices_of(event(name, Level("offer/guanxi/HERB", reserve=4), "level/offer/guanxi/HERB", 9))
        assert told(store + pool) == [
            (f"store_stock_{ending}", "store", "tea"),
            (f"supplier_stock_{ending}", "supplier", "guanxi"),
        ]
        assert store[0].audience.roles == OWNERS
        assert (store[0].news, pool[0].news) == (f"{name} 7", f"{name} 9")


def test_that_a_supplier_has_little_left_is_told_to_the_store_of_each_link() -> None:
    low, out = (
        notices_of(event("LinkStockLow", replace(LINK, availability=availability), "link/tea/HERB", 5))
        for availability in ("low_stock", "out_of_stock")
    )
    assert told(low + out) == [("store_link_low_stock", "store", "tea"), ("store_link_out_of_stock", "store", "tea")]
    assert (low[0].news, out[0].news, low[0].audience.roles) == ("low_stock 5", "out_of_stock 5", OWNERS)


def test_a_response_is_told_to_the_enterprise_and_the_suppliers_concerned_and_its_answer_to_the_customer() -> None:
    response = Response("r", "o1", "tea", "question", "", "lin", "2026", suppliers=("guanxi",))
    assert told(notices_of(event("ResponseReceived", response))) == [
        ("store_response_received", "store", "tea"),
        ("supplier_response_received", "supplier", "guanxi"),
    ]
    assert told(notices_of(event("ResponseAnswered", response))) == [("response_answered", "customer", "lin")]


def test_a_decision_is_told_to_who_applied_and_an_application_to_nobody() -> None:
    enterprise = Enterprise("xu", {"en": "Xu"}, "1", "anna", "applied", "2026")
    assert notices_of(event("EnterpriseChanged", enterprise)) == []
    decided = notices_of(event("EnterpriseChanged", replace(enterprise, state="approved")))
    assert told(decided) == [("enterprise_decided", "customer", "anna")]
    assert decided[0].news == "approved"


def test_a_statement_is_told_to_its_party_and_a_carriers_to_nobody() -> None:
    statement = Statement("s", "store/tea", "2026-W47", "TWD", 28_000, "closed", "2026", 1)
    assert told(notices_of(event("StatementMade", statement))) == [("statement_made", "store", "tea")]
    assert notices_of(event("StatementMade", replace(statement, party="carrier/hct"))) == []


def test_every_language_has_every_mail() -> None:
    mails = [set(tomllib.loads((TEXTS / f"{language}.toml").read_text("utf-8"))) for language in LANGUAGES]
    assert mails[0] == mails[1] == mails[2]


EXAMPLES = {
    "order_placed": event("OrderPlaced", order(line(1, "placed"), line(2, "placed", "supplier/guanxi"))),
    "order_accepted": event("OrderAccepted", order(line(1, "accepted"))),
    "order_making": event("OrderBegun", order(line(1, "making"))),
    "order_reminded": event("OrderCustomerReminded", reminded()),
    "others_reminded": event("OrderReminded", reminded()),
    "others_late": event("OrderLate", reminded()),
    **{
        name: event(name, replace(returning("remind", "accept", role="system"), customer="lin"))
        for name in ("ReturnRequested", "ReturnSent", "ReturnReminded", "ReturnEscalated", "ReturnAccepted")
    },
    "return_replaced": event("ReturnReplaced", returning("ship")),
    "return_received": event("ReturnReceived", returning("accept", "send", "receive")),
    "return_refunded": event("OrderRefunded", refunded(RefundedLine(1, 1, 100), asked=returning("receive").returns[1])),
    "order_refunded": event("OrderRefunded", refunded(RefundedLine(1, 0, 100))),
    "order_reduced": event("OrderRefunded", refunded(RefundedLine(1, 1, 100))),
    "order_scheduled": event("OrderScheduled", order(line(1, "scheduled"))),
    "order_rescheduled": event("OrderRescheduled", order(line(1, "scheduled"))),
    "order_unanswered": event(
        "OrderRefused",
        after_step(order(line(1, "refused"), line(2, "refused", "supplier/g")), "refuse", 1, 2, role="system"),
    ),
    "return_refused": event("ReturnRefused", returning("refuse")),
    "return_reminded": event("ReturnReminded", unsent("remind_customer")),
    "return_lapsed": event("ReturnRefused", unsent("remind_customer", "lapse")),
    "order_ready": event("OrderReady", order(line(1, "ready"))),
    "order_shipped": event("OrderShipped", order(line(1, "shipped"))),
    "order_delivered": event("OrderDelivered", order(line(1, "delivered"))),
    "order_refused": event("OrderRefused", order(line(1, "refused"))),
    "order_cancelled": event("OrderCancelled", order(line(1, "cancelled"), line(2, "cancelled", "supplier/guanxi"))),
    "order_expired": event("OrderExpired", order(line(1, "expired"))),
    "response": event("ResponseReceived", Response("r", "o1", "tea", "review", "", "lin", "2026", suppliers=("g",))),
    "escalated": event(
        "ResponseEscalated", Response("r", "o1", "tea", "question", "", "lin", "2026", suppliers=("g",))
    ),
    "answer": event("ResponseAnswered", Response("r", "o1", "tea", "review", "", "lin", "2026")),
    **{
        f"{name} {level}": event(name, Level(level, reserve=4))
        for name in ("StockLow", "StockOut")
        for level in ("listing/tea/OB", "offer/guanxi/HERB", "offer/guanxi/HERB#tea")
    },
    **{
        f"link {availability}": event("LinkStockLow", replace(LINK, availability=availability))
        for availability in ("low_stock", "out_of_stock")
    },
    "statement": event("StatementMade", Statement("s", "supplier/g", "2026-W47", "TWD", 1, "closed", "2026", 1)),
    "enterprise": event("EnterpriseChanged", Enterprise("xu", {"en": "Xu"}, "1", "anna", "suspended", "2026")),
    "supplier": event("SupplierChanged", Supplier("g", {"en": "G"}, {}, "1", "ben", "refused", "2026")),
    **{
        f"deposit {state}": event("DepositStandingChanged", DepositStanding("tea", state, sequence=2))
        for state in ("warned", "paused", "met")
    },
}


def test_what_was_never_paid_is_told_to_its_customer_alone_and_without_a_word_of_a_refund() -> None:
    taken = StepTaken("withdraw", "customer", "lin", "2026", (1,))
    withdrawn = replace(order(line(1, "cancelled"), line(2, "cancelled", "supplier/guanxi")), history=(taken,))
    notices = notices_of(event("OrderCancelled", withdrawn))
    assert [notice.audience for notice in notices] == [Audience("customer", "lin")]
    assert "if anything" in word("order_cancelled", "en", notices[0].facts).text


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_mail_can_be_worded_in_every_language(language: str) -> None:
    notices = [notice for each in EXAMPLES.values() for notice in notices_of(each)]
    worded = {notice.template: word(notice.template, language, notice.facts) for notice in notices}
    assert set(worded) == set(tomllib.loads((TEXTS / f"{language}.toml").read_text("utf-8")))
    for mail in worded.values():
        assert mail.subject
        assert "{" not in mail.subject + mail.text


def test_an_order_is_worded_with_its_goods_and_money_in_the_readers_language() -> None:
    [notice] = notices_of(event("OrderAccepted", order(line(1, "accepted"))))
    mail = word(notice.template, "zh-TW", notice.facts)
    assert mail.subject == "湖畔茶行已接受您的訂單"
    assert mail.text == "湖畔茶行正在準備：\n\nTea 1 × 2\n"


def test_a_title_cannot_add_a_header_to_a_mail() -> None:
    forged = replace(order(line(1, "accepted")), store_names={"en": "Tea\r\nBcc: all@example.com"})
    [notice] = notices_of(event("OrderAccepted", forged))
    assert word(notice.template, "en", notice.facts).subject == "Tea Bcc: all@example.com has accepted your order"


def test_a_language_that_nobody_wrote_is_worded_in_english() -> None:
    [notice] = notices_of(EXAMPLES["answer"])
    assert word(notice.template, "fr", notice.facts) == word(notice.template, "en", notice.facts)


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_mail_tells_the_time_that_was_booked(language: str) -> None:
    booked = replace(line(1, "placed"), slot="20261201T0200Z")
    first, *_ = notices_of(event("OrderPlaced", order(booked, line(2, "placed"))))
    text = word(first.template, language, first.facts).text
    assert text.count("2026-12-01 10:00") == 1
