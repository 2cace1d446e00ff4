"""On a schedule, each minute: unpaid purchases whose reservation has ended, orders whose deadline has passed,
what customers wait too long to hear, sellers whose deposit stayed too low for too long, and, after all that needs nobody outside, cards that are
to be charged.

By another run of its own, where there is more than one can do: the unpaid purchases, orders or responses that it names."""

from __future__ import annotations

from typing import Any

from aws_lambda_powertools import Logger

from mart_union.catalog.urgent import end_urgent_sales
from mart_union.kernel.clock import utc_now
from mart_union.mediation import service as mediation
from mart_union.settlement import service
from mart_union.settlement.erasing import erase_recipients
from mart_union.settlement.sweeping import PARTS

logger = Logger(service="sweeper")


def lambda_handler(event: dict[str, Any], context: Any) -> None:
    """One sweep, or the part that one handed on. What a sweep could not do, the next one tries again."""
    now = utc_now()
    if handed := event.keys() & PARTS.keys():
        for part in handed:
            PARTS[part](event[part], now)
        return
    expired = service.expire_unpaid(now)
    stepped = service.take_due_steps(now)
    ended = end_urgent_sales(now)
    erased = erase_recipients(now).done
    paused = mediation.review_overdue(now)
    captured = service.capture_accepted(now)
    if paused:
        logger.info("sellers paused for their deposits", paused=paused)
    if erased:
        logger.info("recipients erased", erased=erased)
    if ended:
        logger.info("urgent sales ended", ended=ended)
    rounds = {"expired": expired, "stepped": stepped, "captured": captured}
    failed = sum(each.failed for each in rounds.values())
    if failed or any(each.done for each in rounds.values()):
        done = {name: each.done for name, each in rounds.items()}
        logger.info("swept", failed=failed, handed=expired.handed + stepped.handed, done=done)
