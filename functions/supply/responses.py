"""What customers say about a supplier's lines, and its answers."""

from __future__ import annotations

from msgspec import Struct

from mart_union.catalog.rating_model import ABUSE_REASONS
from mart_union.kernel.clock import utc_now
from mart_union.kernel.paging import Page as Items
from mart_union.orders.reporting import Reported, ReportWish, report_received
from mart_union.orders.responses import answer_response, list_supplier_responses
from mart_union.orders.seen import SeenResponse, seen_response
from mart_union.web.access import SUPPLIER
from mart_union.web.answer import Page, Redirect
from mart_union.web.api import Api
from mart_union.web.request import Request


class ResponseAnswer(Struct, frozen=True):
    """The supplier's answer to a customer."""

    text: str


def add_routes(api: Api) -> None:
    """Declare the routes and pages."""
    one = "/supply/{supplier}/responses/{order}/{response}/answer"
    api.get("/api/supply/{supplier}/responses", SUPPLIER, answer=Items[SeenResponse])(list_by_api)
    api.post(f"/api{one}", SUPPLIER, body=ResponseAnswer, answer=SeenResponse)(answer_by_api)
    api.get("/supply/{supplier}/responses", SUPPLIER)(list_page)
    api.post(one, SUPPLIER, body=ResponseAnswer)(answer_by_form)
    reports = "/supply/{supplier}/responses/{order}/{response}/reports"
    api.post(f"/api{reports}", SUPPLIER, body=ReportWish, answer=Reported, status=201, key=True)(report_by_api)
    api.post(reports, SUPPLIER, body=ReportWish, key=True)(report_by_form)


def list_by_api(request: Request) -> Items[SeenResponse]:
    """What customers wait to hear about the supplier's lines, oldest first; with a `month` (yyyy-mm), what was answered of it."""
    month, cursor = request.month(), request.query.get("cursor", "")
    page = list_supplier_responses(request.params["supplier"], month=month, cursor=cursor)
    return Items(tuple(seen_response(response) for response in page.items), page.next)


def answer_by_api(request: Request) -> SeenResponse:
    """Answer a customer, once; repeating the same answer changes nothing."""
    params = request.params
    answered = answer_response(
        params["order"],
        params["response"],
        request.content.text,
        actor=request.caller.subject,
        fulfiller=f"supplier/{params['supplier']}",
        now=utc_now(),
    )
    return seen_response(answered)


def list_page(request: Request) -> Page:
    """The open questions, complaints and reviews, each with a form for its answer."""
    context = {
        "supplier": request.params["supplier"],
        "responses": list_by_api(request),
        "month": request.month(),
        "reasons": ABUSE_REASONS,
    }
    return Page("supply/responses.html", context)


def answer_by_form(request: Request) -> Redirect:
    """Answer and go back to what is still open."""
    answer_by_api(request)
    return Redirect(f"/supply/{request.params['supplier']}/responses")


def report_by_api(request: Request) -> Reported:
    """Report what a customer wrote, or the store's answer to it, to the union's operator; once a supplier."""
    params = request.params
    return report_received(
        params["order"],
        params["response"],
        request.content,
        party=f"supplier/{params['supplier']}",
        actor=request.caller.subject,
        key=request.idempotency_key,
        now=utc_now(),
    )


def report_by_form(request: Request) -> Redirect:
    """Report it and go back to what is still open."""
    report_by_api(request)
    return Redirect(f"/supply/{request.params['supplier']}/responses")
