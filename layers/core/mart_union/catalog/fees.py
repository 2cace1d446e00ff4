"""The union's commission and taxes: rules that its operator sets, which of them holds for what is sold, and what it comes to. Pure.

The most specific rule wins. Amounts come out in whole steps of the currency. Where one tax has several codes, their sum is rounded
once, half up, and split by largest remainder; the code that comes first in the alphabet keeps what is left. What rounding leaves of
a line is the store's: it gets the rest.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from msgspec import Struct

from mart_union.kernel.money import included_rate_of, rate_of, split

SCOPES = ("store", "category", "classification", "union")
"""What a commission rule may hold for, the most specific first."""
TAXED = ("goods", "fee")
WHOLE = 10_000
"""Basis points of the whole."""

_FROZEN = re.compile(r"^(\S+) (\d+)(?:\+(\d+))?(?:>=(\d+))?(?:<=(\d+))?$")


class CommissionRule(Struct, frozen=True):
    """What the union takes of a sale in a `scope` (`subject` is the store, union category or classification; '' for the union).

    The rate is of the price of the goods; `fixed_minor`, `floor_minor` and `cap_minor` are for each unit sold, whatever the rate gives.
    """

    id: str
    scope: str
    subject: str = ""
    rate_basis_points: int = 0
    fixed_minor: int = 0
    floor_minor: int = 0
    cap_minor: int | None = None


class TaxRule(Struct, frozen=True):
    """A tax on goods, or on the union's fee, of a union category and all below it ('' is everything), kept on the account `tax/<code>`.

    `included`: it is contained in the price, as value added tax is; else it is added to it, as sales tax is.
    """

    id: str
    code: str
    basis_points: int
    on: str = "goods"
    category: str = ""
    included: bool = True


class Taxes(Struct, frozen=True):
    """Amounts of tax by code: contained in what they are on, and added to it."""

    included: dict[str, int]
    added: dict[str, int]

    @property
    def included_minor(self) -> int:
        """What is contained, of all codes."""
        return sum(self.included.values())

    @property
    def added_minor(self) -> int:
        """What is added, of all codes."""
        return sum(self.added.values())

    def by_code(self) -> dict[str, int]:
        """Contained and added together, without codes that come to nothing."""
        sums = {code: self.included.get(code, 0) + self.added.get(code, 0) for code in {**self.included, **self.added}}
        return {code: amount for code, amount in sums.items() if amount}


def lineage(category: str, parents: Mapping[str, str]) -> tuple[str, ...]:
    """A category and all above it, itself first. A circle of parents ends where it began."""
    line = [category]
    while (parent := parents.get(line[-1])) and parent not in line:
        line.append(parent)
    return tuple(line)


def commission_rule(
    rules: Iterable[CommissionRule], *, store: str, classification: str, categories: Sequence[str]
) -> CommissionRule | None:
    """The most specific rule for a sale: the store's, else that of the nearest of `categories` (the goods' own first), else the
    classification's, else the union's; None when there is none, and the union takes nothing."""
    found = {(rule.scope, rule.subject): rule for rule in rules}
    keys = (
        ("store", store),
        *(("category", category) for category in categories),
        ("classification", classification),
        ("union", ""),
    )
    return next((found[key] for key in keys if key in found), None)


def commission_of(rule: CommissionRule | None, amount_minor: int, quantity: int, step: int) -> int:
    """What a rule takes of so many units that cost an amount: rate and fixed part, not under the floor, not over the cap."""
    if rule is None:
        return 0
    commission = rate_of(amount_minor, rule.rate_basis_points, step) + rule.fixed_minor * quantity
    commission = max(commission, rule.floor_minor * quantity)
    return commission if rule.cap_minor is None else min(commission, rule.cap_minor * quantity)


def tax_rules(rules: Iterable[TaxRule], on: str, categories: Sequence[str]) -> tuple[TaxRule, ...]:
    """Of each code, the rule of the nearest category, else the one for everything; by code."""
    nearest = (*categories, "")
    holding: dict[str, TaxRule] = {}
    for rule in rules:
        if rule.on != on or rule.category not in nearest:
            continue
        other = holding.get(rule.code)
        if other is None or nearest.index(rule.category) < nearest.index(other.category):
            holding[rule.code] = rule
    return tuple(holding[code] for code in sorted(holding))


def taxes_of(rules: Sequence[TaxRule], amount_minor: int, step: int) -> Taxes:
    """What the rules that hold, one a code, make of an amount."""
    included = {rule.code: rule.basis_points for rule in rules if rule.included}
    added = {rule.code: rule.basis_points for rule in rules if not rule.included}
    return Taxes(
        _split(included_rate_of(amount_minor, sum(included.values()), step), included, step),
        _split(rate_of(amount_minor, sum(added.values()), step), added, step),
    )


def _split(amount_minor: int, weights: Mapping[str, int], step: int) -> dict[str, int]:
    if not amount_minor:
        return {}
    return dict(zip(weights, split(amount_minor, list(weights.values()), step), strict=True))


def frozen_rates(commission: CommissionRule | None, goods: Sequence[TaxRule], fee: Sequence[TaxRule]) -> dict[str, str]:
    """The rates that a line was made under, as it keeps them whatever the rules say later, in few characters.

    `commission` is the rule's id and figures, such as `tea 450+100>=300<=9000`: basis points, fixed part, floor and cap in minor units
    (those that say nothing are left out); `tax/<code>`, and `fee_tax/<code>` for a tax on the commission, are basis points, after `+`
    when added.
    """
    rates: dict[str, str] = {}
    if commission is not None:
        told = f"{commission.id} {commission.rate_basis_points}"
        for sign, figure in (("+", commission.fixed_minor), (">=", commission.floor_minor)):
            told += f"{sign}{figure}" if figure else ""
        rates["commission"] = told if commission.cap_minor is None else f"{told}<={commission.cap_minor}"
    for prefix, rules in (("tax/", goods), ("fee_tax/", fee)):
        rates |= {f"{prefix}{rule.code}": f"{'' if rule.included else '+'}{rule.basis_points}" for rule in rules}
    return rates


def frozen_rule(rates: Mapping[str, str]) -> CommissionRule | None:
    """The commission rule as a line keeps it, None for a line without one; its scope is not kept."""
    match = _FROZEN.match(rates.get("commission", ""))
    if match is None:
        return None
    name, rate, fixed, floor, cap = match.groups()
    return CommissionRule(name, "", "", int(rate), int(fixed or 0), int(floor or 0), None if cap is None else int(cap))
