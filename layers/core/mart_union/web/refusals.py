"""What a page says of a refusal, in its reader's language: what to do now, what exactly was refused, and which entries it is about.

A refusal is known by its name, which is `code/reason` where it has a `reason` among its facts and else its code, and is told with its facts. Its English
sentence is nobody's key: it is shown as it is, and marked as English, where its name has no sentence here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from string import Formatter
from typing import Any

from msgspec import Struct

from mart_union.kernel.clock import from_iso, local_text
from mart_union.kernel.errors import MartUnionError
from mart_union.kernel.money import format_money
from mart_union.kernel.settings import settings
from mart_union.web.fields import FIELDS, SECRET
from mart_union.web.problems import problem_of
from mart_union.web.words import translate

_TYPE = "urn:mart-union:problem:"

_ADVICE = {
    "Correct what is named here, then send it again.": (
        "invalid",
        "unknown-account",
        "currency-mismatch",
        "amount-out-of-range",
        "unsupported-media-type",
        "procedure-refused",
        "money-stranded",
        "part-refused",
    ),
    "Something stands in the way. Once it is gone, you can send this again.": ("rule-violation",),
    "Since the store was opened, only the union's operator changes its business: ask the union if it is wrong.": (
        "classification-fixed",
    ),
    "Look at how it is now: it may have changed since you opened the page.": ("conflict", "step-not-allowed"),
    "It may have ended, or its address may be wrong. Look for it from the page that led you here.": ("not-found",),
    "This account may not do that. Ask whoever may, or sign in with another account.": ("forbidden",),
    "Sign in, then try again.": ("unauthenticated",),
    "Open the page anew before you send something else.": ("idempotency-key-reused",),
    "Look at the new total before you buy.": ("price-changed",),
    "Choose fewer, or something else.": ("out-of-stock", "limit-reached"),
    "Add money to the account, choose a smaller amount, or pay in another way.": ("insufficient-funds",),
    "Use another card, or pay in another way.": ("card-declined",),
    "Choose another way to pay.": ("cash-not-taken", "not-chargeable"),
    "Wait until the money is there, then try again.": ("payment-outstanding",),
    "Get in line on the page of the sale.": (
        "not-admitted",
        "admission-needed",
        "ticket-expired",
        "ticket-used",
        "ticket-forged",
        "ticket-of-another",
    ),
    "Keep your place, and come back when it is your turn.": ("turn-not-come",),
    "Choose another address, or something else.": ("not-eligible", "outside-area"),
    "Choose another time.": ("slot-refused", "sale-overlaps"),
    "Choose a smaller amount.": ("beyond-original",),
    "Choose one of the union's carriers.": ("unknown-carrier",),
    "Renew the code, then say the new one.": ("code-locked",),
    "You need do nothing more: the union looks at what was reported.": ("already-reported", "report-limit"),
    "Send less at once.": ("too-large",),
    "Wait a moment, then send it again: nothing is done twice.": ("busy", "provider-unavailable", "internal"),
}

ADVICE = {code: sentence for sentence, codes in _ADVICE.items() for code in codes}
"""What somebody can do now, by the refusal's code."""

DETAILS: dict[str, tuple[str, ...]] = {
    "already-reported": ("You have reported this already.",),
    "admission-needed": ("This sale lets its buyers in one after another.",),
    "beyond-original": ("Left to give back: {left_minor}.",),
    "busy/charging": ("The card is being charged at this moment. In a minute it can be refunded.",),
    "busy/crowded": ("Many changes met here at this moment.",),
    "busy/tries": ("Too many tries. Wait a moment.",),
    "card-declined": ("The card was refused.",),
    "cash-not-taken/cost": ("Some of this cannot be paid in cash at its price.",),
    "cash-not-taken/limit": ("A purchase that is paid in cash costs at most {limit_minor}.",),
    "cash-not-taken/not_offered": ("This union takes no cash on delivery.",),
    "cash-not-taken/procedure": ("Some of this is not handed over for cash.",),
    "cash-not-taken/supplier": ("Some of this comes from a supplier, who is to be covered before it leaves.",),
    "code-locked": ("This code was said wrongly too often and opens nothing any more.",),
    "conflict/answered": ("This has been answered already.",),
    "conflict/overtaken": ("Another change came first.",),
    "conflict/cart": ("This cart was changed in another window.",),
    "forbidden/membership": ("Your membership does not allow this.",),
    "idempotency-key-reused": ("This form was sent before with other entries.",),
    "insufficient-funds": ("{available_minor} is available, {needed_minor} is needed.",),
    "invalid/recipient": ("A delivery needs a name, an address, a city, a postcode and a phone number.",),
    "limit-reached": ("A customer may have {limit} of {sku}. Left for you: {left}.",),
    "not-eligible": ("{sku} is sold only to postcodes that begin with {postcodes}.",),
    "out-of-stock": (
        "The urgent sale of {sku} is sold out. At its own price the total is {total_minor}.",
        "{sku}: {left} left for sale, {wanted} asked for.",
        "{left} left for sale, {wanted} asked for.",
        "{sku} is sold out.",
    ),
    "outside-area": ("Not delivered to this postcode: {lines}.",),
    "price-changed": ("The total is now {total_minor}.",),
    "rule-violation/appointment": ("An appointment must be ahead.",),
    "rule-violation/cart-empty": ("Your cart is empty.",),
    "rule-violation/cart-full": ("A cart has at most {most} lines. Check out first, or take something out.",),
    "rule-violation/closed": ("The store is not open for orders",),
    "rule-violation/code": ("This is not the code that we sent.",),
    "rule-violation/code-expired": ("This code is too old. Have a new one sent.",),
    "rule-violation/left": ("The goods have left. Give an amount back, or take them back as a return.",),
    "rule-violation/no-cards": ("This union takes no cards.",),
    "rule-violation/no-returns": ("This cannot be returned. Write to the store instead.",),
    "rule-violation/not-waiting": ("This purchase does not wait for payment any more.",),
    "rule-violation/one-parcel": ("What is paid on delivery goes in one parcel, with all its lines.",),
    "rule-violation/places": ("This comes from different places. Ask for one return each.",),
    "rule-violation/responses": ("At most {most} questions, complaints and reviews may be written about one order.",),
    "rule-violation/return-early": ("Line {line} has not been delivered yet.",),
    "rule-violation/return-window": ("What came on line {line} could be returned until {until}.",),
    "rule-violation/returnable": ("Of line {line}, so many can still be returned: {left_units}.",),
    "rule-violation/returns": ("An order has at most {most} returns.",),
    "rule-violation/review-early": ("You can review this once it has arrived.",),
    "rule-violation/reviewed": ("This line has its review already.",),
    "rule-violation/setup": ("This account must be set up first.",),
    "rule-violation/shops-money": ("The seller's own shop took the money, and refunds it.",),
    "rule-violation/too-much": ("This is too much for one checkout. Make it two.",),
    "rule-violation/withdrawn": ("Not on sale now: {sku}.", "Not on sale"),
    "slot-refused/none": ("Choose a time for {sku}.",),
    "slot-refused/past": ("This time of {sku} has begun.",),
    "slot-refused/unknown": ("{sku} has no such time.",),
    "step-not-allowed": ("This cannot be done now. State: {state}.",),
    "ticket-expired": ("Your turn is over.",),
    "ticket-of-another": ("This ticket is of another sale or customer.",),
    "ticket-used": ("This ticket has been used.",),
    "turn-not-come": ("It will be your turn in {wait_seconds} seconds.",),
    "unauthenticated": ("You are not signed in.",),
    "unauthenticated/password": ("The address or the password is not right.",),
}
"""What was refused, by the refusal's name: the first sentence of which all facts came is said."""

REASONS = (
    "is empty",
    "is missing",
    "a whole number is needed here",
    "a number is needed here",
    "a text is needed here",
    "true or false is needed here",
    "must have 1 to {longest} characters",
)
"""Why an entry was refused, as forms are told most; with facts of the entry."""


class Entry(Struct, frozen=True):
    """One entry that was refused: its field's label ('' where no form has one), its plain name, and why; `english` where only English says why."""

    label: str
    field: str
    reason: str
    english: bool


class Told(Struct, frozen=True):
    """What a page says of a refusal; `detail` is '' where the entries say it all, `english` where only English says it."""

    advice: str
    detail: str
    english: bool
    entries: tuple[Entry, ...]


def explain(refusal: MartUnionError | Mapping[str, Any], language: str) -> Told:
    """A refusal, or its problem details, for the readers of a page in a language."""
    problem = problem_of(refusal) if isinstance(refusal, MartUnionError) else refusal
    errors = problem.get("errors") or ()
    entries = tuple(_entry(each, language) for each in errors)
    code = problem["type"].removeprefix(_TYPE)
    known = "" if language == "en" else _detail(code, problem, language)
    said_by_entries = problem["detail"] in {text for each in errors for text in _sentences_of(each)}
    detail = "" if said_by_entries else known or problem["detail"]
    return Told(translate(ADVICE[code], language), detail, language != "en" and not known, entries)


def sent_entries(form: Mapping[str, str], language: str) -> list[tuple[str, str]]:
    """What was sent, by the labels of its fields, for whoever has to fill the form in again; no secret, and nothing without a label."""
    told = [(label_of(field, language), value) for field, value in form.items() if field not in SECRET]
    return [(label, value) for label, value in told if label]


def label_of(field: str, language: str) -> str:
    """A field's label in the forms; '' where no form has one. What follows its name, as in `title-ko` or `rules[2].rate`, stands behind it."""
    name, *more = re.split(r"[-.\[]", field, maxsplit=1)
    if name not in FIELDS:
        return ""
    label = translate(FIELDS[name], language)
    return f"{label} ({more[0].replace(']', '')})" if more else label


def facts_of(sentence: str) -> set[str]:
    """The names of the facts that a sentence is said with."""
    return {name for _, name, _, _ in Formatter().parse(sentence) if name}


def _entry(error: Mapping[str, Any], language: str) -> Entry:
    known = next((each for each in REASONS if _says(each, error)), "")
    facts = {name: error[name] for name in facts_of(known)}
    reason = translate(known, language, **facts) if known else error["reason"]
    return Entry(label_of(error["field"], language), error["field"], reason, language != "en" and not known)


def _says(sentence: str, error: Mapping[str, Any]) -> bool:
    return facts_of(sentence) <= error.keys() and sentence.format(**error) == error["reason"]


def _sentences_of(error: Mapping[str, Any]) -> tuple[str, str]:
    """How a refusal of this entry alone is said in English."""
    return error["reason"], f"{error['field']}: {error['reason']}"


def _detail(code: str, problem: Mapping[str, Any], language: str) -> str:
    """What was refused, by the refusal's name and facts; '' where its name has no sentence, or not these facts."""
    for sentence in (*DETAILS.get(f"{code}/{problem.get('reason')}", ()), *DETAILS.get(code, ())):
        if facts_of(sentence) <= problem.keys():
            facts = {name: _shown(name, problem[name], language) for name in facts_of(sentence)}
            return translate(sentence, language, **facts)
    return ""


def _shown(name: str, value: Any, language: str) -> str:
    """A fact as a page shows it: an amount as money, a moment in the union's time, a state by its word, a list by commas, a line by its SKU."""
    if name.endswith("_minor"):
        return format_money(value, settings().currency)
    if name == "until":
        return local_text(from_iso(value), settings().time_zone)
    if name == "state":
        return translate(value.replace("_", " ").capitalize(), language)
    if isinstance(value, list):
        return ", ".join(each["sku"] if isinstance(each, dict) else each for each in value)
    return str(value)
