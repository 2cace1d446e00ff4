"""A supplier's uploads: a form to send a list of offers to the bucket, and what became of its rows."""

from __future__ import annotations

from msgspec import Struct

from mart_union.catalog.reports import (
    Announced,
    UploadReport,
    announced,
    form_of,
    read_report,
    refused_rows_address,
)
from mart_union.catalog.service import announce_upload, list_uploads
from mart_union.catalog.upload_model import Upload
from mart_union.kernel.bucket import UploadForm
from mart_union.kernel.clock import utc_now
from mart_union.kernel.paging import Page as Items
from mart_union.web.access import SUPPLIER
from mart_union.web.answer import Page, Redirect
from mart_union.web.api import Api
from mart_union.web.request import Request


class UploadAnnouncement(Struct, frozen=True):
    """What the file is called where it comes from; only people read it."""

    file_name: str = ""


def add_routes(api: Api) -> None:
    """Declare the routes of uploads."""
    uploads = "/supply/{supplier}/uploads"
    api.post(f"/api{uploads}", SUPPLIER, body=UploadAnnouncement, answer=Announced, status=201, key=True)(announce)
    api.get(f"/api{uploads}", SUPPLIER, answer=Items[Upload])(list_by_api)
    api.get(f"/api{uploads}/{{upload}}", SUPPLIER, answer=UploadReport)(show_by_api)
    api.get(uploads, SUPPLIER)(list_page)
    api.post(uploads, SUPPLIER, key=True)(announce_by_form)
    api.get(f"{uploads}/{{upload}}", SUPPLIER)(show_page)
    api.get(f"{uploads}/{{upload}}/errors", SUPPLIER)(send_errors)


def announce(request: Request) -> Announced:
    """Announce a list of offers; the answer is where to send it."""
    return announced(_announce(request))


def _announce(request: Request) -> Upload:
    supplier = request.params["supplier"]
    return announce_upload(f"supplier/{supplier}", request.caller.subject, request.idempotency_key, utc_now())


def list_by_api(request: Request) -> Items[Upload]:
    """The supplier's uploads, newest first."""
    return list_uploads(f"supplier/{request.params['supplier']}", request.query.get("cursor", ""))


def show_by_api(request: Request) -> UploadReport:
    """An upload, how far it has come, and, once it has ended, what was found in it."""
    return read_report(f"supplier/{request.params['supplier']}", request.params["upload"])


def list_page(request: Request) -> Page:
    """The supplier's uploads."""
    return Page("supply/uploads.html", {"supplier": request.params["supplier"], "uploads": list_by_api(request)})


def announce_by_form(request: Request) -> Redirect:
    """Announce a list and go to the page from which it is sent."""
    return Redirect(f"/supply/{request.params['supplier']}/uploads/{_announce(request).id}")


def show_page(request: Request) -> Page:
    """The form that sends the file while it is awaited; then how far it is, then the report."""
    report = show_by_api(request)
    form: UploadForm | None = None
    if report.upload.state == "IN_QUEUE":
        form = form_of(report.upload, back_to=f"{request.address}{request.path}")
    context = {"upload": report.upload, "findings": report.findings, "form": form}
    return Page("supply/upload.html", {"supplier": request.params["supplier"], **context})


def send_errors(request: Request) -> Redirect:
    """The refused rows as a file in the sender's own format, straight from the bucket."""
    return Redirect(refused_rows_address(f"supplier/{request.params['supplier']}", request.params["upload"]))
