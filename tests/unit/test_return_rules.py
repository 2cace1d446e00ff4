"""What a procedure says about returns: for which reasons, how long, of which lines, and when the customer may keep the goods."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from mart_union.catalog.procedures import ReturnReason, ReturnRules
from mart_union.kernel.clock import iso
from mart_union.kernel.errors import Invalid, ProcedureRefused, RuleViolation, StepNotAllowed
from mart_union.kernel.money import Currency
from mart_union.orders.model import Order, ReturnedLine, StepTaken
from mart_union.orders.own import checked_procedure, described
from mart_union.orders.proving import PARTIES, return_problems
from mart_union.orders.return_decisions import Decision, allowed_decisions
from mart_union.orders.return_rules import can_return, reason_of
from mart_union.orders.returns import decide_return, request_return
from mart_union.orders.shipped import PROCEDURES, get_procedure
from mart_union.orders.views import customer_order
from tests.orders_examples import PLACED, line_of, order_of

DELIVERED = iso(PLACED + timedelta(days=2))
NOW = iso(PLACED + timedelta(days=3))
TWD = Currency("TWD", 100)
BROKEN = ReturnReason("defective", "It is defective", "supplier", "supplier")
LAID_ON_OTHERS = "is laid on a supplier or a carrier: of those take the shipped ones, word for word"
RULES = ReturnRules((BROKEN, ReturnReason("too_small", "It is too small", "customer", "store")))
STORE = {"taker": "store/emei-tea", "actor": "manager", "at": NOW, "currency": TWD}


def delivered(rules: ReturnRules | None = RULES, **line: Any) -> Order:
    """An order that was delivered, under a procedure of its store's own with these rules."""
    own = replace(PROCEDURES["carrier"], name="ours", returns=rules)
    taken = StepTaken("deliver", "system", "system", DELIVERED, (1,))
    order = order_of(replace(line_of(), **line), state="delivered")
    return replace(order, procedure="ours", own_procedure=own, history=(taken,))


def asked(order: Order, reason: str = "defective", *, units: int = 1, key: str = "return-0001", **more: Any) -> Order:
    return request_return(order, [ReturnedLine(1, units)], reason=reason, key=key, at=NOW, **more)


def test_a_reason_is_one_of_the_procedures_and_the_words_beside_it_are_the_customers() -> None:
    after = asked(delivered(), note="the lid is off")
    [made] = after.returns
    assert (made.reason, made.note, made.state, reason_of(after, made)) == (
        "defective",
        "the lid is off",
        "requested",
        BROKEN,
    )
    with pytest.raises(Invalid) as refused:
        asked(delivered(), "changed_mind")
    assert refused.value.facts["errors"] == [{"field": "reason", "reason": "one of defective, too_small"}]
    with pytest.raises(Invalid, match="at most 500"):
        asked(delivered(), note="字" * 501)


def test_a_customer_is_shown_the_reasons_while_something_can_be_given_back() -> None:
    assert customer_order(delivered(), NOW).return_reasons == RULES.reasons
    assert customer_order(delivered(), iso(PLACED + timedelta(days=10))).return_reasons == ()
    assert customer_order(delivered(None), NOW).return_reasons == ()


def test_without_rules_nothing_is_given_back() -> None:
    order = delivered(None)
    with pytest.raises(RuleViolation, match="cannot be returned"):
        asked(order)
    assert not can_return(order, order.lines[0], NOW)


@pytest.mark.parametrize(
    ("kinds", "kind", "may"),
    [(("goods",), "goods", True), (("goods",), "service", False), (("service",), "goods", False)],
)
def test_only_lines_of_the_kinds_that_the_rules_name_are_given_back(
    kinds: tuple[str, ...], kind: str, may: bool
) -> None:
    order = delivered(replace(RULES, kinds=kinds), kind=kind)
    assert can_return(order, order.lines[0], NOW) is may
    if may:
        assert asked(order).returns[0].state == "requested"
    else:
        with pytest.raises(RuleViolation) as refused:
            asked(order)
        assert refused.value.facts == {"kind": kind}


def test_what_is_worth_little_may_be_kept_and_refunded_and_what_is_worth_more_may_not() -> None:
    line = line_of()
    unit = line.charged_minor // 2  # its delivery is in the store's one share
    rules = replace(RULES, returnless_minor=unit)
    one, two = asked(delivered(rules)), asked(delivered(rules), units=2)
    assert allowed_decisions(one, one.returns[0]) == ["accept", "refuse", "refund"]
    assert allowed_decisions(two, two.returns[0]) == ["accept", "refuse"]
    done = decide_return(one, one.returns[0].id, Decision("refund"), key="refund-0001", **STORE)  # type: ignore[arg-type]
    [given], [kept] = done.order.refunds, done.order.returns
    assert (kept.state, kept.stock, kept.refund, kept.history[-1].at) == ("refunded", "written_off", given.id, NOW)
    assert (given.amount_minor, given.reason, dict(done.units)) == (unit, "It is defective", {line.level: 1})
    assert (done.order.lines[0].returned, allowed_decisions(done.order, kept)) == (1, [])
    again = decide_return(done.order, kept.id, Decision("refund"), key="refund-0001", **STORE)  # type: ignore[arg-type]
    assert again.order is done.order
    with pytest.raises(StepNotAllowed) as refused:
        decide_return(two, two.returns[0].id, Decision("refund"), key="refund-0001", **STORE)  # type: ignore[arg-type]
    assert refused.value.facts == {"allowed": ["accept", "refuse"], "state": "requested"}


def test_nothing_is_kept_where_the_rules_name_no_amount_even_if_it_is_worth_nothing_any_more() -> None:
    order = asked(delivered(refunded_minor=line_of().charged_minor))
    assert allowed_decisions(order, order.returns[0]) == ["accept", "refuse"]


@pytest.mark.parametrize(
    ("rules", "problem"),
    [
        (ReturnRules(()), "returns need 1 to 20 reasons"),
        (replace(RULES, reasons=(BROKEN,) * 21), "returns need 1 to 20 reasons"),
        (replace(RULES, reasons=(BROKEN, BROKEN)), "two reasons are called defective"),
        (replace(RULES, days=-1), "a return window is 0 to 365 days"),
        (replace(RULES, days=366), "a return window is 0 to 365 days"),
        (replace(RULES, kinds=()), "what may be given back is of goods or service"),
        (replace(RULES, kinds=("goods", "air")), "what may be given back is of goods or service"),
        (replace(RULES, returnless_minor=-1), "what is given back without the goods is no amount"),
        (replace(RULES, returnless_minor=2**53), "what is given back without the goods is no amount"),
    ],
)
def test_rules_that_cannot_be_used_are_named(rules: ReturnRules, problem: str) -> None:
    assert problem in return_problems(rules)
    with pytest.raises(ProcedureRefused) as refused:
        checked_procedure("ours", described(replace(PROCEDURES["carrier"], returns=rules)))
    assert problem in refused.value.facts["problems"]


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"name": "Broken"}, "the reason Broken is no name of a reason"),
        ({"title": " "}, "the reason broken needs a title of 1 to 80 characters"),
        ({"title": "字" * 81}, "the reason broken needs a title of 1 to 80 characters"),
        ({"fault": "weather"}, "the reason broken is the fault of somebody unknown"),
        ({"way_back": "nobody"}, "the reason broken has its way back paid by somebody unknown"),
        (
            {"fault": "customer", "way_back": "supplier"},
            "the reason broken lets somebody pay the way back for what is the customer's doing",
        ),
        ({"fault": "supplier"}, f"the reason broken {LAID_ON_OTHERS}"),
        ({"fault": "carrier"}, f"the reason broken {LAID_ON_OTHERS}"),
        ({"way_back": "supplier"}, f"the reason broken {LAID_ON_OTHERS}"),
        (
            {"name": "defective", "title": "I like it no more", "fault": "supplier"},
            f"the reason defective {LAID_ON_OTHERS}",
        ),
        (
            {"name": "changed_mind", "title": "I have changed my mind", "fault": "supplier"},
            f"the reason changed_mind {LAID_ON_OTHERS}",
        ),
    ],
)
def test_a_reason_that_cannot_be_used_is_named(changes: dict[str, str], problem: str) -> None:
    own = ReturnReason("broken", "It is broken", "store", "store")
    assert return_problems(ReturnRules((own, *RULES.reasons))) == []
    assert return_problems(ReturnRules((replace(own, **changes),))) == [problem]


@pytest.mark.parametrize("name", sorted(PROCEDURES))
def test_every_shipped_procedure_has_rules_that_may_be_used_or_gives_nothing_back(name: str) -> None:
    rules = PROCEDURES[name].returns
    assert (rules is None) == (name in {"appointment", "digital"})
    if rules is not None:
        assert return_problems(rules) == []
        assert {reason.fault for reason in rules.reasons} <= set(PARTIES)
        assert ("changed_mind" in {reason.name for reason in rules.reasons}) == (name != "made_to_order")


def test_version_one_means_what_it_meant_any_reason_and_whoever_fulfilled_a_line_bears_it() -> None:
    first = get_procedure("carrier", 1).returns
    assert first is not None
    assert [(reason.name, reason.fault) for reason in first.reasons] == [("other", "supplier")]
    assert (first.days, first.kinds, first.returnless_minor) == (None, ("goods", "service"), 0)
    assert get_procedure("made_to_order", 1).returns is None
