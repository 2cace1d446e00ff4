"""On the stream of the stock table: a journal entry for each movement, an event for each mark crossed, the end of an urgent sale that is sold out.

It raises when anything fails, and gets the whole batch again: an entry written twice is the same entry.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit

from mart_union.kernel.clock import utc_now
from mart_union.kernel.events import publish
from mart_union.kernel.streams import Change, changes_of
from mart_union.stock.events import events_of, level_of_image
from mart_union.stock.journal import record_movements
from mart_union.stock.model import Level

logger = Logger(service="stock_adjustment")
metrics = Metrics(namespace="MartUnion", service="stock_adjustment")


@metrics.log_metrics
def lambda_handler(event: dict[str, Any], context: Any) -> None:
    """Record a batch of movements, in their order."""
    changes = [change for change in changes_of(event) if level_of_image(change.pk, change.sk, change.new) is not None]
    gaps = record_movements(_movements(changes))
    for entry in gaps:
        logger.error("the journal has a gap", level=entry.level, before_sequence=entry.sequence)
    metrics.add_metric("StockJournalGap", MetricUnit.Count, len(gaps))
    publish(
        [
            made
            for change in changes
            for made in events_of(change.pk, change.sk, change.old, change.new, change.event_id, change.at)
        ]
    )
    ended = _end_sold_out(changes)
    logger.info("recorded", movements=len(changes), gaps=len(gaps), sales_ended=ended)


def _end_sold_out(changes: Iterable[Change]) -> int:
    """End the sales of which a shard, as the last of the changes left it, has nothing left, if no other has either; how many."""
    last = {level.id: level for _, level in _movements(changes)}
    emptied = [level for level in last.values() if level.sale and not level.reserve + level.reserved]
    if not emptied:
        return 0
    from mart_union.catalog.urgent import end_if_sold_out  # seldom: no cold start need load the catalog for it

    return sum(end_if_sold_out(shard, utc_now()) for shard in emptied)


def _movements(changes: Iterable[Change]) -> Iterator[tuple[Level | None, Level]]:
    """The levels before and after each change."""
    for change in changes:
        new = level_of_image(change.pk, change.sk, change.new)
        if new is not None:
            yield level_of_image(change.pk, change.sk, change.old), new
