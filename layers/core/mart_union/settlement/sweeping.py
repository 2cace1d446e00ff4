"""What the sweeper does each minute: free what was never paid, take the steps that deadlines call for, and charge the cards whose stores have answered
or had their time to."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta

from msgspec.structs import replace

from mart_union.checkout.capturing import capture_purchase, put_behind
from mart_union.checkout.paying import expire_purchase, list_unpaid
from mart_union.kernel.clock import iso
from mart_union.kernel.errors import ProviderUnavailable
from mart_union.kernel.functions import invoke_later
from mart_union.orders.responses import escalate_response, list_unanswered
from mart_union.orders.service import act_on_deadlines, list_due
from mart_union.settlement.rounds import HOURS, MINUTES, Outcome, Round, act_on, go_round, go_through

_UNPAID = Round("expire_unpaid", timedelta(minutes=1), timedelta(hours=2), MINUTES)
_ACCEPTED = Round("capture_accepted", timedelta(minutes=1), timedelta(hours=2), MINUTES)
_DEADLINES = Round("order_deadlines", timedelta(hours=1), timedelta(days=2), HOURS)


_AT_ONCE = 200
"""Purchases that one run expires: some seconds of work."""

_MOST_RUNS = 100
"""Runs that a sweep asks for beside itself: with more of them at once, shoppers' functions would have to wait. The next minute asks for more."""

SWEEPER = "sweeper"


def expire_unpaid(now: datetime) -> Outcome:
    """Expire the purchases whose reservation has ended unpaid: stock is freed, the pending transfer ends. Against a payment that
    arrives at the same moment exactly one wins. No provider is asked.

    Of many in one minute, as after a rush, other runs at the same time expire all but the first two hundred. Nothing hangs on them: a minute is
    looked at by every sweep until it is empty.
    """
    return go_through(_UNPAID, now, lambda minute: _expire_of(minute, now))


def expire_purchases(purchases: Iterable[str], now: datetime) -> Outcome:
    """Expire those of these purchases whose reservation has ended unpaid. Safe to repeat."""
    return act_on(purchases, lambda purchase: expire_purchase(purchase, now), _UNPAID.job)


def _expire_of(minute: str, now: datetime) -> Outcome:
    due = list(_unpaid(minute, iso(now), _AT_ONCE * (1 + _MOST_RUNS)))
    for start in range(_AT_ONCE, len(due), _AT_ONCE):
        invoke_later(SWEEPER, {"unpaid": due[start : start + _AT_ONCE]})
    return replace(expire_purchases(due[:_AT_ONCE], now), handed=max(len(due) - _AT_ONCE, 0))


def capture_accepted(now: datetime) -> Outcome:
    """Charge the cards whose stores have answered, or had their time to.

    A provider that does not answer holds each call for seconds: after the first of them the round ends, and the next one goes on there, with the
    purchase of that call behind the others.
    """

    def act(purchase: str) -> bool:
        try:
            return capture_purchase(purchase, now)
        except ProviderUnavailable:
            put_behind(purchase, now + _ACCEPTED.bucket)
            raise

    return go_round(_ACCEPTED, now, _unpaid, act, ends_at=ProviderUnavailable)


def take_due_steps(now: datetime) -> Outcome:
    """Take the steps that passed deadlines call for, such as refusing an order that nobody answered, tell whom a procedure wants told, and escalate
    what customers wait too long to hear. Completion is settlement's."""

    def act(order: str) -> bool:
        return any(taken.at == iso(now) for taken in act_on_deadlines(order, now).history)

    def visit(hour: str) -> Outcome:
        orders = act_on(list_due(hour, iso(now)), act, _DEADLINES.job)
        waiting = {f"{order}/{response}": (order, response) for order, response in list_unanswered(hour, iso(now))}
        told = act_on(waiting, lambda name: escalate_response(*waiting[name], now), _DEADLINES.job)
        return Outcome(orders.done + told.done, orders.failed + told.failed)

    return go_through(_DEADLINES, now, visit)


def _unpaid(minute: str, until: str, limit: int) -> Iterator[str]:
    cursor, listed = "", 0
    while listed < limit:
        page = list_unpaid(minute, until, cursor)
        yield from page.items[: limit - listed]
        cursor, listed = page.next, listed + len(page.items)
        if not cursor:
            return
