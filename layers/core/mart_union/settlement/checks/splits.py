"""Invariant 8: what a line owes each party is frozen with it: it sums to what was charged and held, and follows the rates beside it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping

from mart_union.catalog.fees import TaxRule, commission_of, frozen_rule, taxes_of
from mart_union.catalog.volumes import read_schedule
from mart_union.orders.model import Line, Order
from mart_union.settlement.checks.model import UNION, Books, held_at_first
from mart_union.settlement.differences import Difference

_Shares = dict[tuple[str, str], int]


def check_splits(books: Books) -> Iterator[Difference]:
    """Every share but the store's sale is what the line's supply price, rates and delivery give; the store's is the rest, and where that is
    nothing, its deposit covers the difference."""
    purchases = books.purchases_by_id()
    for order in books.orders:
        purchase = purchases.get(order.purchase)
        collected = purchase is None or purchase.channel == UNION
        for line in order.lines:
            problems = _problems(order, line, books.step, collected=collected)
            yield from (Difference(8, f"order/{order.id}", f"line {line.number}: {problem}") for problem in problems)


def _problems(order: Order, line: Line, step: int, *, collected: bool) -> Iterator[str]:
    found: Counter[tuple[str, str]] = Counter()
    for share in line.split:
        found[share.account, share.kind] += share.amount_minor
    if line.supply_schedule and (asked := read_schedule(line.supply_schedule).at(line.quantity)) != line.supply_minor:
        yield f"a unit cost {line.supply_minor}, at {line.quantity} of them it was {asked}"
    sale = found.pop((f"store/{order.store}", "sale"), 0)
    expected, tax = _expected(order, line, step) if collected else (_supply(line), 0)
    shares: _Shares = {name: amount for name, amount in found.items() if amount}
    if shares != {name: amount for name, amount in expected.items() if amount}:
        yield f"its shares are {shares}, its prices and rates give {expected}"
    if line.tax_minor != tax:
        yield f"{line.tax_minor} of tax was added, its rates give {tax}"
    held = held_at_first(line, collected=collected)
    if held < 0 or (held and sale) or sale < 0:
        yield f"its split gives {held} beyond what was charged, {sale} of it to the store"


def _supply(line: Line) -> _Shares:
    supplier = line.offer.partition("/")[0]
    return {(f"supplier/{supplier}", "supply"): line.supply_minor * line.quantity} if line.offer else {}


def _expected(order: Order, line: Line, step: int) -> tuple[_Shares, int]:
    """The shares of all but the store's sale, and the tax that was added to the price."""
    amount = line.amount_minor
    commission = commission_of(frozen_rule(line.rates), amount, line.quantity, step)
    on_goods = taxes_of(_rules(line.rates, "tax/"), amount, step)
    on_fee = taxes_of(_rules(line.rates, "fee_tax/"), commission, step)
    return {
        **_supply(line),
        ("union/commission", "commission"): commission - on_fee.included_minor,
        **{(f"tax/{code}", "tax"): tax for code, tax in on_goods.by_code().items()},
        **{(f"tax/{code}", "fee_tax"): tax for code, tax in on_fee.by_code().items()},
        (_deliverer(order, line), "delivery"): line.delivery_minor,
    }, on_goods.added_minor


def _rules(rates: Mapping[str, str], prefix: str) -> list[TaxRule]:
    """The taxes that a line was made under, as it keeps them (`catalog.fees.frozen_rates`)."""
    kept = sorted((name.removeprefix(prefix), rate) for name, rate in rates.items() if name.startswith(prefix))
    return [TaxRule("", code, int(rate), included=not rate.startswith("+")) for code, rate in kept]


def _deliverer(order: Order, line: Line) -> str:
    if line.offer:
        return line.fulfiller
    shipped_by = next((each.carrier for each in order.shipments if line.number in each.lines), order.carrier)
    return f"carrier/{shipped_by}" if shipped_by else f"store/{order.store}"
