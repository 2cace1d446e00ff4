"""Where an upload's file is sent, and what became of its rows: the report that the import leaves in the bucket."""

from __future__ import annotations

import msgspec
from msgspec import Struct

from mart_union.catalog.files import Finding
from mart_union.catalog.upload_model import Upload, error_file_key, report_key
from mart_union.catalog.uploads import get_upload
from mart_union.kernel.bucket import LARGEST_UPLOAD, UploadForm, get_object, presign_download, presign_upload
from mart_union.kernel.errors import NotFound

FOLDERS = {"store": "uploads", "supplier": "supply", "carrier": "carriers"}
"""In which folder of the bucket the files of each kind of owner lie."""


class Announced(Struct, frozen=True):
    """Where to send the file: a multipart form of these fields, then the field `file`, of at most so many bytes."""

    upload: str
    url: str
    fields: dict[str, str]
    largest_bytes: int


def form_of(upload: Upload, *, back_to: str = "") -> UploadForm:
    """The form that sends an upload's file straight to the bucket, good for fifteen minutes; a browser goes `back_to` an address then."""
    kind, _, name = upload.owner.partition("/")
    return presign_upload(f"{FOLDERS[kind]}/{name}/{upload.id}.csv", back_to=back_to)


def announced(upload: Upload) -> Announced:
    """Where and how to send an upload's file."""
    form = form_of(upload)
    return Announced(upload.id, form.url, form.fields, LARGEST_UPLOAD)


class UploadReport(Struct, frozen=True):
    """An upload and what was found in it; the first thousand findings."""

    upload: Upload
    findings: tuple[Finding, ...]


class _Summary(Struct, frozen=True):
    findings: tuple[Finding, ...] = ()


def read_report(owner: str, upload: str) -> UploadReport:
    """An upload, how far it has come, and, once it has ended, what was found in it.

    Raises:
        NotFound: the owner (`store/<id>`, `supplier/<id>` or `carrier/<id>`) has no such upload.
    """
    found = get_upload(owner, upload)
    if found.state not in {"DONE", "FATAL"}:
        return UploadReport(found, ())
    try:
        text = get_object(report_key(owner, found.id))
    except NotFound:  # kept no longer
        return UploadReport(found, ())
    return UploadReport(found, msgspec.json.decode(text, type=_Summary).findings)


def refused_rows_address(owner: str, upload: str) -> str:
    """Where the refused rows lie as a file in the sender's own format, for some minutes.

    Raises:
        NotFound: the owner has no such upload.
    """
    found = get_upload(owner, upload)
    return presign_download(error_file_key(owner, found.id), f"{found.id}.errors.csv")
