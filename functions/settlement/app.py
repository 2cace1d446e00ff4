"""On a schedule in UTC: queues what is due in the union's time zone and the orders whose return window is over, reconciles once a day, and has
sellers' own shops checked.

On its own queue: settles one party a message, completes fifty orders a message, and sends payouts.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from aws_lambda_powertools import Logger, single_metric
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord

from mart_union.kernel.clock import utc_now
from mart_union.kernel.errors import MartUnionError
from mart_union.mediation import service as mediation
from mart_union.settlement import service
from mart_union.settlement.books import RECONCILE

logger = Logger(service="settlement")


def lambda_handler(event: dict[str, Any], context: Any) -> Any:
    """A queue's batch, one of TASKS, or the schedule's run. What was cut off is finished by the next."""
    if "Records" in event:
        processor = BatchProcessor(event_type=EventType.SQS, raise_on_entire_batch_failure=False)
        return process_partial_response(event=event, record_handler=_work, processor=processor, context=context)
    TASKS.get(event.get("task", ""), _run)(event)
    return None


def _reconcile(event: dict[str, Any]) -> None:
    _tell(service.reconcile(utc_now(), event.get("day", "")))


def _send_payouts(_: dict[str, Any]) -> None:
    _measure("BankFilesSent", len(service.send_payouts(utc_now())))


TASKS: dict[str, Callable[[dict[str, Any]], None]] = {RECONCILE: _reconcile, "payouts": _send_payouts}
"""What is asked for out of turn: to reconcile (of a `day` if one is named), to send payouts."""


def _run(_: dict[str, Any]) -> None:
    now = utc_now()
    service.remark_daily(now)
    parties = service.queue_due(now)
    hours = service.queue_completions(now)
    report = service.reconcile_daily(now)
    if report is not None:
        _tell(report)
    shops, paused = mediation.ask_checks(now), mediation.ask_paused(now)
    logger.info("scheduled", parties=parties, hours=hours, shops=shops, paused=paused)


def _work(record: SQSRecord) -> None:
    try:
        done = service.handle_job(record.body, utc_now())
    except Exception as error:
        code = error.code if isinstance(error, MartUnionError) else type(error).__name__
        logger.warning("to be delivered again", problem=code)
        _measure("SettlementsFailed", 1)
        raise
    for name, count in (
        ("StatementsSettled", done.statements),
        ("OrdersCompleted", done.completed),
        ("OrdersNotCompleted", done.not_completed),
    ):
        if count:
            _measure(name, count)


def _tell(report: service.Report) -> None:
    _measure("ReconciliationDifferences", len(report.differences))
    for found in report.differences:
        logger.error("the books differ", invariant=found.invariant, subject=found.subject, detail=found.detail)


def _measure(name: str, count: int) -> None:
    """At once, and only where there is something to count: a metric costs for each hour in which it is told."""
    with single_metric(
        name, MetricUnit.Count, count, namespace="MartUnion", default_dimensions={"service": "settlement"}
    ):
        pass
