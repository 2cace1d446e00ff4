"""Settlement in many small jobs: the schedule puts one message a due party on a queue, then one that asks for the payouts, and one for each
hour of the clock in which orders may be complete.

A party's message names all of its days that are open, and they are settled in their order: what one day carries forward is in the
statement of the next, whenever and however often messages are delivered. What is settled after the payouts were asked for goes with
those of the next run.

An hour's message is a page of its orders at most: they are handed on, fifty a message, and the next page by a message of its own. The hour is
looked at again by each run until it is empty, so an order is completed whatever became of its message.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from mart_union.kernel.clock import iso, local_date
from mart_union.kernel.queues import send_messages
from mart_union.kernel.settings import settings
from mart_union.ledger import jobs
from mart_union.ledger.remarking import FIRST_PARTS, Part, mark_part
from mart_union.orders.due import page_of_windows_over
from mart_union.settlement.completion import complete_orders, hand_out_hours
from mart_union.settlement.payouts import send_payouts
from mart_union.settlement.statements import PAGES_A_JOB, PartyDue, hand_out, settle_party

QUEUE = "settlement"
_PAYOUTS_AFTER_SECONDS = 60
_NEXT_JOB_AFTER_SECONDS = 60
"""The index of payables lags by a moment: what one job has claimed is out of it when the next one looks."""

_ORDERS_A_PAGE = 1_000
_ORDERS_A_JOB = 50
"""Seconds of work: what is cut off with them is soon done again."""

_REMARK = "remark"


class Hour(Struct, frozen=True, omit_defaults=True):
    """An hour of the orders' clock (`2026-11-22T09`, UTC), from a cursor on ('' for its beginning)."""

    name: str
    cursor: str = ""


class SettlementJob(Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """A message of the queue: settle a party's days that are `due`, mark anew a `part` of what waits, hand on the orders that are complete by
    now of an `hour`, complete `orders`, or, with none of these, send the payouts that are ready. What it does not know is no message."""

    due: PartyDue | None = None
    part: Part | None = None
    hour: Hour | None = None
    orders: tuple[str, ...] = ()


class JobDone(Struct, frozen=True):
    """What came of a job: how many statements it brought to their end, how many orders it completed, and how many it could not."""

    statements: int = 0
    completed: int = 0
    not_completed: int = 0


def queue_due(now: datetime) -> int:
    """Queue a job for each party that is due, and one for the payouts a minute later; how many parties they were."""

    def send(parties: Sequence[PartyDue]) -> None:
        send_messages(QUEUE, [SettlementJob(party) for party in parties])

    handed = hand_out(now, send)
    send_messages(QUEUE, [SettlementJob()], delay_seconds=_PAYOUTS_AFTER_SECONDS)
    return handed


def queue_completions(now: datetime) -> int:
    """Queue a job for each hour of the clock in which orders stand whose return window may be over; how many hours they were."""
    return hand_out_hours(now, lambda hour: send_messages(QUEUE, [SettlementJob(hour=Hour(hour))]))


def remark_daily(now: datetime) -> bool:
    """Queue, once a day, the jobs that mark anew whoever has something waiting; whether it was done now.

    So a mark that the stream lost is made up for within a day, and so is what was carried forward looked at again each day: since then
    the minimum may have been lowered.
    """
    today = local_date(now, settings().time_zone).isoformat()
    if jobs.get_checkpoint(_REMARK) >= today:
        return False
    send_messages(QUEUE, [SettlementJob(part=part) for part in FIRST_PARTS])
    jobs.set_checkpoint(_REMARK, today)
    return True


def handle_job(body: str, now: datetime) -> JobDone:
    """Do one message's job; what came of it. What takes longer is queued again.

    Raises:
        Conflict: another run is at it; the message comes again.
        RuleViolation: payouts cannot be sent, as `send_payouts` tells.
        msgspec.ValidationError: it is no job.
    """
    job = msgspec.json.decode(body, type=SettlementJob)
    if job.due is not None:
        return JobDone(statements=_settle(job.due, now))
    if job.orders:
        outcome = complete_orders(job.orders, now)
        return JobDone(completed=outcome.done, not_completed=outcome.failed)
    if job.hour is not None:
        _hand_out(job.hour, now)
    elif job.part is not None:
        following = mark_part(job.part, now)
        if following is not None:
            send_messages(QUEUE, [SettlementJob(part=following)])
    else:
        send_payouts(now)
    return JobDone()


def _hand_out(hour: Hour, now: datetime) -> None:
    """Queue the completion of a page of an hour's orders, then the next page: one query, and at most three requests to the queue."""
    page = page_of_windows_over(hour.name, iso(now), hour.cursor, _ORDERS_A_PAGE)
    parts = [page.items[start : start + _ORDERS_A_JOB] for start in range(0, len(page.items), _ORDERS_A_JOB)]
    send_messages(QUEUE, [SettlementJob(orders=part) for part in parts])
    if page.next:
        send_messages(QUEUE, [SettlementJob(hour=replace(hour, cursor=page.next))])


def _settle(due: PartyDue, now: datetime) -> int:
    """Settle a party's days in their order, as many as one job may; what is left is queued."""
    closed, pages, before = 0, 0, None
    for number, found in enumerate(due.marks):
        done = settle_party(found, now, PAGES_A_JOB - pages, before)
        before = done.statement or before
        closed, pages = closed + bool(done.statement), pages + done.pages
        left = due.marks[number + done.is_done :]
        if left and (not done.is_done or pages >= PAGES_A_JOB):
            job = SettlementJob(replace(due, marks=left))
            send_messages(QUEUE, [job], delay_seconds=_NEXT_JOB_AFTER_SECONDS)
            break
    return closed
