"""A store's uploads: a form that sends a catalog straight to the bucket, and what became of its rows."""

from __future__ import annotations

from mart_union.catalog.reports import Announced, UploadReport, announced, form_of, read_report, refused_rows_address
from mart_union.catalog.rows import REQUIRED, known_columns
from mart_union.catalog.service import announce_upload, list_uploads
from mart_union.catalog.upload_model import Upload
from mart_union.kernel.bucket import UploadForm
from mart_union.kernel.clock import utc_now
from mart_union.kernel.paging import Page as Items
from mart_union.kernel.settings import settings
from mart_union.web.access import MANAGER
from mart_union.web.answer import Page, Redirect
from mart_union.web.api import Api
from mart_union.web.request import Request


def add_routes(api: Api) -> None:
    """Declare the routes and pages."""
    uploads = "/manage/{store}/uploads"
    one = uploads + "/{upload}"
    api.post(f"/api{uploads}", MANAGER, answer=Announced, status=201, key=True)(announce_by_api)
    api.get(f"/api{uploads}", MANAGER, answer=Items[Upload])(list_by_api)
    api.get(f"/api{one}", MANAGER, answer=UploadReport)(show_by_api)
    api.get(uploads, MANAGER)(list_page)
    api.post(uploads, MANAGER, key=True)(announce_by_form)
    api.get(one, MANAGER)(show_page)
    api.get(f"{one}/errors", MANAGER)(send_errors)


def announce_by_api(request: Request) -> Announced:
    """Announce a catalog; the answer says where and how to send it. The form is good for fifteen minutes."""
    return announced(_announce(request))


def _announce(request: Request) -> Upload:
    store = request.params["store"]
    return announce_upload(f"store/{store}", request.caller.subject, request.idempotency_key, utc_now())


def list_by_api(request: Request) -> Items[Upload]:
    """The store's uploads, newest first."""
    return list_uploads(f"store/{request.params['store']}", request.query.get("cursor", ""))


def show_by_api(request: Request) -> UploadReport:
    """An upload, how far it has come, and, once it has ended, what was found in it."""
    return read_report(f"store/{request.params['store']}", request.params["upload"])


def list_page(request: Request) -> Page:
    """The uploads, and what a catalog has to look like."""
    columns = (REQUIRED, known_columns(settings().languages)[len(REQUIRED) :])
    return Page(
        "manage/uploads.html", {"store": request.params["store"], "page": list_by_api(request), "columns": columns}
    )


def announce_by_form(request: Request) -> Redirect:
    """Announce a catalog and go to the page from which it is sent."""
    return Redirect(f"/manage/{request.params['store']}/uploads/{_announce(request).id}")


def show_page(request: Request) -> Page:
    """The form that sends the file while it is awaited; then how far it is, then the report."""
    report = show_by_api(request)
    form: UploadForm | None = None
    if report.upload.state == "IN_QUEUE":
        form = form_of(report.upload, back_to=_address(request))
    context = {"store": request.params["store"], "upload": report.upload, "findings": report.findings, "form": form}
    return Page("manage/uploads_one.html", context)


def _address(request: Request) -> str:
    """This page's absolute address, under the name by which the browser knows the union."""
    protocol = request.headers.get("x-forwarded-proto", "https")
    return f"{protocol}://{request.headers.get('host', '')}{request.base}{request.path}"


def send_errors(request: Request) -> Redirect:
    """The refused rows as a file in the sender's own format, straight from the bucket."""
    return Redirect(refused_rows_address(f"store/{request.params['store']}", request.params["upload"]))
