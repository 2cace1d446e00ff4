"""Who may take a route: what is not granted is denied."""

from __future__ import annotations

import pytest

from mart_union.kernel.errors import Forbidden, Unauthenticated
from mart_union.web.access import (
    CUSTOMER,
    MANAGER,
    OPERATOR,
    OWNER,
    PACKER,
    PUBLIC,
    SUPPLIER,
    Access,
    Caller,
    kind_of_path,
)

NOBODY = Caller()
ROLES = ("", "packer", "manager", "owner", "member", "operator")


@pytest.mark.parametrize(
    ("access", "allowed"),
    [
        (PUBLIC, set(ROLES)),
        (CUSTOMER, set(ROLES)),
        (PACKER, {"packer", "manager", "owner"}),
        (MANAGER, {"manager", "owner"}),
        (OWNER, {"owner"}),
        (SUPPLIER, {"owner", "member"}),
        (OPERATOR, {"operator"}),
    ],
    ids=["public", "customer", "packer", "manager", "owner", "supplier", "operator"],
)
def test_a_rule_lets_exactly_its_roles_pass(access: Access, allowed: set[str]) -> None:
    for role in ROLES:
        caller = Caller("someone", role)
        if role in allowed:
            access.check(caller)
        else:
            with pytest.raises(Forbidden):
                access.check(caller)


@pytest.mark.parametrize("access", [CUSTOMER, PACKER, MANAGER, OWNER, SUPPLIER, OPERATOR])
def test_whoever_is_not_signed_in_passes_only_public_rules(access: Access) -> None:
    PUBLIC.check(NOBODY)
    with pytest.raises(Unauthenticated):
        access.check(NOBODY)


def test_a_role_without_a_subject_is_nobody() -> None:
    with pytest.raises(Unauthenticated):
        OPERATOR.check(Caller("", "operator"))


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/api/manage/{store}/orders", "store"),
        ("/manage/{store}", "store"),
        ("/api/supply/{supplier}/offers", "supplier"),
        ("/supply/{supplier}", "supplier"),
        ("/api/operate/enterprises", "operator"),
        ("/operate", "operator"),
        ("/api/purchases", "customer"),
        ("/account", "customer"),
        ("/api/stores/manage", "customer"),
        ("/", "customer"),
        ("/api", "customer"),
        ("//api//manage/x", "store"),
    ],
)
def test_the_first_segment_of_a_path_says_which_membership_it_needs(path: str, kind: str) -> None:
    assert kind_of_path(path) == kind
