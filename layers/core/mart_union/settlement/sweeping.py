"""What the sweeper does each minute: free what was never paid, take the steps that deadlines call for, and charge the cards whose stores have answered
or had their time to."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timedelta
from functools import partial
from itertools import islice
from typing import TypeVar

from msgspec.structs import replace

from mart_union.checkout.capturing import capture_purchase, put_behind
from mart_union.checkout.paying import expire_purchase, list_unpaid
from mart_union.kernel.clock import iso
from mart_union.kernel.errors import ProviderUnavailable
from mart_union.kernel.functions import invoke_later
from mart_union.kernel.paging import Page
from mart_union.orders.due import page_of_due, page_of_unanswered
from mart_union.orders.responses import escalate_response
from mart_union.orders.service import act_on_deadlines
from mart_union.settlement.rounds import HOURS, MINUTES, Outcome, Round, act_on, go_round, go_through

T = TypeVar("T")

_UNPAID = Round("expire_unpaid", timedelta(minutes=1), timedelta(hours=2), MINUTES)
_ACCEPTED = Round("capture_accepted", timedelta(minutes=1), timedelta(hours=2), MINUTES)
_DEADLINES = Round("order_deadlines", timedelta(hours=1), timedelta(days=2), HOURS)


_AT_ONCE = 200
"""Items of a kind that one run sees to: some seconds of work."""

_MOST_RUNS = 100
"""Runs that a sweep asks for beside itself, for a kind of work: with more of them at once, shoppers' functions would have to wait. The next minute asks
for more."""

SWEEPER = "sweeper"


class _Shared:
    """A kind of work of one sweep, of which other runs at the same time do what is too much for it: the first two hundred it does itself.

    Nothing hangs on the others: what was handed on, or was too much for all of them, leaves its bucket with the next sweep.
    """

    def __init__(self, kind: str, act: Callable[[Iterable[str]], Outcome]) -> None:
        self._kind, self._act, self._own, self._runs = kind, act, _AT_ONCE, _MOST_RUNS

    def share(self, due: Iterable[str]) -> Outcome:
        """What came of those that are due, as many as the sweep may still list."""
        room = self._own + self._runs * _AT_ONCE
        listed = list(islice(due, room + 1))
        own, others = listed[: self._own], listed[self._own : room]
        for start in range(0, len(others), _AT_ONCE):
            invoke_later(SWEEPER, {self._kind: others[start : start + _AT_ONCE]})
            self._runs -= 1
        self._own -= len(own)
        return replace(self._act(own), handed=len(listed) - len(own))


def expire_unpaid(now: datetime) -> Outcome:
    """Expire the purchases whose reservation has ended unpaid: stock is freed, the pending transfer ends. Against a payment that
    arrives at the same moment exactly one wins. No provider is asked.

    Of many at once, as after a rush, other runs at the same time expire all but the first two hundred. Nothing hangs on them: a minute is
    looked at by every sweep until it is empty.
    """
    unpaid = _Shared("unpaid", partial(expire_purchases, now=now))
    return go_through(_UNPAID, now, lambda minute: unpaid.share(_each(partial(list_unpaid, minute, iso(now)))))


def expire_purchases(purchases: Iterable[str], now: datetime) -> Outcome:
    """Expire those of these purchases whose reservation has ended unpaid. Safe to repeat."""
    return act_on(purchases, lambda purchase: expire_purchase(purchase, now), _UNPAID.job)


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
    what customers wait too long to hear. Completion is settlement's.

    Of many at once other runs do all but the first two hundred, as of unpaid purchases: an hour is looked at by every sweep until all of it was seen.
    """
    orders = _Shared("due", partial(act_on_orders, now=now))
    responses = _Shared("unanswered", partial(escalate_responses, now=now))

    def visit(hour: str) -> Outcome:
        acted = orders.share(_each(partial(page_of_due, hour, iso(now))))
        waiting = _each(partial(page_of_unanswered, hour, iso(now)))
        told = responses.share(f"{order}/{response}" for order, response in waiting)
        return Outcome(acted.done + told.done, acted.failed + told.failed, handed=acted.handed + told.handed)

    return go_through(_DEADLINES, now, visit)


def act_on_orders(orders: Iterable[str], now: datetime) -> Outcome:
    """Do with these orders what passed deadlines call for. Safe to repeat."""

    def act(order: str) -> bool:
        return any(taken.at == iso(now) for taken in act_on_deadlines(order, now).history)

    return act_on(orders, act, _DEADLINES.job)


def escalate_responses(responses: Iterable[str], now: datetime) -> Outcome:
    """Escalate those of these responses (`<order>/<id>`) that nobody answered in their time. Safe to repeat."""

    def act(response: str) -> bool:
        order, _, identity = response.partition("/")
        return escalate_response(order, identity, now)

    return act_on(responses, act, _DEADLINES.job)


PARTS: dict[str, Callable[[Iterable[str], datetime], Outcome]] = {
    "unpaid": expire_purchases,
    "due": act_on_orders,
    "unanswered": escalate_responses,
}
"""What a sweep hands to runs of their own, by the name under which they get it."""


def _unpaid(minute: str, until: str, limit: int) -> Iterator[str]:
    return islice(_each(partial(list_unpaid, minute, until)), limit)


def _each(page_of: Callable[[str], Page[T]]) -> Iterator[T]:
    """Each item of all pages, a page being asked for when it is come to."""
    page = page_of("")
    yield from page.items
    while page.next:
        page = page_of(page.next)
        yield from page.items
