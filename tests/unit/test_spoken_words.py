"""Words that reach pages through variables: each list that the code keeps of them is translated, and no page says a word of another list."""

from __future__ import annotations

import ast
import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
from jinja2 import Environment, nodes

from mart_union.catalog.fees import SCOPES
from mart_union.catalog.hours import DAYS
from mart_union.catalog.model import ENTERPRISE_STATES, LISTING_STATES, STORE_STATES
from mart_union.checkout.model import PAYMENTS
from mart_union.customers.model import MEMBER_ROLES, VIEW_KINDS
from mart_union.ledger.model import SETTLEMENT_PERIODS
from mart_union.mediation.model import FOLLOWED, OFFER_STATES, PAUSES, SUPPLIER_STATES
from mart_union.orders import own
from mart_union.orders.abuse import CASE_STATES
from mart_union.orders.model import REMINDERS, RESPONSE_KINDS, STATES
from mart_union.orders.proving import EFFECTS, NEEDS, PARTIES, ROLES
from mart_union.orders.return_rules import OPEN
from mart_union.orders.return_waits import CUSTOMERS_STATE, TAKERS_STATES
from mart_union.orders.shipped import PROCEDURES
from mart_union.orders.tracking import TRACKING_EVENTS
from mart_union.settlement.checks.transfers import KINDS as TRANSFERS
from mart_union.stock import model as stock
from mart_union.web import words
from mart_union.web.problems import TITLES

WEB = Path(words.__file__).parent
TEMPLATES = WEB / "templates"
STOCK = Path(stock.__file__).parent
LANGUAGES = sorted(file.stem for file in (WEB / "texts").glob("*.json"))

_STEPS = tuple(step for each in PROCEDURES.values() for step in each.steps)
_RETURNS = tuple(reason for each in PROCEDURES.values() if each.returns for reason in each.returns.reasons)
_ROLES = (*ROLES, "operator", "carrier")
_MEMBERS = tuple(role for roles in MEMBER_ROLES.values() for role in roles)
_MONEY = (
    "collecting",
    "ready",
    "sent",
    "paid",
    "carried",
    "returned",
    "rejected",
    "closed",
    "waiting",
    "verified",
    "failed",
)
_REPLENISHMENTS = ("ordered", "partly_received", "received", "cancelled", "closed")
_WORK = ("IN_QUEUE", "PROCESSING", "DONE", "FATAL", "running", "done", "stopped", "linked", "paused", "withdrawn")
_ANSWERS = (*OPEN, "refunded", "refused", "replaced", "open", "answered")
_ANY_STATE = (
    *STATES, *ENTERPRISE_STATES, *STORE_STATES, *LISTING_STATES, *SUPPLIER_STATES, *OFFER_STATES, *PAYMENTS,
    *_MONEY, *_REPLENISHMENTS, *_WORK, *_ANSWERS, *CASE_STATES, "active",
)  # fmt: skip
_SHARES = ("supply", "commission", "tax", "fee_tax", "delivery", "sale")
_PAYABLES = ("completion", "refund", "chargeback", "collection", "returned_payout", "carried")

SPOKEN: dict[str, Iterable[str]] = {
    "_macros.html asked.reason.title": [reason.title for reason in _RETURNS],
    "_macros.html asked.reason.way_back": PARTIES,
    "_macros.html each.event": TRACKING_EVENTS,
    "_macros.html event": TRACKING_EVENTS,
    "_macros.html kind": _SHARES,
    "_macros.html line.kind": _PAYABLES,
    "_macros.html word": [word for word in (*stock.REASONS, *stock.COUNTS) if word != "received"],
    "_macros.html party.split()[]": ("store", "supplier", "carrier"),
    "_macros.html state": _ANY_STATE,
    "_macros.html steps[].to_state": STATES,
    "_macros.html taken.role": _ROLES,
    "_procedure.html arrow.step.title": [step.title for step in _STEPS],
    "_procedure.html role": ROLES,
    "_procedure.html state": STATES,
    "_procedure.html title": [each.title for each in PROCEDURES.values()],
    "_replenishments.html party": ("store", "supplier"),
    "account/account.html each.kind": TRANSFERS,
    "account/account.html each.role": _MEMBERS,
    "account/enterprise.html each": PROCEDURES,
    "account/invitation.html invitation.role": _MEMBERS,
    "account/views.html each.kind": VIEW_KINDS,
    "manage/deposit.html each.kind": TRANSFERS,
    "manage/links.html name": [name for name in FOLLOWED if name != "glyph"],
    "manage/listings_one.html sold_under.title": [each.title for each in PROCEDURES.values()],
    "manage/orders.html tab": STATES,
    "manage/orders_one.html reason.title": [reason.title for reason in _RETURNS],
    "manage/orders_one.html reason.way_back": PARTIES,
    "manage/orders_one.html response.kind": RESPONSE_KINDS,
    "manage/orders_one.html step.title": [step.title for step in _STEPS],
    "manage/orders_procedure.html each.ended": STATES,
    "manage/orders_procedure.html each.would_end": STATES,
    "manage/orders_procedures.html subject.split()[]": own.KINDS,
    "manage/orders_procedures.html deadline.state": STATES,
    "manage/orders_procedures.html each.state": (*TAKERS_STATES, CUSTOMERS_STATE),
    "manage/orders_procedures.html kind": own.KINDS,
    "manage/orders_procedures.html need": NEEDS,
    "manage/orders_procedures.html procedure.title": [each.title for each in PROCEDURES.values()],
    "manage/orders_procedures.html reason.fault": PARTIES,
    "manage/orders_procedures.html reason.title": [reason.title for reason in _RETURNS],
    "manage/orders_procedures.html reason.way_back": PARTIES,
    "manage/orders_procedures.html reminder.state": STATES,
    "manage/orders_procedures.html reminder.to": REMINDERS,
    "manage/orders_procedures.html role": ROLES,
    "manage/orders_procedures.html state": STATES,
    "manage/orders_procedures.html step.effect": [effect for effect in EFFECTS if effect],
    "manage/orders_procedures.html step.title": [step.title for step in _STEPS],
    "manage/orders_procedures.html step.to_state": STATES,
    "manage/settings.html day": DAYS,
    "manage/settings.html each": SETTLEMENT_PERIODS,
    "manage/slots.html day": DAYS,
    "parties/responses.html response.kind": RESPONSE_KINDS,
    "parties/staff.html each.role": MEMBER_ROLES["store"],
    "parties/staff.html role": MEMBER_ROLES["store"],
    "operate/_menu.html each": (*ENTERPRISE_STATES, *STORE_STATES, *SUPPLIER_STATES),
    "operate/accounts.html each.kind": TRANSFERS,
    "operate/carrier.html day": DAYS,
    "operate/escalations.html each.kind": ("order", "return", *RESPONSE_KINDS),
    "operate/escalations.html step": [
        step.name for step in _STEPS if "system" in step.roles and step.effect in {"", "refund", "collect"}
    ],
    "operate/reports.html each.kind": RESPONSE_KINDS,
    "operate/fees.html kind": SCOPES,
    "operate/fees.html rule.scope": SCOPES,
    "operate/fees.html scope": SCOPES,
    "problem.html problem.title": [*TITLES.values(), "Internal error"],
    "supply/clearing.html each.kind": TRANSFERS,
    "supply/order.html need": NEEDS,
    "supply/order.html needs[].title": [step.title for step in _STEPS],
    "tracking/order.html reason.title": [reason.title for reason in _RETURNS],
    "tracking/order.html response.kind": RESPONSE_KINDS,
    "tracking/order.html steps[].title": [step.title for step in _STEPS],
    "tracking/order.html taken.role": _ROLES,
}
"""What each variable of a template can hold that the template translates."""

SENTENCES = {
    "manage/orders_one.html refund.reason",
    "operate/audit.html each.action",
    "supply/order.html each.step",
    "tracking/order.html refund.reason",
}
"""What is a text that somebody wrote, or a record's own name: said as it is where there is no translation."""


class Say(Exception):
    """A piece of a template that this test cannot read."""


def expression(node: nodes.Node) -> str:
    match node:
        case nodes.Name():
            return node.name
        case nodes.Getattr():
            return f"{expression(node.node)}.{node.attr}"
        case nodes.Getitem():
            return f"{expression(node.node)}[]"
        case nodes.Call():
            return f"{expression(node.node)}()"
    raise Say(repr(node))


def filtered(node: nodes.Node, value: str) -> str:
    """A value as the filters of an expression leave it, the innermost first."""
    if not isinstance(node, nodes.Filter):
        return value
    assert node.node is not None
    inner = filtered(node.node, value)
    arguments = [each.as_const() for each in node.args]
    return str(
        Environment().filters[node.name](*([inner] if node.name != "replace" else [_context(), inner]), *arguments)
    )


def _context() -> Any:
    return Environment().from_string("").new_context().eval_ctx


def core(node: nodes.Node) -> nodes.Node:
    while isinstance(node, nodes.Filter):
        assert node.node is not None
        node = node.node
    return node


def literals(template: nodes.Template, name: str) -> list[str]:
    """The words that loops of a template itself, and calls of its own macros, give to a variable."""
    found = passed(template, name)
    for loop in template.find_all(nodes.For):
        if isinstance(loop.iter, nodes.List | nodes.Tuple):
            targets = loop.target.items if isinstance(loop.target, nodes.Tuple) else [loop.target]
            for place, target in enumerate(targets):
                if isinstance(target, nodes.Name) and target.name == name:
                    rows = [row.items if isinstance(row, nodes.Tuple) else [row] for row in loop.iter.items]
                    found += [row[place].as_const() for row in rows]
    return found


def passed(template: nodes.Template, name: str) -> list[str]:
    """The words that a template passes to its own macros by a parameter of that name."""
    found: list[nodes.Expr] = []
    for macro in template.find_all(nodes.Macro):
        names = [each.name for each in macro.args]
        if name in names:
            place = names.index(name)
            for call in template.find_all(nodes.Call):
                if isinstance(call.node, nodes.Name) and call.node.name == macro.name:
                    found += call.args[place : place + 1]
                    found += [each.value for each in call.kwargs if each.key == name]
    return [each.value for each in found if isinstance(each, nodes.Const) and each.value]


def said(file: Path) -> Iterator[tuple[str, list[str]]]:
    """Each variable that a template translates, with the words that it can stand for there."""
    name, template = file.relative_to(TEMPLATES).as_posix(), Environment().parse(file.read_text(encoding="utf-8"))
    for call in template.find_all(nodes.Call):
        if isinstance(call.node, nodes.Name) and call.node.name == "t":
            yield from _said_by(name, template, call.args[0])


def _said_by(name: str, template: nodes.Template, node: nodes.Node) -> Iterator[tuple[str, list[str]]]:
    root = core(node)
    match root:
        case nodes.Const():
            yield "", [root.value]
        case nodes.CondExpr():
            assert root.expr2 is not None
            yield from [*_said_by(name, template, root.expr1), *_said_by(name, template, root.expr2)]
        case nodes.Getitem(node=nodes.Dict(items=pairs)):
            yield "", [pair.value.as_const() for pair in pairs]
        case _:
            where = f"{name} {expression(root)}"
            own_words = literals(template, expression(root))
            yield where, [filtered(node, each) for each in (*SPOKEN.get(where, ()), *own_words)]


SAID = [each for file in sorted(TEMPLATES.rglob("*.html")) for each in said(file)]


def test_whatever_variable_a_page_translates_has_a_list_of_its_words() -> None:
    assert sorted({where for where, found in SAID if where and not found} - SENTENCES) == []
    assert sorted((set(SPOKEN) | SENTENCES) - {where for where, _ in SAID}) == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_word_that_reaches_a_page_through_a_variable_is_translated(language: str) -> None:
    known = json.loads((WEB / "texts" / f"{language}.json").read_text(encoding="utf-8"))
    assert sorted({word for _, found in SAID for word in found} - set(known)) == []


def test_the_page_of_links_has_a_word_for_every_reason_for_which_one_is_paused() -> None:
    page = Environment().parse((TEMPLATES / "manage/links.html").read_text(encoding="utf-8"))
    [words] = [node for node in page.find_all(nodes.Dict) if len(node.items) > 1]
    assert {pair.key.as_const() for pair in words.items} == set(PAUSES)


def test_every_reason_of_a_movement_is_one_that_the_journal_knows() -> None:
    named = set()
    for file in STOCK.glob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            match node:
                case (
                    ast.Call(func=ast.Name(id="Movement"), args=[reason, *_])
                    | ast.Assign(targets=[ast.Name(id="reason")], value=reason)
                ):
                    named |= {each.value for each in ast.walk(reason) if isinstance(each, ast.Constant)} - {""}
    assert named == set(stock.REASONS) - set(stock.REASONS_IN) - set(stock.REASONS_OUT) | {"returned"}
