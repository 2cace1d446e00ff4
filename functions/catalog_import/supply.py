"""Rows of a supplier's upload as offers of the mediation center."""

from __future__ import annotations

import re
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from itertools import chain

from msgspec import Struct

from mart_union.catalog.files import Finding, Row
from mart_union.catalog.importing import ROWS_A_READ, Outcome
from mart_union.catalog.model import KINDS
from mart_union.catalog.naming import LONGEST_GLYPH, LONGEST_TEXT, LONGEST_TITLE
from mart_union.catalog.rows import Cells, column_of, unsaid_texts
from mart_union.catalog.service import read_tree
from mart_union.catalog.upload_model import Upload
from mart_union.catalog.volumes import Tier
from mart_union.kernel.errors import Busy, Conflict, Invalid, RuleViolation
from mart_union.kernel.money import Currency, parse_price
from mart_union.kernel.settings import settings
from mart_union.mediation.model import Offer
from mart_union.mediation.service import (
    OFFERS_AT_ONCE,
    find_with_pools,
    fit_offer,
    get_supplier,
    make_offers,
    save_offer,
)
from mart_union.stock.model import Level

_REQUIRED = ("id", "title", "union_category", "supply_price", "suggested_price", "quantity", "granted_to")
_OPTIONAL = (
    "description",
    "kind",
    "minimum_price",
    "lead_days",
    "low_stock",
    "glyph",
    "accepts_returns",
    "area",
    "tiers",
)
_EVERYWHERE = "everywhere"
_FIELDS = {"minimum_price": "minimum_minor"}
_KEPT = ("kind", "minimum_price", "lead_days", "low_stock", "glyph", "accepts_returns", "area", "tiers")
_BEGINS = re.compile(r"[0-9]{1,3}")
_THREADS = 8


class OfferRow(Struct, frozen=True):
    """A row that can be applied: the offer as the row has it, and what was counted of it."""

    row: Row
    offer: Offer
    quantity: int


class OfferImport:
    """Applies the rows of one supplier's upload.

    Raises:
        NotFound: there is no such supplier.
    """

    required = _REQUIRED

    def __init__(self, supplier: str) -> None:
        self._supplier = get_supplier(supplier).id
        self._languages = settings().languages
        self._union = read_tree()
        self._union_categories = frozenset({*self._union.categories, *self._union.gone})
        fields = ("title", "description")
        others = [f"{name}_{column_of(language)}" for name in fields for language in self._languages[1:]]
        self.known = (*_REQUIRED, *_OPTIONAL, *others)

    def read(self, row: Row) -> OfferRow:
        """A row as an offer.

        Raises:
            RowRefused: with everything that is wrong.
        """
        cells, currency = Cells(row), settings().currency
        offer = Offer(
            supplier=self._supplier,
            sku=cells.sku(),
            titles=cells.texts("title", self._languages, LONGEST_TITLE, required=True),
            texts=cells.texts("description", self._languages, LONGEST_TEXT),
            union_category=self._union.at(cells.choice("union_category", self._union_categories, "unknown-category")),
            kind=cells.choice("kind", KINDS, "bad-kind", otherwise="goods"),
            supply_minor=cells.price("supply_price", currency),
            suggested_minor=cells.price("suggested_price", currency),
            minimum_minor=_minimum(cells, currency),
            lead_days=cells.whole("lead_days", 365),
            granted_to=tuple(filter(None, (part.strip() for part in cells.text("granted_to", 2000).split(";")))),
            glyph=cells.optional("glyph", LONGEST_GLYPH),
            low_stock=cells.whole("low_stock"),
            accepts_returns=cells.choice("accepts_returns", ("yes", "no"), "bad-choice", otherwise="yes") == "yes",
            area=_area(cells.text("area", 1000)),
            tiers=_tiers(cells, currency),
        )
        quantity = cells.whole("quantity", required=True)
        try:
            offer = fit_offer(offer)
        except (Invalid, RuleViolation) as error:
            if not cells.findings:
                cells.findings.append(Finding(row.line, error.code, "error", error.detail))
        cells.close()
        return OfferRow(row, offer, quantity)

    def apply(self, rows: Sequence[OfferRow], upload: Upload, now: datetime) -> Outcome:
        """Make the supplier's offers and their pools as some rows say. Some of them may have been applied before."""
        parts = [rows[start : start + ROWS_A_READ] for start in range(0, len(rows), ROWS_A_READ)]
        with ThreadPoolExecutor(_THREADS) as threads:
            results = chain.from_iterable(threads.map(lambda part: self._apply_part(part, upload, now), parts))
            outcome = Outcome()
            for each, result in results:
                outcome.add(each.row, result)
        return outcome

    def _apply_part(
        self, rows: Sequence[OfferRow], upload: Upload, now: datetime
    ) -> list[tuple[OfferRow, bool | Finding]]:
        """What became of some rows: one batch read, one transaction for every 50 new ones, and one for each that has changed."""
        found = find_with_pools(self._supplier, [each.offer.sku for each in rows])
        known = [(each, there) for each, there in zip(rows, found, strict=True) if there is not None]
        new = [each for each, there in zip(rows, found, strict=True) if there is None]
        results = [(each, _save(each, upload, now, there)) for each, there in known]
        for start in range(0, len(new), OFFERS_AT_ONCE):
            group = new[start : start + OFFERS_AT_ONCE]
            results += zip(group, _make(group, upload, now), strict=True)
        return results


def _minimum(cells: Cells, currency: Currency) -> int:
    """The least that sellers may ask; 0 where the cell says `none`."""
    return cells.price("minimum_price", currency) if cells.optional("minimum_price", 40) else 0


def _area(text: str) -> tuple[str, ...]:
    """The beginnings of postcodes that a cell names; none where it says `everywhere`."""
    named = tuple(filter(None, (part.strip() for part in text.split(";"))))
    return () if named == (_EVERYWHERE,) else named


def _tiers(cells: Cells, currency: Currency) -> tuple[Tier, ...]:
    """Tiers such as `10:140 TWD;50:130 TWD`; none where the cell says `none`."""
    text, tiers = cells.optional("tiers", 500), list[Tier]()
    for part in text.split(";") if text else ():
        begins, _, price = part.partition(":")
        try:
            if not _BEGINS.fullmatch(begins.strip()):
                raise Invalid(f"'{part.strip()}' is no tier: write '10:140 {currency.code}'")
            tiers.append(Tier(int(begins), parse_price(price.strip(), currency)))
        except Invalid as error:
            cells.refuse("bad-tier", "tiers", error.detail)
    return tuple(tiers)


def _make(group: Sequence[OfferRow], upload: Upload, now: datetime) -> list[bool | Finding]:
    """What became of new rows: all are made at once, or, where that is refused for one of them, each by itself.

    Raises:
        Busy: others kept winning; the upload goes on later.
    """
    try:
        offers = [(each.offer, each.quantity) for each in group]
        make_offers(offers, upload.actor, now, key=upload.count_key, upload=upload.id)
    except (Invalid, RuleViolation, Conflict):
        return [_save(each, upload, now) for each in group]
    return [True] * len(group)


def _save(each: OfferRow, upload: Upload, now: datetime, read: tuple[Offer, Level] | None = None) -> bool | Finding:
    """Whether the row changed something, or why it was refused. What rows do not say stays as it is: an offer that its supplier has paused stays
    paused. A row whose offer has changed since it was `read` is applied to how it stands then."""
    unsaid = [_FIELDS.get(name, name) for name in _KEPT if not each.row.cells.get(name)]
    kept = ("state", *unsaid, *unsaid_texts(each.row, settings().languages))
    try:
        return save_offer(
            each.offer,
            each.quantity,
            upload.actor,
            now,
            kept=kept,
            key=upload.count_key,
            cut_off_since=upload.cut_off_since,
            read=read,
            upload=upload.id,
        )
    except (Invalid, RuleViolation, Conflict, Busy) as error:
        if read is not None and isinstance(error, Conflict):
            return _save(each, upload, now)
        return Finding(each.row.line, error.code, "error", error.detail)
