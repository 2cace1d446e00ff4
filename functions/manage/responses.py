"""What customers say to a store, and its answers."""

from __future__ import annotations

from msgspec import Struct

from mart_union.catalog.rating_model import ABUSE_REASONS
from mart_union.kernel.clock import utc_now
from mart_union.kernel.paging import Page
from mart_union.orders.reporting import Reported, ReportWish, report_received
from mart_union.orders.responses import answer_response, list_open_responses
from mart_union.orders.seen import SeenResponse, seen_response
from mart_union.web import answer
from mart_union.web.access import MANAGER, PACKER
from mart_union.web.api import Api
from mart_union.web.request import Request


class ResponseAnswer(Struct, frozen=True):
    """The store's answer to a customer."""

    text: str


def add_routes(api: Api) -> None:
    """Declare the routes and pages."""
    one = "/manage/{store}/responses/{order}/{response}/answer"
    api.get("/api/manage/{store}/responses", PACKER, answer=Page[SeenResponse])(read_responses)
    api.post("/api" + one, MANAGER, body=ResponseAnswer, answer=SeenResponse)(answer_customer)
    api.get("/manage/{store}/responses", PACKER)(responses_page)
    api.post(one, MANAGER, body=ResponseAnswer)(answer_here)
    reports = "/manage/{store}/responses/{order}/{response}/reports"
    api.post("/api" + reports, MANAGER, body=ReportWish, answer=Reported, status=201, key=True)(report)
    api.post(reports, MANAGER, body=ReportWish, key=True)(report_here)


def read_responses(request: Request) -> Page[SeenResponse]:
    """What customers wait to hear, oldest first; with a `month` (2026-11), what was answered of that month."""
    month, cursor = request.month(), request.query.get("cursor", "")
    page = list_open_responses(request.params["store"], month=month, cursor=cursor)
    return Page(tuple(seen_response(response) for response in page.items), page.next)


def answer_customer(request: Request) -> SeenResponse:
    """Answer a customer, once; repeating the same answer changes nothing."""
    params = request.params
    text: str = request.content.text
    answered = answer_response(
        params["order"],
        params["response"],
        text,
        actor=request.caller.subject,
        fulfiller=f"store/{params['store']}",
        now=utc_now(),
    )
    return seen_response(answered)


def responses_page(request: Request) -> answer.Page:
    """The open questions, complaints and reviews, each with a form for its answer."""
    context = {
        "store": request.params["store"],
        "page": read_responses(request),
        "month": request.month(),
        "reasons": ABUSE_REASONS,
    }
    return answer.Page("manage/responses.html", context)


def answer_here(request: Request) -> answer.Redirect:
    """Answer and go back to what is still open."""
    answer_customer(request)
    return answer.Redirect(f"/manage/{request.params['store']}/responses")


def report(request: Request) -> Reported:
    """Report what a customer wrote, or a supplier's answer to it, to the union's operator; once a store."""
    params = request.params
    return report_received(
        params["order"],
        params["response"],
        request.content,
        party=f"store/{params['store']}",
        actor=request.caller.subject,
        key=request.idempotency_key,
        now=utc_now(),
    )


def report_here(request: Request) -> answer.Redirect:
    """Report it and go back to what is still open."""
    report(request)
    return answer.Redirect(f"/manage/{request.params['store']}/responses")
