"""What brings the world to where a story begins, beyond events that came before it."""

from __future__ import annotations

from datetime import datetime, timedelta

from tests.faults import chance
from tests.faults.place import Place
from tests.world import CUSTOMER


def with_pool(place: Place) -> None:
    place.open_pool()


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


def with_reservation_over(place: Place) -> datetime:
    """The sweeper has run a moment ago, and the unpaid purchase's time has just ended."""
    from mart_union.checkout.service import get_purchase
    from mart_union.kernel.clock import from_iso
    from mart_union.ledger import jobs

    ends = from_iso(get_purchase(place.names["purchase_unpaid"]).expires_at)
    jobs.set_checkpoint("expire_unpaid", ends.isoformat()[:16])
    jobs.set_checkpoint("order_deadlines", ends.isoformat()[:13])
    return ends + timedelta(minutes=1)


def with_acceptance_over(place: Place) -> datetime:
    """The sweeper has run an hour ago, and nobody has answered an order in time."""
    from mart_union.kernel.clock import from_iso
    from mart_union.ledger import jobs
    from mart_union.orders.service import get_order

    ends = from_iso(get_order(place.names["order"]).clock_at)
    jobs.set_checkpoint("expire_unpaid", ends.isoformat()[:16])
    jobs.set_checkpoint("order_deadlines", ends.isoformat()[:13])
    return ends + timedelta(minutes=1)


def with_windows_over(place: Place) -> datetime:
    """The return window of the delivered order is over, and what the completed one owes is due."""
    from mart_union.kernel.clock import from_iso
    from mart_union.ledger import jobs
    from mart_union.orders.service import get_order

    ends = from_iso(get_order(place.names["order_delivered"]).clock_at)
    jobs.set_checkpoint("complete_due", ends.isoformat()[:13])
    jobs.set_checkpoint("settle_due", (ends - timedelta(days=7)).date().isoformat())
    jobs.set_checkpoint("reconcile", "9999-12-31")
    return ends + timedelta(minutes=1)


def quietly(place: Place) -> None:
    """Every schedule has just run."""
    from mart_union.ledger import jobs

    moment = chance.now().isoformat()
    for job, characters in (("complete_due", 13), ("settle_due", 10), ("expire_unpaid", 16), ("order_deadlines", 13)):
        jobs.set_checkpoint(job, moment[:characters])


def with_something_due(place: Place) -> datetime:
    """The store is owed something on the day of the job, and a withdrawal waits for a bank file."""
    from mart_union.customers.withdrawals import withdraw
    from mart_union.kernel.clock import iso
    from mart_union.kernel.transaction import WriteTransaction
    from mart_union.ledger.model import Payable, Transfer, postings_of
    from mart_union.ledger.service import add_payable, add_transfer

    quietly(place)
    now = chance.now()
    transaction = WriteTransaction()
    amounts = {"provider/bank": -7_000, "store/emei-tea": 7_000}
    add_transfer(transaction, Transfer("owed-emei", "completion", "TWD", postings_of(amounts), "test", iso(now)))
    add_payable(transaction, Payable("y-emei", "store/emei-tea", "", 7_000, "2026-11-30", "completion", "owed-emei"))
    transaction.commit()
    customer = "customer/customer-lin"
    withdraw(customer, customer, 5_000, payout="w-lin", kind="withdrawal", reference=customer, now=now)
    return now
