"""Rows of uploaded tables as listings: every cell is checked, and all that is wrong with a row is named at once."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from typing import Any, TypeVar

from msgspec import Struct
from msgspec.structs import replace

from mart_union.catalog.bundles import read_parts
from mart_union.catalog.categories import path_categories
from mart_union.catalog.files import Finding, Row
from mart_union.catalog.listings import LONGEST_SLOT, SHORTEST_SLOT
from mart_union.catalog.model import KINDS, SKU, Category, Listing, Texts, listing_level
from mart_union.catalog.naming import LONGEST_GLYPH, LONGEST_TEXT, LONGEST_TITLE
from mart_union.kernel.errors import Invalid
from mart_union.kernel.money import Currency, parse_price

REQUIRED = ("id", "title", "product_type", "union_category", "price", "quantity")
_OPTIONAL = (
    "description",
    "kind",
    "low_stock",
    "brand",
    "gtin",
    "item_group_id",
    "option",
    "glyph",
    "bundle",
    "slot_minutes",
)
_FIELDS = {"item_group_id": "group", "option": "options"}
_KEPT = ("kind", "low_stock", "brand", "gtin", "item_group_id", "option", "glyph")
"""The columns whose empty cells keep what a listing says; without those of what it draws on, which stays as it was made."""
NONE = "none"
"""The cell that ends what an optional column said before; an empty one keeps it."""
_MOST_UNITS = 10**9
_OPTION = re.compile(r"^\s*([^=;\s][^=;]{0,39}?)\s*=\s*([^=;]{1,80}?)\s*$")


Kept = TypeVar("Kept", bound=Struct)


class RowRefused(Exception):
    """A row that cannot be applied, with all that is wrong with it."""

    def __init__(self, findings: Sequence[Finding]) -> None:
        super().__init__("; ".join(finding.message for finding in findings))
        self.findings = tuple(findings)


class Cells:
    """Reads the cells of one row and collects what is wrong with them."""

    def __init__(self, row: Row) -> None:
        self.row = row
        self.findings: list[Finding] = []

    def refuse(self, code: str, field: str, message: str) -> None:
        """Note an error of a cell."""
        self.findings.append(Finding(self.row.line, code, "error", f"{field}: {message}", field))

    def close(self) -> None:
        """End the reading.

        Raises:
            RowRefused: something was wrong.
        """
        if self.findings:
            raise RowRefused(self.findings)

    def text(self, field: str, longest: int, *, required: bool = False) -> str:
        """A text of limited length."""
        text = self.row.cells.get(field, "")
        if required and not text:
            self.refuse("missing-value", field, "it is empty")
        if len(text) > longest:
            self.refuse("too-long", field, f"it has {len(text)} characters, at most {longest} are allowed")
        return text

    def optional(self, field: str, longest: int) -> str:
        """A text that may be left out; '' where the cell says `none`, too."""
        text = self.text(field, longest)
        return "" if text == NONE else text

    def texts(self, field: str, languages: Sequence[str], longest: int, *, required: bool = False) -> Texts:
        """A text in the union's own language (`title`) and in others (`title_en`), each of which may be left out unless the first is `required`."""
        first = self.text(field, longest, required=True) if required else self.optional(field, longest)
        texts = {languages[0]: first}
        for language in languages[1:]:
            texts[language] = self.optional(f"{field}_{column_of(language)}", longest)
        return {language: text for language, text in texts.items() if text}

    def sku(self) -> str:
        """The item's id."""
        text = self.text("id", 32, required=True)
        if text and not SKU.match(text):
            self.refuse(
                "bad-id", "id", f"'{text}' is not 1 to 32 of A-Z, 0-9, '.', '_', '-', beginning with a letter or digit"
            )
        return text

    def price(self, field: str, currency: Currency) -> int:
        """A price such as `380 TWD`, in minor units."""
        text = self.text(field, 40, required=True)
        try:
            return parse_price(text, currency) if text else 0
        except Invalid as error:
            self.refuse("bad-price", field, error.detail)
            return 0

    def whole(self, field: str, most: int = _MOST_UNITS, *, required: bool = False, otherwise: int = 0) -> int:
        """A whole number, 0 or more."""
        text = self.text(field, 20, required=required)
        if not text:
            return otherwise
        if not re.fullmatch(r"[0-9]+", text) or int(text) > most:
            self.refuse(
                "bad-quantity" if field == "quantity" else "bad-number",
                field,
                f"'{text}' is not a whole number from 0 to {most}",
            )
            return otherwise
        return int(text)

    def choice(self, field: str, known: Collection[str], code: str, *, otherwise: str = "") -> str:
        """One of several words."""
        text = self.text(field, 80) or otherwise
        if text and text not in known:
            self.refuse(code, field, f"there is no '{text}'")
        return text


class ListingRow(Struct, frozen=True):
    """A row that can be applied: the listing as the row has it, its category's path, the quantity that was counted, and of which fields the row
    says nothing."""

    row: Row
    listing: Listing
    path: tuple[Category, ...]
    quantity: int
    unsaid: tuple[str, ...] = ()


def column_of(language: str) -> str:
    """The ending of a language's columns: `en`, `zh_tw`."""
    return language.casefold().replace("-", "_")


def unsaid_texts(row: Row, languages: Sequence[str]) -> list[str]:
    """The titles and texts, each with its language (`texts/en`), of which a row says nothing: its cell is empty, or there is no such column."""
    columns = {
        f"{field}/{language}": column if language == languages[0] else f"{column}_{column_of(language)}"
        for field, column in (("titles", "title"), ("texts", "description"))
        for language in languages
    }
    return [name for name, column in columns.items() if not row.cells.get(column)]


def keeping(new: Kept, before: Kept, unsaid: Iterable[str]) -> Kept:
    """What a row makes of what was there: fields that are `unsaid` stay as they were, texts language by language (`texts/en`)."""
    kept: dict[str, Any] = {}
    for name in unsaid:
        field, _, language = name.partition("/")
        was = getattr(before, field)
        if not language:
            kept[field] = was
        elif language in was:
            kept[field] = {**kept.get(field, getattr(new, field)), language: was[language]}
    return replace(new, **kept)


def known_columns(languages: Sequence[str]) -> tuple[str, ...]:
    """All columns that are read, for a union of these languages."""
    others = [f"{field}_{column_of(language)}" for field in ("title", "description") for language in languages[1:]]
    return (*REQUIRED, *_OPTIONAL, *others)


def read_listing(
    row: Row, store: str, union_categories: Collection[str], languages: Sequence[str], currency: Currency
) -> ListingRow:
    """A row as a listing of a store.

    Raises:
        RowRefused: with everything that is wrong.
    """
    cells = Cells(row)
    sku = cells.sku()
    path = _path(cells, languages[0])
    listing = Listing(
        store=store,
        sku=sku,
        titles=cells.texts("title", languages, LONGEST_TITLE, required=True),
        texts=cells.texts("description", languages, LONGEST_TEXT),
        category=path[-1].id if path else "",
        union_category=cells.choice("union_category", union_categories, "unknown-category"),
        kind=cells.choice("kind", KINDS, "bad-kind", otherwise="goods"),
        price_minor=cells.price("price", currency),
        state="on_sale",
        level=listing_level(store, sku),
        low_stock=cells.whole("low_stock"),
        brand=cells.optional("brand", 70),
        gtin=_gtin(cells),
        group=cells.optional("item_group_id", 50),
        options=_options(cells),
        glyph=cells.optional("glyph", LONGEST_GLYPH),
        parts=_parts(cells),
        slot_minutes=cells.whole("slot_minutes", LONGEST_SLOT),
    )
    _check_slots(cells, listing)
    quantity = cells.whole("quantity", required=listing.drawn_on == "level")
    if listing.drawn_on != "level" and quantity:
        cells.refuse("bad-quantity", "quantity", "a bundle or a bookable service has none of its own: leave it empty")
    cells.close()
    unsaid = [_FIELDS.get(column, column) for column in _KEPT if not row.cells.get(column)]
    return ListingRow(row, listing, path, quantity, (*unsaid, *unsaid_texts(row, languages)))


def _path(cells: Cells, language: str) -> tuple[Category, ...]:
    text = cells.text("product_type", 400)
    if not text:
        return ()
    try:
        return tuple(path_categories(text, language))
    except Invalid as error:
        cells.refuse("bad-category", "product_type", error.detail)
        return ()


def _gtin(cells: Cells) -> str:
    """A GTIN with its check digit (GS1 General Specifications, section 7.9)."""
    text = cells.optional("gtin", 14)
    if not text:
        return ""
    if not re.fullmatch(r"\d{8}|\d{12,14}", text, re.ASCII):
        cells.refuse("bad-gtin", "gtin", f"'{text}' is not 8, 12, 13 or 14 digits")
        return ""
    weighted = sum(int(digit) * (3 if place % 2 else 1) for place, digit in enumerate(reversed(text)))
    if weighted % 10:
        cells.refuse("bad-gtin", "gtin", f"the last digit of '{text}' does not check the others")
    return text


def _parts(cells: Cells) -> dict[str, int]:
    """What a bundle is made of, such as `OB-TOP:1 CUP-S:2`."""
    try:
        return read_parts(cells.text("bundle", 400))
    except Invalid as error:
        cells.refuse("bad-bundle", "bundle", error.detail)
        return {}


def _check_slots(cells: Cells, listing: Listing) -> None:
    minutes = listing.slot_minutes
    if minutes and (minutes < SHORTEST_SLOT or listing.kind != "service" or listing.parts):
        message = f"only a service that is no bundle has slots, of {SHORTEST_SLOT} minutes or more"
        cells.refuse("bad-slots", "slot_minutes", message)


def _options(cells: Cells) -> dict[str, str]:
    options = {}
    for part in filter(None, (part.strip() for part in cells.optional("option", 400).split(";"))):
        match = _OPTION.match(part)
        if match is None:
            cells.refuse("bad-option", "option", f"'{part}' is not written like 'color=clear'")
        else:
            options[match.group(1)] = match.group(2)
    return options
