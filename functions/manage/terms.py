"""How a store presents itself and under which terms it sells."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import Struct
from msgspec.structs import asdict

from mart_union.catalog.fees import commission_rule
from mart_union.catalog.hours import DAYS, Hours
from mart_union.catalog.model import STORE_STATES, Store, Texts
from mart_union.catalog.service import change_store, get_store, get_union, list_audit, set_store_state
from mart_union.kernel.clock import utc_now
from mart_union.kernel.errors import Invalid
from mart_union.kernel.money import Currency
from mart_union.kernel.settings import settings
from mart_union.ledger.model import SETTLEMENT_PERIODS
from mart_union.orders.own import check_choice, names_of
from mart_union.web.access import MANAGER, OWNER, PACKER
from mart_union.web.answer import Page, Redirect
from mart_union.web.api import Api
from mart_union.web.request import Request

_NUMBERS = ("lead_days", "return_window_days")
_WORDS = ("place", "glyph", "procedure", "carrier", "settlement_period")


class StoreTerms(Struct, frozen=True):
    """All that a store can change of itself; amounts in minor units. Delivery is charged as it says here or, `delivery_by_table`, as its carrier does.

    Another `classification` is refused once the store has been opened: then the union's operator changes it.
    """

    names: Texts
    texts: Texts
    classification: str
    hours: Hours
    place: str
    glyph: str
    procedure: str
    carrier: str
    lead_days: int
    return_window_days: int
    delivery_amount: int
    free_delivery_from: int | None
    settlement_period: str
    delivery_by_table: bool = False


class StoreState(Struct, frozen=True):
    """open, paused or closed."""

    state: str


def add_routes(api: Api) -> None:
    """Declare the routes and pages."""
    terms = "/manage/{store}/settings"
    api.get(f"/api{terms}", PACKER, answer=Store)(show_by_api)
    api.put(f"/api{terms}", MANAGER, body=StoreTerms, answer=Store)(change_by_api)
    api.post(f"/api{terms}/state", OWNER, body=StoreState, answer=Store)(set_state_by_api)
    api.get(terms, MANAGER)(show_page)
    api.post(terms, MANAGER, body=dict[str, str])(change_by_form)
    api.post(f"{terms}/state", OWNER, body=StoreState)(set_state_by_form)


def show_by_api(request: Request) -> Store:
    """The store as it is."""
    return get_store(request.params["store"])


def change_by_api(request: Request) -> Store:
    """Change the store's terms; orders placed before keep theirs."""
    terms: StoreTerms = request.content
    return _change(request, asdict(terms))


def _change(request: Request, terms: Mapping[str, Any]) -> Store:
    check_choice(get_store(request.params["store"]), terms["procedure"])
    return change_store(request.params["store"], terms, request.caller.subject)


def set_state_by_api(request: Request) -> Store:
    """Open, pause or close the store."""
    wanted: StoreState = request.content
    return set_store_state(request.params["store"], wanted.state, request.caller.subject)


def show_page(request: Request) -> Page:
    """The store's terms as a form, the union's commission on what it sells, and who changed what this month."""
    store, union = show_by_api(request), get_union()
    rule = commission_rule(union.fees, store=store.id, classification=store.classification, categories=())
    own = rule is not None and rule.scope == "store"
    context = {
        "rule": rule,
        "category_rules": () if own else tuple(each for each in union.fees if each.scope == "category"),
        "store": store.id,
        "shown": store,
        "union": union,
        "days": DAYS,
        "states": STORE_STATES,
        "periods": SETTLEMENT_PERIODS,
        "procedures": names_of(store),
        "currency": settings().currency,
        "audit": list_audit(f"store/{store.id}", f"{utc_now():%Y-%m}", limit=20).items,
    }
    return Page("manage/settings.html", context)


def change_by_form(request: Request) -> Redirect:
    """Change what the form shows."""
    changed = _change(request, terms_of(request.content, settings().languages, settings().currency))
    return Redirect(f"/manage/{changed.id}/settings")


def set_state_by_form(request: Request) -> Redirect:
    """Open, pause or close the store."""
    return Redirect(f"/manage/{set_state_by_api(request).id}/settings")


def terms_of(form: Mapping[str, str], languages: tuple[str, ...], currency: Currency) -> dict[str, Any]:
    """A form's fields as terms: texts one field a language, hours two fields a day, amounts in major units. The form of a store that has been opened
    has no classification, which stays as it is.

    Raises:
        Invalid: a number is none; `errors` names the field.
    """
    terms: dict[str, Any] = {
        "names": _texts(form, "name", languages),
        "texts": _texts(form, "text", languages),
        "hours": _hours(form),
        "delivery_amount": _amount(form, "delivery_amount", currency) or 0,
        "free_delivery_from": _amount(form, "free_delivery_from", currency),
        "delivery_by_table": form.get("delivery_by_table") == "true",
    }
    terms |= {name: form.get(name, "") for name in _WORDS}
    terms |= {name: form[name] for name in ("classification",) if name in form}
    return terms | {name: _number(form, name) for name in _NUMBERS}


def _texts(form: Mapping[str, str], field: str, languages: tuple[str, ...]) -> Texts:
    texts = {tag: form.get(f"{field}-{tag}", "").strip() for tag in languages}
    return {tag: text for tag, text in texts.items() if text}


def _hours(form: Mapping[str, str]) -> Hours:
    """A day without times is a closed day; no times at all mean always open."""
    days = {day: (form.get(f"{day}-opens", ""), form.get(f"{day}-closes", "")) for day in DAYS}
    hours: Hours = {day: times if all(times) else None for day, times in days.items()}
    return hours if any(hours.values()) else {}


def _number(form: Mapping[str, str], field: str) -> int:
    text = form.get(field, "").strip()
    if not text.isdecimal() or len(text) > 9:
        raise Invalid(f"{field}: write a whole number", errors=[{"field": field, "reason": "a whole number"}])
    return int(text)


def _amount(form: Mapping[str, str], field: str, currency: Currency) -> int | None:
    """An amount in major units, such as `80`; an empty field is none."""
    text = form.get(field, "").strip()
    if not text:
        return None
    whole, _, fraction = text.partition(".")
    if not whole.isdecimal() or len(whole) > 12 or len(fraction) > currency.digits or not (fraction or "0").isdecimal():
        raise Invalid(f"{field}: write an amount such as 80", errors=[{"field": field, "reason": "an amount"}])
    scale: int = 10**currency.digits
    return int(whole) * scale + int(fraction.ljust(currency.digits, "0") or "0")
