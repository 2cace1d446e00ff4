"""What customers say to a store, or about a supplier's lines: answered, or reported to the union's operator. The same for both sides."""

from __future__ import annotations

from typing import Protocol

from msgspec import Struct

from mart_union.catalog.rating_model import ABUSE_REASONS
from mart_union.kernel.clock import utc_now
from mart_union.kernel.paging import Page as Items
from mart_union.orders.model import Response
from mart_union.orders.reporting import Reported, ReportWish, report_received
from mart_union.orders.responses import answer_response
from mart_union.orders.seen import SeenResponse, seen_response
from mart_union.parties.places import party_of, place_of
from mart_union.web.access import Access
from mart_union.web.answer import Page, Redirect
from mart_union.web.api import Api
from mart_union.web.request import Request


class ResponseAnswer(Struct, frozen=True):
    """The answer to a customer."""

    text: str


class Listing(Protocol):
    """Lists a party's responses: what waits for an answer, or what was answered of a `month`."""

    def __call__(self, party: str, /, *, month: str, cursor: str) -> Items[Response]: ...


class ResponseRoutes:
    """The routes and pages of one side: `kind` is store or supplier, `listing` lists what was said to one of an id."""

    def __init__(self, kind: str, listing: Listing) -> None:
        self.kind, self.listing = kind, listing

    def add(self, api: Api, place: str, writer: Access, reader: Access) -> None:
        """Declare the routes of a party's place, such as /manage/{store}; who reads need not be who answers."""
        everything = f"{place}/responses"
        answer = f"{everything}/{{order}}/{{response}}/answer"
        reports = f"{everything}/{{order}}/{{response}}/reports"
        api.get(f"/api{everything}", reader, answer=Items[SeenResponse])(self.list_all)
        api.post(f"/api{answer}", writer, body=ResponseAnswer, answer=SeenResponse)(self.answer)
        api.post(f"/api{reports}", writer, body=ReportWish, answer=Reported, status=201, key=True)(self.report)
        api.get(everything, reader)(self.show_all)
        api.post(answer, writer, body=ResponseAnswer)(self.answer_by_form)
        api.post(reports, writer, body=ReportWish, key=True)(self.report_by_form)

    def list_all(self, request: Request) -> Items[SeenResponse]:
        """What customers wait to hear, oldest first; with a `month` (2026-11), what was answered of that month."""
        cursor = request.query.get("cursor", "")
        page = self.listing(request.params[self.kind], month=request.month(), cursor=cursor)
        return Items(tuple(seen_response(response) for response in page.items), page.next)

    def answer(self, request: Request) -> SeenResponse:
        """Answer a customer, once; repeating the same answer changes nothing."""
        answered = answer_response(
            request.params["order"],
            request.params["response"],
            request.content.text,
            actor=request.caller.subject,
            fulfiller=party_of(request, self.kind),
            now=utc_now(),
        )
        return seen_response(answered)

    def report(self, request: Request) -> Reported:
        """Report what a customer wrote, or the other side's answer to it, to the union's operator; once a party."""
        return report_received(
            request.params["order"],
            request.params["response"],
            request.content,
            party=party_of(request, self.kind),
            actor=request.caller.subject,
            key=request.idempotency_key,
            now=utc_now(),
        )

    def show_all(self, request: Request) -> Page:
        """The open questions, complaints and reviews, each with a form for its answer."""
        context = {
            "kind": self.kind,
            "party": request.params[self.kind],
            "place": place_of(request, self.kind),
            "page": self.list_all(request),
            "month": request.month(),
            "reasons": ABUSE_REASONS,
        }
        return Page("parties/responses.html", context)

    def answer_by_form(self, request: Request) -> Redirect:
        """Answer and go back to what is still open."""
        self.answer(request)
        return self._back(request)

    def report_by_form(self, request: Request) -> Redirect:
        """Report it and go back to what is still open."""
        self.report(request)
        return self._back(request)

    def _back(self, request: Request) -> Redirect:
        return Redirect(f"{place_of(request, self.kind)}/responses")
