"""The report of an upload: a summary as JSON, and the refused rows in the sender's own format with line, code and reason."""

from __future__ import annotations

import csv
import io
import tempfile
from typing import Any

import msgspec

from mart_union.catalog.files import Finding, Table
from mart_union.catalog.upload_model import Upload, error_file_key, report_key
from mart_union.kernel.bucket import put_file, put_object

_MOST_FINDINGS = 1000  # in the summary; the file of refused rows has all
_IN_MEMORY = 1 << 20


class Report:
    """Collects findings; the rows go to a file at once, so that memory holds few."""

    def __init__(self, upload: Upload) -> None:
        self._upload = upload
        self._findings: list[Finding] = []
        self._file = tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY)  # noqa: SIM115 - closed by __exit__
        self._text = io.TextIOWrapper(self._file, "utf-8-sig", newline="", write_through=True)
        self._writer: Any = csv.writer(self._text)
        self.codes: set[str] = set()

    def __enter__(self) -> Report:
        return self

    def __exit__(self, *_: object) -> None:
        self._text.close()

    def begin(self, table: Table) -> None:
        """Take over the sender's columns and separator."""
        self._writer = csv.writer(self._text, delimiter=table.separator)
        self._writer.writerow([*table.columns, "line", "code", "message"])
        for warning in table.warnings:
            self.add(warning)

    def add(self, finding: Finding, raw: tuple[str, ...] = ()) -> None:
        """Note a finding, and the row that it is about."""
        self.codes.add(finding.code)
        if len(self._findings) < _MOST_FINDINGS:
            self._findings.append(finding)
        if finding.severity == "error":
            self._writer.writerow([*raw, finding.line, finding.code, finding.message])

    def keep(self, upload: Upload) -> None:
        """Put both files into the bucket; the same again changes nothing."""
        counts = {name: getattr(upload, name) for name in ("state", "read", "applied", "unchanged", "refused")}
        summary = {"upload": upload.id, "owner": upload.owner, **counts, "findings": self._findings}
        put_object(report_key(upload.owner, upload.id), msgspec.json.encode(summary).decode(), "application/json")
        self._text.flush()
        self._file.seek(0)
        put_file(error_file_key(upload.owner, upload.id), self._file, "text/csv")
