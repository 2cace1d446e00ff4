"""From a file in the bucket to applied rows and a report, one chunk after the other, so that any crash loses at most a chunk's progress."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol, TypeVar

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from catalog_import.parcels import ParcelImport
from catalog_import.report import Report
from catalog_import.supply import OfferImport
from mart_union.catalog.files import BadRow, FileRefused, Finding, Row, Table, open_table
from mart_union.catalog.importing import ListingImport, Outcome
from mart_union.catalog.reports import FOLDERS
from mart_union.catalog.rows import RowRefused
from mart_union.catalog.service import claim_upload, finish_upload, rebuild_store, release_upload, save_progress
from mart_union.catalog.upload_model import Upload, refused_rows_key
from mart_union.kernel.bucket import get_object, open_object, put_object
from mart_union.kernel.clock import utc_now
from mart_union.kernel.errors import NotFound

CHUNK = 800
"""Rows between two notes of how far a file has come: parts of them, as many as there are threads, are read and written at once."""
_KEY = re.compile(r"^(uploads|supply|carriers)/([a-z0-9-]{1,32})/([\w.-]{1,80})\.(?:csv|tsv|txt)$", re.ASCII)
_Refused = tuple[tuple[str, ...], Finding]
"""A row as it was sent, and why it was refused."""
_OWNERS = {folder: owner for owner, folder in FOLDERS.items()}


class Import(Protocol):
    """How rows of one kind are read and applied."""

    @property
    def required(self) -> Sequence[str]: ...

    @property
    def known(self) -> Sequence[str]: ...

    def read(self, row: Row) -> Any: ...

    def apply(self, rows: Sequence[Any], upload: Upload, now: datetime) -> Outcome: ...


class _Chunk(Struct):
    """Some rows in their order: those that can be applied, those that are refused, how many were read, and the line at which they end."""

    rows: list[Any] = []
    bad: list[BadRow] = []
    read: int = 0
    line: int = 0


_T = TypeVar("_T")


def read_ahead(chunks: Iterable[_T]) -> Iterator[_T]:
    """The chunks in order, each of which is read and checked while whoever asks works on the one before."""
    coming = iter(chunks)
    with ThreadPoolExecutor(1) as reader:
        ahead = reader.submit(next, coming, None)
        while (chunk := ahead.result()) is not None:
            ahead = reader.submit(next, coming, None)
            yield chunk


def import_file(key: str, *, clock: Callable[[], datetime] = utc_now) -> Upload | None:
    """Work a file through and leave its report; None when there is nothing to do: not our kind of key, gone, or done before.

    Raises:
        Busy: someone else is at work on it.
    """
    match = _KEY.match(key)
    if match is None:
        return None
    owner = f"{_OWNERS[match[1]]}/{match[2]}"
    try:
        etag, pieces = open_object(key)
    except NotFound:
        return None
    upload = claim_upload(owner, match[3], etag, clock())
    if upload is None:
        return None
    with tempfile.TemporaryDirectory() as folder:
        run = _Run(upload, Path(folder) / "upload", clock)
        try:
            return run.work(pieces)
        except Exception:
            release_upload(run.upload)  # whoever is told of the file again need not wait for the claim to run out
            raise


class _Run:
    """One run over one file."""

    def __init__(self, upload: Upload, path: Path, clock: Callable[[], datetime]) -> None:
        self.upload = upload
        self._path, self._clock = path, clock
        self._reached = upload.line  # what an earlier run has worked through is done, and what it refused is kept
        self._seen: set[str] = set()

    def work(self, pieces: Iterable[bytes]) -> Upload:
        """Apply all rows, write the report, end the upload."""
        with self._path.open("wb") as file:
            file.writelines(pieces)
        with Report(self.upload) as report:
            try:
                rows = self._importer()
                table = open_table(self._path, rows.required, rows.known)
                report.begin(table)
                complete = self._apply(table, rows, report)
            except FileRefused as refused:
                report.add(refused.finding)
                return self._finish(report, "FATAL", refused.finding.message)
            kind, _, name = self.upload.owner.partition("/")
            if kind == "store" and (self.upload.applied or self.upload.runs > 1):
                rebuild_store(name)  # a run that was cut off may have applied what this one finds unchanged
            return self._finish(report, "DONE" if complete else "FATAL", "" if complete else "not all rows were read")

    def _importer(self) -> Import:
        kind, _, name = self.upload.owner.partition("/")
        try:
            if kind == "carrier":
                return ParcelImport(name, self._clock)
            return ListingImport(name) if kind == "store" else OfferImport(name)
        except NotFound as error:
            raise FileRefused(Finding(0, "unknown-owner", "error", error.detail)) from error

    def _apply(self, table: Table, rows: Import, report: Report) -> bool:
        """Work through the table in chunks; False when the file has more rows than are read."""
        self._tell_kept(report)
        for chunk in read_ahead(self._chunks(table, rows)):
            self._end_chunk(rows, chunk, report)
        return "too-many-rows" not in report.codes

    def _chunks(self, table: Table, rows: Import) -> Iterator[_Chunk]:
        """The rows after those that an earlier run has worked through, read and checked, in chunks."""
        chunk = _Chunk()
        for row in table.rows():
            line = row.line if isinstance(row, Row) else row.finding.line
            if line <= self._reached:
                self._seen.update(filter(None, [row.cells.get("id", "")] if isinstance(row, Row) else []))
                continue
            chunk.read, chunk.line = chunk.read + 1, line
            if isinstance(row, BadRow):
                chunk.bad.append(row)
            else:
                self._read(rows, row, chunk)
            if len(chunk.rows) >= CHUNK or len(chunk.bad) >= CHUNK:
                yield chunk
                chunk = _Chunk()
        if chunk.read:
            yield chunk

    def _tell_kept(self, report: Report) -> None:
        """Report what earlier runs have refused."""
        for line in self.upload.refused_at:
            kept = msgspec.json.decode(get_object(refused_rows_key(self.upload, line)), type=list[_Refused])
            for raw, finding in kept:
                report.add(finding, raw)

    def _read(self, rows: Import, row: Row, chunk: _Chunk) -> None:
        sku = row.cells.get("id", "")
        if sku and sku in self._seen:
            message = f"id: {sku} stands in the file before; the first row counts"
            chunk.bad.append(BadRow(Finding(row.line, "repeated-id", "error", message, "id"), row.raw))
            return
        self._seen.add(sku)
        try:
            chunk.rows.append(rows.read(row))
        except RowRefused as refused:
            chunk.bad.extend(BadRow(finding, row.raw) for finding in refused.findings)

    def _end_chunk(self, rows: Import, chunk: _Chunk, report: Report) -> None:
        """Apply a chunk, keep what of it was refused, and then the progress: whoever goes on after it finds both."""
        outcome = rows.apply(chunk.rows, self.upload, self._clock())
        refused: list[_Refused] = [
            *((each.raw, each.finding) for each in chunk.bad),
            *((row.raw, finding) for row, finding in outcome.refused),
        ]
        refused.sort(key=lambda each: each[1].line)
        for raw, finding in refused:
            report.add(finding, raw)
        if refused:
            text = msgspec.json.encode(refused).decode()
            put_object(refused_rows_key(self.upload, chunk.line), text, "application/json")
        self._keep(outcome, chunk.read, refused, chunk.line)

    def _keep(self, outcome: Outcome, read: int, refused: list[_Refused], line: int) -> None:
        before = self.upload
        after = replace(
            before,
            read=before.read + read,
            applied=before.applied + outcome.applied,
            unchanged=before.unchanged + outcome.unchanged,
            refused=before.refused + len({finding.line for _, finding in refused}),
            refused_at=(*before.refused_at, *((line,) if refused else ())),
            line=line,
        )
        self.upload = save_progress(after, self._clock())

    def _finish(self, report: Report, state: str, problem: str) -> Upload:
        """The report comes before the end: an upload that has ended has one."""
        report.keep(replace(self.upload, state=state))
        return finish_upload(self.upload, state, problem, self._clock())
