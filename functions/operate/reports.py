"""What was reported as abuse, and what the union's operator decides of it."""

from __future__ import annotations

from mart_union.catalog.rating_model import ABUSE_REASONS
from mart_union.kernel.clock import utc_now
from mart_union.kernel.paging import Page
from mart_union.orders.reporting import DecisionWish, ReportedResponse, decide_abuse, list_reported
from mart_union.web import answer
from mart_union.web.access import OPERATOR
from mart_union.web.api import Api
from mart_union.web.request import Request


def add_routes(api: Api) -> None:
    """Declare the routes."""
    decisions = "/operate/reports/{order}/{response}/decisions"
    api.get("/api/operate/reports", OPERATOR, answer=Page[ReportedResponse])(read_reports)
    api.post(f"/api{decisions}", OPERATOR, body=DecisionWish, answer=ReportedResponse, key=True)(decide)
    api.get("/operate/reports", OPERATOR)(reports_page)
    api.post(decisions, OPERATOR, body=DecisionWish, key=True)(decide_here)


def read_reports(request: Request) -> Page[ReportedResponse]:
    """The responses that were reported as abuse and wait for a decision, oldest first; with a `month` (yyyy-mm), those that were last decided on in it."""
    return list_reported(request.month(), cursor=request.query.get("cursor", ""))


def decide(request: Request) -> ReportedResponse:
    """Dismiss what was reported, take the response or its answer down and say why, or reinstate what was taken down."""
    order, response = request.params["order"], request.params["response"]
    actor, key = request.caller.subject, request.idempotency_key
    return decide_abuse(order, response, request.content, actor=actor, key=key, now=utc_now())


def reports_page(request: Request) -> answer.Page:
    """The same as a page, with forms to decide."""
    context = {"page": read_reports(request), "month": request.month(), "reasons": ABUSE_REASONS}
    return answer.Page("operate/reports.html", context)


def decide_here(request: Request) -> answer.Redirect:
    """Decide and go back to what is still open."""
    decide(request)
    return answer.Redirect("/operate/reports")
