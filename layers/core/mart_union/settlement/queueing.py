"""Settlement in many small jobs: the schedule puts one message a due party on a queue, then one that asks for the payouts.

A party's message names all of its days that are open, and they are settled in their order: what one day carries forward is in the
statement of the next, whenever and however often messages are delivered. What is settled after the payouts were asked for goes with
those of the next run.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from mart_union.kernel.clock import local_date
from mart_union.kernel.queues import send_messages
from mart_union.kernel.settings import settings
from mart_union.ledger import jobs
from mart_union.ledger.remarking import FIRST_PARTS, Part, mark_part
from mart_union.settlement.payouts import send_payouts
from mart_union.settlement.statements import PAGES_A_JOB, PartyDue, hand_out, settle_party

QUEUE = "settlement"
_PAYOUTS_AFTER_SECONDS = 60
_NEXT_JOB_AFTER_SECONDS = 60
"""The index of payables lags by a moment: what one job has claimed is out of it when the next one looks."""

_REMARK = "remark"


class SettlementJob(Struct, frozen=True, omit_defaults=True):
    """A message of the queue: settle a party's days that are `due`, or mark anew a `part` of what waits, or, with neither, send the
    payouts that are ready."""

    due: PartyDue | None = None
    part: Part | None = None


def queue_due(now: datetime) -> int:
    """Queue a job for each party that is due, and one for the payouts a minute later; how many parties they were."""

    def send(parties: Sequence[PartyDue]) -> None:
        send_messages(QUEUE, [SettlementJob(party) for party in parties])

    handed = hand_out(now, send)
    send_messages(QUEUE, [SettlementJob()], delay_seconds=_PAYOUTS_AFTER_SECONDS)
    return handed


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


def handle_job(body: str, now: datetime) -> int:
    """Do one message's job; how many statements it brought to their end. What takes longer is queued again.

    Raises:
        Conflict: another run is at it; the message comes again.
        RuleViolation: payouts cannot be sent, as `send_payouts` tells.
    """
    job = msgspec.json.decode(body, type=SettlementJob)
    if job.due is not None:
        return _settle(job.due, now)
    if job.part is not None:
        following = mark_part(job.part, now)
        if following is not None:
            send_messages(QUEUE, [SettlementJob(part=following)])
        return 0
    send_payouts(now)
    return 0


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
