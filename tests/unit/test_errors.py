"""Refusals: each has its own code, and the code its HTTP status."""

from __future__ import annotations

from mart_union.kernel import errors
from mart_union.kernel.errors import MartUnionError, PriceChanged
from mart_union.web.problems import STATUS, UNKNOWN, problem_of


def family() -> list[type[MartUnionError]]:
    members = [value for value in vars(errors).values() if isinstance(value, type)]
    return [member for member in members if issubclass(member, MartUnionError) and member is not MartUnionError]


def test_every_code_belongs_to_one_refusal_and_has_a_status() -> None:
    assert sorted(member.code for member in family() if "code" in vars(member)) == sorted(STATUS)


def test_a_kind_of_conflict_is_caught_as_a_conflict() -> None:
    kinds = {member.code for member in family() if issubclass(member, errors.Conflict)}
    assert kinds == {
        "conflict",
        "already-reported",
        "idempotency-key-reused",
        "price-changed",
        "out-of-stock",
        "step-not-allowed",
        "payment-outstanding",
    }
    assert {STATUS[code] for code in kinds} == {409}


def test_a_problem_carries_the_facts_of_its_refusal() -> None:
    assert problem_of(PriceChanged("the total is now NT$80", total_minor=8000)) == {
        "type": "urn:mart-union:problem:price-changed",
        "title": "Price changed",
        "status": 409,
        "detail": "the total is now NT$80",
        "total_minor": 8000,
    }


def test_a_fact_cannot_pass_for_the_status() -> None:
    assert problem_of(PriceChanged("no", status=200))["status"] == 409


def test_the_problem_of_an_unknown_error_tells_no_more_than_that() -> None:
    assert set(UNKNOWN) == {"type", "title", "status", "detail"}
    assert UNKNOWN["status"] == 500
