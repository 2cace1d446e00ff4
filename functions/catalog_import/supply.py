"""Rows of a supplier's upload as offers of the mediation center."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

from msgspec import Struct
from msgspec.structs import replace

from mart_union.catalog.files import Finding, Row
from mart_union.catalog.importing import Outcome, was_counted
from mart_union.catalog.listings import KINDS, LONGEST_TEXT
from mart_union.catalog.model import Upload, offer_level
from mart_union.catalog.rows import Cells, column_of
from mart_union.catalog.service import read_tree
from mart_union.kernel.errors import Busy, Conflict, Invalid, NotFound, RuleViolation
from mart_union.kernel.settings import settings
from mart_union.mediation.model import Offer, checked_offer
from mart_union.mediation.service import get_offer, get_supplier, save_offer
from mart_union.stock.service import get_levels

_REQUIRED = ("id", "title", "union_category", "supply_price", "suggested_price", "quantity", "granted_to")
_OPTIONAL = ("description", "kind", "minimum_price", "lead_days", "low_stock", "glyph")
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
            titles=cells.texts("title", self._languages, 150, required=True),
            texts=cells.texts("description", self._languages, LONGEST_TEXT),
            union_category=self._union.at(cells.choice("union_category", self._union_categories, "unknown-category")),
            kind=cells.choice("kind", KINDS, "bad-kind", otherwise="goods"),
            supply_minor=cells.price("supply_price", currency),
            suggested_minor=cells.price("suggested_price", currency),
            minimum_minor=cells.price("minimum_price", currency) if row.cells.get("minimum_price") else 0,
            lead_days=cells.whole("lead_days", 365),
            granted_to=tuple(filter(None, (part.strip() for part in cells.text("granted_to", 2000).split(";")))),
            glyph=cells.text("glyph", 16),
            low_stock=cells.whole("low_stock"),
        )
        quantity = cells.whole("quantity", required=True)
        try:
            checked_offer(offer, currency)
        except (Invalid, RuleViolation) as error:
            if not cells.findings:
                cells.findings.append(Finding(row.line, error.code, "error", error.detail))
        cells.close()
        return OfferRow(row, offer, quantity)

    def look(self, rows: Sequence[OfferRow]) -> Outcome:  # noqa: ARG002 - as of every kind of import
        """Which of some rows would be refused beyond what reading refuses: none."""
        return Outcome()

    def apply(self, rows: Sequence[OfferRow], upload: Upload, now: datetime, *, again: bool) -> Outcome:
        """Make the supplier's offers and their pools as some rows say. `again`: some of them may have been applied before."""
        counted = self._counted(rows, upload.made_at) if again else frozenset()

        def save(each: OfferRow) -> bool | Finding:
            return _save(each, each.offer.sku in counted, upload.actor, now)

        outcome = Outcome()
        with ThreadPoolExecutor(_THREADS) as threads:
            for each, result in zip(rows, threads.map(save, rows), strict=True):
                if isinstance(result, Finding):
                    outcome.refused.append((each.row, result))
                else:
                    outcome.applied += result
                    outcome.unchanged += not result
        return outcome

    def _counted(self, rows: Sequence[OfferRow], since: str) -> frozenset[str]:
        """The SKUs whose pools were counted before: sales may have come since."""
        levels = get_levels(offer_level(self._supplier, each.offer.sku) for each in rows)
        found = ((each.offer.sku, levels.get(offer_level(self._supplier, each.offer.sku))) for each in rows)
        return frozenset(sku for sku, level in found if was_counted(level, since))


def _save(each: OfferRow, is_counted: bool, actor: str, now: datetime) -> bool | Finding:
    """Whether the row changed something, or why it was refused."""
    try:
        return save_offer(_kept(each.offer, each.row), None if is_counted else each.quantity, actor, now)
    except (Invalid, RuleViolation, Conflict, Busy) as error:
        return Finding(each.row.line, error.code, "error", error.detail)


def _kept(offer: Offer, row: Row) -> Offer:
    """What rows do not say stays as it is: an offer that its supplier has paused stays paused."""
    try:
        before = get_offer(offer.supplier, offer.sku)
    except NotFound:
        return offer
    low_stock = offer.low_stock if row.cells.get("low_stock") else before.low_stock
    return replace(offer, state=before.state, low_stock=low_stock, sequence=before.sequence)
