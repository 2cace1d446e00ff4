"""Enterprises: they apply, the union's operator decides, and approved ones open stores."""

from __future__ import annotations

from datetime import datetime

from msgspec.structs import replace

from mart_union.catalog.audit import add_audit
from mart_union.catalog.model import ENTERPRISE_STATES, Enterprise, Texts
from mart_union.catalog.naming import checked_names, checked_slug
from mart_union.catalog.tables import EnterpriseItem, enterprise_key
from mart_union.catalog.unions import mark_suspended
from mart_union.kernel.clock import iso, utc_now
from mart_union.kernel.errors import Conflict, Invalid, NotFound, RuleViolation
from mart_union.kernel.paging import Page, read_page
from mart_union.kernel.storage import find
from mart_union.kernel.transaction import WriteTransaction, refuse

_LONGEST_REGISTRATION = 40
_DECISIONS = {
    "applied": ("approved", "refused"),
    "approved": ("suspended",),
    "suspended": ("approved",),
    "refused": ("approved",),
}


def apply_enterprise(
    enterprise: str, names: Texts, registration: str, applicant: str, now: datetime | None = None
) -> Enterprise:
    """Apply for an enterprise to trade in the union. The same application again gives the first one back.

    Raises:
        Invalid: bad id, names or registration.
        Conflict: another enterprise has this id.
    """
    checked_slug(enterprise, "enterprise")
    checked_names(names)
    if not 0 < len(registration) <= _LONGEST_REGISTRATION:
        message = f"registration must have 1 to {_LONGEST_REGISTRATION} characters"
        raise Invalid(message, errors=[{"field": "registration", "reason": message}])
    made = Enterprise(enterprise, names, registration, applicant, "applied", iso(now or utc_now()))
    transaction = WriteTransaction()
    taken = refuse(Conflict, f"an enterprise called '{enterprise}' has applied already", enterprise=enterprise)
    transaction.create(_item(made), taken)
    try:
        transaction.commit()
    except Conflict:
        before = get_enterprise(enterprise)
        if replace(made, state=before.state, applied_at=before.applied_at, sequence=before.sequence) != before:
            raise
        return before
    return made


def get_enterprise(enterprise: str) -> Enterprise:
    """An enterprise as it is now.

    Raises:
        NotFound: there is none of this id.
    """
    item = find(EnterpriseItem, *enterprise_key(enterprise), consistent=True)
    if item is None:
        raise NotFound(f"there is no enterprise '{enterprise}'")
    return item.document


def list_enterprises(state: str, cursor: str = "", limit: int = 50) -> Page[Enterprise]:
    """The enterprises in a state, the earliest application first.

    Raises:
        Invalid: there is no such state, or the cursor is unknown.
    """
    if state not in ENTERPRISE_STATES:
        raise Invalid(
            f"state must be one of {', '.join(ENTERPRISE_STATES)}", errors=[{"field": "state", "reason": state}]
        )
    query = EnterpriseItem.listed.query
    page = read_page(query, f"ENTERPRISES#{state}", cursor=cursor, limit=limit, newest_first=False)
    return Page(tuple(item.document for item in page.items), page.next)


def decide_enterprise(enterprise: str, approve: bool, actor: str, now: datetime | None = None) -> Enterprise:
    """Approve or refuse an application; of an approved enterprise, `approve=False` suspends it: its stores sell nothing from then on, and
    their open orders go on. The same decision again changes nothing, and completes what was cut off.

    Raises:
        NotFound: there is no such enterprise.
        RuleViolation: the decision is not open in its state.
        Conflict: someone else decided at the same moment.
    """
    before = get_enterprise(enterprise)
    state = "approved" if approve else "refused" if before.state in {"applied", "refused"} else "suspended"
    if state == before.state:
        mark_suspended(f"enterprise/{enterprise}", state == "suspended", actor, now)
        return before
    if state not in _DECISIONS[before.state]:
        raise RuleViolation(f"an enterprise that is {before.state} cannot become {state}")
    mark_suspended(f"enterprise/{enterprise}", state == "suspended", actor, now)
    decided = replace(before, state=state, sequence=before.sequence + 1)
    transaction = WriteTransaction()
    transaction.put(
        _item(decided),
        condition=EnterpriseItem.sequence == before.sequence,
        refusal=refuse(Conflict, "someone else decided at the same moment; read again"),
    )
    add_audit(transaction, "union", actor, f"enterprise {state}", f"enterprise/{enterprise}", now or utc_now())
    transaction.commit()
    return decided


def _item(enterprise: Enterprise) -> EnterpriseItem:
    return EnterpriseItem(
        *enterprise_key(enterprise.id),
        document=enterprise,
        sequence=enterprise.sequence,
        listed_pk=f"ENTERPRISES#{enterprise.state}",
        listed_sk=f"{enterprise.applied_at}#{enterprise.id}",
    )
