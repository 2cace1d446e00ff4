"""What brings the world to where a story begins, beyond events that came before it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from msgspec.structs import replace

from tests.faults import chance
from tests.faults.place import Place
from tests.world import CUSTOMER, STORE, SUPPLIER, World, purchase

_DUE = datetime(2026, 11, 30, 4, tzinfo=UTC)
"""A weekly day of settlement after the stories' beginning."""


def with_pool(place: Place) -> None:
    place.open_pool()


def with_merged_category(place: Place) -> None:
    """A store has merged the category of its link into another."""
    from mart_union.catalog.service import merge_category

    merge_category(STORE, "tea.tea-bags", "tea.oolong", "owner-emei", chance.now())


def with_suspended_supplier(place: Place) -> None:
    """The union has suspended the supplier of a store's links."""
    from mart_union.mediation.suppliers import decide_supplier

    decide_supplier(SUPPLIER, False, "operator-1", chance.now())


def with_sale_of_a_shop(place: Place) -> None:
    """The store's own shop has sold two units of its link's listing."""
    from mart_union.checkout.model import Wanted
    from mart_union.checkout.sales import place_shop_sale

    wanted = [Wanted(STORE, "GX-HERBTEA", 2)]
    facts = {"recipient": place.names["recipient"], "key": "by-hand-1", "now": chance.now()}
    place.names["order_of_shop"] = place_shop_sale(STORE, place.names["shop"], wanted, **facts).orders[0]


def with_delivered_sale_of_a_shop(place: Place) -> None:
    """And its supplier has delivered them."""
    from mart_union.orders.service import take_step

    with_sale_of_a_shop(place)
    parcel = {"ship": ("windcity-express", "WC-SHOP-1")}
    for step in ("accept", "ship", "deliver"):
        take_step(
            place.names["order_of_shop"],
            step,
            "owner-guanxi",
            "supplier",
            step,
            chance.now(),
            fulfiller=f"supplier/{SUPPLIER}",
            tracking=parcel.get(step),
        )


def with_paused_store(place: Place) -> None:
    """A store that has links is paused by its owner."""
    from mart_union.catalog.stores import set_store_state

    set_store_state(STORE, "paused", "owner-emei", chance.now())


def with_suspended_enterprise(place: Place) -> None:
    """The union has suspended the enterprise of a store that has links."""
    from mart_union.catalog.enterprises import decide_enterprise
    from mart_union.catalog.service import get_store

    decide_enterprise(get_store(STORE).enterprise, False, "operator-1", chance.now())


def with_question(place: Place) -> None:
    """A customer has asked about a supplier's line."""
    from mart_union.orders.responses import add_response

    made = add_response(
        place.names["order_mediated"],
        "question",
        "有機嗎？",
        line=1,
        customer=CUSTOMER,
        key="question-to-supplier",
        now=chance.now(),
    )
    place.names["response_supplied"] = made.id


def with_review_taken_down(place: Place) -> None:
    """The union's operator has taken a review down that was reported."""
    from mart_union.orders.reporting import DecisionWish, decide_abuse

    names, wish = place.names, DecisionWish("take_down", reason="untrue")
    decided = {"actor": "operator-1", "key": "taken-down-before", "now": chance.now()}
    decide_abuse(names["order_reported"], names["response_reported"], wish, **decided)


def with_sale(place: Place) -> None:
    """An urgent sale runs, of which a customer may have three."""
    from mart_union.catalog.urgent import start_urgent_sale
    from mart_union.catalog.urgent_terms import SaleTerms
    from mart_union.kernel.clock import iso

    now = chance.now()
    window = iso(now - timedelta(minutes=1)), iso(now + timedelta(days=1))
    terms = SaleTerms(60_000, *window, quantity=10, per_customer=3)
    start_urgent_sale(STORE, "OB-FINE-75G", terms, actor="manager-emei", key="urgent-of-emei", now=now)


def with_bargain(place: Place) -> None:
    """The customer has bought in it."""
    with_sale(place)
    bought = purchase(World(chance.now(), place.names), "bargain", {(STORE, "OB-FINE-75G"): 2})
    place.names["purchase_bargain"] = bought.id
    place.names["order_bargain"] = bought.orders[0]


def _have_swept(moment: datetime) -> None:
    """The sweeper has been by until a moment, as far as purchases go."""
    from mart_union.ledger import jobs

    for job in ("expire_unpaid", "capture_accepted"):
        jobs.set_checkpoint(job, moment.isoformat()[:16])


def with_reservation_over(place: Place) -> datetime:
    """The sweeper has run a moment ago, and the unpaid purchase's time has just ended."""
    from mart_union.checkout.service import get_purchase
    from mart_union.kernel.clock import from_iso
    from mart_union.ledger import jobs

    ends = from_iso(get_purchase(place.names["purchase_unpaid"]).expires_at)
    _have_swept(ends)
    jobs.set_checkpoint("order_deadlines", ends.isoformat()[:13])
    return ends + timedelta(minutes=1)


def with_acceptance_over(place: Place) -> datetime:
    """The sweeper has run an hour ago, and nobody has answered an order in time."""
    from mart_union.kernel.clock import from_iso
    from mart_union.ledger import jobs
    from mart_union.orders.service import get_order

    ends = from_iso(get_order(place.names["order"]).clock_at)
    _have_swept(ends)
    jobs.set_checkpoint("order_deadlines", ends.isoformat()[:13])
    return ends + timedelta(minutes=1)


def with_an_order_to_escalate(place: Place) -> datetime:
    """An order under a procedure of its store's own waits: its store is to be told, and the operator an hour later, which is now."""
    from mart_union.catalog.procedures import Deadline, Reminder
    from mart_union.kernel.clock import from_iso
    from mart_union.ledger import jobs
    from mart_union.orders.own import choose_procedure, described, save_procedure
    from mart_union.orders.service import act_on_deadlines, get_order
    from mart_union.orders.shipped import PROCEDURES

    shipped = described(PROCEDURES["pickup"])
    deadlines = (Deadline("placed", "refuse", hours=9), *shipped.deadlines[1:])
    reminders = (Reminder("placed", "fulfiller", 1), Reminder("placed", "operator", 2))
    wanted = replace(shipped, deadlines=deadlines, reminders=reminders)
    save_procedure(STORE, "ours", wanted, actor="owner-emei")
    choose_procedure(STORE, "ours", actor="owner-emei")
    order = purchase(World(chance.now(), place.names), "of-ours", {(STORE, "OB-FINE-75G"): 1}).orders[0]
    act_on_deadlines(order, from_iso(get_order(order).clock_at))
    due = from_iso(get_order(order).clock_at)
    _have_swept(due)
    jobs.set_checkpoint("order_deadlines", due.isoformat()[:13])
    return due + timedelta(minutes=1)


def with_a_return_overdue(place: Place) -> datetime:
    """A customer has sent goods back, nobody has received them, and whoever takes them was reminded: the operator is to hear of it."""
    from mart_union.kernel.clock import from_iso
    from mart_union.ledger import jobs
    from mart_union.orders.service import act_on_deadlines, get_order
    from mart_union.settlement.completion import complete_order
    from mart_union.settlement.refunding import send_goods

    order, who = place.names["order_return_accepted"], {"customer": CUSTOMER, "now": chance.now()}
    send_goods(order, place.names["return_accepted"], ("windcity-express", "BACK-1"), key="sent-overdue", **who)
    complete_order(order, actor=CUSTOMER, role="customer", key="received-overdue", now=chance.now())
    act_on_deadlines(order, from_iso(get_order(order).clock_at))
    due = from_iso(get_order(order).clock_at)
    _have_swept(due)
    jobs.set_checkpoint("order_deadlines", due.isoformat()[:13])
    return due + timedelta(minutes=1)


def with_an_answer_overdue(place: Place) -> datetime:
    """A customer has asked, and nobody has answered in time."""
    from mart_union.kernel.clock import from_iso
    from mart_union.ledger import jobs
    from mart_union.orders.responses import get_response

    due = from_iso(get_response(place.names["order"], place.names["response"]).reply_by)
    _have_swept(due)
    jobs.set_checkpoint("order_deadlines", due.isoformat()[:13])
    return due + timedelta(minutes=1)


def with_a_late_parcel(place: Place) -> datetime:
    """What was shipped has not arrived by when it was promised."""
    from mart_union.kernel.clock import from_iso
    from mart_union.ledger import jobs
    from mart_union.orders.service import get_order

    due = from_iso(get_order(place.names["order_shipped"]).clock_at)
    _have_swept(due)
    jobs.set_checkpoint("order_deadlines", due.isoformat()[:13])
    return due + timedelta(minutes=10)  # a promise ends with an hour, and where a job has come is compared by the hour


def with_windows_over(place: Place) -> datetime:
    """The return window of the delivered order is over, and what the completed one owes is due."""
    from mart_union.kernel.clock import from_iso
    from mart_union.ledger import jobs
    from mart_union.orders.service import get_order

    ends = from_iso(get_order(place.names["order_delivered"]).clock_at)
    place.names["hour_over"] = ends.isoformat()[:13]
    jobs.set_checkpoint("complete_due", place.names["hour_over"])
    jobs.set_checkpoint("settle_due", (ends - timedelta(days=7)).date().isoformat())
    jobs.set_checkpoint("reconcile", "9999-12-31")
    jobs.set_checkpoint("provider_reports", "9999-12-30")
    return ends + timedelta(minutes=1)


def quietly(place: Place) -> None:
    """Every schedule has just run."""
    from mart_union.ledger import jobs

    moment = chance.now().isoformat()
    for job, characters in (("complete_due", 13), ("settle_due", 10), ("order_deadlines", 13)):
        jobs.set_checkpoint(job, moment[:characters])
    _have_swept(chance.now())


def with_a_mark_lost(place: Place) -> datetime:
    """The store is owed for a completed order, and nothing tells settlement so."""
    from mart_union.settlement.service import complete_order

    received = chance.START + timedelta(days=2)
    complete_order(place.names["order_delivered"], actor=CUSTOMER, role="customer", key="received", now=received)
    return _DUE


def with_something_due(place: Place) -> datetime:
    """The store is owed for a completed order on the day of the job, and a withdrawal waits for a bank file."""
    from mart_union.customers.withdrawals import withdraw
    from mart_union.ledger.census import whole_ledger
    from mart_union.ledger.due import mark_due

    with_a_mark_lost(place)
    received = chance.START + timedelta(days=2)
    mark_due(whole_ledger().payables, received)
    customer = f"customer/{CUSTOMER}"
    withdraw(customer, customer, 5_000, payout="w-lin", kind="withdrawal", reference=customer, now=received)
    return _DUE


def with_card_authorized(place: Place) -> None:
    """A purchase by card waits for its store's answer."""
    _buy_by_card(place, "pm_card_visa")


def _buy_by_card(place: Place, payment_method: str) -> None:
    from mart_union.checkout.model import Wanted
    from mart_union.checkout.service import place_purchase

    bought = place_purchase(
        CUSTOMER,
        [Wanted(STORE, "OB-TOP", 1)],
        recipient=place.names["recipient"],
        total_seen=176_000,
        method="card",
        payment_method=payment_method,
        key="purchase-by-card",
        now=chance.now(),
    )
    assert bought.card is not None
    place.names |= {"purchase_card": bought.id, "order_card": bought.orders[0], "intent_card": bought.card.intent}
    place.names["transfer_card"] = bought.transfer


def with_card_accepted(place: Place) -> None:
    """Its store has accepted it."""
    _answer_card(place, "accept")


def with_card_refused(place: Place) -> None:
    """Its store has refused it."""
    _answer_card(place, "refuse")


def _answer_card(place: Place, step: str) -> None:
    from mart_union.orders.service import take_step

    with_card_authorized(place)
    order = place.names["order_card"]
    take_step(order, step, "manager-emei", "store", f"{step}-card", chance.now(), fulfiller=f"store/{STORE}")


def with_card_refunded(place: Place) -> None:
    """It was charged, and then its store refused it after all."""
    from mart_union.checkout.capturing import capture_purchase
    from mart_union.orders.service import get_order, take_step

    with_card_accepted(place)
    order = place.names["order_card"]
    capture_purchase(place.names["purchase_card"], chance.now())
    take_step(order, "refuse", "manager-emei", "store", "refuse-card", chance.now(), fulfiller=f"store/{STORE}")
    place.names["refund_card"] = f"refund-{order}-{get_order(order).sequence}"


def with_card_given_up(place: Place) -> None:
    """Its customer has cancelled it, and the authorization is still there."""
    from mart_union.checkout.cancelling import cancel_purchase

    with_card_authorized(place)
    cancel_purchase(place.names["purchase_card"], actor=CUSTOMER, role="customer", key="cancel-card", now=chance.now())


def with_card_expired(place: Place) -> datetime:
    """The customer has not confirmed to their bank in time, and the sweeper has let the purchase lapse."""
    from mart_union.checkout.paying import expire_purchase
    from mart_union.checkout.service import get_purchase
    from mart_union.kernel.clock import from_iso

    _buy_by_card(place, "pm_card_authenticationRequired")
    ends = from_iso(get_purchase(place.names["purchase_card"]).expires_at)
    assert expire_purchase(place.names["purchase_card"], ends)
    return ends + timedelta(minutes=1)


def with_card_charged(place: Place) -> None:
    """It was charged."""
    from mart_union.checkout.capturing import capture_purchase

    with_card_accepted(place)
    capture_purchase(place.names["purchase_card"], chance.now())


def with_card_acceptance_over(place: Place) -> datetime:
    """The sweeper has run a moment ago, and the store of the purchase by card has not answered in time.

    It has accepted the other order of that listing: which of two orders moved a level last, a sweep may decide either way.
    """
    from mart_union.checkout.service import get_purchase
    from mart_union.kernel.clock import from_iso
    from mart_union.ledger import jobs
    from mart_union.orders.service import take_step

    with_card_authorized(place)
    other, store = place.names["order"], f"store/{STORE}"
    take_step(other, "accept", "manager-emei", "store", "accept-other", chance.now(), fulfiller=store)
    ends = from_iso(get_purchase(place.names["purchase_card"]).expires_at)
    _have_swept(ends)
    jobs.set_checkpoint("order_deadlines", (ends - timedelta(hours=1)).isoformat()[:13])
    return ends + timedelta(minutes=1)
