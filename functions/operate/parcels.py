"""News of carriers' parcels by file: a form that sends a carrier's list straight to the bucket, and what became of its rows."""

from __future__ import annotations

from mart_union.catalog.carriers import Carrier
from mart_union.catalog.reports import Announced, UploadReport, announced, form_of, read_report, refused_rows_address
from mart_union.catalog.service import announce_upload, get_union, list_uploads
from mart_union.catalog.upload_model import Upload
from mart_union.kernel.bucket import UploadForm
from mart_union.kernel.clock import utc_now
from mart_union.kernel.errors import NotFound
from mart_union.kernel.paging import Page as Items
from mart_union.orders.parcels import OPTIONAL_COLUMNS, REQUIRED_COLUMNS
from mart_union.orders.tracking import TRACKING_EVENTS
from mart_union.web.access import OPERATOR
from mart_union.web.answer import Page, Redirect
from mart_union.web.api import Api
from mart_union.web.request import Request


def add_routes(api: Api) -> None:
    """Declare the routes and pages."""
    uploads = "/operate/union/carriers/{carrier}/uploads"
    one = uploads + "/{upload}"
    api.post(f"/api{uploads}", OPERATOR, answer=Announced, status=201, key=True)(announce_list)
    api.get(f"/api{uploads}", OPERATOR, answer=Items[Upload])(read_lists)
    api.get(f"/api{one}", OPERATOR, answer=UploadReport)(read_list)
    api.get(uploads, OPERATOR)(show_lists)
    api.post(uploads, OPERATOR, key=True)(announce_by_form)
    api.get(one, OPERATOR)(show_list)
    api.get(f"{one}/errors", OPERATOR)(send_refused)


def announce_list(request: Request) -> Announced:
    """Announce a list of a carrier's news; the answer says where and how to send it. The form is good for fifteen minutes."""
    return announced(_announce(request))


def _announce(request: Request) -> Upload:
    carrier = _carrier(request)
    return announce_upload(f"carrier/{carrier.id}", request.caller.subject, request.idempotency_key, utc_now())


def _carrier(request: Request) -> Carrier:
    carrier = get_union().carrier(request.params["carrier"])
    if carrier is None:
        raise NotFound("the union has no such carrier")
    return carrier


def _owner(request: Request) -> str:
    return f"carrier/{request.params['carrier']}"


def read_lists(request: Request) -> Items[Upload]:
    """The lists that were sent for a carrier, newest first."""
    return list_uploads(_owner(request), request.query.get("cursor", ""))


def read_list(request: Request) -> UploadReport:
    """A list, how far it has come, and, once it has ended, what was found in it."""
    return read_report(_owner(request), request.params["upload"])


def show_lists(request: Request) -> Page:
    """The lists, and what one has to look like."""
    context = {"page": read_lists(request), "columns": (REQUIRED_COLUMNS, OPTIONAL_COLUMNS), "events": TRACKING_EVENTS}
    return Page("operate/parcels.html", {"carrier": _carrier(request), **context})


def announce_by_form(request: Request) -> Redirect:
    """Announce a list and go to the page from which it is sent."""
    upload = _announce(request)
    return Redirect(f"/operate/union/carriers/{request.params['carrier']}/uploads/{upload.id}")


def show_list(request: Request) -> Page:
    """The form that sends the file while it is awaited; then how far it is, then the report."""
    report = read_list(request)
    form: UploadForm | None = None
    if report.upload.state == "IN_QUEUE":
        form = form_of(report.upload, back_to=f"{request.address}{request.path}")
    context = {"upload": report.upload, "findings": report.findings, "form": form}
    return Page("operate/parcels_one.html", {"carrier": request.params["carrier"], **context})


def send_refused(request: Request) -> Redirect:
    """The refused rows as a file in the sender's own format, straight from the bucket."""
    return Redirect(refused_rows_address(_owner(request), request.params["upload"]))
