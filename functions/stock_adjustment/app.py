"""On the stream of the stock table: a journal entry for each movement, an event for each mark crossed.

It raises when anything fails, and gets the whole batch again: an entry written twice is the same entry.
"""

from __future__ import annotations

from typing import Any

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit

from mart_union.kernel.events import publish
from mart_union.kernel.streams import Change, changes_of
from mart_union.stock.events import events_of, level_of_image
from mart_union.stock.service import record_movement

logger = Logger(service="stock_adjustment")
metrics = Metrics(namespace="MartUnion", service="stock_adjustment")


@metrics.log_metrics
def lambda_handler(event: dict[str, Any], context: Any) -> None:
    """Record a batch of movements, in their order."""
    changes = [change for change in changes_of(event) if change.sk == "LEVEL"]
    gaps = sum(not _record(change) for change in changes)
    metrics.add_metric("StockJournalGap", MetricUnit.Count, gaps)
    publish(
        [
            made
            for change in changes
            for made in events_of(change.pk, change.sk, change.old, change.new, change.event_id, change.at)
        ]
    )
    logger.info("recorded", movements=len(changes), gaps=gaps)


def _record(change: Change) -> bool:
    """Whether the movement follows on the one before it."""
    new = level_of_image(change.pk, change.sk, change.new)
    if new is None:
        return True
    old = level_of_image(change.pk, change.sk, change.old)
    follows = record_movement(old, new)
    if not follows:
        logger.error("the journal has a gap", level=new.id, sequence=new.sequence, before=old.sequence if old else 0)
    return follows
