"""Reading uploaded tables: which encoding, which separator, which columns; then row by row, with what is wrong named by line.

Files are RFC 4180 CSV, or the same with tabs; UTF-8, or UTF-16 with a byte order mark (as spreadsheets save "Unicode text").
"""

from __future__ import annotations

import codecs
import csv
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO

from msgspec import Struct

MOST_ROWS = 100_000
_PIECE = 1 << 20
_MARKS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))


class Finding(Struct, frozen=True):
    """What was found at a line: an `error` keeps its row out, a `warning` does not. Line 0 is the file as a whole."""

    line: int
    code: str
    severity: str
    message: str
    field: str = ""


class FileRefused(Exception):
    """The file cannot be read as a table; none of its rows was applied."""

    def __init__(self, finding: Finding) -> None:
        super().__init__(finding.message)
        self.finding = finding


class Row(Struct, frozen=True):
    """A row as it was sent: the line on which it begins, and its cells by column."""

    line: int
    cells: dict[str, str]
    raw: tuple[str, ...]


class BadRow(Struct, frozen=True):
    """A row that is no row of the table."""

    finding: Finding
    raw: tuple[str, ...] = ()


class Table(Struct, frozen=True):
    """An uploaded table: how to read it, and what is odd about its columns."""

    path: Path
    encoding: str
    separator: str
    columns: tuple[str, ...]
    warnings: tuple[Finding, ...]

    def rows(self) -> Iterator[Row | BadRow]:
        """The rows in order; memory holds one at a time. Empty lines are passed over."""
        with self.path.open(encoding=self.encoding, newline="") as file:
            reader = csv.reader(file, delimiter=self.separator, strict=True)
            next(reader)
            for number in range(MOST_ROWS + 1):
                line = reader.line_num + 1
                try:
                    cells = next(reader, None)
                except csv.Error as error:
                    yield BadRow(Finding(line, "malformed-row", "error", f"this row is not well-formed CSV: {error}"))
                    continue
                if cells is None:
                    return
                if number == MOST_ROWS:
                    message = f"a file has at most {MOST_ROWS} rows; this one and those after it were not read"
                    yield BadRow(Finding(line, "too-many-rows", "error", message), tuple(cells))
                    return
                if any(cell.strip() for cell in cells):
                    yield self._row(line, cells)

    def _row(self, line: int, cells: list[str]) -> Row | BadRow:
        if any(cell.strip() for cell in cells[len(self.columns) :]):
            message = f"the row has {len(cells)} cells, the table {len(self.columns)} columns"
            return BadRow(Finding(line, "extra-cells", "error", message), tuple(cells))
        padded = [cell.strip() for cell in cells] + [""] * (len(self.columns) - len(cells))
        return Row(line, dict(zip(self.columns, padded, strict=False)), tuple(cells))


def open_table(path: Path, required: Sequence[str], known: Sequence[str]) -> Table:
    """A file as a table with certain columns. Columns in another order are fine, unknown ones get a warning.

    Raises:
        FileRefused: another encoding, no header, a column missing or named twice.
    """
    encoding = _encoding(path)
    separator, header = _header(path, encoding)
    columns = tuple(re.sub(r"\s+", "_", name.strip().casefold()) for name in header)
    named = [name for name in columns if name]
    twice = sorted({name for name in named if named.count(name) > 1})
    if twice:
        raise FileRefused(
            Finding(1, "repeated-column", "error", f"these columns stand there twice: {', '.join(twice)}", twice[0])
        )
    missing = [name for name in required if name not in columns]
    if missing:
        message = f"these columns are missing: {', '.join(missing)}"
        raise FileRefused(Finding(1, "missing-columns", "error", message, missing[0]))
    ignored = [name for name in named if name not in known]
    warnings = tuple(
        Finding(1, "unknown-column", "warning", f"the column '{name}' is not read", name) for name in ignored
    )
    return Table(path, encoding, separator, columns, warnings)


def _encoding(path: Path) -> str:
    """The encoding, by its mark; without one the whole file must be UTF-8."""
    with path.open("rb") as file:
        start = file.read(4)
        encoding = next((name for mark, name in _MARKS if start.startswith(mark)), "utf-8")
        file.seek(0)
        _check_encoding(file, encoding)
    return encoding


def _check_encoding(file: IO[bytes], encoding: str) -> None:
    decoder, line = codecs.getincrementaldecoder(encoding)(), 1
    while True:
        piece = file.read(_PIECE)
        try:
            text = decoder.decode(piece, final=not piece)
        except UnicodeDecodeError as error:
            line += error.object[: error.start].count(b"\n")
            message = f"line {line} is not {encoding.upper().removesuffix('-SIG')}: save the file as 'CSV UTF-8'"
            raise FileRefused(Finding(line, "wrong-encoding", "error", message)) from error
        if "\0" in text:
            line += text[: text.index("\0")].count("\n")
            raise FileRefused(
                Finding(line, "wrong-encoding", "error", f"line {line} is not text: save the file as 'CSV UTF-8'")
            )
        line += text.count("\n")
        if not piece:
            return


def _header(path: Path, encoding: str) -> tuple[str, list[str]]:
    with path.open(encoding=encoding, newline="") as file:
        first = file.readline(_PIECE)
    if not first.strip():
        raise FileRefused(Finding(1, "no-header", "error", "the first line must name the columns"))
    separator = "\t" if first.count("\t") > first.count(",") else ","
    return separator, next(csv.reader([first], delimiter=separator))
