"""Orders as tests need them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from msgspec.structs import replace

from mart_union.kernel.clock import iso
from mart_union.orders.model import Line, Order, Share
from mart_union.orders.procedures import next_look
from mart_union.orders.shipped import PROCEDURES

PLACED = datetime(2026, 11, 2, 3, 0, tzinfo=UTC)


def line_of(number: int = 1, *, level: str = "listing/emei-tea/OB-TOP", supplier: str = "", quantity: int = 2) -> Line:
    """A line of NT$640 a unit and NT$80 delivery; a supplier's line owes it NT$300 and holds NT$20 of the deposit."""
    fulfiller = f"supplier/{supplier}" if supplier else "store/emei-tea"
    return Line(
        number=number,
        sku=level.rsplit("/", 1)[1],
        titles={"zh-TW": "東方美人茶", "en": "Oriental Beauty"},
        quantity=quantity,
        price_minor=64000,
        amount_minor=64000 * quantity,
        delivery_minor=8000,
        level=level,
        fulfiller=fulfiller,
        split=(Share(f"supplier/{supplier}" if supplier else "store/emei-tea", "sale", 64000 * quantity + 8000),),
        escrow_minor=64000 * quantity + 8000,
        state="placed",
        held_minor=2000 if supplier else 0,
        offer=f"{supplier}/HERB-TEA" if supplier else "",
    )


def order_of(*lines: Line, procedure: str = "carrier", state: str = "placed", id: str = "p1-1") -> Order:  # noqa: A002
    """A paid order of customer-lin at emei-tea, all lines in one state."""
    order = Order(
        id=id,
        purchase=id.rsplit("-", 1)[0],
        store="emei-tea",
        store_names={"zh-TW": "峨眉湖畔茶行", "en": "Emei Lakeside Tea"},
        enterprise="xu-family-tea",
        customer="customer-lin",
        recipient="recipient-1",
        language="zh-TW",
        currency="TWD",
        lines=tuple(replace(line, state=state) for line in lines or (line_of(),)),
        total_minor=sum(line.charged_minor for line in lines or (line_of(),)),
        procedure=procedure,
        procedure_version=PROCEDURES[procedure].version,
        carrier="windcity-express",
        placed_at=iso(PLACED),
        promised_by=iso(PLACED + timedelta(days=2)),
        return_window_days=7,
        settlement_period="weekly",
        payment="paid",
    )
    return replace(order, clock_at=next_look(order))
