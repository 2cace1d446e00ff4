"""The rules that a union's operator sets: commission, taxes, deposits. They hold from the moment they are saved, for what is sold then."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from datetime import datetime

from msgspec import Struct
from msgspec.structs import replace

from mart_union.catalog.categories import list_categories
from mart_union.catalog.fees import SCOPES, TAXED, WHOLE, CommissionRule, TaxRule
from mart_union.catalog.model import DepositRule, Union
from mart_union.catalog.refs import store_ref
from mart_union.catalog.unions import change_union
from mart_union.kernel.errors import Invalid
from mart_union.kernel.money import LARGEST_AMOUNT
from mart_union.kernel.settings import settings
from mart_union.kernel.storage import fetch_all

MOST_RULES = 100
LONGEST_GRACE_HOURS = 24 * 60
_ID = re.compile(r"^[a-z0-9](?:[a-z0-9-]{0,30}[a-z0-9])?$")


class Rules(Struct, frozen=True):
    """All that a union takes and asks for: its commission, the taxes on goods and on that, and the deposits of its sellers; and the most that a
    purchase may cost which is paid on delivery (0: none is)."""

    fees: tuple[CommissionRule, ...] = ()
    taxes: tuple[TaxRule, ...] = ()
    deposit: DepositRule = DepositRule()
    cash_limit_minor: int = 0


def rules_of(union: Union) -> Rules:
    """The rules as they are now."""
    return Rules(union.fees, union.taxes, union.deposit, union.cash_limit_minor)


def save_rules(rules: Rules, actor: str, now: datetime | None = None) -> Rules:
    """Set all the rules of the union, for purchases from now on: those placed before keep the rates that they were made with.

    The same rules again write nothing.

    Raises:
        Invalid: a rule cannot be meant; the error names it and says why. Nothing is changed.
        NotFound: the union has not been described yet.
        Conflict: someone else changed the union at the same moment.
    """

    def changed(union: Union) -> Union:
        checked_rules(rules, union)
        cash = rules.cash_limit_minor
        return replace(union, fees=rules.fees, taxes=rules.taxes, deposit=rules.deposit, cash_limit_minor=cash)

    return rules_of(change_union(changed, actor, "rules changed", now))


def checked_rules(rules: Rules, union: Union) -> Rules:
    """The rules themselves, if each of them can be meant in this union. One query of its categories, and a batch read of the stores named.

    Raises:
        Invalid: one cannot.
    """
    for name, several in (("fees", rules.fees), ("taxes", rules.taxes)):
        _need(len(several) <= MOST_RULES, name, f"there are at most {MOST_RULES} rules")
        for rule in several:
            _need(_ID.match(rule.id) is not None, f"{name}.{rule.id}", "an id is 1 to 32 of a-z, 0-9 and -")
        _once([rule.id for rule in several], name, "two rules have this id")
    categories = {category.id for category in list_categories()}
    known = {
        "store": _stores([rule.subject for rule in rules.fees if rule.scope == "store"]),
        "category": categories,
        "classification": {each.id for each in union.classifications},
        "union": {""},
    }
    for fee in rules.fees:
        _check_commission(fee, known)
    for tax in rules.taxes:
        _check_tax(tax, categories)
    _once([f"{fee.scope} {fee.subject}".strip() for fee in rules.fees], "fees", "two rules hold for it")
    _once([f"{tax.on} {tax.code} {tax.category}".strip() for tax in rules.taxes], "taxes", "two rules hold for it")
    _amount("deposit.level_minor", rules.deposit.level_minor)
    _amount("cash_limit_minor", rules.cash_limit_minor)
    hours = rules.deposit.grace_hours
    _need(0 <= hours <= LONGEST_GRACE_HOURS, "deposit.grace_hours", f"must be 0 to {LONGEST_GRACE_HOURS}")
    return rules


def _stores(wanted: Sequence[str]) -> set[str]:
    """Those of the stores that there are."""
    stores = sorted(store for store in set(wanted) if _ID.match(store))
    return {store.id for store in fetch_all([store_ref(store) for store in stores]) if store is not None}


def _check_commission(rule: CommissionRule, known: dict[str, set[str]]) -> None:
    where = f"fees.{rule.id}"
    _need(rule.scope in SCOPES, where, f"a rule holds for a {', '.join(SCOPES)}")
    subject = (
        "the union's rule names nothing" if rule.scope == "union" else f"there is no {rule.scope} '{rule.subject}'"
    )
    _need(rule.subject in known[rule.scope], where, subject)
    _rate(where, rule.rate_basis_points)
    for name in ("fixed_minor", "floor_minor", "cap_minor"):
        _amount(f"{where}.{name}", getattr(rule, name) or 0)
    _need(rule.cap_minor is None or rule.cap_minor >= rule.floor_minor, where, "its cap is below its floor")


def _check_tax(rule: TaxRule, categories: Collection[str]) -> None:
    where = f"taxes.{rule.id}"
    _need(_ID.match(rule.code) is not None, where, "a code is 1 to 32 of a-z, 0-9 and -")
    _need(rule.on in TAXED, where, f"a tax is on {' or '.join(TAXED)}")
    _need(rule.category == "" or rule.category in categories, where, f"there is no category '{rule.category}'")
    _rate(where, rule.basis_points)


def _rate(where: str, basis_points: int) -> None:
    _need(0 <= basis_points <= WHOLE, where, f"a rate is 0 to {WHOLE} basis points (100 %)")


def _amount(where: str, amount_minor: int) -> None:
    step = settings().currency.step
    fits = 0 <= amount_minor <= LARGEST_AMOUNT and amount_minor % step == 0
    _need(fits, where, f"an amount is not negative, and in steps of {step} minor units")


def _once(names: Sequence[str], where: str, reason: str) -> None:
    for name in names:
        _need(names.count(name) == 1, f"{where}.{name}", reason)


def _need(holds: bool, field: str, reason: str) -> None:
    if not holds:
        raise Invalid(f"{field}: {reason}", errors=[{"field": field, "reason": reason}])
