"""Settlement in many small jobs: the schedule puts one message a due party on a queue, then one that asks for the payouts.

What is settled after that goes with the payouts of the next run.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import msgspec
from msgspec import Struct

from mart_union.kernel.queues import send_messages
from mart_union.ledger.due import DueParty
from mart_union.settlement.payouts import send_payouts
from mart_union.settlement.statements import hand_out, settle_party

QUEUE = "settlement"
_PAYOUTS_AFTER_SECONDS = 60
_NEXT_JOB_AFTER_SECONDS = 60
"""The index of payables lags by a moment: what one job has claimed is out of it when the next one looks."""


class SettlementJob(Struct, frozen=True):
    """A message of the queue: settle a `party`, or, without one, send the payouts that are ready."""

    party: DueParty | None = None


def queue_due(now: datetime) -> int:
    """Queue a job for each party that is due, and one for the payouts a minute later; how many parties they were."""

    def send(parties: Sequence[DueParty]) -> None:
        send_messages(QUEUE, [SettlementJob(party) for party in parties])

    handed = hand_out(now, send)
    send_messages(QUEUE, [SettlementJob()], delay_seconds=_PAYOUTS_AFTER_SECONDS)
    return handed


def handle_job(body: str, now: datetime) -> int:
    """Do one message's job; how many statements it brought to their end. A party that takes longer is queued again.

    Raises:
        Conflict: another run is at it; the message comes again.
        RuleViolation: payouts cannot be sent, as `send_payouts` tells.
    """
    job = msgspec.json.decode(body, type=SettlementJob)
    if job.party is None:
        send_payouts(now)
        return 0
    done = settle_party(job.party, now)
    if not done.is_done:
        send_messages(QUEUE, [job], delay_seconds=_NEXT_JOB_AFTER_SECONDS)
    return 1 if done.statement else 0
