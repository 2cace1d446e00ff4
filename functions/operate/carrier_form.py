"""A carrier's area, prices and times as a form has them, and back."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from msgspec import Struct
from msgspec.structs import replace

from mart_union.catalog.carriers import MOST_ZONES, Carrier, PriceStep, Zone
from mart_union.catalog.hours import DAYS
from mart_union.kernel.errors import Invalid
from mart_union.kernel.money import Currency, parse_amount, plain_amount

_SPARE_ROWS = 2


class ZoneRow(Struct, frozen=True):
    """A zone's fields: postcodes with blanks between them, and a line for each step of its prices; all empty: a row to fill in."""

    postcodes: str = ""
    transit_days: str = ""
    prices: str = ""


def zone_rows(carrier: Carrier, currency: Currency) -> list[ZoneRow]:
    """The zones of a carrier as the form shows them, with rows for further ones; amounts in major units."""

    def begins(step: PriceStep) -> str:
        return str(step.begins) if carrier.priced_by == "units" else plain_amount(step.begins, currency)

    rows = [
        ZoneRow(
            " ".join(zone.postcodes),
            str(zone.transit_days),
            "\n".join(f"{begins(step)} {plain_amount(step.amount_minor, currency)}" for step in zone.prices),
        )
        for zone in carrier.zones
    ]
    return [*rows, *([ZoneRow()] * min(_SPARE_ROWS, MOST_ZONES - len(rows)))]


def carrier_of(form: Mapping[str, str], before: Carrier, currency: Currency) -> Carrier:
    """The carrier with what the form says. A row without days is no zone.

    Raises:
        Invalid: a number or an amount is none; `errors` names the field.
    """
    priced_by = form.get("priced_by", "goods")
    return replace(
        before,
        area=_words(form.get("area", "")),
        cut_off=form.get("cut_off", ""),
        collects=tuple(day for day in DAYS if form.get(f"collects-{day}") == "true"),
        priced_by=priced_by,
        zones=tuple(_zones(form, by_units=priced_by == "units", currency=currency)),
    )


def _zones(form: Mapping[str, str], *, by_units: bool, currency: Currency) -> Iterator[Zone]:
    for number in range(1, MOST_ZONES + 1):
        name = f"zone-{number}-"
        days, prices = form.get(f"{name}transit_days", "").strip(), form.get(f"{name}prices", "")
        if days:
            steps = tuple(_steps(f"{name}prices", prices, by_units=by_units, currency=currency))
            yield Zone(_words(form.get(f"{name}postcodes", "")), _whole(f"{name}transit_days", days), steps)
        elif prices.strip() or form.get(f"{name}postcodes", "").strip():
            raise _invalid(f"{name}transit_days", "say how many days it is on the way")


def _steps(field: str, text: str, *, by_units: bool, currency: Currency) -> Iterator[PriceStep]:
    for line in filter(None, map(str.strip, text.splitlines())):
        begins, _, price = line.partition(" ")
        if not price:
            raise _invalid(field, "write a line for each step: from how much on, a blank, the price")
        counted = _whole(field, begins) if by_units else _amount(field, begins, currency)
        yield PriceStep(counted, _amount(field, price, currency))


def _words(text: str) -> tuple[str, ...]:
    return tuple(filter(None, re.split(r"[\s,;]+", text)))


def _whole(field: str, text: str) -> int:
    if not re.fullmatch(r"[0-9]{1,9}", text):
        raise _invalid(field, "write a whole number")
    return int(text)


def _amount(field: str, text: str, currency: Currency) -> int:
    if re.fullmatch(r"0+(?:\.0*)?", text.strip()):
        return 0
    try:
        return parse_amount(text, currency)
    except Invalid as error:
        raise _invalid(field, error.detail) from error


def _invalid(field: str, reason: str) -> Invalid:
    return Invalid(f"{field}: {reason}", errors=[{"field": field, "reason": reason}])
