"""What the completion of an order's lines pays to whom: the frozen split, out of escrow and deposit holds."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime
from typing import TypedDict

from mart_union.catalog.fees import frozen_rule
from mart_union.kernel.clock import iso
from mart_union.kernel.ids import derived_id
from mart_union.ledger.model import Payable, Transfer, postings_of
from mart_union.ledger.periods import due_day
from mart_union.orders.model import Line, Order

_WITHOUT_PAYABLE = ("union/", "tax/", "order/", "customer/", "provider/", "bank/")


def completion_amounts(order: Order, numbers: Collection[int]) -> dict[str, int]:
    """Amounts by account, summing to zero: everyone but the store gets what is left of the share of the split, the store the rest.

    Lines paid to the union give their escrow; what the escrow lacks, or all of it where the seller collected, comes from
    the store's held deposit. A store that the held money does not cover (commission on a seller-collected sale) goes below zero.
    """
    amounts: dict[str, int] = {}
    for line in order.lines:
        if line.number in numbers:
            for account, amount in _line_amounts(order, line).items():
                amounts[account] = amounts.get(account, 0) + amount
    return {account: amount for account, amount in amounts.items() if amount}


def _line_amounts(order: Order, line: Line) -> dict[str, int]:
    own = f"store/{order.store}"
    amounts = {f"order/{order.id}": -line.escrow_minor, f"{own}/held": -line.held_minor}
    for share in line.split:
        if share.account != own:
            amounts[share.account] = amounts.get(share.account, 0) + share.left_minor
    amounts[own] = -sum(amounts.values())
    return amounts


def completion_transfer(order: Order, amounts: dict[str, int], now: datetime) -> Transfer:
    """The transfer of a completion; `order` is as it is before, and its next sequence makes the id."""
    return Transfer(
        id=f"completion-{order.id}-{order.sequence + 1}",
        kind="completion",
        currency=order.currency,
        postings=postings_of(amounts),
        reference=f"order/{order.id}",
        at=iso(now),
    )


def payables_of(
    order: Order, numbers: Collection[int], transfer: Transfer, now: datetime, time_zone: str
) -> list[Payable]:
    """One payable a party of a completion or of a refund after it (then negative), due by the party's settlement period; commission and
    tax stay with the union, and held deposits are no party.

    A supplier's period is frozen on the order when it is placed; without one the store's holds.
    """
    return [
        Payable(
            id=derived_id("payable", order.id, str(order.sequence + 1), posting.account),
            party=posting.account,
            order=order.id,
            amount_minor=posting.amount_minor,
            due=due_day(now, _period(order, posting.account), time_zone).isoformat(),
            kind=transfer.kind,
            transfer=transfer.id,
            titles=_titles(order, numbers, posting.account),
            **_breakdown(order, numbers, posting.account, transfer.kind),
        )
        for posting in transfer.postings
        if is_party(posting.account)
    ]


def is_party(account: str) -> bool:
    """Whether what an account gets from a completion, or gives back after it, is settled with somebody by payables."""
    return not account.startswith(_WITHOUT_PAYABLE) and not account.endswith(("/held", "/deposit"))


def _period(order: Order, party: str) -> str:
    return order.facts.get(f"period:{party}", order.settlement_period)


class _Breakdown(TypedDict, total=False):
    gross_minor: int
    deductions: dict[str, int]
    rates: dict[str, str]


def _breakdown(order: Order, numbers: Collection[int], party: str, kind: str) -> _Breakdown:
    """The rates that a party's amount follows. Of a completion, for the store, also what the lines' customer was charged, and what others
    got of it by kind of share."""
    lines = [line for line in order.lines if line.number in numbers]
    if party != f"store/{order.store}":
        return {"rates": _own_rates(lines, party)}
    if kind != "completion":
        return {"rates": _all_told(lines)}
    deductions: dict[str, int] = {}
    for line in lines:
        for share in line.split:
            if share.account != party and share.left_minor:
                deductions[share.kind] = deductions.get(share.kind, 0) + share.left_minor
    gross = sum(share.left_minor for line in lines for share in line.split)
    return {"gross_minor": gross, "deductions": deductions, "rates": _all_told(lines)}


def _all_told(lines: Iterable[Line]) -> dict[str, str]:
    return _joined(_told_rates(line) for line in lines)


def _own_rates(lines: Iterable[Line], party: str) -> dict[str, str]:
    """What a supplier or carrier gets for a line, as it was frozen: the price of a unit times the units, or what a delivery costs; in minor
    units."""
    return _joined(
        {
            share.kind: f"{share.amount_minor // line.quantity} x {line.quantity}"
            if share.kind == "supply"
            else f"{share.amount_minor}"
        }
        for line in lines
        for share in line.split
        if share.account == party
    )


def _joined(told: Iterable[dict[str, str]]) -> dict[str, str]:
    """The rates of several lines, each said once."""
    rates: dict[str, list[str]] = {}
    for each in told:
        for name, rate in each.items():
            if rate not in rates.setdefault(name, []):
                rates[name].append(rate)
    return {name: ", ".join(found) for name, found in rates.items()}


def _told_rates(line: Line) -> dict[str, str]:
    """The rates of a line, by the kind of share that each made: the commission's rule, and each tax in per cent."""
    told: dict[str, str] = {}
    rule = frozen_rule(line.rates)
    if rule is not None:
        fixed = f" + {rule.fixed_minor}" if rule.fixed_minor else ""
        told["commission"] = f"{rule.id}: {rule.rate_basis_points / 100:g} %{fixed}"
    for name, rate in line.rates.items():
        kind, _, code = name.partition("/")
        if kind in {"tax", "fee_tax"}:
            told[kind] = f"{code}: {int(rate) / 100:g} %"
    return told


def _titles(order: Order, numbers: Collection[int], party: str) -> dict[str, str]:
    """The title of the party's first line, and how many more there are, in each language. The store's lines are all of them."""
    completed = [line for line in order.lines if line.number in numbers]
    lines = [line for line in completed if any(share.account == party for share in line.split)] or completed
    more = f" + {len(lines) - 1}" if len(lines) > 1 else ""
    return {language: title + more for language, title in lines[0].titles.items()}
