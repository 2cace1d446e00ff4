"""On a schedule in UTC: completes orders whose return window is over, settles what is due in the union's time zone, and reconciles once a day."""

from __future__ import annotations

from typing import Any

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit

from mart_union.kernel.clock import utc_now
from mart_union.settlement import service
from mart_union.settlement.books import RECONCILE

logger = Logger(service="settlement")
metrics = Metrics(namespace="MartUnion", service="settlement")


@metrics.log_metrics
def lambda_handler(event: dict[str, Any], context: Any) -> None:
    """One run; `{"task": "reconcile"}` asks for a reconciliation only. A run that was cut off is finished by the next."""
    now = utc_now()
    if event.get("task") == RECONCILE:
        _tell(service.reconcile(now))
        return
    completed = service.complete_due(now)
    statements = service.settle_due(now)
    _measure("OrdersCompleted", completed.done)
    _measure("OrdersNotCompleted", completed.failed)
    _measure("StatementsSettled", len(statements))
    report = service.reconcile_daily(now)
    if report is not None:
        _tell(report)
    logger.info("settled", completed=completed.done, failed=completed.failed, statements=len(statements))


def _tell(report: service.Report) -> None:
    _measure("ReconciliationDifferences", len(report.differences))
    for found in report.differences:
        logger.error("the books differ", invariant=found.invariant, subject=found.subject, detail=found.detail)


def _measure(name: str, count: int) -> None:
    metrics.add_metric(name, MetricUnit.Count, count)
