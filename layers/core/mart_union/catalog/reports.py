"""What became of an upload's rows: the report that the import leaves in the bucket."""

from __future__ import annotations

import msgspec
from msgspec import Struct

from mart_union.catalog.files import Finding
from mart_union.catalog.model import Upload, error_file_key, report_key
from mart_union.catalog.uploads import get_upload
from mart_union.kernel.bucket import get_object, presign_download
from mart_union.kernel.errors import NotFound


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
