"""The rules of commission, tax and deposits: one list for the API, one form a rule on the page."""

from __future__ import annotations

from msgspec import Struct
from msgspec.structs import replace

from mart_union.catalog.fees import SCOPES, CommissionRule, TaxRule
from mart_union.catalog.model import DepositRule
from mart_union.catalog.service import Rules, get_store, get_union, list_categories, list_stores, rules_of, save_rules
from mart_union.kernel.clock import utc_now
from mart_union.kernel.errors import Invalid
from mart_union.kernel.money import parse_amount, parse_percent, plain_amount
from mart_union.kernel.settings import settings
from mart_union.mediation.model import DepositStanding
from mart_union.mediation.service import get_standing, set_deposit_level
from mart_union.web.access import OPERATOR
from mart_union.web.answer import Page, Redirect
from mart_union.web.api import Api
from mart_union.web.request import Request


class Level(Struct, frozen=True):
    """What is required to be available on a store's deposit, in minor units; null: what the union requires of all."""

    level_minor: int | None = None


class LevelForm(Struct, frozen=True):
    """The form of a store's level, in major units; empty: what the union requires of all."""

    level: str = ""


class RuleForm(Struct, frozen=True):
    """A form of the page: `what` is commission, tax, deposit or cash, or remove-commission, remove-tax; rates in per cent, amounts in major units."""

    what: str
    id: str = ""
    scope: str = "union"
    subject: str = ""
    rate: str = ""
    fixed: str = ""
    floor: str = ""
    cap: str = ""
    code: str = ""
    on: str = "goods"
    how: str = "included"
    grace_hours: int = 72


def add_routes(api: Api) -> None:
    """Declare the routes."""
    api.get("/api/operate/fees", OPERATOR, answer=Rules)(read_fees)
    api.put("/api/operate/fees", OPERATOR, body=Rules, answer=Rules)(write_fees)
    api.get("/api/operate/stores/{store}/deposit", OPERATOR, answer=DepositStanding)(read_standing)
    api.put("/api/operate/stores/{store}/deposit", OPERATOR, body=Level, answer=DepositStanding)(write_level)
    api.post("/operate/stores/{store}/deposit", OPERATOR, body=LevelForm)(change_level)
    api.get("/operate/fees", OPERATOR)(show_fees)
    api.post("/operate/fees", OPERATOR, body=RuleForm)(change_fees)


def read_fees(request: Request) -> Rules:
    """The rules of commission, tax and deposits that hold for purchases from now on. Of those of commission, the most specific wins."""
    return rules_of(get_union())


def write_fees(request: Request) -> Rules:
    """Set all the rules; purchases made before keep the rates that they were made with. The same rules again change nothing."""
    return save_rules(request.content, request.caller.subject)


def read_standing(request: Request) -> DepositStanding:
    """What is required of a store's deposit, and whether it is met."""
    return get_standing(get_store(request.params["store"]).id)


def write_level(request: Request) -> DepositStanding:
    """Require another level of one store's deposit than of all, or (null) the same again. The same level again changes nothing."""
    return set_deposit_level(request.params["store"], request.content.level_minor, request.caller.subject, utc_now())


def change_level(request: Request) -> Redirect:
    """Require another level of one store's deposit, by the form among the stores."""
    level = _amount("level", request.content.level) if request.content.level.strip() else None
    set_deposit_level(request.params["store"], level, request.caller.subject, utc_now())
    return Redirect("/operate/stores")


def show_fees(request: Request) -> Page:
    """The rules, and the forms that change them."""
    union = get_union()
    context = {
        "rules": rules_of(union),
        "scopes": SCOPES,
        "subjects": {
            "classification": [each.id for each in union.classifications],
            "category": [each.id for each in list_categories()],
            "store": [each.store for each in list_stores()],
        },
        "currency": settings().currency,
        "cash_limit": plain_amount(union.cash_limit_minor, settings().currency),
        "level": plain_amount(union.deposit.level_minor, settings().currency),
    }
    return Page("operate/fees.html", context)


def change_fees(request: Request) -> Redirect:
    """Add, change or remove one rule, by the page's forms."""
    save_rules(_changed(rules_of(get_union()), request.content), request.caller.subject)
    return Redirect("/operate/fees")


def _changed(rules: Rules, form: RuleForm) -> Rules:
    if form.what == "deposit":
        return replace(rules, deposit=DepositRule(_amount("level", form.floor), form.grace_hours))
    if form.what == "cash":
        return replace(rules, cash_limit_minor=_amount("cap", form.cap))
    if form.what in ("commission", "remove-commission"):
        kept = tuple(rule for rule in rules.fees if rule.id != form.id)
        return replace(rules, fees=kept if form.what.startswith("remove") else (*kept, _commission(form)))
    if form.what in ("tax", "remove-tax"):
        left = tuple(rule for rule in rules.taxes if rule.id != form.id)
        return replace(rules, taxes=left if form.what.startswith("remove") else (*left, _tax(form)))
    raise Invalid("what: nothing of that name is changed here", errors=[{"field": "what", "reason": form.what}])


def _commission(form: RuleForm) -> CommissionRule:
    return CommissionRule(
        form.id,
        form.scope,
        form.subject.strip(),
        rate_basis_points=parse_percent(form.rate, field="rate"),
        fixed_minor=_amount("fixed", form.fixed),
        floor_minor=_amount("floor", form.floor),
        cap_minor=_amount("cap", form.cap) if form.cap.strip() else None,
    )


def _tax(form: RuleForm) -> TaxRule:
    return TaxRule(
        form.id,
        form.code,
        parse_percent(form.rate, field="rate"),
        form.on,
        form.subject.strip(),
        included=form.how == "included",
    )


def _amount(field: str, text: str) -> int:
    if not text.strip(" 0."):
        return 0
    try:
        return parse_amount(text, settings().currency)
    except Invalid as error:
        raise Invalid(error.detail, errors=[{"field": field, "reason": error.detail}]) from error
