"""Uploaded tables and their rows: every error has its line, its code and its field."""

from __future__ import annotations

from pathlib import Path

import pytest

from mart_union.catalog.files import BadRow, FileRefused, Row, open_table
from mart_union.catalog.model import Category
from mart_union.catalog.rows import REQUIRED, ListingRow, RowRefused, known_columns, read_listing
from mart_union.kernel.money import Currency

LANGUAGES = ("zh-TW", "en")
CURRENCY = Currency("TWD", 100)
HEADER = "id,title,description,title_en,description_en,product_type,union_category,kind,price,quantity,low_stock,brand,gtin,item_group_id,option,glyph"
SAMPLES = Path(__file__).parents[2] / "infra" / "local" / "sample" / "hsinchu"


def table(tmp_path: Path, content: bytes) -> list[Row | BadRow]:
    path = tmp_path / "upload.csv"
    path.write_bytes(content)
    return list(open_table(path, REQUIRED, known_columns(LANGUAGES)).rows())


def refused(tmp_path: Path, content: bytes) -> tuple[int, str]:
    with pytest.raises(FileRefused) as error:
        table(tmp_path, content)
    return error.value.finding.line, error.value.finding.code


def read(**cells: str) -> ListingRow:
    good = {
        "id": "CUP-1",
        "title": "海浪水杯",
        "title_en": "Sea Wave Tumbler",
        "product_type": "Tableware > Cups",
        "union_category": "glass",
        "price": "680 TWD",
        "quantity": "14",
    }
    return read_listing(Row(7, good | cells, ()), "wind-city-glass", {"glass"}, LANGUAGES, CURRENCY)


def codes(**cells: str) -> list[tuple[str, str]]:
    with pytest.raises(RowRefused) as error:
        read(**cells)
    assert {finding.line for finding in error.value.findings} == {7}
    return [(finding.code, finding.field) for finding in error.value.findings]


def test_a_row_becomes_a_listing() -> None:
    made = read(low_stock="2", gtin="2100200001031", option="color=sea-blue; size=L", kind="service")
    listing = made.listing
    assert (listing.titles, listing.price_minor, made.quantity) == (
        {"zh-TW": "海浪水杯", "en": "Sea Wave Tumbler"},
        68000,
        14,
    )
    assert (listing.category, listing.level) == ("tableware.cups", "listing/wind-city-glass/CUP-1")
    assert (listing.options, listing.low_stock, listing.kind) == ({"color": "sea-blue", "size": "L"}, 2, "service")
    assert made.path == (
        Category("tableware", {"zh-TW": "Tableware"}),
        Category("tableware.cups", {"zh-TW": "Cups"}, "tableware"),
    )


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        ({"id": "cup 1"}, [("bad-id", "id")]),
        ({"id": ""}, [("missing-value", "id")]),
        ({"title": ""}, [("missing-value", "title")]),
        ({"title": "x" * 151}, [("too-long", "title")]),
        ({"price": "680"}, [("bad-price", "price")]),
        ({"price": "680 USD"}, [("bad-price", "price")]),
        ({"price": "680.50 TWD"}, [("bad-price", "price")]),
        ({"price": "-5 TWD"}, [("bad-price", "price")]),
        ({"price": "0 TWD"}, [("bad-price", "price")]),
        ({"quantity": "-1"}, [("bad-quantity", "quantity")]),
        ({"quantity": "1.5"}, [("bad-quantity", "quantity")]),
        ({"quantity": "٣"}, [("bad-quantity", "quantity")]),
        ({"quantity": ""}, [("missing-value", "quantity")]),
        ({"low_stock": "few"}, [("bad-number", "low_stock")]),
        ({"union_category": "spaceships"}, [("unknown-category", "union_category")]),
        ({"product_type": "A > > B"}, [("bad-category", "product_type")]),
        ({"kind": "gift"}, [("bad-kind", "kind")]),
        ({"gtin": "2100200001032"}, [("bad-gtin", "gtin")]),
        ({"gtin": "123"}, [("bad-gtin", "gtin")]),
        ({"option": "clear"}, [("bad-option", "option")]),
        ({"price": "x", "quantity": "y"}, [("bad-price", "price"), ("bad-quantity", "quantity")]),
    ],
)
def test_what_is_wrong_with_a_row_is_named(cells: dict[str, str], expected: list[tuple[str, str]]) -> None:
    assert codes(**cells) == expected


def test_a_name_without_latin_letters_gets_a_fixed_id() -> None:
    first, again = (
        read(product_type="茶葉 > 東方美人").listing.category,
        read(product_type="茶葉>東方美人").listing.category,
    )
    assert first == again
    assert first.isascii()


def test_rows_carry_the_line_on_which_they_begin(tmp_path: Path) -> None:
    content = f'{HEADER}\r\nA-1,"two\r\nlines"\r\n\r\nA-2,one\r\n'.encode()
    assert [(row.line, row.cells["id"]) for row in table(tmp_path, content) if isinstance(row, Row)] == [
        (2, "A-1"),
        (5, "A-2"),
    ]


def test_byte_order_marks_and_tabs_are_understood(tmp_path: Path) -> None:
    lines = f"{HEADER}\nA-1,杯"
    for content in (
        lines.encode("utf-8-sig"),
        lines.replace(",", "\t").encode(),
        lines.replace(",", "\t").encode("utf-16"),
    ):
        (row,) = table(tmp_path, content)
        assert isinstance(row, Row)
        assert (row.cells["id"], row.cells["title"]) == ("A-1", "杯")


def test_columns_may_come_in_another_order_and_case(tmp_path: Path) -> None:
    (row,) = table(tmp_path, b"Quantity,PRICE,union category,Product Type,Title,ID\n3,5 TWD,glass,Cups,Cup,A-1")
    assert isinstance(row, Row)
    assert (row.cells["id"], row.cells["quantity"], row.cells["union_category"]) == ("A-1", "3", "glass")


def test_files_that_are_no_tables_are_refused_with_the_line(tmp_path: Path) -> None:
    assert refused(tmp_path, HEADER.encode() + b"\nA-1,\xa6\xec") == (2, "wrong-encoding")
    assert refused(tmp_path, f"{HEADER}\nA-1,x".encode("utf-16-le")) == (1, "wrong-encoding")
    assert refused(tmp_path, b"") == (1, "no-header")
    assert refused(tmp_path, b"id,title,price\n") == (1, "missing-columns")
    assert refused(tmp_path, (HEADER + ",id").encode()) == (1, "repeated-column")


def test_a_malformed_row_does_not_hide_the_rows_after_it(tmp_path: Path) -> None:
    rows = table(tmp_path, f'{HEADER}\nA-1,"x"y\nA-2,z\n{"," * 16}extra\n'.encode())
    assert [row.finding.code if isinstance(row, BadRow) else row.cells["id"] for row in rows] == [
        "malformed-row",
        "A-2",
        "extra-cells",
    ]


def test_an_unclosed_quotation_is_reported_where_it_begins(tmp_path: Path) -> None:
    (row,) = table(tmp_path, f'{HEADER}\nA-1,"never closed\nA-2,x\n'.encode())
    assert isinstance(row, BadRow)
    assert (row.finding.line, row.finding.code) == (2, "malformed-row")


def test_unknown_columns_get_a_warning(tmp_path: Path) -> None:
    path = tmp_path / "upload.csv"
    path.write_text(HEADER + ",colour\n")
    warnings = open_table(path, REQUIRED, known_columns(LANGUAGES)).warnings
    assert [(warning.code, warning.severity, warning.field) for warning in warnings] == [
        ("unknown-column", "warning", "colour")
    ]


@pytest.mark.parametrize("path", sorted((SAMPLES / "listings").glob("*.csv")), ids=lambda path: path.stem)
def test_every_row_of_the_sample_is_a_listing(path: Path) -> None:
    from json import loads

    categories = {each["category"] for each in loads((SAMPLES / "categories.json").read_text())}
    table = open_table(path, REQUIRED, known_columns(LANGUAGES))
    rows = [
        read_listing(row, path.stem, categories, LANGUAGES, CURRENCY) for row in table.rows() if isinstance(row, Row)
    ]
    assert len(rows) == len({row.listing.sku for row in rows}) > 5
    assert table.warnings == ()
