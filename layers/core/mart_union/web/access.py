"""Who may take a route. The authorizer looks memberships up by the path's prefix; the route's rule is checked again here."""

from __future__ import annotations

from msgspec import Struct

from mart_union.kernel.errors import Forbidden, Unauthenticated

STORE_ROLES = ("packer", "manager", "owner")  # each may do what the ones before it may


class Caller(Struct, frozen=True):
    """Who calls: the pool's subject ('' when nobody signed in) and the role in the store, supplier or union of the path."""

    subject: str = ""
    role: str = ""


class Access(Struct, frozen=True):
    """A rule for callers: `roles` empty means that any signed-in customer may."""

    kind: str
    roles: frozenset[str] = frozenset()

    def allows(self, caller: Caller) -> bool:
        """Whether a caller may take the route. Denies by default."""
        return self.kind == "public" or (bool(caller.subject) and (not self.roles or caller.role in self.roles))

    def check(self, caller: Caller) -> None:
        """Refuse a caller who may not take the route.

        Raises:
            Unauthenticated: nobody is signed in.
            Forbidden: the caller's role is not among those allowed.
        """
        if self.allows(caller):
            return
        if not caller.subject:
            raise Unauthenticated("sign in first: send a bearer token or the session cookie")
        raise Forbidden("your membership does not allow this", reason="membership")


PUBLIC = Access("public")
CUSTOMER = Access("customer")
PACKER = Access("store", frozenset(STORE_ROLES))
MANAGER = Access("store", frozenset(STORE_ROLES[1:]))
OWNER = Access("store", frozenset(STORE_ROLES[2:]))
SUPPLIER = Access("supplier", frozenset({"owner", "member"}))
SUPPLIER_OWNER = Access("supplier", frozenset({"owner"}))
OPERATOR = Access("operator", frozenset({"operator"}))

PREFIXES = {"manage": "store", "supply": "supplier", "operate": "operator"}
"""First segment of a path (behind `/api`) → the membership it needs."""


def kind_of_path(path: str) -> str:
    """The membership that a path needs: store, supplier, operator, or customer."""
    segments = [segment for segment in path.split("/") if segment]
    if segments[:1] == ["api"]:
        segments = segments[1:]
    return PREFIXES.get(segments[0], "customer") if segments else "customer"
