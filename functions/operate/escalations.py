"""How stores serve their customers: what waited too long and was escalated to the union's operator, and each store's indicators."""

from __future__ import annotations

from msgspec import Struct

from mart_union.catalog.service import get_store
from mart_union.kernel.clock import utc_now
from mart_union.kernel.paging import Page
from mart_union.orders.escalations import Escalated, list_escalated
from mart_union.orders.measuring import Indicators, read_indicators
from mart_union.orders.model import OPERATOR as THE_UNION
from mart_union.orders.responses import answer_response
from mart_union.orders.seen import SeenResponse, seen_response
from mart_union.web import answer
from mart_union.web.access import OPERATOR
from mart_union.web.api import Api
from mart_union.web.request import Request
from operate.days import month_of


class OperatorAnswer(Struct, frozen=True):
    """The union's answer to a customer whom nobody else answered in time."""

    text: str


def add_routes(api: Api) -> None:
    """Declare the routes."""
    api.get("/api/operate/escalations", OPERATOR, answer=Page[Escalated])(read_escalations)
    api.get("/operate/escalations", OPERATOR)(escalations_page)
    answer_path = "/operate/responses/{order}/{response}/answer"
    api.post(f"/api{answer_path}", OPERATOR, body=OperatorAnswer, answer=SeenResponse)(answer_customer)
    api.post(answer_path, OPERATOR, body=OperatorAnswer)(answer_here)
    api.get("/api/operate/stores/{store}/indicators", OPERATOR, answer=Indicators)(show_indicators)


def read_escalations(request: Request) -> Page[Escalated]:
    """The orders and responses that were escalated in a `month` (yyyy-mm; this one when none is named), newest first, as they stand now."""
    return list_escalated(month_of(request), cursor=request.query.get("cursor", ""))


def escalations_page(request: Request) -> answer.Page:
    """The same as a page."""
    context = {"page": read_escalations(request), "month": month_of(request)}
    return answer.Page("operate/escalations.html", context)


def show_indicators(request: Request) -> Indicators:
    """Times of acceptance and reply, and the rates of late shipment, refusal and valid tracking, of what a store fulfils and answers itself."""
    return read_indicators(get_store(request.params["store"]).id, utc_now())


def answer_customer(request: Request) -> SeenResponse:
    """Answer what was escalated, once; repeating the same answer changes nothing."""
    order, response, text = request.params["order"], request.params["response"], request.content.text
    actor = request.caller.subject
    return seen_response(answer_response(order, response, text, actor=actor, fulfiller=THE_UNION, now=utc_now()))


def answer_here(request: Request) -> answer.Redirect:
    """Answer and go back to what was escalated."""
    answer_customer(request)
    return answer.Redirect("/operate/escalations")
