"""Who works for a supplier: invited by its owner, as in a store, and let go for good."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from account.app import lambda_handler as account
from mart_union.customers.service import find_role, list_staff
from mart_union.kernel.errors import RuleViolation
from mart_union.mediation import service as mediation
from supply.app import lambda_handler as supply
from tests.gateway import CONTEXT, gateway_event

NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)


@pytest.fixture
def supplier(unique: str) -> str:
    mediation.apply_supplier(
        unique, names={"en": f"Growers {unique}"}, texts={}, registration="7", applicant=f"owner-{unique}", now=NOW
    )
    mediation.decide_supplier(unique, True, "operator", NOW)
    return unique


def asked(method: str, path: str, subject: str, role: str = "owner", **more: Any) -> dict[str, Any]:
    return gateway_event(method, path, subject=subject, role=role, **more)


def invite(supplier: str, role: str) -> str:
    path = f"/api/supply/{supplier}/staff/invitations"
    answer = supply(asked("POST", path, f"owner-{supplier}", body={"role": role}), CONTEXT)
    assert answer["statusCode"] == 201
    return str(json.loads(answer["body"])["code"])


def staff_of(supplier: str) -> set[tuple[str, str]]:
    return {(each.subject, each.role) for each in list_staff("supplier", supplier)}


def test_a_suppliers_owner_invites_a_member_who_sees_of_whom_it_is_and_takes_it_up(supplier: str) -> None:
    code = invite(supplier, "member")
    page = account(asked("GET", f"/invitations/{code}", "lin", ""), CONTEXT)
    assert (f"Growers {supplier}" in page["body"], f'action="/union/invitations/{code}"' in page["body"]) == (
        True,
        True,
    )
    taken = account(asked("POST", f"/invitations/{code}", "lin", "", form={}), CONTEXT)
    assert (taken["statusCode"], taken["multiValueHeaders"]["Location"][0].endswith(f"/supply/{supplier}")) == (
        303,
        True,
    )
    assert staff_of(supplier) == {(f"owner-{supplier}", "owner"), ("lin", "member")}
    shown = supply(asked("GET", f"/supply/{supplier}/staff", "lin", "member"), CONTEXT)
    assert (shown["statusCode"], 'name="role"' in shown["body"]) == (200, False)
    own = supply(asked("GET", f"/supply/{supplier}/staff", f"owner-{supplier}"), CONTEXT)
    assert 'name="role"' in own["body"]


def test_a_role_that_suppliers_do_not_have_is_refused(supplier: str) -> None:
    path = f"/api/supply/{supplier}/staff/invitations"
    answer = supply(asked("POST", path, f"owner-{supplier}", body={"role": "packer"}), CONTEXT)
    assert (answer["statusCode"], "packer" in answer["body"]) == (422, True)


def test_whom_a_supplier_has_let_go_no_decision_of_the_union_brings_back(supplier: str) -> None:
    path, applicant = f"/api/supply/{supplier}/staff", f"owner-{supplier}"
    alone = supply(asked("DELETE", f"{path}/{applicant}", applicant), CONTEXT)
    assert (alone["statusCode"], staff_of(supplier)) == (422, {(applicant, "owner")})
    account(asked("POST", f"/api/invitations/{invite(supplier, 'owner')}", "chen", ""), CONTEXT)
    gone = supply(asked("DELETE", f"{path}/{applicant}", "chen"), CONTEXT)
    assert (gone["statusCode"], staff_of(supplier)) == (200, {("chen", "owner")})
    for approve in (True, False, True):
        mediation.decide_supplier(supplier, approve, "operator", NOW)
    assert (staff_of(supplier), find_role(applicant, "supplier", supplier)) == ({("chen", "owner")}, "")


def test_whoever_is_refused_gets_no_role(unique: str) -> None:
    mediation.apply_supplier(unique, names={"en": "G"}, texts={}, registration="8", applicant="wu", now=NOW)
    mediation.decide_supplier(unique, False, "operator", NOW)
    with pytest.raises(RuleViolation):
        mediation.decide_supplier(unique, True, "operator", NOW)
    assert staff_of(unique) == set()
