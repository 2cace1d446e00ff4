"""Reports of reviews, by whoever is signed in and finds one abusive."""

from __future__ import annotations

from mart_union.kernel.clock import utc_now
from mart_union.orders.reporting import Reported, ReportWish, report_review
from mart_union.web.access import CUSTOMER
from mart_union.web.answer import Redirect
from mart_union.web.api import Api
from mart_union.web.request import Request


def add_routes(api: Api) -> None:
    """Declare the routes."""
    one = "/{store}/{sku}/reviews/{review}/reports"
    api.post(f"/api/listings{one}", CUSTOMER, body=ReportWish, answer=Reported, status=201, key=True)(report)
    api.post(f"/stores{one}", CUSTOMER, body=ReportWish, key=True)(report_here)


def report(request: Request) -> Reported:
    """Report a review, or its answer, to the union's operator: for `insulting`, `personal-data`, `advertising`, `untrue`, `illegal` or `other`. Once a
    customer and review, and twenty a day."""
    params = request.params
    return report_review(
        params["store"],
        params["sku"],
        params["review"],
        request.content,
        customer=request.caller.subject,
        key=request.idempotency_key,
        now=utc_now(),
    )


def report_here(request: Request) -> Redirect:
    """Report it and go back to the reviews."""
    report(request)
    return Redirect(f"/stores/{request.params['store']}/{request.params['sku']}/reviews?reported=yes")
