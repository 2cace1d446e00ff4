"""Which caller may pass to a route, and with which role. What is not allowed is denied."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from authorizer.tokens import Identity
from mart_union.kernel.errors import Forbidden
from mart_union.web.access import kind_of_path
from mart_union.web.paths import is_name

FindRole = Callable[[str, str, str], str]
"""The role of a subject in a store or supplier: (subject, kind, id) → role, '' when there is none."""


def is_page(resource: str) -> bool:
    """Pages send people to the sign-in page or explain a refusal themselves; the API is refused here."""
    return not resource.startswith("/api/")


def role_for(
    identity: Identity, resource: str, parameters: Mapping[str, str], *, union: str, find_role: FindRole
) -> str:
    """The caller's role in the store, supplier or union that the route belongs to; '' on a customer's route.

    Raises:
        Forbidden: the route belongs to a store, supplier or union in which the caller has no role.
    """
    kind = kind_of_path(resource)
    if kind == "customer":
        return ""
    if kind == "operator":
        role = "operator" if f"operator.{union}" in identity.groups else ""
    else:
        owner = parameters.get(kind, "")
        role = find_role(identity.subject, kind, owner) if owner and is_name(owner) else ""
    if not role:
        raise Forbidden(f"no membership of this {kind}")
    return role
