"""Rows of a carrier's list, as an operator sends it for the carrier, as news of its parcels."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, time
from zoneinfo import ZoneInfo

from msgspec import Struct
from msgspec.structs import replace

from mart_union.catalog.files import Finding, Row
from mart_union.catalog.importing import Outcome
from mart_union.catalog.rows import Cells
from mart_union.catalog.unions import get_union
from mart_union.catalog.upload_model import Upload
from mart_union.kernel.clock import Clock, from_iso, iso
from mart_union.kernel.errors import Invalid, MartUnionError, NotFound
from mart_union.kernel.settings import settings
from mart_union.orders.model import Order
from mart_union.orders.parcels import OPTIONAL_COLUMNS, REQUIRED_COLUMNS, Parcel, find_parcels, plain_number
from mart_union.orders.service import get_order
from mart_union.orders.tracking import LONGEST_PLACE, ParcelNews, add_tracking_event, checked_news, is_news

_THREADS = 8
_END_OF_DAY = time(23, 59, 59)
_LONGEST_DAY = len("2026-12-01")


class ParcelRow(Struct, frozen=True):
    """A row that can be applied: what it tells, of which number, and what the carrier took for an order that is paid on delivery."""

    row: Row
    number: str
    news: ParcelNews
    collected_minor: int


class ParcelImport:
    """Applies the rows of a list of one carrier's. A row costs a query and a read a shipment, and, where it is news, what its report by a webhook does.

    Raises:
        NotFound: the union has no such carrier.
    """

    required = REQUIRED_COLUMNS
    known = (*REQUIRED_COLUMNS, *OPTIONAL_COLUMNS)

    def __init__(self, carrier: str, clock: Clock) -> None:
        if get_union().carrier(carrier) is None:
            raise NotFound(f"the union has no carrier '{carrier}'")
        self._carrier, self._clock = carrier, clock

    def read(self, row: Row) -> ParcelRow:
        """A row as news of a parcel. A moment without a time zone is one of the union's.

        Raises:
            RowRefused: with everything that is wrong.
        """
        cells, currency = Cells(row), settings().currency
        number = cells.text("tracking_number", 64, required=True)
        news = ParcelNews(
            shipment="",
            event=cells.text("event", 40, required=True),
            at=_moment(cells.text("at", 40, required=True)),
            place=cells.text("place", LONGEST_PLACE),
            estimated_by=_moment(cells.text("estimated_by", 40), of_day=_END_OF_DAY),
        )
        collected = cells.price("collected", currency) if row.cells.get("collected") else 0
        if not cells.findings:
            try:
                checked_news(news, self._clock())
            except Invalid as error:
                field = error.facts["errors"][0]["field"]  # type: ignore[index]
                cells.refuse(f"bad-{field.replace('_', '-')}", field, error.detail)
        cells.close()
        return ParcelRow(row, number, news, collected)

    def apply(self, rows: Sequence[ParcelRow], upload: Upload, now: datetime) -> Outcome:  # noqa: ARG002 - as of every kind of import
        """Record what some rows tell. Some of them may have been applied before."""
        outcome = Outcome()
        for row, result in self._results(rows, now):
            outcome.add(row.row, result)
        return outcome

    def _results(self, rows: Sequence[ParcelRow], now: datetime) -> list[tuple[ParcelRow, bool | Finding]]:
        """What becomes of each row; those of one number one after the other, as they stand in the file."""
        numbers: dict[str, list[ParcelRow]] = {}
        for row in rows:
            numbers.setdefault(plain_number(row.number), []).append(row)

        def work(group: list[ParcelRow]) -> list[tuple[ParcelRow, bool | Finding]]:
            return [(row, self._result(row, now)) for row in group]

        with ThreadPoolExecutor(_THREADS) as threads:
            return [each for found in threads.map(work, numbers.values()) for each in found]

    def _result(self, row: ParcelRow, now: datetime) -> bool | Finding:
        """Whether a row is news, or why it is refused: all orders under the number are looked at before one is changed. Where another change comes between,
        some may have been: the same list again does the rest."""
        found = find_parcels(row.number, from_iso(row.news.at))
        mine = [parcel for parcel in found if parcel.carrier == self._carrier]
        if not mine:
            return self._not_mine(row, is_anothers=bool(found))
        try:
            orders = [(parcel, get_order(parcel.order, consistent=True)) for parcel in mine]
            if len({order.recipient for _, order in orders}) > 1:
                return self._ambiguous(row)
            fresh = [parcel for parcel, order in orders if self._is_news(row, parcel, order, now)]
            for parcel in fresh:
                self._record(row, parcel, now)
        except MartUnionError as error:
            return Finding(row.row.line, error.code, "error", error.detail)
        return bool(fresh)

    def _ambiguous(self, row: ParcelRow) -> Finding:
        """One parcel goes to one recipient: a number that is several's was written by somebody of another parcel, and which is which nobody can tell from it."""
        message = f"tracking_number: {row.number}: shipments to several recipients have this number"
        return Finding(row.row.line, "ambiguous-parcel", "error", message, "tracking_number")

    def _not_mine(self, row: ParcelRow, *, is_anothers: bool) -> Finding:
        code, reason = "unknown-parcel", "no shipment has this number"
        if is_anothers:
            code, reason = "anothers-parcel", "another carrier carries the parcel of this number"
        message = f"tracking_number: {row.number}: {reason}"
        return Finding(row.row.line, code, "error", message, "tracking_number")

    def _is_news(self, row: ParcelRow, parcel: Parcel, order: Order, now: datetime) -> bool:
        news = replace(row.news, shipment=parcel.shipment)
        return is_news(order, news, carrier=self._carrier, now=now, collected_minor=row.collected_minor)

    def _record(self, row: ParcelRow, parcel: Parcel, now: datetime) -> None:
        news = row.news
        add_tracking_event(
            parcel.order,
            parcel.shipment,
            news.event,
            news.at,
            carrier=self._carrier,
            now=now,
            place=news.place,
            estimated_by=news.estimated_by,
            collected_minor=row.collected_minor,
        )


def _moment(text: str, *, of_day: time = time()) -> str:
    """A moment (ISO), in the union's time zone where it names none, at a time `of_day` where it is a day; what is none, as it is."""
    try:
        moment = datetime.fromisoformat(text)
        if len(text) <= _LONGEST_DAY:
            moment = datetime.combine(moment, of_day)
        return iso(moment if moment.tzinfo else moment.replace(tzinfo=ZoneInfo(settings().time_zone)))
    except (ValueError, OverflowError):
        return text
