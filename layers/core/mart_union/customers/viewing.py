"""Views kept beside a page that is shown whatever becomes of them."""

from __future__ import annotations

from aws_lambda_powertools import Logger

from mart_union.customers.sessions import record_view
from mart_union.kernel.errors import Busy
from mart_union.kernel.storage import STORAGE_ERRORS

logger = Logger(child=True)


def keep_view(session: str, kind: str, path: str, store: str = "", sku: str = "") -> str:
    """The id of the view that was recorded; '' where the session does not consent, and where the view could not be recorded.

    What could not be recorded is told by a line of the log and the metric ViewsNotKept, neither of which says whose it was.
    """
    try:
        view = record_view(session, kind, path, store, sku)
    except (Busy, *STORAGE_ERRORS) as error:
        _tell(kind, error)
        return ""
    return view.id if view else ""


def _tell(kind: str, error: Exception) -> None:
    from aws_lambda_powertools.metrics import MetricUnit, single_metric  # a page's cold start has no need of it

    logger.warning("a view was not kept", kind=kind, problem=type(error).__name__)
    with single_metric(name="ViewsNotKept", unit=MetricUnit.Count, value=1, namespace="MartUnion") as metric:
        metric.add_dimension(name="kind", value=kind)
